//! Noise: drawn once for each number of each question, and the same whenever the question is asked again. Pure.
//!
//! What must stay true: a draw is a function of the site's secret, the question's key and the number's own name, and of
//! nothing that was counted: two numbers never share a draw because they are equal, and a set of persons never chooses
//! one. Noise is added before anything is decided on the number, and the sum is rounded to a whole number, so that its
//! last digits say nothing.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The noise of one question.
#[derive(Clone)]
pub struct Noise {
    keyed: Hmac<Sha256>,
}

impl Noise {
    /// The noise of the question with that key at the site with that secret.
    pub fn new(secret: &[u8; 32], question: &[u8; 32]) -> Self {
        let mut keyed = Hmac::<Sha256>::new_from_slice(secret).expect("a MAC takes keys of any length");
        keyed.update(question);
        Self { keyed }
    }

    /// From the normal distribution with mean 0 and standard deviation 1.
    pub(super) fn normal(&self, statistic: &str, label: &str) -> f64 {
        let [one, other] = self.uniform(statistic, label);
        // Box and Muller, 1958; `one` is never zero.
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }

    /// A count with noise of that standard deviation, not below zero.
    pub(crate) fn added(&self, count: u64, sigma: f64, statistic: &str, label: &str) -> u64 {
        plus(count, sigma * self.normal(statistic, label))
    }

    /// What further noise of the same question is drawn with.
    pub(super) fn seed(&self) -> [u8; 32] {
        let mut keyed = self.keyed.clone();
        keyed.update(b"a seed");
        keyed.finalize().into_bytes().into()
    }

    /// Two numbers above 0 and up to 1, evenly.
    fn uniform(&self, statistic: &str, label: &str) -> [f64; 2] {
        let mut keyed = self.keyed.clone();
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        keyed.update(&(statistic.len() as u64).to_le_bytes());
        keyed.update(statistic.as_bytes());
        keyed.update(label.as_bytes());
        let bytes: [u8; 32] = keyed.finalize().into_bytes().into();
        [0, 8].map(|from| {
            let part = bytes[from..from + 8].try_into().expect("eight bytes");
            #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
            let whole = ((u64::from_le_bytes(part) >> 11) + 1) as f64;
            whole / 9_007_199_254_740_992.0
        })
    }
}

/// A number that is above the threshold by so many standard deviations of its noise, rounded up.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "thresholds and noise are far below 2^53, and not negative"
)]
pub(crate) fn clear_of(threshold: u64, sigma: f64, deviations: f64) -> u64 {
    (threshold as f64 + deviations * sigma).ceil() as u64
}

/// A count and a draw, as a whole number.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "counts are far below 2^53, and the sum is clamped"
)]
pub(super) fn plus_whole(count: u64, noise: f64) -> i64 {
    (count as f64 + noise.round()).clamp(-9e15, 9e15) as i64
}

/// The same, not below zero.
pub(super) fn plus(count: u64, noise: f64) -> u64 {
    plus_whole(count, noise).max(0).cast_unsigned()
}

/// What a number with that noise is rounded to a multiple of: the site's own rounding, and where half a standard
/// deviation is more, the largest of its 1, 2, 5, 10, .. fold within that.
pub(super) fn step_of(rounding: u64, sigma: f64) -> u64 {
    let mut step = rounding;
    for factor in [2, 5].into_iter().cycle() {
        // 1, 2, 10, 20, 100: twice and five times by turns.
        let next = step.saturating_mul(factor);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        if next as f64 > sigma / 2.0 {
            break;
        }
        step = next;
    }
    step
}

/// To the nearest multiple, halves up.
pub(super) fn rounded(count: u64, step: u64) -> u64 {
    let step = step.max(1);
    count.saturating_add(step / 2) / step * step
}

/// The same, but for a count of at least `least`, which stays so: then the smallest multiple that is.
pub(super) fn rounded_above(count: u64, step: u64, least: u64) -> u64 {
    let rounded = rounded(count, step);
    if count < least { rounded } else { rounded.max(least.div_ceil(step.max(1)).saturating_mul(step.max(1))) }
}

/// What 95 of 100 draws stay within, with the rounding.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small, and not negative"
)]
pub(super) fn margin(sigma: f64, step: u64) -> u64 {
    if sigma > 0.0 { (1.96 * sigma + step as f64 / 2.0).ceil() as u64 } else { step / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(secret: u8, question: u8) -> Noise {
        Noise::new(&[secret; 32], &[question; 32])
    }

    #[test]
    fn the_same_number_of_the_same_question_has_the_same_draw_and_any_other_its_own() {
        let draw = |noise: Noise, statistic, label| noise.normal(statistic, label).to_bits();
        let first = draw(noise(1, 1), "ages", "40-49");
        assert_eq!(first, draw(noise(1, 1), "ages", "40-49"));
        for other in [
            draw(noise(2, 1), "ages", "40-49"),
            draw(noise(1, 2), "ages", "40-49"),
            draw(noise(1, 1), "ages", "50-59"),
            draw(noise(1, 1), "age", "s40-49"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn draws_are_normal() {
        let noise = noise(7, 7);
        let draws: Vec<f64> = (0..20_000).map(|at| noise.normal("x", &at.to_string())).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 20_000.0;
        let beyond = |bound: f64| draws.iter().filter(|draw| draw.abs() > bound).count();
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        assert!((5_900..6_800).contains(&beyond(1.0)) && (30..90).contains(&beyond(3.0)));
    }

    #[test]
    fn numbers_are_rounded_as_coarsely_as_their_noise_allows() {
        assert_eq!(
            [0.0, 8.0, 20.0, 99.0, 100.0, 1_012.0].map(|sigma| step_of(5, sigma)),
            [5, 5, 10, 10, 50, 500]
        );
        assert_eq!((rounded(12, 5), rounded(13, 5), rounded(12, 1), rounded(0, 5)), (10, 15, 12, 0));
        assert_eq!([0, 11, 12, 13, 17, 18].map(|count| rounded_above(count, 5, 12)), [0, 10, 15, 15, 15, 20]);
        assert_eq!((rounded_above(40, 100, 30), rounded_above(260, 100, 30)), (100, 300));
        assert_eq!((plus(3, -7.9), plus(3, 0.4), plus(3, 0.6)), (0, 3, 4));
        assert_eq!((margin(0.0, 1), margin(8.0, 5)), (0, 19));
        assert_eq!((clear_of(10, 8.0, 2.5), clear_of(10, 0.0, 2.5)), (30, 10));
    }
}
