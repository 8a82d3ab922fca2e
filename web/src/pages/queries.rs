//! All queries, newest first.

use serde::Serialize;

use super::{Answer, Frame, Moment, Pager, ProjectChoice, Rule, Tally, sample};
use crate::Page;

/// The list at `/queries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Queries {
    /// What surrounds it.
    pub frame: Frame,
    /// The queries, newest first.
    pub queries: Vec<QueryRow>,
    /// The projects that the list can be narrowed to, with one for all; it is the field `project`.
    pub projects: Vec<ProjectChoice>,
    /// Words of the name or the SQL that are looked for; empty for all. It is the field `search`.
    pub search: String,
    /// Path of the form to ask; `None` where the person may ask nowhere.
    pub ask_href: Option<String>,
    /// Seconds until the page asks again, while something is under way.
    pub refresh_seconds: Option<u32>,
    /// Where the list goes on.
    pub pager: Pager,
}

/// One query of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueryRow {
    /// Path of its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Its project's name.
    pub project: String,
    /// Path of that project's page.
    pub project_href: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Moment,
    /// How many Trusts gave which answer.
    pub tally: Tally,
    /// Sum of the values; `None` where no Trust gave one.
    pub persons: Option<u64>,
    /// How far that is from the exact sum; `None` where it is exact.
    pub margin: Option<u64>,
}

impl Page for Queries {
    const TEMPLATE: &'static str = "queries.html";

    fn samples() -> Vec<Self> {
        let row = |id: u64, name: &str, answers: &[Answer], persons| QueryRow {
            href: format!("/queries/{id}"),
            name: name.to_owned(),
            project: "Lung nodules on chest CT".to_owned(),
            project_href: "/projects/2".to_owned(),
            by: "r.okafor@flip.example".to_owned(),
            at: sample::moment(&format!("2026-07-21T{:02}:12:03Z", 8 + id), &format!("{} hours ago", 7 - id)),
            tally: Tally::of(answers),
            persons,
            margin: persons.map(|persons| persons / 40),
        };
        let value = Answer::Value { persons: 617, records: 700, margins: None };
        let away = Answer::OfflineSince { since: sample::moment("2026-07-20T10:00:00Z", "1 day ago") };
        let queries = vec![
            row(5, "COPD since 2019", &[value.clone(), Answer::Running, Answer::Queued], Some(617)),
            row(4, "Chest CT with contrast, adults", &[value.clone(), value.clone(), away], Some(1_234)),
            row(
                3,
                "Glioma under 40",
                &[Answer::FewerThan { threshold: 10 }, value.clone(), value.clone()],
                Some(1_234),
            ),
            row(
                2,
                "Metformin and eGFR below 45, first measurement after exposure",
                &[
                    Answer::Refused { rule: Rule::Gate, message: String::new(), place: None },
                    Answer::Failed { why: String::new() },
                ],
                None,
            ),
            row(1, "All persons", &[value.clone(), value.clone(), value], Some(1_851_000)),
        ];
        let full = Self {
            frame: sample::frame(),
            queries,
            projects: sample::projects(),
            search: String::new(),
            ask_href: Some("/queries/new".to_owned()),
            refresh_seconds: Some(5),
            pager: sample::pager("/queries"),
        };
        let empty =
            Self { queries: Vec::new(), refresh_seconds: None, pager: Pager::default(), ..full.clone() };
        let viewers = Self { projects: Vec::new(), ask_href: None, ..empty.clone() };
        let none = Self { search: "201826".to_owned(), ..empty.clone() };
        vec![full, empty, viewers, none]
    }
}
