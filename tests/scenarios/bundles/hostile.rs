//! Sticks that somebody else has prepared: each refused with its own reason, counted, in the audit, and nothing changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Result;
use flip_protocol::bundle::Heading;
use flip_protocol::{MessageId, UnixMillis};
use flip_storage::journal::Journal;
use flip_tests::questions::EVERYONE;
use flip_tests::world::Appliance;
use serde_json::Value;

use super::large::{huge, parts};
use super::{answer, back, failed, file, out, sent, stick, take, told, with};
use crate::stage::Stage;

/// A stick with one file of these bytes.
fn prepared(stage: &Stage, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let folder = stick(stage, name)?;
    fs::write(folder.join("flip-it.flip"), bytes)?;
    Ok(folder)
}

/// What the appliance says of a stick that it refuses.
fn refused_here(trust: &Appliance, stick: &Path) -> Result<String> {
    let said = failed(with(trust.command(&["bundle", "import"])?, stick))?;
    Ok(said[0]["outcome"]["refused"].as_str().unwrap_or("none").to_owned())
}

#[test]
fn every_hostile_stick_is_refused_with_its_own_reason_and_changes_nothing_at_the_trust() -> Result<()> {
    let (mut stage, _, good) = sent()?;
    let bytes = fs::read(file(&good)?)?;
    // Another Trust's of the same hub.
    stage.hub.add_trust("Elsewhere")?;
    let elsewhere = Appliance::new(&stage.folder().join("elsewhere"))?;
    stage.wire.mend();
    elsewhere.enrol(&stage.hub.renew_kit("Elsewhere")?)?;
    stage.wire.cut();
    let others = stick(&stage, "others")?;
    told(with(stage.hub.command(&["bundle", "export", "--trust", "Elsewhere", "--out"])?, &others))?;
    let own = stick(&stage, "own")?;
    answer(&stage.trust, &own)?;

    let before = stage.trust.status()?;
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let claims = |at: usize, most: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + most.len()].copy_from_slice(most);
        bytes
    };
    let last = bytes.len() - 1;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("not_a_bundle", b"MZ\x90 an installer".to_vec()),
        ("not_a_bundle", Vec::new()),
        ("cut_short", bytes[..50].to_vec()),
        ("cut_short", bytes[..last].to_vec()),
        ("trailing_bytes", [bytes.as_slice(), b"more"].concat()),
        ("unknown_version", claims(4, &[9])),
        ("bad_signature", flipped(54 + 7)),
        ("bad_signature", flipped(98)),
        ("damaged", flipped(last)),
        ("too_large", claims(86, &[255; 4])),
        ("too_large", claims(90, &[255; 8])),
        ("unknown_key", flipped(80)),
        ("foreign", fs::read(file(&others)?)?),
    ];
    let mut counted = std::collections::BTreeMap::<String, u64>::new();
    for (number, (reason, bytes)) in cases.iter().enumerate() {
        let stick = prepared(&stage, &format!("hostile-{number}"), bytes)?;
        assert_eq!(refused_here(&stage.trust, &stick)?, *reason, "case {number}");
        *counted.entry((*reason).to_owned()).or_default() += 1;
    }
    // Its own answer, named by itself.
    assert_eq!(refused_here(&stage.trust, &file(&own)?)?, "wrong_way");
    // Links, a folder, and many look-alikes.
    let links = stick(&stage, "links")?;
    symlink(file(&good)?, links.join("flip-a.flip"))?;
    symlink("/dev/zero", links.join("flip-b.flip"))?;
    fs::create_dir(links.join("flip-c.flip"))?;
    let said = failed(with(stage.trust.command(&["bundle", "import"])?, &links))?;
    let reasons: Vec<&Value> =
        said.as_array().unwrap().iter().map(|one| &one["outcome"]["refused"]).collect();
    assert_eq!(reasons, ["not_a_file", "not_a_file", "not_a_file"], "{said}");
    let many = stick(&stage, "many")?;
    for number in 0..100 {
        fs::write(many.join(format!("flip-{number}.flip")), &bytes)?;
    }
    failed(with(stage.trust.command(&["bundle", "import"])?, &many))?;
    for (reason, times) in [("wrong_way", 1), ("not_a_file", 3), ("too_many", 1)] {
        counted.insert(reason.to_owned(), times);
    }
    // All of it is counted, and nothing else is another than before; the good one is still good.
    let status = stage.trust.status()?;
    for part in ["waiting", "outgoing", "refused"] {
        assert_eq!(status[part], before[part], "{part}");
    }
    assert_eq!(take(&stage.trust, &good)?[0]["outcome"]["orders"], 1);
    assert_eq!(refused(&stage.trust, &good)?, "replayed");
    counted.insert("replayed".to_owned(), 1);
    let listed = stage.trust.noted("bundle_refused")?;
    for reason in counted.keys() {
        assert!(listed.contains(reason.as_str()), "{reason} is not in the audit log:\n{listed}");
    }
    stage.trust.kill()?;
    let journal = Journal::open(&stage.trust.data.join("journal.redb"))?;
    let found: std::collections::BTreeMap<String, u64> =
        journal.counters("refused_bundles.")?.into_iter().collect();
    assert_eq!(found, counted);
    Ok(())
}

fn refused(trust: &Appliance, stick: &Path) -> Result<String> {
    Ok(take(trust, stick)?[0]["outcome"]["refused"].as_str().unwrap_or("none").to_owned())
}

#[test]
fn every_hostile_stick_is_refused_with_its_own_reason_and_changes_nothing_at_the_hub() -> Result<()> {
    let (stage, query, good) = sent()?;
    let theirs = file(&good)?;
    take(&stage.trust, &good)?;
    fs::rename(&theirs, stage.folder().join("to-the-trust.flip"))?;
    answer(&stage.trust, &good)?;
    let bytes = fs::read(file(&good)?)?;
    let before = stage.api.result(&query)?;
    let last = bytes.len() - 1;
    let mut flipped = bytes.clone();
    flipped[last] ^= 1;
    let mut stranger = bytes.clone();
    stranger[22] ^= 1;
    let mut forged = bytes.clone();
    forged[60] ^= 1;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("not_a_bundle", b"PK\x03\x04 a bomb".to_vec()),
        ("cut_short", bytes[..last].to_vec()),
        ("trailing_bytes", [bytes.as_slice(), b"more"].concat()),
        ("damaged", flipped),
        ("unknown_sender", stranger),
        ("bad_signature", forged),
        ("wrong_way", fs::read(stage.folder().join("to-the-trust.flip"))?),
    ];
    for (number, (reason, bytes)) in cases.iter().enumerate() {
        let stick = prepared(&stage, &format!("hostile-{number}"), bytes)?;
        let said = failed(with(stage.hub.command(&["bundle", "import"])?, &stick))?;
        assert_eq!(said[0]["refused"], *reason, "case {number}: {said}");
    }
    assert_eq!(stage.api.result(&query)?["shares"][0]["state"], before["shares"][0]["state"]);
    let listed = stage.hub.noted("bundle_refused")?;
    for (reason, _) in &cases {
        assert!(listed.contains(reason), "{reason} is not in the audit:\n{listed}");
    }
    assert_eq!(back(&stage.hub, &good)?[0]["results_stored"], 1);
    Ok(())
}

#[test]
fn what_only_the_hub_can_have_signed_is_refused_each_with_its_own_reason() -> Result<()> {
    const DAY_MS: u64 = 24 * 3_600_000;
    let mut stage = Stage::cut_off()?;
    stage.api.ask("everyone", EVERYONE)?;
    let made = out(&stage.hub, &stick(&stage, "made")?)?;
    let id = made["bundles"][0]["bundle"]["id"].as_str().unwrap().parse()?;
    let (signing, good, letter) = parts(&stage, &stage.hub.data.join("keys/signing.key"), "made", id)?;
    let another = MessageId::from_bytes([7; 16]);
    let (then, later) = (UnixMillis(good.made.0 - 2 * DAY_MS), UnixMillis(good.made.0 + 2 * DAY_MS));
    let cases = [
        ("expired", Heading { made: then, expires: then.plus(DAY_MS), ..good }),
        ("future", Heading { made: later, expires: later.plus(DAY_MS), ..good }),
        ("bad_letter", Heading { id: another, ..good }),
        ("malformed", Heading { number: 0, ..good }),
        ("unknown_sender", Heading { sender: good.receiver, ..good }),
        ("rolled_back", Heading { id: another, ..good }),
    ];
    for (reason, heading) in cases {
        if reason == "rolled_back" {
            assert_eq!(take(&stage.trust, &file(&stage.folder().join("made"))?)?[0]["outcome"]["orders"], 1);
        }
        let place = stick(&stage, reason)?.join("flip-it.flip");
        huge(&place, heading, &letter, 0, &signing)?;
        assert_eq!(refused_here(&stage.trust, &place)?, reason);
    }
    let listed = stage.trust.noted("bundle_refused")?;
    stage.trust.kill()?;
    let journal = Journal::open(&stage.trust.data.join("journal.redb"))?;
    let counted = journal.counters("refused_bundles.")?;
    for (reason, _) in cases {
        assert!(listed.contains(reason), "{reason} is not in the audit log:\n{listed}");
        assert!(counted.contains(&(reason.to_owned(), 1)), "{reason} is not counted once: {counted:?}");
    }
    Ok(())
}
