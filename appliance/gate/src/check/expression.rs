//! Expressions: every form that is let in, and the refusal of all others.
//!
//! What must stay true: an identifier leaves this module with its lineage or not at all; a form that is not named
//! here is refused. The engine's text brackets every operator, so that no rule of precedence is left to it.

use sqlparser::ast::{Array, CaseWhen, Expr, Ident, LimitClause, Query};

use super::query::Checked;
use super::types::{Met, met};
use super::{Checker, not_allowed, place};
use crate::names::Name;
use crate::refusal::{Place, Refusal};
use crate::scope::{Scope, Visible};
use crate::term::{Lineage, Term, Text, Type};

impl Checker {
    /// Any expression; what it yields may be an identifier.
    pub(super) fn expression(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let term = self.deeper(|| place(expr), |checker| checker.expression_inside(expr, scope))?;
        super::bounded(&term.text, place(expr))?;
        let identifies = term.identity().is_some() && term.place.is_none();
        Ok(if identifies { term.at(place(expr)) } else { term })
    }

    /// An expression that describes: an identifier is refused.
    pub(super) fn value(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let term = self.expression(expr, scope)?;
        super::compare::must_describe(&term)?;
        Ok(term)
    }

    /// A condition.
    pub(super) fn truth(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let term = self.value(expr, scope)?;
        super::types::truth(&term)?;
        Ok(term)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
    fn expression_inside(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        match expr {
            Expr::Identifier(ident) => column(ident, scope),
            Expr::CompoundIdentifier(idents) => qualified(idents, scope),
            Expr::Value(value) => super::literal::value(value),
            Expr::TypedString(typed) => super::literal::typed(typed),
            Expr::Interval(interval) => super::literal::interval(interval),
            Expr::Nested(inner) => {
                let inner = self.expression(inner, scope)?;
                Ok(Term { text: Text::between("(", &inner.text, ")"), ..inner })
            }
            Expr::IsNull(operand) => self.is(operand, " IS NULL", true, scope),
            Expr::IsNotNull(operand) => self.is(operand, " IS NOT NULL", true, scope),
            Expr::IsTrue(operand) => self.is(operand, " IS TRUE", false, scope),
            Expr::IsNotTrue(operand) => self.is(operand, " IS NOT TRUE", false, scope),
            Expr::IsFalse(operand) => self.is(operand, " IS FALSE", false, scope),
            Expr::IsNotFalse(operand) => self.is(operand, " IS NOT FALSE", false, scope),
            Expr::IsUnknown(operand) => self.is(operand, " IS UNKNOWN", false, scope),
            Expr::IsNotUnknown(operand) => self.is(operand, " IS NOT UNKNOWN", false, scope),
            Expr::IsDistinctFrom(left, right) => self.distinctness(left, " IS DISTINCT FROM ", right, scope),
            Expr::IsNotDistinctFrom(left, right) => {
                self.distinctness(left, " IS NOT DISTINCT FROM ", right, scope)
            }
            Expr::In { expr: operand, target, negated, global } => {
                if *global {
                    return Err(not_allowed("GLOBAL IN is not PostgreSQL's; write IN", place(expr)));
                }
                self.within(operand, target, *negated, scope)
            }
            Expr::Between { expr, negated, low, high } => {
                let [expr, low, high] =
                    [self.value(expr, scope)?, self.value(low, scope)?, self.value(high, scope)?];
                let words = if *negated { " NOT BETWEEN " } else { " BETWEEN " };
                let met = met(&[&expr, &low, &high])?;
                let [first, second, third] = [&expr, &low, &high].map(|term| &term.text.canonical);
                let text = Text::new(
                    format!("{first}{words}{second} AND {third}"),
                    format!("({}{words}{} AND {})", met.texts[0], met.texts[1], met.texts[2]),
                );
                Ok(Term::value(text, Type::Boolean))
            }
            Expr::BinaryOp { .. } => self.chain(expr, scope),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, scope),
            Expr::Like { negated, any, expr, pattern, escape_char } => {
                let words = if *negated { " NOT LIKE " } else { " LIKE " };
                let like = if *any { Self::like_any } else { Self::like };
                like(self, expr, words, pattern, escape_char.as_deref(), scope)
            }
            Expr::ILike { negated, any, expr, pattern, escape_char } => {
                let words = if *negated { " NOT ILIKE " } else { " ILIKE " };
                let like = if *any { Self::like_any } else { Self::like };
                like(self, expr, words, pattern, escape_char.as_deref(), scope)
            }
            Expr::SimilarTo { negated, expr, pattern, escape_char } => {
                self.similar(expr, *negated, pattern, escape_char.is_some(), scope)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } => {
                self.any(left, compare_op, right, "ANY", scope)
            }
            Expr::AllOp { left, compare_op, right } => self.any(left, compare_op, right, "ALL", scope),
            Expr::Cast { kind, expr, data_type, format } => {
                self.cast(kind, expr, data_type, format.as_ref(), scope)
            }
            Expr::Extract { field, syntax, expr } => self.extract(field, syntax, expr, scope),
            Expr::Ceil { expr, field } => self.rounding("ceil", expr, field, scope),
            Expr::Floor { expr, field } => self.rounding("floor", expr, field, scope),
            Expr::Position { expr, r#in } => self.position(expr, r#in, scope),
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand } => {
                self.substring(expr, substring_from.as_deref(), substring_for.as_deref(), *shorthand, scope)
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                self.trim(trim_where.as_ref(), trim_what.as_deref(), expr, scope)
            }
            Expr::Function(function) => self.call(function, scope),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), scope)
            }
            Expr::Exists { subquery, negated } => {
                let Checked { text, columns: _, persons } = self.query(subquery, scope.ctes, Some(scope))?;
                self.must_be_outside(persons, subquery);
                let words = if *negated { "NOT EXISTS (" } else { "EXISTS (" };
                let text = Text::between(words, &text, ")");
                let engine = format!("({})", text.engine);
                Ok(Term::value(Text::new(text.canonical, engine), Type::Boolean).named("exists"))
            }
            Expr::Subquery(query) => self.scalar_subquery(query, scope),
            Expr::Tuple(_) => Err(not_allowed(
                "a row (a, b) is only compared; write (a, b) = (c, d) or (a, b) IN (SELECT ...)",
                place(expr),
            )),
            Expr::Array(_) => Err(not_allowed(
                "an array can only stand in x = ANY (ARRAY[...]), in percentile_cont and in unnest; use IN (...)",
                place(expr),
            )),
            Expr::AtTimeZone { .. } => Err(not_allowed(
                "AT TIME ZONE is not let in; OMOP's times are local and without a zone, so leave it out",
                place(expr),
            )),
            Expr::CompoundFieldAccess { .. } => Err(not_allowed(
                "no element is taken of an array or row; for each person's first or last use DISTINCT ON (person_id) with \
                 ORDER BY, or first_value(x) OVER (PARTITION BY person_id ORDER BY ...); of a text, regexp_replace",
                place(expr),
            )),
            Expr::Collate { .. } => Err(not_allowed("COLLATE is not let in; leave it out", place(expr))),
            _ => Err(not_allowed(
                "this kind of expression is not let in; use columns, literals, the listed functions, comparisons, \
                 CASE and subqueries",
                place(expr),
            )),
        }
    }

    fn is(
        &mut self,
        operand: &Expr,
        words: &str,
        identifiers: bool,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let operand =
            if identifiers { self.expression(operand, scope)? } else { self.truth(operand, scope)? };
        let mut text = operand.text;
        text.push(words);
        Ok(bracketed(text, Type::Boolean))
    }

    /// A subquery that yields one value. An identifier stays one, but the row is not about the one it names.
    fn scalar_subquery(&mut self, query: &Query, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let Checked { text, columns, persons } = self.query(query, scope.ctes, Some(scope))?;
        self.must_be_outside(persons, query);
        let [column] = columns.as_slice() else {
            return Err(not_allowed("write one column in a subquery in an expression", place(query)));
        };
        let lineage = match column.lineage {
            Lineage::Identifier { identity, .. } => {
                Lineage::Identifier { identity, counts: false, own: false, required: false }
            }
            Lineage::Value | Lineage::Null => Lineage::Value,
        };
        let lineage = if column.lineage == Lineage::Null { Lineage::Null } else { lineage };
        // PostgreSQL ends a question whose subquery yields several rows; here it is NULL.
        let engine = if self.one_row || limited_to_one(query) {
            format!("({})", text.engine)
        } else {
            format!("(SELECT CASE WHEN count(*) <= 1 THEN first(q.c) END FROM ({}) AS q(c))", text.engine)
        };
        let text = Text::new(format!("({})", text.canonical), engine);
        Ok(Term { lineage, ..Term::value(text, column.kind).named(&column.name) })
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let operand = operand.map(|operand| self.value(operand, scope)).transpose()?;
        let (mut whens, mut results) = (Vec::new(), Vec::new());
        for CaseWhen { condition, result } in conditions {
            let condition =
                if operand.is_some() { self.value(condition, scope)? } else { self.truth(condition, scope)? };
            whens.push(condition);
            results.push(self.value(result, scope)?);
        }
        let mut name = "case".to_owned();
        if let Some(otherwise) = otherwise {
            let otherwise = self.value(otherwise, scope)?;
            if !otherwise.weakly_named {
                name.clone_from(&otherwise.name);
            }
            results.push(otherwise);
        }
        let compared: Vec<&Term> = operand.iter().chain(&whens).collect();
        let conditions = if operand.is_some() {
            met(&compared)?.texts
        } else {
            whens.iter().map(|when| when.text.engine.clone()).collect()
        };
        let Met { texts, kind } = met(&results.iter().collect::<Vec<_>>())?;
        let mut text = Text::same("CASE");
        let mut conditions = conditions.into_iter();
        if let Some(operand) = &operand {
            let engine = conditions.next().unwrap_or_default();
            text.append(&Text::new(format!(" {}", operand.text.canonical), format!(" {engine}")));
        }
        let mut rows = results.iter().zip(texts);
        for ((when, condition), (result, engine)) in whens.iter().zip(conditions).zip(&mut rows) {
            text.append(&Text::new(
                format!(" WHEN {} THEN {}", when.text.canonical, result.text.canonical),
                format!(" WHEN {condition} THEN {engine}"),
            ));
        }
        if let Some((result, engine)) = rows.next() {
            text.append(&Text::new(format!(" ELSE {}", result.text.canonical), format!(" ELSE {engine}")));
        }
        text.push(" END");
        let term = Term::value(Text::new(text.canonical, format!("({})", text.engine)), kind).named(name);
        Ok(term)
    }

    /// The values of `ARRAY[...]`.
    pub(super) fn array_literal(&mut self, array: &Array, scope: &Scope<'_>) -> Result<Vec<Term>, Refusal> {
        let Array { elem, named: _ } = array;
        let values: Vec<Term> = elem.iter().map(|each| self.value(each, scope)).collect::<Result<_, _>>()?;
        if values.is_empty() {
            return Err(not_allowed("an empty ARRAY matches nothing; leave it out", place(array)));
        }
        Ok(values)
    }
}

/// True of a query that keeps one row.
fn limited_to_one(query: &Query) -> bool {
    let limit = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => limit.as_ref(),
        Some(LimitClause::OffsetCommaLimit { .. }) | None => None,
    };
    let fetch = query.fetch.as_ref().map(|fetch| fetch.quantity.as_ref());
    let one = |expr: &Expr| super::literal::whole_number(expr).is_some_and(|rows| rows <= 1);
    limit.is_some_and(one) || fetch.is_some_and(|quantity| quantity.is_none_or(one))
}

/// An operator's result: bracketed for the engine, as it stands in canonical SQL.
pub(super) fn bracketed(text: Text, kind: Type) -> Term {
    let engine = format!("({})", text.engine);
    Term::value(Text::new(text.canonical, engine), kind)
}

pub(super) fn column(ident: &Ident, scope: &Scope<'_>) -> Result<Term, Refusal> {
    let name = Name::of(ident)?;
    Ok(column_term(scope.column(&name)?, name.canonical.clone(), name.place))
}

pub(super) fn qualified(idents: &[Ident], scope: &Scope<'_>) -> Result<Term, Refusal> {
    let names: Vec<Name> = idents.iter().map(Name::of).collect::<Result<_, _>>()?;
    let canonical = names.iter().map(|name| name.canonical.as_str()).collect::<Vec<_>>().join(".");
    match names.as_slice() {
        [table, name] => Ok(column_term(scope.qualified(table, false, name)?, canonical, table.place)),
        [schema, table, name] if schema.folded == "omop" => {
            Ok(column_term(scope.qualified(table, true, name)?, canonical, schema.place))
        }
        _ => {
            let at = names.first().and_then(|name| name.place);
            Err(not_allowed("a column is written column or table.column", at))
        }
    }
}

fn column_term(column: &Visible, canonical: String, at: Option<Place>) -> Term {
    let Visible { name, engine, kind, lineage, sources } = column;
    let term = Term::value(Text::new(canonical, engine.clone()), *kind).named(name).at(at);
    Term { lineage: *lineage, sources: sources.clone(), ..term }
}
