//! The system calls that a process may make. By seccomp.
//!
//! What must stay true: rules name what is allowed, so that a call nobody thought of, a new one, and one of another ABI
//! of the same machine are not there for the process: they end in ENOSYS, as on a kernel that lacks them. A call whose
//! arguments lie in memory, where no filter can read them (`clone3`, `openat2`), is named nowhere; the C library then
//! uses the older one.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use serde::{Deserialize, Serialize};

/// Whether the kernel answers the process's system calls from the list only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confined {
    /// It does.
    Fully,
    /// It has no seccomp filters.
    NotAtAll,
}

/// Why there is no such list.
#[derive(Debug, thiserror::Error)]
#[error("the list of system calls could not be made")]
pub struct CallsError(#[from] BackendError);

/// What a program of ours needs that reads what is open and says what it found: memory, locks, clocks, reading, writing
/// to what is open, its end.
const TO_READ: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_newfstatat,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Calls that are allowed, some with certain arguments alone.
pub struct Rules(BTreeMap<i64, Vec<SeccompRule>>);

impl Rules {
    /// What it takes to read what is open and to say something of it. Nothing can be opened, nothing started.
    pub fn to_read_what_is_open() -> Result<Self, CallsError> {
        let rules = Self(TO_READ.iter().map(|call| (*call, Vec::new())).collect());
        // To end itself: what aborts sends itself a signal.
        let myself = u64::from(std::process::id());
        rules.and_where(libc::SYS_tgkill, 0, u64::MAX, myself)
    }

    /// Also these, whatever their arguments.
    #[must_use]
    pub fn and(mut self, calls: &[libc::c_long]) -> Self {
        self.0.extend(calls.iter().map(|call| (*call, Vec::new())));
        self
    }

    /// Also this call, where of that argument these bits are that value; where it is named so more than once, any of
    /// them will do.
    pub fn and_where(
        mut self,
        call: libc::c_long,
        argument: u8,
        bits: u64,
        value: u64,
    ) -> Result<Self, CallsError> {
        let width = SeccompCmpArgLen::Qword;
        let condition = SeccompCondition::new(argument, width, SeccompCmpOp::MaskedEq(bits), value)?;
        self.0.entry(call).or_default().push(SeccompRule::new(vec![condition])?);
        Ok(self)
    }

    /// Confines this thread and those that it starts. Nobody can add rules afterwards.
    pub fn confine(self) -> Result<Confined, CallsError> {
        let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
        let machine = TargetArch::try_from(std::env::consts::ARCH)?;
        let program: BpfProgram =
            SeccompFilter::new(self.0, absent, SeccompAction::Allow, machine)?.try_into()?;
        Ok(match seccompiler::apply_filter(&program) {
            Ok(()) => Confined::Fully,
            Err(_) => Confined::NotAtAll,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{self, Read as _};
    use std::net::UdpSocket;
    use std::process::Command;
    use std::thread;

    use super::*;

    fn is_absent<T>(outcome: io::Result<T>) -> bool {
        outcome.is_err_and(|error| error.raw_os_error() == Some(libc::ENOSYS))
    }

    #[test]
    fn what_reads_what_is_open_opens_nothing_and_starts_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "text").unwrap();
        let mut file = File::open(&path).unwrap();
        // On a thread of its own, which no other thread of the test notices.
        let confined = move || {
            assert_eq!(Rules::to_read_what_is_open().unwrap().confine().unwrap(), Confined::Fully);
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            let refused = [
                is_absent(File::open(&path)),
                is_absent(File::create(&path)),
                is_absent(std::fs::remove_file(&path)),
                is_absent(UdpSocket::bind("127.0.0.1:0")),
                Command::new("/bin/true").spawn().is_err(),
                is_absent(
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR1)
                        .map_err(io::Error::from),
                ),
                thread::Builder::new().spawn(|| {}).is_err(),
            ];
            (text, refused)
        };
        let (text, refused) = thread::spawn(confined).join().unwrap();
        assert_eq!((text.as_str(), refused), ("text", [true; 7]));
    }
}
