//! Tokens of the local API: each lets one run read one frozen cohort until it expires or is revoked.
//!
//! A token is `flip_ID_SECRET`; its file `ID.json` (mode 0600, in a folder of mode 0700) keeps the SHA-256 of all of
//! it. What must stay true: a token is shown once, where it is made, and nowhere else; a token of a version that was
//! dropped opens no other version. Deliberately absent: what may be read with one.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use flip_protocol::{UnixMillis, text};
use flip_storage::file::{self, Access};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::bounds;
use crate::clock;
use crate::frozen::{Facts, Name};

const BEGINNING: &str = "flip_";
const ENDING: &str = ".json";

/// The folder of tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    root: PathBuf,
}

/// What is kept of one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Its name: sixteen hexadecimal digits.
    pub id: String,
    /// What it is for, in the words of who made it.
    pub label: String,
    /// The frozen cohort that it opens.
    pub cohort: Name,
    /// When that was frozen: another version never stands in for it.
    pub cohort_frozen: UnixMillis,
    /// When it was made.
    pub made: UnixMillis,
    /// From when on it opens nothing.
    pub expires: UnixMillis,
    /// When it was revoked.
    pub revoked: Option<UnixMillis>,
    /// SHA-256 of the whole token, in hexadecimal.
    sha256: String,
}

impl Token {
    /// True while it opens something.
    pub fn opens(&self, now: UnixMillis) -> bool {
        self.revoked.is_none() && now < self.expires
    }

    /// How it is, in a word.
    pub fn state(&self, now: UnixMillis) -> &'static str {
        match self.revoked {
            Some(_) => "revoked",
            None if now >= self.expires => "expired",
            None => "good",
        }
    }
}

/// Why a token opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It was never made here, or its file is gone.
    #[error("the token is not known here")]
    Unknown,
    /// Its time is over.
    #[error("the token expired at {}", clock::readable(*.0))]
    Expired(UnixMillis),
    /// Somebody revoked it.
    #[error("the token was revoked at {}", clock::readable(*.0))]
    Revoked(UnixMillis),
    /// The folder or a file.
    #[error("the tokens in {} cannot be read or written", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that holds no token.
    #[error("the token's file {} is damaged; revoke it by removing the file", path.display())]
    Damaged {
        /// Its path.
        path: PathBuf,
    },
}

impl Tokens {
    /// The tokens in a folder, which need not be there.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Makes a token for a frozen cohort, good for so many hours. The text is nowhere kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make(
        &self,
        facts: &Facts,
        hours: u64,
        label: &str,
        now: UnixMillis,
    ) -> Result<(Token, String), TokenError> {
        let hours = hours.clamp(1, bounds::TOKEN_HOURS_MAX);
        let id = text::hex(&clock::random_bytes::<8>());
        let secret = format!("{BEGINNING}{id}_{}", text::encode(&clock::random_bytes::<32>()));
        let token = Token {
            id,
            label: label.chars().filter(|c| !c.is_control()).take(bounds::LABEL_CHARACTERS).collect(),
            cohort: facts.name.clone(),
            cohort_frozen: facts.frozen,
            made: now,
            expires: now.plus(hours * 3_600_000),
            revoked: None,
            sha256: hash(&secret),
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.root).map_err(self.failed())?;
        self.put(&token)?;
        Ok((token, secret))
    }

    /// The token of this text, if it opens something now.
    ///
    /// # Errors
    /// When it does not.
    pub fn open(&self, secret: &str, now: UnixMillis) -> Result<Token, TokenError> {
        let id = secret.strip_prefix(BEGINNING).and_then(|rest| rest.split_once('_'));
        let (id, _) = id.ok_or(TokenError::Unknown)?;
        let token = self.read(id)?;
        // Hashes are compared, of which nothing can be learnt byte by byte.
        if token.sha256 != hash(secret) {
            return Err(TokenError::Unknown);
        }
        match token.revoked {
            Some(at) => Err(TokenError::Revoked(at)),
            None if now >= token.expires => Err(TokenError::Expired(token.expires)),
            None => Ok(token),
        }
    }

    /// What is kept of a token, whatever its state.
    ///
    /// # Errors
    /// When there is none of that id.
    pub fn by_id(&self, id: &str) -> Result<Token, TokenError> {
        self.read(id)
    }

    /// Revokes a token; one that was revoked before stays so.
    ///
    /// # Errors
    /// When there is none of that id, and when it cannot be written.
    pub fn revoke(&self, id: &str, now: UnixMillis) -> Result<Token, TokenError> {
        let mut token = self.read(id)?;
        if token.revoked.is_none() {
            token.revoked = Some(now);
            self.put(&token)?;
        }
        Ok(token)
    }

    /// All tokens, the newest first. Those that expired long ago are forgotten on the way.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self, now: UnixMillis) -> Result<Vec<Token>, TokenError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>().map_err(self.failed())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed()(error)),
        };
        let mut tokens = Vec::new();
        for entry in entries {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(ENDING)) else { continue };
            let Ok(token) = self.read(id) else { continue };
            if now.since(token.expires) > bounds::TOKENS_KEPT_MS {
                fs::remove_file(entry.path()).map_err(self.failed())?;
            } else {
                tokens.push(token);
            }
        }
        tokens.sort_by(|one, other| other.made.cmp(&one.made).then_with(|| one.id.cmp(&other.id)));
        Ok(tokens)
    }

    fn read(&self, id: &str) -> Result<Token, TokenError> {
        let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            return Err(TokenError::Unknown);
        }
        let path = self.root.join(format!("{id}{ENDING}"));
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| TokenError::Damaged { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(TokenError::Unknown),
            Err(source) => Err(TokenError::File { path, source }),
        }
    }

    fn put(&self, token: &Token) -> Result<(), TokenError> {
        let path = self.root.join(format!("{}{ENDING}", token.id));
        let bytes = serde_json::to_vec(token).expect("a token is plain strings and numbers");
        file::write(&path, &bytes, Access::Owner).map_err(|source| TokenError::File { path, source })
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> TokenError + use<> {
        let path = self.root.clone();
        move |source| TokenError::File { path, source }
    }
}

fn hash(secret: &str) -> String {
    text::hex(&Sha256::digest(secret.as_bytes()))
}
