//! What a plan would cost, before it runs: from DuckDB's own estimates, without reading a record.
//!
//! The cost is how many rows the plan's operators are expected to hand on, and how many pairs of rows those look at
//! that compare each row with each. What must stay true: an ordinary question never comes near the limit; one that
//! would run for hours is refused in milliseconds. Deliberately absent: precision. The time limit still holds.

use duckdb::Connection;
use flip_gate::Plan;
use serde_json::Value;

use super::columns::names;
use super::database::{Fault, one};

/// Operators that look at each pair of their inputs' rows.
const PAIRING: [&str; 5] =
    ["BLOCKWISE_NL_JOIN", "CROSS_PRODUCT", "IE_JOIN", "NESTED_LOOP_JOIN", "PIECEWISE_MERGE_JOIN"];

/// The rows and pairs that a plan is expected to go through.
pub(super) fn cost(database: &Connection, plan: &Plan) -> Result<f64, Fault> {
    let sql = format!(
        "EXPLAIN (FORMAT JSON) SELECT * FROM ({}\n) AS result({})",
        plan.engine_sql(),
        names(plan.columns().len())
    );
    let text: String = one(database, &sql, |row| row.get(1))?;
    // An estimate that cannot be read refuses nothing: the other limits hold.
    let tree: Value = serde_json::from_str(&text).unwrap_or_default();
    Ok(tree.as_array().into_iter().flatten().map(|root| walk(root).cost).sum())
}

/// Of an operator: the rows that it hands on, and the cost with all below it.
struct Expected {
    rows: f64,
    cost: f64,
}

fn walk(operator: &Value) -> Expected {
    let below: Vec<Expected> = operator["children"].as_array().into_iter().flatten().map(walk).collect();
    let pairs: f64 = below.iter().map(|child| child.rows.max(1.0)).product();
    let most = below.iter().map(|child| child.rows).fold(0.0, f64::max);
    let name = operator["name"].as_str().unwrap_or_default().trim();
    let pairing = PAIRING.contains(&name) && below.len() > 1;
    let estimated = operator["extra_info"]["Estimated Cardinality"]
        .as_str()
        .and_then(|text| text.trim_start_matches('~').replace(',', "").trim().parse::<f64>().ok());
    let rows = estimated.unwrap_or(if pairing { pairs } else { most });
    let own = if pairing { pairs.max(rows) } else { rows };
    Expected { rows, cost: own + below.iter().map(|child| child.cost).sum::<f64>() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scan(rows: &str) -> Value {
        json!({ "name": "SEQ_SCAN ", "children": [], "extra_info": { "Estimated Cardinality": rows } })
    }

    #[test]
    fn pairs_are_counted_where_each_row_meets_each() {
        let cross =
            json!({ "name": "CROSS_PRODUCT", "children": [scan("1000"), scan("2000")], "extra_info": {} });
        assert!((walk(&cross).cost - 2_003_000.0).abs() < 1.0);
        let hash = json!({ "name": "HASH_JOIN", "children": [scan("1000"), scan("2000")],
                           "extra_info": { "Estimated Cardinality": "~1500" } });
        assert!((walk(&hash).cost - 4_500.0).abs() < 1.0);
    }
}
