//! `hub.toml`: as written (every line optional), then merged with defaults and checked.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::audit::head;
use crate::mail::settings::{self as mail, Settings};

/// What may stand in `hub.toml`. Unknown lines are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    people_listen: Option<String>,
    sites_listen: Option<String>,
    sites_address: Option<String>,
    names: Option<Vec<String>>,
    audit_head: Option<PathBuf>,
    console_address: Option<String>,
    mail: Option<mail::Written>,
}

/// The configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the hub keeps everything.
    pub data: PathBuf,
    /// Where people connect.
    pub people_listen: SocketAddr,
    /// Where appliances connect.
    pub sites_listen: SocketAddr,
    /// `host:port` of the sites listener as kits say it; `None`: the listener's own address.
    pub sites_address: Option<String>,
    /// The names and addresses in the hub's server certificates.
    pub names: Vec<String>,
    /// Where the audit's head is written aside.
    pub audit_head: PathBuf,
    /// Where people reach the console, as a URL without a path; `None`: the people listener's own address.
    pub console_address: Option<String>,
    /// How mail is sent; `None`: the hub sends none.
    pub mail: Option<Settings>,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The folder was not made by `init`.
    #[error("{0} holds no hub; make one with: flip-hub --data {0} init")]
    NoHub(PathBuf),
    /// The file cannot be read.
    #[error("{0} cannot be read")]
    File(PathBuf, #[source] std::io::Error),
    /// Not TOML, or an unknown line.
    #[error("{0} is not right: {1}")]
    Toml(PathBuf, String),
    /// One line's value.
    #[error("{file}: {key} = {value:?} is not right: {why}")]
    Value {
        /// The file.
        file: PathBuf,
        /// The line.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something in `[mail]`.
    #[error("{0}: [mail] is not right:\n  {lines}", lines = .1.join("\n  "))]
    Mail(PathBuf, Vec<String>),
}

/// A file's name in the hub's folder.
pub const FILE: &str = "hub.toml";

impl Config {
    /// Reads and checks the configuration in the hub's folder.
    pub fn load(data: &Path) -> Result<Self, ConfigError> {
        let file = data.join(FILE);
        if !file.exists() {
            return Err(ConfigError::NoHub(data.to_owned()));
        }
        let text = fs::read_to_string(&file).map_err(|error| ConfigError::File(file.clone(), error))?;
        Self::check(data, &text)
    }

    /// Checks the text of a configuration.
    pub fn check(data: &Path, text: &str) -> Result<Self, ConfigError> {
        let file = data.join(FILE);
        let written: Written =
            toml::from_str(text).map_err(|error| ConfigError::Toml(file.clone(), error.to_string()))?;
        let wrong = |key, value: &str, why: String| ConfigError::Value {
            file: file.clone(),
            key,
            value: value.to_owned(),
            why,
        };
        let listen = |key, value: Option<String>, default: &str| {
            let value = value.unwrap_or_else(|| default.to_owned());
            value.parse::<SocketAddr>().map_err(|_| {
                wrong(
                    key,
                    &value,
                    "expected an address and a port, such as 127.0.0.1:8443 or [::]:8444".to_owned(),
                )
            })
        };
        let people_listen = listen("people_listen", written.people_listen, "127.0.0.1:8443")?;
        let sites_listen = listen("sites_listen", written.sites_listen, "0.0.0.0:8444")?;
        if let Some(address) = &written.sites_address {
            let port = address.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then_some(port));
            if port.and_then(|port| port.parse::<u16>().ok()).is_none() {
                let why = "expected a host and a port, such as hub.example.org:8444".to_owned();
                return Err(wrong("sites_address", address, why));
            }
        }
        let console_host = match written.console_address.as_deref().map(host_of_url) {
            None => None,
            Some(Some(host)) => Some(host),
            Some(None) => {
                let why = "expected where people reach the console, without a path, such as https://flip.example.org";
                return Err(wrong(
                    "console_address",
                    &written.console_address.unwrap_or_default(),
                    why.to_owned(),
                ));
            }
        };
        let mail = written.mail.map(|written| Settings::check(data, written)).transpose();
        let mail = mail.map_err(|problems| ConfigError::Mail(file.clone(), problems))?;
        if mail.is_some() && written.console_address.is_none() && people_listen.ip().is_unspecified() {
            let why = "is missing: the links in mails lead there, and people_listen names no machine";
            return Err(ConfigError::Mail(file, vec![format!("console_address {why}")]));
        }
        let mut names = written.names.unwrap_or_default();
        for name in &names {
            let is_host = !name.is_empty()
                && name.len() <= 253
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
            if !is_host && name.parse::<IpAddr>().is_err() {
                return Err(wrong("names", name, "expected host names or IP addresses".to_owned()));
            }
        }
        names.extend(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()]);
        if let Some((host, _)) = written.sites_address.as_deref().and_then(|address| address.rsplit_once(':'))
        {
            names.push(host.trim_matches(['[', ']']).to_owned());
        }
        names.extend(console_host);
        names.extend(
            [people_listen, sites_listen]
                .iter()
                .filter(|a| !a.ip().is_unspecified())
                .map(|a| a.ip().to_string()),
        );
        names.sort();
        names.dedup();
        Ok(Self {
            data: data.to_owned(),
            people_listen,
            sites_listen,
            sites_address: written.sites_address,
            names,
            audit_head: data.join(written.audit_head.unwrap_or_else(|| head::FILE.into())),
            console_address: written.console_address,
            mail,
        })
    }

    /// The folder of the hub's keys.
    pub fn keys(data: &Path) -> PathBuf {
        data.join("keys")
    }

    /// The ledger's file.
    pub fn ledger(data: &Path) -> PathBuf {
        data.join("hub.sqlite")
    }
}

/// The host of an `https://host` or `https://host:port`.
fn host_of_url(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let bare = host.trim_matches(['[', ']']);
    let known = !host.is_empty() && host.chars().all(plain) || bare.parse::<IpAddr>().is_ok();
    (known && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0)))
        .then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, String> {
        Config::check(Path::new("/hub"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        let config = check("").unwrap();
        assert_eq!(config.people_listen.port(), 8443);
        assert_eq!(config.names, ["127.0.0.1", "::1", "localhost"]);
    }

    #[test]
    fn an_unknown_line_is_refused_by_name() {
        let error = check("people_listten = \"127.0.0.1:1\"").unwrap_err();
        assert!(error.contains("people_listten") && error.contains("people_listen"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line_and_what_is_expected() {
        let error = check("sites_listen = \"8444\"").unwrap_err();
        assert!(error.contains("sites_listen = \"8444\"") && error.contains("[::]:8444"), "{error}");
        assert!(check("sites_address = \"hub.example.org\"").unwrap_err().contains("a port"));
        assert!(check("names = [\"not a name\"]").unwrap_err().contains("not a name"));
    }

    #[test]
    fn the_public_address_is_in_the_certificate() {
        let config = check("sites_address = \"hub.example.org:443\"").unwrap();
        assert!(config.names.contains(&"hub.example.org".to_owned()));
    }

    #[test]
    fn the_consoles_address_is_a_url_without_a_path() {
        for fine in ["https://flip.example.org", "https://flip.example.org:8443", "https://[::1]:8443"] {
            assert_eq!(
                check(&format!("console_address = {fine:?}")).unwrap().console_address.as_deref(),
                Some(fine)
            );
        }
        assert!(
            check("console_address = \"https://flip.example.org\"")
                .unwrap()
                .names
                .contains(&"flip.example.org".to_owned())
        );
        for bad in [
            "http://a.org",
            "https://a.org/",
            "https://",
            "https://a.org:0",
            "https://a b",
            "flip.example.org",
        ] {
            assert!(
                check(&format!("console_address = {bad:?}")).unwrap_err().contains("without a path"),
                "{bad}"
            );
        }
    }

    #[test]
    fn mail_needs_an_address_for_its_links_and_every_problem_is_named() {
        let mail = "[mail]\nserver = \"localhost\"\nfrom = \"flip@example.org\"";
        assert!(check(mail).unwrap().mail.is_some());
        let anywhere = format!("people_listen = \"0.0.0.0:8443\"\n{mail}");
        assert!(check(&anywhere).unwrap_err().contains("console_address is missing"));
        let error = check("[mail]\nport = 0\nfrom = \"flip\"").unwrap_err();
        for word in ["hub.toml: [mail]", "server is missing", "port = \"0\"", "from = \"flip\""] {
            assert!(error.contains(word), "{word}: {error}");
        }
        assert!(check("[mail]\nsmtp = 1").unwrap_err().contains("smtp"));
    }
}
