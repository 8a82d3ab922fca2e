//! The console's pages of people.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use flip_protocol::PartyId;
use flip_web::pages as web;
use serde::Deserialize;

use super::paging::Since;
use super::{pages, shown, typed_wrongly, words_of};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::people::{PersonColumn, Search};
use crate::people::act::people::{self as act, Change};
use crate::people::act::{identity, second_factor, sessions};
use crate::people::may::{self, May};
use crate::people::parts::{Form, Parameters, Path};
use crate::people::session::Person;
use crate::permissions::{Act, acts};
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};
use crate::search::Words;
use crate::sorting::Sorting;

#[derive(Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    search: Words,
    #[serde(default)]
    state: String,
    #[serde(default)]
    sort: Sorting<PersonColumn>,
    #[serde(flatten)]
    since: Since,
}

#[derive(Deserialize)]
pub(super) struct Details {
    name: String,
    #[serde(default)]
    email: String,
    role: String,
}

pub(super) async fn list(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, ApiProblem> {
    Ok(shown(&listed(&hub, may.person(), wanted).await?))
}

pub(super) async fn invite(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Form(new): Form<Details>,
) -> Result<Response, ApiProblem> {
    let invited = match act::typed(&new.name, &new.email, &new.role) {
        Ok(details) => act::invite(&may, &hub, details).await,
        Err(problem) => Err(problem),
    };
    match invited {
        Ok(id) => Ok(to(id)),
        Err(problem) if typed_wrongly(&problem) => {
            let mut page = listed(&hub, may.person(), Wanted::default()).await?;
            page.form = pages::people::form(new.name, new.email, &new.role, Some(words_of(&problem)));
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn show(
    may: May<acts::SeePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    Ok(shown(&one(&hub, may.person(), person(&id)?).await?))
}

pub(super) async fn edit(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Form(new): Form<Details>,
) -> Result<Response, ApiProblem> {
    let id = person(&id)?;
    let edited = match act::typed(&new.name, &new.email, &new.role) {
        Ok(details) => act::edit(&may, &hub, id, details).await,
        Err(problem) => Err(problem),
    };
    match edited {
        Ok(()) => Ok(to(id)),
        Err(problem) if typed_wrongly(&problem) => {
            let mut page = one(&hub, may.person(), id).await?;
            page.form = pages::people::form(new.name, new.email, &new.role, Some(words_of(&problem)));
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

#[derive(Deserialize)]
pub(super) struct OfTrust {
    #[serde(default)]
    trust: String,
}

pub(super) async fn make_trust_admin(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Form(of): Form<OfTrust>,
) -> Result<Response, ApiProblem> {
    let id = person(&id)?;
    let done = match of.trust.parse::<PartyId>() {
        Ok(trust) => act::make_trust_admin(&may, &hub, id, trust).await,
        Err(_) => Err(ApiProblem::new(Code::NoneChosen, "No Trust is chosen.")),
    };
    after(&hub, may.person(), id, done).await
}

pub(super) async fn disable(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    let id = person(&id)?;
    let done = act::change(&may, &hub, id, Change::Disable).await;
    after(&hub, may.person(), id, done).await
}

pub(super) async fn enable(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    let id = person(&id)?;
    let done = act::change(&may, &hub, id, Change::Enable).await;
    after(&hub, may.person(), id, done).await
}

pub(super) async fn reset(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    let id = person(&id)?;
    let done = act::reset(&may, &hub, id).await;
    after(&hub, may.person(), id, done).await
}

pub(super) async fn reset_second_factor(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    let id = person(&id)?;
    let done = second_factor::reset(&may, &hub, id).await;
    after(&hub, may.person(), id, done).await
}

pub(super) async fn unbind(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    let id = person(&id)?;
    let done = identity::unbind(&may, &hub, id).await;
    after(&hub, may.person(), id, done).await
}

pub(super) async fn sign_out(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    let id = person(&id)?;
    let done = sessions::sign_out(&may, &hub, id).await;
    after(&hub, may.person(), id, done).await
}

pub(super) async fn invite_again(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    let id = person(&id)?;
    let done = act::invite_again(&may, &hub, id).await;
    after(&hub, may.person(), id, done).await
}

pub(super) async fn withdraw(
    may: May<acts::ManagePeople>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    act::withdraw(&may, &hub, person(&id)?).await?;
    Ok(Redirect::to("/people").into_response())
}

fn person(id: &str) -> Result<PersonId, ApiProblem> {
    id.parse().map_err(|_| ApiProblem::not_found())
}

fn to(id: PersonId) -> Response {
    Redirect::to(&format!("/people/{id}")).into_response()
}

/// The person's page after a button of it, with why where it was not done.
async fn after(
    hub: &Arc<Hub>,
    seer: &Person,
    id: PersonId,
    done: Result<(), ApiProblem>,
) -> Result<Response, ApiProblem> {
    match done {
        Ok(()) => Ok(to(id)),
        Err(problem) if typed_wrongly(&problem) => {
            let page = web::Person { error: Some(words_of(&problem)), ..one(hub, seer, id).await? };
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

async fn listed(hub: &Arc<Hub>, seer: &Person, wanted: Wanted) -> Result<web::People, ApiProblem> {
    let search = Search {
        words: wanted.search,
        state: wanted.state,
        sorting: wanted.sort,
        after: wanted.since.place(),
        most: bounds::LIST_ROWS,
    };
    let found = act::found(hub, search.clone()).await?;
    let tabs = tabs(hub).await?;
    Ok(pages::people::people(seer, &found, &search, tabs, hub.post.sends(), clock::now()))
}

async fn one(hub: &Arc<Hub>, seer: &Person, id: PersonId) -> Result<web::Person, ApiProblem> {
    let (person, admins, tabs) = (act::shown(hub, id).await?, hub.ledger.admins().await?, tabs(hub).await?);
    // The link is as good as the account: not for a token that only looks.
    let link = person.person.state.link().filter(|_| may::may(seer, Act::ManagePeople));
    let link = link.map(|link| hub.post.link(link.nonce));
    let trusts = hub.ledger.trusts().await?;
    Ok(pages::people::person(seer, &person, link, (admins, &trusts), tabs, clock::now()))
}

/// What the tabs of the section say.
pub(super) async fn tabs(hub: &Hub) -> Result<web::PeopleTabs, ApiProblem> {
    Ok(web::PeopleTabs {
        requests: hub.ledger.open_requests().await?,
        mail_trouble: hub.ledger.mail_trouble().await?,
    })
}
