//! Versions, drift, drops, pins, and files that were changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use flip_appliance::data::Generation;
use flip_appliance::frozen::drift::Moves;
use flip_appliance::frozen::{FrozenError, Listed, Store};
use flip_protocol::MessageId;
use uuid::Uuid;

use crate::support::{IMAGES, MARKER, NOW, PERSONS, World, wanted};

#[test]
fn a_frozen_cohort_is_private_pinned_and_read_back_as_it_was() {
    let world = World::new();
    let facts = world.freeze(IMAGES);
    assert_eq!((facts.persons, facts.accessions, facts.rows), (20, 20, 20));
    let (read, members) = world.store.members(&facts.name).unwrap();
    assert_eq!(read, facts);
    assert!(members == world.members(IMAGES));
    let mode = |path: &str| fs::metadata(world.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("frozen"), 0o700);
    for entry in fs::read_dir(world.path("frozen")).unwrap() {
        let name = format!("frozen/{}", entry.unwrap().file_name().display());
        assert_eq!(mode(&name), 0o600, "{name}");
    }
    let pins = world.generations.pins().unwrap();
    assert_eq!(pins.len(), 1);
    assert_eq!(pins[0].generation, Some(facts.extract.generation.clone()));
    world.ingest_persons(1, 40);
    assert!(world.generations.drop_one(&facts.extract.generation).is_err(), "its data were dropped");
}

#[test]
fn freezing_again_makes_the_next_version_and_tells_exactly_who_came_and_went() {
    let world = World::new();
    let first = world.freeze(IMAGES);
    assert!(first.drift.is_none());
    let later = world.ingest_persons(11, 60);
    let second = world.freeze(IMAGES);
    assert_eq!(second.name.cohort, first.name.cohort);
    assert_eq!((first.name.version, second.name.version), (1, 2));
    assert_eq!(second.extract.generation, later.name);
    let drift = second.drift.unwrap();
    assert_eq!(drift.persons, Moves { kept: 15, gained: 10, lost: 5 });
    assert_eq!(drift.accessions, Moves { kept: 15, gained: 10, lost: 5 });
    assert_eq!((drift.from.generation, drift.from_version), (first.extract.generation, 1));
    // Another question, or another project, is another cohort.
    assert_ne!(world.freeze(PERSONS).name.cohort, first.name.cohort);
}

#[test]
fn an_order_that_was_cut_short_gets_the_version_that_it_froze() {
    let world = World::new();
    let members = world.members(PERSONS);
    let order = Some(MessageId(Uuid::from_u128(7)));
    let freeze = |generation: &Generation| {
        let wanted = flip_appliance::frozen::Wanted { order, ..wanted(PERSONS) };
        world.store.freeze(&world.generations, generation, &wanted, &members, NOW).unwrap()
    };
    let first = freeze(&world.current());
    assert_eq!(freeze(&world.current()), first);
    assert_eq!(freeze(&world.ingest_persons(1, 30)).name.version, 2, "its answer is of other data now");
}

#[test]
fn a_dropped_version_keeps_its_number_and_nothing_of_who_was_in_it() {
    let world = World::new();
    let facts = world.freeze(IMAGES);
    let path = world.path(&format!("frozen/{}.frozen", facts.name));
    let before = fs::read(&path).unwrap();
    assert!(before.windows(5).any(|window| window == b"A0002"));
    world.store.drop_one(&world.generations, &facts.name, "console", NOW).unwrap();
    let after = fs::read(&path).unwrap();
    assert!(!after.windows(5).any(|window| window == b"A0002"));
    assert!(matches!(world.store.members(&facts.name), Err(FrozenError::Dropped { .. })));
    assert!(matches!(
        world.store.drop_one(&world.generations, &facts.name, "console", NOW),
        Err(FrozenError::Dropped { .. })
    ));
    assert!(world.generations.pins().unwrap().is_empty());
    let again = world.freeze(IMAGES);
    assert_eq!(again.name.version, 2);
    assert!(again.drift.is_none(), "nothing is known of who was in the version before");
}

#[test]
fn every_changed_byte_and_every_cut_is_noticed_and_no_version_is_written_over() {
    let world = World::new();
    let facts = world.freeze(IMAGES);
    let path = world.path(&format!("frozen/{}.frozen", facts.name));
    let sound = fs::read(&path).unwrap();
    for position in 0..sound.len() {
        let mut changed = sound.clone();
        changed[position] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        let error = world.store.members(&facts.name).map(drop).unwrap_err();
        assert!(matches!(error, FrozenError::Damaged { .. }), "byte {position}: {error}");
        assert!(!error.to_string().contains("A0002") && !error.to_string().contains(MARKER));
    }
    for cut in [0, 3, 8, 9, 40, sound.len() - 33, sound.len() - 1] {
        fs::write(&path, &sound[..cut]).unwrap();
        assert!(matches!(world.store.members(&facts.name), Err(FrozenError::Damaged { .. })), "cut at {cut}");
    }
    // As it is: cut short. It is listed as such, keeps its pin, and keeps its number.
    let store = Store::open(&world.path("frozen"), &world.generations).unwrap();
    fs::write(&path, &sound[..5]).unwrap();
    assert!(matches!(store.list().unwrap()[0], Listed::Unreadable(..)));
    assert_eq!(world.generations.pins().unwrap().len(), 1);
    assert_eq!(world.freeze(IMAGES).name.version, 2);
    assert_eq!(fs::read(&path).unwrap(), &sound[..5]);
    store.drop_one(&world.generations, &facts.name, "console", NOW).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_pin_that_is_gone_or_garbage_is_written_anew_from_its_cohort_at_the_next_start() {
    let world = World::new();
    let facts = world.freeze(IMAGES);
    let pin = world.path(&format!("generations/pins/{}-v1", facts.name.cohort));
    let own = fs::read(&pin).unwrap();
    for broken in [Some(&b"g-00000\xb1\n"[..]), Some(b"g-000077\n"), Some(b""), None] {
        match broken {
            Some(bytes) => fs::write(&pin, bytes).unwrap(),
            None => fs::remove_file(&pin).unwrap(),
        }
        Store::open(&world.path("frozen"), &world.generations).unwrap();
        assert_eq!(fs::read(&pin).unwrap(), own, "{broken:?}");
    }
    // What a damaged cohort says is not believed.
    let file = world.path(&format!("frozen/{}.frozen", facts.name));
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, &bytes).unwrap();
    fs::write(&pin, b"garbage\n").unwrap();
    Store::open(&world.path("frozen"), &world.generations).unwrap();
    assert_eq!(world.generations.pins().unwrap()[0].generation, None);
}

#[test]
fn what_a_killed_freeze_left_is_cleared_at_the_next_start() {
    let world = World::new();
    let part = world.path("frozen/f-0123456789ab.v1.frozen.part");
    fs::write(&part, b"FLPF").unwrap();
    // Killed between its pin and its file.
    world.generations.pin("f-0123456789ab-v1", &world.current().name).unwrap();
    world.generations.pin("somebody-elses", &world.current().name).unwrap();
    let kept = world.freeze(PERSONS);
    let store = Store::open(&world.path("frozen"), &world.generations).unwrap();
    assert!(!part.exists());
    let pins: Vec<String> = world.generations.pins().unwrap().into_iter().map(|pin| pin.name).collect();
    assert_eq!(pins, [format!("{}-v1", kept.name.cohort), "somebody-elses".to_owned()]);
    assert!(store.members(&kept.name).is_ok());
}

#[test]
fn a_seal_says_nothing_without_the_sites_secret_and_changes_with_the_cohort() {
    let (one, other) = (World::new(), World::new());
    let told = |world: &World| {
        let facts = world.freeze(IMAGES);
        world.store.told(&facts.name).unwrap()
    };
    let (first, second) = (told(&one), told(&other));
    assert_eq!(first.seal.len(), 64);
    assert_ne!(first.seal, second.seal, "the same cohort at two sites has one seal");
    assert_eq!(one.store.told(&one.store.named(&first.cohort).unwrap()).unwrap(), first);
    assert_ne!(told(&one).seal, first.seal);
}

/// Written once with `FLIP_GOLDEN=write`; a new version of the format gets a file of its own.
#[test]
fn a_cohort_is_frozen_in_the_bytes_of_its_format_and_those_are_read() {
    let world = World::new();
    let facts = world.freeze(IMAGES);
    let path = world.path(&format!("frozen/{}.frozen", facts.name));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen/v1.txt");
    let text = flip_protocol::text::encode(&fs::read(&path).unwrap());
    if std::env::var("FLIP_GOLDEN").is_ok_and(|wish| wish == "write") && !golden.exists() {
        fs::write(&golden, &text).unwrap();
    }
    let golden = fs::read_to_string(golden).unwrap();
    assert_eq!(golden, text, "the format changed; a new version needs a number and a file of its own");
    fs::write(&path, flip_protocol::text::decode(&golden).unwrap()).unwrap();
    assert_eq!(world.store.members(&facts.name).unwrap().0, facts);
}
