//! Invitations: people who may come and have not yet.
//!
//! What must stay true: a name and an address are one person's, whether they have come or not; an invitation has at
//! most one link that works, and is gone once it was used.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::{self, Transaction};

use super::mail::{self, NewMail};
use super::people::{PersonState, Whom, find};
use super::{Ledger, LedgerError, access};
use crate::audit::{By, Deed};
use crate::email::EmailAddress;
use crate::links::Nonce;
use crate::person::{PersonId, Role};

/// A link to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewLink {
    /// What it is made from.
    pub nonce: Nonce,
    /// SHA-256 of its token.
    pub token_sha256: [u8; 32],
    /// Until when it works.
    pub expires: UnixMillis,
}

/// An invitation to be stored.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// The person's id.
    pub id: PersonId,
    /// The name that they will sign in with.
    pub name: String,
    /// Where mail reaches them.
    pub email: EmailAddress,
    /// Their role.
    pub role: Role,
    /// Who invites them.
    pub by: By,
    /// Their link.
    pub link: NewLink,
    /// The mail with it, where mail is sent.
    pub mail: Option<NewMail>,
}

/// Whose a name or an address is already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Somebody signs in or was invited under that name.
    Name,
    /// Somebody has that address.
    Email,
}

/// What withdrawing an invitation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is gone.
    Yes,
    /// There is no such person.
    Nobody,
    /// They have come, and stay.
    Came,
}

impl Ledger {
    /// Invites somebody; what of theirs is taken, if anything.
    pub fn invite(&self, new: NewInvitation) -> Result<Option<Taken>, LedgerError> {
        self.run("invite", move |tx| {
            if let Some(taken) = taken(tx, &new.name, Some(&new.email), None)? {
                return Ok(Some(taken));
            }
            let id = new.id.bytes();
            tx.execute(
                "INSERT INTO invitation (id, name, email, role, invited_by, invited_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    id,
                    &new.name,
                    new.email.to_string(),
                    new.role.name(),
                    new.by.id().map(PersonId::bytes),
                    new.by.at.0,
                ),
            )?;
            put_link(tx, new.id, &new.link)?;
            access::invited(tx, &new.email, &new.by)?;
            new.mail.iter().try_for_each(|letter| mail::store(tx, letter, Some(new.id)))?;
            let (person_name, role, link_until) = (new.name, new.role, new.link.expires);
            new.by.note(tx, &Deed::PersonInvited { person: new.id, person_name, role, link_until })?;
            Ok(None)
        })
    }

    /// Gives an invited person the link of another invitation of theirs; the one that they had does not work any more.
    /// False where nobody like that waits.
    pub fn invite_again(&self, again: NewInvitation) -> Result<bool, LedgerError> {
        self.run("invite again", move |tx| {
            let known: bool = tx.query_row(
                "SELECT EXISTS (SELECT 1 FROM invitation WHERE id = ?1)",
                [again.id.bytes()],
                |row| row.get(0),
            )?;
            if known {
                void_link(tx, again.id)?;
                put_link(tx, again.id, &again.link)?;
                again.mail.iter().try_for_each(|letter| mail::store(tx, letter, Some(again.id)))?;
                let (person_name, role, link_until) = (again.name, again.role, again.link.expires);
                again
                    .by
                    .note(tx, &Deed::PersonInvited { person: again.id, person_name, role, link_until })?;
            }
            Ok(known)
        })
    }

    /// Takes an invitation back.
    pub fn withdraw(&self, by: By, who: impl Into<Whom>) -> Result<Withdrawn, LedgerError> {
        let who = who.into();
        self.run("withdraw invitation", move |tx| {
            let Some(person) = find(tx, &who, by.at)? else { return Ok(Withdrawn::Nobody) };
            if !matches!(person.state, PersonState::Invited { .. }) {
                return Ok(Withdrawn::Came);
            }
            void_link(tx, person.id)?;
            tx.execute("DELETE FROM invitation WHERE id = ?1", [person.id.bytes()])?;
            by.note(tx, &Deed::InvitationWithdrawn { person: person.id, person_name: person.name })?;
            Ok(Withdrawn::Yes)
        })
    }
}

/// What of a name and an address is another's. A name that is somebody's address would sign in as them.
pub(super) fn taken(
    tx: &Transaction<'_>,
    name: &str,
    email: Option<&EmailAddress>,
    but: Option<PersonId>,
) -> rusqlite::Result<Option<Taken>> {
    let held = |text: &str| -> rusqlite::Result<bool> {
        tx.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM person WHERE (name = ?1 OR email = ?1) AND id IS NOT ?2)
                 OR EXISTS (SELECT 1 FROM invitation WHERE (name = ?1 OR email = ?1) AND id IS NOT ?2)",
        )?
        .query_row((text, but.map(PersonId::bytes)), |row| row.get(0))
    };
    if held(name)? {
        return Ok(Some(Taken::Name));
    }
    match email {
        Some(email) if held(&email.to_string())? => Ok(Some(Taken::Email)),
        _ => Ok(None),
    }
}

fn put_link(tx: &Transaction<'_>, invitation: PersonId, link: &NewLink) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO link (token_sha256, nonce, purpose, invitation, expires_ms) VALUES (?1, ?2, 'invitation', ?3, ?4)",
        (link.token_sha256, link.nonce.bytes(), invitation.bytes(), link.expires.0),
    )
    .map(drop)
}

/// Ends an invitation's link and forgets the mail with it, unless it was sent.
pub(super) fn void_link(tx: &Transaction<'_>, invitation: PersonId) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM link WHERE invitation = ?1", [invitation.bytes()])?;
    mail::forget_links(tx, invitation)
}
