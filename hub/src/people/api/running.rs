//! `/hub`: the banner, and maintenance.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Body;
use super::document::Said;
use crate::hub::Hub;
use crate::ledger::settings::{Banner, Maintenance};
use crate::people::act::running as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// A word to everybody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBanner {
    /// Plain text; empty takes the banner down.
    #[schema(max_length = 200, example = "New data from Northgate since Monday")]
    text: String,
    /// An `https:` address where more is said.
    #[serde(default)]
    #[schema(max_length = 500, example = "https://news.example.org/northgate")]
    href: String,
}

/// Maintenance to begin or to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMaintenance {
    /// Whether no new work is taken.
    on: bool,
    /// What people are told.
    #[serde(default)]
    #[schema(max_length = 200, example = "back at noon")]
    words: String,
}

/// How the hub runs.
#[derive(Serialize, ToSchema)]
pub(super) struct Running {
    /// The hub's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The banner, where there is one.
    banner: Option<Banner>,
    /// Maintenance, while it lasts.
    maintenance: Option<Maintenance>,
    /// Orders that have not ended.
    orders: OpenOrders,
    /// True where the hub can be stopped: in maintenance, with nothing under way at a Trust.
    quiet: bool,
    /// What somebody who runs the hub should look at, in words; empty where there is nothing.
    #[schema(example = json!(["2 files that people brought are not scanned"]))]
    attention: Vec<String>,
}

/// Orders that have not ended.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenOrders {
    /// At the hub.
    #[schema(example = 0)]
    queued: u64,
    /// At an appliance.
    #[schema(example = 2)]
    at_trusts: u64,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::get("/api/v1/hub", "The banner, maintenance, and whether anything is under way at a Trust.")
            .gives::<Running>(200, "How it runs."),
        Said::put("/api/v1/hub/banner", "Puts the banner up; an empty text takes it down.")
            .takes::<NewBanner>()
            .gives_nothing(204, "It is so.")
            .refuses(&[Code::BadNotice]),
        Said::put("/api/v1/hub/maintenance", "Begins maintenance or ends it.")
            .takes::<NewMaintenance>()
            .gives_nothing(204, "It is so.")
            .refuses(&[Code::BadNotice]),
    ]
}

/// `GET /hub`: the settings, and whether anything is under way at a Trust.
pub(super) async fn show(
    may: May<acts::RunHub>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Running>, ApiProblem> {
    let (settings, open) = act::show(&may, &hub).await?;
    Ok(Json(Running {
        version: env!("CARGO_PKG_VERSION"),
        quiet: settings.maintenance.is_some() && open.at_trusts == 0,
        banner: settings.banner,
        maintenance: settings.maintenance,
        orders: OpenOrders { queued: open.queued, at_trusts: open.at_trusts },
        attention: hub.files.standing().attention(),
    }))
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
    act::set_maintenance(&may, &hub, new.on, &new.words).await?;
    Ok(StatusCode::NO_CONTENT)
}
