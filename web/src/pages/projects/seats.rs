//! How a project stands at its Trusts.

use serde::Serialize;

use crate::pages::{FreezeState, Moment, sample};

/// A project at one Trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seat {
    /// The Trust's name.
    pub trust: String,
    /// The Trust's id, which forms send.
    pub id: String,
    /// Persons that it gave as the answer to the query; `None` where it gave no number.
    pub persons: Option<u64>,
    /// How far that may be off; `None` where it is exact.
    pub margin: Option<u64>,
    /// Why the project cannot be staged there; `None` where it can be or is.
    pub why_not: Option<String>,
    /// That it is staged there.
    pub staged: Option<StagedAt>,
    /// Who decides, such as `its own admin`.
    pub decides: String,
    /// True where the person may stage it there now.
    pub may_stage: bool,
    /// True where the person may take it out there now.
    pub may_unstage: bool,
    /// Set where the person may decide now.
    pub decide: Option<Decide>,
    /// How far the freeze of its cohort is; `None` where none was ordered.
    pub freeze: Option<FreezeState>,
    /// What has changed at the Trust since; `None` where nothing is known to have.
    pub drift: Option<String>,
}

/// That a project is staged at a Trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StagedAt {
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: String,
    /// What was decided.
    pub decision: Option<Decided>,
}

/// What was decided for a Trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// Approved, or else declined.
    pub approved: bool,
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: String,
    /// As what: `trust-admin` or `admin`.
    pub capacity: String,
    /// Why; may be empty.
    pub reason: String,
}

/// The two forms that decide: they post `query`, `decision` and `reason`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decide {
    /// Where they post to.
    pub action: String,
    /// The query that is decided about.
    pub query: String,
}

/// Samples: one for each way that a project can stand.
pub(in crate::pages) fn samples() -> Vec<Seat> {
    let bare = Seat {
        trust: "Northmoor University Hospitals".to_owned(),
        id: "1".to_owned(),
        persons: Some(820),
        margin: Some(35),
        why_not: None,
        staged: None,
        decides: "its own admin".to_owned(),
        may_stage: true,
        may_unstage: false,
        decide: None,
        freeze: None,
        drift: None,
    };
    let at = || sample::moment("2026-07-21T08:12:03Z", "4 minutes ago");
    let staged = |decision| Some(StagedAt { at: at(), by: "r.okafor@flip.example".to_owned(), decision });
    let decided = |approved, reason: &str| Decided {
        approved,
        at: at(),
        by: "i.fernandez@flip.example".to_owned(),
        capacity: "trust-admin".to_owned(),
        reason: reason.to_owned(),
    };
    let not = Seat {
        trust: "Eastvale NHS Foundation Trust".to_owned(),
        persons: None,
        margin: None,
        why_not: Some("it has fewer than 10 such persons".to_owned()),
        may_stage: false,
        ..bare.clone()
    };
    let waiting = Seat {
        trust: "Saltmarsh General".to_owned(),
        staged: staged(None),
        may_stage: false,
        may_unstage: true,
        decides: "an admin of the hub".to_owned(),
        decide: Some(Decide { action: "/projects/2/trusts/3/decision".to_owned(), query: "5".to_owned() }),
        ..bare.clone()
    };
    let approved = Seat {
        trust: "Hollybrook Infirmary".to_owned(),
        staged: staged(Some(decided(true, ""))),
        may_stage: false,
        freeze: Some(FreezeState::Frozen {
            cohort: "f-3fa9c1d20b7e.v1".to_owned(),
            generation: "g-000003".to_owned(),
        }),
        drift: Some("its data are g-000004 of 2026-07-20 now".to_owned()),
        ..bare.clone()
    };
    let declined = Seat {
        trust: "Westering Hospital".to_owned(),
        staged: staged(Some(decided(false, "another study has these patients"))),
        may_stage: false,
        ..bare.clone()
    };
    vec![bare, not, waiting, approved, declined]
}
