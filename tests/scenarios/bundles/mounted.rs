//! Real filesystems on loop devices, as many as this machine has: full, read-only, and gone in the middle.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::EVERYONE;

use super::{answer, back, file, out, share, stick, take, with, words};
use crate::stage::{Stage, TRUST};

/// A filesystem that a stick may have, how one is made, and how small it may be.
struct System {
    name: &'static str,
    made_by: &'static [&'static str],
    kib: u64,
}

const EXT4: System =
    System { name: "ext4", made_by: &["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal"], kib: 512 };
/// Those that sticks are meant to have, and others.
const SYSTEMS: [System; 6] = [
    System { name: "vfat", made_by: &["mkfs.vfat", "-n", "FLIP"], kib: 512 },
    System { name: "exfat", made_by: &["mkfs.exfat", "-L", "FLIP"], kib: 4_096 },
    EXT4,
    System { name: "ext2", made_by: &["mkfs.ext2", "-q", "-m", "0"], kib: 512 },
    System { name: "xfs", made_by: &["mkfs.xfs", "-q"], kib: 307_200 },
    System { name: "btrfs", made_by: &["mkfs.btrfs", "-q"], kib: 131_072 },
];
/// Those that are made of a folder and never written to, as a CD is.
const PRESSED: [(&str, &[&str]); 3] = [
    ("squashfs", &["mksquashfs", "FOLDER", "IMAGE", "-quiet", "-no-progress"]),
    ("erofs", &["mkfs.erofs", "IMAGE", "FOLDER"]),
    ("iso9660", &["genisoimage", "-quiet", "-R", "-o", "IMAGE", "FOLDER"]),
];

/// A stick; unmounted when it goes out of scope.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

fn run(words: &[&str]) -> Result<bool> {
    let (program, words) = words.split_first().context("no program")?;
    let output = Command::new(program).args(words).output();
    Ok(output.with_context(|| format!("{program} cannot be started"))?.status.success())
}

/// True where the kernel has that filesystem and this machine the program that makes one; says so where not.
fn is_here(name: &str, program: &str) -> Result<bool> {
    let is_known = || -> Result<bool> {
        let systems = fs::read_to_string("/proc/filesystems")?;
        Ok(systems.lines().any(|line| line.split_whitespace().last() == Some(name)))
    };
    if !is_known()? {
        drop(Command::new("modprobe").arg(name).output());
    }
    let why = match (is_known()?, Command::new(program).arg("--help").output().is_ok()) {
        (true, true) => return Ok(true),
        (false, _) => "this kernel has no such filesystem".to_owned(),
        (true, false) => format!("there is no {program}"),
    };
    eprintln!("{name}: skipped, {why}");
    Ok(false)
}

/// `None` where this machine may not mount.
fn mounted(stage: &Stage, name: &str, system: &System, options: &str) -> Result<Option<Mounted>> {
    let image = stage.folder().join(format!("{name}.img"));
    if !image.exists() {
        fs::File::create(&image)?.set_len(system.kib * 1024)?;
        let made = [system.made_by, &[image.to_str().context("no path")?]].concat();
        ensure!(run(&made)?, "no {} was made", system.name);
    }
    looped(stage, name, system.name, options)
}

/// The image of that name, mounted; `None` where this machine may not mount.
fn looped(stage: &Stage, name: &str, system: &str, options: &str) -> Result<Option<Mounted>> {
    let (image, place) = (stage.folder().join(format!("{name}.img")), stage.folder().join(name));
    fs::create_dir_all(&place)?;
    let options = format!("loop,noexec,nosuid,nodev,{options}");
    let (image, to) = (image.to_str().context("no path")?, place.to_str().context("no path")?);
    if !run(&["mount", "-t", system, "-o", &options, image, to])? {
        eprintln!("{system}: skipped, this machine may not mount it");
        return Ok(None);
    }
    Ok(Some(Mounted(place)))
}

#[test]
fn a_stick_that_is_full_or_read_only_is_named_and_the_copy_goes_on_on_it_afterwards() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    for system in SYSTEMS {
        if is_here(system.name, system.made_by[0])? {
            full_or_read_only(&stage, &system).context(system.name)?;
        }
    }
    Ok(())
}

fn full_or_read_only(stage: &Stage, system: &System) -> Result<()> {
    let Some(stick) = mounted(stage, system.name, system, "rw")? else { return Ok(()) };
    let query = stage.api.ask(system.name, EVERYONE)?;
    // Nearly full: a bundle does not fit.
    let ballast = stick.0.join("holiday.jpg");
    fill(&ballast)?;
    let export = ["bundle", "export", "--trust", TRUST, "--out"];
    let output = with(stage.hub.command(&export)?, &stick.0).output()?;
    ensure!(!output.status.success(), "{}", words(&output));
    ensure!(bundles(&stick.0)? == 0, "half a bundle has its name");
    fs::remove_file(&ballast)?;
    out(&stage.hub, &stick.0)?;
    let place = stick.0.clone();
    drop(stick);
    // As the machine at the Trust mounts it to read.
    let stick = mounted(stage, system.name, system, "ro")?.context("it was mounted before")?;
    ensure!(take(&stage.trust, &place)?[0]["outcome"]["orders"] == 1, "no order");
    let output =
        with(stage.trust.command(&["bundle", "export", "--wait", "60", "--out"])?, &place).output()?;
    ensure!(!output.status.success(), "{}", words(&output));
    drop(stick);
    let _stick = mounted(stage, system.name, system, "rw")?.context("it was mounted before")?;
    answer(&stage.trust, &place)?;
    back(&stage.hub, &place)?;
    ensure!(share(&stage.api.result(&query)?)["state"] == "value", "no value");
    eprintln!("{}: tried", system.name);
    Ok(())
}

#[test]
fn work_is_taken_from_what_can_only_be_read() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    for (name, made_by) in PRESSED {
        if !is_here(name, made_by[0])? {
            continue;
        }
        stage.api.ask(name, EVERYONE)?;
        let folder = stick(&stage, &format!("{name}-made"))?;
        out(&stage.hub, &folder)?;
        let image = stage.folder().join(format!("{name}.img"));
        let paths =
            [("FOLDER", &folder), ("IMAGE", &image)].map(|(word, path)| (word, path.display().to_string()));
        let made: Vec<&str> = made_by
            .iter()
            .map(|word| paths.iter().find(|(name, _)| name == word).map_or(*word, |(_, path)| path))
            .collect();
        ensure!(run(&made)?, "no {name} was made");
        let Some(stick) = looped(&stage, name, name, "ro")? else { continue };
        ensure!(take(&stage.trust, &stick.0)?[0]["outcome"]["orders"] != 0, "{name}: no order");
        let output = with(stage.trust.command(&["bundle", "export", "--out"])?, &stick.0).output()?;
        ensure!(!output.status.success(), "{name}: {}", words(&output));
        eprintln!("{name}: tried");
    }
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
        (mounted(&stage, "first", &EXT4, "rw")?, mounted(&stage, "second", &EXT4, "rw")?)
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
    let mut file = fs::File::create(path)?;
    for piece in [1024 * 1024, 512] {
        let piece = vec![7; piece];
        while file.write_all(&piece).is_ok() {}
    }
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
