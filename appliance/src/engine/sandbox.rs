//! What a worker gives up before it takes a plan.
//!
//! What must stay true: [`enter`] runs on the process's only thread, before DuckDB starts its own, because kernel
//! rules and the choice of processors are inherited by threads started later and by no others. Landlock and the filter
//! of system calls are best effort, since kernels may lack them, and what was applied is reported; everything else must
//! succeed or the worker does not start.

mod calls;

use std::num::NonZeroU32;
use std::path::Path;

use flip_protocol::sync::Confinement;
use flip_storage::confine::{
    self, AccessFs, CallsConfined, CallsError, FilesConfined, FilesError, Held, Resource, die_with_parent,
    lower, no_new_privileges,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::{bounds, population};

/// How much of it holds, in one word.
pub fn confinement(held: Held) -> Confinement {
    match (held.files, held.calls) {
        (FilesConfined::Fully, CallsConfined::Fully) => Confinement::Full,
        (FilesConfined::NotAtAll, CallsConfined::NotAtAll) => Confinement::None,
        (FilesConfined::Fully | FilesConfined::Partly | FilesConfined::NotAtAll, _) => Confinement::Partial,
    }
}

/// Why a worker must not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum SandboxError {
    #[error("a resource limit or process setting could not be applied")]
    Process(#[from] rustix::io::Errno),
    #[error("the rules for files do not hold")]
    Files(#[from] FilesError),
    #[error("the rules for system calls do not hold")]
    Calls(#[from] CallsError),
}

/// Locks this process in.
pub(super) fn enter(
    generation_file: &Path,
    memory_mb: u64,
    threads: NonZeroU32,
) -> Result<Held, SandboxError> {
    die_with_parent()?;
    no_new_privileges()?;
    lower(Resource::Core, 0)?;
    lower(Resource::Fsize, 0)?;
    lower(Resource::Nofile, bounds::OPEN_FILES)?;
    lower(Resource::Data, (2 * memory_mb + bounds::ADDRESS_OVERHEAD_MB) * 1024 * 1024)?;
    keep_to_processors(threads)?;
    let files = confine(generation_file)?;
    // Last, because the filter lets nobody add rules.
    Ok(Held { files, calls: calls::confine()? })
}

/// Keeps to as many of the processors that this process may use, so that its threads take no more however many it
/// starts; to all of them where there are no more.
fn keep_to_processors(threads: NonZeroU32) -> Result<(), rustix::io::Errno> {
    let allowed = sched_getaffinity(None)?;
    let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect();
    let count = usize::try_from(threads.get()).map_or(allowed.len(), |threads| threads.min(allowed.len()));
    // Several workers of one machine do not all begin at its first.
    let first = usize::try_from(std::process::id()).unwrap_or(0) % allowed.len().max(1);
    let mut kept = CpuSet::new();
    allowed.iter().cycle().skip(first).take(count).for_each(|processor| kept.set(*processor));
    sched_setaffinity(None, &kept)
}

/// What DuckDB reads while it opens, to learn how much memory there is. It cannot open without; no records there.
const LIMITS_OF_THE_MACHINE: [&str; 3] = ["/proc/self/cgroup", "/sys/fs/cgroup", "/sys/devices/system/cpu"];

fn confine(generation_file: &Path) -> Result<FilesConfined, SandboxError> {
    let mut rules = confine::Files::nothing()?
        .and(generation_file, AccessFs::ReadFile)?
        .and_if_there(&population::beside(generation_file), AccessFs::ReadFile)?;
    for path in LIMITS_OF_THE_MACHINE {
        rules = rules.and_if_there(Path::new(path), AccessFs::ReadFile)?;
    }
    Ok(rules.confine()?)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::thread;

    use super::*;

    /// What `body` gives on a thread that is confined to a file as a worker is, which no other thread of the test
    /// notices. `None` where the kernel has no Landlock.
    fn confined<T: Send>(file: &Path, body: impl FnOnce() -> T + Send) -> Option<T> {
        thread::scope(|scope| {
            let confined = || match confine(file).unwrap() {
                FilesConfined::Fully | FilesConfined::Partly => Some(body()),
                FilesConfined::NotAtAll => None,
            };
            scope.spawn(confined).join().unwrap()
        })
    }

    fn refusal<T>(outcome: std::io::Result<T>) -> Option<i32> {
        outcome.err().and_then(|error| error.raw_os_error())
    }

    #[test]
    fn a_worker_can_read_its_generation_and_no_other_file() {
        let folder = tempfile::TempDir::new().unwrap();
        let [generation, sibling] = ["g-000001", "g-000002"].map(|name| folder.path().join(name));
        let kept = population::beside(&generation);
        for file in [&generation, &sibling, &kept] {
            fs::write(file, "records").unwrap();
        }
        let opened = || {
            [
                refusal(File::open(&generation)),
                refusal(File::open(&kept)),
                refusal(File::open(&sibling)),
                refusal(File::open("/etc/passwd")),
                refusal(fs::read_dir(folder.path())),
                refusal(OpenOptions::new().write(true).open(&generation)),
                refusal(OpenOptions::new().write(true).open(&kept)),
            ]
        };
        assert_eq!(opened(), [None; 7], "all are there outside");
        let Some(inside) = confined(&generation, opened) else {
            let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
            assert!(!modules.contains("landlock"), "the kernel has Landlock, and the rules do not hold");
            return;
        };
        let no = Some(libc::EACCES);
        assert_eq!(inside, [None, None, no, no, no, no, no]);
    }
}
