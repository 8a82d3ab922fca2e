//! A frozen cohort's rows at a client, beside DuckDB's own export and beside JSON.
//!
//! What must stay true: the client is the Python module that training code uses, against the running appliance; the
//! ways into memory give as many rows. The JSON way has no network and no PostgreSQL, which flatters it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::samples::Samples;
use super::shapes::generation;
use super::stage::Stage;
use super::table::{Beside, Report, Row, Target, grouped};
use super::{Effort, Places, Steps};
use crate::world::{Appliance, until};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prepare/dataframes.py");
const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../python");

/// Ten columns of about as many rows as a generated population has persons.
const ROWS: &str = "SELECT m.person_id, m.measurement_id, m.measurement_concept_id, m.measurement_date, \
                    m.value_as_number, m.unit_concept_id, m.range_low, m.range_high, p.year_of_birth, p.gender_concept_id \
                    FROM measurement m JOIN person p ON p.person_id = m.person_id WHERE p.year_of_birth >= 1985";

/// Adds the time until a client has all rows, in three formats.
pub fn measure(
    report: &mut Report,
    effort: &Effort,
    trust: Appliance,
    folder: &Path,
    places: &Places,
    steps: &Steps,
) -> Result<()> {
    steps.begin("freezing a cohort")?;
    let stage = Stage::start(folder, vec![trust])?;
    let query = stage.api.ask("bench", ROWS)?;
    stage.api.complete(&query)?;
    let freeze = format!("/api/v1/queries/{query}/freeze");
    ensure!(stage.api.approve(&query)?, "the project was staged before");
    until("the freeze to end", || {
        let freezes = stage.api.get(&format!("{freeze}?wait_s=10"))?.json();
        Ok((freezes["complete"] == true).then_some(()))
    })?;
    let trust = &stage.trusts[0];
    let cohort =
        trust.told(&["frozen", "list"])?[0]["name"].as_str().context("nothing was frozen")?.to_owned();
    let token = trust.told(&["token", "new", "--frozen", &cohort, "--label", "bench"])?;
    steps.begin("dataframes of the frozen cohort, DuckDB and JSON")?;
    let said = by_python(&token, &generation(trust)?, effort, places)?;
    add(report, &said)
}

fn by_python(token: &Value, generation: &Path, effort: &Effort, places: &Places) -> Result<Value> {
    let mut child = Command::new(places.cache.join("venv/bin/python"))
        .arg(SCRIPT)
        .arg(generation)
        .arg(effort.dataframes.to_string())
        .env("PYTHONPATH", MODULE)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("FLIP_API_SOCKET", token["socket"].as_str().context("no socket")?)
        .env("FLIP_API_TOKEN", token["token"].as_str().context("no token")?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("tests/prepare/python.sh makes the Python it needs")?;
    child.stdin.take().context("no input")?.write_all(ROWS.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "dataframes.py failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn add(report: &mut Report, said: &Value) -> Result<()> {
    let samples = |name: &str| -> Result<Samples> {
        let seconds = said[name].as_array().with_context(|| format!("no {name}"))?;
        Ok(Samples::new(seconds.iter().filter_map(Value::as_f64).map(|seconds| 1_000.0 * seconds).collect()))
    };
    let rows = grouped(&said["rows"].to_string());
    let row = |what: &str, samples: &Samples| {
        let name = format!("dataframe of {rows} rows x {}, {what}", said["columns"]);
        Row::new(name, "ms", Beside::Range, samples.clone())
    };
    let (frame, json) = (samples("dataframe_s")?, samples("json_s")?);
    for (format, most) in [("arrow", Some(1.5)), ("parquet", None), ("csv", None)] {
        let (ours, theirs) = (samples(&format!("{format}_s"))?, samples(&format!("{format}_duckdb_s"))?);
        let first = row(&format!("{format}, beside DuckDB's own"), &ours).alternative(theirs.median());
        report.add(match most {
            Some(most) => first.target(Target::Ratio(most)),
            None => first,
        });
        report.add(row(&format!("{format}, DuckDB's own"), &theirs));
    }
    report.add(
        row("as a DataFrame, beside pandas and JSON", &frame)
            .alternative(json.median())
            .target(Target::Ratio(0.1)),
    );
    report.add(row("pandas and JSON", &json));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ROWS;

    #[test]
    fn the_question_is_let_in() {
        assert_eq!(flip_gate::admit(ROWS).map(|plan| plan.columns().len()).ok(), Some(10));
    }
}
