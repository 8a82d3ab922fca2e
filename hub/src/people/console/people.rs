//! The console's page of people.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages as web;
use serde::Deserialize;

use super::{pages, shown, typed_wrongly, words_of};
use crate::clock;
use crate::hub::Hub;
use crate::people::act::people::{self as act, Change};
use crate::people::may::May;
use crate::permissions::acts;
use crate::person::{NoRole, Role};
use crate::problem::ApiProblem;

#[derive(Deserialize)]
pub(super) struct NewPerson {
    name: String,
    role: String,
}

#[derive(Deserialize)]
pub(super) struct Changing {
    name: String,
    change: String,
}

pub(super) async fn list(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    let people = act::list(&may, &hub).await?;
    Ok(shown(&pages::people(may.person(), &people, clock::now())))
}

pub(super) async fn add(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Form(new): Form<NewPerson>,
) -> Result<Response, ApiProblem> {
    let role = new.role.parse().map_err(no_role)?;
    let added = act::add(&may, &hub, &new.name, role).await;
    let mut page = pages::people(may.person(), &act::everybody(&hub).await?, clock::now());
    match added {
        Ok(password) => {
            page.added = Some(web::PersonAdded { name: new.name.trim().to_owned(), password });
            Ok(shown(&page))
        }
        Err(problem) if typed_wrongly(&problem) => {
            (page.name, page.error) = (new.name, Some(words_of(&problem)));
            Ok((problem.status(), shown(&page)).into_response())
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn change(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Form(form): Form<Changing>,
) -> Result<Response, ApiProblem> {
    let change = match form.change.as_str() {
        "disable" => Change::Disable,
        "enable" => Change::Enable,
        role => Change::Role(role.parse::<Role>().map_err(no_role)?),
    };
    match act::change(&may, &hub, &form.name, change).await {
        Ok(()) => Ok(Redirect::to("/people").into_response()),
        Err(problem) if typed_wrongly(&problem) => {
            let mut page = pages::people(may.person(), &act::everybody(&hub).await?, clock::now());
            page.error = Some(words_of(&problem));
            Ok((problem.status(), shown(&page)).into_response())
        }
        Err(problem) => Err(problem),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn no_role(error: NoRole) -> ApiProblem {
    ApiProblem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_role", "There is no such role.")
        .detail(error.to_string())
}
