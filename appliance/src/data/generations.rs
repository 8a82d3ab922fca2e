//! The folder of data generations, and which of them is in use.
//!
//! ```text
//! root/
//!   current              one line: the name of the generation in use
//!   ingest.lock          held while an ingest runs
//!   g-000003/            cdm.duckdb, manifest.json: complete, never written again
//!   g-000004.partial/    an ingest at work, or what a killed one left
//! ```
//!
//! What must stay true: `current` names a complete, synced generation or is absent; it changes by one rename, so a
//! kill or power cut at any moment leaves the old generation in use and intact. Complete generations are never
//! touched here: a reader may hold one open. Deliberately absent: what the data mean.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use flip_protocol::answer::Extract;
use time::Date;
use time::format_description::well_known::Iso8601;

use super::manifest::Manifest;

const POINTER: &str = "current";
const LOCK: &str = "ingest.lock";
const PARTIAL: &str = ".partial";
/// Not `omop.duckdb`: DuckDB names a catalog after its file, and could then not tell catalog and schema apart.
const DATABASE: &str = "cdm.duckdb";
const MANIFEST: &str = "manifest.json";

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

/// Why the folder of generations failed.
#[derive(Debug, thiserror::Error)]
pub enum GenerationsError {
    /// Another ingest holds the lock.
    #[error("another ingest is at work (it holds {}); wait for it and run again", lock.display())]
    Busy {
        /// The lock's file.
        lock: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The pointer names nothing that can be a generation.
    #[error("{} does not name a generation of this folder", path.display())]
    Pointer {
        /// The pointer's file.
        path: PathBuf,
    },
    /// A manifest that is not one.
    #[error("{} is not a manifest of this version", path.display())]
    Manifest {
        /// The manifest's file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Generations {
    /// Opens the folder, making it where it is absent, and clears what a killed ingest left.
    ///
    /// # Errors
    /// When the folder cannot be made, read or cleared.
    pub fn open(root: &Path) -> Result<Self, GenerationsError> {
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(failed("making", root))?;
        let generations = Self { root: root.to_owned() };
        match generations.lock() {
            Ok(_lock) => generations.clear_leftovers()?,
            // An ingest is at work; its partial folder is not a leftover.
            Err(GenerationsError::Busy { .. }) => {}
            Err(
                error @ (GenerationsError::Io { .. }
                | GenerationsError::Pointer { .. }
                | GenerationsError::Manifest { .. }),
            ) => return Err(error),
        }
        Ok(generations)
    }

    /// The generation in use; none before the first ingest.
    ///
    /// # Errors
    /// When the pointer or the manifest it leads to cannot be read.
    pub fn current(&self) -> Result<Option<Generation>, GenerationsError> {
        let path = self.root.join(POINTER);
        let name = match fs::read_to_string(&path) {
            Ok(text) => text.trim_end().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("reading", &path)(error)),
        };
        if number(&name).is_none() || !self.root.join(&name).is_dir() {
            return Err(GenerationsError::Pointer { path });
        }
        self.read(&name).map(Some)
    }

    /// All complete generations, oldest first.
    ///
    /// # Errors
    /// When the folder or a manifest cannot be read.
    pub fn list(&self) -> Result<Vec<Generation>, GenerationsError> {
        let mut names = self.names()?;
        names.retain(|name| number(name).is_some());
        names.sort_by_key(|name| number(name));
        names.iter().map(|name| self.read(name)).collect()
    }

    /// Starts a new generation: takes the lock and makes its partial folder.
    pub(super) fn begin(&self) -> Result<Partial, GenerationsError> {
        let lock = self.lock()?;
        self.clear_leftovers()?;
        let newest = self.names()?.iter().filter_map(|name| number(name)).max().unwrap_or(0);
        let name = format!("g-{:06}", newest + 1);
        let folder = self.root.join(format!("{name}{PARTIAL}"));
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed("making", &folder))?;
        Ok(Partial { root: self.root.clone(), name, folder, done: false, _lock: lock })
    }

    fn lock(&self) -> Result<Lock, GenerationsError> {
        let path = self.root.join(LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed("opening", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(GenerationsError::Busy { lock: path }),
            Err(TryLockError::Error(error)) => Err(failed("locking", &path)(error)),
        }
    }

    fn clear_leftovers(&self) -> Result<(), GenerationsError> {
        for name in self.names()? {
            if name.strip_suffix(PARTIAL).and_then(number).is_some() {
                let path = self.root.join(&name);
                fs::remove_dir_all(&path).map_err(failed("removing", &path))?;
            }
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, GenerationsError> {
        let reading = failed("reading", &self.root);
        let entries = fs::read_dir(&self.root).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(reading)?;
        Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    fn read(&self, name: &str) -> Result<Generation, GenerationsError> {
        let folder = self.root.join(name);
        let path = folder.join(MANIFEST);
        let text = fs::read(&path).map_err(failed("reading", &path))?;
        let manifest =
            serde_json::from_slice(&text).map_err(|source| GenerationsError::Manifest { path, source })?;
        Ok(Generation { name: name.to_owned(), database: folder.join(DATABASE), manifest })
    }
}

/// The right to make a generation, held until dropped.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that another thread is just starting may hold a copy of the handle.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the ingest lock stays until this process ends");
        }
    }
}

/// A generation in the making. Dropped before [`Partial::complete`], it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Partial {
    root: PathBuf,
    name: String,
    folder: PathBuf,
    done: bool,
    // Dropped after `Drop` below has cleared the folder, so that nobody else clears it meanwhile.
    _lock: Lock,
}

impl Partial {
    pub(super) fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    /// A folder for what is needed only while the ingest runs.
    pub(super) fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// Makes the closed database durable and puts it in use.
    pub(super) fn complete(mut self, manifest: Manifest) -> Result<Generation, GenerationsError> {
        let scratch = self.scratch();
        if scratch.exists() {
            fs::remove_dir_all(&scratch).map_err(failed("removing", &scratch))?;
        }
        let path = self.folder.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|source| GenerationsError::Manifest { path: path.clone(), source })?;
        write_synced(&path, &text)?;
        sync(&self.database())?;
        sync(&self.folder)?;

        let folder = self.root.join(&self.name);
        fs::rename(&self.folder, &folder).map_err(failed("renaming", &self.folder))?;
        self.done = true;
        sync(&self.root)?;

        let pointer = self.root.join(POINTER);
        let next = self.root.join("current.next");
        write_synced(&next, format!("{}\n", self.name).as_bytes())?;
        fs::rename(&next, &pointer).map_err(failed("renaming", &next))?;
        sync(&self.root)?;
        Ok(Generation { name: self.name.clone(), database: folder.join(DATABASE), manifest })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.done
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(folder = %self.folder.display(), %error, "a partial generation stays until the next ingest");
        }
    }
}

/// The number of a generation's name; none for anything else.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("g-")?;
    let plain = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
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

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> GenerationsError {
    let path = path.to_owned();
    move |source| GenerationsError::Io { doing, path, source }
}
