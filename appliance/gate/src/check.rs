//! The walk over the parser's tree: what is let in is written out, in two spellings, as it is checked.
//!
//! What must stay true: nothing of the parser's own printing reaches a plan. Each construct that the gate knows is
//! taken apart field by field and written anew; whatever else the parser may come to understand is refused. Absent:
//! grouping rules and operand types, which the engine checks when it binds the plan.

mod arithmetic;
mod begins;
mod call;
mod cast;
mod compare;
mod dates;
mod expression;
mod from;
mod guard;
mod join;
mod literal;
mod operators;
mod order;
mod persons;
mod query;
mod select;
mod spell;
mod strings;
mod types;
mod values;
mod window;

use sqlparser::ast::Query;

use self::begins::Begins;
pub(crate) use self::persons::Persons;
use self::persons::Reading;

use crate::bounds::{COLUMNS_ALL_MAX, COLUMNS_MAX, ENGINE_BYTES_MAX, NESTING_MAX, RELATIONS_MAX};
use crate::identifiers::Identity;
use crate::parse::{Words, too_deep};
use crate::plan::{Plan, Subject};
use crate::refusal::{Code, Place, Refusal};
use crate::scope::{Column, Ctes};
use crate::term::{Lineage, Text};

/// Checks the query of a question.
pub(crate) fn question(query: &Query, words: Words) -> Result<Plan, Refusal> {
    let mut checker = Checker { words, ..Checker::default() };
    let checked = checker.query(query, &Ctes::default(), None)?;
    bounded(&checked.text, None)?;
    let subject = subject(&checked.columns, place(query.body.as_ref()))?;
    checker.crossing.map_or(Ok(()), Err)?;
    let identifies = |column: &Column| matches!(column.lineage, Lineage::Identifier { .. });
    Ok(Plan {
        canonical: checked.text.canonical,
        engine_sql: checked.text.engine,
        identifiers: checked.columns.iter().map(identifies).collect(),
        columns: checked.columns.into_iter().map(|column| column.label).collect(),
        subject,
    })
}

/// The output column by which persons are counted.
fn subject(columns: &[Column], at: Option<Place>) -> Result<Subject, Refusal> {
    let counting = |wanted| {
        let column = columns.iter().find(|column| {
            matches!(column.lineage, Lineage::Identifier { identity, counts: true, .. } if identity == wanted)
        });
        column.map(|column| column.label.clone())
    };
    if let Some(column) = counting(Identity::Person) {
        return Ok(Subject::Person { column });
    }
    if let Some(column) = counting(Identity::Accession) {
        return Ok(Subject::Accession { column });
    }
    let elsewhere = columns.iter().find(|column| {
        matches!(column.lineage, Lineage::Identifier { identity: Identity::Person | Identity::Accession, .. })
    });
    if let Some(Column { name, .. }) = elsewhere {
        let message = format!(
            "persons are not counted by {name}, which does not come unchanged from a table whose rows are about them; \
             return person_id (or accession_id) from such a table, as by a join with person"
        );
        return Err(Refusal::new(Code::NoSubject, message, at));
    }
    Err(Refusal::new(
        Code::NoSubject,
        "return person_id (or accession_id) from a table so that the Trust can count distinct persons; do not \
         aggregate in the SQL: counts per column, age and sex come back by themselves",
        at,
    ))
}

/// Counts what the walk has used up.
#[derive(Debug, Default)]
struct Checker {
    /// Where the question's keywords stand.
    words: Words,
    depth: usize,
    relations: usize,
    ctes: usize,
    columns: usize,
    gathering: Option<Gathering>,
    /// The SELECTs around this place, outermost first.
    readings: Vec<Reading>,
    /// True where the SELECT that was read last yields one row at most.
    one_row: bool,
    /// The first place where persons meet.
    crossing: Option<Refusal>,
}

/// The call around an expression that makes one value of many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gathering {
    /// An aggregate over a group.
    Group,
    /// A function or an aggregate over a window.
    Window,
}

impl Checker {
    /// Goes one level down.
    fn deeper<T>(
        &mut self,
        place: impl FnOnce() -> Option<Place>,
        inner: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if self.depth >= NESTING_MAX {
            return Err(too_deep(place()));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// A fresh alias for a relation in the engine's text.
    /// Base tables and derived ones are told apart by its letter.
    fn next_relation(&mut self, letter: char, place: Option<Place>) -> Result<String, Refusal> {
        self.relations += 1;
        if self.relations > RELATIONS_MAX {
            return Err(Refusal::new(
                Code::ConstructNotAllowed,
                format!("a question reads at most {RELATIONS_MAX} tables; ask in steps"),
                place,
            ));
        }
        Ok(format!("{letter}{}", self.relations))
    }

    /// A fresh name for a CTE in the engine's text.
    fn next_cte(&mut self) -> String {
        self.ctes += 1;
        format!("w{}", self.ctes)
    }

    /// Counts the output columns of one SELECT.
    fn count_columns(&mut self, columns: usize, place: Option<Place>) -> Result<(), Refusal> {
        self.columns += columns;
        let why = if columns > COLUMNS_MAX {
            format!(
                "this SELECT returns {columns} columns, and may {COLUMNS_MAX}; write the ones that are needed"
            )
        } else if self.columns > COLUMNS_ALL_MAX {
            format!(
                "the question's SELECTs return more than {COLUMNS_ALL_MAX} columns between them; write the ones that are \
                 needed, not *"
            )
        } else {
            return Ok(());
        };
        Err(Refusal::new(Code::ConstructNotAllowed, why, place))
    }
}

/// What is written for the engine stays within its bound while it grows, because some spellings repeat an operand.
fn bounded(text: &Text, place: Option<Place>) -> Result<(), Refusal> {
    if text.engine.len() <= ENGINE_BYTES_MAX {
        return Ok(());
    }
    Err(Refusal::new(
        Code::TooLong,
        "the question grows too large when it is written out; write the columns that are needed instead of *, and \
         compute long expressions in a CTE first",
        place,
    ))
}

/// Where a part of the question begins.
fn place(part: &impl Begins) -> Option<Place> {
    part.begins()
}

/// A clause, operator or type that is not on the list.
fn not_allowed(message: impl Into<String>, place: Option<Place>) -> Refusal {
    Refusal::new(Code::ConstructNotAllowed, message, place)
}
