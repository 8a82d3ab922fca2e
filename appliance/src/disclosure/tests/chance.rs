//! Larger tables by chance.

use proptest::prelude::*;

use super::*;

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
