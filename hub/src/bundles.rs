//! Bundles at the hub: what a Trust is told, written to files; what a Trust says, taken in from them.
//!
//! What must stay true: nothing of a bundle is used before all of it was verified, from a copy on the hub's own disk; what
//! is taken goes through [`crate::exchange::Exchange`], as a sync's does; every refusal is counted and an act of the audit. Blocking: it
//! reads and writes files of many gigabytes, a chunk at a time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flip_protocol::PartyId;
use flip_protocol::bundle::{
    Expected, FromAppliance, Header, Heading, ReadError, Refused, TooManyParts, Unproven, Way, WriteError,
    carry,
};
use flip_protocol::message::TooLarge;
use flip_protocol::sync::Health;
use flip_storage::stick::{self, StickError};
use flip_web::pages::StickStep;
use tokio::runtime::Handle;

use crate::authority::{Authority, AuthorityError};
use crate::clock;
use crate::ledger::{Ledger, LedgerError};

mod making;
mod taking;

/// What bundles are made from and taken into.
pub struct Desk<'a> {
    /// The hub's keys.
    pub authority: &'a Authority,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// Where its transactions are waited for.
    pub runtime: &'a Handle,
    /// The folder for bundles that are being made or taken.
    pub folder: PathBuf,
}

/// Hears how much of a step is done, of how much.
pub type Told<'a> = &'a mut dyn FnMut(StickStep, u64, u64);

/// A bundle that was made, in the desk's folder.
#[derive(Debug, Clone)]
pub struct Made {
    /// What its head says.
    pub header: Header,
    /// How many orders it holds.
    pub orders: u32,
    /// Its file.
    pub path: PathBuf,
}

/// What came of a bundle.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What its head says.
    pub header: Header,
    /// The Trust's name.
    pub trust_name: String,
    /// Results that are stored now, or were before.
    pub stored: usize,
    /// Results that were not taken.
    pub not_taken: usize,
    /// Whether an answer that somebody waits for may have come.
    pub changed: bool,
    /// How the appliance is, where no newer bundle said so before.
    pub health: Option<Health>,
}

/// A bundle explained, with nothing of it taken.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What its head says.
    pub header: Header,
    /// The Trust's name.
    pub trust_name: String,
    /// What its letter says; `None` for one that the hub made, which is sealed to the Trust.
    pub letter: Option<FromAppliance>,
    /// Bytes of each message after the letter.
    pub messages: Vec<usize>,
}

/// Why a bundle is not made or taken.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No such Trust, or its keys are void.
    #[error("there is no Trust of that name with keys that are good; see: flip-hub trust list")]
    NoTrust,
    /// The stick, or a file or folder here.
    #[error(transparent)]
    Stick(StickError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// They would be more than a stick may hold.
    #[error(transparent)]
    TooManyParts(#[from] TooManyParts),
    /// The letter is too long.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The CA.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

impl From<ReadError> for BundleError {
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

impl BundleError {
    /// Of a file or folder of this machine.
    pub fn file(path: &Path, error: io::Error) -> Self {
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

impl From<StickError> for BundleError {
    fn from(error: StickError) -> Self {
        match error {
            StickError::NotAFile(_) => Self::Refused(Refused::NotAFile),
            StickError::TooMany(_) => Self::Refused(Refused::TooMany),
            other @ (StickError::Io(..) | StickError::Disk(_) | StickError::Busy) => Self::Stick(other),
        }
    }
}

impl Desk<'_> {
    /// The desk's folder in the hub's.
    pub fn folder(data: &Path) -> PathBuf {
        data.join("bundles")
    }

    /// Copies a bundle that was made to where it is carried away from, on from where an earlier copy was cut off, and
    /// forgets it here.
    pub fn hand_over(
        &self,
        made: &Path,
        folder: &Path,
        name: &str,
        told: Told<'_>,
    ) -> Result<PathBuf, BundleError> {
        let (file, length) = stick::open(made)?;
        let own = [self.authority.signing().verifying()];
        let to = folder.join(name);
        let of_made = |error| BundleError::of(made, error);
        let placed = stick::place(folder, name, |copy| {
            let unproven = Unproven::read(file).map_err(of_made)?;
            let Heading { way, sender, receiver: me, .. } = unproven.header().heading;
            let bundle = unproven.prove(&Expected { me, sender, way, verifying: &own }).map_err(of_made)?;
            let mut copied = |done, of| told(StickStep::Copying, done, of);
            carry(bundle, copy, &mut copied).map_err(|error| match error {
                ReadError::Copy(error) => BundleError::file(&to, error),
                other @ (ReadError::Io(_) | ReadError::Refused(_)) => of_made(other),
            })?;
            Ok::<_, BundleError>(length)
        })?;
        stick::discard(made);
        Ok(placed)
    }

    /// Removes bundles from a stick that this hub made for that Trust and that hold nothing that still waits for it, or have
    /// expired: each is known by its head and its signature, whatever it is called.
    pub fn clear_stick(&self, stick_folder: &Path, trust: PartyId) -> Result<Vec<PathBuf>, BundleError> {
        let settled = self.wait(self.ledger.bundles_settled(trust))?;
        let own = [self.authority.signing().verifying()];
        let (me, sender) = (trust, self.authority.hub());
        let expected = Expected { me, sender, way: Way::ToTrust, verifying: &own };
        let now = clock::now();
        Ok(stick::sweep(stick_folder, |file| {
            let head = stick::open(file).ok().and_then(|(file, _)| Unproven::read(file).ok());
            let is_done = |heading: &Heading| settled.contains(&heading.id) || heading.expires <= now;
            head.filter(|head| is_done(&head.header().heading))
                .is_some_and(|head| head.prove(&expected).is_ok())
        })?)
    }

    /// Bundles for a Trust that were made since then, in Unix milliseconds, and not handed over.
    pub fn left(&self, since_ms: u64, trust: PartyId) -> Result<Vec<PathBuf>, BundleError> {
        fs::create_dir_all(&self.folder).map_err(|error| BundleError::file(&self.folder, error))?;
        let is_for = |path: &Path| head(path).is_ok_and(|header| header.heading.receiver == trust);
        Ok(stick::left(&self.folder, since_ms, is_for)?)
    }

    /// Forgets what processes left that are gone, when the hub starts: what was brought, and what was taken or made
    /// halfway, where nobody is at it.
    pub fn forget_stale(folder: &Path) -> Result<(), BundleError> {
        stick::forget_stale(folder, u64::MAX, |name| name.starts_with("brought-"))?;
        if folder.is_dir()
            && let Some(_held) = stick::hold(&folder.join("desk.lock"))?
        {
            let halfway = |name: &str| name.starts_with("taking-") || name.ends_with(stick::PART);
            stick::forget_stale(folder, u64::MAX, halfway)?;
        }
        Ok(())
    }

    /// Holds the desk for this process, until what is given is dropped.
    pub fn hold(&self) -> Result<fs::File, BundleError> {
        fs::create_dir_all(&self.folder).map_err(|error| BundleError::file(&self.folder, error))?;
        stick::hold(&self.folder.join("desk.lock"))?.ok_or(StickError::Busy.into())
    }

    fn wait<T>(&self, future: impl Future<Output = Result<T, LedgerError>>) -> Result<T, BundleError> {
        Ok(self.runtime.block_on(future)?)
    }
}

/// The head of a bundle's file, unproven.
pub fn head(path: &Path) -> Result<Header, BundleError> {
    Ok(*Unproven::read(stick::open(path)?.0)?.header())
}
