//! The files of an extract: which table each holds, and how it is written.
//!
//! A table is one file (`person.csv`), numbered parts (`person_0001.parquet`, `PERSON.part-2.csv`), or a folder named
//! after it with its parts in it (`person/`, `person.parquet/`), as Spark writes. Parts may be in several formats;
//! a whole file beside parts, or a part that is there twice, is refused, because nobody knows which one counts.
//!
//! What must stay true: every file is opened once and read through that one handle, so that what is checked is what
//! is loaded; a file that changes, is replaced, comes or goes meanwhile stops the ingest. Deliberately absent: what is
//! inside.

mod names;
mod nearly;
mod parts;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flip_gate::cdm::{TABLES, Table};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::bounds::{FILES, NAMES_ALIKE};
use super::error::IngestError;
use super::manifest::Note;
pub(super) use names::ENDINGS_SAID;
use names::{Named, named_file, named_folder, part_of};
pub(super) use parts::Part;

/// A file whose presence says that an extract is complete.
pub(super) const READY: &str = "READY";

/// What is said of a folder in the extract's folder that may be the extract.
const FOLDER_OF_TABLES: &str = "a folder with files of tables, not read; it can be ingested by itself";

/// What is said of what is named like a file of a table and is none.
const SPECIAL: &str = "a folder or a special file; not read";

/// One file of an extract.
#[derive(Debug)]
pub(super) struct Source {
    pub table: &'static Table,
    /// Its name within the extract's folder.
    pub name: String,
    pub format: Format,
    pub part: Part,
    pub bytes: u64,
    modified: Option<SystemTime>,
    path: PathBuf,
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

/// The recognised files in the order of the CDM and of their parts, and notes on the others.
pub(super) fn discover(folder: &Path) -> Result<(Vec<Source>, Vec<Note>), IngestError> {
    allow_open_files();
    let (found, mut notes) = recognised(folder)?;
    if found.is_empty() {
        return Err(IngestError::NothingRecognised { folder: folder.to_owned(), alike: alike(&notes, None) });
    }
    let mut sources = found.into_iter().map(Source::open).collect::<Result<Vec<_>, _>>()?;
    let place = |table: &Table| TABLES.iter().position(|other| other.name == table.name);
    sources.sort_by(|one, other| {
        (place(one.table), &one.part, &one.name).cmp(&(place(other.table), &other.part, &other.name))
    });
    for of_table in sources.chunk_by(same_table) {
        notes.extend(parts::check(of_table)?);
    }
    Ok((sources, notes))
}

/// Refuses an extract that has other files by now than those that were read: it was not complete when it was listed.
pub(super) fn must_hold_just(folder: &Path, read: &[&str]) -> Result<(), IngestError> {
    let (found, _) = recognised(folder)?;
    let now: BTreeSet<&str> = found.iter().map(|found| found.name.as_str()).collect();
    let read: BTreeSet<&str> = read.iter().copied().collect();
    match now.symmetric_difference(&read).next() {
        Some(file) => Err(IngestError::Changed { file: (*file).to_owned() }),
        None => Ok(()),
    }
}

/// A file whose name says what it holds.
struct Recognised {
    table: &'static Table,
    name: String,
    format: Format,
    part: Part,
    path: PathBuf,
}

/// The files of tables, unopened, and notes on the others.
fn recognised(folder: &Path) -> Result<(Vec<Recognised>, Vec<Note>), IngestError> {
    let mut files = Vec::new();
    let mut notes = Vec::new();
    let entries = listed(folder)?;
    let mut others = Vec::new();
    for (name, path) in entries {
        // Asked before anything is opened, because opening a pipe waits for its writer.
        let kind = fs::metadata(&path).map_err(|error| IngestError::io(&path, error))?.file_type();
        let (file, table_folder) = (named_file(&name), named_folder(&name));
        match (file, table_folder) {
            (Some(Named { table, format, part }), _) if kind.is_file() => {
                files.push(Recognised { table, name, format, part, path });
            }
            (_, Some(table)) if kind.is_dir() => inside(table, &name, &path, &mut files, &mut notes)?,
            _ if name == READY => {}
            (Some(_), _) => notes.push(Note::new(name, SPECIAL)),
            (None, _) if kind.is_dir() && holds_tables(&path) => {
                notes.push(Note::new(name, FOLDER_OF_TABLES));
            }
            (None, _) => others.push(name),
        }
        if files.len() > FILES {
            return Err(IngestError::TooManyFiles);
        }
    }
    notes.extend(others.iter().map(|name| Note::new(name, nearly::passed_over(name, &files))));
    Ok((files, notes))
}

/// True for a folder with a table's file right in it. One that cannot be looked into is a folder like any other.
fn holds_tables(folder: &Path) -> bool {
    let is_table = |entry: fs::DirEntry| named_file(&entry.file_name().to_string_lossy()).is_some();
    fs::read_dir(folder).is_ok_and(|entries| entries.take(FILES).flatten().any(is_table))
}

/// What was passed over and may be a table after all, that table or any, as errors end in it.
pub(super) fn alike(notes: &[Note], table: Option<&str>) -> String {
    let may_be = |note: &&Note| {
        let looks_like = nearly::looks_like(&note.about).map(|found| found.name);
        note.text == FOLDER_OF_TABLES
            || looks_like.is_some_and(|found| table.is_none_or(|table| found == table))
    };
    let mut said: Vec<String> =
        notes.iter().filter(may_be).map(|note| format!("; {}: {}", note.about, note.text)).collect();
    let more = said.len().saturating_sub(NAMES_ALIKE);
    said.truncate(NAMES_ALIKE);
    if more > 0 { said.concat() + &format!("; and {more} more like these") } else { said.concat() }
}

/// True for two files of one table.
pub(super) fn same_table(one: &Source, other: &Source) -> bool {
    one.table.name == other.table.name
}

/// The parts in a table's own folder.
fn inside(
    table: &'static Table,
    folder: &str,
    path: &Path,
    files: &mut Vec<Recognised>,
    notes: &mut Vec<Note>,
) -> Result<(), IngestError> {
    let before = (files.len(), notes.len());
    for (name, path) in listed(path)? {
        // Spark's marks and checksums: _SUCCESS, ._SUCCESS.crc.
        if name.starts_with(['.', '_']) {
            continue;
        }
        let shown = format!("{folder}/{name}");
        let is_file = fs::metadata(&path).map_err(|error| IngestError::io(&path, error))?.is_file();
        match part_of(table, &name) {
            Some((format, part)) if is_file => {
                let part = Part::Inside { folder: folder.to_owned(), number: part.0, stem: part.1 };
                files.push(Recognised { table, name: shown, format, part, path });
            }
            Some(_) => notes.push(Note::new(shown, SPECIAL)),
            None => {
                let why = format!("not read; the endings of parts are {ENDINGS_SAID}");
                notes.push(Note::new(shown, why));
            }
        }
        if files.len() > FILES {
            return Err(IngestError::TooManyFiles);
        }
    }
    // What a job leaves that was cut short.
    if (files.len(), notes.len()) == before {
        notes.push(Note::new(folder, format!("a folder of the table {}, with no part of it", table.name)));
    }
    Ok(())
}

/// What a folder holds, by name.
fn listed(folder: &Path) -> Result<Vec<(String, PathBuf)>, IngestError> {
    let io = |error| IngestError::io(folder, error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        entries.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    entries.sort();
    Ok(entries)
}

/// Every file stays open until the end, and a table may come in thousands of parts.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised, the open that fails says so.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}

impl Source {
    fn open(found: Recognised) -> Result<Self, IngestError> {
        let Recognised { table, name, format, part, path } = found;
        let io = |error| IngestError::io(&path, error);
        let file = File::open(&path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        let modified = metadata.modified().ok();
        Ok(Self { table, name, format, part, bytes: metadata.len(), modified, path, file })
    }

    /// A path by which DuckDB opens this very file: no pattern characters, and no race with a replaced name.
    pub fn handle_path(&self) -> String {
        format!("/proc/self/fd/{}", self.file.as_raw_fd())
    }

    /// A fresh reader from the file's first byte, with an offset of its own.
    pub fn reader(&self) -> Result<File, IngestError> {
        File::open(self.handle_path()).map_err(|error| self.failed(error))
    }

    /// The first four bytes, or as many as there are.
    pub fn first_bytes(&self) -> Result<Vec<u8>, IngestError> {
        let mut bytes = Vec::new();
        self.reader()?.take(4).read_to_end(&mut bytes).map_err(|error| self.failed(error))?;
        Ok(bytes)
    }

    /// Refuses a file that was written to or replaced since it was opened: its neighbours may be of another day.
    pub fn must_be_unchanged(&self) -> Result<(), IngestError> {
        let metadata = self.file.metadata().map_err(|error| self.failed(error))?;
        let same_file = fs::metadata(&self.path)
            .is_ok_and(|named| (named.dev(), named.ino()) == (metadata.dev(), metadata.ino()));
        if metadata.len() == self.bytes && metadata.modified().ok() == self.modified && same_file {
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
