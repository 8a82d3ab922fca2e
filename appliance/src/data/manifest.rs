//! What a generation holds and where it came from: `manifest.json`.
//!
//! What must stay true: a manifest holds counts and names, never a value of a record.

use serde::{Deserialize, Serialize};

/// What a generation holds and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The day the extract speaks of, as YYYY-MM-DD.
    pub extract_date: String,
    /// What the extract's `cdm_source` says of its version.
    pub cdm_version: Option<String>,
    /// When it was ingested, in Unix milliseconds.
    pub ingested_at_ms: u64,
    /// The DuckDB that wrote it.
    pub duckdb_version: String,
    /// Its tables, in the order of the CDM.
    pub tables: Vec<TableEntry>,
    /// What the operator should know.
    pub notes: Vec<Note>,
    /// What was checked over all rows, and how many failed.
    pub checks: Vec<Check>,
}

/// One table of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEntry {
    /// The table's name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The name of the file it came from; none where the extract had no such file and the table is empty.
    pub source: Option<String>,
}

/// Something the operator should know that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The table or the file.
    pub about: String,
    /// The note itself.
    pub text: String,
}

/// One check over all rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// What must hold.
    pub rule: String,
    /// Rows for which it does not.
    pub rows_failing: u64,
}

impl Note {
    pub(super) fn new(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self { about: about.into(), text: text.into() }
    }
}

impl Manifest {
    /// Rows of that table; none where it is not of the model.
    pub fn rows(&self, table: &str) -> Option<u64> {
        self.tables.iter().find(|entry| entry.table == table).map(|entry| entry.rows)
    }
}
