//! `/trusts`: the Trusts, how they stand, and what admins do with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flip_protocol::PartyId;
use flip_protocol::enrolment::Kit;
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
    let trusts: Vec<Value> = act::all_trusts(&may, &hub).await?.iter().map(to_json).collect();
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
    Ok((StatusCode::CREATED, Json(kit_to_json(&kit))))
}

/// `GET /trusts/{trust}`: one, with the messages of it that were not taken.
pub(super) async fn show(
    may: May<acts::SeeTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<Named>,
) -> Result<Json<Value>, ApiProblem> {
    let (standing, refusals) = act::trusts::show(&may, &hub, trust.id()?).await?;
    let mut body = to_json(&standing);
    body["refused_messages"] = refusals.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
    Ok(Json(body))
}

/// `POST /trusts/{trust}/kit`: a new kit, which is shown this once.
pub(super) async fn kit(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<Named>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let kit = act::trusts::new_kit(&may, &hub, trust.id()?).await?;
    Ok((StatusCode::CREATED, Json(kit_to_json(&kit))))
}

/// `POST /trusts/{trust}/keys`: asks new keys of its appliance.
pub(super) async fn keys(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<Named>,
) -> Result<StatusCode, ApiProblem> {
    act::trusts::ask_for_keys(&may, &hub, trust.id()?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /trusts/{trust}/revoke`: makes its keys void.
pub(super) async fn revoke(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<Named>,
) -> Result<StatusCode, ApiProblem> {
    act::trusts::revoke(&may, &hub, trust.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /trusts/{trust}/remove`: takes it off the lists, its keys void. The body repeats its name.
pub(super) async fn remove(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<Named>,
    Body(typed): Body<NewTrust>,
) -> Result<StatusCode, ApiProblem> {
    act::trusts::remove(&may, &hub, trust.id()?, &typed.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A Trust as a path names it.
#[derive(Deserialize)]
pub struct Named {
    trust: String,
}

impl Named {
    /// Its id; what is none names nothing.
    pub fn id(&self) -> Result<PartyId, ApiProblem> {
        self.trust.parse().map_err(|_| ApiProblem::not_found())
    }
}

fn kit_to_json(kit: &Kit) -> Value {
    json!({
        "trust": kit.trust,
        "name": kit.trust_name,
        "ca_sha256": kit.ca_sha256,
        "kit_expires": kit.expires,
        "kit": kit.to_text(),
    })
}

fn to_json(standing: &Standing) -> Value {
    let link = match standing.link {
        Link::NotEnrolled => "not_enrolled",
        Link::Online => "online",
        Link::Offline(_) => "offline",
        Link::Revoked(_) => "revoked",
    };
    json!({
        "id": standing.trust.id,
        "name": standing.trust.name,
        "link": link,
        "last_seen": standing.seen,
        "enrolled": standing.trust.enrolled,
        "revoked": standing.trust.revoked,
        "keys": standing.trust.keys,
        "rotation_asked": standing.trust.rotate_asked,
        "certificate_expires": standing.trust.certificate_expires,
        "open_orders": standing.trust.open_orders,
        "health": standing.health,
    })
}
