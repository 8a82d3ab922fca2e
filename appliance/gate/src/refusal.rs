//! Why a question is not let in: what, where, and what to write instead.

use serde::Serialize;
use sqlparser::tokenizer::{Location, Span};

/// A refusal that teaches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", place.map(|place| format!(" (line {}, column {})", place.line, place.column)).unwrap_or_default())]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// What is wrong and what to write instead, in one or two sentences.
    pub message: String,
    /// Where in the question's text; absent where there is none.
    pub place: Option<Place>,
}

/// A place in the question's text, line and column (in characters) from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl Place {
    pub(crate) fn at(location: Location) -> Option<Self> {
        (location.line > 0).then_some(Self { line: location.line, column: location.column })
    }

    pub(crate) fn of(span: Span) -> Option<Self> {
        Self::at(span.start)
    }

    /// Of the character at an offset in bytes.
    pub(crate) fn of_offset(sql: &str, offset: usize) -> Self {
        let before = &sql[..offset];
        let line = before.rsplit('\n').next().unwrap_or_default();
        let [lines, columns] = [before.matches('\n').count(), line.chars().count()];
        Self { line: lines as u64 + 1, column: columns as u64 + 1 }
    }

    /// Where a text begins, for what concerns the whole of it.
    pub(crate) fn beginning(sql: &str) -> Option<Self> {
        sql.find(|each: char| !each.is_whitespace()).map(|offset| Self::of_offset(sql, offset))
    }
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>, place: Option<Place>) -> Self {
        Self { code, message: message.into(), place }
    }
}

/// Every reason to refuse, closed so that refusals can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Nothing but white space and comments.
    Empty,
    /// More characters than [`crate::CHARACTERS_MAX`].
    TooLong,
    /// Nested more deeply than [`crate::NESTING_MAX`].
    TooDeep,
    /// Not SQL.
    NotSql,
    /// More than one statement.
    ManyStatements,
    /// Not a SELECT or a set operation of SELECTs; or a write hides inside.
    NotARead,
    /// A table, schema or catalogue that is not in the OMOP snapshot.
    TableNotAllowed,
    /// A column that no table in scope has, or that several have.
    UnknownColumn,
    /// A function that is not on the list.
    FunctionNotAllowed,
    /// A function in FROM.
    TableFunctionNotAllowed,
    /// LIMIT, OFFSET or FETCH that is not a literal number.
    LimitNotLiteral,
    /// A clause, operator or type that is not let in.
    ConstructNotAllowed,
    /// An identifier compared with a literal, computed or made up.
    IdentifierMisused,
    /// Rows of several persons meet where nothing says that they are the same person's.
    CrossesPersons,
    /// No result column by which persons can be counted.
    NoSubject,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 15] = [
        Self::Empty,
        Self::TooLong,
        Self::TooDeep,
        Self::NotSql,
        Self::ManyStatements,
        Self::NotARead,
        Self::TableNotAllowed,
        Self::UnknownColumn,
        Self::FunctionNotAllowed,
        Self::TableFunctionNotAllowed,
        Self::LimitNotLiteral,
        Self::ConstructNotAllowed,
        Self::IdentifierMisused,
        Self::CrossesPersons,
        Self::NoSubject,
    ];

    /// The code as in answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::NotSql => "not_sql",
            Self::ManyStatements => "many_statements",
            Self::NotARead => "not_a_read",
            Self::TableNotAllowed => "table_not_allowed",
            Self::UnknownColumn => "unknown_column",
            Self::FunctionNotAllowed => "function_not_allowed",
            Self::TableFunctionNotAllowed => "table_function_not_allowed",
            Self::LimitNotLiteral => "limit_not_literal",
            Self::ConstructNotAllowed => "construct_not_allowed",
            Self::IdentifierMisused => "identifier_misused",
            Self::CrossesPersons => "crosses_persons",
            Self::NoSubject => "no_subject",
        }
    }
}
