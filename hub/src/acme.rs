//! Certificates of the people listener from an ACME server (RFC 8555), proved by the challenge tls-alpn-01 (RFC 8737).
//!
//! The server connects to the people listener under each name and is shown a certificate made for that alone, so no
//! other port need be reachable. What must stay true: people are served all the while, with the certificate before or,
//! until there is a first one, with one of the hub's own CA; the account's key and the certificate's are the hub's
//! alone; a failure is said, and tried again, the longer after the oftener. Deliberately absent: other challenges.

pub mod settings;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flip_protocol::UnixMillis;
use flip_storage::file::{self, Access};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::clock;
use crate::tls::{Files, Served};
use settings::Settings;

/// The protocol that an ACME server asks for when it looks at a challenge.
pub const PROTOCOL: &[u8] = b"acme-tls/1";

/// How long one order may take, from the account to the certificate.
const ORDER: Duration = Duration::from_mins(5);
/// How long between two looks whether the certificate is due.
const LOOK: Duration = Duration::from_hours(1);
/// How long before the first further try; each later one waits twice as long as the one before.
const REST: Duration = Duration::from_mins(1);
/// The longest wait before a further try.
const REST_LONGEST: Duration = Duration::from_hours(6);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The server, or the way to it.
    #[error("the ACME server")]
    Server(#[from] instant_acme::Error),
    /// The server did not look at the challenge that is known here.
    #[error("the ACME server offers no challenge tls-alpn-01 for {0}")]
    NoChallenge(String),
    /// The server did not find what it was to find.
    #[error(
        "the ACME server refused to believe that this hub is {name}: {why}. It connects to port 443 of that name, which \
         must lead to people_listen"
    )]
    NotProved {
        /// The name.
        name: String,
        /// What the server says.
        why: String,
    },
    /// The order came to nothing for another reason.
    #[error("the ACME server did not fulfil the order: {0}")]
    Order(String),
    /// It took longer than it may.
    #[error("the ACME server took longer than {} s", ORDER.as_secs())]
    Time,
    /// A key or certificate could not be made.
    #[error("a key or certificate could not be made")]
    Made(#[from] rcgen::Error),
    /// The same of a certificate that is to be shown.
    #[error("a certificate could not be made ready")]
    Shown(#[from] rustls::Error),
    /// A file of the hub's folder.
    #[error("{0} cannot be read or written")]
    File(PathBuf, #[source] std::io::Error),
}

/// The account as it is kept, with the server that it is of.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    credentials: AccountCredentials,
}

/// Where certificate and key are: one file, so that the two are always a pair.
pub fn files(data: &Path) -> Files {
    let file = folder(data).join("people.pem");
    Files { certificate: file.clone(), key: file }
}

/// Beside the keys, not among them: a backup needs none of it.
fn folder(data: &Path) -> PathBuf {
    data.join("acme")
}

/// Keeps the certificate fresh, as long as the hub runs.
pub async fn keep(settings: Settings, data: PathBuf, served: Arc<Served>) {
    let mut failed: u32 = 0;
    loop {
        if is_fresh(&files(&data), &settings.names, clock::now()) {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        let names = settings.names.join(", ");
        let obtained =
            timeout(ORDER, obtain(&settings, &data, &served)).await.unwrap_or(Err(AcmeError::Time));
        served.prove_nothing();
        let reloaded =
            obtained.and_then(|()| served.reload().map_err(|error| AcmeError::Order(error.to_string())));
        match reloaded {
            Ok(_) => {
                failed = 0;
                tracing::info!(names, "the people listener has a new certificate of the ACME server's");
            }
            Err(error) => {
                let rest = REST.saturating_mul(1 << failed.min(16)).min(REST_LONGEST);
                failed += 1;
                {
                    let (error, seconds) = (&error as &dyn std::error::Error, rest.as_secs());
                    tracing::error!(error, names, seconds, "no certificate by ACME; tried again");
                }
                tokio::time::sleep(rest).await;
            }
        }
    }
}

/// True where the certificate is of just these names, and more than a third of its life is left.
pub fn is_fresh(files: &Files, names: &[String], now: UnixMillis) -> bool {
    let Ok(loaded) = files.load() else { return false };
    let Some(Ok((_, certificate))) = loaded.cert.first().map(|der| X509Certificate::from_der(der)) else {
        return false;
    };
    let named = certificate.subject_alternative_name().ok().flatten();
    let general = named.into_iter().flat_map(|names| names.value.general_names.iter());
    let mut held: Vec<&str> = general
        .filter_map(|name| if let GeneralName::DNSName(name) = name { Some(*name) } else { None })
        .collect();
    held.sort_unstable();
    let (from, to) =
        (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    let now = i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX);
    held == names && to - now > (to - from) / 3
}

async fn obtain(settings: &Settings, data: &Path, served: &Served) -> Result<(), AcmeError> {
    let account = account(settings, data).await?;
    let identifiers: Vec<Identifier> = settings.names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    prove(&mut order, served).await?;
    let patience = RetryPolicy::new().timeout(ORDER);
    match order.poll_ready(&patience).await {
        Ok(OrderStatus::Ready) => {}
        Ok(_) | Err(instant_acme::Error::Api(_)) => return Err(why_not(&mut order).await),
        Err(error) => return Err(error.into()),
    }
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(settings.names.clone())?;
    order.finalize_csr(params.serialize_request(&key)?.der()).await?;
    let chain = order.poll_certificate(&patience).await?;
    write(&files(data).certificate, format!("{}{chain}", key.serialize_pem()).as_bytes())
}

/// The account at the server, made where there is none.
async fn account(settings: &Settings, data: &Path) -> Result<Account, AcmeError> {
    let builder = || match &settings.ca_file {
        Some(file) => Account::builder_with_root(file),
        None => Account::builder(),
    };
    let path = folder(data).join("account.key");
    let kept = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice::<Kept>(&bytes)
            .inspect_err(|error| tracing::warn!(%error, "the ACME account cannot be read; another is made"))
            .ok(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(AcmeError::File(path, error)),
    };
    if let Some(kept) = kept.filter(|kept| kept.directory == settings.directory) {
        return Ok(builder()?.from_credentials(kept.credentials).await?);
    }
    let contact: Vec<&str> = settings.contact.as_deref().into_iter().collect();
    let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let directory = settings.directory.clone();
    let (account, credentials) = builder()?.create(&wanted, directory.clone(), None).await?;
    let kept = serde_json::to_vec(&Kept { directory, credentials }).expect("texts become JSON");
    write(&path, &kept)?;
    Ok(account)
}

/// Shows the server what it wants to see of each name, and tells it to look.
async fn prove(order: &mut Order, served: &Served) -> Result<(), AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let name = authorization.identifier().to_string();
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization
            .challenge(ChallengeType::TlsAlpn01)
            .ok_or_else(|| AcmeError::NoChallenge(name.clone()))?;
        served.prove(&name, shown(&name, challenge.key_authorization().digest().as_ref())?);
        challenge.set_ready().await?;
    }
    Ok(())
}

/// The certificate that proves a name (RFC 8737, section 3).
fn shown(name: &str, digest: &[u8]) -> Result<CertifiedKey, AcmeError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Not by `from_der`, which looks at the certificate: the extension is critical, and known to ACME servers alone.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], ring::sign::any_supported_type(&der)?))
}

/// What the server says of an order that came to nothing.
async fn why_not(order: &mut Order) -> AcmeError {
    let of_order = order.state().error.as_ref().map(ToString::to_string);
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        if let Some(error) = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            let name = authorization.identifier().to_string();
            return AcmeError::NotProved { name, why: error.to_string() };
        }
    }
    AcmeError::Order(of_order.unwrap_or_else(|| "it gives no reason".to_owned()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), AcmeError> {
    let failed = |error| AcmeError::File(path.to_owned(), error);
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    file::write(path, bytes, Access::Owner).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(folder: &Path, names: &[&str], days: (i64, i64)) -> Files {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        let day = |day: i64| time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(day);
        (params.not_before, params.not_after) = (day(days.0), day(days.1));
        let certificate = params.self_signed(&key).unwrap();
        let files = files(folder);
        write(&files.certificate, format!("{}{}", key.serialize_pem(), certificate.pem()).as_bytes())
            .unwrap();
        files
    }

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left_or_names_are_others() {
        let folder = tempfile::tempdir().unwrap();
        let fresh = |names: &[&str], day: u64| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            is_fresh(&files(folder.path()), &names, UnixMillis(day * 24 * 3_600_000))
        };
        assert!(!fresh(&["a.example"], 100), "there is none");
        held(folder.path(), &["b.example", "a.example"], (100, 190));
        assert!(fresh(&["a.example", "b.example"], 159));
        assert!(!fresh(&["a.example", "b.example"], 160));
        assert!(!fresh(&["a.example", "b.example"], 191));
        assert!(!fresh(&["a.example"], 101) && !fresh(&["a.example", "b.example", "c.example"], 101));
        fs::write(files(folder.path()).certificate, "nonsense").unwrap();
        assert!(!fresh(&["a.example", "b.example"], 101));
    }
}
