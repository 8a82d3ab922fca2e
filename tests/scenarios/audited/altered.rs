//! Logs that somebody altered, cut or wrote anew, and what finds them: hashes, and the heads that others keep.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flip_storage::audit::{Audit, Entry, Head};
use flip_storage::rusqlite::Connection;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Appliance, Hub, HubOptions, until};
use serde_json::Value;

use super::{acts, heads_exchanged};
use crate::stage::{Stage, TRUST};

/// Changes the ledger of a hub that is stopped as somebody does who can write its file.
fn tamper(hub: &Hub, statements: &str) -> Result<()> {
    let ledger = Connection::open(hub.data.join("hub.sqlite"))?;
    ledger.execute_batch("DROP TRIGGER IF EXISTS audit_stays; DROP TRIGGER IF EXISTS audit_keeps;")?;
    Ok(ledger.execute_batch(statements)?)
}

/// Everything from an act on written anew, with the hashes that follow.
fn rewrite(hub: &Hub, from: usize) -> Result<()> {
    let (mut head, mut anew) = (Head::none(), Vec::new());
    for (at, act) in acts(hub)?.into_iter().enumerate() {
        let at_ms = act["at_ms"].as_u64().context("no time")? + u64::from(at >= from);
        let linked = head.next(at_ms, act["act"].as_str().context("no act")?, act["facts"].clone());
        ensure!(head.follow(&linked.hash, &linked.text).is_ok());
        anew.push((linked.entry.number, linked.hash, linked.text));
    }
    tamper(hub, "")?;
    let ledger = Connection::open(hub.data.join("hub.sqlite"))?;
    for (number, hash, entry) in anew {
        ledger.execute("UPDATE audit SET hash = ?2, entry = ?3 WHERE number = ?1", (number, hash, entry))?;
    }
    Ok(())
}

#[test]
fn an_audit_that_was_altered_cut_or_written_anew_is_found_and_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    // A hub that says that it is ready has yet to note that it started, and the acts are told apart by their numbers.
    until("the start to be noted", || Ok((!hub.noted("hub_started")?.is_empty()).then_some(())))?;
    for name in ["North", "South", "West"] {
        hub.add_trust(name)?;
    }
    hub.program()?.terminate()?;
    let (whole, said) = hub.said(&["audit", "verify"])?;
    assert!(whole && said.starts_with("The audit is whole: 7 acts"), "{said}");
    assert!(said.contains("It has act 7, as noted in"), "the head was not written aside: {said}");
    // Whatever the hub left in its write-ahead log is in the file once somebody else has closed it.
    Connection::open(hub.data.join("hub.sqlite"))?.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
    let sound = fs::read(hub.data.join("hub.sqlite"))?;
    let attacks: [(&str, &str); 6] = [
        (
            "UPDATE audit SET entry = replace(entry, 'North', 'Norse') WHERE number = 4",
            "act 4 is not as it was",
        ),
        ("DELETE FROM audit WHERE number = 5", "act 5 is not as it was"),
        (
            "UPDATE audit SET number = -5 WHERE number = 5; UPDATE audit SET number = 5 WHERE number = 6;
             UPDATE audit SET number = 6 WHERE number = -5",
            "act 5 is not as it was",
        ),
        (
            "INSERT INTO audit (number, hash, entry) SELECT 8, hash, entry FROM audit WHERE number = 7",
            "act 8 is not",
        ),
        ("DELETE FROM audit WHERE number = 7", "the audit ends at act 6, though the file"),
        ("DELETE FROM audit", "the audit ends at act 0"),
    ];
    for (statements, found) in attacks {
        tamper(&hub, statements)?;
        let (whole, said) = hub.said(&["audit", "verify"])?;
        assert!(!whole && said.contains(found), "{statements}: {said}");
        fs::write(hub.data.join("hub.sqlite"), &sound)?;
    }
    let head = fs::read_to_string(hub.data.join("audit.head"))?;
    let head: Value = serde_json::from_str(&head)?;
    let noted = format!("7:{}", head["hash"].as_str().context("no hash")?);
    rewrite(&hub, 3)?;
    let (whole, said) = hub.said(&["audit", "verify"])?;
    assert!(!whole && said.contains("acts were written anew"), "{said}");
    // Whoever can also write the head's file passes, until somebody has noted a head elsewhere.
    fs::remove_file(hub.data.join("audit.head"))?;
    assert!(hub.said(&["audit", "verify"])?.0);
    let (whole, said) = hub.said(&["audit", "verify", "--noted", &noted])?;
    assert!(!whole && said.contains("than what you gave with --noted noted"), "{said}");
    Ok(())
}

/// Puts what a command says into a file.
fn written(said: (bool, String), file: &Path) -> Result<String> {
    ensure!(said.0 && !said.1.is_empty(), "{}", said.1);
    fs::write(file, said.1)?;
    Ok(file.to_str().context("no path")?.to_owned())
}

/// Acts of the Trust's log of one name.
fn acts_of(trust: &Appliance, act: &str) -> Result<Vec<Entry>> {
    Ok(Audit::new(&trust.data.join("audit.log")).newest_of(100, |entry| entry.act == act)?)
}

#[test]
fn a_trusts_log_that_was_written_anew_is_found_by_the_heads_that_the_hub_keeps() -> Result<()> {
    let mut stage = Stage::set()?;
    heads_exchanged(&stage.hub)?;
    let heads = stage.folder().join("heads.jsonl");
    let heads = written(stage.hub.said(&["audit", "heads", "--trust", TRUST])?, &heads)?;
    let (whole, said) = stage.trust.said(&["audit", "verify", "--heads", &heads])?;
    assert!(whole && said.contains("the acts of 1 head that"), "{said}");
    // Of whom nothing is kept, and of nothing, nothing is said to be whole.
    let (done, said) = stage.hub.said(&["audit", "heads", "--trust", "Nowhere"])?;
    assert!(!done && said.contains("no heads of \"Nowhere\" are kept here"), "{said}");
    let nothing = stage.folder().join("nothing.jsonl");
    fs::write(&nothing, "")?;
    let verify = ["audit", "verify", "--heads", nothing.to_str().context("no path")?];
    for (whole, said) in [stage.trust.said(&verify)?, stage.hub.said(&verify)?] {
        assert!(!whole && said.contains("holds no head"), "{said}");
    }
    stage.trust.kill()?;
    // The attacker has the whole folder, and makes every hash fit.
    let path = stage.trust.data.join("audit.log");
    let (mut head, mut anew) = (Head::none(), String::new());
    Audit::new(&path).walk(|entry, _| {
        let linked = head.next(entry.at_ms + 1, &entry.act, entry.facts.clone());
        anew.extend([&linked.hash, " ", &head.hash, " ", &linked.text, "\n"]);
        head = Head { entries: entry.number, hash: linked.hash };
    })?;
    fs::write(&path, anew)?;
    assert!(stage.trust.said(&["audit", "verify"])?.0, "the hashes fit");
    let (whole, said) = stage.trust.said(&["audit", "verify", "--heads", &heads])?;
    assert!(!whole && said.contains("acts were written anew"), "{said}");
    // It also shows by itself, as soon as there is something to tell the hub.
    stage.trust.resume()?;
    stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    stage.trust.kill()?;
    stage.trust.resume()?;
    until("the log to say that the hub keeps another", || {
        Ok((!acts_of(&stage.trust, "head_contradicted")?.is_empty()).then_some(()))
    })
}

#[test]
fn a_hubs_audit_that_was_written_anew_is_found_by_the_heads_that_a_trust_keeps() -> Result<()> {
    let mut stage = Stage::set()?;
    until("the Trust to keep the hub's head", || {
        Ok((!acts_of(&stage.trust, "hub_head_kept")?.is_empty()).then_some(()))
    })?;
    let heads = stage.folder().join("heads.jsonl");
    let heads = written(stage.trust.said(&["audit", "heads"])?, &heads)?;
    let (whole, said) = stage.hub.said(&["audit", "verify", "--heads", &heads])?;
    assert!(whole && said.contains("the acts of 1 head that"), "{said}");
    stage.hub.program()?.terminate()?;
    rewrite(&stage.hub, 3)?;
    fs::remove_file(stage.hub.data.join("audit.head"))?;
    assert!(stage.hub.said(&["audit", "verify"])?.0, "the hashes fit");
    let (whole, said) = stage.hub.said(&["audit", "verify", "--heads", &heads])?;
    assert!(!whole && said.contains("acts were written anew"), "{said}");
    let altered = fs::read_to_string(&heads)?.replace("\"entries\":", "\"entries\":1");
    fs::write(&heads, altered)?;
    let (whole, said) = stage.hub.said(&["audit", "verify", "--heads", &heads])?;
    assert!(!whole && said.contains("the signature does not fit"), "{said}");
    stage.hub.resume()?;
    let api = stage.hub.api()?;
    api.complete(&api.ask("everyone", EVERYONE)?)?;
    stage.trust.kill()?;
    stage.trust.resume()?;
    until("the hub to say that the Trust keeps another", || {
        let acts = acts(&stage.hub)?;
        let said = acts.iter().find(|act| act["act"] == "head_contradicted");
        Ok(said.map(|said| assert_eq!(said["facts"]["whose"], "hub", "{said}")))
    })
}
