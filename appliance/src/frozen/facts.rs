//! What is known of a frozen cohort beside who is in it.

use std::fmt;
use std::str::FromStr;

use flip_protocol::answer::Extract;
use flip_protocol::ident::{ProjectId, QueryId};
use flip_protocol::{MessageId, UnixMillis, text};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Drift;

/// A version of a frozen cohort: `f-3fa9c1d20b7e.v1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name {
    /// The cohort: one question of one query and project.
    pub cohort: String,
    /// From 1.
    pub version: u32,
}

/// Facts of one version. The exact counts are for the Trust's own people: they stay at the Trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Which it is.
    #[serde(flatten)]
    pub name: Name,
    /// When it was frozen.
    pub frozen: UnixMillis,
    /// The query's name as the researcher gave it.
    pub title: String,
    /// The project it is frozen for.
    pub project: Option<ProjectId>,
    /// The hub's query.
    pub query: QueryId,
    /// The order that froze it; none where the Trust did so itself.
    pub order: Option<MessageId>,
    /// The question as it came.
    pub sql: String,
    /// The question as the gate wrote it out.
    pub canonical: String,
    /// The generation that it was frozen on, and its day.
    pub extract: Extract,
    /// Distinct persons, exact.
    pub persons: u64,
    /// Distinct accession ids, exact.
    pub accessions: u64,
    /// Rows of the question's result, exact.
    pub rows: u64,
    /// How it differs from the version before it, where that was still kept.
    pub drift: Option<Drift>,
    /// Set where who is in it is no longer kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
}

/// That a version was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// When.
    pub at: UnixMillis,
    /// By what: `console` or `command line`.
    pub by: String,
}

impl Name {
    /// The name of a cohort: the same question of the same query and project always gets the same.
    pub fn cohort_of(project: Option<ProjectId>, query: QueryId, canonical: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(b"FLIP Edge frozen cohort 1");
        digest.update(project.map_or([0; 16], ProjectId::bytes));
        digest.update(query.bytes());
        digest.update(canonical.as_bytes());
        format!("f-{}", text::hex(&digest.finalize()[..6]))
    }

    /// The name under which its generation is pinned.
    pub(super) fn pin(&self) -> String {
        format!("{}-v{}", self.cohort, self.version)
    }

    /// The version that a pin is for; none for pins of others.
    pub(super) fn of_pin(pin: &str) -> Option<Self> {
        let (cohort, version) = pin.rsplit_once("-v")?;
        format!("{cohort}.v{version}").parse().ok()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.v{}", self.cohort, self.version)
    }
}

/// Not the name of a frozen cohort's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a frozen cohort, such as f-3fa9c1d20b7e.v1")]
pub struct NotAName;

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let (cohort, version) = text.split_once(".v").ok_or(NotAName)?;
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let version = if plain(version) { version.parse().unwrap_or(0) } else { 0 };
        if version == 0 || !is_cohort(cohort) {
            return Err(NotAName);
        }
        Ok(Self { cohort: cohort.to_owned(), version })
    }
}

/// True for the name of a cohort without a version.
pub(super) fn is_cohort(text: &str) -> bool {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("f-").is_some_and(|rest| rest.len() == 12 && rest.bytes().all(hex))
}
