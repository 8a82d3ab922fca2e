//! People who sign in, and their sessions. Passwords are kept as Argon2id strings, tokens as SHA-256.
//!
//! What must stay true: there is always an admin who is not disabled; who is disabled has no session.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::types::Type;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};

use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::person::{PersonId, Role};

/// A person as the hub knows them.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// The name that they sign in with, as it was first written.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// When they were added.
    pub added: UnixMillis,
    /// Since when they may not sign in; `None` where they may.
    pub disabled: Option<UnixMillis>,
}

/// What changing a person found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is as was asked for.
    Yes,
    /// Nobody has that name.
    Nobody,
    /// They are the only admin who can sign in, and have to stay that.
    LastAdmin,
}

impl Ledger {
    /// Adds a person; false where somebody has that name.
    pub fn add_person(
        &self,
        by: By,
        id: PersonId,
        name: String,
        role: Role,
        password: String,
    ) -> Result<bool, LedgerError> {
        self.run("add person", move |tx| {
            let added = tx.execute(
                "INSERT INTO person (id, name, role, password, added_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
                (id.bytes(), &name, role.name(), password, by.at.0),
            )?;
            if added == 1 {
                by.note(tx, &Deed::PersonAdded { person: id, person_name: name, role })?;
            }
            Ok(added == 1)
        })
    }

    /// All people by name. Blocks.
    pub fn people(&self) -> Result<Vec<Person>, LedgerError> {
        self.run("people", |tx| {
            tx.prepare_cached("SELECT id, name, role, added_ms, disabled_ms FROM person ORDER BY name")?
                .query_map([], |row| {
                    Ok(Person {
                        id: PersonId::from_bytes(row.get(0)?),
                        name: row.get(1)?,
                        role: role_of(row, 2)?,
                        added: UnixMillis(row.get(3)?),
                        disabled: row.get::<_, Option<u64>>(4)?.map(UnixMillis),
                    })
                })?
                .collect()
        })
    }

    /// Gives a person another role, from their next request on.
    pub fn set_role(&self, by: By, name: String, role: Role) -> Result<Changed, LedgerError> {
        self.run("set role", move |tx| {
            change(tx, &by, &name, role == Role::Admin, |person, person_name| {
                let before =
                    tx.query_row("SELECT role FROM person WHERE id = ?1", [person.bytes()], |row| {
                        role_of(row, 0)
                    })?;
                tx.execute("UPDATE person SET role = ?2 WHERE id = ?1", (person.bytes(), role.name()))?;
                Ok((before != role).then_some(Deed::RoleChanged { person, person_name, role, before }))
            })
        })
    }

    /// Keeps a person out from now on, and ends their sessions.
    pub fn disable(&self, by: By, name: String) -> Result<Changed, LedgerError> {
        self.run("disable person", move |tx| {
            change(tx, &by, &name, false, |person, person_name| {
                let disabled = tx.execute(
                    "UPDATE person SET disabled_ms = ?2 WHERE id = ?1 AND disabled_ms IS NULL",
                    (person.bytes(), by.at.0),
                )?;
                end_sessions(tx, person)?;
                Ok((disabled == 1).then_some(Deed::PersonDisabled { person, person_name }))
            })
        })
    }

    /// Lets a person in again.
    pub fn enable(&self, by: By, name: String) -> Result<Changed, LedgerError> {
        self.run("enable person", move |tx| {
            change(tx, &by, &name, true, |person, person_name| {
                let enabled = tx.execute(
                    "UPDATE person SET disabled_ms = NULL WHERE id = ?1 AND disabled_ms IS NOT NULL",
                    [person.bytes()],
                )?;
                Ok((enabled == 1).then_some(Deed::PersonEnabled { person, person_name }))
            })
        })
    }

    /// Gives a person a new password, and ends their sessions.
    pub fn set_password(&self, by: By, name: String, password: String) -> Result<Changed, LedgerError> {
        self.run("set password", move |tx| {
            change(tx, &by, &name, true, |person, person_name| {
                tx.execute("UPDATE person SET password = ?2 WHERE id = ?1", (person.bytes(), password))?;
                end_sessions(tx, person)?;
                Ok(Some(Deed::PasswordChanged { person, person_name }))
            })
        })
    }

    /// The person of that name who may sign in, and the Argon2id string of their password.
    pub async fn password_of(&self, name: String) -> Result<Option<(PersonId, String)>, LedgerError> {
        self.call("password of", move |tx| {
            tx.query_row(
                "SELECT id, password FROM person WHERE name = ?1 AND disabled_ms IS NULL",
                [name],
                |row| Ok((PersonId::from_bytes(row.get(0)?), row.get(1)?)),
            )
            .optional()
        })
        .await
    }

    /// Opens a session, unless the person was disabled or given another password since `password`, the Argon2id string,
    /// was read: then false. Sessions that ended are swept.
    pub async fn open_session(
        &self,
        token_sha256: [u8; 32],
        person: PersonId,
        password: String,
        now: UnixMillis,
        expires: UnixMillis,
    ) -> Result<bool, LedgerError> {
        self.call("open session", move |tx| {
            tx.execute("DELETE FROM session WHERE expires_ms <= ?1", [now.0])?;
            let opened = tx.execute(
                "INSERT INTO session (token_sha256, person, expires_ms)
                 SELECT ?1, id, ?3 FROM person WHERE id = ?2 AND disabled_ms IS NULL AND password = ?4",
                (token_sha256, person.bytes(), expires.0, password),
            )?;
            if opened == 1 {
                let name =
                    tx.query_row("SELECT name FROM person WHERE id = ?1", [person.bytes()], |row| {
                        row.get::<_, String>(0)
                    })?;
                By::person(person, &name, now).note(tx, &Deed::SignedIn { session_until: expires })?;
            }
            Ok(opened == 1)
        })
        .await
    }

    /// Whose session a token is, while it lasts, by name and role.
    pub async fn person_of_session(
        &self,
        token_sha256: [u8; 32],
        now: UnixMillis,
    ) -> Result<Option<(PersonId, String, Role)>, LedgerError> {
        self.call("person of session", move |tx| {
            tx.prepare_cached(
                "SELECT person.id, person.name, person.role
                 FROM session JOIN person ON person.id = session.person
                 WHERE token_sha256 = ?1 AND expires_ms > ?2 AND disabled_ms IS NULL",
            )?
            .query_row((token_sha256, now.0), |row| {
                Ok((PersonId::from_bytes(row.get(0)?), row.get(1)?, role_of(row, 2)?))
            })
            .optional()
        })
        .await
    }

    /// Ends a session.
    pub async fn close_session(&self, by: By, token_sha256: [u8; 32]) -> Result<(), LedgerError> {
        self.call("close session", move |tx| {
            let closed = tx.execute("DELETE FROM session WHERE token_sha256 = ?1", [token_sha256])?;
            if closed == 1 { by.note(tx, &Deed::SignedOut {}) } else { Ok(()) }
        })
        .await
    }
}

/// Changes the person of that name. One who would not be an admin that can sign in any more has to leave another
/// who is. `act` gives what it changed, if anything.
fn change(
    tx: &Transaction<'_>,
    by: &By,
    name: &str,
    keeps_an_admin: bool,
    act: impl FnOnce(PersonId, String) -> rusqlite::Result<Option<Deed>>,
) -> rusqlite::Result<Changed> {
    let found = tx
        .query_row("SELECT id, name FROM person WHERE name = ?1", [name.trim()], |row| {
            Ok((PersonId::from_bytes(row.get(0)?), row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((id, name)) = found else { return Ok(Changed::Nobody) };
    let last: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM person WHERE id = ?1 AND role = 'admin' AND disabled_ms IS NULL)
            AND NOT EXISTS (SELECT 1 FROM person WHERE id <> ?1 AND role = 'admin' AND disabled_ms IS NULL)",
        [id.bytes()],
        |row| row.get(0),
    )?;
    if last && !keeps_an_admin {
        return Ok(Changed::LastAdmin);
    }
    if let Some(deed) = act(id, name)? {
        by.note(tx, &deed)?;
    }
    Ok(Changed::Yes)
}

fn end_sessions(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<usize> {
    tx.execute("DELETE FROM session WHERE person = ?1", [person.bytes()])
}

pub(super) fn role_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            Type::Text,
            Box::<crate::person::NoRole>::new(error),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u128) -> PersonId {
        PersonId::from_bytes(number.to_be_bytes())
    }

    fn by(at: u64) -> By {
        By::command_line(UnixMillis(at))
    }

    fn add(ledger: &Ledger, number: u128, name: &str, role: Role) -> bool {
        ledger.add_person(by(1), person(number), name.to_owned(), role, "hash".to_owned()).unwrap()
    }

    #[test]
    fn a_name_is_one_persons_whatever_its_case() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        assert!(add(&ledger, 1, "Ada", Role::Admin));
        assert!(!add(&ledger, 2, "ADA", Role::Viewer));
        assert_eq!(ledger.people().unwrap().len(), 1);
        assert_eq!(ledger.set_role(by(2), "nobody".to_owned(), Role::Admin).unwrap(), Changed::Nobody);
    }

    #[test]
    fn the_last_admin_who_can_sign_in_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        add(&ledger, 1, "ada", Role::Admin);
        add(&ledger, 2, "ben", Role::Admin);
        let role = |name: &str, role| ledger.set_role(by(3), name.to_owned(), role).unwrap();
        let disable = |name: &str| ledger.disable(by(5), name.to_owned()).unwrap();
        assert_eq!(disable("ben"), Changed::Yes);
        assert_eq!(disable("ada"), Changed::LastAdmin, "an admin who is disabled is none");
        assert_eq!(role("ada", Role::Viewer), Changed::LastAdmin);
        assert_eq!(role("ada", Role::Admin), Changed::Yes);
        assert_eq!(ledger.enable(by(6), "Ben".to_owned()).unwrap(), Changed::Yes);
        assert_eq!(role("ada", Role::Viewer), Changed::Yes);
        assert_eq!(disable("ada"), Changed::Yes);
        assert_eq!(role("ben", Role::Researcher), Changed::LastAdmin);
    }

    #[tokio::test]
    async fn who_is_disabled_has_no_session_and_opens_none() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        add(&ledger, 1, "ada", Role::Admin);
        add(&ledger, 2, "ben", Role::Viewer);
        let open = async |token| {
            let hash = "hash".to_owned();
            ledger.open_session([token; 32], person(2), hash, UnixMillis(1), UnixMillis(9)).await.unwrap()
        };
        let whose = async |token| ledger.person_of_session([token; 32], UnixMillis(2)).await.unwrap();
        assert!(open(1).await && whose(1).await.is_some());
        ledger.disable(by(2), "ben".to_owned()).unwrap();
        assert!(whose(1).await.is_none() && !open(2).await && whose(2).await.is_none());
        ledger.enable(by(3), "ben".to_owned()).unwrap();
        assert!(whose(1).await.is_none(), "a session came back");
        // Whose old password was checked while they were given a new one.
        assert!(open(3).await && whose(3).await.is_some());
        ledger.set_password(by(4), "ben".to_owned(), "another hash".to_owned()).unwrap();
        assert!(whose(3).await.is_none() && !open(4).await && whose(4).await.is_none());
    }
}
