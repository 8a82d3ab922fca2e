//! `/trusts`: the Trusts and how they stand; adding one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::hub::Hub;
use crate::people::act::{self, Standing};
use crate::people::may::May;
use crate::permissions::acts;
use crate::presence::Link;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTrust {
    name: String,
}

/// `GET /trusts`.
pub(super) async fn list(
    may: May<acts::SeeTrusts>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let trusts: Vec<Value> = act::trusts(&may, &hub).await?.iter().map(to_json).collect();
    Ok(Json(json!({ "trusts": trusts })))
}

/// `POST /trusts`: adds a Trust; the answer holds its kit, which is shown this once.
pub(super) async fn add(
    may: May<acts::AddTrust>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewTrust>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let kit = act::add_trust(&may, &hub, &new.name).await?;
    tracing::info!(trust = %kit.trust, by = may.person().name, "a Trust was added");
    let body = json!({
        "trust": kit.trust,
        "name": kit.trust_name,
        "ca_sha256": kit.ca_sha256,
        "kit_expires": kit.expires,
        "kit": kit.to_text(),
    });
    Ok((StatusCode::CREATED, Json(body)))
}

fn to_json(standing: &Standing) -> Value {
    let link = match standing.link {
        Link::NotEnrolled => "not_enrolled",
        Link::Online => "online",
        Link::Offline(_) => "offline",
    };
    json!({
        "id": standing.trust.id,
        "name": standing.trust.name,
        "link": link,
        "last_seen": standing.seen,
        "enrolled": standing.trust.enrolled,
        "open_orders": standing.trust.open_orders,
        "health": standing.health,
    })
}
