//! `/session`: sign in, who am I, sign out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::hub::Hub;
use crate::people::may::May;
use crate::people::session::{self, Awaits, Opened};
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// `POST /session`: a token for name and password, and what is awaited before it opens anything.
pub(super) async fn open(
    _: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Body(credentials): Body<Credentials>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let (opened, awaits) = session::sign_in(&hub, &credentials.name, credentials.password).await?;
    Ok((StatusCode::CREATED, Json(to_json(&opened, awaits))))
}

/// A session that was opened.
pub(super) fn to_json(opened: &Opened, awaits: Option<Awaits>) -> Value {
    json!({ "token": opened.token, "expires_in_s": opened.lasts_s, "awaits": awaits.map(Awaits::name) })
}

/// `GET /session`: whose session this is, their role, and what is awaited in it.
pub(super) async fn show(may: May<acts::KeepSession>) -> Json<Value> {
    let person = may.person();
    let awaits = person.awaits.map(Awaits::name);
    Json(json!({ "name": person.name, "role": person.role.name(), "awaits": awaits }))
}

/// `DELETE /session`: sign out.
pub(super) async fn close(
    may: May<acts::KeepSession>,
    State(hub): State<Arc<Hub>>,
) -> Result<StatusCode, ApiProblem> {
    hub.ledger.close_session(may.by(), may.person().token_sha256).await?;
    Ok(StatusCode::NO_CONTENT)
}
