//! Models of approved projects.

use flip_protocol::UnixMillis;
use flip_protocol::ident::ProjectId;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};

use super::allowed::{Barred, allowed};
use super::files;
use super::projects::{Look, SEEN, Seer};
use super::staging::lifecycle;
use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::bounds;
use crate::model::{JobType, ModelId};
use crate::permissions::Act;
use crate::person::PersonId;
use crate::project::Lifecycle;
use crate::sorting::{self, Sorting};

/// A model.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its id.
    pub id: ModelId,
    /// What it is made for.
    pub project: ProjectId,
    /// That project's name.
    pub project_name: String,
    /// True where that project was deleted.
    pub project_deleted: bool,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// What its files are for.
    pub job_type: JobType,
    /// The sign-in name of who made it.
    pub made_by: String,
    /// When.
    pub made: UnixMillis,
    /// How often it was edited, and one: an edit says which edition it is of.
    pub edition: u64,
}

/// What is said of a model where it is made or edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// What its files are for.
    pub job_type: JobType,
}

/// Why a model was not made or changed.
#[derive(Debug, Clone)]
pub enum Unchanged {
    /// Not by this person.
    Barred(Barred),
    /// Its project is in this state, and not approved.
    NotApproved(&'static str),
    /// The project has as many as one may have.
    TooMany,
    /// It was edited since; as it is now.
    Stale(Box<Model>),
}

impl From<Barred> for Unchanged {
    fn from(barred: Barred) -> Self {
        Self::Barred(barred)
    }
}

/// What a list of models can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelColumn {
    /// Its name.
    Name,
    /// Its project's name.
    Project,
    /// What its files are for.
    JobType,
    /// When it was made.
    Made,
}

impl sorting::Column for ModelColumn {
    const ALL: &'static [(&'static str, Self, bool)] = &[
        ("name", Self::Name, false),
        ("project", Self::Project, false),
        ("job_type", Self::JobType, false),
        ("made", Self::Made, true),
    ];
    const USUAL: Sorting<Self> = Sorting { by: Self::Made, down: true };
}

impl ModelColumn {
    /// As SQL, of `model` and `project`.
    fn sql(self) -> &'static str {
        match self {
            Self::Name => "model.name COLLATE NOCASE",
            Self::Project => "project.name COLLATE NOCASE",
            Self::JobType => "model.job_type",
            Self::Made => "model.made_ms",
        }
    }
}

const COLUMNS: &str = "model.id, model.project, project.name, model.name, model.description, model.job_type,
    maker.name, model.made_ms, model.edition, project.deleted_ms IS NOT NULL
    FROM model JOIN project ON project.id = model.project JOIN person AS maker ON maker.id = model.made_by";

impl Ledger {
    /// Makes a model in an approved project.
    pub async fn make_model(
        &self,
        by: By,
        maker: PersonId,
        project: ProjectId,
        id: ModelId,
        said: Said,
    ) -> Result<Result<(), Unchanged>, LedgerError> {
        self.call("make model", move |tx| {
            if let Err(barred) = allowed(tx, &by, project, Act::ChangeModels)? {
                return Ok(Err(barred.into()));
            }
            let lifecycle = lifecycle(tx, project)?;
            if !matches!(lifecycle, Lifecycle::Approved(_)) {
                return Ok(Err(Unchanged::NotApproved(lifecycle.name())));
            }
            let there: usize = tx.query_row(
                "SELECT count(*) FROM model WHERE project = ?1 AND deleted_ms IS NULL",
                [project.bytes()],
                |row| row.get(0),
            )?;
            if there >= bounds::MODELS {
                return Ok(Err(Unchanged::TooMany));
            }
            let Said { name, description, job_type } = said;
            tx.execute(
                "INSERT INTO model (id, project, name, description, job_type, made_by, made_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (id.bytes(), project.bytes(), &name, description, job_type.name(), maker.bytes(), by.at.0),
            )?;
            by.note(tx, &Deed::ModelMade { project, model: id, model_name: name, job_type })?;
            Ok(Ok(()))
        })
        .await
    }

    /// A model that was not deleted.
    pub async fn model(&self, id: ModelId) -> Result<Option<Model>, LedgerError> {
        self.call("model", move |tx| model(tx, id)).await
    }

    /// The models of a project, newest first.
    pub async fn models_of(&self, project: ProjectId) -> Result<Vec<Model>, LedgerError> {
        self.call("models of project", move |tx| {
            tx.prepare_cached(&format!(
                "SELECT {COLUMNS} WHERE model.project = ?1 AND model.deleted_ms IS NULL
                 ORDER BY model.made_ms DESC, model.id DESC"
            ))?
            .query_map([project.bytes()], of_row)?
            .collect()
        })
        .await
    }

    /// The models that the seer may know of with these words in their own or their project's name, in that order; and how
    /// many there are.
    pub async fn models(
        &self,
        seer: Seer,
        look: Look,
        sorting: Sorting<ModelColumn>,
    ) -> Result<(Vec<Model>, u64), LedgerError> {
        self.call("models", move |tx| {
            let like = look.words.like();
            let wanted = format!(
                "{SEEN} AND model.deleted_ms IS NULL
                 AND (model.name LIKE ?2 ESCAPE '\\' OR project.name LIKE ?2 ESCAPE '\\')"
            );
            let count: u64 = tx
                .prepare_cached(&format!(
                    "SELECT count(*) FROM model JOIN project ON project.id = model.project WHERE {wanted}"
                ))?
                .query_row((seer.key(), &like), |row| row.get(0))?;
            let (column, way) = (sorting.by.sql(), if sorting.down { "DESC" } else { "ASC" });
            let found = tx
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} WHERE {wanted}
                     ORDER BY {column} {way}, model.made_ms DESC, model.id DESC LIMIT ?3 OFFSET ?4"
                ))?
                .query_map((seer.key(), &like, look.most, look.skip), of_row)?
                .collect::<Result<_, _>>()?;
            Ok((found, count))
        })
        .await
    }

    /// Gives a model another name, description and job type.
    pub async fn edit_model(
        &self,
        by: By,
        id: ModelId,
        edition: u64,
        said: Said,
    ) -> Result<Result<(), Unchanged>, LedgerError> {
        self.call("edit model", move |tx| {
            let now = match changeable(tx, &by, id)? {
                Ok(now) => now,
                Err(barred) => return Ok(Err(barred.into())),
            };
            if now.edition != edition {
                return Ok(Err(Unchanged::Stale(Box::new(now))));
            }
            let Said { name, description, job_type } = said;
            tx.execute(
                "UPDATE model SET name = ?2, description = ?3, job_type = ?4, edition = edition + 1 WHERE id = ?1",
                (id.bytes(), &name, description, job_type.name()),
            )?;
            by.note(tx, &Deed::ModelEdited { project: now.project, model: id, model_name: name, job_type })?;
            Ok(Ok(()))
        })
        .await
    }

    /// Deletes a model.
    pub async fn delete_model(&self, by: By, id: ModelId) -> Result<Result<(), Barred>, LedgerError> {
        self.call("delete model", move |tx| {
            let now = match changeable(tx, &by, id)? {
                Ok(now) => now,
                Err(barred) => return Ok(Err(barred)),
            };
            tx.execute("UPDATE model SET deleted_ms = ?2 WHERE id = ?1", (id.bytes(), by.at.0))?;
            files::end(tx, "model = ?1", [id.bytes()])?;
            by.note(tx, &Deed::ModelDeleted { project: now.project, model: id, model_name: now.name })?;
            Ok(Ok(()))
        })
        .await
    }
}

/// The model, where that person may change it.
pub(super) fn changeable(
    tx: &Transaction<'_>,
    by: &By,
    id: ModelId,
) -> rusqlite::Result<Result<Model, Barred>> {
    let Some(now) = model(tx, id)? else { return Ok(Err(Barred::Hidden)) };
    Ok(allowed(tx, by, now.project, Act::ChangeModels)?.map(|_| now))
}

/// The project of a model that was not deleted.
pub(super) fn project_of(tx: &Transaction<'_>, id: ModelId) -> rusqlite::Result<Option<ProjectId>> {
    tx.prepare_cached("SELECT project FROM model WHERE id = ?1 AND deleted_ms IS NULL")?
        .query_row([id.bytes()], |row| row.get(0).map(ProjectId::from_bytes))
        .optional()
}

fn model(tx: &Transaction<'_>, id: ModelId) -> rusqlite::Result<Option<Model>> {
    tx.prepare_cached(&format!("SELECT {COLUMNS} WHERE model.id = ?1 AND model.deleted_ms IS NULL"))?
        .query_row([id.bytes()], of_row)
        .optional()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Model> {
    let job_type: String = row.get(5)?;
    Ok(Model {
        id: ModelId::from_bytes(row.get(0)?),
        project: ProjectId::from_bytes(row.get(1)?),
        project_name: row.get(2)?,
        name: row.get(3)?,
        description: row.get(4)?,
        job_type: job_type.parse().map_err(|error: crate::model::NoJobType| {
            rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, error.into())
        })?,
        made_by: row.get(6)?,
        made: UnixMillis(row.get(7)?),
        edition: row.get(8)?,
        project_deleted: row.get(9)?,
    })
}
