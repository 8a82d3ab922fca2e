//! Large bundles: memory does not grow with them, and several sticks share what one does not hold.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use flip_protocol::bundle::{FromHub, Heading, Way, Writer};
use flip_protocol::keys::{SealingKey, SigningKey};
use flip_protocol::message::{self, Envelope, Kind};
use flip_protocol::order::Work;
use flip_protocol::sync::SyncResponse;
use flip_protocol::{MessageId, PartyId, UnixMillis};
use flip_storage::rusqlite::Connection;
use flip_tests::questions::{DIABETES, EVERYONE, RARE};
use flip_tests::world::until;

use super::{answer, back, file, out, share, stick, take, told, with, words};
use crate::stage::{Stage, TRUST, answered};

/// Bytes of memory that reading a stick may take, whatever is on it.
const MEMORY: u64 = 64 * 1024 * 1024;
/// Orders of nearly 1 MiB each: several times that memory.
const ORDERS: u64 = 200;

/// A bundle that this stage's hub might have made, of so many long orders.
pub(super) fn large(stage: &Stage, path: &Path, orders: u64) -> Result<u64> {
    let hub = &stage.hub.data;
    let key: [u8; 32] = fs::read(hub.join("keys/signing.key"))?.try_into().ok().context("no key")?;
    let signing = SigningKey::from_bytes(&key);
    let sender: PartyId = fs::read_to_string(hub.join("keys/hub.id"))?.trim().parse()?;
    let (id, sealing): ([u8; 16], Vec<u8>) = Connection::open(hub.join("hub.sqlite"))?.query_row(
        "SELECT id, sealing FROM trust WHERE name = ?1",
        [TRUST],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let receiver = PartyId::from_bytes(id);
    let to = SealingKey::from_bytes(&sealing).context("no key to seal to")?;
    let mut random = rand_core::UnwrapErr(getrandom::SysRng);
    // As late as the hub last heard of the Trust.
    let trusts = stage.api.get("/api/v1/trusts")?.json();
    let made = UnixMillis(trusts["trusts"][0]["last_seen"].as_u64().context("never seen")?);
    let expires = made.plus(3_600_000);
    let sync = SyncResponse {
        hub_time: made,
        acknowledged: Vec::new(),
        refused: Vec::new(),
        orders: Vec::new(),
        rotate: false,
        audit: None,
        cancelled: Vec::new(),
    };
    let bundle = MessageId::new(made, &[5; 10]);
    let heading = Heading { way: Way::ToTrust, id: bundle, sender, receiver, number: 1, made, expires };
    let letter = heading.seal(&FromHub { sync, enrolled: None }, &signing, &to, &mut random)?;
    let sql = "SELECT person_id FROM omop.person -- ".to_owned() + &"x".repeat(1024 * 1024 - 400);
    let order = |sequence: u64| -> Result<_> {
        let work =
            Work::CohortQuery { name: format!("large {sequence:03}"), sql: sql.clone(), project: None };
        let id = MessageId::new(made, &[u8::try_from(sequence)?; 10]);
        let sequence = 1_000 + sequence;
        let kind = Kind::WorkOrder;
        let envelope = Envelope { kind, id, sender, receiver, sequence, issued: made, expires };
        Ok(message::seal(envelope, &serde_json::to_vec(&work)?, &signing, &to, &mut random.clone())?)
    };
    let length = order(0)?.bytes().len() as u64;
    let mut lengths = vec![length; usize::try_from(orders)?];
    lengths.insert(0, letter.bytes().len() as u64);
    let mut writer = Writer::new(File::create(path)?, heading, &lengths, &signing)?;
    writer.message(letter.bytes())?;
    for number in 0..orders {
        writer.message(order(number)?.bytes())?;
    }
    Ok(writer.finish(&signing)?.0.length())
}

/// The command with so much memory of its own and no more.
fn bounded(command: &Command) -> Command {
    let mut bounded = Command::new("prlimit");
    bounded.arg(format!("--data={MEMORY}")).arg(command.get_program()).args(command.get_args());
    bounded.env("FLIP_LOG", "warn");
    bounded
}

fn peak_kib(id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

#[test]
fn a_bundle_of_several_times_the_memory_is_taken_in_within_it_and_answered() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.program()?.says("connected to the hub")?;
    stage.wire.cut();
    let place = stick(&stage, "large")?.join("flip-large.flip");
    let bytes = large(&stage, &place, ORDERS)?;
    assert!(bytes > 2 * MEMORY, "{bytes} bytes are not many");
    let id = stage.trust.program()?.id();
    let before = peak_kib(id)?;
    let taken = told(with(bounded(&stage.trust.command(&["bundle", "import"])?), &place))?;
    assert_eq!(taken[0]["outcome"]["orders"], ORDERS, "{taken}");
    let grown_kib = peak_kib(id)?.saturating_sub(before);
    assert!(grown_kib * 1024 < MEMORY, "the appliance took {grown_kib} KiB for a bundle of {bytes} bytes");
    // The gate refuses each; its answers are small, and no order of this hub's: the hub takes none of them.
    let returning = stick(&stage, "returning")?;
    answer(&stage.trust, &returning)?;
    let said = told(with(bounded(&stage.hub.command(&["bundle", "import"])?), &returning))?;
    assert_eq!(
        (&said[0]["results_stored"], &said[0]["results_not_taken"]),
        (&0.into(), &ORDERS.into()),
        "{said}"
    );
    eprintln!("a bundle of {bytes} bytes: the appliance grew by {grown_kib} KiB");
    Ok(())
}

#[test]
fn kills_in_the_middle_of_a_bundle_lose_and_double_nothing() -> Result<()> {
    const MANY: u64 = 60;
    let mut stage = Stage::set()?;
    stage.trust.program()?.says("connected to the hub")?;
    stage.wire.cut();
    let place = stick(&stage, "large")?.join("flip-large.flip");
    large(&stage, &place, MANY)?;
    stage.trust.kill()?;
    // Verified and copied; taken in by whoever starts next, and cut off again and again.
    assert!(with(stage.trust.command(&["bundle", "import"])?, &place).output()?.status.success());
    for pause_ms in [20, 60, 120, 240, 400] {
        stage.trust.resume()?;
        std::thread::sleep(std::time::Duration::from_millis(pause_ms));
        stage.trust.kill()?;
    }
    stage.trust.resume()?;
    until("every answer", || {
        let status = stage.trust.status()?;
        Ok((status["outgoing"] == MANY && status["waiting"] == 0).then_some(()))
    })?;
    assert_eq!(take(&stage.trust, &place)?[0]["outcome"]["refused"], "replayed");
    stage.trust.kill()?;
    let mut orders = answered(&stage.trust)?;
    let times = orders.len() as u64;
    orders.sort();
    orders.dedup();
    assert_eq!((orders.len() as u64, times), (MANY, MANY), "each once");
    Ok(())
}

#[test]
fn what_one_stick_does_not_hold_is_on_several_and_each_is_good_by_itself() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let queries = [EVERYONE, RARE, DIABETES]
        .map(|sql| stage.api.ask("one of three", sql))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    // Smaller than any order: each is on a stick of its own.
    let sticks = out_of_size(&stage, &stick(&stage, "all")?, "1")?;
    assert_eq!(sticks.len(), 3, "{sticks:?}");
    // The last first, and the second is lost.
    for path in [&sticks[2], &sticks[0]] {
        assert_eq!(take(&stage.trust, path)?[0]["outcome"]["orders"], 1);
    }
    let returning = stick(&stage, "returning")?;
    let made = told(with(
        stage.trust.command(&["bundle", "export", "--wait", "1200", "--size", "1", "--out"])?,
        &returning,
    ))?;
    assert_eq!(made["bundles"].as_array().map(Vec::len), Some(2), "{made}");
    back(&stage.hub, &returning)?;
    let states: Vec<_> = queries
        .iter()
        .map(|query| Ok(share(&stage.api.result(query)?)["state"].clone()))
        .collect::<Result<_>>()?;
    assert_eq!((&states[0], &states[2]), (&"value".into(), &"value".into()), "{states:?}");
    // What was lost goes with the next.
    let next = stick(&stage, "next")?;
    out(&stage.hub, &next)?;
    take(&stage.trust, &file(&next)?)?;
    answer(&stage.trust, &next)?;
    back(&stage.hub, &next)?;
    assert_eq!(share(&stage.api.result(&queries[1])?)["state"], "fewer_than");
    // A file holds one bundle and no more.
    stage.api.ask("again", RARE)?;
    stage.api.ask("and again", RARE)?;
    let one = stage.folder().join("one.flip");
    let export = ["bundle", "export", "--trust", TRUST, "--size", "1", "--out"];
    let output = with(stage.hub.command(&export)?, &one).output()?;
    assert!(!output.status.success() && words(&output).contains("name a folder"), "{}", words(&output));
    Ok(())
}

fn out_of_size(stage: &Stage, stick: &Path, size: &str) -> Result<Vec<std::path::PathBuf>> {
    let said = told(with(
        stage.hub.command(&["bundle", "export", "--trust", TRUST, "--size", size, "--out"])?,
        stick,
    ))?;
    let files = said["bundles"].as_array().context("no bundles")?.iter();
    Ok(files.filter_map(|one| one["file"].as_str().map(Into::into)).collect())
}
