//! `/queries/{id}/freeze`: the cohort of a query, kept at each Trust.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query as Parameters, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::queries::{Wait, id_of, waiting};
use crate::hub::Hub;
use crate::ledger::freezes::Freeze;
use crate::people::act;
use crate::people::session::Person;
use crate::problem::ApiProblem;

/// `POST`: orders it at each enrolled Trust that answered with a value. Again: a next version, once the first is done.
pub(super) async fn order(
    State(hub): State<Arc<Hub>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let id = id_of(&id)?;
    act::freeze(&hub, id).await?;
    tracing::info!(query = %id, by = person.name, "a cohort's freeze was ordered");
    Ok((StatusCode::ACCEPTED, Json(to_json(&act::freezes(&hub, id, Duration::ZERO).await?))))
}

/// `GET ?wait_s=25`: each Trust's newest order to freeze, as it stands, or as soon as all have ended.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    _: Person,
    Path(id): Path<String>,
    wait: Result<Parameters<Wait>, QueryRejection>,
) -> Result<Json<Value>, ApiProblem> {
    Ok(Json(to_json(&act::freezes(&hub, id_of(&id)?, waiting(wait)?).await?)))
}

fn to_json(freezes: &[Freeze]) -> Value {
    let trusts: Vec<Value> = freezes
        .iter()
        .map(|freeze| {
            json!({
                "trust": freeze.trust,
                "trust_name": freeze.trust_name,
                "order": freeze.state,
                "freezing": freeze.freezing,
            })
        })
        .collect();
    json!({ "complete": freezes.iter().all(|freeze| freeze.state.ended()), "trusts": trusts })
}
