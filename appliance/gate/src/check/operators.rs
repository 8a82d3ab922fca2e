//! Operators: chains of AND and OR, comparisons, arithmetic on numbers and dates, and patterns.
//!
//! What must stay true: a chain is walked along its left spine, so that a long list of conditions costs one level.
//! Dates keep PostgreSQL's arithmetic: a day plus a number is a day, a day minus a day is a number.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

use super::compare::{self, Operand, all_joinable, is_equality, must_describe};
use super::expression::bracketed;
use super::{Checker, not_allowed, place};
use crate::bounds::ARITHMETIC_TERMS_MAX;
use crate::refusal::{Code, Place, Refusal};
use crate::scope::Scope;
use crate::term::{Term, Text, Type};

/// What has been read of a chain: an open run of one logical operator, or a finished operand.
enum Sofar {
    Run { words: &'static str, text: Text },
    Done(Operand),
}

impl Checker {
    /// A left-deep chain of binary operators.
    pub(super) fn chain(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let mut links = Vec::new();
        let mut first = expr;
        while let Expr::BinaryOp { left, op, right } = first {
            links.push((op, right.as_ref()));
            first = left;
        }
        let computed = links.iter().filter(|(op, _)| logical(op).is_none()).count();
        if computed > ARITHMETIC_TERMS_MAX {
            return Err(Refusal::new(
                Code::TooDeep,
                format!("more than {ARITHMETIC_TERMS_MAX} terms are computed in one chain; shorten it"),
                place(first),
            ));
        }
        let mut sofar = Sofar::Done(self.operand(first, scope)?);
        for (op, right) in links.into_iter().rev() {
            sofar = if let Some(words) = logical(op) {
                let mut text = match sofar {
                    Sofar::Run { words: open, text } if open == words => text,
                    Sofar::Run { .. } | Sofar::Done(_) => finish(sofar, place(right))?.text,
                };
                text.push(words);
                text.append(&self.value(right, scope)?.text);
                Sofar::Run { words, text }
            } else {
                let left = match sofar {
                    Sofar::Done(operand) => operand,
                    Sofar::Run { .. } => Operand::One(finish(sofar, place(right))?),
                };
                Sofar::Done(Operand::One(self.binary(left, op, right, scope)?))
            };
        }
        match sofar {
            Sofar::Done(operand) => operand.one(place(first)),
            run @ Sofar::Run { .. } => finish(run, place(first)),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
    fn binary(
        &mut self,
        left: Operand,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let at = place(right);
        if let Some(symbol) = compare::symbol(op) {
            let right = self.operand(right, scope)?;
            if is_equality(op) {
                all_joinable(&left, &right, at)?;
            } else {
                left.terms().iter().chain(right.terms()).try_for_each(must_describe)?;
                let same_shape = left.terms().len() == right.terms().len();
                if !same_shape {
                    return Err(not_allowed("a row (a, b) is compared with a row of as many values", at));
                }
            }
            return Ok(infix(&left.text(), symbol, &right.text(), Type::Boolean));
        }
        let left = left.one(at)?;
        must_describe(&left)?;
        let right = self.value(right, scope)?;
        match op {
            BinaryOperator::Plus => Ok(plus(&left, &right)),
            BinaryOperator::Minus => Ok(minus(&left, &right)),
            BinaryOperator::Multiply => Ok(infix(&left.text, "*", &right.text, times(left.kind, right.kind))),
            BinaryOperator::Divide if left.kind == Type::Interval => Ok(Term::value(
                Text::new(
                    format!("{} / {}", left.text.canonical, right.text.canonical),
                    format!("({} * (1e0 / {}))", left.text.engine, divisor(&right).engine),
                ),
                Type::Interval,
            )),
            BinaryOperator::Divide => {
                Ok(infix(&left.text, "/", &divisor(&right), left.kind.meet(right.kind)))
            }
            BinaryOperator::Modulo => Ok(infix(&left.text, "%", &right.text, left.kind.meet(right.kind))),
            BinaryOperator::PGExp => Ok(Term::value(
                Text::new(
                    format!("{} ^ {}", left.text.canonical, right.text.canonical),
                    format!("pow({}, {})", left.text.engine, right.text.engine),
                ),
                if left.kind == Type::Numeric { Type::Numeric } else { Type::Double },
            )),
            BinaryOperator::StringConcat => {
                let printed =
                    |term: &Term| Text::new(term.text.canonical.clone(), super::strings::printed(term));
                Ok(infix(&printed(&left), "||", &printed(&right), Type::Text))
            }
            BinaryOperator::PGRegexMatch => super::strings::matched(&left, "~", &right, at),
            BinaryOperator::PGRegexIMatch => super::strings::matched(&left, "~*", &right, at),
            BinaryOperator::PGRegexNotMatch => super::strings::matched(&left, "!~", &right, at),
            BinaryOperator::PGRegexNotIMatch => super::strings::matched(&left, "!~*", &right, at),
            _ => Err(not_allowed(
                format!("the operator {op} is not let in; + - * / % ^ || ~ ~* and comparisons are"),
                at,
            )),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
    pub(super) fn unary(
        &mut self,
        op: UnaryOperator,
        expr: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        if matches!(expr, Expr::BinaryOp { op: BinaryOperator::PGExp, .. }) && op != UnaryOperator::Not {
            // PostgreSQL negates first, the parser raises first.
            return Err(not_allowed("write brackets: -(x ^ 2) or (-x) ^ 2", place(expr)));
        }
        let term = self.value(expr, scope)?;
        let (words, kind) = match op {
            UnaryOperator::Not => ("NOT ", Type::Boolean),
            UnaryOperator::Minus => ("-", term.kind),
            UnaryOperator::Plus => ("+", term.kind),
            _ => {
                return Err(not_allowed(
                    format!("the operator {op} is not let in; use a function"),
                    place(expr),
                ));
            }
        };
        // Two signs in a row would begin a comment.
        let signed = term.text.canonical.starts_with(['-', '+']) && words != "NOT ";
        let gap = if signed { " " } else { "" };
        let text = Text::new(
            format!("{words}{gap}{}", term.text.canonical),
            format!("({words}{gap}{})", term.text.engine),
        );
        Ok(Term::value(text, kind))
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is not logical")]
fn logical(op: &BinaryOperator) -> Option<&'static str> {
    match op {
        BinaryOperator::And => Some(" AND "),
        BinaryOperator::Or => Some(" OR "),
        _ => None,
    }
}

fn finish(sofar: Sofar, at: Option<Place>) -> Result<Term, Refusal> {
    match sofar {
        Sofar::Run { words: _, text } => Ok(bracketed(text, Type::Boolean)),
        Sofar::Done(operand) => {
            let term = operand.one(at)?;
            must_describe(&term)?;
            Ok(term)
        }
    }
}

fn infix(left: &Text, symbol: &str, right: &Text, kind: Type) -> Term {
    Term::value(
        Text::new(
            format!("{} {symbol} {}", left.canonical, right.canonical),
            format!("({} {symbol} {})", left.engine, right.engine),
        ),
        kind,
    )
}

fn plus(left: &Term, right: &Term) -> Term {
    let kind = match (left.kind, right.kind) {
        (Type::Date, Type::Integer) | (Type::Integer, Type::Date) => Type::Date,
        (Type::Date, Type::Interval | Type::Time) | (Type::Interval | Type::Time, Type::Date) => {
            Type::Timestamp
        }
        (Type::Timestamp, _) | (_, Type::Timestamp) => Type::Timestamp,
        (left, right) => left.meet(right),
    };
    let [first, second] = [days(left, right.kind), days(right, left.kind)];
    infix(&first, "+", &second, kind)
}

fn minus(left: &Term, right: &Term) -> Term {
    let kind = match (left.kind, right.kind) {
        (Type::Date, Type::Date | Type::Unknown) | (Type::Unknown, Type::Date) => Type::Integer,
        (Type::Date, Type::Integer) => Type::Date,
        (Type::Date | Type::Timestamp, Type::Interval | Type::Time) => Type::Timestamp,
        (Type::Timestamp, _) | (_, Type::Timestamp) => Type::Interval,
        (left, right) => left.meet(right),
    };
    let first = dated(left, right.kind);
    let second = if left.kind == Type::Date && right.kind == Type::Integer {
        days(right, left.kind)
    } else {
        dated(right, left.kind)
    };
    infix(&first, "-", &second, kind)
}

/// What is divided by. PostgreSQL ends a question that divides by zero, which tells of the one record that held it;
/// here such a quotient is NULL.
fn divisor(term: &Term) -> Text {
    let is_literal = term.text.canonical.parse::<f64>().is_ok_and(|number| number != 0.0);
    if is_literal {
        return term.text.clone();
    }
    Text::new(term.text.canonical.clone(), format!("nullif({}, 0)", term.text.engine))
}

fn times(left: Type, right: Type) -> Type {
    if left == Type::Interval || right == Type::Interval { Type::Interval } else { left.meet(right) }
}

/// A number of days beside a date; the engine adds 32-bit numbers only.
fn days(term: &Term, other: Type) -> Text {
    if term.kind != Type::Integer || other != Type::Date {
        return term.text.clone();
    }
    Text::new(term.text.canonical.clone(), format!("CAST({} AS INTEGER)", term.text.engine))
}

/// A literal beside a date or a time takes its type.
fn dated(term: &Term, other: Type) -> Text {
    let word = match (term.kind, other) {
        (Type::Unknown, Type::Date) => "DATE",
        (Type::Unknown, Type::Timestamp) => "TIMESTAMP",
        _ => return term.text.clone(),
    };
    Text::new(term.text.canonical.clone(), format!("CAST({} AS {word})", term.text.engine))
}
