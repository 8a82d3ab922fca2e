//! What the gate lets through: the only thing the engine takes.

use serde::{Deserialize, Serialize};

/// An accepted question. Made by [`crate::admit`] alone; the serialised form travels to the engine's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub(crate) canonical: String,
    pub(crate) engine_sql: String,
    pub(crate) columns: Vec<String>,
    /// For each column, whether it holds identifiers.
    #[serde(default)]
    pub(crate) identifiers: Vec<bool>,
    pub(crate) subject: Subject,
}

/// The result column by which distinct persons are counted, traced to a base table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A column that holds `person_id` values of base tables.
    Person {
        /// Its name in the result.
        column: String,
    },
    /// A column that holds `accession_id` values of `image_occurrence`; persons are found through that table.
    Accession {
        /// Its name in the result.
        column: String,
    },
}

impl Plan {
    /// The question in canonical PostgreSQL, every table qualified: what people and logs of the Trust are shown.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The same question in DuckDB's dialect.
    pub fn engine_sql(&self) -> &str {
        &self.engine_sql
    }

    /// The result's column names, in order, each once.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// True where the column at a position holds identifiers, or where nothing is known of it: its values are then
    /// for counting alone.
    pub fn is_identifier(&self, position: usize) -> bool {
        self.identifiers.get(position).copied().unwrap_or(true)
    }

    /// How distinct persons are counted.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
}
