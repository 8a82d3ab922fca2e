//! Asking a question.

use serde::Serialize;

use super::{Frame, Place, ProjectChoice, sample};
use crate::Page;

/// The form that posts `name`, `project` and `sql` to `/queries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueryNew {
    /// What surrounds it.
    pub frame: Frame,
    /// The projects that the person may ask in; without any there is no form.
    pub projects: Vec<ProjectChoice>,
    /// The query's name as typed so far.
    pub name: String,
    /// The question as typed so far.
    pub sql: String,
    /// Characters that a question may have at most.
    pub sql_characters_max: u64,
    /// Why the question, as typed, cannot be asked.
    pub refusal: Option<Refusal>,
}

/// Why a question cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What is wrong and what to write instead.
    pub message: String,
    /// Where in the question, where known.
    pub place: Option<Place>,
}

impl Page for QueryNew {
    const TEMPLATE: &'static str = "query_new.html";

    fn samples() -> Vec<Self> {
        let empty = Self {
            frame: sample::frame(),
            projects: sample::projects(),
            name: String::new(),
            sql: String::new(),
            sql_characters_max: 10_240,
            refusal: None,
        };
        let refused = Self {
            name: "COPD since 2019".to_owned(),
            sql: sample::SQL.replace("omop.person AS", "public.person AS"),
            refusal: Some(Refusal {
                message: "The schema public is not available. Write omop.person instead.".to_owned(),
                place: Some(Place { line: 4, column: 8 }),
            }),
            ..empty.clone()
        };
        let nowhere = Self {
            sql: "SELECT person_id FROM omop.person;".to_owned(),
            refusal: Some(Refusal { message: "Give the query a name.".to_owned(), place: None }),
            ..empty.clone()
        };
        let past_the_end = Self {
            sql: "SELECT person_id FROM".to_owned(),
            refusal: Some(Refusal {
                message: "The question ends where a table was expected.".to_owned(),
                place: Some(Place { line: 1, column: 22 }),
            }),
            ..empty.clone()
        };
        let viewers = Self { projects: Vec::new(), ..empty.clone() };
        vec![empty, refused, nowhere, past_the_end, viewers]
    }
}
