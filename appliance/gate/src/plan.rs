//! What the gate lets through: the only thing the engine takes.

use serde::{Deserialize, Serialize};

/// An accepted question. Made by [`crate::admit`] alone; the serialised form travels to the engine's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub(crate) canonical: String,
    pub(crate) engine_sql: String,
    pub(crate) columns: Vec<String>,
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

    /// How distinct persons are counted.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
}
