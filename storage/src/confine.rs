//! Limits that a process puts on itself before it reads what others made.

use rustix::io::Errno;
use rustix::process::{Rlimit, getrlimit, setrlimit};

pub use rustix::process::Resource;

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
