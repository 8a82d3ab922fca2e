//! The JSON API under `/api/v1`.

mod freeze;
mod queries;
mod session;
mod trusts;

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::problem::ApiProblem;

pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/health", get(health))
        .route("/session", post(session::open).get(session::show).delete(session::close))
        .route("/trusts", get(trusts::list).post(trusts::add))
        .route("/queries", get(queries::list).post(queries::ask))
        .route("/queries/{id}", get(queries::show))
        .route("/queries/{id}/csv", get(queries::csv))
        .route("/queries/{id}/freeze", get(freeze::show).post(freeze::order))
        .fallback(async || ApiProblem::not_found())
}

/// `GET /health`: that the hub is there, and its version. For anyone.
async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

/// A JSON body, or a problem document that says what is wrong with it.
pub(super) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiProblem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(refuse(&rejection)),
        }
    }
}

fn refuse(rejection: &JsonRejection) -> ApiProblem {
    let (code, title) = match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("not_json", "Send JSON, with Content-Type: application/json."),
        _ => ("bad_body", "The request's body is not what is expected here."),
    };
    ApiProblem::new(rejection.status(), code, title).detail(rejection.body_text())
}
