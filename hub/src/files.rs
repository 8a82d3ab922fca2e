//! The bytes of models' files: brought to quarantine, scanned, kept, read again.
//!
//! What must stay true: only what the scanner found clean is kept, and nothing else is ever read for anybody: the one way
//! to the bytes is [`Files::read`], which takes a [`Scanned`], and the ledger alone makes one. A file is called by its
//! id here, never by the name that somebody typed.
//!
//! ```compile_fail
//! // Nobody else makes one.
//! let scanned = flip_hub::ledger::files::Scanned { key: [0; 16], bytes: 1, sha256: [0; 32], name: String::new() };
//! ```
//! ```compile_fail
//! // Nobody reads by a key.
//! fn read(files: &flip_hub::files::Files) { let _ = files.artefacts.read([0; 16], 0..1); }
//! ```

pub mod bring;
pub mod judge;
pub mod keeper;
pub mod link;
pub mod name;
pub mod range;
pub mod settings;
pub mod standing;
mod waiting;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use flip_protocol::UnixMillis;
use flip_storage::artefacts::{ArtefactError, Artefacts, Pieces};
use tokio::sync::Notify;

use crate::ledger::files::Scanned;
use crate::links::LinkKey;
use crate::model::FileId;
use link::{BadLink, Link, Usage};
use standing::Standing;

/// The files' bytes, and the links to them.
pub struct Files {
    artefacts: Artefacts,
    key: LinkKey,
    busy: Arc<Mutex<HashSet<FileId>>>,
    news: Notify,
    standing: Mutex<Standing>,
}

/// The right to write to one upload, one at a time.
pub struct Turn {
    file: FileId,
    busy: Arc<Mutex<HashSet<FileId>>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.file);
    }
}

impl Files {
    /// Over these artefacts.
    pub fn new(artefacts: Artefacts, key: LinkKey) -> Self {
        Self { artefacts, key, busy: Arc::default(), news: Notify::new(), standing: Mutex::default() }
    }

    /// The path of a signed link.
    pub fn link(&self, link: &Link) -> String {
        format!("{}{}", link.usage.path(), link.token(&self.key))
    }

    /// The link that a token is, where it is one that works for this.
    pub fn linked(&self, usage: Usage, token: &str, now: UnixMillis) -> Result<Link, BadLink> {
        Link::of(&self.key, usage, token, now)
    }

    /// The turn to write to an upload; `None` while somebody else has it.
    pub fn turn(&self, file: FileId) -> Option<Turn> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(file).then(|| Turn { file, busy: Arc::clone(&self.busy) })
    }

    /// Bytes of an upload that are on the disk.
    pub async fn received(&self, file: FileId) -> Result<u64, ArtefactError> {
        let artefacts = self.artefacts.clone();
        off_the_loop(move || artefacts.received(file.bytes())).await
    }

    /// Bytes that are free where uploads go.
    pub async fn free_bytes(&self) -> Result<u64, ArtefactError> {
        let artefacts = self.artefacts.clone();
        off_the_loop(move || artefacts.free_bytes()).await
    }

    /// The bytes of a file that was found clean.
    pub async fn read(&self, scanned: &Scanned, range: Range<u64>) -> Result<Pieces, ArtefactError> {
        self.artefacts.read(scanned.key(), range).await
    }

    /// Tells the keeper that there is something to scan or to remove.
    pub fn announce(&self) {
        self.news.notify_one();
    }

    /// How the scanner stands.
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stands(&self, note: impl FnOnce(&mut Standing)) {
        note(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn announced(&self) {
        self.news.notified().await;
    }
}

async fn off_the_loop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("what is done with a file does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_writes_to_an_upload() {
        let folder = tempfile::tempdir().unwrap();
        let key = LinkKey::load_or_make(folder.path()).unwrap();
        let files = Files::new(Artefacts::here(folder.path()).unwrap(), key);
        let [one, other] = [1, 2].map(|number| FileId::from_bytes([number; 16]));
        let turn = files.turn(one).unwrap();
        assert!(files.turn(one).is_none() && files.turn(other).is_some());
        drop(turn);
        assert!(files.turn(one).is_some());
    }
}
