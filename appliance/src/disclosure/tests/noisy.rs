//! Noise: the same for the same question, within its margins, and what it costs.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

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
