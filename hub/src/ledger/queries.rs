//! Cohort queries and the orders that carry them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use flip_protocol::ident::ProjectId;
use flip_protocol::order::Work;
use flip_protocol::{PartyId, UnixMillis};
use flip_storage::rusqlite::{self, OptionalExtension as _, Row};
use uuid::Uuid;

use super::allowed::{Barred, allowed};
use super::keys::peers;
use super::orders::Sealer;
use super::projects::{SEEN, Seer, own_or_new};
use super::staging::{lifecycle, newest_query};
use super::trusts::trust_name;
use super::{Ledger, LedgerError, from_json, orders};
use crate::audit::{By, Deed, Who};
use crate::order::OrderState;
use crate::permissions::Act;
use crate::search::Words;

/// A cohort query.
#[derive(Debug, Clone)]
pub struct Query {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The question.
    pub sql: String,
    /// What it is asked for.
    pub project: ProjectId,
    /// That project's name. Not stored with the query.
    pub project_name: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked: UnixMillis,
}

/// One Trust's share of a query.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The Trust.
    pub trust: PartyId,
    /// Its name.
    pub trust_name: String,
    /// Where its order is.
    pub state: OrderState,
}

/// Who asked is called by the name that they have now; whoever has the one of then may be somebody else.
const COLUMNS: &str = "query.id, query.name, query.sql,
    coalesce((SELECT person.name FROM person WHERE person.id = query.asker), query.asked_by),
    query.asked_ms, query.project, project.name FROM query JOIN project ON project.id = query.project";
/// A query as it is asked.
#[derive(Debug, Clone)]
pub struct NewQuery {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The question.
    pub sql: String,
    /// What it is asked for; `None` for the asker's own project.
    pub project: Option<ProjectId>,
    /// The id of the asker's own project where it is made now.
    pub fresh: ProjectId,
}

/// Why a query was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAsked {
    /// Nobody could answer.
    NoTrusts,
    /// Not by this person.
    Barred(Barred),
    /// Its project is staged or approved: nothing is asked in it any more.
    Closed(&'static str),
}

impl Ledger {
    /// Stores a query and one sealed order per enrolled Trust, in one transaction. Gives the Trusts asked.
    ///
    /// A query of no project is one of its asker's own, which is made with it where there is none.
    pub async fn ask(
        &self,
        by: By,
        new: NewQuery,
        expires: UnixMillis,
        mut seal: Sealer,
    ) -> Result<Result<Vec<PartyId>, NotAsked>, LedgerError> {
        self.call("ask", move |tx| {
            let peers = peers(tx)?;
            if peers.is_empty() {
                return Ok(Err(NotAsked::NoTrusts));
            }
            let Who::Person { id: person, name: asked_by, .. } = &by.who else {
                return Ok(Err(NotAsked::Barred(Barred::Hidden)));
            };
            let project = match new.project {
                Some(project) => project,
                None => match own_or_new(tx, &by, *person, new.fresh)? {
                    Ok(project) => project,
                    Err(barred) => return Ok(Err(NotAsked::Barred(barred))),
                },
            };
            if let Err(barred) = allowed(tx, &by, project, Act::Ask)? {
                return Ok(Err(NotAsked::Barred(barred)));
            }
            let lifecycle = lifecycle(tx, project)?;
            if !lifecycle.is_open() {
                return Ok(Err(NotAsked::Closed(lifecycle.name())));
            }
            let id = *new.id.as_bytes();
            tx.execute(
                "INSERT INTO query (id, name, sql, asked_by, asked_ms, project, asker)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (id, &new.name, &new.sql, asked_by, by.at.0, project.bytes(), person.bytes()),
            )?;
            let work = Work::CohortQuery { name: new.name.clone(), sql: new.sql, project: Some(project) };
            for peer in &peers {
                orders::insert(tx, &by, peer.id, id, orders::QUERY, expires, |sequence| {
                    seal(peer, sequence, &work)
                })?;
            }
            let deed = Deed::QueryAsked { project, query: new.id, query_name: new.name, trusts: peers.len() };
            by.note(tx, &deed)?;
            Ok(Ok(peers.into_iter().map(|peer| peer.id).collect()))
        })
        .await
    }

    /// Cancels what of a query is still under way. Gives the Trusts whose appliances may have it.
    pub async fn cancel_query(
        &self,
        by: By,
        query: Uuid,
    ) -> Result<Result<Vec<PartyId>, Barred>, LedgerError> {
        self.call("cancel query", move |tx| {
            let found: Option<(ProjectId, String)> = tx
                .query_row("SELECT project, name FROM query WHERE id = ?1", [query.as_bytes()], |row| {
                    Ok((ProjectId::from_bytes(row.get(0)?), row.get(1)?))
                })
                .optional()?;
            let Some((project, query_name)) = found else { return Ok(Err(Barred::Hidden)) };
            if let Err(barred) = allowed(tx, &by, project, Act::Ask)? {
                return Ok(Err(barred));
            }
            let trusts = orders::cancel(tx, &by, query, &[orders::QUERY])?;
            if !trusts.is_empty() {
                by.note(tx, &Deed::QueryCancelled { project, query, query_name, trusts: trusts.len() })?;
            }
            Ok(Ok(trusts))
        })
        .await
    }

    /// One query and each Trust's share of it, by Trust name.
    pub async fn query(&self, id: Uuid) -> Result<Option<(Query, Vec<Asked>)>, LedgerError> {
        self.call("query", move |tx| {
            let query = tx
                .prepare_cached(&format!("SELECT {COLUMNS} WHERE query.id = ?1"))?
                .query_row([id.as_bytes()], query_of_row)
                .optional()?;
            query.map(|query| Ok((query, asked(tx, id, "detail", &mut Names::new())?))).transpose()
        })
        .await
    }

    /// Each Trust's share of these queries, without its statistics.
    pub async fn shares(&self, queries: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<Asked>>, LedgerError> {
        self.call("shares", move |tx| {
            let mut names = Names::new();
            let each = queries.into_iter().map(|query| Ok((query, asked(tx, query, SUMMARY, &mut names)?)));
            each.collect()
        })
        .await
    }

    /// The newest queries of the projects that the seer may know of, or of one of these, with these words in their name or
    /// SQL, newest first, from after one of them on, each with its Trusts' shares without their statistics.
    pub async fn queries(
        &self,
        seer: Seer,
        of: Option<ProjectId>,
        words: &Words,
        after: Option<Uuid>,
        most: u32,
    ) -> Result<Vec<(Query, Vec<Asked>)>, LedgerError> {
        // Each way is a question of its own, so that it goes along an index in its order.
        let here = if of.is_some() { "query.project = ?2" } else { "?2 IS NULL" };
        let place =
            "(query.asked_ms, query.id) < (SELECT asked_ms, id FROM query AS last WHERE last.id = ?4)";
        let from = if after.is_some() { place } else { "?4 IS NULL" };
        let has = "(query.name LIKE ?5 ESCAPE '\\' OR query.sql LIKE ?5 ESCAPE '\\')";
        // Without words the texts are not even read.
        let (has, like) = if words.is_empty() { ("?5 IS NULL", None) } else { (has, Some(words.like())) };
        self.call("queries", move |tx| {
            let queries: Vec<Query> = tx
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} WHERE {SEEN} AND {here} AND {from} AND {has}
                     ORDER BY query.asked_ms DESC, query.id DESC LIMIT ?3"
                ))?
                .query_map(
                    (seer.key(), of.map(ProjectId::bytes), most, after.map(Uuid::into_bytes), like),
                    query_of_row,
                )?
                .collect::<Result<_, _>>()?;
            let mut names = Names::new();
            queries
                .into_iter()
                .map(|query| {
                    let asked = asked(tx, query.id, SUMMARY, &mut names)?;
                    Ok((query, asked))
                })
                .collect()
        })
        .await
    }

    /// The newest query of a project.
    pub async fn newest_query(&self, project: ProjectId) -> Result<Option<Uuid>, LedgerError> {
        self.call("newest query", move |tx| newest_query(tx, project)).await
    }

    /// Of each of these queries of a project, the question that was asked in it before.
    pub async fn questions_before(
        &self,
        project: ProjectId,
        queries: Vec<Uuid>,
    ) -> Result<Vec<Option<String>>, LedgerError> {
        self.call("questions before", move |tx| {
            let mut before = tx.prepare_cached(
                "SELECT sql FROM query WHERE project = ?1
                     AND (asked_ms, id) < (SELECT asked_ms, id FROM query AS one WHERE one.id = ?2)
                 ORDER BY asked_ms DESC, id DESC LIMIT 1",
            )?;
            let each = queries.into_iter().map(|query| {
                before.query_row((project.bytes(), query.as_bytes()), |row| row.get(0)).optional()
            });
            each.collect()
        })
        .await
    }
}

/// An order's state without the statistics of its answer, which are most of it. An index has it ready.
pub(super) const SUMMARY: &str = "json_replace(detail, '$.answer.fields', json('[]'))";

/// Trusts' names, each read once for a list that names it a hundred times.
type Names = HashMap<PartyId, Option<String>>;

fn asked(
    tx: &rusqlite::Transaction<'_>,
    query: Uuid,
    state: &str,
    names: &mut Names,
) -> rusqlite::Result<Vec<Asked>> {
    let orders = format!("SELECT trust, {state} FROM work_order WHERE query = ?1 AND kind = 'cohort_query'");
    let mut orders = tx.prepare_cached(&orders)?;
    let mut rows = orders.query([query.as_bytes()])?;
    let mut asked: Vec<Asked> = Vec::new();
    while let Some(row) = rows.next()? {
        let trust = PartyId::from_bytes(row.get(0)?);
        let name = match names.entry(trust) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(trust_name(tx, trust)?),
        };
        if let Some(name) = name {
            asked.push(Asked {
                trust,
                trust_name: name.clone(),
                state: from_json(1, row.get_ref(1)?.as_str()?)?,
            });
        }
    }
    // As SQLite has them in the order of their names.
    let letters = |one: &Asked| one.trust_name.to_ascii_lowercase();
    asked.sort_by_cached_key(letters);
    Ok(asked)
}

fn query_of_row(row: &Row<'_>) -> rusqlite::Result<Query> {
    Ok(Query {
        id: Uuid::from_bytes(row.get(0)?),
        name: row.get(1)?,
        sql: row.get(2)?,
        asked_by: row.get(3)?,
        asked: UnixMillis(row.get(4)?),
        project: ProjectId::from_bytes(row.get(5)?),
        project_name: row.get(6)?,
    })
}
