//! Types that meet: in a comparison, a list, a CASE, a set operation.
//!
//! What must stay true: where types meet, the engine casts nothing that could fail on a record's value. Where
//! PostgreSQL refuses the two, so does the gate; a literal is read here, once, and refused if it is not of the type.

use super::literal::{moment, spelt_interval};
use super::not_allowed;
use crate::names::literal;
use crate::refusal::{Place, Refusal};
use crate::term::{Term, Type};

/// Terms of one type.
pub(super) struct Met {
    /// The engine's text of each.
    pub texts: Vec<String>,
    /// The type that they take together.
    pub kind: Type,
}

/// Lets terms meet, or says why they do not.
pub(super) fn met(terms: &[&Term]) -> Result<Met, Refusal> {
    let typed = || terms.iter().filter(|term| !term.is_null() && term.kind != Type::Unknown);
    let Some(first) = typed().next() else {
        // Literals alone are texts, as in PostgreSQL.
        let kind = if terms.iter().all(|term| term.is_null()) { Type::Unknown } else { Type::Text };
        return Ok(Met { texts: terms.iter().map(|term| term.text.engine.clone()).collect(), kind });
    };
    if let Some(other) = typed().find(|other| !mixes(first.kind, other.kind)) {
        return Err(unlike(first.kind, other.kind, other.place.or(first.place)));
    }
    if first.kind == Type::Array && terms.len() > 1 {
        return Err(not_allowed("arrays are neither compared nor mixed; use what is in them", first.place));
    }
    let kind = typed().fold(Type::Unknown, |kind, term| kind.meet(term.kind));
    let texts = terms.iter().map(|term| taken(term, kind)).collect::<Result<_, _>>()?;
    Ok(Met { texts, kind })
}

/// The two sides of a comparison.
pub(super) fn paired(left: &Term, right: &Term) -> Result<[String; 2], Refusal> {
    let Met { texts, .. } = met(&[left, right])?;
    let mut texts = texts.into_iter();
    Ok([texts.next().unwrap_or_default(), texts.next().unwrap_or_default()])
}

/// True where PostgreSQL compares the two without a CAST.
pub(super) fn mixes(left: Type, right: Type) -> bool {
    let moments = [Type::Date, Type::Timestamp];
    left == right
        || left == Type::Unknown
        || right == Type::Unknown
        || (left.is_number() && right.is_number())
        || (moments.contains(&left) && moments.contains(&right))
}

pub(super) fn unlike(left: Type, right: Type, at: Option<Place>) -> Refusal {
    let (left, right) = (left.noun(), right.noun());
    not_allowed(format!("{left} does not meet {right}; CAST one of them to the type of the other"), at)
}

/// The engine's text of a term beside others of that type.
fn taken(term: &Term, kind: Type) -> Result<String, Refusal> {
    if kind.is_number() {
        return number(term);
    }
    let engine = &term.text.engine;
    if kind == Type::Timestamp && term.kind == Type::Date {
        return Ok(format!("TRY_CAST({engine} AS TIMESTAMP)"));
    }
    let Some(held) = &term.literal else { return Ok(engine.clone()) };
    match kind {
        Type::Date | Type::Timestamp | Type::Time => moment(held, kind, term.place)?,
        Type::Interval => return interval(held, term.place),
        Type::Boolean => return truth_of(held, term.place).map(str::to_owned),
        Type::Integer | Type::Numeric | Type::Double | Type::Text | Type::Array | Type::Unknown => {}
    }
    Ok(engine.clone())
}

/// The engine's text of an interval's literal.
pub(super) fn interval(held: &str, at: Option<Place>) -> Result<String, Refusal> {
    let spelt = spelt_interval(held)
        .ok_or_else(|| not_allowed("write an interval as '1 year 6 months', of at most 10000 years", at))?;
    Ok(format!("INTERVAL {}", literal(&spelt)))
}

fn truth_of(held: &str, at: Option<Place>) -> Result<&'static str, Refusal> {
    match held.to_ascii_lowercase().as_str() {
        "t" | "true" => Ok("TRUE"),
        "f" | "false" => Ok("FALSE"),
        _ => Err(not_allowed("write a truth as TRUE or FALSE", at)),
    }
}

/// The engine's text of a number: at most 64 bits, or a double.
pub(super) fn number(term: &Term) -> Result<String, Refusal> {
    let engine = &term.text.engine;
    if term.is_null() {
        return Ok(engine.clone());
    }
    if let Some(held) = &term.literal {
        let held = held.trim();
        if held.parse::<i64>().is_ok() {
            return Ok(format!("CAST({} AS BIGINT)", literal(held)));
        }
        if held.parse::<f64>().is_ok_and(f64::is_finite) {
            return Ok(format!("CAST({} AS DOUBLE)", literal(held)));
        }
        return Err(not_allowed("a text that is no number stands where a number is wanted", term.place));
    }
    if !term.kind.is_number() {
        let message =
            format!("{} stands where a number is wanted; CAST it, or EXTRACT a part", term.kind.noun());
        return Err(not_allowed(message, term.place));
    }
    Ok(if term.sure { engine.clone() } else { format!("TRY_CAST({engine} AS DOUBLE)") })
}

/// The same as a double.
pub(super) fn double(term: &Term) -> Result<String, Refusal> {
    let text = number(term)?;
    Ok(if term.kind == Type::Integer { format!("CAST({text} AS DOUBLE)") } else { text })
}

/// A whole number of 32 bits, such as a length or a count of digits: as written, or NULL where a record's is larger.
pub(super) fn small(term: &Term) -> Result<String, Refusal> {
    let written = term.text.canonical.parse::<i32>().is_ok();
    let text = number(term)?;
    Ok(if written { text } else { format!("TRY_CAST({text} AS INTEGER)") })
}

/// A condition is a truth, or NULL.
pub(super) fn truth(term: &Term) -> Result<(), Refusal> {
    if term.kind == Type::Boolean || term.is_null() {
        return Ok(());
    }
    let message = format!("{} stands where a condition is wanted; write a comparison", term.kind.noun());
    Err(not_allowed(message, term.place))
}
