//! The files of an extract: which table each holds, and how it is written.
//!
//! What must stay true: every file is opened once and read through that one handle, so that what is checked is what
//! is loaded even when somebody replaces the file meanwhile. Deliberately absent: what is inside.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::SystemTime;

use flip_gate::cdm::{TABLES, Table};

use super::error::IngestError;
use super::manifest::Note;

/// One file of an extract.
#[derive(Debug)]
pub(super) struct Source {
    pub table: &'static Table,
    /// Its name, without its folder.
    pub name: String,
    pub format: Format,
    pub bytes: u64,
    modified: Option<SystemTime>,
    file: File,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Delimited text.
    Text {
        gzip: bool,
    },
    Parquet,
}

/// The recognised files, in the order of the CDM, and notes on the others.
pub(super) fn discover(folder: &Path) -> Result<(Vec<Source>, Vec<Note>), IngestError> {
    let io = |error| IngestError::io(folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        names.push(entry.map_err(io)?.file_name());
    }
    names.sort();

    let mut sources: Vec<Source> = Vec::new();
    let mut notes = Vec::new();
    for name in names {
        let path = folder.join(&name);
        let shown = name.to_string_lossy().into_owned();
        let Some((table, format)) = recognise(&shown) else {
            notes.push(Note::new(shown, "not named after an OMOP CDM table; not read"));
            continue;
        };
        // Asked before it is opened, because opening a pipe waits for its writer.
        if !fs::metadata(&path).map_err(|error| IngestError::io(&path, error))?.is_file() {
            notes.push(Note::new(shown, "a folder or a special file; not read"));
            continue;
        }
        let file = File::open(&path).map_err(|error| IngestError::io(&path, error))?;
        let metadata = file.metadata().map_err(|error| IngestError::io(&path, error))?;
        if let Some(other) = sources.iter().find(|source| source.table.name == table.name) {
            return Err(IngestError::TwoFiles {
                table: table.name,
                first: other.name.clone(),
                second: shown,
            });
        }
        let modified = metadata.modified().ok();
        sources.push(Source { table, name: shown, format, bytes: metadata.len(), modified, file });
    }
    if sources.is_empty() {
        return Err(IngestError::NothingRecognised { folder: folder.to_owned() });
    }
    sources.sort_by_key(|source| TABLES.iter().position(|table| table.name == source.table.name));
    Ok((sources, notes))
}

/// The table and the format that a file's name says.
fn recognise(name: &str) -> Option<(&'static Table, Format)> {
    let lower = name.to_ascii_lowercase();
    let (stem, ending) = lower.split_once('.')?;
    let format = match ending {
        "csv" | "tsv" => Format::Text { gzip: false },
        "csv.gz" | "tsv.gz" => Format::Text { gzip: true },
        "parquet" => Format::Parquet,
        _ => return None,
    };
    Some((flip_gate::cdm::table(stem)?, format))
}

impl Source {
    /// A path by which DuckDB opens this very file: no pattern characters, and no race with a replaced name.
    pub fn handle_path(&self) -> String {
        format!("/proc/self/fd/{}", self.file.as_raw_fd())
    }

    /// A fresh reader from the file's first byte, with an offset of its own.
    pub fn reader(&self) -> Result<File, IngestError> {
        File::open(self.handle_path()).map_err(|error| self.failed(error))
    }

    /// Refuses a file that was written to since it was opened.
    pub fn must_be_unchanged(&self) -> Result<(), IngestError> {
        let metadata = self.file.metadata().map_err(|error| self.failed(error))?;
        if metadata.len() == self.bytes && metadata.modified().ok() == self.modified {
            Ok(())
        } else {
            Err(IngestError::Changed { file: self.name.clone() })
        }
    }

    /// A read of this file that failed.
    pub fn failed(&self, error: std::io::Error) -> IngestError {
        IngestError::io(Path::new(&self.name), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised_in_any_case() {
        for (name, table, format) in [
            ("person.csv", "person", Format::Text { gzip: false }),
            ("PERSON.CSV", "person", Format::Text { gzip: false }),
            ("Measurement.Csv.GZ", "measurement", Format::Text { gzip: true }),
            ("CONCEPT.tsv", "concept", Format::Text { gzip: false }),
            ("Image_Occurrence.parquet", "image_occurrence", Format::Parquet),
        ] {
            let (found, how) = recognise(name).expect("a known name");
            assert_eq!((found.name, how), (table, format), "{name}");
        }
        for name in ["people.csv", "person", "person.csv.bak", "person.xlsx", "old.person.csv", ".csv"] {
            assert!(recognise(name).is_none(), "{name}");
        }
    }
}
