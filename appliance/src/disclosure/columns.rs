//! Statistics of a result's columns and years: histograms, top values, years of observation.
//!
//! What must stay true: no cell counts from 1 to the threshold less one persons, and under an exact policy neither does
//! what is left over between the cells of a statistic and the persons behind it.

use flip_protocol::answer::{Cell, Field, Finite, Shape, Summary, Unit};

use super::fold::Part;
use super::raw::{CategoryColumn, Group, NumberColumn};
use super::statistics::{Counts, Labels, Width};

/// Named values of one column that are shown.
const TOP_VALUES: usize = 20;
/// Significant digits of a spread, and of a mean beside it.
const DIGITS: i32 = 3;

/// Persons by calendar year. One person may be in several years, so that no sum of cells means anything; a cell is
/// withheld where it, or the persons who are not in it, are few.
pub(super) fn years(years: Vec<Group>, years_cap: u64, subjects: u64, counts: &Counts<'_>) -> Field {
    const NAME: &str = "Years of Observation";
    let width = counts.width(root(years_cap));
    let floor = counts.floor(width, Labels::FromRecords);
    let shown = |count: u64| {
        // With noise the years add up to nothing, and what is not in one cannot be had by subtracting.
        count >= floor && (width.sigma > 0.0 || !is_few(subjects.saturating_sub(count), floor))
    };
    let mut folded = false;
    let cells = years.into_iter().map(|year| {
        let count = counts.noised(year.persons, width, NAME, &year.label);
        let shown = shown(count);
        folded |= !shown || width.sigma > 0.0;
        Cell { count: shown.then(|| counts.rounded(count, width)), label: year.label }
    });
    let mut cells: Vec<Cell> = cells.collect();
    if width.sigma > 0.0 {
        // That somebody was observed in a year says something: a year that is withheld is not named.
        cells.retain(|cell| cell.count.is_some());
    }
    width.field(NAME, Unit::Persons, cells, folded)
}

/// A numeric column's bins, joined with their neighbours until none is small. Nothing where those without a value
/// are few: the bins would give them away.
pub(super) fn histogram(column: &NumberColumn, subjects: u64, counts: &Counts<'_>) -> Option<Field> {
    let name = format!("Distribution of {}", column.name);
    let width = counts.width(1.0);
    // Below zero too, so that what is joined is not too large on the average.
    let bins: Vec<i64> = column
        .bins
        .iter()
        .map(|bin| counts.noised_whole(bin.persons, width, &name, &format!("{:?}", bin.from)))
        .collect();
    let persons = bins.iter().sum::<i64>().max(0).cast_unsigned();
    let floor = counts.floor(width, Labels::Fixed);
    if width.sigma > 0.0 {
        // That there are bins at all says that enough persons have values.
        #[expect(clippy::cast_precision_loss, reason = "twenty bins")]
        let all = Width { sigma: width.sigma * (bins.len() as f64).sqrt(), step: width.step };
        if persons < counts.floor(all, Labels::FromRecords) {
            return None;
        }
    } else if persons < floor || is_few(subjects.saturating_sub(persons), floor) {
        return None;
    }
    let ends = column.bins.iter().zip(bins).map(|(bin, persons)| (bin.from, bin.to, persons));
    let few = |persons: i64| {
        // An empty bin is shown where that is exact.
        persons < floor.cast_signed() && (persons != 0 || width.sigma > 0.0)
    };
    let joined = joined(ends, few)?;
    let last = joined.len().checked_sub(1)?;
    let label = |at: usize, from: f64, to: f64| match at {
        // The ends are open: values beyond the bounds are counted there.
        _ if last == 0 => "all values".to_owned(),
        0 => format!("below {to}"),
        _ if at == last => format!("{from} and more"),
        _ => format!("{from} to {to}"),
    };
    let folded = joined.len() < column.bins.len();
    let cells = joined.iter().enumerate().map(|(at, (from, to, persons))| Cell {
        label: label(at, tidy(*from), tidy(*to)),
        count: Some(counts.rounded(persons.max(&0).cast_unsigned(), width)),
    });
    let cells = cells.collect();
    Some(Field {
        shape: Shape::Histogram,
        summary: summary(column, persons, &name, counts),
        ..width.field(&name, Unit::Persons, cells, folded)
    })
}

/// Bins joined upwards until none has few; what is left at the upper end joins the bins below it.
fn joined(
    bins: impl Iterator<Item = (f64, f64, i64)>,
    few: impl Fn(i64) -> bool,
) -> Option<Vec<(f64, f64, i64)>> {
    let mut joined: Vec<(f64, f64, i64)> = Vec::new();
    let mut open: Option<(f64, f64, i64)> = None;
    for (from, to, persons) in bins {
        let (from, persons) = open.map_or((from, persons), |(from, _, so_far)| (from, so_far + persons));
        open = if few(persons) {
            Some((from, to, persons))
        } else {
            joined.push((from, to, persons));
            None
        };
    }
    while let Some((_, to, persons)) = open {
        let (from, _, more) = joined.pop()?;
        open = Some((from, to, persons + more)).filter(|_| few(persons + more));
        if open.is_none() {
            joined.push((from, to, persons + more));
        }
    }
    Some(joined)
}

/// Mean and spread of values held within `low..=high`. Their sum and sum of squares, from the middle, have noise: one
/// person changes them by at most half the range, and its square.
fn summary(column: &NumberColumn, persons: u64, name: &str, counts: &Counts<'_>) -> Option<Summary> {
    let width = counts.width(1.0);
    let (mut mean, mut spread) = (column.mean, column.spread);
    let mut step = digit(spread);
    if width.sigma > 0.0 {
        let middle = column.low.midpoint(column.high);
        let half = (column.high - column.low) / 2.0;
        #[expect(clippy::cast_precision_loss, reason = "persons are far fewer than 2^53")]
        let (exact, noisy) = (column.persons as f64, persons.max(1) as f64);
        let sum = exact * (mean - middle) + half * counts.draw(width, name, "mean");
        let squares = exact * (spread.powi(2) + (mean - middle).powi(2))
            + half * half * counts.draw(width, name, "spread");
        let off = (sum / noisy).clamp(-half, half);
        mean = middle + off;
        spread = (squares / noisy - off * off).clamp(0.0, half * half).sqrt();
        step = digit(spread).max(power(half * width.sigma / noisy / 2.0));
    }
    let summary = |mean, spread| {
        Some(Summary { mean: Finite::try_from(mean).ok()?, spread: Finite::try_from(spread).ok()? })
    };
    summary(to_multiple(mean, step), to_multiple(spread, step))
}

/// The most frequent values of a column. One person may have several: only the largest group is sure to count
/// persons once.
pub(super) fn top_values(column: CategoryColumn, counts: &Counts<'_>) -> Field {
    let name = format!("Top Values of {}", column.name);
    let width = counts.width(root(column.values_cap));
    let parts = column.groups.into_iter().filter(|group| group.persons > 0);
    let mut parts: Vec<Part> = parts
        .map(|group| Part { label: group.label, count: group.persons, persons: group.persons })
        .collect();
    if !counts.policy.is_exact() {
        // Which come first is for the noisy counts to say.
        parts.sort_by(|part, other| part.label.cmp(&other.label));
    }
    let how = (width, Labels::FromRecords);
    let mut field = counts.folded(&name, Unit::Persons, parts, column.persons, how, u64::max);
    if !counts.policy.is_exact() {
        field.cells.sort_by_key(|cell| std::cmp::Reverse(cell.count));
    }
    field.folded |= field.cells.len() > TOP_VALUES;
    field.cells.truncate(TOP_VALUES);
    Field { shape: Shape::TopValues, ..field }
}

/// How much a person in so many cells changes all of them together: the root of the sum of squares.
fn root(cells: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
    let cells = cells as f64;
    cells.sqrt()
}

fn is_few(persons: u64, floor: u64) -> bool {
    (1..floor).contains(&persons)
}

/// Ends of bins are multiples of a round width; their last binary digits are not to be seen.
fn tidy(number: f64) -> f64 {
    format!("{number:.9e}").parse().unwrap_or(number)
}

/// The power of ten at the last significant digit of a number.
fn digit(number: f64) -> f64 {
    if number > 0.0 && number.is_finite() { power(number) * 10_f64.powi(1 - DIGITS) } else { 0.0 }
}

/// The largest power of ten that is not above a number.
fn power(number: f64) -> f64 {
    if number > 0.0 && number.is_finite() { 10_f64.powf(number.log10().floor()) } else { 0.0 }
}

fn to_multiple(number: f64, step: f64) -> f64 {
    if step > 0.0 { tidy((number / step).round() * step) } else { number }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disclosure::budget::{Details, Statistics};
    use crate::disclosure::{Bin, Noise, Policy};

    /// The field that `made` makes of exact counts above a threshold.
    fn exactly<T>(threshold: u64, made: impl FnOnce(&Counts<'_>) -> T) -> T {
        let policy = format!("danger_threshold = {threshold}\ndanger_noise = 0\ndanger_rounding = 1");
        let policy = Policy::check(&policy).unwrap();
        let noise = Noise::new(&[0; 32], &[0; 32]);
        made(&Counts::new(&policy, &noise, Details::of(0.0, 100), Statistics::of(1, 0, 0, false)))
    }

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
        let field = exactly(5, |counts| histogram(&column(persons), persons.iter().sum(), counts)).unwrap();
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
        assert!(exactly(5, |counts| histogram(&column(&[10]), 12, counts)).is_none());
        assert!(exactly(5, |counts| histogram(&column(&[10]), 15, counts)).is_some());
        assert!(exactly(5, |counts| histogram(&column(&[4]), 4, counts)).is_none());
    }

    #[test]
    fn a_year_is_withheld_where_few_are_in_it_or_few_are_not() {
        let group = |label: &str, persons| Group { label: label.to_owned(), persons };
        let field = vec![group("2019", 3), group("2020", 8), group("2021", 20), group("2022", 18)];
        let field = exactly(5, |counts| years(field, 1, 20, counts));
        let counts: Vec<_> = field.cells.iter().map(|cell| cell.count).collect();
        assert_eq!(counts, [None, Some(8), Some(20), None]);
        assert!(field.folded);
    }

    proptest! {
        #[test]
        fn no_bin_is_small_and_nobody_is_lost(persons in prop::collection::vec(0_u64..30, 1..20), threshold in 5_u64..=10) {
            let all: u64 = persons.iter().sum();
            if let Some(field) = exactly(threshold, |counts| histogram(&column(&persons), all, counts)) {
                let counts: Vec<u64> = field.cells.iter().map(|cell| cell.count.unwrap()).collect();
                prop_assert!(counts.iter().all(|count| !is_few(*count, threshold)));
                prop_assert_eq!(counts.iter().sum::<u64>(), all);
            }
        }
    }
}
