//! Sticks: what the hub has written to one is taken in, and what this appliance has to say is written to one.
//!
//! ```text
//! sticks/
//!   known/hub.json      whose bundles are taken: ids and public keys; for who has no private key
//!   known/settled.json  bundles that were made here and of which the hub has every result
//!   arrived/NAME.flip   a bundle, verified and copied whole by whoever reads sticks; NAME.refused: why one was not
//!   asked/ID.json       somebody would have bundles made
//!   asked/ID.handling   somebody handles a stick, and what is to be said of it if they go away without a word
//!   asked/ID.handled    how a stick was handled
//!   leaving/NAME.flip   bundles that were made
//!   said/ID.json        what came of the one or the other
//!   status.json, .txt   how it stands, for a box without a screen
//! ```
//! Whoever reads a stick is another process ([`reading`]): it needs nothing but this folder, so that it can be kept from
//! everything else. The running appliance does not believe it: it looks at all of a bundle again.
//!
//! What must stay true: nothing of a bundle is used before all of it was verified; what is taken goes through
//! [`crate::exchange`], as a sync's does; every refusal is counted and in the audit log; a bundle that was cut off by a stop
//! is taken again, which doubles nothing.

mod answering;
mod handled;
pub mod reading;
mod status;
mod taking;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flip_protocol::bundle::{Header, ReadError, Refused, TooManyParts, Unproven, WriteError};
use flip_protocol::keys::VerifyingKey;
use flip_protocol::message::TooLarge;
use flip_protocol::{MessageId, PartyId, UnixMillis, bounds as wire};
use flip_storage::audit::AuditError;
use flip_storage::error_chain;
use flip_storage::file::{self, Access};
use flip_storage::journal::JournalError;
use flip_storage::stick::{self, StickError};
use flip_web::plural;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::clock;
use crate::identity::IdentityError;
use crate::site::{NewKeysError, Site};

/// Whose bundles are taken here. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The Trust.
    pub trust: PartyId,
    /// Its name.
    pub trust_name: String,
    /// The hub.
    pub hub: PartyId,
    /// The keys that the hub signs with, newest first.
    pub verifying: Vec<VerifyingKey>,
    /// The key that the appliance itself signs with.
    pub own: VerifyingKey,
    /// The keys that it signed with before, newest first.
    #[serde(default)]
    pub own_before: Vec<VerifyingKey>,
    /// A moment that has passed for sure by the hub's clock, to the day.
    #[serde(default)]
    pub heard: Option<UnixMillis>,
}

impl Known {
    /// The keys that the appliance signs with and signed with before, newest first.
    fn signed_with(&self) -> Vec<VerifyingKey> {
        std::iter::once(self.own).chain(self.own_before.iter().copied()).collect()
    }
}

/// What came of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its id; `None` where it says none.
    pub bundle: Option<MessageId>,
    /// Its number; zero where it says none.
    pub number: u64,
    /// Why it was not taken; `None` where it was.
    pub refused: Option<Refused>,
    /// Orders that are stored here, now or before.
    pub orders: usize,
    /// Orders that were not taken.
    pub not_taken: usize,
    /// Results that the hub has: they are no more kept to be sent.
    pub settled: usize,
}

impl Outcome {
    /// What was taken in, in words.
    pub fn in_words(&self) -> String {
        let orders = plural(self.orders as u64, "order", None);
        match self.not_taken {
            0 => format!("taken in: {orders}"),
            not_taken => format!("taken in: {orders}, and {not_taken} refused"),
        }
    }
}

/// What somebody would have made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The most bytes of one bundle.
    pub size: u64,
    /// Until when to wait for orders that are not answered yet.
    pub wait_until: UnixMillis,
    /// Bundles that were left of an earlier export and are on the stick already: what they hold is not made again.
    #[serde(default)]
    pub carried: Vec<MessageId>,
}

/// A bundle that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its file's name.
    pub file: String,
    /// Its id.
    pub bundle: MessageId,
    /// Its number.
    pub number: u64,
    /// Results in it.
    pub results: u32,
    /// Its bytes.
    pub bytes: u64,
}

/// What was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The bundles.
    pub bundles: Vec<Made>,
    /// Orders that are not answered yet.
    pub waiting: usize,
    /// Why nothing was made.
    pub failed: Option<String>,
}

/// What whoever handles a stick says of it at the end, to be shown and kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handled {
    /// Bundles that are on the stick now, synced.
    pub written: usize,
    /// Bundles that were removed from it: the hub has what was in them.
    pub removed: usize,
    /// What failed that is no fault of a bundle.
    pub failed: Option<String>,
    /// True where it failed while the stick was read, which may be written to afterwards.
    #[serde(default)]
    pub reading: bool,
    /// True where it cannot even be mounted.
    #[serde(default)]
    pub unusable: bool,
    /// True where it went away, or whoever handled it was stopped.
    #[serde(default)]
    pub pulled: bool,
    /// Where it is mounted that was written to: it must not be taken out before it is unmounted there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<PathBuf>,
}

impl Handled {
    /// What is said of a stick that went away.
    pub fn pulled() -> Self {
        Self { failed: Some(stick::PULLED.to_owned()), pulled: true, ..Self::default() }
    }
}

/// Why a bundle is not taken or made.
#[derive(Debug, thiserror::Error)]
pub enum SticksError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The stick, or a file or folder here.
    #[error(transparent)]
    Stick(StickError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The letter is too long.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// New keys.
    #[error(transparent)]
    NewKeys(#[from] NewKeysError),
    /// They would be more than a stick may hold.
    #[error(transparent)]
    TooManyParts(#[from] TooManyParts),
    /// The hub gave no key to seal to.
    #[error("the identity holds no key of the hub to seal to; enrol again")]
    NoKey,
}

impl From<ReadError> for SticksError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(why) => Self::Refused(why),
            ReadError::Io(error) => {
                tracing::warn!(%error, "a bundle cannot be read");
                Self::Refused(Refused::Unreadable)
            }
            ReadError::Copy(error) => Self::Stick(StickError::Disk(error)),
        }
    }
}

impl SticksError {
    /// Of a file or folder of this machine.
    fn file(path: &Path, error: io::Error) -> Self {
        Self::Stick(StickError::Io(path.to_owned(), error))
    }

    /// Of a bundle that is read from a file of this machine.
    fn of(path: &Path, error: ReadError) -> Self {
        match error {
            ReadError::Refused(why) => Self::Refused(why),
            ReadError::Io(error) | ReadError::Copy(error) => Self::file(path, error),
        }
    }
}

impl From<StickError> for SticksError {
    fn from(error: StickError) -> Self {
        match error {
            StickError::NotAFile(_) => Self::Refused(Refused::NotAFile),
            StickError::TooMany(_) => Self::Refused(Refused::TooMany),
            other @ (StickError::Io(..) | StickError::Disk(_) | StickError::Busy) => Self::Stick(other),
        }
    }
}

/// The folder of sticks.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

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
        let held = stick::hold(&self.0.join("handling.lock"))?;
        if held.is_some() {
            for left in self.inside("asked")? {
                if is_called(&left, HANDLING) {
                    said_now(&left)?;
                } else if is_called(&left, "json") {
                    stick::discard(&left);
                }
            }
        }
        Ok(held)
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
    fn end_for_who_is_gone(&self) -> Result<(), SticksError> {
        let is_handled = self.inside("asked")?.iter().any(|left| is_called(left, HANDLING));
        if is_handled { self.handle().map(drop) } else { Ok(()) }
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

    fn make(&self) -> Result<(), SticksError> {
        for part in ["arrived", "asked", "known", "leaving", "said"] {
            let folder = self.0.join(part);
            fs::create_dir_all(&folder).map_err(|error| SticksError::file(&folder, error))?;
        }
        Ok(())
    }

    fn inside(&self, part: &str) -> Result<Vec<PathBuf>, SticksError> {
        Ok(stick::inside(&self.0.join(part))?)
    }

    /// Forgets what processes left that are gone: what was brought or made halfway; copies that nobody goes on with,
    /// because what they are of is void by now; small files that were being written.
    fn forget_stale(&self, now: UnixMillis) -> Result<(), SticksError> {
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

fn is_called(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension == ending)
}

const KNOWN: &str = "known/hub.json";
/// Where an earlier version kept that.
const KNOWN_BEFORE: &str = "hub.json";
const SETTLED: &str = "known/settled.json";
/// How the name of a small file ends while it is written.
const NEW: &str = ".new";
/// How the name of a file begins that somebody brings to the local console.
const BROUGHT: &str = "brought-";
/// How the name of a file ends that says why a bundle was not even copied.
const REFUSED: &str = "refused";
/// How the name of a file ends that says how a stick was handled, and while it is handled.
const HANDLED: &str = "handled";
const HANDLING: &str = "handling";

const DAY_MS: u64 = 24 * 3_600_000;

/// Bytes of a small file of the folder: whoever reads sticks writes there too.
const SMALL_BYTES: u64 = 1024 * 1024;

/// Reads a small file of the folder; `None` where there is none, or not such a one.
pub fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&small(path).ok()?).ok()
}

/// The bytes of a small ordinary file; of a longer one as many as a small one may have.
fn small(path: &Path) -> Result<Vec<u8>, SticksError> {
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

/// Takes bundles in and makes them until the appliance stops.
pub fn work(site: &Arc<Site>) {
    let folder = Folder::new(site.place.sticks());
    let mut known = None;
    let mut held = None;
    let mut trouble = Trouble::default();
    while !site.is_stopping() {
        trouble.over(folder.0.clone(), || look(site, &folder, &mut known, &mut held));
        // Before what arrived is listed: who is gone has brought all of it, and what is said of them comes after it.
        trouble.over(folder.0.join("handling.lock"), || folder.end_for_who_is_gone());
        // One that cannot be taken or made holds up no other.
        for path in trouble.inside(&folder, "arrived") {
            trouble.once(&path, || taking::arrived(site, &folder, &path));
        }
        for path in trouble.inside(&folder, "asked") {
            trouble.once(&path, || answering::asked(site, &folder, &path));
        }
        trouble.over(folder.0.join("status.json"), || handled::left(&folder));
        std::thread::sleep(bounds::STICKS_LOOK);
    }
}

/// How far the work on a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worked {
    /// It waits for something.
    NotYet,
    /// Done: the file is needed no more.
    Done,
}

/// What could not be worked on, and from when on it is tried again: later each time.
#[derive(Debug, Default)]
struct Trouble {
    again: HashMap<PathBuf, (Instant, Duration)>,
    /// Files that were worked on and cannot be removed.
    done: HashSet<PathBuf>,
}

impl Trouble {
    /// Works on a file until it is done with, and removes it. One that cannot be removed is not worked on twice.
    fn once(&mut self, path: &Path, work: impl FnOnce() -> Result<Worked, SticksError>) {
        if self.done.contains(path) {
            return;
        }
        let mut worked = Worked::NotYet;
        self.over(path.to_owned(), || work().map(|came| worked = came));
        if worked == Worked::Done && !stick::discard(path) {
            self.done.insert(path.to_owned());
        }
    }

    fn over(&mut self, path: PathBuf, work: impl FnOnce() -> Result<(), SticksError>) {
        let before = self.again.get(&path).copied();
        if before.is_some_and(|(again, _)| Instant::now() < again) {
            return;
        }
        match work() {
            Ok(()) => drop(self.again.remove(&path)),
            Err(error) => {
                let wait = before.map_or(bounds::STICKS_LOOK, |(_, wait)| wait.saturating_mul(2));
                let wait = wait.min(bounds::STICKS_RETRY_MOST);
                let retry_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                let path_shown = path.display().to_string();
                tracing::error!(
                    path = path_shown,
                    error = error_chain(&error),
                    retry_ms,
                    "it cannot be worked on"
                );
                self.again.insert(path, (Instant::now() + wait, wait));
            }
        }
    }

    /// What is in a part of the folder; what is there no more is no trouble any more.
    fn inside(&mut self, folder: &Folder, part: &str) -> Vec<PathBuf> {
        let of = folder.0.join(part);
        let mut found = Vec::new();
        self.over(of.clone(), || folder.inside(part).map(|inside| found = inside));
        self.again.retain(|path, _| path.parent() != Some(&*of) || found.contains(path));
        self.done.retain(|path| path.parent() != Some(&*of) || found.contains(path));
        found
    }
}

fn look(
    site: &Site,
    folder: &Folder,
    known: &mut Option<Known>,
    held: &mut Option<fs::File>,
) -> Result<(), SticksError> {
    if known.is_none() {
        folder.make()?;
    }
    let identity = site.identity();
    let facts = &identity.facts;
    let now = Known {
        trust: facts.trust,
        trust_name: facts.trust_name.clone(),
        hub: facts.hub,
        verifying: facts.verifying.clone(),
        own: identity.keys.signing.verifying(),
        own_before: facts.verifying_before.clone(),
        heard: Some(UnixMillis(site.heard().0 / DAY_MS * DAY_MS)),
    };
    if known.as_ref() != Some(&now) {
        write(&folder.0.join(KNOWN), &now)?;
        *known = Some(now);
    }
    if held.is_none() {
        *held = stick::hold(&folder.running())?;
        // Who reads sticks is given it, and cannot make it.
        let under_way = folder.handle()?.is_none();
        if let Err(error) = folder.forget_stale(clock::now()) {
            // It takes room, and is no reason to take no stick.
            let error = error_chain(&error);
            tracing::warn!(error, "what an earlier run left of sticks cannot be removed");
        }
        status::started(folder, &facts.trust_name, under_way)?;
    }
    forget_outcomes(folder)
}

/// Forgets the oldest outcomes that nobody has read. By their order and not their age: a clock that is days ahead of the
/// one that the files' times are of, or that is set right meanwhile, takes none away from who waits for it.
fn forget_outcomes(folder: &Folder) -> Result<(), SticksError> {
    let mut said = folder.inside("said")?;
    if said.len() <= bounds::OUTCOMES_KEPT {
        return Ok(());
    }
    said.sort_by_key(|path| fs::metadata(path).and_then(|facts| facts.modified()).ok());
    for path in &said[..said.len() - bounds::OUTCOMES_KEPT] {
        match fs::remove_file(path) {
            // Whoever waited for it has it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(|error| SticksError::file(path, error))?,
        }
    }
    Ok(())
}

/// The head of a bundle's file, unproven; what cannot be read may be anything.
pub fn head(path: &Path) -> Option<Header> {
    let (file, _) = stick::open(path).ok()?;
    Some(*Unproven::read(file).ok()?.header())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_removed_is_worked_on_once() {
        let folder = tempfile::tempdir().unwrap();
        // In the place of a file whose folder lets nothing be removed.
        let stays = folder.path().join("arrived/flip-1.flip");
        fs::create_dir_all(&stays).unwrap();
        let mut trouble = Trouble::default();
        let (mut times, sticks) = (0, Folder::new(folder.path().to_owned()));
        for came in [Worked::NotYet, Worked::Done, Worked::Done] {
            assert_eq!(trouble.inside(&sticks, "arrived"), std::slice::from_ref(&stays));
            trouble.once(&stays, || {
                times += 1;
                Ok(came)
            });
        }
        assert_eq!(times, 2);
        // Another under the same name, later.
        fs::remove_dir(&stays).unwrap();
        assert!(trouble.inside(&sticks, "arrived").is_empty());
        fs::write(&stays, b"another").unwrap();
        trouble.once(&stays, || Ok(Worked::Done));
        assert!(!stays.exists());
    }

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
    fn counts_are_said_as_people_say_them() {
        let outcome = |orders, not_taken| {
            let (bundle, refused) = (None, None);
            Outcome { bundle, number: 1, refused, orders, not_taken, settled: 0 }.in_words()
        };
        assert_eq!(outcome(1, 0), "taken in: 1 order");
        assert_eq!(outcome(2, 1), "taken in: 2 orders, and 1 refused");
    }
}
