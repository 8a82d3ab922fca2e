//! Whether a generation's file is still what was ingested.
//!
//! Two looks: a cheap one at every use (the file is there, has its size, begins as DuckDB's files do, and no
//! verification has found it damaged), and the full one, which reads it all and the population beside it, and compares
//! their SHA-256 with those of the manifest. A population that the manifest does not name is used by nobody, and not
//! looked at. What must stay true: what was found damaged stays out of use, also after a restart, until a
//! verification finds it sound again.

use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::{GenerationsError, failed};
use super::{Generation, Generations, sync, write_synced};
use crate::engine::population_beside;

const MARK: &str = "damaged";
/// Bytes read at once while a file is hashed.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A file's size and hash, by which it is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl FileMark {
    /// Of a file with these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut digest = Sha256::new();
        digest.update(bytes);
        Self { bytes: bytes.len() as u64, sha256: hexadecimal(digest) }
    }
}

/// What is wrong with a generation's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It cannot be opened.
    Missing,
    /// It has another size.
    Size {
        /// Bytes it had.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// It does not begin as DuckDB's files do.
    Header,
    /// Its bytes, or those of the population beside it, are not what they were.
    Bytes,
    /// The population that the manifest names is not beside it.
    NoPopulation,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("its file cannot be opened"),
            Self::Size { expected, found } => {
                write!(out, "its file has {found} bytes where {expected} were written")
            }
            Self::Header => out.write_str("its file does not begin as DuckDB's files do"),
            Self::Bytes => out.write_str("its file's SHA-256 is not that of what was ingested"),
            Self::NoPopulation => out.write_str("the file `population` beside its file cannot be opened"),
        }
    }
}

/// What a verification found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The file is what was ingested, to the byte.
    Sound,
    /// It is not; from now on nobody is given these data.
    Damaged(Damage),
    /// It was made by a version that kept no hash; only the cheap look was possible.
    NoHash,
}

impl Generations {
    /// Reads a generation's whole file and the population beside it, and compares them with what was ingested. `tick`
    /// hears of the bytes read so far.
    ///
    /// # Errors
    /// When there is none of that name, when the file cannot be read, and when the finding cannot be written down.
    pub fn verify(&self, name: &str, tick: &mut dyn FnMut(u64)) -> Result<Verdict, GenerationsError> {
        let generation = self.described(name)?;
        let verdict = look(&generation, tick).map_err(failed("reading", &generation.database))?;
        let folder = self.root.join(name);
        let mark = folder.join(MARK);
        match verdict {
            Verdict::Damaged(how) => {
                write_synced(&mark, format!("{how}\n").as_bytes())?;
                sync(&folder)?;
            }
            Verdict::Sound => match fs::remove_file(&mark) {
                Ok(()) => sync(&folder)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("removing", &mark)(error)),
            },
            Verdict::NoHash => {}
        }
        Ok(verdict)
    }

    pub(super) fn damaged(&self, name: &str, how: Damage) -> GenerationsError {
        let names = self.names().unwrap_or_default();
        let other = names.into_iter().rev().find(|other| {
            other != name && self.read(other).is_ok_and(|generation| of(&generation).is_none())
        });
        GenerationsError::Damaged { name: name.to_owned(), how, other }
    }
}

/// The cheap look.
pub(super) fn of(generation: &Generation) -> Option<Damage> {
    let marked = generation.database.parent().is_some_and(|folder| folder.join(MARK).exists());
    if !marked {
        return outside(generation);
    }
    let population = generation.manifest.population.as_ref();
    let is_missing = population.is_some_and(|_| !population_beside(&generation.database).exists());
    Some(if is_missing { Damage::NoPopulation } else { Damage::Bytes })
}

fn look(generation: &Generation, tick: &mut dyn FnMut(u64)) -> io::Result<Verdict> {
    if let Some(damage) = outside(generation) {
        return Ok(Verdict::Damaged(damage));
    }
    let Some(expected) = &generation.manifest.database else { return Ok(Verdict::NoHash) };
    if mark(&generation.database, tick)? != *expected {
        return Ok(Verdict::Damaged(Damage::Bytes));
    }
    let Some(population) = &generation.manifest.population else { return Ok(Verdict::Sound) };
    let mut tick = |read: u64| tick(expected.bytes + read);
    match mark(&population_beside(&generation.database), &mut tick) {
        Ok(found) if found == *population => Ok(Verdict::Sound),
        Ok(_) => Ok(Verdict::Damaged(Damage::Bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Verdict::Damaged(Damage::NoPopulation)),
        Err(error) => Err(error),
    }
}

/// What shows without reading the file.
fn outside(generation: &Generation) -> Option<Damage> {
    let Ok(mut file) = File::open(&generation.database) else { return Some(Damage::Missing) };
    let Ok(metadata) = file.metadata() else { return Some(Damage::Missing) };
    let (found, expected) = (metadata.len(), generation.manifest.database.as_ref().map(|mark| mark.bytes));
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        return Some(Damage::Size { expected, found });
    }
    // Eight bytes of a checksum, then DuckDB's name.
    let mut head = [0; 12];
    (file.read_exact(&mut head).is_err() || &head[8..] != b"DUCK").then_some(Damage::Header)
}

/// Reads a file for its size and hash.
pub(in crate::data) fn mark(path: &Path, tick: &mut dyn FnMut(u64)) -> io::Result<FileMark> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                digest.update(&chunk[..read]);
                bytes += read as u64;
                tick(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(FileMark { bytes, sha256: hexadecimal(digest) })
}

fn hexadecimal(digest: Sha256) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
        write!(text, "{byte:02x}").expect("a String takes it all");
    }
    text
}
