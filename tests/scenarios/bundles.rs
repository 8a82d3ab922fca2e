//! A Trust that no network reaches takes part by stick: the same orders, the same answers, the same ledgers.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use flip_tests::questions::{EVERYONE, RARE};
use flip_tests::world::{Appliance, Hub};
use serde_json::Value;

use crate::stage::{Stage, TRUST, share};

/// What a command says as JSON, which must succeed.
fn told(mut command: std::process::Command) -> Result<Value> {
    let output = command.arg("--json").output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// An empty stick.
fn stick(stage: &Stage, name: &str) -> Result<PathBuf> {
    let folder = stage.folder().join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn out(hub: &Hub, stick: &Path) -> Result<Value> {
    let mut command = hub.command(&["bundle", "export", "--trust", TRUST, "--out"])?;
    command.arg(stick);
    told(command)
}

fn back(hub: &Hub, stick: &Path) -> Result<Value> {
    let mut command = hub.command(&["bundle", "import"])?;
    command.arg(stick);
    told(command)
}

fn take(trust: &Appliance, stick: &Path) -> Result<Value> {
    let mut command = trust.command(&["bundle", "import"])?;
    command.arg(stick);
    told(command)
}

fn answer(trust: &Appliance, stick: &Path) -> Result<Value> {
    let mut command = trust.command(&["bundle", "export", "--wait", "120", "--out"])?;
    command.arg(stick);
    told(command)
}

/// To the Trust, and back.
fn round(stage: &Stage, stick: &Path) -> Result<()> {
    out(&stage.hub, stick)?;
    take(&stage.trust, stick)?;
    answer(&stage.trust, stick)?;
    back(&stage.hub, stick).map(drop)
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
    let taken = take(&stage.trust, &stick)?;
    assert_eq!(taken[0]["outcome"]["orders"], 2, "{taken}");
    let answered = answer(&stage.trust, &stick)?;
    assert_eq!(
        (&answered["bundles"][0]["results"], &answered["waiting"]),
        (&2.into(), &0.into()),
        "{answered}"
    );
    let back = back(&stage.hub, &stick)?;
    assert_eq!(back[0]["results_stored"], 2, "{back}");
    let result = stage.api.result(&everyone)?;
    assert_eq!((&share(&result)["state"], &share(&result)["persons"]), (&"value".into(), &1_130.into()));
    assert_eq!(share(&stage.api.result(&rare)?)["state"], "fewer_than");
    // The receipts go with the next stick.
    assert_eq!(stage.trust.status()?["outgoing"], 2);
    round(&stage, &self::stick(&stage, "receipts")?)?;
    assert_eq!(stage.trust.status()?["outgoing"], 0);
    Ok(())
}
