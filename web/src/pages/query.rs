//! One query: what each Trust says, and the charts.

mod freeze;
mod samples;

use serde::Serialize;

use super::{Frame, Moment, TrustAnswer};
use crate::chart::{Chart, NumberLine, Summary};

pub use freeze::{Freeze, FreezeState, FrozenAt};

/// A query and its combined answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Query {
    /// What surrounds it.
    pub frame: Frame,
    /// Its name.
    pub name: String,
    /// The question.
    pub sql: String,
    /// Its project's name.
    pub project: String,
    /// Path of that project's page.
    pub project_href: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Moment,
    /// Sum of the values; `None` where no Trust gave one.
    pub persons: Option<u64>,
    /// How far that is from the exact sum; `None` where it is exact.
    pub margin: Option<u64>,
    /// True where a Trust rounded its counts and added noise.
    pub inexact: bool,
    /// The asked Trusts, in the order they are to be shown.
    pub trusts: Vec<TrustAnswer>,
    /// The statistics, in the order they are to be shown.
    pub fields: Vec<Field>,
    /// The Trusts that gave persons and records and no statistics.
    pub undivided: Vec<String>,
    /// Freezing its cohort.
    pub freeze: Freeze,
    /// `staged` or `approved`, where its project is that with this very query.
    pub staged: Option<String>,
    /// Where the button that cancels it posts to; `None` where there is nothing to cancel, or the person may not.
    pub cancel_action: Option<String>,
    /// Path of the form that asks it again as a new one; `None` where nothing may be asked.
    pub again_href: Option<String>,
    /// Path of the answer as CSV, once there is one.
    pub csv_href: Option<String>,
    /// Path of the answer as JSON, once there is one.
    pub json_href: Option<String>,
    /// Seconds until the page asks again, while something is under way.
    pub refresh_seconds: Option<u32>,
}

/// One statistic of all Trusts that gave a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// One series per Trust.
    pub chart: Chart,
    /// The same along a number line, where the labels are numbers: drawn in place of bars.
    pub line: Option<NumberLine>,
    /// One per series: how far its counts are from the exact ones; `None` where they are exact.
    pub margins: Vec<Option<u64>>,
    /// One per series: mean and spread of a numeric column.
    pub summaries: Vec<Option<Summary>>,
    /// True where at least one cell was folded into another or withheld.
    pub folded: bool,
    /// True where there is no count in it at all: nothing to draw.
    pub nothing: bool,
}
