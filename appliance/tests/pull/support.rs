//! A PostgreSQL with a small extract, and an appliance that is told to read it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flip_appliance::data::{Generations, Manifest};
use flip_gate::cdm::TABLES;
use flip_tests::postgres::{Postgres, Tls};
use tempfile::TempDir;

pub const READER_PASSWORD: &str = "reader-8c1d-password";

const PERSON: &str = "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id\n\
                      1,8507,1974,0,0\n2,8532,1980,0,0\n3,8532,1990,0,0\n";
const VISIT: &str = "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date,\
                     visit_type_concept_id,visit_source_value\n\
                     11,1,9201,2020-01-01,2020-01-03,44818517,\"two\nlines, and \"\"quotes\"\"\"\n\
                     12,2,9202,2020-02-29,2020-02-29,44818517,\n";
const DEATH: &str = "person_id,death_date\n3,2021-05-05\n";

/// A database and an appliance beside it.
pub struct World {
    pub postgres: Postgres,
    pub data: TempDir,
}

impl World {
    /// With three persons, and a role that may only read.
    pub fn small(tls: Tls) -> Self {
        let extract = TempDir::new().unwrap();
        for (name, text) in [("person", PERSON), ("visit_occurrence", VISIT), ("death", DEATH)] {
            fs::write(extract.path().join(format!("{name}.csv")), text).unwrap();
        }
        Self::of(extract.path(), tls)
    }

    /// With that extract, and a role that may only read.
    pub fn of(extract: &Path, tls: Tls) -> Self {
        let postgres = Postgres::start(tls).unwrap();
        postgres.load(extract).unwrap();
        let world = Self { postgres, data: TempDir::new().unwrap() };
        world.sql(&format!(
            "CREATE ROLE flip_reader LOGIN PASSWORD '{READER_PASSWORD}';
             GRANT USAGE ON SCHEMA omop TO flip_reader;
             GRANT SELECT ON ALL TABLES IN SCHEMA omop TO flip_reader;"
        ));
        world.password(READER_PASSWORD);
        let protection = match tls {
            Tls::Off => "danger_plain = true".to_owned(),
            Tls::Required => format!("ca_file = '{}'", world.postgres.authority().display()),
        };
        world.configure(&protection);
        world
    }

    pub fn sql(&self, sql: &str) {
        self.postgres.client().unwrap().batch_execute(sql).unwrap();
    }

    /// Writes the configuration; later lines stand beside the usual ones.
    pub fn configure(&self, lines: &str) {
        self.configure_as("localhost", "omop", "flip_reader", lines);
    }

    pub fn configure_as(&self, host: &str, schema: &str, user: &str, lines: &str) {
        let text = format!(
            "[pull]\nhost = '{host}'\nport = {}\ndatabase = '{}'\nschema = '{schema}'\nuser = '{user}'\n\
             password_file = 'pull.password'\n{lines}\n",
            self.postgres.port(),
            self.postgres.database()
        );
        fs::write(self.data.path().join("appliance.toml"), text).unwrap();
    }

    pub fn password(&self, password: &str) -> PathBuf {
        let path = self.data.path().join("pull.password");
        fs::write(&path, format!("{password}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flip-appliance"));
        command
            .arg("--data")
            .arg(self.data.path())
            .args(words)
            .stdin(Stdio::null())
            .env_remove("FLIP_PULL_PASSWORD");
        command
    }

    pub fn pull(&self, words: &[&str]) -> Output {
        let output = self.command(&[&["pull"], words].concat()).output().unwrap();
        assert!(!said(&output).contains(READER_PASSWORD), "the password was told");
        output
    }

    /// A pull that must succeed; all it said.
    pub fn pulled(&self, words: &[&str]) -> String {
        let output = self.pull(words);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    }

    /// A pull that must fail; all it said.
    pub fn refused(&self, words: &[&str]) -> String {
        let output = self.pull(words);
        assert!(!output.status.success(), "{}", said(&output));
        said(&output)
    }

    pub fn manifest(&self) -> Option<Manifest> {
        let generations = Generations::open(&self.data.path().join("generations")).unwrap();
        generations.current().unwrap().map(|generation| generation.manifest)
    }

    pub fn audit(&self) -> String {
        fs::read_to_string(self.data.path().join("audit.log")).unwrap()
    }

    pub fn spool(&self) -> PathBuf {
        self.data.path().join("pull")
    }
}

/// For each table, a number that changes when any value of it does, whatever the order of rows.
pub fn contents(data: &Path) -> Vec<(&'static str, String)> {
    let generations = Generations::open(&data.join("generations")).unwrap();
    let file = generations.current().unwrap().unwrap().database;
    let database = flip_appliance::engine::open_generation(&file, 512, 2).unwrap();
    let hash = |table: &str| {
        let sql = format!("SELECT concat_ws('-', count(*), sum(hash(t::VARCHAR))) FROM omop.{table} t");
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    TABLES.iter().map(|table| (table.name, hash(table.name))).collect()
}

/// What a program said, on both streams.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Tables and rows of a manifest.
pub fn rows(manifest: &Manifest) -> Vec<(String, u64)> {
    manifest.tables.iter().map(|entry| (entry.table.clone(), entry.rows)).collect()
}
