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
use crate::people::may::May;
use crate::people::session;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// `POST /session`: a token for name and password.
pub(super) async fn open(
    _: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Body(credentials): Body<Credentials>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let token = session::sign_in(&hub, &credentials.name, credentials.password).await?;
    Ok((StatusCode::CREATED, Json(json!({ "token": token, "expires_in_s": bounds::SESSION_MS / 1_000 }))))
}

/// `GET /session`: whose session this is, and their role.
pub(super) async fn show(may: May<acts::KeepSession>) -> Json<Value> {
    let person = may.person();
    Json(json!({ "name": person.name, "role": person.role.name() }))
}

/// `DELETE /session`: sign out.
pub(super) async fn close(
    may: May<acts::KeepSession>,
    State(hub): State<Arc<Hub>>,
) -> Result<StatusCode, ApiProblem> {
    hub.ledger.close_session(may.by(), may.person().token_sha256).await?;
    Ok(StatusCode::NO_CONTENT)
}
