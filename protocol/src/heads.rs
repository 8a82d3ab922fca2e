//! Heads of audits, exchanged so that neither side can write its audit anew alone: each keeps the other's in its own.
//!
//! What is signed is one byte string: `FLIP Edge audit head 1` and a line feed; the sixteen bytes of whose audit it is; how
//! many acts it has and when it was signed, in milliseconds since 1970, as eight bytes each, the most significant first;
//! the last act's hash as its 64 characters.

use serde::{Deserialize, Serialize};

use crate::ident::{PartyId, UnixMillis};
use crate::keys::{SigningKey, VerifyingKey};
use crate::text;

/// What no other signed bytes begin with.
const WORDS: &[u8] = b"FLIP Edge audit head 1\n";

/// The end of an audit at a moment, signed by whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// Whose audit it is.
    pub of: PartyId,
    /// Acts in it.
    pub entries: u64,
    /// The last act's hash: SHA-256 in lower-case hexadecimal.
    pub hash: String,
    /// When it was signed.
    pub at: UnixMillis,
    /// The key that it was signed with.
    pub key: VerifyingKey,
    /// The signature, base64.
    pub signature: String,
}

/// What carried heads, as the act that keeps one says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// A sync.
    Network,
    /// A bundle, which may have been long on its way.
    Stick,
}

/// What one side says of the two audits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// The end of its own.
    pub mine: SignedHead,
    /// The newest end of the other's that it keeps, but what came with this very exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yours: Option<SignedHead>,
}

impl SignedHead {
    /// Signs the head of one's own audit.
    pub fn sign(of: PartyId, entries: u64, hash: &str, at: UnixMillis, signing: &SigningKey) -> Self {
        let signature = text::encode(&signing.sign(&bytes(of, entries, at, hash)));
        Self { of, entries, hash: hash.to_owned(), at, key: signing.verifying(), signature }
    }

    /// Whether it was told before `kept` was, or is the same: a stick may have been long on its way. Another hash of as
    /// many entries is never that.
    pub fn is_before(&self, kept: &Self) -> bool {
        let is_same = self.entries == kept.entries && self.hash == kept.hash;
        self.at <= kept.at && (self.entries < kept.entries || is_same)
    }

    /// Whether the signature is that of its key over what it says.
    pub fn verifies(&self) -> bool {
        let hexadecimal = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if self.hash.len() != 64 || !self.hash.bytes().all(hexadecimal) {
            return false;
        }
        let signature = text::decode(&self.signature).and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes(self.of, self.entries, self.at, &self.hash);
        signature.is_some_and(|signature| self.key.verifies(&bytes, &signature))
    }
}

fn bytes(of: PartyId, entries: u64, at: UnixMillis, hash: &str) -> Vec<u8> {
    [WORDS, &of.bytes(), &entries.to_be_bytes(), &at.0.to_be_bytes(), hash.as_bytes()].concat()
}
