//! Extracts whose files are half-written.

use std::fs;
use std::io::Write;

use duckdb::Connection;
use flip_appliance::data::IngestError;

use crate::support::{DEATH_HEADER, World, notes};

const ROWS: [&str; 4] = [
    "1,2020-01-01,,alpha\n",
    "2,2020-01-02,2020-01-02 10:00:00,\"be\nta\"\n",
    "3,2020-01-03,,\n",
    "1,2020-01-04,,\"q\"\"q\"\n",
];

/// A cut either keeps every row it can, or stops the ingest.
#[test]
fn a_cut_text_file_loses_no_row_silently() {
    let whole = format!("{DEATH_HEADER}\n{}", ROWS.concat());
    let world = World::with_persons();
    let (mut taken, mut refused) = (0, 0);
    for cut in (0..=whole.len()).rev().step_by(3) {
        world.file("death.csv", &whole[..cut]);
        let mut start = DEATH_HEADER.len() + 1;
        let begun = ROWS.iter().take_while(|row| {
            let has_begun = start < cut;
            start += row.len();
            has_begun
        });
        let begun = begun.count() as u64;
        match world.ingest() {
            Ok(report) => {
                taken += 1;
                assert_eq!(report.generation.manifest.rows("death"), Some(begun), "cut at {cut}");
                let warned = notes(&report).contains("death.csv: the last line has no line end");
                assert!(warned || begun == 0 || whole.as_bytes()[cut - 1] == b'\n', "cut at {cut}");
            }
            Err(IngestError::Problems(problems)) => {
                refused += 1;
                let text = problems.to_string();
                assert!(text.contains("death.csv line"), "cut at {cut}: {text}");
            }
            Err(other) => panic!("cut at {cut}: {other:?}"),
        }
    }
    assert!(taken > 3 && refused > 20, "{taken} taken, {refused} refused");
}

#[test]
fn a_cut_compressed_file_is_refused() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writeln!(gzip, "{DEATH_HEADER}").unwrap();
    for at in 0..5_000 {
        writeln!(gzip, "{},2020-01-01,,text {}", at % 3 + 1, at * 7_919).unwrap();
    }
    let whole = gzip.finish().unwrap();
    let world = World::with_persons();
    for cut in [0, 1, 10, 11, whole.len() / 2, whole.len() - 8, whole.len() - 4, whole.len() - 1] {
        world.file("death.csv.gz", &whole[..cut]);
        let text = world.problem_list().to_string();
        assert!(text.contains("death.csv.gz"), "cut at {cut}: {text}");
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x55;
    world.file("death.csv.gz", &flipped);
    assert!(world.problem_list().total() > 0);
    world.file("death.csv.gz", &whole);
    assert_eq!(world.ingest().unwrap().generation.manifest.rows("death"), Some(5_000));
}

#[test]
fn a_cut_parquet_file_is_refused() {
    let world = World::with_persons();
    let path = world.folder.path().join("death.parquet");
    let select = "SELECT range % 3 + 1 AS person_id, DATE '2020-01-01' AS death_date FROM range(5000)";
    let memory = Connection::open_in_memory().unwrap();
    memory.execute_batch(&format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())).unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in [3, 8, whole.len() / 2, whole.len() - 8, whole.len() - 1] {
        world.file("death.parquet", &whole[..cut]);
        assert_eq!(
            world.problems(),
            ["death.parquet: no Parquet footer: the file was not written completely"],
            "cut at {cut}"
        );
    }
    let mut holed = whole.clone();
    holed[4..whole.len() / 2].fill(0);
    world.file("death.parquet", &holed);
    assert_eq!(
        world.problems(),
        ["death.parquet: cannot be read: the Parquet file may be damaged; write it again"]
    );
}
