//! Extracts that change while they are read.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flip_appliance::data::progress::{Phase, Progress, Step};
use flip_appliance::data::{IngestError, Settings, ingest};

use crate::support::{NOW_MS, World};

/// Does something to a file once the ingest has begun to load.
struct Meddler(PathBuf, fn(&Path));

impl Progress for Meddler {
    fn at(&mut self, step: &Step) {
        if step.phase == Phase::Loading {
            self.1(&self.0);
        }
    }
}

#[test]
fn a_file_that_is_replaced_under_the_ingest_is_refused() {
    let world = World::with_persons();
    let replace = |path: &Path| {
        let next = path.with_extension("next");
        fs::copy(path, &next).unwrap();
        fs::rename(&next, path).unwrap();
    };
    let mut meddler = Meddler(world.folder.path().join("person.csv"), replace);
    let outcome =
        ingest(world.folder.path(), &world.generations(), &Settings::default(), NOW_MS, &mut meddler);
    assert!(matches!(outcome, Err(IngestError::Changed { file }) if file == "person.csv"));
    assert!(world.partials().is_empty());
}

#[test]
fn a_part_that_arrives_under_the_ingest_is_missed_by_nobody() {
    let world = World::with_persons();
    world.file("death_1.csv", "person_id,death_date\n1,2020-01-01\n");
    fs::create_dir(world.folder.path().join("specimen")).unwrap();
    let first = world.ingest().unwrap().generation.name;
    for late in ["death_2.csv", "specimen/part-1.csv"] {
        let arrive = |path: &Path| fs::write(path, "person_id,death_date\n2,2020-01-01\n").unwrap();
        let path = world.folder.path().join(late);
        let mut meddler = Meddler(path.clone(), arrive);
        let outcome =
            ingest(world.folder.path(), &world.generations(), &Settings::default(), NOW_MS, &mut meddler);
        assert!(matches!(outcome, Err(IngestError::Changed { file }) if file == late), "{late}");
        assert_eq!(world.generations().current_name().unwrap(), Some(first.clone()));
        assert!(world.partials().is_empty());
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_file_that_grows_under_the_ingest_is_refused() {
    let world = World::with_persons();
    let grow = |path: &Path| {
        let mut file = fs::File::options().append(true).open(path).unwrap();
        file.write_all(b"4,0,1974,0,0,late\n").unwrap();
    };
    let mut meddler = Meddler(world.folder.path().join("person.csv"), grow);
    let error = ingest(world.folder.path(), &world.generations(), &Settings::default(), NOW_MS, &mut meddler)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "person.csv changed or was replaced while it was read; wait until the extract is complete and run again"
    );
    assert!(world.partials().is_empty());
}
