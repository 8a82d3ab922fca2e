//! What the columns of a result are, and so which statistics are made of them.
//!
//! What must stay true: no statistic is made of the values of a column that identifies, nor of one that the gate said
//! nothing of.

use duckdb::arrow::array::{AsArray as _, PrimitiveArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Int64Type};
use flip_protocol::answer::Failed;

use super::database::Fault;

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

/// What a column is, by its type as DuckDB gives it and its name.
pub(super) fn kind(bound: &DataType, name: &str) -> Kind {
    // Sums of whole numbers are HUGEINT, which comes as a decimal number without decimals.
    let whole = bound.is_integer() || matches!(bound, DataType::Decimal128(_, 0));
    if whole && (name == "concept_id" || name.ends_with("_concept_id")) {
        Kind::Concept
    } else if bound.is_numeric() {
        Kind::Number
    } else if matches!(bound, DataType::Utf8 | DataType::Boolean) {
        Kind::Text
    } else if matches!(bound, DataType::Date32 | DataType::Timestamp(..)) {
        Kind::Day
    } else {
        Kind::Opaque
    }
}

/// The persons in the first column of a batch.
pub(super) fn persons(batch: &RecordBatch) -> Result<&PrimitiveArray<Int64Type>, Fault> {
    batch.column(0).as_primitive_opt::<Int64Type>().ok_or(Fault {
        failed: Failed::NotUnderstood,
        note: Some("the plan's subject is no whole number".to_owned()),
    })
}

/// `c0, c1, ..`: a plan's own names never stand in a statement.
pub(super) fn names(columns: usize) -> String {
    let names: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use duckdb::arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn whole_numbers_are_concepts_by_their_name_alone() {
        assert_eq!(kind(&DataType::Int64, "condition_concept_id"), Kind::Concept);
        assert_eq!(kind(&DataType::Decimal128(38, 0), "concept_id"), Kind::Concept);
        assert_eq!(kind(&DataType::Int64, "year_of_birth"), Kind::Number);
        assert_eq!(kind(&DataType::Utf8, "concept_id"), Kind::Text);
        assert_eq!(kind(&DataType::Decimal128(18, 3), "concept_id"), Kind::Number);
        assert_eq!(kind(&DataType::Timestamp(TimeUnit::Microsecond, None), "x"), Kind::Day);
        assert_eq!(kind(&DataType::Binary, "x"), Kind::Opaque);
    }
}
