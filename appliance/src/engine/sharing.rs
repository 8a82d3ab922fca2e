//! Caps and bounds that no single person decides: what a crowd shares and, where counts have noise, what is clear of it.
//!
//! With noise a cap is the largest power of two that clearly many persons reach, and a number's bounds are the ends of
//! the cells in which there are clearly many persons. Both are read off counts with noise, in which each person stands
//! once, so that whether one person is there tells no more than the noise allows; what it tells is charged as that of
//! any other count ([`Statistics::caps`]).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::disclosure::{Noise, Policy, Statistics, blur_sigma, clear_of};

use super::wire::Question;

/// How a question's caps and bounds are found.
pub(super) enum Sharing {
    /// Exactly so many persons share them.
    Crowd(u64),
    /// Clearly more persons than a threshold share them, in counts with noise.
    Blurred { noise: Noise, sigma: f64, threshold: u64 },
}

/// Persons who are as likely as not to move a cap, and to move the end of a histogram, in a cohort of that size with so
/// many statistics: what an attacker places beside a target.
pub(crate) fn edges(policy: &Policy, persons: u64, statistics: Statistics) -> [u64; 2] {
    let sigma = if policy.is_exact() { 0.0 } else { blur_sigma(policy.noise(), persons, statistics) };
    [OF_CAPS, OF_SIZES].map(|look| look.clear(policy.threshold(), sigma))
}

/// Powers of two up to which one person's rows, images, values or years are counted: 64.
const CAP_POWER_MAX: u32 = 6;

/// How counts with noise are looked at.
#[derive(Clone, Copy)]
struct Look {
    /// As how many lists of counts they are charged (see [`Statistics::of`]): the more, the less noise they have.
    lists: f64,
    /// Standard deviations by which one must be clear of the threshold.
    clear: f64,
}

/// There are a few powers.
const OF_CAPS: Look = Look { lists: 1.0, clear: 3.5 };
/// There are many sizes, most of them empty, and without one that is clear there are no bounds.
const OF_SIZES: Look = Look { lists: 2.0, clear: 4.5 };
/// One that is clear by its noise alone would leave most persons outside.
const OF_CELLS: Look = Look { lists: 1.0, clear: 4.5 };

impl Look {
    fn sigma(self, sigma: f64) -> f64 {
        sigma / self.lists.sqrt()
    }

    /// The smallest count that is clear, where one list has noise of this standard deviation.
    fn clear(self, threshold: u64, sigma: f64) -> u64 {
        clear_of(threshold, self.sigma(sigma), self.clear)
    }
}

/// Cells between bounds of numbers, to find narrower ones. The more there are, the fewer are clear: these hold a few hundred
/// years of birth, which powers of two do not.
const CELLS: i32 = 8;
/// How often narrower ones are looked for (see [`Statistics::of`]).
const ROUNDS: u32 = 2;
/// The share of persons that narrower bounds are to hold, as far as counts with noise tell: the rest is counted at an end.
const HELD: f64 = 0.8;
/// Binary exponents of numbers that have cells of their own.
const EXPONENTS: std::ops::RangeInclusive<i32> = -40..=60;
/// The largest of [`size`].
const SIZE_MAX: i32 = *EXPONENTS.end() - *EXPONENTS.start() + 1;

impl Sharing {
    /// For a question about so many persons, with so many statistics.
    pub fn of(question: &Question, persons: usize, statistics: Statistics) -> Self {
        match &question.blur {
            None => Self::Crowd(question.crowd),
            Some(blur) => Self::Blurred {
                noise: Noise::new(&blur.seed, &[0; 32]),
                sigma: blur_sigma(blur.noise, persons as u64, statistics),
                threshold: question.crowd,
            },
        }
    }

    /// The most that one person is counted for, of what each person has; zero where nobody has anything that counts.
    pub fn cap(&self, what: &str, held: impl IntoIterator<Item = u64>) -> u64 {
        match self {
            Self::Crowd(crowd) => largest(held.into_iter().filter(|held| *held > 0), *crowd).unwrap_or(0),
            Self::Blurred { .. } => {
                let mut cells = [0_u64; CAP_POWER_MAX as usize + 1];
                for held in held.into_iter().filter(|held| *held > 0) {
                    // 1, 2, 3 and 4, 5 to 8, ..
                    let power = (u64::BITS - (held - 1).leading_zeros()).min(CAP_POWER_MAX);
                    cells[power as usize] += 1;
                }
                let clear =
                    |(power, persons): &(usize, u64)| self.clear(what, power, *persons, OF_CAPS).is_some();
                let power = cells.into_iter().enumerate().rev().find(clear).map_or(0, |(power, _)| power);
                1 << power
            }
        }
    }

    /// Bounds of numbers, one a person; nothing where too few have any.
    pub fn ends(&self, what: &str, numbers: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
        match self {
            Self::Crowd(crowd) => {
                if (numbers.clone().count() as u64) < 2 * (*crowd).max(1) {
                    return None;
                }
                let Reverse(Finite(least)) =
                    largest(numbers.clone().map(|number| Reverse(Finite(number))), *crowd)?;
                let Finite(greatest) = largest(numbers.map(Finite), *crowd)?;
                Some((least, greatest))
            }
            Self::Blurred { .. } => {
                let mut sizes = [0; (2 * SIZE_MAX + 1) as usize];
                numbers.clone().for_each(|number| sizes[place_of(size(number), -SIZE_MAX)] += 1);
                let sizes = self.outermost(&format!("sizes of {what}"), -SIZE_MAX, &sizes, OF_SIZES)?;
                let (mut low, mut high) = (ends_of(sizes.first).0, ends_of(sizes.last).1);
                for round in 1..=ROUNDS {
                    let width = (high - low) / f64::from(CELLS);
                    let mut cells = [0; CELLS as usize];
                    for number in numbers.clone() {
                        #[expect(clippy::cast_possible_truncation, reason = "held within the cells")]
                        let cell = ((number - low) / width).clamp(0.0, f64::from(CELLS - 1)) as i32;
                        cells[place_of(cell, 0)] += 1;
                    }
                    let found = self.outermost(&format!("cells {round} of {what}"), 0, &cells, OF_CELLS);
                    if let Some(Clear { first, last, .. }) =
                        found.filter(|found| found.persons >= HELD * sizes.persons)
                    {
                        (low, high) = (low + width * f64::from(first), low + width * f64::from(last + 1));
                    }
                }
                Some((low, high))
            }
        }
    }

    /// The cells that clearly hold more persons than the threshold, of cells numbered from `first` on.
    fn outermost(&self, what: &str, first: i32, persons: &[u64], look: Look) -> Option<Clear> {
        let cells = (first..).zip(persons);
        let cells = cells.filter_map(|(cell, persons)| Some((cell, self.clear(what, cell, *persons, look)?)));
        cells.fold(None, |clear: Option<Clear>, (cell, persons)| {
            let first = clear.as_ref().map_or(cell, |clear| clear.first);
            let before = clear.map_or(0.0, |clear| clear.persons);
            Some(Clear { first, last: cell, persons: before + persons })
        })
    }

    /// A cell's count, with its noise where it has any, if it is clear.
    #[expect(clippy::cast_precision_loss, reason = "a share is made of it")]
    fn clear(&self, what: &str, cell: impl std::fmt::Display, persons: u64, look: Look) -> Option<f64> {
        let (count, least) = match self {
            Self::Crowd(crowd) => (persons, *crowd),
            Self::Blurred { noise, sigma, threshold } => {
                let noisy = noise.added(persons, look.sigma(*sigma), what, &cell.to_string());
                (noisy, look.clear(*threshold, *sigma))
            }
        };
        (count >= least).then_some(count as f64)
    }
}

/// Cells that are clear: the first, the last, and the persons in all of them, noise included.
struct Clear {
    first: i32,
    last: i32,
    persons: f64,
}

/// Where a cell stands in a list of cells that begins with `first`.
fn place_of(cell: i32, first: i32) -> usize {
    usize::try_from(cell - first).expect("no cell is before the first")
}

/// A number's size: zero, or its sign and binary exponent in one number, in the order of the numbers.
fn size(number: f64) -> i32 {
    /// Bits of the fraction, below those of the exponent, and what the exponent stands above.
    const FRACTION: u32 = 52;
    const ABOVE: i32 = 1_023;
    if number == 0.0 {
        return 0;
    }
    let bits = number.abs().to_bits() >> FRACTION;
    let exponent = i32::try_from(bits).expect("eleven bits are left") - ABOVE;
    let size = exponent.clamp(*EXPONENTS.start(), *EXPONENTS.end()) - EXPONENTS.start() + 1;
    if number > 0.0 { size } else { -size }
}

/// The least and the greatest number of a size.
fn ends_of(size: i32) -> (f64, f64) {
    let power = |size: i32| f64::from(size - 1 + EXPONENTS.start()).exp2();
    match size.cmp(&0) {
        Ordering::Equal => (0.0, 0.0),
        Ordering::Greater => (power(size), power(size + 1)),
        Ordering::Less => (-power(1 - size), -power(-size)),
    }
}

/// A number that is neither infinite nor none, which has an order.
struct Finite(f64);

impl Ord for Finite {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Finite {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Finite {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Finite {}

/// The value that at least `crowd` of these reach: the `crowd`-th of the largest. Nothing where there are fewer.
fn largest<T: Ord>(values: impl IntoIterator<Item = T>, crowd: u64) -> Option<T> {
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

    fn blurred(sigma: f64) -> Sharing {
        Sharing::Blurred { noise: Noise::new(&[3; 32], &[0; 32]), sigma, threshold: 10 }
    }

    #[test]
    fn a_cap_is_what_clearly_many_reach_and_one_person_moves_none() {
        let held = |many: usize| [vec![1; 2_000], vec![3; 1_000], vec![60; many]].concat();
        let sharing = blurred(20.0);
        assert_eq!(sharing.cap("rows", held(0)), 4);
        assert_eq!(sharing.cap("rows", held(1)), 4);
        assert_eq!(sharing.cap("rows", held(500)), 64);
        assert_eq!(sharing.cap("rows", vec![1_000_000; 500]), 64);
        assert_eq!(sharing.cap("rows", Vec::new()), 1);
    }

    #[test]
    fn ends_hold_the_many_and_no_single_number() {
        let mut years: Vec<f64> = (0..3_000).map(|at| f64::from(1_930 + at % 70)).collect();
        let sharing = blurred(10.0);
        let (low, high) = sharing.ends("years", years.iter().copied()).unwrap();
        assert!((1_900.0..=1_945.0).contains(&low) && (1_984.0..=2_030.0).contains(&high), "{low} {high}");
        years.push(9e9);
        years.push(-1.0);
        assert_eq!(sharing.ends("years", years.iter().copied()), Some((low, high)));
        assert_eq!(sharing.ends("years", [5.0; 20].into_iter()), None);
        assert_eq!(sharing.ends("zeros", [0.0; 500].into_iter()), Some((0.0, 0.0)));
    }

    #[test]
    fn a_numbers_bounds_are_charged_as_the_lists_that_they_are_found_in() {
        let caps = |numeric| f64::from(Statistics::of(1, numeric, 0, false).caps);
        let lists = OF_SIZES.lists + f64::from(ROUNDS) * OF_CELLS.lists;
        assert!((caps(3) - caps(0) - 3.0 * lists).abs() < 1e-9);
    }

    #[test]
    fn a_few_hundred_years_of_birth_have_narrow_ends() {
        let years: Vec<f64> = (0..520).map(|at| f64::from(1_930 + at % 70)).collect();
        let sigma = blur_sigma(8.0, 520, Statistics::of(2, 1, 0, false));
        let ends = |seed| {
            let noise = Noise::new(&[seed; 32], &[0; 32]);
            Sharing::Blurred { noise, sigma, threshold: 10 }.ends("years", years.iter().copied())
        };
        let all: Vec<_> = (0..200).map(ends).collect();
        let many = |wanted| all.iter().filter(|ends| **ends == Some(wanted)).count();
        let [narrow, wide] = [(1_920.0, 2_048.0), (1_024.0, 2_048.0)].map(many);
        // Hardly ever a cell that is clear by its noise alone, which leaves most outside.
        assert!(narrow >= 180 && narrow + wide >= 198, "{narrow} {wide}");
    }

    #[test]
    fn sizes_are_in_the_order_of_their_numbers() {
        let numbers = [-1e300, -3.0, -2.0, -1.5, -0.001, 0.0, 1e-300, 0.5, 1.0, 1.9, 2.0, 1e300];
        for pair in numbers.windows(2) {
            assert!(size(pair[0]) <= size(pair[1]), "{pair:?}");
        }
        for number in [-3.0, -0.7, 0.3, 1.0, 7.5, 1_024.0] {
            let (low, high) = ends_of(size(number));
            assert!(low <= number && number <= high, "{number}: {low} {high}");
        }
    }
}
