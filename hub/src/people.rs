//! The people listener: the JSON API and the console. Nothing an appliance needs is here.
//!
//! What must stay true: every route is in a [`may::Table`], with the act that it does, and its handler begins with the
//! proof that the person may; what both the API and the console do is written once, in [`act`].

mod act;
mod api;
mod console;
mod events;
mod known_browser;
mod live;
mod may;
mod notices;
mod once;
mod parts;
pub mod printed;
mod session;
mod transfers;
mod visitor;

pub use act::sticks::Sticks;
pub use events::Streams;
pub use live::Marks;
pub use once::UnderWay;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::bounds;
use crate::hub::Hub;
use crate::listener::bounded_body;
use crate::problem::ApiProblem;

/// The whole people listener.
pub fn router(hub: &Arc<Hub>) -> Router {
    table()
        .into_router()
        .method_not_allowed_fallback(async || ApiProblem::bad_method())
        .fallback(async || ApiProblem::not_found())
        .layer(from_fn_with_state(Arc::clone(hub), once::around))
        .layer(from_fn_with_state(Arc::clone(hub), console::problems::pages_of_problems))
        .layer(from_fn_with_state(Arc::clone(hub), notices::around))
        .layer(from_fn_with_state(Arc::clone(hub), live::around))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(bounds::PEOPLE_BODY_BYTES, bounded_body))
        .layer(from_fn(console::guard_headers))
        .layer(from_fn_with_state(Arc::clone(hub), visitor::through_proxies))
        .with_state(Arc::clone(hub))
}

fn table() -> may::Table {
    transfers::routes(console::routes(api::routes(may::Table::default())))
}
