//! The scanner in a process of its own: what reads what others brought can harm nothing but itself.
//!
//! What must stay true: a file is clean only where that process said so, whole and in time; whatever else happens is no
//! verdict. The process gives up everything but the file before it reads a byte of it, as far as the kernel knows how.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use flip_protocol::text;
use flip_storage::confine::{Calls, Files, Held, Resource, die_with_parent, lower, no_new_privileges};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::bounds;
use crate::scan::{self, Unclean};

/// This very program, also where a newer one has taken its place on the disk.
const SELF: &str = "/proc/self/exe";
/// The hidden command that [`worker`] is behind.
pub const COMMAND: &str = "scan-worker";

/// A line of source code that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Note {
    /// Its number, from one.
    #[schema(example = 3)]
    pub line: usize,
    /// What deserves a look.
    #[schema(example = "runs text as code, which nobody can read here: write the code out")]
    pub why: String,
}

/// What became of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// Harmless to load.
    Clean {
        /// SHA-256 of what was read.
        sha256: [u8; 32],
        /// Bytes of what was read.
        bytes: u64,
        /// Lines of source code to look at.
        notes: Vec<Note>,
    },
    /// Not, and why.
    Refused(String),
    /// It cannot be found out, and why. It is not clean.
    Failed(String),
    /// A scan began and did not get to its end, and why; another may. Until then it is not clean.
    Unknown(String),
    /// The machine did not let it be read, and why: that says nothing of the file. It waits, and is not clean.
    NotTried(String),
}

/// What the process says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Clean {
        sha256: String,
        bytes: u64,
        notes: Vec<Note>,
    },
    Refused(String),
    Unknown(String),
    NotTried(String),
    /// What the process is locked into, where it was given nothing to read.
    Held(Held),
}

/// Why a process said nothing.
enum Unheard {
    Machine(io::Error),
    Ended(ExitStatus),
}

impl From<io::Error> for Unheard {
    fn from(error: io::Error) -> Self {
        Self::Machine(error)
    }
}

/// The program that scans, and how long it may take.
pub struct Scanner {
    program: PathBuf,
    time: Duration,
}

impl Scanner {
    /// This very program.
    pub fn own() -> Self {
        Self::of(SELF.into(), bounds::SCAN_TIME)
    }

    /// Another; `time` is what it may take whatever the file's size.
    pub fn of(program: PathBuf, time: Duration) -> Self {
        Self { program, time }
    }

    /// Has a file scanned under the name that somebody gave it.
    pub async fn judge(&self, path: &Path, name: &str) -> Judged {
        let file = match File::open(path) {
            Ok(file) => file,
            // Where the folder is gone too, it is of the machine: what holds it may come back.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && path.parent().is_some_and(Path::is_dir) =>
            {
                return Judged::Failed("its bytes are not at this hub any more; bring it again".to_owned());
            }
            Err(error) => return Judged::NotTried(format!("it could not be opened: {error}")),
        };
        let time = time_for(self.time, file.metadata().map_or(0, |of| of.len()));
        match tokio::time::timeout(time, self.asked(file.into(), &["--", name])).await {
            Ok(Ok(said)) => understood(&said),
            Ok(Err(Unheard::Machine(error))) => {
                Judged::NotTried(format!("the scanner could not be started: {error}"))
            }
            Ok(Err(Unheard::Ended(status))) => {
                Judged::Unknown(format!("the scanner did not get to its end: {status}"))
            }
            // It is killed as it is dropped.
            Err(_) => Judged::Unknown(format!("the scanner took longer than {} s", time.as_secs_f32())),
        }
    }

    /// What its process is locked into on this machine; or why that was not found out.
    pub async fn held(&self) -> Result<Held, String> {
        let said = match tokio::time::timeout(self.time, self.asked(Stdio::null(), &[])).await {
            Ok(Ok(said)) => said,
            Ok(Err(Unheard::Machine(error))) => return Err(format!("it could not be started: {error}")),
            Ok(Err(Unheard::Ended(status))) => return Err(format!("it did not get to its end: {status}")),
            Err(_) => return Err(format!("it took longer than {} s", self.time.as_secs_f32())),
        };
        match serde_json::from_slice(&said) {
            Ok(Said::Held(held)) => Ok(held),
            Ok(Said::NotTried(why)) => Err(why),
            Ok(Said::Clean { .. } | Said::Refused(_) | Said::Unknown(_)) | Err(_) => {
                Err("it said nothing that is understood".to_owned())
            }
        }
    }

    async fn asked(&self, file: Stdio, of: &[&str]) -> Result<Vec<u8>, Unheard> {
        let mut child = Command::new(&self.program)
            .arg(COMMAND)
            .args(of)
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut said = Vec::new();
        let stdout = child.stdout.take().expect("stdout was asked for as a pipe");
        stdout.take(bounds::SCAN_SAID_BYTES + 1).read_to_end(&mut said).await?;
        // Closed now: a process that goes on talking ends by it.
        let status = child.wait().await?;
        if status.success() { Ok(said) } else { Err(Unheard::Ended(status)) }
    }
}

/// How long a file of that size may take: what a slow disk needs, and a little.
fn time_for(at_least: Duration, bytes: u64) -> Duration {
    at_least + Duration::from_secs(bytes / bounds::SCAN_BYTES_A_SECOND)
}

fn understood(said: &[u8]) -> Judged {
    let unheard = || Judged::Unknown("the scanner said nothing that is understood".to_owned());
    if said.len() as u64 > bounds::SCAN_SAID_BYTES {
        return unheard();
    }
    match serde_json::from_slice(said) {
        Ok(Said::Clean { sha256, bytes, notes }) => match digest(&sha256) {
            Some(sha256) => Judged::Clean { sha256, bytes, notes },
            None => unheard(),
        },
        Ok(Said::Refused(why)) => Judged::Refused(why),
        Ok(Said::Unknown(why)) => Judged::Unknown(why),
        Ok(Said::NotTried(why)) => Judged::NotTried(why),
        Ok(Said::Held(_)) | Err(_) => unheard(),
    }
}

/// A SHA-256 in hexadecimal.
pub fn digest(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The process: scans what it was given as its standard input, and says on its standard output what it is. Without a name
/// it says what it is locked into.
pub fn worker(name: Option<&str>) -> ExitCode {
    let said = match (confined(), name) {
        (Ok((file, _)), Some(name)) => said_of(name, &file),
        (Ok((_, held)), None) => Said::Held(held),
        (Err(error), _) => Said::NotTried(format!("the scanner could not lock itself in: {error}")),
    };
    let Ok(said) = serde_json::to_vec(&said) else { return ExitCode::FAILURE };
    match io::stdout().write_all(&said).and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn said_of(name: &str, file: &File) -> Said {
    match scan::scan(name, file) {
        Ok(clean) => Said::Clean {
            sha256: text::hex(&clean.sha256()),
            bytes: clean.size(),
            notes: clean
                .notes()
                .iter()
                .map(|note| Note { line: note.line, why: note.why.to_owned() })
                .collect(),
        },
        Err(Unclean::Read(error)) => not_read(&error),
        Err(why) => Said::Refused(why.to_string()),
    }
}

/// What the system says is of the machine; anything else may come of what is in the file.
fn not_read(error: &io::Error) -> Said {
    let why = format!("it could not be read: {error}");
    let of_the_machine = error.raw_os_error().is_some() && error.kind() != io::ErrorKind::InvalidInput;
    if of_the_machine { Said::NotTried(why) } else { Said::Unknown(why) }
}

/// Gives up everything but the file that is standard input: nothing can be opened any more, nothing connected to and
/// nothing started, as far as the kernel knows the rules.
fn confined() -> io::Result<(File, Held)> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let seconds = time_for(bounds::SCAN_TIME, file.metadata()?.len()).as_secs();
    die_with_parent()?;
    no_new_privileges()?;
    lower(Resource::Core, 0)?;
    lower(Resource::Fsize, 0)?;
    lower(Resource::Nofile, bounds::SCAN_OPEN_FILES)?;
    lower(Resource::Data, bounds::SCAN_MEMORY_BYTES)?;
    lower(Resource::Cpu, seconds)?;
    let files = Files::nothing().and_then(Files::confine).map_err(io::Error::other)?;
    // Last, because the list lets nobody add rules.
    let calls = Calls::to_read_what_is_open().and_then(Calls::confine).map_err(io::Error::other)?;
    Ok((file, Held { files, calls }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_there_any_more_is_not_waited_for() {
        let gone = Scanner::own().judge(Path::new("/nowhere"), "notes.txt").await;
        assert!(matches!(&gone, Judged::Failed(why) if why.contains("bring it again")), "{gone:?}");
    }

    #[test]
    fn trouble_of_the_disk_is_the_machines_and_any_other_may_be_the_files() {
        let failing = not_read(&io::Error::from_raw_os_error(5));
        assert!(matches!(failing, Said::NotTried(why) if why.contains("Input/output error")));
        assert!(matches!(not_read(&io::Error::other("corrupt")), Said::Unknown(_)));
        // A place that no file has.
        assert!(matches!(not_read(&io::Error::from_raw_os_error(22)), Said::Unknown(_)));
    }

    #[test]
    fn whatever_is_not_a_whole_verdict_is_none() {
        let sha256 = "ab".repeat(32);
        let clean = format!("{{\"clean\":{{\"sha256\":\"{sha256}\",\"bytes\":3,\"notes\":[]}}}}");
        assert_eq!(
            understood(clean.as_bytes()),
            Judged::Clean { sha256: [0xab; 32], bytes: 3, notes: Vec::new() }
        );
        for length in 0..clean.len() {
            assert!(matches!(understood(&clean.as_bytes()[..length]), Judged::Unknown(_)), "{length}");
        }
        let twice = clean.repeat(2);
        let long = format!("{clean}{}", " ".repeat(usize::try_from(bounds::SCAN_SAID_BYTES).unwrap()));
        for other in [&twice, &long, "clean", "{\"clean\":{}}", &clean.replace("ab", "zz")] {
            assert!(matches!(understood(other.as_bytes()), Judged::Unknown(_)), "{other:.80}");
        }
        assert_eq!(understood(b"{\"refused\":\"why\"}"), Judged::Refused("why".to_owned()));
        assert_eq!(understood(b"{\"not_tried\":\"why\"}"), Judged::NotTried("why".to_owned()));
    }
}
