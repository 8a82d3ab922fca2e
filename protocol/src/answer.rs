//! The answer of one Trust to one cohort question, as it leaves the Trust.
//!
//! These are plain shapes: that only disclosure control can hand one to the uplink is the appliance's affair
//! (`flip_appliance::disclosure::Release`).

use serde::{Deserialize, Serialize};

/// What a Trust says to a cohort question. Never a bare zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CohortOutcome {
    /// The cohort is at or above the Trust's threshold.
    Value(CohortAnswer),
    /// Fewer distinct persons than the Trust's threshold; zero and too few look the same.
    FewerThan {
        /// The Trust's threshold, in persons.
        threshold: u64,
        /// The extract the question was asked of.
        extract: Extract,
    },
    /// The Trust's gate did not let the question in.
    Refused(Refused),
    /// The question was let in and could not be answered.
    Failed {
        /// Why.
        reason: Failed,
    },
}

/// A cohort's statistics after disclosure control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortAnswer {
    /// Distinct persons in the cohort.
    pub persons: u64,
    /// Rows of the result.
    pub records: u64,
    /// The Trust's threshold, in persons: no cell below it is shown.
    pub threshold: u64,
    /// How far the counts are from the exact ones; `None` from appliances that gave exact counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<Protection>,
    /// The extract the question was asked of.
    pub extract: Extract,
    /// One block of cells per statistic, in the order they are to be shown.
    pub fields: Vec<Field>,
}

/// How a Trust made its counts inexact, so that none says whether one person is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Every count is a multiple of this.
    pub rounded_to: u64,
    /// `persons` is within this of the exact count in 95 of 100 answers.
    pub persons_margin: u64,
    /// The same of `records`. Each field has a margin of its own.
    pub records_margin: u64,
}

/// Which data a Trust answered from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extract {
    /// Name of the data generation at the Trust, for example `g-000003`.
    pub generation: String,
    /// Day of the extract (`YYYY-MM-DD`): `cdm_source.source_release_date` where given, else the day of ingest.
    pub date: String,
}

/// One statistic: FLIP's blocks are `Counts`, `Nulls`, `Age Distribution`, `Sex Distribution` and
/// `Modality Distribution`. Beyond them: `Years of Observation`, and one block for each column that is no identifier,
/// `Distribution of <column>` for numbers and `Top Values of <column>` for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name as shown.
    pub name: String,
    /// What the counts count.
    pub unit: Unit,
    /// Its cells, in the order they are to be shown.
    pub cells: Vec<Cell>,
    /// True where at least one cell was folded into `Other` or withheld.
    pub folded: bool,
    /// How the cells are to be read.
    #[serde(default, skip_serializing_if = "Shape::is_groups")]
    pub shape: Shape,
    /// Of a numeric column: mean and spread, where enough persons have values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// Its counts are within this of the exact ones in 95 of 100 answers; `None` where they are exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<u64>,
}

impl Field {
    /// A statistic of groups.
    pub fn of_groups(name: &str, unit: Unit, cells: Vec<Cell>, folded: bool) -> Self {
        Self { name: name.to_owned(), unit, cells, folded, shape: Shape::Groups, summary: None, margin: None }
    }
}

/// How a field's cells are to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Groups beside each other: columns, sexes, modalities, ages, years.
    #[default]
    Groups,
    /// The bins of a numeric column in ascending order, such as `10 to 20`; the first and last may be open.
    Histogram,
    /// The most frequent values of a categorical column, the most frequent first.
    TopValues,
}

impl Shape {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
    fn is_groups(&self) -> bool {
        *self == Self::Groups
    }
}

/// Mean and spread of a numeric column, over values held within bounds, each person weighing the same, with noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The mean.
    pub mean: Finite,
    /// The standard deviation.
    pub spread: Finite,
}

/// A number that is neither infinite nor NaN.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct Finite(f64);

// A NaN alone is unequal to itself, and is none of these.
impl Eq for Finite {}

/// A number that is infinite or NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a finite number")]
pub struct NotFinite;

impl Finite {
    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Finite {
    type Error = NotFinite;

    fn try_from(value: f64) -> Result<Self, NotFinite> {
        if value.is_finite() { Ok(Self(value)) } else { Err(NotFinite) }
    }
}

/// What a field's counts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Distinct persons.
    Persons,
    /// Rows of the result.
    Records,
    /// Imaging occurrences.
    Images,
}

impl Unit {
    /// What is counted, in the plural.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::Records => "records",
            Self::Images => "images",
        }
    }
}

/// One labelled count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// A column's name, an age group such as `40-49`, a sex, a modality.
    pub label: String,
    /// The count; `None` where it is withheld because it, or its complement, is too small.
    pub count: Option<u64>,
}

/// Why a question was refused, in words that teach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// A stable code, for example `table_not_allowed`.
    pub code: String,
    /// What is wrong and what to write instead.
    pub message: String,
    /// Line and column in the question, both from 1, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A place in the question's text, line and column from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

/// Why an accepted question could not be answered. Closed, so that no record-level value can ride in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failed {
    /// No data generation is in use at the Trust yet.
    NoData,
    /// The engine does not know a name or a type combination in the question.
    NotUnderstood,
    /// A value could not be converted or computed (a bad cast, a division, an overflow).
    BadValue,
    /// The time limit was reached.
    Timeout,
    /// The memory limit was reached.
    OutOfMemory,
    /// The result has more rows than the Trust's limit.
    TooManyRows,
    /// The engine's process ended twice while it worked on this question.
    EngineLost,
    /// Anything else; the Trust's own log has the details.
    Internal,
}

impl Failed {
    /// A sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoData => "the Trust has not ingested any data yet",
            Self::NotUnderstood => {
                "the Trust's engine does not know a name, function or type combination in the question"
            }
            Self::BadValue => "a value in the data could not be converted or computed as the question asks",
            Self::Timeout => "the question took longer than the Trust allows",
            Self::OutOfMemory => "the question needed more memory than the Trust allows",
            Self::TooManyRows => "the result has more rows than the Trust allows; narrow the question",
            Self::EngineLost => "the Trust's engine was lost twice while it worked on the question",
            Self::Internal => "something went wrong at the Trust; its own log has the details",
        }
    }
}
