//! Every question of a project, with what changed from one to the next.

use serde::Serialize;

use super::{Answer, Frame, Pager, QueryRow, Tally, sample};
use crate::Page;

/// The page at `/projects/{project}/queries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectHistory {
    /// What surrounds it.
    pub frame: Frame,
    /// The project's name.
    pub name: String,
    /// Path of its page.
    pub href: String,
    /// The questions, the newest first.
    pub questions: Vec<Question>,
    /// Words of the name or the SQL that are looked for; empty for all. It is the field `search`.
    pub search: String,
    /// Where the list goes on.
    pub pager: Pager,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// As in the list of queries.
    pub row: QueryRow,
    /// Its text.
    pub sql: String,
    /// That it is the one that counts: `the newest`, or `staged`.
    pub current: Option<String>,
    /// Its text beside that of the one asked before it; empty where there is none, or they are the same.
    pub changes: Vec<Change>,
    /// Path of the form that asks it again as a new one; `None` where nothing may be asked.
    pub again_href: Option<String>,
}

/// One line of two texts beside each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `+` for a line that came, `-` for one that went, a space for one that stayed.
    pub sign: String,
    /// The line.
    pub line: String,
}

impl Page for ProjectHistory {
    const TEMPLATE: &'static str = "project_history.html";

    fn samples() -> Vec<Self> {
        let question = |id: u64, current: Option<&str>, changes| Question {
            row: QueryRow {
                href: format!("/queries/{id}"),
                name: "Nodules since 2019".to_owned(),
                project: "Lung nodules on chest CT".to_owned(),
                project_href: "/projects/2".to_owned(),
                by: "r.okafor@flip.example".to_owned(),
                at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
                tally: Tally::of(&[Answer::Running]),
                persons: None,
                margin: None,
            },
            sql: sample::SQL.to_owned(),
            current: current.map(str::to_owned),
            changes,
            again_href: Some(format!("/queries/new?project=2&again={id}")),
        };
        let change = |sign: &str, line: &str| Change { sign: sign.to_owned(), line: line.to_owned() };
        let changes = vec![
            change(" ", "SELECT p.person_id"),
            change("-", "WHERE c.condition_start_date >= DATE '2015-01-01'"),
            change("+", "WHERE c.condition_start_date >= DATE '2019-01-01'"),
        ];
        let full = Self {
            frame: sample::frame(),
            name: "Lung nodules on chest CT".to_owned(),
            href: "/projects/2".to_owned(),
            questions: vec![question(2, Some("staged"), changes), question(1, None, Vec::new())],
            search: String::new(),
            pager: sample::pager("/projects/2/queries"),
        };
        let empty = Self { questions: Vec::new(), pager: Pager::default(), ..full.clone() };
        let none = Self { search: "201826".to_owned(), ..empty.clone() };
        vec![full, empty, none]
    }
}
