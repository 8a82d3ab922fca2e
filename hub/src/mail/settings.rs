//! `[mail]` of `hub.toml`: as written, then checked with every problem named.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;
use serde::Deserialize;

/// What may stand in `[mail]`. Unknown lines are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    server: Option<String>,
    port: Option<i64>,
    security: Option<String>,
    from: Option<String>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
}

/// How mail is sent, checked.
#[derive(Clone)]
pub struct Settings {
    /// The server's name or address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// Who the mails are from.
    pub from: Mailbox,
    /// User and password.
    pub login: Option<(String, String)>,
    /// A CA that the server's certificate may hang from, beside the system's.
    pub ca: Option<Certificate>,
}

/// How a connection to the mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS once the server has been greeted (RFC 3207), or no mail.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None: on loopback alone.
    Plain,
}

impl Security {
    const ALL: [Self; 3] = [Self::StartTls, Self::Tls, Self::Plain];

    /// Its name in `hub.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::Plain => "plain",
        }
    }

    fn usual_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::Plain => 25,
        }
    }
}

/// The password is not shown.
impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("server", &self.server)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Checks what was written; files are looked for in the hub's folder. Every problem, where there is one.
    pub fn check(data: &Path, written: Written) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let server = written.server.as_deref().map(str::trim).unwrap_or_default().to_owned();
        let known = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
        if server.is_empty() || server.len() > 253 || !server.chars().all(known) {
            problems.push(said(
                "server",
                &server,
                "expected the mail server's name or address, such as smtp.example.org",
            ));
        }
        let named = written.security.as_deref().unwrap_or(Security::StartTls.name());
        let security = Security::ALL.into_iter().find(|one| one.name() == named);
        if security.is_none() {
            problems.push(said("security", named, "expected starttls, tls or plain"));
        }
        let loopback =
            server == "localhost" || server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if security == Some(Security::Plain) && !loopback {
            problems.push(said(
                "security",
                named,
                "without TLS mail goes to this machine alone: server = \"localhost\"; anywhere else take starttls or tls",
            ));
        }
        let port = match written.port {
            None => security.map(Security::usual_port),
            Some(port) => {
                let fits = u16::try_from(port).ok().filter(|port| *port != 0);
                if fits.is_none() {
                    problems.push(said(
                        "port",
                        &port.to_string(),
                        "expected a port from 1 to 65535, such as 587",
                    ));
                }
                fits
            }
        };
        let from = written.from.as_deref().unwrap_or_default();
        let mailbox = from.parse::<Mailbox>().ok().filter(|_| from.is_ascii());
        if mailbox.is_none() {
            problems.push(said(
                "from",
                from,
                "expected who the mails are from, such as flip@example.org or FLIP Edge <flip@example.org>",
            ));
        }
        let login = match (written.user, written.password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => match secret("password_file", &data.join(file)) {
                Ok(password) => Some((user, password)),
                Err(problem) => {
                    problems.push(problem);
                    None
                }
            },
            (Some(user), None) => {
                problems.push(said("user", &user, "there is no password_file beside it"));
                None
            }
            (None, Some(file)) => {
                problems.push(said(
                    "password_file",
                    &file.display().to_string(),
                    "there is no user beside it",
                ));
                None
            }
        };
        let ca = written.ca_file.and_then(|file| match certificate(&data.join(file)) {
            Ok(certificate) => Some(certificate),
            Err(problem) => {
                problems.push(problem);
                None
            }
        });
        match (problems.is_empty(), port, security, mailbox) {
            (true, Some(port), Some(security), Some(from)) => {
                Ok(Self { server, port, security, from, login, ca })
            }
            _ => Err(problems),
        }
    }
}

/// What is wrong with a line.
pub fn said(key: &str, value: &str, why: &str) -> String {
    if value.is_empty() { format!("{key} is missing: {why}") } else { format!("{key} = {value:?}: {why}") }
}

/// What the first line of a file holds that nobody but its owner may read.
pub fn secret(key: &str, file: &Path) -> Result<String, String> {
    let of = |why: &str| said(key, &file.display().to_string(), why);
    let text = fs::read_to_string(file).map_err(|error| of(&format!("it cannot be read ({error})")))?;
    let mode =
        fs::metadata(file).map_err(|error| of(&format!("it cannot be read ({error})")))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(of(&format!("others may read it; run: chmod 600 {}", file.display())));
    }
    match text.lines().next().map(str::trim) {
        Some(password) if !password.is_empty() => Ok(password.to_owned()),
        _ => Err(of("its first line holds nothing")),
    }
}

fn certificate(file: &Path) -> Result<Certificate, String> {
    let of = |why: &str| said("ca_file", &file.display().to_string(), why);
    let pem = fs::read(file).map_err(|error| of(&format!("it cannot be read ({error})")))?;
    if crate::authority::certificate_of_pem(&String::from_utf8_lossy(&pem)).is_none() {
        return Err(of("it holds no certificate in PEM"));
    }
    Certificate::from_pem(&pem).map_err(|_| of("it holds no certificate in PEM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &Path, text: &str) -> Result<Settings, Vec<String>> {
        Settings::check(data, toml::from_str(text).unwrap())
    }

    #[test]
    fn the_usual_port_goes_with_the_security() {
        let folder = tempfile::tempdir().unwrap();
        let of = |more: &str| {
            let text = format!("server = \"localhost\"\nfrom = \"flip@example.org\"\n{more}");
            check(folder.path(), &text).unwrap().port
        };
        assert_eq!(
            [of(""), of("security = \"tls\""), of("security = \"plain\""), of("port = 2525")],
            [587, 465, 25, 2525]
        );
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let problems = check(
            folder.path(),
            "server = \"smtp.example.org\"\nsecurity = \"plain\"\nport = 0\nuser = \"flip\"\nca_file = \"none.pem\"",
        )
        .unwrap_err();
        let expected = ["plain", "port = \"0\"", "from is missing", "no password_file", "none.pem"];
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for word in expected {
            assert!(problems.iter().any(|problem| problem.contains(word)), "{word}: {problems:?}");
        }
        assert!(
            check(folder.path(), "").unwrap_err().iter().any(|problem| problem.contains("server is missing"))
        );
    }

    #[test]
    fn a_password_that_others_may_read_is_not_used_and_none_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("smtp.password");
        fs::write(&file, "s3cret of mail\n").unwrap();
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let text = "server = \"smtp.example.org\"\nfrom = \"FLIP <f@example.org>\"\nuser = \"f\"\npassword_file = \"smtp.password\"";
        mode(0o644);
        assert!(check(folder.path(), text).unwrap_err()[0].contains("chmod 600"));
        mode(0o600);
        let settings = check(folder.path(), text).unwrap();
        assert_eq!(settings.login.as_ref().unwrap().1, "s3cret of mail");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
