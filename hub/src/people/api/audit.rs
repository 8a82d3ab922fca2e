//! `/audit`: what was done at this hub.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Parameters, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::audit::filter::Asked;
use crate::audit::written::{self, Format};
use crate::hub::Hub;
use crate::people::act::audit as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(flatten)]
    asked: Asked,
    /// A number; acts before it are given.
    #[serde(default)]
    before: String,
}

#[derive(Deserialize)]
pub(super) struct Export {
    #[serde(flatten)]
    asked: Asked,
    #[serde(default = "lines")]
    format: Format,
}

/// `GET /audit?who=&act=&project=&trust=&from=&until=&before=`: a page of acts, newest first.
pub(super) async fn list(
    may: May<acts::SeeAudit>,
    State(hub): State<Arc<Hub>>,
    page: Result<Parameters<Page>, QueryRejection>,
) -> Result<Json<Value>, ApiProblem> {
    let Parameters(page) = page.map_err(|rejection| bad_parameter(&rejection))?;
    let before = match page.before.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            ApiProblem::new(
                StatusCode::BAD_REQUEST,
                "bad_parameter",
                "A parameter of the address is not right.",
            )
            .detail("`before` is the number of an act")
        })?),
    };
    let (acts, more) = act::list(&may, &hub, &page.asked, before).await?;
    let next = acts.last().filter(|_| more).map(|kept| kept.act.number);
    let acts: Vec<Value> = acts.iter().map(|kept| written::json_of(&kept.act, &kept.hash)).collect();
    Ok(Json(json!({ "acts": acts, "next_before": next })))
}

/// `GET /audit/check`: whether each act follows from the one before it.
pub(super) async fn check(
    may: May<acts::SeeAudit>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    Ok(Json(match act::check(&may, &hub).await? {
        Ok(head) => json!({ "whole": true, "entries": head.entries, "hash": head.hash }),
        Err(wrong) => json!({ "whole": false, "why": wrong.to_string() }),
    }))
}

/// `GET /audit/export?format=jsonl`: all acts that are looked for, oldest first.
pub(super) async fn export(
    may: May<acts::SeeAudit>,
    State(hub): State<Arc<Hub>>,
    export: Result<Parameters<Export>, QueryRejection>,
) -> Result<Response, ApiProblem> {
    let Parameters(export) = export.map_err(|rejection| bad_parameter(&rejection))?;
    act::export(&may, &hub, &export.asked, export.format).await
}

fn lines() -> Format {
    Format::Jsonl
}

fn bad_parameter(rejection: &QueryRejection) -> ApiProblem {
    ApiProblem::new(StatusCode::BAD_REQUEST, "bad_parameter", "A parameter of the address is not right.")
        .detail(rejection.body_text())
}
