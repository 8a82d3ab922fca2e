//! Whose records a SELECT reads: every row that it yields is about one person.
//!
//! What must stay true: the relations of a FROM that hold records of persons form one component under equalities of
//! identifiers that follow a person; groups, windows and first rows stay within one person; a subquery in an
//! expression is about the person of the row around it. So a row's existence and values depend on the records of its
//! own person, and an answer about one cannot be multiplied into one about a crowd. A row whose identifiers are all
//! NULL is about nobody and meets no other, because only equalities connect.
//!
//! An equality in the ON of an outer join holds only where the join matched: it never connects two relations of the
//! side that is kept. The relations around a subquery count as one, [`OUTSIDE`], whose own SELECT is checked by itself.

use std::collections::HashMap;

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart, Query,
};

use super::{Checker, place};
use crate::refusal::{Code, Place, Refusal};
use crate::scope::Scope;
use crate::term::{Lineage, Term};

/// All relations of the SELECTs around a subquery. Relations count from 1.
pub(super) const OUTSIDE: usize = 0;

/// Whose records the rows of a query are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persons {
    /// Nobody's, or only those that its own subqueries take from the row around it.
    Nobody,
    /// Those of the person that the row around the query is about.
    Outside,
    /// Each row those of one person.
    Each,
}

impl Persons {
    /// Of rows that come from the one or from the other.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Each, _) | (_, Self::Each) => Self::Each,
            (Self::Outside, _) | (_, Self::Outside) => Self::Outside,
            (Self::Nobody, Self::Nobody) => Self::Nobody,
        }
    }
}

/// A relation that holds records of persons.
#[derive(Debug)]
struct Member {
    number: usize,
    name: String,
    place: Option<Place>,
}

/// What the walk learns of one SELECT.
#[derive(Debug, Default)]
pub(super) struct Reading {
    members: Vec<Member>,
    /// Towards the root of each component.
    parents: HashMap<usize, usize>,
    /// True where an aggregate makes one row of many.
    pub aggregates: bool,
    /// True where the SELECT has a GROUP BY or a HAVING.
    pub grouped: bool,
    /// True while FROM and WHERE are read, which come before any group.
    pub before_groups: bool,
    /// The first thing that puts rows of several persons together, unless all are the outer row's.
    mixes: Option<Refusal>,
}

impl Reading {
    /// True at a place where each row stands for itself.
    pub fn is_row_by_row(&self) -> bool {
        self.before_groups || !(self.grouped || self.aggregates)
    }

    fn has(&self, number: usize) -> bool {
        self.members.iter().any(|member| member.number == number)
    }

    fn root(&self, number: usize) -> usize {
        let mut at = number;
        while let Some(parent) = self.parents.get(&at) {
            at = *parent;
        }
        at
    }

    /// Connects two relations, unless that would connect two of one kept side.
    fn connect(&mut self, first: usize, second: usize, kept: &[Vec<usize>]) {
        let (first, second) = (self.root(first), self.root(second));
        let holds = |side: &[usize], root| side.iter().any(|each| self.root(*each) == root);
        if first != second && !kept.iter().any(|side| holds(side, first) && holds(side, second)) {
            self.parents.insert(first, second);
        }
    }

    /// Notes what would mix persons.
    pub fn mixes(&mut self, message: impl Into<String>, at: Option<Place>) {
        if self.mixes.is_none() {
            self.mixes = Some(Refusal::new(Code::CrossesPersons, message, at));
        }
    }
}

impl Checker {
    /// The SELECT that is being read.
    pub(super) fn reading(&mut self) -> &mut Reading {
        if self.readings.is_empty() {
            self.readings.push(Reading::default());
        }
        let last = self.readings.len() - 1;
        &mut self.readings[last]
    }

    /// Takes a relation in, the last that was given an alias.
    pub(super) fn member(&mut self, name: &str, persons: Persons, place: Option<Place>) {
        let number = self.relations;
        if persons == Persons::Nobody {
            return;
        }
        let reading = self.reading();
        reading.members.push(Member { number, name: name.to_owned(), place });
        if persons == Persons::Outside {
            reading.connect(number, OUTSIDE, &[]);
        }
    }

    /// Ends a SELECT: whose rows are they, and does it keep them apart?
    pub(super) fn read(&mut self) -> Persons {
        let Some(reading) = self.readings.pop() else { return Persons::Nobody };
        let Some(first) = reading.members.first() else { return Persons::Nobody };
        let root = reading.root(first.number);
        if let Some(apart) = reading.members.iter().find(|member| reading.root(member.number) != root) {
            self.crosses(
                format!(
                    "{} holds records of persons, and nothing here says that they are the same person's as those of \
                     {}; join them with ON {0}.person_id = {1}.person_id (or another identifier of the person's \
                     records), not under OR and not by codes, dates or places",
                    apart.name, first.name
                ),
                apart.place,
            );
        }
        if reading.root(OUTSIDE) == root {
            return Persons::Outside;
        }
        if let Some(mixes) = reading.mixes {
            self.crossing.get_or_insert(mixes);
        }
        Persons::Each
    }

    /// Notes a question across persons. Every other refusal goes first.
    pub(super) fn crosses(&mut self, message: impl Into<String>, at: Option<Place>) {
        self.crossing.get_or_insert(Refusal::new(Code::CrossesPersons, message, at));
    }

    /// A subquery in an expression is about the person of the row around it.
    pub(super) fn must_be_outside(&mut self, persons: Persons, query: &Query) {
        if persons == Persons::Each {
            self.crosses(
                "this subquery reads records of other persons; tie it to the row around it with WHERE \
                 other.person_id = p.person_id, or write p.person_id IN (SELECT other.person_id ...)",
                place(query),
            );
        }
    }

    /// The lineage as seen from outside this SELECT: an identifier of another SELECT's relation says nothing of
    /// these rows.
    pub(super) fn owned(&self, lineage: Lineage, sources: &[usize]) -> Lineage {
        let here = |number: &usize| self.readings.last().is_some_and(|reading| reading.has(*number));
        match lineage {
            Lineage::Identifier { .. } if !sources.is_empty() && sources.iter().all(here) => lineage,
            Lineage::Identifier { identity, required, .. } => {
                Lineage::Identifier { identity, counts: false, own: false, required }
            }
            Lineage::Value | Lineage::Null => lineage,
        }
    }

    /// Connects what the equalities of a condition connect: those that hold wherever the condition does.
    pub(super) fn connect_where(&mut self, condition: &Expr, scope: &Scope<'_>, kept: &[Vec<usize>]) {
        for (left, right) in equalities(condition) {
            if let (Some(left), Some(right)) = (own_sources(left, scope), own_sources(right, scope)) {
                self.connect(&left, &right, kept);
            }
        }
    }

    pub(super) fn connect(&mut self, left: &[usize], right: &[usize], kept: &[Vec<usize>]) {
        if let (Some(left), Some(right)) = (self.node(left), self.node(right)) {
            self.reading().connect(left, right, kept);
        }
    }

    /// The one component that an identifier is of, if it is of one.
    fn node(&self, sources: &[usize]) -> Option<usize> {
        let (reading, around) = self.readings.split_last()?;
        let mut nodes = sources.iter().map(|number| {
            if reading.has(*number) {
                Some(reading.root(*number))
            } else {
                around.iter().any(|outer| outer.has(*number)).then(|| reading.root(OUTSIDE))
            }
        });
        let first = nodes.next()??;
        nodes.all(|node| node == Some(first)).then_some(first)
    }
}

/// The equalities among the conjuncts of a condition, rows taken apart.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "no other form holds an equality whenever it holds itself"
)]
fn equalities(condition: &Expr) -> Vec<(&Expr, &Expr)> {
    let mut found = Vec::new();
    let mut open = vec![condition];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::Nested(inner) => open.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => open.extend([right.as_ref(), left]),
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (left.as_ref(), right.as_ref()) {
                (Expr::Tuple(left), Expr::Tuple(right)) => found.extend(left.iter().zip(right)),
                (left, right) => found.push((left, right)),
            },
            _ => {}
        }
    }
    found
}

/// The relations of a column, or of a COALESCE of columns, that identifies a person or a person's record.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other form is an identifier of a relation")]
fn own_sources(expr: &Expr, scope: &Scope<'_>) -> Option<Vec<usize>> {
    let own =
        |term: Term| matches!(term.lineage, Lineage::Identifier { own: true, .. }).then_some(term.sources);
    match expr {
        Expr::Nested(inner) => own_sources(inner, scope),
        Expr::Identifier(ident) => own(super::expression::column(ident, scope).ok()?),
        Expr::CompoundIdentifier(idents) => own(super::expression::qualified(idents, scope).ok()?),
        Expr::Function(call) => {
            let [ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return None };
            let FunctionArguments::List(list) = &call.args else { return None };
            if name.value.to_lowercase() != "coalesce" {
                return None;
            }
            let mut sources = Vec::new();
            for arg in &list.args {
                let FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) = arg else { return None };
                sources.extend(own_sources(arg, scope)?);
            }
            Some(sources)
        }
        _ => None,
    }
}
