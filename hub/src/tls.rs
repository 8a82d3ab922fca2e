//! Certificates of the people listener: from files that are read again when they change, and beside them what proves to an
//! ACME server that a name is this hub's.
//!
//! What must stay true: files that cannot be used change nothing of a running hub; the key in use fits its certificate.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::acme;

/// A certificate and its key in two PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate, followed by those it hangs from.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{0} cannot be read")]
    File(PathBuf, #[source] io::Error),
    /// A file holds no certificate.
    #[error("{0} holds no certificate in PEM")]
    NoCertificate(PathBuf),
    /// A file holds no private key.
    #[error("{0} holds no private key in PEM")]
    NoKey(PathBuf),
    /// The two are not a pair, or of a kind that is not known here.
    #[error(
        "the key {key} does not fit the certificate {certificate}, or is of a kind that is not known here"
    )]
    NoPair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
}

impl Files {
    /// Reads both and checks that they are a pair.
    pub fn load(&self) -> Result<CertifiedKey, TlsError> {
        let read = |path: &Path| fs::read(path).map_err(|error| TlsError::File(path.to_owned(), error));
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(&self.certificate)?)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::NoCertificate(self.certificate.clone()))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(self.certificate.clone()));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|_| TlsError::NoKey(self.key.clone()))?;
        CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|source| TlsError::NoPair {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        })
    }
}

/// A certificate from files, for every handshake as it is now.
#[derive(Debug)]
pub struct Served {
    files: Files,
    now: RwLock<Arc<CertifiedKey>>,
    /// What an ACME server is shown, by name.
    proofs: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

impl Served {
    /// Reads the files, which must be usable.
    pub fn start(files: Files) -> Result<Arc<Self>, TlsError> {
        let first = files.load()?;
        Ok(Self::of(files, first))
    }

    /// Reads the files; serves `instead` while they cannot be used.
    pub fn start_with(files: Files, instead: CertifiedKey) -> Arc<Self> {
        let first = files.load().unwrap_or(instead);
        Self::of(files, first)
    }

    fn of(files: Files, first: CertifiedKey) -> Arc<Self> {
        Arc::new(Self { files, now: RwLock::new(Arc::new(first)), proofs: RwLock::default() })
    }

    /// Shows an ACME server that asks for `name` this certificate, from now on.
    pub fn prove(&self, name: &str, proof: CertifiedKey) {
        let mut proofs = self.proofs.write().unwrap_or_else(PoisonError::into_inner);
        proofs.insert(name.to_owned(), Arc::new(proof));
    }

    /// Shows an ACME server nothing any more.
    pub fn prove_nothing(&self) {
        self.proofs.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reads the files again; true where they hold another certificate than is served.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let read = self.files.load()?;
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let changed = now.cert != read.cert;
        *now = Arc::new(read);
        Ok(changed)
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let for_acme =
            hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == acme::PROTOCOL));
        if for_acme {
            let proofs = self.proofs.read().unwrap_or_else(PoisonError::into_inner);
            return proofs.get(hello.server_name()?).cloned();
        }
        Some(Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner)))
    }
}
