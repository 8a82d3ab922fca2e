//! One query: what each Trust says, and the charts.

use serde::Serialize;

use super::{Answer, Frame, Moment, Place, TrustAnswer, sample};
use crate::{
    Page,
    chart::{Bar, Category, Chart},
};

/// A query and its combined answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Query {
    /// What surrounds it.
    pub frame: Frame,
    /// Its name.
    pub name: String,
    /// The question.
    pub sql: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Moment,
    /// Sum of the values; `None` where no Trust gave one.
    pub persons: Option<u64>,
    /// The asked Trusts, in the order they are to be shown.
    pub trusts: Vec<TrustAnswer>,
    /// The statistics, in the order they are to be shown.
    pub fields: Vec<Field>,
    /// Path of the answer as CSV, once there is one.
    pub csv_href: Option<String>,
    /// Path of the answer as JSON, once there is one.
    pub json_href: Option<String>,
    /// Seconds until the page asks again, while something is under way.
    pub refresh_seconds: Option<u32>,
}

/// One statistic of all Trusts that gave a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// One series per Trust.
    pub chart: Chart,
    /// True where at least one cell was folded into another or withheld.
    pub folded: bool,
}

impl Page for Query {
    const TEMPLATE: &'static str = "query.html";

    fn samples() -> Vec<Self> {
        let full = Self {
            frame: sample::frame(),
            name: "COPD since 2019".to_owned(),
            sql: sample::SQL.to_owned(),
            by: "r.okafor@flip.example".to_owned(),
            at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            persons: Some(1_234),
            trusts: every_answer(),
            fields: vec![columns(), nulls(), ages(), sexes()],
            csv_href: Some("/queries/5/answer.csv".to_owned()),
            json_href: Some("/queries/5/answer.json".to_owned()),
            refresh_seconds: None,
        };
        let waiting = Self {
            persons: None,
            trusts: vec![
                row("Northmoor University Hospitals", Answer::Running),
                row("Saltmarsh General", Answer::Delivered),
                row("Eastvale NHS Foundation Trust", Answer::Queued),
            ],
            fields: Vec::new(),
            csv_href: None,
            json_href: None,
            refresh_seconds: Some(2),
            ..full.clone()
        };
        let only_fewer = Self {
            trusts: vec![row("Northmoor University Hospitals", Answer::FewerThan { threshold: 10 })],
            refresh_seconds: None,
            ..waiting.clone()
        };
        let nobody = Self { trusts: Vec::new(), ..only_fewer.clone() };
        vec![full.clone(), waiting, only_fewer, nobody, many(full)]
    }
}

/// More Trusts than can be told apart by colour, and more categories than are drawn.
fn many(page: Query) -> Query {
    let trusts: Vec<_> = (1..=12).map(|number| format!("District {number} University Hospitals")).collect();
    let bars = |seed: u64| (1..=12).map(|trust| Bar::Count((seed * trust * 37) % 4_999 + 10)).collect();
    let categories = (1..=24)
        .map(|seed| Category { label: format!("Modality number {seed}"), bars: bars(seed) })
        .collect();
    let answer = Answer::Value { persons: 2_510, records: 4_999 };
    Query {
        persons: Some(30_120),
        trusts: trusts.iter().map(|trust| row(trust, answer.clone())).collect(),
        fields: vec![Field {
            chart: Chart {
                id: "modality".to_owned(),
                title: "Modality Distribution".to_owned(),
                unit: "images".to_owned(),
                series: trusts,
                categories,
            },
            folded: false,
        }],
        ..page
    }
}

fn row(trust: &str, answer: Answer) -> TrustAnswer {
    TrustAnswer { trust: trust.to_owned(), answer, extract_date: None, answered: None }
}

fn every_answer() -> Vec<TrustAnswer> {
    let answered = |trust: &str, answer, date: &str| TrustAnswer {
        extract_date: Some(date.to_owned()),
        answered: Some(sample::moment("2026-07-21T08:12:03Z", "4 minutes ago")),
        ..row(trust, answer)
    };
    vec![
        answered(
            "Northmoor University Hospitals",
            Answer::Value { persons: 822, records: 1_940 },
            "2026-06-30",
        ),
        answered("Saltmarsh General", Answer::Value { persons: 412, records: 731 }, "2026-07-14"),
        answered("Eastvale NHS Foundation Trust", Answer::FewerThan { threshold: 10 }, "2026-05-31"),
        answered(
            "Westbrook",
            Answer::Refused {
                message: "condition_start_date may not be compared at this Trust.".to_owned(),
                place: Some(Place { line: 7, column: 8 }),
            },
            "2026-07-01",
        ),
        answered(
            "Old Quay",
            Answer::Failed { why: "the question took longer than the Trust allows".to_owned() },
            "2026-07-01",
        ),
        row("Harbour Street", Answer::Running),
        row("Millfield", Answer::Delivered),
        row("St Aldate's", Answer::Queued),
        row(
            "Kingsferry",
            Answer::OfflineSince { since: sample::moment("2026-07-20T17:41:00Z", "15 hours ago") },
        ),
        row("Dunmere", Answer::NeverSeen),
        row("Thornhill", Answer::Expired { at: sample::moment("2026-07-14T08:12:03Z", "7 days ago") }),
    ]
}

fn field(id: &str, title: &str, unit: &str, cells: &[(&str, [Bar; 2])]) -> Field {
    Field {
        folded: cells.iter().any(|(_, bars)| bars.contains(&Bar::Withheld)),
        chart: Chart {
            id: id.to_owned(),
            title: title.to_owned(),
            unit: unit.to_owned(),
            series: vec!["Northmoor University Hospitals".to_owned(), "Saltmarsh General".to_owned()],
            categories: cells
                .iter()
                .map(|(label, bars)| Category { label: (*label).to_owned(), bars: bars.to_vec() })
                .collect(),
        },
    }
}

fn columns() -> Field {
    let both = |first, second| [Bar::Count(first), Bar::Count(second)];
    let cells = [
        ("person_id", both(1_940, 731)),
        ("gender_concept_id", both(1_902, 731)),
        ("condition_concept_id", both(1_940, 719)),
    ];
    field("counts", "Counts", "records", &cells)
}

fn nulls() -> Field {
    let both = |first, second| [Bar::Count(first), Bar::Count(second)];
    let cells = [
        ("person_id", both(0, 0)),
        ("gender_concept_id", both(38, 0)),
        ("condition_concept_id", [Bar::Count(0), Bar::Count(12)]),
    ];
    field("nulls", "Nulls", "records", &cells)
}

fn ages() -> Field {
    let both = |first, second| [Bar::Count(first), Bar::Count(second)];
    let cells = [
        ("0-9", [Bar::Withheld, Bar::Withheld]),
        ("10-19", [Bar::Withheld, Bar::Absent]),
        ("20-29", [Bar::Count(24), Bar::Withheld]),
        ("30-39", both(41, 18)),
        ("40-49", both(96, 37)),
        ("50-59", both(151, 88)),
        ("60-69", both(214, 120)),
        ("70-79", both(198, 101)),
        ("80-89", both(74, 35)),
        ("90+", [Bar::Count(12), Bar::Withheld]),
    ];
    field("ages", "Age Distribution", "persons", &cells)
}

fn sexes() -> Field {
    let cells =
        [("Female", [Bar::Count(390), Bar::Count(190)]), ("Male", [Bar::Count(432), Bar::Count(222)])];
    field("sexes", "Sex Distribution", "persons", &cells)
}
