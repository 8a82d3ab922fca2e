//! Passwords as Argon2id strings (RFC 9106), and session tokens.

use std::sync::mpsc::{SyncSender, sync_channel};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use flip_protocol::text;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use crate::bounds;
use crate::clock;

/// Why a password is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadPassword {
    /// Too short to be safe.
    #[error("the password is shorter than {} characters", bounds::PASSWORD_CHARACTERS)]
    TooShort,
    /// Longer than anyone types.
    #[error("the password is longer than 1,000 characters")]
    TooLong,
    /// The hash function said no.
    #[error("the password could not be hashed")]
    Hash,
}

/// The Argon2id string of a password (19 MiB, two passes, one lane).
pub fn hash(password: &str) -> Result<String, BadPassword> {
    match password.chars().count() {
        0..bounds::PASSWORD_CHARACTERS => return Err(BadPassword::TooShort),
        bounds::PASSWORD_CHARACTERS..=1_000 => {}
        _ => return Err(BadPassword::TooLong),
    }
    let salt = clock::random_bytes::<16>();
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|_| BadPassword::Hash)
}

/// True where the password is the one that was hashed. Takes as long where nobody has that name (`None`).
pub fn verify(password: &str, stored: Option<&str>) -> bool {
    let nobody =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(nobody)) else { return false };
    let fits = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
    fits && stored.is_some()
}

/// Verifies passwords on two threads, one at a time each: every one takes 19 MiB, whoever has hung up meanwhile. One is
/// for people where they have signed in before, so that strangers keep none of them waiting.
pub struct Hasher {
    known: SyncSender<Verification>,
    strangers: SyncSender<Verification>,
}

struct Verification {
    password: String,
    stored: Option<String>,
    fits: oneshot::Sender<bool>,
}

impl Hasher {
    /// Starts the threads; they end with the last handle.
    pub fn start() -> std::io::Result<Self> {
        Ok(Self { known: queue("hasher-known")?, strangers: queue("hasher")? })
    }

    /// Whether the password is the one that was hashed; `None` where too many wait already.
    pub async fn verify(&self, password: String, stored: Option<String>, known: bool) -> Option<bool> {
        let (fits, answer) = oneshot::channel();
        let queue = if known { &self.known } else { &self.strangers };
        queue.try_send(Verification { password, stored, fits }).ok()?;
        answer.await.ok()
    }
}

fn queue(name: &str) -> std::io::Result<SyncSender<Verification>> {
    let (queue, waiting) = sync_channel::<Verification>(bounds::HASHES_WAITING);
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        while let Ok(Verification { password, stored, fits }) = waiting.recv() {
            if !fits.is_closed() {
                // Nobody may be left to hear it.
                let _ = fits.send(verify(&password, stored.as_deref()));
            }
        }
    })?;
    Ok(queue)
}

/// A password for people to type: 24 letters and digits, about 119 bits.
pub fn generate() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789ABCD";
    let bytes = clock::random_bytes::<24>();
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

/// A session token and what the ledger keeps of it.
pub fn session_token() -> (String, [u8; 32]) {
    let token = text::encode(&clock::random_bytes::<32>());
    let kept = token_sha256(&token);
    (token, kept)
}

/// What the ledger keeps of a token.
pub fn token_sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_alone() {
        let password = generate();
        let stored = hash(&password).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify(&password, Some(&stored)));
        assert!(!verify("another password", Some(&stored)));
        assert!(!verify(&password, None));
        assert!(PasswordHash::new("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").is_ok());
    }

    #[test]
    fn a_short_password_is_refused() {
        assert!(matches!(hash("short"), Err(BadPassword::TooShort)));
    }
}
