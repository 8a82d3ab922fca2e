//! The hub's own keys: the CA that both listeners and all Trusts hang from, and the keys of the message layer.
//!
//! What must stay true: private keys are files of mode 0600 that never leave this folder; what a certificate says
//! comes from the hub alone, never from the request.

use std::fs;
use std::io;
use std::path::Path;

use flip_protocol::keys::{OpeningKey, SealingKey, SigningKey, VerifyingKey};
use flip_protocol::{PartyId, UnixMillis, text};
use flip_storage::file::{self, Access};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use crate::bounds;
use crate::clock;

/// The hub's keys, loaded.
pub struct Authority {
    hub: PartyId,
    ca: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    signing: SigningKey,
    opening: Vec<OpeningKey>,
}

/// A certificate made for a Trust.
#[derive(Debug, Clone)]
pub struct TrustCertificate {
    /// PEM.
    pub pem: String,
    /// SHA-256 of its DER.
    pub fingerprint: [u8; 32],
    /// From when on it is void.
    pub expires: UnixMillis,
}

/// A server's certificate and its key.
pub struct ServerCertificate {
    /// The certificate, then the CA's.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key, made for this start of the program.
    pub key: PrivateKeyDer<'static>,
}

/// Why the keys could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file of the folder.
    #[error("the key file {0} cannot be read or written")]
    File(String, #[source] io::Error),
    /// A file that is not what it should be.
    #[error("the key file {0} is damaged")]
    Damaged(String),
    /// rcgen said no.
    #[error("a certificate could not be made")]
    Certificate(#[from] rcgen::Error),
}

const HUB_ID: &str = "hub.id";
const CA_CERTIFICATE: &str = "ca.pem";
const CA_KEY: &str = "ca.key";
const SIGNING: &str = "signing.key";
const OPENING: &str = "opening.key";

impl Authority {
    /// Makes all keys in `folder`, which must exist and be empty of them.
    pub fn create(folder: &Path, now: UnixMillis) -> Result<Self, AuthorityError> {
        let hub = PartyId::new(now, &clock::random_bytes());
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("FLIP Edge hub {hub}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid_for(&mut params, now, bounds::CA_DAYS);
        let ca = params.self_signed(&key)?;
        let mut random = clock::random();
        write(folder, CA_KEY, key.serialize_pem().as_bytes(), Access::Owner)?;
        write(folder, CA_CERTIFICATE, ca.pem().as_bytes(), Access::Anyone)?;
        write(folder, SIGNING, &*SigningKey::generate(&mut random).to_bytes(), Access::Owner)?;
        write(folder, OPENING, &OpeningKey::generate(&mut random).to_bytes(), Access::Owner)?;
        write(folder, HUB_ID, hub.to_string().as_bytes(), Access::Anyone)?;
        Self::load(folder)
    }

    /// Reads the keys of `folder`.
    pub fn load(folder: &Path) -> Result<Self, AuthorityError> {
        let read = |name: &str| {
            fs::read(folder.join(name)).map_err(|error| AuthorityError::File(path_of(folder, name), error))
        };
        let damaged = |name: &str| AuthorityError::Damaged(path_of(folder, name));
        let as_text =
            |name: &str| read(name).and_then(|bytes| String::from_utf8(bytes).map_err(|_| damaged(name)));
        let key = KeyPair::from_pem(&as_text(CA_KEY)?).map_err(|_| damaged(CA_KEY))?;
        let ca = certificate_of_pem(&as_text(CA_CERTIFICATE)?).ok_or_else(|| damaged(CA_CERTIFICATE))?;
        let signing: [u8; 32] = read(SIGNING)?.try_into().map_err(|_| damaged(SIGNING))?;
        Ok(Self {
            hub: as_text(HUB_ID)?.trim().parse().map_err(|_| damaged(HUB_ID))?,
            issuer: Issuer::from_ca_cert_der(&ca, key).map_err(|_| damaged(CA_CERTIFICATE))?,
            ca,
            signing: SigningKey::from_bytes(&signing),
            opening: vec![OpeningKey::from_bytes(&read(OPENING)?).ok_or_else(|| damaged(OPENING))?],
        })
    }

    /// The hub's id.
    pub fn hub(&self) -> PartyId {
        self.hub
    }

    /// The CA's certificate, DER.
    pub fn ca(&self) -> &CertificateDer<'static> {
        &self.ca
    }

    /// Whether the CA's key is that of its certificate.
    pub fn ca_fits(&self) -> bool {
        use rcgen::PublicKeyData as _;
        use x509_parser::prelude::{FromDer as _, X509Certificate};
        X509Certificate::from_der(&self.ca).is_ok_and(|(_, certificate)| {
            certificate.public_key().raw == self.issuer.key().subject_public_key_info()
        })
    }

    /// The signature of the CA's key over these bytes, which name what they are: ECDSA, P-256, SHA-256, ASN.1.
    pub fn sign_as_ca(&self, bytes: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        use rcgen::SigningKey as _;
        Ok(self.issuer.key().sign(bytes)?)
    }

    /// SHA-256 of the CA's certificate, in hexadecimal.
    pub fn ca_sha256(&self) -> String {
        text::hex(&Sha256::digest(&self.ca))
    }

    /// The key that orders are signed with.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The keys that results are sealed to, newest first.
    pub fn opening(&self) -> &[OpeningKey] {
        &self.opening
    }

    /// The public halves, newest first, as an appliance learns them.
    pub fn public_keys(&self) -> (Vec<VerifyingKey>, Vec<SealingKey>) {
        (vec![self.signing.verifying()], self.opening.iter().map(OpeningKey::sealing).collect())
    }

    /// A certificate and a fresh key for one of the hub's own listeners.
    pub fn server_certificate(
        &self,
        names: &[String],
        now: UnixMillis,
    ) -> Result<ServerCertificate, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "FLIP Edge hub");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        valid_for(&mut params, now, bounds::SERVER_CERTIFICATE_DAYS);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(ServerCertificate {
            chain: vec![certificate.der().clone(), self.ca.clone()],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        })
    }

    /// A client certificate for a Trust. Of the request only the public key is used.
    pub fn trust_certificate(
        &self,
        request: &str,
        trust: PartyId,
        now: UnixMillis,
    ) -> Result<TrustCertificate, AuthorityError> {
        let request = CertificateSigningRequestParams::from_pem(request)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, trust.to_string());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from_slice(&clock::random_bytes::<16>()));
        let expires = valid_for(&mut params, now, bounds::TRUST_CERTIFICATE_DAYS);
        let certificate = CertificateSigningRequestParams { params, public_key: request.public_key };
        let certificate = certificate.signed_by(&self.issuer)?;
        Ok(TrustCertificate {
            pem: certificate.pem(),
            fingerprint: Sha256::digest(certificate.der()).into(),
            expires,
        })
    }
}

/// The first certificate of a PEM text.
pub fn certificate_of_pem(pem: &str) -> Option<CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pem.as_bytes()).ok()
}

fn valid_for(params: &mut CertificateParams, now: UnixMillis, days: i64) -> UnixMillis {
    let seconds = i64::try_from(now.0 / 1_000).expect("milliseconds over 1,000 fit in 63 bits");
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    params.not_before = now - Duration::seconds(bounds::CLOCK_SLACK_S);
    params.not_after = now + Duration::days(days);
    UnixMillis(u64::try_from(params.not_after.unix_timestamp()).unwrap_or(0) * 1_000)
}

fn write(folder: &Path, name: &str, bytes: &[u8], access: Access) -> Result<(), AuthorityError> {
    file::write(&folder.join(name), bytes, access)
        .map_err(|error| AuthorityError::File(path_of(folder, name), error))
}

fn path_of(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}
