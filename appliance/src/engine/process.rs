//! One worker process: started, spoken to within limits, killed and reaped when dropped.
//!
//! What must stay true: no call waits beyond its limits, whatever the process does or fails to do; and a dropped
//! [`Process`] leaves neither a running process nor a zombie. Bytes that are not a sound frame are a lost process.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flip_protocol::answer::Failed;
use roaring::RoaringTreemap;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::fcntl_setpipe_size;

use super::wire::{self, Reply, Request};
use super::{CancelFlag, Settings, bounds};

/// What one question may use, from now on.
pub(super) struct Limits<'a> {
    deadline: Instant,
    resident_max_kib: u64,
    cancel: &'a CancelFlag,
}

impl<'a> Limits<'a> {
    pub fn new(settings: &Settings, cancel: &'a CancelFlag) -> Self {
        Self::within(settings.timeout, settings, cancel)
    }

    /// With a time of its own.
    pub fn within(time: Duration, settings: &Settings, cancel: &'a CancelFlag) -> Self {
        Self {
            deadline: Instant::now() + time,
            resident_max_kib: (settings.memory_mb + bounds::MEMORY_OVERHEAD_MB) * 1_024,
            cancel,
        }
    }
}

/// Why a process gave no counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unanswered {
    /// The question is at fault, or a limit was reached.
    Failed(Failed),
    /// It would cost more than the site allows.
    TooCostly,
    /// The cancel flag was raised.
    Cancelled,
    /// The process ended or talked nonsense; another one may do better. Says how, for the log.
    Lost(&'static str),
}

pub(super) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// Bytes received of a frame that is not complete yet.
    partial: Vec<u8>,
    /// When its memory is to be looked at.
    memory_due: Instant,
    /// The spent persons that it was told of last.
    pub spent: Arc<RoaringTreemap>,
}

impl Process {
    /// Starts `program worker` with none of this environment, in a process group of its own so that a terminal's
    /// interrupt does not reach it. Its standard error goes nowhere: a dying engine may print what it held.
    pub fn start(program: &Path) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg("worker")
            .env_clear()
            // A new process touches tens of MiB for its first answer: in large pages that takes a tenth less time.
            .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdin = child.stdin.take().expect("stdin was asked for as a pipe");
        let stdout = child.stdout.take().expect("stdout was asked for as a pipe");
        let process = Self {
            child,
            stdin,
            stdout,
            partial: Vec::new(),
            memory_due: Instant::now() + bounds::MEMORY_POLL,
            spent: Arc::default(),
        };
        // Only our ends: the worker's own ends of the two pipes keep blocking.
        fcntl_setfl(&process.stdin, fcntl_getfl(&process.stdin)? | OFlags::NONBLOCK)?;
        fcntl_setfl(&process.stdout, fcntl_getfl(&process.stdout)? | OFlags::NONBLOCK)?;
        // Where the kernel gives less, an export is slower.
        let _ = fcntl_setpipe_size(&process.stdout, bounds::PIPE_BYTES);
        Ok(process)
    }

    /// False once the process has ended (it is reaped then).
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends one frame.
    pub fn send(&mut self, request: &Request, behind: &[u8], limits: &Limits<'_>) -> Result<(), Unanswered> {
        let bytes = wire::encode(request, behind, bounds::REQUEST_BYTES)
            .ok_or(Unanswered::Failed(Failed::NotUnderstood))?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match self.stdin.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(Way::In, limits)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Unanswered::Lost("it ended before it took the question")),
            }
        }
        Ok(())
    }

    /// Receives one frame, and what is behind it.
    pub fn receive(&mut self, limits: &Limits<'_>) -> Result<(Reply, Vec<u8>), Unanswered> {
        let received = self.receive_next(limits)?;
        if self.partial.is_empty() {
            Ok(received)
        } else {
            Err(Unanswered::Lost("it spoke without being asked"))
        }
    }

    /// Receives one frame, and what is behind it, of an answer in several frames: the next ones may be here already.
    pub fn receive_next(&mut self, limits: &Limits<'_>) -> Result<(Reply, Vec<u8>), Unanswered> {
        loop {
            // A process that always has more to say is held to its limits as one that says nothing.
            self.look(limits)?;
            if let Some(reply) = self.complete_frame()? {
                return Ok(reply);
            }
            // All that is missing of a frame that has begun, at once: exports are of megabytes.
            let held = self.partial.len();
            let missing = wire::Head::of(&self.partial).map_or(0, |head| head.frame_bytes() - held);
            self.partial.resize(held + missing.clamp(bounds::READ_BYTES, bounds::PIPE_BYTES), 0);
            let read = self.stdout.read(&mut self.partial[held..]);
            self.partial.truncate(held + read.as_ref().copied().unwrap_or(0));
            match read {
                Ok(0) => return Err(Unanswered::Lost("it ended while it worked on the question")),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(Way::Out, limits)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Unanswered::Lost("its pipe broke")),
            }
        }
    }

    /// The frame that has arrived in full, if one has.
    fn complete_frame(&mut self) -> Result<Option<(Reply, Vec<u8>)>, Unanswered> {
        let Some(head) = wire::Head::of(&self.partial) else { return Ok(None) };
        if !head.is_within(bounds::REPLY_BYTES) {
            return Err(Unanswered::Lost("it sent an oversize frame"));
        }
        let length = head.frame_bytes();
        if self.partial.len() < length {
            return Ok(None);
        }
        let rest = self.partial.split_off(length);
        let mut frame = std::mem::replace(&mut self.partial, rest);
        let behind = frame.split_off(wire::HEAD_BYTES + head.body);
        let reply = serde_json::from_slice(&frame[wire::HEAD_BYTES..])
            .map_err(|_| Unanswered::Lost("it sent no sound frame"))?;
        Ok(Some((reply, behind)))
    }

    /// Fails where a limit is reached; gives the time that is left.
    fn look(&mut self, limits: &Limits<'_>) -> Result<Duration, Unanswered> {
        if limits.cancel.is_cancelled() {
            return Err(Unanswered::Cancelled);
        }
        let now = Instant::now();
        let left = limits.deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Err(Unanswered::Failed(Failed::Timeout));
        }
        if now >= self.memory_due {
            if resident_kib(self.child.id()).is_some_and(|kib| kib > limits.resident_max_kib) {
                return Err(Unanswered::Failed(Failed::OutOfMemory));
            }
            self.memory_due = now + bounds::MEMORY_POLL;
        }
        Ok(left)
    }

    /// Waits until a pipe can go on or a limit is reached. Every call passes here before it waits.
    fn wait(&mut self, way: Way, limits: &Limits<'_>) -> Result<(), Unanswered> {
        loop {
            let left = self.look(limits)?;
            let (pipe, readiness) = match way {
                Way::In => (self.stdin.as_fd(), PollFlags::OUT),
                Way::Out => (self.stdout.as_fd(), PollFlags::IN),
            };
            let ready = poll(
                &mut [PollFd::from_borrowed_fd(pipe, readiness)],
                Some(&timespec(left.min(bounds::CANCEL_POLL))),
            );
            match ready {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(_) => return Err(Unanswered::Lost("its pipe broke")),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where the process is gone and reaped already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

/// Resident memory of a process, from `/proc`: `None` once it is gone.
fn resident_kib(process_id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process_id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
