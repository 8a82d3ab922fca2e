//! What an earlier export has not carried away, what came since, and files that cannot be removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::{DIABETES, EVERYONE, RARE};
use flip_tests::world::until;
use serde_json::Value;

use super::{answer, back, comes_back, file, folder_of_sticks, out, sent, share, stick, take, with, words};
use crate::stage::{Stage, TRUST, answered};

/// Puts the one bundle of a stick back to where it was made, as if the stick had been pulled before it was there.
fn leave(stick: &Path, made_in: &Path) -> Result<PathBuf> {
    let bundle = file(stick)?;
    let left = made_in.join(bundle.file_name().context("no name")?);
    fs::copy(&bundle, &left)?;
    fs::remove_file(bundle)?;
    Ok(left)
}

/// Messages of the two bundles of an export of the hub's.
fn messages(said: &Value) -> [Option<u64>; 2] {
    [0, 1].map(|at| said["bundles"][at]["bundle"]["messages"].as_u64())
}

fn outgoing(stage: &Stage, results: u64) -> Result<()> {
    until("the answers", || Ok((stage.trust.status()?["outgoing"] == results).then_some(())))
}

#[test]
fn what_came_since_goes_with_what_was_left_and_nothing_is_lost_or_doubled() -> Result<()> {
    let mut stage = Stage::cut_off()?;
    let (bundles, leaving) = (stage.hub.data.join("bundles"), stage.trust.data.join("sticks/leaving"));
    let mut queries = vec![stage.api.ask("first", EVERYONE)?];
    // At the hub: an order beside what was left, in a bundle of its own.
    let coming = stick(&stage, "coming")?;
    out(&stage.hub, &coming)?;
    leave(&coming, &bundles)?;
    queries.push(stage.api.ask("second", RARE)?);
    let said = out(&stage.hub, &coming)?;
    assert_eq!((messages(&said), &said["left"]), ([Some(2), Some(2)], &1.into()), "{said}");
    let taken = take(&stage.trust, &coming)?;
    assert_eq!((&taken[0]["outcome"]["orders"], &taken[1]["outcome"]["orders"]), (&1.into(), &1.into()));
    outgoing(&stage, 2)?;
    // At the Trust likewise.
    let going = stick(&stage, "going")?;
    answer(&stage.trust, &going)?;
    leave(&going, &leaving)?;
    queries.push(stage.api.ask("third", DIABETES)?);
    let more = stick(&stage, "more")?;
    out(&stage.hub, &more)?;
    // The first two are on it once more, since the hub has no word of them; they are known.
    take(&stage.trust, &more)?;
    outgoing(&stage, 3)?;
    let said = answer(&stage.trust, &going)?;
    assert_eq!((&said["left"], &said["bundles"][0]["results"]), (&1.into(), &1.into()), "{said}");
    assert_eq!(said["files"].as_array().map(Vec::len), Some(2), "{said}");
    let taken = back(&stage.hub, &going)?;
    let stored = |at: usize| taken[at]["results_stored"].as_u64();
    assert_eq!((stored(0), stored(1)), (Some(2), Some(1)), "{taken}");
    for query in &queries {
        let state = share(&stage.api.result(query)?)["state"].clone();
        assert!(state == "value" || state == "fewer_than", "{state}");
    }
    // Only receipts came since: they go beside what was left too, and where nothing came, nothing does.
    let receipts = stick(&stage, "receipts")?;
    stage.api.ask("fourth", RARE)?;
    out(&stage.hub, &receipts)?;
    leave(&receipts, &bundles)?;
    assert_eq!(out(&stage.hub, &receipts)?["bundles"].as_array().map(Vec::len), Some(1));
    leave(&receipts, &bundles)?;
    let returning = stick(&stage, "returning")?;
    answer(&stage.trust, &returning)?;
    back(&stage.hub, &returning)?;
    let said = out(&stage.hub, &receipts)?;
    assert_eq!(messages(&said), [Some(2), Some(1)], "{said}");
    take(&stage.trust, &receipts)?;
    outgoing(&stage, 1)?;
    stage.trust.kill()?;
    let mut orders = answered(&stage.trust)?;
    let times = orders.len();
    orders.sort();
    orders.dedup();
    assert_eq!((orders.len(), times), (4, 4), "each once");
    Ok(())
}

#[test]
fn a_wish_that_nobody_waits_for_any_more_is_withdrawn() -> Result<()> {
    let mut stage = Stage::set()?;
    let sticks = folder_of_sticks(&stage.trust)?;
    stage.trust.kill()?;
    // Where an earlier version kept it.
    fs::write(sticks.join("hub.json"), b"{}")?;
    let place = stick(&stage, "stick")?;
    let output = with(stage.trust.command(&["bundle", "export", "--out"])?, &place).output()?;
    assert!(!output.status.success() && words(&output).contains("does not run"), "{}", words(&output));
    let asked = fs::read_dir(sticks.join("asked"))?;
    let wishes: Vec<_> = asked
        .map(|entry| Ok(entry?.path()))
        .filter(|path: &Result<PathBuf>| {
            path.as_ref().is_ok_and(|path| path.extension().is_some_and(|ending| ending == "json"))
        })
        .collect::<Result<_>>()?;
    assert!(wishes.is_empty(), "{wishes:?}");
    stage.trust.resume()?;
    until("what is of no use to be gone", || Ok((!sticks.join("hub.json").exists()).then_some(())))
}

#[test]
fn a_file_that_cannot_be_removed_after_a_success_is_no_failure() -> Result<()> {
    let (stage, query, place) = sent()?;
    let left = leave(&place, &stage.hub.data.join("bundles"))?;
    // A file that something is mounted on is busy.
    if !Command::new("mount").arg("--bind").args([&left, &left]).output()?.status.success() {
        eprintln!("this machine may not mount: a file that cannot be removed is not tried");
        return Ok(());
    }
    let export = ["bundle", "export", "--trust", TRUST, "--out"];
    let output = with(stage.hub.command(&export)?, &place).output();
    let unmounted = Command::new("umount").arg(&left).output()?;
    ensure!(unmounted.status.success(), "{}", words(&unmounted));
    let output = output?;
    assert!(output.status.success() && words(&output).contains("cannot be removed"), "{}", words(&output));
    take(&stage.trust, &place)?;
    comes_back(&stage, &place, &query)
}
