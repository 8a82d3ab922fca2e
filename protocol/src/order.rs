//! Work orders and their results: the bodies of messages, as JSON.

use serde::{Deserialize, Serialize};

use crate::answer::CohortOutcome;
use crate::freeze::{DropOutcome, FreezeOutcome};
use crate::ident::{MessageId, ProjectId, QueryId};

/// The work in one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Count and describe the cohort that a question selects.
    CohortQuery {
        /// The query's name as the researcher gave it.
        name: String,
        /// PostgreSQL-style SQL over the OMOP CDM, at most [`crate::bounds::SQL_CHARACTERS`] characters.
        sql: String,
        /// What it is asked for; `None` from a hub that knows no projects, whose questions then share one quota.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectId>,
    },
    /// Answer the question once more, and keep the cohort that it selects at the Trust.
    FreezeCohort {
        /// The query's name as the researcher gave it.
        name: String,
        /// The question, as in [`Work::CohortQuery`].
        sql: String,
        /// What the cohort is frozen for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectId>,
        /// The hub's query. Several freezes of one query are versions of one frozen cohort.
        query: QueryId,
    },
    /// Keep no frozen cohort of a query any more, of whatever version: what it was frozen for is gone.
    DropFreeze {
        /// The query's name as the researcher gave it.
        name: String,
        /// What its cohorts were frozen for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectId>,
        /// The hub's query.
        query: QueryId,
    },
}

/// What came of one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderResult {
    /// The order.
    pub order: MessageId,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The outcome of an order, by the kind of its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "answer", rename_all = "snake_case")]
pub enum Outcome {
    /// Of a [`Work::CohortQuery`].
    CohortQuery(CohortOutcome),
    /// Of a [`Work::FreezeCohort`].
    FreezeCohort(FreezeOutcome),
    /// Of a [`Work::DropFreeze`].
    DropFreeze(DropOutcome),
}

impl Work {
    /// The kind's name, as in logs, pages and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CohortQuery { .. } => "cohort_query",
            Self::FreezeCohort { .. } => "freeze_cohort",
            Self::DropFreeze { .. } => "drop_freeze",
        }
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        match self {
            Self::CohortQuery { name, .. }
            | Self::FreezeCohort { name, .. }
            | Self::DropFreeze { name, .. } => name,
        }
    }
}
