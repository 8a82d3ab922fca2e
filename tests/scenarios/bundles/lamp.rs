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
    let told = |more: &[&str]| -> Result<()> {
        let mut command = command("flip-appliance")?;
        let output = command.args(["bundle", "unusable", "--sticks"]).arg(&sticks).args(more).output()?;
        assert!(output.status.success(), "{}", words(&output));
        Ok(())
    };
    told(&["sdb1"])?;
    shows(&stage, "unusable", "The stick sdb1 cannot be mounted: it is damaged, not exFAT or FAT")?;
    until("the news", || Ok(sticks.join("news").exists().then_some(())))?;
    let acts = stage.trust.command(&["audit", "list", "--act", "bundle_stick_handled"])?.output()?;
    assert!(words(&acts).contains("\"unusable\":true"), "{}", words(&acts));
    // It was read before: nothing is said of that.
    told(&["--to-write", "sdb1"])?;
    shows(&stage, "failed", "sdb1 cannot be mounted to be written: it is write-protected")?;
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
    let inside = place.join("inside");
    let waits = |what: &str| {
        let words = "1 bundle is on the stick, whole. Leave it in until it is unmounted.";
        shows(&stage, "made", words).with_context(|| what.to_owned())
    };
    let kept = || -> Result<usize> {
        let acts = stage.trust.command(&["audit", "list", "--act", "bundle_stick_handled"])?.output()?;
        Ok(words(&acts).matches("\"written\":1").count())
    };
    let told = || -> Result<()> {
        out(&stage.hub, &place)?;
        take(&stage.trust, &place)?;
        answer(&stage.trust, &place)?;
        waits("where it is mounted")?;
        // Deep in it, and in a file: it is the same stick.
        fs::create_dir(&inside)?;
        for (times, to) in [(2, inside.clone()), (3, place.join("answer.flip"))] {
            answer(&stage.trust, &to)?;
            // The audit waits for no unmount.
            until("the act", || Ok((kept()? == times).then_some(())))?;
            waits(&to.display().to_string())?;
        }
        Ok(())
    };
    let told = told();
    // Nothing is said twice while it waits.
    let before = status(&stage)?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    let after = status(&stage)?;
    let unmounted = Command::new("umount").arg(&place).output()?;
    assert!(unmounted.status.success(), "{}", words(&unmounted));
    told?;
    assert_eq!(before, after);
    shows(&stage, "written", "It may be taken out")
}
