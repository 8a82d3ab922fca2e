//! The folder of sticks: who has hold of it, and the small files by which who reads sticks and the running appliance tell
//! each other something.
//!
//! What must stay true: one stick is handled at a time; of who is gone without a word that is said which they left to be said;
//! nothing that is in the folder is believed to be what its name says.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flip_protocol::{MessageId, UnixMillis, bounds as wire};
use flip_storage::error_chain;
use flip_storage::file::{self, Access};
use flip_storage::stick;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Handled, Known, SticksError, Wish};
use crate::clock;

/// The folder of sticks.
#[derive(Debug, Clone)]
pub struct Folder(pub(super) PathBuf);

impl Folder {
    /// The folder.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Bundles that arrived.
    pub fn arrived(&self) -> PathBuf {
        self.0.join("arrived")
    }

    /// Bundles that were made.
    pub fn leaving(&self) -> PathBuf {
        self.0.join("leaving")
    }

    /// A lock that the running appliance holds.
    pub fn running(&self) -> PathBuf {
        self.0.join("running.lock")
    }

    /// Holds sticks for whoever handles one, until what is given is dropped; `None` where somebody else does. Who did before
    /// is gone then: what they left to be said is said, and what they asked for is waited for by nobody.
    pub fn handle(&self) -> Result<Option<fs::File>, SticksError> {
        let held = self.hold()?;
        // Whatever whoever reads sticks can leave there, it keeps no other stick from being handled.
        if held.is_some()
            && let Err(error) = self.end()
        {
            tracing::warn!(
                error = error_chain(&error),
                "of a stick that was handled before, not all can be said"
            );
        }
        Ok(held)
    }

    fn hold(&self) -> Result<Option<fs::File>, SticksError> {
        Ok(stick::hold(&self.0.join("handling.lock"))?)
    }

    /// For whoever holds sticks: ends what others left. What cannot be said of one keeps nothing of another's from being said.
    fn end(&self) -> Result<(), SticksError> {
        let mut ended = Ok(());
        for left in self.inside("asked")? {
            if is_called(&left, HANDLING) {
                ended = ended.and(said_now(&left));
            } else if is_called(&left, "json") {
                stick::discard(&left);
            }
        }
        ended
    }

    /// For whoever holds sticks: leaves word that one is handled.
    pub fn begin(&self) -> Result<Handling, SticksError> {
        let handling = Handling(self.new_word(HANDLING));
        write(&handling.0, &Handled::pulled())?;
        Ok(handling)
    }

    /// For whoever does not: leaves word of a stick.
    pub fn say(&self, said: &Handled) -> Result<(), SticksError> {
        write(&self.new_word(HANDLED), said)
    }

    fn new_word(&self, ending: &str) -> PathBuf {
        let id = MessageId::new(clock::now(), &clock::random_bytes());
        self.0.join("asked").join(format!("{id}.{ending}"))
    }

    /// Where somebody handled a stick and is gone without a word, has what they left said.
    pub(super) fn end_for_who_is_gone(&self) -> Result<(), SticksError> {
        let is_handled = self.inside("asked")?.iter().any(|left| is_called(left, HANDLING));
        let held = if is_handled { self.hold()? } else { None };
        held.map_or(Ok(()), |_held| self.end())
    }

    /// Whose bundles are taken; `None` where no appliance has run here.
    pub fn known(&self) -> Option<Known> {
        read(&self.0.join(KNOWN))
    }

    /// The bundles that were made here and of which the hub has every result.
    pub fn settled(&self) -> Vec<MessageId> {
        read(&self.0.join(SETTLED)).unwrap_or_default()
    }

    /// A bundle that somebody brings to the local console, while it is brought.
    pub fn brought(&self, id: &str) -> PathBuf {
        self.0.join(format!("{BROUGHT}{id}"))
    }

    /// Asks the running appliance for bundles, until what is given is dropped.
    pub fn ask(&self, wish: &Wish) -> Result<Asked, SticksError> {
        let id = MessageId::new(clock::now(), &clock::random_bytes()).to_string();
        let asked = Asked { said: self.said(&id), wish: self.0.join("asked").join(format!("{id}.json")) };
        write(&asked.wish, wish)?;
        Ok(asked)
    }

    /// What came of it.
    pub fn said(&self, id: &str) -> PathBuf {
        self.0.join("said").join(format!("{id}.json"))
    }

    pub(super) fn make(&self) -> Result<(), SticksError> {
        for part in ["arrived", "asked", "known", "leaving", "said"] {
            let folder = self.0.join(part);
            fs::create_dir_all(&folder).map_err(|error| SticksError::file(&folder, error))?;
        }
        Ok(())
    }

    pub(super) fn inside(&self, part: &str) -> Result<Vec<PathBuf>, SticksError> {
        Ok(stick::inside(&self.0.join(part))?)
    }

    /// Forgets what processes left that are gone: what was brought or made halfway; copies that nobody goes on with,
    /// because what they are of is void by now; small files that were being written.
    pub(super) fn forget_stale(&self, now: UnixMillis) -> Result<(), SticksError> {
        let is_part = |name: &str| name.ends_with(stick::PART);
        let is_new = |name: &str| name.ends_with(NEW);
        stick::forget_stale(&self.0, u64::MAX, |name| name.starts_with(BROUGHT) || name == KNOWN_BEFORE)?;
        stick::forget_stale(&self.0.join("leaving"), u64::MAX, is_part)?;
        let void = now.minus(wire::BUNDLE_LIFE_TO_TRUST_MS);
        stick::forget_stale(&self.0.join("arrived"), void.0, is_part)?;
        for part in ["arrived", "asked", "said"] {
            stick::forget_stale(&self.0.join(part), now.minus(wire::BUNDLE_LEFT_MS).0, is_new)?;
        }
        Ok(())
    }
}

/// A wish of somebody who waits for what comes of it; forgotten where nobody waits any more.
pub struct Asked {
    /// Where the answer will be.
    pub said: PathBuf,
    wish: PathBuf,
}

impl Drop for Asked {
    fn drop(&mut self) {
        stick::discard(&self.wish);
    }
}

/// Word that a stick is handled, by whoever does it; taken back where they come to an end and say nothing. Where they are
/// killed it stays, and is what is said.
pub struct Handling(PathBuf);

impl Handling {
    /// Says how it was handled in its place.
    pub fn say(self, said: &Handled) -> Result<(), SticksError> {
        write(&self.0, said)?;
        said_now(&self.0)
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        stick::discard(&self.0);
    }
}

/// Has the running appliance show and keep what is to be said of a stick.
fn said_now(handling: &Path) -> Result<(), SticksError> {
    let said = handling.with_extension(HANDLED);
    let moved = fs::rename(handling, &said).and_then(|()| file::sync_folder_of(&said));
    moved.map_err(|error| SticksError::file(handling, error))
}

pub(super) fn is_called(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension == ending)
}

pub(super) const KNOWN: &str = "known/hub.json";
/// Where an earlier version kept that.
const KNOWN_BEFORE: &str = "hub.json";
pub(super) const SETTLED: &str = "known/settled.json";
/// How the name of a small file ends while it is written.
const NEW: &str = ".new";
/// How the name of a file begins that somebody brings to the local console.
const BROUGHT: &str = "brought-";
/// How the name of a file ends that says why a bundle was not even copied.
pub(super) const REFUSED: &str = "refused";
/// How the name of a file ends that says how a stick was handled, and while it is handled.
pub(super) const HANDLED: &str = "handled";
const HANDLING: &str = "handling";

/// Bytes of a small file of the folder: whoever reads sticks writes there too.
const SMALL_BYTES: u64 = 1024 * 1024;

/// Reads a small file of the folder; `None` where there is none, or not such a one.
pub fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&small(path).ok()?).ok()
}

/// The bytes of a small ordinary file; of a longer one as many as a small one may have.
pub(super) fn small(path: &Path) -> Result<Vec<u8>, SticksError> {
    let mut bytes = Vec::new();
    let read = stick::open(path)?.0.take(SMALL_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| SticksError::file(path, error))?;
    Ok(bytes)
}

/// Writes one.
pub fn write<T: Serialize>(path: &Path, what: &T) -> Result<(), SticksError> {
    let text = serde_json::to_vec_pretty(what).expect("what is said here is plain strings and numbers");
    file::write(path, &text, Access::Owner).map_err(|error| SticksError::file(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_who_is_gone_without_a_word_that_is_said_which_they_left_to_be_said() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().to_owned());
        folder.make().unwrap();
        let words = || -> Vec<(bool, usize)> {
            let asked = folder.inside("asked").unwrap();
            assert!(asked.iter().all(|path| is_called(path, HANDLED)), "{asked:?}");
            asked
                .iter()
                .filter_map(|path| read(path))
                .map(|said: Handled| (said.pulled, said.written))
                .collect()
        };
        let wish = Wish { size: 1, wait_until: UnixMillis(0), carried: Vec::new() };
        let written = Handled { written: 1, ..Handled::default() };
        let held = folder.handle().unwrap().unwrap();
        assert!(folder.handle().unwrap().is_none());
        // They come to an end, with nothing to say and with a word.
        drop(folder.begin().unwrap());
        drop(folder.ask(&wish).unwrap());
        folder.begin().unwrap().say(&written).unwrap();
        assert_eq!(words(), [(false, 1)]);
        // They are killed: while they are at it, and in the middle of their word.
        std::mem::forget(folder.begin().unwrap());
        std::mem::forget(folder.ask(&wish).unwrap());
        let handling = folder.begin().unwrap();
        write(&handling.0, &written).unwrap();
        std::mem::forget(handling);
        folder.end_for_who_is_gone().unwrap();
        assert_eq!(folder.inside("asked").unwrap().len(), 4, "somebody holds them still");
        drop(held);
        folder.end_for_who_is_gone().unwrap();
        let mut said = words();
        said.sort_unstable();
        assert_eq!(said, [(false, 1), (false, 1), (true, 0)]);
    }

    #[test]
    fn what_cannot_be_said_of_one_stick_keeps_no_other_from_being_handled() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().to_owned());
        folder.make().unwrap();
        // Nothing can be put in its place.
        let asked = place.path().join("asked");
        fs::create_dir_all(asked.join("0.handled/full")).unwrap();
        fs::create_dir(asked.join("0.handling")).unwrap();
        std::mem::forget(folder.begin().unwrap());
        assert!(folder.handle().unwrap().is_some());
        let said = || folder.inside("asked").unwrap().iter().filter(|path| is_called(path, HANDLED)).count();
        assert_eq!(said(), 2, "the other's word is said");
        // The appliance is told, and tries again later.
        assert!(folder.end_for_who_is_gone().is_err());
        assert!(folder.handle().unwrap().is_some());
    }
}
