//! Why an ingest stopped.
//!
//! What must stay true: no error holds a value of the extract. DuckDB's own messages repeat the lines that they
//! complain about, so only those about files and memory are looked at, and only file errors are passed on.

use std::io;
use std::path::{Path, PathBuf};

use super::bounds::FILES;
use super::extract::ENDINGS_SAID;
use super::generations::GenerationsError;
use super::problem::Problems;

/// Why an ingest stopped. Whatever the reason, the data in use are unchanged.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The folder holds no file of an OMOP table.
    #[error("{} holds no file that is named after an OMOP CDM table (such as person.csv; the endings are {ENDINGS_SAID}){alike}", folder.display())]
    NothingRecognised {
        /// The extract's folder.
        folder: PathBuf,
        /// What is in it that may be tables, if anything.
        alike: String,
    },
    /// Two files claim one table.
    #[error(
        "two files for the table {table}: {first} and {second}; keep one (parts of a table are numbered, each once, as \
         {table}_0001 and {table}_0002 are, or stand in one folder named {table})"
    )]
    TwoFiles {
        /// The table.
        table: &'static str,
        /// The one file's name.
        first: String,
        /// The other's.
        second: String,
    },
    /// More files than one ingest holds open.
    #[error("more than {FILES} files; write larger parts")]
    TooManyFiles,
    /// There is no person table.
    #[error(
        "the extract has no person file, so it has no persons; export the table person too, as person.csv or a like name{alike}"
    )]
    NoPersonFile {
        /// What is in it that may be that file, if anything.
        alike: String,
    },
    /// The person table has no rows.
    #[error("{file} has no rows, so the extract has no persons; export the table person anew")]
    NoPersons {
        /// The person file's name.
        file: String,
    },
    /// The extract itself is faulty.
    #[error("{0}")]
    Problems(Problems),
    /// A file was written to while it was read.
    #[error(
        "{file} changed or was replaced while it was read; wait until the extract is complete and run again"
    )]
    Changed {
        /// The file's name.
        file: String,
    },
    /// No room for the new generation.
    #[error("the disk is full: this ingest needs about {needs_bytes} bytes; free space and run again")]
    DiskFull {
        /// Bytes that the new generation takes, estimated from the extract's size.
        needs_bytes: u64,
    },
    /// DuckDB ran out of the memory it may use.
    #[error("the ingest ran out of memory; raise ingest.memory_mb in appliance.toml")]
    Memory,
    /// A file could not be read or written.
    #[error("{} cannot be read or written{}", path.display(), advice(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// DuckDB failed for a reason of its own.
    #[error("DuckDB failed while {doing}{detail}")]
    Engine {
        /// What it was doing.
        doing: String,
        /// Its message where that is about files, else nothing.
        detail: String,
    },
    /// The folder of generations failed.
    #[error(transparent)]
    Generations(#[from] GenerationsError),
}

/// What a failed DuckDB call was about, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    DiskFull,
    Memory,
    Other,
}

impl Cause {
    pub(super) fn of(error: &duckdb::Error) -> Self {
        Self::of_text(&error.to_string())
    }

    /// Judged by what DuckDB begins texts about files and memory with: others quote the extract, which may hold any
    /// words.
    fn of_text(text: &str) -> Self {
        const BEGINNINGS: [&str; 5] = [
            "IO Error",
            "FATAL Error",
            "INTERNAL Error",
            "Out of Memory Error",
            "TransactionContext Error: Failed to commit",
        ];
        // The words of ENOSPC, EFBIG and EDQUOT, and of DuckDB's own bound on its temporary folder.
        const FULL: [&str; 4] =
            ["No space left on device", "File too large", "Disk quota exceeded", "max_temp_directory_size"];
        if !BEGINNINGS.iter().any(|words| text.starts_with(words)) {
            Self::Other
        } else if FULL.iter().any(|words| text.contains(words)) {
            Self::DiskFull
        } else if text.contains("Out of Memory Error") {
            Self::Memory
        } else {
            Self::Other
        }
    }
}

impl IngestError {
    /// A DuckDB call that failed, its message kept only where it cannot hold a value.
    pub(super) fn engine(doing: impl Into<String>, error: &duckdb::Error) -> Self {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        let detail = if line.starts_with("IO Error") { format!(": {line}") } else { String::new() };
        Self::of_cause(Cause::of(error), doing.into(), detail)
    }

    /// A DuckDB call that failed before any data were read, with its message.
    pub(super) fn engine_setup(doing: &str, error: &duckdb::Error) -> Self {
        Self::of_cause(Cause::of(error), doing.to_owned(), format!(": {error}"))
    }

    fn of_cause(cause: Cause, doing: String, detail: String) -> Self {
        match cause {
            Cause::DiskFull => Self::DiskFull { needs_bytes: 0 },
            Cause::Memory => Self::Memory,
            Cause::Other => Self::Engine { doing, detail },
        }
    }

    /// A file call that failed.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        if disk_is_full(&source) {
            Self::DiskFull { needs_bytes: 0 }
        } else {
            Self::Io { path: path.to_owned(), source }
        }
    }

    /// The same error, with the estimate filled in where the disk is full.
    pub(super) fn with_estimate(self, estimate_bytes: u64) -> Self {
        let full = match &self {
            Self::DiskFull { .. } => true,
            Self::Generations(GenerationsError::Io { source, .. }) => disk_is_full(source),
            Self::Generations(_)
            | Self::NothingRecognised { .. }
            | Self::TwoFiles { .. }
            | Self::TooManyFiles
            | Self::NoPersonFile { .. }
            | Self::NoPersons { .. }
            | Self::Problems(_)
            | Self::Changed { .. }
            | Self::Memory
            | Self::Io { .. }
            | Self::Engine { .. } => false,
        };
        if full { Self::DiskFull { needs_bytes: estimate_bytes } } else { self }
    }
}

/// What to do about a file that cannot be read or written, where that is known.
pub(crate) fn advice(source: &io::Error) -> &'static str {
    let kind = source.kind();
    if kind == io::ErrorKind::PermissionDenied {
        "; let the user who runs this program do so (chmod, or chown)"
    } else if kind == io::ErrorKind::NotFound {
        "; it has gone, or is a link to nowhere: put it there, or take the link away"
    } else {
        ""
    }
}

/// True where a write found no room: on the disk, in the quota, or under the limit of one file's size.
pub(crate) fn disk_is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use duckdb::Connection;

    use super::*;

    #[test]
    fn the_words_of_a_full_disk_in_a_record_are_no_full_disk() {
        let database = Connection::open_in_memory().unwrap();
        for value in [
            "File too large",
            "No space left on device",
            "IO Error: Disk quota exceeded",
            "Out of Memory Error",
        ] {
            let cast = format!("SELECT CAST('{value}' AS INTEGER)");
            let error = database.query_row(&cast, [], |_| Ok(())).unwrap_err();
            assert!(error.to_string().contains(value), "quotes the value: {error}");
            assert_eq!(Cause::of(&error), Cause::Other, "{error}");
        }
    }

    #[test]
    fn a_full_disk_and_a_full_memory_are_told_from_other_faults() {
        for (text, cause) in [
            ("IO Error: Could not write all bytes to file \"g\": No space left on device", Cause::DiskFull),
            ("IO Error: Could not write file \"g\": File too large", Cause::DiskFull),
            (
                "FATAL Error: Failed to create checkpoint because of error: Could not write: Disk quota exceeded",
                Cause::DiskFull,
            ),
            (
                "TransactionContext Error: Failed to commit: Could not write: No space left on device",
                Cause::DiskFull,
            ),
            (
                "Out of Memory Error: failed to offload data block of size 256.0 KiB (1 GiB/1 GiB used).\n\
              This limit was set by the 'max_temp_directory_size' setting.",
                Cause::DiskFull,
            ),
            ("Out of Memory Error: could not allocate block of size 256.0 KiB", Cause::Memory),
            ("IO Error: No files found", Cause::Other),
        ] {
            assert_eq!(Cause::of_text(text), cause, "{text}");
        }
    }

    #[test]
    fn a_file_of_another_user_is_named_with_what_to_do() {
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        let said = IngestError::io(Path::new("/srv/omop/PERSON.csv"), source).to_string();
        assert_eq!(
            said,
            "/srv/omop/PERSON.csv cannot be read or written; let the user who runs this program do so (chmod, or chown)"
        );
    }
}
