//! Per-Trust answers to one combined result. Pure.
//!
//! What must stay true: a Trust's share is a typed state, never a bare zero; a total says of how many Trusts it is;
//! numbers of different Trusts stand side by side, and only persons and records are added up; a sum of inexact counts
//! says how inexact it is.

mod fields;

use flip_protocol::answer::{Extract, Failed, Place, Protection};
use flip_protocol::message::Unwelcome;
use flip_protocol::{PartyId, UnixMillis};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ledger::queries::Asked;
use crate::order::{Answer, OrderState};
use crate::presence::Link;
use crate::shapes;

pub use fields::{CombinedField, Series, SeriesCell, ends};

/// One Trust's share of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Share {
    /// The Trust.
    #[schema(value_type = uuid::Uuid)]
    pub trust: PartyId,
    /// Its name.
    #[schema(example = "Southmere Hospital")]
    pub trust_name: String,
    /// When its share came to an end, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shapes::Moment>, nullable = false)]
    pub ended: Option<UnixMillis>,
    /// What it said, or why it has not.
    #[serde(flatten)]
    pub said: Said,
}

/// What a Trust said, or why it has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Said {
    /// A cohort at or above the Trust's threshold.
    Value {
        /// Distinct persons.
        #[schema(example = 540)]
        persons: u64,
        /// Rows.
        #[schema(example = 1_210)]
        records: u64,
        /// The Trust's threshold, in persons.
        #[schema(example = 10)]
        threshold: u64,
        /// How far the counts are from the exact ones; absent where they are exact.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<shapes::Protection>, nullable = false)]
        protection: Option<Protection>,
        /// The extract it was asked of.
        #[schema(value_type = shapes::Extract)]
        extract: Extract,
    },
    /// Fewer persons than the Trust's threshold, perhaps none.
    FewerThan {
        /// The threshold, in persons.
        #[schema(example = 10)]
        threshold: u64,
        /// The extract it was asked of.
        #[schema(value_type = shapes::Extract)]
        extract: Extract,
    },
    /// Not let in by the Trust's gate.
    Refused {
        /// The stable code.
        #[schema(example = "table_not_allowed")]
        code: String,
        /// What is wrong and what to write instead.
        #[schema(example = "the table is not one of OMOP's")]
        message: String,
        /// Where in the question.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<shapes::Place>, nullable = false)]
        place: Option<Place>,
    },
    /// Let in, and not answered.
    Failed {
        /// The stable code.
        #[schema(value_type = shapes::Failed)]
        reason: Failed,
        /// The same in words.
        #[schema(example = "the question took longer than the Trust allows")]
        message: &'static str,
    },
    /// The appliance would not take the order.
    NotTaken {
        /// The stable code.
        #[schema(value_type = shapes::Unwelcome)]
        reason: Unwelcome,
        /// The same in words.
        #[schema(example = "the table is not one of OMOP's")]
        message: String,
    },
    /// No answer yet; the Trust is online.
    NotYet {
        /// How far: `queued`, `delivered` or `running`.
        #[schema(example = "queued")]
        stage: &'static str,
    },
    /// No answer yet; the Trust is not there.
    Offline {
        /// Since when, in milliseconds since 1970; absent where it was never there.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<shapes::Moment>, nullable = false)]
        since: Option<UnixMillis>,
        /// How far it was: `queued`, `delivered` or `running`.
        #[schema(example = "queued")]
        stage: &'static str,
    },
    /// Never answered within the order's life.
    Expired,
    /// The question was cancelled before the Trust answered.
    Cancelled,
}

/// The combined result of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Combined {
    /// The sum over the Trusts that gave a value; absent where none did, which is not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Total>,
    /// How many Trusts are in which state.
    pub trusts: Tally,
    /// True where no Trust's share can change any more.
    pub complete: bool,
    /// Each Trust's share, by name.
    pub shares: Vec<Share>,
    /// Each statistic with each Trust's cells.
    pub fields: Vec<CombinedField>,
}

/// A sum and of how many Trusts it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Total {
    /// Distinct persons at each Trust, added up. A person known to two Trusts counts twice.
    pub persons: u64,
    /// Rows, added up.
    pub records: u64,
    /// `persons` is within this of the exact sum in 95 of 100 answers; absent where every Trust's count is exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persons_margin: Option<u64>,
    /// The same of `records`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_margin: Option<u64>,
    /// Trusts that the sums are of.
    pub trusts: u64,
}

/// How many Trusts are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tally {
    /// Trusts asked.
    pub asked: u64,
    /// A value.
    pub value: u64,
    /// Fewer than the threshold.
    pub fewer_than: u64,
    /// Refused by the Trust's gate.
    pub refused: u64,
    /// Failed, not taken, expired or cancelled.
    pub failed: u64,
    /// Cancelled before they answered.
    pub cancelled: u64,
    /// Not yet, while online.
    pub not_yet: u64,
    /// Not yet, and offline.
    pub offline: u64,
}

/// Combines the Trusts' shares; `link` says how a Trust stands now.
pub fn combine(asked: &[Asked], link: impl Fn(PartyId) -> Link) -> Combined {
    let shares: Vec<Share> = asked
        .iter()
        .map(|asked| Share {
            trust: asked.trust,
            trust_name: asked.trust_name.clone(),
            ended: asked.state.ended_at(),
            said: said(&asked.state, link(asked.trust)),
        })
        .collect();
    Combined {
        total: total(shares.iter().map(|share| &share.said)),
        trusts: tally(&shares),
        complete: asked.iter().all(|asked| asked.state.ended()),
        fields: fields::combine(asked),
        shares,
    }
}

/// The sum over the Trusts that gave a value, of their shares alone.
pub fn total_of(asked: &[Asked]) -> Option<Total> {
    // How a Trust stands now says nothing of what it gave.
    let said: Vec<Said> = asked.iter().map(|asked| said(&asked.state, Link::Online)).collect();
    total(said.iter())
}

fn said(state: &OrderState, link: Link) -> Said {
    match state {
        OrderState::Queued | OrderState::Delivered { .. } | OrderState::Running { .. } => match link {
            Link::Online => Said::NotYet { stage: state.name() },
            Link::Offline(since) => Said::Offline { since, stage: state.name() },
            Link::NotEnrolled => Said::Offline { since: None, stage: state.name() },
            Link::Revoked(since) => Said::Offline { since: Some(since), stage: state.name() },
        },
        OrderState::Done { answer: Answer::Value(answer), .. } => Said::Value {
            persons: answer.persons,
            records: answer.records,
            threshold: answer.threshold,
            protection: answer.protection,
            extract: answer.extract.clone(),
        },
        OrderState::Done { answer: Answer::FewerThan { threshold, extract }, .. } => {
            Said::FewerThan { threshold: *threshold, extract: extract.clone() }
        }
        OrderState::Refused { why, .. } => {
            Said::Refused { code: why.code.clone(), message: why.message.clone(), place: why.place }
        }
        OrderState::Failed { why, .. } => Said::Failed { reason: *why, message: why.sentence() },
        OrderState::NotTaken { why, .. } => Said::NotTaken { reason: *why, message: why.to_string() },
        OrderState::Expired { .. } => Said::Expired,
        // A question is never answered as an order to drop is.
        OrderState::Cancelled { .. } | OrderState::Done { answer: Answer::Dropped { .. }, .. } => {
            Said::Cancelled
        }
    }
}

fn total<'a>(each: impl Iterator<Item = &'a Said>) -> Option<Total> {
    let mut total = Total { persons: 0, records: 0, persons_margin: None, records_margin: None, trusts: 0 };
    let mut margins: Vec<Protection> = Vec::new();
    for said in each {
        if let Said::Value { persons, records, protection, .. } = said {
            total.persons = total.persons.saturating_add(*persons);
            total.records = total.records.saturating_add(*records);
            total.trusts += 1;
            margins.extend(protection);
        }
    }
    if !margins.is_empty() {
        total.persons_margin = Some(together(margins.iter().map(|own| own.persons_margin)));
        total.records_margin = Some(together(margins.iter().map(|own| own.records_margin)));
    }
    (total.trusts > 0).then_some(total)
}

/// The margin of a sum. The Trusts' noise is independent, so that the squares of their margins add up.
fn together(margins: impl Iterator<Item = u64>) -> u64 {
    let squares = margins.map(|margin| u128::from(margin).pow(2)).fold(0, u128::saturating_add);
    let root = squares.isqrt();
    u64::try_from(root + u128::from(root * root < squares)).unwrap_or(u64::MAX)
}

fn tally(shares: &[Share]) -> Tally {
    let mut tally = Tally::default();
    for share in shares {
        tally.asked += 1;
        match share.said {
            Said::Value { .. } => tally.value += 1,
            Said::FewerThan { .. } => tally.fewer_than += 1,
            Said::Refused { .. } => tally.refused += 1,
            Said::Failed { .. } | Said::NotTaken { .. } | Said::Expired => tally.failed += 1,
            Said::Cancelled => tally.cancelled += 1,
            Said::NotYet { .. } => tally.not_yet += 1,
            Said::Offline { .. } => tally.offline += 1,
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use flip_protocol::answer::CohortAnswer;

    use super::*;

    fn extract() -> Extract {
        Extract { generation: "g-000001".to_owned(), date: "2026-11-01".to_owned() }
    }

    fn asked(name: &str, state: OrderState) -> Asked {
        Asked {
            trust: PartyId(uuid::Uuid::from_u128(name.len() as u128)),
            trust_name: name.to_owned(),
            state,
        }
    }

    fn value(persons: u64, margin: Option<u64>) -> OrderState {
        let protection = |persons_margin| Protection {
            rounded_to: 5,
            persons_margin,
            records_margin: persons_margin.saturating_mul(2),
        };
        OrderState::Done {
            at: UnixMillis(1),
            answer: Answer::Value(CohortAnswer {
                persons,
                records: persons * 2,
                threshold: 10,
                protection: margin.map(protection),
                extract: extract(),
                fields: Vec::new(),
            }),
        }
    }

    #[test]
    fn sums_say_of_how_many_trusts_they_are_and_nothing_becomes_a_zero() {
        let fewer = Answer::FewerThan { threshold: 10, extract: extract() };
        let shares = [
            asked("A", value(100, None)),
            asked("BB", value(50, None)),
            asked("CCC", OrderState::Done { at: UnixMillis(1), answer: fewer.clone() }),
            asked("DDDD", OrderState::Queued),
        ];
        let combined = combine(&shares, |_| Link::Offline(Some(UnixMillis(7))));
        assert_eq!(
            combined.total,
            Some(Total { persons: 150, records: 300, persons_margin: None, records_margin: None, trusts: 2 })
        );
        assert!(!combined.complete);
        assert_eq!((combined.trusts.fewer_than, combined.trusts.offline), (1, 1));
        let none =
            combine(&[asked("C", OrderState::Done { at: UnixMillis(1), answer: fewer })], |_| Link::Online);
        assert_eq!(none.total, None);
        assert!(none.complete);
        let json = serde_json::to_string(&none).unwrap();
        assert!(!json.contains("persons"), "{json}");
    }

    #[test]
    fn a_sum_of_inexact_counts_has_a_margin_and_one_with_exact_counts_too() {
        let of = |margins: &[Option<u64>]| {
            let names = ["A", "BB", "CCC"];
            let shares: Vec<Asked> =
                names.iter().zip(margins).map(|(name, margin)| asked(name, value(100, *margin))).collect();
            let total = combine(&shares, |_| Link::Online).total.unwrap();
            (total.persons_margin, total.records_margin)
        };
        assert_eq!(of(&[Some(30), Some(40)]), (Some(50), Some(100)));
        assert_eq!(of(&[Some(30), None, Some(31)]), (Some(44), Some(87)), "rounded up");
        assert_eq!(of(&[Some(u64::MAX), Some(u64::MAX)]).0, Some(u64::MAX));
        assert_eq!(of(&[None, None]), (None, None));
    }
}
