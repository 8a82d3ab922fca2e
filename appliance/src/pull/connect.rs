//! The connection: TLS to a named authority, bounded in time, in a session that cannot write.

use std::sync::Arc;
use std::time::Duration;

use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::PullError;
use super::settings::{Settings, Tls};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long what was sent may stay unanswered by the server's system before the connection counts as lost.
const SILENCE: Duration = Duration::from_mins(1);
/// How long to wait for a table that somebody alters.
const LOCK_TIMEOUT_S: u64 = 120;

/// Connects, and has the session read only.
pub(super) fn connect(settings: &Settings) -> Result<Client, PullError> {
    let mut config = Config::new();
    config
        .host(&settings.host)
        .port(settings.port)
        .dbname(&settings.database)
        .user(&settings.user)
        .application_name("flip-appliance pull")
        .connect_timeout(CONNECT)
        .tcp_user_timeout(SILENCE)
        .keepalives_idle(SILENCE);
    if let Some(password) = settings.password()? {
        config.password(password);
    }
    let connected = match &settings.tls {
        Tls::Plain => config.ssl_mode(SslMode::Disable).connect(NoTls),
        Tls::Required { ca_file } => {
            let roots = roots(ca_file)?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let tls = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("ring's provider knows TLS 1.2 and 1.3")
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.ssl_mode(SslMode::Require).connect(MakeRustlsConnect::new(tls))
        }
    };
    let mut client = connected.map_err(|error| PullError::connecting(&error, settings))?;
    let timeout_ms = settings.statement_timeout.as_millis();
    client
        .batch_execute(&format!(
            "SET default_transaction_read_only = on; SET statement_timeout = {timeout_ms};
             SET lock_timeout = '{LOCK_TIMEOUT_S}s'; SET client_encoding = 'UTF8'; SET datestyle = 'ISO, YMD'"
        ))
        .map_err(|error| PullError::of(&error, settings, None))?;
    Ok(client)
}

fn roots(file: &std::path::Path) -> Result<RootCertStore, PullError> {
    let wrong = |why: String| PullError::Authority { path: file.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()));
    }
    Ok(roots)
}
