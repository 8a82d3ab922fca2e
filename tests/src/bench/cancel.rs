//! How long a running question goes on after it is cancelled.

use std::path::Path;

use anyhow::Result;

use super::samples::Samples;
use super::shapes::engine_times;
use super::table::{Beside, Report, Row, Target, grouped};
use super::{Effort, Steps};

/// More pairs than any machine goes through in the time: of concepts, since the gate joins persons by their keys.
const ENDLESS: &str = "SELECT p.person_id, count(*) AS n FROM person p, concept a, concept b, concept c, concept d \
                       WHERE a.concept_name <> b.concept_name AND c.concept_name <> d.concept_name GROUP BY p.person_id";

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
