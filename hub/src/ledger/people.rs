//! People who sign in, and their sessions. Passwords are kept as Argon2id strings, tokens as SHA-256.
//!
//! What must stay true: there is always an admin who can sign in; who is disabled has no session and no link.

mod found;

use flip_storage::rusqlite::types::Type;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};

use super::invitations::{NewLink, Taken, taken, void_link};
use super::mail::{self, NewMail};
use super::{Ledger, LedgerError, browsers, links, orders};
use crate::audit::{By, Deed};
use crate::email::EmailAddress;
use crate::person::{PersonId, Role};

pub(super) use found::find;
pub use found::{Found, Link, Person, PersonColumn, PersonState, Search};

/// The password of who has none: nothing that is typed hashes to it.
pub(super) const NO_PASSWORD: &str = "";

/// Which person is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// The one of this id.
    Id(PersonId),
    /// The one of this name, in whatever case.
    Named(String),
}

impl From<PersonId> for Whom {
    fn from(id: PersonId) -> Self {
        Self::Id(id)
    }
}

impl From<String> for Whom {
    fn from(name: String) -> Self {
        Self::Named(name)
    }
}

/// What changing a person found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is as was asked for.
    Yes,
    /// There is no such person.
    Nobody,
    /// They are the only admin who can sign in, and have to stay that.
    LastAdmin,
}

/// What editing a person found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// As every change.
    Changed(Changed),
    /// The name or the address is another's.
    Taken(Taken),
    /// Who was invited needs an address.
    NoAddress,
    /// Who is to be an admin of a Trust has to be made one, of some Trust.
    NoTrust,
}

/// What of a person can be edited.
#[derive(Debug, Clone)]
pub struct Details {
    /// The name that they sign in with.
    pub name: String,
    /// Where mail reaches them.
    pub email: Option<EmailAddress>,
    /// Their role.
    pub role: Role,
}

impl Ledger {
    /// Adds a person without an address; false where somebody has that name.
    pub fn add_person(
        &self,
        by: By,
        id: PersonId,
        name: String,
        role: Role,
        password: String,
    ) -> Result<bool, LedgerError> {
        let details = Details { name, email: None, role };
        Ok(self.add_reachable_person(by, id, details, password)?.is_none())
    }

    /// Adds a person; what of theirs is taken, if anything.
    pub fn add_reachable_person(
        &self,
        by: By,
        id: PersonId,
        details: Details,
        password: String,
    ) -> Result<Option<Taken>, LedgerError> {
        self.run("add person", move |tx| {
            if let Some(taken) = taken(tx, &details.name, details.email.as_ref(), None)? {
                return Ok(Some(taken));
            }
            insert(tx, &by, id, details, password)?;
            Ok(None)
        })
    }

    /// Gives a person, who may not have come yet, another name, address and role. Another address ends the links that
    /// were sent to the old one.
    pub fn edit_person(&self, by: By, who: impl Into<Whom>, details: Details) -> Result<Edited, LedgerError> {
        let who = who.into();
        self.run("edit person", move |tx| {
            let Some(known) = find(tx, &who, by.at)? else { return Ok(Edited::Changed(Changed::Nobody)) };
            if let Some(taken) = taken(tx, &details.name, details.email.as_ref(), Some(known.id))? {
                return Ok(Edited::Taken(taken));
            }
            let invited = matches!(known.state, PersonState::Invited { .. });
            if invited && details.email.is_none() {
                return Ok(Edited::NoAddress);
            }
            if details.role == Role::TrustAdmin && known.role != Role::TrustAdmin {
                return Ok(Edited::NoTrust);
            }
            if invited {
                edit(tx, &by, &known, details)?;
                return Ok(Edited::Changed(Changed::Yes));
            }
            let changed = change(tx, &by, &Whom::Id(known.id), details.role == Role::Admin, |_, _| {
                edit(tx, &by, &known, details)?;
                Ok(None)
            })?;
            Ok(Edited::Changed(changed))
        })
    }

    /// Gives a person another role, from their next request on.
    pub fn set_role(&self, by: By, who: impl Into<Whom>, role: Role) -> Result<Changed, LedgerError> {
        let who = who.into();
        self.run("set role", move |tx| {
            change(tx, &by, &who, role == Role::Admin, |person, person_name| {
                let before =
                    tx.query_row("SELECT role FROM person WHERE id = ?1", [person.bytes()], |row| {
                        role_of(row, 0)
                    })?;
                tx.execute("UPDATE person SET role = ?2 WHERE id = ?1", (person.bytes(), role.name()))?;
                Ok((before != role).then_some(Deed::RoleChanged { person, person_name, role, before }))
            })
        })
    }

    /// Keeps a person out from now on, and ends their sessions, their links, and what they asked that waits here.
    pub fn disable(&self, by: By, who: impl Into<Whom>) -> Result<Changed, LedgerError> {
        let who = who.into();
        self.run("disable person", move |tx| {
            change(tx, &by, &who, false, |person, person_name| {
                let disabled = tx.execute(
                    "UPDATE person SET disabled_ms = ?2 WHERE id = ?1 AND disabled_ms IS NULL",
                    (person.bytes(), by.at.0),
                )?;
                links::void_links(tx, person)?;
                end_sessions(tx, person)?;
                orders::cancel_of(tx, &by, person)?;
                Ok((disabled == 1).then_some(Deed::PersonDisabled { person, person_name }))
            })
        })
    }

    /// Lets a person in again.
    pub fn enable(&self, by: By, who: impl Into<Whom>) -> Result<Changed, LedgerError> {
        let who = who.into();
        self.run("enable person", move |tx| {
            change(tx, &by, &who, true, |person, person_name| {
                let enabled = tx.execute(
                    "UPDATE person SET disabled_ms = NULL WHERE id = ?1 AND disabled_ms IS NOT NULL",
                    [person.bytes()],
                )?;
                Ok((enabled == 1).then_some(Deed::PersonEnabled { person, person_name }))
            })
        })
    }

    /// Gives a person a new password, and ends their sessions and links.
    pub fn set_password(
        &self,
        by: By,
        who: impl Into<Whom>,
        password: String,
    ) -> Result<Changed, LedgerError> {
        let who = who.into();
        self.run("set password", move |tx| {
            change(tx, &by, &who, true, |person, person_name| {
                tx.execute("UPDATE person SET password = ?2 WHERE id = ?1", (person.bytes(), password))?;
                links::void_links(tx, person)?;
                end_sessions(tx, person)?;
                Ok(Some(Deed::PasswordChanged { person, person_name }))
            })
        })
    }

    /// The Argon2id string of a person's password.
    pub async fn password_of_id(&self, id: PersonId) -> Result<Option<String>, LedgerError> {
        self.call("password of id", move |tx| {
            tx.query_row(
                "SELECT password FROM person WHERE id = ?1 AND password <> ?2",
                (id.bytes(), NO_PASSWORD),
                |row| row.get(0),
            )
            .optional()
        })
        .await
    }

    /// Gives a person another password in place of `old` (both Argon2id strings); their session `but` goes on, others
    /// end. False where the old one is not theirs any more.
    pub async fn change_password(
        &self,
        by: By,
        id: PersonId,
        [old, new]: [String; 2],
        but: [u8; 32],
        told: Option<NewMail>,
    ) -> Result<bool, LedgerError> {
        self.call("change password", move |tx| {
            let name: Option<String> = tx
                .prepare_cached(
                    "UPDATE person SET password = ?3 WHERE id = ?1 AND password = ?2 RETURNING name",
                )?
                .query_row((id.bytes(), old, new), |row| row.get(0))
                .optional()?;
            let Some(person_name) = name else { return Ok(false) };
            links::void_links(tx, id)?;
            browsers::void_browsers(tx, id)?;
            tx.execute("DELETE FROM session WHERE person = ?1 AND token_sha256 <> ?2", (id.bytes(), but))?;
            told.iter().try_for_each(|told| mail::store(tx, told, None))?;
            by.note(tx, &Deed::PasswordChanged { person: id, person_name })?;
            Ok(true)
        })
        .await
    }

    /// Voids a person's password, ends their sessions, and gives them a link to choose another.
    pub fn order_reset(
        &self,
        by: By,
        id: PersonId,
        link: NewLink,
        letter: Option<NewMail>,
    ) -> Result<Changed, LedgerError> {
        self.run("order reset", move |tx| {
            change(tx, &by, &Whom::Id(id), false, |person, person_name| {
                tx.execute("UPDATE person SET password = ?2 WHERE id = ?1", (person.bytes(), NO_PASSWORD))?;
                links::void_links(tx, person)?;
                links::put_reset(tx, person, &link)?;
                letter.iter().try_for_each(|letter| mail::store(tx, letter, Some(person)))?;
                end_sessions(tx, person)?;
                Ok(Some(Deed::PasswordReset { person, person_name, link_until: link.expires }))
            })
        })
    }

    /// The person of that name or address who may sign in, and the Argon2id string of their password.
    pub async fn password_of(&self, name: String) -> Result<Option<(PersonId, String)>, LedgerError> {
        self.call("password of", move |tx| {
            tx.query_row(
                "SELECT id, password FROM person
                 WHERE (name = ?1 OR email = ?1) AND disabled_ms IS NULL AND password <> ?2",
                (name, NO_PASSWORD),
                |row| Ok((PersonId::from_bytes(row.get(0)?), row.get(1)?)),
            )
            .optional()
        })
        .await
    }
}

/// Stores a person whose name and address nobody has.
pub(super) fn insert(
    tx: &Transaction<'_>,
    by: &By,
    id: PersonId,
    Details { name, email, role }: Details,
    password: String,
) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO person (id, name, email, role, password, added_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (id.bytes(), &name, email.map(String::from), role.name(), password, by.at.0),
    )?;
    by.note(tx, &Deed::PersonAdded { person: id, person_name: name, role })
}

/// Gives a person or an invited one other details, and notes what of them is other.
fn edit(tx: &Transaction<'_>, by: &By, known: &Person, details: Details) -> rusqlite::Result<()> {
    let Details { name, email, role } = details;
    let (person, moved) = (known.id, known.email != email);
    if moved {
        void_link(tx, person)?;
        links::void_links(tx, person)?;
        // Somebody was vouched for by the address of before, and is bound once a second factor is given.
        tx.execute(
            "DELETE FROM session WHERE person = ?1 AND subject IS NOT NULL AND factor_ms IS NULL",
            [person.bytes()],
        )?;
    }
    for table in ["person", "invitation"] {
        tx.execute(
            &format!("UPDATE {table} SET name = ?2, email = ?3, role = ?4 WHERE id = ?1"),
            (person.bytes(), &name, email.as_ref().map(ToString::to_string), role.name()),
        )?;
    }
    if known.role != role {
        let deed = Deed::RoleChanged { person, person_name: name.clone(), role, before: known.role };
        by.note(tx, &deed)?;
    }
    if moved || known.name != name {
        let before = known.name.clone();
        by.note(tx, &Deed::PersonEdited { person, person_name: name, before, address_changed: moved })?;
    }
    Ok(())
}

/// Changes a person. One who would not be an admin that can sign in any more has to leave another who is. `act` gives
/// what it changed, if anything.
pub(super) fn change(
    tx: &Transaction<'_>,
    by: &By,
    who: &Whom,
    keeps_an_admin: bool,
    act: impl FnOnce(PersonId, String) -> rusqlite::Result<Option<Deed>>,
) -> rusqlite::Result<Changed> {
    let row = |row: &Row<'_>| Ok((PersonId::from_bytes(row.get(0)?), row.get::<_, String>(1)?));
    let found = match who {
        Whom::Id(id) => tx.query_row("SELECT id, name FROM person WHERE id = ?1", [id.bytes()], row),
        Whom::Named(name) => tx.query_row("SELECT id, name FROM person WHERE name = ?1", [name.trim()], row),
    }
    .optional()?;
    let Some((id, name)) = found else { return Ok(Changed::Nobody) };
    let last: bool = tx.query_row(
        "WITH admin AS (SELECT id FROM person WHERE role = 'admin' AND disabled_ms IS NULL AND password <> ?2)
         SELECT EXISTS (SELECT 1 FROM admin WHERE id = ?1) AND NOT EXISTS (SELECT 1 FROM admin WHERE id <> ?1)",
        (id.bytes(), NO_PASSWORD),
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

/// A person's sign-in name.
pub(super) fn name_of(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<String> {
    tx.query_row("SELECT name FROM person WHERE id = ?1", [person.bytes()], |row| row.get(0))
}

/// Ends a person's sessions, makes their API tokens void, and forgets their browsers; how many sessions.
pub(super) fn end_sessions(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<usize> {
    void_tokens(tx, person)?;
    browsers::void_browsers(tx, person)?;
    tx.execute("DELETE FROM session WHERE person = ?1", [person.bytes()])
}

/// Makes a person's API tokens void; how many.
pub(super) fn void_tokens(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<usize> {
    tx.execute("DELETE FROM api_token WHERE person = ?1", [person.bytes()])
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
    use flip_protocol::UnixMillis;

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
        assert_eq!(ledger.people(UnixMillis(0)).unwrap().len(), 1);
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
            let new = crate::ledger::sessions::tests::new(token);
            ledger.open_session(new, person(2), hash, UnixMillis(1), true).await.unwrap().is_some()
        };
        let whose = async |token| ledger.session([token; 32], UnixMillis(2)).await.unwrap();
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
