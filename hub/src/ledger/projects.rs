//! Projects: what questions are asked for, and who may see them.

use flip_protocol::UnixMillis;
use flip_protocol::ident::ProjectId;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};
use uuid::Uuid;

use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::permissions::Relation;
use crate::person::{PersonId, Role};
use crate::wording;

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
            Role::Researcher | Role::Viewer => Self::Person(person),
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
    OR EXISTS (SELECT 1 FROM member WHERE member.project = project.id AND member.person = ?1))))";

/// What changing a project found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// It is as was asked for.
    Yes,
    /// Nobody signs in under that name.
    Nobody(String),
}

const COLUMNS: &str = "project.id, project.name, project.description, owner.name, project.made_ms, \
                       project.deleted_ms FROM project JOIN person AS owner ON owner.id = project.owner";

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

    /// The project of a person's own questions, while it is there.
    pub async fn own_project(&self, person: PersonId) -> Result<Option<ProjectId>, LedgerError> {
        self.call("own project", move |tx| own(tx, person)).await
    }

    /// The same, made now as `fresh` where there is none.
    pub async fn make_own_project(
        &self,
        by: By,
        person: PersonId,
        fresh: ProjectId,
    ) -> Result<ProjectId, LedgerError> {
        self.call("make own project", move |tx| {
            if let Some(known) = own(tx, person)? {
                return Ok(known);
            }
            let name: String =
                tx.query_row("SELECT name FROM person WHERE id = ?1", [person.bytes()], |row| row.get(0))?;
            insert(tx, &by, fresh, wording::own_project(&name), "", person)?;
            tx.execute("UPDATE person SET project = ?2 WHERE id = ?1", (person.bytes(), fresh.bytes()))?;
            Ok(fresh)
        })
        .await
    }

    /// A project.
    pub async fn project(&self, id: ProjectId) -> Result<Option<Project>, LedgerError> {
        self.call("project", move |tx| {
            let found = tx
                .prepare_cached(&format!("SELECT {COLUMNS} WHERE project.id = ?1"))?
                .query_row([id.bytes()], of_row)
                .optional()?;
            found.map(|project| with_members(tx, project)).transpose()
        })
        .await
    }

    /// What the seer may know of, newest first, what was deleted last.
    pub async fn projects(&self, seer: Seer, most: u32) -> Result<Vec<Project>, LedgerError> {
        self.call("projects", move |tx| {
            let found: Vec<Project> = tx
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} WHERE {SEEN}
                     ORDER BY project.deleted_ms IS NOT NULL, project.made_ms DESC, project.id DESC LIMIT ?2"
                ))?
                .query_map((seer.key(), most), of_row)?
                .collect::<Result<_, _>>()?;
            found.into_iter().map(|project| with_members(tx, project)).collect()
        })
        .await
    }

    /// How a person stands to what a request is about; `None` where there is no such thing.
    pub async fn place(&self, person: PersonId, about: About) -> Result<Option<Place>, LedgerError> {
        self.call("place", move |tx| {
            let (id, of) = match about {
                About::Project(id) => (id.bytes(), "?1"),
                About::Query(id) => (*id.as_bytes(), "(SELECT project FROM query WHERE query.id = ?1)"),
            };
            tx.prepare_cached(&format!(
                "SELECT id, owner = ?2, deleted_ms IS NOT NULL,
                        EXISTS (SELECT 1 FROM member WHERE project = project.id AND person = ?2)
                 FROM project WHERE id = {of}"
            ))?
            .query_row((id, person.bytes()), |row| {
                let (owner, deleted, member) = (row.get(1)?, row.get(2)?, row.get(3)?);
                let relation = match (deleted, owner, member) {
                    (true, _, _) | (false, false, false) => Relation::Stranger,
                    (false, true, _) => Relation::Owner,
                    (false, false, true) => Relation::Member,
                };
                Ok(Place { project: ProjectId::from_bytes(row.get(0)?), relation, deleted })
            })
            .optional()
        })
        .await
    }

    /// Gives a project another name, description and other members, all or nothing.
    pub async fn edit_project(
        &self,
        by: By,
        id: ProjectId,
        name: String,
        description: String,
        members: Vec<String>,
    ) -> Result<Edited, LedgerError> {
        self.call("edit project", move |tx| {
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
                "UPDATE project SET name = ?2, description = ?3 WHERE id = ?1",
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

    /// Marks a project as deleted; a second time changes nothing.
    pub async fn delete_project(&self, by: By, id: ProjectId) -> Result<(), LedgerError> {
        self.call("delete project", move |tx| {
            let deleted: Option<String> = tx
                .query_row(
                    "UPDATE project SET deleted_ms = ?2 WHERE id = ?1 AND deleted_ms IS NULL RETURNING name",
                    (id.bytes(), by.at.0),
                    |row| row.get(0),
                )
                .optional()?;
            match deleted {
                Some(project_name) => by.note(tx, &Deed::ProjectDeleted { project: id, project_name }),
                None => Ok(()),
            }
        })
        .await
    }
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
         WHERE person.id = ?1 AND project.deleted_ms IS NULL",
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
        made: UnixMillis(row.get(4)?),
        deleted: row.get::<_, Option<u64>>(5)?.map(UnixMillis),
    })
}

fn with_members(tx: &Transaction<'_>, project: Project) -> rusqlite::Result<Project> {
    let members = tx
        .prepare_cached(
            "SELECT person.name FROM member JOIN person ON person.id = member.person
             WHERE member.project = ?1 ORDER BY person.name",
        )?
        .query_map([project.id.bytes()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(Project { members, ..project })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u128) -> PersonId {
        PersonId::from_bytes(number.to_be_bytes())
    }

    fn by(at: u64) -> By {
        By::command_line(UnixMillis(at))
    }

    fn project(number: u128) -> ProjectId {
        ProjectId(Uuid::from_u128(number))
    }

    fn ledger_with_people(folder: &tempfile::TempDir) -> Ledger {
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        for (number, name) in [(1, "ada"), (2, "ben"), (3, "eve")] {
            let (role, hash) = (Role::Researcher, "hash".to_owned());
            ledger.add_person(by(1), person(number), name.to_owned(), role, hash).unwrap();
        }
        ledger
    }

    #[tokio::test]
    async fn a_persons_own_project_is_made_once_and_again_after_it_was_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger_with_people(&folder);
        let make =
            async |who, fresh| ledger.make_own_project(by(2), person(who), project(fresh)).await.unwrap();
        assert_eq!(ledger.own_project(person(1)).await.unwrap(), None);
        assert_eq!(make(1, 11).await, project(11));
        assert_eq!(make(2, 12).await, project(12));
        assert_eq!(make(1, 13).await, project(11));
        ledger.set_password(by(2), "ada".to_owned(), "another".to_owned()).unwrap();
        assert_eq!(ledger.own_project(person(1)).await.unwrap(), Some(project(11)));
        ledger.delete_project(by(3), project(11)).await.unwrap();
        assert_eq!(make(1, 14).await, project(14));
    }

    #[tokio::test]
    async fn members_see_a_project_until_it_is_deleted_and_strangers_never() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger_with_people(&folder);
        let of = project(7);
        ledger.make_project(by(2), of, "Lungs".to_owned(), String::new(), person(1)).await.unwrap();
        let edit = async |members: &[&str]| {
            let members = members.iter().map(|&name| name.to_owned()).collect();
            ledger.edit_project(by(2), of, "Lungs".to_owned(), "CT".to_owned(), members).await.unwrap()
        };
        assert_eq!(edit(&["BEN", "ada", "ben"]).await, Edited::Yes);
        assert_eq!(ledger.project(of).await.unwrap().unwrap().members, ["ben"]);
        assert_eq!(edit(&["eve", "nobody"]).await, Edited::Nobody("nobody".to_owned()));
        assert_eq!(ledger.project(of).await.unwrap().unwrap().members, ["ben"], "half an edit");
        let relation =
            async |who| ledger.place(person(who), About::Project(of)).await.unwrap().unwrap().relation;
        let seen = async |who| ledger.projects(Seer::Person(person(who)), 9).await.unwrap().len();
        assert_eq!((relation(1).await, seen(1).await), (Relation::Owner, 1));
        assert_eq!((relation(2).await, seen(2).await), (Relation::Member, 1));
        assert_eq!((relation(3).await, seen(3).await), (Relation::Stranger, 0));
        ledger.delete_project(by(3), of).await.unwrap();
        assert_eq!((relation(1).await, seen(1).await), (Relation::Stranger, 0));
        assert_eq!(ledger.projects(Seer::Admin, 9).await.unwrap().len(), 1);
        assert!(ledger.place(person(1), About::Query(Uuid::from_u128(5))).await.unwrap().is_none());
    }
}
