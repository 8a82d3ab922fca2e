//! The console's pages for who has a one-time link.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flip_web::pages as web;
use serde::Deserialize;

use super::{pages, shown, typed_wrongly, words_of};
use crate::bounds;
use crate::hub::Hub;
use crate::ledger::links::Purpose;
use crate::links;
use crate::people::act::links as act;
use crate::people::may::May;
use crate::people::parts::{Form, Path};
use crate::people::session;
use crate::permissions::acts;
use crate::problem::ApiProblem;

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    password: String,
    again: String,
}

pub(super) async fn show(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Path(token): Path<String>,
) -> Result<Response, ApiProblem> {
    Ok(match act::look(&may, &hub, &token).await? {
        Some(purpose) => shown(&form(&token, purpose, String::new(), String::new(), None)),
        None => gone(&hub),
    })
}

pub(super) async fn follow(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Path(token): Path<String>,
    (headers, Form(typed)): (HeaderMap, Form<Typed>),
) -> Result<Response, ApiProblem> {
    if !session::same_origin(&headers) {
        return Err(session::cross_site());
    }
    let (name, email) = (typed.name.clone(), typed.email.clone());
    let typed =
        act::Typed { name: typed.name, email: typed.email, password: typed.password, again: typed.again };
    match act::follow(&may, &hub, &token, typed).await {
        Ok(Some(came)) => {
            Ok(shown(&done(followed(came, !hub.config.danger_no_second_factor, hub.post.sends()))))
        }
        Ok(None) => Ok(gone(&hub)),
        Err(problem) if typed_wrongly(&problem) => Ok(match act::look(&may, &hub, &token).await? {
            Some(purpose) => {
                let page = form(&token, purpose, name, email, Some(words_of(&problem)));
                problem.with_page(shown(&page))
            }
            None => gone(&hub),
        }),
        Err(problem) => Err(problem),
    }
}

fn form(
    token: &str,
    purpose: Purpose,
    name: String,
    email: String,
    error: Option<String>,
) -> web::OneTimeLink {
    web::OneTimeLink {
        frame: pages::frame(None),
        action: links::path(token),
        purpose: match purpose {
            Purpose::Invitation { name, .. } => web::LinkPurpose::Invitation { name },
            Purpose::Reset { name, .. } => web::LinkPurpose::Reset { name },
            Purpose::SetUp => web::LinkPurpose::SetUp { name, email },
        },
        characters_min: bounds::PASSWORD_CHARACTERS as u64,
        error,
    }
}

fn done(came: web::LinkCame) -> web::LinkDone {
    web::LinkDone { frame: pages::frame(None), came }
}

/// What is told, at a hub where people set a second factor up, or not, and that sends mail, or not.
fn followed(act::Came { name, way }: act::Came, sets_factor_up: bool, mails: bool) -> web::LinkCame {
    match way {
        act::Way::Invited => web::LinkCame::Chosen { name, sets_factor_up },
        // They have one, or hear of it when they sign in.
        act::Way::Reset => web::LinkCame::Chosen { name, sets_factor_up: false },
        act::Way::SetUp => web::LinkCame::SetUp { name, sets_factor_up, mails },
    }
}

fn gone(hub: &Hub) -> Response {
    (StatusCode::GONE, shown(&done(web::LinkCame::Gone { mails: hub.post.sends() }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_told_what_comes_next() {
        let name = || "ada".to_owned();
        for (factor, mails) in [(false, false), (false, true), (true, false), (true, true)] {
            let told = |way| followed(act::Came { name: name(), way }, factor, mails);
            let chosen = |sets_factor_up| web::LinkCame::Chosen { name: name(), sets_factor_up };
            assert_eq!(told(act::Way::Invited), chosen(factor));
            assert_eq!(told(act::Way::Reset), chosen(false));
            let set_up = web::LinkCame::SetUp { name: name(), sets_factor_up: factor, mails };
            assert_eq!(told(act::Way::SetUp), set_up);
        }
    }
}
