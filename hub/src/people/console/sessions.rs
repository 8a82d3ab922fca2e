//! The console's page of where one is signed in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages::{self as web, Moment};
use uuid::Uuid;

use super::{pages, shown};
use crate::clock;
use crate::hub::Hub;
use crate::people::act::sessions as act;
use crate::people::may::May;
use crate::people::parts::Path;
use crate::permissions::acts;
use crate::problem::ApiProblem;

pub(super) async fn list(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    let now = clock::now();
    let sessions = act::own(&may, &hub).await?;
    let rows = sessions.into_iter().map(|seen| web::SessionRow {
        href: format!("/account/sessions/{}", seen.id),
        address: seen.address,
        browser: seen.browser,
        opened: Moment::at(seen.opened.0, now.0),
        seen: Moment::at(seen.seen.0, now.0),
        this: seen.this,
        factor_given: seen.factor_given,
    });
    Ok(shown(&web::Sessions { frame: pages::frame(Some(may.person())), sessions: rows.collect() }))
}

pub(super) async fn end(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<Response, ApiProblem> {
    act::end(&may, &hub, id).await?;
    Ok(to_list())
}

pub(super) async fn end_others(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    act::end_others(&may, &hub).await?;
    Ok(to_list())
}

fn to_list() -> Response {
    Redirect::to("/account/sessions").into_response()
}
