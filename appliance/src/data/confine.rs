//! What the process of an ingest gives up before it reads what others wrote.
//!
//! DuckDB's readers of Parquet and CSV meet files of foreign making. From here on this process can read the extract,
//! write into the folder of generations, and reach nothing else of the disk and no network.
//!
//! What must stay true: [`confine`] runs on the process's only thread, because kernel rules are inherited by threads
//! started later and by no others. Landlock is best effort, since kernels may lack it, and what was applied is said;
//! the bounds on memory and core dumps must hold or nothing is read.

use std::fs;
use std::path::Path;

use flip_storage::confine::{AccessFs, Files, FilesError, Resource, lower, no_new_privileges};

pub use flip_storage::confine::FilesConfined as Confined;

/// Why an ingest must not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// A bound of the process.
    #[error("a resource limit or process setting could not be applied")]
    Process(#[from] rustix::io::Errno),
    /// The rules.
    #[error("the rules for files do not hold")]
    Files(#[from] FilesError),
}

/// Memory beyond what DuckDB may hold twice over: programs, threads, read buffers.
const OVERHEAD_MB: u64 = 1_024;
/// What DuckDB reads to learn how much memory there is, and this program how far DuckDB has read. No records there.
const LIMITS_OF_THE_MACHINE: [&str; 4] =
    ["/proc/self", "/proc/meminfo", "/sys/fs/cgroup", "/sys/devices/system/cpu"];

/// Locks this process in: reading `extract`, writing under `generations` and to `log`, holding some memory.
pub fn confine(
    extract: &Path,
    generations: &Path,
    log: Option<&Path>,
    memory_mb: u64,
) -> Result<Confined, ConfineError> {
    no_new_privileges()?;
    lower(Resource::Core, 0)?;
    lower(Resource::Data, (2 * memory_mb + OVERHEAD_MB) * 1024 * 1024)?;

    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Files::nothing()?.and_all_of(generations)?.and(extract, read)?;
    rules = links(rules, extract)?;
    for path in LIMITS_OF_THE_MACHINE {
        rules = rules.and_if_there(Path::new(path), read)?;
    }
    if let Some(log) = log {
        rules = rules.and(log, AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate)?;
    }
    Ok(rules.confine()?)
}

/// Extracts may be folders of links to files elsewhere: these files can be read too, and no others there.
fn links(mut rules: Files, folder: &Path) -> Result<Files, FilesError> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_symlink() {
            let Ok(target) = fs::metadata(entry.path()) else { continue };
            let access = if target.is_dir() {
                AccessFs::ReadFile | AccessFs::ReadDir
            } else {
                AccessFs::ReadFile.into()
            };
            rules = rules.and(&entry.path(), access)?;
        } else if kind.is_dir() {
            rules = links(rules, &entry.path())?;
        }
    }
    Ok(rules)
}
