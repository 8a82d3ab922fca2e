//! The gate's time for a question, beside sqlglot reading, resolving and rewriting the same.
//!
//! What must stay true: both read the same texts, and the first reading of each is not counted. Absent: what sqlglot does
//! not do, which is to judge.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use flip_gate::cdm::{Kind, TABLES};
use serde_json::{Value, json};

use super::samples::Samples;
use super::shapes::SHAPES;
use super::table::{Beside, Report, Row};
use super::{Effort, Places, Steps};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prepare/sqlglot_gate.py");
/// Readings of each question for one run of the shapes.
const READINGS: usize = 10;

/// Adds what the questions cost the gate.
pub fn measure(report: &mut Report, effort: &Effort, places: &Places, steps: &Steps) -> Result<()> {
    steps.begin("reading the shapes of questions")?;
    let readings = effort.shapes * READINGS;
    let ours = SHAPES.iter().map(|(_, sql)| readings_us(sql, readings)).collect();
    let mut row =
        Row::new("gate, median of each of thirteen questions", "us", Beside::Range, Samples::new(ours));
    let theirs = by_sqlglot(readings, places)
        .inspect_err(|error| eprintln!("flip-bench: the gate is set beside nothing: {error:#}"))
        .ok();
    if let Some(theirs) = &theirs {
        row = row.alternative(theirs.median());
    }
    report.add(row);
    if let Some(theirs) = theirs {
        report.add(Row::new("sqlglot, the same questions", "us", Beside::Range, theirs));
    }
    Ok(())
}

fn readings_us(sql: &str, readings: usize) -> f64 {
    let reading = || {
        let began = Instant::now();
        drop(flip_gate::admit(sql));
        began.elapsed().as_secs_f64() * 1_000_000.0
    };
    reading();
    Samples::new((0..readings).map(|_| reading()).collect()).median()
}

fn by_sqlglot(readings: usize, places: &Places) -> Result<Samples> {
    let mut schema = serde_json::Map::new();
    for table in TABLES {
        let columns = table.columns.iter().map(|column| {
            let kind = match column.kind {
                Kind::Integer => "bigint",
                Kind::Float => "double precision",
                Kind::Text(_) => "text",
                Kind::Date => "date",
                Kind::DateTime => "timestamp",
            };
            (column.name.to_owned(), Value::from(kind))
        });
        schema.insert(table.name.to_owned(), Value::Object(columns.collect()));
    }
    let questions: Vec<&str> = SHAPES.iter().map(|(_, sql)| *sql).collect();
    let mut child = Command::new(places.cache.join("venv/bin/python"))
        .arg(SCRIPT)
        .arg(readings.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("tests/prepare/python.sh makes the Python it needs")?;
    let given = json!({ "schema": schema, "questions": questions }).to_string();
    child.stdin.take().context("no input")?.write_all(given.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "sqlglot_gate failed");
    let taken: Vec<Vec<f64>> = serde_json::from_slice(&output.stdout)?;
    ensure!(taken.len() == SHAPES.len(), "sqlglot_gate answered {} questions", taken.len());
    Ok(Samples::new(taken.into_iter().map(|times| Samples::new(times).median()).collect()))
}
