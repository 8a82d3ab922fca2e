//! The console's pages of the Trusts.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use flip_protocol::PartyId;
use flip_web::pages as web;
use serde::Deserialize;

use super::pages::trusts as pages;
use super::{shown, typed_wrongly, words_of};
use crate::clock;
use crate::hub::Hub;
use crate::people::act;
use crate::people::act::trusts::TrustColumn;
use crate::people::may::May;
use crate::people::parts::{Form, Parameters, Path};
use crate::people::session::Person;
use crate::permissions::acts;
use crate::problem::ApiProblem;
use crate::sorting::Sorting;

#[derive(Deserialize)]
pub(super) struct NewTrust {
    name: String,
}

/// How the list is sorted.
#[derive(Deserialize)]
pub(super) struct Order {
    #[serde(default)]
    sort: Sorting<TrustColumn>,
}

pub(super) async fn list(
    may: May<acts::SeeTrusts>,
    State(hub): State<Arc<Hub>>,
    Parameters(order): Parameters<Order>,
) -> Result<Response, ApiProblem> {
    let standing = act::all_trusts(&may, &hub).await?;
    Ok(shown(&pages::trusts(may.person(), standing, order.sort, "", None, clock::now())))
}

pub(super) async fn add(
    may: May<acts::AddTrust>,
    State(hub): State<Arc<Hub>>,
    Form(form): Form<NewTrust>,
) -> Result<Response, ApiProblem> {
    let person = may.person();
    match act::add_trust(&may, &hub, &form.name).await {
        Ok(kit) => {
            tracing::info!(trust = %kit.trust, by = person.name, "a Trust was added");
            Ok(shown(&pages::kit(person, &kit, true, clock::now())))
        }
        Err(problem) if typed_wrongly(&problem) => {
            let standing = act::standing(&hub).await?;
            let error = Some(words_of(&problem));
            let page = pages::trusts(person, standing, Sorting::default(), &form.name, error, clock::now());
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn show(
    may: May<acts::SeeTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<Response, ApiProblem> {
    act::trusts::show(&may, &hub, trust).await?;
    Ok(shown(&page(may.person(), &hub, trust).await?))
}

pub(super) async fn kit(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<Response, ApiProblem> {
    let kit = act::trusts::new_kit(&may, &hub, trust).await?;
    Ok(shown(&pages::kit(may.person(), &kit, false, clock::now())))
}

pub(super) async fn keys(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<Response, ApiProblem> {
    again(act::trusts::ask_for_keys(&may, &hub, trust).await, may.person(), &hub, trust).await
}

pub(super) async fn revoke(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
) -> Result<Response, ApiProblem> {
    again(act::trusts::revoke(&may, &hub, trust).await, may.person(), &hub, trust).await
}

pub(super) async fn remove(
    may: May<acts::ManageTrusts>,
    State(hub): State<Arc<Hub>>,
    Path(trust): Path<PartyId>,
    Form(typed): Form<NewTrust>,
) -> Result<Response, ApiProblem> {
    match act::trusts::remove(&may, &hub, trust, &typed.name).await {
        Ok(()) => Ok(Redirect::to("/trusts").into_response()),
        refused => again(refused, may.person(), &hub, trust).await,
    }
}

/// The Trust's page once more: as it is now, or with why it was left as it was.
async fn again(
    outcome: Result<(), ApiProblem>,
    person: &Person,
    hub: &Hub,
    trust: PartyId,
) -> Result<Response, ApiProblem> {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("/trusts/{trust}")).into_response()),
        Err(problem) if typed_wrongly(&problem) => {
            let page = web::Trust { error: Some(words_of(&problem)), ..page(person, hub, trust).await? };
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

async fn page(person: &Person, hub: &Hub, trust: PartyId) -> Result<web::Trust, ApiProblem> {
    let standing = act::trusts::one(hub, trust).await?;
    let refusals = hub.ledger.refusals(trust).await?;
    Ok(pages::trust(person, &standing, refusals, clock::now()))
}
