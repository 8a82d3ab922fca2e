//! What may leave the Trust: counts in, a [`Release`] out.
//!
//! What must stay true:
//! - a [`Release`] is the only value the uplink can send, and only this module makes one;
//! - no count from 1 to the threshold less one is ever in a release, and none can be had by subtracting shown
//!   counts of a statistic from its total;
//! - zero persons and too few persons look the same.
//!
//! Deliberately absent: IO, clocks, randomness and any way to see raw counts but through [`release`].
//!
//! Code elsewhere can read a release and cannot make one:
//!
//! ```
//! use flip_appliance::disclosure::Release;
//! use flip_protocol::answer::{CohortOutcome, Failed};
//!
//! let release = Release::failed(Failed::Timeout);
//! assert_eq!(release.outcome(), &CohortOutcome::Failed { reason: Failed::Timeout });
//! ```
//!
//! ```compile_fail,E0451
//! use flip_appliance::disclosure::Release;
//! use flip_protocol::answer::{CohortOutcome, Failed};
//!
//! let release = Release { outcome: CohortOutcome::Failed { reason: Failed::Timeout } };
//! ```
//!
//! Nor can it read or print raw counts:
//!
//! ```compile_fail,E0277
//! fn print(counts: flip_appliance::engine::RawCounts) -> String {
//!     format!("{counts:?}")
//! }
//! ```
//!
//! ```compile_fail,E0616
//! fn peek(counts: flip_appliance::engine::RawCounts) -> u64 {
//!     counts.0.rows
//! }
//! ```

mod columns;
mod fold;
mod policy;
mod raw;
#[cfg(test)]
mod tests;

use flip_protocol::answer::{
    Cell, CohortAnswer, CohortOutcome, Extract, Failed, Field, Place, Refused, Unit,
};

pub use policy::{Policy, PolicyError, THRESHOLD_DEFAULT, THRESHOLD_MIN};
pub use raw::RawCounts;
pub(crate) use raw::{
    Bin, CategoryColumn, ColumnCounts, Group, ImageCounts, ImageGroup, Measured, NumberColumn,
};

use fold::{Part, fold};

/// The label under which small cells are counted together.
pub const OTHER: &str = "Other";
/// The label of what the records do not say.
pub const UNKNOWN: &str = "Unknown";

/// What a Trust has let out about one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    outcome: CohortOutcome,
}

impl Release {
    /// The gate did not let the question in.
    pub fn refused(refusal: &flip_gate::Refusal) -> Self {
        let place = refusal.place.map(|place| Place { line: place.line, column: place.column });
        let refused =
            Refused { code: refusal.code.name().to_owned(), message: refusal.message.clone(), place };
        Self { outcome: CohortOutcome::Refused(refused) }
    }

    /// The question was let in and not begun, because of what it would have cost. The estimate stays here.
    pub fn too_costly() -> Self {
        let message = "the engine would have to go through far more rows than the Trust allows; join tables by their \
                       keys (person_id, visit_occurrence_id) with =, and narrow each with WHERE before it is joined";
        let refused = Refused { code: "too_costly".to_owned(), message: message.to_owned(), place: None };
        Self { outcome: CohortOutcome::Refused(refused) }
    }

    /// The question was let in and could not be answered.
    pub fn failed(failed: Failed) -> Self {
        Self { outcome: CohortOutcome::Failed { reason: failed } }
    }

    /// What it says.
    pub fn outcome(&self) -> &CohortOutcome {
        &self.outcome
    }

    /// What it says, to be sent.
    pub fn into_outcome(self) -> CohortOutcome {
        self.outcome
    }
}

/// Protects the counts of one question as the site's policy asks.
pub fn release(raw: RawCounts, policy: &Policy, extract: Extract) -> Release {
    let RawCounts(raw) = raw;
    let threshold = policy.threshold();
    let subjects = raw.subjects.len();
    // A result cannot be about more persons than it has rows: what FLIP caps, we cap.
    let persons = subjects.min(raw.rows);
    if persons < threshold {
        return Release { outcome: CohortOutcome::FewerThan { threshold, extract } };
    }
    let mut fields = counts_and_nulls(&raw.columns, threshold);
    fields.push(persons_field("Age Distribution", raw.ages, subjects, threshold));
    fields.push(persons_field("Sex Distribution", raw.sexes, subjects, threshold));
    fields.extend(raw.images.map(|images| modalities(images, threshold)));
    if !raw.years.is_empty() {
        fields.push(columns::years(raw.years, subjects, threshold));
    }
    fields.extend(raw.numbers.iter().filter_map(|column| columns::histogram(column, subjects, threshold)));
    fields.extend(raw.categories.into_iter().map(|column| columns::top_values(column, threshold)));
    let answer = CohortAnswer { persons, records: raw.rows, threshold, protection: None, extract, fields };
    Release { outcome: CohortOutcome::Value(answer) }
}

/// `Counts` and `Nulls`: both of a column are withheld where either, in rows or in persons, is small. The two add
/// up to the rows, so that one would give the other away.
fn counts_and_nulls(columns: &[ColumnCounts], threshold: u64) -> Vec<Field> {
    let small = |count: u64| (1..threshold).contains(&count);
    let withheld = |column: &ColumnCounts| {
        [column.values, column.nulls, column.persons_with, column.persons_without].into_iter().any(small)
    };
    let field = |name: &str, count: fn(&ColumnCounts) -> u64| {
        let cells = columns.iter().map(|column| Cell {
            label: column.name.clone(),
            count: (!withheld(column)).then(|| count(column)),
        });
        Field::of_groups(name, Unit::Records, cells.collect(), columns.iter().any(withheld))
    };
    vec![field("Counts", |column| column.values), field("Nulls", |column| column.nulls)]
}

fn persons_field(name: &str, groups: Vec<Group>, persons: u64, threshold: u64) -> Field {
    let parts = groups.into_iter().map(|group| Part {
        label: group.label,
        count: group.persons,
        persons: group.persons,
    });
    // Persons of different groups are different persons, so those behind a fold add up.
    let folded = fold(parts.collect(), threshold, persons, |sum, more| sum + more);
    Field::of_groups(name, Unit::Persons, folded.cells, folded.any)
}

fn modalities(images: ImageCounts, threshold: u64) -> Field {
    let parts = images.modalities.into_iter().map(|group| Part {
        label: group.label,
        count: group.images,
        persons: group.persons,
    });
    // One person may have images of several modalities: only the largest group is sure to count persons once.
    let folded = fold(parts.collect(), threshold, images.persons, u64::max);
    Field::of_groups("Modality Distribution", Unit::Images, folded.cells, folded.any)
}
