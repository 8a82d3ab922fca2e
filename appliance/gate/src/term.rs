//! What the check knows of an expression: its two spellings, its type, and where its values come from.
//!
//! What must stay true: a lineage says identifier exactly when the values are, row for row, those of a base table's
//! column. A term is sure only where the engine's type is exactly the one of its kind: a sure type that is wrong lets an
//! implicit cast fail on a record's value.

use crate::cdm;
use crate::identifiers::Identity;
use crate::refusal::Place;

/// The same thing in PostgreSQL's words and in DuckDB's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    pub canonical: String,
    pub engine: String,
}

impl Text {
    /// Spelt alike in both.
    pub fn same(text: impl Into<String>) -> Self {
        let canonical = text.into();
        Self { engine: canonical.clone(), canonical }
    }

    pub fn new(canonical: impl Into<String>, engine: impl Into<String>) -> Self {
        Self { canonical: canonical.into(), engine: engine.into() }
    }

    /// Appends the same words to both.
    pub fn push(&mut self, words: &str) {
        self.canonical.push_str(words);
        self.engine.push_str(words);
    }

    /// Appends another text.
    pub fn append(&mut self, other: &Self) {
        self.canonical.push_str(&other.canonical);
        self.engine.push_str(&other.engine);
    }

    /// The texts with a separator between.
    pub fn join<'a>(texts: impl IntoIterator<Item = &'a Self>, separator: &str) -> Self {
        let mut joined = Self::default();
        for (index, text) in texts.into_iter().enumerate() {
            if index > 0 {
                joined.push(separator);
            }
            joined.append(text);
        }
        joined
    }

    /// Both between the same words.
    pub fn between(before: &str, inner: &Self, after: &str) -> Self {
        Self {
            canonical: format!("{before}{}{after}", inner.canonical),
            engine: format!("{before}{}{after}", inner.engine),
        }
    }
}

/// The type of an expression in PostgreSQL's eyes, as far as spelling depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    Integer,
    Numeric,
    Double,
    Text,
    Date,
    Timestamp,
    Time,
    Interval,
    Array,
    /// A string literal or NULL, which takes its type from its neighbours.
    Unknown,
}

impl Type {
    /// The type of a column of the CDM as OHDSI's PostgreSQL script makes it.
    pub fn of(kind: cdm::Kind) -> Self {
        match kind {
            cdm::Kind::Integer => Self::Integer,
            cdm::Kind::Float => Self::Numeric,
            cdm::Kind::Text(_) => Self::Text,
            cdm::Kind::Date => Self::Date,
            cdm::Kind::DateTime => Self::Timestamp,
        }
    }

    /// The type that both take where they meet in a CASE, a COALESCE or a UNION.
    pub fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, known) | (known, Self::Unknown) => known,
            (Self::Double, _) | (_, Self::Double) => Self::Double,
            (Self::Numeric, _) | (_, Self::Numeric) => Self::Numeric,
            (Self::Timestamp, _) | (_, Self::Timestamp) => Self::Timestamp,
            (first, _) => first,
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Numeric | Self::Double)
    }

    /// Its name in messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Boolean => "a truth",
            Self::Integer | Self::Numeric | Self::Double => "a number",
            Self::Text | Self::Unknown => "a text",
            Self::Date => "a date",
            Self::Timestamp => "a date with a time",
            Self::Time => "a time of day",
            Self::Interval => "an interval",
            Self::Array => "an array",
        }
    }
}

/// Where an expression's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lineage {
    /// A description, a literal or something computed from such.
    Value,
    /// The literal NULL, which fits beside an identifier.
    Null,
    /// Identifiers as they stand in base tables.
    Identifier {
        identity: Identity,
        /// True where persons may be counted by it: the row is about the one it names.
        counts: bool,
        /// True where the row is about the person whom it names or whose record it names.
        own: bool,
        /// True where it is never NULL.
        required: bool,
    },
}

impl Lineage {
    /// The lineage of what is now the one, now the other of two that were found joinable.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Identifier { identity, counts, own, required },
                Self::Identifier { identity: _, counts: also, own: theirs, required: never },
            ) => Self::Identifier {
                identity,
                counts: counts && also,
                own: own && theirs,
                required: required && never,
            },
            (Self::Identifier { identity, .. }, Self::Value | Self::Null) => {
                Self::Identifier { identity, counts: false, own: false, required: false }
            }
            (Self::Value | Self::Null, _) => other,
        }
    }

    /// The same where it may be NULL.
    pub fn nullable(self) -> Self {
        match self {
            Self::Identifier { identity, counts, own, required: _ } => {
                Self::Identifier { identity, counts, own, required: false }
            }
            Self::Value | Self::Null => self,
        }
    }

    /// True where equal values are the same person's.
    pub fn is_own(self) -> bool {
        matches!(self, Self::Identifier { own: true, .. })
    }

    /// True where rows of one value are one person's: [`Self::is_own`], and NULL gathers none.
    pub fn keeps_apart(self) -> bool {
        matches!(self, Self::Identifier { own: true, required: true, .. })
    }
}

/// An expression that was let in.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub text: Text,
    pub kind: Type,
    /// True where the engine's type is exactly that of the kind: a number of at most 64 bits, a double, a text, ...
    pub sure: bool,
    /// How many guards stand within each other where the engine's text is one guard over columns; zero elsewhere.
    pub guards: usize,
    pub lineage: Lineage,
    /// The name that PostgreSQL gives the output column when the question gives none.
    pub name: String,
    /// True where an enclosing cast or CASE would name the column after itself.
    pub weakly_named: bool,
    pub place: Option<Place>,
    /// What a string literal holds.
    pub literal: Option<String>,
    /// The relations whose column this is, by number: one, or those that a COALESCE puts together.
    pub sources: Vec<usize>,
}

impl Term {
    /// A value of that type, without a name of its own.
    pub fn value(text: Text, kind: Type) -> Self {
        Self {
            text,
            kind,
            sure: !matches!(kind, Type::Unknown | Type::Array),
            guards: 0,
            lineage: Lineage::Value,
            name: "?column?".to_owned(),
            weakly_named: true,
            place: None,
            literal: None,
            sources: Vec::new(),
        }
    }

    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), weakly_named: false, ..self }
    }

    /// Named after its type, for want of a better name.
    pub fn named_weakly(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), weakly_named: true, ..self }
    }

    pub fn at(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }

    /// Of a type that the engine may hold in another way than its kind says.
    pub fn unsure(self) -> Self {
        Self { sure: false, ..self }
    }

    /// True for NULL and for a column of nothing else.
    pub fn is_null(&self) -> bool {
        self.lineage == Lineage::Null
    }

    pub fn identity(&self) -> Option<Identity> {
        match self.lineage {
            Lineage::Identifier { identity, .. } => Some(identity),
            Lineage::Value | Lineage::Null => None,
        }
    }
}
