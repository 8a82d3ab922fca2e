//! Statistics of a result's columns and years: histograms, top values, years of observation.
//!
//! What must stay true: no cell counts from 1 to the threshold less one persons, and neither does what is left over
//! between the cells of a statistic and the persons behind it.

use flip_protocol::answer::{Cell, Field, Finite, Shape, Summary, Unit};

use super::fold::{Part, fold};
use super::raw::{CategoryColumn, Group, NumberColumn};

/// Named values of one column that are shown.
const TOP_VALUES: usize = 20;
/// Significant digits of a mean or a spread.
const DIGITS: i32 = 3;

/// Persons by calendar year. One person may be in several years, so that no sum of cells means anything; a cell is
/// withheld where it, or the persons who are not in it, are few.
pub(super) fn years(years: Vec<Group>, subjects: u64, threshold: u64) -> Field {
    let shown =
        |persons: u64| !is_few(persons, threshold) && !is_few(subjects.saturating_sub(persons), threshold);
    let folded = years.iter().any(|year| !shown(year.persons));
    let cells = years
        .into_iter()
        .map(|year| Cell { count: shown(year.persons).then_some(year.persons), label: year.label });
    Field::of_groups("Years of Observation", Unit::Persons, cells.collect(), folded)
}

/// A numeric column's bins, joined with their neighbours until none is small. Nothing where those without a value
/// are few: the bins would give them away.
pub(super) fn histogram(column: &NumberColumn, subjects: u64, threshold: u64) -> Option<Field> {
    if column.persons < threshold || is_few(subjects.saturating_sub(column.persons), threshold) {
        return None;
    }
    let mut joined: Vec<(f64, f64, u64)> = Vec::new();
    let mut open: Option<(f64, f64, u64)> = None;
    for bin in &column.bins {
        let (from, persons) =
            open.map_or((bin.from, bin.persons), |(from, _, so_far)| (from, so_far + bin.persons));
        open = if is_few(persons, threshold) {
            Some((from, bin.to, persons))
        } else {
            joined.push((from, bin.to, persons));
            None
        };
    }
    // What is left at the upper end joins the bins below it.
    while let Some((_, to, persons)) = open {
        let (from, _, more) = joined.pop()?;
        open = Some((from, to, persons + more)).filter(|_| is_few(persons + more, threshold));
        if open.is_none() {
            joined.push((from, to, persons + more));
        }
    }
    let last = joined.len().checked_sub(1)?;
    let label = |at: usize, from: f64, to: f64| match at {
        // The ends are open: values beyond the bounds are counted there.
        _ if last == 0 => "all values".to_owned(),
        0 => format!("below {to}"),
        _ if at == last => format!("{from} and more"),
        _ => format!("{from} to {to}"),
    };
    let folded = joined.len() < column.bins.len();
    let cells = joined.iter().enumerate();
    let cells = cells.map(|(at, (from, to, persons))| Cell {
        label: label(at, tidy(*from), tidy(*to)),
        count: Some(*persons),
    });
    let summary =
        Finite::try_from(rounded(column.mean)).ok().zip(Finite::try_from(rounded(column.spread)).ok());
    Some(Field {
        shape: Shape::Histogram,
        summary: summary.map(|(mean, spread)| Summary { mean, spread }),
        ..Field::of_groups(
            &format!("Distribution of {}", column.name),
            Unit::Persons,
            cells.collect(),
            folded,
        )
    })
}

/// The most frequent values of a column. One person may have several: only the largest group is sure to count
/// persons once.
pub(super) fn top_values(column: CategoryColumn, threshold: u64) -> Field {
    let parts = column.groups.into_iter().map(|group| Part {
        label: group.label,
        count: group.persons,
        persons: group.persons,
    });
    let mut folded = fold(parts.collect(), threshold, column.persons, u64::max);
    let any = folded.any || folded.cells.len() > TOP_VALUES;
    folded.cells.truncate(TOP_VALUES);
    Field {
        shape: Shape::TopValues,
        ..Field::of_groups(&format!("Top Values of {}", column.name), Unit::Persons, folded.cells, any)
    }
}

fn is_few(persons: u64, threshold: u64) -> bool {
    (1..threshold).contains(&persons)
}

/// Ends of bins are multiples of a round width; their last binary digits are not to be seen.
fn tidy(number: f64) -> f64 {
    format!("{number:.9e}").parse().unwrap_or(number)
}

fn rounded(number: f64) -> f64 {
    let digits = usize::try_from(DIGITS - 1).unwrap_or_default();
    format!("{number:.digits$e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disclosure::Bin;

    fn column(persons: &[u64]) -> NumberColumn {
        let bins = persons.iter().zip(0_u32..);
        NumberColumn {
            name: "x".to_owned(),
            low: 0.0,
            high: 1.0,
            bins: bins
                .map(|(persons, at)| Bin { from: f64::from(at), to: f64::from(at + 1), persons: *persons })
                .collect(),
            persons: persons.iter().sum(),
            mean: 12.345,
            spread: 1.0,
        }
    }

    fn shown(persons: &[u64]) -> Vec<(String, u64)> {
        let field = histogram(&column(persons), persons.iter().sum(), 5).unwrap();
        field.cells.into_iter().map(|cell| (cell.label, cell.count.unwrap())).collect()
    }

    #[test]
    fn small_bins_join_their_neighbours_and_the_ends_are_open() {
        let pairs = |cells: &[(&str, u64)]| {
            cells.iter().map(|(label, n)| ((*label).to_owned(), *n)).collect::<Vec<_>>()
        };
        assert_eq!(shown(&[2, 4, 9, 1]), pairs(&[("below 2", 6), ("2 and more", 10)]));
        assert_eq!(shown(&[7, 0, 8]), pairs(&[("below 1", 7), ("1 to 2", 0), ("2 and more", 8)]));
        assert_eq!(shown(&[3, 3]), pairs(&[("all values", 6)]));
    }

    #[test]
    fn a_histogram_is_not_made_where_few_have_no_value() {
        assert!(histogram(&column(&[10]), 12, 5).is_none());
        assert!(histogram(&column(&[10]), 15, 5).is_some());
        assert!(histogram(&column(&[4]), 4, 5).is_none());
    }

    #[test]
    fn a_year_is_withheld_where_few_are_in_it_or_few_are_not() {
        let group = |label: &str, persons| Group { label: label.to_owned(), persons };
        let field =
            years(vec![group("2019", 3), group("2020", 8), group("2021", 20), group("2022", 18)], 20, 5);
        let counts: Vec<_> = field.cells.iter().map(|cell| cell.count).collect();
        assert_eq!(counts, [None, Some(8), Some(20), None]);
        assert!(field.folded);
    }

    proptest! {
        #[test]
        fn no_bin_is_small_and_nobody_is_lost(persons in prop::collection::vec(0_u64..30, 1..20), threshold in 5_u64..20) {
            let all: u64 = persons.iter().sum();
            if let Some(field) = histogram(&column(&persons), all, threshold) {
                let counts: Vec<u64> = field.cells.iter().map(|cell| cell.count.unwrap()).collect();
                prop_assert!(counts.iter().all(|count| !is_few(*count, threshold)));
                prop_assert_eq!(counts.iter().sum::<u64>(), all);
            }
        }
    }
}
