//! `/models`: what is trained in approved projects.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, Uri, header};
use axum::{Extension, Json};
use flip_protocol::UnixMillis;
use flip_protocol::ident::ProjectId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Said;
use super::files::ModelFile;
use super::projects::{first, next_page, page};
use super::{Body, Parameters, Path, next_link};
use crate::hub::Hub;
use crate::ledger::models::{Model, ModelColumn};
use crate::model::{JobType, ModelId, Need};
use crate::people::act::models::{self as act, Typed};
use crate::people::may::May;
use crate::people::once::{KEEP, Keep};
use crate::permissions::{Is, acts};
use crate::problem::{ApiProblem, Code};
use crate::search::Words;
use crate::shapes::Moment;
use crate::sorting::Sorting;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct LookingForModels {
    /// Words of the model's or its project's name.
    #[serde(default)]
    #[param(value_type = String, max_length = 254)]
    search: Words,
    /// The page, from 1: what `next` said.
    #[serde(default = "first")]
    #[param(minimum = 1, maximum = 10_000)]
    page: u64,
    /// `name`, `project`, `job_type` or `made`, with a minus before it for the highest first; the newest first where
    /// nothing is said.
    #[serde(default)]
    #[param(value_type = String, example = "name", pattern = "^-?(name|project|job_type|made)$")]
    sort: Sorting<ModelColumn>,
}

/// A model as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelEdit {
    /// Of the model that was looked at: a change of another is refused.
    #[schema(example = 1)]
    edition: u64,
    /// Its name.
    #[schema(max_length = 120, example = "Retinopathy from fundus images")]
    name: String,
    /// What it is.
    #[serde(default)]
    #[schema(max_length = 250, example = "A small ResNet")]
    description: String,
    /// A job type's name.
    #[schema(example = "flower-standard")]
    job_type: String,
}

/// What a model can be for.
#[derive(Serialize, ToSchema)]
pub(super) struct AllJobTypes {
    /// In the order in which they are offered.
    job_types: Vec<ListedJobType>,
}

/// A job type.
#[derive(Serialize, ToSchema)]
#[schema(as = JobType)]
pub(super) struct ListedJobType {
    /// Its name.
    #[schema(example = "flower-standard")]
    job_type: &'static str,
    /// What it is.
    #[schema(example = "Flower: train a model")]
    words: &'static str,
    /// The files that it cannot do without, by their names.
    #[schema(example = json!(["client_app.py", "config.json", "models.py"]))]
    required: &'static [&'static str],
}

/// A page of models.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelPage {
    /// Those of this page.
    models: Vec<ListedModel>,
    /// The page, from 1.
    #[schema(example = 1)]
    page: u64,
    /// How many pages there are.
    #[schema(example = 1)]
    pages: u64,
    /// How many models there are.
    #[schema(example = 1)]
    found: u64,
    /// Where to go on: the next request's `page`; null at the end.
    #[schema(example = 2)]
    next: Option<u64>,
}

/// The models of a project.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelsOfProject {
    /// The newest first.
    models: Vec<ListedModel>,
}

/// A model.
#[derive(Serialize, ToSchema)]
#[schema(as = Model)]
pub(super) struct ListedModel {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: ModelId,
    /// Its project.
    #[schema(value_type = uuid::Uuid)]
    project: ProjectId,
    /// Its project's name.
    #[schema(example = "Diabetes and its complications")]
    project_name: String,
    /// Its name.
    #[schema(example = "Retinopathy from fundus images")]
    name: String,
    /// What it is.
    #[schema(example = "A small ResNet")]
    description: String,
    /// Its job type's name.
    #[schema(example = "flower-standard")]
    job_type: &'static str,
    /// When it was made.
    #[schema(value_type = Moment)]
    made: UnixMillis,
    /// Who made it, by the name that they have now.
    #[schema(example = "ada")]
    made_by: String,
    /// How often it was changed, and one.
    #[schema(example = 1)]
    edition: u64,
}

/// A model with its files.
#[derive(Serialize, ToSchema)]
pub(super) struct WholeModel {
    #[serde(flatten)]
    model: ListedModel,
    /// The files that its job cannot do without.
    required: Vec<RequiredFile>,
    /// Whether all of them are here and clean.
    #[schema(example = false)]
    ready: bool,
    /// Its files, by name; where two are of one name, what is in force first.
    files: Vec<ModelFile>,
}

impl WholeModel {
    /// Whether a file is on its way, or is to be scanned.
    pub(super) fn awaits(&self) -> bool {
        self.files.iter().any(ModelFile::awaits)
    }
}

/// A file that a job cannot do without.
#[derive(Serialize, ToSchema)]
pub(super) struct RequiredFile {
    /// Its name.
    #[schema(example = "config.json")]
    name: &'static str,
    /// Whether it is here.
    state: Need,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    let typed = [Code::BadName, Code::BadDescription, Code::BadJobType];
    vec![
        Said::get("/api/v1/job-types", "What a model can be for, and the files that each needs.")
            .gives::<AllJobTypes>(200, "Every job type."),
        Said::get("/api/v1/models", "The models that you may see, the newest first.")
            .more("A hundred a page; `sort` puts them in another order.")
            .reads::<LookingForModels>()
            .gives_part::<ModelPage>("A page of them."),
        Said::get("/api/v1/projects/{project}/models", "The models of a project, the newest first.")
            .gives::<ModelsOfProject>(200, "All of them."),
        Said::post("/api/v1/projects/{project}/models", "Makes a model in an approved project.")
            .takes::<Typed>()
            .made::<WholeModel>("It is made.")
            .refuses(&typed)
            .refuses(&[Code::ProjectNotApproved, Code::TooManyModels]),
        Said::get("/api/v1/models/{model}", "One model.")
            .gives::<WholeModel>(200, "The model, with its files."),
        Said::put(
            "/api/v1/models/{model}",
            "Gives a model name, description and job type, all of them anew.",
        )
        .takes::<ModelEdit>()
        .gives::<WholeModel>(200, "The model as it is now.")
        .refuses(&typed)
        .refuses(&[Code::ProjectNotApproved, Code::StaleEdition]),
        Said::delete("/api/v1/models/{model}", "Deletes a model, and its files.")
            .gives_nothing(204, "It is deleted."),
    ]
}

/// `GET /job-types`: what a model can be for, and the files that each needs.
pub(super) async fn job_types(_: May<acts::SeeLists>) -> Json<AllJobTypes> {
    let all = JobType::ALL.iter().map(|one| ListedJobType {
        job_type: one.name(),
        words: one.words(),
        required: one.required(),
    });
    Json(AllJobTypes { job_types: all.collect() })
}

/// `GET /models?search=&sort=&page=`: those that one may see, newest first where nothing else is wished, a hundred a page.
pub(super) async fn list(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    Parameters(looking): Parameters<LookingForModels>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<ModelPage>), ApiProblem> {
    let listed = act::list(&may, &hub, looking.search, page(looking.page)?, looking.sort).await?;
    let next = next_page(listed.page, listed.pages);
    let link = next_link(&uri, "page", next.map(|page| page.to_string()).as_deref());
    let models = listed.rows.into_iter().map(self::listed).collect();
    Ok((link, Json(ModelPage { models, page: listed.page, pages: listed.pages, found: listed.found, next })))
}

/// `GET /projects/{project}/models`: newest first.
pub(super) async fn of_project(
    may: May<acts::SeeModels>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<ModelsOfProject>, ApiProblem> {
    let models = hub.ledger.models_of(may.project()).await?.into_iter().map(listed).collect();
    Ok(Json(ModelsOfProject { models }))
}

/// `POST /projects/{project}/models`: makes one, where the project is approved.
pub(super) async fn make(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Body(typed): Body<Typed>,
) -> Result<(StatusCode, Extension<Keep>, [(HeaderName, String); 1], Json<WholeModel>), ApiProblem> {
    let id = act::make(&may, &hub, &typed).await?;
    let place = format!("/api/v1/models/{id}");
    Ok((StatusCode::CREATED, KEEP, [(header::LOCATION, place)], whole(&may, &hub, id).await?))
}

/// `GET /models/{model}`.
pub(super) async fn show(
    may: May<acts::SeeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<ModelId>,
) -> Result<Json<WholeModel>, ApiProblem> {
    whole(&may, &hub, id).await
}

/// `PUT /models/{model}`: name, description and job type, all of them anew.
pub(super) async fn edit(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<ModelId>,
    Body(edit): Body<ModelEdit>,
) -> Result<Json<WholeModel>, ApiProblem> {
    let ModelEdit { edition, name, description, job_type } = edit;
    act::edit(&may, &hub, id, edition, &Typed { name, description, job_type }).await??;
    whole(&may, &hub, id).await
}

/// `DELETE /models/{model}`.
pub(super) async fn delete(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<ModelId>,
) -> Result<StatusCode, ApiProblem> {
    act::delete(&may, &hub, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn whole<A: Is>(
    may: &May<A>,
    hub: &Hub,
    id: ModelId,
) -> Result<Json<WholeModel>, ApiProblem> {
    let whole = act::whole(may, hub, id).await?;
    let ready = whole.ready();
    let required = whole.needs.iter().map(|(name, state)| RequiredFile { name, state: *state });
    let files = whole.files.into_iter().map(|one| ModelFile::of(one.file, Some(one.received)));
    Ok(Json(WholeModel {
        required: required.collect(),
        ready,
        files: files.collect(),
        model: listed(whole.model),
    }))
}

fn listed(model: Model) -> ListedModel {
    ListedModel {
        id: model.id,
        project: model.project,
        project_name: model.project_name,
        name: model.name,
        description: model.description,
        job_type: model.job_type.name(),
        made: model.made,
        made_by: model.made_by,
        edition: model.edition,
    }
}
