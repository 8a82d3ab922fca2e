//! What answers cost the persons in them. Pure.
//!
//! A count with Gaussian noise of standard deviation s, in which one person counts once, tells at most rho = 1 / (2 s^2)
//! about them, by zero-concentrated differential privacy (Bun and Steinke, 2016); the rhos of several answers add up,
//! also where later questions depend on earlier answers, and each person has an account of their own (Feldman and Zrnic,
//! 2021). Whoever must tell two equally likely cases apart by answers that cost rho in all is right at most
//! Phi(sqrt(2 rho) / 2) of the time.
//!
//! What must stay true: what is charged is at least what was told. Charges are whole units of [`UNIT`], rounded up.

/// One unit of charge, in rho.
const UNIT: f64 = 1.0 / 16_777_216.0;

/// Persons of a cohort up to which it has the smallest noise.
const COHORT_SMALL: f64 = 50.0;
/// The most that a cohort's statistics together may tell, in times of what its count of persons tells.
const DETAILS_MAX: f64 = 4.0;

/// How much noise a cohort's counts have, and what its statistics may cost. Both grow with the cohort in steps, so
/// that the size of the noise says no more than the cohort's order of magnitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// Standard deviation of the noise on the count of persons.
    pub sigma: f64,
    /// What the statistics together tell, in times of what the count tells; zero where the cohort is too small for any.
    pub details: f64,
}

impl Step {
    /// The step of a cohort. `blur`, from -0.5 to 0.5, moves the steps' bounds by up to half a step for each question,
    /// so that one person hardly ever decides which step it is.
    pub fn of(noise: f64, persons: u64, blur: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "persons are far fewer than 2^53")]
        let doublings = ((persons.max(1) as f64 / COHORT_SMALL).log2() + blur).floor().max(0.0);
        Self { sigma: noise * (doublings / 2.0).exp2(), details: (doublings * doublings).min(DETAILS_MAX) }
    }

    /// Standard deviation of one statistic's noise, of so many, where one person can change it by 1.
    pub fn sigma_of_one(&self, statistics: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
        let each = statistics.max(1) as f64;
        self.sigma * (each / self.details).sqrt()
    }

    /// What the count of persons alone costs each of them.
    pub fn units_of_count(&self) -> u64 {
        units(rho(self.sigma))
    }

    /// What the count and all statistics cost each person.
    pub fn units_of_all(&self) -> u64 {
        units(rho(self.sigma) * (1.0 + self.details))
    }
}

/// The most that one question can cost a person, in rho.
pub(super) fn question_max(noise: f64) -> f64 {
    if noise <= 0.0 {
        return 0.0;
    }
    // By steps: 1, (1 + 1) / 2, (1 + 4) / 4, and less from there on.
    rho(noise) * (1.0 + DETAILS_MAX) / 4.0 + UNIT
}

/// Whole units in so much rho.
pub(super) fn units_within(rho: f64) -> u64 {
    whole((rho / UNIT).floor())
}

fn rho(sigma: f64) -> f64 {
    if sigma > 0.0 { 0.5 / (sigma * sigma) } else { 0.0 }
}

fn units(rho: f64) -> u64 {
    whole((rho / UNIT).ceil())
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
        let sigma = |persons| Step::of(8.0, persons, 0.0).sigma;
        assert_eq!((sigma(0), sigma(50), sigma(99)), (8.0, 8.0, 8.0));
        assert_eq!((sigma(200), sigma(800), sigma(51_200)), (16.0, 32.0, 256.0));
        let details = |persons| Step::of(8.0, persons, 0.0).details;
        assert_eq!((details(99), details(100), details(200), details(1 << 30)), (0.0, 1.0, 4.0, 4.0));
    }

    #[test]
    fn no_question_costs_more_than_the_most() {
        for persons in [0, 1, 49, 50, 99, 100, 150, 199, 200, 399, 400, 10_000, 1_000_000] {
            for blur in [-0.5, 0.0, 0.499] {
                for noise in [0.5, 8.0, 33.3] {
                    let cost = Step::of(noise, persons, blur).units_of_all();
                    assert!(cost <= units_within(question_max(noise)), "{persons} {blur} {noise}");
                    assert!(cost > 0);
                }
            }
        }
    }

    #[test]
    fn what_is_told_is_charged() {
        // The count, and every statistic with its share of the noise.
        for (persons, statistics) in [(120, 5), (1_000, 9), (1_000_000, 40)] {
            let step = Step::of(8.0, persons, 0.0);
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let told = rho(step.sigma) + rho(step.sigma_of_one(statistics)) * statistics as f64;
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let charged = step.units_of_all() as f64 * UNIT;
            assert!(
                charged >= told * (1.0 - 1e-12) && charged < told + 2.0 * UNIT,
                "{persons}: {told} {charged}"
            );
        }
    }
}
