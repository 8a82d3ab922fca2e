//! Disks that fill up in the middle of a freeze.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use flip_appliance::data::Generations;
use flip_appliance::engine::Members;
use flip_appliance::frozen::{FrozenError, Store};

use crate::support::{NOW, PERSONS, World, wanted};

/// A cohort whose file needs more than the limits below: scattered persons, twelve bytes each.
fn many() -> Members {
    let persons = (0..200_000_u64).map(|n| n * 0x1_0001).collect();
    Members { persons, accessions: BTreeSet::new(), rows: 200_000 }
}

fn freeze(folder: &Path) -> Result<(), FrozenError> {
    let generations = Generations::open(&folder.join("generations")).unwrap();
    let store = Store::open(&folder.join("frozen"), &generations)?;
    let generation = generations.current().unwrap().unwrap();
    store.freeze(&generations, &generation, &wanted(PERSONS), &many(), NOW).map(drop)
}

fn left(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("frozen")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("f-")).collect();
    names.sort();
    names
}

/// Not a test of its own: the other process of the test below.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn freeze_in_this_process() {
    let Ok(folder) = std::env::var("TEST_FOLDER") else { return };
    match freeze(Path::new(&folder)) {
        Ok(()) => println!("frozen"),
        Err(error) => println!("refused: {error}"),
    }
}

/// No file may grow beyond a limit: works for everybody, and gives the error of a full disk's sibling.
#[test]
fn a_file_that_may_not_grow_is_a_full_disk_and_nothing_is_left_of_the_freeze() {
    let world = World::new();
    let script = "trap '' XFSZ; ulimit -f 512; exec \"$0\" \"$@\"";
    let output = Command::new("/bin/sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full::freeze_in_this_process", "--ignored", "--nocapture"])
        .env("TEST_FOLDER", world.folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("refused: the disk is full: this freeze needs"), "{text}");
    assert!(left(world.folder.path()).is_empty());
    assert!(world.generations.pins().unwrap().is_empty());
    freeze(world.folder.path()).unwrap();
    assert_eq!(left(world.folder.path()).len(), 1);
}

/// A file system of one megabyte, where this process may mount one; elsewhere the test above stands alone.
#[test]
fn a_full_disk_is_named_and_cohorts_that_were_frozen_stay() {
    let world = World::new();
    let folder = world.path("frozen");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(&folder).status();
    if !mount.is_ok_and(|status| status.success()) {
        eprintln!("no right to mount a file system: only the limit on file sizes is tested");
        return;
    }
    let _disk = Unmount(&folder);
    let store = Store::open(&folder, &world.generations).unwrap();
    let small = world.members(PERSONS);
    let kept = store.freeze(&world.generations, &world.current(), &wanted(PERSONS), &small, NOW).unwrap();
    let error = freeze(world.folder.path()).unwrap_err();
    // What a command ends with goes by how it was told.
    let FrozenError::DiskFull { needs_bytes, source } = error else { panic!("{error:?}") };
    assert!(needs_bytes > 1_000_000 && source.kind() == std::io::ErrorKind::StorageFull, "{source:?}");
    assert_eq!(left(world.folder.path()), [format!("{}.frozen", kept.name)]);
    assert_eq!(world.generations.pins().unwrap().len(), 1);
    assert!(store.members(&kept.name).is_ok());
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.0).status().ok();
    }
}
