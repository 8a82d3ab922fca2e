//! `flip-appliance enrol KIT`: keys made on the spot, one request under the pinned CA, the secret burnt.
//!
//! What must stay true: no identity is put in place that the audit log does not have; it has what came to nothing too, and
//! the kit's secret never.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flip_protocol::enrolment::{
    BadKit, ENROL_PATH, EnrolRequest, EnrolResponse, Kit, StickAnswer, StickRequest, answer_signed,
};
use flip_protocol::heads::Carrier;
use flip_protocol::keys::VerifyingKey;
use flip_protocol::{UnixMillis, text};
use flip_storage::audit::{Audit, AuditError};
use flip_storage::error_chain;
use flip_storage::file::{self, Access};
use flip_storage::journal::{Journal, JournalError};
use serde_json::{Value, json};

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
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
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

impl EnrolError {
    /// In words that repeat nothing of a file that is no kit: it may be one that was spoilt, with its secret.
    fn without_secrets(&self) -> String {
        if let Self::Kit(BadKit::NotAKit(_)) = self {
            return "it is not a FLIP Edge kit".to_owned();
        }
        error_chain(self)
    }
}

/// Largest kit file that is read, in bytes; a real one is about two thousand.
const KIT_BYTES: u64 = 64 * 1024;

/// Bytes of the hub's answer on a stick: a certificate and keys.
const ANSWER_BYTES: u64 = 64 * 1024;

/// An enrolment that somebody at the command line wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The appliance's folder.
    pub data: &'a Path,
    /// The kit's file.
    pub kit: &'a Path,
    /// Whether to replace the identity that is there.
    pub again: bool,
    /// The name of the machine's user who wants it.
    pub user: &'a str,
}

/// Enrols the appliance over the network.
pub fn enrol(wanted: Wanted<'_>) -> Result<Identity, EnrolError> {
    noted(wanted, over_network(wanted))
}

/// Writes the request of an enrolment to a file for a stick; the same each time for the same kit.
pub fn request_by_stick(wanted: Wanted<'_>, out: &Path) -> Result<Kit, EnrolError> {
    noted(wanted, request_to(wanted, out))
}

/// Enrols with the hub's answer from a stick, which the CA that the kit pins has signed.
pub fn answer_by_stick(wanted: Wanted<'_>, answer: &Path) -> Result<Identity, EnrolError> {
    noted(wanted, answer_from(wanted, answer))
}

/// What came of it; where that is nothing, the audit log of the folder has why, if there is one to be had.
fn noted<T>(wanted: Wanted<'_>, came: Result<T, EnrolError>) -> Result<T, EnrolError> {
    let Err(why) = &came else { return came };
    if matches!(why, EnrolError::Audit(_)) || !wanted.data.is_dir() {
        return came;
    }
    let mut told = json!({
        "by": "command line",
        "user": wanted.user,
        "kit": wanted.kit.to_string_lossy(),
        "again": wanted.again,
        "why": why.without_secrets(),
    });
    if let Ok(kit) = read_kit(wanted.kit).and_then(|text| Ok(Kit::from_text(&text, UnixMillis(0))?)) {
        told["trust_name"] = json!(kit.trust_name);
        told["hub_address"] = json!(kit.hub_address);
    }
    let log = Audit::new(&Place::new(wanted.data).audit());
    if let Err(error) = log.append(clock::now().0, "enrolment_refused", told) {
        tracing::error!(error = error_chain(&error), "the audit log does not have that nothing was enrolled");
    }
    came
}

fn over_network(wanted: Wanted<'_>) -> Result<Identity, EnrolError> {
    let (data, now) = (wanted.data, clock::now());
    let kit = begin(wanted, now)?;
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
    complete(wanted, &kit, answer, Carrier::Network, now)
}

fn request_to(wanted: Wanted<'_>, out: &Path) -> Result<Kit, EnrolError> {
    let now = clock::now();
    let kit = begin(wanted, now)?;
    let request = stick_request(wanted.data, &kit)?;
    let text = serde_json::to_vec_pretty(&request).expect("a request is plain strings and numbers");
    let mut told = facts(wanted, &kit, request.verifying);
    told["file"] = json!(out.to_string_lossy());
    Audit::new(&Place::new(wanted.data).audit()).append(now.0, "enrolment_asked", told)?;
    file::write(out, &text, Access::Owner).map_err(|error| EnrolError::Folder(out.to_owned(), error))?;
    Ok(kit)
}

fn answer_from(wanted: Wanted<'_>, answer: &Path) -> Result<Identity, EnrolError> {
    // By now the kit may have expired: the hub has judged that.
    let kit = begin(wanted, UnixMillis(0))?;
    let request = stick_request(wanted.data, &kit)?;
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
    complete(wanted, &kit, answer, Carrier::Stick, clock::now())
}

fn begin(Wanted { data, kit, again, user: _ }: Wanted<'_>, now: UnixMillis) -> Result<Kit, EnrolError> {
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

fn complete(
    wanted: Wanted<'_>,
    kit: &Kit,
    answer: EnrolResponse,
    carrier: Carrier,
    now: UnixMillis,
) -> Result<Identity, EnrolError> {
    let place = Place::new(wanted.data);
    let mut told = facts(wanted, kit, Keys::for_enrolment(wanted.data, kit)?.signing.verifying());
    told["carrier"] = json!(carrier);
    told["hub_key"] = json!(answer.verifying.first().map(|key| key.id().to_string()));
    told["certificate_until"] = json!(clock::readable(answer.expires));
    let act = if Identity::exists(wanted.data) { "enrolled_again" } else { "enrolled" };
    // Before it is done: where it then fails, it is tried again and written down again.
    Audit::new(&place.audit()).append(now.0, act, told)?;
    let journal = place.journal();
    // The new keys number their messages from 1: what the old identity had under way is the hub's to send again.
    if journal.exists() {
        let old = journal.with_extension(format!("old-{}", now.0));
        fs::rename(&journal, &old).map_err(|error| EnrolError::Folder(old, error))?;
    }
    drop(Journal::open(&journal)?);
    Ok(Identity::complete(wanted.data, kit, answer, now)?)
}

/// Who enrols the appliance, with which hub, under which key, and in the place of whom.
fn facts(wanted: Wanted<'_>, kit: &Kit, own_key: VerifyingKey) -> Value {
    let mut facts = json!({
        "by": "command line",
        "user": wanted.user,
        "trust": kit.trust,
        "trust_name": kit.trust_name,
        "hub": kit.hub,
        "hub_address": kit.hub_address,
        "hub_ca_sha256": kit.ca_sha256,
        "own_key": own_key.id().to_string(),
    });
    // One that is damaged says nothing any more.
    if let Ok(before) = Identity::load(wanted.data) {
        facts["own_key_before"] = json!(before.keys.signing.verifying().id().to_string());
        facts["trust_name_before"] = json!(before.facts.trust_name);
        facts["hub_address_before"] = json!(before.facts.hub_address);
    }
    facts
}

fn read_kit(kit: &Path) -> Result<String, EnrolError> {
    let unreadable = |error| EnrolError::KitFile(kit.to_owned(), error);
    let mut text = String::new();
    fs::File::open(kit).map_err(unreadable)?.take(KIT_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
