//! The data room: OMOP extracts in, generations of DuckDB files out.
//!
//! ```text
//! folder ─▶ discover ─▶ check every value ─▶ load in parallel ─▶ check keys ─▶ sync, switch
//!                            │                     (DuckDB)           │
//!                            └──── problems: file, line, column ◀─────┘   nothing switched
//! ```
//!
//! Our own single pass over the text decides what is valid, since it can name the line of every problem and DuckDB's
//! reader is too kind (see `values`). DuckDB then loads the very same open files with typed columns and in parallel,
//! and the two must agree on the number of rows.
//!
//! What must stay true: the data in use change by one atomic step, after everything is on the disk; a running reader
//! keeps its generation; an extract with any problem changes nothing; errors, notes and logs hold no value of a
//! record. Deliberately absent: questions (the engine asks them), and removing old generations.

mod bounds;
mod checked;
mod copy;
mod database;
mod error;
mod extract;
mod generations;
mod header;
mod keys;
mod lines;
mod load;
mod manifest;
mod parquet;
mod pieces;
mod problem;
pub mod progress;
mod report;
mod survey;
mod values;

use std::path::Path;

use flip_gate::cdm::TABLES;
use time::{Date, OffsetDateTime};

pub use error::IngestError;
pub use generations::{Generation, Generations, GenerationsError};
pub use manifest::{Check, Manifest, Note, TableEntry};
pub use problem::{Earlier, Fault, Place, Problem, Problems};
pub use progress::Progress;
pub use report::{Report, print_report};

use checked::Checked;
use database::Database;
use extract::{Format, Source};
use generations::Partial;
use progress::{Meter, Phase};

/// Reads an extract's folder into a new generation and puts it in use. `now_ms` is the time in Unix milliseconds.
///
/// # Errors
/// For every reason of [`IngestError`]; the data in use are then unchanged, and nothing is left behind.
pub fn ingest(
    folder: &Path,
    generations: &Generations,
    now_ms: u64,
    progress: &mut dyn Progress,
) -> Result<Report, IngestError> {
    let (sources, notes) = extract::discover(folder)?;
    if !sources.iter().any(|source| source.table.name == "person") {
        return Err(IngestError::NoPersonFile);
    }
    let estimate_bytes = estimate(&sources);
    let mut meter = Meter::new(progress, 2 * sources.iter().map(|source| source.bytes).sum::<u64>());
    let run = || -> Result<Report, IngestError> {
        let partial = generations.begin()?;
        let database = Database::create(&partial)?;
        let checked = check_all(sources, &database, &mut meter)?;
        load_all(&checked, notes, partial, database, now_ms, &mut meter)
    };
    run().map_err(|error| error.with_estimate(estimate_bytes))
}

/// Checks all files before any is loaded, so that all problems are listed at once.
fn check_all(
    sources: Vec<Source>,
    database: &Database,
    meter: &mut Meter<'_>,
) -> Result<Vec<Checked>, IngestError> {
    let mut problems = Problems::default();
    let mut all = Vec::new();
    for source in sources {
        all.extend(checked::check(source, database, &mut problems, meter)?);
    }
    if problems.total() > 0 {
        for checked in &all {
            keys::check_unloaded_keys(checked, database, &mut problems)?;
        }
        return Err(IngestError::Problems(problems));
    }
    match all.iter().find(|checked| checked.source.table.name == "person" && checked.rows() == 0) {
        Some(checked) => Err(IngestError::NoPersons { file: checked.source.name.clone() }),
        None => Ok(all),
    }
}

/// Loads checked files, checks what needs whole tables, and switches.
fn load_all(
    all: &[Checked],
    mut notes: Vec<Note>,
    partial: Partial,
    database: Database,
    now_ms: u64,
    meter: &mut Meter<'_>,
) -> Result<Report, IngestError> {
    let mut problems = Problems::default();
    let mut checks = Vec::new();
    for checked in all {
        let source = &checked.source;
        meter.at(Phase::Loading, source.table.name, 0, 0);
        let fault = load::load(checked, &database, &partial.scratch(), meter)?;
        source.must_be_unchanged()?;
        if let Some(fault) = fault {
            problems.push(Problem { file: source.name.clone(), place: Place::File, column: None, fault });
        }
        checks.extend(keys::check_loaded_keys(checked, &database, &mut problems)?);
        meter.finished(Phase::Loading, source.table.name, checked.rows(), source.bytes);
    }
    if problems.total() > 0 {
        return Err(IngestError::Problems(problems));
    }

    let file_of = |table: &str| all.iter().find(|checked| checked.source.table.name == table);
    let rows_of = |table: &str| file_of(table).map_or(0, Checked::rows);
    checks.extend(keys::check_references(&database, &rows_of)?);
    notes.extend(all.iter().flat_map(Checked::notes));
    let mut tables = Vec::new();
    for table in TABLES {
        let source = file_of(table.name).map(|checked| checked.source.name.clone());
        if source.is_none() {
            notes.push(Note::new(table.name, "no file; the table is empty"));
        }
        tables.push(TableEntry { table: table.name.to_owned(), rows: rows_of(table.name), source });
    }
    let said = Said::by(&database)?;
    let (extract_date, note) = extract_date(said.release_date.as_deref(), now_ms);
    notes.extend(note);
    let manifest = Manifest {
        extract_date,
        cdm_version: said.cdm_version,
        ingested_at_ms: now_ms,
        duckdb_version: said.duckdb_version,
        tables,
        notes,
        checks,
    };
    database.close()?;
    Ok(Report { generation: partial.complete(manifest)? })
}

/// What the loaded data and DuckDB say of themselves.
struct Said {
    release_date: Option<String>,
    cdm_version: Option<String>,
    duckdb_version: String,
}

impl Said {
    fn by(database: &Database) -> Result<Self, IngestError> {
        let read = || -> duckdb::Result<Self> {
            Ok(Self {
                release_date: database
                    .value("SELECT max(source_release_date)::VARCHAR FROM omop.cdm_source")?,
                cdm_version: database.value("SELECT max(cdm_version) FROM omop.cdm_source")?,
                duckdb_version: database.value("SELECT version()")?,
            })
        };
        read().map_err(|error| IngestError::engine("reading cdm_source", &error))
    }
}

/// The day the data speak of: what `cdm_source` says where that is not in the future, else the day of the ingest.
fn extract_date(said: Option<&str>, now_ms: u64) -> (String, Option<Note>) {
    let seconds = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
    let today =
        OffsetDateTime::from_unix_timestamp(seconds).map_or(Date::MAX, OffsetDateTime::date).to_string();
    let note = |text: &str| Some(Note::new("cdm_source", text));
    match said {
        // Both are YYYY-MM-DD, so their order is that of the days.
        Some(day) if day <= today.as_str() => (day.to_owned(), None),
        Some(_) => (today, note("source_release_date is in the future; the day of the ingest stands for it")),
        None => (today, note("no source_release_date; the day of the ingest stands for it")),
    }
}

/// Bytes that a new generation takes, from the sizes of its files: DuckDB's file is about a third of plain text,
/// gzip makes text a tenth, and Parquet is about as dense as DuckDB. Half as much again is for scratch space.
fn estimate(sources: &[Source]) -> u64 {
    const SMALLEST_BYTES: u64 = 4 * 1024 * 1024;
    let bytes = sources.iter().map(|source| match source.format {
        Format::Text { gzip: false } => source.bytes / 2,
        Format::Text { gzip: true } => source.bytes * 5,
        Format::Parquet => source.bytes * 3 / 2,
    });
    bytes.sum::<u64>() + SMALLEST_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * 3_600_000;

    #[test]
    fn the_extract_date_is_what_the_source_says_unless_in_the_future() {
        assert_eq!(extract_date(Some("1970-01-02"), 2 * DAY_MS), ("1970-01-02".to_owned(), None));
        let (day, note) = extract_date(Some("2070-01-02"), 2 * DAY_MS);
        assert_eq!(day, "1970-01-03");
        assert!(note.is_some());
        assert_eq!(extract_date(None, 0).0, "1970-01-01");
    }
}
