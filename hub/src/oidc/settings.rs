//! `[oidc]` of `hub.toml`: as written, then checked with every problem named.
//!
//! What must stay true: the provider is spoken to over TLS alone; the client's secret is in a file of its owner's alone,
//! and shown nowhere.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use openidconnect::url::Url;
use reqwest::Certificate;
use serde::Deserialize;

use crate::authority::certificate_of_pem;
use crate::mail::settings::{said, secret};

/// Characters of a button's label: one line on a telephone.
const LABEL_CHARACTERS: usize = 40;

/// What may stand in `[oidc]`. Unknown lines are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    issuer: Option<String>,
    client_id: Option<String>,
    client_secret_file: Option<PathBuf>,
    label: Option<String>,
    scopes: Option<Vec<String>>,
    ca_file: Option<PathBuf>,
    second_factor_amr: Option<Vec<String>>,
    second_factor_acr: Option<Vec<String>>,
}

/// The provider that vouches for people, checked.
#[derive(Clone)]
pub struct Settings {
    /// Its issuer identifier, letter for letter as it says it itself.
    pub issuer: String,
    /// What the hub is called there.
    pub client_id: String,
    /// The hub's secret there; `None`: a public client, which PKCE alone protects.
    pub client_secret: Option<String>,
    /// What people call it.
    pub label: String,
    /// What is asked for of a person.
    pub scopes: Vec<String>,
    /// The CA that the provider's certificate hangs from, instead of the system's.
    pub ca: Option<Certificate>,
    /// Methods and classes by which the provider says that it asked for a second factor; where there are none, its word
    /// is not asked for.
    pub second_factor: SecondFactor,
}

/// By what a provider's second factor is taken for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecondFactor {
    /// Values of `amr` (RFC 8176).
    pub methods: Vec<String>,
    /// Values of `acr`.
    pub classes: Vec<String>,
}

impl SecondFactor {
    /// Whether what a token says is one.
    pub fn is_in(&self, methods: &[String], class: Option<&str>) -> bool {
        methods.iter().any(|method| self.methods.contains(method))
            || class.is_some_and(|class| self.classes.iter().any(|known| known == class))
    }
}

/// The secret is not shown.
impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .field("second_factor", &self.second_factor)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Checks what was written; files are looked for in the hub's folder. Every problem, where there is one.
    pub fn check(data: &Path, written: Written) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let issuer = written.issuer.unwrap_or_default();
        if !is_issuer(&issuer) {
            let why = "expected the provider's issuer as it says it itself, an https:// address without ? and #, such as \
                       https://login.example.org";
            problems.push(said("issuer", &issuer, why));
        }
        let client_id = written.client_id.unwrap_or_default();
        if client_id.trim().is_empty() || client_id.chars().any(char::is_control) {
            problems.push(said(
                "client_id",
                client_id.trim(),
                "expected what the hub is called at the provider",
            ));
        }
        let mut from_file = |file: PathBuf| match secret("client_secret_file", &data.join(file)) {
            Ok(secret) => Some(secret),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let client_secret = written.client_secret_file.and_then(&mut from_file);
        let label = written.label.unwrap_or_else(|| "your institution".to_owned());
        let shows = !label.trim().is_empty() && !label.chars().any(char::is_control);
        if !shows || label.chars().count() > LABEL_CHARACTERS {
            let why =
                "expected what people call the provider, at most 40 characters, such as \"Example Health\"";
            problems.push(said("label", label.trim(), why));
        }
        let scopes = words("scopes", written.scopes.unwrap_or_else(usual_scopes), &mut problems);
        for needed in usual_scopes().iter().filter(|needed| !scopes.contains(needed)) {
            problems.push(format!("scopes: {needed:?} is missing: the hub cannot do without it"));
        }
        let ca = written.ca_file.and_then(|file| match certificate(&data.join(file)) {
            Ok(certificate) => Some(certificate),
            Err(problem) => {
                problems.push(problem);
                None
            }
        });
        let mut taken =
            |key, values: Option<Vec<String>>| words(key, values.unwrap_or_default(), &mut problems);
        let methods = taken("second_factor_amr", written.second_factor_amr);
        let classes = taken("second_factor_acr", written.second_factor_acr);
        if !problems.is_empty() {
            return Err(problems);
        }
        let second_factor = SecondFactor { methods, classes };
        Ok(Self { issuer, client_id, client_secret, label, scopes, ca, second_factor })
    }
}

fn usual_scopes() -> Vec<String> {
    ["openid", "email"].map(str::to_owned).to_vec()
}

fn is_issuer(text: &str) -> bool {
    let plain = text.starts_with("https://") && !text.contains(['?', '#', '@']);
    plain && Url::parse(text).is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty()))
}

/// Words as a request to a provider lists them, with blanks between.
fn words(key: &str, values: Vec<String>, problems: &mut Vec<String>) -> Vec<String> {
    let plain =
        |value: &str| !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic() && !"\"\\".contains(c));
    for value in values.iter().filter(|value| !plain(value)) {
        problems.push(format!("{key}: {value:?}: expected words without blanks"));
    }
    values
}

fn certificate(file: &Path) -> Result<Certificate, String> {
    let of = |why: &str| said("ca_file", &file.display().to_string(), why);
    let pem = fs::read_to_string(file).map_err(|error| of(&format!("it cannot be read ({error})")))?;
    let found = certificate_of_pem(&pem).and_then(|_| Certificate::from_pem(pem.as_bytes()).ok());
    found.ok_or_else(|| of("it holds no certificate in PEM"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn check(data: &Path, text: &str) -> Result<Settings, String> {
        Settings::check(data, toml::from_str(text).unwrap()).map_err(|all| all.join("\n"))
    }

    #[test]
    fn two_lines_are_enough_for_a_public_client() {
        let settings =
            check(Path::new("/hub"), "issuer = \"https://login.example.org/a\"\nclient_id = \"flip\"");
        let settings = settings.unwrap();
        assert_eq!(settings.scopes, ["openid", "email"]);
        assert!(settings.client_secret.is_none() && settings.ca.is_none());
        assert_eq!(settings.second_factor, SecondFactor::default());
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let text = "issuer = \"http://login.example.org\"\nclient_secret_file = \"none\"\nlabel = \"\"\n\
                    scopes = [\"openid\", \"a b\"]\nca_file = \"none.pem\"\nsecond_factor_amr = [\"\"]";
        let said = check(folder.path(), text).unwrap_err();
        for word in [
            "issuer = ",
            "client_id is missing",
            "client_secret_file = ",
            "label is missing",
            "\"a b\"",
            "\"email\" is missing",
            "ca_file = ",
            "second_factor_amr",
        ] {
            assert!(said.contains(word), "{word} is not in {said}");
        }
        for issuer in
            ["https://", "https://a.org?x=1", "https://a.org#x", "https://me@a.org", "login.example.org"]
        {
            let said =
                check(folder.path(), &format!("issuer = {issuer:?}\nclient_id = \"flip\"")).unwrap_err();
            assert!(said.contains("issuer = "), "{issuer}: {said}");
        }
    }

    #[test]
    fn a_secret_that_others_may_read_is_not_used_and_none_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("oidc.secret");
        fs::write(&file, "s3cret of the client\n").unwrap();
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let text = "issuer = \"https://a.org\"\nclient_id = \"flip\"\nclient_secret_file = \"oidc.secret\"";
        mode(0o640);
        assert!(check(folder.path(), text).unwrap_err().contains("chmod 600"));
        mode(0o600);
        let settings = check(folder.path(), text).unwrap();
        assert_eq!(settings.client_secret.as_deref(), Some("s3cret of the client"));
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn a_providers_second_factor_counts_where_it_is_named_alone() {
        let list = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let none = SecondFactor::default();
        assert!(!none.is_in(&list(&["mfa", "otp"]), Some("high")));
        let named = SecondFactor { methods: list(&["mfa"]), classes: list(&["high"]) };
        assert!(named.is_in(&list(&["pwd", "mfa"]), None) && named.is_in(&[], Some("high")));
        assert!(!named.is_in(&list(&["pwd"]), Some("low")) && !named.is_in(&[], None));
    }
}
