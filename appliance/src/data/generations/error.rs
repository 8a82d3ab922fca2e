//! Why the folder of generations failed, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::damage::Damage;

/// Why the folder of generations failed.
#[derive(Debug, thiserror::Error)]
pub enum GenerationsError {
    /// Another ingest holds the lock.
    #[error("another ingest is at work (it holds {}); wait for it and run again", lock.display())]
    Busy {
        /// The lock's file.
        lock: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The pointer names nothing that can be a generation.
    #[error(
        "{} does not name a generation of this folder; see which there are (flip-appliance data list) and put one in use \
         (flip-appliance data use NAME), or ingest the extract again",
        path.display()
    )]
    Pointer {
        /// The pointer's file.
        path: PathBuf,
    },
    /// A quality report that is not one. The data are no worse for it.
    #[error(
        "the report on the quality of its data, {}, is damaged or of another version; the data can be used all the same. \
         To have the report again, ingest the extract again",
        path.display()
    )]
    Quality {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest that is not one.
    #[error(
        "{} is missing, damaged or of another version; use another generation (flip-appliance data list), or ingest the \
         extract again",
        path.display()
    )]
    Manifest {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No generation has that name.
    #[error("there is no generation {name}; {}", one_of(known))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The generation in use was to be removed.
    #[error("{name} is in use; use another one first: flip-appliance data use NAME")]
    InUse {
        /// Its name.
        name: String,
    },
    /// A generation was to be removed of which it cannot be told whether it is in use.
    #[error(
        "{name} stays, since it cannot be told whether it is in use; put the one in use that is to be (flip-appliance \
         data use NAME), then drop it"
    )]
    Untold {
        /// Its name.
        name: String,
        /// Why it cannot be told.
        #[source]
        why: Box<GenerationsError>,
    },
    /// A pinned generation was to be removed.
    #[error("{name} is needed by {}; it can be dropped once they are gone", pins.join(", "))]
    Pinned {
        /// Its name.
        name: String,
        /// Who needs it.
        pins: Vec<String>,
    },
    /// A pin's name that is none.
    #[error("{name:?} cannot name a pin: 1 to 100 letters, digits, - and _")]
    PinName {
        /// The name.
        name: String,
    },
    /// The data are not what they were.
    #[error("generation {name} is damaged: {how}. Its data are not used; {}", instead(other.as_deref()))]
    Damaged {
        /// Its name.
        name: String,
        /// What is wrong.
        how: Damage,
        /// The newest other generation.
        other: Option<String>,
    },
}

fn one_of(known: &[String]) -> String {
    if known.is_empty() {
        "nothing was ingested yet".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    }
}

fn instead(other: Option<&str>) -> String {
    let again = "ingest the extract again";
    other.map_or_else(
        || again.to_owned(),
        |other| format!("use another (flip-appliance data use {other}), or {again}"),
    )
}

pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> GenerationsError {
    let path = path.to_owned();
    move |source| GenerationsError::Io { doing, path, source }
}

/// What is no manifest.
pub(super) fn not_one<E: Into<io::Error>>(path: &Path) -> impl FnOnce(E) -> GenerationsError {
    let path = path.to_owned();
    move |error| GenerationsError::Manifest { path, source: error.into() }
}
