//! Who the appliance is: its keys, its certificate, and the hub it belongs to.
//!
//! What must stay true: keys are made here and written to files of mode 0600 that nothing sends; an identity is
//! whole or absent, because its folder is renamed into place last.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use flip_protocol::enrolment::{EnrolResponse, Kit};
use flip_protocol::keys::{OpeningKey, SealingKey, SigningKey, VerifyingKey};
use flip_protocol::{PartyId, UnixMillis, text};
use flip_storage::file::{self, Access};
use rcgen::{CertificateParams, KeyPair};
use serde::{Deserialize, Serialize};

use crate::clock;

/// The keys of an appliance.
pub struct Keys {
    /// Its TLS key.
    pub tls: KeyPair,
    /// The key that it signs results with.
    pub signing: SigningKey,
    /// The key that orders to it are sealed to.
    pub opening: OpeningKey,
}

/// An enrolled appliance.
pub struct Identity {
    /// Its keys.
    pub keys: Keys,
    /// Its client certificate, PEM.
    pub certificate: String,
    /// What is known of its Trust and its hub.
    pub facts: Facts,
    folder: PathBuf,
}

/// What is known of the Trust and its hub; a file beside the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The Trust.
    pub trust: PartyId,
    /// Its name.
    pub trust_name: String,
    /// The hub.
    pub hub: PartyId,
    /// `host:port` of the hub's sites listener.
    pub hub_address: String,
    /// The pinned CA certificate (DER), base64.
    pub ca: String,
    /// SHA-256 of the pinned CA certificate, hexadecimal.
    pub ca_sha256: String,
    /// The keys that the hub signs orders with, newest first.
    pub verifying: Vec<VerifyingKey>,
    /// The keys that results are sealed to, newest first.
    pub sealing: Vec<SealingKey>,
    /// When the certificate was made.
    pub certificate_issued: UnixMillis,
    /// From when on the certificate is void.
    pub certificate_expires: UnixMillis,
}

/// Why an identity cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is none.
    #[error("this appliance is not enrolled yet; run: flip-appliance enrol KIT")]
    NotEnrolled,
    /// A file of it.
    #[error("{0} cannot be read or written")]
    File(PathBuf, #[source] io::Error),
    /// A file that is not what it should be.
    #[error("{0} is damaged; enrol again with a new kit")]
    Damaged(PathBuf),
    /// rcgen said no.
    #[error("the certificate request could not be made")]
    Certificate(#[from] rcgen::Error),
}

const FOLDER: &str = "identity";
const OLD: &str = "identity.old";
const MAKING: &str = "identity.new";
const TLS_KEY: &str = "tls.key";
const SIGNING: &str = "signing.key";
const OPENING: &str = "opening.key";
const CERTIFICATE: &str = "tls.pem";
const FACTS: &str = "facts.json";
const REQUEST: &str = "request.pem";
const FOR_KIT: &str = "kit.check";

impl Keys {
    /// The keys for an enrolment: those of an earlier try with this very kit that got no answer, else fresh ones.
    pub fn for_enrolment(data: &Path, kit: &Kit) -> Result<Self, IdentityError> {
        let folder = data.join(MAKING);
        if fs::read_to_string(folder.join(FOR_KIT)).is_ok_and(|check| check == kit.check) {
            return Self::load(&folder);
        }
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(IdentityError::File(folder, error));
            }
            _ => {}
        }
        let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(&folder);
        made.map_err(|error| IdentityError::File(folder.clone(), error))?;
        let mut random = clock::random();
        let keys = Self {
            tls: KeyPair::generate()?,
            signing: SigningKey::generate(&mut random),
            opening: OpeningKey::generate(&mut random),
        };
        write(&folder, TLS_KEY, keys.tls.serialize_pem().as_bytes(), Access::Owner)?;
        write(&folder, SIGNING, &*keys.signing.to_bytes(), Access::Owner)?;
        write(&folder, OPENING, &keys.opening.to_bytes(), Access::Owner)?;
        let request = keys.certificate_request(kit.trust)?;
        write(&folder, REQUEST, request.as_bytes(), Access::Owner)?;
        // Last, because it says that the others are whole.
        write(&folder, FOR_KIT, kit.check.as_bytes(), Access::Owner)?;
        Ok(keys)
    }

    /// The certificate request of an enrolment, the same each time: by it the hub knows that a request comes again.
    pub fn request_for_enrolment(data: &Path) -> Result<String, IdentityError> {
        let folder = data.join(MAKING);
        String::from_utf8(read(&folder, REQUEST)?).map_err(|_| IdentityError::Damaged(folder.join(REQUEST)))
    }

    /// A certificate request under the TLS key, PEM.
    pub fn certificate_request(&self, trust: PartyId) -> Result<String, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, trust.to_string());
        Ok(params.serialize_request(&self.tls)?.pem()?)
    }

    fn load(folder: &Path) -> Result<Self, IdentityError> {
        let damaged = |name: &str| IdentityError::Damaged(folder.join(name));
        let tls = String::from_utf8(read(folder, TLS_KEY)?).map_err(|_| damaged(TLS_KEY))?;
        let signing: [u8; 32] = read(folder, SIGNING)?.try_into().map_err(|_| damaged(SIGNING))?;
        Ok(Self {
            tls: KeyPair::from_pem(&tls).map_err(|_| damaged(TLS_KEY))?,
            signing: SigningKey::from_bytes(&signing),
            opening: OpeningKey::from_bytes(&read(folder, OPENING)?).ok_or_else(|| damaged(OPENING))?,
        })
    }
}

impl Identity {
    /// True where the folder holds an enrolled appliance.
    pub fn exists(data: &Path) -> bool {
        data.join(FOLDER).exists()
    }

    /// Reads the identity in the appliance's folder.
    pub fn load(data: &Path) -> Result<Self, IdentityError> {
        let folder = data.join(FOLDER);
        if !folder.exists() {
            return Err(IdentityError::NotEnrolled);
        }
        let damaged = |name: &str| IdentityError::Damaged(folder.join(name));
        Ok(Self {
            keys: Keys::load(&folder)?,
            certificate: String::from_utf8(read(&folder, CERTIFICATE)?).map_err(|_| damaged(CERTIFICATE))?,
            facts: serde_json::from_slice(&read(&folder, FACTS)?).map_err(|_| damaged(FACTS))?,
            folder,
        })
    }

    /// Completes an enrolment: writes what the hub answered beside the keys and moves all into place.
    pub fn complete(
        data: &Path,
        kit: &Kit,
        answer: EnrolResponse,
        now: UnixMillis,
    ) -> Result<Self, IdentityError> {
        let making = data.join(MAKING);
        let facts = Facts {
            trust: kit.trust,
            trust_name: kit.trust_name.clone(),
            hub: kit.hub,
            hub_address: kit.hub_address.clone(),
            ca: kit.ca.clone(),
            ca_sha256: kit.ca_sha256.clone(),
            verifying: answer.verifying,
            sealing: answer.sealing,
            certificate_issued: now,
            certificate_expires: answer.expires,
        };
        write(&making, CERTIFICATE, answer.certificate.as_bytes(), Access::Owner)?;
        write(&making, FACTS, &to_json(&facts), Access::Owner)?;
        let place = data.join(FOLDER);
        let old = data.join(OLD);
        if place.exists() {
            fs::rename(&place, &old).map_err(|error| IdentityError::File(old.clone(), error))?;
        }
        fs::rename(&making, &place)
            .and_then(|()| file::sync_folder_of(&place))
            .map_err(|error| IdentityError::File(place, error))?;
        if old.exists() {
            // Its keys are void at the hub.
            fs::remove_dir_all(&old).map_err(|error| IdentityError::File(old, error))?;
        }
        Self::load(data)
    }

    /// Takes over a renewed certificate, on disk first.
    pub fn renew(&mut self, answer: EnrolResponse, now: UnixMillis) -> Result<(), IdentityError> {
        let facts = Facts {
            verifying: answer.verifying,
            sealing: answer.sealing,
            certificate_issued: now,
            certificate_expires: answer.expires,
            ..self.facts.clone()
        };
        write(&self.folder, CERTIFICATE, answer.certificate.as_bytes(), Access::Owner)?;
        write(&self.folder, FACTS, &to_json(&facts), Access::Owner)?;
        self.certificate = answer.certificate;
        self.facts = facts;
        Ok(())
    }

    /// True once two thirds of the certificate's life are over.
    pub fn should_renew(&self, now: UnixMillis) -> bool {
        let life = self.facts.certificate_expires.since(self.facts.certificate_issued);
        now >= self.facts.certificate_issued.plus(life / 3 * 2)
    }

    /// The pinned CA certificate, DER.
    pub fn ca_der(&self) -> Result<Vec<u8>, IdentityError> {
        text::decode(&self.facts.ca).ok_or_else(|| IdentityError::Damaged(self.folder.join(FACTS)))
    }
}

fn to_json(facts: &Facts) -> Vec<u8> {
    serde_json::to_vec_pretty(facts).expect("facts are plain strings and numbers")
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, IdentityError> {
    let path = folder.join(name);
    fs::read(&path).map_err(|error| IdentityError::File(path, error))
}

fn write(folder: &Path, name: &str, bytes: &[u8], access: Access) -> Result<(), IdentityError> {
    let path = folder.join(name);
    file::write(&path, bytes, access).map_err(|error| IdentityError::File(path, error))
}
