//! Asking for access, and what admins make of it.

use std::sync::Arc;

use flip_protocol::ident;

use super::passwords::too_many;
use super::people::{self, bad_email};
use crate::bounds;
use crate::clock;
use crate::hub::{self, Hub};
use crate::ledger::access::{NewRequest, Request, RequestId, RequestState, Stored};
use crate::ledger::cursor::{Cursor, cut};
use crate::people::may::May;
use crate::permissions::acts;
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};
use crate::throttle::Form;
use crate::wording;

/// Takes a request for access. It says the same whoever has that address.
pub async fn ask(
    may: &May<acts::Enter>,
    hub: &Hub,
    name: &str,
    email: &str,
    reason: &str,
) -> Result<(), ApiProblem> {
    let name = hub::check_name(name).map_err(ApiProblem::bad_name)?.to_owned();
    let email = email.parse().map_err(|error: crate::email::NoAddress| bad_email(&error.to_string()))?;
    let reason = text(reason, "say in a few words why")?;
    may.visitor().sends(hub, Form::Access)?;
    let now = clock::now();
    let id = RequestId(ident::uuid_v7(now, &clock::random_bytes()));
    let new = NewRequest { id, name, email, reason, now, mails: hub.post.sends() };
    match hub.ledger.ask_access(new).await? {
        Stored::Yes => {
            hub.post.announce();
            tracing::info!(request = %id, "somebody asked for access");
            Ok(())
        }
        Stored::TooMany => Err(too_many("Too many people ask for access; try again later.")),
    }
}

/// The requests from a place on, those that wait first.
pub async fn list(
    _: &May<acts::SeePeople>,
    hub: &Hub,
    from: Cursor,
    most: u32,
) -> Result<(Vec<Request>, Option<Cursor>), ApiProblem> {
    Ok(cut(hub.ledger.access_requests(from, most + 1).await?, most, Request::place))
}

/// The first of them, for a page that is shown beside another act.
pub async fn all(hub: &Hub) -> Result<Vec<Request>, ApiProblem> {
    Ok(hub.ledger.access_requests(Cursor::START, bounds::LIST_ROWS).await?)
}

/// Invites who asked; gives their id. Without a name, under the one that they gave.
pub async fn invite(
    may: &May<acts::ManagePeople>,
    hub: &Arc<Hub>,
    id: RequestId,
    name: Option<&str>,
    role: &str,
) -> Result<PersonId, ApiProblem> {
    let request = open(hub, id).await?;
    let details = people::typed(name.unwrap_or(&request.name), &request.email.to_string(), role)?;
    people::invite(may, hub, details).await
}

/// Dismisses a request.
pub async fn dismiss(
    may: &May<acts::ManagePeople>,
    hub: &Hub,
    id: RequestId,
    why: &str,
) -> Result<(), ApiProblem> {
    let why = text(why, "say why, for whoever looks later")?;
    open(hub, id).await?;
    if !hub.ledger.dismiss_request(may.by(), id, why).await? {
        return Err(handled());
    }
    tracing::info!(request = %id, by = may.person().name, "a request for access was dismissed");
    Ok(())
}

async fn open(hub: &Hub, id: RequestId) -> Result<Request, ApiProblem> {
    let request = hub.ledger.access_request(id).await?.ok_or_else(ApiProblem::not_found)?;
    match request.state {
        RequestState::Open => Ok(request),
        RequestState::Invited { .. } | RequestState::Dismissed { .. } => Err(handled()),
    }
}

fn handled() -> ApiProblem {
    ApiProblem::new(Code::Handled, "Somebody has dealt with this request already.")
}

fn text(typed: &str, empty: &str) -> Result<String, ApiProblem> {
    let bad = |why: String| ApiProblem::new(Code::BadReason, "The reason is not usable.").detail(why);
    let text = wording::lines(typed).map_err(|why| bad(format!("the reason {why}")))?;
    if text.is_empty() {
        return Err(bad(empty.to_owned()));
    }
    if text.chars().count() > bounds::ACCESS_REASON_CHARACTERS {
        return Err(bad(format!(
            "the reason is longer than {} characters",
            bounds::ACCESS_REASON_CHARACTERS
        )));
    }
    Ok(text)
}
