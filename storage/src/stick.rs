//! Files on a stick, found, opened and written without believing anything of them.
//!
//! What must stay true: no link is followed, no device or pipe is opened, and no more is listed than was asked for; a file
//! that is being copied has another name until all of it is there. Deliberately absent: what the files are.

mod bar;
mod inspect;

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};

use crate::file::sync_folder_of;

pub use bar::{Counted, bar, waiting};
pub use inspect::{InspectError, inspect};

/// How the names of what is looked for end.
pub const ENDING: &str = ".flip";
/// How the name of one ends that is not all there yet.
pub const PART: &str = ".part";
/// Entries of a folder that are looked at, whatever they are called.
const ENTRIES: usize = 100_000;

/// How long it takes at most until the kernel shows a stick no more that was pulled, and how often that is looked at.
const PULLED_SEEN: Duration = Duration::from_secs(2);
const PULLED_LOOK: Duration = Duration::from_millis(50);

/// What to do where a bundle could not be carried away.
pub const GO_ON: &str = "where the stick is full, plug in another; where it was pulled, plug it in again; then run the \
                         same command: it goes on with what is left";
/// What is said of a stick that cannot be mounted, after its name.
pub const UNUSABLE: &str = "cannot be mounted: it is damaged, not exFAT or FAT, or this machine cannot read that; use \
                            another, and where that says the same, look into the journal";
/// What is said of one that could be mounted to be read, after its name.
pub const UNWRITABLE: &str = "cannot be mounted to be written: it is write-protected or damaged, or something failed \
                              here; use another, and where that says the same, look into the journal";
/// What is said of one that whoever handled it is gone without a word of.
pub const PULLED: &str = "the stick was pulled, or what handled it was stopped, before the answer was on it; plug it in \
                          again, and the answer is written anew: nothing is lost";
/// What is said where something is no fault of what is on a stick.
pub const NOT_ALL: &str = "not all of it was taken in: something failed here; put it right, and run the same command \
                           again";
/// What is said where something that was only looked at is refused.
pub const NOT_GOOD: &str = "what is refused would not be taken in either";
/// What is said where something on a stick is refused.
pub const NOT_USED: &str = "what is refused was not taken in; nothing of it was used";

/// What is said where a file is to hold what is more than one bundle of so many bytes.
pub fn more_than_one(size: u64, bundles: usize) -> String {
    format!("there is more than one bundle of {size} bytes holds: {bundles}; name a folder with --out")
}

/// Why a stick cannot be used, in the words of whoever uses it: the hub and the appliance have no others.
#[derive(Debug, thiserror::Error)]
pub enum StickError {
    /// A link, a folder, a device.
    #[error("{0} is no ordinary file")]
    NotAFile(PathBuf),
    /// Many files of that ending.
    #[error("{0} holds too many files")]
    TooMany(PathBuf),
    /// It cannot be read or written.
    #[error("{0} cannot be read or written")]
    Io(PathBuf, #[source] io::Error),
    /// Not the stick: what is on it is copied to the disk of this machine.
    #[error("this machine's own disk cannot be written; the stick is not at fault")]
    Disk(#[source] io::Error),
    /// One is handled at a time.
    #[error("another stick is being handled here; wait until it is done, and try again")]
    Busy,
}

impl StickError {
    /// What cannot be read or written, and why; any other as it is.
    pub fn io(self) -> Result<(PathBuf, io::Error), Self> {
        match self {
            Self::Io(path, error) => Ok((path, error)),
            other @ (Self::NotAFile(_) | Self::TooMany(_) | Self::Disk(_) | Self::Busy) => Err(other),
        }
    }

    /// Of what is not a stick's, but in a folder of this machine's own.
    #[must_use]
    pub fn of_disk(self) -> Self {
        self.io().map_or_else(|other| other, |(_, error)| Self::Disk(error))
    }
}

/// The file itself, or the files of a folder whose names end in [`ENDING`] and that are `wanted`, by name; more than `most`
/// are refused.
pub fn listed(path: &Path, most: usize, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, StickError> {
    let failed = |error| StickError::Io(path.to_owned(), error);
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for (seen, entry) in fs::read_dir(path).map_err(failed)?.enumerate() {
        let entry = entry.map_err(failed)?;
        let called_so = entry.file_name().as_encoded_bytes().ends_with(ENDING.as_bytes());
        let path_there = entry.path();
        if called_so && wanted(&path_there) {
            found.push(path_there);
        }
        if found.len() > most || seen > ENTRIES {
            return Err(StickError::TooMany(path.to_owned()));
        }
    }
    found.sort();
    Ok(found)
}

/// The bundles of a folder that were made since then, in Unix milliseconds by this machine's clock, and that are `wanted`.
pub fn left(
    folder: &Path,
    since_ms: u64,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, StickError> {
    listed(folder, usize::MAX, |path| made_ms(path) >= since_ms && wanted(path))
}

/// Removes the files of a folder that are called like bundles, or like parts of them, and of which `is_over` says that
/// nobody needs them; gives those that are gone. What cannot be removed stays.
pub fn sweep(folder: &Path, is_over: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, StickError> {
    let failed = |error| StickError::Io(folder.to_owned(), error);
    let mut gone = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)?.take(ENTRIES) {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let called_so = name.strip_suffix(PART.as_bytes()).unwrap_or(name).ends_with(ENDING.as_bytes());
        if called_so && is_over(&path) && fs::remove_file(&path).is_ok() {
            gone.push(path);
        }
    }
    gone.sort();
    Ok(gone)
}

/// The paths of what is in a folder, by name. A link in the folder's place is not followed.
pub fn inside(folder: &Path) -> Result<Vec<PathBuf>, StickError> {
    let failed = |error: rustix::io::Errno| StickError::Io(folder.to_owned(), error.into());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty()).map_err(failed)?;
    let mut found = Vec::new();
    for entry in rustix::fs::Dir::read_from(opened).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            found.push(folder.join(std::ffi::OsStr::from_bytes(name)));
        }
    }
    found.sort();
    Ok(found)
}

/// Removes the files of a folder that a process left that is gone: those that are `called` so, and older than that in Unix
/// milliseconds by this machine's clock. A folder that is not there holds none.
pub fn forget_stale(
    folder: &Path,
    before_ms: u64,
    called: impl Fn(&str) -> bool,
) -> Result<usize, StickError> {
    let found = match inside(folder) {
        Err(StickError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let mut gone = 0;
    for path in found {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if called(&name) && made_ms(&path) < before_ms {
            fs::remove_file(&path).map_err(|error| StickError::Io(path.clone(), error))?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// When a file was last written, in Unix milliseconds; zero where nothing is known of it.
fn made_ms(path: &Path) -> u64 {
    let seconds = fs::symlink_metadata(path).map_or(0, |facts| facts.mtime());
    u64::try_from(seconds.saturating_mul(1_000)).unwrap_or(0)
}

/// Removes a file that did its work; false where it is still there. The work is done all the same, and the log says so.
pub fn discard(path: &Path) -> bool {
    let Err(error) = fs::remove_file(path) else { return true };
    if error.kind() == io::ErrorKind::NotFound {
        return true;
    }
    let path = path.display().to_string();
    tracing::warn!(path, %error, "a file that is needed no more cannot be removed; remove it by hand");
    false
}

/// Opens an ordinary file to read it; gives its length too.
pub fn open(path: &Path) -> Result<(File, u64), StickError> {
    let file = open_with(path, OFlags::RDONLY)?;
    let facts = file.metadata().map_err(|error| StickError::Io(path.to_owned(), error))?;
    Ok((file, facts.len()))
}

/// Makes the file `name` in `folder`. It is called `name` and [`PART`] until `copy` has filled it and it is on the disk;
/// what an earlier try left of it is there for `copy` to go on with. It is cut to the length that `copy` gives.
pub fn place<E: From<StickError>>(
    folder: &Path,
    name: &str,
    copy: impl FnOnce(&mut File) -> Result<u64, E>,
) -> Result<PathBuf, E> {
    let part = folder.join(format!("{name}{PART}"));
    let mut file = open_with(&part, OFlags::RDWR | OFlags::CREATE)?;
    let length = copy(&mut file)?;
    let place = folder.join(name);
    let moved = || {
        file.set_len(length)?;
        file.sync_all()?;
        fs::rename(&part, &place)?;
        // Not every filesystem of sticks syncs a folder by itself.
        let synced = sync_folder_of(&place);
        synced.or_else(|error| if error.kind() == io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) })
    };
    moved().map_err(|error| StickError::Io(place.clone(), error))?;
    Ok(place)
}

/// The name of a file that is to be written. Another than a bundle's would not be found again on a stick, and what has
/// none is most often a folder that is mistyped or not mounted.
pub fn name_of(path: &Path) -> Result<&str, String> {
    let name = path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(ENDING));
    let folder = path.parent().filter(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    name.filter(|_| folder.is_some()).ok_or_else(|| {
        let path = path.display();
        format!("{path} is no folder that is there; where a file is to be written, its name has to end in {ENDING}")
    })
}

/// Where the filesystem is mounted that a path is on, named in full and without links; `None` where that cannot be seen.
pub fn mount_of(path: &Path) -> Option<PathBuf> {
    let mounts = mounts()?;
    path.ancestors().find(|place| is_among(&mounts, place)).map(Path::to_owned)
}

/// Where the kernel shows the device that a path is on, or would be, for as long as that device is there; `None` where it
/// shows none.
pub fn device_of(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let device = path.ancestors().find_map(|path| fs::metadata(path).ok())?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    Some(PathBuf::from(format!("/sys/dev/block/{major}:{minor}"))).filter(|shown| shown.exists())
}

/// Of something that failed: whether the stick is gone, by its device as [`device_of`] gave it. A file that cannot be read or
/// written is heard of before the kernel shows the device no more, so after such a fault that is waited for a little.
pub fn is_pulled(device: Option<&Path>, by_io: bool) -> bool {
    let Some(device) = device else { return false };
    let until = Instant::now() + if by_io { PULLED_SEEN } else { Duration::ZERO };
    while device.exists() && Instant::now() < until {
        std::thread::sleep(PULLED_LOOK);
    }
    !device.exists()
}

/// Files as they are named where only UTF-8 can be.
pub fn names(files: &[PathBuf]) -> Vec<Cow<'_, str>> {
    files.iter().map(|file| file.to_string_lossy()).collect()
}

/// Whether something is mounted at that folder, named so; `None` where that cannot be seen.
pub fn is_mounted(folder: &Path) -> Option<bool> {
    mounts().map(|mounts| is_among(&mounts, folder))
}

/// The mounts of this process's namespace, as proc_pid_mountinfo(5) says. No filesystem is asked: one that went away may
/// never answer. What is mounted beneath a folder that is kept from this process is there all the same.
fn mounts() -> Option<Vec<u8>> {
    fs::read("/proc/self/mountinfo").ok()
}

fn is_among(mounts: &[u8], place: &Path) -> bool {
    let mut written = Vec::new();
    for byte in place.as_os_str().as_bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => written.extend(format!("\\{byte:03o}").bytes()),
            plain => written.push(*plain),
        }
    }
    let at = |line: &[u8]| line.split(|byte| *byte == b' ').nth(4) == Some(&written);
    mounts.split(|byte| *byte == b'\n').any(at)
}

/// A number of bytes as people write it: `1500`, `64K`, `512M`, `4G`.
pub fn bytes_of(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        _ => return Err("write bytes, or a number with K, M or G".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "write bytes, or a number with K, M or G".to_owned())?;
    if number == 0 {
        return Err("nothing fits in that".to_owned());
    }
    number.checked_mul(unit).ok_or_else(|| "that is more than any stick holds".to_owned())
}

/// Holds a lock file for this process alone, until what is given is dropped; `None` where another process holds it.
pub fn hold(path: &Path) -> Result<Option<File>, StickError> {
    let file = open_with(path, OFlags::RDWR | OFlags::CREATE)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(StickError::Io(path.to_owned(), error.into())),
    }
}

fn open_with(path: &Path, flags: OFlags) -> Result<File, StickError> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => File::from(file),
        // A link, a folder that is to be written, a socket, a device that is not there.
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::ISDIR | rustix::io::Errno::NXIO) => {
            return Err(StickError::NotAFile(path.to_owned()));
        }
        Err(error) => return Err(StickError::Io(path.to_owned(), error.into())),
    };
    let facts = file.metadata().map_err(|error| StickError::Io(path.to_owned(), error))?;
    if facts.is_file() { Ok(file) } else { Err(StickError::NotAFile(path.to_owned())) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_ordinary_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("real.flip"), b"12345").unwrap();
        symlink(at("real.flip"), at("link.flip")).unwrap();
        symlink("/dev/zero", at("zero.flip")).unwrap();
        symlink("nowhere", at("dangling.flip")).unwrap();
        fs::create_dir(at("folder.flip")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe.flip"),
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        assert_eq!(open(&at("real.flip")).unwrap().1, 5);
        for name in ["link.flip", "zero.flip", "dangling.flip", "folder.flip", "pipe.flip"] {
            assert!(matches!(open(&at(name)), Err(StickError::NotAFile(_))), "{name}");
        }
        assert!(matches!(open(Path::new("/dev/null")), Err(StickError::NotAFile(_))));
        assert!(matches!(open(&at("missing.flip")), Err(StickError::Io(..))));
        assert_eq!(listed(folder.path(), 6, |_| true).unwrap().len(), 6);
        assert!(matches!(listed(folder.path(), 5, |_| true), Err(StickError::TooMany(_))));
        assert_eq!(listed(folder.path(), 1, |path| path.ends_with("real.flip")).unwrap(), [at("real.flip")]);
        // Nothing is written through a link either.
        symlink(at("real.flip"), at("new.flip.part")).unwrap();
        let placed = place(folder.path(), "new.flip", |_| Ok::<_, StickError>(0));
        assert!(matches!(placed, Err(StickError::NotAFile(_))));
        assert_eq!(fs::read(at("real.flip")).unwrap(), b"12345");
    }

    #[test]
    fn a_file_has_its_name_once_it_is_whole_and_what_was_there_of_it_is_kept_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.flip");
        let cut = place(folder.path(), "a.flip", |file| {
            file.write_all(b"abc-and-more").unwrap();
            Err::<u64, _>(StickError::TooMany(PathBuf::new()))
        });
        assert!(cut.is_err() && !path.exists());
        place(folder.path(), "a.flip", |file| {
            let mut before = String::new();
            file.read_to_string(&mut before).unwrap();
            assert_eq!(before, "abc-and-more");
            file.seek(SeekFrom::Start(3)).unwrap();
            file.write_all(b"def").unwrap();
            Ok::<_, StickError>(6)
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abcdef");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_process_left_is_forgotten_and_no_link_is_taken_for_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["taking-1", "taking-2.part", "flip-3.flip"] {
            fs::write(at(name), name).unwrap();
        }
        let taking = |name: &str| name.starts_with("taking-");
        assert_eq!(forget_stale(folder.path(), 1_000, taking).unwrap(), 0, "they are younger");
        assert_eq!(forget_stale(folder.path(), u64::MAX, taking).unwrap(), 2);
        assert_eq!(inside(folder.path()).unwrap(), [at("flip-3.flip")]);
        assert_eq!(forget_stale(&at("nowhere"), u64::MAX, |_| true).unwrap(), 0);
        symlink(folder.path(), at("link")).unwrap();
        assert!(inside(&at("link")).is_err() && forget_stale(&at("link"), u64::MAX, |_| true).is_err());
        assert!(at("flip-3.flip").exists());
    }

    #[test]
    fn what_cannot_be_discarded_fails_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("done.flip");
        fs::write(&path, b"done").unwrap();
        assert!(discard(&path) && !path.exists());
        assert!(discard(&path), "it is gone already");
        assert!(!discard(folder.path()), "a folder is not removed so");
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(bytes_of("1500"), Ok(1_500));
        assert_eq!(bytes_of("64k"), Ok(65_536));
        assert_eq!(bytes_of("4GiB"), Ok(4 << 30));
        for bad in ["", "0", "0G", "G", "-1", "4X", "1.5G", "99999999999G"] {
            assert!(bytes_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stick_is_pulled_once_its_device_is_gone_which_may_be_a_little_later() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("8:1");
        assert!(!is_pulled(None, true), "what is on no device");
        fs::write(&device, b"").unwrap();
        assert!(!is_pulled(Some(&device), false) && !is_pulled(Some(&device), true), "it stays");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(PULLED_LOOK);
                fs::remove_file(&device).unwrap();
            });
            assert!(is_pulled(Some(&device), true));
        });
    }

    #[test]
    fn a_folder_is_told_from_what_is_mounted_at_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(is_mounted(Path::new("/proc")), Some(true));
        assert_eq!(is_mounted(folder.path()), Some(false));
        assert_eq!(is_mounted(Path::new("/nowhere")), Some(false));
        // What is on no device goes away with none.
        assert_eq!(device_of(Path::new("/proc/1/nowhere/answer.flip")), None);
        // A name alone is of where one is.
        let here = std::env::current_dir().unwrap();
        assert_eq!(device_of(Path::new("answer.flip")), device_of(&here));
        // Whatever is deep inside is on it.
        assert_eq!(mount_of(Path::new("/proc/1/nowhere/answer.flip")).as_deref(), Some(Path::new("/proc")));
        let mounts = b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                       40 22 8:17 / /mnt/my\\040\\134stick rw master:1 - vfat /dev/sdb1 rw\n";
        let among = |place: &str| is_among(mounts, Path::new(place));
        assert!(among("/") && among("/mnt/my \\stick"));
        assert!(!among("/mnt/my") && !among("/mnt") && !among("/dev/sdb1") && !among(""));
    }

    #[test]
    fn what_is_to_be_written_is_called_like_a_bundle_and_its_folder_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(name_of(&folder.path().join("a.flip")), Ok("a.flip"));
        assert_eq!(name_of(Path::new("a.flip")), Ok("a.flip"));
        for path in [folder.path().join("stik"), folder.path().join("stik/a.flip"), "/".into()] {
            let why = name_of(&path).unwrap_err();
            assert!(why.starts_with(&format!("{} is no folder that is there", path.display())), "{why}");
        }
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = hold(&path).unwrap();
        assert!(held.is_some() && hold(&path).unwrap().is_none());
        drop(held);
        assert!(hold(&path).unwrap().is_some());
    }
}
