//! `/access-requests`: who asks to come in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::hub::Hub;
use crate::ledger::access::{Request, RequestId, RequestState};
use crate::people::act::access as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRequest {
    name: String,
    email: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invitation {
    name: Option<String>,
    role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dismissal {
    why: String,
}

/// `POST /access-requests`: for anyone.
pub(super) async fn ask(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewRequest>,
) -> Result<StatusCode, ApiProblem> {
    act::ask(&may, &hub, &new.name, &new.email, &new.reason).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `GET /access-requests`: those that wait first.
pub(super) async fn list(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let requests: Vec<Value> = act::list(&may, &hub).await?.iter().map(to_json).collect();
    Ok(Json(json!({ "requests": requests })))
}

/// `POST /access-requests/{request}/invite`: invites who asked.
pub(super) async fn invite(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Body(invitation): Body<Invitation>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let id = act::invite(&may, &hub, request(&id)?, invitation.name.as_deref(), &invitation.role).await?;
    Ok((StatusCode::CREATED, Json(super::people::found(&hub, id).await?)))
}

/// `POST /access-requests/{request}/dismiss`.
pub(super) async fn dismiss(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Body(dismissal): Body<Dismissal>,
) -> Result<StatusCode, ApiProblem> {
    act::dismiss(&may, &hub, request(&id)?, &dismissal.why).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn request(id: &str) -> Result<RequestId, ApiProblem> {
    id.parse().map_err(|_| ApiProblem::not_found())
}

fn to_json(request: &Request) -> Value {
    let (at, by, why) = match &request.state {
        RequestState::Open => (None, None, None),
        RequestState::Invited { at, by } => (Some(*at), by.clone(), None),
        RequestState::Dismissed { at, by, why } => (Some(*at), by.clone(), Some(why.clone())),
    };
    json!({
        "id": request.id.to_string(),
        "name": request.name,
        "email": request.email,
        "reason": request.reason,
        "asked": request.asked,
        "times": request.times,
        "known": request.known,
        "state": request.state.name(),
        "handled": at,
        "handled_by": by,
        "why": why,
    })
}
