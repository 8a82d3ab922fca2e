//! Small files that must be whole or absent, and private ones.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Its owner alone (mode 0600).
    Owner,
    /// Anyone on the machine (mode 0644).
    Anyone,
}

/// Makes every file and folder that this process creates from now on its owner's alone, whoever's code creates it.
pub fn private_by_default() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Lets this process open as many files and connections as the system allows it at most.
pub fn raise_open_files() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Nofile, most) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// The user whose `path` is, where that is another than `me`; `None` also where it is not there, or not to be seen. A
/// link's owner is no matter: a folder may be one to a larger disk.
pub fn other_owner(path: &Path, me: u32) -> Option<u32> {
    let owner = fs::metadata(path).ok()?.uid();
    (owner != me).then_some(owner)
}

/// The user that this process acts as.
pub fn acts_as() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Writes the whole file beside its place, syncs it, and moves it there: readers see the old file or the new one.
pub fn write(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mode = match access {
        Access::Owner => 0o600,
        Access::Anyone => 0o644,
    };
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&aside)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    sync_folder_of(path)
}

/// Makes the entry of `path` in its folder durable.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_users_folder_is_told_from_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let me = acts_as();
        assert_eq!(other_owner(folder.path(), me), None);
        assert_eq!(other_owner(folder.path(), me + 1), Some(me));
        assert_eq!(other_owner(&folder.path().join("missing"), me + 1), None);
    }

    #[test]
    fn a_private_file_is_its_owners_alone_even_where_an_open_one_stood() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write(&path, b"open", Access::Anyone).unwrap();
        write(&path, b"secret", Access::Owner).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
