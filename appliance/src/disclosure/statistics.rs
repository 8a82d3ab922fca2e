//! Counts of one cohort with their noise: how wide it is for each statistic, which counts are clear of it, and how they
//! are rounded.
//!
//! What must stay true: every count of an answer goes through [`Counts`]; under an exact policy (no noise) the same code
//! shows what the threshold alone allows.

use flip_protocol::answer::{Cell, Field, Unit};

use super::OTHER;
use super::budget::{Details, Statistics};
use super::fold::{Folded, Part, fold};
use super::noise::{self, Noise};
use super::policy::{CLEAR_LABEL, Policy};

/// What the counts of a question's statistics go through.
pub(super) struct Counts<'a> {
    pub policy: &'a Policy,
    noise: &'a Noise,
    /// Standard deviation of a statistic's noise where one person can change it by 1; zero under an exact policy.
    sigma: f64,
}

/// Standard deviations of its noise that a count of a fixed label must have to be shown: of a dozen empty groups hardly
/// one is.
const CLEAR_FIXED: f64 = 2.0;

/// The width of one statistic's noise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    pub sigma: f64,
    /// What its counts are rounded to a multiple of.
    pub step: u64,
}

/// Where a statistic's labels come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    /// They are the same whatever the records say: ages, columns, bins of a lattice.
    Fixed,
    /// They stand in records: that one is there at all says something.
    FromRecords,
}

impl<'a> Counts<'a> {
    /// For a cohort with so many statistics, each of which may tell the same share.
    pub fn new(policy: &'a Policy, noise: &'a Noise, details: Details, statistics: Statistics) -> Self {
        let sigma = if policy.is_exact() { 0.0 } else { details.sigma_of_one(statistics) };
        Self { policy, noise, sigma }
    }

    /// The width of a statistic that one person changes by at most `change`, as the root of the sum of squares over
    /// its cells.
    pub fn width(&self, change: f64) -> Width {
        let sigma = self.sigma * change.max(1.0);
        Width { sigma, step: noise::step_of(self.policy.rounding(), sigma) }
    }

    /// A draw of that width.
    pub fn draw(&self, width: Width, statistic: &str, label: &str) -> f64 {
        if width.sigma > 0.0 { width.sigma * self.noise.normal(statistic, label) } else { 0.0 }
    }

    /// A count with its noise, below zero too.
    pub fn noised_whole(&self, count: u64, width: Width, statistic: &str, label: &str) -> i64 {
        noise::plus_whole(count, self.draw(width, statistic, label))
    }

    /// A count with its noise, not yet rounded.
    pub fn noised(&self, count: u64, width: Width, statistic: &str, label: &str) -> u64 {
        noise::plus(count, self.draw(width, statistic, label))
    }

    /// The smallest count of that width that is shown.
    pub fn floor(&self, width: Width, labels: Labels) -> u64 {
        match labels {
            Labels::FromRecords => noise::clear_of(self.policy.threshold(), width.sigma, CLEAR_LABEL),
            // What is shown is no mere noise, nor does rounding take it below the threshold.
            Labels::Fixed => noise::clear_of(0, width.sigma, CLEAR_FIXED).max(self.policy.shown_min()),
        }
    }

    /// A count that may be shown, as it is shown: rounded, but never from the smallest number that is shown to below it.
    pub fn rounded(&self, count: u64, width: Width) -> u64 {
        noise::rounded_above(count, width.step, self.policy.shown_min())
    }

    /// Groups with their noise. Where it has none, small ones are folded: `join` gives a number of distinct persons that
    /// are certainly behind two groups together; `persons` is how many are behind all of them.
    pub fn folded(
        &self,
        statistic: &str,
        unit: Unit,
        parts: Vec<Part>,
        persons: u64,
        (width, labels): (Width, Labels),
        join: impl Fn(u64, u64) -> u64,
    ) -> Field {
        if width.sigma > 0.0 {
            return self.clear(statistic, unit, parts, (width, labels));
        }
        let Folded { mut cells, any } = fold(parts, self.floor(width, labels), persons, join);
        for cell in &mut cells {
            cell.count = cell.count.map(|count| self.rounded(count, width));
        }
        width.field(statistic, unit, cells, any)
    }

    /// Groups whose noisy count is large enough. Those of labels from records that are not leave no trace: that there
    /// is one at all may be one person's doing. Fixed labels are all there, and small ones are counted together.
    fn clear(
        &self,
        statistic: &str,
        unit: Unit,
        parts: Vec<Part>,
        (width, labels): (Width, Labels),
    ) -> Field {
        let floor = self.floor(width, labels);
        let mut cells = Vec::new();
        // Below zero too, so that what is counted together is not too large on the average.
        let mut other = 0_i64;
        for part in parts {
            let count = self.noised_whole(part.count, width, statistic, &part.label);
            match u64::try_from(count) {
                Ok(count) if count >= floor => {
                    cells.push(Cell { label: part.label, count: Some(self.rounded(count, width)) });
                }
                Ok(_) | Err(_) => other += count,
            }
        }
        let other = other.max(0).cast_unsigned();
        if labels == Labels::Fixed && other >= floor {
            cells.push(Cell { label: OTHER.to_owned(), count: Some(self.rounded(other, width)) });
        }
        // Always: whether anything was left out would be a trace.
        width.field(statistic, unit, cells, true)
    }
}

impl Width {
    /// A statistic of cells that were shown already.
    pub fn field(self, name: &str, unit: Unit, cells: Vec<Cell>, folded: bool) -> Field {
        let margin = (self.sigma > 0.0 || self.step > 1).then(|| noise::margin(self.sigma, self.step));
        Field { margin, ..Field::of_groups(name, unit, cells, folded) }
    }
}
