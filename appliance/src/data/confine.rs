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

use flip_storage::confine::{Resource, lower};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, PathFdError, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::thread::set_no_new_privs;

/// How far the kernel confines the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confined {
    /// To the extract and the generations, without TCP.
    Fully,
    /// The kernel knows some of the rules.
    Partly,
    /// The kernel has no Landlock, or it is off.
    NotAtAll,
}

/// Why an ingest must not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// A bound of the process.
    #[error("a resource limit or process setting could not be applied")]
    Process(#[from] rustix::io::Errno),
    /// The rules.
    #[error("the Landlock rules could not be made")]
    Landlock(#[from] RulesetError),
    /// What the rules are about.
    #[error("a file or folder could not be opened for the Landlock rules")]
    Path(#[from] PathFdError),
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
    set_no_new_privs(true)?;
    lower(Resource::Core, 0)?;
    lower(Resource::Data, (2 * memory_mb + OVERHEAD_MB) * 1024 * 1024)?;

    // The newest rules this crate version can name; the kernel's own version decides how many of them hold.
    let abi = ABI::V7;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(generations)?, AccessFs::from_all(abi)))?
        .add_rule(PathBeneath::new(PathFd::new(extract)?, read))?;
    rules = links(rules, extract)?;
    for path in LIMITS_OF_THE_MACHINE {
        if let Ok(path) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(path, read))?;
        }
    }
    if let Some(log) = log {
        let write = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
        rules = rules.add_rule(PathBeneath::new(PathFd::new(log)?, write))?;
    }
    Ok(match rules.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Confined::Fully,
        RulesetStatus::PartiallyEnforced => Confined::Partly,
        RulesetStatus::NotEnforced => Confined::NotAtAll,
    })
}

/// Extracts may be folders of links to files elsewhere: these files can be read too, and no others there.
fn links(mut rules: RulesetCreated, folder: &Path) -> Result<RulesetCreated, ConfineError> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_symlink() {
            let Ok(target) = fs::metadata(entry.path()) else { continue };
            let access = if target.is_dir() {
                AccessFs::ReadFile | AccessFs::ReadDir
            } else {
                AccessFs::ReadFile.into()
            };
            rules = rules.add_rule(PathBeneath::new(PathFd::new(entry.path())?, access))?;
        } else if kind.is_dir() {
            rules = links(rules, &entry.path())?;
        }
    }
    Ok(rules)
}
