//! Where projects are staged, and what was decided there.
//!
//! What must stay true: a project moves on through [`Lifecycle`] alone; an approval and the order that it gives are one
//! transaction.

use flip_protocol::ident::{ProjectId, QueryId};
use flip_protocol::order::Work;
use flip_protocol::{PartyId, UnixMillis};
use flip_storage::rusqlite::types::Type;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};
use uuid::Uuid;

use super::allowed::{Barred, Doer, allowed};
use super::freezes::freeze_of;
use super::keys::peer;
use super::orders::{self, Sealer, state_of_share};
use super::trust_admins::has_admin;
use super::trusts::trust_name;
use super::{Ledger, LedgerError};
use crate::audit::{By, Deed, Who};
use crate::permissions::Act;
use crate::person::Role;
use crate::project::{Capacity, Decision, Lifecycle, Refused, Staged, StagedAt, Verdict};

/// Why a project did not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// Not by this person.
    Barred(Barred),
    /// Not from where it is; with the names of the Trusts that are told of.
    Refused(Refused, Vec<(PartyId, String)>),
    /// There is no such Trust.
    NoTrust(PartyId),
    /// That Trust has an admin of its own, who alone decides for it.
    OwnAdmin(String),
    /// That is not the person's Trust.
    NotTheirTrust,
}

/// What somebody decides for a Trust.
#[derive(Debug, Clone)]
pub struct Deciding {
    /// The project.
    pub project: ProjectId,
    /// The Trust.
    pub trust: PartyId,
    /// The query that they looked at.
    pub query: Uuid,
    /// Their word.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

impl Ledger {
    /// Where a project is.
    pub async fn lifecycle(&self, project: ProjectId) -> Result<Lifecycle, LedgerError> {
        self.call("lifecycle", move |tx| lifecycle(tx, project)).await
    }

    /// Stages a project at more Trusts.
    pub async fn stage(
        &self,
        by: By,
        project: ProjectId,
        trusts: Vec<PartyId>,
    ) -> Result<Result<Lifecycle, Stopped>, LedgerError> {
        self.call("stage project", move |tx| {
            if let Err(barred) = allowed(tx, &by, project, Act::StageProject)? {
                return Ok(Err(Stopped::Barred(barred)));
            }
            let before = lifecycle(tx, project)?;
            let newest = newest_query(tx, project)?;
            let query = before.staged().map(|staged| staged.query).or(newest);
            let mut shares = Vec::new();
            for trust in trusts.iter().copied() {
                if trust_name(tx, trust)?.is_none() {
                    return Ok(Err(Stopped::NoTrust(trust)));
                }
                if let Some(query) = query {
                    shares.push((trust, state_of_share(tx, query, trust)?));
                }
            }
            let share =
                |_, of| shares.iter().find(|(trust, _)| *trust == of).and_then(|(_, state)| state.clone());
            let next = match before.stage(newest, &trusts, share, &called(&by), by.at) {
                Ok(next) => next,
                Err(refused) => return Ok(Err(named(tx, refused)?)),
            };
            keep(tx, project, &next)?;
            let query = next.staged().map(|staged| staged.query).unwrap_or_default();
            by.note(tx, &Deed::ProjectStaged { project, query, trusts })?;
            Ok(Ok(next))
        })
        .await
    }

    /// Takes a project out of Trusts that have not approved it; out of all where none is named.
    pub async fn unstage(
        &self,
        by: By,
        project: ProjectId,
        trusts: Vec<PartyId>,
    ) -> Result<Result<Lifecycle, Stopped>, LedgerError> {
        self.call("unstage project", move |tx| {
            if let Err(barred) = allowed(tx, &by, project, Act::UnstageProject)? {
                return Ok(Err(Stopped::Barred(barred)));
            }
            let next = match lifecycle(tx, project)?.unstage(&trusts) {
                Ok(next) => next,
                Err(refused) => return Ok(Err(named(tx, refused)?)),
            };
            keep(tx, project, &next)?;
            by.note(tx, &Deed::ProjectUnstaged { project, trusts })?;
            Ok(Ok(next))
        })
        .await
    }

    /// Takes a decision down; an approval orders the freeze of the cohort there. True where it did: the Trust is to be
    /// woken.
    pub async fn decide(
        &self,
        by: By,
        deciding: Deciding,
        expires: UnixMillis,
        mut seal: Sealer,
    ) -> Result<Result<bool, Stopped>, LedgerError> {
        self.call("decide", move |tx| {
            let Deciding { project, trust, query, verdict, reason } = deciding;
            let doer = match allowed(tx, &by, project, Act::Decide)? {
                Ok(doer) => doer,
                Err(barred) => return Ok(Err(Stopped::Barred(barred))),
            };
            let capacity = match capacity(tx, doer, project, trust)? {
                Ok(capacity) => capacity,
                Err(stopped) => return Ok(Err(stopped)),
            };
            let decision = Decision { verdict, at: by.at, by: called(&by), capacity, reason: reason.clone() };
            let next = match lifecycle(tx, project)?.decide(trust, query, decision) {
                Ok(next) => next,
                Err(refused) => return Ok(Err(named(tx, refused)?)),
            };
            keep(tx, project, &next)?;
            let deed = Deed::ProjectDecided {
                project,
                trust,
                query,
                verdict: verdict.name().to_owned(),
                capacity: capacity.name().to_owned(),
                reason,
            };
            by.note(tx, &deed)?;
            Ok(Ok(verdict == Verdict::Approved && order_freeze(tx, &by, query, trust, expires, &mut seal)?))
        })
        .await
    }

    /// Orders the freeze of an approved cohort once more, at the Trusts that the person decides for; where one is under
    /// way it is left alone. Gives the Trusts to be woken, and for how many Trusts it could be.
    pub async fn freeze_again(
        &self,
        by: By,
        project: ProjectId,
        query: Uuid,
        expires: UnixMillis,
        mut seal: Sealer,
    ) -> Result<Result<(Vec<PartyId>, usize), Stopped>, LedgerError> {
        self.call("freeze again", move |tx| {
            let doer = match allowed(tx, &by, project, Act::Freeze)? {
                Ok(doer) => doer,
                Err(barred) => return Ok(Err(Stopped::Barred(barred))),
            };
            let staged = lifecycle(tx, project)?.staged().cloned();
            let approved = staged.filter(|staged| staged.query == query).map(|staged| staged.trusts);
            let approved = approved.unwrap_or_default().into_iter().filter(|at| {
                at.decision.as_ref().is_some_and(|decision| decision.verdict == Verdict::Approved)
            });
            let (mut ordered, mut may) = (Vec::new(), 0);
            for at in approved {
                if capacity(tx, doer, project, at.trust)?.is_err() {
                    continue;
                }
                may += 1;
                if order_freeze(tx, &by, query, at.trust, expires, &mut seal)? {
                    ordered.push(at.trust);
                }
            }
            Ok(Ok((ordered, may)))
        })
        .await
    }
}

/// A person's name at this moment. Nobody else gets here.
fn called(by: &By) -> String {
    match &by.who {
        Who::Person { name, .. } | Who::Trust { name, .. } => name.clone(),
        Who::CommandLine => "the command line".to_owned(),
        Who::Hub => "the hub".to_owned(),
    }
}

/// As what somebody decides for a Trust.
fn capacity(
    tx: &Transaction<'_>,
    doer: Doer,
    project: ProjectId,
    trust: PartyId,
) -> rusqlite::Result<Result<Capacity, Stopped>> {
    match doer.role {
        Role::TrustAdmin if doer.trust == Some(trust) => Ok(Ok(Capacity::TrustAdmin)),
        Role::Admin => Ok(if has_admin(tx, trust, project)? {
            Err(Stopped::OwnAdmin(trust_name(tx, trust)?.unwrap_or_default()))
        } else {
            Ok(Capacity::Admin)
        }),
        Role::TrustAdmin | Role::Researcher | Role::Viewer => Ok(Err(Stopped::NotTheirTrust)),
    }
}

/// Orders a freeze at a Trust, unless one is under way there or the Trust has not enrolled; true where it was ordered.
fn order_freeze(
    tx: &Transaction<'_>,
    by: &By,
    query: Uuid,
    trust: PartyId,
    expires: UnixMillis,
    seal: &mut Sealer,
) -> rusqlite::Result<bool> {
    let Some(peer) = peer(tx, trust)? else { return Ok(false) };
    if freeze_of(tx, query, trust)?.is_some_and(|freeze| !freeze.state.ended()) {
        return Ok(false);
    }
    let (name, sql, project): (String, String, ProjectId) =
        tx.query_row("SELECT name, sql, project FROM query WHERE id = ?1", [query.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?, ProjectId::from_bytes(row.get(2)?)))
        })?;
    let deed = Deed::FreezeOrdered { project, query, query_name: name.clone(), trusts: 1 };
    let work = Work::FreezeCohort { name, sql, project: Some(project), query: QueryId(query) };
    // Nobody's: what was approved goes on, whoever is disabled since.
    orders::insert(tx, &By::hub(by.at), trust, *query.as_bytes(), orders::FREEZE, expires, |sequence| {
        seal(&peer, sequence, &work)
    })?;
    by.note(tx, &deed)?;
    Ok(true)
}

/// The newest question of a project.
pub(super) fn newest_query(tx: &Transaction<'_>, project: ProjectId) -> rusqlite::Result<Option<Uuid>> {
    tx.prepare_cached("SELECT id FROM query WHERE project = ?1 ORDER BY asked_ms DESC, id DESC LIMIT 1")?
        .query_row([project.bytes()], |row| row.get(0).map(Uuid::from_bytes))
        .optional()
}

/// Where a project is.
pub(super) fn lifecycle(tx: &Transaction<'_>, project: ProjectId) -> rusqlite::Result<Lifecycle> {
    let (state, query): (String, Option<[u8; 16]>) = tx
        .prepare_cached("SELECT state, staged_query FROM project WHERE id = ?1")?
        .query_row([project.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some(query) = query else { return Ok(Lifecycle::Unstaged) };
    let trusts = tx
        .prepare_cached(
            "SELECT trust, staged_ms, staged_by, verdict, decided_ms, decided_by, decided_as, reason
             FROM staging WHERE project = ?1 ORDER BY staged_ms, trust",
        )?
        .query_map([project.bytes()], staged_at_of_row)?
        .collect::<Result<_, _>>()?;
    let staged = Staged { query: Uuid::from_bytes(query), trusts };
    Ok(if state == "approved" { Lifecycle::Approved(staged) } else { Lifecycle::Staged(staged) })
}

fn keep(tx: &Transaction<'_>, project: ProjectId, next: &Lifecycle) -> rusqlite::Result<()> {
    let id = project.bytes();
    let query = next.staged().map(|staged| *staged.query.as_bytes());
    tx.execute(
        "UPDATE project SET state = ?2, staged_query = ?3, edition = edition + 1 WHERE id = ?1",
        (id, next.name(), query),
    )?;
    tx.execute("DELETE FROM staging WHERE project = ?1", [id])?;
    for at in next.staged().map(|staged| staged.trusts.as_slice()).unwrap_or_default() {
        let made = at.decision.as_ref();
        tx.execute(
            "INSERT INTO staging (project, trust, staged_ms, staged_by, verdict, decided_ms, decided_by, decided_as,
                 reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            (
                id,
                at.trust.bytes(),
                at.at.0,
                &at.by,
                made.map(|made| made.verdict.name()),
                made.map(|made| made.at.0),
                made.map(|made| &made.by),
                made.map(|made| made.capacity.name()),
                made.map(|made| &made.reason),
            ),
        )?;
    }
    Ok(())
}

fn staged_at_of_row(row: &Row<'_>) -> rusqlite::Result<StagedAt> {
    let verdict = word(row, 3, &Verdict::ALL.map(|one| (one.name(), one)))?;
    let decision = match verdict {
        None => None,
        Some(verdict) => Some(Decision {
            verdict,
            at: UnixMillis(row.get(4)?),
            by: row.get(5)?,
            capacity: word(row, 6, &Capacity::ALL.map(|one| (one.name(), one)))?.unwrap_or(Capacity::Admin),
            reason: row.get(7)?,
        }),
    };
    Ok(StagedAt {
        trust: PartyId::from_bytes(row.get(0)?),
        at: UnixMillis(row.get(1)?),
        by: row.get(2)?,
        decision,
    })
}

/// The value that a column's word stands for; none for NULL.
fn word<T: Copy>(row: &Row<'_>, column: usize, words: &[(&str, T)]) -> rusqlite::Result<Option<T>> {
    let Some(text) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.map(Some).ok_or_else(|| rusqlite::Error::InvalidColumnType(column, text, Type::Text))
}

/// With the names of the Trusts that a refusal tells of.
fn named(tx: &Transaction<'_>, refused: Refused) -> rusqlite::Result<Stopped> {
    let trusts: Vec<PartyId> = match &refused {
        Refused::Unusable(why) => why.iter().map(|(trust, _)| *trust).collect(),
        Refused::AlreadyStaged(trust) | Refused::NotStaged(trust) | Refused::Decided(trust, _) => {
            vec![*trust]
        }
        Refused::NoQuery | Refused::NoTrusts | Refused::OtherQuery => Vec::new(),
    };
    let mut names = Vec::new();
    for trust in trusts {
        names.push((trust, trust_name(tx, trust)?.unwrap_or_else(|| trust.to_string())));
    }
    Ok(Stopped::Refused(refused, names))
}

#[cfg(test)]
mod tests;
