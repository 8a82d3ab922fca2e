//! Arithmetic on numbers, dates and intervals.
//!
//! What must stay true: dates keep PostgreSQL's arithmetic (a day plus a number is a day, a day minus a day is a
//! number), and nothing fails on a record's value: what overflows, or divides by zero, is NULL. Doubles do neither.

use super::guard::Part;
use super::literal::moment;
use super::types::{interval, number};
use super::{Checker, not_allowed};
use crate::refusal::{Place, Refusal};
use crate::term::{Term, Type};

impl Checker {
    pub(super) fn plus(&self, left: &Term, right: &Term, at: Option<Place>) -> Result<Term, Refusal> {
        if numbers(left, right) {
            return self.whole_or_double(left, "+", right);
        }
        let kind = match (left.kind, right.kind) {
            (Type::Date, Type::Integer) | (Type::Integer, Type::Date) => Type::Date,
            (Type::Date | Type::Timestamp, Type::Interval | Type::Time)
            | (Type::Interval | Type::Time, Type::Date | Type::Timestamp) => Type::Timestamp,
            (Type::Interval, Type::Interval) => Type::Interval,
            (Type::Time, Type::Interval) | (Type::Interval, Type::Time) => Type::Time,
            _ => return Err(unknown("+", left, right, at)),
        };
        let [first, second] = [days(left, right.kind), days(right, left.kind)];
        Ok(self.computed(left, &first, "+", right, &second, kind))
    }

    pub(super) fn minus(&self, left: &Term, right: &Term, at: Option<Place>) -> Result<Term, Refusal> {
        if numbers(left, right) {
            return self.whole_or_double(left, "-", right);
        }
        let [first, second] = [dated(left, right.kind)?, dated(right, left.kind)?];
        let kind = match (left.kind, right.kind) {
            (Type::Date, Type::Date | Type::Unknown) | (Type::Unknown, Type::Date) => {
                let engine = format!("({first} - {second})");
                return Ok(spelt(left, "-", right, engine, Type::Integer));
            }
            (Type::Date, Type::Integer) => Type::Date,
            (Type::Date | Type::Timestamp, Type::Interval | Type::Time) => Type::Timestamp,
            (Type::Timestamp, Type::Date | Type::Timestamp | Type::Unknown)
            | (Type::Date | Type::Unknown, Type::Timestamp)
            | (Type::Interval, Type::Interval) => Type::Interval,
            (Type::Time, Type::Interval) => Type::Time,
            _ => return Err(unknown("-", left, right, at)),
        };
        let second = if kind == Type::Date { days(right, left.kind) } else { second };
        Ok(self.computed(left, &first, "-", right, &second, kind))
    }

    pub(super) fn times(&self, left: &Term, right: &Term) -> Result<Term, Refusal> {
        if left.kind != Type::Interval && right.kind != Type::Interval {
            return self.whole_or_double(left, "*", right);
        }
        let text = |term: &Term| {
            if term.kind == Type::Interval { Ok(term.text.engine.clone()) } else { number(term) }
        };
        Ok(self.computed(left, &text(left)?, "*", right, &text(right)?, Type::Interval))
    }

    /// PostgreSQL ends a question that divides by zero; here such a quotient is NULL.
    pub(super) fn divided(&self, left: &Term, right: &Term) -> Result<Term, Refusal> {
        let by = divisor(right)?;
        if left.kind == Type::Interval {
            let guarded = self.guarded(&[Part::changed(&left.text.engine, left), Part::of(&by)], |parts| {
                format!("({} * (1e0 / {}))", parts[0], parts[1])
            });
            return Ok(guarded.term(canonical(left, "/", right), Type::Interval));
        }
        let first = number(left)?;
        let safe = is_literal(right, |by| by != 0 && by != -1);
        if !(whole(left) && whole(right)) || safe {
            let kind = settled(left.kind.meet(right.kind));
            return Ok(spelt(left, "/", right, format!("({first} / {by})"), kind));
        }
        Ok(self.computed(left, &first, "/", right, &by, Type::Integer))
    }

    /// `a % b` and `mod(a, b)`.
    pub(super) fn modulo(
        &self,
        left: &Term,
        right: &Term,
        canonical: impl Fn(&str, &str) -> String,
    ) -> Result<Term, Refusal> {
        let (first, by) = (number(left)?, divisor(right)?);
        let canonical = canonical(&left.text.canonical, &right.text.canonical);
        let kind = settled(left.kind.meet(right.kind));
        let spell = |parts: &[&str]| format!("({} % {})", parts[0], parts[1]);
        if !(whole(left) && whole(right)) || is_literal(right, |by| by > 0) {
            return Ok(Term::value(crate::term::Text::new(canonical, spell(&[&first, &by])), kind));
        }
        let guarded = self.guarded(&[Part::changed(&first, left), Part::of(&by)], spell);
        Ok(guarded.term(canonical, kind))
    }

    /// Whole numbers may overflow, doubles do not.
    fn whole_or_double(&self, left: &Term, symbol: &str, right: &Term) -> Result<Term, Refusal> {
        let [first, second] = [number(left)?, number(right)?];
        let kind = settled(left.kind.meet(right.kind));
        let small = |term: &Term| is_literal(term, |number| number.abs() <= 10_000);
        if !(whole(left) && whole(right)) || (small(left) && small(right)) {
            return Ok(spelt(left, symbol, right, format!("({first} {symbol} {second})"), kind));
        }
        Ok(self.computed(left, &first, symbol, right, &second, kind))
    }

    fn computed(
        &self,
        left: &Term,
        first: &str,
        symbol: &str,
        right: &Term,
        second: &str,
        kind: Type,
    ) -> Term {
        let parts = [Part::changed(first, left), Part::changed(second, right)];
        let guarded = self.guarded(&parts, |parts| format!("({} {symbol} {})", parts[0], parts[1]));
        guarded.term(canonical(left, symbol, right), kind)
    }
}

fn canonical(left: &Term, symbol: &str, right: &Term) -> String {
    format!("{} {symbol} {}", left.text.canonical, right.text.canonical)
}

fn spelt(left: &Term, symbol: &str, right: &Term, engine: String, kind: Type) -> Term {
    Term::value(crate::term::Text::new(canonical(left, symbol, right), engine), kind)
}

fn unknown(symbol: &str, left: &Term, right: &Term, at: Option<Place>) -> Refusal {
    let (left, right) = (left.kind.noun(), right.kind.noun());
    not_allowed(
        format!("{symbol} does not take {left} and {right}; of dates write x + 30 or x + INTERVAL '30 days'"),
        at,
    )
}

/// Two numbers, or a number and a text or NULL that stands for one.
fn numbers(left: &Term, right: &Term) -> bool {
    let may = |term: &Term| term.kind.is_number() || term.kind == Type::Unknown;
    may(left) && may(right)
}

/// True where the engine may hold a whole number.
fn whole(term: &Term) -> bool {
    matches!(term.kind, Type::Integer | Type::Unknown)
}

/// The type of a result of numbers.
fn settled(kind: Type) -> Type {
    if kind == Type::Unknown { Type::Integer } else { kind }
}

fn is_literal(term: &Term, which: impl Fn(i32) -> bool) -> bool {
    term.text.canonical.parse::<i32>().is_ok_and(which)
}

/// What is divided by, NULL in place of zero.
fn divisor(term: &Term) -> Result<String, Refusal> {
    let text = number(term)?;
    let nonzero = term.text.canonical.parse::<f64>().is_ok_and(|number| number != 0.0);
    Ok(if nonzero { text } else { format!("nullif({text}, 0)") })
}

/// A number of days beside a date; the engine adds 32-bit numbers only.
fn days(term: &Term, other: Type) -> String {
    let engine = &term.text.engine;
    if term.kind != Type::Integer || other != Type::Date {
        return engine.clone();
    }
    let word = if is_literal(term, |_| true) { "CAST" } else { "TRY_CAST" };
    format!("{word}({engine} AS INTEGER)")
}

/// A literal beside a date, a time or an interval takes its type.
fn dated(term: &Term, other: Type) -> Result<String, Refusal> {
    let engine = &term.text.engine;
    let (Some(held), Type::Date | Type::Timestamp | Type::Interval) = (&term.literal, other) else {
        return Ok(engine.clone());
    };
    if other == Type::Interval {
        return interval(held, term.place);
    }
    moment(held, other, term.place)?;
    let word = if other == Type::Date { "DATE" } else { "TIMESTAMP" };
    Ok(format!("CAST({engine} AS {word})"))
}
