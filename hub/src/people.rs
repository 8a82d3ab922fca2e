//! The people listener: the JSON API and the console. Nothing an appliance needs is here.
//!
//! What must stay true: every handler but sign-in, health and static files takes a [`session::Person`]; what both
//! the API and the console do is written once, in [`act`].

mod act;
mod api;
mod console;
mod problem;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use crate::bounds;
use crate::hub::Hub;

/// The whole people listener.
pub fn router(hub: &Arc<Hub>) -> Router {
    Router::new()
        .nest("/api/v1", api::router())
        .merge(console::router())
        .layer(DefaultBodyLimit::max(bounds::PEOPLE_BODY_BYTES))
        .layer(axum::middleware::from_fn(console::guard_headers))
        .with_state(Arc::clone(hub))
}
