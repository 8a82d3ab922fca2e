//! How large a cohort an attacker asks about, under the policy that it attacks.
//!
//! An attacker has the code. So it knows what an answer costs its target, and how many answers there are before the
//! target is left out; from how many persons on a cohort is sure to be shown; and how many persons move a cap or a bound.
//! What must stay true: all of it follows from the policy. Deliberately absent: anything that was counted.

use super::super::population::PERSONS;
use crate::disclosure::{Policy, Statistics, count_sigma, described_from, usual_units};
use crate::engine::edges;

/// Sizes of cohorts, the target included.
pub(in super::super) struct Sizes {
    policy: Policy,
    counted: Fitted,
    described: Fitted,
}

/// Standard deviations of its noise by which a count is sure to be clear of what hides it.
const SURE: f64 = 2.5;

/// So many cohorts of one size fit in what a person may be charged with nothing left over; there is always room for one
/// more, and it is of the size that tells the most.
struct Fitted {
    times: usize,
    size: usize,
    last: usize,
}

impl Sizes {
    pub fn of(policy: &Policy) -> Self {
        let sure = |persons: usize| persons as u64 >= policy.shown_min() + widths(policy, persons, SURE);
        let counted = (1..PERSONS).find(|persons| sure(*persons)).unwrap_or(PERSONS);
        let described = usize::try_from(described_from()).unwrap_or(PERSONS);
        Self {
            policy: policy.clone(),
            counted: Fitted::of(policy, counted, false),
            described: Fitted::of(policy, described, true),
        }
    }

    /// Of the cohort of that number whose persons are counted: as small as is sure to be shown, since noise grows with
    /// the cohort.
    pub fn counted(&self, number: usize) -> usize {
        self.at_an_edge(self.counted.at(number))
    }

    /// Of the cohort of that number that is described by statistics as well.
    pub fn described(&self, number: usize) -> usize {
        self.described.at(number)
    }

    /// Of a cohort that is shown as often as not.
    pub fn hardly_shown(&self) -> usize {
        usize::try_from(self.policy.shown_min()).map_or(PERSONS, |persons| persons.min(PERSONS))
    }

    /// Of a cohort that reaches the threshold with its target alone.
    pub fn threshold(&self) -> usize {
        usize::try_from(self.policy.threshold()).map_or(PERSONS, |persons| persons.min(PERSONS))
    }

    /// Persons, the target included, who as likely as not move a cap, and an end, of everybody; in a result of so many
    /// columns, of which so many are numbers.
    pub fn movers(&self, columns: usize, numeric: usize) -> [usize; 2] {
        let statistics = Statistics::of(columns, numeric, 0, false);
        edges(&self.policy, PERSONS as u64, statistics)
            .map(|persons| usize::try_from(persons).map_or(PERSONS, |persons| persons.min(PERSONS)))
    }

    /// Where counts are rounded more coarsely than their noise, the next size at which one person changes what they are
    /// rounded to.
    fn at_an_edge(&self, persons: usize) -> usize {
        let step = self.policy.rounding();
        if step <= widths(&self.policy, persons, 1.0) {
            return persons;
        }
        // Halves are rounded up.
        let half = step - step / 2;
        let up = (half + step - persons as u64 % step) % step;
        usize::try_from(persons as u64 + up).map_or(PERSONS, |persons| persons.min(PERSONS))
    }
}

impl Fitted {
    fn of(policy: &Policy, last: usize, described: bool) -> Self {
        let charge = |persons: usize| {
            if policy.is_exact() { 0 } else { usual_units(policy.noise(), persons as u64, described) }
        };
        let Some(times) = policy.units_max().checked_div(charge(last)).map(|times| times + 1) else {
            return Self { times: 0, size: last, last };
        };
        let fits = |persons: &usize| charge(*persons).saturating_mul(times) <= policy.units_max();
        let size = (last..PERSONS).find(fits);
        Self { times: usize::try_from(times).unwrap_or(usize::MAX), size: size.unwrap_or(last), last }
    }

    fn at(&self, number: usize) -> usize {
        if number < self.times { self.size } else { self.last }
    }
}

/// So many standard deviations of the noise on the count of so many persons, rounded up.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, and not negative")]
fn widths(policy: &Policy, persons: usize, many: f64) -> u64 {
    let sigma = if policy.is_exact() { 0.0 } else { count_sigma(policy.noise(), persons as u64) };
    (many * sigma).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(policy: &str) -> Sizes {
        Sizes::of(&Policy::check(policy).unwrap())
    }

    #[test]
    fn sizes_follow_from_the_policy() {
        let shipped = sizes("");
        assert_eq!([0, 1, 2, 3].map(|number| shipped.counted(number)), [96, 96, 50, 50]);
        assert_eq!([0, 1, 2].map(|number| shipped.described(number)), [378, 378, 250]);
        assert_eq!((shipped.hardly_shown(), shipped.threshold()), (30, 10));
        let strict = sizes("threshold = 20\nnoise = 10\nrounding = 100");
        assert_eq!((strict.counted(9), strict.hardly_shown(), strict.threshold()), (150, 45, 20));
        let exact = sizes("danger_noise = 0\ndanger_rounding = 1");
        assert_eq!((exact.counted(0), exact.movers(1, 0)), (10, [10, 10]));
        assert!(shipped.movers(1, 0)[0] > 100);
    }
}
