//! What the Trust has let out in all: budgets of its persons, quotas of projects, cohorts that are alike.

use serde::Serialize;

use crate::{
    Page,
    pages::{Frame, Moment, sample},
};

/// The page at `/disclosure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteDisclosure {
    /// What surrounds it.
    pub frame: Frame,
    /// The use of budgets; `None` where counts are exact and nothing is charged.
    pub budgets: Option<Budgets>,
    /// New questions that a project may ask in a week.
    pub quota: u64,
    /// Projects that asked new questions in the last week, the busiest first.
    pub projects: Vec<ProjectUse>,
    /// Cohorts that are nearly those of earlier questions, the newest first.
    pub alerts: Vec<Alike>,
}

/// How far the persons' budgets are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Budgets {
    /// Persons in the data in use; `None` where there are none.
    pub persons: Option<u64>,
    /// Persons who were in an answer.
    pub charged: u64,
    /// Persons whose budget is used up, and who are left out of answers.
    pub left_out: u64,
}

/// One project's new questions in the last week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectUse {
    /// The project's id.
    pub project: String,
    /// How many.
    pub asked: u64,
}

/// A question whose cohort is nearly that of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alike {
    /// When it was asked.
    pub at: Moment,
    /// For which project.
    pub project: String,
    /// In which words.
    pub question: String,
    /// When the nearest earlier one was asked.
    pub earlier_at: Moment,
    /// For which project.
    pub earlier_project: String,
    /// In which words.
    pub earlier_question: String,
    /// Persons who are in one of the two and not in the other.
    pub differ: u64,
    /// How many earlier cohorts are as near.
    pub alike: u64,
}

impl Page for SiteDisclosure {
    const TEMPLATE: &'static str = "site_disclosure.html";

    fn samples() -> Vec<Self> {
        let project = |project: &str, asked| ProjectUse { project: project.to_owned(), asked };
        let alike = Alike {
            at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            project: "01990000-0000-7000-8000-000000000001".to_owned(),
            question: "SELECT person_id FROM person\nWHERE year_of_birth > 1960 AND person_id = person_id"
                .to_owned(),
            earlier_at: sample::moment("2026-07-21T08:10:00Z", "6 minutes ago"),
            earlier_project: "01990000-0000-7000-8000-000000000001".to_owned(),
            earlier_question: "SELECT person_id FROM person\nWHERE year_of_birth > 1960".to_owned(),
            differ: 1,
            alike: 3,
        };
        let full = Self {
            frame: sample::site(),
            budgets: Some(Budgets { persons: Some(104_210), charged: 88_120, left_out: 212 }),
            quota: 100,
            projects: vec![
                project("01990000-0000-7000-8000-000000000001", 97),
                project("01990000-0000-7000-8000-000000000002", 3),
            ],
            alerts: vec![alike.clone(), Alike { differ: 0, alike: 1, ..alike }],
        };
        let quiet = Self {
            budgets: Some(Budgets { persons: None, charged: 0, left_out: 0 }),
            projects: Vec::new(),
            alerts: Vec::new(),
            ..full.clone()
        };
        let exact = Self { budgets: None, ..quiet.clone() };
        vec![full, quiet, exact]
    }
}
