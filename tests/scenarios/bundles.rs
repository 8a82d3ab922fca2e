//! A Trust that no network reaches takes part by stick: the same orders, the same answers, the same ledgers.

mod bars;
mod cancelled;
mod carriers;
mod consoles;
mod expiry;
mod hostile;
mod keys;
mod lamp;
mod large;
mod late;
mod left;
mod mounted;
mod plugged;
mod progress;
mod units;
mod wear;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::{DIABETES, EVERYONE, RARE};
use flip_tests::world::{Appliance, Hub, until};
use serde_json::Value;

use crate::stage::{Stage, TRUST, answered, faketime, share};

/// What a command says as JSON, which must succeed.
fn told(mut command: Command) -> Result<Value> {
    let output = command.arg("--json").output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What a command says as JSON where it fails.
fn failed(mut command: Command) -> Result<Value> {
    let output = command.arg("--json").output()?;
    ensure!(!output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stdout));
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
}

fn with(mut command: Command, path: &Path) -> Command {
    command.arg(path);
    command
}

/// An empty stick.
fn stick(stage: &Stage, name: &str) -> Result<PathBuf> {
    let folder = stage.folder().join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn out(hub: &Hub, stick: &Path) -> Result<Value> {
    told(with(hub.command(&["bundle", "export", "--trust", TRUST, "--out"])?, stick))
}

fn back(hub: &Hub, stick: &Path) -> Result<Value> {
    told(with(hub.command(&["bundle", "import"])?, stick))
}

fn take(trust: &Appliance, stick: &Path) -> Result<Value> {
    told(with(trust.command(&["bundle", "import"])?, stick))
}

fn answer(trust: &Appliance, stick: &Path) -> Result<Value> {
    told(with(trust.command(&["bundle", "export", "--wait", "1200", "--out"])?, stick))
}

/// To the Trust, and back.
fn round(stage: &Stage, name: &str) -> Result<()> {
    let stick = stick(stage, name)?;
    out(&stage.hub, &stick)?;
    take(&stage.trust, &stick)?;
    answer(&stage.trust, &stick)?;
    back(&stage.hub, &stick).map(drop)
}

/// A question for everyone on its way to a Trust without a network: its id, and the stick.
fn sent() -> Result<(Stage, String, PathBuf)> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let query = stage.api.ask("everyone", EVERYONE)?;
    let stick = stick(&stage, "stick")?;
    out(&stage.hub, &stick)?;
    Ok((stage, query, stick))
}

/// The answer to a question that was taken in is carried back, and is a number.
fn comes_back(stage: &Stage, stick: &Path, query: &str) -> Result<()> {
    answer(&stage.trust, stick)?;
    back(&stage.hub, stick)?;
    assert_eq!(share(&stage.api.result(query)?)["state"], "value");
    Ok(())
}

/// The Trust's folder of sticks, once it can be used.
fn folder_of_sticks(trust: &Appliance) -> Result<PathBuf> {
    let sticks = trust.data.join("sticks");
    until("the folder of sticks", || Ok(sticks.join("known/hub.json").exists().then_some(())))?;
    Ok(sticks)
}

/// The one file of a stick.
fn file(stick: &Path) -> Result<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(stick)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    ensure!(files.len() == 1, "{files:?}");
    files.pop().context("no file")
}

fn signal(id: u32, name: &str) -> Result<()> {
    let sent = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status()?;
    ensure!(sent.success(), "{name} was not sent");
    Ok(())
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_trust_without_a_network_answers_by_stick() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let everyone = stage.api.ask("everyone", EVERYONE)?;
    let rare = stage.api.ask("rare", RARE)?;
    let stick = stick(&stage, "stick")?;
    let made = out(&stage.hub, &stick)?;
    assert_eq!(made["bundles"][0]["bundle"]["messages"], 3, "{made}");
    let explained = words(&with(stage.trust.command(&["bundle", "inspect"])?, &file(&stick)?).output()?);
    assert!(explained.contains("2 orders") && explained.contains("a question: everyone"), "{explained}");
    let explained = words(&with(stage.hub.command(&["bundle", "inspect"])?, &file(&stick)?).output()?);
    assert!(explained.contains("A bundle of this hub for Northgate Hospital, with 2 orders"), "{explained}");
    let taken = take(&stage.trust, &stick)?;
    assert_eq!(taken[0]["outcome"]["orders"], 2, "{taken}");
    // A whole stick: what is no bundle is named, and the others are explained all the same.
    let other = stick.join("other.flip");
    std::fs::write(&other, "no bundle")?;
    for inspect in [stage.hub.command(&["bundle", "inspect"])?, stage.trust.command(&["bundle", "inspect"])?]
    {
        let output = with(inspect, &stick).output()?;
        let explained = words(&output);
        let both = ["with 2 orders", "other.flip:\nIt is refused: it is not a bundle of FLIP Edge"];
        assert!(both.iter().all(|part| explained.contains(part)), "{explained}");
        assert!(
            !output.status.success() && explained.contains("would not be taken in either"),
            "{explained}"
        );
    }
    std::fs::remove_file(&other)?;
    let answered = answer(&stage.trust, &stick)?;
    assert_eq!(
        (&answered["bundles"][0]["results"], &answered["waiting"]),
        (&2.into(), &0.into()),
        "{answered}"
    );
    let back = back(&stage.hub, &stick)?;
    assert_eq!((&back[0]["results_stored"], &back[1]), (&2.into(), &Value::Null), "{back}");
    let result = stage.api.result(&everyone)?;
    assert_eq!((&share(&result)["state"], &share(&result)["persons"]), (&"value".into(), &1_130.into()));
    assert_eq!(share(&stage.api.result(&rare)?)["state"], "fewer_than");
    // The receipts go with the next stick.
    assert_eq!(stage.trust.status()?["outgoing"], 2);
    round(&stage, "receipts")?;
    assert_eq!(stage.trust.status()?["outgoing"], 0);
    until("what status.txt says", || {
        let said = std::fs::read_to_string(stage.trust.data.join("sticks/status.txt"))?;
        Ok(said.contains("1 bundle is on the stick, whole. It may be taken out").then_some(()))
    })?;
    Ok(())
}

#[test]
fn sticks_out_of_order_and_twice_and_the_network_in_between_lose_and_double_nothing() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.wire.cut();
    let mut queries = vec![stage.api.ask("first", EVERYONE)?];
    let early = stick(&stage, "early")?;
    out(&stage.hub, &early)?;
    queries.push(stage.api.ask("second", DIABETES)?);
    let late = stick(&stage, "late")?;
    out(&stage.hub, &late)?;
    // The later one first, each of them twice.
    assert_eq!(take(&stage.trust, &late)?[0]["outcome"]["orders"], 2);
    assert_eq!(take(&stage.trust, &early)?[0]["outcome"]["orders"], 1, "known already, and acknowledged");
    for again in [&late, &early] {
        assert_eq!(take(&stage.trust, again)?[0]["outcome"]["refused"], "replayed");
    }
    // Answers leave on a stick that comes back late; meanwhile the network carries them too.
    let returning = stick(&stage, "returning")?;
    assert_eq!(answer(&stage.trust, &returning)?["bundles"][0]["results"], 2);
    stage.wire.mend();
    for query in &queries {
        assert_eq!(share(&stage.api.complete(query)?)["state"], "value");
    }
    queries.push(stage.api.ask("third, over the network", RARE)?);
    stage.api.complete(&queries[2])?;
    // What the stick says of orders is older than what the hub knows.
    queries.push(stage.api.ask("fourth, at work when the stick comes", EVERYONE)?);
    stage.api.complete(&queries[3])?;
    assert_eq!(back(&stage.hub, &returning)?[0]["results_stored"], 2);
    assert_eq!(back(&stage.hub, &returning)?[0]["refused"], "replayed");
    // And by stick once more, with a stick of before that nobody had taken.
    stage.wire.cut();
    queries.push(stage.api.ask("fifth", RARE)?);
    round(&stage, "last")?;
    until("an empty outbox", || {
        stage.wire.mend();
        Ok((stage.trust.status()?["outgoing"] == 0).then_some(()))
    })?;
    for query in &queries {
        assert!(
            ["value", "fewer_than"].contains(&share(&stage.api.result(query)?)["state"].as_str().unwrap())
        );
    }
    stage.trust.kill()?;
    let mut answered = answered(&stage.trust)?;
    let times = answered.len();
    answered.sort();
    answered.dedup();
    assert_eq!((answered.len(), times), (queries.len(), queries.len()), "each once");
    Ok(())
}

#[test]
fn a_stick_that_is_lost_is_written_again_and_a_cancelled_order_is_ended_by_stick() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let kept = stage.api.ask("kept", EVERYONE)?;
    let dropped = stage.api.ask("dropped", DIABETES)?;
    out(&stage.hub, &stick(&stage, "lost")?)?;
    let found = stick(&stage, "found")?;
    let made = out(&stage.hub, &found)?;
    assert_eq!(made["bundles"][0]["bundle"]["messages"], 3, "nothing was lost with the stick");
    let reply = stage.api.post(&format!("/api/v1/queries/{dropped}/cancel"), &serde_json::json!({}))?;
    assert!(reply.status < 300, "{}", reply.text);
    take(&stage.trust, &found)?;
    answer(&stage.trust, &found)?;
    back(&stage.hub, &found)?;
    assert_eq!(share(&stage.api.result(&kept)?)["state"], "value");
    assert_eq!(share(&stage.api.result(&dropped)?)["state"], "cancelled", "a late answer is not looked at");
    Ok(())
}

#[test]
fn an_appliance_that_is_killed_with_a_bundle_before_it_takes_it_once_when_it_is_back() -> Result<()> {
    let (mut stage, query, stick) = sent()?;
    stage.trust.kill()?;
    // By a process that has the folder of sticks and nothing else of the appliance.
    let mut reader = flip_tests::world::command("flip-appliance")?;
    reader.args(["--data", "/nowhere", "bundle", "import", "--sticks"]).arg(stage.trust.data.join("sticks"));
    let output = with(reader, &stick).output()?;
    assert!(
        output.status.success() && words(&output).contains("when the appliance starts"),
        "{}",
        words(&output)
    );
    stage.trust.resume()?;
    until("the order", || {
        let status = stage.trust.status()?;
        Ok((status["waiting"] != 0 || status["outgoing"] != 0).then_some(()))
    })?;
    comes_back(&stage, &stick, &query)?;
    Ok(())
}

#[test]
fn a_clock_that_stands_years_ago_costs_no_order_by_stick() -> Result<()> {
    let mut stage = Stage::cut_off()?;
    stage.trust.kill()?;
    stage.trust.put_before(&faketime("-7000d"));
    stage.trust.resume()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    round(&stage, "stick")?;
    assert_eq!(share(&stage.api.result(&query)?)["state"], "value");
    Ok(())
}

#[test]
fn a_clock_that_is_far_ahead_is_named_and_the_work_is_taken_once_it_is_right() -> Result<()> {
    let (mut stage, query, stick) = sent()?;
    stage.trust.kill()?;
    stage.trust.put_before(&faketime("+20d"));
    stage.trust.resume()?;
    let said = failed(with(stage.trust.command(&["bundle", "import"])?, &stick))?;
    assert_eq!(said[0]["outcome"]["refused"], "expired", "{said}");
    let words = words(&with(stage.trust.command(&["bundle", "import"])?, &stick).output()?);
    assert!(words.contains("if this machine's clock is wrong, set it right"), "{words}");
    stage.trust.kill()?;
    stage.trust.put_before(&[]);
    stage.trust.resume()?;
    take(&stage.trust, &stick)?;
    comes_back(&stage, &stick, &query)?;
    Ok(())
}
