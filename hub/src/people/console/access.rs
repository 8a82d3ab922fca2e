//! The console's pages for who asks to come in.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages as web;
use serde::Deserialize;

use super::paging::{Since, pager};
use super::{pages, people, shown, typed_wrongly, words_of};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::access::RequestId;
use crate::ledger::cursor::Cursor;
use crate::people::act::access as act;
use crate::people::may::May;
use crate::people::parts::{Form, Parameters, Path};
use crate::people::session::{self, Person};
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
pub(super) struct NewRequest {
    name: String,
    email: String,
    reason: String,
}

#[derive(Deserialize)]
pub(super) struct Invitation {
    name: String,
    role: String,
}

#[derive(Deserialize)]
pub(super) struct Dismissal {
    why: String,
}

pub(super) async fn form(_: May<acts::Enter>, State(hub): State<Arc<Hub>>) -> Response {
    let (name, email, reason) = (String::new(), String::new(), String::new());
    shown(&page(&hub, NewRequest { name, email, reason }, None, false))
}

pub(super) async fn ask(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    Form(new): Form<NewRequest>,
) -> Result<Response, ApiProblem> {
    if !session::same_origin(&headers) {
        return Err(session::cross_site());
    }
    match act::ask(&may, &hub, &new.name, &new.email, &new.reason).await {
        Ok(()) => Ok(shown(&page(&hub, new, None, true))),
        Err(problem) if typed_wrongly(&problem) => {
            Ok(problem.with_page(shown(&page(&hub, new, Some(words_of(&problem)), false))))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn list(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
    Parameters(since): Parameters<Since>,
) -> Result<Response, ApiProblem> {
    let from = since.place::<Cursor>();
    let pager = |next| pager("/people/requests", from.is_none(), next);
    let (requests, next) =
        act::list(&may, &hub, from.clone().unwrap_or(Cursor::START), bounds::LIST_ROWS).await?;
    let tabs = people::tabs(&hub).await?;
    let page = pages::access::requests(may.person(), &requests, tabs, None, clock::now());
    Ok(shown(&web::Requests { pager: pager(next), ..page }))
}

pub(super) async fn invite(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Form(new): Form<Invitation>,
) -> Result<Response, ApiProblem> {
    match act::invite(&may, &hub, request(&id)?, Some(&new.name), &new.role).await {
        Ok(id) => Ok(Redirect::to(&format!("/people/{id}")).into_response()),
        Err(problem) => refused(&hub, may.person(), problem).await,
    }
}

pub(super) async fn dismiss(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Form(dismissal): Form<Dismissal>,
) -> Result<Response, ApiProblem> {
    match act::dismiss(&may, &hub, request(&id)?, &dismissal.why).await {
        Ok(()) => Ok(Redirect::to("/people/requests").into_response()),
        Err(problem) => refused(&hub, may.person(), problem).await,
    }
}

async fn refused(hub: &Hub, seer: &Person, problem: ApiProblem) -> Result<Response, ApiProblem> {
    if !typed_wrongly(&problem) {
        return Err(problem);
    }
    let (requests, tabs) = (act::all(hub).await?, people::tabs(hub).await?);
    let page = pages::access::requests(seer, &requests, tabs, Some(words_of(&problem)), clock::now());
    Ok(problem.with_page(shown(&page)))
}

fn request(id: &str) -> Result<RequestId, ApiProblem> {
    id.parse().map_err(|_| ApiProblem::not_found())
}

fn page(hub: &Hub, typed: NewRequest, error: Option<String>, noted: bool) -> web::AskAccess {
    web::AskAccess {
        frame: pages::frame(None),
        name: typed.name,
        email: typed.email,
        reason: typed.reason,
        reason_characters_max: bounds::ACCESS_REASON_CHARACTERS as u64,
        error,
        noted,
        mails: hub.post.sends(),
    }
}
