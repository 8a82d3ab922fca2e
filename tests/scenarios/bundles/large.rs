//! Large bundles: memory does not grow with them, and several sticks share what one does not hold.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use flip_protocol::bundle::{Expected, FromHub, Heading, Unproven, Way, Writer};
use flip_protocol::keys::{SealingKey, SigningKey};
use flip_protocol::message::{self, Envelope, Kind};
use flip_protocol::order::Work;
use flip_protocol::sync::SyncResponse;
use flip_protocol::{MessageId, PartyId, UnixMillis, bounds};
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

/// A file whose zeros take no room.
struct Sparse(File);

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const BLOCK: usize = 4_096;
        let block = &bytes[..bytes.len().min(BLOCK)];
        if block.iter().all(|byte| *byte == 0) {
            self.0.seek(SeekFrom::Current(i64::try_from(block.len()).map_err(io::Error::other)?))?;
            return Ok(block.len());
        }
        self.0.write(block)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// A bundle with a letter as it should be and so many messages of 4 MiB that are none.
pub(super) fn huge(
    path: &Path,
    heading: Heading,
    letter: &[u8],
    messages: usize,
    signing: &SigningKey,
) -> Result<u64> {
    let mut lengths = vec![bounds::BODY_BYTES as u64; messages];
    lengths.insert(0, letter.len() as u64);
    let mut writer = Writer::new(Sparse(File::create(path)?), heading, &lengths, signing)?;
    writer.message(letter)?;
    let message = vec![0; bounds::BODY_BYTES];
    for _ in 0..messages {
        writer.message(&message)?;
    }
    let (header, file) = writer.finish(signing)?;
    file.0.set_len(header.length())?;
    Ok(header.length())
}

/// Runs it; gives its peak of memory in KiB and how long it took.
fn watched(mut command: Command) -> Result<(u64, Duration)> {
    let began = Instant::now();
    let mut child = command.arg("--json").stdout(Stdio::piped()).spawn()?;
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        peak = peak_kib(child.id()).unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok((peak, began.elapsed()))
}

/// By hand, since it takes 10 GB of the folder that `FLIP_LARGE` names:
/// `FLIP_LARGE=/mnt/room cargo test -p flip-tests --test scenarios ten_gigabytes -- --ignored --nocapture`.
#[test]
#[ignore = "by hand: it takes 10 GB"]
fn ten_gigabytes_go_in_and_out_within_64_mib() -> Result<()> {
    const MESSAGES: usize = 2_400;
    let room = std::env::var("FLIP_LARGE").context("FLIP_LARGE names no folder")?;
    let mut stage = Stage::set_with(tempfile::tempdir_in(room)?, String::new())?;
    stage.trust.program()?.says("connected to the hub")?;
    stage.wire.cut();
    let said = |what: &str, bytes: u64, (peak, took): (u64, Duration)| {
        #[expect(clippy::cast_precision_loss, reason = "to be read by people")]
        let rate = bytes as f64 / 1e6 / took.as_secs_f64();
        eprintln!("{what}: {bytes} bytes in {took:.1?}, {rate:.0} MB/s, peak {peak} KiB");
        assert!(peak < MEMORY / 1_024, "{what} took {peak} KiB");
    };
    // To the Trust: the reader, then the appliance itself.
    let made = out(&stage.hub, &stick(&stage, "made")?)?;
    let id: MessageId = made["bundles"][0]["bundle"]["id"].as_str().context("no id")?.parse()?;
    let (signing, heading, letter) = parts(&stage, &stage.hub.data.join("keys/signing.key"), "made", id)?;
    let place = stick(&stage, "stick")?.join("flip-huge.flip");
    let bytes = huge(&place, heading, &letter, MESSAGES, &signing)?;
    let program = stage.trust.program()?.id();
    let before = peak_kib(program)?;
    said("import", bytes, watched(with(stage.trust.command(&["bundle", "import"])?, &place))?);
    let listed = stage.trust.noted("bundle_taken")?;
    assert!(listed.contains(&format!("\"not_taken\":{MESSAGES}")), "{listed}");
    let grown = peak_kib(program)?.saturating_sub(before);
    eprintln!("the appliance took it in and grew by {grown} KiB");
    assert!(grown * 1_024 < MEMORY);
    // To a stick: what is left of an export is carried on with.
    fs::remove_file(&place)?;
    answer(&stage.trust, &stick(&stage, "answer")?)?;
    let made = file(&stage.folder().join("answer"))?;
    let id = made.file_stem().and_then(|name| name.to_str()).context("no name")?.trim_start_matches("flip-");
    let key = stage.trust.data.join("identity/signing.key");
    let (signing, heading, letter) = parts(&stage, &key, "answer", id.parse()?)?;
    let name = made.file_name().context("no name")?.to_owned();
    let left = stage.trust.data.join("sticks/leaving").join(&name);
    huge(&left, heading, &letter, MESSAGES, &signing)?;
    let returning = stick(&stage, "returning")?;
    let export = stage.trust.command(&["bundle", "export", "--out"])?;
    said("export", bytes, watched(with(export, &returning))?);
    // Holes again in its place: there is room for one.
    said("cp and sha256sum", bytes, {
        let (from, to) = (returning.join(&name), stage.folder().join("copy"));
        fs::remove_file(&from)?;
        huge(&from, heading, &letter, MESSAGES, &signing)?;
        let began = Instant::now();
        assert!(Command::new("cp").arg("--sparse=never").args([&from, &to]).status()?.success());
        assert!(Command::new("sha256sum").arg(&to).stdout(Stdio::null()).status()?.success());
        let took = began.elapsed();
        fs::remove_file(&to)?;
        (0, took)
    });
    said("import at the hub", bytes, watched(with(stage.hub.command(&["bundle", "import"])?, &returning))?);
    let listed = stage.hub.noted("bundle_taken")?;
    assert!(listed.contains("bundle_taken"), "{listed}");
    Ok(())
}

/// The key, the heading and the letter of a bundle that was made, to make another of.
pub(super) fn parts(
    stage: &Stage,
    key: &Path,
    of: &str,
    id: MessageId,
) -> Result<(SigningKey, Heading, Vec<u8>)> {
    let key: [u8; 32] = fs::read(key)?.try_into().ok().context("no key")?;
    let signing = SigningKey::from_bytes(&key);
    let unproven = Unproven::read(File::open(file(&stage.folder().join(of))?)?)?;
    let heading = unproven.header().heading;
    assert_eq!(heading.id, id);
    let Heading { way, sender, receiver: me, .. } = heading;
    let mut bundle = unproven.prove(&Expected { me, sender, way, verifying: &[signing.verifying()] })?;
    let letter = bundle.next_message()?.context("no letter")?;
    Ok((signing, heading, letter))
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
    let mut stage = Stage::cut_off()?;
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
    let mut stage = Stage::cut_off()?;
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
    // A folder that is mistyped, or not mounted, is none to be written beside.
    for command in [stage.hub.command(&export)?, stage.trust.command(&["bundle", "export", "--out"])?] {
        let output = with(command, &stage.folder().join("stik")).output()?;
        let said = words(&output);
        assert!(!output.status.success() && said.contains("is no folder that is there"), "{said}");
    }
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
