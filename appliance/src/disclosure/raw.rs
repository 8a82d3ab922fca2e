//! Counts as the engine measured them: unprotected.
//!
//! What must stay true: [`RawCounts`] can be neither printed nor serialised, and what it holds is read in
//! `disclosure` alone. Deliberately absent: Debug, Display, Serialize, accessors of counts.

use roaring::RoaringTreemap;

use super::budget::Statistics;

/// The counts of one question before disclosure control.
#[derive(Clone, PartialEq)]
pub struct RawCounts(pub(super) Measured);

/// What the engine measured of one question's result.
#[derive(Clone, PartialEq)]
pub(crate) struct Measured {
    /// Rows that the engine expected to go through, by estimates that know no single record.
    pub cost: u64,
    /// Rows of the result, each person's counted for at most [`Measured::rows_cap`].
    pub rows: u64,
    /// The most rows that one person is counted for: what many others have too (`engine::sharing`), so that no single
    /// person's rows stand out.
    pub rows_cap: u64,
    /// The distinct persons behind the result, by `person_id` (its 64 bits read as unsigned).
    pub subjects: RoaringTreemap,
    /// In the result's order; rows are capped as in [`Measured::rows`].
    pub columns: Vec<ColumnCounts>,
    /// Distinct persons by age, in order of age.
    pub ages: Vec<Group>,
    /// Distinct persons by sex.
    pub sexes: Vec<Group>,
    /// Distinct persons by calendar year of observation, in order of year; a person may be in several, and is counted in
    /// their first [`Measured::years_cap`].
    pub years: Vec<Group>,
    /// The most years that one person is counted in, as [`Measured::rows_cap`].
    pub years_cap: u64,
    /// Where the result has accession ids.
    pub images: Option<ImageCounts>,
    /// Of the result's numeric columns that are no identifiers, in its order.
    pub numbers: Vec<NumberColumn>,
    /// Of the result's other columns that are no identifiers, in its order.
    pub categories: Vec<CategoryColumn>,
    /// How many numbers and lists of cells are made of it.
    pub statistics: Statistics,
}

/// One column of the result.
#[derive(Clone, PartialEq)]
pub(crate) struct ColumnCounts {
    /// Its name.
    pub name: String,
    /// Rows with a value.
    pub values: u64,
    /// Rows without.
    pub nulls: u64,
    /// Distinct persons with at least one value.
    pub persons_with: u64,
    /// Distinct persons with at least one null.
    pub persons_without: u64,
}

/// Distinct persons under one label.
#[derive(Clone, PartialEq)]
pub(crate) struct Group {
    pub label: String,
    pub persons: u64,
}

/// The imaging occurrences behind the result's accession ids.
#[derive(Clone, PartialEq)]
pub(crate) struct ImageCounts {
    /// Distinct persons behind all of them.
    pub persons: u64,
    /// The most images that one person is counted for, as [`Measured::rows_cap`].
    pub images_cap: u64,
    /// By modality.
    pub modalities: Vec<ImageGroup>,
}

/// Imaging occurrences of one modality.
#[derive(Clone, PartialEq)]
pub(crate) struct ImageGroup {
    pub label: String,
    pub images: u64,
    pub persons: u64,
}

/// A numeric column: each person stands in it once, with the mean of their finite values, clamped to `low..=high`.
#[derive(Clone, PartialEq)]
pub(crate) struct NumberColumn {
    pub name: String,
    /// Bounds that no single person decides (`engine::sharing`), moved outward to round numbers, a tenth of the range or so
    /// apart: neither is a person's own value. Finite.
    pub low: f64,
    pub high: f64,
    /// Bins of one width that cover `low..=high`, in order, the empty ones too. The first and the last hold what
    /// lies beyond.
    pub bins: Vec<Bin>,
    /// Persons with a finite value.
    pub persons: u64,
    /// Mean and standard deviation of the clamped values of the persons.
    pub mean: f64,
    pub spread: f64,
}

/// One bin of a histogram: `from <= value < to`.
#[derive(Clone, PartialEq)]
pub(crate) struct Bin {
    pub from: f64,
    pub to: f64,
    /// Persons in it.
    pub persons: u64,
}

/// A categorical column's most frequent values.
#[derive(Clone, PartialEq)]
pub(crate) struct CategoryColumn {
    pub name: String,
    /// Distinct persons by value, the most first; concepts by their names. A person may have several, and is counted for
    /// [`CategoryColumn::values_cap`] of them at most.
    pub groups: Vec<Group>,
    /// The most values that one person is counted for, as [`Measured::rows_cap`].
    pub values_cap: u64,
    /// Distinct persons with any value.
    pub persons: u64,
}

impl RawCounts {
    /// Takes what the engine measured.
    pub(crate) fn new(measured: Measured) -> Self {
        Self(measured)
    }

    /// What the engine expected, before it began.
    pub(crate) fn cost(&self) -> u64 {
        self.0.cost
    }
}
