//! From counts to shares of the axis, and to round ticks.

/// An axis from zero to a round number at or above the largest count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    step: f64,
    top: f64,
}

/// One tick of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Where it is, from 0 to 1.
    pub(super) share: f64,
    /// What it says.
    pub(super) label: String,
}

impl Scale {
    /// The axis for counts up to `largest`: between two and five steps of 1, 2 or 5 times a power of ten.
    pub(super) fn new(largest: u64) -> Self {
        let largest = float(largest).max(1.0);
        let raw = (largest / 4.0).max(1.0);
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= raw);
        let step = step.unwrap_or(10.0 * power);
        Self { step, top: (largest / step).ceil() * step }
    }

    /// How far along the axis a count lies, from 0 to 1.
    pub(super) fn share(self, count: u64) -> f64 {
        self.share_of(float(count))
    }

    /// How far along the axis a number from zero on lies, from 0 to 1.
    pub(super) fn share_of(self, number: f64) -> f64 {
        (number / self.top).clamp(0.0, 1.0)
    }

    /// The ticks, from zero to the top.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let values = (0..=5_u32).map(|index| f64::from(index) * self.step);
        let values = values.take_while(|value| *value <= self.top * 1.000_001);
        values.map(|value| Tick { share: (value / self.top).min(1.0), label: short(value) }).collect()
    }
}

/// A stretch of the number line, from its least to its largest number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    low: f64,
    high: f64,
}

/// Numbers beyond this are drawn at it, so that no width is infinite.
const FARTHEST: f64 = 1e300;
/// Numbers at an axis, at most.
const TICKS_MAX: u32 = 6;

impl Stretch {
    /// From the least to the largest of the numbers; a stretch of one where there are not two.
    pub(super) fn over(numbers: impl Iterator<Item = f64>) -> Self {
        let near =
            numbers.filter(|number| number.is_finite()).map(|number| number.clamp(-FARTHEST, FARTHEST));
        let ends = near.fold(None, |ends: Option<(f64, f64)>, number| {
            Some(ends.map_or((number, number), |(low, high)| (low.min(number), high.max(number))))
        });
        let (low, high) = ends.unwrap_or((0.0, 1.0));
        // One that is too short for its numbers to differ is made wider.
        Self { low, high: if high > low { high } else { low + low.abs().max(1.0) } }
    }

    /// How long it is.
    pub(super) fn length(self) -> f64 {
        self.high - self.low
    }

    /// Longer at either end.
    pub(super) fn widened(self, below: f64, above: f64) -> Self {
        Self { low: (self.low - below).max(-FARTHEST), high: (self.high + above).min(FARTHEST) }
    }

    /// How far along it a number lies, from 0 to 1.
    pub(super) fn share(self, number: f64) -> f64 {
        let share = (number.clamp(-FARTHEST, FARTHEST) - self.low) / self.length();
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Round numbers within it, `step_min` or more apart and drawn `shift` further on.
    pub(super) fn ticks(self, step_min: f64, shift: f64) -> Vec<Tick> {
        let raw = (self.length() / f64::from(TICKS_MAX - 2)).max(step_min);
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= raw);
        let step = step.unwrap_or(10.0 * power);
        let first = (self.low / step).ceil() * step;
        let values = (0..TICKS_MAX).map(|index| first + f64::from(index) * step);
        let values = values.take_while(|value| value + shift <= self.high + step * 1e-6);
        values
            .map(|value| Tick { share: self.share(value + shift), label: signed(value, step) })
            .filter(|tick| !tick.label.is_empty())
            .collect()
    }
}

/// A number of an axis whose numbers are `step` apart.
fn signed(value: f64, step: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 && size > step * 1e-6 { "−" } else { "" };
    if size >= 10_000.0 {
        return format!("{sign}{}", short(size));
    }
    if size <= step * 1e-6 {
        return "0".to_owned();
    }
    let decimals = -step.log10().floor();
    match [0_u8, 1, 2, 3, 4].into_iter().find(|places| f64::from(*places) >= decimals) {
        Some(places) => format!("{sign}{size:.places$}", places = usize::from(places)),
        None => format!("{sign}{size:.0e}"),
    }
}

/// `1200000` as `1.2M`.
fn short(value: f64) -> String {
    let units = [(1e15, ""), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];
    match units.into_iter().find(|(size, _)| value >= *size) {
        Some((_, "")) => format!("{value:.0e}"),
        Some((size, unit)) => format!("{}{unit}", value / size),
        None => format!("{value}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a pixel is far coarser than 53 bits")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(largest: u64) -> Vec<String> {
        Scale::new(largest).ticks().into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(214), ["0", "100", "200", "300"]);
        assert_eq!(labels(3), ["0", "1", "2", "3"]);
        assert_eq!(labels(6_000_000), ["0", "2M", "4M", "6M"]);
        assert_eq!(labels(1_200), ["0", "500", "1k", "1.5k"]);
    }

    #[test]
    fn an_axis_without_counts_still_has_a_top() {
        assert_eq!(labels(0), ["0", "1"]);
        assert!(Scale::new(0).share(0).abs() < f64::EPSILON);
    }

    #[test]
    fn ticks_along_a_number_line_are_round_and_within_it() {
        let labels = |low: f64, high: f64| {
            let stretch = Stretch::over([low, high].into_iter());
            stretch.ticks(0.0, 0.0).into_iter().map(|tick| tick.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(18.0, 92.0), ["20", "40", "60", "80"]);
        assert_eq!(labels(-2.5, 2.5), ["−2", "0", "2"]);
        assert_eq!(labels(0.0, 0.8), ["0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(labels(0.0, 120_000.0), ["0", "50k", "100k"]);
        let years = Stretch::over([2012.0, 2022.0].into_iter()).ticks(1.0, 0.5);
        assert!(years.iter().all(|tick| tick.label.len() == 4 && tick.share <= 1.0), "{years:?}");
    }

    #[test]
    fn a_number_line_of_any_numbers_has_finite_shares() {
        let numbers =
            [f64::MIN, -1e18, -1.0, 0.0, f64::MIN_POSITIVE, 1.0, 1e18, f64::MAX, f64::INFINITY, f64::NAN];
        for low in numbers {
            for high in numbers {
                let stretch = Stretch::over([low, high].into_iter()).widened(1.0, 1.0);
                let ticks = stretch.ticks(0.0, 0.0);
                assert!(ticks.len() <= 6, "{low} {high}: {ticks:?}");
                assert!(
                    ticks.iter().all(|tick| (0.0..=1.0).contains(&tick.share)),
                    "{low} {high}: {ticks:?}"
                );
                assert!(
                    numbers
                        .iter()
                        .all(|number| (0.0..=1.0).contains(&stretch.share(*number)) || number.is_nan())
                );
            }
        }
    }

    #[test]
    fn every_size_of_count_gives_shares_between_zero_and_one_and_few_ticks() {
        let mut largest = 1_u64;
        for _ in 0..64 {
            for count in [largest, largest / 3, largest.saturating_mul(3) / 2] {
                let scale = Scale::new(count);
                let ticks = scale.ticks();
                assert!((2..=6).contains(&ticks.len()), "{count}: {ticks:?}");
                assert!((ticks[ticks.len() - 1].share - 1.0).abs() < 1e-6, "{count}: {ticks:?}");
                assert!((0.0..=1.0).contains(&scale.share(count)) && scale.share(count) > 0.3 || count == 0);
                assert!(ticks.iter().all(|tick| tick.label.len() <= 5), "{count}: {ticks:?}");
            }
            largest = largest.saturating_mul(2);
        }
        assert!(Scale::new(u64::MAX).share(u64::MAX) > 0.5);
    }
}
