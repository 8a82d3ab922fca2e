//! What needs more than one row to check: repeated keys, and references to rows that are not there.
//!
//! Repeated keys are a problem; dangling references are counted, since extracts cut from larger databases have them.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use flip_gate::cdm::{Kind, TABLES, Table};

use super::bounds::REPEATED_KEYS;
use super::checked::{Checked, Content};
use super::database::{Database, literal, quoted};
use super::error::{Cause, IngestError};
use super::extract::Format;
use super::manifest::Check;
use super::problem::{Earlier, Fault, Place, Problem, Problems};
use super::survey::{self, key_position};
use super::{lines, parquet, values};

/// Lists the repeated keys of a loaded table.
pub(super) fn check_loaded_keys(
    checked: &Checked,
    database: &Database,
    problems: &mut Problems,
) -> Result<Option<Check>, IngestError> {
    let table = checked.source.table;
    let Some(key) = table.primary_key else { return Ok(None) };
    let check = |rows_failing| {
        let rule = "no key repeats".to_owned();
        Some(Check { table: table.name.to_owned(), column: key.to_owned(), rule, rows_failing })
    };
    if matches!(&checked.content, Content::Text { survey, .. } if survey.keys_ascend) {
        return Ok(check(0));
    }
    let from = format!("omop.{}", quoted(table.name));
    let repeated = repeated(database, &quoted(key), &from);
    let repeated =
        repeated.map_err(|error| IngestError::engine(format!("checking {}", table.name), &error))?;
    list(checked, &repeated, database, problems)?;
    Ok(check(repeated.rows))
}

/// Lists the repeated keys of a file that will not be loaded, as far as it can be read.
pub(super) fn check_unloaded_keys(
    checked: &Checked,
    database: &Database,
    problems: &mut Problems,
) -> Result<(), IngestError> {
    let source = &checked.source;
    let (expression, from) = match &checked.content {
        Content::Parquet(parquet) => {
            let is_key = |name: &str| source.table.primary_key == Some(name);
            let Some(key) = parquet.conversions.iter().find(|conversion| is_key(conversion.column.name))
            else {
                return Ok(());
            };
            (key.value.clone(), parquet::from(source, false))
        }
        Content::Text { dialect, columns, .. } => {
            let Some(position) = key_position(source.table, columns) else { return Ok(()) };
            let quote = if dialect.quoting { "\"" } else { "" };
            let compression = if source.format == (Format::Text { gzip: true }) { "gzip" } else { "none" };
            let names = (0..columns.found.len()).map(|at| format!("'c{at}': 'VARCHAR'"));
            let from = format!(
                "read_csv({}, auto_detect = false, header = true, delim = '{}', quote = '{quote}', \
                 escape = '{quote}', nullstr = '', compression = '{compression}', strict_mode = false, \
                 null_padding = true, ignore_errors = true, columns = {{{}}})",
                literal(&source.handle_path()),
                char::from(dialect.delimiter),
                names.collect::<Vec<_>>().join(", "),
            );
            (format!("trim(c{position})"), from)
        }
    };
    match repeated(database, &expression, &from) {
        Ok(repeated) => list(checked, &repeated, database, problems),
        // The file's other problems are listed already.
        Err(error) if Cause::of(&error) == Cause::Other => Ok(()),
        Err(error) => Err(IngestError::engine(format!("checking {}", source.table.name), &error)),
    }
}

struct Repeated {
    /// Rows whose key an earlier row has.
    rows: u64,
    keys: Vec<String>,
}

fn repeated(database: &Database, key: &str, from: &str) -> duckdb::Result<Repeated> {
    let rows = database.pairs(&format!(
        "SELECT key::VARCHAR, (sum(times - 1) OVER ())::VARCHAR FROM \
         (SELECT {key} AS key, count(*) AS times FROM {from} GROUP BY ALL HAVING count(*) > 1) \
         WHERE key IS NOT NULL LIMIT {REPEATED_KEYS}"
    ))?;
    let total = rows.first().and_then(|(_, total)| total.parse().ok()).unwrap_or(0);
    Ok(Repeated { rows: total, keys: rows.into_iter().map(|(key, _)| key).collect() })
}

fn list(
    checked: &Checked,
    repeated: &Repeated,
    database: &Database,
    problems: &mut Problems,
) -> Result<(), IngestError> {
    if repeated.rows == 0 {
        return Ok(());
    }
    problems.count(repeated.rows);
    if !problems.has_room() {
        return Ok(());
    }
    match &checked.content {
        Content::Parquet(parquet) => {
            parquet::list_repeated_keys(&checked.source, parquet, database, problems)
        }
        Content::Text { .. } => list_lines(checked, repeated, problems),
    }
}

/// Reads a file again for the lines of its repeated keys.
fn list_lines(checked: &Checked, repeated: &Repeated, problems: &mut Problems) -> Result<(), IngestError> {
    let source = &checked.source;
    let Content::Text { dialect, columns, .. } = &checked.content else { return Ok(()) };
    let Some(position) = key_position(source.table, columns) else { return Ok(()) };
    let Some(column) = columns.found[position] else { return Ok(()) };
    let same = |text: &[u8]| match column.kind {
        Kind::Integer => values::whole(text).map(|number| number.to_string().into_bytes()),
        Kind::Float | Kind::Text(_) | Kind::Date | Kind::DateTime => Some(text.to_vec()),
    };
    let mut first: HashMap<Vec<u8>, Option<u64>> =
        repeated.keys.iter().filter_map(|key| Some((same(key.as_bytes())?, None))).collect();

    let taken = AtomicU64::new(0);
    let mut records = lines::Records::new(survey::open(source, &taken)?, *dialect, 1);
    let mut header = true;
    while problems.has_room()
        && let Some(next) = records.next()
    {
        let record = match next {
            Ok(record) => record,
            // The check listed it; after some faults there is no going on.
            Err(lines::Broken::OpenQuote { .. } | lines::Broken::TooLong { .. } | lines::Broken::Read(_)) => {
                break;
            }
            Err(
                lines::Broken::AfterQuote { .. }
                | lines::Broken::LoneReturn { .. }
                | lines::Broken::ZeroByte { .. },
            ) => continue,
        };
        if std::mem::take(&mut header) {
            continue;
        }
        let Some(key) = record.fields().nth(position).and_then(|field| same(field.raw)) else { continue };
        match first.get_mut(&key) {
            None => {}
            Some(unseen @ None) => *unseen = Some(record.line),
            Some(Some(line)) => problems.push_uncounted(Problem {
                file: source.name.clone(),
                place: Place::Line(record.line_of(position)),
                column: Some(column.name),
                fault: Fault::RepeatedKey(Earlier::Line(*line)),
            }),
        }
    }
    Ok(())
}

/// Counts the rows of all tables whose references name no row. Concepts are left out: vocabularies are partial by
/// nature, and a question about an absent concept finds nothing. Zero is the CDM's way to say none.
pub(super) fn check_references(
    database: &Database,
    rows_of: &dyn Fn(&str) -> u64,
) -> Result<Vec<Check>, IngestError> {
    let mut checks = Vec::new();
    for (table, column, target) in references() {
        let Some(key) = target.primary_key else { continue };
        if rows_of(table.name) == 0 || rows_of(target.name) == 0 {
            continue;
        }
        let (from, column_name) = (quoted(table.name), quoted(column));
        let sql = format!(
            "SELECT count(*) FROM omop.{from} AS f WHERE f.{column_name} <> 0 \
             AND NOT EXISTS (SELECT 1 FROM omop.{} AS t WHERE t.{} = f.{column_name})",
            quoted(target.name),
            quoted(key),
        );
        let rows_failing = database.value(&sql);
        let rows_failing =
            rows_failing.map_err(|error| IngestError::engine(format!("checking {}", table.name), &error))?;
        let rule = format!("names a row of {}", target.name);
        checks.push(Check { table: table.name.to_owned(), column: column.to_owned(), rule, rows_failing });
    }
    Ok(checks)
}

fn references() -> impl Iterator<Item = (&'static Table, &'static str, &'static Table)> {
    TABLES.iter().flat_map(|table| {
        table.columns.iter().filter_map(move |column| {
            let target = column.refers_to.and_then(flip_gate::cdm::table)?;
            (column.kind == Kind::Integer && target.name != "concept").then_some((table, column.name, target))
        })
    })
}
