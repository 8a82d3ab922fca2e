//! Answers of both, in one form, and what tells them apart.

use std::cmp::Ordering;

use duckdb::Connection;
use duckdb::types::{TimeUnit, Value};
use postgres::types::Type;
use postgres::{Client, SimpleQueryMessage};

/// How far two numbers with a fraction may be apart, as a part of the greater.
const TOLERANCE: f64 = 1e-9;
const DAY_MICROS: i64 = 86_400_000_000;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Boolean(bool),
    Whole(i128),
    Number(f64),
    Text(String),
    /// Days since 1970.
    Date(i64),
    /// Microseconds since 1970.
    Timestamp(i64),
    /// Microseconds since midnight.
    Time(i64),
    Interval {
        months: i64,
        days: i64,
        micros: i64,
    },
    List(Vec<Cell>),
}

/// Rows as they came.
#[derive(Clone)]
pub struct Answer {
    pub rows: Vec<Vec<Cell>>,
}

impl Answer {
    /// PostgreSQL's types come from the prepared statement, its values as the texts that it prints.
    pub fn of_postgres(client: &mut Client, sql: &str) -> Result<Self, String> {
        let said = |error: postgres::Error| match error.as_db_error() {
            Some(said) => said.message().to_owned(),
            None => error.to_string(),
        };
        let statement = client.prepare(sql).map_err(said)?;
        let kinds: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
        let mut rows = Vec::new();
        for message in client.simple_query(sql).map_err(said)? {
            if let SimpleQueryMessage::Row(row) = message {
                let cells = kinds.iter().enumerate();
                rows.push(
                    cells
                        .map(|(at, kind)| row.get(at).map_or(Cell::Null, |text| printed(kind, text)))
                        .collect(),
                );
            }
        }
        Ok(Self { rows })
    }

    /// DuckDB's values.
    pub fn of_duckdb(connection: &Connection, sql: &str) -> Result<Self, String> {
        let mut statement = connection.prepare(sql).map_err(|error| error.to_string())?;
        let mut found = statement.query([]).map_err(|error| error.to_string())?;
        let columns = found.as_ref().unwrap().column_count();
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(|error| error.to_string())? {
            rows.push((0..columns).map(|at| held(row.get::<_, Value>(at).unwrap())).collect());
        }
        Ok(Self { rows })
    }
}

/// What is different, if anything is.
pub fn difference(mut expected: Answer, mut found: Answer, ordered: bool) -> Option<String> {
    if expected.rows.len() != found.rows.len() {
        return Some(format!("PostgreSQL has {} rows, DuckDB {}", expected.rows.len(), found.rows.len()));
    }
    if !ordered {
        expected.rows.sort_by(|left, right| compare_rows(left, right));
        found.rows.sort_by(|left, right| compare_rows(left, right));
    }
    let pair = expected.rows.iter().zip(&found.rows).find(|(left, right)| !alike_rows(left, right))?;
    Some(format!("PostgreSQL has {:?}, DuckDB {:?}", pair.0, pair.1))
}

fn alike_rows(left: &[Cell], right: &[Cell]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| alike(left, right))
}

#[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "equal numbers need no tolerance")]
fn alike(left: &Cell, right: &Cell) -> bool {
    match (left, right) {
        (Cell::Number(left), Cell::Number(right)) => {
            left == right
                || (left.is_nan() && right.is_nan())
                || (left - right).abs() <= TOLERANCE * left.abs().max(right.abs())
        }
        // A numeric without a fraction may be a whole number in the other: sum(bigint) is.
        (Cell::Number(number), Cell::Whole(whole)) | (Cell::Whole(whole), Cell::Number(number)) => {
            *number == *whole as f64
        }
        (Cell::List(left), Cell::List(right)) => alike_rows(left, right),
        (left, right) => left == right,
    }
}

/// An order in which alike rows of both answers come to the same place: what is exact first, and where it stands.
fn compare_rows(left: &[Cell], right: &[Cell]) -> Ordering {
    let is_number = |cell: &Cell| matches!(cell, Cell::Number(_) | Cell::Whole(_));
    let exact = |row: &[Cell]| -> Vec<String> {
        row.iter().map(|cell| if is_number(cell) { String::new() } else { format!("{cell:?}") }).collect()
    };
    let numbers = |row: &[Cell]| -> Vec<f64> { row.iter().filter_map(number).collect() };
    exact(left).cmp(&exact(right)).then_with(|| {
        let [left, right] = [numbers(left), numbers(right)];
        let pairs = left.iter().zip(&right).map(|(left, right)| left.total_cmp(right));
        pairs.fold(Ordering::Equal, Ordering::then)
    })
}

#[expect(clippy::cast_precision_loss, reason = "for sorting")]
fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Number(number) => Some(*number),
        Cell::Whole(whole) => Some(*whole as f64),
        Cell::Null
        | Cell::Boolean(_)
        | Cell::Text(_)
        | Cell::Date(_)
        | Cell::Timestamp(_)
        | Cell::Time(_)
        | Cell::Interval { .. }
        | Cell::List(_) => None,
    }
}

/// A value from PostgreSQL's text of it.
fn printed(kind: &Type, text: &str) -> Cell {
    match *kind {
        Type::BOOL => Cell::Boolean(text == "t"),
        Type::INT2 | Type::INT4 | Type::INT8 => Cell::Whole(text.parse().unwrap()),
        Type::NUMERIC | Type::FLOAT4 | Type::FLOAT8 => Cell::Number(text.parse().unwrap()),
        Type::DATE => Cell::Date(day(text)),
        Type::TIMESTAMP => Cell::Timestamp(moment(text)),
        Type::TIMESTAMPTZ => Cell::Timestamp(moment(text.strip_suffix("+00").unwrap())),
        Type::TIME => Cell::Time(clock(text)),
        Type::INTERVAL => interval(text),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::UNKNOWN => Cell::Text(text.to_owned()),
        Type::FLOAT8_ARRAY | Type::NUMERIC_ARRAY => list(&Type::NUMERIC, text),
        Type::INT4_ARRAY | Type::INT8_ARRAY => list(&Type::INT8, text),
        Type::DATE_ARRAY => list(&Type::DATE, text),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => list(&Type::TEXT, text),
        ref other => panic!("PostgreSQL's type {other} is not known here"),
    }
}

/// `{a,b,NULL}`, without quoted members.
fn list(kind: &Type, text: &str) -> Cell {
    assert!(!text.contains('"'), "quoted members are not known here: {text}");
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let members = inner.split(',').map(|member| match member {
        "NULL" => Cell::Null,
        member => printed(kind, member),
    });
    Cell::List(members.collect())
}

/// `P1Y2M3DT4H5M6.7S`, each number with its own sign.
fn interval(text: &str) -> Cell {
    let [mut months, mut days, mut micros] = [0_i64; 3];
    let (dates, times) = text.strip_prefix('P').unwrap().split_once('T').unwrap_or((&text[1..], ""));
    for (part, is_time) in [(dates, false), (times, true)] {
        let mut rest = part;
        while let Some(end) = rest.find(|each: char| each.is_ascii_alphabetic()) {
            let (number, unit) = (&rest[..end], &rest[end..=end]);
            let whole = || number.parse::<i64>().unwrap();
            match (unit, is_time) {
                ("Y", _) => months += 12 * whole(),
                ("M", false) => months += whole(),
                ("D", _) => days += whole(),
                ("H", _) => micros += 3_600_000_000 * whole(),
                ("M", true) => micros += 60_000_000 * whole(),
                ("S", _) => micros += seconds(number),
                other => panic!("{other:?} in {text}"),
            }
            rest = &rest[end + 1..];
        }
    }
    Cell::Interval { months, days, micros }
}

fn seconds(text: &str) -> i64 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    sign * (whole.parse::<i64>().unwrap() * 1_000_000 + format!("{fraction:0<6}").parse::<i64>().unwrap())
}

fn clock(text: &str) -> i64 {
    let mut parts = text.splitn(3, ':');
    let mut part = || parts.next().unwrap();
    let [hours, minutes] = [part().parse::<i64>().unwrap(), part().parse::<i64>().unwrap()];
    (hours * 60 + minutes) * 60_000_000 + seconds(part())
}

fn moment(text: &str) -> i64 {
    let (date, time) = text.split_once(' ').unwrap();
    day(date) * DAY_MICROS + clock(time)
}

fn day(text: &str) -> i64 {
    let parts: Vec<i64> = text.split('-').map(|part| part.parse().unwrap()).collect();
    let [year, month, day] = parts.as_slice() else { panic!("{text} is no date") };
    let month = time::Month::try_from(u8::try_from(*month).unwrap()).unwrap();
    let year = i32::try_from(*year).unwrap();
    let date = time::Date::from_calendar_date(year, month, u8::try_from(*day).unwrap()).unwrap();
    i64::from(date.to_julian_day() - time::macros::date!(1970 - 01 - 01).to_julian_day())
}

/// A value of DuckDB's.
#[expect(clippy::wildcard_enum_match_arm, reason = "no question of the corpus has another type")]
fn held(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Boolean(truth) => Cell::Boolean(truth),
        Value::TinyInt(number) => Cell::Whole(number.into()),
        Value::SmallInt(number) => Cell::Whole(number.into()),
        Value::Int(number) => Cell::Whole(number.into()),
        Value::BigInt(number) => Cell::Whole(number.into()),
        Value::HugeInt(number) => Cell::Whole(number),
        Value::UTinyInt(number) => Cell::Whole(number.into()),
        Value::USmallInt(number) => Cell::Whole(number.into()),
        Value::UInt(number) => Cell::Whole(number.into()),
        Value::UBigInt(number) => Cell::Whole(number.into()),
        Value::Float(number) => Cell::Number(number.to_string().parse().unwrap()),
        Value::Double(number) => Cell::Number(number),
        Value::Decimal(number) => Cell::Number(number.to_string().parse().unwrap()),
        Value::Text(text) => Cell::Text(text),
        Value::Date32(days) => Cell::Date(days.into()),
        Value::Timestamp(unit, ticks) => Cell::Timestamp(micros(unit, ticks)),
        Value::Time64(unit, ticks) => Cell::Time(micros(unit, ticks)),
        Value::Interval { months, days, nanos } => {
            Cell::Interval { months: months.into(), days: days.into(), micros: nanos / 1_000 }
        }
        Value::List(members) | Value::Array(members) => Cell::List(members.into_iter().map(held).collect()),
        other => panic!("DuckDB's {other:?} is not known here"),
    }
}

fn micros(unit: TimeUnit, ticks: i64) -> i64 {
    match unit {
        TimeUnit::Second => ticks * 1_000_000,
        TimeUnit::Millisecond => ticks * 1_000,
        TimeUnit::Microsecond => ticks,
        TimeUnit::Nanosecond => ticks / 1_000,
    }
}
