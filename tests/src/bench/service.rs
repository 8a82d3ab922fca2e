//! What FLIP's design does, in little: PostgreSQL with the records of an extract, and `pandas_service.py` before it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::Places;
use super::samples::Samples;
use crate::postgres::{Postgres, Tls};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prepare/pandas_service.py");
/// How long one question is asked again: at a million persons pandas takes a quarter of a minute for each.
const BUDGET: Duration = Duration::from_secs(10);
/// The indexes that OHDSI's script makes and that questions use.
const INDEXES: &str = "
    CREATE INDEX ON omop.condition_occurrence (person_id); CREATE INDEX ON omop.condition_occurrence (condition_concept_id);
    CREATE INDEX ON omop.drug_exposure (person_id);        CREATE INDEX ON omop.drug_exposure (drug_concept_id);
    CREATE INDEX ON omop.measurement (person_id);          CREATE INDEX ON omop.measurement (measurement_concept_id);
    CREATE INDEX ON omop.visit_occurrence (person_id);     CREATE INDEX ON omop.visit_occurrence (visit_concept_id);
    CREATE INDEX ON omop.concept_ancestor (ancestor_concept_id); VACUUM ANALYZE";

/// A running service and its database; ended when it goes out of scope.
pub struct Service {
    address: String,
    child: Child,
    _postgres: Postgres,
}

impl Service {
    /// Loads the extract and starts the service.
    pub fn start(extract: &Path, places: &Places) -> Result<Self> {
        let postgres = Postgres::start(Tls::Off)?;
        postgres.load(extract)?;
        let mut client = postgres.client()?;
        for statement in INDEXES.split(';') {
            client.batch_execute(statement)?;
        }
        let url = format!(
            "postgresql+psycopg2://{}:{}@127.0.0.1:{}/{}?options=-csearch_path%3Domop",
            postgres.owner(),
            postgres.password(),
            postgres.port(),
            postgres.database()
        );
        let mut child = Command::new(places.cache.join("venv/bin/python"))
            .arg(SCRIPT)
            .env("FLIP_BENCH_DATABASE", url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("tests/prepare/python.sh makes the Python it needs")?;
        let mut port = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut port)?;
        let service =
            Self { address: format!("http://127.0.0.1:{}/", port.trim()), child, _postgres: postgres };
        ensure!(!port.trim().is_empty(), "the service ended early");
        Ok(service)
    }

    /// Asks a question once to warm everything, then so many times, or fewer where that takes long; gives the
    /// milliseconds of each.
    pub fn ask_ms(&self, sql: &str, runs: usize) -> Result<Samples> {
        self.ask(sql)?;
        let began = Instant::now();
        let mut taken = vec![self.timed(sql)?];
        while taken.len() < runs && began.elapsed() < BUDGET {
            taken.push(self.timed(sql)?);
        }
        Ok(Samples::new(taken))
    }

    fn timed(&self, sql: &str) -> Result<f64> {
        let began = Instant::now();
        self.ask(sql)?;
        Ok(began.elapsed().as_secs_f64() * 1_000.0)
    }

    fn ask(&self, sql: &str) -> Result<()> {
        let mut response = ureq::post(&self.address).send(sql)?;
        let text = response.body_mut().read_to_string()?;
        ensure!(text.contains("Sex Distribution"), "the service found too few persons: {sql}");
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
