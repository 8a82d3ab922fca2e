//! One of our programs as a child process, with its log in a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::until;

/// A running program; killed when it goes out of scope.
pub struct Program {
    child: Child,
    log: PathBuf,
}

/// A command of one of our programs, which lie beside this one.
pub fn command(name: &str) -> Result<Command> {
    let me = std::env::current_exe()?;
    let beside = me.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| path.is_file());
    let path = beside.with_context(|| format!("{name} is not built; run this through make"))?;
    let mut command = Command::new(path);
    command.env_remove("FLIP_HUB_DATA").env_remove("FLIP_APPLIANCE_DATA").stdin(Stdio::null());
    Ok(command)
}

impl Program {
    /// Starts the command; what it says goes to the end of `log`.
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it says `words`, or fails with its log where it ends first.
    pub fn says(&mut self, words: &str) -> Result<()> {
        until(&format!("{words:?} in {}", self.log.display()), || {
            if self.log().contains(words) {
                return Ok(Some(()));
            }
            ensure!(self.child.try_wait()?.is_none(), "the program ended early:\n{}", self.log());
            Ok(None)
        })
    }

    /// Kills it at once: SIGKILL, as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits for its status.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        ensure!(
            Command::new("kill").arg(self.id().to_string()).status()?.success(),
            "the program could not be signalled"
        );
        until("the program's end", || Ok(self.child.try_wait()?))
    }

    /// Its resident memory and its children's, in KiB.
    pub fn resident_kib(&self) -> u64 {
        family(self.id()).into_iter().map(|id| status_kib(id, "VmRSS:")).sum()
    }

    /// The most memory that it and its living children had resident, in KiB.
    pub fn peak_kib(&self) -> u64 {
        family(self.id()).into_iter().map(|id| status_kib(id, "VmHWM:")).sum()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process and its children.
fn family(id: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let mut ids: Vec<u32> = children
        .flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect();
    ids.push(id);
    ids
}

fn status_kib(id: u32, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    found.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
