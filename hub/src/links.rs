//! One-time links: what lets somebody in before they have a password.
//!
//! What must stay true: the ledger holds a link's SHA-256 and what it was made from, never the link. A link is made
//! again from its nonce and a key beside the hub's other keys, so that a mail that waits needs no secret in the
//! ledger, and a copy of the ledger opens nothing.

use std::io;
use std::path::Path;

use flip_protocol::text;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{clock, key_file};

/// The key's file in the folder of keys.
const FILE: &str = "links.key";

/// The key that links are made with.
pub struct LinkKey(Zeroizing<[u8; 32]>);

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
        key_file::load_or_make(keys, FILE, "voids all links").map(Self)
    }

    /// The token in the link of this nonce: 256 bits.
    pub fn token(&self, nonce: Nonce) -> String {
        text::encode(&self.mac(b"flip-hub link 1", &nonce.0))
    }

    /// The secret that is offered to a session, by what the ledger keeps of its token, to set up a second factor with: the
    /// same as often as it is looked at, and stored nowhere before it is taken.
    pub fn offer(&self, session: &[u8; 32]) -> Zeroizing<[u8; 20]> {
        let made = Zeroizing::new(self.mac(b"flip-hub second factor 1", session));
        let mut secret = Zeroizing::new([0; 20]);
        secret.copy_from_slice(&made[..20]);
        secret
    }

    fn mac(&self, purpose: &[u8], of: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes keys of any length");
        mac.update(purpose);
        mac.update(of);
        mac.finalize().into_bytes().into()
    }

    /// Signs what a link says of itself, for links that nothing is kept of.
    pub fn sign(&self, said: &[u8]) -> [u8; 32] {
        self.signing(said).finalize().into_bytes().into()
    }

    /// True where this was signed so.
    pub fn signed(&self, said: &[u8], seal: &[u8]) -> bool {
        self.signing(said).verify_slice(seal).is_ok()
    }

    fn signing(&self, said: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes keys of any length");
        mac.update(b"flip-hub file link 1");
        mac.update(said);
        mac
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
        assert_eq!(*one.offer(&[1; 32]), *one.offer(&[1; 32]));
        assert!(
            *one.offer(&[1; 32]) != *one.offer(&[2; 32]) && *one.offer(&[1; 32]) != *other.offer(&[1; 32])
        );
        std::fs::write(folders[0].path().join(FILE), b"short").unwrap();
        assert!(LinkKey::load_or_make(folders[0].path()).is_err());
    }
}
