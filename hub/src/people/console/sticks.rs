//! The console's page of sticks.

use std::sync::Arc;

use axum::extract::{Multipart, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use flip_protocol::PartyId;
use flip_web::pages::{self as web, Moment, Said};

use super::pages::frame;
use super::shown;
use crate::clock;
use crate::hub::Hub;
use crate::people::act;
use crate::people::act::sticks::{self, Told};
use crate::people::may::May;
use crate::people::session::Person;
use crate::permissions::acts;
use crate::problem::ApiProblem;

pub(super) async fn show(
    may: May<acts::CarrySticks>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    Ok(shown(&page(may.person(), &hub, None).await?))
}

pub(super) async fn make(
    may: May<acts::CarrySticks>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<Response, ApiProblem> {
    sticks::make(&may, &hub, trust).await
}

pub(super) async fn take(
    may: May<acts::CarrySticks>,
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    form: Multipart,
) -> Result<Response, ApiProblem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse().ok());
    let Some(told) = sticks::take(&may, &hub, length, form).await? else {
        return Ok(Redirect::to("/sticks").into_response());
    };
    let status = if matches!(told.said, Said::Done(_)) { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok((status, shown(&page(may.person(), &hub, Some(told)).await?)).into_response())
}

async fn page(person: &Person, hub: &Hub, told: Option<Told>) -> Result<web::Sticks, ApiProblem> {
    // What a form leads to is at an address that nobody can look at again.
    let (under_way, looks) = (hub.sticks.under_way(), told.is_none());
    let standing = act::standing(hub).await?;
    let enrolled = standing.iter().filter(|one| one.trust.enrolled.is_some() && one.trust.revoked.is_none());
    let makes = enrolled.map(|one| web::StickMake {
        name: one.trust.name.clone(),
        action: format!("/trusts/{}/bundle", one.trust.id),
        waiting: one.trust.open_orders,
    });
    let now = clock::now();
    let came = |Told { file, said }: Told, at| web::StickCame { file, said, at };
    let just_now = told.map(|told| came(told, None));
    let before = hub.sticks.came(person.id, now).into_iter();
    let before = before.map(|(at, told)| came(told, Some(Moment::at(at.0, now.0))));
    Ok(web::Sticks {
        frame: frame(Some(person)),
        makes: makes.collect(),
        take_action: "/uploads/sticks".to_owned(),
        came: just_now.into_iter().chain(before).collect(),
        acts: Vec::new(),
        under_way,
        refresh_seconds: under_way.filter(|_| looks).map(|_| web::Sticks::REFRESH_SECONDS),
    })
}
