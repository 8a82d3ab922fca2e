//! What the columns of a result are, and so which statistics are made of them.
//!
//! What must stay true: no statistic is made of the values of a column that identifies, nor of one that the gate said
//! nothing of.

use duckdb::Connection;
use flip_gate::Plan;

use super::database::{Fault, rows};

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// They identify, or are of a type that has no statistics: only whether there is one is looked at.
    Opaque,
    /// Numbers.
    Number,
    /// Concepts of the vocabulary, by their ids.
    Concept,
    /// Text, or true and false.
    Text,
    /// Days or moments.
    Day,
}

/// The kinds of a plan's columns, in their order, as DuckDB binds them.
pub(super) fn kinds(database: &Connection, plan: &Plan) -> Result<Vec<Kind>, Fault> {
    let sql = format!(
        "SELECT column_type FROM (DESCRIBE SELECT * FROM ({}\n) AS result({}))",
        plan.engine_sql(),
        names(plan.columns().len())
    );
    let types: Vec<String> = rows(database, &sql, |row| row.get(0))?;
    let kind = |(at, name): (usize, &String)| {
        let bound = types.get(at).map_or("", String::as_str);
        if plan.is_identifier(at) { Kind::Opaque } else { kind(bound, name) }
    };
    Ok(plan.columns().iter().enumerate().map(kind).collect())
}

fn kind(bound: &str, name: &str) -> Kind {
    const WHOLE: [&str; 9] = [
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
    ];
    if WHOLE.contains(&bound) {
        if name == "concept_id" || name.ends_with("_concept_id") { Kind::Concept } else { Kind::Number }
    } else if bound == "DOUBLE" || bound == "FLOAT" || bound.starts_with("DECIMAL") {
        Kind::Number
    } else if bound == "VARCHAR" || bound == "BOOLEAN" {
        Kind::Text
    } else if bound == "DATE" || bound.starts_with("TIMESTAMP") {
        Kind::Day
    } else {
        Kind::Opaque
    }
}

/// `c0, c1, ..`: a plan's own names never stand in a statement.
pub(super) fn names(columns: usize) -> String {
    let names: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_concepts_by_their_name_alone() {
        assert_eq!(kind("BIGINT", "condition_concept_id"), Kind::Concept);
        assert_eq!(kind("BIGINT", "year_of_birth"), Kind::Number);
        assert_eq!(kind("VARCHAR", "concept_id"), Kind::Text);
        assert_eq!(kind("DECIMAL(18,3)", "x"), Kind::Number);
        assert_eq!(kind("TIMESTAMP", "x"), Kind::Day);
        assert_eq!(kind("BIGINT[]", "x"), Kind::Opaque);
    }
}
