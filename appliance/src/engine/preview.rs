//! What a plan would cost, before it runs: from DuckDB's own estimates over a scale model of the generation, tables of
//! made-up rows of which there are as many, in proportion, as of the real ones.
//!
//! The cost is how many rows the plan's operators are expected to hand on, and how many pairs of rows those look at
//! that compare each row with each. What must stay true: an ordinary question never comes near the limit; one that
//! would run for hours is refused in milliseconds; the cost knows no value of any record, and no count but the power of
//! two that a table's rows are rounded up to. (Over the records themselves DuckDB knows the least and the greatest value
//! of each column and whether one is missing: by what a question costs it would tell whether one person is that old.)
//! Deliberately absent: precision. A join of two large tables by what is no key of a record, such as a concept, makes more
//! rows than the model says, the more the larger the tables are: then the time limit alone holds.

use std::cell::RefCell;
use std::collections::HashMap;

use duckdb::{Config, Connection};
use flip_gate::Plan;
use flip_gate::cdm::{Column, Kind, TABLES, Table};
use serde_json::Value;

use super::columns::names;
use super::database::{Fault, one, rows, run};

/// Operators that look at each pair of their inputs' rows.
const PAIRING: [&str; 5] =
    ["BLOCKWISE_NL_JOIN", "CROSS_PRODUCT", "IE_JOIN", "NESTED_LOOP_JOIN", "PIECEWISE_MERGE_JOIN"];
/// The reader of tables, of which a model is made; series are as long as the question says.
const TABLE_READER: &str = "SEQ_SCAN";

/// Rows of the largest table of a model.
const MODEL_ROWS: u64 = 8_192;
/// Values that a column of a model has which is no key.
const MODEL_VALUES: u64 = 64;
/// MiB that DuckDB may take for it.
const MEMORY_MB: u64 = 64;

/// As a generation is opened with, and no more planning by values.
const SETTINGS: &str = "
    SET enable_external_access = false;
    SET integer_division = true;
    SET default_null_order = 'nulls_last_on_asc_first_on_desc';
    SET disabled_optimizers = 'statistics_propagation';
    SET lock_configuration = true;
    CREATE SCHEMA omop;";

/// A scale model of a generation.
pub(super) struct Preview {
    model: Connection,
    sizes: Sizes,
    /// The tables that it has by now.
    made: RefCell<Vec<&'static str>>,
}

impl Preview {
    /// Of an open generation.
    pub fn of(generation: &Connection) -> Result<Self, Fault> {
        let counted = rows(
            generation,
            "SELECT table_name, greatest(estimated_size, 1)::UBIGINT FROM duckdb_tables() WHERE schema_name = 'omop'",
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)),
        )?;
        let rounded = counted.into_iter().map(|(table, rows)| (table, rows.next_power_of_two()));
        let sizes = Sizes::of(rounded.collect());
        let opened = Config::default()
            .with("memory_limit", format!("{MEMORY_MB}MiB"))
            .and_then(|config| config.with("threads", "1"))
            .and_then(Connection::open_in_memory_with_flags)
            .and_then(|model| model.execute_batch(SETTINGS).map(|()| model));
        let model = opened.map_err(|error| Fault::preparing(&error))?;
        Ok(Self { model, sizes, made: RefCell::default() })
    }

    /// The rows and pairs that a plan is expected to go through.
    pub fn cost(&self, plan: &Plan) -> Result<f64, Fault> {
        self.make_tables(plan.engine_sql())?;
        let sql = format!(
            "EXPLAIN (FORMAT JSON) SELECT * FROM ({}\n) AS result({})",
            plan.engine_sql(),
            names(plan.columns().len())
        );
        let text: String = one(&self.model, &sql, |row| row.get(1))?;
        // An estimate that cannot be read refuses nothing: the other limits hold.
        let tree: Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(tree.as_array().into_iter().flatten().map(|root| self.walk(root).cost).sum())
    }

    /// Makes the tables that a plan names, where they are not there yet: all of them would take it longer to start.
    fn make_tables(&self, sql: &str) -> Result<(), Fault> {
        let mut made = self.made.borrow_mut();
        for table in TABLES.iter().filter(|table| sql.contains(table.name)) {
            if !made.contains(&table.name) {
                run(&self.model, &self.sizes.sql(table))?;
                made.push(table.name);
            }
        }
        Ok(())
    }

    fn walk(&self, operator: &Value) -> Expected {
        let below = operator["children"].as_array().into_iter().flatten();
        let below: Vec<Expected> = below.map(|child| self.walk(child)).collect();
        let pairs: f64 = below.iter().map(|child| child.rows.max(1.0)).product();
        let most = below.iter().map(|child| child.rows).fold(0.0, f64::max);
        let name = operator["name"].as_str().unwrap_or_default().trim();
        let pairing = PAIRING.contains(&name) && below.len() > 1;
        let to_scale = name == TABLE_READER || below.iter().any(|child| child.to_scale);
        let estimated = operator["extra_info"]["Estimated Cardinality"]
            .as_str()
            .and_then(|text| text.trim_start_matches('~').replace(',', "").trim().parse::<f64>().ok())
            .map(|rows| if to_scale { rows * self.sizes.scale() } else { rows });
        let rows = estimated.unwrap_or(if pairing { pairs } else { most });
        let own = if pairing { pairs.max(rows) } else { rows };
        Expected { rows, cost: own + below.iter().map(|child| child.cost).sum::<f64>(), to_scale }
    }
}

/// Of an operator: the rows that it hands on, the cost with all below it, and whether rows of the model are among them.
struct Expected {
    rows: f64,
    cost: f64,
    to_scale: bool,
}

/// How many rows a model's tables have.
struct Sizes {
    /// How many rows one of the model stands for.
    scale: u64,
    tables: HashMap<String, u64>,
}

impl Sizes {
    fn of(tables: HashMap<String, u64>) -> Self {
        let largest = tables.values().copied().max().unwrap_or(1);
        Self { scale: (largest / MODEL_ROWS).max(1), tables }
    }

    fn rows(&self, table: &str) -> u64 {
        (self.tables.get(table).copied().unwrap_or(1) / self.scale).max(1)
    }

    #[expect(clippy::cast_precision_loss, reason = "a power of two")]
    fn scale(&self) -> f64 {
        self.scale as f64
    }

    /// The statement that makes a table of the model.
    fn sql(&self, table: &Table) -> String {
        let values = table.columns.iter();
        let values = values.map(|column| format!("{} AS \"{}\"", self.values(table, column), column.name));
        let values = values.collect::<Vec<_>>().join(", ");
        let (name, rows) = (table.name, self.rows(table.name));
        format!("CREATE TABLE omop.\"{name}\" AS SELECT {values} FROM range({rows}) AS s(i)")
    }

    /// SQL for a column's values in row `i`: as many different ones as joins and conditions find in real records.
    fn values(&self, table: &Table, column: &Column) -> String {
        let different = match column.refers_to {
            _ if table.primary_key == Some(column.name) || column.name == "accession_id" => u64::MAX / 2,
            Some("concept") | None => MODEL_VALUES,
            Some(other) => self.rows(other),
        };
        match column.kind {
            Kind::Integer => format!("i % {different}"),
            Kind::Float => "i::DOUBLE".to_owned(),
            Kind::Text(_) => format!("(i % {different})::VARCHAR"),
            Kind::Date => "make_date((i % 4096)::INTEGER)".to_owned(),
            Kind::DateTime => "make_timestamp(i)".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The cost of a question where the persons are these rows.
    fn cost(persons: &str, condition: &str) -> f64 {
        let generation = Connection::open_in_memory().unwrap();
        let tables = format!(
            "CREATE SCHEMA omop;
             CREATE TABLE omop.person (person_id BIGINT, year_of_birth BIGINT, birth_datetime TIMESTAMP,
                                       gender_source_value VARCHAR, location_id BIGINT);
             INSERT INTO omop.person {persons};
             CREATE TABLE omop.measurement (measurement_id BIGINT, person_id BIGINT, value_as_number DOUBLE);"
        );
        generation.execute_batch(&tables).unwrap();
        let sql = format!(
            "SELECT p.person_id FROM person p, generate_series(1, 10000) AS a(i), generate_series(1, 10000) AS b(j) \
             WHERE {condition}"
        );
        Preview::of(&generation).unwrap().cost(&flip_gate::admit(&sql).unwrap()).unwrap()
    }

    const CROWD: &str = "SELECT i, 1950 + i % 50, make_timestamp(i), 'M', i FROM range(1000) AS s(i)";

    #[test]
    fn what_a_question_costs_knows_no_value_of_any_record() {
        let one_more = |person: &str| format!("{CROWD} UNION ALL SELECT {person}");
        let others = [
            one_more("5000, 1890, make_timestamp(-9000000000000000), 'X', 7"),
            one_more("5000, 2020, make_timestamp(9000000000000000), NULL, NULL"),
            one_more("NULL, NULL, NULL, NULL, NULL"),
        ];
        for condition in [
            "p.year_of_birth < 1900",
            "p.year_of_birth = 1890",
            "p.year_of_birth BETWEEN 2015 AND 2030",
            "p.year_of_birth IS NULL",
            "p.year_of_birth IN (1890, 2020)",
            "p.birth_datetime < DATE '1900-01-01'",
            "p.birth_datetime IS NOT NULL",
            "p.gender_source_value > 'N'",
            "p.gender_source_value IS NULL",
            "p.location_id IS NULL",
            "EXISTS (SELECT 1 FROM measurement m WHERE m.person_id = p.person_id AND m.value_as_number > 10)",
        ] {
            let expected = cost(CROWD, condition);
            assert!(expected > 1e9, "{condition}: {expected}");
            for other in &others {
                assert!((cost(other, condition) - expected).abs() < 0.5, "{condition}: {other}");
            }
        }
    }

    #[test]
    fn of_how_many_rows_there_are_it_knows_the_power_of_two() {
        let of = |rows: u64| {
            cost(&format!("{CROWD} LIMIT 0; INSERT INTO omop.person (person_id) FROM range({rows})"), "1 = 1")
        };
        assert!((of(1_024) - of(600)).abs() < 0.5);
        assert!(of(1_025) > 1.9 * of(1_024));
    }

    fn scan(rows: &str) -> Value {
        json!({ "name": "SEQ_SCAN ", "children": [], "extra_info": { "Estimated Cardinality": rows } })
    }

    #[test]
    fn pairs_are_counted_where_each_row_meets_each() {
        let cross =
            json!({ "name": "CROSS_PRODUCT", "children": [scan("1000"), scan("2000")], "extra_info": {} });
        let model = Connection::open_in_memory().unwrap();
        let model = Preview { model, sizes: Sizes::of(HashMap::new()), made: RefCell::default() };
        assert!((model.walk(&cross).cost - 2_003_000.0).abs() < 1.0);
        let hash = json!({ "name": "HASH_JOIN", "children": [scan("1000"), scan("2000")],
                           "extra_info": { "Estimated Cardinality": "~1500" } });
        assert!((model.walk(&hash).cost - 4_500.0).abs() < 1.0);
    }
}
