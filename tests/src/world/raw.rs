//! A connection to the people listener on which anything can be written: what no client's library would send.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::PATIENCE;

/// The connection.
pub struct Raw(StreamOwned<ClientConnection, TcpStream>);

impl Raw {
    /// Opens one to `https://host:port`, under the CA in that file.
    pub fn open(base: &str, ca: &Path) -> Result<Self> {
        let address = base.strip_prefix("https://").context("not https")?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca)?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let host = address.rsplit_once(':').context("no port")?.0.to_owned();
        let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(host)?)?;
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(StreamOwned::new(connection, stream)))
    }

    /// Writes bytes as they are; the hub may have closed it.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes)?;
        self.0.flush()
    }

    /// All that the hub says until it closes the connection; empty where it closes without a word.
    pub fn said(&mut self) -> String {
        let mut said = Vec::new();
        let mut piece = [0; 4_096];
        while let Ok(read) = self.0.read(&mut piece) {
            if read == 0 {
                break;
            }
            said.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    /// What the hub says to a request that asks for the connection to be closed.
    pub fn ask(mut self, request: &[u8]) -> Result<String> {
        // A hub that has refused it reads no further; what it said may be there all the same.
        let _ = self.write(request);
        Ok(self.said())
    }
}
