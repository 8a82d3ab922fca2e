//! A generation in the making, from the lock that guards it to the step that puts it in use.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use super::error::{GenerationsError, failed, not_one};
use super::{
    DATABASE, Generation, Generations, INGEST_LOCK, Lock, MANIFEST, NEWEST, PARTIAL, QUALITY, number,
    replace, sync, write_synced,
};
use crate::data::manifest::Manifest;
use crate::data::quality::Quality;

/// A generation in the making. Dropped before [`Partial::complete`], it leaves nothing behind.
#[derive(Debug)]
pub(in crate::data) struct Partial {
    root: PathBuf,
    name: String,
    folder: PathBuf,
    done: bool,
    // Dropped after `Drop` below has cleared the folder, so that nobody else clears it meanwhile.
    _lock: Lock,
}

/// The right to ingest, which one process has at a time, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    lock: Lock,
}

impl Generations {
    /// Takes the right to ingest.
    ///
    /// # Errors
    /// [`GenerationsError::Busy`] while another process has it; when the lock cannot be opened.
    pub fn turn(&self) -> Result<Turn, GenerationsError> {
        let lock = self.try_lock(INGEST_LOCK)?;
        lock.map(|lock| Turn { lock })
            .ok_or_else(|| GenerationsError::Busy { lock: self.root.join(INGEST_LOCK) })
    }

    /// Starts a new generation: takes a name that was never used, and makes its partial folder.
    pub(in crate::data) fn begin(&self, turn: Turn) -> Result<Partial, GenerationsError> {
        self.clear(PARTIAL)?;
        let path = self.root.join(NEWEST);
        let given_out = match fs::read_to_string(&path) {
            Ok(text) => number(text.trim_end()),
            // In folders that were made before it; the names that are there then say it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed("reading", &path)(error)),
        };
        let newest = self.names()?.iter().filter_map(|name| number(name)).chain(given_out).max().unwrap_or(0);
        let name = format!("g-{:06}", newest + 1);
        let folder = self.root.join(format!("{name}{PARTIAL}"));
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed("making", &folder))?;
        Ok(Partial { root: self.root.clone(), name, folder, done: false, _lock: turn.lock })
    }
}

impl Partial {
    pub fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    /// A folder for what is needed only while the ingest runs.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// Makes the closed database durable and puts it in use.
    pub fn complete(mut self, manifest: Manifest, quality: &Quality) -> Result<Generation, GenerationsError> {
        let scratch = self.scratch();
        if scratch.exists() {
            fs::remove_dir_all(&scratch).map_err(failed("removing", &scratch))?;
        }
        self.write_json(MANIFEST, &manifest)?;
        self.write_json(QUALITY, quality)?;
        sync(&self.database())?;
        sync(&self.folder)?;

        let generations = Generations { root: self.root.clone() };
        let _change = generations.change_lock()?;
        // First, so that no later ingest takes this name even where this generation is dropped.
        replace(&self.root.join(NEWEST), &format!("{}\n", self.name))?;
        let folder = self.root.join(&self.name);
        fs::rename(&self.folder, &folder).map_err(failed("renaming", &self.folder))?;
        self.done = true;
        sync(&self.root)?;
        generations.point_to(&self.name)?;
        Ok(Generation { name: self.name.clone(), database: folder.join(DATABASE), manifest })
    }

    fn write_json(&self, name: &str, value: &impl serde::Serialize) -> Result<(), GenerationsError> {
        let path = self.folder.join(name);
        let text = serde_json::to_vec_pretty(value).map_err(not_one(&path))?;
        write_synced(&path, &text)
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
