//! From a plan that DuckDB made over a model to what its operators would go through over the real rows.
//!
//! What must stay true: of a join no more is taken from the model than how many different values its sides meet in
//! (their rows' product by the rows that come of it); those are as many in reality where they are few, and as many more as
//! there are records where they are keys of records ([`Sizes::stretched`]).

use std::collections::HashMap;

use serde_json::Value;

use super::model::Sizes;

/// A walk over one plan, from its leaves.
pub(super) struct Walk<'a> {
    sizes: &'a Sizes,
    /// What is read again elsewhere: a WITH's rows and a correlated subquery's outer values, by the operator's name for
    /// them.
    kept: HashMap<String, Flow>,
    /// The outer rows of the correlated subqueries that the walk is in.
    outer: Vec<Flow>,
}

/// Of an operator: the rows that it hands on, in the model and in reality, and the cost with all below it.
#[derive(Debug, Clone, Copy)]
struct Flow {
    model: f64,
    real: f64,
    cost: f64,
}

/// What an operator does, as far as its rows go.
enum Does {
    Reads {
        table: String,
    },
    ReadsKept {
        name: String,
    },
    /// Rows that the statement or an outer row brings.
    Brings,
    /// Rows of its input, each or some of them, or several for each.
    Passes,
    Groups,
    OneRow,
    Appends,
    Keeps {
        name: String,
    },
    Correlates {
        name: String,
    },
    /// Looks at each pair of rows.
    Pairs,
    /// Rows of both sides that have the same value.
    Meets,
    /// As [`Does::Meets`], and rows without a partner.
    MeetsOrKeeps,
    /// Rows of one side, each at most once.
    Sifts {
        side: usize,
    },
}

impl Does {
    fn of(operator: &Value, inputs: usize) -> Self {
        let told = |key: &str| operator["extra_info"][key].as_str().unwrap_or_default().to_owned();
        let name = operator["name"].as_str().unwrap_or_default().trim();
        match (name, inputs) {
            ("CTE_SCAN", 0) => Self::ReadsKept { name: format!("cte {}", told("CTE Index")) },
            ("DELIM_SCAN", 0) => Self::ReadsKept { name: format!("outer {}", told("Delim Index")) },
            (_, 0) => match told("Table").rsplit('.').next() {
                Some(table) if !table.is_empty() => Self::Reads { table: table.trim_matches('"').to_owned() },
                Some(_) | None => Self::Brings,
            },
            ("UNGROUPED_AGGREGATE", 1) => Self::OneRow,
            ("HASH_GROUP_BY" | "PERFECT_HASH_GROUP_BY" | "PARTITIONED_AGGREGATE", 1) => Self::Groups,
            (_, 1) => Self::Passes,
            ("CTE", 2) => Self::Keeps { name: format!("cte {}", told("Table Index")) },
            ("LEFT_DELIM_JOIN" | "RIGHT_DELIM_JOIN", 3) => {
                Self::Correlates { name: format!("outer {}", told("Delim Index")) }
            }
            ("UNION", _) => Self::Appends,
            (
                "BLOCKWISE_NL_JOIN"
                | "CROSS_PRODUCT"
                | "IE_JOIN"
                | "NESTED_LOOP_JOIN"
                | "PIECEWISE_MERGE_JOIN",
                _,
            ) => Self::Pairs,
            _ => match told("Join Type").as_str() {
                "LEFT" | "RIGHT" | "FULL" | "OUTER" => Self::MeetsOrKeeps,
                "SEMI" | "ANTI" | "MARK" | "SINGLE" => Self::Sifts { side: 0 },
                "RIGHT_SEMI" | "RIGHT_ANTI" => Self::Sifts { side: 1 },
                _ => Self::Meets,
            },
        }
    }
}

impl<'a> Walk<'a> {
    /// Of a model of these sizes.
    pub fn over(sizes: &'a Sizes) -> Self {
        Self { sizes, kept: HashMap::new(), outer: Vec::new() }
    }

    /// The rows and pairs that a plan goes through.
    pub fn cost(mut self, root: &Value) -> f64 {
        self.flow(root).cost
    }

    fn flow(&mut self, operator: &Value) -> Flow {
        let no_inputs = Vec::new();
        let inputs = operator["children"].as_array().unwrap_or(&no_inputs);
        let does = Does::of(operator, inputs.len());
        if let (Does::Correlates { name }, [outer, inner, values, ..]) = (&does, inputs.as_slice()) {
            return self.correlated(name, [outer, inner, values]);
        }
        let mut below = Vec::new();
        for input in inputs {
            let flow = self.flow(input);
            // The first input of what keeps rows is what it keeps; the second one reads it.
            if let (Does::Keeps { name }, true) = (&does, below.is_empty()) {
                self.kept.insert(name.clone(), flow);
            }
            below.push(flow);
        }
        let spent: f64 = below.iter().map(|flow| flow.cost).sum();
        let (model, real, own) = self.own(&does, estimate(operator), &below);
        Flow { model, real, cost: spent + own }
    }

    /// An operator's rows in the model and in reality, and what it costs by itself.
    fn own(&self, does: &Does, told: Option<f64>, below: &[Flow]) -> (f64, f64, f64) {
        let nothing = Flow { model: 1.0, real: 1.0, cost: 0.0 };
        let first = below.first().copied().unwrap_or(nothing);
        let second = below.get(1).copied().unwrap_or(nothing);
        let pairs =
            [first.model.max(1.0) * second.model.max(1.0), first.real.max(1.0) * second.real.max(1.0)];
        let (model, real, own) = match does {
            Does::Reads { table } => {
                let (rows, all) = (precise(self.sizes.rows(table)), precise(self.sizes.real(table)));
                let model = told.unwrap_or(rows);
                (model, all / self.sizes.stretched(rows / model.max(1.0)), all)
            }
            Does::ReadsKept { name } => {
                let kept = self.kept.get(name).copied().unwrap_or(nothing);
                (kept.model, kept.real, kept.real)
            }
            Does::Brings => {
                let model = told.unwrap_or(1.0);
                let real = self.outer.last().map_or(model, |outer| outer.part(model.min(outer.model)));
                (model, real, real)
            }
            Does::Passes => {
                let model = told.unwrap_or(first.model);
                let real = first.part(model);
                (model, real, first.real.max(real))
            }
            Does::Groups => {
                let model = told.unwrap_or(first.model);
                (model, first.real.min(self.sizes.stretched(model)), first.real)
            }
            Does::OneRow => (1.0, 1.0, first.real),
            Does::Appends => {
                (below.iter().map(|flow| flow.model).sum(), below.iter().map(|flow| flow.real).sum(), 0.0)
            }
            Does::Keeps { .. } => (second.model, second.real, 0.0),
            Does::Pairs => {
                let model = told.unwrap_or(pairs[0]);
                (model, pairs[1] * (model / pairs[0]).min(1.0), pairs[1])
            }
            Does::Meets | Does::Correlates { .. } => {
                let model = told.unwrap_or(first.model.max(second.model));
                let real = pairs[1] / self.sizes.stretched((pairs[0] / model.max(1.0)).max(1.0));
                (model, real, real)
            }
            Does::MeetsOrKeeps => {
                let real = first.real.max(second.real);
                (told.unwrap_or(first.model.max(second.model)), real, real)
            }
            Does::Sifts { side } => {
                let sifted = if *side == 0 { first } else { second };
                let model = told.unwrap_or(sifted.model);
                let real = sifted.part(model.min(sifted.model));
                (model, real, real)
            }
        };
        (model.max(1.0), real.max(1.0), own.max(1.0))
    }

    /// A join with a subquery that is asked once for each different value of the outer rows.
    fn correlated(&mut self, name: &str, [outer, inner, values]: [&Value; 3]) -> Flow {
        let outer = self.flow(outer);
        // The operator that makes them different has no inputs in the plan: it is the outer rows'.
        let (model, real, own) = self.own(&Does::Groups, estimate(values), &[outer]);
        self.kept.insert(name.to_owned(), Flow { model, real, cost: 0.0 });
        self.outer.push(outer);
        let joined = self.flow(inner);
        self.outer.pop();
        Flow { cost: outer.cost + own + joined.cost, ..joined }
    }
}

/// How many rows DuckDB says that an operator of the model makes.
fn estimate(operator: &Value) -> Option<f64> {
    let told = operator["extra_info"]["Estimated Cardinality"].as_str()?;
    told.trim_start_matches('~').replace(',', "").trim().parse().ok()
}

impl Flow {
    /// The real rows that so many of the model's stand for, in proportion.
    fn part(self, model: f64) -> f64 {
        self.real * model.max(1.0) / self.model.max(1.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate is made of it")]
fn precise(rows: u64) -> f64 {
    rows as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pairs_are_counted_where_each_row_meets_each() {
        let scan = |table: &str, rows: u32| {
            json!({ "name": "SEQ_SCAN ", "children": [],
                    "extra_info": { "Table": format!("memory.omop.{table}"), "Estimated Cardinality": rows.to_string() } })
        };
        let sizes = Sizes::of(vec![("person".to_owned(), 512), ("death".to_owned(), 256)]);
        let cost = |name: &str, told: Value| {
            let children = [scan("person", 512), scan("death", 256)];
            Walk::over(&sizes).cost(&json!({ "name": name, "children": children, "extra_info": told }))
        };
        assert!((cost("CROSS_PRODUCT", json!({})) - (512.0 * 256.0 + 768.0)).abs() < 1.0);
        let told = json!({ "Estimated Cardinality": "~1500", "Join Type": "INNER" });
        assert!((cost("HASH_JOIN", told) - (1_500.0 + 768.0)).abs() < 1.0);
    }
}
