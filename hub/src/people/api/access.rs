//! `/access-requests`: who asks to come in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, Uri};
use flip_protocol::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::document::Said;
use super::people::WholePerson;
use super::{Body, Parameters, Part, Path, next_link};
use crate::hub::Hub;
use crate::ledger::access::{Request, RequestId, RequestState};
use crate::people::act::access as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::shapes::Moment;

/// Somebody who asks to come in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRequest {
    /// Their name.
    #[schema(max_length = 120, example = "Ada Lovelace")]
    name: String,
    /// Their address.
    #[schema(example = "ada@example.org")]
    email: String,
    /// Why.
    #[schema(max_length = 1_000, example = "I study diabetes at Southmere.")]
    reason: String,
}

/// As what somebody who asked is invited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Invitation {
    /// Another name than they gave.
    #[schema(max_length = 120, example = "ada")]
    name: Option<String>,
    /// Their role: admin, researcher or viewer.
    #[schema(example = "researcher")]
    role: String,
}

/// Why a request is dismissed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dismissal {
    /// For whoever looks later.
    #[schema(max_length = 1_000, example = "nobody knows them")]
    why: String,
}

/// Who asks to come in.
#[derive(Serialize, ToSchema)]
pub(super) struct AccessRequests {
    /// Those that wait first.
    requests: Vec<AccessRequest>,
    /// Where to go on: the next request's `after`; null at the end.
    #[schema(example = "1.-1795716685004.01A2190E1CCC77B89A2226AC81AFC804")]
    next: Option<String>,
}

/// A request for access.
#[derive(Serialize, ToSchema)]
pub(super) struct AccessRequest {
    /// Its id.
    id: Uuid,
    /// The name that was given.
    #[schema(example = "Ada Lovelace")]
    name: String,
    /// The address.
    #[schema(example = "ada@example.org")]
    email: String,
    /// Why.
    #[schema(example = "I study diabetes at Southmere.")]
    reason: String,
    /// When they asked first.
    #[schema(value_type = Moment)]
    asked: UnixMillis,
    /// How often that address asked.
    #[schema(example = 1)]
    times: u64,
    /// Whether somebody here has that address.
    known: bool,
    /// `open`, `invited` or `dismissed`.
    #[schema(example = "open")]
    state: &'static str,
    /// When somebody dealt with it.
    #[schema(value_type = Option<Moment>)]
    handled: Option<UnixMillis>,
    /// Who did.
    #[schema(example = "admin")]
    handled_by: Option<String>,
    /// Why it was dismissed.
    #[schema(example = "nobody knows them")]
    why: Option<String>,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::post("/api/v1/access-requests", "Asks to come in. For anyone.")
            .takes::<NewRequest>()
            .gives_nothing(202, "It is stored; an administrator reads it.")
            .refuses(&[Code::BadName, Code::BadEmail, Code::BadReason, Code::TooMany]),
        Said::get("/api/v1/access-requests", "Who asks for access, those that wait first.")
            .reads::<Part>()
            .gives_part::<AccessRequests>("A part of them."),
        Said::post("/api/v1/access-requests/{request}/invite", "Invites who asked.")
            .takes::<Invitation>()
            .gives::<WholePerson>(201, "They are invited.")
            .refuses(&[Code::BadName, Code::BadRole, Code::NoTrust, Code::BadEmail])
            .refuses(&[Code::NameTaken, Code::EmailTaken, Code::Handled]),
        Said::post("/api/v1/access-requests/{request}/dismiss", "Dismisses a request.")
            .takes::<Dismissal>()
            .gives_nothing(204, "It is dismissed.")
            .refuses(&[Code::BadReason, Code::Handled]),
    ]
}

/// `POST /access-requests`: for anyone.
pub(super) async fn ask(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewRequest>,
) -> Result<StatusCode, ApiProblem> {
    act::ask(&may, &hub, &new.name, &new.email, &new.reason).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `GET /access-requests`: those that wait first.
pub(super) async fn list(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
    Parameters(part): Parameters<Part>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<AccessRequests>), ApiProblem> {
    let (from, most) = part.of_places()?;
    let (requests, next) = act::list(&may, &hub, from, most).await?;
    let next = next.map(|next| next.to_string());
    let requests = requests.into_iter().map(asked).collect();
    Ok((next_link(&uri, "after", next.as_deref()), Json(AccessRequests { requests, next })))
}

/// `POST /access-requests/{request}/invite`: invites who asked.
pub(super) async fn invite(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
    Body(invitation): Body<Invitation>,
) -> Result<(StatusCode, Json<WholePerson>), ApiProblem> {
    let id = act::invite(&may, &hub, RequestId(id), invitation.name.as_deref(), &invitation.role).await?;
    Ok((StatusCode::CREATED, Json(super::people::found(&hub, id).await?)))
}

/// `POST /access-requests/{request}/dismiss`.
pub(super) async fn dismiss(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
    Body(dismissal): Body<Dismissal>,
) -> Result<StatusCode, ApiProblem> {
    act::dismiss(&may, &hub, RequestId(id), &dismissal.why).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn asked(request: Request) -> AccessRequest {
    let state = request.state.name();
    let (handled, handled_by, why) = match request.state {
        RequestState::Open => (None, None, None),
        RequestState::Invited { at, by } => (Some(at), by, None),
        RequestState::Dismissed { at, by, why } => (Some(at), by, Some(why)),
    };
    AccessRequest {
        id: request.id.0,
        name: request.name,
        email: request.email.to_string(),
        reason: request.reason,
        asked: request.asked,
        times: request.times,
        known: request.known,
        state,
        handled,
        handled_by,
        why,
    }
}
