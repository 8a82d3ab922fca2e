//! What questions cost the gate and the engine, without a hub: `flip-bench` starts this program for each size of data.
//!
//! `flip-engine-times PROGRAM GENERATION RUNS` reads questions from standard input, set apart by lines of `---`, and
//! prints one line of JSON for each: `{"cold_ms": [...], "first_ms": [...], "warm_ms": [...], "peak_mib": ...}`. Cold is with a
//! process of the engine that is started for it; first is the first question of one that stands by; warm is the same question again, read and asked in full, since neither keeps answers; the peak is
//! the process's resident memory. With `cancel` after RUNS it cancels each question while it runs, and prints
//! `{"cancel_ms": [...]}`, the time until it is given up and its process is gone.
#![expect(clippy::print_stdout, reason = "the figures go to standard output")]

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use flip_appliance::disclosure::{Noise, Policy, THRESHOLD_DEFAULT, blur};
use flip_appliance::engine::{CancelFlag, Engine, EngineFailure, Question, Settings};
use flip_gate::admit;
use serde_json::{Value, json};
use time::macros::date;

/// How long a question has run when it is cancelled.
const RUNNING: Duration = Duration::from_millis(400);

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let (program, generation, runs, cancelled) = match words.as_slice() {
        [_, program, generation, runs] => (program, generation, runs, false),
        [_, program, generation, runs, word] if word == "cancel" => (program, generation, runs, true),
        _ => return Err(anyhow!("usage: flip-engine-times PROGRAM GENERATION RUNS [cancel]")),
    };
    let (generation, runs) = (Path::new(generation), runs.parse()?);
    // What a cancelled question would cost is not to be the reason that it ends.
    let cost_max = if cancelled { u64::MAX } else { 100_000_000_000 };
    let settings = Settings { cost_max, ..Settings::new(PathBuf::from(program)) };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    for sql in text.split("\n---\n") {
        let sql = sql.trim();
        let said = if cancelled {
            cancellations(&settings, generation, &question(sql)?, runs)?
        } else {
            times(&settings, generation, sql, runs)?
        };
        println!("{said}");
    }
    Ok(())
}

fn question(sql: &str) -> Result<Question> {
    let plan = admit(sql).map_err(|refusal| anyhow!("{refusal}")).with_context(|| sql.to_owned())?;
    Ok(Question {
        plan,
        age_day: date!(2026 - 01 - 15),
        crowd: THRESHOLD_DEFAULT,
        blur: blur(&Policy::default(), &Noise::new(&[1; 32], &[1; 32])),
        spent: Arc::default(),
    })
}

fn times(settings: &Settings, generation: &Path, sql: &str, runs: usize) -> Result<Value> {
    let ask = |engine: &mut Engine| {
        let counts = engine.run(generation, &question(sql)?, &CancelFlag::default());
        counts.map(drop).map_err(|failure| anyhow!("{failure:?}: {sql}"))
    };
    ask(&mut Engine::new(settings.clone()))?;
    let cold_ms = measured(runs, || Ok(Engine::new(settings.clone())), ask)?;
    let standing = || {
        let mut engine = Engine::new(settings.clone());
        let stands = engine.stand_by(generation, Instant::now(), &CancelFlag::default());
        stands.map(|()| engine).map_err(|failure| anyhow!("{failure:?}"))
    };
    let first_ms = measured(runs, standing, ask)?;
    let mut engine = Engine::new(settings.clone());
    ask(&mut engine)?;
    let warm_ms = measured(runs, || Ok(()), |()| ask(&mut engine))?;
    let peak_mib = children()?.into_iter().map(peak_mib).fold(0.0, f64::max);
    Ok(json!({ "cold_ms": cold_ms, "first_ms": first_ms, "warm_ms": warm_ms, "peak_mib": peak_mib }))
}

fn cancellations(settings: &Settings, generation: &Path, question: &Question, runs: usize) -> Result<Value> {
    let mut cancel_ms = Vec::new();
    for _ in 0..runs {
        let cancel = CancelFlag::default();
        let mut engine = Engine::new(settings.clone());
        engine.stand_by(generation, Instant::now(), &cancel).map_err(|failure| anyhow!("{failure:?}"))?;
        let raised = std::thread::spawn({
            let cancel = cancel.clone();
            move || {
                std::thread::sleep(RUNNING);
                cancel.cancel();
                Instant::now()
            }
        });
        let outcome = engine.run(generation, question, &cancel).map(drop);
        let ended = Instant::now();
        ensure!(outcome == Err(EngineFailure::Cancelled), "it ended by itself: {outcome:?}");
        ensure!(children()?.is_empty(), "its process is still there");
        let raised = raised.join().map_err(|_| anyhow!("the thread that cancels panicked"))?;
        cancel_ms.push(ended.saturating_duration_since(raised).as_secs_f64() * 1_000.0);
    }
    Ok(json!({ "cancel_ms": cancel_ms }))
}

/// This process's children: the engine's process.
fn children() -> Result<Vec<u32>> {
    let ids = std::fs::read_to_string("/proc/thread-self/children")?;
    Ok(ids.split_whitespace().filter_map(|id| id.parse().ok()).collect())
}

fn peak_mib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1_024.0
}

/// Milliseconds of each run of `act`, with what is made ready for it.
fn measured<T>(
    runs: usize,
    mut ready: impl FnMut() -> Result<T>,
    mut act: impl FnMut(&mut T) -> Result<()>,
) -> Result<Vec<f64>> {
    let mut each = || {
        let mut ready = ready()?;
        let began = Instant::now();
        act(&mut ready)?;
        Ok(began.elapsed().as_secs_f64() * 1_000.0)
    };
    (0..runs).map(|_| each()).collect()
}
