//! The projects that this Trust refuses, whatever the hub says: one small file, changed by people at the Trust alone.
//!
//! What must stay true: no message of the hub changes it; it is asked before an order is begun and again before anything
//! leaves; where it cannot be read, nothing is answered. Deliberately absent: what else is known of a project.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use flip_protocol::UnixMillis;
use flip_protocol::ident::ProjectId;
use flip_storage::file::{self, Access};
use serde::{Deserialize, Serialize};

/// A refusal of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When.
    pub at: UnixMillis,
    /// Why: the hub is told, and may be empty.
    pub reason: String,
}

/// The projects that are refused here.
pub struct Refusals {
    path: PathBuf,
    changing: Mutex<()>,
}

/// Why they could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RefusalsError {
    /// The file.
    #[error("the file of refused projects {} cannot be read or written", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it.
    #[error("the file of refused projects {} is not one; restore it, or remove it to refuse none", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where.
        source: serde_json::Error,
    },
}

impl Refusals {
    /// Those in a file, which need not be there.
    pub fn new(path: PathBuf) -> Self {
        Self { path, changing: Mutex::new(()) }
    }

    /// All of them.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn all(&self) -> Result<BTreeMap<String, Refusal>, RefusalsError> {
        match std::fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| RefusalsError::Damaged { path: self.path.clone(), source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(source) => Err(RefusalsError::Io { path: self.path.clone(), source }),
        }
    }

    /// Whether a project is refused, and why.
    ///
    /// # Errors
    /// As of [`Refusals::all`].
    pub fn of(&self, project: Option<ProjectId>) -> Result<Option<Refusal>, RefusalsError> {
        let Some(project) = project else { return Ok(None) };
        Ok(self.all()?.remove(&project.to_string()))
    }

    /// Refuses a project from now on; durable when it returns. False where it was refused before.
    ///
    /// # Errors
    /// When the file cannot be read or written: then nothing has changed.
    pub fn refuse(&self, project: ProjectId, reason: &str, now: UnixMillis) -> Result<bool, RefusalsError> {
        self.change(|all| {
            let refusal = Refusal { at: now, reason: reason.to_owned() };
            all.insert(project.to_string(), refusal).is_none()
        })
    }

    /// Lets a project's orders in again, as the policy does; false where it was not refused.
    ///
    /// # Errors
    /// As of [`Refusals::refuse`].
    pub fn allow(&self, project: ProjectId) -> Result<bool, RefusalsError> {
        self.change(|all| all.remove(&project.to_string()).is_some())
    }

    fn change(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, Refusal>) -> bool,
    ) -> Result<bool, RefusalsError> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.all()?;
        let changed = change(&mut all);
        let bytes = serde_json::to_vec_pretty(&all).expect("refusals are plain strings and numbers");
        file::write(&self.path, &bytes, Access::Owner).map_err(|source| self.failed(source))?;
        Ok(changed)
    }

    fn failed(&self, source: io::Error) -> RefusalsError {
        RefusalsError::Io { path: self.path.clone(), source }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_lasts_until_it_is_taken_back_and_a_damaged_file_is_no_permission() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("refused.json");
        let project = ProjectId(uuid::Uuid::from_u128(7));
        let refusals = Refusals::new(path.clone());
        assert_eq!(refusals.of(Some(project)).unwrap(), None);
        assert!(refusals.refuse(project, "not ours", UnixMillis(5)).unwrap());
        assert!(!refusals.refuse(project, "not at all", UnixMillis(6)).unwrap());
        let again = Refusals::new(path.clone());
        let kept = Some(Refusal { at: UnixMillis(6), reason: "not at all".to_owned() });
        assert_eq!(again.of(Some(project)).unwrap(), kept);
        assert_eq!(again.of(Some(ProjectId(uuid::Uuid::from_u128(8)))).unwrap(), None);
        assert_eq!(again.of(None).unwrap(), None);
        assert!(again.allow(project).unwrap() && !again.allow(project).unwrap());
        assert_eq!(refusals.of(Some(project)).unwrap(), None);
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(refusals.of(Some(project)), Err(RefusalsError::Damaged { .. })));
        assert!(refusals.refuse(project, "x", UnixMillis(7)).is_err(), "a damaged file was written over");
    }
}
