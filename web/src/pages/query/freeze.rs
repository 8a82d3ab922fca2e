//! A query's cohort, kept at its Trusts.

use serde::Serialize;

use crate::pages::Moment;

/// The part of a query's page that is about freezing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Freeze {
    /// Where its button posts to; `None` while there is nothing to freeze, or a freeze is under way everywhere.
    pub action: Option<String>,
    /// What the Trusts that were told say.
    pub trusts: Vec<FrozenAt>,
}

/// One Trust's share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrozenAt {
    /// The Trust's name.
    pub trust: String,
    /// How far it is.
    pub state: FreezeState,
    /// When that came to its end.
    pub ended: Option<Moment>,
}

/// How far a freeze is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum FreezeState {
    /// The Trust has not said how it ended.
    Waiting,
    /// It keeps the cohort.
    Frozen {
        /// Name and version there, for example `f-3fa9c1d20b7e.v1`.
        cohort: String,
        /// The generation that it was frozen on.
        generation: String,
    },
    /// It keeps nothing.
    NotFrozen {
        /// Why, in a sentence.
        why: String,
    },
}

/// Samples.
pub(super) fn sample() -> Freeze {
    let at = |trust: &str, state, ended: bool| FrozenAt {
        trust: trust.to_owned(),
        state,
        ended: ended.then(|| crate::pages::sample::moment("2026-07-21T08:12:03Z", "4 minutes ago")),
    };
    Freeze {
        action: Some("/queries/5/freeze".to_owned()),
        trusts: vec![
            at(
                "Northmoor University Hospitals",
                FreezeState::Frozen {
                    cohort: "f-3fa9c1d20b7e.v1".to_owned(),
                    generation: "g-000003".to_owned(),
                },
                true,
            ),
            at("Saltmarsh General", FreezeState::Waiting, false),
            at(
                "Eastvale NHS Foundation Trust",
                FreezeState::NotFrozen { why: "the Trust's disk is full; nothing was kept".to_owned() },
                true,
            ),
        ],
    }
}
