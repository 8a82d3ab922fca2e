//! Why a frozen cohort could not be kept or read.

use std::io;
use std::path::{Path, PathBuf};

use super::Name;
use crate::data::{GenerationsError, disk_is_full};

/// Why a frozen cohort could not be kept or read. Names, paths and counts; no record.
#[derive(Debug, thiserror::Error)]
pub enum FrozenError {
    /// The disk is full. Nothing was kept.
    #[error(
        "the disk is full: this freeze needs {needs_bytes} bytes; nothing was kept; free space and have it frozen again"
    )]
    DiskFull {
        /// Bytes that it takes.
        needs_bytes: u64,
        /// How it was told.
        source: io::Error,
    },
    /// A file or a folder.
    #[error("{what} {} did not work", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is none of that name.
    #[error("there is no frozen cohort {name}; flip-appliance frozen list names them")]
    Unknown {
        /// As it was asked for.
        name: String,
    },
    /// It was dropped here.
    #[error("the frozen cohort {name} was dropped; who was in it is no longer kept")]
    Dropped {
        /// Which.
        name: Name,
    },
    /// Its file is not what was written.
    #[error("the frozen cohort's file {} is damaged: {what}; drop it and freeze again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It has fewer persons than the site's policy lets a cohort have.
    #[error("fewer than {threshold} persons would be frozen; nothing was kept")]
    FewerThan {
        /// The site's threshold.
        threshold: u64,
    },
    /// The data generation.
    #[error(transparent)]
    Generations(#[from] GenerationsError),
}

impl FrozenError {
    /// A failure of an act on a file; a full disk is told apart by [`Self::for_bytes`].
    pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    /// Where a write found no room, says how much it needs.
    pub(super) fn for_bytes(self, needs_bytes: u64) -> Self {
        match self {
            Self::Io { source, .. } | Self::Generations(GenerationsError::Io { source, .. })
                if disk_is_full(&source) =>
            {
                Self::DiskFull { needs_bytes, source }
            }
            other @ (Self::DiskFull { .. }
            | Self::Io { .. }
            | Self::Unknown { .. }
            | Self::Dropped { .. }
            | Self::Damaged { .. }
            | Self::FewerThan { .. }
            | Self::Generations(_)) => other,
        }
    }
}
