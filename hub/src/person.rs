//! Who a person is to the hub: an id that stays, and a role.

use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::ident::identifier;

identifier! {
    /// A person who signs in here. The name that they sign in with is for people.
    PersonId
}

/// What a person is here for. One each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Sees and does everything at the hub.
    Admin,
    /// Makes projects and asks in those that they own or are a member of.
    Researcher,
    /// Reads what the projects hold that they are a member of.
    Viewer,
    /// Decides for one Trust about the projects that are staged there, and reads those.
    TrustAdmin,
}

impl Role {
    /// Those that need nothing beside them, the mightiest first. An admin of a Trust is one of some Trust.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Researcher, Self::Viewer];

    /// The role's name, as in the ledger, the API, the command line and the console.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Researcher => "researcher",
            Self::Viewer => "viewer",
            Self::TrustAdmin => "trust-admin",
        }
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The text names no role.
#[derive(Debug, thiserror::Error)]
#[error("a role is admin, researcher, viewer or trust-admin")]
pub struct NoRole;

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(text: &str) -> Result<Self, NoRole> {
        Self::ALL.into_iter().chain([Self::TrustAdmin]).find(|role| role.name() == text).ok_or(NoRole)
    }
}
