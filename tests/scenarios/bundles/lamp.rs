//! What the lamp is told of a stick, and when: for a box without a screen.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{command, until};
use serde_json::Value;

use super::{answer, out, stick, take, words};
use crate::stage::Stage;

fn status(stage: &Stage) -> Result<Value> {
    let text = fs::read_to_string(stage.trust.data.join("sticks/status.json"))?;
    Ok(serde_json::from_str(&text)?)
}

fn shows(stage: &Stage, lamp: &str, words: &str) -> Result<()> {
    until(&format!("the lamp {lamp}, and: {words}"), || {
        let status = status(stage)?;
        let said = status["words"].as_str().context("no words")?;
        Ok((status["lamp"] == lamp && said.contains(words)).then_some(()))
    })
}

#[test]
fn a_stick_that_cannot_be_mounted_is_told_to_the_lamp_and_kept_in_the_audit() -> Result<()> {
    let stage = Stage::set()?;
    let sticks = stage.trust.data.join("sticks");
    until("an appliance that is ready", || Ok(sticks.join("news").exists().then_some(())))?;
    fs::remove_file(sticks.join("news"))?;
    // As the unit does it.
    let output = command("flip-appliance")?.args(["bundle", "unusable", "--sticks"]).arg(&sticks).output()?;
    assert!(output.status.success(), "{}", words(&output));
    shows(&stage, "unusable", "damaged, or not formatted as exFAT or FAT")?;
    until("the news", || Ok(sticks.join("news").exists().then_some(())))?;
    let acts = stage.trust.command(&["audit", "list", "--act", "bundle_stick_handled"])?.output()?;
    assert!(words(&acts).contains("\"unusable\":true"), "{}", words(&acts));
    // What is plugged in next is another.
    let good = stick(&stage, "good")?;
    stage.wire.cut();
    stage.api.ask("everyone", EVERYONE)?;
    out(&stage.hub, &good)?;
    take(&stage.trust, &good)?;
    answer(&stage.trust, &good)?;
    shows(&stage, "written", "It may be taken out")
}

#[test]
fn a_stick_may_be_taken_out_once_it_is_unmounted_and_not_before() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    stage.api.ask("everyone", EVERYONE)?;
    let place = stick(&stage, "mounted")?;
    if !Command::new("mount").args(["-t", "tmpfs", "stick"]).arg(&place).output()?.status.success() {
        eprintln!("this machine may not mount: that the lamp waits for it is not tried");
        return Ok(());
    }
    let told = || -> Result<()> {
        out(&stage.hub, &place)?;
        take(&stage.trust, &place)?;
        answer(&stage.trust, &place)?;
        shows(&stage, "made", "1 bundle is on the stick, whole. Leave it in until it is unmounted.")
    };
    let told = told();
    let unmounted = Command::new("umount").arg(&place).output()?;
    assert!(unmounted.status.success(), "{}", words(&unmounted));
    told?;
    shows(&stage, "written", "It may be taken out")
}
