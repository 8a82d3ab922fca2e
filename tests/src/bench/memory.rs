//! Resident memory of processes, from `/proc`.

use std::fs;
use std::process::{Child, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::world::until;

/// How often a process that may end at any time is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// How long a program that has just started is left alone before it counts as idle.
pub const SETTLE: Duration = Duration::from_secs(2);

/// Bytes of a mebibyte's kibibytes.
const KIB_PER_MIB: f64 = 1024.0;

/// Resident memory of a process now, in MiB; 0 once it is gone.
pub fn resident_mib(id: u32) -> f64 {
    status_mib(id, "VmRSS:")
}

/// What of it is the process's own rather than pages of files that others may share, in MiB.
pub fn own_mib(id: u32) -> f64 {
    status_mib(id, "RssAnon:")
}

/// What a process and its children hold, in MiB, a page that several have counted once: their proportional shares.
pub fn together_mib(id: u32) -> f64 {
    let share = |id| field_mib(&format!("/proc/{id}/smaps_rollup"), "Pss:");
    share(id) + children(id).into_iter().map(share).sum::<f64>()
}

/// The most that was resident so far, in MiB.
pub fn peak_mib(id: u32) -> f64 {
    status_mib(id, "VmHWM:")
}

/// The living children of a process.
pub fn children(id: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let ids =
        lists.flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>());
    ids.filter(|id| resident_mib(*id) > 0.0).collect()
}

/// Ends a process's children with SIGKILL, and waits until they are gone; others may have taken their places by then.
pub fn end_children(id: u32) -> Result<()> {
    let ended = children(id);
    for child in &ended {
        let child = rustix::process::Pid::from_raw(i32::try_from(*child)?);
        let Some(child) = child else { continue };
        // It may have ended by itself.
        let _ = rustix::process::kill_process(child, rustix::process::Signal::KILL);
    }
    until("the end of a child process", || {
        Ok((!children(id).iter().any(|child| ended.contains(child))).then_some(()))
    })
}

/// Ends a process's children, and waits until new ones have taken their places and are ready.
pub fn renewed(id: u32) -> Result<()> {
    end_children(id)?;
    until("a new child process", || Ok((!children(id).is_empty()).then_some(())))?;
    std::thread::sleep(SETTLE);
    Ok(())
}

/// Waits for a command to succeed; gives what it said and the most memory it had, in MiB.
pub fn watch(child: Child) -> Result<(Output, f64)> {
    let id = child.id();
    let ended = AtomicBool::new(false);
    let (output, peak) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut peak = 0.0_f64;
            while !ended.load(Ordering::Acquire) {
                peak = peak.max(peak_mib(id));
                std::thread::sleep(LOOK);
            }
            peak
        });
        let output = child.wait_with_output();
        ended.store(true, Ordering::Release);
        (output, looking.join().expect("looking at /proc does not panic"))
    });
    let output = output?;
    ensure!(output.status.success(), "it failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok((output, peak))
}

fn status_mib(id: u32, line: &str) -> f64 {
    field_mib(&format!("/proc/{id}/status"), line)
}

/// A field of a file of `/proc` that is told in KiB, in MiB; 0 where there is none.
fn field_mib(file: &str, line: &str) -> f64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let found = text.lines().find_map(|text| text.strip_prefix(line));
    let kib: Option<f64> = found.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kib.unwrap_or_default() / KIB_PER_MIB
}
