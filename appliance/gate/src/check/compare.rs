//! Comparisons, and the rule for identifiers.
//!
//! What must stay true: an identifier is compared with identifiers of its own kind, for equality alone. Nothing the
//! researcher writes, and nothing computed, is ever put beside one.

use sqlparser::ast::{BinaryOperator, Expr, InTarget, Query};

use super::expression::bracketed;
use super::query::Checked;
use super::types::{met, mixes, paired, unlike};
use super::{Checker, Persons, not_allowed, place};
use crate::identifiers::Identity;
use crate::refusal::{Code, Place, Refusal};
use crate::scope::{Column, Scope};
use crate::term::{Lineage, Term, Text, Type};

/// One side of a comparison: a value, or a row of several.
pub(super) enum Operand {
    One(Term),
    Row(Vec<Term>),
}

impl Operand {
    pub fn text(&self) -> Text {
        match self {
            Self::One(term) => term.text.clone(),
            Self::Row(terms) => {
                Text::between("(", &Text::join(terms.iter().map(|term| &term.text), ", "), ")")
            }
        }
    }

    pub fn terms(&self) -> &[Term] {
        match self {
            Self::One(term) => std::slice::from_ref(term),
            Self::Row(terms) => terms,
        }
    }

    /// The one value; rows are refused.
    pub fn one(self, at: Option<Place>) -> Result<Term, Refusal> {
        match self {
            Self::One(term) => Ok(term),
            Self::Row(_) => Err(not_allowed("a row (a, b) can only be compared with = , <> or IN", at)),
        }
    }
}

impl Checker {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other expression is one value")]
    pub(super) fn operand(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Operand, Refusal> {
        match expr {
            Expr::Tuple(parts) => {
                let terms =
                    parts.iter().map(|part| self.expression(part, scope)).collect::<Result<_, _>>()?;
                Ok(Operand::Row(terms))
            }
            _ => Ok(Operand::One(self.expression(expr, scope)?)),
        }
    }

    /// `a IS [NOT] DISTINCT FROM b`, an equality.
    pub(super) fn distinctness(
        &mut self,
        left: &Expr,
        words: &str,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let [left, right] = [self.expression(left, scope)?, self.expression(right, scope)?];
        joinable(&left, &right)?;
        let [first, second] = paired(&left, &right)?;
        let text = Text::new(
            format!("{}{words}{}", left.text.canonical, right.text.canonical),
            format!("({first}{words}{second})"),
        );
        Ok(Term::value(text, Type::Boolean))
    }

    /// `a [NOT] IN (...)`.
    pub(super) fn within(
        &mut self,
        operand: &Expr,
        target: &InTarget,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let at = place(operand);
        let operand = self.operand(operand, scope)?;
        let mut text = operand.text();
        let words = |negated| if negated { " NOT IN (" } else { " IN (" };
        text.push(words(negated));
        match target {
            InTarget::List(list) if !list.is_empty() => {
                let mut members = Vec::new();
                for member in list {
                    let member = self.operand(member, scope)?;
                    all_joinable(&operand, &member, at)?;
                    members.push(member);
                }
                return among(&operand, words(negated), &members);
            }
            InTarget::Subquery(query) => {
                let (subquery, persons) = self.comparable_query(&operand, query, scope, true)?;
                if persons == Persons::Each {
                    return Ok(member_of(&operand.text(), negated, words(negated), &subquery));
                }
                text.append(&subquery);
            }
            InTarget::List(_) | InTarget::Unnest(_) | InTarget::Table { .. } => {
                return Err(not_allowed(
                    "IN takes a list of values or a subquery: write x IN (1, 2) or x IN (SELECT ...)",
                    at,
                ));
            }
        }
        text.push(")");
        Ok(bracketed(text, Type::Boolean))
    }

    /// `a = ANY (...)` and `a <> ALL (...)`.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
    pub(super) fn any(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
        quantifier: &str,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let at = place(left);
        let symbol =
            symbol(operator).ok_or_else(|| not_allowed(format!("{operator} takes no {quantifier}"), at))?;
        let operand = self.operand(left, scope)?;
        let right = match right {
            Expr::Nested(inner) => inner.as_ref(),
            other => other,
        };
        match right {
            Expr::Subquery(query) => {
                if is_equality(operator) {
                    let words = format!(" {symbol} {quantifier} (");
                    let set = matches!((symbol, quantifier), ("=", "ANY") | ("<>", "ALL"));
                    let (subquery, persons) = self.comparable_query(&operand, query, scope, set)?;
                    if persons == Persons::Each {
                        return Ok(member_of(&operand.text(), symbol == "<>", &words, &subquery));
                    }
                    let mut text = operand.text();
                    text.push(&words);
                    text.append(&subquery);
                    text.push(")");
                    return Ok(bracketed(text, Type::Boolean));
                }
                let operand = operand.one(at)?;
                must_describe(&operand)?;
                let Checked { text: subquery, columns, persons } =
                    self.query(query, scope.ctes, Some(scope))?;
                self.must_be_outside(persons, query);
                for column in &columns {
                    must_be_value(column.lineage, &column.name, at)?;
                    meets_column(&operand, column)?;
                }
                let mut text = operand.text;
                text.push(&format!(" {symbol} {quantifier} ("));
                text.append(&subquery);
                text.push(")");
                Ok(bracketed(text, Type::Boolean))
            }
            Expr::Array(array) => {
                let words = match (operator, quantifier) {
                    (BinaryOperator::Eq, "ANY") => " IN (",
                    (BinaryOperator::NotEq, "ALL") => " NOT IN (",
                    _ => {
                        return Err(not_allowed(
                            "with an ARRAY write = ANY or <> ALL; otherwise compare with the least or the greatest of it",
                            at,
                        ));
                    }
                };
                let operand = operand.one(at)?;
                let values = self.array_literal(array, scope)?;
                for value in &values {
                    joinable(&operand, value)?;
                }
                let list = Text::join(values.iter().map(|value| &value.text), ", ");
                let canonical =
                    format!("{} {symbol} {quantifier} (ARRAY[{}])", operand.text.canonical, list.canonical);
                let members: Vec<Operand> = values.into_iter().map(Operand::One).collect();
                let term = among(&Operand::One(operand), words, &members)?;
                Ok(Term::value(Text::new(canonical, term.text.engine), Type::Boolean))
            }
            _ => {
                Err(not_allowed(format!("write {quantifier} (ARRAY[1, 2]) or {quantifier} (SELECT ...)"), at))
            }
        }
    }

    /// A subquery whose columns are compared with the operand for equality. Where the comparison asks whether the
    /// operand is among them, an identifier ties each to the operand's person.
    fn comparable_query(
        &mut self,
        operand: &Operand,
        query: &Query,
        scope: &Scope<'_>,
        among: bool,
    ) -> Result<(Text, Persons), Refusal> {
        let Checked { text, columns, persons } = self.query(query, scope.ctes, Some(scope))?;
        let terms = operand.terms();
        if terms.len() != columns.len() {
            return Err(not_allowed(
                format!("the subquery returns {} columns to compare with {}", columns.len(), terms.len()),
                place(query),
            ));
        }
        for (term, column) in terms.iter().zip(&columns) {
            let other = Term::value(Text::default(), column.kind).named(&column.name).at(place(query));
            joinable(term, &Term { lineage: column.lineage, ..other })?;
            meets_column(term, column)?;
        }
        let tied =
            terms.iter().zip(&columns).any(|(term, column)| term.lineage.is_own() && column.lineage.is_own());
        if !(among && tied) {
            self.must_be_outside(persons, query);
        }
        Ok((text, persons))
    }
}

/// `x IN (a, b)`. Values meet all together, rows column by column.
fn among(operand: &Operand, words: &str, members: &[Operand]) -> Result<Term, Refusal> {
    let all: Vec<&Operand> = std::iter::once(operand).chain(members).collect();
    let columns = (0..operand.terms().len())
        .map(|at| Ok(met(&all.iter().map(|each| &each.terms()[at]).collect::<Vec<_>>())?.texts))
        .collect::<Result<Vec<_>, Refusal>>()?;
    let engine = |row: usize| {
        let texts: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
        match operand {
            Operand::One(_) => texts.concat(),
            Operand::Row(_) => format!("({})", texts.join(", ")),
        }
    };
    let canonical: Vec<String> = members.iter().map(|member| member.text().canonical).collect();
    let listed: Vec<String> = (1..all.len()).map(engine).collect();
    let text = Text::new(
        format!("{}{words}{})", operand.text().canonical, canonical.join(", ")),
        format!("({}{words}{}))", engine(0), listed.join(", ")),
    );
    Ok(Term::value(text, Type::Boolean))
}

/// A value meets the column of a subquery, which cannot be cast from outside.
fn meets_column(term: &Term, column: &Column) -> Result<(), Refusal> {
    let is_null = term.is_null() || column.lineage == Lineage::Null;
    let same = term.kind == column.kind || (term.kind.is_number() && column.kind.is_number());
    let literal = term.literal.is_some() && column.kind == Type::Text;
    let later = term.kind == Type::Timestamp && column.kind == Type::Date;
    if is_null || literal || later || (same && term.sure) {
        return Ok(());
    }
    if term.kind == Type::Unknown || (mixes(term.kind, column.kind) && term.kind != Type::Array) {
        return Err(not_allowed("CAST this to the type of the subquery's column", term.place));
    }
    Err(unlike(term.kind, column.kind, term.place))
}

/// `x IN (...)` over records of persons. One NULL among them, or in x, would make PostgreSQL's answer NULL for
/// everybody else, too: an answer that depends on others. The engine gives false instead.
fn member_of(operand: &Text, negated: bool, words: &str, subquery: &Text) -> Term {
    let canonical = format!("{}{words}{})", operand.canonical, subquery.canonical);
    let among = format!("COALESCE({} IN ({}), FALSE)", operand.engine, subquery.engine);
    let engine = if negated { format!("(NOT {among})") } else { among };
    Term::value(Text::new(canonical, engine), Type::Boolean)
}

/// How a comparison is written, if the operator is one.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is no comparison")]
pub(super) fn symbol(operator: &BinaryOperator) -> Option<&'static str> {
    Some(match operator {
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::Lt => "<",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Gt => ">",
        BinaryOperator::GtEq => ">=",
        _ => return None,
    })
}

pub(super) fn is_equality(operator: &BinaryOperator) -> bool {
    matches!(operator, BinaryOperator::Eq | BinaryOperator::NotEq)
}

/// Both sides of an equality have the same shape, and identifiers meet their own kind.
pub(super) fn all_joinable(left: &Operand, right: &Operand, at: Option<Place>) -> Result<(), Refusal> {
    let same_shape =
        matches!((left, right), (Operand::One(_), Operand::One(_)) | (Operand::Row(_), Operand::Row(_)))
            && left.terms().len() == right.terms().len();
    if !same_shape {
        return Err(not_allowed("a row (a, b) is compared with a row of as many values", at));
    }
    left.terms().iter().zip(right.terms()).try_for_each(|(left, right)| joinable(left, right))
}

/// An equality between the two may stand.
pub(super) fn joinable(left: &Term, right: &Term) -> Result<(), Refusal> {
    match (left.identity(), right.identity()) {
        (None, None) => Ok(()),
        (Some(mine), Some(theirs)) if mine.compares_with(theirs) => Ok(()),
        (Some(mine), Some(theirs)) => Err(Refusal::new(
            Code::IdentifierMisused,
            format!(
                "{} is {} and {} is {}; join identifiers of the same kind",
                left.name,
                mine.noun(),
                right.name,
                theirs.noun()
            ),
            left.place,
        )),
        (Some(identity), None) => Err(misused(&left.name, identity, left.place)),
        (None, Some(identity)) => Err(misused(&right.name, identity, right.place)),
    }
}

/// The term is no identifier.
pub(super) fn must_describe(term: &Term) -> Result<(), Refusal> {
    must_be_value(term.lineage, &term.name, term.place)
}

fn must_be_value(lineage: Lineage, name: &str, at: Option<Place>) -> Result<(), Refusal> {
    match lineage {
        Lineage::Value | Lineage::Null => Ok(()),
        Lineage::Identifier { identity, .. } => Err(misused(name, identity, at)),
    }
}

fn misused(name: &str, identity: Identity, at: Option<Place>) -> Refusal {
    Refusal::new(
        Code::IdentifierMisused,
        format!(
            "{name} is {}: it can be joined with its own kind (=), counted, grouped and returned, but not compared \
             with a value or computed; describe the persons by concepts, dates and measurements instead",
            identity.noun()
        ),
        at,
    )
}
