//! The appliance's own page on loopback: its state, its last orders and its data. Read-only.
//!
//! What must stay true: it answers requests to loopback names alone, so that a foreign page in a browser on this
//! machine cannot read it under another name (DNS rebinding); it shows counts and states, never a record.

mod page;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;

use crate::site::Site;
use crate::uplink::error_chain;

pub use status::{fetch, to_text};

/// The local page and its JSON.
pub fn router(site: &Arc<Site>) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/status.json", get(json))
        .route("/assets/{file}", get(asset))
        .layer(middleware::from_fn(loopback_names_only))
        .layer(middleware::from_fn(guard_headers))
        .with_state(Arc::clone(site))
}

async fn show(State(site): State<Arc<Site>>) -> Response {
    match page::of(&site).map(|page| flip_web::render(&page)) {
        Ok(Ok(html)) => Html(html).into_response(),
        Ok(Err(error)) => failed(&error_chain(&error)),
        Err(error) => failed(&error_chain(&error)),
    }
}

async fn json(State(site): State<Arc<Site>>) -> Response {
    match status::of(&site) {
        Ok(status) => axum::Json(status).into_response(),
        Err(error) => failed(&error_chain(&error)),
    }
}

async fn asset(Path(file): Path<String>) -> Response {
    match flip_web::asset(&file) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.content_type),
                (header::ETAG, asset.etag),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn failed(error: &str) -> Response {
    tracing::error!(error, "the local page could not be made");
    (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made; the appliance's log says why.\n")
        .into_response()
}

async fn loopback_names_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if ["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "This page is for 127.0.0.1 and localhost alone.\n").into_response()
    }
}

async fn guard_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(flip_web::CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
