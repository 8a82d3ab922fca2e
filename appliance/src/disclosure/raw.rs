//! Counts as the engine measured them: unprotected.
//!
//! What must stay true: [`RawCounts`] can be neither printed nor serialised, and its fields are read in `disclosure`
//! alone. Deliberately absent: Debug, Display, Serialize, accessors.

/// The counts of one question before disclosure control.
#[derive(Clone)]
pub struct RawCounts {
    /// Rows of the result.
    pub(super) rows: u64,
    /// Distinct persons behind the result.
    pub(super) persons: u64,
    /// In the result's order.
    pub(super) columns: Vec<ColumnCounts>,
    /// Distinct persons by age, in order of age.
    pub(super) ages: Vec<Group>,
    /// Distinct persons by sex.
    pub(super) sexes: Vec<Group>,
    /// Where the result has accession ids.
    pub(super) images: Option<ImageCounts>,
}

/// One column of the result.
#[derive(Clone)]
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
#[derive(Clone)]
pub(crate) struct Group {
    pub label: String,
    pub persons: u64,
}

/// The imaging occurrences behind the result's accession ids.
#[derive(Clone)]
pub(crate) struct ImageCounts {
    /// Distinct persons behind all of them.
    pub persons: u64,
    /// By modality.
    pub modalities: Vec<ImageGroup>,
}

/// Imaging occurrences of one modality.
#[derive(Clone)]
pub(crate) struct ImageGroup {
    pub label: String,
    pub images: u64,
    pub persons: u64,
}

impl RawCounts {
    /// Takes what the engine measured.
    pub(crate) fn new(
        rows: u64,
        persons: u64,
        columns: Vec<ColumnCounts>,
        ages: Vec<Group>,
        sexes: Vec<Group>,
        images: Option<ImageCounts>,
    ) -> Self {
        Self { rows, persons, columns, ages, sexes, images }
    }
}
