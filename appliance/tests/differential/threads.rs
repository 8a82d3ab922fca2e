//! One thread of DuckDB compared with several: each question is asked of a generation so large that a worker gives DuckDB
//! all the threads that a site allows, and cut so fine that there is work for each.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use duckdb::Connection;
use flip_appliance::data::{Generations, Settings as Ingest, ingest, progress};
use flip_appliance::disclosure::{Noise, Policy, release};
use flip_appliance::engine::{self, CancelFlag, Engine, EngineFailure, Question, Settings, bounds};
use flip_protocol::answer::{CohortOutcome, Extract};
use flip_tests::bench::shapes::SHAPES;
use flip_tests::generate::{Recipe, generate};
use tempfile::TempDir;
use time::macros::date;

use crate::answers::{Answer, difference};
use crate::records::NOW_MS;
use crate::{corpus, records};

/// The same records, in row groups of one batch each, beside a table that no question can reach and that makes the file
/// one of a large generation.
fn large(small: &Path, folder: &TempDir) -> PathBuf {
    let file = folder.path().join("large.duckdb");
    let database = Connection::open_in_memory().unwrap();
    let (small, large) = (small.display(), file.display());
    database
        .execute_batch(&format!(
            "ATTACH '{small}' AS small (READ_ONLY);
             ATTACH '{large}' AS large (ROW_GROUP_SIZE 2048);
             COPY FROM DATABASE small TO large;
             CREATE TABLE large.main.ballast AS SELECT hash(i) AS h FROM range(3000000) AS s(i);
             DETACH small;
             DETACH large;"
        ))
        .unwrap();
    assert!(fs::metadata(&file).unwrap().len() > bounds::SMALL_BYTES);
    file
}

fn engine(threads: u32) -> Engine {
    Engine::new(Settings {
        threads: NonZeroU32::new(threads).unwrap(),
        cost_max: u64::MAX,
        ..Settings::new(PathBuf::from(env!("CARGO_BIN_EXE_flip-appliance")))
    })
}

/// What the site would send, in exact counts with the lowest threshold.
fn asked(engine: &mut Engine, generation: &Path, sql: &str) -> Result<CohortOutcome, EngineFailure> {
    let plan = flip_gate::admit(sql).unwrap();
    let question =
        Question { plan, age_day: date!(2026 - 01 - 15), crowd: 5, blur: None, spent: Arc::default() };
    let raw = engine.run(generation, &question, &CancelFlag::default())?;
    let policy = Policy::check("danger_threshold = 5\ndanger_noise = 0\ndanger_rounding = 1").unwrap();
    let extract = Extract { generation: "g-000001".to_owned(), date: "2026-01-15".to_owned() };
    Ok(release(raw, &policy, &Noise::new(&[0; 32], &[0; 32]), extract).release.into_outcome())
}

#[test]
fn every_question_of_the_corpus_has_the_same_answer_of_one_thread_and_of_two() {
    let (records, folder) = (records::write(), TempDir::new().unwrap());
    let generation = large(&records.generation(), &folder);
    let [alone, shared] = [1, 2].map(|threads| engine::open_generation(&generation, 1_024, threads).unwrap());
    let (mut one, mut two) = (engine(1), engine(2));
    let mut wrong = Vec::new();
    let mut values = 0;
    for corpus::Question { title, ordered, sql } in corpus::questions() {
        let plan = flip_gate::admit(&sql).unwrap();
        let [expected, found] =
            [&alone, &shared].map(|database| Answer::of_duckdb(database, plan.engine_sql()).unwrap());
        if let Some(difference) = difference(expected, found, ordered) {
            wrong.push(format!("{title}: {difference}"));
        }
        let (expected, found) = (asked(&mut one, &generation, &sql), asked(&mut two, &generation, &sql));
        values += usize::from(matches!(expected, Ok(CohortOutcome::Value(_))));
        if expected != found {
            wrong.push(format!("{title}: one thread: {expected:?}\ntwo threads: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(values >= 100, "only {values} questions have counts to compare");
}

#[test]
fn the_shapes_that_are_measured_have_the_same_answer_of_one_thread_and_of_two() {
    let folder = TempDir::new().unwrap();
    let extract = folder.path().join("extract");
    generate(&Recipe { persons: 1_000, seed: 1, ..Recipe::default() }, &extract, |_| {}).unwrap();
    let generations = Generations::open(&folder.path().join("generations")).unwrap();
    let made = ingest(&extract, &generations, &Ingest::default(), NOW_MS, &mut progress::Silent).unwrap();
    let generation = large(&made.generation.database, &folder);
    let (mut one, mut two) = (engine(1), engine(2));
    for (title, sql) in SHAPES {
        let expected = asked(&mut one, &generation, sql);
        assert!(matches!(expected, Ok(CohortOutcome::Value(_))), "{title}: {expected:?}");
        assert_eq!(expected, asked(&mut two, &generation, sql), "{title}");
    }
}
