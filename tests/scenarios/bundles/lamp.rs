//! What the lamp is told of a stick, and when: for a box without a screen.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{LocalScript, command, until};
use serde_json::Value;

use super::{answer, comes_back, out, sent, signal, stick, take, with, words};
use crate::stage::{SLOW, Stage};

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
    let mounted = stage.folder().join("sdb1.mounted");
    let mounted = mounted.to_str().context("no path")?;
    told(&["--mounted", mounted, "sdb1"])?;
    shows(&stage, "unusable", "The stick sdb1 cannot be mounted: it is damaged, not exFAT or FAT")?;
    until("the news", || Ok(sticks.join("news").exists().then_some(())))?;
    let acts = stage.trust.command(&["audit", "list", "--act", "bundle_stick_handled"])?.output()?;
    assert!(words(&acts).contains("\"unusable\":true"), "{}", words(&acts));
    // It was read before: nothing is said of that.
    fs::write(mounted, "")?;
    told(&["--mounted", mounted, "sdb1"])?;
    shows(&stage, "failed", "the stick sdb1 cannot be mounted to be written: it is write-protected")?;
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
    let mut stage = Stage::set()?;
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
    // Nothing is said twice while it waits, and it is waited for after another start too.
    let before = status(&stage)?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    let restarted = restarted(&mut stage);
    let after = status(&stage)?;
    let unmounted = Command::new("umount").arg(&place).output()?;
    assert!(unmounted.status.success(), "{}", words(&unmounted));
    told.and(restarted)?;
    assert_eq!(before, after);
    shows(&stage, "written", "It may be taken out")
}

/// Starts the appliance anew, and waits until it sees to sticks.
fn restarted(stage: &mut Stage) -> Result<()> {
    stage.trust.kill()?;
    let known = stage.trust.data.join("sticks/known/hub.json");
    fs::remove_file(&known)?;
    stage.trust.resume()?;
    until("the appliance", || Ok(known.exists().then_some(())))?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    Ok(())
}

/// Whoever writes to a stick, ended as its unit is where the stick is pulled; and what is said of it then.
fn pulled(stage: &Stage, mut writer: Child) -> Result<()> {
    writer.kill()?;
    writer.wait()?;
    shows(
        stage,
        "pulled",
        "The stick was pulled, or what handled it was stopped, before the answer was on it",
    )
}

fn writer(stage: &Stage, stick: &Path) -> Result<Child> {
    Ok(with(stage.trust.command(&["bundle", "export", "--wait", "1200", "--out"])?, stick).spawn()?)
}

/// Waits until as many bundles are wished for.
fn wishes(stage: &Stage, count: usize) -> Result<()> {
    until(&format!("{count} wishes"), || {
        let asked =
            fs::read_dir(stage.trust.data.join("sticks/asked"))?.collect::<std::io::Result<Vec<_>>>()?;
        let is_wish = |path: &Path| path.extension().is_some_and(|ending| ending == "json");
        Ok((asked.iter().filter(|entry| is_wish(&entry.path())).count() == count).then_some(()))
    })
}

#[test]
fn a_stick_that_is_pulled_before_its_answer_is_on_it_is_said_to_be_and_nothing_is_lost() -> Result<()> {
    let (mut stage, query, place) = sent()?;
    take(&stage.trust, &place)?;
    until("the answer", || Ok((stage.trust.status()?["outgoing"] == 1).then_some(())))?;
    // While it is written: what writes gets no further than to ask, and is gone once the answer is made.
    let appliance = stage.trust.program()?.id();
    signal(appliance, "STOP")?;
    let made = writer(&stage, &place)?;
    wishes(&stage, 1)?;
    signal(made.id(), "STOP")?;
    signal(appliance, "CONT")?;
    shows(&stage, "made", "not on the stick yet")?;
    pulled(&stage, made)?;
    until("the same in words", || {
        let text = fs::read_to_string(stage.trust.data.join("sticks/status.txt"))?;
        Ok(text.contains("plug it in again, and the answer is written anew: nothing is lost.").then_some(()))
    })?;
    until("the act", || {
        Ok(stage.trust.noted("bundle_stick_handled")?.contains("\"pulled\":true").then_some(()))
    })?;
    let page = LocalScript::new(&stage.trust)?.get("/sticks").call()?.body_mut().read_to_string()?;
    assert!(page.contains("the stick was pulled, or what handled it was stopped"), "{page}");
    // In again: its answer is on it, and may be taken out.
    comes_back(&stage, &place, &query)?;
    shows(&stage, "written", "It may be taken out")?;
    // While it waits for an answer: that is made for nobody then.
    stage.api.ask("slow", SLOW)?;
    out(&stage.hub, &place)?;
    drop(with(stage.trust.command(&["bundle", "import"])?, &place).output()?);
    shows(&stage, "taken", "was taken in")?;
    let waits = writer(&stage, &place)?;
    wishes(&stage, 1)?;
    pulled(&stage, waits)?;
    wishes(&stage, 0)?;
    until("the slow answer", || Ok((stage.trust.status()?["waiting"] == 0).then_some(())))?;
    shows(&stage, "pulled", "The stick was pulled")
}
