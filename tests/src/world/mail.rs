//! A real mail server: aiosmtpd, with TLS and passwords.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Program, free_port, until};
use crate::postgres::tls;

/// How connections to it are secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secured {
    /// TLS after the greeting, with user and password.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// Not at all.
    Plain,
}

impl Secured {
    fn name(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::Plain => "plain",
        }
    }
}

const USER: &str = "flip";
const PASSWORD: &str = "tern ovation lilac 9";

/// A mail server on loopback that may be away.
pub struct MailServer {
    folder: PathBuf,
    port: u16,
    secured: Secured,
    program: Option<Program>,
}

impl MailServer {
    /// One that keeps its files in `folder`, not yet started.
    pub fn new(folder: &Path, secured: Secured) -> Result<Self> {
        fs::create_dir_all(folder)?;
        tls::write_certificates(folder)?;
        let password = folder.join("password");
        fs::write(&password, PASSWORD)?;
        fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(Self { folder: folder.to_owned(), port: free_port()?, secured, program: None })
    }

    /// One that is there.
    pub fn start(folder: &Path, secured: Secured) -> Result<Self> {
        let mut server = Self::new(folder, secured)?;
        server.resume()?;
        Ok(server)
    }

    /// The lines of `hub.toml` for it.
    pub fn lines(&self) -> String {
        let mut lines = format!(
            "[mail]\nserver = \"localhost\"\nport = {}\nsecurity = {:?}\nfrom = \"FLIP Edge <flip@hub.example>\"\n",
            self.port,
            self.secured.name()
        );
        if self.secured != Secured::Plain {
            lines = format!("{lines}ca_file = \"{}\"\n", self.folder.join("authority.pem").display());
        }
        if self.secured == Secured::StartTls {
            let password = self.folder.join("password");
            lines = format!("{lines}user = {USER:?}\npassword_file = \"{}\"\n", password.display());
        }
        lines
    }

    /// Gives it another password, which the hub does not know.
    pub fn forget_the_hub(&mut self) -> Result<()> {
        self.stop()?;
        self.start_with("another password")
    }

    /// Starts it, again or for the first time.
    pub fn resume(&mut self) -> Result<()> {
        self.start_with(PASSWORD)
    }

    fn start_with(&mut self, password: &str) -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let cache = std::env::var("FLIP_CACHE").context("FLIP_CACHE must be set; run this through make")?;
        let python = Path::new(&cache).join("venv/bin/python");
        ensure!(python.exists(), "{} is missing; tests/prepare/python.sh makes it", python.display());
        let mut command = Command::new(python);
        command
            .arg(root.join("prepare/smtp_server.py"))
            .args(["--port", &self.port.to_string(), "--security", self.secured.name()])
            .arg("--folder")
            .arg(self.folder.join("mails"))
            .arg("--certificate")
            .arg(self.folder.join("server.pem"))
            .arg("--key")
            .arg(self.folder.join("server.key"));
        if self.secured == Secured::StartTls {
            command.args(["--user", USER, "--password", password]);
        }
        let log = self.folder.join("log");
        let _ = fs::remove_file(&log);
        let mut program = Program::start(command, &log)?;
        program.says("the mail server is ready")?;
        self.program = Some(program);
        Ok(())
    }

    /// Takes it away.
    pub fn stop(&mut self) -> Result<()> {
        self.program.take().context("the mail server is not there")?.kill()
    }

    /// The mails that it has taken, in their order.
    pub fn mails(&self) -> Result<Vec<Value>> {
        let path = |number: usize| self.folder.join(format!("mails/{number}.json"));
        (0..)
            .map_while(|number| fs::read(path(number)).ok())
            .map(|bytes| Ok(serde_json::from_slice(&bytes)?))
            .collect()
    }

    /// The only mail to that address, once it is there.
    pub fn mail_to(&self, address: &str) -> Result<Value> {
        until(&format!("a mail to {address}"), || {
            let mut mails = self.mails()?;
            mails.retain(|mail| mail["to"][0] == address);
            ensure!(mails.len() < 2, "two mails to {address}: {mails:?}");
            Ok(mails.pop())
        })
    }
}

/// The first link to a one-time page in a text, without what stands before its path.
pub fn link_in(text: &str) -> Result<String> {
    let (_, rest) = text.split_once("/link/").with_context(|| format!("no link in {text}"))?;
    let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    Ok(format!("/link/{token}"))
}
