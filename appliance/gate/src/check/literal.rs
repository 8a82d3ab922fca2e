//! Literals: numbers, texts, dates and intervals.
//!
//! What must stay true: a literal is written anew from what it holds, so that its own spelling cannot end its
//! quotes; dates and intervals hold digits and units, never words such as `now`.

use sqlparser::ast::{
    DataType, DateTimeField, DollarQuotedString, Expr, Interval, TimezoneInfo, TypedString, UnaryOperator,
    Value, ValueWithSpan,
};

use super::{not_allowed, place};
use crate::bounds::INTERVAL_YEARS_MAX;
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
    if digits.parse::<i64>().is_ok() {
        return Ok(Term::value(Text::same(digits), Type::Integer).at(at));
    }
    if !digits.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(not_allowed("a number has at most 308 digits", at));
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

/// True for a literal, with or without a sign.
pub(super) fn is_literal(expr: &Expr) -> bool {
    let unsigned =
        if let Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } = expr { inner } else { expr };
    matches!(unsigned, Expr::Value(_) | Expr::TypedString(_))
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
    moment(text, kind, at)?;
    let text = Text::same(format!("{word} {}", literal(text)));
    Ok(Term::value(text, kind).named_weakly(name).at(at))
}

/// A date or time that exists, of the years 1 to 9999.
pub(super) fn moment(text: &str, kind: Type, at: Option<Place>) -> Result<(), Refusal> {
    let valid = if kind == Type::Time {
        is_clock(text)
    } else {
        let (day, clock) =
            text.split_once([' ', 'T']).map_or((text, None), |(day, clock)| (day, Some(clock)));
        is_day(day) && clock.is_none_or(is_clock)
    };
    if valid {
        return Ok(());
    }
    Err(not_allowed("write a date that exists, as '2020-01-31', and a time as '2020-01-31 09:30:00'", at))
}

/// A number of one or two digits, at most `most`.
fn pair(text: &str, most: u32) -> Option<u32> {
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|each| each.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= most)
}

fn is_day(text: &str) -> bool {
    day_number(text).is_some()
}

/// The days from 0000-03-01 to a date that is written as `2020-01-31` and exists, of the years 1 to 9999.
fn day_number(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let digits = year.len() == 4 && year.bytes().all(|each| each.is_ascii_digit());
    let (Ok(year), true, Some(month), Some(day)) =
        (year.parse::<u32>(), digits, pair(month, 12), pair(day, 31))
    else {
        return None;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if year == 0 || month == 0 || !(1..=last).contains(&day) {
        return None;
    }
    // Years that begin in March end with their leap day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(days.into())
}

/// How many moments at most lie between two that are written out, a step of so long apart; none where that is no
/// such thing, or the step does not lead forwards.
pub(super) fn steps(first: &str, last: &str, step: &str) -> Option<i64> {
    let day = |text: &str| day_number(text.split([' ', 'T']).next().unwrap_or_default());
    let days = day(last)? - day(first)? + 1;
    let mut seconds = 0;
    let mut words = step.split_ascii_whitespace();
    while let Some(number) = words.next() {
        let number: i64 = number.parse().ok().filter(|number| *number > 0)?;
        seconds += number
            * match words.next()?.trim_end_matches('s') {
                "year" => 365 * 86_400,
                "month" => 28 * 86_400,
                "week" => 7 * 86_400,
                "day" => 86_400,
                "hour" => 3_600,
                "minute" => 60,
                _ => 1,
            };
    }
    (seconds > 0).then(|| (days.max(0) * 86_400) / seconds + 1)
}

fn is_clock(text: &str) -> bool {
    let (whole, fraction) =
        text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let parts: Vec<&str> = whole.split(':').collect();
    let seconds = match parts.as_slice() {
        [_, _] if fraction.is_none() => true,
        [_, _, seconds] => pair(seconds, 59).is_some(),
        _ => false,
    };
    let digits = |text: &str| (1..=6).contains(&text.len()) && text.bytes().all(|each| each.is_ascii_digit());
    seconds && pair(parts[0], 23).is_some() && pair(parts[1], 59).is_some() && fraction.is_none_or(digits)
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
    not_allowed(
        "write an interval as INTERVAL '1 year 6 months', with whole numbers and units, of at most 10000 years",
        at,
    )
}

/// Numbers and units, each unit in full; of at most [`INTERVAL_YEARS_MAX`] in all.
pub(super) fn spelt_interval(text: &str) -> Option<String> {
    let mut spelt = Vec::new();
    let mut years = 0.0;
    let mut words = text.split_ascii_whitespace();
    while let Some(number) = words.next() {
        let number: i32 = number.parse().ok()?;
        let (unit, of_a_year) = match words.next()?.to_ascii_lowercase().as_str() {
            "year" | "years" | "y" => ("year", 1.0),
            "month" | "months" | "mon" | "mons" => ("month", 12.0),
            "week" | "weeks" | "w" => ("week", 52.0),
            "day" | "days" | "d" => ("day", 365.0),
            "hour" | "hours" | "h" => ("hour", 365.0 * 24.0),
            "minute" | "minutes" | "min" | "mins" => ("minute", 365.0 * 1_440.0),
            "second" | "seconds" | "sec" | "secs" | "s" => ("second", 365.0 * 86_400.0),
            _ => return None,
        };
        years += f64::from(number).abs() / of_a_year;
        let plural = if number == 1 { "" } else { "s" };
        spelt.push(format!("{number} {unit}{plural}"));
    }
    (!spelt.is_empty() && years <= INTERVAL_YEARS_MAX).then(|| spelt.join(" "))
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
