//! What a plan would cost, before it runs: from DuckDB's own estimates over a model of the generation, tables of made-up
//! rows of which there are the more, the more there are of the real ones.
//!
//! The cost is how many rows the plan's operators are expected to take and to make, and how many pairs of rows those look
//! at that compare each row with each. What must stay true: an ordinary question never comes near the limit; one that
//! would run for hours is refused in milliseconds, be it that its tables are joined by what is no key of a record; the
//! cost knows no value of any record, and no count but the power of two that a table's rows are rounded up to. (Over the
//! records themselves DuckDB knows the least and the greatest value of each column and whether one is missing: by what a
//! question costs it would tell whether one person is that old.)
//! Deliberately absent: precision. An estimate is right within an order of magnitude, for each join.

mod model;
mod operators;

use std::cell::RefCell;
use std::collections::HashMap;

use duckdb::{Config, Connection};
use flip_gate::Plan;
use flip_gate::cdm::{Column, TABLES};
use serde_json::Value;

use self::model::Sizes;
use self::operators::Walk;
use super::columns::names;
use super::database::{Fault, one, rows, run};

/// MiB that DuckDB may take for a model.
const MEMORY_MB: u64 = 64;
/// Joins that keep rows without a partner, of which DuckDB says that they make as many rows as the larger side has.
const OUTER: [&str; 6] =
    ["LEFT OUTER JOIN", "RIGHT OUTER JOIN", "FULL OUTER JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"];

/// As a generation is opened with, and no more planning by values.
const SETTINGS: &str = "
    SET enable_external_access = false;
    SET integer_division = true;
    SET default_null_order = 'nulls_last_on_asc_first_on_desc';
    SET disabled_optimizers = 'statistics_propagation';
    SET lock_configuration = true;
    CREATE SCHEMA omop;";

/// A model of a generation.
pub(super) struct Preview {
    model: Connection,
    sizes: Sizes,
    /// The tables that it has by now, with their columns.
    made: RefCell<HashMap<&'static str, Vec<&'static str>>>,
}

/// Opens a DuckDB for a model, with nothing in it: that takes longer than all else of it.
pub(super) fn open_model() -> Result<Connection, Fault> {
    Config::default()
        .with("memory_limit", format!("{MEMORY_MB}MiB"))
        .and_then(|config| config.with("threads", "1"))
        .and_then(Connection::open_in_memory_with_flags)
        .and_then(|model| model.execute_batch(SETTINGS).map(|()| model))
        .map_err(|error| Fault::preparing(&error))
}

impl Preview {
    /// Of an open generation, in what was opened for a model.
    pub fn of(model: Connection, generation: &Connection) -> Result<Self, Fault> {
        let counted = rows(
            generation,
            "SELECT table_name, greatest(estimated_size, 1)::UBIGINT FROM duckdb_tables() WHERE schema_name = 'omop'",
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)),
        )?;
        Ok(Self { model, sizes: Sizes::of(counted), made: RefCell::default() })
    }

    /// The rows and pairs that a plan is expected to go through.
    pub fn cost(&self, plan: &Plan) -> Result<f64, Fault> {
        self.cost_of(plan.engine_sql(), plan.columns().len())
    }

    fn cost_of(&self, sql: &str, columns: usize) -> Result<f64, Fault> {
        self.make_tables(sql)?;
        let as_it_is = self.expected(sql, columns)?;
        let inner = OUTER.iter().fold(sql.to_owned(), |sql, join| sql.replace(join, "JOIN"));
        if inner == sql {
            return Ok(as_it_is);
        }
        // An outer join makes no fewer rows than an inner one does. Where this is no SQL any more, the other holds.
        Ok(self.expected(&inner, columns).map_or(as_it_is, |inner| as_it_is.max(inner)))
    }

    fn expected(&self, sql: &str, columns: usize) -> Result<f64, Fault> {
        let sql = format!("EXPLAIN (FORMAT JSON) SELECT * FROM ({sql}\n) AS result({})", names(columns));
        let text: String = one(&self.model, &sql, |row| row.get(1))?;
        // An estimate that cannot be read refuses nothing: the other limits hold.
        let tree: Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(tree.as_array().into_iter().flatten().map(|root| Walk::over(&self.sizes).cost(root)).sum())
    }

    /// Makes the columns that a plan names of the tables that it names, where they are not there yet: to make all takes
    /// longer than most questions. A plan writes each column of a record out (see `flip_gate`).
    fn make_tables(&self, sql: &str) -> Result<(), Fault> {
        let mut made = self.made.borrow_mut();
        for table in TABLES.iter().filter(|table| sql.contains(table.name)) {
            let there = made.entry(table.name).or_default();
            let wanted = |column: &&Column| there.contains(&column.name) || sql.contains(column.name);
            // One of them in any case: a table has a column.
            let columns = table.columns.iter().enumerate();
            let columns = columns.filter(|(at, column)| *at == 0 || wanted(column)).map(|(_, column)| column);
            let columns: Vec<&Column> = columns.collect();
            if columns.len() > there.len() {
                run(&self.model, &self.sizes.sql(table, &columns))?;
                *there = columns.iter().map(|column| column.name).collect();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
