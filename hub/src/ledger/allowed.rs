//! The check of who may do what, once more, inside the transaction that does it: between the check of the request and
//! here a project may have been deleted, a member removed, a role changed.

use flip_protocol::PartyId;
use flip_protocol::ident::ProjectId;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};

use super::people::role_of;
use super::projects::place_in;
use crate::audit::{By, Who};
use crate::permissions::{Act, Cell, Column, decide};
use crate::person::{PersonId, Role};

/// Why somebody may not do it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// They may not know of the project.
    Hidden,
    /// They may know of it, and not do that.
    Forbidden(Act),
    /// It was deleted.
    Deleted,
}

/// Somebody who may, as they are at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doer {
    /// Their role.
    pub role: Role,
    /// The Trust whose admin they are.
    pub trust: Option<PartyId>,
}

/// Checks that a person may do an act in a project that is there.
pub(super) fn allowed(
    tx: &Transaction<'_>,
    by: &By,
    project: ProjectId,
    act: Act,
) -> rusqlite::Result<Result<Doer, Barred>> {
    let Who::Person { id, .. } = &by.who else { return Ok(Err(Barred::Hidden)) };
    let Some(doer) = doer(tx, *id)? else { return Ok(Err(Barred::Hidden)) };
    let Some(place) = place_in(tx, *id, project)? else { return Ok(Err(Barred::Hidden)) };
    Ok(match decide(act, Column::of(doer.role, place.relation)) {
        Cell::May if place.deleted => Err(Barred::Deleted),
        Cell::May => Ok(doer),
        Cell::Forbidden => Err(Barred::Forbidden(act)),
        Cell::Hidden | Cell::SignIn | Cell::SecondFactor | Cell::Never => Err(Barred::Hidden),
    })
}

/// Who that is, unless they were disabled.
pub(super) fn doer(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<Option<Doer>> {
    tx.prepare_cached("SELECT role, trust FROM person WHERE id = ?1 AND disabled_ms IS NULL")?
        .query_row([person.bytes()], |row| {
            let role = role_of(row, 0)?;
            let trust = row.get::<_, Option<[u8; 16]>>(1)?.map(PartyId::from_bytes);
            Ok(Doer { role, trust: trust.filter(|_| role == Role::TrustAdmin) })
        })
        .optional()
}
