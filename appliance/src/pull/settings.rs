//! The `[pull]` part of `appliance.toml`.
//!
//! What must stay true: a connection that could be overheard needs a line that says `danger`; the password is in no
//! configuration file, and what holds it is its owner's alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::error::PullError;

/// Where the password is looked for when no file is named.
pub const PASSWORD_VARIABLE: &str = "FLIP_PULL_PASSWORD";
/// How long PostgreSQL may take for one table, unless the configuration says otherwise.
const STATEMENT_TIMEOUT_S: u64 = 4 * 3_600;

/// As written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenPull {
    host: Option<String>,
    port: Option<u16>,
    database: Option<String>,
    user: Option<String>,
    schema: Option<String>,
    ca_file: Option<PathBuf>,
    danger_plain: Option<bool>,
    password_file: Option<PathBuf>,
    statement_timeout_s: Option<u64>,
}

/// A database to read, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A name, an address, or the folder of a socket.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role, which should be able to read alone.
    pub user: String,
    /// The schema that holds the CDM.
    pub schema: String,
    /// How the connection is protected.
    pub tls: Tls,
    /// A file with the password.
    pub password_file: Option<PathBuf>,
    /// How long PostgreSQL may take for one table.
    pub statement_timeout: Duration,
}

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Encrypted, to a server whose certificate is of an authority in this file.
    Required {
        /// PEM.
        ca_file: PathBuf,
    },
    /// In the clear. A socket of this machine needs no more.
    Plain,
}

impl WrittenPull {
    /// Checks what is written; the error is the line, its value and what is wrong. Paths are relative to `folder`.
    pub fn check(self, folder: &Path) -> Result<Settings, (&'static str, String, String)> {
        let wanted = |key, value: Option<String>| match value {
            Some(value) if !value.trim().is_empty() => Ok(value),
            other => Err((
                key,
                format!("{other:?}"),
                "expected a name; it is needed to reach the database".to_owned(),
            )),
        };
        let host = wanted("pull.host", self.host)?;
        let is_socket = host.starts_with('/');
        let tls = match (self.ca_file, self.danger_plain.unwrap_or(false)) {
            (Some(_), true) => {
                let why = "with danger_plain nothing is encrypted; write one of the two".to_owned();
                return Err(("pull.ca_file", "given".to_owned(), why));
            }
            (Some(ca_file), false) => Tls::Required { ca_file: folder.join(ca_file) },
            (None, plain) if plain || is_socket => Tls::Plain,
            (None, _) => {
                let why = "expected the PEM file of the authority that signed the server's certificate, such as \
                           /etc/ssl/certs/ca-certificates.crt for a public one; or danger_plain = true where nobody \
                           can listen in"
                    .to_owned();
                return Err(("pull.ca_file", "nothing".to_owned(), why));
            }
        };
        let seconds = self.statement_timeout_s.unwrap_or(STATEMENT_TIMEOUT_S);
        if !(1..=604_800).contains(&seconds) {
            return Err(("pull.statement_timeout_s", seconds.to_string(), "expected 1 to 604800".to_owned()));
        }
        Ok(Settings {
            host,
            port: self.port.unwrap_or(5_432),
            database: wanted("pull.database", self.database)?,
            user: wanted("pull.user", self.user)?,
            schema: self.schema.unwrap_or_else(|| "omop".to_owned()),
            tls,
            password_file: self.password_file.map(|file| folder.join(file)),
            statement_timeout: Duration::from_secs(seconds),
        })
    }
}

impl Settings {
    /// The password, from its file or the environment. None where there is neither: some servers ask for none.
    pub(super) fn password(&self) -> Result<Option<String>, PullError> {
        let Some(file) = &self.password_file else { return Ok(std::env::var(PASSWORD_VARIABLE).ok()) };
        let failed = |source| PullError::PasswordFile { path: file.clone(), source };
        let mode = fs::metadata(file).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(PullError::OpenPasswordFile { path: file.clone() });
        }
        let text = fs::read_to_string(file).map_err(failed)?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// For messages: `omop on db.example.org:5432`.
    pub fn place(&self) -> String {
        format!("{} on {}:{}", self.database, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Settings, (&'static str, String, String)> {
        toml::from_str::<WrittenPull>(text).unwrap().check(Path::new("/data"))
    }

    #[test]
    fn encryption_is_required_unless_danger_is_written() {
        let base = "host = 'db'\ndatabase = 'omop'\nuser = 'reader'\n";
        assert_eq!(check(base).unwrap_err().0, "pull.ca_file");
        assert_eq!(check(&format!("{base}danger_plain = true")).unwrap().tls, Tls::Plain);
        let settings = check(&format!("{base}ca_file = 'ca.pem'")).unwrap();
        assert_eq!(settings.tls, Tls::Required { ca_file: "/data/ca.pem".into() });
        assert_eq!((settings.port, settings.schema.as_str()), (5_432, "omop"));
        assert!(check(&format!("{base}ca_file = 'ca.pem'\ndanger_plain = true")).is_err());
        assert_eq!(check("host = '/run/postgresql'\ndatabase = 'o'\nuser = 'r'").unwrap().tls, Tls::Plain);
        assert_eq!(check("host = 'db'\nca_file = 'c'\nuser = 'r'").unwrap_err().0, "pull.database");
    }

    #[test]
    fn a_password_that_others_may_read_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "secret\n").unwrap();
        let settings = Settings {
            password_file: Some(path.clone()),
            ..check("host = '/run'\ndatabase = 'o'\nuser = 'r'").unwrap()
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(settings.password(), Err(PullError::OpenPasswordFile { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(settings.password().unwrap().unwrap(), "secret");
    }
}
