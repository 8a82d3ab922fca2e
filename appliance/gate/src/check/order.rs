//! ORDER BY, GROUP BY and DISTINCT ON keys, which may refer to the output by position or by label.
//!
//! What must stay true: PostgreSQL's order of precedence. ORDER BY and DISTINCT ON look at output labels first,
//! GROUP BY at input columns first; a label inside a larger expression is never looked up.

use sqlparser::ast::{Expr, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, OrderBySort, Value};

use super::select::Output;
use super::types::number;
use super::{Checker, not_allowed, place};
use crate::bounds::COPY_BYTES_MAX;
use crate::names::{Name, nearest};
use crate::refusal::{Code, Place, Refusal};
use crate::scope::{Column, Scope};
use crate::term::{Lineage, Text, Type};

/// The keys of an ORDER BY clause.
pub(super) fn terms(
    order_by: Option<&OrderBy>,
    at: impl Fn() -> Option<Place>,
) -> Result<&[OrderByExpr], Refusal> {
    let Some(OrderBy { kind, interpolate }) = order_by else { return Ok(&[]) };
    match kind {
        OrderByKind::Expressions(terms) if interpolate.is_none() => Ok(terms),
        OrderByKind::Expressions(_) | OrderByKind::All(_) => {
            Err(not_allowed("ORDER BY ALL and INTERPOLATE are not PostgreSQL's; name the columns", at()))
        }
    }
}

impl Checker {
    /// ORDER BY after one SELECT.
    pub(super) fn order_by(
        &mut self,
        order_by: &[OrderByExpr],
        outputs: &[Output],
        scope: &Scope<'_>,
    ) -> Result<Text, Refusal> {
        let mut texts = Vec::new();
        for term in order_by {
            let (expr, direction) = parts(term)?;
            let (mut text, _) = self.ordered(expr, outputs, scope, false)?;
            text.push(&direction);
            texts.push(text);
        }
        Ok(clause(&texts))
    }

    /// ORDER BY after a set operation: the output columns alone.
    #[expect(clippy::unused_self, reason = "stands beside its sibling")]
    pub(super) fn order_by_output(
        &self,
        order_by: &[OrderByExpr],
        columns: &[Column],
    ) -> Result<Text, Refusal> {
        let mut texts = Vec::new();
        for term in order_by {
            let (expr, direction) = parts(term)?;
            let Some((canonical, position)) = reference(expr, columns.len(), |at| &columns[at])? else {
                return Err(no_output(expr, columns)?);
            };
            texts.push(Text::new(format!("{canonical}{direction}"), format!("{}{direction}", position + 1)));
        }
        Ok(clause(&texts))
    }

    /// A key of an ordering within a call or a window, where positions and labels mean nothing.
    pub(super) fn order_terms(
        &mut self,
        order_by: &[OrderByExpr],
        scope: &Scope<'_>,
        identifiers: bool,
    ) -> Result<Text, Refusal> {
        Ok(self.order_keys(order_by, scope, identifiers)?.0)
    }

    /// Like [`Self::order_terms`], with the type of each key.
    pub(super) fn order_keys(
        &mut self,
        order_by: &[OrderByExpr],
        scope: &Scope<'_>,
        identifiers: bool,
    ) -> Result<(Text, Vec<Type>), Refusal> {
        let (mut texts, mut kinds) = (Vec::new(), Vec::new());
        for term in order_by {
            let (expr, direction) = parts(term)?;
            let key = if identifiers { self.expression(expr, scope)? } else { self.value(expr, scope)? };
            // A quantile of exact decimals could overflow.
            let engine = if key.kind.is_number() { number(&key)? } else { key.text.engine };
            let mut text = Text::new(key.text.canonical, engine);
            text.push(&direction);
            texts.push(text);
            kinds.push(key.kind);
        }
        Ok((Text::join(&texts, ", "), kinds))
    }

    /// A key of ORDER BY or DISTINCT ON: the output first.
    pub(super) fn ordered(
        &mut self,
        key: &Expr,
        outputs: &[Output],
        scope: &Scope<'_>,
        copied: bool,
    ) -> Result<(Text, Lineage), Refusal> {
        if let Some((canonical, position)) = reference_once(key, outputs)? {
            let lineage = outputs[position].column.lineage;
            return Ok((referred(canonical, position, outputs, key, copied)?, lineage));
        }
        self.key(key, scope)
    }

    fn key(&mut self, key: &Expr, scope: &Scope<'_>) -> Result<(Text, Lineage), Refusal> {
        let term = self.expression(key, scope)?;
        Ok((term.text, self.owned(term.lineage, &term.sources)))
    }

    /// A key of GROUP BY: the input first.
    pub(super) fn grouped(
        &mut self,
        key: &Expr,
        outputs: &[Output],
        scope: &Scope<'_>,
        copied: bool,
    ) -> Result<(Text, Lineage), Refusal> {
        if let Expr::Identifier(ident) = key
            && scope.from.column(&Name::of(ident)?)?.is_some()
        {
            return self.key(key, scope);
        }
        if let Some((canonical, position)) = reference_once(key, outputs)? {
            let lineage = outputs[position].column.lineage;
            return Ok((referred(canonical, position, outputs, key, copied)?, lineage));
        }
        self.key(key, scope)
    }
}

/// The refusal of a key that names no column of a set operation's result.
fn no_output(key: &Expr, columns: &[Column]) -> Result<Refusal, Refusal> {
    let Expr::Identifier(ident) = key else {
        let message = "after UNION, INTERSECT or EXCEPT, ORDER BY takes a column's name or number";
        return Ok(not_allowed(message, place(key)));
    };
    let name = Name::of(ident)?;
    let near = nearest(&name.folded, columns.iter().map(|column| column.name.as_str()));
    let hint = near.map_or("; use one that it has".to_owned(), |near| format!("; did you mean {near}?"));
    Ok(Refusal::new(
        Code::UnknownColumn,
        format!("the result has no column {}{hint}", name.folded),
        name.place,
    ))
}

fn clause(texts: &[Text]) -> Text {
    if texts.is_empty() {
        return Text::default();
    }
    Text::between(" ORDER BY ", &Text::join(texts, ", "), "")
}

/// A key and its direction.
pub(super) fn parts(term: &OrderByExpr) -> Result<(&Expr, String), Refusal> {
    let OrderByExpr { expr, options: OrderByOptions { sort, nulls_first }, with_fill } = term;
    if with_fill.is_some() {
        return Err(not_allowed("WITH FILL is not PostgreSQL's; leave it out", place(expr)));
    }
    let mut direction = String::new();
    direction.push_str(match sort {
        None => "",
        Some(OrderBySort::Asc) => " ASC",
        Some(OrderBySort::Desc) => " DESC",
        Some(OrderBySort::Using(_)) => {
            return Err(not_allowed("write ASC or DESC instead of USING", place(expr)));
        }
    });
    direction.push_str(match nulls_first {
        None => "",
        Some(true) => " NULLS FIRST",
        Some(false) => " NULLS LAST",
    });
    Ok((expr, direction))
}

/// The text of an output column that a key refers to: its position, or its expression where the engine wants one.
fn referred(
    canonical: String,
    position: usize,
    outputs: &[Output],
    key: &Expr,
    copied: bool,
) -> Result<Text, Refusal> {
    if !copied {
        return Ok(Text::new(canonical, (position + 1).to_string()));
    }
    let engine = &outputs[position].engine;
    if engine.len() > COPY_BYTES_MAX {
        return Err(not_allowed(
            "this key stands for a long expression; compute it in a CTE first",
            place(key),
        ));
    }
    Ok(Text::new(canonical, engine.clone()))
}

/// Like [`reference`], but several outputs of one label may be the same expression.
fn reference_once(key: &Expr, outputs: &[Output]) -> Result<Option<(String, usize)>, Refusal> {
    if let Expr::Identifier(ident) = key {
        let name = Name::of(ident)?;
        let mut found = (0..outputs.len()).filter(|index| outputs[*index].column.name == name.folded);
        if let Some(first) = found.next()
            && found.all(|other| outputs[other].engine == outputs[first].engine)
        {
            return Ok(Some((name.canonical, first)));
        }
    }
    reference(key, outputs.len(), |at| &outputs[at].column)
}

/// The output column that a key names by position or by label, and its canonical spelling.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other expression refers to no output")]
fn reference<'c>(
    key: &Expr,
    columns: usize,
    column: impl Fn(usize) -> &'c Column,
) -> Result<Option<(String, usize)>, Refusal> {
    match key {
        Expr::Value(value) => {
            let Value::Number(digits, _) = &value.value else { return Ok(None) };
            let position = digits.parse::<usize>().ok().filter(|number| (1..=columns).contains(number));
            let Some(position) = position else {
                return Err(Refusal::new(
                    Code::UnknownColumn,
                    format!("{digits} is not the number of an output column; use one from 1 to {columns}"),
                    place(key),
                ));
            };
            Ok(Some((position.to_string(), position - 1)))
        }
        Expr::Identifier(ident) => {
            let name = Name::of(ident)?;
            let mut found = (0..columns).filter(|index| column(*index).name == name.folded);
            let Some(first) = found.next() else { return Ok(None) };
            if found.next().is_some() {
                return Err(Refusal::new(
                    Code::UnknownColumn,
                    format!("several output columns are called {}; use its number", name.folded),
                    name.place,
                ));
            }
            Ok(Some((name.canonical, first)))
        }
        _ => Ok(None),
    }
}
