//! The folder of frozen cohorts.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use flip_protocol::freeze::Frozen;
use flip_protocol::ident::{ProjectId, QueryId};
use flip_protocol::{MessageId, UnixMillis, text};
use flip_storage::error_chain;
use flip_storage::file::{self as small, Access};
use hmac::{Hmac, KeyInit as _, Mac as _};
use roaring::RoaringTreemap;
use sha2::Sha256;

use super::facts::is_cohort;
use super::{Dropped, Facts, FrozenError, Name, drift, file};
use crate::clock;
use crate::data::{Generation, Generations};
use crate::engine::Members;

const SECRET: &str = "secret";
const LOCK: &str = "change.lock";
const ENDING: &str = ".frozen";
const PART: &str = ".part";

/// The folder of frozen cohorts.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// What is to be frozen, and for whom.
pub struct Wanted<'a> {
    /// The query's name.
    pub title: &'a str,
    /// The question as it came.
    pub sql: &'a str,
    /// The question as the gate wrote it out.
    pub canonical: &'a str,
    /// The project.
    pub project: Option<ProjectId>,
    /// The hub's query.
    pub query: QueryId,
    /// The order; none where the Trust itself freezes again.
    pub order: Option<MessageId>,
}

/// One entry of the list.
pub enum Listed {
    /// A version, kept or dropped.
    Version(Box<Facts>),
    /// A file that cannot be read.
    Unreadable(Name, FrozenError),
}

impl Store {
    /// Opens the folder, making it where it is absent, and clears what a killed freeze or drop left.
    ///
    /// # Errors
    /// When it cannot be made, read or cleared.
    pub fn open(root: &Path, generations: &Generations) -> Result<Self, FrozenError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(FrozenError::failed("making", root))?;
        let store = Self { root: root.to_owned() };
        let _lock = store.lock()?;
        let secret = root.join(SECRET);
        if !secret.exists() {
            small::write(&secret, &clock::random_bytes::<32>(), Access::Owner)
                .map_err(FrozenError::failed("writing", &secret))?;
        }
        for name in store.entries()? {
            if name.ends_with(PART) {
                let path = root.join(name);
                fs::remove_file(&path).map_err(FrozenError::failed("removing", &path))?;
            }
        }
        let pins = generations.pins()?;
        for pin in &pins {
            let Some(name) = Name::of_pin(&pin.name) else { continue };
            // A file that cannot be read keeps its generation: it is for people to look at.
            let is_kept = match store.facts(&name) {
                Ok(facts) => facts.dropped.is_none(),
                Err(FrozenError::Unknown { .. }) => false,
                Err(_) => true,
            };
            if !is_kept {
                generations.unpin(&pin.name)?;
            }
        }
        let says_which =
            |name: &Name| pins.iter().any(|pin| pin.name == name.pin() && pin.generation.is_some());
        for name in store.names()?.iter().filter(|name| !says_which(name)) {
            // A file that is damaged is not believed: what is without its pin then is for people to look at.
            let Ok((facts, ..)) = store.read(name) else { continue };
            if facts.dropped.is_none() {
                Self::pin_again(generations, &facts);
            }
        }
        Ok(store)
    }

    /// Freezes a cohort as the next version, on the generation where its members were found.
    ///
    /// An order that froze one on this generation already gets that one again: it was cut short before its end.
    ///
    /// # Errors
    /// When it cannot be kept; then nothing is.
    pub fn freeze(
        &self,
        generations: &Generations,
        generation: &Generation,
        wanted: &Wanted<'_>,
        members: &Members,
        now: UnixMillis,
    ) -> Result<Facts, FrozenError> {
        let cohort = Name::cohort_of(wanted.project, wanted.query, wanted.canonical);
        let _lock = self.lock()?;
        let versions = self.versions(&cohort)?;
        let again = versions.iter().find(|facts| {
            wanted.order.is_some()
                && facts.order == wanted.order
                && facts.extract.generation == generation.name
                && facts.dropped.is_none()
        });
        if let Some(facts) = again {
            return Ok(facts.clone());
        }
        let before = versions.last().filter(|facts| facts.dropped.is_none());
        let drift = match before {
            Some(before) => match self.members(&before.name) {
                Ok((before, found)) => Some(drift::between(
                    (&before.extract, before.name.version, &found),
                    (&generation.extract(), members),
                )),
                Err(error) => {
                    tracing::warn!(%error, "the version before cannot be read; no drift is told");
                    None
                }
            },
            None => None,
        };
        let name = Name { version: self.newest_version(&cohort)? + 1, cohort };
        let facts = Facts {
            name,
            frozen: now,
            title: wanted.title.to_owned(),
            project: wanted.project,
            query: wanted.query,
            order: wanted.order,
            sql: wanted.sql.to_owned(),
            canonical: wanted.canonical.to_owned(),
            extract: generation.extract(),
            persons: members.persons.len(),
            accessions: members.accessions.len() as u64,
            rows: members.rows,
            drift,
            dropped: None,
        };
        let (bytes, _) = file::encode(&facts, members);
        let needs = bytes.len() as u64;
        let pin = facts.name.pin();
        // Pinned before it can be read, and unpinned where it came to nothing.
        generations.pin(&pin, &generation.name).map_err(|error| FrozenError::from(error).for_bytes(needs))?;
        if let Err(error) = self.put(&facts.name, &bytes) {
            generations.unpin(&pin)?;
            return Err(error.for_bytes(needs));
        }
        Ok(facts)
    }

    /// Every version of every cohort: by cohort, then by version.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, FrozenError> {
        let listed = self.names()?.into_iter().map(|name| match self.facts(&name) {
            Ok(facts) => Listed::Version(Box::new(facts)),
            Err(error) => Listed::Unreadable(name, error),
        });
        Ok(listed.collect())
    }

    /// The versions of a cohort, the oldest first; a file that cannot be read is passed over.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn versions(&self, cohort: &str) -> Result<Vec<Facts>, FrozenError> {
        let names = self.names()?.into_iter().filter(|name| name.cohort == cohort);
        Ok(names.filter_map(|name| self.facts(&name).ok()).collect())
    }

    /// What people call a version: `f-3fa9c1d20b7e.v1`, or `f-3fa9c1d20b7e` for the newest.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn named(&self, text: &str) -> Result<Name, FrozenError> {
        let unknown = || FrozenError::Unknown { name: text.to_owned() };
        if is_cohort(text) {
            return self.names()?.into_iter().rfind(|name| name.cohort == text).ok_or_else(unknown);
        }
        let name: Name = text.parse().map_err(|_| unknown())?;
        if self.path(&name).exists() { Ok(name) } else { Err(unknown()) }
    }

    /// The facts of a version, kept or dropped.
    ///
    /// # Errors
    /// When there is none of that name, and when its file cannot be read.
    pub fn facts(&self, name: &Name) -> Result<Facts, FrozenError> {
        let path = self.path(name);
        let mut file = open(name, &path)?;
        let mut head = [0; file::HEAD];
        let damaged = |what| FrozenError::Damaged { path: path.clone(), what };
        file.read_exact(&mut head).map_err(|_| damaged("it is cut short"))?;
        let mut bytes = vec![0; file::facts_length(&head).map_err(damaged)?];
        file.read_exact(&mut bytes).map_err(|_| damaged("it is cut short"))?;
        let facts = file::facts(&bytes).map_err(damaged)?;
        if facts.name == *name { Ok(facts) } else { Err(damaged("it is another cohort's")) }
    }

    /// Who is in a version, after its whole file was compared with its digest.
    ///
    /// # Errors
    /// When there is none of that name, it was dropped, or its file is damaged.
    pub fn members(&self, name: &Name) -> Result<(Facts, Members), FrozenError> {
        let (facts, members, _) = self.read(name)?;
        if facts.dropped.is_some() {
            Err(FrozenError::Dropped { name: name.clone() })
        } else {
            Ok((facts, members))
        }
    }

    /// What the hub may know of a version.
    ///
    /// # Errors
    /// As of [`Store::members`].
    pub fn told(&self, name: &Name) -> Result<Frozen, FrozenError> {
        let (facts, _, digest) = self.read(name)?;
        let path = self.root.join(SECRET);
        let secret = fs::read(&path).map_err(FrozenError::failed("reading", &path))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("HMAC takes keys of any length");
        mac.update(&digest);
        Ok(Frozen {
            cohort: name.cohort.clone(),
            version: name.version,
            generation: facts.extract.generation,
            seal: text::hex(&mac.finalize().into_bytes()),
        })
    }

    /// Forgets who is in a version, for good, and lets its generation go; its facts stay.
    ///
    /// # Errors
    /// When there is none of that name, and when its file cannot be replaced. A damaged one is removed altogether.
    pub fn drop_one(
        &self,
        generations: &Generations,
        name: &Name,
        by: &str,
        now: UnixMillis,
    ) -> Result<(), FrozenError> {
        let _lock = self.lock()?;
        let path = self.path(name);
        // Read as a whole: facts of a damaged file would be written anew as if they were right.
        match self.read(name).map(|(facts, ..)| facts) {
            Ok(facts) if facts.dropped.is_some() => {
                return Err(FrozenError::Dropped { name: name.clone() });
            }
            Ok(facts) => {
                let dropped = Some(Dropped { at: now, by: by.to_owned() });
                let nobody =
                    Members { persons: RoaringTreemap::new(), accessions: BTreeSet::new(), rows: facts.rows };
                let (bytes, _) = file::encode(&Facts { dropped, ..facts }, &nobody);
                let put = self.put(name, &bytes);
                if let Err(error) = put.map_err(|error| error.for_bytes(bytes.len() as u64)) {
                    if !matches!(error, FrozenError::DiskFull { .. }) {
                        return Err(error);
                    }
                    // No room even for the facts: what must go, goes.
                    remove(&path)?;
                }
            }
            Err(FrozenError::Damaged { .. }) => remove(&path)?,
            Err(error) => return Err(error),
        }
        Ok(generations.unpin(&name.pin())?)
    }

    fn read(&self, name: &Name) -> Result<(Facts, Members, [u8; 32]), FrozenError> {
        let path = self.path(name);
        let mut bytes = Vec::new();
        open(name, &path)?.read_to_end(&mut bytes).map_err(FrozenError::failed("reading", &path))?;
        let damaged = |what| FrozenError::Damaged { path: path.clone(), what };
        let (facts, members, digest) = file::decode(&bytes).map_err(damaged)?;
        if facts.name == *name {
            Ok((facts, members, digest))
        } else {
            Err(damaged("it is another cohort's"))
        }
    }

    /// Writes a version aside, syncs it and moves it to its place; leaves nothing where that fails.
    fn put(&self, name: &Name, bytes: &[u8]) -> Result<(), FrozenError> {
        let path = self.path(name);
        let mut part = path.clone().into_os_string();
        part.push(PART);
        let part = PathBuf::from(part);
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&part, &path)?;
            small::sync_folder_of(&path)
        };
        write().map_err(|error| {
            if let Err(left) = fs::remove_file(&part)
                && left.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(error = %left, "what a failed freeze wrote is cleared at the next start");
            }
            FrozenError::failed("writing", &part)(error)
        })
    }

    /// The newest version's number, be its file readable or not; zero where there is none.
    fn newest_version(&self, cohort: &str) -> Result<u32, FrozenError> {
        let names = self.names()?.into_iter().filter(|name| name.cohort == cohort);
        Ok(names.map(|name| name.version).max().unwrap_or(0))
    }

    fn path(&self, name: &Name) -> PathBuf {
        self.root.join(format!("{name}{ENDING}"))
    }

    fn names(&self) -> Result<Vec<Name>, FrozenError> {
        let mut names: Vec<Name> =
            self.entries()?.iter().filter_map(|entry| entry.strip_suffix(ENDING)?.parse().ok()).collect();
        names.sort();
        Ok(names)
    }

    fn entries(&self) -> Result<Vec<String>, FrozenError> {
        let reading = FrozenError::failed("reading", &self.root);
        let entries = fs::read_dir(&self.root).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        Ok(entries
            .map_err(reading)?
            .into_iter()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect())
    }

    /// Pins anew what a frozen cohort needs whose pin is gone or cannot be read.
    fn pin_again(generations: &Generations, facts: &Facts) {
        let (cohort, generation) = (&facts.name, &facts.extract.generation);
        match generations.pin(&cohort.pin(), generation) {
            Ok(()) => {
                tracing::warn!(%cohort, generation, "what this frozen cohort needs was not pinned, and is again");
            }
            Err(error) => tracing::warn!(
                %cohort,
                error = error_chain(&error),
                "what this frozen cohort needs is not pinned; nothing of it but who was in it can be read"
            ),
        }
    }

    /// Waits its turn: the running appliance and the command line change things here. Unlocked when dropped.
    fn lock(&self) -> Result<Lock, FrozenError> {
        let path = self.root.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(FrozenError::failed("opening", &path))?;
        file.lock().map_err(FrozenError::failed("locking", &path))?;
        Ok(Lock(file))
    }
}

fn open(name: &Name, path: &Path) -> Result<File, FrozenError> {
    File::open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            FrozenError::Unknown { name: name.to_string() }
        } else {
            FrozenError::failed("opening", path)(error)
        }
    })
}

fn remove(path: &Path) -> Result<(), FrozenError> {
    fs::remove_file(path)
        .and_then(|()| small::sync_folder_of(path))
        .map_err(FrozenError::failed("removing", path))
}

struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that another thread is just starting may hold a copy of the handle.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "a lock on the frozen cohorts stays until this process ends");
        }
    }
}
