//! `hub.toml`: as written (every line optional), then merged with defaults and checked.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::audit::head;

/// What may stand in `hub.toml`. Unknown lines are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    people_listen: Option<String>,
    sites_listen: Option<String>,
    sites_address: Option<String>,
    names: Option<Vec<String>>,
    audit_head: Option<PathBuf>,
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
}
