//! Queries: WITH, set operations, ORDER BY, and how many rows.
//!
//! What must stay true: columns that meet in a set operation have the same lineage, or the result has none; row
//! limits are numbers in the text.

use std::rc::Rc;

use sqlparser::ast::{
    Cte as AstCte, CteAsMaterialized, Expr, Fetch, LimitClause, Offset, OrderByExpr, Query, SetExpr,
    SetOperator, SetQuantifier, Value, With,
};
use sqlparser::keywords::Keyword;

use super::{Checker, Persons, not_allowed, place};
use crate::bounds::BRANCHES_MAX;
use crate::names::{Name, quoted};
use crate::refusal::{Code, Place, Refusal};
use crate::scope::{Column, Cte, Ctes, Scope};
use crate::term::{Lineage, Text, Type};

/// A query that was let in.
pub(super) struct Checked {
    pub text: Text,
    pub columns: Vec<Column>,
    /// Whose records the rows are.
    pub persons: Persons,
}

impl Checker {
    pub(super) fn query(
        &mut self,
        query: &Query,
        ctes: &Ctes,
        outer: Option<&Scope<'_>>,
    ) -> Result<Checked, Refusal> {
        // A subquery gathers rows of its own.
        let gathering = self.gathering.take();
        let checked = self.deeper(|| place(query), |checker| checker.query_inside(query, ctes, outer))?;
        self.gathering = gathering;
        super::bounded(&checked.text, place(query))?;
        Ok(checked)
    }

    fn query_inside(
        &mut self,
        query: &Query,
        ctes: &Ctes,
        outer: Option<&Scope<'_>>,
    ) -> Result<Checked, Refusal> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        let at = place(query);
        if !locks.is_empty() {
            return Err(not_allowed(
                "FOR UPDATE and FOR SHARE lock rows; a question only reads, so leave it out",
                self.words.clause(Keyword::FOR, at),
            ));
        }
        let foreign = for_clause.is_some()
            || settings.is_some()
            || format_clause.is_some()
            || !pipe_operators.is_empty();
        if foreign {
            return Err(not_allowed(
                "FOR XML, SETTINGS, FORMAT and |> are not PostgreSQL's; leave them out",
                self.words.clause(Keyword::FOR, at),
            ));
        }

        let mut text = Text::default();
        let mut inner = ctes.clone();
        if let Some(with) = with {
            self.with(with, &mut inner, outer, &mut text)?;
        }
        let order_at = || self.words.clause(Keyword::ORDER, at);
        let order_by = super::order::terms(order_by.as_ref(), order_at)?;
        let (body, columns, persons) = self.body(body, order_by, &inner, outer)?;
        text.append(&body);
        let limited = limit_clause.is_some() || fetch.is_some();
        if limited && persons == Persons::Each && self.depth > 1 {
            self.crosses(
                "LIMIT in a subquery keeps or drops a person by the records of others; use DISTINCT ON (person_id) or \
                 row_number() OVER (PARTITION BY person_id ...) for the first rows of each, or put LIMIT at the end",
                self.words.clause(if limit_clause.is_some() { Keyword::LIMIT } else { Keyword::FETCH }, at),
            );
        }
        let mut limits = Text::default();
        let limits_at = |keyword| self.words.clause(keyword, at);
        let skipped = row_limits(limit_clause.as_ref(), fetch.as_ref(), limits_at, &mut limits)?;
        if persons == Persons::Each && self.depth == 1 {
            if skipped.is_some_and(|skipped| skipped > 0) {
                self.crosses(
                    "OFFSET leaves persons out by how others are ordered, so that one could walk over them one by one; \
                     leave it out, and say with WHERE which persons are meant",
                    self.words.clause(Keyword::OFFSET, at),
                );
            }
            // A LIMIT at a question's end would keep a person or not by the records of others, and one person with many
            // rows could keep out any number of them. Only counts come back: it has no effect.
        } else {
            text.append(&limits);
        }
        Ok(Checked { text, columns, persons })
    }

    fn with(
        &mut self,
        with: &With,
        ctes: &mut Ctes,
        outer: Option<&Scope<'_>>,
        text: &mut Text,
    ) -> Result<(), Refusal> {
        let With { with_token: _, recursive, cte_tables } = with;
        if *recursive {
            return Err(not_allowed(
                "WITH RECURSIVE is not let in; use concept_ancestor, which holds all levels of a hierarchy, or generate_series",
                self.words.clause(Keyword::RECURSIVE, place(with)),
            ));
        }
        let mut names: Vec<String> = Vec::new();
        for (index, cte) in cte_tables.iter().enumerate() {
            text.push(if index == 0 { "WITH " } else { ", " });
            let AstCte { alias, query, from, materialized, closing_paren_token: _ } = cte;
            let (name, renamed) = super::from::alias(alias)?;
            if from.is_some() {
                return Err(not_allowed("a CTE has no FROM of its own", name.place));
            }
            if names.contains(&name.folded) {
                return Err(not_allowed(format!("WITH names {} twice; rename one", name.folded), name.place));
            }
            names.push(name.folded.clone());
            let checked = self.query(query, ctes, outer)?;
            let engine = self.next_cte();
            text.canonical.push_str(&name.canonical);
            text.canonical.push_str(&super::from::column_list(&renamed));
            text.engine.push_str(&engine);
            text.push(match materialized {
                None => " AS (",
                Some(CteAsMaterialized::Materialized) => " AS MATERIALIZED (",
                Some(CteAsMaterialized::NotMaterialized) => " AS NOT MATERIALIZED (",
            });
            text.append(&checked.text);
            text.push(")");
            let mut columns = checked.columns;
            rename(&mut columns, &renamed)?;
            ctes.0.push(Rc::new(Cte { name: name.folded, engine, columns, persons: checked.persons }));
        }
        text.push(" ");
        Ok(())
    }

    /// A body with its ORDER BY, which sees a lone SELECT's tables and otherwise the output alone.
    fn body(
        &mut self,
        body: &SetExpr,
        order_by: &[OrderByExpr],
        ctes: &Ctes,
        outer: Option<&Scope<'_>>,
    ) -> Result<(Text, Vec<Column>, Persons), Refusal> {
        if let SetExpr::Select(select) = body {
            return self.select(select, order_by, ctes, outer);
        }
        let (mut text, columns, persons) = self.set_operation(body, ctes, outer)?;
        self.one_row = false;
        text.append(&self.order_by_output(order_by, &columns)?);
        Ok((text, columns, persons))
    }

    /// A chain of set operations, walked along its left spine so that its length costs no depth.
    fn set_operation(
        &mut self,
        body: &SetExpr,
        ctes: &Ctes,
        outer: Option<&Scope<'_>>,
    ) -> Result<(Text, Vec<Column>, Persons), Refusal> {
        let mut branches = Vec::new();
        let mut first = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            branches.push((operator(*op, *set_quantifier, place(first))?, right.as_ref()));
            first = left;
            if branches.len() > BRANCHES_MAX {
                return Err(Refusal::new(
                    Code::TooDeep,
                    format!("at most {BRANCHES_MAX} SELECTs may be joined; use one SELECT with IN (...)"),
                    place(right.as_ref()),
                ));
            }
        }
        let (mut text, mut columns, mut persons) = self.branch(first, ctes, outer)?;
        for ((operator, join), branch) in branches.into_iter().rev() {
            let (branch_text, branch_columns, branch_persons) = self.branch(branch, ctes, outer)?;
            persons = persons.or(branch_persons);
            // The engine joins no side to what a SELECT around it reads.
            let sifted = join.filter(|_| outer.is_none()).and_then(|join| {
                sifted(join, [&text.engine, &branch_text.engine], [&columns, &branch_columns])
            });
            text.push(operator);
            text.append(&branch_text);
            if let Some(sifted) = sifted {
                text.engine = sifted;
            }
            meet(&mut columns, &branch_columns, place(branch))?;
        }
        Ok((text, columns, persons))
    }

    fn branch(
        &mut self,
        body: &SetExpr,
        ctes: &Ctes,
        outer: Option<&Scope<'_>>,
    ) -> Result<(Text, Vec<Column>, Persons), Refusal> {
        match body {
            SetExpr::Select(select) => self.select(select, &[], ctes, outer),
            SetExpr::Query(query) => {
                let checked = self.query(query, ctes, outer)?;
                Ok((Text::between("(", &checked.text, ")"), checked.columns, checked.persons))
            }
            SetExpr::SetOperation { .. } => {
                self.deeper(|| place(body), |checker| checker.set_operation(body, ctes, outer))
            }
            SetExpr::Values(values) => {
                let (text, columns) = self.values(values, place(body))?;
                Ok((text, columns, Persons::Nobody))
            }
            SetExpr::Table(_) => {
                let at = self.words.first(&[Keyword::TABLE]);
                Err(not_allowed("TABLE x is short for SELECT * FROM x; write that", at))
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(Refusal::new(
                    Code::NotARead,
                    "a question only reads; write SELECT in place of INSERT, UPDATE, DELETE and MERGE",
                    self.words.first(&[Keyword::INSERT, Keyword::UPDATE, Keyword::DELETE, Keyword::MERGE]),
                ))
            }
        }
    }
}

/// Gives the first columns the names of a column list.
pub(super) fn rename(columns: &mut [Column], names: &[Name]) -> Result<(), Refusal> {
    if let Some(extra) = names.get(columns.len()) {
        return Err(not_allowed(
            format!("the column list has {} names for {} columns", names.len(), columns.len()),
            extra.place,
        ));
    }
    for (column, name) in columns.iter_mut().zip(names) {
        column.name.clone_from(&name.folded);
    }
    Ok(())
}

/// A set operation's words, and the join by which the engine finds the same rows where there is one.
fn operator(
    op: SetOperator,
    quantifier: SetQuantifier,
    at: Option<Place>,
) -> Result<(&'static str, Option<&'static str>), Refusal> {
    match (op, quantifier) {
        (SetOperator::Union, SetQuantifier::None | SetQuantifier::Distinct) => Ok((" UNION ", None)),
        (SetOperator::Union, SetQuantifier::All) => Ok((" UNION ALL ", None)),
        (SetOperator::Except, SetQuantifier::None | SetQuantifier::Distinct) => {
            Ok((" EXCEPT ", Some("ANTI")))
        }
        (SetOperator::Except, SetQuantifier::All) => Ok((" EXCEPT ALL ", None)),
        (SetOperator::Intersect, SetQuantifier::None | SetQuantifier::Distinct) => {
            Ok((" INTERSECT ", Some("SEMI")))
        }
        (SetOperator::Intersect, SetQuantifier::All) => Ok((" INTERSECT ALL ", None)),
        (SetOperator::Minus, _) => Err(not_allowed("MINUS is EXCEPT in PostgreSQL; write EXCEPT", at)),
        (_, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName) => {
            Err(not_allowed("BY NAME is not PostgreSQL's; put the columns into the same order", at))
        }
    }
}

/// A set operation as a join, which the engine plans by the sizes of both sides: of INTERSECT and EXCEPT it always keeps the
/// second in memory, be it all drug exposures. Nothing where the sides' columns are not of the same types, which a set
/// operation would make one.
fn sifted(join: &str, [left, right]: [&str; 2], [columns, others]: [&[Column]; 2]) -> Option<String> {
    let is_same = |(column, other): (&Column, &Column)| {
        column.kind == other.kind && column.lineage != Lineage::Null && other.lineage != Lineage::Null
    };
    if columns.len() != others.len() || !columns.iter().zip(others).all(is_same) {
        return None;
    }
    let pairs = columns.iter().zip(others).map(|(column, other)| {
        format!("l.{} IS NOT DISTINCT FROM r.{}", quoted(&column.label), quoted(&other.label))
    });
    let pairs = pairs.collect::<Vec<_>>().join(" AND ");
    Some(format!("SELECT DISTINCT l.* FROM ({left}) AS l {join} JOIN ({right}) AS r ON {pairs}"))
}

/// True where the engine casts nothing that could fail to put the two into one column.
fn same_to_the_engine(left: &Column, right: &Column) -> bool {
    let is_null = |column: &Column| column.lineage == Lineage::Null;
    is_null(left)
        || is_null(right)
        || (left.kind == right.kind && left.kind != Type::Array)
        || (left.kind.is_number() && right.kind.is_number())
        || matches!((left.kind, right.kind), (Type::Date, Type::Timestamp) | (Type::Timestamp, Type::Date))
}

/// Columns that meet must agree, so that an identifier stays one and nothing made up becomes one.
pub(super) fn meet(columns: &mut [Column], others: &[Column], at: Option<Place>) -> Result<(), Refusal> {
    if columns.len() != others.len() {
        return Err(not_allowed(
            format!(
                "this SELECT returns {} columns and the one before it {}; return the same columns from each",
                others.len(),
                columns.len()
            ),
            at,
        ));
    }
    for (column, other) in columns.iter_mut().zip(others) {
        if !same_to_the_engine(column, other) {
            return Err(super::types::unlike(column.kind, other.kind, at));
        }
        column.kind = column.kind.meet(other.kind);
        column.lineage = match (column.lineage, other.lineage) {
            (Lineage::Null, Lineage::Identifier { identity, own, .. })
            | (Lineage::Identifier { identity, own, .. }, Lineage::Null) => {
                Lineage::Identifier { identity, counts: false, own, required: false }
            }
            (Lineage::Null, met) | (met, Lineage::Null) => met,
            (Lineage::Value, Lineage::Value) => Lineage::Value,
            (Lineage::Identifier { identity, .. }, Lineage::Identifier { identity: same, .. })
                if identity == same =>
            {
                column.lineage.or(other.lineage)
            }
            (Lineage::Value | Lineage::Identifier { .. }, _) => {
                return Err(Refusal::new(
                    Code::IdentifierMisused,
                    format!(
                        "column {} is an identifier in one SELECT and something else in another; return the same \
                         kind from each",
                        column.name
                    ),
                    at,
                ));
            }
        };
    }
    Ok(())
}

fn row_limits(
    limit_clause: Option<&LimitClause>,
    fetch: Option<&Fetch>,
    at: impl Fn(Keyword) -> Option<Place>,
    text: &mut Text,
) -> Result<Option<u64>, Refusal> {
    let (mut rows, mut skipped) = (None, None);
    match limit_clause {
        None => {}
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
            if !limit_by.is_empty() {
                return Err(not_allowed("LIMIT BY is not PostgreSQL's; use DISTINCT ON", at(Keyword::LIMIT)));
            }
            rows = limit.as_ref().map(|expr| row_count(expr, "LIMIT")).transpose()?;
            if let Some(Offset { value, rows: _ }) = offset {
                skipped = Some(row_count(value, "OFFSET")?);
            }
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit: _ }) => {
            return Err(Refusal::new(
                Code::LimitNotLiteral,
                "LIMIT a, b is not PostgreSQL's; write LIMIT b OFFSET a",
                place(offset),
            ));
        }
    }
    if let Some(Fetch { with_ties, percent, quantity }) = fetch {
        if *with_ties || *percent || rows.is_some() {
            return Err(Refusal::new(
                Code::LimitNotLiteral,
                "WITH TIES, PERCENT and FETCH beside LIMIT are not let in; write LIMIT and a number",
                at(Keyword::FETCH),
            ));
        }
        rows = Some(quantity.as_ref().map_or(Ok(1), |expr| row_count(expr, "FETCH"))?);
    }
    if let Some(rows) = rows {
        text.push(&format!(" LIMIT {rows}"));
    }
    if let Some(skipped) = skipped {
        text.push(&format!(" OFFSET {skipped}"));
    }
    Ok(skipped)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
fn row_count(expr: &Expr, clause: &str) -> Result<u64, Refusal> {
    let refused = || {
        let message = format!("{clause} takes no computed number; write a plain one, as in {clause} 100");
        Refusal::new(Code::LimitNotLiteral, message, place(expr))
    };
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, false) if digits.bytes().all(|each| each.is_ascii_digit()) => {
                let rows: u64 = digits.parse().map_err(|_| refused())?;
                i64::try_from(rows).map_err(|_| refused())?;
                Ok(rows)
            }
            _ => Err(refused()),
        },
        _ => Err(refused()),
    }
}
