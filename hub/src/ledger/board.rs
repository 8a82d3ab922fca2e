//! How a project stands at each Trust, and what waits for whose decision.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use flip_protocol::PartyId;
use flip_protocol::ident::ProjectId;
use flip_storage::rusqlite::{self, Transaction};
use uuid::Uuid;

use super::allowed::{Doer, doer};
use super::cursor::{Cursor, ascending, ids};
use super::freezes::{Freeze, freeze_of};
use super::orders::state_of_share;
use super::projects::{Project, project};
use super::staging::{lifecycle, newest_query};
use super::trust_admins::has_admin;
use super::{Ledger, LedgerError};
use crate::order::OrderState;
use crate::person::{PersonId, Role};
use crate::project::StagedAt;

/// A project at one Trust.
#[derive(Debug, Clone)]
pub struct Seat {
    /// The Trust.
    pub trust: PartyId,
    /// Its name.
    pub trust_name: String,
    /// What it said to the query that the project is staged with, or to the newest.
    pub share: Option<OrderState>,
    /// That it is staged there, and what was decided.
    pub staged: Option<StagedAt>,
    /// True where the Trust has an admin of its own, who alone decides.
    pub own_admin: bool,
    /// True where the person who looks decides there.
    pub decides: bool,
    /// Its newest order to freeze the cohort.
    pub freeze: Option<Freeze>,
}

/// The query that the decisions are about, by id and name, and how the project stands at each Trust, by Trust name.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// The query that the project is staged with, or the newest; `None` where nothing was asked.
    pub query: Option<(Uuid, String)>,
    /// Every Trust that has enrolled, or that it is staged at.
    pub seats: Vec<Seat>,
}

/// A project that one Trust decides about.
#[derive(Debug, Clone)]
pub struct Case {
    /// The project.
    pub project: Project,
    /// How it stands at the Trust, where it is staged.
    pub seat: Seat,
    /// When and by whom it was staged there, and what was decided.
    pub staged: StagedAt,
    /// The query's id, name and text.
    pub query: (Uuid, String, String),
}

impl Case {
    /// Its place among all that somebody decides about.
    pub fn place(&self) -> Cursor {
        let (rank, at) = match &self.staged.decision {
            Some(made) => (1, made.at),
            None => (0, self.staged.at),
        };
        let ids = ids(&[&self.project.id.bytes(), &self.staged.trust.bytes()]);
        Cursor { rank, moment: -ascending(at), ids }
    }
}

impl Ledger {
    /// How a project stands at each Trust, as that person looks at it.
    pub async fn board(&self, project: ProjectId, person: PersonId) -> Result<Board, LedgerError> {
        self.call("board", move |tx| {
            let doer = doer(tx, person)?;
            let staged = lifecycle(tx, project)?.staged().cloned();
            let query = match &staged {
                Some(staged) => Some(staged.query),
                None => newest_query(tx, project)?,
            };
            let staged = staged.map(|staged| staged.trusts).unwrap_or_default();
            let trusts: Vec<([u8; 16], String, bool)> = tx
                .prepare_cached("SELECT id, name, enrolled_ms IS NOT NULL AND removed_ms IS NULL FROM trust ORDER BY name")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<Result<_, _>>()?;
            let mut seats = Vec::new();
            for (id, trust_name, enrolled) in trusts {
                let trust = PartyId::from_bytes(id);
                let at = staged.iter().find(|at| at.trust == trust).cloned();
                if enrolled || at.is_some() {
                    seats.push(seat(tx, project, query, (trust, trust_name), at, doer)?);
                }
            }
            let query = query.map(|id| named(tx, id).map(|(name, _)| (id, name))).transpose()?;
            Ok(Board { query, seats })
        })
        .await
    }

    /// What waits for that person's decision, the newest first, and then what was decided where they decide, at most
    /// `most`.
    pub async fn cases(&self, person: PersonId, from: Cursor, most: u32) -> Result<Vec<Case>, LedgerError> {
        self.call("cases", move |tx| {
            let Some(doer) = doer(tx, person)? else { return Ok(Vec::new()) };
            let mut found = Vec::new();
            // A project is staged at many Trusts, and is read once.
            let mut projects = HashMap::new();
            for (id, trust, trust_name) in staged_for(tx, doer, from)? {
                if found.len() >= most as usize {
                    break;
                }
                if let Entry::Vacant(place) = projects.entry(id) {
                    place.insert(project(tx, id)?);
                }
                let Some(project) = projects[&id].clone() else { continue };
                let Some(staged) = project.lifecycle.staged() else { continue };
                let Some(at) = staged.trusts.iter().find(|at| at.trust == trust).cloned() else { continue };
                let query = staged.query;
                let seat = seat(tx, id, Some(query), (trust, trust_name), Some(at.clone()), Some(doer))?;
                if doer.role == Role::Admin && seat.own_admin {
                    continue;
                }
                let (name, sql) = named(tx, query)?;
                found.push(Case { project, seat, staged: at, query: (query, name, sql) });
            }
            Ok(found)
        })
        .await
    }

    /// How many projects wait for that person's decision as a Trust's admin.
    pub async fn cases_waiting(&self, person: PersonId) -> Result<u64, LedgerError> {
        self.call("cases waiting", move |tx| {
            tx.prepare_cached(
                "SELECT count(*) FROM staging JOIN project ON project.id = staging.project
                     JOIN person ON person.trust = staging.trust
                 WHERE person.id = ?1 AND person.role = 'trust-admin' AND staging.verdict IS NULL
                     AND project.deleted_ms IS NULL AND project.owner <> ?1",
            )?
            .query_row([person.bytes()], |row| row.get(0))
        })
        .await
    }
}

/// The stagings that somebody decides about, from a place on: those that wait first, the newest first.
fn staged_for(
    tx: &Transaction<'_>,
    doer: Doer,
    from: Cursor,
) -> rusqlite::Result<Vec<(ProjectId, PartyId, String)>> {
    const PLACE: &str = "staging.verdict IS NOT NULL, -coalesce(staging.decided_ms, staging.staged_ms),
        hex(staging.project) || hex(staging.trust)";
    let of = match doer.role {
        Role::Admin => None,
        Role::TrustAdmin => match doer.trust {
            Some(trust) => Some(trust.bytes()),
            None => return Ok(Vec::new()),
        },
        Role::Researcher | Role::Viewer => return Ok(Vec::new()),
    };
    let (rank, moment, ids) = from.values();
    tx.prepare_cached(&format!(
        "SELECT staging.project, trust.id, trust.name FROM staging JOIN trust ON trust.id = staging.trust
             JOIN project ON project.id = staging.project
         WHERE project.deleted_ms IS NULL AND (?1 IS NULL OR trust.id = ?1) AND ({PLACE}) > (?2, ?3, ?4)
         ORDER BY {PLACE}"
    ))?
    .query_map((of, rank, moment, ids), |row| {
        Ok((ProjectId::from_bytes(row.get(0)?), PartyId::from_bytes(row.get(1)?), row.get(2)?))
    })?
    .collect()
}

fn seat(
    tx: &Transaction<'_>,
    project: ProjectId,
    query: Option<Uuid>,
    (trust, trust_name): (PartyId, String),
    staged: Option<StagedAt>,
    doer: Option<Doer>,
) -> rusqlite::Result<Seat> {
    let (share, freeze) = match query {
        Some(query) => (state_of_share(tx, query, trust)?, freeze_of(tx, query, trust)?),
        None => (None, None),
    };
    let own_admin = has_admin(tx, trust, project)?;
    let decides = doer.is_some_and(|doer| match doer.role {
        Role::Admin => !own_admin,
        Role::TrustAdmin => doer.trust == Some(trust),
        Role::Researcher | Role::Viewer => false,
    });
    Ok(Seat { trust, trust_name, share, staged, own_admin, decides, freeze })
}

fn named(tx: &Transaction<'_>, query: Uuid) -> rusqlite::Result<(String, String)> {
    tx.prepare_cached("SELECT name, sql FROM query WHERE id = ?1")?
        .query_row([query.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
}
