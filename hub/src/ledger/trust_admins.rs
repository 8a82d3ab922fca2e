//! The admins of single Trusts.

use flip_protocol::PartyId;
use flip_protocol::ident::ProjectId;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};

use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::person::{PersonId, Role};

/// What making somebody a Trust's admin found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// They are.
    Yes,
    /// Nobody has that name.
    Nobody,
    /// There is no such Trust.
    NoTrust,
    /// They are the only admin of the hub who can sign in, and have to stay that.
    LastAdmin,
}

impl Ledger {
    /// Makes a person, who is there already, the admin of a Trust and nothing else, from their next request on.
    pub fn make_trust_admin(&self, by: By, name: String, trust_name: String) -> Result<Made, LedgerError> {
        self.run("make trust admin", move |tx| {
            let trust: Option<([u8; 16], String)> = tx
                .query_row(
                    "SELECT id, name FROM trust WHERE name = ?1",
                    [trust_name.trim()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let Some((trust, trust_name)) = trust else { return Ok(Made::NoTrust) };
            let person: Option<([u8; 16], String)> = tx
                .query_row("SELECT id, name FROM person WHERE name = ?1", [name.trim()], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            let Some((person, person_name)) = person else { return Ok(Made::Nobody) };
            let last: bool = tx.query_row(
                "SELECT EXISTS (SELECT 1 FROM person WHERE id = ?1 AND role = 'admin' AND disabled_ms IS NULL)
                    AND NOT EXISTS (SELECT 1 FROM person WHERE id <> ?1 AND role = 'admin' AND disabled_ms IS NULL)",
                [person],
                |row| row.get(0),
            )?;
            if last {
                return Ok(Made::LastAdmin);
            }
            tx.execute(
                "UPDATE person SET role = ?2, trust = ?3 WHERE id = ?1",
                (person, Role::TrustAdmin.name(), trust),
            )?;
            let deed = Deed::TrustAdminMade {
                person: PersonId::from_bytes(person),
                person_name,
                trust: PartyId::from_bytes(trust),
                trust_name,
            };
            by.note(tx, &deed)?;
            Ok(Made::Yes)
        })
    }

    /// The Trusts whose admins people are, by the people's names.
    pub fn trust_admins(&self) -> Result<Vec<(String, String)>, LedgerError> {
        self.run("trust admins", |tx| {
            tx.prepare(
                "SELECT person.name, trust.name FROM person JOIN trust ON trust.id = person.trust
                 WHERE person.role = 'trust-admin' ORDER BY person.name",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
        })
    }
}

/// Whether a Trust has an admin of its own who can sign in and decide about that project: its owner does not.
pub(super) fn has_admin(tx: &Transaction<'_>, trust: PartyId, project: ProjectId) -> rusqlite::Result<bool> {
    tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM person WHERE role = 'trust-admin' AND trust = ?1 AND disabled_ms IS NULL
             AND id <> (SELECT owner FROM project WHERE id = ?2))",
    )?
    .query_row((trust.bytes(), project.bytes()), |row| row.get(0))
}
