//! Keys that repeat: what needs the whole table, all its parts together, to check.
//!
//! What must stay true: the keys themselves are DuckDB's to hold, within its memory or spilt; here are only those that
//! repeat, and of them a bounded number. No key is in what is said of it.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use flip_gate::cdm::{Column, Kind};

use super::bounds::REPEATED_KEYS;
use super::checked::{Checked, Content};
use super::database::{Database, literal, quoted};
use super::error::{Cause, IngestError};
use super::extract::Format;
use super::lines::{Broken, Records};
use super::problem::{Earlier, Fault, Place, Problem, Problems};
use super::survey::{self, Keys, key_position};
use super::{parquet, values};

/// Lists the repeated keys of a loaded table, given all its parts.
pub(super) fn check_loaded_keys(
    parts: &[Checked],
    database: &Database,
    problems: &mut Problems,
) -> Result<(), IngestError> {
    let Some(table) = parts.first().map(|part| part.source.table) else { return Ok(()) };
    let Some(key) = table.primary_key else { return Ok(()) };
    if ascend(parts) {
        return Ok(());
    }
    let failed = |error: duckdb::Error| IngestError::engine(format!("checking {}", table.name), &error);
    if !database.may_repeat(table, &quoted(key), parts.iter().map(Checked::rows).sum()).map_err(failed)? {
        return Ok(());
    }
    let from = format!("SELECT {} AS key FROM omop.{}", quoted(key), quoted(table.name));
    list(parts, &repeated(database, &from).map_err(failed)?, database, problems)
}

/// Lists the repeated keys of a table that will not be loaded, as far as its parts can be read.
pub(super) fn check_unloaded_keys(
    parts: &[Checked],
    database: &Database,
    problems: &mut Problems,
) -> Result<(), IngestError> {
    let keys: Vec<String> = parts.iter().filter_map(unloaded_keys).collect();
    if keys.is_empty() {
        return Ok(());
    }
    match repeated(database, &keys.join(" UNION ALL ")) {
        Ok(repeated) => list(parts, &repeated, database, problems),
        // The table's other problems are listed already.
        Err(error) if Cause::of(&error) == Cause::Other => Ok(()),
        Err(error) => Err(IngestError::engine("checking keys", &error)),
    }
}

/// True where every key is greater than the one before, over all parts: then none repeats.
fn ascend(parts: &[Checked]) -> bool {
    let keys = parts.iter().fold(Keys::None, |before, part| match &part.content {
        Content::Text { survey, .. } => before.followed_by(survey.keys),
        Content::Parquet(parquet) if parquet.rows == 0 => before,
        Content::Parquet(_) => Keys::Mixed,
    });
    matches!(keys, Keys::Ascending { .. })
}

/// SQL for the keys of a file as it lies there, as text.
fn unloaded_keys(part: &Checked) -> Option<String> {
    let source = &part.source;
    match &part.content {
        Content::Parquet(parquet) => {
            let key = parquet.key(source.table)?;
            Some(format!("SELECT ({})::VARCHAR AS key FROM {}", key.value, parquet::from(source, false)))
        }
        Content::Text { dialect, columns, .. } => {
            let position = key_position(source.table, columns)?;
            let quote = if dialect.quoting { "\"" } else { "" };
            let compression = if source.format == (Format::Text { gzip: true }) { "gzip" } else { "none" };
            let names = (0..columns.found.len()).map(|at| format!("'c{at}': 'VARCHAR'"));
            Some(format!(
                "SELECT trim(c{position}) AS key FROM read_csv({}, auto_detect = false, header = true, delim = '{}', \
                 quote = '{quote}', escape = '{quote}', nullstr = '', compression = '{compression}', \
                 strict_mode = false, null_padding = true, ignore_errors = true, columns = {{{}}})",
                literal(&source.handle_path()),
                char::from(dialect.delimiter),
                names.collect::<Vec<_>>().join(", "),
            ))
        }
    }
}

struct Repeated {
    /// Rows whose key an earlier row has.
    rows: u64,
    keys: Vec<String>,
}

fn repeated(database: &Database, keys: &str) -> duckdb::Result<Repeated> {
    let rows = database.pairs(&format!(
        "SELECT key::VARCHAR, (sum(times - 1) OVER ())::VARCHAR FROM \
         (SELECT key, count(*) AS times FROM ({keys}) WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1) \
         LIMIT {REPEATED_KEYS}"
    ))?;
    let total = rows.first().and_then(|(_, total)| total.parse().ok()).unwrap_or(0);
    Ok(Repeated { rows: total, keys: rows.into_iter().map(|(key, _)| key).collect() })
}

fn list(
    parts: &[Checked],
    repeated: &Repeated,
    database: &Database,
    problems: &mut Problems,
) -> Result<(), IngestError> {
    if repeated.rows == 0 {
        return Ok(());
    }
    problems.count(repeated.rows);
    let Some(part) = parts.first() else { return Ok(()) };
    // Keys of a table that was not loaded are as their files write them.
    let first = repeated.keys.iter().filter_map(|key| Some((same(part, key.as_bytes())?, None)));
    let mut seen = Seen { first: first.collect(), parts };
    for (at, part) in parts.iter().enumerate() {
        match &part.content {
            Content::Parquet(parquet) => seen.rows(at, parquet, repeated, database, problems)?,
            Content::Text { .. } => seen.lines(at, problems)?,
        }
        if !problems.has_room() {
            break;
        }
    }
    Ok(())
}

/// A key by which equal ones are known, however they are written.
fn same(part: &Checked, text: &[u8]) -> Option<Vec<u8>> {
    match key_column(part)?.kind {
        Kind::Integer => values::whole(text).map(|number| number.to_string().into_bytes()),
        Kind::Float | Kind::Text(_) | Kind::Date | Kind::DateTime => Some(text.to_vec()),
    }
}

fn key_column(part: &Checked) -> Option<&'static Column> {
    let table = part.source.table;
    table.column(table.primary_key?)
}

/// Where each repeated key was seen first, over the parts in their order.
struct Seen<'a> {
    first: HashMap<Vec<u8>, Option<(usize, Place)>>,
    parts: &'a [Checked],
}

impl Seen<'_> {
    /// Takes note of a key at a place; a problem where it was seen before.
    fn key(&mut self, key: &[u8], part: usize, record: Place, field: Place, problems: &mut Problems) {
        let Some(column) = key_column(&self.parts[part]) else { return };
        let name = |part: usize| self.parts[part].source.name.clone();
        match self.first.get_mut(key) {
            None => {}
            Some(unseen @ None) => *unseen = Some((part, record)),
            Some(Some((earlier, place))) => problems.push_uncounted(Problem {
                file: name(part),
                place: field,
                column: Some(column.name),
                fault: Fault::RepeatedKey(Earlier {
                    file: (*earlier != part).then(|| name(*earlier)),
                    place: *place,
                }),
            }),
        }
    }

    /// Asks a Parquet file for the rows of its repeated keys.
    fn rows(
        &mut self,
        part: usize,
        parquet: &parquet::Parquet,
        repeated: &Repeated,
        database: &Database,
        problems: &mut Problems,
    ) -> Result<(), IngestError> {
        let source = &self.parts[part].source;
        let Some(key) = parquet.key(source.table) else { return Ok(()) };
        let wanted: Vec<String> = repeated.keys.iter().map(|key| literal(key)).collect();
        let found = database.pairs(&format!(
            "SELECT key, place::VARCHAR FROM (SELECT ({})::VARCHAR AS key, file_row_number + 1 AS place FROM {}) AS f \
             WHERE key IN ({}) ORDER BY f.place LIMIT {}",
            key.value,
            parquet::from(source, true),
            wanted.join(", "),
            2 * REPEATED_KEYS,
        ));
        let found = found.map_err(|error| IngestError::engine(format!("reading {}", source.name), &error))?;
        for (key, place) in found {
            let row = Place::Row(place.parse().unwrap_or(0));
            if let Some(key) = same(&self.parts[part], key.as_bytes()) {
                self.key(&key, part, row, row, problems);
            }
        }
        Ok(())
    }

    /// Reads a text file again for the lines of its repeated keys.
    fn lines(&mut self, part: usize, problems: &mut Problems) -> Result<(), IngestError> {
        let Checked { source, content } = &self.parts[part];
        let Content::Text { dialect, columns, .. } = content else { return Ok(()) };
        let Some(position) = key_position(source.table, columns) else { return Ok(()) };
        let taken = AtomicU64::new(0);
        let mut records = Records::new(survey::open(source, &taken)?, *dialect, 1);
        let mut header = true;
        while problems.has_room()
            && let Some(next) = records.next()
        {
            let record = match next {
                Ok(record) => record,
                // The check listed it; after some faults there is no going on.
                Err(Broken::OpenQuote { .. } | Broken::TooLong { .. } | Broken::Read(_)) => break,
                Err(Broken::AfterQuote { .. } | Broken::LoneReturn { .. } | Broken::ZeroByte { .. }) => {
                    continue;
                }
            };
            if std::mem::take(&mut header) {
                continue;
            }
            let Some(field) = record.fields().nth(position) else { continue };
            if let Some(key) = same(&self.parts[part], field.raw) {
                let (line, field) = (Place::Line(record.line), Place::Line(record.line_of(position)));
                self.key(&key, part, line, field, problems);
            }
        }
        Ok(())
    }
}
