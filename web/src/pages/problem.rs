//! Something went wrong, in words.

use serde::Serialize;

use super::{Frame, sample};
use crate::Page;

/// An error page, for hub and appliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What surrounds it.
    pub frame: Frame,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, in a few words.
    pub title: String,
    /// What to do about it, in a sentence or two.
    pub detail: String,
}

impl Page for Problem {
    const TEMPLATE: &'static str = "problem.html";

    fn samples() -> Vec<Self> {
        vec![
            Self {
                frame: sample::frame(),
                status: 404,
                title: "There is no such query".to_owned(),
                detail: "It may have been asked by somebody else. Your own queries are under Queries."
                    .to_owned(),
            },
            Self {
                frame: sample::stranger(),
                status: 503,
                title: "The ledger is busy".to_owned(),
                detail: "Nothing was changed. Try again in a moment.".to_owned(),
            },
        ]
    }
}
