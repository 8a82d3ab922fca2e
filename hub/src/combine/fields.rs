//! The statistics of several Trusts side by side. Pure.
//!
//! What must stay true: a Trust's cells, mean and margin stay its own; labels stand in the order that is theirs
//! (numbers by size, top values by frequency, columns as the question has them), whichever Trust answered first;
//! `Other` and `Unknown` come last.

use flip_protocol::answer::{CohortAnswer, Field, Shape, Summary, Unit};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ledger::queries::Asked;
use crate::order::{Answer, OrderState};
use crate::shapes;

/// One statistic over the Trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CombinedField {
    /// Its name.
    #[schema(example = "Age Distribution")]
    pub name: String,
    /// What its counts count.
    #[schema(value_type = shapes::Unit)]
    pub unit: Unit,
    /// How its cells are to be read.
    #[schema(value_type = shapes::Shape)]
    pub shape: Shape,
    /// Its labels, in the order they are to be shown.
    #[schema(example = json!(["40-49"]))]
    pub labels: Vec<String>,
    /// One series per Trust that gave the statistic.
    pub series: Vec<Series>,
}

/// One Trust's cells of a statistic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Series {
    /// The Trust's name.
    #[schema(example = "Southmere Hospital")]
    pub trust_name: String,
    /// A cell per label of the field.
    pub cells: Vec<SeriesCell>,
    /// True where the Trust folded or withheld a cell.
    pub folded: bool,
    /// Each count is within this of the exact one in 95 of 100 answers; absent where they are exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 90)]
    pub margin: Option<u64>,
    /// Mean and spread of a numeric column at this Trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shapes::Summary>, nullable = false)]
    pub summary: Option<Summary>,
}

/// One cell: a count, withheld, or a label that the Trust did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "cell", content = "count", rename_all = "snake_case")]
pub enum SeriesCell {
    /// A count.
    #[schema(example = json!({ "cell": "count", "count": 120 }))]
    Count(u64),
    /// Withheld: it, or its complement, is too small.
    Withheld,
    /// The Trust's answer has no such label; that is not zero either.
    Absent,
}

/// What comes last, whatever its count.
const LAST: [&str; 2] = ["Other", "Unknown"];

/// The statistics of all Trusts that gave a value.
pub(super) fn combine(asked: &[Asked]) -> Vec<CombinedField> {
    let mut answers: Vec<(&str, &CohortAnswer)> = Vec::new();
    for asked in asked {
        if let OrderState::Done { answer: Answer::Value(answer), .. } = &asked.state {
            answers.push((&asked.trust_name, answer));
        }
    }
    let mut combined: Vec<CombinedField> = Vec::new();
    for field in answers.iter().flat_map(|(_, answer)| &answer.fields) {
        let labels = field.cells.iter().map(|cell| cell.label.clone());
        match combined.iter_mut().find(|known| is_of(field, known)) {
            Some(known) => merge_labels(&mut known.labels, labels),
            None => combined.push(CombinedField {
                name: field.name.clone(),
                unit: field.unit,
                shape: field.shape,
                labels: labels.collect(),
                series: Vec::new(),
            }),
        }
    }
    for known in &mut combined {
        let own: Vec<(&str, &CohortAnswer, &Field)> = answers
            .iter()
            .filter_map(|(name, answer)| {
                Some((*name, *answer, answer.fields.iter().find(|field| is_of(field, known))?))
            })
            .collect();
        let fields: Vec<&Field> = own.iter().map(|(_, _, field)| *field).collect();
        put_in_order(&mut known.labels, known.shape, &fields);
        known.series =
            own.into_iter().map(|(name, answer, field)| series(known, name, answer, field)).collect();
    }
    combined
}

fn is_of(field: &Field, known: &CombinedField) -> bool {
    known.name == field.name && known.unit == field.unit && known.shape == field.shape
}

fn series(known: &CombinedField, trust_name: &str, answer: &CohortAnswer, field: &Field) -> Series {
    Series {
        trust_name: trust_name.to_owned(),
        cells: known.labels.iter().map(|label| cell(field, label)).collect(),
        folded: field.folded,
        margin: field.margin.or_else(|| {
            answer.protection.map(|protection| match field.unit {
                Unit::Persons => protection.persons_margin,
                Unit::Records | Unit::Images => protection.records_margin,
            })
        }),
        summary: field.summary,
    }
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

/// Orders merged labels as their shape asks.
fn put_in_order(labels: &mut [String], shape: Shape, fields: &[&Field]) {
    match shape {
        Shape::Histogram => labels.sort_by(|one, other| {
            let ((from, to), (other_from, other_to)) = (ends(one), ends(other));
            from.total_cmp(&other_from).then(to.total_cmp(&other_to))
        }),
        Shape::TopValues => labels.sort_by_key(|label| {
            let counts =
                fields.iter().flat_map(|field| field.cells.iter().filter(|cell| cell.label == *label));
            std::cmp::Reverse(counts.filter_map(|cell| cell.count).fold(0, u64::saturating_add))
        }),
        // Ages and years have numbers; columns, sexes and modalities have the order in which they came.
        Shape::Groups
            if labels.iter().filter(|label| !is_last(label)).all(|label| number(label).is_some()) =>
        {
            labels.sort_by_key(|label| number(label));
        }
        Shape::Groups => {}
    }
    labels.sort_by_key(|label| LAST.iter().position(|last| last == label).map_or(0, |at| at + 1));
}

fn is_last(label: &str) -> bool {
    LAST.contains(&label)
}

/// The number that a group begins with: 20 of `20-29`, 90 of `90+`, 2019 of `2019`.
fn number(label: &str) -> Option<u64> {
    let end = label.find(|c: char| !c.is_ascii_digit()).unwrap_or(label.len());
    label[..end].parse().ok()
}

/// Where a bin begins and ends: `10 to 20`, `below 10`, `50 and more`. A label without a number comes last.
pub fn ends(label: &str) -> (f64, f64) {
    let mut words = label.split_whitespace();
    let first: Option<f64> = words.next().and_then(finite);
    let second = words.find_map(finite);
    match (first, second) {
        (Some(from), to) => (from, to.unwrap_or(f64::INFINITY)),
        (None, Some(to)) => (f64::NEG_INFINITY, to),
        (None, None) => (f64::INFINITY, f64::INFINITY),
    }
}

fn finite(word: &str) -> Option<f64> {
    word.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use flip_protocol::answer::{Cell, Extract, Protection};
    use flip_protocol::{PartyId, UnixMillis};

    use super::*;

    type Cells<'a> = &'a [(&'a str, Option<u64>)];

    fn field(shape: Shape, cells: Cells<'_>) -> Field {
        let cells =
            cells.iter().map(|(label, count)| Cell { label: (*label).to_owned(), count: *count }).collect();
        Field { shape, ..Field::of_groups("F", Unit::Persons, cells, false) }
    }

    fn asked(name: &str, fields: Vec<Field>, protection: Option<Protection>) -> Asked {
        let extract = Extract { generation: "g-000001".to_owned(), date: "2026-11-01".to_owned() };
        let answer = CohortAnswer { persons: 90, records: 90, threshold: 10, protection, extract, fields };
        Asked {
            trust: PartyId(uuid::Uuid::from_u128(name.len() as u128)),
            trust_name: name.to_owned(),
            state: OrderState::Done { at: UnixMillis(1), answer: Answer::Value(answer) },
        }
    }

    fn labels(shape: Shape, one: Cells<'_>, other: Cells<'_>) -> Vec<String> {
        let asked = [asked("A", vec![field(shape, one)], None), asked("BB", vec![field(shape, other)], None)];
        combine(&asked).remove(0).labels
    }

    #[test]
    fn ages_and_years_stand_in_order_of_number_whoever_answered_first() {
        let one = [("20-29", Some(20)), ("40-49", Some(30)), ("Other", Some(12))];
        let other = [("0-9", Some(9)), ("30-39", Some(11)), ("90+", Some(5))];
        let expected = ["0-9", "20-29", "30-39", "40-49", "90+", "Other"];
        assert_eq!(labels(Shape::Groups, &one, &other), expected);
        assert_eq!(labels(Shape::Groups, &other, &one), expected);
    }

    #[test]
    fn columns_keep_the_order_of_the_question() {
        let all = [("person_id", Some(1)), ("b", Some(2)), ("a", Some(3))];
        assert_eq!(labels(Shape::Groups, &all[..1], &all), ["person_id", "b", "a"]);
    }

    #[test]
    fn bins_of_different_trusts_stand_in_order_of_their_numbers() {
        let one = [("below 10", Some(20)), ("10 to 20", Some(30)), ("20 and more", None)];
        let other =
            [("below -2.5", None), ("-2.5 to 10", Some(9)), ("10 to 22.5", Some(9)), ("1e3 to 1e4", None)];
        let expected =
            ["below -2.5", "below 10", "-2.5 to 10", "10 to 20", "10 to 22.5", "20 and more", "1e3 to 1e4"];
        assert_eq!(labels(Shape::Histogram, &one, &other), expected);
        assert_eq!(labels(Shape::Histogram, &other, &one), expected);
    }

    #[test]
    fn top_values_stand_in_order_of_all_trusts_counts_with_other_last() {
        let one = [("Metformin", Some(20)), ("Insulin", Some(18)), ("Other", Some(500))];
        let other = [("Insulin", Some(19)), ("Gliclazide", Some(90)), ("Unknown", Some(600))];
        let expected = ["Gliclazide", "Insulin", "Metformin", "Other", "Unknown"];
        assert_eq!(labels(Shape::TopValues, &one, &other), expected);
    }

    #[test]
    fn each_trust_keeps_its_cells_its_mean_and_its_margin() {
        let summary = |mean: f64| {
            let finite = |value: f64| value.try_into().unwrap();
            Some(Summary { mean: finite(mean), spread: finite(2.0) })
        };
        let bins =
            |cells: Cells<'_>, mean| Field { summary: summary(mean), ..field(Shape::Histogram, cells) };
        let exact = bins(&[("0 to 5", Some(40)), ("5 to 10", None)], 4.5);
        let noisy = bins(&[("0 to 4", Some(40))], 3.5);
        let protection = Protection { rounded_to: 5, persons_margin: 20, records_margin: 70 };
        let combined =
            combine(&[asked("A", vec![exact], None), asked("BB", vec![noisy], Some(protection))]).remove(0);
        assert_eq!(combined.labels, ["0 to 4", "0 to 5", "5 to 10"]);
        let [first, second] = &combined.series[..] else { panic!("two series") };
        assert_eq!(first.cells, [SeriesCell::Absent, SeriesCell::Count(40), SeriesCell::Withheld]);
        assert_eq!(second.cells, [SeriesCell::Count(40), SeriesCell::Absent, SeriesCell::Absent]);
        assert_eq!((first.margin, second.margin), (None, Some(20)));
        assert_eq!((first.summary, second.summary), (summary(4.5), summary(3.5)));
    }

    #[test]
    fn a_statistic_that_trusts_shape_differently_is_not_thrown_together() {
        let one = field(Shape::Histogram, &[("0 to 5", Some(40))]);
        let other = field(Shape::TopValues, &[("many", Some(40))]);
        assert_eq!(combine(&[asked("A", vec![one], None), asked("BB", vec![other], None)]).len(), 2);
    }
}
