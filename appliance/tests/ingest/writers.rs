//! Parquet as others write it: pyarrow and pandas, in every form that they offer (`writers.py`). Each variant is read as
//! the same rows, or refused by file, row and column with what to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::{World, notes};

/// The rows that the variants hold, in CSV.
const ROWS: &str = "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,\
    measurement_type_concept_id,value_as_number,unit_concept_id,value_source_value\n\
    1,1,3004249,2020-01-02,2020-01-02 03:04:05,32817,120.5,8876,\"120,5 \"\"hoch\"\"\"\n\
    2,2,0,2020-02-29,,32817,,,\n\
    9007199254740993,3,3012888,1901-12-31,1901-12-31 23:59:59,32817,-1.25,8876,\"Zoë\nü\"\n";

fn written() -> TempDir {
    let folder = TempDir::new().unwrap();
    let cache = std::env::var_os("FLIP_CACHE").expect("FLIP_CACHE must be set; run this through make");
    let python = PathBuf::from(cache).join("venv/bin/python");
    assert!(python.exists(), "{} is missing; tests/prepare/python.sh makes it", python.display());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ingest/writers.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// Three persons, and a variant's measurements.
fn world(variant: &Path) -> World {
    let world = World::with_persons();
    let file = "measurement.parquet";
    fs::copy(variant.join(file), world.folder.path().join(file)).unwrap();
    world
}

fn rows(world: &World) -> Vec<String> {
    world.ask("SELECT m::VARCHAR FROM omop.measurement m ORDER BY measurement_id")
}

#[test]
fn what_other_writers_write_is_read_as_the_same_rows() {
    let folder = written();
    let plain = World::with_persons();
    plain.file("measurement.csv", ROWS).ingest().unwrap();
    let expected = rows(&plain);
    assert_eq!(expected.len(), 3);
    let mut variants = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let variant = entry.unwrap().path();
        let name = variant.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("same_") {
            continue;
        }
        let world = world(&variant);
        world.ingest().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(rows(&world), expected, "{name}");
        variants += 1;
    }
    assert!(variants >= 40, "{variants}");
}

#[test]
fn files_without_rows_and_columns_without_values_are_read() {
    let folder = written();
    for name in ["empty", "empty_without_types"] {
        let world = world(&folder.path().join(name));
        let report = world.ingest().unwrap();
        assert_eq!(report.generation.manifest.rows("measurement"), Some(0), "{name}: {}", notes(&report));
    }
    let world = world(&folder.path().join("nothing_but_nulls"));
    world.ingest().unwrap();
    let filled = "SELECT (count(value_source_value) + count(value_as_number) + count(measurement_datetime) \
                  + count(unit_concept_id))::VARCHAR FROM omop.measurement";
    assert_eq!(world.ask(filled), ["0"]);
}

#[test]
fn what_cannot_be_read_is_named_with_what_to_do() {
    let folder = written();
    for (name, expected) in [
        (
            "list",
            &[
                "column value_source_value: the Parquet type VARCHAR[] cannot be read as text; write the column as STRING",
            ][..],
        ),
        (
            "struct",
            &[
                "column value_as_number: the Parquet type STRUCT(a BIGINT) cannot be read as a number; write the column \
               as DOUBLE",
            ],
        ),
        (
            "map",
            &[
                "column measurement_datetime: the Parquet type MAP(VARCHAR, BIGINT) cannot be read as a date with time; \
               write the column as TIMESTAMP",
            ],
        ),
        (
            "binary",
            &[
                "column value_source_value: the Parquet type BLOB cannot be read as text; write the column as STRING",
            ],
        ),
        (
            "long_decimal",
            &[
                "column value_as_number: the Parquet type DECIMAL(60) cannot be read as a number; write the column as \
               DOUBLE",
            ],
        ),
        ("not_utf8", &["column value_source_value: not UTF-8 text; export it as UTF-8"]),
        ("not_utf8_plain", &["column value_source_value: not UTF-8 text; export it as UTF-8"]),
        ("not_a_number", &["row 2, column unit_concept_id: not a whole number of at most 64 bits"]),
        ("fraction", &["row 2, column unit_concept_id: not a whole number of at most 64 bits"]),
        ("beyond_64_bits", &["row 1, column unit_concept_id: not a whole number of at most 64 bits"]),
        (
            "local_midnight",
            &[
                "row 1, column measurement_date: a date with a time of day other than midnight; write the day alone",
                "row 2, column measurement_date: a date with a time of day other than midnight; write the day alone",
                "row 3, column measurement_date: a date with a time of day other than midnight; write the day alone",
            ],
        ),
        (
            "far_future",
            &[
                "row 1, column measurement_datetime: not a date with time of the years 1 to 9999 (YYYY-MM-DD HH:MM:SS)",
            ],
        ),
        ("twice", &["column person_id: the header names this column twice"]),
        ("without_columns", &["cannot be read: the Parquet file may be damaged; write it again"]),
    ] {
        let problems = world(&folder.path().join(name)).problems();
        let expected: Vec<String> = expected
            .iter()
            .map(|text| {
                let gap = match *text {
                    text if text.starts_with("row") => " ",
                    text if text.starts_with("column") => ", ",
                    _ => ": ",
                };
                format!("measurement.parquet{gap}{text}")
            })
            .collect();
        assert_eq!(problems, expected, "{name}");
    }
}
