//! How two versions of a frozen cohort differ, exactly: for the Trust's own people alone.

use std::collections::BTreeSet;

use flip_protocol::answer::Extract;
use serde::{Deserialize, Serialize};

use crate::engine::Members;

/// How a cohort differs from one frozen before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The generation and day before.
    pub from: Extract,
    /// The version before.
    pub from_version: u32,
    /// The generation and day after.
    pub to: Extract,
    /// Of persons.
    pub persons: Moves,
    /// Of accession ids.
    pub accessions: Moves,
}

/// How many stayed, came and went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// In both.
    pub kept: u64,
    /// In the later one alone.
    pub gained: u64,
    /// In the earlier one alone.
    pub lost: u64,
}

/// The difference of two cohorts.
pub fn between(from: (&Extract, u32, &Members), to: (&Extract, &Members)) -> Drift {
    let (before, after) = (from.2, to.1);
    let kept = before.persons.intersection_len(&after.persons);
    Drift {
        from: from.0.clone(),
        from_version: from.1,
        to: to.0.clone(),
        persons: Moves { kept, gained: after.persons.len() - kept, lost: before.persons.len() - kept },
        accessions: moves(&before.accessions, &after.accessions),
    }
}

fn moves(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Moves {
    let kept = before.intersection(after).count() as u64;
    Moves { kept, gained: after.len() as u64 - kept, lost: before.len() as u64 - kept }
}
