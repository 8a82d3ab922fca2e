//! `/queries/{id}/freeze`: the cohort of a query, kept at each Trust.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use flip_protocol::PartyId;
use flip_protocol::freeze::Freezing;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::document::Said;
use super::queries::Wait;
use super::{Parameters, Path};
use crate::hub::Hub;
use crate::ledger::freezes::Freeze;
use crate::order::OrderState;
use crate::people::act;
use crate::people::may::May;
use crate::people::once::{KEEP, Keep};
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::shapes;

/// How a cohort's freeze stands.
#[derive(Serialize, ToSchema)]
pub(super) struct Freezes {
    /// True where no order can change any more.
    pub(super) complete: bool,
    /// Each Trust's newest order.
    pub(super) trusts: Vec<TrustFreeze>,
}

/// A Trust's newest order to freeze a cohort.
#[derive(Serialize, ToSchema)]
pub(super) struct TrustFreeze {
    /// The Trust.
    #[schema(value_type = Uuid)]
    trust: PartyId,
    /// Its name.
    #[schema(example = "Southmere Hospital")]
    trust_name: String,
    /// Where the order is.
    order: OrderState,
    /// Whether the cohort was frozen.
    #[schema(value_type = Option<shapes::Freezing>)]
    freezing: Option<Freezing>,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    let path = "/api/v1/queries/{query}/freeze";
    vec![
        Said::get(path, "For each Trust, whether the cohort of a query is frozen.")
            .reads::<Wait>()
            .gives::<Freezes>(200, "As it stands, or as soon as all orders have ended."),
        Said::post(path, "Has Trusts that approved a query freeze its cohort again.")
            .gives::<Freezes>(202, "The orders wait for the Trusts.")
            .refuses(&[Code::NothingToFreeze, Code::Maintenance]),
    ]
}

/// `POST`: orders it again at each Trust that has approved and that one decides for: a next version.
pub(super) async fn order(
    may: May<acts::Freeze>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Extension<Keep>, Json<Freezes>), ApiProblem> {
    act::staging::freeze(&may, &hub, id).await?;
    tracing::info!(query = %id, by = may.person().name, "a cohort's freeze was ordered");
    Ok((StatusCode::ACCEPTED, KEEP, Json(listed(hub.ledger.freezes(id).await?))))
}

/// `GET ?wait_s=25`: each Trust's newest order to freeze, as it stands, or as soon as all have ended.
pub(super) async fn show(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
    Parameters(wait): Parameters<Wait>,
) -> Result<Json<Freezes>, ApiProblem> {
    Ok(Json(listed(act::staging::freezes(&may, &hub, id, wait.time()?).await?)))
}

pub(super) fn listed(freezes: Vec<Freeze>) -> Freezes {
    Freezes {
        complete: freezes.iter().all(|freeze| freeze.state.ended()),
        trusts: freezes
            .into_iter()
            .map(|freeze| TrustFreeze {
                trust: freeze.trust,
                trust_name: freeze.trust_name,
                order: freeze.state,
                freezing: freeze.freezing,
            })
            .collect(),
    }
}
