//! Projects: what questions are asked for, and who may see them.

mod listing;

use flip_protocol::ident::{ProjectId, QueryId};
use flip_protocol::order::Work;
use flip_protocol::{PartyId, UnixMillis};
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};
use uuid::Uuid;

use super::allowed::{Barred, Doer, allowed, doer};
use super::files;
use super::keys::peer;
use super::models;
use super::orders::{self, Sealer};
use super::staging::lifecycle;
use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::model::ModelId;
use crate::permissions::{Act, Cell, Column, Relation, decide};
use crate::person::{PersonId, Role};
use crate::project::Lifecycle;
use crate::wording;

pub use listing::{Listing, Look, ProjectColumn};

/// A project.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its owner's sign-in name.
    pub owner: String,
    /// The members' sign-in names, in their order.
    pub members: Vec<String>,
    /// Where it is.
    pub lifecycle: Lifecycle,
    /// How often it was changed, and one: an edit says which edition it is of.
    pub edition: u64,
    /// When it was made.
    pub made: UnixMillis,
    /// When it was deleted; `None` while it is there.
    pub deleted: Option<UnixMillis>,
}

/// What a request is about.
#[derive(Debug, Clone, Copy)]
pub enum About {
    /// A project.
    Project(ProjectId),
    /// A query, and so its project.
    Query(Uuid),
    /// A model that was not deleted, and so its project.
    Model(ModelId),
}

/// A project as one person stands to it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The project.
    pub project: ProjectId,
    /// What the person is to it.
    pub relation: Relation,
    /// True where it was deleted: nothing in it changes any more.
    pub deleted: bool,
}

/// Whose lists are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Seer {
    /// An admin's: everything, also what was deleted.
    Admin,
    /// What that person owns or is a member of.
    Person(PersonId),
}

impl Seer {
    /// The person of this id and role.
    pub fn of(person: PersonId, role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Researcher | Role::Viewer | Role::TrustAdmin => Self::Person(person),
        }
    }

    /// For `SEEN`: null where everything is seen.
    pub(super) fn key(self) -> Option<[u8; 16]> {
        match self {
            Self::Admin => None,
            Self::Person(person) => Some(person.bytes()),
        }
    }
}

/// Of `project`: that the seer `?1` may know of it.
pub(super) const SEEN: &str = "(?1 IS NULL OR (project.deleted_ms IS NULL AND (project.owner = ?1
    OR EXISTS (SELECT 1 FROM member WHERE member.project = project.id AND member.person = ?1)
    OR EXISTS (SELECT 1 FROM staging JOIN person AS decider ON decider.trust = staging.trust
        WHERE staging.project = project.id AND decider.id = ?1 AND decider.role = 'trust-admin'))))";

/// Of `project`: that it has the words `?2` in its name or description, whatever their case.
const WORDS: &str = "(project.name LIKE ?2 ESCAPE '\\' OR project.description LIKE ?2 ESCAPE '\\')";

/// What a project is to become.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The edition that was looked at.
    pub edition: u64,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The members' sign-in names.
    pub members: Vec<String>,
}

/// What changing a project found.
#[derive(Debug, Clone)]
pub enum Edited {
    /// It is as was asked for.
    Yes,
    /// Not by this person.
    Barred(Barred),
    /// It was changed since that edition; as it is now.
    Stale(Box<Project>),
    /// It is staged or approved: its name and description stay.
    Locked(&'static str),
    /// Nobody signs in under that name.
    Nobody(String),
}

const COLUMNS: &str = "project.id, project.name, project.description, owner.name, project.made_ms, \
                       project.deleted_ms, project.edition FROM project JOIN person AS owner ON owner.id = project.owner";

impl Ledger {
    /// Makes a project without members.
    pub async fn make_project(
        &self,
        by: By,
        id: ProjectId,
        name: String,
        description: String,
        owner: PersonId,
    ) -> Result<(), LedgerError> {
        self.call("make project", move |tx| insert(tx, &by, id, name, &description, owner)).await
    }

    /// A project.
    pub async fn project(&self, id: ProjectId) -> Result<Option<Project>, LedgerError> {
        self.call("project", move |tx| project(tx, id)).await
    }

    /// What the seer may know of that is of the list, in its order, what was deleted last; and how many there are.
    pub async fn projects(&self, seer: Seer, of: Listing) -> Result<(Vec<Project>, u64), LedgerError> {
        self.call("projects", move |tx| {
            let Listing { look, owner, sorting } = of;
            let (like, owner) = (look.words.like(), owner.map(PersonId::bytes));
            let wanted = format!("{SEEN} AND {WORDS} AND (?3 IS NULL OR project.owner = ?3)");
            let count: u64 = tx
                .prepare_cached(&format!("SELECT count(*) FROM project WHERE {wanted}"))?
                .query_row((seer.key(), &like, owner), |row| row.get(0))?;
            let (column, way) = (sorting.by.sql(), if sorting.down { "DESC" } else { "ASC" });
            let found: Vec<Project> = tx
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} WHERE {wanted}
                     ORDER BY project.deleted_ms IS NOT NULL, {column} {way} NULLS LAST,
                         project.made_ms DESC, project.id DESC
                     LIMIT ?4 OFFSET ?5"
                ))?
                .query_map((seer.key(), &like, owner, look.most, look.skip), of_row)?
                .collect::<Result<_, _>>()?;
            let found: Vec<Project> =
                found.into_iter().map(|project| whole(tx, project)).collect::<Result<_, _>>()?;
            Ok((found, count))
        })
        .await
    }

    /// How a person stands to what a request is about; `None` where there is no such thing.
    pub async fn place(&self, person: PersonId, about: About) -> Result<Option<Place>, LedgerError> {
        self.call("place", move |tx| {
            let project = match about {
                About::Project(id) => Some(id),
                About::Query(id) => tx
                    .prepare_cached("SELECT project FROM query WHERE id = ?1")?
                    .query_row([id.as_bytes()], |row| row.get(0).map(ProjectId::from_bytes))
                    .optional()?,
                About::Model(id) => models::project_of(tx, id)?,
            };
            project.map_or(Ok(None), |project| place_in(tx, person, project))
        })
        .await
    }

    /// Gives a project another name, description and other members, all or nothing.
    pub async fn edit_project(&self, by: By, id: ProjectId, wanted: Edit) -> Result<Edited, LedgerError> {
        self.call("edit project", move |tx| {
            if let Err(barred) = allowed(tx, &by, id, Act::EditProject)? {
                return Ok(Edited::Barred(barred));
            }
            let Some(now) = project(tx, id)? else { return Ok(Edited::Barred(Barred::Hidden)) };
            let Edit { edition, name, description, members } = wanted;
            if edition != now.edition {
                return Ok(Edited::Stale(Box::new(now)));
            }
            if !now.lifecycle.is_open() && (name != now.name || description != now.description) {
                return Ok(Edited::Locked(now.lifecycle.name()));
            }
            let mut found = Vec::new();
            for member in members {
                let known: Option<[u8; 16]> = tx
                    .prepare_cached("SELECT id FROM person WHERE name = ?1 OR email = ?1")?
                    .query_row([&member], |row| row.get(0))
                    .optional()?;
                let Some(known) = known else { return Ok(Edited::Nobody(member)) };
                found.push(known);
            }
            tx.execute(
                "UPDATE project SET name = ?2, description = ?3, edition = edition + 1 WHERE id = ?1",
                (id.bytes(), &name, description),
            )?;
            tx.execute("DELETE FROM member WHERE project = ?1", [id.bytes()])?;
            for member in &found {
                // Named twice they are a member once; the owner needs no second right.
                tx.execute(
                    "INSERT INTO member (project, person)
                     SELECT id, ?2 FROM project WHERE id = ?1 AND owner <> ?2 ON CONFLICT DO NOTHING",
                    (id.bytes(), member),
                )?;
            }
            let members = found.into_iter().map(PersonId::from_bytes).collect();
            by.note(tx, &Deed::ProjectEdited { project: id, project_name: name, members })?;
            Ok(Edited::Yes)
        })
        .await
    }

    /// Marks a project as deleted; a second time changes nothing. What is under way for it is cancelled, and what was
    /// frozen for it is ordered to be dropped. Gives the Trusts whose appliances are to hear of it.
    pub async fn delete_project(
        &self,
        by: By,
        id: ProjectId,
        expires: UnixMillis,
        mut seal: Sealer,
    ) -> Result<Result<Vec<PartyId>, Barred>, LedgerError> {
        self.call("delete project", move |tx| {
            match allowed(tx, &by, id, Act::DeleteProject)? {
                Ok(_) => {}
                Err(Barred::Deleted) => return Ok(Ok(Vec::new())),
                Err(barred) => return Ok(Err(barred)),
            }
            let project_name: String = tx.query_row(
                "UPDATE project SET deleted_ms = ?2 WHERE id = ?1 RETURNING name",
                (id.bytes(), by.at.0),
                |row| row.get(0),
            )?;
            files::end(tx, "model IN (SELECT id FROM model WHERE project = ?1)", [id.bytes()])?;
            by.note(tx, &Deed::ProjectDeleted { project: id, project_name })?;
            end_work(tx, &by, id, expires, &mut seal).map(Ok)
        })
        .await
    }
}

/// Cancels a project's work that is under way, and orders each Trust that may have frozen a cohort of it to drop it.
fn end_work(
    tx: &Transaction<'_>,
    by: &By,
    id: ProjectId,
    expires: UnixMillis,
    seal: &mut Sealer,
) -> rusqlite::Result<Vec<PartyId>> {
    let mut to_wake = Vec::new();
    let queries: Vec<([u8; 16], String)> = tx
        .prepare_cached(
            "SELECT DISTINCT query.id, query.name FROM query JOIN work_order ON work_order.query = query.id
             WHERE query.project = ?1
                 AND (kind = 'freeze_cohort' OR work_order.state IN ('queued', 'delivered', 'running'))",
        )?
        .query_map([id.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (query, name) in queries {
        let query = Uuid::from_bytes(query);
        // An order that never left the hub froze nothing.
        let frozen_at: Vec<[u8; 16]> = tx
            .prepare_cached(
                "SELECT DISTINCT trust FROM work_order
                 WHERE query = ?1 AND kind = 'freeze_cohort' AND state <> 'queued'",
            )?
            .query_map([query.as_bytes()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        to_wake.extend(orders::cancel(tx, by, query, &[orders::QUERY, orders::FREEZE])?);
        let work = Work::DropFreeze { name, project: Some(id), query: QueryId(query) };
        for trust in frozen_at.into_iter().map(PartyId::from_bytes) {
            let Some(peer) = peer(tx, trust)? else { continue };
            // Nobody's, so that it goes on whoever is disabled.
            orders::insert(
                tx,
                &By::hub(by.at),
                trust,
                *query.as_bytes(),
                orders::DROP,
                expires,
                |sequence| seal(&peer, sequence, &work),
            )?;
            by.note(tx, &Deed::DropOrdered { project: id, query, trust })?;
            to_wake.push(trust);
        }
    }
    to_wake.sort_unstable();
    to_wake.dedup();
    Ok(to_wake)
}

/// A project with its members.
pub(super) fn project(tx: &Transaction<'_>, id: ProjectId) -> rusqlite::Result<Option<Project>> {
    let found = tx
        .prepare_cached(&format!("SELECT {COLUMNS} WHERE project.id = ?1"))?
        .query_row([id.bytes()], of_row)
        .optional()?;
    found.map(|project| whole(tx, project)).transpose()
}

/// The project of the questions that a person asks in none, while it is open; made now where there is none.
pub(super) fn own_or_new(
    tx: &Transaction<'_>,
    by: &By,
    person: PersonId,
    fresh: ProjectId,
) -> rusqlite::Result<Result<ProjectId, Barred>> {
    if let Some(known) = own(tx, person)? {
        return Ok(Ok(known));
    }
    let makes = |doer: Doer| decide(Act::MakeProject, Column::of(doer.role, Relation::Stranger)) == Cell::May;
    if !doer(tx, person)?.is_some_and(makes) {
        return Ok(Err(Barred::Forbidden(Act::MakeProject)));
    }
    let name: String =
        tx.query_row("SELECT name FROM person WHERE id = ?1", [person.bytes()], |row| row.get(0))?;
    insert(tx, by, fresh, wording::own_project(&name), "", person)?;
    tx.execute("UPDATE person SET project = ?2 WHERE id = ?1", (person.bytes(), fresh.bytes()))?;
    Ok(Ok(fresh))
}

/// How a person stands to a project; `None` where there is none.
pub(super) fn place_in(
    tx: &Transaction<'_>,
    person: PersonId,
    project: ProjectId,
) -> rusqlite::Result<Option<Place>> {
    tx.prepare_cached(
        "SELECT owner = ?2, deleted_ms IS NOT NULL,
                EXISTS (SELECT 1 FROM member WHERE project = project.id AND person = ?2),
                EXISTS (SELECT 1 FROM staging JOIN person AS decider ON decider.trust = staging.trust
                    WHERE staging.project = project.id AND decider.id = ?2 AND decider.role = 'trust-admin')
         FROM project WHERE id = ?1",
    )?
    .query_row((project.bytes(), person.bytes()), |row| {
        let (owner, deleted, member, decider) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let relation = match (deleted, owner, decider, member) {
            (true, _, _, _) | (false, false, false, false) => Relation::Stranger,
            (false, true, _, _) => Relation::Owner,
            (false, false, true, _) => Relation::Decider,
            (false, false, false, true) => Relation::Member,
        };
        Ok(Place { project, relation, deleted })
    })
    .optional()
}

fn insert(
    tx: &Transaction<'_>,
    by: &By,
    id: ProjectId,
    name: String,
    description: &str,
    owner: PersonId,
) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO project (id, name, description, owner, made_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        (id.bytes(), &name, description, owner.bytes(), by.at.0),
    )?;
    by.note(tx, &Deed::ProjectMade { project: id, project_name: name })
}

fn own(tx: &Transaction<'_>, person: PersonId) -> rusqlite::Result<Option<ProjectId>> {
    tx.prepare_cached(
        "SELECT project.id FROM person JOIN project ON project.id = person.project
         WHERE person.id = ?1 AND project.deleted_ms IS NULL AND project.state = 'unstaged'",
    )?
    .query_row([person.bytes()], |row| row.get(0).map(ProjectId::from_bytes))
    .optional()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project {
        id: ProjectId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        description: row.get(2)?,
        owner: row.get(3)?,
        members: Vec::new(),
        lifecycle: Lifecycle::Unstaged,
        edition: row.get(6)?,
        made: UnixMillis(row.get(4)?),
        deleted: row.get::<_, Option<u64>>(5)?.map(UnixMillis),
    })
}

/// With its members, and where it is.
fn whole(tx: &Transaction<'_>, project: Project) -> rusqlite::Result<Project> {
    let members = tx
        .prepare_cached(
            "SELECT person.name FROM member JOIN person ON person.id = member.person
             WHERE member.project = ?1 ORDER BY person.name",
        )?
        .query_map([project.id.bytes()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let lifecycle = lifecycle(tx, project.id)?;
    Ok(Project { members, lifecycle, ..project })
}

#[cfg(test)]
mod tests;
