//! What questions cost the gate and the engine, without a hub: `flip-bench` starts this program for each size of data.
//!
//! `flip-engine-times PROGRAM GENERATION RUNS` reads questions from standard input, set apart by lines of `---`, and
//! prints one line of JSON for each: `{"gate_us": [...], "cold_ms": [...], "warm_ms": [...]}`. Cold is with a new
//! process of the engine each time; warm is the same question again, asked in full, since no answers are kept.
#![expect(clippy::print_stdout, reason = "the figures go to standard output")]

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use flip_appliance::disclosure::THRESHOLD_DEFAULT;
use flip_appliance::engine::{CancelFlag, Engine, Question, Settings};
use flip_gate::admit;
use time::macros::date;

/// Readings of each question by the gate for one run of the engine.
const GATE_READINGS: usize = 10;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let [_, program, generation, runs] = words.as_slice() else {
        return Err(anyhow!("usage: flip-engine-times PROGRAM GENERATION RUNS"));
    };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    for sql in text.split("\n---\n") {
        println!("{}", times(Path::new(program), Path::new(generation), sql.trim(), runs.parse()?)?);
    }
    Ok(())
}

fn times(program: &Path, generation: &Path, sql: &str, runs: usize) -> Result<serde_json::Value> {
    let settings = Settings::new(PathBuf::from(program));
    let plan = admit(sql).map_err(|refusal| anyhow!("{refusal}")).with_context(|| sql.to_owned())?;
    let gate_us = measured(runs * GATE_READINGS, 1_000_000.0, || drop(admit(sql)));
    let question = Question {
        plan,
        age_day: date!(2026 - 01 - 15),
        crowd: THRESHOLD_DEFAULT,
        spent: std::sync::Arc::default(),
    };
    let ask = |engine: &mut Engine| {
        engine
            .run(generation, &question, &CancelFlag::default())
            .map(drop)
            .map_err(|failure| anyhow!("{failure:?}: {sql}"))
    };
    ask(&mut Engine::new(settings.clone()))?;
    let cold_ms = measured(runs, 1_000.0, || drop(ask(&mut Engine::new(settings.clone()))));
    let mut engine = Engine::new(settings);
    ask(&mut engine)?;
    let warm_ms = measured(runs, 1_000.0, || drop(ask(&mut engine)));
    Ok(serde_json::json!({ "gate_us": gate_us, "cold_ms": cold_ms, "warm_ms": warm_ms }))
}

fn measured(runs: usize, unit: f64, mut act: impl FnMut()) -> Vec<f64> {
    let mut each = || {
        let began = Instant::now();
        act();
        began.elapsed().as_secs_f64() * unit
    };
    (0..runs).map(|_| each()).collect()
}
