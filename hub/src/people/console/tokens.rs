//! The console's page of one's API tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages::{self as web, Moment};
use serde::Deserialize;
use uuid::Uuid;

use super::{pages, shown, typed_wrongly, words_of};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::people::act::tokens as act;
use crate::people::may::May;
use crate::people::parts::{Form, Path};
use crate::permissions::{Scope, acts};
use crate::problem::ApiProblem;

/// What is typed of a new token. A scope that is ticked sends `on`.
#[derive(Default, Deserialize)]
pub(super) struct New {
    name: String,
    days: String,
    read: Option<String>,
    ask: Option<String>,
    projects: Option<String>,
    hub: Option<String>,
    #[serde(default)]
    code: String,
}

impl New {
    fn scopes(&self) -> Vec<String> {
        let ticked = [&self.read, &self.ask, &self.projects, &self.hub];
        let scopes = Scope::ALL.into_iter().zip(ticked).filter(|(_, ticked)| ticked.is_some());
        scopes.map(|(scope, _)| scope.name().to_owned()).collect()
    }
}

pub(super) async fn list(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    let new = New {
        days: bounds::TOKEN_DAYS.to_string(),
        read: Some(String::new()),
        ask: Some(String::new()),
        ..New::default()
    };
    Ok(shown(&page(&may, &hub, &new, None, None).await?))
}

pub(super) async fn make(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Form(new): Form<New>,
) -> Result<Response, ApiProblem> {
    // A number that is none is one of no days, which is refused.
    let days = if new.days.trim().is_empty() { None } else { Some(new.days.trim().parse().unwrap_or(0)) };
    let code = (!new.code.trim().is_empty()).then_some(new.code.as_str());
    match act::make(&may, &hub, &new.name, &new.scopes(), days, code).await {
        Ok(made) => {
            let again = New { name: String::new(), ..new };
            Ok(shown(&page(&may, &hub, &again, Some(made.token), None).await?))
        }
        Err(problem) if typed_wrongly(&problem) => {
            let page = page(&may, &hub, &new, None, Some(words_of(&problem))).await?;
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn revoke(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<Response, ApiProblem> {
    act::revoke(&may, &hub, id).await?;
    Ok(Redirect::to("/account/tokens").into_response())
}

async fn page(
    may: &May<acts::OwnAccount>,
    hub: &Hub,
    new: &New,
    made: Option<String>,
    error: Option<String>,
) -> Result<web::Tokens, ApiProblem> {
    let now = clock::now();
    let ticked = new.scopes();
    let rows = act::own(may, hub).await?.into_iter().map(|token| web::TokenRow {
        href: format!("/account/tokens/{}", token.id),
        name: token.name,
        scopes: token.scopes.to_string().replace(' ', ", "),
        made: Moment::at(token.made.0, now.0),
        expires: Moment::at(token.expires.0, now.0),
        used: token.used.map(|used| Moment::at(used.0, now.0)),
        used_from: token.used_from,
    });
    Ok(web::Tokens {
        frame: pages::frame(Some(may.person())),
        tokens: rows.collect(),
        made,
        name: new.name.clone(),
        days: new.days.clone(),
        days_max: bounds::TOKEN_DAYS_MOST,
        code_needed: may.person().has_factor,
        scopes: Scope::ALL
            .map(|scope| web::ScopeChoice {
                name: scope.name().to_owned(),
                words: scope.words().to_owned(),
                chosen: ticked.iter().any(|ticked| ticked == scope.name()),
            })
            .to_vec(),
        error,
    })
}
