//! The check of a Parquet file, and how its columns become the CDM's.
//!
//! What must stay true: a value that [`Conversion`] turns into NULL, though it was not empty, is a problem; nothing is
//! rounded, cut or guessed. The rules are those of [`super::values`], said in SQL.

mod footer;

use flip_gate::cdm::{Column, Kind, Table};

use super::database::Database;
use super::error::{Cause, IngestError};
use super::extract::Source;
use super::header::{Columns, match_columns, must_have_value};
use super::manifest::Note;
use super::problem::{Fault, Place, Problem, Problems};
use super::values::null_word_sql;
use super::{bounds, database, references};

/// A checked file: what to select from it, and how much there is.
#[derive(Debug)]
pub(super) struct Parquet {
    pub conversions: Vec<Conversion>,
    pub rows: u64,
    /// Bytes of the texts in it.
    pub text_bytes: u64,
    /// How many values of each of the CDM's columns are empty, or are 0 and name no record.
    pub empty: Vec<(&'static str, u64)>,
    /// How many are 0 and name no record.
    pub zeros: Vec<(&'static str, u64)>,
    /// How many texts are words for no value.
    pub null_words: Vec<(&'static str, u64)>,
    pub notes: Vec<Note>,
}

/// How one column of the file becomes one of the CDM.
#[derive(Debug)]
pub(super) struct Conversion {
    pub column: &'static Column,
    /// SQL for the value; NULL where it is empty or does not fit.
    pub value: String,
    /// SQL that holds where there is nothing.
    empty: String,
    /// What is wrong where there is something but `value` is NULL; none where every value of the type fits.
    fault: Option<Fault>,
}

/// Checks a file; none where it has problems, which are then listed.
pub(super) fn survey(
    source: &Source,
    database: &Database,
    problems: &mut Problems,
) -> Result<Option<Parquet>, IngestError> {
    let mut fault = |place, column, fault| {
        problems.push(Problem { file: source.name.clone(), place, column, fault });
    };
    if !footer::is_whole(source)? {
        let begins = source.first_bytes()?;
        let what = match begins.as_slice() {
            b"" => Fault::NothingInFile,
            begins if b"PAR1".starts_with(begins) => Fault::NoFooter,
            _ => Fault::NotParquet,
        };
        fault(Place::File, None, what);
        return Ok(None);
    }
    let described = database.pairs(&format!("DESCRIBE SELECT * FROM {}", from(source, false)));
    let described = described.and_then(|described| Ok((described, footer::columns(source, database)?)));
    let Some((described, own)) = readable(described)?.filter(|(described, own)| described.len() == own.len())
    else {
        fault(Place::File, None, Fault::UnreadableParquet);
        return Ok(None);
    };
    let names: Vec<_> = own.iter().map(|column| column.name.trim().to_ascii_lowercase()).collect();
    let columns = match match_columns(source.table, &source.name, &names) {
        Ok(columns) => columns,
        Err(faults) => {
            for (column, what) in faults {
                fault(Place::File, column, what);
            }
            return Ok(None);
        }
    };
    let mut conversions = Vec::new();
    for (found, ((name, kind), own)) in columns.found.iter().zip(described.iter().zip(&own)) {
        let Some(column) = found else { continue };
        let conversion = Conversion::new(column, name, kind).filter(|_| own.digits_beyond.is_none());
        if let Some(conversion) = conversion {
            conversions.push(conversion);
        } else {
            let kind = own.digits_beyond.map_or_else(|| kind.clone(), |digits| format!("DECIMAL({digits})"));
            let found = kind.chars().take(bounds::NAME_SHOWN).collect();
            let (wanted, write) = wanted(column.kind);
            fault(Place::File, Some(column.name), Fault::ParquetType { found, wanted, write });
        }
    }
    if conversions.len() < columns.found.iter().flatten().count() {
        return Ok(None);
    }
    count(source, database, columns, conversions, problems)
}

/// Counts rows, misfits, empty and over-long values in one pass, and looks up the rows of what is wrong.
fn count(
    source: &Source,
    database: &Database,
    columns: Columns,
    conversions: Vec<Conversion>,
    problems: &mut Problems,
) -> Result<Option<Parquet>, IngestError> {
    let mut wanted = vec!["count(*)".to_owned()];
    for conversion in &conversions {
        let zero = conversion.zero(source.table);
        let null_word = conversion.null_word();
        for condition in
            [conversion.misfit(), conversion.empty.clone(), conversion.too_long(), zero, null_word]
        {
            wanted.push(format!("count(*) FILTER (WHERE {condition})"));
        }
        wanted.push(conversion.text_bytes());
    }
    let sql = format!("SELECT [{}] FROM {}", wanted.join(", "), from(source, false));
    let Some(counts) = readable(database.counts(&sql))? else {
        name_unreadable(source, database, &conversions, problems)?;
        return Ok(None);
    };
    let before = problems.total();
    let mut notes = columns.notes;
    let (mut all_empty, mut zeros, mut null_words, mut text_bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (conversion, counted) in conversions.iter().zip(counts[1..].chunks(6)) {
        let &[misfits, empty, too_long, zero, null_word, bytes] = counted else { continue };
        text_bytes += bytes;
        let column = conversion.column;
        all_empty.push((column.name, empty + zero));
        zeros.push((column.name, zero));
        null_words.push((column.name, null_word));
        if let Some(fault) = &conversion.fault {
            list(source, database, column, &conversion.misfit(), fault, misfits, problems)?;
        }
        let must = must_have_value(source.table, column);
        if must {
            list(source, database, column, &conversion.empty, &Fault::Empty, empty, problems)?;
        }
        notes.extend(Note::of_column(&source.name, column, if must { 0 } else { empty }, too_long));
    }
    let (rows, empty) = (counts[0], all_empty);
    let parquet = Parquet { conversions, rows, text_bytes, empty, zeros, null_words, notes };
    Ok((problems.total() == before).then_some(parquet))
}

/// Names the columns that cannot be read, after reading them together has failed; the whole file where each can.
fn name_unreadable(
    source: &Source,
    database: &Database,
    conversions: &[Conversion],
    problems: &mut Problems,
) -> Result<(), IngestError> {
    let before = problems.total();
    let mut fault = |column, fault| {
        problems.push(Problem { file: source.name.clone(), place: Place::File, column, fault });
    };
    for Conversion { column, value, .. } in conversions {
        let read = database.value::<u64>(&format!("SELECT count({value}) FROM {}", from(source, false)));
        let not_utf8 = read.as_ref().is_err_and(is_not_utf8);
        if readable(read)?.is_none() {
            fault(Some(column.name), if not_utf8 { Fault::NotUtf8 } else { Fault::UnreadableParquet });
        }
    }
    if problems.total() == before {
        problems.push(Problem {
            file: source.name.clone(),
            place: Place::File,
            column: None,
            fault: Fault::UnreadableParquet,
        });
    }
    Ok(())
}

/// Judged by what DuckDB begins such a text with: what follows quotes the value.
fn is_not_utf8(error: &duckdb::Error) -> bool {
    error.to_string().starts_with("Invalid Input Error: Invalid string encoding found in Parquet file")
}

fn list(
    source: &Source,
    database: &Database,
    column: &'static Column,
    condition: &str,
    fault: &Fault,
    count: u64,
    problems: &mut Problems,
) -> Result<(), IngestError> {
    if count == 0 {
        return Ok(());
    }
    problems.count(count);
    if !problems.has_room() {
        return Ok(());
    }
    let sql = format!(
        "SELECT file_row_number + 1 FROM {} WHERE {condition} ORDER BY 1 LIMIT {}",
        from(source, true),
        bounds::PROBLEMS_LISTED
    );
    let rows = database.numbers(&sql);
    for row in rows.map_err(|error| IngestError::engine(format!("reading {}", source.name), &error))? {
        problems.push_uncounted(Problem {
            file: source.name.clone(),
            place: Place::Row(row),
            column: Some(column.name),
            fault: fault.clone(),
        });
    }
    Ok(())
}

impl Parquet {
    /// How the table's key is read from the file.
    pub fn key(&self, table: &Table) -> Option<&Conversion> {
        self.conversions.iter().find(|conversion| Some(conversion.column.name) == table.primary_key)
    }
}

/// The table function over a file.
pub(super) fn from(source: &Source, with_rows: bool) -> String {
    format!("read_parquet({}, file_row_number = {with_rows})", database::literal(&source.handle_path()))
}

/// The answer; none where DuckDB cannot read the file.
fn readable<T>(answer: duckdb::Result<T>) -> Result<Option<T>, IngestError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if Cause::of(&error) == Cause::Other => Ok(None),
        Err(error) => Err(IngestError::engine("reading a Parquet file", &error)),
    }
}

/// What a column's values are to be, and the Parquet type to write them in.
fn wanted(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Integer => ("a whole number", "INT64"),
        Kind::Float => ("a number", "DOUBLE"),
        Kind::Text(_) => ("text", "STRING"),
        Kind::Date => ("a date", "DATE"),
        Kind::DateTime => ("a date with time", "TIMESTAMP"),
    }
}

/// The families of DuckDB types that columns come in.
#[derive(Clone, Copy, PartialEq)]
enum Family {
    Whole,
    Huge,
    Real,
    Decimal,
    Text,
    Date,
    Stamp,
    Zoned,
    /// Fits text only.
    Shown,
}

fn family(kind: &str) -> Option<Family> {
    Some(match kind {
        "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "UTINYINT" | "USMALLINT" | "UINTEGER" => {
            Family::Whole
        }
        "UBIGINT" | "HUGEINT" | "UHUGEINT" => Family::Huge,
        "FLOAT" | "DOUBLE" => Family::Real,
        "VARCHAR" => Family::Text,
        "DATE" => Family::Date,
        "TIMESTAMP" | "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" => Family::Stamp,
        "TIMESTAMP WITH TIME ZONE" => Family::Zoned,
        "BOOLEAN" | "TIME" | "UUID" => Family::Shown,
        _ if kind.starts_with("DECIMAL(") => Family::Decimal,
        _ if kind.starts_with("ENUM(") => Family::Text,
        _ => return None,
    })
}

impl Conversion {
    fn new(column: &'static Column, name: &str, kind: &str) -> Option<Self> {
        let family = family(kind)?;
        let name = database::quoted(name);
        let (source, empty) = match family {
            Family::Text => (format!("trim({name}::VARCHAR)"), format!("coalesce({name}::VARCHAR, '') = ''")),
            // Without the ICU extension's say: the moment in UTC.
            Family::Zoned => (format!("make_timestamp(epoch_us({name}))"), format!("{name} IS NULL")),
            Family::Stamp => (format!("{name}::TIMESTAMP"), format!("{name} IS NULL")),
            Family::Whole | Family::Huge | Family::Real | Family::Decimal | Family::Date | Family::Shown => {
                (name.clone(), format!("{name} IS NULL"))
            }
        };
        let (value, fault) = match column.kind {
            Kind::Text(_) if family == Family::Text => (format!("nullif({name}::VARCHAR, '')"), None),
            Kind::Text(_) => (format!("{source}::VARCHAR"), None),
            Kind::Integer => (whole(family, &source)?, (family != Family::Whole).then_some(Fault::NotWhole)),
            Kind::Float => (number(family, &source)?, (family != Family::Whole).then_some(Fault::NotNumber)),
            Kind::Date => {
                let fault = match family {
                    Family::Stamp | Family::Zoned => Fault::NotMidnight,
                    Family::Whole
                    | Family::Huge
                    | Family::Real
                    | Family::Decimal
                    | Family::Text
                    | Family::Date
                    | Family::Shown => Fault::NotDate,
                };
                (date(family, &source)?, Some(fault))
            }
            Kind::DateTime => (moment(family, &source)?, Some(Fault::NotDateTime)),
        };
        Some(Self { column, value, empty, fault })
    }

    fn misfit(&self) -> String {
        match self.fault {
            Some(_) => format!("NOT ({}) AND ({}) IS NULL", self.empty, self.value),
            None => "false".to_owned(),
        }
    }

    /// SQL that holds where a 0 names no record.
    fn zero(&self, table: &Table) -> String {
        if references::names_records(table, self.column) {
            format!("({}) = 0", self.value)
        } else {
            "false".to_owned()
        }
    }

    /// SQL that holds where a text is a word for no value.
    fn null_word(&self) -> String {
        match self.column.kind {
            Kind::Text(_) => null_word_sql(&self.value),
            Kind::Integer | Kind::Float | Kind::Date | Kind::DateTime => "false".to_owned(),
        }
    }

    /// SQL for the bytes of all its texts.
    fn text_bytes(&self) -> String {
        match self.column.kind {
            Kind::Text(_) => format!("coalesce(sum(strlen({})), 0)::BIGINT", self.value),
            Kind::Integer | Kind::Float | Kind::Date | Kind::DateTime => "0".to_owned(),
        }
    }

    fn too_long(&self) -> String {
        match self.column.kind {
            Kind::Text(Some(most)) => {
                format!("strlen({0}) > {most} AND length({0}) > {most}", self.value)
            }
            Kind::Text(None) | Kind::Integer | Kind::Float | Kind::Date | Kind::DateTime => {
                "false".to_owned()
            }
        }
    }
}

fn whole(family: Family, source: &str) -> Option<String> {
    match family {
        Family::Whole => Some(format!("{source}::BIGINT")),
        Family::Huge => Some(format!("TRY_CAST({source} AS BIGINT)")),
        Family::Real | Family::Decimal => {
            Some(format!("CASE WHEN {source} = trunc({source}) THEN TRY_CAST({source} AS BIGINT) END"))
        }
        Family::Text => Some(format!(
            "CASE WHEN regexp_full_match({source}, '[-+]?[0-9]+([.]0+)?') THEN TRY_CAST({source} AS BIGINT) END"
        )),
        Family::Date | Family::Stamp | Family::Zoned | Family::Shown => None,
    }
}

fn number(family: Family, source: &str) -> Option<String> {
    match family {
        Family::Whole => Some(format!("{source}::DOUBLE")),
        Family::Huge | Family::Decimal => Some(format!("TRY_CAST({source} AS DOUBLE)")),
        Family::Real => Some(format!("CASE WHEN isfinite({source}) THEN {source}::DOUBLE END")),
        Family::Text => Some(format!(
            "CASE WHEN regexp_full_match({source}, '[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?') \
             AND isfinite(TRY_CAST({source} AS DOUBLE)) THEN TRY_CAST({source} AS DOUBLE) END"
        )),
        Family::Date | Family::Stamp | Family::Zoned | Family::Shown => None,
    }
}

const DAY: &str = "[0-9]{4}-[0-9]{2}-[0-9]{2}";

fn date(family: Family, source: &str) -> Option<String> {
    let day = match family {
        Family::Date => source.to_owned(),
        Family::Stamp | Family::Zoned => {
            format!("CASE WHEN {source} = date_trunc('day', {source}) THEN {source}::DATE END")
        }
        Family::Whole => return date(Family::Text, &format!("({source}::VARCHAR)")),
        Family::Text => format!(
            "CASE WHEN regexp_full_match({source}, '{DAY}([ T]00:00(:00([.]0+)?)?(Z|[+-][0-9:]+)?)?') \
             THEN TRY_CAST(left({source}, 10) AS DATE) \
             WHEN regexp_full_match({source}, '[0-9]{{8}}') THEN {} END",
            compact(source)
        ),
        Family::Huge | Family::Real | Family::Decimal | Family::Shown => return None,
    };
    Some(format!("CASE WHEN ({day}) BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN ({day}) END"))
}

fn moment(family: Family, source: &str) -> Option<String> {
    let moment = match family {
        Family::Date => format!("{source}::TIMESTAMP"),
        Family::Stamp | Family::Zoned => source.to_owned(),
        Family::Whole => return moment(Family::Text, &format!("({source}::VARCHAR)")),
        Family::Text => format!(
            "CASE WHEN regexp_full_match({source}, '{DAY}([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]\
             ([.][0-9]{{1,9}})?)?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)?)?') \
             THEN TRY_CAST(left({source}, 10) || ' ' || coalesce(nullif(regexp_extract({source}, \
             '[ T]([0-9:.]+)', 1), ''), '00:00') AS TIMESTAMP) \
             WHEN regexp_full_match({source}, '[0-9]{{8}}') THEN {}::TIMESTAMP END",
            compact(source)
        ),
        Family::Huge | Family::Real | Family::Decimal | Family::Shown => return None,
    };
    Some(format!(
        "CASE WHEN ({moment}) >= TIMESTAMP '0001-01-01' AND ({moment}) < TIMESTAMP '10000-01-01' THEN ({moment}) END"
    ))
}

fn compact(source: &str) -> String {
    format!("TRY_CAST(left({source}, 4) || '-' || {source}[5:6] || '-' || {source}[7:8] AS DATE)")
}
