//! The admins of single Trusts.

use flip_protocol::PartyId;
use flip_protocol::ident::ProjectId;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};

use super::people::{Changed, Whom, change};
use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::person::{PersonId, Role};

/// What making somebody a Trust's admin found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// They are.
    Yes,
    /// There is no such person.
    Nobody,
    /// They have not come yet.
    Invited,
    /// There is no such Trust.
    NoTrust,
    /// They are the only admin of the hub who can sign in, and have to stay that.
    LastAdmin,
}

/// Which Trust is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhichTrust {
    /// The one of this id.
    Id(PartyId),
    /// The one of this name, in whatever case.
    Named(String),
}

impl From<PartyId> for WhichTrust {
    fn from(id: PartyId) -> Self {
        Self::Id(id)
    }
}

impl From<String> for WhichTrust {
    fn from(name: String) -> Self {
        Self::Named(name)
    }
}

impl Ledger {
    /// Makes a person, who is there already, the admin of a Trust and nothing else, from their next request on. Blocks.
    pub fn make_trust_admin(
        &self,
        by: By,
        who: impl Into<Whom>,
        trust: impl Into<WhichTrust>,
    ) -> Result<Made, LedgerError> {
        let (who, trust) = (who.into(), trust.into());
        self.run("make trust admin", move |tx| {
            let Some((trust, trust_name)) = found(tx, &trust)? else { return Ok(Made::NoTrust) };
            if let Whom::Id(id) = who
                && tx.prepare("SELECT 1 FROM invitation WHERE id = ?1")?.exists([id.bytes()])?
            {
                return Ok(Made::Invited);
            }
            let changed = change(tx, &by, &who, false, |person, person_name| {
                tx.execute(
                    "UPDATE person SET role = ?2, trust = ?3 WHERE id = ?1",
                    (person.bytes(), Role::TrustAdmin.name(), trust.bytes()),
                )?;
                Ok(Some(Deed::TrustAdminMade { person, person_name, trust, trust_name }))
            })?;
            Ok(match changed {
                Changed::Yes => Made::Yes,
                Changed::Nobody => Made::Nobody,
                Changed::LastAdmin => Made::LastAdmin,
            })
        })
    }

    /// The Trust whose admin a person is, if any.
    pub async fn trust_of_admin(&self, person: PersonId) -> Result<Option<(PartyId, String)>, LedgerError> {
        self.call("trust of admin", move |tx| {
            tx.prepare_cached(
                "SELECT trust.id, trust.name FROM person JOIN trust ON trust.id = person.trust
                 WHERE person.id = ?1 AND person.role = 'trust-admin'",
            )?
            .query_row([person.bytes()], |row| Ok((PartyId::from_bytes(row.get(0)?), row.get(1)?)))
            .optional()
        })
        .await
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

fn found(tx: &Transaction<'_>, which: &WhichTrust) -> rusqlite::Result<Option<(PartyId, String)>> {
    const COLUMNS: &str = "SELECT id, name FROM trust WHERE removed_ms IS NULL AND";
    let row = |row: &Row<'_>| Ok((PartyId::from_bytes(row.get(0)?), row.get(1)?));
    match which {
        WhichTrust::Id(id) => tx.query_row(&format!("{COLUMNS} id = ?1"), [id.bytes()], row),
        WhichTrust::Named(name) => tx.query_row(&format!("{COLUMNS} name = ?1"), [name.trim()], row),
    }
    .optional()
}

/// Whether a Trust has an admin of its own who can sign in and decide about that project: its owner does not.
pub(super) fn has_admin(tx: &Transaction<'_>, trust: PartyId, project: ProjectId) -> rusqlite::Result<bool> {
    tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM person WHERE role = 'trust-admin' AND trust = ?1 AND disabled_ms IS NULL
             AND id <> (SELECT owner FROM project WHERE id = ?2))",
    )?
    .query_row((trust.bytes(), project.bytes()), |row| row.get(0))
}
