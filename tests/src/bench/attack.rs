//! The attack suite in full, under the policy that the appliance comes with.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::samples::Samples;
use super::table::{Beside, Report, Row, Target};
use super::{Effort, Places, Steps};
use crate::world::Appliance;

/// The share of right guesses, in percent, that no attacker is to have more of.
const RIGHT_PERCENT: f64 = 60.0;

/// Adds how often each attacker was right, after the number of questions that suits it best.
pub fn measure(report: &mut Report, effort: &Effort, places: &Places, steps: &Steps) -> Result<()> {
    steps.begin("the attack suite: some minutes")?;
    let appliance = Appliance::new(&places.scratch.join("attack"))?;
    appliance.set_policy("")?;
    let mut command = appliance.command(&["attack", "--json", "--trials"])?;
    command.arg(effort.plays.to_string()).stderr(Stdio::null());
    // Where an attacker wins, the command fails: its report says the same.
    let output = command.output()?;
    let said: Value =
        serde_json::from_slice(&output.stdout).context("flip-appliance attack gave no report")?;
    let plays = said["trials"].as_f64().context("the report names no plays")?;
    for attacker in said["attackers"].as_array().context("the report names no attackers")? {
        let right = attacker["right"].as_array().into_iter().flatten().filter_map(Value::as_f64);
        let percent = 100.0 * right.reduce(f64::max).context("an attacker without figures")? / plays;
        let name = attacker["name"].as_str().context("an attacker without a name")?;
        let row = Row::new(
            format!("attack: {name}, right after 20, 50 or 100 questions"),
            "%",
            Beside::Range,
            Samples::new(vec![percent]),
        );
        report.add(row.target(Target::Median(RIGHT_PERCENT)));
    }
    Ok(())
}
