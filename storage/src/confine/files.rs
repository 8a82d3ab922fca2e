//! Which files a process opens: those that it names, and no others; and no TCP. By Landlock.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    PathFdError, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus, Scope,
};
use serde::{Deserialize, Serialize};

/// The newest rules that this version of the crate can name; the kernel's own version decides how many of them hold.
const NEWEST: ABI = ABI::V7;

/// What may be opened.
pub struct Rules(RulesetCreated);

/// How far the kernel confines the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confined {
    /// To what was named, without TCP.
    Fully,
    /// The kernel knows some of the rules.
    Partly,
    /// The kernel has no Landlock, or it is off.
    NotAtAll,
}

/// Why there are no such rules.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The rules.
    #[error("the Landlock rules could not be made")]
    Rules(#[from] RulesetError),
    /// What the rules are about.
    #[error("a file or folder could not be opened for the Landlock rules")]
    Path(#[from] PathFdError),
}

impl Rules {
    /// Nothing may be opened.
    pub fn nothing() -> Result<Self, FilesError> {
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?;
        Ok(Self(rules))
    }

    /// Also this, and what is in it, in these ways.
    pub fn and(self, path: &Path, ways: impl Into<BitFlags<AccessFs>>) -> Result<Self, FilesError> {
        Ok(Self(self.0.add_rule(PathBeneath::new(PathFd::new(path)?, ways))?))
    }

    /// The same, where it is there.
    pub fn and_if_there(self, path: &Path, ways: impl Into<BitFlags<AccessFs>>) -> Result<Self, FilesError> {
        match PathFd::new(path) {
            Ok(path) => Ok(Self(self.0.add_rule(PathBeneath::new(path, ways))?)),
            Err(_) => Ok(self),
        }
    }

    /// Also this, and what is in it, in every way.
    pub fn and_all_of(self, path: &Path) -> Result<Self, FilesError> {
        self.and(path, AccessFs::from_all(NEWEST))
    }

    /// Confines this thread and those that it starts.
    pub fn confine(self) -> Result<Confined, FilesError> {
        Ok(match self.0.restrict_self()?.ruleset {
            RulesetStatus::FullyEnforced => Confined::Fully,
            RulesetStatus::PartiallyEnforced => Confined::Partly,
            RulesetStatus::NotEnforced => Confined::NotAtAll,
        })
    }
}
