//! The data room: OMOP extracts in, generations of DuckDB files out.
//!
//! ```text
//! folder ─▶ discover ─▶ check every value ─▶ load in parallel ─▶ check keys ─▶ look at quality ─▶ sync, switch
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
//! record; memory is bounded whatever the size of an extract. Deliberately absent: questions (the engine asks them).

mod bounds;
mod checked;
mod confine;
mod copy;
mod database;
mod encoding;
mod error;
mod extract;
pub(crate) mod facts;
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
pub mod quality;
mod references;
mod report;
mod survey;
mod values;

use std::path::Path;
use std::thread::{self, ScopedJoinHandle};

use flip_gate::cdm::{Kind, TABLES, Table};
use time::{Date, OffsetDateTime};

pub use bounds::{GENERATIONS_KEPT, INGEST_MEMORY_MB};
pub use confine::{ConfineError, Confined, confine};
pub use error::IngestError;
pub(crate) use error::{advice, disk_is_full};
pub(crate) use generations::population_named_beside;
pub use generations::{Damage, FileMark, Generation, Generations, GenerationsError, Pin, Turn, Verdict};
pub use header::cdm_name;
pub use manifest::{Manifest, Note, TableEntry};
pub use problem::{Earlier, Fault, Place, Problem, Problems};
pub use progress::Progress;
pub use quality::{Filled, Quality};
pub use report::{Report, print_notes, print_report, print_tables};

use checked::Checked;
use database::Database;
use extract::{Format, Source};
use generations::Partial;
use progress::{Meter, Phase};
use quality::{Finding, Input, Rule};

use crate::engine;

/// The looks at quality count as this part of reading all bytes once, in the progress that is shown.
const LOOK_SHARE: u64 = 8;

/// How an ingest is done.
#[derive(Debug, Clone)]
pub struct Settings {
    /// MiB that DuckDB may hold; what needs more spills to the disk.
    pub memory_mb: u64,
    /// Generations that stay, the new one among them. The one in use and the pinned ones stay in any case.
    pub keep: usize,
    /// The delivery of the watched folder that the extract is.
    pub delivery: Option<String>,
    /// The number of the act that began it, where the audit log says that it began.
    pub begun: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            memory_mb: bounds::INGEST_MEMORY_MB,
            keep: bounds::GENERATIONS_KEPT,
            delivery: None,
            begun: None,
        }
    }
}

/// Reads an extract's folder into a new generation and puts it in use. `now_ms` is the time in Unix milliseconds.
///
/// # Errors
/// For every reason of [`IngestError`]; the data in use are then unchanged, and nothing is left behind.
pub fn ingest(
    folder: &Path,
    generations: &Generations,
    settings: &Settings,
    now_ms: u64,
    progress: &mut dyn Progress,
) -> Result<Report, IngestError> {
    ingest_in_turn(generations.turn()?, folder, generations, settings, now_ms, progress)
}

/// The same for whoever has the right to ingest into these generations already.
pub(crate) fn ingest_in_turn(
    turn: Turn,
    folder: &Path,
    generations: &Generations,
    settings: &Settings,
    now_ms: u64,
    progress: &mut dyn Progress,
) -> Result<Report, IngestError> {
    let (sources, notes) = extract::discover(folder)?;
    if !sources.iter().any(|source| source.table.name == "person") {
        return Err(IngestError::NoPersonFile { alike: extract::alike(&notes, Some("person")) });
    }
    let estimate_bytes = estimate(&sources);
    let bytes: u64 = sources.iter().map(|source| source.bytes).sum();
    let mut meter = Meter::new(progress, 2 * bytes + bytes / LOOK_SHARE);
    let run = move || -> Result<Report, IngestError> {
        let partial = generations.begin(turn)?;
        let database = Database::open(&partial, settings.memory_mb)?;
        let checked = check_all(sources, &database, &mut meter)?;
        database.make_tables(
            &partial,
            row_group_rows(&checked, settings.memory_mb, database::threads() as u64),
        )?;
        load_all(&checked, &database, &partial, &mut meter)?;
        let findings = clear_references(&checked, &database, &mut meter)?;
        let told = Told { notes, findings };
        let (manifest, quality) = describe(&checked, told, &partial, database, settings, now_ms, &mut meter)?;
        let read: Vec<&str> = checked.iter().map(|part| part.source.name.as_str()).collect();
        extract::must_hold_just(folder, &read)?;
        let generation = partial.complete(manifest, &quality)?;
        // The new generation is in use whatever comes of this.
        let removed = generations.keep(settings.keep).unwrap_or_else(|error| {
            tracing::warn!(%error, "older generations could not be removed");
            Vec::new()
        });
        Ok(Report { generation, quality, removed })
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
        for parts in tables(&all) {
            keys::check_unloaded_keys(parts, database, &mut problems)?;
        }
        return Err(IngestError::Problems(problems));
    }
    let without_persons = tables(&all)
        .find(|parts| parts[0].source.table.name == "person" && parts.iter().all(|part| part.rows() == 0))
        .map(said_source);
    match without_persons {
        Some(file) => Err(IngestError::NoPersons { file }),
        None => Ok(all),
    }
}

/// Loads checked files, and checks what needs whole tables.
fn load_all(
    all: &[Checked],
    database: &Database,
    partial: &Partial,
    meter: &mut Meter<'_>,
) -> Result<(), IngestError> {
    let mut problems = Problems::default();
    for parts in tables(all) {
        for part in parts {
            let source = &part.source;
            meter.at(Phase::Loading, source.table.name, 0, 0);
            let fault = load::load(part, database, &partial.scratch(), meter)?;
            source.must_be_unchanged()?;
            if let Some(fault) = fault {
                problems.push(Problem { file: source.name.clone(), place: Place::File, column: None, fault });
            }
            meter.finished(Phase::Loading, source.table.name, part.rows(), source.bytes);
        }
        keys::check_loaded_keys(parts, database, &mut problems)?;
    }
    if problems.total() > 0 { Err(IngestError::Problems(problems)) } else { Ok(()) }
}

/// Empties references to other persons' records, once all tables are there to tell.
fn clear_references(
    all: &[Checked],
    database: &Database,
    meter: &mut Meter<'_>,
) -> Result<Vec<Finding>, IngestError> {
    let mut findings = Vec::new();
    for parts in tables(all) {
        let table = parts[0].source.table;
        if table.columns.iter().any(|column| references::names_records(table, column)) {
            meter.at(Phase::Comparing, table.name, 0, 0);
            findings.extend(references::clear(parts, database)?);
        }
    }
    Ok(findings)
}

/// What is to be told of an extract before its tables are looked at.
struct Told {
    notes: Vec<Note>,
    findings: Vec<Finding>,
}

/// Closes the loaded database and says what it is: what it holds, what that is worth, and how its file is known again.
fn describe(
    all: &[Checked],
    Told { mut notes, findings }: Told,
    partial: &Partial,
    database: Database,
    settings: &Settings,
    now_ms: u64,
    meter: &mut Meter<'_>,
) -> Result<(Manifest, Quality), IngestError> {
    let rows_of = |table: &str| {
        let parts = all.iter().filter(|part| part.source.table.name == table);
        parts.map(Checked::rows).sum::<u64>()
    };
    notes.extend(all.iter().flat_map(Checked::notes));
    let mut entries = Vec::new();
    for table in TABLES {
        let source = tables(all).find(|parts| parts[0].source.table.name == table.name).map(said_source);
        if source.is_none() {
            notes.push(Note::new(table.name, "no file; the table is empty"));
        }
        entries.push(TableEntry { table: table.name.to_owned(), rows: rows_of(table.name), source });
    }
    let said = Said::by(&database)?;
    let (extract_date, note) = extract_date(said.release_date.as_deref(), now_ms);
    notes.extend(note);
    notes.extend(said.cdm_version.as_deref().and_then(other_version));
    database.close()?;

    let columns = filled(all, &findings);
    let findings = [findings, null_words(all, &columns)].concat();
    let input = Input {
        cdm_version: said.cdm_version.clone(),
        extract_date: extract_date.clone(),
        columns,
        findings,
        rows: &rows_of,
    };
    let (Marks { database, population }, quality) = look(partial, input, all, settings, meter)?;
    let manifest = Manifest {
        extract_date,
        cdm_version: said.cdm_version,
        ingested_at_ms: now_ms,
        duckdb_version: said.duckdb_version,
        tables: entries,
        notes,
        database: Some(database),
        population,
        delivery: settings.delivery.clone(),
        begun: settings.begun,
    };
    Ok((manifest, quality))
}

/// How a generation's files are known again.
struct Marks {
    database: FileMark,
    population: Option<FileMark>,
}

/// Looks at the quality of the closed file, while other threads take its hash and keep the population beside it.
fn look(
    partial: &Partial,
    input: Input<'_>,
    all: &[Checked],
    settings: &Settings,
    meter: &mut Meter<'_>,
) -> Result<(Marks, Quality), IngestError> {
    let path = partial.database();
    thread::scope(|scope| {
        let mark = scope.spawn(|| generations::mark(&path, &mut |_| {}));
        let database = Database::reopen(partial, settings.memory_mb)?;
        let reader =
            database.connection().map_err(|error| IngestError::engine("reading the population", &error))?;
        let beside = &path;
        let population = scope.spawn(move || engine::keep_population(&reader, beside, settings.memory_mb));
        let mut last: Option<&Table> = None;
        let mut tick = |table: &'static Table| {
            if let Some(done) = last.replace(table) {
                let parts = all.iter().filter(|part| part.source.table.name == done.name);
                let bytes: u64 = parts.map(|part| part.source.bytes).sum();
                meter.finished(Phase::Looking, done.name, 0, bytes / LOOK_SHARE);
            }
            meter.at(Phase::Looking, table.name, 0, 0);
        };
        let quality = quality::assess(&database, input, &mut tick)?;
        let kept = ended(population);
        database.close_reader()?;
        meter.end(last.map_or("person", |table| table.name));
        let failed = |error| IngestError::io(&path, error);
        let population = kept.map_err(failed)?;
        Ok((Marks { database: ended(mark).map_err(failed)?, population }, quality))
    })
}

fn ended<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The files of one table at a time.
fn tables(all: &[Checked]) -> impl Iterator<Item = &[Checked]> {
    all.chunk_by(|one, other| extract::same_table(&one.source, &other.source))
}

/// Rows of a row group: DuckDB's own number, and fewer where a table's long texts would fill the memory, since each
/// thread holds a whole one.
fn row_group_rows(all: &[Checked], memory_mb: u64, threads: u64) -> u64 {
    let most_bytes = memory_mb * 1024 * 1024 / (bounds::ROW_GROUPS_PART * threads);
    let rows = tables(all).map(|parts| {
        let bytes: u64 = parts.iter().map(Checked::text_bytes).sum();
        let rows: u64 = parts.iter().map(Checked::rows).sum();
        if bytes <= most_bytes { bounds::ROW_GROUP_ROWS } else { most_bytes / (bytes / rows.max(1)).max(1) }
    });
    rows.min().unwrap_or(bounds::ROW_GROUP_ROWS).clamp(bounds::ROW_GROUP_ROWS_LEAST, bounds::ROW_GROUP_ROWS)
}

/// The names of a table's files, in few words.
fn said_source(parts: &[Checked]) -> String {
    let first = parts.first().map(|part| part.source.name.as_str()).unwrap_or_default();
    match parts.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first} and {} more", count - 1),
    }
}

/// How far the columns of tables with rows are filled: as the check has counted it, less what was emptied since.
fn filled(all: &[Checked], findings: &[Finding]) -> Vec<Filled> {
    let mut columns = Vec::new();
    for parts in tables(all) {
        let (table, rows) = (parts[0].source.table, parts.iter().map(Checked::rows).sum());
        columns.extend(table.columns.iter().filter(|_| rows > 0).map(|column| Filled {
            table: table.name.to_owned(),
            column: column.name.to_owned(),
            filled: parts.iter().map(|part| part.filled(column.name)).sum::<u64>()
                - references::cleared(findings, table, column),
            rows,
        }));
    }
    columns
}

/// The texts that are words for no value. They stay what they are: `NA` may be sodium.
fn null_words(all: &[Checked], filled: &[Filled]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for parts in tables(all) {
        let table = parts[0].source.table;
        for column in table.columns.iter().filter(|column| matches!(column.kind, Kind::Text(_))) {
            let of = filled.iter().find(|filled| filled.table == table.name && filled.column == column.name);
            let rows = parts.iter().map(|part| part.null_words(column.name)).sum();
            if let Some(of) = of.filter(|of| of.filled > 0) {
                findings.push(Finding::new(Rule::NullWord, table.name, Some(column.name), rows, of.filled));
            }
        }
    }
    findings
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

/// A note where `cdm_source` names a version of the CDM whose tables are not those that are read.
fn other_version(said: &str) -> Option<Note> {
    let is_read = ["5.3", "5.4"].iter().any(|version| said.contains(version));
    let text = "cdm_version is neither 5.3 nor 5.4; the files are read as those of 5.4";
    (!is_read).then(|| Note::new("cdm_source", text))
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
