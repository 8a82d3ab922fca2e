//! Tables that come in several files.

use std::fs;
use std::io::Write;

use duckdb::Connection;

use crate::support::{DEATH_HEADER, PERSON_HEADER, World, notes};

fn person(ids: &[u32]) -> String {
    let rows = ids.iter().map(|id| format!("{id},8507,1974,0,0,x\n"));
    format!("{PERSON_HEADER}\n{}", rows.collect::<String>())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn parquet(world: &World, name: &str, select: &str) {
    let path = world.folder.path().join(name);
    let memory = Connection::open_in_memory().unwrap();
    memory.execute_batch(&format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())).unwrap();
}

fn person_parquet(world: &World, name: &str, ids: &str) {
    let select = format!(
        "SELECT unnest([{ids}]) AS person_id, 8507 AS gender_concept_id, 1974 AS year_of_birth, \
         0 AS race_concept_id, 0 AS ethnicity_concept_id"
    );
    parquet(world, name, &select);
}

const ALL: &str = "SELECT person_id::VARCHAR FROM omop.person ORDER BY person_id";

#[test]
fn parts_of_any_format_are_one_table() {
    let world = World::empty();
    person_parquet(&world, "person_0001.parquet", "1, 2");
    world.file("person_0002.csv.gz", gzip(&person(&[4, 3])));
    world.file("PERSON.part-3.csv", person(&[5]));
    let report = world.ingest().unwrap();
    assert_eq!(world.ask(ALL), ["1", "2", "3", "4", "5"]);
    let entry = &report.generation.manifest.tables[0];
    assert_eq!((entry.rows, entry.source.as_deref()), (5, Some("person_0001.parquet and 2 more")));
    assert!(notes(&report).contains("person: some parts are Parquet and others text"), "{}", notes(&report));
    let filled = report.quality.columns.iter().find(|column| column.column == "person_source_value").unwrap();
    assert_eq!((filled.filled, filled.rows), (3, 5));
}

#[test]
fn a_tables_folder_without_a_part_is_named() {
    let world = World::with_persons();
    fs::create_dir_all(world.folder.path().join("death/_temporary")).unwrap();
    let notes = notes(&world.ingest().unwrap());
    assert!(notes.contains("death: a folder of the table death, with no part of it"), "{notes}");
}

#[test]
fn a_folder_of_parts_is_one_table_as_spark_writes_it() {
    let world = World::empty();
    for folder in ["person", "death.parquet"] {
        fs::create_dir(world.folder.path().join(folder)).unwrap();
    }
    for name in ["person/_SUCCESS", "person/._SUCCESS.crc", "person/.part-00000-aa-c000.csv.crc"] {
        world.file(name, "");
    }
    world.file("person/part-00000-aa-c000.csv", person(&[1]));
    world.file("person/part-00001-aa-c000.csv", person(&[2]));
    world.file("person/part-00001-aa-c001.csv", person(&[3]));
    world.file("person/README.txt", "hello");
    let select = "SELECT 1 AS person_id, DATE '2020-01-01' AS death_date";
    parquet(&world, "death.parquet/part-00000-bb-c000.snappy.parquet", select);
    let report = world.ingest().unwrap();
    assert_eq!(world.ask(ALL), ["1", "2", "3"]);
    assert_eq!(report.generation.manifest.rows("death"), Some(1));
    let notes = notes(&report);
    assert!(notes.contains("person/README.txt: not read; the endings of parts are .csv, "), "{notes}");
    assert!(!notes.contains("SUCCESS") && !notes.contains("crc"), "{notes}");
}

#[test]
fn keys_are_unique_across_the_parts_and_each_part_is_named() {
    let world = World::empty();
    world.file("person_1.csv", person(&[1, 2]));
    world.file("person_2.csv", person(&[3, 2]));
    person_parquet(&world, "person_3.parquet", "4, 1, 4");
    assert_eq!(
        world.problems(),
        [
            "person_2.csv line 3, column person_id: the key repeats that of line 3 of person_1.csv",
            "person_3.parquet row 2, column person_id: the key repeats that of line 2 of person_1.csv",
            "person_3.parquet row 3, column person_id: the key repeats that of row 1",
        ]
    );
    // Also where another problem keeps the table from being loaded.
    fs::remove_file(world.folder.path().join("person_3.parquet")).unwrap();
    world.file("person_3.csv", format!("{PERSON_HEADER}\n5,8507,19x4,0,0,x\n"));
    assert_eq!(
        world.problems(),
        [
            "person_3.csv line 2, column year_of_birth: not a whole number of at most 64 bits",
            "person_2.csv line 3, column person_id: the key repeats that of line 3 of person_1.csv",
        ]
    );
}

#[test]
fn a_missing_number_is_a_note() {
    let world = World::with_persons();
    for part in [1, 2, 5] {
        world.file(&format!("death_{part}.csv"), format!("{DEATH_HEADER}\n{part},2020-01-01,,\n"));
    }
    let notes = notes(&world.ingest().unwrap());
    assert!(notes.contains("death: the last part is 5, but 2 before it are not there (3, 4)"), "{notes}");
}

#[test]
fn nobody_guesses_which_of_two_files_counts() {
    for (files, first, second) in [
        (&["person.csv", "person_1.csv"][..], "person.csv", "person_1.csv"),
        (&["person_1.csv", "person_0001.csv"], "person_0001.csv", "person_1.csv"),
        (&["person_1.csv", "person/part-1.csv"], "person_1.csv", "person/part-1.csv"),
        (&["person/part-1.csv", "person/part-1.tsv"], "person/part-1.csv", "person/part-1.tsv"),
        (&["person/a.csv", "PERSON/b.csv"], "PERSON/b.csv", "person/a.csv"),
    ] {
        let world = World::empty();
        for name in files {
            let path = world.folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, person(&[1])).unwrap();
        }
        let error = world.ingest().unwrap_err().to_string();
        let expected =
            format!("two files for the table person: {first} and {second}; keep one (parts of a table");
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.contains("person_0001"), "{error}");
    }
}

#[test]
fn many_parts_stay_within_what_a_process_may_open() {
    let world = World::empty();
    for part in 1..=1_500 {
        world.file(&format!("person_{part:04}.csv"), person(&[part]));
    }
    assert_eq!(world.ingest().unwrap().generation.manifest.rows("person"), Some(1_500));
}
