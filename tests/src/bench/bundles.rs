//! A bundle read from a stick and written to one, beside `cp` and `sha256sum` of the same file.
//!
//! What must stay true: it is the program that reads sticks, with its folder and no more; both sides end with the bytes on
//! the disk. Deliberately absent: what is in the messages, which the appliance looks at afterwards.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use flip_protocol::bundle::{Heading, Way, Writer};
use flip_protocol::keys::SigningKey;
use flip_protocol::{MessageId, PartyId, UnixMillis};
use serde_json::json;

use super::memory;
use super::samples::Samples;
use super::table::{Beside, Report, Row};
use super::{Effort, Places, Steps};
use crate::world::{command, until};

/// Bytes of a message: as long as one may be.
const MESSAGE: usize = 4 * 1024 * 1024;
/// What a process that reads a stick may take.
const MEMORY_MIB: f64 = 64.0;

/// Adds times and peaks.
pub fn measure(report: &mut Report, effort: &Effort, places: &Places, steps: &Steps) -> Result<()> {
    let folder = places.scratch.join("bundles");
    let (sticks, stick) = (folder.join("sticks"), folder.join("stick"));
    for part in ["arrived", "asked", "known", "leaving", "said"] {
        fs::create_dir_all(sticks.join(part))?;
    }
    fs::create_dir_all(&stick)?;
    let signing = SigningKey::from_bytes(&[1; 32]);
    let (hub, trust) = (PartyId::from_bytes([1; 16]), PartyId::from_bytes([2; 16]));
    let key = signing.verifying();
    let known = json!({ "trust": trust, "trust_name": "bench", "hub": hub, "verifying": [key], "own": key });
    fs::write(sticks.join("known/hub.json"), known.to_string())?;
    steps.begin("a bundle from a stick and to one")?;
    let name = format!("flip-{}.flip", MessageId::from_bytes([3; 16]));
    let (mut reads, mut writes, mut copies, mut peaks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let there = stick.join(&name);
    let mib = make(&there, Way::ToTrust, (hub, trust), effort.bundle_messages, &signing)?;
    for _ in 0..effort.bundles {
        let arrived = sticks.join("arrived").join(&name);
        let (seconds, peak) = timed(&["import"], &sticks, &stick, &arrived)?;
        reads.push(seconds);
        peaks.push(peak);
        fs::rename(&arrived, sticks.join("leaving").join(&name))?;
        fs::remove_file(&there)?;
        // A copy that was begun: it is carried on with, which needs no running appliance.
        make(
            &sticks.join("leaving").join(&name),
            Way::ToHub,
            (trust, hub),
            effort.bundle_messages,
            &signing,
        )?;
        File::create(stick.join(format!("{name}.part")))?;
        let (seconds, peak) = timed(&["export", "--out"], &sticks, &stick, &there)?;
        writes.push(seconds);
        peaks.push(peak);
        let began = Instant::now();
        let copy = folder.join("copy");
        for words in [&["cp"][..], &["sha256sum"], &["sync"]] {
            let file = if words == ["sync"] { &copy } else { &there };
            let mut run = Command::new(words[0]);
            run.arg(file).stdout(Stdio::null());
            if words == ["cp"] {
                run.arg(&copy);
            }
            ensure!(run.status()?.success(), "{words:?} failed");
        }
        copies.push(began.elapsed().as_secs_f64());
        fs::remove_file(&copy)?;
        make(&there, Way::ToTrust, (hub, trust), effort.bundle_messages, &signing)?;
    }
    let plain = Samples::new(copies).median();
    let row = |what: &str, samples| {
        let name = format!("{what}, {mib:.0} MiB");
        Row::new(name, "s", Beside::Range, Samples::new(samples)).alternative(plain)
    };
    report.add(row("bundle read from a stick (beside cp, sha256sum, sync)", reads));
    report.add(row("bundle written to a stick (beside the same)", writes));
    let name = "memory of the process that reads or writes it, peak";
    let peak = Row::new(name, "MiB", Beside::Range, Samples::new(peaks));
    report.add(peak.target(super::table::Target::Median(MEMORY_MIB)));
    Ok(fs::remove_dir_all(&folder)?)
}

fn make(
    path: &Path,
    way: Way,
    (sender, receiver): (PartyId, PartyId),
    messages: usize,
    signing: &SigningKey,
) -> Result<f64> {
    let (made, expires) = (UnixMillis(1_000_000_000_000), UnixMillis(u64::MAX >> 1));
    let heading =
        Heading { way, id: MessageId::from_bytes([3; 16]), sender, receiver, number: 1, made, expires };
    let lengths = vec![MESSAGE as u64; messages];
    let mut writer = Writer::new(File::create(path)?, heading, &lengths, signing)?;
    let message: Vec<u8> = (0..MESSAGE).map(|at| (at % 251).to_le_bytes()[0]).collect();
    for _ in 0..messages {
        writer.message(&message)?;
    }
    let (header, file) = writer.finish(signing)?;
    file.sync_all()?;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    Ok(header.length() as f64 / (1024.0 * 1024.0))
}

/// Seconds until `done` is there, and the most memory of the process, in MiB. It then waits for an appliance that does not
/// run, which is not counted.
fn timed(words: &[&str], sticks: &Path, stick: &Path, done: &Path) -> Result<(f64, f64)> {
    let mut run = command("flip-appliance")?;
    run.arg("bundle").args(words).arg(stick).arg("--sticks").arg(sticks);
    let began = Instant::now();
    let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("it does not start")?;
    let ended = AtomicBool::new(false);
    let (took, watched) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            until("the bundle", || {
                let over = ended.load(Ordering::Acquire);
                let there = done.exists().then(|| began.elapsed());
                ensure!(there.is_some() || !over, "it ended and made no bundle");
                Ok(there)
            })
        });
        let watched = memory::watch(child);
        ended.store(true, Ordering::Release);
        (looking.join(), watched)
    });
    let (_, peak) = watched?;
    Ok((took.map_err(|_| anyhow::anyhow!("the clock failed"))??.as_secs_f64(), peak))
}
