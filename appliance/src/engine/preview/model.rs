//! The tables of a model: how many rows they have, of how many different values, and what their sizes stand for.
//!
//! What must stay true: a size of up to [`EXACT`] stands for itself, and above it each doubling of the real size makes the
//! model's [`STEP`] times as large. So by an estimate alone one can tell what it would be of the real rows: a domain of a
//! few values is the same in both, one of a record's keys grows with the records.

use std::collections::HashMap;

use flip_gate::cdm::{Column, Kind, Table};

/// Up to here a size stands for itself.
const EXACT: f64 = 1_024.0;
/// How many times as large the model is for each doubling above that.
const STEP: f64 = 1.25;
/// Values that a column has which is no key of a record: as many as meet in joins, since a few are in most rows.
const VALUES: u64 = 64;
/// Days and measured values of a column.
const MEASURES: u64 = 1_024;
/// Rows that are made at once: DuckDB counts the different values of the first 204 in each piece alone.
const PIECE: u64 = 200;
/// The tables of concepts, whose columns hold as many different ones as there are.
const VOCABULARY: [&str; 5] =
    ["concept", "concept_ancestor", "concept_relationship", "concept_synonym", "drug_strength"];

/// How many rows the tables have.
pub(super) struct Sizes {
    /// In reality, rounded up to a power of two.
    tables: HashMap<String, u64>,
    largest: u64,
}

impl Sizes {
    /// Of so many rows, of which nothing but the power of two is kept.
    pub fn of(counted: Vec<(String, u64)>) -> Self {
        let rounded = counted.into_iter().map(|(table, rows)| (table, rows.next_power_of_two()));
        let tables: HashMap<String, u64> = rounded.collect();
        let largest = tables.values().copied().max().unwrap_or(1);
        Self { tables, largest }
    }

    /// A table's rows in reality.
    pub fn real(&self, table: &str) -> u64 {
        self.tables.get(table).copied().unwrap_or(1)
    }

    /// And in the model.
    pub fn rows(&self, table: &str) -> u64 {
        compressed(self.real(table))
    }

    /// The real size that one of the model stands for: of rows of a table, or of the keys of one.
    #[expect(clippy::cast_precision_loss, reason = "an estimate is made of it")]
    pub fn stretched(&self, size: f64) -> f64 {
        if size <= EXACT {
            return size;
        }
        let doublings = (size / EXACT).ln() / STEP.ln();
        (EXACT * doublings.exp2()).min((self.largest as f64).max(EXACT))
    }

    /// The statement that makes a table of the model, with these of its columns.
    pub fn sql(&self, table: &Table, columns: &[&Column]) -> String {
        let values = columns.iter();
        let values = values.map(|column| format!("{} AS \"{}\"", self.values(table, column), column.name));
        let values = values.collect::<Vec<_>>().join(", ");
        let (name, rows) = (table.name, self.rows(table.name));
        let pieces = rows.div_ceil(PIECE);
        format!(
            "CREATE OR REPLACE TABLE omop.\"{name}\" AS SELECT {values} FROM (SELECT x * {PIECE} + y AS i FROM range({pieces}) AS \
             a(x), range({PIECE}) AS b(y)) AS s WHERE i < {rows}"
        )
    }

    /// SQL for a column's values in row `i`: as many different ones as joins and conditions find in real records.
    fn values(&self, table: &Table, column: &Column) -> String {
        let different = match column.refers_to {
            _ if table.primary_key == Some(column.name) || column.name == "accession_id" => u64::MAX / 2,
            Some("concept") if VOCABULARY.contains(&table.name) => self.rows("concept"),
            Some("concept") | None => VALUES,
            // Where the table was not delivered, it is referred to all the same.
            Some(other) => self.rows(other).max(VALUES),
        };
        match column.kind {
            Kind::Integer => format!("i % {different}"),
            Kind::Float => format!("(i % {MEASURES})::DOUBLE"),
            Kind::Text(_) => format!("(i % {different})::VARCHAR"),
            Kind::Date => format!("make_date((i % {MEASURES})::INTEGER)"),
            Kind::DateTime => format!("make_timestamp(i % {MEASURES})"),
        }
    }
}

/// How many rows of the model stand for so many.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a power of two in, and out what is smaller"
)]
fn compressed(real: u64) -> u64 {
    let real = real as f64;
    if real <= EXACT { real as u64 } else { (EXACT * STEP.powf((real / EXACT).log2())).round() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_of_the_model_stands_for_one_power_of_two() {
        let sizes = Sizes::of(vec![("measurement".to_owned(), (1 << 40) - 7)]);
        for power in 0..=40 {
            let real = 1_u64 << power;
            let model = compressed(real);
            assert!(model <= 900_000, "{power}: {model}");
            let stands_for = sizes.stretched(f64::from(u32::try_from(model).unwrap()));
            assert!((stands_for.log2() - f64::from(power)).abs() < 0.01, "{power}: {stands_for}");
        }
        assert!(sizes.stretched(1e9) <= 40.0_f64.exp2(), "no domain is larger than the largest table");
    }
}
