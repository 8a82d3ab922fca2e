//! People who sign in, and their sessions. Passwords are kept as Argon2id strings, tokens as SHA-256.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::OptionalExtension as _;

use super::{Ledger, LedgerError};

impl Ledger {
    /// Adds a person, or gives one a new password and ends their sessions.
    pub fn set_person(&self, name: String, password: String, now: UnixMillis) -> Result<(), LedgerError> {
        self.run("set person", move |tx| {
            tx.execute(
                "INSERT INTO person (name, password, added_ms) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET password = excluded.password",
                (&name, &password, now.0),
            )?;
            tx.execute("DELETE FROM session WHERE person = ?1 COLLATE NOCASE", [&name]).map(drop)
        })
    }

    /// A person's name as stored and the Argon2id string of their password.
    pub async fn password_of(&self, name: String) -> Result<Option<(String, String)>, LedgerError> {
        self.call("password of", move |tx| {
            tx.query_row("SELECT name, password FROM person WHERE name = ?1", [name], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
        })
        .await
    }

    /// Opens a session; sessions that ended are swept.
    pub async fn open_session(
        &self,
        token_sha256: [u8; 32],
        person: String,
        now: UnixMillis,
        expires: UnixMillis,
    ) -> Result<(), LedgerError> {
        self.call("open session", move |tx| {
            tx.execute("DELETE FROM session WHERE expires_ms <= ?1", [now.0])?;
            tx.execute(
                "INSERT INTO session (token_sha256, person, expires_ms) VALUES (?1, ?2, ?3)",
                (token_sha256, person, expires.0),
            )
            .map(drop)
        })
        .await
    }

    /// Whose session a token is, while it lasts.
    pub async fn person_of_session(
        &self,
        token_sha256: [u8; 32],
        now: UnixMillis,
    ) -> Result<Option<String>, LedgerError> {
        self.call("person of session", move |tx| {
            tx.prepare_cached("SELECT person FROM session WHERE token_sha256 = ?1 AND expires_ms > ?2")?
                .query_row((token_sha256, now.0), |row| row.get(0))
                .optional()
        })
        .await
    }

    /// Ends a session.
    pub async fn close_session(&self, token_sha256: [u8; 32]) -> Result<(), LedgerError> {
        self.call("close session", move |tx| {
            tx.execute("DELETE FROM session WHERE token_sha256 = ?1", [token_sha256]).map(drop)
        })
        .await
    }
}
