//! `/session`: sign in, who am I, sign out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::bounds;
use crate::hub::Hub;
use crate::people::session::{self, Person};
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// `POST /session`: a token for name and password.
pub(super) async fn open(
    State(hub): State<Arc<Hub>>,
    Body(credentials): Body<Credentials>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let token = session::sign_in(&hub, &credentials.name, credentials.password).await?;
    Ok((StatusCode::CREATED, Json(json!({ "token": token, "expires_in_s": bounds::SESSION_MS / 1_000 }))))
}

/// `GET /session`: whose session this is, and their role.
pub(super) async fn show(person: Person) -> Json<Value> {
    Json(json!({ "name": person.name, "role": person.role.name() }))
}

/// `DELETE /session`: sign out.
pub(super) async fn close(State(hub): State<Arc<Hub>>, person: Person) -> Result<StatusCode, ApiProblem> {
    hub.ledger.close_session(person.token_sha256).await?;
    Ok(StatusCode::NO_CONTENT)
}
