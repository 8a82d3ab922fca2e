//! What one waits for, as events: each of these is a `GET` beside it, told as it changes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Path;
use super::document::Said;
use super::freeze::{self, TrustFreeze};
use super::models::{self, WholeModel};
use super::projects::{self, WholeProject};
use crate::combine::{Combined, Share, Tally, Total};
use crate::hub::Hub;
use crate::model::ModelId;
use crate::people::act;
use crate::people::events::{Look, stream};
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;

/// What came of a query.
#[derive(Serialize, ToSchema)]
pub(super) struct Outcome {
    /// The sum over the Trusts that gave a value; absent where none did, which is not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total: Option<Total>,
    /// How many Trusts are in which state.
    trusts: Tally,
}

/// Nothing more is to be said.
#[derive(Serialize)]
struct Nothing {}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    let ends = "A comment comes every 15 seconds. The stream ends with `complete`, once nothing can change by itself any \
         more; with `problem`, whose data is a problem document, where you may not look any more; and after an hour or \
         when the hub stops, without either: open it again.";
    vec![
        Said::get("/api/v1/queries/{query}/events", "Each Trust's share of a query, as it changes.")
            .more(ends)
            .tells::<Share>("share", "Events named `share`, with a share as in the query's result."),
        Said::get("/api/v1/queries/{query}/freeze/events", "Each Trust's freeze of a cohort, as it changes.")
            .more(ends)
            .tells::<TrustFreeze>("freeze", "Events named `freeze`, with one of the `trusts` of the freeze."),
        Said::get(
            "/api/v1/projects/{project}/events",
            "A project, as its Trusts are asked, decide and freeze.",
        )
        .more(ends)
        .tells::<WholeProject>("project", "Events named `project`, with the project as it is."),
        Said::get("/api/v1/models/{model}/events", "A model, as its files come and are scanned.")
            .more(ends)
            .tells::<WholeModel>("model", "Events named `model`, with the model as it is."),
    ]
}

/// `GET /queries/{query}/events`: each Trust's share.
pub(super) async fn of_query(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
    head: Parts,
) -> Result<Response, ApiProblem> {
    stream(may, &hub, head, move |hub, may: May<acts::SeeAnswers>| async move {
        let (_, combined) = act::result(&may, &hub, id, Duration::ZERO).await?;
        let Combined { total, trusts, complete, shares, .. } = combined;
        let look = shares.iter().fold(Look::default(), |look, share| look.with("share", share));
        Ok(look.over(complete, &Outcome { total, trusts }))
    })
    .await
}

/// `GET /queries/{query}/freeze/events`: each Trust's newest order.
pub(super) async fn of_freeze(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
    head: Parts,
) -> Result<Response, ApiProblem> {
    stream(may, &hub, head, move |hub, may: May<acts::SeeAnswers>| async move {
        let stands = freeze::listed(act::staging::freezes(&may, &hub, id, Duration::ZERO).await?);
        let look = stands.trusts.iter().fold(Look::default(), |look, one| look.with("freeze", one));
        Ok(look.over(stands.complete, &Nothing {}))
    })
    .await
}

/// `GET /projects/{project}/events`.
pub(super) async fn of_project(
    may: May<acts::SeeProject>,
    State(hub): State<Arc<Hub>>,
    head: Parts,
) -> Result<Response, ApiProblem> {
    stream(may, &hub, head, |hub, may: May<acts::SeeProject>| async move {
        act::projects::show(&may, &hub).await?;
        let axum::Json(project) = projects::whole(&hub, may.project(), may.person().id).await?;
        Ok(Look::default().with("project", &project).over(!project.awaits(), &Nothing {}))
    })
    .await
}

/// `GET /models/{model}/events`.
pub(super) async fn of_model(
    may: May<acts::SeeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<ModelId>,
    head: Parts,
) -> Result<Response, ApiProblem> {
    stream(may, &hub, head, move |hub, may: May<acts::SeeModels>| async move {
        let axum::Json(model) = models::whole(&may, &hub, id).await?;
        Ok(Look::default().with("model", &model).over(!model.awaits(), &Nothing {}))
    })
    .await
}
