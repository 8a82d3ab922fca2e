//! The child process that ingests one delivery: `flip-appliance ingest DIR --delivery ID`.
//!
//! It speaks on standard output (its report, or why it refused), logs where this process logs, and dies with the
//! thread that started it.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::{EXIT_BUSY, EXIT_DISK_FULL};
use crate::run::SELF;
use crate::site::Site;

/// Bytes of a report at most: a hundred problems and every note of forty tables are far below.
const REPORT_BYTES: u64 = 4 * 1024 * 1024;
/// How long between two looks whether the child has ended.
const LOOK: Duration = Duration::from_millis(100);

/// How a child ended.
pub(super) enum Ended {
    /// It put a new generation in use.
    Ingested(String),
    /// It did not, and this is why.
    Refused(String),
    /// There was no room on the disk.
    DiskFull(String),
    /// Something has killed it.
    Killed(String),
    /// Another ingest was at work.
    Busy,
    /// The appliance stops; the delivery waits for the next start.
    Stopped,
}

/// Ingests a folder.
pub(super) fn ingest(site: &Site, folder: &Path, id: &str) -> anyhow::Result<Ended> {
    let mut command = Command::new(SELF);
    command
        .arg("--data")
        .arg(site.place.folder())
        .arg("ingest")
        .arg("--delivery")
        .arg(id)
        .arg(folder)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == OsStr::new("FLIP_LOG")))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("starting the ingest's process")?;
    let mut stdout = child.stdout.take().expect("stdout was asked for as a pipe");
    let reading = thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.by_ref().take(REPORT_BYTES).read_to_end(&mut text);
        read.map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    let Some(status) = wait(site, &mut child)? else { return Ok(Ended::Stopped) };
    let said = reading.join().ok().and_then(Result::ok).unwrap_or_default();
    Ok(ended(status, said))
}

/// Waits for the end; none where the appliance stops first.
fn wait(site: &Site, child: &mut Child) -> anyhow::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait().context("waiting for the ingest's process")? {
            return Ok(Some(status));
        }
        if site.is_stopping() {
            child.kill().and_then(|()| child.wait()).context("ending the ingest's process")?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

fn ended(status: ExitStatus, said: String) -> Ended {
    match status.code() {
        Some(0) => Ended::Ingested(said),
        Some(code) if code == i32::from(EXIT_BUSY) => Ended::Busy,
        Some(code) if code == i32::from(EXIT_DISK_FULL) => Ended::DiskFull(said),
        Some(_) if !said.trim().is_empty() => Ended::Refused(said),
        Some(_) => Ended::Refused(early(status)),
        None => Ended::Killed(early(status)),
    }
}

fn early(status: ExitStatus) -> String {
    format!(
        "the ingest's process ended early ({status}); the appliance's log may say why. If memory is short, set \
         memory_mb in [ingest] of appliance.toml lower. To try again, move the folder back\n"
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn how_the_ingest_ended_is_told_from_its_status() {
        let exited = |code: u8| ExitStatus::from_raw(i32::from(code) << 8);
        let name = |status, said: &str| match ended(status, said.to_owned()) {
            Ended::Ingested(_) => "ingested",
            Ended::Refused(_) => "refused",
            Ended::DiskFull(_) => "disk full",
            Ended::Killed(_) => "killed",
            Ended::Busy => "busy",
            Ended::Stopped => "stopped",
        };
        assert_eq!(name(exited(0), "a report"), "ingested");
        assert_eq!(name(exited(1), "problems"), "refused");
        assert_eq!(name(exited(101), ""), "refused");
        assert_eq!(name(exited(74), "no room"), "disk full");
        assert_eq!(name(exited(75), "busy"), "busy");
        assert_eq!(name(ExitStatus::from_raw(9), "half a rep"), "killed");
    }
}
