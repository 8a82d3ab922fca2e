//! What a generation holds and where it came from: `manifest.json`.
//!
//! What must stay true: a manifest holds counts and names, never a value of a record. It is read for every question,
//! so it stays small; what the data are worth is told beside it (see `quality`). Members that another version wrote
//! are passed over, so that a generation outlives the program that made it.

use flip_gate::cdm::Column;
use flip_web::plural;
use serde::{Deserialize, Serialize};

use super::generations::FileMark;

/// What a generation holds and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The data's file, to know it again; none where a version made it that did not keep this.
    #[serde(default)]
    pub database: Option<FileMark>,
    /// The population beside it, to know it again; none where a version made it that did not keep this, or where there
    /// is none. A file that is not named here is not used.
    #[serde(default)]
    pub population: Option<FileMark>,
    /// The delivery that it was made from, where it came through the watched folder: none is ingested twice.
    #[serde(default)]
    pub delivery: Option<String>,
    /// The number of the act of the audit log that began its ingest, where a command did.
    #[serde(default)]
    pub begun: Option<u64>,
}

/// One table of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEntry {
    /// The table's name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The name of the file it came from, or of the first and how many more; none where the extract had no such file
    /// and the table is empty.
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

impl Note {
    pub(super) fn new(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self { about: about.into(), text: text.into() }
    }

    /// What there is to say of so many rows of a file that are empty in a column, and so many whose text is longer than
    /// the CDM has it.
    pub(super) fn of_column(file: &str, column: &Column, empty: u64, too_long: u64) -> Vec<Self> {
        let note = |rows: u64, what: &str| {
            let are = if rows == 1 { "is" } else { "are" };
            Self::new(file, format!("{}: {} {are} {what}", column.name, plural(rows, "row", None)))
        };
        let empty =
            (column.required && empty > 0).then(|| note(empty, "empty where the CDM requires a value"));
        let too_long = (too_long > 0).then(|| note(too_long, "longer than the CDM allows; kept"));
        empty.into_iter().chain(too_long).collect()
    }
}

impl Manifest {
    /// Rows of that table; none where it is not of the model.
    pub fn rows(&self, table: &str) -> Option<u64> {
        self.tables.iter().find(|entry| entry.table == table).map(|entry| entry.rows)
    }
}
