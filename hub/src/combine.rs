//! Per-Trust answers to one combined result. Pure.
//!
//! What must stay true: a Trust's share is a typed state, never a bare zero; a total says of how many Trusts it is;
//! numbers of different Trusts stand side by side, and only persons and records are added up.

use flip_protocol::answer::{Extract, Failed, Field, Place, Unit};
use flip_protocol::message::Unwelcome;
use flip_protocol::{PartyId, UnixMillis};
use serde::Serialize;

use crate::ledger::queries::Asked;
use crate::order::{Answer, OrderState};
use crate::presence::Link;

/// One Trust's share of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The Trust.
    pub trust: PartyId,
    /// Its name.
    pub trust_name: String,
    /// When its share came to an end, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<UnixMillis>,
    /// What it said, or why it has not.
    #[serde(flatten)]
    pub said: Said,
}

/// What a Trust said, or why it has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Said {
    /// A cohort at or above the Trust's threshold.
    Value {
        /// Distinct persons.
        persons: u64,
        /// Rows.
        records: u64,
        /// The Trust's threshold, in persons.
        threshold: u64,
        /// The extract it was asked of.
        extract: Extract,
    },
    /// Fewer persons than the Trust's threshold, perhaps none.
    FewerThan {
        /// The threshold, in persons.
        threshold: u64,
        /// The extract it was asked of.
        extract: Extract,
    },
    /// Not let in by the Trust's gate.
    Refused {
        /// The stable code.
        code: String,
        /// What is wrong and what to write instead.
        message: String,
        /// Where in the question.
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
    },
    /// Let in, and not answered.
    Failed {
        /// The stable code.
        reason: Failed,
        /// The same in words.
        message: &'static str,
    },
    /// The appliance would not take the order.
    NotTaken {
        /// The stable code.
        reason: Unwelcome,
        /// The same in words.
        message: String,
    },
    /// No answer yet; the Trust is online.
    NotYet {
        /// How far: `queued`, `delivered` or `running`.
        stage: &'static str,
    },
    /// No answer yet; the Trust is not there.
    Offline {
        /// Since when, in milliseconds since 1970; absent where it was never there.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<UnixMillis>,
        /// How far it was: `queued`, `delivered` or `running`.
        stage: &'static str,
    },
    /// Never answered within the order's life.
    Expired,
}

/// The combined result of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Distinct persons at each Trust, added up. A person known to two Trusts counts twice.
    pub persons: u64,
    /// Rows, added up.
    pub records: u64,
    /// Trusts that the sums are of.
    pub trusts: u64,
}

/// How many Trusts are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Trusts asked.
    pub asked: u64,
    /// A value.
    pub value: u64,
    /// Fewer than the threshold.
    pub fewer_than: u64,
    /// Refused by the Trust's gate.
    pub refused: u64,
    /// Failed, not taken or expired.
    pub failed: u64,
    /// Not yet, while online.
    pub not_yet: u64,
    /// Not yet, and offline.
    pub offline: u64,
}

/// One statistic over the Trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CombinedField {
    /// Its name.
    pub name: String,
    /// What its counts count.
    pub unit: Unit,
    /// Its labels, in the order they are to be shown.
    pub labels: Vec<String>,
    /// One series per Trust that gave the statistic.
    pub series: Vec<Series>,
}

/// One Trust's cells of a statistic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// The Trust's name.
    pub trust_name: String,
    /// A cell per label of the field.
    pub cells: Vec<SeriesCell>,
    /// True where the Trust folded or withheld a cell.
    pub folded: bool,
}

/// One cell: a count, withheld, or a label that the Trust did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "cell", content = "count", rename_all = "snake_case")]
pub enum SeriesCell {
    /// A count.
    Count(u64),
    /// Withheld: it, or its complement, is too small.
    Withheld,
    /// The Trust's answer has no such label; that is not zero either.
    Absent,
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
        total: total(&shares),
        trusts: tally(&shares),
        complete: asked.iter().all(|asked| asked.state.ended()),
        fields: fields(asked),
        shares,
    }
}

fn said(state: &OrderState, link: Link) -> Said {
    match state {
        OrderState::Queued | OrderState::Delivered { .. } | OrderState::Running { .. } => match link {
            Link::Online => Said::NotYet { stage: state.name() },
            Link::Offline(since) => Said::Offline { since, stage: state.name() },
            Link::NotEnrolled => Said::Offline { since: None, stage: state.name() },
        },
        OrderState::Done { answer: Answer::Value(answer), .. } => Said::Value {
            persons: answer.persons,
            records: answer.records,
            threshold: answer.threshold,
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
    }
}

fn total(shares: &[Share]) -> Option<Total> {
    let mut total = Total { persons: 0, records: 0, trusts: 0 };
    for share in shares {
        if let Said::Value { persons, records, .. } = &share.said {
            total.persons = total.persons.saturating_add(*persons);
            total.records = total.records.saturating_add(*records);
            total.trusts += 1;
        }
    }
    (total.trusts > 0).then_some(total)
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
            Said::NotYet { .. } => tally.not_yet += 1,
            Said::Offline { .. } => tally.offline += 1,
        }
    }
    tally
}

fn fields(asked: &[Asked]) -> Vec<CombinedField> {
    let mut answers: Vec<(&str, &[Field])> = Vec::new();
    for asked in asked {
        if let OrderState::Done { answer: Answer::Value(answer), .. } = &asked.state {
            answers.push((&asked.trust_name, &answer.fields));
        }
    }
    let mut combined: Vec<CombinedField> = Vec::new();
    for field in answers.iter().flat_map(|(_, fields)| fields.iter()) {
        let known = combined.iter_mut().find(|known| known.name == field.name && known.unit == field.unit);
        let labels = field.cells.iter().map(|cell| cell.label.clone());
        match known {
            Some(known) => merge_labels(&mut known.labels, labels),
            None => combined.push(CombinedField {
                name: field.name.clone(),
                unit: field.unit,
                labels: labels.collect(),
                series: Vec::new(),
            }),
        }
    }
    for field in &mut combined {
        move_to_end(&mut field.labels, &["Other", "Unknown"]);
        for (trust_name, fields) in &answers {
            if let Some(own) = fields.iter().find(|own| own.name == field.name && own.unit == field.unit) {
                field.series.push(Series {
                    trust_name: (*trust_name).to_owned(),
                    cells: field.labels.iter().map(|label| cell(own, label)).collect(),
                    folded: own.folded,
                });
            }
        }
    }
    combined
}

fn cell(field: &Field, label: &str) -> SeriesCell {
    match field.cells.iter().find(|cell| cell.label == label) {
        Some(cell) => cell.count.map_or(SeriesCell::Withheld, SeriesCell::Count),
        None => SeriesCell::Absent,
    }
}

/// Adds labels that are new, each after the one that precedes it in its own list.
fn merge_labels(labels: &mut Vec<String>, others: impl Iterator<Item = String>) {
    let mut after = 0;
    for other in others {
        if let Some(found) = labels.iter().position(|label| *label == other) {
            after = found + 1;
        } else {
            labels.insert(after.min(labels.len()), other);
            after += 1;
        }
    }
}

fn move_to_end(labels: &mut Vec<String>, last: &[&str]) {
    for name in last.iter().rev() {
        if let Some(found) = labels.iter().position(|label| label == name) {
            let label = labels.remove(found);
            labels.push(label);
        }
    }
}

#[cfg(test)]
mod tests {
    use flip_protocol::answer::{Cell, CohortAnswer};

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

    fn value(persons: u64, cells: &[(&str, Option<u64>)]) -> OrderState {
        let cells =
            cells.iter().map(|(label, count)| Cell { label: (*label).to_owned(), count: *count }).collect();
        let field = Field::of_groups("Age Distribution", Unit::Persons, cells, false);
        OrderState::Done {
            at: UnixMillis(1),
            answer: Answer::Value(CohortAnswer {
                persons,
                records: persons * 2,
                threshold: 10,
                protection: None,
                extract: extract(),
                fields: vec![field],
            }),
        }
    }

    #[test]
    fn sums_say_of_how_many_trusts_they_are_and_nothing_becomes_a_zero() {
        let fewer = Answer::FewerThan { threshold: 10, extract: extract() };
        let shares = [
            asked("A", value(100, &[])),
            asked("BB", value(50, &[])),
            asked("CCC", OrderState::Done { at: UnixMillis(1), answer: fewer.clone() }),
            asked("DDDD", OrderState::Queued),
        ];
        let combined = combine(&shares, |_| Link::Offline(Some(UnixMillis(7))));
        assert_eq!(combined.total, Some(Total { persons: 150, records: 300, trusts: 2 }));
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
    fn labels_of_two_trusts_are_merged_in_order_with_other_last() {
        let shares = [
            asked("A", value(9, &[("20-29", Some(20)), ("40-49", Some(30)), ("Other", Some(12))])),
            asked("BB", value(9, &[("20-29", None), ("30-39", Some(11)), ("40-49", Some(5))])),
        ];
        let combined = combine(&shares, |_| Link::Online);
        let field = &combined.fields[0];
        assert_eq!(field.labels, ["20-29", "30-39", "40-49", "Other"]);
        assert_eq!(field.series[0].cells[1], SeriesCell::Absent);
        assert_eq!(field.series[1].cells[0], SeriesCell::Withheld);
        assert_eq!(field.series[1].cells[1], SeriesCell::Count(11));
    }
}
