//! `/mail`: what waits, went out, or was given up.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::hub::Hub;
use crate::ledger::mail::{Mail, MailId, MailState};
use crate::people::act::mail as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTest {
    email: String,
}

/// `GET /mail`: what needs a look first.
pub(super) async fn list(
    may: May<acts::SeeMail>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let mails: Vec<Value> = act::list(&may, &hub).await?.iter().map(to_json).collect();
    Ok(Json(json!({ "sends": hub.post.sends(), "mail": mails })))
}

/// `POST /mail/test`: a mail that says no more than that mail arrives.
pub(super) async fn test(
    may: May<acts::ManageMail>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewTest>,
) -> Result<(StatusCode, Json<Value>), ApiProblem> {
    let id = act::test(&may, &hub, &new.email).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id.to_string() }))))
}

/// `POST /mail/{mail}/send`: tries one that was not sent at once.
pub(super) async fn send(
    may: May<acts::ManageMail>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    act::send_again(&may, &hub, mail(&id)?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `DELETE /mail/{mail}`: forgets one.
pub(super) async fn forget(
    may: May<acts::ManageMail>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    act::forget(&may, &hub, mail(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn mail(id: &str) -> Result<MailId, ApiProblem> {
    id.parse().map_err(|_| ApiProblem::not_found())
}

/// A mail without its link.
pub(super) fn to_json(mail: &Mail) -> Value {
    let (next, ended) = match mail.state {
        MailState::Waiting { next } => (Some(next), None),
        MailState::Sent { at } | MailState::Failed { at } => (None, Some(at)),
    };
    json!({
        "id": mail.id.to_string(),
        "to": mail.to,
        "kind": mail.letter.kind(),
        "state": mail.state.name(),
        "stored": mail.stored,
        "tries": mail.tries,
        "why": (!mail.why.is_empty()).then_some(&mail.why),
        "next": next,
        "ended": ended,
    })
}
