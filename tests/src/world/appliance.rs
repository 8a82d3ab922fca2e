//! A real appliance.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::hub::{before, said, succeeded};
use super::{Program, command};

/// A policy of exact counts, and as many as one likes.
pub const EXACT: &str = "danger_noise = 0\ndanger_rounding = 1\ndanger_tick_ms = 0\ndanger_questions_weekly = 1000000\n\
     danger_questions_weekly_all = 1000000\n";

/// An appliance in a folder of its own.
pub struct Appliance {
    /// Its folder.
    pub data: PathBuf,
    program: Option<Program>,
    before: Vec<String>,
}

impl Appliance {
    /// An appliance that is not enrolled, does not run, shows its page on any free port, and gives exact counts.
    pub fn new(data: &Path) -> Result<Self> {
        fs::create_dir_all(data)?;
        let appliance = Self { data: data.to_owned(), program: None, before: Vec::new() };
        appliance.configure("")?;
        appliance.set_policy(EXACT)?;
        Ok(appliance)
    }

    /// An appliance that is enrolled, has ingested `extract`, runs, and gives exact counts.
    pub fn start(data: &Path, kit: &Path, extract: &Path) -> Result<Self> {
        Self::start_under(EXACT, data, kit, extract)
    }

    /// The same under that policy; an empty one is what a site has that sets nothing.
    pub fn start_under(policy: &str, data: &Path, kit: &Path, extract: &Path) -> Result<Self> {
        let mut appliance = Self::new(data)?;
        appliance.set_policy(policy)?;
        appliance.enrol(kit)?;
        appliance.ingest(extract)?;
        appliance.resume()?;
        Ok(appliance)
    }

    /// Words before the program's own from now on, such as `env NAME=VALUE`.
    pub fn put_before(&mut self, words: &[String]) {
        self.before = words.to_vec();
    }

    /// Lines of configuration beside the usual.
    pub fn configure(&self, lines: &str) -> Result<()> {
        Ok(fs::write(self.data.join("appliance.toml"), format!("local_listen = \"127.0.0.1:0\"\n{lines}"))?)
    }

    /// Its policy from its next start on.
    pub fn set_policy(&self, policy: &str) -> Result<()> {
        Ok(fs::write(self.data.join("policy.toml"), policy)?)
    }

    /// Enrols, which must succeed.
    pub fn enrol(&self, kit: &Path) -> Result<Output> {
        let mut command = self.command(&["enrol"])?;
        command.arg(kit);
        succeeded(command)
    }

    /// Ingests, which must succeed.
    pub fn ingest(&self, extract: &Path) -> Result<Output> {
        let mut command = self.command(&["ingest"])?;
        command.arg(extract);
        succeeded(command)
    }

    /// Starts it, or starts it again.
    pub fn resume(&mut self) -> Result<()> {
        let log = self.data.join("appliance.log");
        let _ = fs::remove_file(&log);
        let mut program = Program::start(self.command(&["run"])?, &log)?;
        program.says("the local page is up")?;
        self.program = Some(program);
        Ok(())
    }

    /// The running program.
    pub fn program(&mut self) -> Result<&mut Program> {
        self.program.as_mut().context("the appliance is not running")
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.program.take().context("the appliance is not running")?.kill()
    }

    /// Everything it has said since it was last started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.data.join("appliance.log")).unwrap_or_default()
    }

    /// Where its local console is.
    pub fn address(&self) -> Result<String> {
        Ok(format!("http://{}", fs::read_to_string(self.data.join("local.address"))?.trim()))
    }

    /// A link into its local console, which works once.
    pub fn page(&self) -> Result<String> {
        let output = succeeded(self.command(&["console", "--minutes", "720"])?)?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// The secret that opens it.
    pub fn secret(&self) -> Result<String> {
        Ok(fs::read_to_string(self.data.join("local.secret"))?)
    }

    /// `flip-appliance status --json`.
    pub fn status(&self) -> Result<Value> {
        self.told(&["status"])
    }

    /// What a command, which must succeed, says as JSON.
    pub fn told(&self, words: &[&str]) -> Result<Value> {
        let mut command = self.command(words)?;
        command.arg("--json");
        Ok(serde_json::from_slice(&succeeded(command)?.stdout)?)
    }

    /// Whether a command succeeded, and what it said.
    pub fn said(&self, words: &[&str]) -> Result<(bool, String)> {
        said(self.command(words)?)
    }

    /// What its audit log says of acts of that name.
    pub fn noted(&self, act: &str) -> Result<String> {
        Ok(self.said(&["audit", "list", "--act", act])?.1)
    }

    /// A command of this appliance's program.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = before(&self.before, command("flip-appliance")?);
        command.arg("--data").arg(&self.data).args(words);
        Ok(command)
    }
}
