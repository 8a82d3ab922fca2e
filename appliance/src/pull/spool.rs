//! The folder where a pull gathers tables until the ingest takes them, and what is known of each.
//!
//! What must stay true: `state.json` names only files that are whole and on the disk; one pull at a time; files of
//! another database are never mixed in.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use flip_protocol::UnixMillis;
use flip_storage::file::{self, Access};
use serde::{Deserialize, Serialize};

use super::error::PullError;
use super::settings::Settings;
use super::source::{Found, Source};

const STATE: &str = "state.json";

/// The right to pull, which one process has at a time, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

/// An open spool.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    state: State,
    _turn: Turn,
}

/// What is known of a spool's tables.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    /// Which database they are of.
    source: Identity,
    /// When each snapshot began, in Unix milliseconds.
    snapshots: Vec<u64>,
    tables: Vec<Read>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    host: String,
    port: u16,
    database: String,
    schema: String,
    user: String,
}

/// A table that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Its name in the CDM.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The columns that were read.
    pub columns: Vec<String>,
    /// The snapshot it is of, from 0.
    pub snapshot: usize,
}

impl Turn {
    /// Takes the right to pull into this folder.
    pub fn take(folder: &Path) -> Result<Self, PullError> {
        let failed = |error| PullError::file(folder, error);
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(PullError::Busy { folder: folder.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Spool {
    /// Opens the spool of this database, or begins a new one: where there is none, where it is another database's, and
    /// where `fresh` says so.
    pub(super) fn open(
        turn: Turn,
        folder: &Path,
        settings: &Settings,
        fresh: bool,
    ) -> Result<Self, PullError> {
        let Settings { host, port, database, schema, user, .. } = settings.clone();
        let source = Identity { host, port, database, schema, user };
        let kept =
            fs::read(folder.join(STATE)).ok().and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
        let state = kept.filter(|state| !fresh && state.source == source).unwrap_or(State {
            source,
            snapshots: Vec::new(),
            tables: Vec::new(),
        });
        let spool = Self { folder: folder.to_owned(), state, _turn: turn };
        spool.write()?;
        spool.sweep()?;
        Ok(spool)
    }

    /// The folder to ingest.
    pub fn extract(&self) -> PathBuf {
        self.folder.join("extract")
    }

    /// The tables that were read.
    pub fn tables(&self) -> &[Read] {
        &self.state.tables
    }

    /// When the snapshots began that tables are of; more than one where the pull was interrupted.
    pub fn moments(&self) -> Vec<UnixMillis> {
        let is_used = |at: usize| self.state.tables.iter().any(|read| read.snapshot == at);
        let used = self.state.snapshots.iter().enumerate().filter(|(at, _)| is_used(*at));
        used.map(|(_, moment)| UnixMillis(*moment)).collect()
    }

    /// Removes it with all that it holds.
    pub fn remove(self) -> Result<(), PullError> {
        fs::remove_dir_all(&self.folder).map_err(|error| PullError::file(&self.folder, error))
    }

    pub(super) fn begin_snapshot(&mut self, now: UnixMillis) -> Result<(), PullError> {
        self.state.snapshots.push(now.0);
        self.write()
    }

    /// True where the table is here with the same columns.
    pub(super) fn has(&self, found: &Found) -> bool {
        self.read(found).is_some_and(|read| read.columns == found.columns)
    }

    pub(super) fn rows(&self, found: &Found) -> Option<u64> {
        self.read(found).map(|read| read.rows)
    }

    /// A table is here, whole.
    pub(super) fn finish(&mut self, found: &Found, rows: u64) -> Result<(), PullError> {
        file::sync_folder_of(&self.whole(found.table.name))
            .map_err(|error| PullError::file(&self.folder, error))?;
        self.state.tables.retain(|read| read.table != found.table.name);
        self.state.tables.push(Read {
            table: found.table.name.to_owned(),
            rows,
            columns: found.columns.clone(),
            snapshot: self.state.snapshots.len() - 1,
        });
        self.write()
    }

    /// Forgets tables that the database has no more.
    pub(super) fn keep_only(&mut self, source: &Source) -> Result<(), PullError> {
        self.state.tables.retain(|read| source.tables.iter().any(|found| found.table.name == read.table));
        self.write()?;
        self.sweep()
    }

    /// Where a table is written.
    pub(super) fn partial(&self, table: &str) -> PathBuf {
        self.folder.join(format!("{table}.partial"))
    }

    /// Where it is once it is whole.
    pub(super) fn whole(&self, table: &str) -> PathBuf {
        self.extract().join(format!("{table}.csv.gz"))
    }

    fn read(&self, found: &Found) -> Option<&Read> {
        self.state.tables.iter().find(|read| read.table == found.table.name)
    }

    fn write(&self) -> Result<(), PullError> {
        let path = self.folder.join(STATE);
        let bytes = serde_json::to_vec_pretty(&self.state).expect("names and numbers become JSON");
        file::write(&path, &bytes, Access::Owner).map_err(|error| PullError::file(&path, error))
    }

    /// Removes files that the state does not name.
    fn sweep(&self) -> Result<(), PullError> {
        let extract = self.extract();
        let sweep = || -> io::Result<()> {
            fs::create_dir_all(&extract)?;
            for entry in fs::read_dir(&self.folder)? {
                let path = entry?.path();
                if path.extension().is_some_and(|ending| ending == "partial") {
                    fs::remove_file(path)?;
                }
            }
            for entry in fs::read_dir(&extract)? {
                let path = entry?.path();
                if !self.state.tables.iter().any(|read| self.whole(&read.table) == path) {
                    fs::remove_file(path)?;
                }
            }
            Ok(())
        };
        sweep().map_err(|error| PullError::file(&extract, error))
    }
}
