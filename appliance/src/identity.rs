//! Who the appliance is: its keys, its certificate, and the hub it belongs to.
//!
//! What must stay true: keys are made here and written to files of mode 0600 that nothing sends; an identity is
//! whole or absent, because its folder is renamed into place last. Once that is done nothing of it can fail any more, so
//! that who takes over an identity has in memory what is on disk.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use flip_protocol::enrolment::{EnrolResponse, Kit, RotateRequest};
use flip_protocol::keys::{OpeningKey, SealingKey, SigningKey, VerifyingKey};
use flip_protocol::{PartyId, UnixMillis, text};
use flip_storage::file::{self, Access};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::clock;

/// The keys of an appliance.
pub struct Keys {
    /// Its TLS key.
    pub tls: KeyPair,
    /// The key that it signs results with.
    pub signing: SigningKey,
    /// The keys that orders to it are sealed to, newest first: also the one before a rotation, for what was under way.
    pub opening: Vec<OpeningKey>,
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
    /// The keys that this appliance signed with before, newest first: what lies on sticks is known by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verifying_before: Vec<VerifyingKey>,
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

/// The folder of the identity, in the appliance's.
pub(crate) const FOLDER: &str = "identity";
/// The same of an enrolment that is not finished.
pub(crate) const MAKING: &str = "identity.new";
const TLS_KEY: &str = "tls.key";
const SIGNING: &str = "signing.key";
const OPENING: &str = "opening.key";
const OPENING_BEFORE: &str = "opening-before.key";
const CERTIFICATE: &str = "tls.pem";
const FACTS: &str = "facts.json";
const REQUEST: &str = "request.pem";
const FOR_KIT: &str = "kit.check";
const ROTATING: &str = "identity.next";

impl Keys {
    /// The keys for an enrolment: those of an earlier try with this very kit that got no answer, else fresh ones.
    pub fn for_enrolment(data: &Path, kit: &Kit) -> Result<Self, IdentityError> {
        let folder = data.join(MAKING);
        if fs::read_to_string(folder.join(FOR_KIT)).is_ok_and(|check| check == kit.check) {
            return Self::load(&folder);
        }
        let keys = Self::make(&folder, kit.trust)?;
        // Last, because it says that the others are whole.
        write(&folder, FOR_KIT, kit.check.as_bytes(), Access::Owner)?;
        Ok(keys)
    }

    /// The certificate request of an enrolment, the same each time: by it the hub knows that a request comes again.
    pub fn request_for_enrolment(data: &Path) -> Result<String, IdentityError> {
        text_of(&data.join(MAKING), REQUEST)
    }

    /// Fresh keys and their certificate request in an empty `folder`.
    fn make(folder: &Path, trust: PartyId) -> Result<Self, IdentityError> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(IdentityError::File(folder.to_owned(), error));
            }
            _ => {}
        }
        let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(folder);
        made.map_err(|error| IdentityError::File(folder.to_owned(), error))?;
        let mut random = clock::random();
        let opening = OpeningKey::generate(&mut random);
        let (tls, signing) = (KeyPair::generate()?, SigningKey::generate(&mut random));
        write(folder, TLS_KEY, tls.serialize_pem().as_bytes(), Access::Owner)?;
        write(folder, SIGNING, &*signing.to_bytes(), Access::Owner)?;
        write(folder, OPENING, &opening.to_bytes(), Access::Owner)?;
        let keys = Self { tls, signing, opening: vec![opening] };
        write(folder, REQUEST, keys.certificate_request(trust)?.as_bytes(), Access::Owner)?;
        Ok(keys)
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
        let open = |name: &str| OpeningKey::from_bytes(&read(folder, name)?).ok_or_else(|| damaged(name));
        let mut opening = vec![open(OPENING)?];
        if folder.join(OPENING_BEFORE).exists() {
            opening.push(open(OPENING_BEFORE)?);
        }
        Ok(Self {
            tls: KeyPair::from_pem(&tls).map_err(|_| damaged(TLS_KEY))?,
            signing: SigningKey::from_bytes(&signing),
            opening,
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
            verifying_before: Self::load(data)
                .ok()
                .filter(|before| (before.facts.trust, before.facts.hub) == (kit.trust, kit.hub))
                .map_or_else(Vec::new, |before| before.signed_with()),
        };
        write(&making, CERTIFICATE, answer.certificate.as_bytes(), Access::Owner)?;
        write(&making, FACTS, &to_json(&facts), Access::Owner)?;
        let place = data.join(FOLDER);
        if place.exists() {
            exchange(&making, &place)?;
            // What stands there now is void at the hub.
            let removed = file::sync_folder_of(&place).and_then(|()| fs::remove_dir_all(&making));
            if let Err(error) = removed {
                tracing::warn!(folder = %making.display(), %error, "old keys are still on this disk; remove them");
            }
        } else {
            fs::rename(&making, &place)
                .and_then(|()| file::sync_folder_of(&place))
                .map_err(|error| IdentityError::File(place, error))?;
        }
        // Of another identity.
        drop(fs::remove_dir_all(data.join(ROTATING)));
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

    /// Whether a certificate is of the key here, and good for longer than the one here: what comes by stick may be of
    /// keys that were replaced since, or older than what came over the network.
    pub fn is_news(&self, answer: &EnrolResponse) -> bool {
        self.fits(answer) && answer.expires > self.facts.certificate_expires
    }

    /// Whether a certificate is of the key here, which may have been replaced since it was asked for.
    pub fn fits(&self, answer: &EnrolResponse) -> bool {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(answer.certificate.as_bytes()).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.keys.tls.serialize_der()));
        chain.is_ok_and(|chain| CertifiedKey::from_der(chain, key, &ring::default_provider()).is_ok())
    }

    /// What to send to replace the keys: with those of an earlier try that got no answer, else fresh ones.
    pub fn rotation(&self) -> Result<RotateRequest, IdentityError> {
        let folder = self.rotating();
        // The request is written last of all that belongs to the keys.
        let keys =
            if self.is_rotating() { Keys::load(&folder)? } else { Keys::make(&folder, self.facts.trust)? };
        Ok(RotateRequest::new(
            self.facts.trust,
            text_of(&folder, REQUEST)?,
            keys.signing.verifying(),
            keys.opening[0].sealing(),
            &self.keys.signing,
        ))
    }

    /// Takes over the new keys, whose certificate the hub answered with. The opening key until now is kept, for orders
    /// that are sealed to it already.
    ///
    /// # Errors
    /// When they cannot be put in place; then the keys until now are.
    pub fn rotate(data: &Path, answer: EnrolResponse, now: UnixMillis) -> Result<Self, IdentityError> {
        let after = Self::put_new_keys(data, answer, now)?;
        match file::sync_folder_of(&after.folder) {
            Ok(()) => after.clear_old_keys(),
            // A power cut may bring the old keys back; the hub is then asked for these again.
            Err(error) => tracing::warn!(%error, "the new keys are in place, but perhaps not for good"),
        }
        Ok(after)
    }

    /// Puts the new keys in the place of those until now, which go to the place of the new ones.
    fn put_new_keys(data: &Path, answer: EnrolResponse, now: UnixMillis) -> Result<Self, IdentityError> {
        let before = Self::load(data)?;
        let folder = before.rotating();
        write(&folder, OPENING_BEFORE, &before.keys.opening[0].to_bytes(), Access::Owner)?;
        write(&folder, CERTIFICATE, answer.certificate.as_bytes(), Access::Owner)?;
        let facts = Facts {
            verifying: answer.verifying,
            sealing: answer.sealing,
            certificate_issued: now,
            certificate_expires: answer.expires,
            verifying_before: before.signed_with(),
            ..before.facts
        };
        write(&folder, FACTS, &to_json(&facts), Access::Owner)?;
        let keys = Keys::load(&folder)?;
        let place = before.folder;
        // By it keys are known as new: those until now must not look so where the new ones are now.
        let request = place.join(REQUEST);
        match fs::remove_file(&request).and_then(|()| file::sync_folder_of(&request)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(IdentityError::File(request, error));
            }
            _ => {}
        }
        exchange(&folder, &place)?;
        Ok(Self { keys, certificate: answer.certificate, facts, folder: place })
    }

    /// Removes what stands in the place of new keys and is none: old ones, or some that were cut short while they were made.
    pub fn clear_old_keys(&self) {
        let folder = self.rotating();
        if !self.is_rotating()
            && let Err(error) = fs::remove_dir_all(&folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %folder.display(), %error, "old keys are still on this disk; remove them");
        }
    }

    /// The keys that it signs with and signed with before, newest first, as many as are kept.
    fn signed_with(&self) -> Vec<VerifyingKey> {
        let own = std::iter::once(self.keys.signing.verifying());
        own.chain(self.facts.verifying_before.iter().copied()).take(bounds::OWN_KEYS_KEPT).collect()
    }

    /// The opening key among new keys that the hub may have already.
    pub fn next_opening(&self) -> Result<Option<OpeningKey>, IdentityError> {
        if !self.is_rotating() {
            return Ok(None);
        }
        Ok(Keys::load(&self.rotating())?.opening.into_iter().next())
    }

    /// The verifying key of the new keys that [`Self::rotate`] would take over.
    ///
    /// # Errors
    /// When there are none, or they cannot be read.
    pub fn next_key(&self) -> Result<VerifyingKey, IdentityError> {
        Ok(Keys::load(&self.rotating())?.signing.verifying())
    }

    /// Whether new keys were made that the hub may have and whose certificate is not here yet.
    pub fn is_rotating(&self) -> bool {
        self.rotating().join(REQUEST).exists()
    }

    /// Forgets new keys that the hub would not have.
    pub fn abandon_rotation(&self) -> Result<(), IdentityError> {
        let folder = self.rotating();
        fs::remove_dir_all(&folder).map_err(|error| IdentityError::File(folder, error))
    }

    fn rotating(&self) -> PathBuf {
        self.folder.with_file_name(ROTATING)
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

/// Two folders in each other's place, at once.
fn exchange(one: &Path, other: &Path) -> Result<(), IdentityError> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
        .map_err(|error| IdentityError::File(other.to_owned(), error.into()))
}

fn text_of(folder: &Path, name: &str) -> Result<String, IdentityError> {
    String::from_utf8(read(folder, name)?).map_err(|_| IdentityError::Damaged(folder.join(name)))
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

#[cfg(test)]
mod tests {
    use flip_protocol::enrolment::HubSide;

    use super::*;

    fn enrolled(data: &Path) -> Identity {
        let hub = HubSide { id: PartyId::from_bytes([1; 16]), address: "127.0.0.1:1", ca_der: b"ca" };
        let kit = Kit::new("Northgate", PartyId::from_bytes([7; 16]), &hub, &[9; 32], UnixMillis(9));
        Keys::for_enrolment(data, &kit).unwrap();
        Identity::complete(data, &kit, answer("first"), UnixMillis(1)).unwrap()
    }

    fn answer(certificate: &str) -> EnrolResponse {
        EnrolResponse {
            certificate: certificate.to_owned(),
            expires: UnixMillis(1_000),
            verifying: Vec::new(),
            sealing: Vec::new(),
        }
    }

    #[test]
    fn a_certificate_fits_the_key_that_it_is_of_alone() {
        let folder = tempfile::tempdir().unwrap();
        let identity = enrolled(folder.path());
        let of = |key: &KeyPair, expires| {
            let certificate = CertificateParams::default().self_signed(key).unwrap().pem();
            EnrolResponse { expires: UnixMillis(expires), ..answer(&certificate) }
        };
        let (own, other) = (&identity.keys.tls, &KeyPair::generate().unwrap());
        let told = |answer: &EnrolResponse| (identity.fits(answer), identity.is_news(answer));
        assert_eq!(told(&of(own, 2_000)), (true, true));
        // No later than the one here.
        assert_eq!(told(&of(own, 1_000)), (true, false));
        assert_eq!(told(&of(other, 2_000)), (false, false));
        assert_eq!(told(&answer("none")), (false, false));
    }

    #[test]
    fn new_keys_are_the_same_until_they_are_answered_and_then_take_the_old_ones_place() {
        let folder = tempfile::tempdir().unwrap();
        let before = enrolled(folder.path());
        assert!(!before.is_rotating());
        let first = before.rotation().unwrap();
        // Cut short, and tried again.
        let again = Identity::load(folder.path()).unwrap();
        assert!(again.is_rotating());
        assert_eq!(again.rotation().unwrap(), first);
        assert!(first.is_signed_by(before.facts.trust, before.keys.signing.verifying()));
        let after = Identity::rotate(folder.path(), answer("second"), UnixMillis(2)).unwrap();
        assert_eq!(after.certificate, "second");
        assert_eq!(after.keys.signing.verifying(), first.verifying);
        let opens: Vec<_> = after.keys.opening.iter().map(OpeningKey::sealing).collect();
        assert_eq!(opens, [first.sealing, before.keys.opening[0].sealing()]);
        assert_eq!(after.facts.trust_name, "Northgate");
        assert!(!after.is_rotating() && !folder.path().join(ROTATING).exists());
        // The next time the first keys are gone for good.
        let next = after.rotation().unwrap();
        let last = Identity::rotate(folder.path(), answer("third"), UnixMillis(3)).unwrap();
        assert_eq!(last.keys.opening.len(), 2);
        assert_eq!(last.keys.opening[0].sealing(), next.sealing);
        // What they signed is still known.
        assert_eq!(last.facts.verifying_before, [first.verifying, before.keys.signing.verifying()]);
    }

    /// Killed, or failed, between the exchange of the two folders and the end of the old one.
    #[test]
    fn new_keys_that_are_in_place_stay_so_and_the_old_ones_do_not_look_new() {
        let folder = tempfile::tempdir().unwrap();
        let before = enrolled(folder.path());
        let request = before.rotation().unwrap();
        let after = Identity::put_new_keys(folder.path(), answer("second"), UnixMillis(2)).unwrap();
        let rest = folder.path().join(ROTATING);
        let old = Keys::load(&rest).unwrap();
        assert_eq!(old.signing.verifying(), before.keys.signing.verifying());
        let on_disk = Identity::load(folder.path()).unwrap();
        for identity in [&after, &on_disk] {
            assert_eq!(identity.keys.signing.verifying(), request.verifying);
            assert_eq!(identity.keys.opening.len(), 2);
            assert_eq!((identity.certificate.as_str(), identity.is_rotating()), ("second", false));
            assert!(identity.next_opening().unwrap().is_none());
        }
        assert_eq!(after.facts, on_disk.facts);
        // Nothing takes them for keys that the hub has yet to answer.
        let next = on_disk.rotation().unwrap();
        assert!(![request.verifying, before.keys.signing.verifying()].contains(&next.verifying));
        on_disk.clear_old_keys();
        assert!(on_disk.is_rotating(), "new keys are no rest");
        fs::remove_file(rest.join(REQUEST)).unwrap();
        on_disk.clear_old_keys();
        assert!(!rest.exists());
    }

    #[test]
    fn keys_that_were_cut_short_while_they_were_made_are_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let identity = enrolled(folder.path());
        let first = identity.rotation().unwrap();
        fs::remove_file(folder.path().join(ROTATING).join(REQUEST)).unwrap();
        fs::write(folder.path().join(ROTATING).join(SIGNING), b"half").unwrap();
        assert!(!identity.is_rotating());
        let second = identity.rotation().unwrap();
        assert_ne!(second.verifying, first.verifying);
        identity.abandon_rotation().unwrap();
        assert!(!identity.is_rotating());
    }
}
