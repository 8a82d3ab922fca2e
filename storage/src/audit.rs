//! What was done here, each act bound to all acts before it.
//!
//! An act is one JSON text, an [`Entry`]. Its hash is the SHA-256, in lower-case hexadecimal, of the hash of the act
//! before (of zeros for the first) followed by that text. So an altered, missing, added or reordered act shows, and
//! whoever has noted one hash can prove all that stood before it. Acts are kept in a file ([`Audit`]) or in a table of
//! the hub's ledger; the chain is the same.
//!
//! What must stay true: this module alone says what an act's hash is. Deliberately absent: what acts mean.

pub mod check;
mod file;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use file::{Audit, AuditError};

/// Characters of a hash.
pub const HASH_CHARACTERS: usize = 64;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without gaps.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What was done, such as `data_used`.
    pub act: String,
    /// On what and with what result: names and protected counts, never a value of a record.
    pub facts: serde_json::Value,
}

/// The end of a sound chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Acts in it.
    pub entries: u64,
    /// The last act's hash, of zeros where there is none.
    pub hash: String,
}

/// An act as it is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// The act.
    pub entry: Entry,
    /// The text that is hashed.
    pub text: String,
    /// Its hash.
    pub hash: String,
}

/// Why an act does not follow from those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The hash is not that of the text and the hash before.
    Hash,
    /// The text is no act.
    NoEntry,
    /// The act's number is not the next one.
    Number,
}

impl Entry {
    /// The act of this text.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Head {
    /// Of a chain without acts.
    pub fn none() -> Self {
        Self { entries: 0, hash: "0".repeat(HASH_CHARACTERS) }
    }

    /// The act that would follow.
    pub fn next(&self, at_ms: u64, act: &str, facts: serde_json::Value) -> Linked {
        let entry = Entry { number: self.entries + 1, at_ms, act: act.to_owned(), facts };
        let text = serde_json::to_string(&entry).expect("an entry is strings, numbers and JSON");
        let hash = hash(&self.hash, &text);
        Linked { entry, text, hash }
    }

    /// Moves on to the act that is kept as this hash and text, if it follows.
    pub fn follow(&mut self, hash: &str, text: &str) -> Result<Entry, Broken> {
        if self::hash(&self.hash, text) != hash {
            return Err(Broken::Hash);
        }
        let entry = Entry::parse(text).ok_or(Broken::NoEntry)?;
        if entry.number != self.entries + 1 {
            return Err(Broken::Number);
        }
        *self = Self { entries: entry.number, hash: hash.to_owned() };
        Ok(entry)
    }
}

impl Broken {
    /// What is wrong, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Hash => "its hash is not that of its words and of what stood before it",
            Self::NoEntry => "its words are no act",
            Self::Number => "its number is not the next one",
        }
    }
}

fn hash(before: &str, text: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::new().chain_update(before).chain_update(text).finalize();
    digest.iter().fold(String::with_capacity(HASH_CHARACTERS), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes it all");
        text
    })
}
