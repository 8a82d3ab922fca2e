//! Dates and times: their parts, their ages, their formats.
//!
//! What must stay true: parts of dates divide with a fraction, as PostgreSQL's do; nothing needs a time zone.

use sqlparser::ast::{DateTimeField, Expr, ExtractSyntax};

use super::guard::Part;
use super::{Checker, not_allowed, place};
use crate::formats::{self, FIELDS, INTERVAL_FIELDS, TIME_FIELDS, UNITS};
use crate::functions::ENGINE_NOW;
use crate::names::literal;
use crate::refusal::{Place, Refusal};
use crate::scope::Scope;
use crate::term::{Term, Text, Type};

impl Checker {
    /// `EXTRACT(YEAR FROM x)`.
    pub(super) fn extract(
        &mut self,
        field: &DateTimeField,
        syntax: &ExtractSyntax,
        operand: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let at = place(operand);
        let (Some(field), ExtractSyntax::From) = (field_name(field), syntax) else {
            return Err(unknown_field(at));
        };
        let operand = self.value(operand, scope)?;
        let text = Text::new(
            format!("EXTRACT({} FROM {})", field.to_uppercase(), operand.text.canonical),
            self.part(field, &operand, at)?,
        );
        Ok(Term::value(text, Type::Numeric).named("extract"))
    }
}

fn unknown_field(at: Option<Place>) -> Refusal {
    not_allowed(format!("this part of a date is not known; use {}", FIELDS.join(", ")), at)
}

impl Checker {
    /// `date_part('year', x)` for the engine.
    pub(super) fn date_part(
        &self,
        field: &Term,
        operand: &Term,
        at: Option<Place>,
    ) -> Result<String, Refusal> {
        let held = field.literal.as_deref().unwrap_or_default().to_ascii_lowercase();
        let field = FIELDS.iter().find(|known| **known == held).ok_or_else(|| unknown_field(at))?;
        self.part(field, operand, at)
    }

    fn part(&self, field: &str, operand: &Term, at: Option<Place>) -> Result<String, Refusal> {
        let fields = match operand.kind {
            Type::Date | Type::Timestamp => FIELDS,
            Type::Interval => INTERVAL_FIELDS,
            Type::Time => TIME_FIELDS,
            Type::Unknown if operand.is_null() => FIELDS,
            Type::Boolean
            | Type::Integer
            | Type::Numeric
            | Type::Double
            | Type::Text
            | Type::Array
            | Type::Unknown => {
                let message = format!(
                    "a part is taken of a date, a time or an interval, and this is {}; CAST it first",
                    operand.kind.noun()
                );
                return Err(not_allowed(message, at));
            }
        };
        if !fields.contains(&field) {
            let message = format!("{} has no {field}; it has {}", operand.kind.noun(), fields.join(", "));
            return Err(not_allowed(message, at));
        }
        let moment = moment_of(operand);
        let spell = |parts: &[&str]| match field {
            // Seconds come with their fraction.
            "second" => format!("(CAST(extract(microseconds FROM {}) AS DOUBLE) / 1e6)", parts[0]),
            _ => format!("CAST(extract({field} FROM {}) AS DOUBLE)", parts[0]),
        };
        if operand.kind == Type::Interval {
            return Ok(self.guarded(&[Part::changed(&moment, operand)], spell).text);
        }
        Ok(spell(&[&moment]))
    }

    /// `date_trunc('month', x)` for the engine.
    pub(super) fn date_trunc(
        &self,
        unit: &Term,
        operand: &Term,
        at: Option<Place>,
    ) -> Result<String, Refusal> {
        let held = unit.literal.as_deref().unwrap_or_default().to_ascii_lowercase();
        if !UNITS.contains(&held.as_str()) {
            return Err(not_allowed(
                format!("date_trunc does not know this part of a date; use one of {}", UNITS.join(", ")),
                at,
            ));
        }
        let moment = moment_of(operand);
        let guarded = self.guarded(&[Part::changed(&moment, operand)], |parts| {
            let cut = format!("date_trunc('{held}', {})", parts[0]);
            if operand.kind == Type::Interval { cut } else { format!("CAST({cut} AS TIMESTAMP)") }
        });
        Ok(guarded.text)
    }
}

/// A date has no time of day to the engine until it is a timestamp.
fn moment_of(term: &Term) -> String {
    if term.kind == Type::Date {
        return format!("TRY_CAST({} AS TIMESTAMP)", term.text.engine);
    }
    term.text.engine.clone()
}

/// `age(a, b)`, or `age(b)` as of today's midnight.
pub(super) fn age(moments: &[Term]) -> String {
    let timestamp = |term: &Term| {
        if term.kind == Type::Timestamp {
            return term.text.engine.clone();
        }
        format!("TRY_CAST({} AS TIMESTAMP)", term.text.engine)
    };
    match moments {
        [later, earlier] => format!("age({}, {})", timestamp(later), timestamp(earlier)),
        moments => {
            let born = moments.first().map(timestamp).unwrap_or_default();
            format!("age(CAST({} AS TIMESTAMP), {born})", today())
        }
    }
}

/// Today's date.
pub(super) fn today() -> String {
    format!("CAST({ENGINE_NOW} AS DATE)")
}

/// `to_char(x, 'YYYY-MM')` for the engine.
pub(super) fn to_char(operand: &Term, template: &Term, at: Option<Place>) -> Result<String, Refusal> {
    if !matches!(operand.kind, Type::Date | Type::Timestamp) {
        return Err(not_allowed(
            "to_char formats dates and times only; for a number use CAST(x AS text)",
            at,
        ));
    }
    Ok(format!("strftime({}, {})", operand.text.engine, literal(&strftime(template, at)?)))
}

/// `to_timestamp('...', 'YYYY-MM-DD')` for the engine.
pub(super) fn parsed(operand: &Term, template: &Term, at: Option<Place>) -> Result<String, Refusal> {
    // A text that is not of the format is NULL.
    Ok(format!("try_strptime({}, {})", operand.text.engine, literal(&strftime(template, at)?)))
}

fn strftime(template: &Term, at: Option<Place>) -> Result<String, Refusal> {
    let Some(held) = &template.literal else {
        return Err(not_allowed("write a date format as a literal text, as in 'YYYY-MM-DD'", at));
    };
    formats::strftime(held).map_err(|piece| {
        not_allowed(
            format!(
                "the format {piece} is not known; use YYYY, YY, MM, Mon, FMMonth, DD, Dy, FMDay, DDD, IYYY, IW, HH24, \
                 MI, SS, and \"quoted text\"; for a quarter use EXTRACT(QUARTER FROM ...)"
            ),
            at,
        )
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
fn field_name(field: &DateTimeField) -> Option<&'static str> {
    Some(match field {
        DateTimeField::Year => "year",
        DateTimeField::Month => "month",
        DateTimeField::Week(None) => "week",
        DateTimeField::Day => "day",
        DateTimeField::Hour => "hour",
        DateTimeField::Minute => "minute",
        DateTimeField::Second => "second",
        DateTimeField::Century => "century",
        DateTimeField::Decade => "decade",
        DateTimeField::Dow => "dow",
        DateTimeField::Doy => "doy",
        DateTimeField::Epoch => "epoch",
        DateTimeField::Isodow => "isodow",
        DateTimeField::Isoyear => "isoyear",
        DateTimeField::Millennium => "millennium",
        DateTimeField::Quarter => "quarter",
        _ => return None,
    })
}
