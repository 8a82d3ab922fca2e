//! Operators: chains of AND and OR, comparisons, and what computes (see `arithmetic`).
//!
//! What must stay true: a chain is walked along its left spine, so that a long list of conditions costs one level.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

use super::compare::{self, Operand, all_joinable, is_equality, must_describe};
use super::expression::bracketed;
use super::guard::Part;
use super::types::{number, paired, truth};
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
                    Sofar::Run { .. } | Sofar::Done(_) => {
                        let term = finish(sofar, place(right))?;
                        truth(&term)?;
                        term.text
                    }
                };
                text.push(words);
                text.append(&self.truth(right, scope)?.text);
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
            return compared(&left, symbol, &right);
        }
        if matches!(op, BinaryOperator::Overlaps) {
            return Err(not_allowed(
                "OVERLAPS is not let in; write a.begins < b.ends AND b.begins < a.ends",
                at,
            ));
        }
        let left = left.one(at)?;
        must_describe(&left)?;
        let right = self.value(right, scope)?;
        match op {
            BinaryOperator::Plus => self.plus(&left, &right, at),
            BinaryOperator::Minus => self.minus(&left, &right, at),
            BinaryOperator::Multiply => self.times(&left, &right),
            BinaryOperator::Divide => self.divided(&left, &right),
            BinaryOperator::Modulo => self.modulo(&left, &right, |left, right| format!("{left} % {right}")),
            BinaryOperator::PGExp => Ok(Term::value(
                Text::new(
                    format!("{} ^ {}", left.text.canonical, right.text.canonical),
                    format!("pow({}, {})", number(&left)?, number(&right)?),
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
                format!("the operator {op} is not let in; use + - * / % ^ || ~ ~* or a comparison"),
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
        let words = match op {
            UnaryOperator::Not => {
                truth(&term)?;
                "NOT "
            }
            UnaryOperator::Minus => "-",
            UnaryOperator::Plus => "+",
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
        let canonical = format!("{words}{gap}{}", term.text.canonical);
        if words == "NOT " {
            let text = Text::new(canonical, format!("(NOT {})", term.text.engine));
            return Ok(Term::value(text, Type::Boolean));
        }
        let kind = if term.kind == Type::Unknown { Type::Integer } else { term.kind };
        let operand = if kind == Type::Interval { term.text.engine.clone() } else { number(&term)? };
        let spell = |operand: &str| format!("({words}{gap}{operand})");
        let is_literal = term.text.canonical.bytes().all(|each| each.is_ascii_digit());
        if kind.is_number() && (kind != Type::Integer || is_literal || words == "+") {
            return Ok(Term::value(Text::new(canonical, spell(&operand)), kind));
        }
        // The least whole number has no counterpart.
        let guarded = self.guarded(&[Part::changed(&operand, &term)], |parts| spell(parts[0]));
        Ok(guarded.term(canonical, kind))
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

/// A comparison of values, or of rows value by value.
fn compared(left: &Operand, symbol: &str, right: &Operand) -> Result<Term, Refusal> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (mine, theirs) in left.terms().iter().zip(right.terms()) {
        let [mine, theirs] = paired(mine, theirs)?;
        first.push(mine);
        second.push(theirs);
    }
    let side = |operand: &Operand, texts: &[String]| match operand {
        Operand::One(_) => texts.concat(),
        Operand::Row(_) => format!("({})", texts.join(", ")),
    };
    let text = Text::new(
        format!("{} {symbol} {}", left.text().canonical, right.text().canonical),
        format!("({} {symbol} {})", side(left, &first), side(right, &second)),
    );
    Ok(Term::value(text, Type::Boolean))
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
