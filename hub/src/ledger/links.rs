//! One-time links and what becomes of who follows one.
//!
//! What must stay true: a link works once and until its time; the set-up's works while nobody is there.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};

use super::invitations::{NewLink, Taken, taken, void_link};
use super::mail::{self, NewMail, address};
use super::people::{Details, Whom, end_sessions, find, insert, role_of};
use super::sessions::note_network;
use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::email::EmailAddress;
use crate::person::{PersonId, Role};

/// What a link that works is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Coming in, and choosing a password.
    Invitation {
        /// The name that they will sign in with.
        name: String,
        /// Their address.
        email: EmailAddress,
    },
    /// Choosing another password.
    Reset {
        /// Whose.
        person: PersonId,
        /// Their name.
        name: String,
        /// Their address.
        email: Option<EmailAddress>,
    },
    /// Becoming the first administrator of a new hub.
    SetUp,
}

/// What following a link came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// It is done; the link is used up.
    Yes,
    /// The link does not work (any more).
    Gone,
    /// The name or the address that they chose is another's.
    Taken(Taken),
}

impl Ledger {
    /// What a link is for; `None` where it does not work.
    pub async fn link(
        &self,
        token_sha256: [u8; 32],
        now: UnixMillis,
    ) -> Result<Option<Purpose>, LedgerError> {
        self.call("link", move |tx| purpose(tx, token_sha256, now)).await
    }

    /// Lets somebody in who was invited, with the password that they chose (an Argon2id string).
    pub async fn accept_invitation(
        &self,
        token_sha256: [u8; 32],
        password: String,
        from: String,
        now: UnixMillis,
    ) -> Result<Followed, LedgerError> {
        self.call("accept invitation", move |tx| {
            if !matches!(purpose(tx, token_sha256, now)?, Some(Purpose::Invitation { .. })) {
                return Ok(Followed::Gone);
            }
            let id =
                tx.query_row("SELECT invitation FROM link WHERE token_sha256 = ?1", [token_sha256], |row| {
                    row.get(0).map(PersonId::from_bytes)
                })?;
            let (name, role): (String, Role) =
                tx.query_row("SELECT name, role FROM invitation WHERE id = ?1", [id.bytes()], |row| {
                    Ok((row.get(0)?, role_of(row, 1)?))
                })?;
            tx.execute(
                "INSERT INTO person (id, name, email, role, password, added_ms)
                 SELECT id, name, email, role, ?2, ?3 FROM invitation WHERE id = ?1",
                (id.bytes(), password, now.0),
            )?;
            note_network(tx, id, &from, now)?;
            void_link(tx, id)?;
            tx.execute("DELETE FROM invitation WHERE id = ?1", [id.bytes()])?;
            By::person(id, &name, now)
                .note(tx, &Deed::InvitationAccepted { person: id, person_name: name, role })?;
            Ok(Followed::Yes)
        })
        .await
    }

    /// Gives who follows a link for a new password that password (an Argon2id string), and ends their sessions.
    pub async fn follow_reset(
        &self,
        token_sha256: [u8; 32],
        password: String,
        told: Option<NewMail>,
        from: String,
        now: UnixMillis,
    ) -> Result<Followed, LedgerError> {
        self.call("follow reset", move |tx| {
            let Some(Purpose::Reset { person, name, .. }) = purpose(tx, token_sha256, now)? else {
                return Ok(Followed::Gone);
            };
            tx.execute("UPDATE person SET password = ?2 WHERE id = ?1", (person.bytes(), password))?;
            note_network(tx, person, &from, now)?;
            end_sessions(tx, person)?;
            void_links(tx, person)?;
            told.iter().try_for_each(|told| mail::store(tx, told, None))?;
            By::person(person, &name, now).note(tx, &Deed::PasswordChanged { person, person_name: name })?;
            Ok(Followed::Yes)
        })
        .await
    }

    /// Stores the link of a new hub's set-up in place of any other; false where somebody is there already. Blocks.
    pub fn open_set_up(&self, by: By, link: NewLink) -> Result<bool, LedgerError> {
        self.run("open set-up", move |tx| {
            tx.execute("DELETE FROM link WHERE purpose = 'setup'", [])?;
            if somebody(tx)? {
                return Ok(false);
            }
            tx.execute(
                "INSERT INTO link (token_sha256, nonce, purpose, expires_ms) VALUES (?1, ?2, 'setup', ?3)",
                (link.token_sha256, link.nonce.bytes(), link.expires.0),
            )?;
            by.note(tx, &Deed::SetUpOpened { link_until: link.expires })?;
            Ok(true)
        })
    }

    /// Makes who follows the set-up's link the first administrator.
    pub async fn set_up(
        &self,
        token_sha256: [u8; 32],
        id: PersonId,
        details: Details,
        password: String,
        from: String,
        now: UnixMillis,
    ) -> Result<Followed, LedgerError> {
        self.call("set up", move |tx| {
            if purpose(tx, token_sha256, now)? != Some(Purpose::SetUp) {
                return Ok(Followed::Gone);
            }
            if let Some(taken) = taken(tx, &details.name, details.email.as_ref(), None)? {
                return Ok(Followed::Taken(taken));
            }
            let by = By::person(id, &details.name, now);
            insert(tx, &by, id, details, password)?;
            note_network(tx, id, &from, now)?;
            tx.execute("DELETE FROM link WHERE purpose = 'setup'", [])?;
            Ok(Followed::Yes)
        })
        .await
    }

    /// Forgets links whose time is over.
    pub async fn sweep_links(&self, now: UnixMillis) -> Result<(), LedgerError> {
        self.call("sweep links", move |tx| {
            tx.execute("DELETE FROM link WHERE expires_ms <= ?1", [now.0]).map(drop)
        })
        .await
    }
}

/// Stores a link for a person's new password.
pub(super) fn put_reset(tx: &Transaction<'_>, person: PersonId, link: &NewLink) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO link (token_sha256, nonce, purpose, person, expires_ms) VALUES (?1, ?2, 'reset', ?3, ?4)",
        (link.token_sha256, link.nonce.bytes(), person.bytes(), link.expires.0),
    )
    .map(drop)
}

/// Ends all links for a person's new password, and forgets the mails with them that were not sent.
pub(super) fn void_links(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM link WHERE person = ?1", [person.bytes()])?;
    mail::forget_links(tx, person)
}

fn purpose(
    tx: &Transaction<'_>,
    token_sha256: [u8; 32],
    now: UnixMillis,
) -> rusqlite::Result<Option<Purpose>> {
    type Ids = (String, Option<[u8; 16]>, Option<[u8; 16]>);
    let ids = |row: &Row<'_>| -> rusqlite::Result<Ids> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) };
    let found = tx
        .prepare_cached(
            "SELECT purpose, invitation, person FROM link WHERE token_sha256 = ?1 AND expires_ms > ?2",
        )?
        .query_row((token_sha256, now.0), ids)
        .optional()?;
    match found {
        None => Ok(None),
        Some((_, Some(invitation), _)) => tx
            .prepare_cached("SELECT name, email FROM invitation WHERE id = ?1")?
            .query_row([invitation], |row| {
                let email: String = row.get(1)?;
                Ok(Purpose::Invitation { name: row.get(0)?, email: address(1, &email)? })
            })
            .optional(),
        Some((_, None, Some(person))) => {
            let person = find(tx, &Whom::Id(PersonId::from_bytes(person)), now)?;
            Ok(person.map(|person| Purpose::Reset {
                person: person.id,
                name: person.name,
                email: person.email,
            }))
        }
        Some((_, None, None)) => Ok((!somebody(tx)?).then_some(Purpose::SetUp)),
    }
}

fn somebody(tx: &Transaction<'_>) -> rusqlite::Result<bool> {
    tx.query_row("SELECT EXISTS (SELECT 1 FROM person)", [], |row| row.get(0))
}
