//! People who sign in, and their sessions. Passwords are kept as Argon2id strings, tokens as SHA-256.

use flip_protocol::UnixMillis;
use flip_protocol::ident::ProjectId;
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

    /// The project of a person's own questions, which is `fresh` from now on where they had none. `None` where nobody
    /// has that name.
    pub async fn own_project(
        &self,
        name: String,
        fresh: ProjectId,
    ) -> Result<Option<ProjectId>, LedgerError> {
        self.call("own project", move |tx| {
            tx.query_row(
                "UPDATE person SET project = coalesce(project, ?2) WHERE name = ?1 RETURNING project",
                (name, fresh.bytes()),
                |row| row.get(0).map(ProjectId::from_bytes),
            )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn project(number: u128) -> ProjectId {
        ProjectId(uuid::Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn a_persons_own_project_stays_and_is_theirs_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        for name in ["ada", "ben"] {
            ledger.set_person(name.to_owned(), "hash".to_owned(), UnixMillis(1)).unwrap();
        }
        let own = async |name: &str, fresh| ledger.own_project(name.to_owned(), fresh).await.unwrap();
        assert_eq!(own("ada", project(1)).await, Some(project(1)));
        assert_eq!(own("ben", project(2)).await, Some(project(2)));
        assert_eq!(own("ADA", project(3)).await, Some(project(1)), "a name is the same in other letters");
        assert_eq!(own("nobody", project(4)).await, None);
        ledger.set_person("ada".to_owned(), "another".to_owned(), UnixMillis(2)).unwrap();
        assert_eq!(own("ada", project(5)).await, Some(project(1)), "a new password is no new project");
    }
}
