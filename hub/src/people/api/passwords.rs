//! `/password`: forgotten, or changed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::Body;
use crate::hub::Hub;
use crate::people::act::passwords as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forgotten {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changed {
    old: String,
    new: String,
}

/// `POST /password/forgot`: a mail with a link, where somebody has that address. The answer is the same where nobody
/// has it.
pub(super) async fn forgot(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Body(forgotten): Body<Forgotten>,
) -> Result<StatusCode, ApiProblem> {
    act::forgot(&may, &hub, &forgotten.email).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `PUT /password`: another password; ends one's other sessions.
pub(super) async fn change(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Body(changed): Body<Changed>,
) -> Result<StatusCode, ApiProblem> {
    act::change(&may, &hub, changed.old, changed.new).await?;
    Ok(StatusCode::NO_CONTENT)
}
