//! Small tables in full, and larger ones by chance.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

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
    fn no_count_below_the_threshold_is_ever_shown_and_all_are_rounded(
        shape in shapes(), threshold in 5_u64..=10, rounding in prop::sample::select(vec![1_u64, 5, 7, 20]),
    ) {
        let key = if rounding < 5 { "danger_rounding" } else { "rounding" };
        let policy = format!("danger_threshold = {threshold}\ndanger_noise = 0\n{key} = {rounding}");
        let outcome = released(shape.raw(), &Policy::check(&policy).unwrap());
        if let CohortOutcome::Value(answer) = outcome {
            prop_assert!(answer.persons >= threshold && answer.records >= answer.persons);
            prop_assert!(answer.persons.is_multiple_of(rounding) && answer.records.is_multiple_of(rounding));
            for cell in answer.fields.iter().flat_map(|field| &field.cells) {
                prop_assert!(!cell.count.is_some_and(|count| (1..threshold).contains(&count)));
                prop_assert!(cell.count.is_none_or(|count| count.is_multiple_of(rounding)), "{:?}", cell);
            }
        }
    }

    #[test]
    fn a_fold_of_modalities_has_company_and_keeps_the_sum(shape in shapes(), threshold in 5_u64..=10) {
        let before: Vec<u64> = shape.modalities.iter().map(|(persons, more)| persons + more)
            .filter(|images| *images > 0).collect();
        let outcome = released(shape.raw(), &exact(threshold));
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

    #[test]
    fn no_noisy_count_below_the_threshold_is_ever_shown(shape in shapes(), question in 0_u64..1_000_000) {
        let answered = release(shape.raw(), &Policy::default(), &noise(question), extract());
        prop_assert!(answered.units > 0);
        if let CohortOutcome::Value(answer) = answered.release.into_outcome() {
            prop_assert!(answer.persons >= 30 && answer.records >= answer.persons);
            for cell in answer.fields.iter().flat_map(|field| &field.cells) {
                prop_assert!(!cell.count.is_some_and(|count| (1..10).contains(&count) || count % 5 != 0));
            }
        }
    }
}

/// A cohort with every kind of statistic.
fn rich(persons: u64) -> RawCounts {
    let halves = |name: &str| -> Vec<Group> {
        ["one", "other"].map(|half| Group { label: format!("{name} {half}"), persons: persons / 2 }).into()
    };
    let bins = (0..4_u32).map(|at| Bin { from: f64::from(at), to: f64::from(at + 1), persons: persons / 4 });
    RawCounts::new(Measured {
        cost: 0,
        rows: 2 * persons,
        rows_cap: 2,
        subjects: (0..persons).collect(),
        columns: vec![ColumnCounts {
            name: "c".to_owned(),
            values: persons,
            nulls: persons,
            persons_with: persons,
            persons_without: persons,
        }],
        ages: vec![
            Group { label: "20-29".to_owned(), persons: persons / 2 },
            Group { label: "30-39".to_owned(), persons: persons / 2 },
        ],
        sexes: halves("sex"),
        years: halves("20"),
        years_cap: 2,
        images: Some(ImageCounts {
            persons,
            images_cap: 1,
            modalities: vec![ImageGroup { label: "CT".to_owned(), images: persons, persons }],
        }),
        numbers: vec![NumberColumn {
            name: "n".to_owned(),
            low: 0.0,
            high: 4.0,
            bins: bins.collect(),
            persons,
            mean: 2.0,
            spread: 1.2,
        }],
        categories: vec![CategoryColumn {
            name: "t".to_owned(),
            groups: halves("t"),
            persons,
            values_cap: 1,
        }],
        statistics: Statistics::of(1, 1, 1, true),
    })
}

/// Every number of an answer, by its name.
fn numbers(question: u64, persons: u64) -> BTreeMap<String, f64> {
    let answered = release(rich(persons), &Policy::default(), &noise(question), extract());
    let CohortOutcome::Value(answer) = answered.release.into_outcome() else { return BTreeMap::new() };
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let plain = |count: u64| count as f64;
    let mut numbers = BTreeMap::new();
    numbers.insert("persons".to_owned(), plain(answer.persons));
    numbers.insert("records".to_owned(), plain(answer.records));
    for field in answer.fields {
        for cell in field.cells {
            numbers.insert(format!("{} {}", field.name, cell.label), plain(cell.count.unwrap()));
        }
        if let Some(summary) = field.summary {
            numbers.insert(format!("{} mean", field.name), summary.mean.value());
            numbers.insert(format!("{} spread", field.name), summary.spread.value());
        }
    }
    numbers
}

#[test]
fn every_number_of_an_answer_has_noise_and_the_same_question_the_same() {
    let persons = 100_000;
    let first = numbers(1, persons);
    assert_eq!(first, numbers(1, persons));
    assert!(first.len() > 15, "{first:?}");
    let others: Vec<_> = (2..6).map(|question| numbers(question, persons)).collect();
    for (name, value) in &first {
        let same =
            others.iter().filter(|other| other.get(name).is_some_and(|other| (other - value).abs() < 1e-9));
        assert!(same.count() < others.len(), "{name} is {value} whatever the noise");
    }
}

#[test]
fn numbers_are_within_their_margins_about_as_often_as_they_say() {
    let mut within = 0;
    for question in 0..1_000 {
        let answered = release(by_sex(&[300, 300]), &Policy::default(), &noise(question), extract());
        let CohortOutcome::Value(answer) = answered.release.into_outcome() else { panic!("600 are enough") };
        within += u32::from(answer.persons.abs_diff(600) <= answer.protection.unwrap().persons_margin);
    }
    assert!((930..=985).contains(&within), "{within} of 1,000");
}

#[test]
fn one_person_more_is_no_new_label_and_no_other_flag() {
    let with = |more: &[u64], question| {
        let mut persons = vec![2_500, 2_500];
        persons.extend(more);
        let RawCounts(mut raw) = by_sex(&persons);
        raw.categories = vec![CategoryColumn {
            name: "t".to_owned(),
            groups: raw.sexes.clone(),
            persons: persons.iter().sum(),
            values_cap: 1,
        }];
        raw.years = raw.sexes.clone();
        raw.years_cap = 1;
        raw.ages = vec![Group { label: "30-39".to_owned(), persons: 5_000 }];
        raw.ages.extend(more.iter().map(|more| Group { label: "40-49".to_owned(), persons: *more }));
        let answered = release(RawCounts(raw), &Policy::default(), &noise(question), extract());
        let CohortOutcome::Value(answer) = answered.release.into_outcome() else {
            panic!("5,000 are enough")
        };
        let labels = |field: &Field| {
            let labels: Vec<_> = field.cells.iter().map(|cell| cell.label.clone()).collect();
            (field.name.clone(), labels, field.folded)
        };
        answer.fields.iter().map(labels).collect::<Vec<_>>()
    };
    let mut differ = 0;
    for question in 0..300 {
        differ += u32::from(with(&[], question) != with(&[1], question));
    }
    // An age group on the edge of being shown may fall on its other side.
    assert!(differ < 15, "{differ} of 300");
}

#[test]
fn whether_a_cohort_reaches_the_threshold_hardly_shows() {
    let shown = |persons: u64| {
        (0..20_000).filter(|question| !numbers_of_count(*question, persons).is_empty()).count()
    };
    assert_eq!(shown(9), 0);
    // One person more makes a difference in less than one of a hundred questions.
    let at_the_threshold = shown(10);
    assert!(at_the_threshold < 200, "{at_the_threshold} of 20,000");
    assert!(shown(60) > 19_900);
}

fn numbers_of_count(question: u64, persons: u64) -> Vec<u64> {
    match release(by_sex(&[persons]), &Policy::default(), &noise(question), extract()).release.into_outcome()
    {
        CohortOutcome::Value(answer) => vec![answer.persons],
        CohortOutcome::FewerThan { .. } | CohortOutcome::Refused(_) | CohortOutcome::Failed { .. } => vec![],
    }
}

#[test]
fn what_is_charged_follows_from_the_noisy_count_and_not_from_the_exact_one() {
    // Else whether the others of a cohort are left out of later answers tells whether somebody was with them.
    let charges = |persons| -> BTreeSet<u64> {
        let units = |question| release(rich(persons), &Policy::default(), &noise(question), extract()).units;
        (0..1_000).map(units).collect()
    };
    for persons in [9, 49, 60, 65, 120, 400, 1_000] {
        let (fewer, more) = (charges(persons), charges(persons + 1));
        assert!(!fewer.is_disjoint(&more), "{persons}");
    }
}

#[test]
fn exact_counts_cost_nothing_and_noisy_ones_what_they_tell() {
    let units = |policy: &Policy, persons| release(rich(persons), policy, &noise(1), extract()).units;
    assert_eq!(units(&policy(), 1_000), 0);
    let (few, many) = (units(&Policy::default(), 60), units(&Policy::default(), 100_000));
    assert!(few > 100 * many && many > 0, "{few} {many}");
    assert!(few <= Policy::default().units_max());
}
