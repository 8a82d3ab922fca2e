//! Histogram, mean and spread of a result's numeric columns.
//!
//! A person stands once in a column: with the mean of their finite values. So each is in one bin, and weighs the same
//! however many rows they have. What must stay true: both bounds are shared as [`Sharing`] asks, so that no single
//! person's value is one; NaN and infinities count nowhere.

use super::bounds;
use super::sharing::Sharing;
use super::wire::Number;

/// Measures the column at a position, of which each person has a sum and a count of numbers; nothing where too few have
/// any.
pub(super) fn measure(at: usize, numbers: &[(f64, u32)], sharing: &Sharing) -> Option<Number> {
    let means = || {
        let those = numbers.iter().filter(|(_, count)| *count > 0);
        those.map(|(sum, count)| sum / f64::from(*count)).filter(|mean| mean.is_finite())
    };
    let persons = means().count();
    let (least, greatest) = sharing.ends(&at.to_string(), means())?;
    let Lattice { low, high, from, width, bins } = Lattice::over(least, greatest)?;
    let mut bins = vec![0; bins];
    let last = bins.len() - 1;
    let (mut sum, mut squares) = (0.0, 0.0);
    let middle = low.midpoint(high);
    for mean in means() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what is too large or small is held"
        )]
        let bin = ((mean - from) / width) as usize;
        bins[bin.min(last)] += 1;
        let held = mean.clamp(low, high);
        sum += held;
        squares += (held - middle) * (held - middle);
    }
    #[expect(clippy::cast_precision_loss, reason = "persons are far fewer than 2^53")]
    let weight = persons.max(1) as f64;
    let mean = sum / weight;
    let spread = (squares / weight - (mean - middle).powi(2)).max(0.0).sqrt();
    let finite = mean.is_finite() && spread.is_finite();
    finite.then_some(Number { column: at, low, high, from, width, bins, mean, spread })
}

/// Bounds, and bins of one width between them. All are multiples of 1, 2 or 5 times a power of ten.
#[derive(Debug, PartialEq)]
struct Lattice {
    low: f64,
    high: f64,
    from: f64,
    width: f64,
    bins: usize,
}

impl Lattice {
    /// Of values of which the least and the greatest are some person's own: the bounds lie at or below, and above them,
    /// on a grid of a tenth of the range or so. The narrowest bins of which there are at most [`bounds::BINS`].
    fn over(least: f64, greatest: f64) -> Option<Self> {
        let range = greatest - least;
        let size = least.abs().max(greatest.abs());
        let one_bin = range <= size * 1e-9;
        let grid = match () {
            () if size == 0.0 => 1.0,
            () if one_bin => step_above(size / 10.0),
            () => step_above(range / 10.0),
        };
        let low = (least / grid).floor() * grid;
        let high = ((greatest / grid).floor() + 1.0) * grid;
        if one_bin {
            return Self { low, high, from: low, width: high - low, bins: 1 }.if_finite();
        }
        let mut width = step_above((high - low) / f64::from(bounds::BINS) / 2.0);
        loop {
            let from = (low / width + NEAR).floor();
            let bins = (high / width - NEAR).ceil() - from;
            if bins.is_nan() || bins <= f64::from(bounds::BINS) {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to BINS")]
                return Self { low, high, from: from * width, width, bins: bins as usize }.if_finite();
            }
            width = step_above(width * 1.5);
        }
    }

    fn if_finite(self) -> Option<Self> {
        let ends = [self.low, self.high, self.from, self.width];
        (ends.into_iter().all(f64::is_finite) && self.bins >= 1).then_some(self)
    }
}

/// What two multiples of a step may differ by in floating point, in steps.
const NEAR: f64 = 1e-6;

/// The least of 1, 2 and 5 times the powers of ten that is not less than a number above zero.
fn step_above(number: f64) -> f64 {
    let power = 10_f64.powi(floor(number.log10()));
    let steps = [1.0, 2.0, 5.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= number * (1.0 - NEAR)).unwrap_or(10.0 * power)
}

#[expect(clippy::cast_possible_truncation, reason = "a power of ten of a finite number")]
fn floor(number: f64) -> i32 {
    number.floor() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_bins_end_at_round_numbers() {
        let lattice = |low, high, width, bins| Some(Lattice { low, high, from: low, width, bins });
        assert_eq!(Lattice::over(1926.0, 2005.0), lattice(1920.0, 2010.0, 5.0, 18));
        assert_eq!(Lattice::over(0.0, 19.0), lattice(0.0, 20.0, 1.0, 20));
        assert_eq!(Lattice::over(7.0, 7.0), lattice(7.0, 8.0, 1.0, 1));
        assert_eq!(Lattice::over(0.0, 0.0), lattice(0.0, 1.0, 1.0, 1));
        assert_eq!(Lattice::over(53.17, 81.94), lattice(50.0, 85.0, 2.0, 18));
        assert_eq!(Lattice::over(f64::MIN, f64::MAX), None);
    }

    #[test]
    fn bins_cover_the_bounds_and_these_the_values() {
        for (least, greatest) in
            [(-3.2, 11.7), (0.0, 1e300), (-1e-12, 1e-12), (5.0, 5.000_001), (1e15, 1e15 + 40.0)]
        {
            let lattice = Lattice::over(least, greatest).expect("finite");
            let bins = u32::try_from(lattice.bins).unwrap();
            let to = lattice.from + lattice.width * f64::from(bins);
            let near = lattice.width * NEAR;
            assert!(lattice.low <= least && lattice.high > greatest, "{least} {greatest} {lattice:?}");
            assert!(lattice.from <= lattice.low + near && to >= lattice.high - near, "{lattice:?}");
            assert!(bins <= bounds::BINS, "{lattice:?}");
        }
    }
}
