//! `[artefacts]` of `hub.toml`: as written, then checked with every problem named.
//!
//! What must stay true: without TLS a store is reached on this machine alone; its secret key is in a file of its owner's
//! alone, and shown nowhere.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flip_storage::artefacts::object_store::aws::AmazonS3Builder;
use flip_storage::artefacts::object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use flip_storage::artefacts::{ArtefactError, Artefacts};
use serde::Deserialize;

use crate::mail::settings::{said, secret};
use crate::uri;

/// What may stand in `[artefacts]`. Unknown lines are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    folder: Option<PathBuf>,
    s3: Option<WrittenS3>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenS3 {
    endpoint: Option<String>,
    bucket: Option<String>,
    region: Option<String>,
    prefix: Option<String>,
    access_key: Option<String>,
    secret_key_file: Option<PathBuf>,
}

/// Where files of models are brought to and kept, checked.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where they are brought to; also where they are kept, unless a store elsewhere is named.
    pub folder: PathBuf,
    /// The store elsewhere.
    pub s3: Option<S3>,
}

/// A store elsewhere that speaks S3.
#[derive(Clone)]
pub struct S3 {
    /// Where it is, as a URL.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    region: String,
    prefix: String,
    access_key: String,
    secret_key: String,
}

/// The secret key is not shown.
impl fmt::Debug for S3 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("S3")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// The folder where none is named.
const FOLDER: &str = "artefacts";
/// The longest wait before a store that is away is asked again, and how long it is asked before the hub gives up for now.
const STORE_WAIT: Duration = Duration::from_secs(2);
const STORE_PATIENCE: Duration = Duration::from_secs(10);

impl Settings {
    /// Checks what was written; paths are in the hub's folder or anywhere else. Every problem, where there is one.
    pub fn check(data: &Path, written: Written) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let folder = written.folder.unwrap_or_else(|| FOLDER.into());
        if folder.as_os_str().is_empty() {
            problems.push(said("folder", "", "expected a folder, such as /srv/flip/artefacts"));
        }
        let s3 = written.s3.and_then(|s3| checked(data, s3, &mut problems));
        if problems.is_empty() { Ok(Self { folder: data.join(folder), s3 }) } else { Err(problems) }
    }

    /// The artefacts that they describe.
    pub fn open(&self) -> Result<Artefacts, ArtefactError> {
        match &self.s3 {
            None => Artefacts::here(&self.folder),
            Some(s3) => Artefacts::elsewhere(&self.folder, s3.store()?, &s3.prefix),
        }
    }

    /// The folder that the text of a `hub.toml` names, whatever else is in it.
    pub fn folder_in(data: &Path, text: &str) -> PathBuf {
        let written = toml::from_str::<toml::Table>(text).ok();
        let named = written.as_ref().and_then(|lines| lines.get("artefacts")?.get("folder")?.as_str());
        data.join(named.unwrap_or(FOLDER))
    }
}

impl S3 {
    /// What stands before every key.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The store.
    pub fn store(&self) -> Result<Arc<dyn ObjectStore>, ArtefactError> {
        // One cryptographic library for all of the program's TLS; where it is installed already, it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: STORE_WAIT, ..BackoffConfig::default() },
            retry_timeout: STORE_PATIENCE,
            ..RetryConfig::default()
        };
        let store = AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_access_key_id(&self.access_key)
            .with_secret_access_key(&self.secret_key)
            .with_virtual_hosted_style_request(false)
            .with_client_options(ClientOptions::new().with_allow_http(self.endpoint.starts_with("http://")))
            .with_retry(retry)
            .build()?;
        Ok(Arc::new(store))
    }
}

fn checked(data: &Path, written: WrittenS3, problems: &mut Vec<String>) -> Option<S3> {
    let before = problems.len();
    let mut wrong =
        |key: &str, value: &str, why: &str| problems.push(format!("s3: {}", said(key, value, why)));
    let endpoint = written.endpoint.unwrap_or_default();
    if !is_endpoint(&endpoint) {
        let why = "expected where the store is, such as https://s3.example.org; without TLS on this machine alone, \
                   such as http://127.0.0.1:9000";
        wrong("endpoint", &endpoint, why);
    }
    let bucket = written.bucket.unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(plain) {
        wrong(
            "bucket",
            &bucket,
            "expected a bucket's name, of 3 to 63 lower-case letters, digits, hyphens, dots",
        );
    }
    let region = written.region.unwrap_or_else(|| "us-east-1".to_owned());
    if region.is_empty() || !region.chars().all(plain) {
        wrong("region", &region, "expected a region, such as eu-west-2");
    }
    let prefix = written.prefix.unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
    if !prefix.chars().all(fits) || prefix.contains("//") || prefix.len() > 200 {
        wrong("prefix", &prefix, "expected what stands before every key, such as flip/hub-1");
    }
    let access_key = written.access_key.unwrap_or_default();
    if access_key.is_empty() || !access_key.chars().all(|c| c.is_ascii_graphic()) {
        wrong("access_key", &access_key, "expected the id of a key of the store's");
    }
    let secret_key = match written.secret_key_file {
        None => {
            wrong("secret_key_file", "", "expected a file with the secret of that key in its first line");
            String::new()
        }
        Some(file) => secret("secret_key_file", &data.join(file)).unwrap_or_else(|why| {
            problems.push(format!("s3: {why}"));
            String::new()
        }),
    };
    (problems.len() == before).then_some(S3 { endpoint, bucket, region, prefix, access_key, secret_key })
}

fn is_endpoint(url: &str) -> bool {
    let here =
        |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.strip_prefix("https://") {
        Some(rest) => uri::authority(rest).is_some(),
        None => url.strip_prefix("http://").and_then(uri::authority).is_some_and(|(host, _)| here(host)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn check(data: &Path, text: &str) -> Result<Settings, String> {
        Settings::check(data, toml::from_str(text).unwrap()).map_err(|problems| problems.join("\n"))
    }

    #[test]
    fn files_are_kept_in_the_folder_that_is_named_unless_a_store_is() {
        let data = Path::new("/hub");
        assert_eq!(check(data, "").unwrap().folder, Path::new("/hub/artefacts"));
        assert_eq!(check(data, "folder = \"/srv/files\"").unwrap().folder, Path::new("/srv/files"));
        assert!(check(data, "folder = \"\"").unwrap_err().contains("folder"));
    }

    #[test]
    fn a_store_is_checked_line_by_line_and_its_secret_is_shown_nowhere() {
        let data = tempfile::tempdir().unwrap();
        let secret = data.path().join("secret.key");
        fs::write(&secret, "hush\n").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let with = |endpoint: &str| {
            format!(
                "[s3]\nendpoint = \"{endpoint}\"\nbucket = \"flip\"\naccess_key = \"AK\"\n\
                 secret_key_file = \"secret.key\"\nprefix = \"hub-1\""
            )
        };
        for fine in
            ["https://s3.example.org", "https://[::1]:9000", "http://127.0.0.1:9000", "http://localhost:1"]
        {
            let settings = check(data.path(), &with(fine)).unwrap();
            assert!(!format!("{settings:?}").contains("hush"), "{settings:?}");
            settings.open().unwrap();
        }
        for bad in [
            "http://s3.example.org",
            "http://127.0.0.1.example.org",
            "s3.example.org",
            "https://",
            "ftp://localhost",
        ] {
            assert!(check(data.path(), &with(bad)).unwrap_err().contains("endpoint"), "{bad}");
        }
        let error = check(
            data.path(),
            "[s3]\nbucket = \"B\"\nregion = \"\"\nprefix = \"../up\"\nsecret_key_file = \"nowhere\"",
        )
        .unwrap_err();
        for key in
            ["endpoint", "bucket = \"B\"", "region", "prefix = \"../up\"", "access_key", "secret_key_file"]
        {
            assert!(error.contains(key), "{key}: {error}");
        }
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(check(data.path(), &with("https://s3.example.org")).unwrap_err().contains("secret_key_file"));
    }
}
