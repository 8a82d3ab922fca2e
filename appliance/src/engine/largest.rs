//! What a crowd shares: the n-th largest of many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The value that at least `crowd` of these reach: the `crowd`-th of the largest. Nothing where there are fewer.
pub(super) fn largest<T: Ord>(values: impl IntoIterator<Item = T>, crowd: u64) -> Option<T> {
    let crowd = usize::try_from(crowd.max(1)).unwrap_or(usize::MAX);
    let mut most: BinaryHeap<Reverse<T>> = BinaryHeap::new();
    for value in values {
        if most.len() < crowd {
            most.push(Reverse(value));
        } else if let Some(mut least) = most.peek_mut()
            && value > least.0
        {
            *least = Reverse(value);
        }
    }
    if most.len() < crowd { None } else { most.pop().map(|Reverse(value)| value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_counted_from_above() {
        let values = [3, 9, 1, 9, 4];
        assert_eq!([1, 2, 3, 5].map(|crowd| largest(values, crowd)), [Some(9), Some(9), Some(4), Some(1)]);
        assert_eq!((largest(values, 6), largest(values, 0)), (None, Some(9)));
    }
}
