//! A work order's life at the hub.
//!
//! ```text
//! queued ──▶ delivered ──▶ running ──▶ done | refused | failed
//!    │           │            │
//!    ├───────────┴────────────┴──────▶ not taken (the appliance would not have the message)
//!    ├───────────┴────────────┴──────▶ cancelled (here, or because whoever asked was disabled before it went out)
//!    └───────────────────────────────▶ expired
//! ```
//! An order that the appliance no longer lists, though it has not answered, goes back to queued: its journal was
//! lost. The appliance recognises an order by its id as long as it has its journal; one that enrolled again with an
//! empty journal runs the order anew, and the first answer stands.

mod kept;

use flip_protocol::UnixMillis;
use flip_protocol::answer::{CohortAnswer, CohortOutcome, Extract, Failed, Refused};
use flip_protocol::freeze::DropOutcome;
use flip_protocol::message::Unwelcome;
use flip_protocol::sync::Stage;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::shapes;

/// Where an order is. What each state holds is what is known then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case", try_from = "kept::Kept")]
pub enum OrderState {
    /// Waits at the hub.
    Queued,
    /// Durably stored at the appliance.
    Delivered {
        /// Since when.
        #[schema(value_type = shapes::Moment)]
        at: UnixMillis,
    },
    /// Being worked on.
    Running {
        /// Since when.
        #[schema(value_type = shapes::Moment)]
        at: UnixMillis,
    },
    /// Answered: a cohort at or above the Trust's threshold, or fewer.
    Done {
        /// Since when.
        #[schema(value_type = shapes::Moment)]
        at: UnixMillis,
        /// The answer.
        #[schema(value_type = shapes::Answer)]
        answer: Answer,
    },
    /// The Trust's gate did not let the question in.
    Refused {
        /// Since when.
        #[schema(value_type = shapes::Moment)]
        at: UnixMillis,
        /// Why.
        #[schema(value_type = shapes::Refused)]
        why: Refused,
    },
    /// Let in and not answered.
    Failed {
        /// Since when.
        #[schema(value_type = shapes::Moment)]
        at: UnixMillis,
        /// Why.
        #[schema(value_type = shapes::Failed)]
        why: Failed,
    },
    /// The appliance would not take the message.
    NotTaken {
        /// Since when.
        #[schema(value_type = shapes::Moment)]
        at: UnixMillis,
        /// Why.
        #[schema(value_type = shapes::Unwelcome)]
        why: Unwelcome,
    },
    /// Never answered within its life.
    Expired {
        /// Since when.
        #[schema(value_type = shapes::Moment)]
        at: UnixMillis,
    },
    /// Withdrawn here. What the appliance says of it any more is not looked at.
    Cancelled {
        /// Since when.
        #[schema(value_type = shapes::Moment)]
        at: UnixMillis,
    },
}

/// The answer of a done order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// At or above the Trust's threshold.
    Value(CohortAnswer),
    /// Fewer persons than the Trust's threshold.
    FewerThan {
        /// The threshold, in persons.
        threshold: u64,
        /// The extract that was asked.
        extract: Extract,
    },
    /// To an order to drop frozen cohorts: none of the query is kept at the Trust any more.
    Dropped {
        /// How many versions were dropped.
        versions: u32,
    },
}

impl OrderState {
    /// The state's name, as in the ledger, the API and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered { .. } => "delivered",
            Self::Running { .. } => "running",
            Self::Done { .. } => "done",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
            Self::NotTaken { .. } => "not_taken",
            Self::Expired { .. } => "expired",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// When it ended; `None` while something can still change.
    pub fn ended_at(&self) -> Option<UnixMillis> {
        match self {
            Self::Queued | Self::Delivered { .. } | Self::Running { .. } => None,
            Self::Done { at, .. }
            | Self::Refused { at, .. }
            | Self::Failed { at, .. }
            | Self::NotTaken { at, .. }
            | Self::Expired { at }
            | Self::Cancelled { at } => Some(*at),
        }
    }

    /// Since when it is known to be in this state at the appliance; `None` where it is not there.
    pub fn at_the_trust_since(&self) -> Option<UnixMillis> {
        match self {
            Self::Delivered { at } | Self::Running { at } => Some(*at),
            Self::Queued
            | Self::Done { .. }
            | Self::Refused { .. }
            | Self::Failed { .. }
            | Self::NotTaken { .. }
            | Self::Expired { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// How far [`Self::persons`] may be off, where the Trust gave a number that is not exact.
    pub fn persons_margin(&self) -> Option<u64> {
        let Self::Done { answer: Answer::Value(cohort), .. } = self else { return None };
        cohort.protection.map(|protection| protection.persons_margin)
    }

    /// The protected count of persons, where the Trust gave one.
    pub fn persons(&self) -> Option<u64> {
        match self {
            Self::Done { answer: Answer::Value(cohort), .. } => Some(cohort.persons),
            Self::Done { answer: Answer::FewerThan { .. } | Answer::Dropped { .. }, .. }
            | Self::Queued
            | Self::Delivered { .. }
            | Self::Running { .. }
            | Self::Refused { .. }
            | Self::Failed { .. }
            | Self::NotTaken { .. }
            | Self::Expired { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// True where nothing can change any more.
    pub fn ended(&self) -> bool {
        self.ended_at().is_some()
    }

    /// The appliance has durably stored the order.
    #[must_use]
    pub fn received(self, at: UnixMillis) -> Self {
        match self {
            Self::Queued => Self::Delivered { at },
            Self::Delivered { .. } | Self::Running { .. } => self,
            ended @ (Self::Done { .. }
            | Self::Refused { .. }
            | Self::Failed { .. }
            | Self::NotTaken { .. }
            | Self::Expired { .. }
            | Self::Cancelled { .. }) => ended,
        }
    }

    /// The appliance lists the order, this far on.
    #[must_use]
    pub fn held(self, stage: Stage, at: UnixMillis) -> Self {
        match stage {
            Stage::Waiting => self.received(at),
            Stage::Running | Stage::Answered => match self {
                Self::Queued | Self::Delivered { .. } => Self::Running { at },
                further @ (Self::Running { .. }
                | Self::Done { .. }
                | Self::Refused { .. }
                | Self::Failed { .. }
                | Self::NotTaken { .. }
                | Self::Expired { .. }
                | Self::Cancelled { .. }) => further,
            },
        }
    }

    /// The appliance does not list the order and has not answered it: its journal was lost.
    #[must_use]
    pub fn lost(self) -> Self {
        match self {
            Self::Queued | Self::Delivered { .. } | Self::Running { .. } => Self::Queued,
            ended @ (Self::Done { .. }
            | Self::Refused { .. }
            | Self::Failed { .. }
            | Self::NotTaken { .. }
            | Self::Expired { .. }
            | Self::Cancelled { .. }) => ended,
        }
    }

    /// The appliance would not take the message.
    #[must_use]
    pub fn not_taken(self, why: Unwelcome, at: UnixMillis) -> Self {
        if self.ended() { self } else { Self::NotTaken { at, why } }
    }

    /// The order's life is over.
    #[must_use]
    pub fn expired(self, at: UnixMillis) -> Self {
        if self.ended() { self } else { Self::Expired { at } }
    }

    /// Somebody here does not want it any more.
    #[must_use]
    pub fn cancelled(self, at: UnixMillis) -> Self {
        if self.ended() { self } else { Self::Cancelled { at } }
    }

    /// The appliance has dropped what an order asked it to, or could not.
    #[must_use]
    pub fn dropped(self, outcome: DropOutcome, at: UnixMillis) -> Self {
        match (self, outcome) {
            (ended @ (Self::Done { .. } | Self::Failed { .. }), _) => ended,
            (_, DropOutcome::Dropped { versions }) => Self::Done { at, answer: Answer::Dropped { versions } },
            (_, DropOutcome::NotDropped) => Self::Failed { at, why: Failed::Internal },
        }
    }

    /// The appliance answered. A first answer stands; an answer also revives an order that had expired here.
    #[must_use]
    pub fn answered(self, outcome: CohortOutcome, at: UnixMillis) -> Self {
        match self {
            Self::Done { .. } | Self::Refused { .. } | Self::Failed { .. } | Self::Cancelled { .. } => self,
            Self::Queued
            | Self::Delivered { .. }
            | Self::Running { .. }
            | Self::NotTaken { .. }
            | Self::Expired { .. } => match outcome {
                CohortOutcome::Value(answer) => Self::Done { at, answer: Answer::Value(answer) },
                CohortOutcome::FewerThan { threshold, extract } => {
                    Self::Done { at, answer: Answer::FewerThan { threshold, extract } }
                }
                CohortOutcome::Refused(why) => Self::Refused { at, why },
                CohortOutcome::Failed { reason } => Self::Failed { at, why: reason },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: UnixMillis = UnixMillis(5);

    #[test]
    fn an_order_goes_forward_and_back_only_when_its_journal_was_lost() {
        let delivered = OrderState::Queued.received(T);
        assert_eq!(delivered, OrderState::Delivered { at: T });
        let running = delivered.held(Stage::Running, T);
        assert_eq!(running.clone().received(UnixMillis(9)), running);
        assert_eq!(running.clone().lost(), OrderState::Queued);
        assert_eq!(OrderState::Queued.lost(), OrderState::Queued);
        let failed = running.answered(CohortOutcome::Failed { reason: Failed::Timeout }, T);
        assert_eq!(failed.clone().lost(), failed);
        assert_eq!(failed.clone().expired(T), failed);
    }

    #[test]
    fn what_was_cancelled_stays_so_whatever_the_appliance_says_of_it() {
        let cancelled = OrderState::Running { at: T }.cancelled(UnixMillis(7));
        assert_eq!(cancelled, OrderState::Cancelled { at: UnixMillis(7) });
        let late = CohortOutcome::Failed { reason: Failed::Timeout };
        assert_eq!(cancelled.clone().answered(late.clone(), T), cancelled);
        assert_eq!(cancelled.clone().received(T).held(Stage::Running, T).lost().expired(T), cancelled);
        let answered = OrderState::Queued.answered(late, T);
        assert_eq!(answered.clone().cancelled(T), answered);
    }

    #[test]
    fn the_first_answer_stands_and_a_late_one_beats_expiry() {
        let first = OrderState::Queued.answered(CohortOutcome::Failed { reason: Failed::Timeout }, T);
        assert_eq!(first.clone().answered(CohortOutcome::Failed { reason: Failed::NoData }, T), first);
        let expired = OrderState::Queued.expired(T);
        assert!(expired.ended());
        assert_eq!(expired.answered(CohortOutcome::Failed { reason: Failed::Timeout }, T), first);
    }
}
