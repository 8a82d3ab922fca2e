//! Real filesystems on loop devices, where this machine may mount them: full, read-only, and gone in the middle.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::EVERYONE;

use super::{answer, back, file, out, share, take, with, words};
use crate::stage::{Stage, TRUST};

/// A stick of so many KiB; unmounted when it goes out of scope.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

fn run(program: &str, words: &[&str]) -> Result<bool> {
    Ok(Command::new(program)
        .args(words)
        .output()
        .with_context(|| format!("{program} cannot be started"))?
        .status
        .success())
}

/// `None` where this machine may not mount.
fn mounted(stage: &Stage, name: &str, kib: u32, options: &str) -> Result<Option<Mounted>> {
    let (image, place) = (stage.folder().join(format!("{name}.img")), stage.folder().join(name));
    if !image.exists() {
        fs::File::create(&image)?.set_len(u64::from(kib) * 1024)?;
        let image = image.to_str().context("no path")?;
        ensure!(run("mkfs.ext4", &["-q", "-m", "0", "-O", "^has_journal", image])?, "no filesystem was made");
    }
    fs::create_dir_all(&place)?;
    let options = format!("loop,noexec,nosuid,nodev,{options}");
    let words = ["-o", &options, image.to_str().context("no path")?, place.to_str().context("no path")?];
    if !run("mount", &words)? {
        eprintln!("this machine may not mount: the same is tried on folders alone");
        return Ok(None);
    }
    Ok(Some(Mounted(place)))
}

#[test]
fn a_stick_that_is_full_or_read_only_is_named_and_the_copy_goes_on_on_it_afterwards() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let query = stage.api.ask("everyone", EVERYONE)?;
    let Some(stick) = mounted(&stage, "stick", 512, "rw")? else { return Ok(()) };
    // Nearly full: a bundle does not fit.
    let ballast = stick.0.join("holiday.jpg");
    fill(&ballast)?;
    let export = ["bundle", "export", "--trust", TRUST, "--out"];
    let output = with(stage.hub.command(&export)?, &stick.0).output()?;
    assert!(!output.status.success(), "{}", words(&output));
    assert!(
        !fs::read_dir(&stick.0)?
            .any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "flip")))
    );
    fs::remove_file(&ballast)?;
    out(&stage.hub, &stick.0)?;
    let place = stick.0.clone();
    drop(stick);
    // As the machine at the Trust mounts it to read.
    let Some(stick) = mounted(&stage, "stick", 512, "ro")? else { return Ok(()) };
    assert_eq!(take(&stage.trust, &place)?[0]["outcome"]["orders"], 1);
    let output =
        with(stage.trust.command(&["bundle", "export", "--wait", "60", "--out"])?, &place).output()?;
    assert!(!output.status.success(), "{}", words(&output));
    drop(stick);
    let Some(_stick) = mounted(&stage, "stick", 512, "rw")? else { return Ok(()) };
    answer(&stage.trust, &place)?;
    back(&stage.hub, &place)?;
    assert_eq!(share(&stage.api.result(&query)?)["state"], "value");
    Ok(())
}

#[test]
fn what_does_not_fit_one_stick_goes_on_the_next() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    for number in 0..6 {
        stage.api.ask(&format!("everyone {number}"), EVERYONE)?;
    }
    let (Some(first), Some(second)) =
        (mounted(&stage, "first", 512, "rw")?, mounted(&stage, "second", 512, "rw")?)
    else {
        return Ok(());
    };
    // Room for some of the bundles.
    let ballast = first.0.join("holiday.jpg");
    fill(&ballast)?;
    let file = fs::File::options().write(true).open(&ballast)?;
    file.set_len(file.metadata()?.len() - 4 * 1024)?;
    file.sync_all()?;
    let export = ["bundle", "export", "--trust", TRUST, "--size", "2K", "--out"];
    let output = with(stage.hub.command(&export)?, &first.0).output()?;
    assert!(!output.status.success() && words(&output).contains("plug in another"), "{}", words(&output));
    let carried = bundles(&first.0)?;
    assert!((1..6).contains(&carried), "{carried} bundles fitted");
    // The same command, whatever it says of the size.
    let output = with(stage.hub.command(&export)?, &second.0).output()?;
    assert!(output.status.success(), "{}", words(&output));
    assert_eq!(carried + bundles(&second.0)?, 6);
    let orders = |place: &Path| -> Result<u64> {
        Ok(take(&stage.trust, place)?
            .as_array()
            .context("no list")?
            .iter()
            .filter_map(|one| one["outcome"]["orders"].as_u64())
            .sum())
    };
    assert_eq!(orders(&first.0)? + orders(&second.0)?, 6);
    Ok(())
}

/// Bundles on a stick that are all there.
fn bundles(place: &Path) -> Result<usize> {
    let entries = fs::read_dir(place)?.collect::<std::io::Result<Vec<_>>>()?;
    Ok(entries.iter().filter(|entry| entry.path().extension().is_some_and(|ending| ending == "flip")).count())
}

/// Writes until there is no room.
fn fill(path: &Path) -> Result<()> {
    use std::io::Write as _;
    let mut file = fs::File::create(path)?;
    while file.write_all(&[7; 512]).is_ok() {}
    file.sync_all().or(Ok(()))
}

#[test]
fn a_copy_to_a_stick_that_was_pulled_is_carried_on_with() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let query = stage.api.ask("everyone", EVERYONE)?;
    let stick = super::stick(&stage, "pulled")?;
    out(&stage.hub, &stick)?;
    // As it would look where the stick was pulled in the middle: half a copy, and what was made still at the hub.
    let (whole, name) = (file(&stick)?, file(&stick)?.file_name().context("no name")?.to_owned());
    let bytes = fs::read(&whole)?;
    fs::create_dir_all(stage.hub.data.join("bundles"))?;
    fs::copy(&whole, stage.hub.data.join("bundles").join(&name))?;
    fs::remove_file(&whole)?;
    let mut part = whole.clone().into_os_string();
    part.push(".part");
    for cut in [0, 1, 97, 98, bytes.len() / 2, bytes.len() - 1, bytes.len()] {
        fs::write(&part, &bytes[..cut])?;
        out(&stage.hub, &stick)?;
        assert_eq!(fs::read(&whole)?, bytes, "cut at {cut}");
        assert_eq!(file(&stick)?, whole);
        fs::copy(&whole, stage.hub.data.join("bundles").join(&name))?;
        fs::remove_file(&whole)?;
    }
    fs::write(&whole, &bytes)?;
    // On its way in likewise.
    let arriving = stage.trust.data.join("sticks/arrived").join(&name);
    let mut part = arriving.into_os_string();
    part.push(".part");
    fs::write(&part, &bytes[..bytes.len() / 2])?;
    assert_eq!(take(&stage.trust, &stick)?[0]["outcome"]["orders"], 1);
    answer(&stage.trust, &stick)?;
    back(&stage.hub, &stick)?;
    assert_eq!(share(&stage.api.result(&query)?)["state"], "value");
    Ok(())
}
