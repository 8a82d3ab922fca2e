//! Work orders: what a hub may ask of an appliance.

use serde::{Deserialize, Serialize};

/// The work in one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Count and describe the cohort that a question selects.
    CohortQuery {
        /// The query's name as the researcher gave it.
        name: String,
        /// PostgreSQL-style SQL over the OMOP CDM, at most [`crate::bounds::SQL_CHARACTERS`] characters.
        sql: String,
    },
}

impl Work {
    /// The kind's name, as in logs, pages and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CohortQuery { .. } => "cohort_query",
        }
    }
}
