//! A real hub.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Api, Program, Proxy, command, free_port};

/// The administrator's password in every simulated hub.
/// The password of everybody whom the hub's commands add here.
pub const PASSWORD: &str = "correct horse battery staple";

/// A hub in a folder of its own.
pub struct Hub {
    /// Its folder.
    pub data: PathBuf,
    /// Where its sites listener is.
    pub sites: SocketAddr,
    /// What `init` said.
    pub made: String,
    program: Option<Program>,
    before: Vec<String>,
}

/// How a hub differs from the usual one.
#[derive(Default)]
pub struct HubOptions {
    /// What kits say instead of the sites listener's own address.
    pub sites_address: Option<String>,
    /// Words before the program's own, such as `env NAME=VALUE`.
    pub before: Vec<String>,
    /// Lines at the end of `hub.toml`.
    pub lines: String,
    /// No administrator is made: the first visitor becomes one.
    pub set_up: bool,
    /// Nobody does without a second factor. Most scenarios are not about it, and sign in more often than an app has codes.
    pub second_factor: bool,
}

impl Hub {
    /// Makes a hub in `data`, on free ports of loopback, and starts it.
    pub fn start(data: &Path, options: HubOptions) -> Result<Self> {
        let sites = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        Self::start_at(data, sites, options)
    }

    /// The same with a port for its sites listener.
    pub fn start_at(data: &Path, sites: SocketAddr, options: HubOptions) -> Result<Self> {
        fs::create_dir_all(data)?;
        let password = data.join("password.txt");
        fs::write(&password, PASSWORD)?;
        let mut hub =
            Self { data: data.to_owned(), sites, made: String::new(), program: None, before: options.before };
        let mut init = hub.command(&["init", "--people-listen"])?;
        init.arg(format!("127.0.0.1:{}", free_port()?)).args(["--sites-listen", &sites.to_string()]);
        if !options.set_up {
            init.arg("--password-file").arg(&password);
        }
        if let Some(address) = options.sites_address {
            init.args(["--sites-address", &address]);
        }
        hub.made = String::from_utf8(succeeded(init)?.stdout)?;
        let file = data.join("hub.toml");
        let without = if options.second_factor { "" } else { "danger_no_second_factor = true\n" };
        fs::write(&file, fs::read_to_string(&file)? + without + &options.lines)?;
        hub.resume()?;
        Ok(hub)
    }

    /// Words before the program's own from now on, such as `env NAME=VALUE`.
    pub fn put_before(&mut self, words: &[String]) {
        self.before = words.to_vec();
    }

    /// Starts the hub again after it was killed or ended.
    pub fn resume(&mut self) -> Result<()> {
        let log = self.data.join("hub.log");
        let _ = fs::remove_file(&log);
        let mut program = Program::start(self.command(&["serve"])?, &log)?;
        program.says("the hub is ready")?;
        self.program = Some(program);
        Ok(())
    }

    /// The running program.
    pub fn program(&mut self) -> Result<&mut Program> {
        self.program.as_mut().context("the hub is not running")
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.program.take().context("the hub is not running")?.kill()
    }

    /// Everything it has said since it was last started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.data.join("hub.log")).unwrap_or_default()
    }

    /// A client without a session.
    pub fn stranger(&self) -> Result<Api> {
        let addresses: Value = serde_json::from_slice(&fs::read(self.data.join("addresses.json"))?)?;
        Api::new(addresses["people"].as_str().context("no address")?, &self.data.join("keys/ca.pem"))
    }

    /// One that comes from another address of loopback.
    pub fn stranger_from(&self, address: &str) -> Result<Api> {
        let addresses: Value = serde_json::from_slice(&fs::read(self.data.join("addresses.json"))?)?;
        let people = addresses["people"].as_str().context("no address")?.parse()?;
        let wire = Proxy::start_from(Some(address.parse()?), people)?;
        Api::new(&wire.address.to_string(), &self.data.join("keys/ca.pem"))
    }

    /// A client signed in as the administrator.
    pub fn api(&self) -> Result<Api> {
        self.stranger()?.sign_in("admin", PASSWORD)
    }

    /// The administrator's name and password.
    pub fn credentials(&self) -> (&'static str, &'static str) {
        ("admin", PASSWORD)
    }

    /// Adds a person on the command line; gives a client that is signed in as them.
    pub fn add_person(&self, name: &str, role: &str) -> Result<Api> {
        let password = self.data.join("password.txt");
        let mut add = self.command(&["user", "add", name, "--role", role, "--password-file"])?;
        add.arg(password);
        succeeded(add)?;
        self.stranger()?.sign_in(name, PASSWORD)
    }

    /// Adds a Trust's admin on the command line; gives a client that is signed in as them.
    pub fn add_trust_admin(&self, name: &str, trust: &str) -> Result<Api> {
        let password = self.data.join("password.txt");
        let words = ["user", "add", name, "--role", "trust-admin", "--trust", trust, "--password-file"];
        let mut add = self.command(&words)?;
        add.arg(password);
        succeeded(add)?;
        self.stranger()?.sign_in(name, PASSWORD)
    }

    /// Adds a Trust on the command line; gives its kit's file.
    pub fn add_trust(&self, name: &str) -> Result<PathBuf> {
        let kit = self.data.join(format!("{}.kit", name.to_lowercase().replace(' ', "-")));
        let mut add = self.command(&["trust", "add", name, "--out"])?;
        add.arg(&kit);
        succeeded(add)?;
        Ok(kit)
    }

    /// Makes another kit for a Trust.
    pub fn renew_kit(&self, name: &str) -> Result<PathBuf> {
        let kit = self.data.join(format!("{}-again.kit", name.to_lowercase().replace(' ', "-")));
        let mut renew = self.command(&["trust", "kit", name, "--out"])?;
        renew.arg(&kit);
        succeeded(renew)?;
        Ok(kit)
    }

    /// Whether a command succeeded, and what it said.
    pub fn said(&self, words: &[&str]) -> Result<(bool, String)> {
        said(self.command(words)?)
    }

    /// What its audit log says of acts of that name.
    pub fn noted(&self, act: &str) -> Result<String> {
        Ok(self.said(&["audit", "list", "--act", act])?.1)
    }

    /// A command of this hub's program.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = before(&self.before, command("flip-hub")?);
        command.arg("--data").arg(&self.data).args(words);
        Ok(command)
    }
}

/// Puts words before a command, such as `env NAME=VALUE`.
pub(super) fn before(words: &[String], command: Command) -> Command {
    let Some((first, rest)) = words.split_first() else { return command };
    let mut whole = Command::new(first);
    whole.args(rest).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => whole.env(name, value),
            None => whole.env_remove(name),
        };
    }
    whole
}

/// Whether a command succeeded, and what it said.
pub(super) fn said(mut command: Command) -> Result<(bool, String)> {
    let output = command.output()?;
    Ok((output.status.success(), String::from_utf8([output.stdout, output.stderr].concat())?))
}

/// Runs a command that must succeed.
pub(super) fn succeeded(mut command: Command) -> Result<Output> {
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output)
}
