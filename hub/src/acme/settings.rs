//! `[acme]` of `hub.toml`: as written, then checked with every problem named.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use instant_acme::LetsEncrypt;
use serde::Deserialize;

use crate::authority::certificate_of_pem;

/// The most names of one certificate, as public CAs have it.
const NAMES: usize = 100;

/// What may stand in `[acme]`. Unknown lines are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    directory: Option<String>,
    names: Option<Vec<String>>,
    contact: Option<String>,
    terms_agreed: Option<bool>,
    ca_file: Option<PathBuf>,
}

/// Where certificates are had from, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The server's directory, a URL.
    pub directory: String,
    /// The names of the certificate, sorted.
    pub names: Vec<String>,
    /// `mailto:` and an address, for the server's own notices.
    pub contact: Option<String>,
    /// The CA that the server's own certificate hangs from, in PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
}

impl Settings {
    /// Checks what was written; `host` is that of the console's address. Every problem, where there is one.
    pub fn check(data: &Path, written: Written, host: Option<&str>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let directory = written.directory.unwrap_or_else(|| LetsEncrypt::Production.url().to_owned());
        if !directory.starts_with("https://") {
            problems.push(format!(
                "directory = {directory:?}: expected the https:// address of an ACME directory"
            ));
        }
        let mut names = written.names.unwrap_or_else(|| host.map(str::to_owned).into_iter().collect());
        names.sort();
        names.dedup();
        if names.is_empty() {
            problems.push(
                "names is missing: expected the names that people reach the console by, such as [\"flip.example.org\"], \
                 or a console_address"
                    .to_owned(),
            );
        }
        if names.len() > NAMES {
            problems.push(format!("names: at most {NAMES}, not {}", names.len()));
        }
        for name in names.iter().filter(|name| !is_name(name)) {
            problems.push(format!(
                "names: {name:?}: expected a name in lower case without a wildcard, such as flip.example.org"
            ));
        }
        let contact = written.contact.map(|contact| {
            if !contact.contains('@') || contact.contains(char::is_whitespace) {
                problems.push(format!("contact = {contact:?}: expected a mail address"));
            }
            format!("mailto:{contact}")
        });
        if written.terms_agreed != Some(true) {
            problems.push(format!(
                "terms_agreed is missing: read the terms of the CA behind {directory}, then set terms_agreed = true"
            ));
        }
        let ca_file = written.ca_file.map(|file| data.join(file));
        if let Some(file) = &ca_file
            && std::fs::read_to_string(file).ok().and_then(|pem| certificate_of_pem(&pem)).is_none()
        {
            problems.push(format!(
                "ca_file = {:?}: it cannot be read, or holds no certificate in PEM",
                file.display()
            ));
        }
        if problems.is_empty() { Ok(Self { directory, names, contact, ca_file }) } else { Err(problems) }
    }
}

fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    name.len() <= 253 && name.split('.').all(label) && name.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, host: Option<&str>) -> Result<Settings, String> {
        Settings::check(Path::new("/hub"), toml::from_str(text).unwrap(), host).map_err(|all| all.join("\n"))
    }

    #[test]
    fn the_consoles_name_is_the_certificates_where_no_other_is_given() {
        let settings = check("terms_agreed = true", Some("flip.example.org")).unwrap();
        assert_eq!(settings.names, ["flip.example.org"]);
        assert!(settings.directory.starts_with("https://"));
        let settings = check(
            "terms_agreed = true\nnames = [\"b.org\", \"a.org\", \"b.org\"]\ncontact = \"it@b.org\"",
            None,
        );
        let settings = settings.unwrap();
        assert_eq!(settings.names, ["a.org", "b.org"]);
        assert_eq!(settings.contact.as_deref(), Some("mailto:it@b.org"));
    }

    #[test]
    fn every_problem_is_named() {
        let text = "directory = \"http://ca\"\nnames = [\"10.0.0.1\", \"*.a.org\", \"-a.org\"]\ncontact = \"it\"\n\
                    ca_file = \"none.pem\"";
        let said = check(text, None).unwrap_err();
        for word in
            ["directory = ", "10.0.0.1", "*.a.org", "-a.org", "contact = ", "terms_agreed", "ca_file = "]
        {
            assert!(said.contains(word), "{word} is not in {said}");
        }
        assert!(check("terms_agreed = true", None).unwrap_err().contains("names is missing"));
    }
}
