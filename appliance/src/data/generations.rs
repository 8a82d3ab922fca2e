//! The folder of data generations, and which of them is in use.
//!
//! ```text
//! root/
//!   current              one line: the name of the generation in use
//!   newest               one line: the newest name that was ever given out
//!   pins/NAME            one line: the generation that must stay for NAME
//!   ingest.lock          held while an ingest runs
//!   change.lock          held for the moment in which any of the above changes
//!   g-000003/            cdm.duckdb, population, manifest.json, quality.json: complete, never written again
//!   g-000003/damaged     there once a verification found that the data are not what they were
//!   g-000004.partial/    an ingest at work, or what a killed one left
//!   g-000001.dropped/    what a killed removal left
//! ```
//!
//! What must stay true: `current` names a complete, synced generation or is absent; it changes by one rename, so a
//! kill or power cut at any moment leaves the old generation in use and intact. A name is given out once, for all
//! time, because answers, frozen cohorts and noise are bound to it. What is in use or pinned is never removed; what
//! is removed stays readable for whoever holds it open. Damaged data are handed to nobody. Deliberately absent: what
//! the data mean.

mod change;
mod damage;
mod error;
mod partial;
mod pins;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use flip_protocol::answer::Extract;
use flip_storage::error_chain;
use time::Date;
use time::format_description::well_known::Iso8601;

use super::manifest::Manifest;
use super::quality::Quality;

pub(super) use damage::mark;
pub use damage::{Damage, FileMark, Verdict};
pub use error::GenerationsError;
pub(super) use partial::Partial;
pub use partial::Turn;
pub use pins::Pin;

use error::{failed, not_one};

const POINTER: &str = "current";
const NEWEST: &str = "newest";
const INGEST_LOCK: &str = "ingest.lock";
const CHANGE_LOCK: &str = "change.lock";
const PARTIAL: &str = ".partial";
const DROPPED: &str = ".dropped";
/// Not `omop.duckdb`: DuckDB names a catalog after its file, and could then not tell catalog and schema apart.
const DATABASE: &str = "cdm.duckdb";
const MANIFEST: &str = "manifest.json";
const QUALITY: &str = "quality.json";

/// What the manifest beside a generation's file says of the population there; none where it cannot be read or knows of
/// none.
pub(crate) fn population_named_beside(database: &Path) -> Option<FileMark> {
    let text = fs::read(database.with_file_name(MANIFEST)).ok()?;
    serde_json::from_slice::<Manifest>(&text).ok()?.population
}

/// The folder of generations.
#[derive(Debug)]
pub struct Generations {
    root: PathBuf,
}

/// One complete generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its name, such as `g-000003`.
    pub name: String,
    /// Its DuckDB file; open it read-only.
    pub database: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
}

impl Generation {
    /// What answers say of it.
    pub fn extract(&self) -> Extract {
        Extract { generation: self.name.clone(), date: self.manifest.extract_date.clone() }
    }

    /// The day the extract speaks of; ages are as of then. `None` where the manifest was tampered with.
    pub fn extract_day(&self) -> Option<Date> {
        Date::parse(&self.manifest.extract_date, &Iso8601::DATE).ok()
    }
}

impl Generations {
    /// Opens the folder, making it where it is absent, and clears what a killed ingest or removal left.
    ///
    /// # Errors
    /// When the folder cannot be made, read or cleared.
    pub fn open(root: &Path) -> Result<Self, GenerationsError> {
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(failed("making", root))?;
        let generations = Self { root: root.to_owned() };
        // While an ingest is at work, its partial folder is not a leftover.
        if let Some(_lock) = generations.try_lock(INGEST_LOCK)? {
            generations.clear(PARTIAL)?;
        }
        let _lock = generations.change_lock()?;
        generations.clear(DROPPED)?;
        Ok(generations)
    }

    /// The generation in use; none before the first ingest.
    ///
    /// # Errors
    /// When the pointer or the manifest it leads to cannot be read, and when the data are damaged.
    pub fn current(&self) -> Result<Option<Generation>, GenerationsError> {
        match self.current_name()? {
            Some(name) => self.sound(&name).map(Some),
            None => Ok(None),
        }
    }

    /// A generation by its name.
    ///
    /// # Errors
    /// When there is none of that name, when its manifest cannot be read, and when its data are damaged.
    pub fn named(&self, name: &str) -> Result<Generation, GenerationsError> {
        self.must_exist(name)?;
        self.sound(name)
    }

    /// The name of the generation in use, which need not be sound; none before the first ingest.
    ///
    /// # Errors
    /// When the pointer cannot be read or leads nowhere.
    pub fn current_name(&self) -> Result<Option<String>, GenerationsError> {
        let path = self.root.join(POINTER);
        let name = match fs::read_to_string(&path) {
            Ok(text) => text.trim_end().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::InvalidData) =>
            {
                return Err(GenerationsError::Pointer { path });
            }
            Err(error) => return Err(failed("reading", &path)(error)),
        };
        if number(&name).is_none() || !self.has(&name)? {
            return Err(GenerationsError::Pointer { path });
        }
        Ok(Some(name))
    }

    /// What an ingest that came to nothing leaves in use, in words.
    pub fn left_in_use(&self) -> String {
        match self.current_name() {
            Ok(Some(name)) => format!("{name} stays in use"),
            Ok(None) => "no data are in use yet".to_owned(),
            Err(error) => format!("which data are in use cannot be told: {}", error_chain(&error)),
        }
    }

    /// The names of all complete generations, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, GenerationsError> {
        let mut names = self.entries()?;
        names.retain(|name| number(name).is_some());
        names.sort_by_key(|name| number(name));
        Ok(names)
    }

    /// All complete generations, oldest first, whatever the state of their data.
    ///
    /// # Errors
    /// When the folder or a manifest cannot be read.
    pub fn list(&self) -> Result<Vec<Generation>, GenerationsError> {
        self.names()?.iter().map(|name| self.read(name)).collect()
    }

    /// A generation as its manifest describes it, whatever the state of its data.
    ///
    /// # Errors
    /// When there is none of that name, and when its manifest cannot be read.
    pub fn described(&self, name: &str) -> Result<Generation, GenerationsError> {
        self.must_exist(name)?;
        self.read(name)
    }

    /// What the ingest found of a generation's quality; none where it was made by a version that did not look.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn quality(&self, name: &str) -> Result<Option<Quality>, GenerationsError> {
        self.must_exist(name)?;
        let path = self.root.join(name).join(QUALITY);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| GenerationsError::Quality { path, source: error.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("reading", &path)(error)),
        }
    }

    fn sound(&self, name: &str) -> Result<Generation, GenerationsError> {
        let generation = self.read(name)?;
        match damage::of(&generation) {
            None => Ok(generation),
            Some(how) => Err(self.damaged(name, how)),
        }
    }

    fn read(&self, name: &str) -> Result<Generation, GenerationsError> {
        let folder = self.root.join(name);
        let path = folder.join(MANIFEST);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_one(&path)(error)),
            read => read.map_err(failed("reading", &path))?,
        };
        let manifest = serde_json::from_slice(&text).map_err(not_one(&path))?;
        Ok(Generation { name: name.to_owned(), database: folder.join(DATABASE), manifest })
    }

    fn must_exist(&self, name: &str) -> Result<(), GenerationsError> {
        if number(name).is_some() && self.has(name)? {
            return Ok(());
        }
        Err(GenerationsError::Unknown { name: name.to_owned(), known: self.names()? })
    }

    /// Whether there is a folder of that name; one that cannot be looked at is not called absent.
    fn has(&self, name: &str) -> Result<bool, GenerationsError> {
        let path = self.root.join(name);
        match fs::metadata(&path) {
            Ok(found) => Ok(found.is_dir()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("looking at", &path)(error)),
        }
    }

    /// Waits its turn to change pointer, pins or folders; changes take moments.
    fn change_lock(&self) -> Result<Lock, GenerationsError> {
        let path = self.root.join(CHANGE_LOCK);
        let file = lock_file(&path)?;
        file.lock().map_err(failed("locking", &path))?;
        Ok(Lock(file))
    }

    /// A lock, unless somebody holds it.
    fn try_lock(&self, name: &str) -> Result<Option<Lock>, GenerationsError> {
        let path = self.root.join(name);
        let file = lock_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("locking", &path)(error)),
        }
    }

    /// Removes the folders of generations whose names end so.
    fn clear(&self, ending: &str) -> Result<(), GenerationsError> {
        for name in self.entries()? {
            if name.strip_suffix(ending).and_then(number).is_some() {
                let path = self.root.join(&name);
                fs::remove_dir_all(&path).map_err(failed("removing", &path))?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<String>, GenerationsError> {
        let reading = failed("reading", &self.root);
        let entries = fs::read_dir(&self.root).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(reading)?;
        Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }
}

/// A right that is held until dropped.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that another thread is just starting may hold a copy of the handle.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "a lock on the generations stays until this process ends");
        }
    }
}

fn lock_file(path: &Path) -> Result<File, GenerationsError> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    file.map_err(failed("opening", path))
}

/// The number of a generation's name; none for anything else.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("g-")?;
    let plain = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Replaces a small file, durably and by one rename.
fn replace(path: &Path, text: &str) -> Result<(), GenerationsError> {
    let next = path.with_extension("next");
    write_synced(&next, text.as_bytes())?;
    fs::rename(&next, path).map_err(failed("renaming", &next))?;
    path.parent().map_or(Ok(()), sync)
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), GenerationsError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(failed("writing", path))
}

fn sync(path: &Path) -> Result<(), GenerationsError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(failed("syncing", path))
}
