//! Small cells of one statistic counted together.
//!
//! What must stay true: every cell that comes out, `Other` included, counts at least the threshold, in its own unit
//! and in persons; where cells were folded, at least two are behind `Other` (or nothing is shown at all), so that
//! neither it nor any difference with a total gives one of them away.

use flip_protocol::answer::Cell;

use super::OTHER;

/// One cell before protection.
pub(super) struct Part {
    pub label: String,
    pub count: u64,
    pub persons: u64,
}

/// Cells after protection, in the order they came, `Other` last.
pub(super) struct Folded {
    pub cells: Vec<Cell>,
    pub any: bool,
}

/// Folds the cells below the threshold, and then the smallest shown ones until `Other` is large enough.
///
/// `persons_all` is how many distinct persons are behind all parts; `join` gives a number of distinct persons that
/// are certainly behind two parts together.
pub(super) fn fold(
    parts: Vec<Part>,
    threshold: u64,
    persons_all: u64,
    join: impl Fn(u64, u64) -> u64,
) -> Folded {
    let parts = parts.into_iter().filter(|part| part.count > 0);
    let (mut hidden, mut shown): (Vec<Part>, Vec<Part>) = parts.partition(|part| is_small(part, threshold));
    // Records may have an `Other` of their own; a second one must not stand beside it.
    if !hidden.is_empty() {
        hidden.extend(shown.extract_if(.., |part| part.label == OTHER));
    }
    let any = !hidden.is_empty();
    while any && !is_enough(&hidden, &shown, threshold, persons_all, &join) {
        let smallest = shown.iter().enumerate().min_by_key(|(_, part)| part.count).map(|(at, _)| at);
        match smallest {
            Some(at) => hidden.push(shown.remove(at)),
            None => return Folded { cells: Vec::new(), any },
        }
    }
    let other = hidden.iter().map(|part| part.count).sum::<u64>();
    let mut cells: Vec<Cell> =
        shown.into_iter().map(|part| Cell { label: part.label, count: Some(part.count) }).collect();
    if any {
        cells.push(Cell { label: OTHER.to_owned(), count: Some(other) });
    }
    Folded { cells, any }
}

/// True where the hidden cells together may be shown as one.
fn is_enough(
    hidden: &[Part],
    shown: &[Part],
    threshold: u64,
    persons_all: u64,
    join: &impl Fn(u64, u64) -> u64,
) -> bool {
    let count: u64 = hidden.iter().map(|part| part.count).sum();
    let certain = hidden.iter().map(|part| part.persons).fold(0, join);
    let persons = if shown.is_empty() { persons_all } else { certain };
    count >= threshold && persons >= threshold && is_open(hidden, shown, count, threshold)
}

/// True where any one of the small cells could as well be empty, for all that one can see: the others could make up
/// the sum. One knows that a small cell is below the threshold, and that a larger one which was folded with them is
/// at most the smallest of those shown.
fn is_open(hidden: &[Part], shown: &[Part], count: u64, threshold: u64) -> bool {
    let Some(smallest_shown) = shown.iter().map(|part| part.count).min() else { return true };
    let largest = |part: &Part| if is_small(part, threshold) { threshold - 1 } else { smallest_shown };
    let sum_max: u64 = hidden.iter().map(largest).sum();
    count <= sum_max - (threshold - 1)
}

fn is_small(part: &Part, threshold: u64) -> bool {
    part.count < threshold || part.persons < threshold
}
