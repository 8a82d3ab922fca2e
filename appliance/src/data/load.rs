//! Checked files into the tables, by DuckDB's own parallel readers.
//!
//! What must stay true: a table holds exactly the rows that the check counted, or the ingest stops.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use duckdb::Connection;
use flip_gate::cdm::{Column, Kind};

use super::bounds::{COPY_BUFFER_BYTES, COPY_LINE_BYTES, PROGRESS_MS};
use super::checked::{Checked, Content};
use super::copy;
use super::database::{Database, literal, quoted, sql_type};
use super::error::{Cause, IngestError};
use super::extract::{Format, Source};
use super::header::Columns;
use super::lines::Dialect;
use super::parquet::{self, Parquet};
use super::problem::Fault;
use super::progress::{Meter, Phase};
use super::references;
use super::survey::Reading;

/// Loads one file; a fault where DuckDB does not read what the check read.
pub(super) fn load(
    checked: &Checked,
    database: &Database,
    scratch: &Path,
    meter: &mut Meter<'_>,
) -> Result<Option<Fault>, IngestError> {
    let source = &checked.source;
    match &checked.content {
        Content::Parquet(parquet) => {
            attempt(source, &parquet_sql(source, parquet), parquet.rows, None, database, meter)
        }
        Content::Text { dialect, columns, survey } => {
            let path = scratch.join("copy.csv");
            let copy = || copy::copy(source, *dialect, columns, &path);
            let mut copied = match survey.reading {
                Reading::Copy => Some(copy()?),
                Reading::Direct | Reading::CompactDates => None,
            };
            let sql = text_sql(source, *dialect, columns, survey.reading, copied.as_ref(), true);
            let mut fault = attempt(source, &sql, survey.rows, copied.as_ref(), database, meter)?;
            // DuckDB cuts a file into pieces and may misjudge where a quoted text goes on, and its idea of a value
            // may be narrower than ours. A plain copy in one piece leaves no room for either.
            if fault.is_some() {
                if copied.is_none() {
                    copied = Some(copy()?);
                }
                let sql = text_sql(source, *dialect, columns, Reading::Copy, copied.as_ref(), false);
                fault = attempt(source, &sql, survey.rows, copied.as_ref(), database, meter)?;
            }
            if copied.is_some() {
                fs::remove_file(&path).map_err(|error| IngestError::io(&path, error))?;
            }
            Ok(fault)
        }
    }
}

/// Runs one INSERT in a transaction that is kept only with the right number of rows.
fn attempt(
    source: &Source,
    sql: &str,
    counted: u64,
    copied: Option<&File>,
    database: &Database,
    meter: &mut Meter<'_>,
) -> Result<Option<Fault>, IngestError> {
    let failed = |error: duckdb::Error| IngestError::engine(format!("loading {}", source.name), &error);
    let connection = database.connection().map_err(failed)?;
    let path = copied.map_or_else(|| source.handle_path(), handle_path);
    // Carries nothing: its closing says that the work is done, or has panicked.
    let (done, wait) = mpsc::channel::<()>();
    let result = thread::scope(|scope| {
        let work = scope.spawn(move || {
            let result = insert(&connection, sql, counted);
            drop(done);
            result
        });
        while wait.recv_timeout(Duration::from_millis(PROGRESS_MS)) == Err(RecvTimeoutError::Timeout) {
            meter.at(Phase::Loading, source.table.name, 0, bytes_read(&path).unwrap_or(0).min(source.bytes));
        }
        work.join()
    });
    match result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
        Ok(loaded) if loaded == counted => Ok(None),
        Ok(loaded) => Ok(Some(Fault::RowsDiffer { counted, loaded })),
        Err(error) if Cause::of(&error) == Cause::Other => Ok(Some(Fault::Unreadable)),
        Err(error) => Err(failed(error)),
    }
}

fn insert(connection: &Connection, sql: &str, counted: u64) -> duckdb::Result<u64> {
    let transaction = connection.unchecked_transaction()?;
    let loaded = transaction.execute(sql, [])? as u64;
    if loaded == counted {
        transaction.commit()?;
    } else {
        transaction.rollback()?;
    }
    Ok(loaded)
}

fn parquet_sql(source: &Source, parquet: &Parquet) -> String {
    let names = parquet.conversions.iter().map(|conversion| quoted(conversion.column.name));
    let values = parquet.conversions.iter();
    let values =
        values.map(|conversion| references::stored(source.table, conversion.column, &conversion.value));
    insert_sql(source, names, values, &parquet::from(source, false))
}

fn text_sql(
    source: &Source,
    dialect: Dialect,
    columns: &Columns,
    reading: Reading,
    copied: Option<&File>,
    parallel: bool,
) -> String {
    let path = copied.map_or_else(|| source.handle_path(), handle_path);
    let dialect = if copied.is_some() { copy::DIALECT } else { dialect };
    let compression = match source.format {
        Format::Text { gzip: true } if copied.is_none() => "gzip",
        Format::Text { .. } | Format::Parquet => "none",
    };
    let quote = if dialect.quoting { "\"" } else { "" };
    // Days of eight digits are read as numbers: that takes DuckDB less than its own way to read such days.
    let is_number = |column: &Column| reading == Reading::CompactDates && column.kind == Kind::Date;
    let sizes = match copied {
        Some(_) => format!(", max_line_size = {COPY_LINE_BYTES}, buffer_size = {COPY_BUFFER_BYTES}"),
        None => String::new(),
    };
    let types = columns.found.iter().enumerate().map(|(at, column)| {
        let kind = column.map(|column| if is_number(column) { Kind::Integer } else { column.kind });
        format!("'c{at}': '{}'", kind.map_or("VARCHAR", sql_type))
    });
    let from = format!(
        "read_csv({}, auto_detect = false, header = true, delim = '{}', quote = '{quote}', escape = '{quote}', \
         nullstr = '', compression = '{compression}', parallel = {parallel}{sizes}, columns = {{{}}})",
        literal(&path),
        char::from(dialect.delimiter),
        types.collect::<Vec<_>>().join(", "),
    );
    let known = || columns.found.iter().enumerate().filter_map(|(at, column)| Some((at, (*column)?)));
    let names = known().map(|(_, column)| quoted(column.name));
    let values = known().map(|(at, column)| {
        if is_number(column) {
            return format!("make_date(c{at} // 10000, c{at} // 100 % 100, c{at} % 100)");
        }
        references::stored(source.table, column, &format!("c{at}"))
    });
    insert_sql(source, names, values, &from)
}

fn insert_sql(
    source: &Source,
    names: impl Iterator<Item = String>,
    values: impl Iterator<Item = String>,
    from: &str,
) -> String {
    format!(
        "INSERT INTO omop.{} ({}) SELECT {} FROM {from}",
        quoted(source.table.name),
        names.collect::<Vec<_>>().join(", "),
        values.collect::<Vec<_>>().join(", "),
    )
}

fn handle_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// How far DuckDB has read in a file: the furthest offset of this process's handles on it.
fn bytes_read(handle: &str) -> Option<u64> {
    let wanted = fs::read_link(handle).ok()?;
    let handles = fs::read_dir("/proc/self/fd").ok()?;
    let same = handles.flatten().filter(|entry| fs::read_link(entry.path()).is_ok_and(|path| path == wanted));
    let offset = |entry: fs::DirEntry| {
        let info = fs::read_to_string(Path::new("/proc/self/fdinfo").join(entry.file_name())).ok()?;
        info.lines().find_map(|line| line.strip_prefix("pos:"))?.trim().parse::<u64>().ok()
    };
    same.filter_map(offset).max()
}
