//! Small tables in full, and larger ones by chance.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const THRESHOLD: u64 = 5;

fn extract() -> Extract {
    Extract { generation: "g-000001".to_owned(), date: "2026-01-01".to_owned() }
}

fn policy() -> Policy {
    Policy::new(THRESHOLD).unwrap()
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
    })
}

/// Counts whose sexes are the given cells.
fn by_sex(cells: &[u64]) -> RawCounts {
    let persons = cells.iter().sum();
    let sexes = cells.iter().enumerate().map(|(label, persons)| group(label, *persons)).collect();
    counts(persons, persons, vec![], vec![], sexes, None)
}

fn answer(raw: RawCounts) -> Option<CohortAnswer> {
    match release(raw, &policy(), extract()).into_outcome() {
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
fn no_table_of_up_to_four_cells_gives_a_small_cell_away() {
    // Every table, by what it looks like from outside. The largest count is far enough above the threshold that a
    // fold has company within the tables tried.
    let mut alike: BTreeMap<String, Vec<[u64; 4]>> = BTreeMap::new();
    for number in 0..13_u64.pow(4) {
        let table = [0, 1, 2, 3].map(|at| number / 13_u64.pow(at) % 13);
        let outcome = release(by_sex(&table), &policy(), extract()).into_outcome();
        if let CohortOutcome::Value(answer) = &outcome {
            let sexes = field(answer, "Sex Distribution");
            assert!(sexes.cells.iter().all(|cell| cell.count.is_some_and(|count| count >= THRESHOLD)));
            let sum: u64 = sexes.cells.iter().filter_map(|cell| cell.count).sum();
            assert_eq!(sum, answer.persons, "a difference is left over for {table:?}");
            let labels: BTreeSet<_> = sexes.cells.iter().map(|cell| cell.label.clone()).collect();
            let hidden =
                (0..4).filter(|at| table[*at] > 0 && !labels.contains(&format!("cell {at}"))).count();
            assert_ne!(hidden, 1, "one cell alone is behind Other for {table:?}");
            assert_eq!(sexes.folded, hidden > 0);
        }
        alike.entry(serde_json::to_string(&outcome).unwrap()).or_default().push(table);
    }
    for (outcome, tables) in alike {
        for at in 0..4 {
            let values: BTreeSet<u64> = tables.iter().map(|table| table[at]).collect();
            let small = values.iter().any(|value| (1..THRESHOLD).contains(value));
            assert!(!small || values.len() > 1, "{outcome} says that cell {at} is {values:?}");
        }
    }
}

#[test]
fn no_persons_and_too_few_persons_look_the_same() {
    let few = release(by_sex(&[2, 2]), &policy(), extract());
    assert_eq!(few, release(by_sex(&[]), &policy(), extract()));
    assert_eq!(few.outcome(), &CohortOutcome::FewerThan { threshold: THRESHOLD, extract: extract() });
    assert!(answer(by_sex(&[5])).is_some());
}

#[test]
fn small_ages_are_folded_and_the_order_is_kept() {
    let ages = [(0, 30), (1, 2), (2, 8), (3, 20)].map(|(label, persons)| group(label, persons)).to_vec();
    let answer = answer(counts(60, 60, vec![], ages, vec![], None)).unwrap();
    let ages = field(&answer, "Age Distribution");
    assert_eq!(shown(ages), [("cell 0", Some(30)), ("cell 3", Some(20)), (OTHER, Some(10))]);
    assert!(ages.folded);
}

#[test]
fn a_column_shows_neither_count_where_one_is_small() {
    let column = |values, nulls, persons_with, persons_without| ColumnCounts {
        name: "c".to_owned(),
        values,
        nulls,
        persons_with,
        persons_without,
    };
    let columns = vec![
        column(40, 0, 20, 0),
        column(20, 20, 12, 8),
        column(38, 2, 20, 2),
        column(30, 10, 4, 20),
        column(0, 40, 0, 20),
    ];
    let answer = answer(counts(40, 20, columns, vec![], vec![], None)).unwrap();
    let shown_of = |name| field(&answer, name).cells.iter().map(|cell| cell.count).collect::<Vec<_>>();
    assert_eq!(shown_of("Counts"), [Some(40), Some(20), None, None, Some(0)]);
    assert_eq!(shown_of("Nulls"), [Some(0), Some(20), None, None, Some(40)]);
    assert!(field(&answer, "Counts").folded && field(&answer, "Nulls").folded);
}

fn imaged(persons_all: u64, modalities: &[(&str, u64, u64)]) -> RawCounts {
    let modalities = modalities
        .iter()
        .map(|(label, images, persons)| ImageGroup {
            label: (*label).to_owned(),
            images: *images,
            persons: *persons,
        })
        .collect();
    counts(
        500,
        100,
        vec![],
        vec![],
        vec![],
        Some(ImageCounts { persons: persons_all, images_cap: 1, modalities }),
    )
}

#[test]
fn a_modality_of_many_images_and_few_persons_is_folded() {
    let answer = answer(imaged(60, &[("CT", 300, 50), ("MR", 200, 20), ("PT", 90, 4)])).unwrap();
    let modalities = field(&answer, "Modality Distribution");
    assert_eq!(shown(modalities), [("CT", Some(300)), (OTHER, Some(290))]);
}

#[test]
fn modalities_are_withheld_where_all_of_them_together_are_of_few_persons() {
    let answer = answer(imaged(4, &[("CT", 300, 4), ("MR", 200, 3)])).unwrap();
    let modalities = field(&answer, "Modality Distribution");
    assert!(modalities.cells.is_empty() && modalities.folded);
}

#[test]
fn a_site_cannot_go_below_the_lowest_threshold() {
    assert_eq!(Policy::new(4), Err(PolicyError::ThresholdTooLow { threshold: 4 }));
    assert_eq!(Policy::new(4).unwrap_err().to_string(), "threshold is 4, and must be at least 5 persons");
    assert_eq!(Policy::default().threshold(), 10);
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

/// Plain numbers from which consistent counts are made: raw counts themselves cannot be printed.
#[derive(Debug, Clone)]
struct Shape {
    /// Persons by group.
    groups: Vec<u64>,
    /// Rows beyond one for each person.
    more_rows: u64,
    /// Per column, of a hundred: rows with a value, persons with one of those rows, persons with one of the others.
    columns: Vec<(u64, u64, u64)>,
    /// Per modality: persons, and images beyond one for each person.
    modalities: Vec<(u64, u64)>,
}

prop_compose! {
    fn shapes()(
        groups in prop::collection::vec(0_u64..40, 1..12),
        more_rows in 0_u64..60,
        columns in prop::collection::vec((0_u64..=100, 0_u64..=100, 0_u64..=100), 0..5),
        modalities in prop::collection::vec((0_u64..40, 0_u64..60), 0..6),
    ) -> Shape {
        Shape { groups, more_rows, columns, modalities }
    }
}

impl Shape {
    fn raw(&self) -> RawCounts {
        let persons: u64 = self.groups.iter().sum();
        let rows = persons + self.more_rows;
        let groups: Vec<_> =
            self.groups.iter().enumerate().map(|(label, persons)| group(label, *persons)).collect();
        let column = |(values, with, without): &(u64, u64, u64)| {
            let values = rows * values / 100;
            ColumnCounts {
                name: "c".to_owned(),
                values,
                nulls: rows - values,
                persons_with: values.min(persons) * with / 100,
                persons_without: (rows - values).min(persons) * without / 100,
            }
        };
        let modality = |(label, (persons, more)): (usize, &(u64, u64))| ImageGroup {
            label: format!("modality {label}"),
            images: persons + more,
            persons: *persons,
        };
        let images = ImageCounts {
            persons: self.modalities.iter().map(|(persons, _)| *persons).max().unwrap_or(0),
            images_cap: 1,
            modalities: self.modalities.iter().enumerate().map(modality).collect(),
        };
        let columns = self.columns.iter().map(column).collect();
        counts(rows, persons, columns, groups.clone(), groups, Some(images))
    }
}

proptest! {
    #[test]
    fn no_count_below_the_threshold_is_ever_shown(shape in shapes(), threshold in 5_u64..30) {
        let outcome = release(shape.raw(), &Policy::new(threshold).unwrap(), extract()).into_outcome();
        if let CohortOutcome::Value(answer) = outcome {
            prop_assert!(answer.persons >= threshold && answer.records >= answer.persons);
            for cell in answer.fields.iter().flat_map(|field| &field.cells) {
                prop_assert!(!cell.count.is_some_and(|count| (1..threshold).contains(&count)));
            }
        }
    }

    #[test]
    fn a_fold_of_modalities_has_company_and_keeps_the_sum(shape in shapes(), threshold in 5_u64..30) {
        let before: Vec<u64> = shape.modalities.iter().map(|(persons, more)| persons + more)
            .filter(|images| *images > 0).collect();
        let outcome = release(shape.raw(), &Policy::new(threshold).unwrap(), extract()).into_outcome();
        if let CohortOutcome::Value(answer) = outcome {
            let modalities = field(&answer, "Modality Distribution");
            let named = modalities.cells.iter().filter(|cell| cell.label != OTHER).count();
            if !modalities.cells.is_empty() {
                let sum: u64 = modalities.cells.iter().filter_map(|cell| cell.count).sum();
                prop_assert_eq!(sum, before.iter().sum::<u64>());
                prop_assert!(!modalities.folded || before.len() - named >= 2);
            }
        }
    }
}
