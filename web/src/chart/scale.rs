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
        (float(count) / self.top).clamp(0.0, 1.0)
    }

    /// The ticks, from zero to the top.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let values = (0..=5_u32).map(|index| f64::from(index) * self.step);
        let values = values.take_while(|value| *value <= self.top * 1.000_001);
        values.map(|value| Tick { share: (value / self.top).min(1.0), label: short(value) }).collect()
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
fn float(count: u64) -> f64 {
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
