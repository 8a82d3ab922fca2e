//! The system calls that a worker may make.
//!
//! What must stay true: the list names what is allowed, so that a call nobody thought of, a new one, and one of
//! another ABI of the same machine are not there for the worker: they end in ENOSYS, as on a kernel that lacks them.
//! Calls whose arguments decide are allowed with those arguments alone. A call whose arguments lie in memory, where
//! no filter can read them (`clone3`, `openat2`), is absent; the C library then uses the older one.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::Calls;

/// Confines this thread and those that it starts.
pub(super) fn confine() -> Calls {
    match filter(std::process::id()).map(|program| seccompiler::apply_filter(&program)) {
        Ok(Ok(())) => Calls::Confined,
        Ok(Err(_)) | Err(_) => Calls::NotConfined,
    }
}

/// Allowed whatever the arguments: memory, threads' locks, clocks, and reading what is open.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_futex,
    libc::SYS_get_mempolicy,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_write,
    libc::SYS_writev,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_arch_prctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
];

/// What makes an open one that writes.
const OPENS_TO_WRITE: libc::c_int =
    libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND | (libc::O_TMPFILE & !libc::O_DIRECTORY);

fn filter(process_id: u32) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let to_read = |argument| {
        when(argument, SeccompCmpOp::MaskedEq(wide(OPENS_TO_WRITE)), 0).map(|condition| vec![condition])
    };
    rules.insert(libc::SYS_openat, any_of([to_read(2)?])?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, any_of([to_read(1)?])?);
    // A thread of this process, and no process.
    let thread = wide(libc::CLONE_THREAD);
    rules.insert(libc::SYS_clone, any_of([vec![when(0, SeccompCmpOp::MaskedEq(thread), thread)?]])?);
    // To look at a limit, and not to set one.
    rules.insert(libc::SYS_prlimit64, any_of([vec![when(2, SeccompCmpOp::Eq, 0)?]])?);
    // To end itself.
    rules.insert(libc::SYS_tgkill, any_of([vec![when(0, SeccompCmpOp::Eq, u64::from(process_id))?]])?);
    // To name a thread or its memory.
    let naming = [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA]
        .into_iter()
        .map(|name| Ok(vec![when(0, SeccompCmpOp::Eq, wide(name))?]))
        .collect::<Result<Vec<_>, seccompiler::BackendError>>()?;
    rules.insert(libc::SYS_prctl, any_of(naming)?);
    let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, absent, SeccompAction::Allow, machine)?.try_into()
}

fn when(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, value)
}

fn any_of(
    rules: impl IntoIterator<Item = Vec<SeccompCondition>>,
) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    rules.into_iter().map(SeccompRule::new).collect()
}

/// A flag as the kernel gets it.
fn wide(flag: libc::c_int) -> u64 {
    u64::from(flag.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::{self, Read};
    use std::net::{TcpListener, UdpSocket};
    use std::os::unix::net::{UnixDatagram, UnixStream};
    use std::process::Command;
    use std::thread;

    use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};
    use rustix::thread::set_no_new_privs;

    use super::*;

    /// Runs `body` on a thread that is confined as a worker is, which no other thread of the test notices.
    fn confined<T: Send>(body: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let confined = || {
                set_no_new_privs(true).unwrap();
                assert_eq!(confine(), Calls::Confined);
                body()
            };
            scope.spawn(confined).join().unwrap()
        })
    }

    fn is_absent<T>(outcome: io::Result<T>) -> bool {
        outcome.is_err_and(|error| error.raw_os_error() == Some(libc::ENOSYS))
    }

    #[test]
    fn no_socket_of_any_kind_can_be_made() {
        let made = || {
            [
                is_absent(TcpListener::bind("127.0.0.1:0")),
                is_absent(UdpSocket::bind("127.0.0.1:0")),
                is_absent(UnixStream::pair()),
                is_absent(UnixDatagram::unbound()),
            ]
        };
        assert_eq!(made(), [false; 4], "all can be made outside");
        assert_eq!(confined(made), [true; 4]);
    }

    #[test]
    fn no_process_can_be_started_or_signalled_and_no_program_run() {
        let child = Command::new("/bin/sleep").arg("1000").spawn();
        let mut child = child.unwrap();
        let id = Pid::from_child(&child);
        let refused = confined(|| {
            use std::os::unix::process::CommandExt as _;
            [
                Command::new("/bin/true").spawn().is_err(),
                is_absent(kill_process(id, Signal::KILL).map_err(io::Error::from)),
                // Without a filter this would replace the test.
                is_absent::<()>(Err(Command::new("/bin/true").exec())),
            ]
        });
        let alive = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(refused, [true; 3]);
        assert!(alive);
    }

    #[test]
    fn files_are_opened_to_be_read_and_for_nothing_else() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "text").unwrap();
        let (text, refused) = confined(|| {
            let mut text = String::new();
            File::open(&file).unwrap().read_to_string(&mut text).unwrap();
            let refused = [
                is_absent(OpenOptions::new().write(true).open(&file)),
                is_absent(OpenOptions::new().read(true).write(true).open(&file)),
                is_absent(OpenOptions::new().append(true).open(&file)),
                is_absent(File::create(folder.path().join("new"))),
                is_absent(std::fs::remove_file(&file)),
                is_absent(std::fs::rename(&file, folder.path().join("moved"))),
                is_absent(std::fs::create_dir(folder.path().join("folder"))),
            ];
            (text, refused)
        });
        assert_eq!((text.as_str(), refused), ("text", [true; 7]));
        assert_eq!(std::fs::read(&file).unwrap(), b"text");
    }

    #[test]
    fn limits_stay_as_they_are_and_threads_can_be_started() {
        confined(|| {
            let limit = Rlimit { current: Some(8), maximum: Some(8) };
            assert!(is_absent(setrlimit(Resource::Nofile, limit).map_err(io::Error::from)));
            assert_eq!(thread::spawn(|| UdpSocket::bind("127.0.0.1:0").is_err()).join().ok(), Some(true));
        });
    }
}
