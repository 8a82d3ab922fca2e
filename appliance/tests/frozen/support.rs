//! An appliance's folder with data, cohorts frozen in it, and a client of its socket.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flip_appliance::api::{self, Api, Patience};
use flip_appliance::data::{Generation, Generations, Settings as IngestSettings, ingest, progress};
use flip_appliance::engine::{CancelFlag, Engine, Members, Settings};
use flip_appliance::frozen::{Facts, Store, Wanted};
use flip_appliance::tokens::Tokens;
use flip_protocol::UnixMillis;
use flip_protocol::ident::{ProjectId, QueryId};
use flip_storage::audit::{Audit, Entry};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

pub const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
/// A value of a record that no log, error or file name may hold.
pub const MARKER: &str = "MARKER-51c0";
/// Everybody, with columns of several types, in an order of its own.
pub const PERSONS: &str = "SELECT person_id, year_of_birth, birth_datetime, person_source_value FROM person \
                           ORDER BY year_of_birth DESC, person_id";
pub const IMAGES: &str = "SELECT person_id, accession_id, image_occurrence_date FROM image_occurrence";

pub struct World {
    pub folder: TempDir,
    pub generations: Generations,
    pub store: Store,
}

impl World {
    /// An appliance's folder; persons 1 to 40, every second with an image.
    pub fn new() -> Self {
        let world = Self::empty();
        world.ingest_persons(1, 40);
        world
    }

    pub fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let generations = Generations::open(&folder.path().join("generations")).unwrap();
        let store = Store::open(&folder.path().join("frozen"), &generations).unwrap();
        Self { folder, generations, store }
    }

    /// A generation of the persons `first` to `last`.
    pub fn ingest_persons(&self, first: u32, last: u32) -> Generation {
        let extract = TempDir::new().unwrap();
        let mut persons = "person_id,gender_concept_id,year_of_birth,birth_datetime,race_concept_id,\
                           ethnicity_concept_id,person_source_value\n"
            .to_owned();
        let mut images = "image_occurrence_id,person_id,procedure_occurrence_id,image_occurrence_date,\
                          image_study_uid,image_series_uid,modality_concept_id,accession_id\n"
            .to_owned();
        for id in first..=last {
            let year = 1930 + id % 90;
            let taken = if id <= 10 { 2020 } else { 2021 };
            let born = if id % 5 == 0 { String::new() } else { format!("{year}-02-03 04:05:06") };
            let said = match id % 4 {
                0 => "\"a \"\"quoted\"\", value\"".to_owned(),
                1 => "Zoë".to_owned(),
                2 => MARKER.to_owned(),
                _ => String::new(),
            };
            writeln!(persons, "{id},8507,{year},{born},0,0,{said}").unwrap();
            if id % 2 == 0 {
                writeln!(images, "{id},{id},{id},{taken}-01-02,1.{id},1.{id}.1,4300757,A{id:04}").unwrap();
            }
        }
        fs::write(extract.path().join("person.csv"), persons).unwrap();
        fs::write(extract.path().join("image_occurrence.csv"), images).unwrap();
        self.ingest(extract.path())
    }

    pub fn ingest(&self, extract: &Path) -> Generation {
        ingest(extract, &self.generations, &IngestSettings::default(), NOW.0, &mut progress::Silent)
            .unwrap()
            .generation
    }

    pub fn current(&self) -> Generation {
        self.generations.current().unwrap().unwrap()
    }

    /// Who is in the cohort of a question now.
    pub fn members(&self, sql: &str) -> Members {
        let plan = flip_gate::admit(sql).unwrap();
        let mut engine = Engine::new(settings());
        engine.members(&self.current().database, &plan, &CancelFlag::default()).unwrap().members
    }

    /// Freezes a question on the generation in use.
    pub fn freeze(&self, sql: &str) -> Facts {
        self.store.freeze(&self.generations, &self.current(), &wanted(sql), &self.members(sql), NOW).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn tokens(&self) -> Tokens {
        Tokens::new(&self.path("tokens"))
    }

    pub fn audit(&self) -> Audit {
        Audit::new(&self.path("audit.log"))
    }

    pub fn reads(&self) -> Vec<Entry> {
        self.audit().newest_of(100, |entry| entry.act.starts_with("frozen_read")).unwrap()
    }
}

/// What a freeze of a question says of itself.
pub fn wanted(sql: &str) -> Wanted<'_> {
    Wanted {
        title: "All of them",
        sql,
        canonical: sql,
        project: Some(ProjectId(Uuid::from_u128(1))),
        query: QueryId(Uuid::from_u128(2)),
        order: None,
    }
}

pub fn settings() -> Settings {
    Settings {
        timeout: Duration::from_mins(2),
        ..Settings::new(PathBuf::from(env!("CARGO_BIN_EXE_flip-appliance")))
    }
}

/// The API of a world's folder, on its socket, until dropped.
pub struct Running {
    pub socket: PathBuf,
    pub stopping: CancelFlag,
    _runtime: Runtime,
}

impl Running {
    pub fn start(world: &World, patience: Patience) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let socket = world.path("run").join("api.sock");
        let generations = Generations::open(&world.path("generations")).unwrap();
        let (tokens, audit, stopping) = (world.tokens(), world.audit(), CancelFlag::default());
        let api =
            Api::new(world.store.clone(), tokens, generations, audit, settings(), patience, stopping.clone());
        let _inside = runtime.enter();
        let listener = api::bind(&socket).unwrap();
        runtime.spawn(api::serve(Arc::new(api), listener));
        Self { socket, stopping, _runtime: runtime }
    }

    /// Sends a request and leaves the answer to be read.
    pub fn send(&self, path: &str, token: Option<&str>) -> UnixStream {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{authorization}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    pub fn get(&self, path: &str, token: Option<&str>) -> Got {
        let mut bytes = Vec::new();
        self.send(path, token).read_to_end(&mut bytes).unwrap();
        Got::parse(&bytes)
    }
}

/// An answer.
pub struct Got {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// False where the body broke off.
    pub whole: bool,
}

impl Got {
    fn parse(bytes: &[u8]) -> Self {
        let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer with a head");
        let head = String::from_utf8(bytes[..at].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let rest = &bytes[at + 4..];
        if head.contains("transfer-encoding: chunked") {
            let (body, whole) = unchunk(rest);
            return Self { status, head, body, whole };
        }
        Self { status, head, body: rest.to_vec(), whole: true }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// The content of a chunked body, and whether it came to its end.
fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(at) = rest.windows(2).position(|window| window == b"\r\n") else { return (body, false) };
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        rest = &rest[at + 2..];
        if length == 0 {
            return (body, true);
        }
        if rest.len() < length + 2 {
            body.extend_from_slice(&rest[..length.min(rest.len())]);
            return (body, false);
        }
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
}
