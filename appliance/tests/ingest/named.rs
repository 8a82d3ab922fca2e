//! Files that are not what their names say, and extracts that are none.

use std::fs;

use crate::support::{DEATH_HEADER, PERSON_HEADER, World, notes};

const NO_PERSON_FILE: &str = "the extract has no person file, so it has no persons; export the table person too, as person.csv or a like \
                              name";

#[test]
fn a_table_under_a_name_that_is_nearly_right_is_told_what_to_be_named() {
    let world = World::with_persons();
    world.file("cdm_death.csv", "person_id,death_date\n1,2020-01-01\n");
    let notes = notes(&world.ingest().unwrap());
    assert!(
        notes.contains("cdm_death.csv: not read; if it is the table death, name it death.csv"),
        "{notes}"
    );

    let refused = |world: &World| world.ingest().unwrap_err().to_string();
    let person = world.folder.path().join("person.csv");
    fs::rename(&person, world.folder.path().join("omop.person.csv")).unwrap();
    let folder = world.folder.path().display();
    let alike = "; cdm_death.csv: not read; if it is the table death, name it death.csv; omop.person.csv: not read; if \
                 it is the table person, name it person.csv";
    assert!(refused(&world).starts_with(&format!("{folder} holds no file that is named after")));
    assert!(refused(&world).ends_with(alike), "{}", refused(&world));

    world.file("death.csv", format!("{DEATH_HEADER}\n"));
    assert_eq!(
        refused(&world),
        format!("{NO_PERSON_FILE}; omop.person.csv: not read; if it is the table person, name it person.csv")
    );
    for part in 1..10 {
        world.file(&format!("omop.person_{part}.csv"), "");
    }
    assert!(refused(&world).ends_with("; and 5 more like these"), "{}", refused(&world));
}

#[test]
fn an_extract_that_lies_a_folder_deeper_is_found() {
    let world = World::empty();
    let deeper = world.folder.path().join("export 2026");
    fs::create_dir(&deeper).unwrap();
    fs::write(deeper.join("person.csv"), "").unwrap();
    let said = world.ingest().unwrap_err().to_string();
    let expected = "; export 2026: a folder with files of tables, not read; it can be ingested by itself";
    assert!(said.ends_with(expected), "{said}");
}

#[test]
fn a_link_to_nowhere_is_named_with_what_to_do() {
    let world = World::with_persons();
    std::os::unix::fs::symlink("/nowhere/death.csv", world.folder.path().join("death.csv")).unwrap();
    let said = world.ingest().unwrap_err().to_string();
    assert!(said.ends_with("death.csv cannot be read or written; it has gone, or is a link to nowhere: put it there, or take the link away"), "{said}");
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_named_as_what_it_is() {
    for (name, content, expected) in [
        (
            "death.csv.gz",
            b"person_id".as_slice(),
            "the file is not compressed by gzip; take .gz from its name",
        ),
        ("death.csv.gz", b"PK\x03\x04", "a ZIP archive or a workbook; take the table out of it as CSV"),
        ("death.csv.gz", b"\x1f", "the compressed file ends too early: it was not written completely"),
        (
            "death.parquet",
            b"person_id,death_date",
            "not a Parquet file; end its name in what it is, such as .csv",
        ),
        ("death.parquet", b"PAR1 and no more", "no Parquet footer: the file was not written completely"),
    ] {
        let world = World::with_persons();
        world.file(name, content);
        assert_eq!(world.problems(), [format!("{name}: {expected}")]);
    }
    for name in ["death.csv.gz", "death.parquet"] {
        let world = World::with_persons();
        world.file(name, "");
        assert!(world.problems()[0].starts_with(&format!("{name}: the file is empty; export it again")));
    }
    let world = World::with_persons();
    world.file("death.zip", "");
    let notes = notes(&world.ingest().unwrap());
    assert!(
        notes.contains(
            "death.zip: not read; if it is the table death, take it out of the archive, as death.csv"
        ),
        "{notes}"
    );
}

#[test]
fn extracts_that_are_none_are_refused() {
    let refused = |world: &World| world.ingest().unwrap_err().to_string();
    let world = World::empty();
    world.file("notes.txt", "hello");
    assert!(refused(&world).contains("holds no file that is named after an OMOP CDM table"));
    world.file("death.csv", format!("{DEATH_HEADER}\n"));
    assert_eq!(refused(&world), NO_PERSON_FILE);
    world.file("person.csv", format!("{PERSON_HEADER}\n"));
    assert_eq!(
        refused(&world),
        "person.csv has no rows, so the extract has no persons; export the table person anew"
    );
    world.file("PERSON.tsv", PERSON_HEADER);
    let text = refused(&world);
    assert!(
        text.starts_with("two files for the table person: PERSON.tsv and person.csv; keep one"),
        "{text}"
    );
    assert!(world.partials().is_empty());
}
