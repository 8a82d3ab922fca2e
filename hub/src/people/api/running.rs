//! `/hub`: the banner, and maintenance.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::hub::Hub;
use crate::people::act::running as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBanner {
    text: String,
    #[serde(default)]
    href: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMaintenance {
    on: bool,
    #[serde(default)]
    words: String,
}

/// `GET /hub`: the settings, and whether anything is under way at a Trust.
pub(super) async fn show(
    may: May<acts::RunHub>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let (settings, open) = act::show(&may, &hub).await?;
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "banner": settings.banner,
        "maintenance": settings.maintenance,
        "orders": { "queued": open.queued, "at_trusts": open.at_trusts },
        "quiet": settings.maintenance.is_some() && open.at_trusts == 0,
    })))
}

/// `PUT /hub/banner`: puts it up; an empty text takes it down.
pub(super) async fn banner(
    may: May<acts::RunHub>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewBanner>,
) -> Result<StatusCode, ApiProblem> {
    act::set_banner(&may, &hub, &new.text, &new.href).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /hub/maintenance`: begins it or ends it.
pub(super) async fn maintenance(
    may: May<acts::RunHub>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewMaintenance>,
) -> Result<StatusCode, ApiProblem> {
    act::set_maintenance(&may, &hub, new.on.then_some(new.words.as_str())).await?;
    Ok(StatusCode::NO_CONTENT)
}
