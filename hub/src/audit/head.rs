//! The audit's head, written aside now and then: a file that says how many acts there were, and the last one's hash.
//!
//! What must stay true: an audit that ends before it, or is another one, does not pass for whole. Deliberately absent:
//! protection from who can write this file too; `audit_head` in hub.toml puts it elsewhere, and the Trusts keep heads of
//! their own.

use std::fs;
use std::io;
use std::path::Path;

use flip_storage::audit::{HASH_CHARACTERS, Head};
use flip_storage::file::{self, Access};
use serde::{Deserialize, Serialize};

use flip_storage::audit::check::Noted;

/// The file's name where `audit_head` says nothing else.
pub const FILE: &str = "audit.head";

#[derive(Serialize, Deserialize)]
struct Written {
    entries: u64,
    hash: String,
}

/// Writes the head aside.
pub fn write(path: &Path, head: &Head) -> io::Result<()> {
    let written = Written { entries: head.entries, hash: head.hash.clone() };
    let text = serde_json::to_string(&written).map_err(io::Error::other)? + "\n";
    file::write(path, text.as_bytes(), Access::Owner)
}

/// What was written aside; nothing where that was never done.
pub fn read(path: &Path) -> io::Result<Option<Noted>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Written { entries, hash } = serde_json::from_str(&text).map_err(io::Error::other)?;
    if hash.len() != HASH_CHARACTERS {
        return Err(io::Error::other("its hash is no SHA-256 in hexadecimal"));
    }
    Ok(Some(Noted { head: Head { entries, hash }, by: format!("the file {}", path.display()) }))
}
