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
    /// The extract the question was asked of.
    pub extract: Extract,
    /// One block of cells per statistic, in the order they are to be shown.
    pub fields: Vec<Field>,
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
/// `Modality Distribution`.
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
