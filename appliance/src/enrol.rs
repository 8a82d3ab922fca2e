//! `flip-appliance enrol KIT`: keys made on the spot, one request under the pinned CA, the secret burnt.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flip_protocol::enrolment::{
    BadKit, ENROL_PATH, EnrolRequest, EnrolResponse, Kit, StickAnswer, StickRequest, answer_signed,
};
use flip_protocol::{UnixMillis, text};
use flip_storage::file::{self, Access};
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
    /// Not an answer of a hub.
    #[error("this is not a hub's answer to an enrolment; it is what flip-hub trust enrol has written")]
    NoAnswer,
    /// An answer to something else, or of another hub.
    #[error(
        "the answer is not of the hub that the kit was made for, or answers another request; have the hub answer \
         the request that this appliance has written with this kit"
    )]
    OtherAnswer,
    /// The appliance's folder.
    #[error("{0} cannot be written")]
    Folder(PathBuf, #[source] std::io::Error),
}

/// Largest kit file that is read, in bytes; a real one is about two thousand.
const KIT_BYTES: u64 = 64 * 1024;

/// Bytes of the hub's answer on a stick: a certificate and keys.
const ANSWER_BYTES: u64 = 64 * 1024;

/// Enrols the appliance of the folder `data` with the kit in the file `kit`.
pub fn enrol(data: &Path, kit: &Path, again: bool) -> Result<Identity, EnrolError> {
    let now = clock::now();
    let kit = begin(data, kit, again, now)?;
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
    complete(data, &kit, answer, now)
}

/// Writes the request of an enrolment to a file for a stick; the same each time for the same kit.
pub fn request_by_stick(data: &Path, kit: &Path, again: bool, out: &Path) -> Result<Kit, EnrolError> {
    let kit = begin(data, kit, again, clock::now())?;
    let request = stick_request(data, &kit)?;
    let text = serde_json::to_vec_pretty(&request).expect("a request is plain strings and numbers");
    file::write(out, &text, Access::Owner).map_err(|error| EnrolError::Folder(out.to_owned(), error))?;
    Ok(kit)
}

/// Enrols with the hub's answer from a stick, which the CA that the kit pins has signed.
pub fn answer_by_stick(data: &Path, kit: &Path, again: bool, answer: &Path) -> Result<Identity, EnrolError> {
    // By now the kit may have expired: the hub has judged that.
    let kit = begin(data, kit, again, UnixMillis(0))?;
    let request = stick_request(data, &kit)?;
    let read = |error| EnrolError::KitFile(answer.to_owned(), error);
    let mut text = String::new();
    fs::File::open(answer).map_err(read)?.take(ANSWER_BYTES).read_to_string(&mut text).map_err(read)?;
    let answer: StickAnswer = serde_json::from_str(&text).map_err(|_| EnrolError::NoAnswer)?;
    let ca = rustls::pki_types::CertificateDer::from(kit.ca_der().ok_or(BadKit::Altered)?);
    let signature = text::decode(&answer.signature).ok_or(EnrolError::NoAnswer)?;
    webpki::EndEntityCert::try_from(&ca)
        .and_then(|ca| {
            let signed = answer_signed(&request, &answer.answer);
            ca.verify_signature(webpki::ring::ECDSA_P256_SHA256, &signed, &signature)
        })
        .map_err(|_| EnrolError::OtherAnswer)?;
    let answer = serde_json::from_str(&answer.answer).map_err(|_| EnrolError::NoAnswer)?;
    complete(data, &kit, answer, clock::now())
}

fn begin(data: &Path, kit: &Path, again: bool, now: UnixMillis) -> Result<Kit, EnrolError> {
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
    Ok(kit)
}

fn stick_request(data: &Path, kit: &Kit) -> Result<StickRequest, EnrolError> {
    let keys = Keys::for_enrolment(data, kit)?;
    let (verifying, sealing) = (keys.signing.verifying(), keys.opening[0].sealing());
    let request = StickRequest::new(kit, Keys::request_for_enrolment(data)?, verifying, sealing);
    Ok(request.ok_or(BadKit::Altered)?)
}

fn complete(data: &Path, kit: &Kit, answer: EnrolResponse, now: UnixMillis) -> Result<Identity, EnrolError> {
    let journal = Place::new(data).journal();
    // The new keys number their messages from 1: what the old identity had under way is the hub's to send again.
    if journal.exists() {
        let old = journal.with_extension(format!("old-{}", now.0));
        fs::rename(&journal, &old).map_err(|error| EnrolError::Folder(old, error))?;
    }
    drop(Journal::open(&journal)?);
    Ok(Identity::complete(data, kit, answer, now)?)
}

fn read_kit(kit: &Path) -> Result<String, EnrolError> {
    let unreadable = |error| EnrolError::KitFile(kit.to_owned(), error);
    let mut text = String::new();
    fs::File::open(kit).map_err(unreadable)?.take(KIT_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
