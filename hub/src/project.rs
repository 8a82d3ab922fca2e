//! A project's life at the hub. Pure.
//!
//! ```text
//! unstaged ──stage──▶ staged ──the first Trust approves──▶ approved
//!     ▲                 │
//!     └──unstage────────┘   (the last Trust that it was staged at)
//! ```
//! What must stay true: a project is staged with one query, and at no Trust that gave it no number; each Trust that it is
//! staged at decides once, for itself; what a Trust approved is not changed under it. A Trust that declined, or has not
//! decided, can be taken out and staged again, and is then asked anew. From approved the way out is deletion alone.

use flip_protocol::{PartyId, UnixMillis};
use uuid::Uuid;

use crate::order::{Answer, OrderState};

/// Where a project is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// Questions are asked in it.
    Unstaged,
    /// Its newest query waits for the decisions of these Trusts, of which none has approved.
    Staged(Staged),
    /// At least one of them has.
    Approved(Staged),
}

/// What a project is staged with, and where. Never nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The query whose cohort the Trusts decide about.
    pub query: Uuid,
    /// Each Trust that it is staged at.
    pub trusts: Vec<StagedAt>,
}

/// One Trust that a project is staged at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedAt {
    /// The Trust.
    pub trust: PartyId,
    /// When it was staged there.
    pub at: UnixMillis,
    /// By whom: a sign-in name at that moment.
    pub by: String,
    /// What the Trust decided; `None` while it has not.
    pub decision: Option<Decision>,
}

/// What was decided for one Trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What.
    pub verdict: Verdict,
    /// When.
    pub at: UnixMillis,
    /// By whom: a sign-in name at that moment.
    pub by: String,
    /// As what they decided.
    pub capacity: Capacity,
    /// Why; may be empty where it was approved.
    pub reason: String,
}

/// A decision's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The cohort may be frozen there.
    Approved,
    /// It may not.
    Declined,
}

/// As what somebody decides for a Trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// As the Trust's own admin.
    TrustAdmin,
    /// As an admin of the hub, for a Trust without an admin of its own.
    Admin,
}

impl Verdict {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Approved, Self::Declined];

    /// As in the ledger, the API and pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
        }
    }
}

impl Capacity {
    /// Both.
    pub const ALL: [Self; 2] = [Self::TrustAdmin, Self::Admin];

    /// As in the ledger, the API and pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::TrustAdmin => "trust-admin",
            Self::Admin => "admin",
        }
    }
}

/// Why a project cannot be staged at a Trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// The query was not asked there.
    NotAsked,
    /// It has not answered yet.
    Pending,
    /// It has fewer persons than its threshold, perhaps none.
    FewerThan(u64),
    /// Its gate, its quota or somebody there refused the question.
    Refused(String),
    /// It could not answer.
    Failed(&'static str),
    /// Its appliance would not take the order.
    NotTaken,
    /// It did not answer within the order's life.
    Expired,
    /// The question was cancelled before it answered.
    Cancelled,
}

impl Unusable {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Pending => "pending",
            Self::FewerThan(_) => "fewer_than",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::NotTaken => "not_taken",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// A sentence for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::NotAsked => "the query was not asked there; ask it again".to_owned(),
            Self::Pending => "it has not answered yet".to_owned(),
            Self::FewerThan(threshold) => format!("it has fewer than {threshold} such persons"),
            Self::Refused(why) => format!("it refused the query: {why}"),
            Self::Failed(why) => format!("it could not answer: {why}"),
            Self::NotTaken => "its appliance would not take the query".to_owned(),
            Self::Expired => "it did not answer within a week; ask the query again".to_owned(),
            Self::Cancelled => "the query was cancelled before it answered; ask it again".to_owned(),
        }
    }
}

/// Whether a project can be staged at a Trust, by its share of the newest query; `None` where it was not asked.
pub fn usable(share: Option<&OrderState>) -> Result<(), Unusable> {
    match share {
        // A question is never answered as an order to drop is.
        None | Some(OrderState::Done { answer: Answer::Dropped { .. }, .. }) => Err(Unusable::NotAsked),
        Some(OrderState::Queued | OrderState::Delivered { .. } | OrderState::Running { .. }) => {
            Err(Unusable::Pending)
        }
        Some(OrderState::Done { answer: Answer::Value(_), .. }) => Ok(()),
        Some(OrderState::Done { answer: Answer::FewerThan { threshold, .. }, .. }) => {
            Err(Unusable::FewerThan(*threshold))
        }
        Some(OrderState::Refused { why, .. }) => Err(Unusable::Refused(why.message.clone())),
        Some(OrderState::Failed { why, .. }) => Err(Unusable::Failed(why.sentence())),
        Some(OrderState::NotTaken { .. }) => Err(Unusable::NotTaken),
        Some(OrderState::Expired { .. }) => Err(Unusable::Expired),
        Some(OrderState::Cancelled { .. }) => Err(Unusable::Cancelled),
    }
}

/// Why a project does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Nothing was asked in it.
    NoQuery,
    /// No Trust is named.
    NoTrusts,
    /// These cannot be staged at; nothing was.
    Unusable(Vec<(PartyId, Unusable)>),
    /// It is staged there already.
    AlreadyStaged(PartyId),
    /// It is not staged there, or not any more.
    NotStaged(PartyId),
    /// It was staged anew with another query since that was looked at.
    OtherQuery,
    /// That Trust has decided.
    Decided(PartyId, Decision),
}

impl Lifecycle {
    /// The state's name, as in the ledger and the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unstaged => "unstaged",
            Self::Staged(_) => "staged",
            Self::Approved(_) => "approved",
        }
    }

    /// What it is staged with, and where.
    pub fn staged(&self) -> Option<&Staged> {
        match self {
            Self::Unstaged => None,
            Self::Staged(staged) | Self::Approved(staged) => Some(staged),
        }
    }

    /// True where questions may be asked in it, and its name and description changed: nobody decides about it.
    pub fn is_open(&self) -> bool {
        self.staged().is_none()
    }

    fn of(staged: Staged) -> Self {
        let approves =
            |at: &StagedAt| at.decision.as_ref().is_some_and(|made| made.verdict == Verdict::Approved);
        if staged.trusts.is_empty() {
            Self::Unstaged
        } else if staged.trusts.iter().any(approves) {
            Self::Approved(staged)
        } else {
            Self::Staged(staged)
        }
    }

    /// Stages it at more Trusts: with the newest query where it is at none yet, else with the one that it is staged with.
    /// `share` gives a Trust's share of that query.
    pub fn stage(
        self,
        newest: Option<Uuid>,
        wanted: &[PartyId],
        share: impl Fn(Uuid, PartyId) -> Option<OrderState>,
        by: &str,
        at: UnixMillis,
    ) -> Result<Self, Refused> {
        let mut staged = match self {
            Self::Unstaged => Staged { query: newest.ok_or(Refused::NoQuery)?, trusts: Vec::new() },
            Self::Staged(staged) | Self::Approved(staged) => staged,
        };
        if wanted.is_empty() {
            return Err(Refused::NoTrusts);
        }
        let mut unusable = Vec::new();
        for trust in wanted.iter().copied() {
            if staged.trusts.iter().any(|at| at.trust == trust) {
                return Err(Refused::AlreadyStaged(trust));
            }
            match usable(share(staged.query, trust).as_ref()) {
                Ok(()) => staged.trusts.push(StagedAt { trust, at, by: by.to_owned(), decision: None }),
                Err(why) => unusable.push((trust, why)),
            }
        }
        if unusable.is_empty() { Ok(Self::of(staged)) } else { Err(Refused::Unusable(unusable)) }
    }

    /// Takes it out of Trusts that have not approved; out of all of them where none is named.
    pub fn unstage(self, wanted: &[PartyId]) -> Result<Self, Refused> {
        let mut staged = match self {
            Self::Unstaged => {
                return Err(wanted.first().map_or(Refused::NoTrusts, |one| Refused::NotStaged(*one)));
            }
            Self::Staged(staged) | Self::Approved(staged) => staged,
        };
        let every: Vec<PartyId> = staged.trusts.iter().map(|at| at.trust).collect();
        for trust in if wanted.is_empty() { every.as_slice() } else { wanted } {
            let found = staged.trusts.iter().position(|at| at.trust == *trust);
            let at = found.ok_or(Refused::NotStaged(*trust))?;
            let made = staged.trusts[at].decision.as_ref();
            if let Some(made) = made.filter(|made| made.verdict == Verdict::Approved) {
                return Err(Refused::Decided(*trust, made.clone()));
            }
            staged.trusts.remove(at);
        }
        Ok(Self::of(staged))
    }

    /// Decides for one Trust about the cohort of `query`.
    pub fn decide(self, trust: PartyId, query: Uuid, decision: Decision) -> Result<Self, Refused> {
        let mut staged = match self {
            Self::Unstaged => return Err(Refused::NotStaged(trust)),
            Self::Staged(staged) | Self::Approved(staged) => staged,
        };
        let at = staged.trusts.iter_mut().find(|at| at.trust == trust).ok_or(Refused::NotStaged(trust))?;
        if let Some(made) = &at.decision {
            return Err(Refused::Decided(trust, made.clone()));
        }
        if staged.query != query {
            return Err(Refused::OtherQuery);
        }
        at.decision = Some(decision);
        Ok(Self::of(staged))
    }
}

#[cfg(test)]
mod tests;
