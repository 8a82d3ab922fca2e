//! `/projects`: what questions are asked for, and who may see them.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Parameters, State};
use axum::http::{HeaderName, StatusCode, header};
use flip_protocol::ident::ProjectId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::hub::Hub;
use crate::ledger::projects::{Edit as Wanted, Project};
use crate::people::act::projects as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::person::PersonId;
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
    /// Of the project that was looked at: a change of another is refused.
    edition: u64,
    name: String,
    description: String,
    members: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Looking {
    /// Words of the name or the description.
    #[serde(default)]
    pub search: String,
    #[serde(default)]
    pub page: u64,
}

/// `GET /projects?search=&page=`: those that one may see, newest first, a hundred a page; for admins all, what was deleted
/// last.
pub(super) async fn list(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    looking: Result<Parameters<Looking>, QueryRejection>,
) -> Result<Json<Value>, ApiProblem> {
    let Parameters(looking) = looking.map_err(|rejection| super::queries::bad_parameter(&rejection))?;
    let listed = act::list(&may, &hub, &looking.search, looking.page).await?;
    let projects: Vec<Value> = listed.rows.iter().map(to_json).collect();
    Ok(Json(json!({
        "projects": projects, "page": listed.page, "pages": listed.pages, "found": listed.found,
    })))
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

/// `GET /projects/{project}`: with how it stands at each Trust.
pub(super) async fn show(
    may: May<acts::SeeProject>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    act::show(&may, &hub).await?;
    whole(&hub, may.project(), may.person().id).await
}

/// `PUT /projects/{project}`: name, description and members, all of them anew.
pub(super) async fn edit(
    may: May<acts::EditProject>,
    State(hub): State<Arc<Hub>>,
    Body(edit): Body<Edit>,
) -> Result<Json<Value>, ApiProblem> {
    let Edit { edition, name, description, members } = edit;
    Ok(Json(to_json(&act::edit(&may, &hub, Wanted { edition, name, description, members }).await?)))
}

/// `DELETE /projects/{project}`: from then on admins alone see it and its queries.
pub(super) async fn delete(
    may: May<acts::DeleteProject>,
    State(hub): State<Arc<Hub>>,
) -> Result<StatusCode, ApiProblem> {
    act::delete(&may, &hub).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A project with how it stands at each Trust.
pub(super) async fn whole(hub: &Hub, id: ProjectId, person: PersonId) -> Result<Json<Value>, ApiProblem> {
    let mut project = to_json(&act::found(hub, id).await?);
    let (query, trusts) = super::staging::board(&hub.ledger.board(id, person).await?);
    project["query"] = query;
    project["trusts"] = trusts.into();
    Ok(Json(project))
}

pub(super) fn to_json(project: &Project) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "owner": project.owner,
        "members": project.members,
        "state": project.lifecycle.name(),
        "edition": project.edition,
        "made": project.made,
        "deleted": project.deleted,
    })
}
