//! One-time links: what lets somebody in before they have a password.
//!
//! What must stay true: the ledger holds a link's SHA-256 and what it was made from, never the link. A link is made
//! again from its nonce and a key beside the hub's other keys, so that a mail that waits needs no secret in the
//! ledger, and a copy of the ledger opens nothing.

use std::fs;
use std::io;
use std::path::Path;

use flip_protocol::text;
use flip_storage::file::{self, Access};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::clock;

/// The key's file in the folder of keys.
const FILE: &str = "links.key";

/// The key that links are made with.
pub struct LinkKey([u8; 32]);

/// What one link is made from. Not secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nonce([u8; 16]);

impl Nonce {
    /// A fresh one.
    pub fn new() -> Self {
        Self(clock::random_bytes())
    }

    /// Its sixteen bytes.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The nonce of these sixteen bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl Default for Nonce {
    fn default() -> Self {
        Self::new()
    }
}

impl LinkKey {
    /// Reads the key in the folder of keys, and makes it where there is none: a hub older than links has none.
    pub fn load_or_make(keys: &Path) -> io::Result<Self> {
        let path = keys.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => bytes.try_into().map(Self).map_err(|_| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the key is not of 32 bytes; remove it to make another, which voids all links",
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = clock::random_bytes();
                file::write(&path, &key, Access::Owner)?;
                Ok(Self(key))
            }
            Err(error) => Err(error),
        }
    }

    /// The token in the link of this nonce: 256 bits.
    pub fn token(&self, nonce: Nonce) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(b"flip-hub link 1");
        mac.update(&nonce.0);
        text::encode(&mac.finalize().into_bytes())
    }

    /// What the ledger keeps of it.
    pub fn sha256(&self, nonce: Nonce) -> [u8; 32] {
        sha256(&self.token(nonce))
    }
}

/// What the ledger keeps of a token.
pub fn sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The path of a token's page.
pub fn path(token: &str) -> String {
    format!("/link/{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_made_again_from_its_nonce_and_only_with_the_key() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [one, other] = [0, 1].map(|of| LinkKey::load_or_make(folders[of].path()).unwrap());
        let nonce = Nonce::new();
        assert_eq!(one.token(nonce), LinkKey::load_or_make(folders[0].path()).unwrap().token(nonce));
        assert_ne!(one.token(nonce), other.token(nonce));
        assert_ne!(one.token(nonce), one.token(Nonce::new()));
        assert_eq!(one.token(nonce).len(), 43);
        assert_eq!(one.sha256(nonce), sha256(&one.token(nonce)));
        fs::write(folders[0].path().join(FILE), b"short").unwrap();
        assert!(LinkKey::load_or_make(folders[0].path()).is_err());
    }
}
