//! `/projects`: what questions are asked for, and who may see them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::hub::Hub;
use crate::ledger::projects::Project;
use crate::people::act::projects as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProject {
    name: String,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    name: String,
    description: String,
    members: Vec<String>,
}

/// `GET /projects`: those that one may see, newest first; for admins all, what was deleted last.
pub(super) async fn list(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let projects: Vec<Value> = act::list(&may, &hub).await?.iter().map(to_json).collect();
    Ok(Json(json!({ "projects": projects })))
}

/// `POST /projects`: makes one, owned by who asks for it.
pub(super) async fn make(
    may: May<acts::MakeProject>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewProject>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Value>), ApiProblem> {
    let id = act::make(&may, &hub, &new.name, &new.description).await?;
    let place = format!("/api/v1/projects/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(json!({ "id": id }))))
}

/// `GET /projects/{project}`.
pub(super) async fn show(
    may: May<acts::SeeProject>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    Ok(Json(to_json(&act::show(&may, &hub).await?)))
}

/// `PUT /projects/{project}`: name, description and members, all of them anew.
pub(super) async fn edit(
    may: May<acts::EditProject>,
    State(hub): State<Arc<Hub>>,
    Body(edit): Body<Edit>,
) -> Result<Json<Value>, ApiProblem> {
    Ok(Json(to_json(&act::edit(&may, &hub, &edit.name, &edit.description, edit.members).await?)))
}

/// `DELETE /projects/{project}`: from then on admins alone see it and its queries.
pub(super) async fn delete(
    may: May<acts::DeleteProject>,
    State(hub): State<Arc<Hub>>,
) -> Result<StatusCode, ApiProblem> {
    act::delete(&may, &hub).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn to_json(project: &Project) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "owner": project.owner,
        "members": project.members,
        "made": project.made,
        "deleted": project.deleted,
    })
}
