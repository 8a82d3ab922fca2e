//! `/people`: who signs in here, who was invited, and what admins do with them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query as Parameters, State};
use axum::http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Body;
use crate::bounds;
use crate::hub::Hub;
use crate::ledger::mail::MailState;
use crate::ledger::people::{Person, PersonState, Search};
use crate::people::act::people::{self as act, Change, Shown};
use crate::people::act::second_factor;
use crate::people::may::May;
use crate::permissions::acts;
use crate::person::PersonId;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    search: String,
    #[serde(default)]
    state: String,
    after: Option<String>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Details {
    name: String,
    #[serde(default)]
    email: Option<String>,
    role: String,
}

/// `GET /people`: by name, those whose name or address holds `search` and whose state is `state`; further ones after
/// the name `after`.
pub(super) async fn list(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, ApiProblem> {
    let most = wanted.limit.unwrap_or(bounds::LIST_ROWS).clamp(1, bounds::LIST_ROWS);
    let search = Search { words: wanted.search, state: wanted.state, after: wanted.after, most };
    let found = act::search(&may, &hub, search).await?;
    let people: Vec<Value> = found.people.iter().map(to_json).collect();
    Ok(Json(json!({ "people": people, "all": found.all, "next": found.next })))
}

/// `POST /people`: invites a person. Where the hub sends no mail, the answer holds the link to hand over.
pub(super) async fn invite(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<Details>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Value>), ApiProblem> {
    let details = act::typed(&new.name, &new.email.unwrap_or_default(), &new.role)?;
    let id = act::invite(&may, &hub, details).await?;
    let place = format!("/api/v1/people/{id}");
    let shown = act::shown(&hub, id).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(whole(&hub, &shown))))
}

/// `GET /people/{person}`.
pub(super) async fn show(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    Ok(Json(whole(&hub, &act::show(&may, &hub, person(&id)?).await?)))
}

/// `PUT /people/{person}`: name, address and role, all of them anew.
pub(super) async fn edit(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Body(edit): Body<Details>,
) -> Result<Json<Value>, ApiProblem> {
    let details = act::typed(&edit.name, &edit.email.unwrap_or_default(), &edit.role)?;
    let id = person(&id)?;
    act::edit(&may, &hub, id, details).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `DELETE /people/{person}`: takes back the invitation of somebody who has not come.
pub(super) async fn withdraw(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    act::withdraw(&may, &hub, person(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /people/{person}/invite`: a new link for somebody who has not come.
pub(super) async fn invite_again(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    let id = person(&id)?;
    act::invite_again(&may, &hub, id).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/disable`.
pub(super) async fn disable(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    let id = person(&id)?;
    act::change(&may, &hub, id, Change::Disable).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/enable`.
pub(super) async fn enable(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    let id = person(&id)?;
    act::change(&may, &hub, id, Change::Enable).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/reset`: voids their password; a link lets them choose another.
pub(super) async fn reset(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    let id = person(&id)?;
    act::reset(&may, &hub, id).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// `POST /people/{person}/second-factor/reset`: they set up another when they sign in next.
pub(super) async fn reset_second_factor(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    let id = person(&id)?;
    second_factor::reset(&may, &hub, id).await?;
    Ok(Json(whole(&hub, &act::shown(&hub, id).await?)))
}

/// A person as other answers hold them.
pub(super) async fn found(hub: &Hub, id: PersonId) -> Result<Value, ApiProblem> {
    Ok(whole(hub, &act::shown(hub, id).await?))
}

fn person(id: &str) -> Result<PersonId, ApiProblem> {
    id.parse().map_err(|_| ApiProblem::not_found())
}

fn to_json(person: &Person) -> Value {
    let (disabled, by) = match &person.state {
        PersonState::Active | PersonState::Reset { .. } => (None, None),
        PersonState::Disabled { since } => (Some(*since), None),
        PersonState::Invited { by, .. } => (None, by.clone()),
    };
    json!({
        "id": person.id.to_string(),
        "name": person.name,
        "email": person.email,
        "role": person.role.name(),
        "state": person.state.name(),
        "added": person.added,
        "disabled": disabled,
        "second_factor_since": person.second_factor,
        "invited_by": by,
        "link_expires": person.state.link().map(|link| link.expires),
    })
}

/// With the link to hand over, unless it went by mail.
fn whole(hub: &Hub, shown: &Shown) -> Value {
    let mut whole = to_json(&shown.person);
    let mailed = shown.mail.as_ref().is_some_and(|mail| match mail.state {
        MailState::Sent { .. } => true,
        MailState::Waiting { .. } => mail.tries == 0,
        MailState::Failed { .. } => false,
    });
    let link = shown.person.state.link().filter(|_| !mailed);
    whole["link"] = json!(link.map(|link| hub.post.link(link.nonce)));
    whole["mail"] = json!(shown.mail.as_ref().map(super::mail::to_json));
    whole
}
