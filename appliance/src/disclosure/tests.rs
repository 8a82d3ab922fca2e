//! What is released, and what of it is folded, withheld and noisy.

mod chance;
mod noisy;
mod tables;

use super::*;

const THRESHOLD: u64 = 5;

fn extract() -> Extract {
    Extract { generation: "g-000001".to_owned(), date: "2026-01-01".to_owned() }
}

/// Exact counts above that threshold.
fn exact(threshold: u64) -> Policy {
    Policy::check(&format!("danger_threshold = {threshold}\ndanger_noise = 0\ndanger_rounding = 1")).unwrap()
}

fn policy() -> Policy {
    exact(THRESHOLD)
}

/// The noise of one site's one question.
fn noise(question: u64) -> Noise {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&question.to_le_bytes());
    Noise::new(&[7; 32], &key)
}

fn released(raw: RawCounts, policy: &Policy) -> CohortOutcome {
    release(raw, policy, &noise(1), extract()).release.into_outcome()
}

fn group(label: usize, persons: u64) -> Group {
    Group { label: format!("cell {label}"), persons }
}

fn counts(
    rows: u64,
    persons: u64,
    columns: Vec<ColumnCounts>,
    ages: Vec<Group>,
    sexes: Vec<Group>,
    images: Option<ImageCounts>,
) -> RawCounts {
    RawCounts::new(Measured {
        cost: 0,
        rows,
        rows_cap: 1,
        subjects: (0..persons).collect(),
        columns,
        ages,
        sexes,
        years: vec![],
        years_cap: 0,
        images,
        numbers: vec![],
        categories: vec![],
        statistics: Statistics::of(1, 0, 0, false),
    })
}

/// Counts whose sexes are the given cells.
fn by_sex(cells: &[u64]) -> RawCounts {
    let persons = cells.iter().sum();
    let sexes = cells.iter().enumerate().map(|(label, persons)| group(label, *persons)).collect();
    counts(persons, persons, vec![], vec![], sexes, None)
}

fn answer(raw: RawCounts) -> Option<CohortAnswer> {
    match released(raw, &policy()) {
        CohortOutcome::Value(answer) => Some(answer),
        CohortOutcome::FewerThan { .. } | CohortOutcome::Refused(_) | CohortOutcome::Failed { .. } => None,
    }
}

fn field<'a>(answer: &'a CohortAnswer, name: &str) -> &'a Field {
    answer.fields.iter().find(|field| field.name == name).unwrap()
}

fn shown(field: &Field) -> Vec<(&str, Option<u64>)> {
    field.cells.iter().map(|cell| (cell.label.as_str(), cell.count)).collect()
}

#[test]
fn a_refusal_keeps_its_code_its_words_and_its_place() {
    let refusal = flip_gate::Refusal {
        code: flip_gate::Code::TableNotAllowed,
        message: "no such table".to_owned(),
        place: Some(flip_gate::Place { line: 2, column: 7 }),
    };
    let refused = Refused {
        code: "table_not_allowed".to_owned(),
        message: "no such table".to_owned(),
        place: Some(Place { line: 2, column: 7 }),
    };
    assert_eq!(Release::refused(&refusal).into_outcome(), CohortOutcome::Refused(refused));
}
