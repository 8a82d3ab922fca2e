//! Pins: generations that must stay because something refers to them, such as a frozen cohort.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use super::error::{GenerationsError, failed};
use super::{Generations, replace, sync};

const FOLDER: &str = "pins";
/// Characters of a pin's name at most.
const NAME_CHARACTERS: usize = 100;

/// One pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Who needs the generation.
    pub name: String,
    /// The generation that must stay. None where its file names none that is there: then it may be any.
    pub generation: Option<String>,
}

impl Pin {
    /// Whether a generation stays for it.
    pub fn keeps(&self, generation: &str) -> bool {
        self.generation.as_deref().is_none_or(|kept| kept == generation)
    }

    /// Who needs the generations that it keeps, in words.
    pub fn said(&self) -> String {
        match &self.generation {
            Some(_) => self.name.clone(),
            None => format!("{0} (pins/{0} does not say which it needs, so none is dropped)", self.name),
        }
    }
}

impl Generations {
    /// Keeps a generation until [`Generations::unpin`], durably. The same name pins one generation: the last.
    ///
    /// # Errors
    /// When there is no such generation, the name cannot be a pin's, or the pin cannot be written.
    pub fn pin(&self, name: &str, generation: &str) -> Result<(), GenerationsError> {
        let path = self.pin_file(name)?;
        let _lock = self.change_lock()?;
        self.must_exist(generation)?;
        let folder = self.root.join(FOLDER);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed("making", &folder))?;
        sync(&self.root)?;
        replace(&path, &format!("{generation}\n"))
    }

    /// Takes a pin out; one that is not there is fine.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn unpin(&self, name: &str) -> Result<(), GenerationsError> {
        let path = self.pin_file(name)?;
        let _lock = self.change_lock()?;
        match fs::remove_file(&path) {
            Ok(()) => sync(&self.root.join(FOLDER)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("removing", &path)(error)),
        }
    }

    /// All pins, by name. One that cannot be read, or names no generation of this folder, is not taken for none: one wrong
    /// bit makes another name of a name.
    ///
    /// # Errors
    /// When it cannot be told which there are: then nothing may be removed.
    pub fn pins(&self) -> Result<Vec<Pin>, GenerationsError> {
        let folder = self.root.join(FOLDER);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>().map_err(failed("reading", &folder))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("reading", &folder)(error)),
        };
        let mut pins = Vec::new();
        for entry in entries {
            let Ok(name) = entry.file_name().into_string() else { continue };
            // A pin that was being written when the power went: it was never acknowledged.
            if !is_name(&name) {
                continue;
            }
            let named = fs::read_to_string(entry.path()).ok().map(|text| text.trim_end().to_owned());
            let generation = named.filter(|named| self.must_exist(named).is_ok());
            pins.push(Pin { name, generation });
        }
        pins.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(pins)
    }

    /// Who needs one generation, in words.
    pub(super) fn pins_of(&self, generation: &str) -> Result<Vec<String>, GenerationsError> {
        Ok(self.pins()?.iter().filter(|pin| pin.keeps(generation)).map(Pin::said).collect())
    }

    fn pin_file(&self, name: &str) -> Result<PathBuf, GenerationsError> {
        if is_name(name) {
            Ok(self.root.join(FOLDER).join(name))
        } else {
            Err(GenerationsError::PinName { name: name.to_owned() })
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_CHARACTERS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
