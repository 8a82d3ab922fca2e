//! Joins.
//!
//! What must stay true: an ON sees the tables of its own join and no others; a join on identifiers joins like with
//! like; a column of USING stands for one column from then on.

use sqlparser::ast::{Join, JoinConstraint, JoinOperator, ObjectName, TableWithJoins};

use super::from::{name_parts, twice};
use super::persons::OUTSIDE;
use super::{Checker, not_allowed, place};
use crate::refusal::{Code, Place, Refusal};
use crate::scope::{Relations, Scope, Visible};
use crate::term::{Term, Text};

impl Checker {
    /// A table with its joins. The scope gives the outer names; relations to the left by comma are out of sight.
    pub(super) fn joined(
        &mut self,
        tables: &TableWithJoins,
        scope: &Scope<'_>,
    ) -> Result<(Text, Relations), Refusal> {
        let TableWithJoins { relation, joins } = tables;
        let (mut text, mut from) = self.relation(relation, scope)?;
        for join in joins {
            let Join { relation, global, join_operator } = join;
            let at = place(relation);
            let (words, constraint) = join_words(join_operator, *global, at)?;
            let (right_text, right) = self.relation(relation, scope)?;
            text.push(words);
            text.append(&right_text);
            let left = std::mem::take(&mut from);
            let constrained = self.constrain(words, constraint, left, right, scope, at)?;
            text.append(&constrained.0);
            from = constrained.1;
        }
        Ok((text, from))
    }

    fn constrain(
        &mut self,
        words: &str,
        constraint: &JoinConstraint,
        mut left: Relations,
        mut right: Relations,
        scope: &Scope<'_>,
        at: Option<Place>,
    ) -> Result<(Text, Relations), Refusal> {
        let crossing = words == " CROSS JOIN ";
        let kept = fill(words, &mut left, &mut right);
        match constraint {
            JoinConstraint::None if crossing => {
                left.add(right, &|name| twice(name, at))?;
                Ok((Text::default(), left))
            }
            JoinConstraint::On(condition) if !crossing => {
                left.add(right, &|name| twice(name, at))?;
                let mut inner = Scope::new(scope.ctes, scope.outer);
                inner.from = left;
                let checked = self.truth(condition, &inner)?;
                self.connect_where(condition, &inner, &kept);
                Ok((Text::between(" ON ", &checked.text, ""), inner.from))
            }
            JoinConstraint::Using(names) if !crossing => {
                let (text, pairs, joined) = using(words, names, left, right, at)?;
                for (mine, theirs) in pairs {
                    self.connect(&mine, &theirs, &kept);
                }
                Ok((text, joined))
            }
            JoinConstraint::Natural => Err(not_allowed(
                "NATURAL JOIN joins on whatever columns share a name; write USING (...) or ON ...",
                at,
            )),
            JoinConstraint::UsingAlias(_, alias) => {
                Err(not_allowed("USING takes no alias here; leave AS out", Place::of(alias.span)))
            }
            JoinConstraint::None | JoinConstraint::On(_) | JoinConstraint::Using(_) => {
                Err(not_allowed("a join needs ON ... or USING (...), and CROSS JOIN has neither", at))
            }
        }
    }
}

/// Marks the sides that an outer join fills with NULL; gives those whose rows it keeps without a match. What lies
/// around a subquery is kept, too.
fn fill(words: &str, left: &mut Relations, right: &mut Relations) -> Vec<Vec<usize>> {
    let kept = |side: &Relations| side.numbers().into_iter().chain([OUTSIDE]).collect();
    match words {
        " LEFT JOIN " => {
            right.fill_with_null();
            vec![kept(left)]
        }
        " RIGHT JOIN " => {
            left.fill_with_null();
            vec![kept(right)]
        }
        " FULL JOIN " => {
            left.fill_with_null();
            right.fill_with_null();
            vec![kept(left), kept(right)]
        }
        _ => Vec::new(),
    }
}

fn join_words(
    operator: &JoinOperator,
    global: bool,
    at: Option<Place>,
) -> Result<(&'static str, &JoinConstraint), Refusal> {
    match operator {
        _ if global => Err(not_allowed("GLOBAL is not PostgreSQL's; leave it out", at)),
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => Ok((" JOIN ", constraint)),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
            Ok((" LEFT JOIN ", constraint))
        }
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
            Ok((" RIGHT JOIN ", constraint))
        }
        JoinOperator::FullOuter(constraint) => Ok((" FULL JOIN ", constraint)),
        JoinOperator::CrossJoin(constraint) => Ok((" CROSS JOIN ", constraint)),
        JoinOperator::Semi(_)
        | JoinOperator::LeftSemi(_)
        | JoinOperator::RightSemi(_)
        | JoinOperator::Anti(_)
        | JoinOperator::LeftAnti(_)
        | JoinOperator::RightAnti(_)
        | JoinOperator::CrossApply
        | JoinOperator::OuterApply
        | JoinOperator::AsOf { .. }
        | JoinOperator::StraightJoin(_)
        | JoinOperator::ArrayJoin
        | JoinOperator::LeftArrayJoin
        | JoinOperator::InnerArrayJoin => Err(not_allowed(
            "this join is not PostgreSQL's; use JOIN, LEFT JOIN, RIGHT JOIN, FULL JOIN or CROSS JOIN, or EXISTS",
            at,
        )),
    }
}

/// The relations of two identifiers that USING makes equal.
type Pair = (Vec<usize>, Vec<usize>);

/// USING: each name stands for one column from then on.
fn using(
    words: &str,
    names: &[ObjectName],
    left: Relations,
    right: Relations,
    at: Option<Place>,
) -> Result<(Text, Vec<Pair>, Relations), Refusal> {
    let (mut canonical, mut conditions, mut merged) = (Vec::new(), Vec::new(), Vec::new());
    let mut pairs = Vec::new();
    for object in names {
        let parts = name_parts(object)?;
        let [name] = parts.as_slice() else {
            return Err(not_allowed("USING takes plain column names", place(object)));
        };
        let missing = || {
            let message = format!("USING needs a column {} on both sides of the join", name.folded);
            Refusal::new(Code::UnknownColumn, message, name.place)
        };
        let mine = left.column(name)?.ok_or_else(missing)?;
        let theirs = right.column(name)?.ok_or_else(missing)?;
        let [first, second] = [mine, theirs].map(|column| {
            let term = Term::value(Text::same(&column.engine), column.kind);
            Term { lineage: column.lineage, place: name.place, ..term }.named(&name.folded)
        });
        super::compare::joinable(&first, &second)?;
        let [mine_text, theirs_text] = super::types::paired(&first, &second)?;
        if mine.lineage.is_own() && theirs.lineage.is_own() {
            pairs.push((mine.sources.clone(), theirs.sources.clone()));
        }
        let (engine, lineage, sources) = match words {
            " RIGHT JOIN " => (theirs.engine.clone(), theirs.lineage, theirs.sources.clone()),
            " FULL JOIN " => {
                let either = format!("COALESCE({mine_text}, {theirs_text})");
                let both = mine.sources.iter().chain(&theirs.sources).copied().collect();
                (either, mine.lineage.or(theirs.lineage), both)
            }
            _ => (mine.engine.clone(), mine.lineage, mine.sources.clone()),
        };
        conditions.push(format!("({mine_text} = {theirs_text})"));
        canonical.push(name.canonical.clone());
        merged.push(Visible {
            name: name.folded.clone(),
            engine,
            kind: mine.kind.meet(theirs.kind),
            lineage,
            sources,
        });
    }
    let taken: Vec<String> = merged.iter().map(|column| column.name.clone()).collect();
    let rest = |columns: Vec<Visible>| columns.into_iter().filter(|column| !taken.contains(&column.name));
    merged.extend(rest(left.visible));
    merged.extend(rest(right.visible));
    let mut joined = Relations { relations: left.relations, visible: Vec::new() };
    joined.add(Relations { relations: right.relations, visible: merged.clone() }, &|name| twice(name, at))?;
    let text =
        Text::new(format!(" USING ({})", canonical.join(", ")), format!(" ON {}", conditions.join(" AND ")));
    Ok((text, pairs, joined))
}
