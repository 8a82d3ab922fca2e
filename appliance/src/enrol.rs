//! `flip-appliance enrol KIT`: keys made on the spot, one request under the pinned CA, the secret burnt.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flip_protocol::enrolment::{BadKit, ENROL_PATH, EnrolRequest, EnrolResponse, Kit};
use flip_storage::journal::{Journal, JournalError};

use crate::clock;
use crate::identity::{Identity, IdentityError, Keys};
use crate::link::{Link, LinkError};
use crate::place::Place;

/// Why an appliance is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The kit's file.
    #[error("the kit {0} cannot be read")]
    KitFile(PathBuf, #[source] std::io::Error),
    /// The kit itself.
    #[error(transparent)]
    Kit(#[from] BadKit),
    /// It is enrolled already.
    #[error("this appliance is enrolled already, as {0}; to replace its identity, add --again")]
    Already(String),
    /// The appliance's folder or its keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The hub, or the way there.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The appliance's folder.
    #[error("{0} cannot be written")]
    Folder(PathBuf, #[source] std::io::Error),
}

/// Largest kit file that is read, in bytes; a real one is about two thousand.
const KIT_BYTES: u64 = 64 * 1024;

/// Enrols the appliance of the folder `data` with the kit in the file `kit`.
pub fn enrol(data: &Path, kit: &Path, again: bool) -> Result<Identity, EnrolError> {
    let now = clock::now();
    let kit = Kit::from_text(&read_kit(kit)?, now)?;
    if !again && Identity::exists(data) {
        return Err(EnrolError::Already(Identity::load(data)?.facts.trust_name));
    }
    fs::create_dir_all(data).map_err(|error| EnrolError::Folder(data.to_owned(), error))?;
    let journal = Place::new(data).journal();
    if journal.exists() {
        // Fails where an appliance runs here: it must be stopped before its identity is replaced.
        drop(Journal::open(&journal)?);
    }
    let keys = Keys::for_enrolment(data, &kit)?;
    let ca = kit.ca_der().ok_or(BadKit::Altered)?;
    let link = Link::new(&kit.hub_address, &ca, None)?;
    let request = EnrolRequest {
        trust: kit.trust,
        hub: kit.hub,
        secret: kit.secret.clone(),
        certificate_request: Keys::request_for_enrolment(data)?,
        verifying: keys.signing.verifying(),
        sealing: keys.opening[0].sealing(),
    };
    let answer: EnrolResponse = link.post(ENROL_PATH, &request, Duration::ZERO, now)?;
    // The new keys number their messages from 1: what the old identity had under way is the hub's to send again.
    if journal.exists() {
        let old = journal.with_extension(format!("old-{}", now.0));
        fs::rename(&journal, &old).map_err(|error| EnrolError::Folder(old, error))?;
    }
    drop(Journal::open(&journal)?);
    Ok(Identity::complete(data, &kit, answer, now)?)
}

fn read_kit(kit: &Path) -> Result<String, EnrolError> {
    use std::io::Read as _;
    let unreadable = |error| EnrolError::KitFile(kit.to_owned(), error);
    let mut text = String::new();
    fs::File::open(kit).map_err(unreadable)?.take(KIT_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
