//! `/models`: what is trained in approved projects.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query as Parameters, State};
use axum::http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use super::projects::Looking;
use crate::hub::Hub;
use crate::ledger::models::Model;
use crate::model::{JobType, ModelId};
use crate::people::act::models::{self as act, Typed};
use crate::people::may::May;
use crate::permissions::{Is, acts};
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    /// Of the model that was looked at: a change of another is refused.
    edition: u64,
    name: String,
    #[serde(default)]
    description: String,
    job_type: String,
}

/// `GET /job-types`: what a model can be for, and the files that each needs.
pub(super) async fn job_types(_: May<acts::SeeLists>) -> Json<Value> {
    let all = JobType::ALL
        .iter()
        .map(|one| json!({ "job_type": one, "words": one.words(), "required": one.required() }));
    Json(json!({ "job_types": all.collect::<Vec<_>>() }))
}

/// `GET /models?search=&page=`: those that one may see, newest first, a hundred a page.
pub(super) async fn list(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    looking: Result<Parameters<Looking>, QueryRejection>,
) -> Result<Json<Value>, ApiProblem> {
    let Parameters(looking) = looking.map_err(|rejection| super::queries::bad_parameter(&rejection))?;
    let listed = act::list(&may, &hub, &looking.search, looking.page).await?;
    let models: Vec<Value> = listed.rows.iter().map(to_json).collect();
    Ok(Json(json!({
        "models": models, "page": listed.page, "pages": listed.pages, "found": listed.found,
    })))
}

/// `GET /projects/{project}/models`: newest first.
pub(super) async fn of_project(
    may: May<acts::SeeModels>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let models: Vec<Value> = hub.ledger.models_of(may.project()).await?.iter().map(to_json).collect();
    Ok(Json(json!({ "models": models })))
}

/// `POST /projects/{project}/models`: makes one, where the project is approved.
pub(super) async fn make(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Body(typed): Body<Typed>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Value>), ApiProblem> {
    let id = act::make(&may, &hub, &typed).await?;
    let place = format!("/api/v1/models/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], whole(&may, &hub, id).await?))
}

/// `GET /models/{model}`.
pub(super) async fn show(
    may: May<acts::SeeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    whole(&may, &hub, model(&id)?).await
}

/// `PUT /models/{model}`: name, description and job type, all of them anew.
pub(super) async fn edit(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Body(edit): Body<Edit>,
) -> Result<Json<Value>, ApiProblem> {
    let Edit { edition, name, description, job_type } = edit;
    act::edit(&may, &hub, model(&id)?, edition, &Typed { name, description, job_type }).await?;
    whole(&may, &hub, model(&id)?).await
}

/// `DELETE /models/{model}`.
pub(super) async fn delete(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    act::delete(&may, &hub, model(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn whole<A: Is>(may: &May<A>, hub: &Hub, id: ModelId) -> Result<Json<Value>, ApiProblem> {
    Ok(Json(to_json(&act::found(may, hub, id).await?)))
}

fn model(id: &str) -> Result<ModelId, ApiProblem> {
    id.parse().map_err(|_| ApiProblem::not_found())
}

fn to_json(model: &Model) -> Value {
    json!({
        "id": model.id,
        "project": model.project,
        "project_name": model.project_name,
        "name": model.name,
        "description": model.description,
        "job_type": model.job_type,
        "made": model.made,
        "made_by": model.made_by,
        "edition": model.edition,
    })
}
