//! Literals: numbers, texts, dates and intervals.
//!
//! What must stay true: a literal is written anew from what it holds, so that its own spelling cannot end its
//! quotes; dates and intervals hold digits and units, never words such as `now`.

use sqlparser::ast::{
    DataType, DateTimeField, DollarQuotedString, Expr, Interval, TimezoneInfo, TypedString, Value,
    ValueWithSpan,
};

use super::{not_allowed, place};
use crate::names::literal;
use crate::refusal::{Place, Refusal};
use crate::term::{Lineage, Term, Text, Type};

/// A number, a text, a truth value or NULL.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
pub(super) fn value(value: &ValueWithSpan) -> Result<Term, Refusal> {
    let at = Place::of(value.span);
    match &value.value {
        Value::Number(digits, false) => number(digits, at),
        Value::SingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::DollarQuotedString(DollarQuotedString { value: text, tag: _ }) => Ok(string(text).at(at)),
        Value::Boolean(truth) => {
            let text = Text::same(if *truth { "TRUE" } else { "FALSE" });
            Ok(Term::value(text, Type::Boolean).at(at))
        }
        Value::Null => {
            let term = Term::value(Text::same("NULL"), Type::Unknown).at(at);
            Ok(Term { lineage: Lineage::Null, ..term })
        }
        Value::Placeholder(name) => {
            Err(not_allowed(format!("{name} is a parameter; write the value itself"), at))
        }
        _ => Err(not_allowed("write a text as 'text' and a number in decimal digits", at)),
    }
}

fn string(text: &str) -> Term {
    let term = Term::value(Text::same(literal(text)), Type::Unknown);
    Term { literal: Some(text.to_owned()), ..term }
}

fn number(digits: &str, at: Option<Place>) -> Result<Term, Refusal> {
    let allowed = |each: u8| each.is_ascii_digit() || matches!(each, b'.' | b'e' | b'E' | b'+' | b'-');
    if !digits.bytes().all(allowed) || digits.parse::<f64>().is_err() {
        return Err(not_allowed(format!("{digits} is not a decimal number"), at));
    }
    if digits.bytes().all(|each| each.is_ascii_digit()) {
        return Ok(Term::value(Text::same(digits), Type::Integer).at(at));
    }
    // An exponent makes it a double to the engine, which is what the CDM's numbers are there.
    let has_exponent = digits.contains(['e', 'E']);
    let engine = if has_exponent { digits.to_owned() } else { format!("{digits}e0") };
    Ok(Term::value(Text::new(digits, engine), Type::Numeric).at(at))
}

/// The whole number of a literal, if it is one.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is no whole number")]
pub(super) fn whole_number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, false) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// `DATE '2020-01-31'` and the like.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
pub(super) fn typed(typed: &TypedString) -> Result<Term, Refusal> {
    let TypedString { data_type, value, uses_odbc_syntax } = typed;
    let at = Place::of(value.span);
    let (word, kind, name) = match data_type {
        DataType::Date => ("DATE", Type::Date, "date"),
        DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            ("TIMESTAMP", Type::Timestamp, "timestamp")
        }
        DataType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            ("TIME", Type::Time, "time")
        }
        _ => return Err(not_allowed("write DATE '2020-01-31', TIMESTAMP '...' or CAST('...' AS type)", at)),
    };
    let (Value::SingleQuotedString(text), false) = (&value.value, *uses_odbc_syntax) else {
        return Err(not_allowed(format!("write {word} '...' with single quotes"), at));
    };
    moment(text, at)?;
    let text = Text::same(format!("{word} {}", literal(text)));
    Ok(Term::value(text, kind).named_weakly(name).at(at))
}

/// A date or time is digits and their separators.
pub(super) fn moment(text: &str, at: Option<Place>) -> Result<(), Refusal> {
    let allowed = |each: u8| each.is_ascii_digit() || matches!(each, b'-' | b':' | b'.' | b' ' | b'T');
    if !text.is_empty() && text.bytes().all(allowed) {
        return Ok(());
    }
    Err(not_allowed("write a date as '2020-01-31' and a time as '2020-01-31 09:30:00'", at))
}

/// `INTERVAL '1 year 6 months'`, `INTERVAL '30' DAY`.
pub(super) fn interval(interval: &Interval) -> Result<Term, Refusal> {
    let Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } =
        interval;
    let at = place(value.as_ref());
    let precise =
        leading_precision.is_some() || last_field.is_some() || fractional_seconds_precision.is_some();
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(held), span: _ }) = value.as_ref()
    else {
        return Err(not_interval(at));
    };
    if precise {
        return Err(not_interval(at));
    }
    let written = match leading_field {
        None => held.clone(),
        Some(field) => format!("{held} {}", unit_of(field).ok_or_else(|| not_interval(at))?),
    };
    let text = spelt_interval(&written).ok_or_else(|| not_interval(at))?;
    let text = Text::same(format!("INTERVAL {}", literal(&text)));
    Ok(Term::value(text, Type::Interval).named_weakly("interval").at(at))
}

fn not_interval(at: Option<Place>) -> Refusal {
    not_allowed("write an interval as INTERVAL '1 year 6 months', with whole numbers and units", at)
}

/// Numbers and units, each unit in full.
pub(super) fn spelt_interval(text: &str) -> Option<String> {
    let mut spelt = Vec::new();
    let mut words = text.split_ascii_whitespace();
    while let Some(number) = words.next() {
        let number: i32 = number.parse().ok()?;
        let unit = match words.next()?.to_ascii_lowercase().as_str() {
            "year" | "years" | "y" => "year",
            "month" | "months" | "mon" | "mons" => "month",
            "week" | "weeks" | "w" => "week",
            "day" | "days" | "d" => "day",
            "hour" | "hours" | "h" => "hour",
            "minute" | "minutes" | "min" | "mins" => "minute",
            "second" | "seconds" | "sec" | "secs" | "s" => "second",
            _ => return None,
        };
        let plural = if number == 1 { "" } else { "s" };
        spelt.push(format!("{number} {unit}{plural}"));
    }
    (!spelt.is_empty()).then(|| spelt.join(" "))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
fn unit_of(field: &DateTimeField) -> Option<&'static str> {
    Some(match field {
        DateTimeField::Year => "year",
        DateTimeField::Month => "month",
        DateTimeField::Day => "day",
        DateTimeField::Hour => "hour",
        DateTimeField::Minute => "minute",
        DateTimeField::Second => "second",
        _ => return None,
    })
}
