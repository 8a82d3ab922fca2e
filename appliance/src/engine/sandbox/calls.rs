//! The system calls that a worker may make: what reading takes, and what DuckDB needs beyond it.

use flip_storage::confine::{self, CallsConfined};

use super::SandboxError;

/// Confines this thread and those that it starts.
pub(super) fn confine() -> Result<CallsConfined, SandboxError> {
    Ok(rules()?.confine()?)
}

/// Allowed beyond reading, whatever the arguments.
const FURTHER: &[libc::c_long] = &[
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_faccessat,
    libc::SYS_fcntl,
    libc::SYS_fstatfs,
    libc::SYS_get_mempolicy,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getppid,
    libc::SYS_getrusage,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_membarrier,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_preadv,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_set_robust_list,
    libc::SYS_statfs,
    libc::SYS_sysinfo,
    libc::SYS_uname,
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

fn rules() -> Result<confine::Calls, confine::CallsError> {
    let mut rules = confine::Calls::to_read_what_is_open()?
        .and(FURTHER)
        .and_where(libc::SYS_openat, 2, wide(OPENS_TO_WRITE), 0)?
        // A thread of this process, and no process.
        .and_where(libc::SYS_clone, 0, wide(libc::CLONE_THREAD), wide(libc::CLONE_THREAD))?
        // To look at a limit, and not to set one.
        .and_where(libc::SYS_prlimit64, 2, u64::MAX, 0)?;
    #[cfg(target_arch = "x86_64")]
    {
        rules = rules.and_where(libc::SYS_open, 1, wide(OPENS_TO_WRITE), 0)?;
    }
    // To name a thread or its memory.
    for naming in [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA] {
        rules = rules.and_where(libc::SYS_prctl, 0, u64::MAX, wide(naming))?;
    }
    Ok(rules)
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
                assert_eq!(confine().unwrap(), CallsConfined::Fully);
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
