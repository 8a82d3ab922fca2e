//! A redb file that is opened anew after a failure.
//!
//! What must stay true: after a failed read or write, say on a full disk, redb refuses all work until the file is opened
//! anew; the next use does that, and never puts an empty file in the place of one that was there. Deliberately absent:
//! tables, and what is in them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::{Database, WriteTransaction};

/// Bytes of a file's pages kept in memory.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// Makes every table that is not there yet.
type Tables = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// Why a store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is held by another process.
    #[error("{0} is in use by another process")]
    InUse(&'static str),
    /// The disk, or the file.
    #[error("{0} cannot be read or written")]
    Storage(&'static str, #[source] redb::Error),
    /// It failed, and could not be opened anew yet.
    #[error("{0} failed and could not be opened anew yet")]
    Failing(&'static str),
}

/// One file.
pub(crate) struct Store {
    /// What it is called in errors.
    name: &'static str,
    /// `None` where it is in memory.
    path: Option<PathBuf>,
    tables: Tables,
    /// `None` only while it could not be opened anew.
    database: RwLock<Option<Database>>,
    failed: AtomicBool,
}

/// What to do where there is no file yet.
#[derive(Clone, Copy)]
enum Missing {
    Make,
    /// It was there before: an empty one in its place would have forgotten everything.
    Refuse,
}

impl Store {
    /// Opens the file, making it where there is none.
    pub fn open(name: &'static str, path: &Path, tables: Tables) -> Result<Self, StoreError> {
        let database = open(name, path, tables, Missing::Make)?;
        Ok(Self::over(name, Some(path.to_owned()), tables, database))
    }

    /// A store that is gone when it is dropped.
    pub fn in_memory(name: &'static str, tables: Tables) -> Result<Self, StoreError> {
        let made = Database::builder().create_with_backend(redb::backends::InMemoryBackend::new());
        let database = made.map_err(|error| StoreError::Storage(name, error.into()))?;
        make(&database, tables).map_err(|error| StoreError::Storage(name, error))?;
        Ok(Self::over(name, None, tables, database))
    }

    fn over(name: &'static str, path: Option<PathBuf>, tables: Tables, database: Database) -> Self {
        Self { name, path, tables, database: RwLock::new(Some(database)), failed: AtomicBool::new(false) }
    }

    /// Works on the database; where it failed before, it is opened anew first.
    pub fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        if let Some(path) = self.path.as_ref().filter(|_| self.failed.load(Ordering::Acquire)) {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            if self.failed.load(Ordering::Acquire) {
                drop(database.take());
                *database = Some(open(self.name, path, self.tables, Missing::Refuse)?);
                self.failed.store(false, Ordering::Release);
            }
        }
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        work(database.as_ref().ok_or(StoreError::Failing(self.name))?).map_err(|error| {
            self.failed.store(true, Ordering::Release);
            StoreError::Storage(self.name, error)
        })
    }
}

fn open(name: &'static str, path: &Path, tables: Tables, missing: Missing) -> Result<Database, StoreError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    let opened = match missing {
        Missing::Make => builder.create(path),
        Missing::Refuse => builder.open(path),
    };
    let database = opened.map_err(|error| {
        if matches!(error, redb::DatabaseError::DatabaseAlreadyOpen) {
            StoreError::InUse(name)
        } else {
            StoreError::Storage(name, error.into())
        }
    })?;
    make(&database, tables).map_err(|error| StoreError::Storage(name, error))?;
    Ok(database)
}

fn make(database: &Database, tables: Tables) -> Result<(), redb::Error> {
    let writing = database.begin_write()?;
    tables(&writing)?;
    writing.commit()?;
    Ok(())
}
