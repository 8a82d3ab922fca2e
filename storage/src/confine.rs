//! What a process gives up before it reads what others made: limits, files, system calls.
//!
//! What must stay true: it is called on the process's only thread, because kernel rules are inherited by threads started
//! later and by no others; limits hold or it is an error. Kernels may lack the rules for files and for calls: what was
//! applied is said.

mod calls;
mod files;

use rustix::io::Errno;
use rustix::process::{Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

pub use landlock::AccessFs;
pub use rustix::process::Resource;

pub use self::calls::{CallsError, Confined as CallsConfined, Rules as Calls};
pub use self::files::{Confined as FilesConfined, FilesError, Rules as Files};

/// What of the kernel's rules holds a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// How far it is confined to the files that were named, with no TCP.
    pub files: FilesConfined,
    /// Whether its system calls are answered from a list only.
    pub calls: CallsConfined,
}

impl Held {
    /// What it lacks, in words; empty where it lacks nothing.
    pub fn lacks(self) -> String {
        let files = match self.files {
            FilesConfined::Fully => None,
            FilesConfined::Partly => {
                Some("the kernel knows only some of Landlock's rules, which confine files")
            }
            FilesConfined::NotAtAll => Some("the kernel has no Landlock, which confines files"),
        };
        let calls = match self.calls {
            CallsConfined::Fully => None,
            CallsConfined::NotAtAll => Some("the kernel has no seccomp, which confines system calls"),
        };
        files.into_iter().chain(calls).collect::<Vec<_>>().join("; ")
    }
}

/// Lowers a limit for good; one that is lower already stays.
pub fn lower(resource: Resource, value: u64) -> Result<(), Errno> {
    let present = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let value = Some(value.min(present));
    setrlimit(resource, Rlimit { current: value, maximum: value })
}

/// Ends this process with the thread that started it.
pub fn die_with_parent() -> Result<(), Errno> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
}

/// Lets no program that this process runs have more rights than it has.
pub fn no_new_privileges() -> Result<(), Errno> {
    rustix::thread::set_no_new_privs(true)
}
