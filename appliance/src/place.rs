//! Where things are in the appliance's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{config, disclosure, identity};

/// The appliance's folder.
#[derive(Debug, Clone)]
pub struct Place(PathBuf);

impl Place {
    /// The appliance's folder.
    pub fn new(data: &Path) -> Self {
        Self(data.to_owned())
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// True where an appliance was made here, or begun to be; also where this process may not see.
    pub fn holds_an_appliance(&self) -> bool {
        let made = [self.journal(), self.audit(), self.generations()];
        let named = [identity::FOLDER, identity::MAKING, config::FILE, disclosure::FILE];
        let named = named.map(|name| self.0.join(name));
        made.iter().chain(&named).any(|path| match fs::symlink_metadata(path) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        })
    }

    /// The task journal.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.redb")
    }

    /// What was done here: an audit log.
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit.log")
    }

    /// The ledger of past cohorts.
    pub fn cohorts(&self) -> PathBuf {
        self.0.join("cohorts.redb")
    }

    /// The secret that noise is drawn with.
    pub fn noise_secret(&self) -> PathBuf {
        self.0.join("noise.secret")
    }

    /// The projects that are refused here.
    pub fn refusals(&self) -> PathBuf {
        self.0.join("refused-projects.json")
    }

    /// The data generations.
    pub fn generations(&self) -> PathBuf {
        self.0.join("generations")
    }

    /// What the attacks on the policy came to, last time.
    pub fn attack_report(&self) -> PathBuf {
        self.0.join("attack.json")
    }

    /// What passes between the running appliance and whoever handles sticks.
    pub fn sticks(&self) -> PathBuf {
        self.0.join("sticks")
    }

    /// Where a pull gathers what it reads.
    pub fn pull(&self) -> PathBuf {
        self.0.join("pull")
    }

    /// The frozen cohorts.
    pub fn frozen(&self) -> PathBuf {
        self.0.join("frozen")
    }

    /// The tokens of the local API.
    pub fn tokens(&self) -> PathBuf {
        self.0.join("tokens")
    }

    /// The local API's socket, in a folder of its own that a container may be given.
    pub fn api_socket(&self) -> PathBuf {
        self.0.join("run").join("api.sock")
    }

    /// Where the local page of a running appliance is, as text.
    pub fn local_address(&self) -> PathBuf {
        self.0.join("local.address")
    }

    /// The secret that opens the local console of a running appliance.
    pub fn local_secret(&self) -> PathBuf {
        self.0.join("local.secret")
    }
}
