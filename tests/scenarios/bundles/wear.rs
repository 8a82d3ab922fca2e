//! Sticks that are used for long, that wear out, and two that are handled at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use flip_protocol::bundle::{Unproven, Way};
use flip_storage::journal::Journal;
use flip_tests::questions::{EVERYONE, RARE};
use flip_tests::world::{LocalScript, until};

use super::large::{huge, large, parts};
use super::{
    answer, back, comes_back, failed, file, folder_of_sticks, out, round, sent, share, stick, take, told,
    with, words,
};
use crate::stage::{Stage, TRUST};

/// The bundles on a stick that go this way, by whatever name.
fn going(stick: &Path, way: Way) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(stick)? {
        let path = entry?.path();
        let head = Unproven::read(fs::File::open(&path)?).ok();
        if head.is_some_and(|head| head.header().heading.way == way) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[test]
fn a_stick_that_goes_to_and_fro_is_cleared_of_what_is_done_and_of_nothing_else() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let stick = stick(&stage, "stick")?;
    fs::write(stick.join("holiday.jpg"), b"a beach")?;
    fs::write(stick.join("flip-lookalike.flip"), b"no bundle")?;
    let mut said = Vec::new();
    for number in 0..4 {
        stage.api.ask(&format!("question {number}"), EVERYONE)?;
        said.push(out(&stage.hub, &stick)?["removed"].as_array().context("no list")?.len());
        // Taken in before: what of it lies there still is no news.
        drop(with(stage.trust.command(&["bundle", "import"])?, &stick).output()?);
        said.push(answer(&stage.trust, &stick)?["removed"].as_array().context("no list")?.len());
        drop(with(stage.hub.command(&["bundle", "import"])?, &stick).output()?);
    }
    assert_eq!(said, [0, 0, 1, 1, 1, 1, 1, 1]);
    assert_eq!((going(&stick, Way::ToTrust)?.len(), going(&stick, Way::ToHub)?.len()), (1, 1));
    assert_eq!(fs::read(stick.join("holiday.jpg"))?, b"a beach");
    assert_eq!(fs::read(stick.join("flip-lookalike.flip"))?, b"no bundle");
    // Known by what it is, not by its name; and what only looks like one stays, as does what still waits.
    let (to_trust, to_hub) = (going(&stick, Way::ToTrust)?.remove(0), going(&stick, Way::ToHub)?.remove(0));
    fs::rename(&to_trust, stick.join("renamed.flip"))?;
    let mut forged = fs::read(stick.join("renamed.flip"))?;
    forged[54 + 7] ^= 1;
    fs::write(stick.join("forged.flip"), forged)?;
    let waits = stage.api.ask("waits", RARE)?;
    let exported = out(&stage.hub, &stick)?;
    assert_eq!(exported["removed"], serde_json::json!([stick.join("renamed.flip")]), "{exported}");
    let exported = out(&stage.hub, &stick)?;
    assert_eq!(exported["removed"], serde_json::json!([]), "what the Trust has not taken stays: {exported}");
    assert!(stick.join("forged.flip").exists() && to_hub.exists());
    fs::remove_file(stick.join("forged.flip"))?;
    drop(with(stage.trust.command(&["bundle", "import"])?, &stick).output()?);
    answer(&stage.trust, &stick)?;
    assert!(!to_hub.exists(), "its results are acknowledged");
    assert_eq!(answer(&stage.trust, &stick)?["removed"], serde_json::json!([]), "its results are not");
    drop(with(stage.hub.command(&["bundle", "import"])?, &stick).output()?);
    assert_eq!(share(&stage.api.result(&waits)?)["state"], "fewer_than");
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_unreadable_and_the_others_are_taken_all_the_same() -> Result<()> {
    let (stage, _, stick) = sent()?;
    // A file whose first byte gives EIO.
    let unreadable = Path::new("/proc/self/mem");
    let said = failed(with(stage.trust.command(&["bundle", "import"])?, unreadable))?;
    assert_eq!(said[0]["outcome"]["refused"], "unreadable", "{said}");
    let said = failed(with(stage.hub.command(&["bundle", "import"])?, unreadable))?;
    assert_eq!(said[0]["refused"], "unreadable", "{said}");
    for command in [stage.trust.command(&["audit", "list"])?, stage.hub.command(&["audit", "list"])?] {
        until("it in the audit", || {
            let mut again = Command::new(command.get_program());
            let listed = words(&again.args(command.get_args()).output()?);
            Ok((listed.contains("bundle_refused") && listed.contains("unreadable")).then_some(()))
        })?;
    }
    let bad = stick.join("flip-0.flip");
    fs::write(&bad, b"")?;
    if !Command::new("mount").args(["--bind", "/proc/self/mem"]).arg(&bad).output()?.status.success() {
        eprintln!("this machine may not mount: a stick with one bad file is not tried");
        return Ok(());
    }
    let said = failed(with(stage.trust.command(&["bundle", "import"])?, &stick));
    let unmounted = Command::new("umount").arg(&bad).output()?;
    let said = said?;
    assert!(unmounted.status.success(), "{}", words(&unmounted));
    assert_eq!(
        (&said[0]["outcome"]["refused"], &said[1]["outcome"]["orders"]),
        (&"unreadable".into(), &1.into()),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_disk_here_that_takes_no_more_is_named_and_is_no_fault_of_the_stick() -> Result<()> {
    let stage = Stage::cut_off()?;
    let place = stick(&stage, "large")?.join("flip-large.flip");
    large(&stage, &place, 2)?;
    let said = no_room(&with(stage.trust.command(&["bundle", "import"])?, &place), 100_000)?;
    assert_eq!(said[0]["outcome"], serde_json::Value::Null);
    until("the lamp", || lamp_is(&stage, "failed"))?;
    let listed = stage.trust.noted("bundle_refused")?;
    assert!(!listed.contains("unreadable"), "{listed}");
    assert_eq!(take(&stage.trust, &place)?[0]["outcome"]["orders"], 2);
    Ok(())
}

/// A command where no file may grow beyond so many bytes, as on a disk that is full, of which it must speak.
fn no_room(command: &Command, bytes: u64) -> Result<serde_json::Value> {
    let mut bounded = Command::new("env");
    bounded.args(["--ignore-signal=XFSZ", "prlimit", &format!("--fsize={bytes}")]);
    bounded.arg(command.get_program()).args(command.get_args());
    let said = failed(bounded)?;
    let why = said[0]["failed"].as_str().unwrap_or_default();
    assert!(why.contains("own disk") && why.contains("File too large"), "{said}");
    Ok(said)
}

#[test]
fn a_disk_of_the_hub_that_takes_no_more_is_named_and_is_no_fault_of_the_stick() -> Result<()> {
    const MESSAGES: usize = 4;
    let stage = Stage::set()?;
    stage.wire.cut();
    answer(&stage.trust, &stick(&stage, "answer")?)?;
    let made = file(&stage.folder().join("answer"))?;
    let id = made.file_stem().and_then(|name| name.to_str()).context("no name")?.trim_start_matches("flip-");
    let key = stage.trust.data.join("identity/signing.key");
    let (signing, heading, letter) = parts(&stage, &key, "answer", id.parse()?)?;
    let place = stick(&stage, "large")?.join("flip-large.flip");
    huge(&place, heading, &letter, MESSAGES, &signing)?;
    // Room for the ledger, and not for the copy.
    no_room(&with(stage.hub.command(&["bundle", "import"])?, &place), 12_000_000)?;
    let listed = stage.hub.noted("bundle_refused")?;
    assert!(!listed.contains("unreadable"), "{listed}");
    // Nothing of it was used, and it is taken once there is room.
    assert_eq!(back(&stage.hub, &place)?[0]["taken"], true);
    Ok(())
}

#[test]
fn what_is_heard_of_the_hubs_clock_is_kept_after_what_brought_it() -> Result<()> {
    let mut stage = Stage::cut_off()?;
    stage.api.ask("everyone", EVERYONE)?;
    let place = stick(&stage, "stick")?;
    let made = out(&stage.hub, &place)?["bundles"][0]["bundle"]["made"].as_u64().context("no moment")?;
    stage.trust.kill()?;
    let heard = |stage: &Stage| -> Result<u64> {
        let journal = Journal::open(&stage.trust.data.join("journal.redb"))?;
        Ok(journal.heard()?.context("nothing was heard")?.0)
    };
    let before = heard(&stage)?;
    assert!(before < made);
    // It cannot be noted that the bundle was taken.
    let (audit, away) = (stage.trust.data.join("audit.log"), stage.trust.data.join("audit.away"));
    stage.trust.resume()?;
    fs::rename(&audit, &away)?;
    fs::create_dir(&audit)?;
    let mut reader = with(stage.trust.command(&["bundle", "import"])?, &place).spawn()?;
    stage.trust.program()?.says("it cannot be worked on")?;
    reader.kill()?;
    reader.wait()?;
    stage.trust.kill()?;
    assert_eq!(heard(&stage)?, before);
    fs::remove_dir(&audit)?;
    fs::rename(&away, &audit)?;
    stage.trust.resume()?;
    until("the bundle to be taken", || Ok((acts(&stage, "bundle_taken")? == 1).then_some(())))?;
    stage.trust.kill()?;
    assert_eq!(heard(&stage)?, made);
    Ok(())
}

fn lamp_is(stage: &Stage, lamp: &str) -> Result<Option<()>> {
    let status = fs::read(stage.trust.data.join("sticks/status.json"))?;
    Ok((serde_json::from_slice::<serde_json::Value>(&status)?["lamp"] == lamp).then_some(()))
}

#[test]
fn what_went_wrong_while_a_stick_was_read_is_on_the_lamp_when_it_is_written() -> Result<()> {
    let stage = Stage::cut_off()?;
    let stick = stick(&stage, "stick")?;
    fs::write(stick.join("flip-no-bundle.flip"), "no bundle")?;
    failed(with(stage.trust.command(&["bundle", "import"])?, &stick))?;
    until("the lamp", || lamp_is(&stage, "refused"))?;
    let export = ["bundle", "export", "--out"];
    told(with(stage.trust.command(&export)?, &stick))?;
    until("both in words", || {
        let text = fs::read_to_string(stage.trust.data.join("sticks/status.txt"))?;
        let both = text.contains("may be taken out") && text.contains("Before that: A bundle was refused");
        Ok(both.then_some(()))
    })?;
    assert!(lamp_is(&stage, "refused")?.is_some());
    told(with(stage.trust.command(&export)?, &stick))?;
    until("the lamp", || lamp_is(&stage, "written"))
}

#[test]
fn the_lamp_says_that_it_is_written_once_it_is_and_that_it_failed_where_it_did() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let stick = stick(&stage, "stick")?;
    // A folder in which nothing can be made.
    let export = ["bundle", "export", "--out"];
    let output = with(stage.trust.command(&export)?, Path::new("/proc")).output()?;
    assert!(!output.status.success(), "{}", words(&output));
    until("the lamp", || lamp_is(&stage, "failed"))?;
    // The unit of the lamp takes it away before it looks, and is started for as long as it is there.
    let news = stage.trust.data.join("sticks/news");
    until("news", || Ok(fs::remove_file(&news).ok()))?;
    told(with(stage.trust.command(&export)?, &stick))?;
    until("the lamp", || lamp_is(&stage, "written"))?;
    until("news again", || Ok(news.exists().then_some(())))?;
    until("the same in words", || {
        let text = fs::read_to_string(stage.trust.data.join("sticks/status.txt"))?;
        let said = text.contains("1 bundle is on the stick") && text.contains("may be taken out");
        Ok(said.then_some(()))
    })?;
    let listed = stage.trust.noted("bundle_stick_handled")?;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    Ok(())
}

#[test]
fn the_local_console_waits_for_who_handles_a_stick_and_says_so() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let lock = folder_of_sticks(&stage.trust)?.join("handling.lock");
    let held = flip_storage::stick::hold(&lock)?.context("somebody holds it")?;
    let script = LocalScript::new(&stage.trust)?;
    let body = "--x\r\nContent-Disposition: form-data; name=\"bundle\"; filename=\"a.flip\"\r\n\r\nno bundle\r\n--x--\r\n";
    let bring =
        || script.post("/sticks").header("content-type", "multipart/form-data; boundary=x").send(body);
    for mut busy in [script.post("/sticks/answer").send_empty()?, bring()?] {
        let page = busy.body_mut().read_to_string()?;
        assert!(busy.status() == 409 && page.contains("Another stick is being handled"), "{page}");
    }
    drop(held);
    assert_eq!(script.post("/sticks/answer").send_empty()?.status(), 200);
    let page = bring()?.body_mut().read_to_string()?;
    assert!(page.contains("Refused (not_a_bundle)"), "{page}");
    Ok(())
}

/// The appliance stands, and has heard of a hub's clock that was more than a year ahead.
fn misled(stage: &mut Stage) -> Result<()> {
    stage.trust.kill()?;
    let now = u64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis())?;
    let journal = Journal::open(&stage.trust.data.join("journal.redb"))?;
    Ok(journal.hear(now + 400 * 24 * 3_600_000, now)?)
}

#[test]
fn what_was_heard_of_a_clock_that_was_far_ahead_is_put_right_by_the_hub_itself_or_by_a_person() -> Result<()>
{
    let mut stage = Stage::cut_off()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    let first = stick(&stage, "first")?;
    out(&stage.hub, &first)?;
    misled(&mut stage)?;
    stage.trust.resume()?;
    let said = failed(with(stage.trust.command(&["bundle", "import"])?, &first))?;
    assert_eq!(said[0]["outcome"]["refused"], "expired", "{said}");
    // By a person, while the appliance stands.
    let forget = stage.trust.command(&["clock", "--forget"])?.output()?;
    assert!(!forget.status.success() && words(&forget).contains("stop the appliance"), "{}", words(&forget));
    stage.trust.kill()?;
    let asked = words(&stage.trust.command(&["clock"])?.output()?);
    assert!(asked.contains("One of them is wrong"), "{asked}");
    let forget = stage.trust.command(&["clock", "--forget"])?.output()?;
    assert!(forget.status.success() && words(&forget).contains("It is forgotten"), "{}", words(&forget));
    stage.trust.resume()?;
    assert_eq!(take(&stage.trust, &first)?[0]["outcome"]["orders"], 1);
    comes_back(&stage, &first, &query)?;
    // By the hub itself, over the network, at once and for good.
    misled(&mut stage)?;
    stage.wire.mend();
    stage.trust.resume()?;
    let lowered = || stage.trust.noted("hub_clock_lowered");
    until("the hub's word", || Ok(lowered()?.contains("hub_time").then_some(())))?;
    assert_eq!(stage.trust.noted("hub_clock_forgotten")?.lines().count(), 1);
    stage.wire.cut();
    stage.trust.kill()?;
    stage.trust.resume()?;
    let again = stage.api.ask("again", EVERYONE)?;
    round(&stage, "second")?;
    assert_eq!(share(&stage.api.result(&again)?)["state"], "value");
    Ok(())
}

/// A Trust without a network and its hub, both killed: with the folders in which each keeps its bundles.
fn both_stand() -> Result<(Stage, PathBuf, PathBuf)> {
    let mut stage = Stage::set()?;
    stage.wire.cut();
    let (sticks, bundles) = (folder_of_sticks(&stage.trust)?, stage.hub.data.join("bundles"));
    stage.trust.kill()?;
    stage.hub.kill()?;
    Ok((stage, sticks, bundles))
}

#[test]
fn what_a_kill_left_is_gone_after_the_next_start_and_a_link_is_no_folder_of_ours() -> Result<()> {
    let (mut stage, sticks, bundles) = both_stand()?;
    fs::create_dir_all(&bundles)?;
    let left = [
        sticks.join("brought-1"),
        sticks.join("leaving/flip-1.flip.part"),
        bundles.join("brought-1"),
        bundles.join("taking-1"),
        bundles.join("taking-2.part"),
    ];
    for path in &left {
        fs::write(path, b"half")?;
    }
    // Somebody who may write there puts a link in the place of a folder.
    let elsewhere = stick(&stage, "elsewhere")?;
    fs::write(elsewhere.join("signing.key"), b"a key")?;
    stage.trust.resume()?;
    stage.hub.resume()?;
    for path in &left {
        until("what was left to be gone", || Ok((!path.exists()).then_some(())))?;
    }
    stage.trust.kill()?;
    fs::remove_dir_all(sticks.join("leaving"))?;
    std::os::unix::fs::symlink(&elsewhere, sticks.join("leaving"))?;
    stage.trust.resume()?;
    let place = stick(&stage, "stick")?;
    let output = with(stage.trust.command(&["bundle", "export", "--anew", "--out"])?, &place).output()?;
    assert!(!output.status.success() && words(&output).contains("leaving"), "{}", words(&output));
    assert_eq!(fs::read(elsewhere.join("signing.key"))?, b"a key");
    Ok(())
}

#[test]
fn what_cannot_be_cleared_away_keeps_neither_program_from_its_work() -> Result<()> {
    let (mut stage, sticks, bundles) = both_stand()?;
    // Called like what was brought halfway, and a folder, which is not removed as a file is.
    for folder in [&sticks, &bundles] {
        fs::create_dir_all(folder.join("brought-1"))?;
    }
    stage.trust.resume()?;
    stage.hub.resume()?;
    round(&stage, "after all")?;
    for log in [stage.hub.log(), stage.trust.log()] {
        assert!(log.contains("cannot be removed") && log.contains("brought-1"), "{log}");
    }
    Ok(())
}

/// A Trust's heads that the hub keeps, and the hub's that the Trust keeps.
fn heads(stage: &Stage) -> Result<(usize, usize)> {
    let kept = stage.hub.command(&["audit", "heads", "--trust", TRUST])?.output()?;
    Ok((words(&kept).lines().count(), acts(stage, "hub_head_kept")?))
}

fn acts(stage: &Stage, act: &str) -> Result<usize> {
    let listed = stage.trust.noted(act)?;
    Ok(listed.lines().filter(|line| line.contains(act)).count())
}

#[test]
fn heads_of_the_audits_go_by_stick_too_and_show_a_log_that_was_cut() -> Result<()> {
    let mut stage = Stage::cut_off()?;
    let before = heads(&stage)?;
    // Out of order: what comes late is no news, and contradicts nothing.
    let (early, late) = (stick(&stage, "early")?, stick(&stage, "late")?);
    for place in [&early, &late] {
        out(&stage.hub, place)?;
    }
    take(&stage.trust, &late)?;
    take(&stage.trust, &early)?;
    let (early, late) = (stick(&stage, "early-back")?, stick(&stage, "late-back")?);
    for place in [&early, &late] {
        answer(&stage.trust, place)?;
    }
    back(&stage.hub, &late)?;
    back(&stage.hub, &early)?;
    assert_eq!(heads(&stage)?, (before.0 + 1, before.1 + 1));
    assert_eq!(acts(&stage, "head_contradicted")?, 0);
    // Cut back to before what the hub keeps, and gone on with.
    stage.trust.kill()?;
    let path = stage.trust.data.join("audit.log");
    let text = fs::read_to_string(&path)?;
    let first: String = text.lines().take(1).flat_map(|line| [line, "\n"]).collect();
    fs::write(&path, first)?;
    stage.trust.resume()?;
    let said = || stage.hub.noted("head_contradicted");
    let none = said()?;
    assert!(!none.contains("contradicted"), "{none}");
    round(&stage, "cut")?;
    let found = said()?;
    assert!(found.contains("head_contradicted") && found.contains("when it told of it last"), "{found}");
    round(&stage, "told")?;
    assert_eq!(acts(&stage, "head_contradicted")?, 1, "and the Trust is told what the hub keeps");
    Ok(())
}
