//! Which generations stay, which is used, and what is wrong with one.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use flip_appliance::data::{Damage, Generations, GenerationsError, Settings, Verdict, ingest, progress};
use flip_storage::error_chain;

use crate::support::{NOW_MS, PERSON_HEADER, World, answers, open};

const COUNT: &str = "SELECT count(*)::VARCHAR FROM omop.person";

fn ingest_keeping(world: &World, keep: usize) -> Vec<String> {
    let settings = Settings { keep, ..Settings::default() };
    let report = ingest(world.folder.path(), &world.generations(), &settings, NOW_MS, &mut progress::Silent);
    report.unwrap().removed
}

fn names(generations: &Generations) -> Vec<String> {
    generations.names().unwrap()
}

#[test]
fn the_newest_generations_stay_and_those_in_use_or_pinned() {
    let world = World::with_persons();
    let generations = world.generations();
    for _ in 0..4 {
        assert_eq!(ingest_keeping(&world, 4), [""; 0]);
    }
    generations.pin("cohort-1", "g-000002").unwrap();
    assert_eq!(ingest_keeping(&world, 2), ["g-000001", "g-000003"]);
    assert_eq!(names(&generations), ["g-000002", "g-000004", "g-000005"]);
    generations.use_again("g-000002").unwrap();
    generations.unpin("cohort-1").unwrap();
    // The new one is put in use, and only then does the old one go.
    assert_eq!(ingest_keeping(&world, 2), ["g-000002", "g-000004"]);
    assert_eq!(names(&generations), ["g-000005", "g-000006"]);
}

#[test]
fn what_is_in_use_or_pinned_is_not_dropped() {
    let world = World::with_persons();
    let generations = world.generations();
    world.ingest().unwrap();
    world.ingest().unwrap();
    generations.pin("cohort-1", "g-000001").unwrap();
    let refused = |name: &str| generations.drop_one(name).unwrap_err().to_string();
    assert_eq!(
        refused("g-000002"),
        "g-000002 is in use; use another one first: flip-appliance data use NAME"
    );
    assert_eq!(refused("g-000001"), "g-000001 is needed by cohort-1; it can be dropped once they are gone");
    assert_eq!(refused("g-000007"), "there is no generation g-000007; there are g-000001, g-000002");
    assert_eq!(refused("../etc"), "there is no generation ../etc; there are g-000001, g-000002");
    generations.unpin("cohort-1").unwrap();
    generations.unpin("cohort-1").unwrap();
    generations.drop_one("g-000001").unwrap();
    assert_eq!(names(&generations), ["g-000002"]);
    assert!(generations.pin("../x", "g-000002").is_err());
    assert!(generations.pin("x", "g-000001").is_err());
}

/// One wrong bit in `current` makes another name of a name, so that none is surely not in use.
#[test]
fn while_it_cannot_be_told_which_is_in_use_none_is_dropped_and_it_is_said_what_to_do() {
    let world = World::with_persons();
    let generations = world.generations();
    world.ingest().unwrap();
    world.ingest().unwrap();
    let pointer = world.root.path().join("current");
    for (broken, why) in [
        (&b"g-000009\n"[..], "current does not name a generation of this folder"),
        (b"g-00000\xb2\n", "current does not name a generation of this folder"),
    ] {
        fs::write(&pointer, broken).unwrap();
        for name in ["g-000001", "g-000002"] {
            let error = error_chain(&generations.drop_one(name).unwrap_err());
            assert!(
                error.starts_with(&format!(
                    "{name} stays, since it cannot be told whether it is in use; put the one in use that is to be \
                     (flip-appliance data use NAME), then drop it: "
                )) && error.contains(why),
                "{error}"
            );
        }
    }
    assert_eq!(names(&generations), ["g-000001", "g-000002"]);
    generations.use_again("g-000002").unwrap();
    generations.drop_one("g-000001").unwrap();
    assert_eq!(names(&generations), ["g-000002"]);
}

/// A link to a folder in the pointer's place is replaced; a folder is somebody's, and kept.
#[test]
fn a_folder_in_the_pointers_place_is_named_and_moved_aside_by_the_next_that_is_put_in_use() {
    let world = World::with_persons();
    let generations = world.generations();
    world.ingest().unwrap();
    let pointer = world.root.path().join("current");
    for round in 1..=2 {
        fs::remove_file(&pointer).unwrap();
        fs::create_dir(&pointer).unwrap();
        fs::write(pointer.join("of-whom"), format!("{round}")).unwrap();
        let said = error_chain(&generations.current().unwrap_err());
        assert!(
            said.contains("current does not name a generation of this folder; see which there are"),
            "{said}"
        );
        assert!(generations.drop_one("g-000001").is_err());
        if round == 1 {
            generations.use_again("g-000001").unwrap();
            assert_eq!(generations.current().unwrap().unwrap().name, "g-000001");
        } else {
            world.ingest().unwrap();
            assert_eq!(generations.current().unwrap().unwrap().name, "g-000002");
        }
        let aside = world.root.path().join(format!("current.aside-{round}/of-whom"));
        assert_eq!(fs::read_to_string(aside).unwrap(), format!("{round}"));
    }
    fs::remove_file(&pointer).unwrap();
    std::os::unix::fs::symlink("g-000001", &pointer).unwrap();
    assert!(error_chain(&generations.current().unwrap_err()).contains("put one in use"));
    generations.use_again("g-000001").unwrap();
    assert_eq!(fs::read_to_string(&pointer).unwrap(), "g-000001\n");
    assert!(world.root.path().join("g-000001/manifest.json").exists());
}

/// One wrong bit in a pin makes another name of a name, or none.
#[test]
fn a_pin_that_does_not_say_which_generation_it_needs_keeps_every_one_and_is_named() {
    let world = World::with_persons();
    let generations = world.generations();
    for _ in 0..3 {
        world.ingest().unwrap();
    }
    generations.pin("cohort-1", "g-000002").unwrap();
    let pin = world.root.path().join("pins/cohort-1");
    for broken in [&b"g-000012\n"[..], b"g-00000\xb2\n", b"", b"../g-000002\n"] {
        fs::write(&pin, broken).unwrap();
        assert_eq!(ingest_keeping(&world, 1), [""; 0]);
        let said = generations.drop_one("g-000001").unwrap_err().to_string();
        assert!(
            said.starts_with("g-000001 is needed by cohort-1 (pins/cohort-1 does not say which"),
            "{said}"
        );
    }
    fs::remove_file(&pin).unwrap();
    fs::create_dir(&pin).unwrap();
    assert_eq!(ingest_keeping(&world, 1), [""; 0]);
    fs::remove_dir(&pin).unwrap();
    generations.pin("cohort-1", "g-000002").unwrap();
    generations.drop_one("g-000001").unwrap();
}

#[test]
fn no_name_is_given_out_while_it_cannot_be_read_which_were() {
    let world = World::with_persons();
    world.ingest().unwrap();
    let newest = world.root.path().join("newest");
    fs::write(&newest, b"\xff\n").unwrap();
    let error = world.ingest().unwrap_err();
    assert!(error_chain(&error).contains("newest"), "{error:?}");
    assert_eq!(world.generations().current().unwrap().unwrap().name, "g-000001");
}

#[test]
fn a_dropped_generation_stays_with_those_who_read_it_and_its_name_is_never_used_again() {
    let world = World::with_persons();
    let generations = world.generations();
    world.ingest().unwrap();
    let second = world.ingest().unwrap().generation;
    let reader = open(&second.database);
    generations.use_again("g-000001").unwrap();
    generations.drop_one("g-000002").unwrap();
    assert_eq!(answers(&reader, COUNT), ["3"]);
    assert_eq!(world.ingest().unwrap().generation.name, "g-000003");
}

#[test]
fn an_older_generation_can_be_used_again() {
    let world = World::with_persons();
    world.ingest().unwrap();
    world.ingest().unwrap();
    let used = world.generations().use_again("g-000001").unwrap();
    assert_eq!(world.generations().current().unwrap(), Some(used));
    assert_eq!(world.ask(COUNT), ["3"]);
}

/// Every bit of the files counts: some are looked at by nobody else, such as those of unused blocks.
#[test]
fn a_flipped_bit_is_found_named_and_keeps_the_data_out_of_use() {
    let world = World::with_persons();
    world.ingest().unwrap();
    let generation = world.ingest().unwrap().generation;
    let generations = world.generations();
    let verify = || generations.verify("g-000002", &mut |_| {}).unwrap();
    assert_eq!(verify(), Verdict::Sound);

    for file in [generation.database.clone(), generation.database.with_file_name("population")] {
        let size = fs::metadata(&file).unwrap().len();
        for at in [0, 100, size / 2, size - 1] {
            flip(&file, at);
            assert_eq!(
                verify(),
                Verdict::Damaged(Damage::Bytes),
                "byte {at} of {size} of {}",
                file.display()
            );
            let error = generations.current().unwrap_err();
            assert!(matches!(error, GenerationsError::Damaged { .. }), "{error:?}");
            assert_eq!(
                error.to_string(),
                "generation g-000002 is damaged: its file's SHA-256 is not that of what was ingested. Its data are not \
                 used; use another (flip-appliance data use g-000001), or ingest the extract again"
            );
            assert!(generations.use_again("g-000002").is_err());
            flip(&file, at);
            assert_eq!(verify(), Verdict::Sound);
            assert_eq!(generations.current().unwrap().unwrap().name, "g-000002");
        }
    }
}

#[test]
fn the_population_of_another_generation_is_damage_and_so_is_none_at_all() {
    let world = World::with_persons();
    world.ingest().unwrap();
    let other = World::empty();
    other.file(
        "person.csv",
        format!("{PERSON_HEADER}\n1,8532,1934,0,0,a\n2,8507,1940,0,0,b\n3,8507,1950,0,0,c\n"),
    );
    let generation = world.ingest().unwrap().generation;
    let generations = world.generations();
    let mut read = 0;
    let mut verify = || generations.verify("g-000002", &mut |bytes| read = bytes).unwrap();
    assert_eq!(verify(), Verdict::Sound);
    let file = generation.database.with_file_name("population");
    let own = fs::read(&file).unwrap();

    fs::copy(other.ingest().unwrap().generation.database.with_file_name("population"), &file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len(), own.len() as u64);
    assert_eq!(verify(), Verdict::Damaged(Damage::Bytes));
    assert!(generations.current().is_err());
    fs::remove_file(&file).unwrap();
    assert_eq!(verify(), Verdict::Damaged(Damage::NoPopulation));
    let error = generations.current().unwrap_err();
    assert!(matches!(error, GenerationsError::Damaged { how: Damage::NoPopulation, .. }), "{error:?}");

    fs::write(&file, &own).unwrap();
    assert_eq!(verify(), Verdict::Sound);
    assert_eq!(read, fs::metadata(&generation.database).unwrap().len() + own.len() as u64);
    assert_eq!(generations.current().unwrap(), Some(generation));
}

#[test]
fn a_population_that_the_manifest_does_not_name_is_not_looked_at() {
    let world = World::with_persons();
    let generation = world.ingest().unwrap().generation;
    let path = generation.database.with_file_name("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest.as_object_mut().unwrap().remove("population").unwrap();
    fs::write(&path, manifest.to_string()).unwrap();
    fs::write(path.with_file_name("population"), "of whatever").unwrap();
    let generations = world.generations();
    assert_eq!(generations.verify("g-000001", &mut |_| {}).unwrap(), Verdict::Sound);
}

/// Changes one bit of the byte at a place.
fn flip(file: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[test]
fn a_cut_replaced_or_missing_file_shows_without_reading_it() {
    let world = World::with_persons();
    let generation = world.ingest().unwrap().generation;
    let whole = fs::read(&generation.database).unwrap();
    let damage = || match world.generations().current() {
        Err(GenerationsError::Damaged { how, other: None, .. }) => how,
        other => panic!("expected damage, found {other:?}"),
    };
    fs::write(&generation.database, &whole[..whole.len() - 1]).unwrap();
    let expected = whole.len() as u64;
    assert_eq!(damage(), Damage::Size { expected, found: expected - 1 });
    fs::write(&generation.database, vec![0; whole.len()]).unwrap();
    assert_eq!(damage(), Damage::Header);
    fs::remove_file(&generation.database).unwrap();
    assert_eq!(damage(), Damage::Missing);
    fs::write(&generation.database, &whole).unwrap();
    assert_eq!(world.generations().current().unwrap(), Some(generation));
}

#[test]
fn a_manifest_of_another_version_is_read() {
    let world = World::with_persons();
    let generation = world.ingest().unwrap().generation;
    let path = generation.database.with_file_name("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let members = manifest.as_object_mut().unwrap();
    members.remove("database");
    members.remove("population");
    members.remove("delivery");
    members.insert("checks".to_owned(), serde_json::json!([]));
    fs::write(&path, manifest.to_string()).unwrap();
    fs::remove_file(path.with_file_name("quality.json")).unwrap();
    let generations = world.generations();
    assert_eq!(generations.current().unwrap().unwrap().manifest.rows("person"), Some(3));
    assert_eq!(generations.quality("g-000001").unwrap(), None);
    assert_eq!(generations.verify("g-000001", &mut |_| {}).unwrap(), Verdict::NoHash);
}
