//! What answers cost the persons in them. Pure.
//!
//! A count with Gaussian noise of standard deviation s, in which one person counts once, is by mu = 1 / s standard
//! deviations apart where that person is in and where they are not. The squares of the mus of several answers add up,
//! also where later questions depend on earlier answers (Dong, Roth and Su, Gaussian differential privacy, 2022), and
//! each person can have an account of their own (Feldman and Zrnic, 2021; Smith and Thakurta, 2022). We count in
//! rho = mu^2 / 2. Whoever must tell by answers that cost rho in all whether somebody is in the records at all is right
//! at most Phi(sqrt(2 rho) / 2) of the time. Two facts about somebody who is in either way can be twice as far apart (in
//! one half of the answers or in the other; one end of a mean's range or the other): Phi(sqrt(8 rho) / 2), which for the
//! default of 0.025 is 58.8 %.
//!
//! What must stay true: what is charged is at least what was told, but for what [`sigma_charged`] says; and it follows
//! from what noise was added to alone. Charges are whole units of [`UNIT`], rounded up.

use serde::{Deserialize, Serialize};

/// One unit of charge, in rho.
const UNIT: f64 = 1.0 / 16_777_216.0;

/// Persons of a cohort up to which it has the smallest noise.
const COHORT_SMALL: f64 = 50.0;
/// The most that a cohort's statistics together may tell, in times of what its count of persons tells.
const DETAILS_MAX: f64 = 4.0;
/// Noisy persons from which on a cohort has statistics, in times of [`COHORT_SMALL`]; some more where a site has more noise
/// than by itself, since they must be affordable.
const DETAILS_FROM: f64 = 2.0;
/// What all caps and bounds of a question together may tell, in times of what its count of persons tells.
const CAPS: f64 = 0.5;
/// The most that one question may cost, in times of what the smallest cohort's count tells. Statistics that would cost
/// more, as they do where noise made a small cohort look far larger, are left out.
const QUESTION_MAX: f64 = 1.65;
/// Standard deviations by which noise makes a cohort look larger at the most, as charges are concerned.
const LIKELY: f64 = 2.5;
/// The noise of a count grows with the count itself, so that its width differs, ever so little, between cohorts that
/// differ by one person. That tells less than this share of what the count tells.
const WIDTH_TELLS: f64 = 0.05;

/// Standard deviation of the noise on the count of so many persons: it grows with the root of the cohort, smoothly, so
/// that there is no step which one person could decide.
pub(crate) fn sigma(noise: f64, persons: u64) -> f64 {
    noise * size(persons).max(1.0).sqrt()
}

/// The standard deviation that the noise on a count had at least, as far as the count itself tells, which is all that a
/// charge may depend on: whether the others of a cohort are left out of later answers would else tell whether somebody was
/// with them. Where noise made the cohort larger by more than [`LIKELY`] of its standard deviations, which it does in one
/// of a hundred and sixty questions, a little less is charged than was told; in nearly all others more is.
pub(super) fn sigma_charged(noise: f64, noisy_persons: u64) -> f64 {
    let larger = whole((LIKELY * sigma(noise, noisy_persons)).ceil());
    sigma(noise, noisy_persons.saturating_sub(larger))
}

/// What the statistics of a cohort may cost beside its count. It is made of the count with its noise, and so tells nothing
/// that the count does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Details {
    sigma: f64,
    /// In times of what a count with that noise tells; zero where the cohort is too small for statistics.
    times: f64,
}

impl Details {
    /// Of a cohort with so many persons, noise added.
    pub fn of(noise: f64, noisy_persons: u64) -> Self {
        let size = size(noisy_persons);
        let times = if size < DETAILS_FROM { 0.0 } else { (size - 1.0).min(DETAILS_MAX) };
        Self { sigma: sigma(noise, noisy_persons), times }
    }

    /// True where there is room for statistics.
    pub fn are_shown(self) -> bool {
        self.times > 0.0
    }

    /// Standard deviation of one statistic's noise, of so many, where one person can change it by 1.
    pub fn sigma_of_one(self, statistics: Statistics) -> f64 {
        self.sigma * (f64::from(statistics.shown.max(1)) / self.times).sqrt()
    }

    /// What all of them tell, in rho.
    fn rho(self) -> f64 {
        rho(self.sigma) * self.times
    }
}

/// Standard deviation of the noise in which the caps and bounds of a cohort of so many persons are found.
pub(crate) fn blur_sigma(noise: f64, persons: u64, statistics: Statistics) -> f64 {
    sigma(noise, persons) * (f64::from(statistics.caps.max(1)) / CAPS).sqrt()
}

/// What each person is charged for a count with noise of that standard deviation, and for statistics with their caps.
pub(super) fn units(sigma: f64, details: Option<Details>) -> u64 {
    let caps = if details.is_some() { CAPS } else { 0.0 };
    let told = rho(sigma) * (1.0 + caps) * (1.0 + WIDTH_TELLS) + details.map_or(0.0, Details::rho);
    whole((told / UNIT).ceil())
}

/// Persons from which on a cohort's statistics tell the most beside its count.
pub(crate) fn described_from() -> u64 {
    whole(((DETAILS_MAX + 1.0) * COHORT_SMALL).ceil())
}

/// What each person of a cohort that looks its size is charged, with statistics or without; zero where counts are exact.
pub(crate) fn usual_units(noise: f64, persons: u64, with_statistics: bool) -> u64 {
    let details = Details::of(noise, persons);
    let details = Some(details).filter(|details| with_statistics && details.are_shown());
    units(sigma_charged(noise, persons), details)
}

/// The most that one question can cost a person, in rho.
pub(super) fn question_max(noise: f64) -> f64 {
    rho(noise) * QUESTION_MAX
}

/// How many counts, or lists of counts in which each person stands once, are made of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Statistics {
    /// Those that are shown, beside the count of persons.
    pub shown: u32,
    /// Those in which caps and bounds are found.
    pub caps: u32,
}

impl Statistics {
    /// Of a result with so many columns, of which so many are described as numbers and by their values. Nothing of it
    /// depends on records.
    pub fn of(columns: usize, numeric: usize, named: usize, imaged: bool) -> Self {
        let [columns, numeric, named] =
            [columns, numeric, named].map(|count| u32::try_from(count).unwrap_or(u32::MAX / 16));
        let imaged = u32::from(imaged);
        Self {
            // Records, ages, sexes, years and modalities; nulls; bins, mean and spread; values.
            shown: 4 + imaged + columns + 3 * numeric + named,
            // Rows, years and images; sizes of numbers, which are as two, and two rounds of cells; values.
            caps: 2 + imaged + 4 * numeric + named,
        }
    }
}

/// A cohort's size in times of the smallest.
fn size(persons: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "persons are far fewer than 2^53")]
    let persons = persons as f64;
    persons / COHORT_SMALL
}

/// Whole units in so much rho.
pub(super) fn units_within(rho: f64) -> u64 {
    whole((rho / UNIT).floor())
}

fn rho(sigma: f64) -> f64 {
    if sigma > 0.0 { 0.5 / (sigma * sigma) } else { 0.0 }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to where both are exact"
)]
fn whole(number: f64) -> u64 {
    number.clamp(0.0, 1e15) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_grows_with_the_root_of_the_cohort() {
        let sigmas = [0, 50, 200, 51_200].map(|persons| sigma(8.0, persons));
        assert_eq!(format!("{sigmas:?}"), "[8.0, 8.0, 16.0, 256.0]");
        let times = |persons| Details::of(8.0, persons).times;
        assert_eq!(format!("{:?}", [99, 100, 200, 250, 1 << 30].map(times)), "[0.0, 1.0, 3.0, 4.0, 4.0]");
    }

    #[test]
    fn one_person_hardly_changes_the_width_of_the_noise() {
        // Of two normal distributions whose widths differ, the Renyi divergence of order 1 beside that of their means.
        for persons in [51, 60, 100, 1_000, 1_000_000] {
            let (one, other) = (sigma(8.0, persons), sigma(8.0, persons - 1));
            let ratio = one / other;
            let of_widths = (ratio * ratio - 1.0) / 2.0 - ratio.ln();
            let told = rho(other) + of_widths;
            assert!(told < rho(one) * (1.0 + WIDTH_TELLS), "{persons}: {told}");
        }
    }

    #[test]
    fn a_count_costs_less_than_the_most_and_so_do_the_statistics_of_all_cohorts_that_may_have_some() {
        for persons in [0, 1, 49, 50, 100, 101, 149, 199, 200, 400, 10_000, 1_000_000] {
            for noise in [0.5, 8.0, 33.3] {
                let cost = units(sigma_charged(noise, persons), None);
                assert!(cost > 0 && cost <= units_within(question_max(noise)), "{persons} {noise}: {cost}");
            }
            let details = Some(Details::of(8.0, persons)).filter(|details| details.are_shown());
            let cost = units(sigma_charged(8.0, persons), details);
            assert!(cost <= units_within(question_max(8.0)), "{persons}: {cost}");
        }
    }

    #[test]
    fn a_charge_is_what_was_told_where_noise_made_the_cohort_as_large_as_is_likely() {
        for persons in [10, 60, 100, 1_000, 1_000_000] {
            let own = sigma(8.0, persons);
            for deviations in [-4.0, -1.0, 0.0, 1.0, LIKELY] {
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let noisy = whole(persons as f64 + deviations * own);
                assert!(units(sigma_charged(8.0, noisy), None) >= units(own, None), "{persons} {deviations}");
            }
        }
    }

    #[test]
    fn what_is_told_is_charged() {
        // The count, and every statistic and cap with its share of the noise.
        for (persons, numeric) in [(120, 0), (1_000, 2), (1_000_000, 20)] {
            let details = Details::of(8.0, persons);
            let statistics = Statistics::of(numeric + 1, numeric, 1, true);
            let told = rho(sigma(8.0, persons))
                + rho(details.sigma_of_one(statistics)) * f64::from(statistics.shown)
                + rho(blur_sigma(8.0, persons, statistics)) * f64::from(statistics.caps);
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let least = units(sigma(8.0, persons), Some(details)) as f64 * UNIT;
            assert!(least >= told && least < told * (1.0 + WIDTH_TELLS) + 2.0 * UNIT, "{told} {least}");
            assert!(usual_units(8.0, persons, true) >= whole(least / UNIT), "{persons}");
        }
    }
}
