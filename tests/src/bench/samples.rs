//! Several measurements of one thing.

/// Measurements in ascending order, at least one.
#[derive(Debug, Clone)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Takes measurements in any order.
    ///
    /// # Panics
    /// Where there are none.
    pub fn new(mut measured: Vec<f64>) -> Self {
        assert!(!measured.is_empty(), "something was measured");
        measured.sort_by(f64::total_cmp);
        Self(measured)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The least.
    pub fn least(&self) -> f64 {
        self.0[0]
    }

    /// The greatest.
    pub fn greatest(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// The middle one, or the mean of the middle two.
    pub fn median(&self) -> f64 {
        let (low, high) = ((self.0.len() - 1) / 2, self.0.len() / 2);
        f64::midpoint(self.0[low], self.0[high])
    }

    /// The least one that 95 of 100 do not exceed (nearest rank).
    pub fn p95(&self) -> f64 {
        self.rank(95)
    }

    /// The same of 99 of 100.
    pub fn p99(&self) -> f64 {
        self.rank(99)
    }

    fn rank(&self, of_hundred: usize) -> f64 {
        self.0[(self.0.len() * of_hundred).div_ceil(100) - 1]
    }

    /// Each one changed.
    pub fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self::new(self.0.iter().copied().map(change).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_the_sorted_measurements() {
        let samples = Samples::new((1..=20).rev().map(f64::from).collect());
        let found = [samples.least(), samples.median(), samples.p95(), samples.greatest()];
        assert_eq!(found.map(|figure| format!("{figure}")), ["1", "10.5", "19", "20"]);
        let one = Samples::new(vec![3.0]);
        assert_eq!([one.median(), one.p95()].map(|figure| format!("{figure}")), ["3", "3"]);
        let inverse = samples.map(|figure| 20.0 / figure);
        assert_eq!([inverse.least(), inverse.greatest()].map(|figure| format!("{figure}")), ["1", "20"]);
    }
}
