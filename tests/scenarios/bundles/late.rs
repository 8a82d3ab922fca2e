//! Sticks that come late: what lies on one since long ago, and what comes after it was cancelled.

use std::fs;
use std::os::unix::fs::chown;

use anyhow::Result;
use flip_tests::questions::{DIABETES, EVERYONE};
use serde_json::{Value, json};

use super::{answer, answered, back, folder_of_sticks, out, sent, stick, take, with, words};
use crate::stage::{Stage, faketime, share};

#[test]
fn a_bundle_that_lies_on_the_stick_since_weeks_is_no_news_and_holds_up_nothing() -> Result<()> {
    let (mut stage, query, stick) = sent()?;
    assert_eq!(take(&stage.trust, &stick)?[0]["outcome"]["orders"], 1);
    answer(&stage.trust, &stick)?;
    stage.trust.kill()?;
    stage.trust.put_before(&faketime("+21d"));
    stage.trust.resume()?;
    assert_eq!(take(&stage.trust, &stick)?[0]["outcome"]["refused"], "replayed", "not that it has expired");
    assert_eq!(back(&stage.hub, &stick)?[0]["results_stored"], 1);
    assert_eq!(share(&stage.api.result(&query)?)["state"], "value");
    Ok(())
}

#[test]
fn an_order_that_comes_after_its_cancellation_is_not_run_also_after_a_restart() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.wire.cut();
    let dropped = stage.api.ask("dropped", DIABETES)?;
    let early = stick(&stage, "early")?;
    out(&stage.hub, &early)?;
    let reply = stage.api.post(&format!("/api/v1/queries/{dropped}/cancel"), &json!({}))?;
    assert!(reply.status < 300, "{}", reply.text);
    stage.api.ask("kept", EVERYONE)?;
    let late = stick(&stage, "late")?;
    out(&stage.hub, &late)?;
    take(&stage.trust, &late)?;
    stage.trust.kill()?;
    stage.trust.resume()?;
    take(&stage.trust, &early)?;
    answer(&stage.trust, &stick(&stage, "answers")?)?;
    stage.trust.kill()?;
    assert_eq!(answered(&stage.trust)?.len(), 1, "the one that is wanted");
    Ok(())
}

#[test]
fn a_file_that_cannot_be_taken_in_holds_up_no_other_and_what_was_asked_unreadably_is_kept() -> Result<()> {
    let (stage, _, stick) = sent()?;
    let sticks = folder_of_sticks(&stage.trust)?;
    // What is no file cannot be removed as one: it stays, and is tried again later and later.
    fs::create_dir(sticks.join("arrived/flip-0.refused"))?;
    fs::create_dir(sticks.join("asked/0.json"))?;
    assert_eq!(take(&stage.trust, &stick)?[0]["outcome"]["orders"], 1);
    assert_eq!(answer(&stage.trust, &stick)?["bundles"][0]["results"], 1);
    assert!(sticks.join("asked/0.json").exists());
    Ok(())
}

#[test]
fn another_user_than_the_appliances_is_told_what_to_type_and_leaves_nothing() -> Result<()> {
    let stage = Stage::set()?;
    let sticks = folder_of_sticks(&stage.trust)?;
    let folder = stage.folder().join("theirs");
    fs::create_dir_all(folder.join("known"))?;
    fs::copy(sticks.join("known/hub.json"), folder.join("known/hub.json"))?;
    // Only root can give a folder away; without it there is no other user's to try.
    let given = [folder.clone(), folder.join("known")];
    if given.iter().any(|folder| chown(folder, Some(65_534), Some(65_534)).is_err()) {
        eprintln!("not root: that another user is refused is held by the unit tests alone");
        return Ok(());
    }
    let stick = stick(&stage, "stick")?;
    for told in [["bundle", "import"], ["bundle", "export"]] {
        let mut command = stage.trust.command(&told)?;
        command.arg("--sticks").arg(&folder);
        if told[1] == "export" {
            command.arg("--out");
        }
        let output = with(command, &stick).output()?;
        let said = words(&output);
        assert!(!output.status.success() && said.contains("runuser -u nobody -- "), "{said}");
    }
    let left: Vec<_> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    assert_eq!(left, ["known"]);
    let kit: Value = json!({});
    let kit_file = stage.folder().join("kit.json");
    fs::write(&kit_file, kit.to_string())?;
    let mut enrol = flip_tests::world::command("flip-appliance")?;
    enrol.arg("--data").arg(&folder).arg("enrol").arg(&kit_file);
    let said = words(&enrol.output()?);
    assert!(said.contains("runuser -u nobody -- "), "{said}");
    Ok(())
}
