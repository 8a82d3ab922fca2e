//! The console's forms that stage, decide and cancel, and the page of decisions.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use flip_protocol::PartyId;
use flip_protocol::ident::ProjectId;
use flip_web::pages as web;
use serde::Deserialize;
use uuid::Uuid;

use super::paging::{Since, pager};
use super::{pages, projects, shown, typed_wrongly, words_of};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::cursor::Cursor;
use crate::people::act;
use crate::people::may::May;
use crate::people::parts::{Form, Parameters, Path};
use crate::permissions::acts;
use crate::person::Role;
use crate::problem::ApiProblem;
use crate::project::Verdict;

#[derive(Deserialize)]
pub(super) struct Deciding {
    query: Uuid,
    decision: String,
    #[serde(default)]
    reason: String,
}

/// Fields of a form, of which one name may come several times.
type Fields = Form<Vec<(String, String)>>;

pub(super) async fn stage(
    may: May<acts::StageProject>,
    State(hub): State<Arc<Hub>>,
    Form(fields): Fields,
) -> Result<Response, ApiProblem> {
    let done = act::staging::stage(&may, &hub, trusts(&fields)?).await;
    projects::again(&may, &hub, done).await
}

pub(super) async fn unstage(
    may: May<acts::UnstageProject>,
    State(hub): State<Arc<Hub>>,
    Form(fields): Fields,
) -> Result<Response, ApiProblem> {
    let done = act::staging::unstage(&may, &hub, trusts(&fields)?).await;
    projects::again(&may, &hub, done).await
}

pub(super) async fn decide(
    may: May<acts::Decide>,
    State(hub): State<Arc<Hub>>,
    Path((_, trust)): Path<(ProjectId, PartyId)>,
    Form(form): Form<Deciding>,
) -> Result<Response, ApiProblem> {
    let verdict = if form.decision == "approve" { Verdict::Approved } else { Verdict::Declined };
    let done = act::staging::decide(&may, &hub, trust, form.query, verdict, &form.reason).await;
    projects::again(&may, &hub, done).await
}

pub(super) async fn cancel(
    may: May<acts::Ask>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<Response, ApiProblem> {
    match act::asking::cancel(&may, &hub, id).await {
        // It ended by itself meanwhile: its page says how.
        Err(problem) if problem.0.code != "nothing_to_cancel" => Err(problem),
        Ok(()) | Err(_) => Ok(Redirect::to(&format!("/queries/{id}")).into_response()),
    }
}

pub(super) async fn cases(
    may: May<acts::SeeDecisions>,
    State(hub): State<Arc<Hub>>,
    Parameters(since): Parameters<Since>,
) -> Result<Response, ApiProblem> {
    let (person, now, from) = (may.person(), clock::now(), since.place::<Cursor>());
    let pager = |next| pager("/decisions", from.is_none(), next);
    let start = from.clone().unwrap_or(Cursor::START);
    let (cases, next) = act::staging::cases(&may, &hub, start, bounds::LIST_ROWS).await?;
    let extracts = act::staging::extracts(&hub).await?;
    let made = cases.iter().map(|case| pages::staging::case(case, &extracts, person, now));
    let (waiting, decided) = made.partition(|case: &web::Case| {
        case.seat.staged.as_ref().is_some_and(|staged| staged.decision.is_none())
    });
    Ok(shown(&web::Decisions {
        frame: pages::frame(Some(person)),
        own_trust: person.role == Role::TrustAdmin,
        waiting,
        decided,
        error: None,
        refresh_seconds: None,
        pager: pager(next),
    }))
}

fn trusts(fields: &[(String, String)]) -> Result<Vec<PartyId>, ApiProblem> {
    let named = fields.iter().filter(|(name, _)| name == "trusts");
    named.map(|(_, id)| id.parse().map_err(|_| ApiProblem::not_found())).collect()
}

/// What the page of a project says where something was not done.
pub(super) fn why(problem: ApiProblem) -> Result<String, ApiProblem> {
    if typed_wrongly(&problem) || problem.0.code == "own_admin" {
        Ok(format!("{} {}", problem.0.title, words_of(&problem)))
    } else {
        Err(problem)
    }
}
