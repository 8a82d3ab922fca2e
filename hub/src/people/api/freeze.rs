//! `/queries/{id}/freeze`: the cohort of a query, kept at each Trust.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query as Parameters, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::queries::{Wait, waiting};
use crate::hub::Hub;
use crate::ledger::freezes::Freeze;
use crate::people::act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;

/// `POST`: orders it again at each Trust that has approved and that one decides for: a next version.
pub(super) async fn order(
    may: May<acts::Freeze>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    act::staging::freeze(&may, &hub, id).await?;
    tracing::info!(query = %id, by = may.person().name, "a cohort's freeze was ordered");
    Ok((StatusCode::ACCEPTED, Json(to_json(&hub.ledger.freezes(id).await?))))
}

/// `GET ?wait_s=25`: each Trust's newest order to freeze, as it stands, or as soon as all have ended.
pub(super) async fn show(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
    wait: Result<Parameters<Wait>, QueryRejection>,
) -> Result<Json<Value>, ApiProblem> {
    Ok(Json(to_json(&act::staging::freezes(&may, &hub, id, waiting(wait)?).await?)))
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
