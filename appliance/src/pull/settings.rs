//! The `[pull]` part of `appliance.toml`.
//!
//! What must stay true: a connection that could be overheard needs a line that says `danger`; the password is in no
//! configuration file, and what holds it is its owner's alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flip_storage::settings::Lines;

use super::error::PullError;

/// Where the password is looked for when no file is named.
pub const PASSWORD_VARIABLE: &str = "FLIP_PULL_PASSWORD";
/// How long PostgreSQL may take for one table, unless the configuration says otherwise.
const STATEMENT_TIMEOUT_S: u64 = 4 * 3_600;

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

impl Settings {
    /// The settings of the part `[pull]`, where it is there; what is wrong with them is noted in `lines`. Paths are
    /// relative to `folder`.
    pub fn of(lines: &mut Lines, folder: &Path) -> Option<Self> {
        let is_there = lines.has("pull");
        let host = name(lines, "pull.host", is_there);
        let port = lines.whole("pull.port", 5_432, 1..=65_535);
        let database = name(lines, "pull.database", is_there);
        let user = name(lines, "pull.user", is_there);
        let schema = lines.text("pull.schema").unwrap_or_else(|| "omop".to_owned());
        let tls = Tls::of(lines, folder, host.as_deref().unwrap_or_default(), is_there);
        let password_file = lines.text("pull.password_file").map(|file| folder.join(file));
        let seconds = lines.whole("pull.statement_timeout_s", STATEMENT_TIMEOUT_S, 1..=604_800);
        Some(Self {
            host: host?,
            port: u16::try_from(port).expect("at most 65,535"),
            database: database?,
            user: user?,
            schema,
            tls: tls?,
            password_file,
            statement_timeout: Duration::from_secs(seconds),
        })
    }

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

impl Tls {
    fn of(lines: &mut Lines, folder: &Path, host: &str, is_there: bool) -> Option<Self> {
        let is_written = lines.has("pull.ca_file");
        let (ca_file, plain) = (lines.text("pull.ca_file"), lines.yes("pull.danger_plain").unwrap_or(false));
        match ca_file {
            Some(_) if plain => {
                let why = "pull.ca_file and pull.danger_plain exclude each other: with danger_plain nothing is encrypted; \
                           write one of the two";
                lines.problem("pull.ca_file", why);
                None
            }
            Some(file) => Some(Self::Required { ca_file: folder.join(file) }),
            None if plain || host.starts_with('/') => Some(Self::Plain),
            None => {
                if is_there && !is_written {
                    let why = "pull.ca_file is missing: expected the PEM file of the authority that signed the server's \
                               certificate, such as /etc/ssl/certs/ca-certificates.crt for a public one; or danger_plain \
                               = true where nobody can listen in";
                    lines.problem("pull.ca_file", why);
                }
                None
            }
        }
    }
}

/// A name without which the database cannot be reached.
fn name(lines: &mut Lines, setting: &str, is_there: bool) -> Option<String> {
    let is_written = lines.has(setting);
    match lines.text(setting) {
        Some(name) if !name.trim().is_empty() => return Some(name),
        Some(name) => {
            let why = "expected a name; it is needed to reach the database";
            lines.wrong(setting, &format!("{name:?}"), why);
        }
        None if is_there && !is_written => {
            lines.problem(setting, format!("{setting} is missing; it is needed to reach the database"));
        }
        None => {}
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Settings, String> {
        let mut lines = Lines::of(Path::new("appliance.toml"), &format!("[pull]\n{text}"));
        let settings = Settings::of(&mut lines, Path::new("/data"));
        lines.end().map_err(|error| error.to_string())?;
        Ok(settings.expect("nothing is wrong"))
    }

    #[test]
    fn encryption_is_required_unless_danger_is_written() {
        let base = "host = 'db'\ndatabase = 'omop'\nuser = 'reader'\n";
        assert!(check(base).unwrap_err().contains("pull.ca_file is missing"));
        assert_eq!(check(&format!("{base}danger_plain = true")).unwrap().tls, Tls::Plain);
        let settings = check(&format!("{base}ca_file = 'ca.pem'")).unwrap();
        assert_eq!(settings.tls, Tls::Required { ca_file: "/data/ca.pem".into() });
        assert_eq!((settings.port, settings.schema.as_str()), (5_432, "omop"));
        assert!(check(&format!("{base}ca_file = 'ca.pem'\ndanger_plain = true")).is_err());
        assert_eq!(check("host = '/run/postgresql'\ndatabase = 'o'\nuser = 'r'").unwrap().tls, Tls::Plain);
        assert!(
            check("host = 'db'\nca_file = 'c'\nuser = 'r'").unwrap_err().contains("pull.database is missing")
        );
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
