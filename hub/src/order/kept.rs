//! How orders are read back from the ledger. Lists read thousands: what serde derives for an enum that is tagged within
//! goes over everything twice.

use flip_protocol::UnixMillis;
use flip_protocol::answer::{CohortAnswer, Extract, Field, Protection};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Answer, OrderState};

/// What the ledger holds of an order's state.
#[derive(Deserialize)]
pub struct Kept {
    state: Name,
    at: Option<UnixMillis>,
    answer: Option<KeptAnswer>,
    /// Of a kind that the state says.
    why: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Queued,
    Delivered,
    Running,
    Done,
    Refused,
    Failed,
    NotTaken,
    Expired,
    Cancelled,
}

#[derive(Deserialize)]
struct KeptAnswer {
    answer: AnswerName,
    persons: Option<u64>,
    records: Option<u64>,
    threshold: Option<u64>,
    protection: Option<Protection>,
    extract: Option<Extract>,
    fields: Option<Vec<Field>>,
    versions: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum AnswerName {
    Value,
    FewerThan,
    Dropped,
}

/// It is no state of an order.
#[derive(Debug, thiserror::Error)]
pub enum NoState {
    /// Something is missing.
    #[error("a state of an order without `{0}`")]
    Lacks(&'static str),
    /// The reason cannot be read.
    #[error("a reason that is none")]
    Why(#[from] serde_json::Error),
}

impl TryFrom<Kept> for OrderState {
    type Error = NoState;

    fn try_from(kept: Kept) -> Result<Self, NoState> {
        let at = || there(kept.at, "at");
        Ok(match kept.state {
            Name::Queued => Self::Queued,
            Name::Delivered => Self::Delivered { at: at()? },
            Name::Running => Self::Running { at: at()? },
            Name::Done => Self::Done { at: at()?, answer: there(kept.answer, "answer")?.try_into()? },
            Name::Refused => Self::Refused { at: at()?, why: reason(kept.why)? },
            Name::Failed => Self::Failed { at: at()?, why: reason(kept.why)? },
            Name::NotTaken => Self::NotTaken { at: at()?, why: reason(kept.why)? },
            Name::Expired => Self::Expired { at: at()? },
            Name::Cancelled => Self::Cancelled { at: at()? },
        })
    }
}

impl TryFrom<KeptAnswer> for Answer {
    type Error = NoState;

    fn try_from(kept: KeptAnswer) -> Result<Self, NoState> {
        let (threshold, extract) = (there(kept.threshold, "threshold"), there(kept.extract, "extract"));
        Ok(match kept.answer {
            AnswerName::Value => Self::Value(CohortAnswer {
                persons: there(kept.persons, "persons")?,
                records: there(kept.records, "records")?,
                threshold: threshold?,
                protection: kept.protection,
                extract: extract?,
                fields: there(kept.fields, "fields")?,
            }),
            AnswerName::FewerThan => Self::FewerThan { threshold: threshold?, extract: extract? },
            AnswerName::Dropped => Self::Dropped { versions: there(kept.versions, "versions")? },
        })
    }
}

fn there<T>(value: Option<T>, name: &'static str) -> Result<T, NoState> {
    value.ok_or(NoState::Lacks(name))
}

fn reason<T: DeserializeOwned>(why: Option<Box<RawValue>>) -> Result<T, NoState> {
    Ok(serde_json::from_str(there(why, "why")?.get())?)
}

#[cfg(test)]
mod tests {
    use flip_protocol::answer::{Failed, Refused};
    use flip_protocol::message::Unwelcome;

    use super::*;

    #[test]
    fn every_state_is_read_as_it_was_written_and_nothing_that_lacks_a_part() {
        let at = UnixMillis(5);
        let extract = Extract { generation: "g-000001".to_owned(), date: "2026-11-01".to_owned() };
        let protection = Protection { rounded_to: 5, persons_margin: 20, records_margin: 30 };
        let value = |protection| {
            let (extract, fields) = (extract.clone(), Vec::new());
            Answer::Value(CohortAnswer { persons: 7, records: 9, threshold: 10, protection, extract, fields })
        };
        let refused = Refused { code: "c".to_owned(), message: "m".to_owned(), place: None };
        let answers = [
            value(None),
            value(Some(protection)),
            Answer::FewerThan { threshold: 10, extract: extract.clone() },
            Answer::Dropped { versions: 2 },
        ];
        let states = [
            OrderState::Queued,
            OrderState::Delivered { at },
            OrderState::Running { at },
            OrderState::Refused { at, why: refused },
            OrderState::Failed { at, why: Failed::Timeout },
            OrderState::NotTaken { at, why: Unwelcome::Expired },
            OrderState::Expired { at },
            OrderState::Cancelled { at },
        ];
        for state in answers.map(|answer| OrderState::Done { at, answer }).into_iter().chain(states) {
            let written = serde_json::to_value(&state).unwrap();
            let text = written.to_string();
            assert_eq!(serde_json::from_str::<OrderState>(&text).unwrap(), state, "{text}");
            for key in written.as_object().unwrap().keys() {
                let mut lacking = written.clone();
                lacking.as_object_mut().unwrap().remove(key);
                assert!(serde_json::from_str::<OrderState>(&lacking.to_string()).is_err(), "without {key}");
            }
        }
    }
}
