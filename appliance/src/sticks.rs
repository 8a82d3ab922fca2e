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
mod folder;
mod handled;
pub mod reading;
mod status;
mod taking;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flip_protocol::bundle::{Header, ReadError, Refused, TooManyParts, Unproven, WriteError};
use flip_protocol::keys::VerifyingKey;
use flip_protocol::message::TooLarge;
use flip_protocol::{MessageId, PartyId, UnixMillis};
use flip_storage::audit::AuditError;
use flip_storage::error_chain;
use flip_storage::journal::JournalError;
use flip_storage::stick::{self, StickError};
use flip_web::plural;
use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::clock;
use crate::identity::IdentityError;
use crate::site::{NewKeysError, Site};

pub use folder::{Asked, Folder, Handling, read, write};
use folder::{HANDLED, KNOWN, REFUSED, SETTLED, is_called, small};

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

const DAY_MS: u64 = 24 * 3_600_000;

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
        let running = stick::hold(&folder.running())?;
        // Who reads sticks is given it, and cannot make it.
        let under_way = folder.handle()?.is_none();
        if let Err(error) = folder.forget_stale(clock::now()) {
            // It takes room, and is no reason to take no stick.
            let error = error_chain(&error);
            tracing::warn!(error, "what an earlier run left of sticks cannot be removed");
        }
        status::started(folder, &facts.trust_name, under_way)?;
        *held = running;
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
    fn counts_are_said_as_people_say_them() {
        let outcome = |orders, not_taken| {
            let (bundle, refused) = (None, None);
            Outcome { bundle, number: 1, refused, orders, not_taken, settled: 0 }.in_words()
        };
        assert_eq!(outcome(1, 0), "taken in: 1 order");
        assert_eq!(outcome(2, 1), "taken in: 2 orders, and 1 refused");
    }
}
