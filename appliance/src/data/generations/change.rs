//! What people change about generations: which is in use, and which are no longer kept.

use std::fs;

use super::error::{GenerationsError, failed};
use super::{DROPPED, Generation, Generations, POINTER, replace, sync};

impl Generations {
    /// Puts a sound generation in use. Running readers keep the one they have.
    ///
    /// # Errors
    /// When there is none of that name, when it is damaged, and when the pointer cannot be changed.
    pub fn use_again(&self, name: &str) -> Result<Generation, GenerationsError> {
        let _lock = self.change_lock()?;
        let generation = self.named(name)?;
        self.point_to(name)?;
        Ok(generation)
    }

    /// Removes a generation. Who holds its file open can read on.
    ///
    /// # Errors
    /// When there is none of that name, when it is in use or pinned, and when that cannot be told.
    pub fn drop_one(&self, name: &str) -> Result<(), GenerationsError> {
        let _lock = self.change_lock()?;
        self.must_exist(name)?;
        match self.current_name() {
            Ok(in_use) if in_use.as_deref() == Some(name) => {
                return Err(GenerationsError::InUse { name: name.to_owned() });
            }
            Ok(_) => {}
            // A pointer that leads nowhere rules out none: one wrong bit makes another name of a name.
            Err(why) => return Err(GenerationsError::Untold { name: name.to_owned(), why: Box::new(why) }),
        }
        let pins = self.pins_of(name)?;
        if !pins.is_empty() {
            return Err(GenerationsError::Pinned { name: name.to_owned(), pins });
        }
        self.remove(name)
    }

    /// Removes all but the newest `most` generations, the one in use and the pinned ones; gives the removed names.
    pub(in crate::data) fn keep(&self, most: usize) -> Result<Vec<String>, GenerationsError> {
        let _lock = self.change_lock()?;
        let in_use = self.current_name()?;
        let pins = self.pins()?;
        for pin in pins.iter().filter(|pin| pin.generation.is_none()) {
            tracing::warn!(
                pin = pin.name,
                "every generation is kept, since this pin does not say which it needs"
            );
        }
        let mut names = self.names()?;
        names.truncate(names.len().saturating_sub(most));
        names.retain(|name| in_use.as_ref() != Some(name) && !pins.iter().any(|pin| pin.keeps(name)));
        for name in &names {
            self.remove(name)?;
        }
        Ok(names)
    }

    /// Puts a name into the pointer, for whoever holds the change lock. A folder in its place is moved aside first, since
    /// no file can be renamed over one; it is not ours, and so not removed.
    pub(super) fn point_to(&self, name: &str) -> Result<(), GenerationsError> {
        let path = self.root.join(POINTER);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
            let mut places = (1..).map(|number| self.root.join(format!("{POINTER}.aside-{number}")));
            let aside = places.find(|place| !place.exists()).expect("numbers do not end");
            fs::rename(&path, &aside).map_err(failed("moving aside", &path))?;
            tracing::warn!(
                moved_to = %aside.display(),
                "a folder stood where the file is that names the generation in use; nothing of it is needed"
            );
        }
        replace(&path, &format!("{name}\n"))
    }

    /// By a rename first: a generation is there in full or gone, even where the removal is cut short.
    fn remove(&self, name: &str) -> Result<(), GenerationsError> {
        let (folder, dropped) = (self.root.join(name), self.root.join(format!("{name}{DROPPED}")));
        fs::rename(&folder, &dropped).map_err(failed("renaming", &folder))?;
        sync(&self.root)?;
        fs::remove_dir_all(&dropped).map_err(failed("removing", &dropped))
    }
}
