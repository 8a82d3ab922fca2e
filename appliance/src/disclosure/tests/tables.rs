//! Small tables in full: what is folded and withheld of them gives nothing away.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::*;

#[test]
fn no_table_of_up_to_four_cells_gives_a_small_cell_away() {
    // Every table, by what it looks like from outside. The largest count is far enough above the threshold that a
    // fold has company within the tables tried.
    let mut alike: BTreeMap<String, Vec<[u64; 4]>> = BTreeMap::new();
    for number in 0..13_u64.pow(4) {
        let table = [0, 1, 2, 3].map(|at| number / 13_u64.pow(at) % 13);
        let outcome = released(by_sex(&table), &policy());
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

/// Persons by sex (two cells), by age (two) and by modality (two, which overlap and need not hold everybody), of the same
/// persons. Whatever sums agree is possible, so this is every such cohort up to a size.
#[test]
fn breakdowns_of_the_same_persons_give_no_small_cell_of_each_other_away() {
    const MOST: u64 = 11;
    let pairs = || (0..=MOST).flat_map(|one| (0..=MOST).map(move |other| [one, other]));
    let mut alike: HashMap<String, [BTreeSet<u64>; 6]> = HashMap::new();
    for sexes in pairs() {
        let persons: u64 = sexes.iter().sum();
        for ages in pairs().filter(|ages| ages.iter().sum::<u64>() == persons) {
            for modalities in pairs().filter(|modalities| modalities.iter().all(|count| *count <= persons)) {
                let (least, most) =
                    (modalities[0].max(modalities[1]), persons.min(modalities[0] + modalities[1]));
                for behind in BTreeSet::from([least, most]) {
                    let groups = |cells: [u64; 2]| {
                        cells.iter().enumerate().map(|(label, persons)| group(label, *persons)).collect()
                    };
                    let modality = |label: usize| ImageGroup {
                        label: format!("modality {label}"),
                        images: modalities[label],
                        persons: modalities[label],
                    };
                    let images = ImageCounts {
                        persons: behind,
                        images_cap: 1,
                        modalities: (0..2).map(modality).collect(),
                    };
                    let raw = counts(persons, persons, vec![], groups(ages), groups(sexes), Some(images));
                    let seen = serde_json::to_string(&released(raw, &policy())).unwrap();
                    let cells = alike.entry(seen).or_default();
                    for (values, count) in cells.iter_mut().zip([sexes, ages, modalities].concat()) {
                        values.insert(count);
                    }
                }
            }
        }
    }
    assert!(alike.len() > 100, "{} different answers", alike.len());
    for (outcome, cells) in alike {
        for values in cells {
            let small = values.iter().any(|value| (1..THRESHOLD).contains(value));
            assert!(!small || values.len() > 1, "{outcome} says that a cell is {values:?}");
        }
    }
}

#[test]
fn no_persons_and_too_few_persons_look_the_same() {
    let few = released(by_sex(&[2, 2]), &policy());
    assert_eq!(few, released(by_sex(&[]), &policy()));
    assert_eq!(few, CohortOutcome::FewerThan { threshold: THRESHOLD, extract: extract() });
    let fewer = CohortOutcome::FewerThan { threshold: 30, extract: extract() };
    assert_eq!(released(by_sex(&[]), &Policy::default()), fewer);
    assert_eq!(released(by_sex(&[4, 5]), &Policy::default()), fewer);
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
