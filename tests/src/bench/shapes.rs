//! Thirteen shapes of questions, asked of gate and engine and of what FLIP's design does: PostgreSQL, pandas, JSON.
//!
//! What must stay true: both have the records of the same extract, read the same SQL, and give counts of the same
//! kind; both are measured in one run, one after the other. Absent: the hub's part, which `asking` measures, and
//! disclosure, which is arithmetic on the counts.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::samples::Samples;
use super::service::Service;
use super::table::{Beside, Report, Row, Target, grouped};
use super::{Places, Steps};
use crate::world::{Appliance, command};

/// The shape that the design has a target for.
const COUNT: &str = "a count with two joins";

/// A title and its SQL, which finds ten persons or more in any generated population of a thousand.
pub const SHAPES: [(&str, &str); 13] = [
    (
        "persons of a year",
        "SELECT person_id, gender_concept_id FROM person WHERE year_of_birth BETWEEN 1950 AND 1959",
    ),
    (
        COUNT,
        "SELECT p.person_id FROM person p JOIN condition_occurrence co ON co.person_id = p.person_id \
         JOIN concept c ON c.concept_id = co.condition_concept_id WHERE c.concept_id IN (201826, 316866)",
    ),
    (
        "two joins, with three columns to describe",
        "SELECT p.person_id, p.year_of_birth, co.condition_start_date, c.concept_name FROM person p \
         JOIN condition_occurrence co ON co.person_id = p.person_id \
         JOIN concept c ON c.concept_id = co.condition_concept_id WHERE c.concept_id IN (201826, 316866)",
    ),
    (
        "a hierarchy of concepts",
        "SELECT person_id, condition_start_date FROM condition_occurrence WHERE condition_concept_id IN \
         (SELECT descendant_concept_id FROM concept_ancestor WHERE ancestor_concept_id = 134057)",
    ),
    (
        "events in order",
        "SELECT c.person_id, d.drug_exposure_start_date - c.condition_start_date AS days FROM condition_occurrence c \
         JOIN drug_exposure d ON d.person_id = c.person_id AND d.drug_exposure_start_date >= c.condition_start_date \
         WHERE c.condition_concept_id = 320128",
    ),
    (
        "counts per person",
        "SELECT person_id, count(*) AS visits, min(visit_start_date) AS first FROM visit_occurrence GROUP BY person_id \
         HAVING count(*) > 2",
    ),
    (
        "the first visit by a window",
        "SELECT person_id, visit_start_date FROM (SELECT person_id, visit_start_date, row_number() OVER \
         (PARTITION BY person_id ORDER BY visit_start_date) AS n FROM visit_occurrence) AS x WHERE n = 1",
    ),
    (
        "the latest measurement",
        "SELECT DISTINCT ON (person_id) person_id, measurement_date, value_as_number FROM measurement \
         WHERE value_as_number IS NOT NULL ORDER BY person_id, measurement_date DESC",
    ),
    (
        "without another event",
        "SELECT p.person_id, p.year_of_birth FROM person p WHERE NOT EXISTS (SELECT 1 FROM condition_occurrence c \
         WHERE c.person_id = p.person_id AND c.condition_concept_id = 320128)",
    ),
    (
        "two sets",
        "SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 320128 INTERSECT \
         SELECT person_id FROM drug_exposure",
    ),
    (
        "a text in a name",
        "SELECT co.person_id, c.concept_name FROM condition_occurrence co JOIN concept c \
         ON c.concept_id = co.condition_concept_id WHERE c.concept_name ILIKE '%hypertens%'",
    ),
    (
        "ages at an event",
        "SELECT v.person_id, EXTRACT(YEAR FROM age(v.visit_start_date, p.birth_datetime)) AS age FROM visit_occurrence v \
         JOIN person p ON p.person_id = v.person_id WHERE v.visit_start_date >= '2020-01-01'",
    ),
    (
        "statistics of measurements",
        "SELECT person_id, avg(value_as_number) AS mean, max(value_as_number) AS high, \
         count(*) FILTER (WHERE value_as_number > range_high) AS above FROM measurement GROUP BY person_id",
    ),
];

/// Medians of one shape.
struct Times {
    cold_ms: Samples,
    first_ms: Samples,
    warm_ms: Samples,
    peak_mib: f64,
}

/// Adds what the shapes cost at one size; beside a service on PostgreSQL where Python and PostgreSQL are here.
pub(super) fn measure(
    report: &mut Report,
    persons: u64,
    extract: &Path,
    generation: &Path,
    runs: usize,
    places: &Places,
    steps: &Steps,
) -> Result<()> {
    let persons = grouped(&persons.to_string());
    steps.begin(&format!("shapes of questions, {persons} persons, engine"))?;
    let ours = by_engine(generation, runs)?;
    steps.begin(&format!("loading {persons} persons into PostgreSQL"))?;
    let service = Service::start(extract, places)
        .inspect_err(|error| eprintln!("flip-bench: the shapes are set beside nothing: {error:#}"))
        .ok();
    steps.begin(&format!("shapes of questions, {persons} persons, PostgreSQL with pandas"))?;
    for ((title, sql), times) in SHAPES.iter().zip(&ours) {
        steps.go_on()?;
        let theirs = service.as_ref().map(|service| service.ask_ms(sql, runs)).transpose()?;
        let row = |what: &str, unit, samples: &Samples| {
            Row::new(format!("{title}, {persons} persons, {what}"), unit, Beside::Range, samples.clone())
        };
        let mut warm = row("engine", "ms", &times.warm_ms).target(Target::Ratio(0.1));
        if let Some(theirs) = &theirs {
            warm = warm.alternative(theirs.median());
        }
        report.add(warm);
        let first = row("first question of an engine process that stands by", "ms", &times.first_ms);
        report.add(if *title == COUNT { first.target(Target::P95(100.0)) } else { first });
        report.add(row("engine process started for it", "ms", &times.cold_ms));
        if let Some(theirs) = &theirs {
            report.add(row("PostgreSQL with pandas", "ms", theirs));
        }
    }
    let peak = ours.iter().map(|times| times.peak_mib).fold(0.0, f64::max);
    let name = format!("most memory of an engine process, {persons} persons");
    report.add(Row::new(name, "MiB", Beside::Range, Samples::new(vec![peak])));
    Ok(())
}

/// The DuckDB file of the generation in use.
pub(super) fn generation(trust: &Appliance) -> Result<PathBuf> {
    let folder = trust.data.join("generations");
    let current = std::fs::read_to_string(folder.join("current")).context("the Trust has no data")?;
    let inside = std::fs::read_dir(folder.join(current.trim()))?;
    let files = inside.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files
        .into_iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "duckdb"))
        .context("the generation has no DuckDB file")
}

fn by_engine(generation: &Path, runs: usize) -> Result<Vec<Times>> {
    let questions = SHAPES.map(|(_, sql)| sql).join("\n---\n");
    engine_times(generation, runs, &[], &questions)?.iter().map(times).collect()
}

/// What `flip-engine-times` says of questions: a line of JSON for each.
pub(super) fn engine_times(
    generation: &Path,
    runs: usize,
    also: &[&str],
    questions: &str,
) -> Result<Vec<Value>> {
    let program = command("flip-appliance")?.get_program().to_owned();
    let mut child = Command::new(command("examples/flip-engine-times")?.get_program())
        .arg(program)
        .arg(generation)
        .arg(runs.to_string())
        .args(also)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no input")?.write_all(questions.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "flip-engine-times failed");
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn times(said: &Value) -> Result<Times> {
    let samples = |key: &str| -> Result<Samples> {
        let all = said[key].as_array().context("no figures")?;
        Ok(Samples::new(all.iter().filter_map(Value::as_f64).collect()))
    };
    let peak_mib = said["peak_mib"].as_f64().context("no figures")?;
    Ok(Times {
        cold_ms: samples("cold_ms")?,
        first_ms: samples("first_ms")?,
        warm_ms: samples("warm_ms")?,
        peak_mib,
    })
}

#[cfg(test)]
mod tests {
    use super::SHAPES;

    #[test]
    fn every_shape_is_let_in() {
        for (title, sql) in SHAPES {
            if let Err(refusal) = flip_gate::admit(sql) {
                panic!("{title}: {refusal}");
            }
        }
    }
}
