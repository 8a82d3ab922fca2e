//! Whether a file that somebody brought may be handed on: read as what it is, not as what it is called.
//!
//! What must stay true: the only way to a [`Clean`] is through [`scan`]; whatever is not understood to its last byte is
//! not clean; memory does not grow with the file, and time only in proportion to it, so that no clock is needed.
//! Deliberately absent: a verdict about source code, which is made to be run ([`Note`] only points at lines), and the
//! memory that a harmless file may take where it is loaded.

mod archive;
mod globals;
mod numpy;
mod pickle;
mod reading;
mod source;
mod tensors;
mod value;

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

pub use self::source::Note;

use self::pickle::{Names, Persistent};
use self::reading::{Source, Window};
use crate::bounds;

/// A file that was read to its end and found harmless to load. Nothing but [`scan`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Clean {
    sha256: [u8; 32],
    size: u64,
    notes: Vec<Note>,
}

impl Clean {
    /// SHA-256 of what was read.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Lines of source code that somebody should look at.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

/// Why a file is not clean.
#[derive(Debug, thiserror::Error)]
pub enum Unclean {
    /// A pickle names what no model's data needs.
    #[error("its pickle names {name} (byte {at}), which is not among the names that weights and arrays need")]
    Name {
        /// Module and name.
        name: String,
        /// Where, in bytes from the start of the pickle's stream.
        at: u64,
    },
    /// A pickle does what no model's data needs.
    #[error("its pickle {what} (byte {at})")]
    Act {
        /// What it does.
        what: &'static str,
        /// Where, in bytes from the start of the pickle's stream.
        at: u64,
    },
    /// It is not what it begins as.
    #[error("it is damaged, or made to be misread: {what} (byte {at})")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where, in bytes from the start of its stream.
        at: u64,
    },
    /// It is of no kind that is let in, or not of the kind that its name says.
    #[error("{0}")]
    Kind(String),
    /// It is larger or has more parts than is read.
    #[error("it has more than is read: {0}")]
    TooMuch(&'static str),
    /// It could not be read.
    #[error("it could not be read")]
    Read(#[from] io::Error),
}

/// What the end of a name says that a file is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Torch,
    Arrays,
    Array,
    Pickle,
    Tensors,
    Python,
    Text,
}

const ENDINGS: &[(&str, Ending)] = &[
    ("pt", Ending::Torch),
    ("pth", Ending::Torch),
    ("ckpt", Ending::Torch),
    ("npz", Ending::Arrays),
    ("npy", Ending::Array),
    ("pkl", Ending::Pickle),
    ("pickle", Ending::Pickle),
    ("safetensors", Ending::Tensors),
    ("py", Ending::Python),
    ("cfg", Ending::Text),
    ("csv", Ending::Text),
    ("ini", Ending::Text),
    ("json", Ending::Text),
    ("md", Ending::Text),
    ("toml", Ending::Text),
    ("txt", Ending::Text),
    ("yaml", Ending::Text),
    ("yml", Ending::Text),
];

/// Reads the whole file, which must not change meanwhile.
pub fn scan(name: &str, file: &File) -> Result<Clean, Unclean> {
    let size = file.metadata()?.len();
    let mut hash = Sha256::new();
    Source::of(Window::new(file, 0, size)).each(|bytes| hash.update(bytes))?;
    let ending = ending_of(name)?;
    let mut notes = Vec::new();
    let start = first_bytes(file, size)?;
    let whole = || Source::of(Window::new(file, 0, size));
    let fits = |wanted: &[Ending], kind: &str| {
        if wanted.contains(&ending) {
            Ok(())
        } else {
            Err(Unclean::Kind(format!("it is {kind}, which “{name}” does not say; name it as what it is")))
        }
    };
    if start.starts_with(b"PK") {
        fits(&[Ending::Torch, Ending::Arrays], "a zip archive")?;
        let entries = archive::entries(file, size)?;
        if ending == Ending::Torch {
            archive::torch(file, &entries)?;
        } else {
            archive::arrays(file, &entries, size)?;
        }
    } else if start.starts_with(numpy::MAGIC) {
        fits(&[Ending::Array], "a NumPy array")?;
        numpy::array(&mut whole())?;
    } else if start.starts_with(&[0x1f, 0x8b]) {
        return Err(Unclean::Kind("it is compressed with gzip; bring what is in it".to_owned()));
    } else if start.first() == Some(&0x80) && ending != Ending::Tensors {
        fits(&[Ending::Pickle], "a pickle")?;
        pickle::all(&mut whole(), Persistent::Refused)?;
    } else {
        match ending {
            Ending::Pickle => pickle::all(&mut whole(), Persistent::Refused)?,
            Ending::Tensors => tensors::header(&mut whole(), size)?,
            Ending::Python | Ending::Text => {
                let text = text(whole(), size)?;
                if ending == Ending::Python {
                    notes = source::notes(&text);
                }
            }
            Ending::Torch => {
                let why =
                    "it is none of PyTorch's zip archives; save it with torch.save of PyTorch 1.6 or later";
                return Err(Unclean::Kind(why.to_owned()));
            }
            Ending::Array | Ending::Arrays => {
                return Err(Unclean::Kind("it is not what NumPy saves under that name".to_owned()));
            }
        }
    }
    if file.metadata()?.len() != size {
        return Err(Unclean::Malformed { what: "it changed while it was read", at: size });
    }
    Ok(Clean { sha256: hash.finalize().into(), size, notes })
}

/// Checks that files of that ending are let in.
pub fn check_ending(name: &str) -> Result<(), Unclean> {
    ending_of(name).map(drop)
}

/// The endings of files that are let in, without their dot.
pub fn endings() -> impl Iterator<Item = &'static str> {
    ENDINGS.iter().map(|(ending, _)| *ending)
}

fn ending_of(name: &str) -> Result<Ending, Unclean> {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let known = ENDINGS.iter().find(|(known, _)| ending.as_deref() == Some(*known));
    known.map(|(_, ending)| *ending).ok_or_else(|| {
        let known: Vec<&str> = endings().collect();
        Unclean::Kind(format!("no file of that ending is let in; these endings are: {}", known.join(", ")))
    })
}

fn first_bytes(file: &File, size: u64) -> Result<Vec<u8>, Unclean> {
    Source::of(Window::new(file, 0, size.min(8))).take(usize::try_from(size.min(8)).unwrap_or(8))
}

/// The text of a file that is text alone, and no pickle of the old protocol, which looks like text.
fn text(mut whole: Source<Window<'_>>, size: u64) -> Result<String, Unclean> {
    let length = usize::try_from(size).ok().filter(|length| *length <= bounds::SCAN_TEXT_BYTES);
    let length = length.ok_or(Unclean::TooMuch("a file of text has at most 16 MiB"))?;
    let bytes = whole.take(length)?;
    if let Ok(walked) = pickle::one(&mut Source::of(bytes.as_slice()), Persistent::Allowed, Names::Any)
        && walked.named
    {
        return Err(Unclean::Kind("it is a pickle that looks like text".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| Unclean::Malformed {
        what: "it should be text, and is not UTF-8",
        at: error.utf8_error().valid_up_to() as u64,
    })?;
    match text.find('\0') {
        Some(at) => {
            Err(Unclean::Malformed { what: "it should be text, and holds a zero byte", at: at as u64 })
        }
        None => Ok(text),
    }
}
