//! Large files by opaque keys: brought piece by piece to a staging area on this machine, then kept, in a folder here or
//! in an object store elsewhere.
//!
//! What must stay true: what is acknowledged is on the disk; a key is sixteen bytes of ours, never a name that somebody
//! typed; what is kept is whole or absent, and never changes. Deliberately absent: meaning. Whether a file may be kept,
//! and who may read it, is the callers' affair.

mod pieces;

use std::fs::{self, File, OpenOptions};
use std::future::poll_fn;
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Place;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _};
use sha2::{Digest as _, Sha256};

pub use object_store;
pub use pieces::Pieces;

/// What an artefact is called here.
pub type Key = [u8; 16];

/// Bytes of a part that is sent to a store elsewhere: 5 GiB are 320 parts, of which S3 takes 10,000.
const PART_BYTES: usize = 16 * 1024 * 1024;
const STAGING: &str = "staging";
const KEPT: &str = "kept";

/// Why an artefact could not be kept, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// The staging area.
    #[error("{0} cannot be read or written")]
    File(PathBuf, #[source] io::Error),
    /// The store.
    #[error("the artefact store does not do it")]
    Store(#[from] object_store::Error),
    /// What is in the staging area is not what was looked at.
    #[error("the staged file is not the one that was looked at")]
    Changed,
}

/// The artefacts.
#[derive(Debug, Clone)]
pub struct Artefacts {
    folder: PathBuf,
    store: Arc<dyn ObjectStore>,
    /// Where in the store, without a slash at either end; empty for its top.
    prefix: String,
    here: bool,
}

impl Artefacts {
    /// Kept in `folder`, which is made where it is not there.
    pub fn here(folder: &Path) -> Result<Self, ArtefactError> {
        make(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { folder: folder.to_owned(), store: Arc::new(store), prefix: KEPT.to_owned(), here: true })
    }

    /// Kept in a store elsewhere, below `prefix`; staged in `folder`.
    pub fn elsewhere(
        folder: &Path,
        store: Arc<dyn ObjectStore>,
        prefix: &str,
    ) -> Result<Self, ArtefactError> {
        make(folder)?;
        let prefix = prefix.trim_matches('/').to_owned();
        Ok(Self { folder: folder.to_owned(), store, prefix, here: false })
    }

    /// Where a staged file is.
    pub fn staged(&self, key: Key) -> PathBuf {
        self.folder.join(STAGING).join(name(key))
    }

    /// Bytes of a staged file that are on the disk, now if not before; none where nothing came yet.
    pub fn received(&self, key: Key) -> Result<u64, ArtefactError> {
        let path = self.staged(key);
        match File::open(&path) {
            Ok(file) => {
                let length = file.sync_data().and_then(|()| Ok(file.metadata()?.len()));
                length.map_err(failed(&path))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(failed(&path)(error)),
        }
    }

    /// When something was last written to a staged file; `None` where nothing came yet.
    pub fn touched(&self, key: Key) -> Option<std::time::SystemTime> {
        fs::metadata(self.staged(key)).ok()?.modified().ok()
    }

    /// Opens a staged file to write at its end. What is written counts once [`Self::received`] has seen it.
    pub fn append(&self, key: Key) -> Result<File, ArtefactError> {
        let path = self.staged(key);
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        opened.and_then(|file| crate::file::sync_folder_of(&path).map(|()| file)).map_err(failed(&path))
    }

    /// Keeps a staged file whose bytes have that SHA-256. The staged one stays until [`Self::unstage`].
    pub async fn keep(&self, key: Key, sha256: [u8; 32]) -> Result<(), ArtefactError> {
        let to = self.place(key);
        if self.here {
            // A second link to the same bytes, synced with its folder.
            let from = Place::from_iter([STAGING.to_owned(), name(key)]);
            return Ok(self.store.copy(&from, &to).await?);
        }
        let path = self.staged(key);
        let mut file = File::open(&path).map_err(failed(&path))?;
        let mut upload = self.store.put_multipart(&to).await?;
        let mut hash = Sha256::new();
        let sent = async {
            loop {
                let (piece, rest) = off_the_loop(move || next_part(file)).await.map_err(failed(&path))?;
                file = rest;
                if piece.is_empty() {
                    break;
                }
                hash.update(&piece);
                upload.put_part(Bytes::from(piece).into()).await?;
            }
            if <[u8; 32]>::from(hash.finalize()) != sha256 {
                return Err(ArtefactError::Changed);
            }
            Ok(upload.complete().await.map(drop)?)
        }
        .await;
        if sent.is_err() {
            // Parts of an upload that is given up cost room; a store that is away sweeps them by its own rules.
            let _ = upload.abort().await;
        }
        sent
    }

    /// Removes a staged file.
    pub fn unstage(&self, key: Key) -> Result<(), ArtefactError> {
        let path = self.staged(key);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path)(error)),
            _ => Ok(()),
        }
    }

    /// The bytes of what is kept, by pieces.
    pub async fn read(&self, key: Key, range: Range<u64>) -> Result<Pieces, ArtefactError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store.get_opts(&self.place(key), options).await?;
        Ok(Pieces::of(found))
    }

    /// Removes what is kept or staged under a key, if anything is.
    pub async fn remove(&self, key: Key) -> Result<(), ArtefactError> {
        self.unstage(key)?;
        match self.store.delete(&self.place(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes that are free where files are staged.
    pub fn free_bytes(&self) -> Result<u64, ArtefactError> {
        let folder = self.folder.join(STAGING);
        let of = rustix::fs::statvfs(&folder).map_err(|error| failed(&folder)(error.into()))?;
        Ok(of.f_bavail.saturating_mul(of.f_frsize))
    }

    fn place(&self, key: Key) -> Place {
        let parts = self.prefix.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
        parts.chain([name(key)]).collect()
    }
}

/// What is kept in a folder on this machine, and what is staged there: each file and its bytes. Nothing is made.
pub fn look(folder: &Path) -> Result<[Vec<(PathBuf, u64)>; 2], ArtefactError> {
    let [kept, staged] = [KEPT, STAGING].map(|inner| listed(&folder.join(inner)));
    Ok([kept?, staged?])
}

fn listed(folder: &Path) -> Result<Vec<(PathBuf, u64)>, ArtefactError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed(folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed(folder))?;
        let length = entry.metadata().map_err(failed(&entry.path()))?.len();
        found.push((entry.path(), length));
    }
    Ok(found)
}

/// What a store elsewhere holds below a prefix: each name and its bytes.
pub async fn look_elsewhere(
    store: &dyn ObjectStore,
    prefix: &str,
) -> Result<Vec<(PathBuf, u64)>, ArtefactError> {
    let below = Some(Place::from(prefix)).filter(|place| !place.as_ref().is_empty());
    let mut listed = store.list(below.as_ref());
    let mut found = Vec::new();
    while let Some(object) = poll_fn(|context| listed.as_mut().poll_next(context)).await {
        let object = object?;
        found.push((PathBuf::from(object.location.as_ref()), object.size));
    }
    Ok(found)
}

/// Where what is kept in a folder on this machine under a key is.
pub fn kept_file(folder: &Path, key: Key) -> PathBuf {
    folder.join(KEPT).join(name(key))
}

/// A key as the name of a file.
pub fn name(key: Key) -> String {
    use std::fmt::Write as _;
    key.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

fn make(folder: &Path) -> Result<(), ArtefactError> {
    for folder in [STAGING, KEPT].map(|inner| folder.join(inner)) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
    }
    Ok(())
}

fn next_part(mut file: File) -> io::Result<(Vec<u8>, File)> {
    let mut part = Vec::with_capacity(PART_BYTES);
    (&mut file).take(PART_BYTES as u64).read_to_end(&mut part)?;
    Ok((part, file))
}

async fn off_the_loop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("reading a file does not panic")
}

fn failed(path: &Path) -> impl Fn(io::Error) -> ArtefactError {
    let path = path.to_owned();
    move |error| ArtefactError::File(path.clone(), error)
}

#[cfg(test)]
mod tests;
