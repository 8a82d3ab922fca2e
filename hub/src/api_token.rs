//! API tokens: what programs sign in with. Pure, but for the randomness of a new one.
//!
//! What must stay true: a token is recognised, and a mistyped one told from a void one, without the ledger; the ledger
//! holds its SHA-256 alone.

use std::fmt::Write as _;

use flip_protocol::text;
use sha2::{Digest as _, Sha256};

use crate::clock;

/// What every token begins with, so that it is recognised where it should not be.
pub const PREFIX: &str = "flip_pat_";
const RANDOM_BYTES: usize = 32;
const CHECKSUM_CHARACTERS: usize = 8;

/// A fresh token: the prefix, 256 random bits as base64url, and a checksum.
pub fn fresh() -> String {
    let body = format!("{PREFIX}{}", text::encode(&clock::random_bytes::<RANDOM_BYTES>()));
    let checksum = checksum(&body);
    format!("{body}_{checksum}")
}

/// Whether it is one as a hub makes them, however void: nothing is mistyped or missing.
pub fn is_whole(token: &str) -> bool {
    let parts = token.len().checked_sub(CHECKSUM_CHARACTERS + 1).and_then(|at| token.split_at_checked(at));
    parts.is_some_and(|(body, end)| {
        body.starts_with(PREFIX) && end.strip_prefix('_').is_some_and(|end| end == checksum(body))
    })
}

/// What the ledger keeps of it.
pub fn sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The first four bytes of the SHA-256 of what stands before, in hexadecimal. Against mistyping, not forging.
fn checksum(body: &str) -> String {
    sha256(body).iter().take(CHECKSUM_CHARACTERS / 2).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes it all");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_and_a_mistyped_one_is_told() {
        let token = fresh();
        assert!(token.starts_with("flip_pat_") && token.len() == 61 && is_whole(&token), "{token}");
        assert_ne!(token, fresh());
        for at in 0..token.len() {
            assert!(!is_whole(&token[..at]), "cut at {at}");
            let mut mistyped = token.clone().into_bytes();
            mistyped[at] = if mistyped[at] == b'x' { b'y' } else { b'x' };
            assert!(!is_whole(std::str::from_utf8(&mistyped).unwrap()), "{at}");
        }
        for other in ["", "flip_pat_", "é".repeat(40).as_str(), &format!("{token} ")] {
            assert!(!is_whole(other), "{other}");
        }
    }
}
