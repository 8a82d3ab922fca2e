//! Backups: a folder with everything that a hub is, and the way back from it.
//!
//! What must stay true: a backup is whole or absent, and its owner's alone; what is put back is what was saved, byte for
//! byte. Deliberately absent: encryption. Who has a backup is the hub.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use flip_protocol::{PartyId, UnixMillis, text};
use flip_storage::artefacts;
use flip_storage::audit::check::Wrong;
use flip_storage::file::{self, Access};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::{By, Deed};
use crate::authority::{Authority, AuthorityError};
use crate::clock;
use crate::config::{self, Config};
use crate::files::settings::Settings;
use crate::hub;
use crate::ledger::trusts::Peer;
use crate::ledger::{self, Ledger, LedgerError, OpenError};

/// The file that says what a backup holds.
pub const MANIFEST: &str = "backup.json";
const LEDGER: &str = "hub.sqlite";
const KEYS: &str = "keys";
/// The folder of models' files.
const FILES: &str = "files";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file.
    pub flip_hub_backup: u32,
    /// The hub.
    pub hub: PartyId,
    /// The program that made it.
    pub version: String,
    /// When it was begun.
    pub at: UnixMillis,
    /// Every file but this one, by its path in the backup.
    pub files: Vec<Saved>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Its path.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Why there is no backup, or nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder.
    #[error("{0} cannot be read or written")]
    File(PathBuf, #[source] io::Error),
    /// Something is where the backup or the hub is to be.
    #[error("{0} is not empty; name a folder that is empty or not there yet")]
    NotEmpty(PathBuf),
    /// No backup.
    #[error("{0} holds no backup that this program can read")]
    NoBackup(PathBuf),
    /// A file is not what was saved.
    #[error("{0} is not what was saved: the backup is damaged or was altered")]
    Altered(PathBuf),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] AuthorityError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The audit in the backup.
    #[error("the audit in the backup is not whole")]
    Audit(#[source] Wrong),
}

/// Saves the hub in `data` to a folder that is empty or not there yet. The hub may be running.
///
/// Files of models that are kept on this machine are in it; those in a store elsewhere are not.
pub fn save(data: &Path, files: &Settings, to: &Path) -> Result<Manifest, BackupError> {
    let authority = Authority::load(&Config::keys(data))?;
    make_empty(to)?;
    // Without the slash that a shell puts behind a folder's name, and also where it is said as `.`.
    let to = to.canonicalize().map_err(failed(to))?;
    let making = aside(&to);
    make_empty(&making)?;
    let made = save_aside(data, files, &authority, &making, &to).and_then(|manifest| {
        // The empty folder is there; the rename takes its place.
        fs::rename(&making, &to).and_then(|()| file::sync_folder_of(&to)).map_err(failed(&to))?;
        Ok(manifest)
    });
    if made.is_err() {
        // What was copied helps nobody, and would be in the way of the next try. Why there is no backup is told.
        let _ = fs::remove_dir_all(&making);
    }
    made
}

/// Copies the hub in `data` to the empty folder `making`, which is to become `to`.
fn save_aside(
    data: &Path,
    files: &Settings,
    authority: &Authority,
    making: &Path,
    to: &Path,
) -> Result<Manifest, BackupError> {
    let now = clock::now();
    let ledger = Ledger::open(&Config::ledger(data))?;
    // Before the copy, so that the backup says of itself that it was made.
    ledger.note_now(By::command_line(now), Deed::BackupMade { folder: to.display().to_string() })?;
    ledger::backup::copy(&Config::ledger(data), &making.join(LEDGER))?;
    let mut paths = vec![PathBuf::from(LEDGER), PathBuf::from(config::FILE)];
    copy(&data.join(config::FILE), &making.join(config::FILE), Access::Anyone)?;
    folder(&making.join(KEYS))?;
    for entry in fs::read_dir(Config::keys(data)).map_err(failed(&Config::keys(data)))? {
        let entry = entry.map_err(failed(&Config::keys(data)))?;
        let path = Path::new(KEYS).join(entry.file_name());
        copy(&entry.path(), &making.join(&path), Access::Owner)?;
        paths.push(path);
    }
    if files.s3.is_none() {
        folder(&making.join(FILES))?;
        for known in ledger::files::known(&making.join(LEDGER))?.iter().filter(|of| of.bytes.is_some()) {
            let path = Path::new(FILES).join(artefacts::name(known.key));
            match copy_large(&artefacts::kept_file(&files.folder, known.key), &making.join(&path)) {
                Ok(()) => paths.push(path),
                // It was deleted since the ledger was copied.
                Err(BackupError::File(_, error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    paths.sort();
    let saved = paths.iter().map(|path| saved(making, path)).collect::<Result<_, _>>()?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let manifest = Manifest { flip_hub_backup: 1, hub: authority.hub(), version, at: now, files: saved };
    let written = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(making)(error.into()))?;
    file::write(&making.join(MANIFEST), &written, Access::Owner).map_err(failed(making))?;
    Ok(manifest)
}

/// Puts a backup back into `data`, which is empty or not there yet.
pub fn restore(from: &Path, data: &Path) -> Result<Manifest, BackupError> {
    let no_backup = || BackupError::NoBackup(from.to_owned());
    let manifest = fs::read(from.join(MANIFEST)).map_err(|_| no_backup())?;
    let manifest: Manifest = serde_json::from_slice(&manifest).map_err(|_| no_backup())?;
    if manifest.flip_hub_backup != 1 {
        return Err(no_backup());
    }
    for known in &manifest.files {
        let path = Path::new(&known.path);
        let inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside || saved(from, path)? != *known {
            return Err(BackupError::Altered(from.join(path)));
        }
    }
    make_empty(data)?;
    folder(&Config::keys(data))?;
    // The configuration last: its presence says that the hub is whole.
    let of_config = |saved: &&Saved| saved.path == config::FILE;
    let config = fs::read_to_string(from.join(config::FILE)).map_err(failed(&from.join(config::FILE)))?;
    let kept = Settings::folder_in(data, &config).join("kept");
    for known in manifest.files.iter().filter(|saved| !of_config(saved)) {
        if let Ok(name) = Path::new(&known.path).strip_prefix(FILES) {
            folder(&kept)?;
            copy_large(&from.join(&known.path), &kept.join(name))?;
        } else {
            copy(&from.join(&known.path), &data.join(&known.path), Access::Owner)?;
        }
    }
    let authority = Authority::load(&Config::keys(data))?;
    let ledger = Ledger::open(&Config::ledger(data))?;
    ledger.check_audit(Vec::new())?.map_err(BackupError::Audit)?;
    let now = clock::now();
    let reseal = Box::new(move |peer: &Peer, id, sequence, work: &_, expires| {
        hub::seal_order(&authority, peer, id, sequence, work, now, expires)
    });
    ledger.restored(By::command_line(now), manifest.at, reseal)?;
    for known in manifest.files.iter().filter(of_config) {
        copy(&from.join(&known.path), &data.join(&known.path), Access::Anyone)?;
    }
    Ok(manifest)
}

/// Where a backup is made before it takes its place.
fn aside(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn make_empty(path: &Path) -> Result<(), BackupError> {
    folder(path)?;
    let mut entries = fs::read_dir(path).map_err(failed(path))?;
    if entries.next().is_some() { Err(BackupError::NotEmpty(path.to_owned())) } else { Ok(()) }
}

fn folder(path: &Path) -> Result<(), BackupError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))
}

fn copy(from: &Path, to: &Path, access: Access) -> Result<(), BackupError> {
    if access == Access::Owner && from.file_name().is_some_and(|name| name == LEDGER) {
        return copy_large(from, to);
    }
    let bytes = fs::read(from).map_err(failed(from))?;
    file::write(to, &bytes, access).map_err(failed(to))
}

/// The same of what is too large to be held, for its owner alone.
fn copy_large(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::copy(from, to).map_err(failed(from))?;
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(to, private).and_then(|()| fs::File::open(to)?.sync_all()).map_err(failed(to))
}

fn saved(folder: &Path, path: &Path) -> Result<Saved, BackupError> {
    let whole = folder.join(path);
    let mut reader = fs::File::open(&whole).map_err(failed(&whole))?;
    let mut digest = Sha256::new();
    let bytes = io::copy(&mut reader, &mut Hashed(&mut digest)).map_err(failed(&whole))?;
    Ok(Saved { path: path.display().to_string(), bytes, sha256: text::hex(&digest.finalize()) })
}

struct Hashed<'a>(&'a mut Sha256);

impl io::Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::File(path.clone(), error)
}
