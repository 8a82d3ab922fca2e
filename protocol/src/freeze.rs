//! What a Trust says to an order to freeze a cohort.
//!
//! What must stay true: beside the protected answer, which is the very answer that the question gets, nothing here is
//! about persons: a name, a version, a generation and a seal that tells nothing to who does not hold the Trust's
//! secret.

use serde::{Deserialize, Serialize};

use crate::answer::CohortOutcome;

/// The outcome of an order to freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeOutcome {
    /// What the same question gets as an answer.
    pub cohort: CohortOutcome,
    /// Whether the cohort was frozen.
    pub freezing: Freezing,
}

/// Whether a cohort was frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Freezing {
    /// It is kept at the Trust.
    Frozen(Frozen),
    /// Nothing is kept.
    NotFrozen {
        /// Why.
        reason: NotFrozen,
    },
}

/// The outcome of an order to drop frozen cohorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DropOutcome {
    /// None of the query is kept at the Trust any more.
    Dropped {
        /// How many versions this order dropped; the Trust may have dropped some before, or kept none.
        versions: u32,
    },
    /// At least one is still kept; the Trust's own log has the details.
    NotDropped,
}

/// A frozen cohort, as the hub knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// Its name at the Trust, such as `f-3fa9c1d20b7e`.
    pub cohort: String,
    /// Its version, from 1.
    pub version: u32,
    /// The data generation that it was frozen on.
    pub generation: String,
    /// HMAC-SHA-256 of all that was frozen, keyed with a secret of the Trust, in hexadecimal. With it a Trust can show
    /// later that what it keeps is what it froze.
    pub seal: String,
}

/// Why nothing was frozen. Closed, so that no record-level value can ride in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotFrozen {
    /// The answer is no cohort at or above the threshold.
    NoCohort,
    /// The Trust's disk is full.
    DiskFull,
    /// The cohort is larger than the Trust can freeze.
    TooLarge,
    /// So many questions and freezes were asked for in a week that the Trust takes no more.
    QuotaSpent,
    /// Somebody at the Trust has ended the order.
    EndedHere,
    /// Anything else; the Trust's own log has the details.
    Failed,
}

impl Freezing {
    /// The state's name, as in the ledger and the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Frozen(_) => "frozen",
            Self::NotFrozen { .. } => "not_frozen",
        }
    }
}

impl NotFrozen {
    /// A sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoCohort => "the answer is no cohort that may be frozen",
            Self::DiskFull => "the Trust's disk is full; nothing was kept",
            Self::TooLarge => "the cohort is larger than the Trust can freeze",
            Self::QuotaSpent => {
                "the project, or all of them, have asked for as much as the Trust takes in a week"
            }
            Self::EndedHere => "somebody at the Trust has ended the freeze; nothing was kept",
            Self::Failed => "the cohort could not be frozen; the Trust's own log has the details",
        }
    }
}
