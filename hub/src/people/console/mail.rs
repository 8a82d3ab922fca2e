//! The console's page of mails.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages as web;
use serde::Deserialize;

use super::paging::{Since, pager};
use super::{pages, people, shown, typed_wrongly, words_of};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::cursor::Cursor;
use crate::ledger::mail::MailId;
use crate::people::act::mail as act;
use crate::people::may::May;
use crate::people::parts::{Form, Parameters, Path};
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
pub(super) struct NewTest {
    email: String,
}

pub(super) async fn list(
    may: May<acts::SeeMail>,
    State(hub): State<Arc<Hub>>,
    Parameters(since): Parameters<Since>,
) -> Result<Response, ApiProblem> {
    let from = since.place::<Cursor>();
    let pager = |next| pager("/people/mail", from.is_none(), next);
    let (mails, next) =
        act::list(&may, &hub, from.clone().unwrap_or(Cursor::START), bounds::LIST_ROWS).await?;
    let tabs = people::tabs(&hub).await?;
    let page = pages::mail::mails(may.person(), &hub.post, &mails, tabs, clock::now());
    Ok(shown(&web::Mails { pager: pager(next), ..page }))
}

pub(super) async fn test(
    may: May<acts::ManageMail>,
    State(hub): State<Arc<Hub>>,
    Form(new): Form<NewTest>,
) -> Result<Response, ApiProblem> {
    match act::test(&may, &hub, &new.email).await {
        Ok(_) => Ok(Redirect::to("/people/mail").into_response()),
        Err(problem) if typed_wrongly(&problem) => {
            let (mails, tabs) = (act::all(&hub).await?, people::tabs(&hub).await?);
            let page = web::Mails {
                email: new.email,
                error: Some(words_of(&problem)),
                ..pages::mail::mails(may.person(), &hub.post, &mails, tabs, clock::now())
            };
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn send(
    may: May<acts::ManageMail>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    act::send_again(&may, &hub, mail(&id)?).await?;
    Ok(Redirect::to("/people/mail").into_response())
}

pub(super) async fn forget(
    may: May<acts::ManageMail>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    act::forget(&may, &hub, mail(&id)?).await?;
    Ok(Redirect::to("/people/mail").into_response())
}

fn mail(id: &str) -> Result<MailId, ApiProblem> {
    id.parse().map_err(|_| ApiProblem::not_found())
}
