//! How long a running question goes on after it is cancelled.

use std::path::Path;

use anyhow::Result;

use super::samples::Samples;
use super::shapes::engine_times;
use super::table::{Beside, Report, Row, Target, grouped};
use super::{Effort, Steps};

/// More pairs than any machine goes through.
const ENDLESS: &str = "SELECT a.person_id, sum(b.value_as_number * c.value_as_number) AS x FROM measurement a, \
                       measurement b, measurement c GROUP BY a.person_id";

/// Adds the time from a cancellation until the question is given up and its process is gone.
pub fn measure(
    report: &mut Report,
    persons: u64,
    generation: &Path,
    effort: &Effort,
    steps: &Steps,
) -> Result<()> {
    let persons = grouped(&persons.to_string());
    steps.begin(&format!("cancelling questions, {persons} persons"))?;
    let lines = engine_times(generation, 3 * effort.shapes, &["cancel"], ENDLESS)?;
    let taken = lines.first().and_then(|line| line["cancel_ms"].as_array()).into_iter().flatten();
    let taken = Samples::new(taken.filter_map(serde_json::Value::as_f64).collect());
    let name = format!("cancelling a running question, {persons} persons");
    report.add(Row::new(name, "ms", Beside::P95, taken).target(Target::P95(100.0)));
    Ok(())
}
