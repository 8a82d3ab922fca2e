//! The people listener: the JSON API and the console. Nothing an appliance needs is here.
//!
//! What must stay true: every handler but sign-in, health and static files takes a [`session::Person`]; what both
//! the API and the console do is written once, in [`act`].

mod act;
mod api;
mod console;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::bounds;
use crate::hub::Hub;
use crate::listener::bounded_body;

/// The whole people listener.
pub fn router(hub: &Arc<Hub>) -> Router {
    Router::new()
        .nest("/api/v1", api::router())
        .merge(console::router())
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(bounds::PEOPLE_BODY_BYTES, bounded_body))
        .layer(from_fn(console::guard_headers))
        .with_state(Arc::clone(hub))
}
