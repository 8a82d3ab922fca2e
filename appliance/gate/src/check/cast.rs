//! Casts to the types that OMOP research uses.
//!
//! What must stay true: a cast gives PostgreSQL's value. A number that loses its fraction rounds as there (half away
//! from zero for numeric, to even for double precision), a text is cut to its length, times carry no zone. Where
//! PostgreSQL ends the question because a record's value cannot be cast, it is NULL.

use sqlparser::ast::{CastFormat, CastKind, CharacterLength, DataType, ExactNumberInfo, Expr, TimezoneInfo};

use super::literal::moment;
use super::strings::printed;
use super::types::interval;
use super::{Checker, not_allowed, place};
use crate::refusal::{Place, Refusal};
use crate::scope::Scope;
use crate::term::{Term, Text, Type};

/// A type that may be cast to.
struct Target {
    /// In PostgreSQL's words.
    canonical: String,
    /// In DuckDB's.
    engine: String,
    kind: Type,
    /// What PostgreSQL calls an output column that is nothing but a cast literal.
    name: &'static str,
    /// Characters that are kept of a text.
    characters: Option<u64>,
}

impl Checker {
    pub(super) fn cast(
        &mut self,
        kind: &CastKind,
        expr: &Expr,
        data_type: &DataType,
        format: Option<&CastFormat>,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let at = place(expr);
        match kind {
            CastKind::Cast | CastKind::DoubleColon if format.is_none() => {}
            CastKind::Cast | CastKind::DoubleColon | CastKind::TryCast | CastKind::SafeCast => {
                return Err(not_allowed("write CAST(x AS type) or x::type", at));
            }
        }
        let term = self.value(expr, scope)?;
        let target = target(data_type, at)?;
        if !casts(term.kind, target.kind) {
            let message = format!(
                "{} cannot be CAST to {}; of a date EXTRACT a part, or subtract another date",
                term.kind.noun(),
                target.kind.noun()
            );
            return Err(not_allowed(message, at));
        }
        let canonical = format!("CAST({} AS {})", term.text.canonical, target.canonical);
        let engine = engine_cast(&term, &target, at)?;
        let cast = Term::value(Text::new(canonical, engine), target.kind).at(at);
        let is_decimal = target.engine.starts_with("DECIMAL");
        let cast = if is_decimal { cast.unsure() } else { cast };
        Ok(if term.weakly_named { cast.named_weakly(target.name) } else { cast.named(term.name) })
    }
}

/// False where no value of the one is a value of the other.
fn casts(from: Type, to: Type) -> bool {
    let is_time = |kind| matches!(kind, Type::Date | Type::Timestamp | Type::Time | Type::Interval);
    let is_count = |kind: Type| kind.is_number() || kind == Type::Boolean;
    !((is_time(from) && is_count(to)) || (is_count(from) && is_time(to)) || from == Type::Array)
}

fn engine_cast(term: &Term, target: &Target, at: Option<Place>) -> Result<String, Refusal> {
    let mut inner = term.text.engine.clone();
    if let Some(held) = &term.literal {
        match target.kind {
            Type::Date | Type::Timestamp | Type::Time => moment(held, target.kind, at)?,
            Type::Interval => return interval(held, at),
            Type::Boolean
            | Type::Integer
            | Type::Numeric
            | Type::Double
            | Type::Text
            | Type::Array
            | Type::Unknown => {}
        }
    }
    if target.kind == Type::Text {
        inner = printed(term);
    }
    let whole = target.kind == Type::Integer;
    if whole && term.kind == Type::Numeric {
        inner = format!("round({inner})");
    }
    if whole && term.kind == Type::Double {
        inner = format!("round_even({inner}, 0)");
    }
    // A record's value that is no such thing becomes NULL.
    let cast = format!("TRY_CAST({inner} AS {})", target.engine);
    Ok(match target.characters {
        None => cast,
        Some(characters) => format!("left({cast}, {characters})"),
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
fn target(data_type: &DataType, at: Option<Place>) -> Result<Target, Refusal> {
    let plain = |canonical: &str, engine: &str, kind, name| {
        let (canonical, engine) = (canonical.to_owned(), engine.to_owned());
        Ok(Target { canonical, engine, kind, name, characters: None })
    };
    let refused = || {
        Err(not_allowed(
            format!(
                "CAST AS {data_type} is not let in; integer, bigint, smallint, numeric, real, double precision, text, \
                 varchar, date, timestamp, time, interval and boolean are"
            ),
            at,
        ))
    };
    match data_type {
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => {
            plain("INTEGER", "INTEGER", Type::Integer, "int4")
        }
        DataType::BigInt(None) | DataType::Int8(None) => plain("BIGINT", "BIGINT", Type::Integer, "int8"),
        DataType::SmallInt(None) | DataType::Int2(None) => {
            plain("SMALLINT", "SMALLINT", Type::Integer, "int2")
        }
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => match info {
            ExactNumberInfo::None => plain("NUMERIC", "DOUBLE", Type::Numeric, "numeric"),
            ExactNumberInfo::Precision(precision) if (1..=38).contains(precision) => {
                let exact = format!("DECIMAL({precision}, 0)");
                plain(&format!("NUMERIC({precision})"), &exact, Type::Numeric, "numeric")
            }
            ExactNumberInfo::PrecisionAndScale(precision, scale)
                if (1..=38).contains(precision) && (0..=precision.cast_signed()).contains(scale) =>
            {
                let exact = format!("({precision}, {scale})");
                plain(&format!("NUMERIC{exact}"), &format!("DECIMAL{exact}"), Type::Numeric, "numeric")
            }
            ExactNumberInfo::Precision(_) | ExactNumberInfo::PrecisionAndScale(..) => refused(),
        },
        DataType::Real | DataType::Float4 => plain("REAL", "FLOAT", Type::Double, "float4"),
        DataType::DoublePrecision
        | DataType::Float8
        | DataType::Double(ExactNumberInfo::None)
        | DataType::Float(ExactNumberInfo::None) => {
            plain("DOUBLE PRECISION", "DOUBLE", Type::Double, "float8")
        }
        DataType::Text => plain("TEXT", "VARCHAR", Type::Text, "text"),
        DataType::Varchar(length) | DataType::CharacterVarying(length) | DataType::CharVarying(length) => {
            text("VARCHAR", *length, "varchar").map_or_else(refused, Ok)
        }
        DataType::Char(length) | DataType::Character(length) => {
            let length = length.unwrap_or(CharacterLength::IntegerLength { length: 1, unit: None });
            text("CHAR", Some(length), "bpchar").map_or_else(refused, Ok)
        }
        DataType::Date => plain("DATE", "DATE", Type::Date, "date"),
        DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            plain("TIMESTAMP", "TIMESTAMP", Type::Timestamp, "timestamp")
        }
        DataType::Timestamp(None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
            plain("TIMESTAMPTZ", "TIMESTAMP", Type::Timestamp, "timestamptz")
        }
        DataType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            plain("TIME", "TIME", Type::Time, "time")
        }
        DataType::Interval { fields: None, precision: None } => {
            plain("INTERVAL", "INTERVAL", Type::Interval, "interval")
        }
        DataType::Bool | DataType::Boolean => plain("BOOLEAN", "BOOLEAN", Type::Boolean, "bool"),
        _ => refused(),
    }
}

fn text(word: &str, length: Option<CharacterLength>, name: &'static str) -> Option<Target> {
    let (canonical, characters) = match length {
        None => (word.to_owned(), None),
        Some(CharacterLength::IntegerLength { length, unit: None }) if (1..=10_000).contains(&length) => {
            (format!("{word}({length})"), Some(length))
        }
        Some(CharacterLength::IntegerLength { .. } | CharacterLength::Max) => return None,
    };
    Some(Target { canonical, engine: "VARCHAR".to_owned(), kind: Type::Text, name, characters })
}
