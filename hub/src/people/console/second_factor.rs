//! The console's pages of one's second factor.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages::{self as web, Moment};
use serde::Deserialize;

use super::{After, cookies_of, local_path, pages, shown, typed_wrongly, words_of};
use crate::clock;
use crate::hub::Hub;
use crate::people::act::second_factor as act;
use crate::people::may::May;
use crate::people::parts::{Form, Parameters};
use crate::people::session::{Awaits, Person};
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
pub(super) struct Given {
    code: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct New {
    code: String,
    /// One of the factor so far; empty where there is none.
    #[serde(default)]
    now: String,
    #[serde(default)]
    next: String,
}

/// What is awaited: a code, or that one is set up; otherwise how it stands.
pub(super) async fn show(
    may: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
    Parameters(after): Parameters<After>,
) -> Result<Response, ApiProblem> {
    if may.person().awaits == Some(Awaits::Code) {
        return Ok(shown(&code_page(None, local_path(&after.next))));
    }
    match act::own(&may, &hub).await? {
        Some(_) => Ok(shown(&own_page(&may, &hub, None).await?)),
        None => Ok(set_up_page(&may, &hub, None, local_path(&after.next))),
    }
}

/// The form to set one up, also in place of the one that there is.
pub(super) async fn form(may: May<acts::SecondFactor>, State(hub): State<Arc<Hub>>) -> Response {
    set_up_page(&may, &hub, None, "/second-factor")
}

pub(super) async fn give(
    may: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
    Form(given): Form<Given>,
) -> Result<Response, ApiProblem> {
    let next = local_path(&given.next);
    match act::give(&may, &hub, &given.code).await {
        Ok(opened) => {
            let cookies = cookies_of(&hub, may.visitor(), &opened, None).await;
            Ok((cookies, Redirect::to(next)).into_response())
        }
        Err(problem) if typed_wrongly(&problem) => match may.person().awaits {
            Some(Awaits::Code) => {
                let page = code_page(Some(words_of(&problem)), next);
                Ok(problem.with_page(shown(&page)))
            }
            Some(Awaits::Enrolment) | None => Ok(Redirect::to("/second-factor").into_response()),
        },
        Err(problem) => Err(problem),
    }
}

pub(super) async fn enrol(
    may: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
    Form(new): Form<New>,
) -> Result<Response, ApiProblem> {
    let next = local_path(&new.next);
    let now = (!new.now.is_empty()).then_some(new.now.as_str());
    match act::enrol(&may, &hub, &new.code, now).await {
        Ok((opened, codes)) => {
            let page = shown(&codes_page(may.person(), &codes, next));
            let cookies = cookies_of(&hub, may.visitor(), &opened, None).await;
            Ok((cookies, page).into_response())
        }
        Err(problem) if typed_wrongly(&problem) => {
            let page = set_up_page(&may, &hub, Some(words_of(&problem)), next);
            Ok(problem.with_page(page))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn other_codes(
    may: May<acts::OwnAccount>,
    own: May<acts::SecondFactor>,
    State(hub): State<Arc<Hub>>,
    Form(given): Form<Given>,
) -> Result<Response, ApiProblem> {
    match act::other_codes(&may, &hub, &given.code).await {
        Ok(codes) => Ok(shown(&codes_page(may.person(), &codes, "/second-factor"))),
        Err(problem) if typed_wrongly(&problem) => {
            let page = own_page(&own, &hub, Some(words_of(&problem))).await?;
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

fn code_page(error: Option<String>, next: &str) -> web::GiveCode {
    web::GiveCode { frame: pages::frame(None), error, next: next.to_owned() }
}

fn set_up_page(may: &May<acts::SecondFactor>, hub: &Hub, error: Option<String>, next: &str) -> Response {
    // Who has one gives it first.
    let Some(offer) = act::offer(may, hub) else { return Redirect::to("/second-factor").into_response() };
    let person = may.person();
    shown(&web::SetUpFactor {
        frame: pages::frame(Some(person)),
        name: person.name.clone(),
        secret: offer.secret,
        uri: offer.uri,
        replaces: person.has_factor,
        needed: person.awaits.is_some(),
        error,
        next: next.to_owned(),
    })
}

async fn own_page(
    may: &May<acts::SecondFactor>,
    hub: &Hub,
    error: Option<String>,
) -> Result<web::OwnFactor, ApiProblem> {
    let own = act::own(may, hub).await?;
    let frame = pages::frame(Some(may.person()));
    Ok(web::OwnFactor {
        frame,
        since: own.as_ref().map(|own| Moment::at(own.enrolled.0, clock::now().0)),
        codes_left: own.map_or(0, |own| own.codes_left),
        error,
    })
}

fn codes_page(person: &Person, codes: &act::Codes, next: &str) -> web::RecoveryCodes {
    // They are signed in now, whatever was awaited before.
    let person = Person { awaits: None, ..person.clone() };
    web::RecoveryCodes { frame: pages::frame(Some(&person)), codes: codes.to_vec(), next: next.to_owned() }
}
