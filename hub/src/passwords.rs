//! Passwords as Argon2id strings (RFC 9106), and session tokens.

use std::sync::mpsc::{SyncSender, sync_channel};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
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
    hash_with(password, &salt).ok_or(BadPassword::Hash)
}

fn hash_with(password: &str, salt: &[u8]) -> Option<String> {
    let params = Params::default();
    let output =
        output(password, salt, Algorithm::Argon2id, Version::V0x13, &params, Params::DEFAULT_OUTPUT_LEN)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(output),
    };
    Some(hash.to_string())
}

/// True where the password is the one that was hashed. Takes as long where nobody has that name (`None`).
pub fn verify(password: &str, stored: Option<&str>) -> bool {
    let nobody =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    fits(password, stored.unwrap_or(nobody)).unwrap_or(false) && stored.is_some()
}

fn fits(password: &str, stored: &str) -> Option<bool> {
    let stored = PasswordHash::new(stored).ok()?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
    let version = Version::try_from(stored.version?).ok()?;
    let (params, expected) = (Params::try_from(&stored).ok()?, stored.hash?);
    // Compared in a time that does not depend on what is equal.
    Some(output(password, &stored.salt?, algorithm, version, &params, expected.len())? == expected)
}

fn output(
    password: &str,
    salt: &[u8],
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    bytes: usize,
) -> Option<Output> {
    let mut output = vec![0; bytes];
    let argon2 = Argon2::new(algorithm, version, params.clone());
    let memory = memory(params.block_count());
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory).ok()?;
    Output::new(&output).ok()
}

/// The memory of one hash, with more room than is used: what has more than 32 MiB goes back to the system as soon as it is
/// freed, and of less glibc's allocator keeps several for each thread, some 200 MiB after a morning of sign-ins. Pages of
/// the room that nobody writes to take none.
fn memory(blocks: usize) -> Vec<Block> {
    let mut memory = Vec::with_capacity(blocks.max(bounds::HASH_ROOM_BYTES / size_of::<Block>()));
    memory.resize(blocks, Block::new());
    memory
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
    use argon2::PasswordHasher as _;

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
    fn a_hash_is_the_one_that_the_library_makes_in_memory_of_its_own() {
        let (password, salt) = ("tern ovation lilac 9", [7; 16]);
        let expected = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).unwrap();
        assert_eq!(hash_with(password, &salt).unwrap(), expected.to_string());
        let cheaper = "$argon2id$v=19$m=512,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(
            fits(password, cheaper),
            Some(false),
            "other costs and lengths are those of what is stored"
        );
        assert_eq!(fits(password, "$argon2id$v=19$m=512,t=3,p=1"), None);
    }

    #[test]
    fn a_short_password_is_refused() {
        assert!(matches!(hash("short"), Err(BadPassword::TooShort)));
    }
}
