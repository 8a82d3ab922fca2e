//! The console's pages for passwords that were forgotten or are to change.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use flip_web::pages as web;
use serde::Deserialize;

use super::{pages, set, shown, typed_wrongly, words_of};
use crate::bounds;
use crate::hub::Hub;
use crate::people::act::passwords as act;
use crate::people::known_browser;
use crate::people::may::May;
use crate::people::parts::Form;
use crate::people::session::{self, Person};
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
pub(super) struct Forgotten {
    email: String,
}

#[derive(Deserialize)]
pub(super) struct Changed {
    old: String,
    password: String,
    again: String,
}

pub(super) async fn forgot_form(_: May<acts::Enter>, State(hub): State<Arc<Hub>>) -> Response {
    shown(&forgot_page(&hub, String::new(), None, false))
}

pub(super) async fn forgot(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    Form(form): Form<Forgotten>,
) -> Result<Response, ApiProblem> {
    if !session::same_origin(&headers) {
        return Err(session::cross_site());
    }
    match act::forgot(&may, &hub, &form.email).await {
        Ok(()) => Ok(shown(&forgot_page(&hub, form.email, None, true))),
        Err(problem) if typed_wrongly(&problem) => {
            let page = forgot_page(&hub, form.email, Some(words_of(&problem)), false);
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn change_form(may: May<acts::OwnAccount>) -> Response {
    shown(&own_page(may.person(), None, false))
}

pub(super) async fn change(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Form(form): Form<Changed>,
) -> Result<Response, ApiProblem> {
    let changed = if form.password == form.again {
        act::change(&may, &hub, form.old, form.password)
            .await
            .map_err(|problem| (words_of(&problem), problem))
    } else {
        return Ok(shown(&own_page(
            may.person(),
            Some("The two new passwords are not the same.".to_owned()),
            false,
        )));
    };
    match changed {
        Ok(()) => {
            // All browsers were forgotten, and this one goes on.
            let known = known_browser::remember(&hub, may.visitor(), may.person().id).await;
            Ok((set(known.into_iter().collect()), shown(&own_page(may.person(), None, true))).into_response())
        }
        Err((words, problem)) if typed_wrongly(&problem) => {
            Ok(problem.with_page(shown(&own_page(may.person(), Some(words), false))))
        }
        Err((_, problem)) => Err(problem),
    }
}

fn forgot_page(hub: &Hub, email: String, error: Option<String>, noted: bool) -> web::Forgot {
    web::Forgot { frame: pages::frame(None), mails: hub.post.sends(), email, error, noted }
}

fn own_page(person: &Person, error: Option<String>, changed: bool) -> web::OwnPassword {
    web::OwnPassword {
        frame: pages::frame(Some(person)),
        name: person.name.clone(),
        characters_min: bounds::PASSWORD_CHARACTERS as u64,
        error,
        changed,
    }
}
