//! The console's pages of models.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages as web;
use serde::Deserialize;

use super::paging::heads;
use super::projects::Looking;
use super::{pages, saved_meanwhile, shown, typed_wrongly, words_of};
use crate::clock;
use crate::hub::Hub;
use crate::ledger::models::ModelColumn;
use crate::model::{FileId, JobType, ModelId};
use crate::people::act::models::{self as act, Typed};
use crate::people::act::{files, projects};
use crate::people::may::May;
use crate::people::parts::{Form, Parameters, Path};
use crate::permissions::{Is, acts};
use crate::problem::ApiProblem;
use crate::sorting::Sorting;
use crate::uri::escaped;

#[derive(Deserialize)]
pub(super) struct Edit {
    edition: u64,
    name: String,
    description: String,
    job_type: String,
}

/// How the list is sorted.
#[derive(Deserialize)]
pub(super) struct Order {
    #[serde(default)]
    sort: Sorting<ModelColumn>,
}

pub(super) async fn list(
    seer: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    Parameters(looking): Parameters<Looking>,
    Parameters(order): Parameters<Order>,
) -> Result<Response, ApiProblem> {
    let (page, sorting) = (looking.page.parse().unwrap_or(1), order.sort);
    let listed = act::list(&seer, &hub, looking.words, page, sorting).await?;
    let sorted = |sort: &str| format!("/models?words={}&sort={sort}", escaped(&listed.words.to_string()));
    let part = |page: u64| format!("{}&page={page}", sorted(&sorting.to_string()));
    if listed.page > listed.pages {
        return Ok(Redirect::to(&part(listed.pages)).into_response());
    }
    Ok(shown(&web::Models {
        frame: pages::frame(Some(seer.person())),
        words: listed.words.to_string(),
        sort: sorting.to_string(),
        heads: heads(sorting, sorted),
        found: listed.found,
        back_href: (listed.page > 1).then(|| part(listed.page - 1)),
        on_href: (listed.page < listed.pages).then(|| part(listed.page + 1)),
        models: listed.rows.iter().map(|model| pages::models::row(model, clock::now())).collect(),
    }))
}

pub(super) async fn new(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    let empty = Typed { job_type: JobType::ALL[0].name().to_owned(), ..Typed::default() };
    new_page(&may, &hub, empty, None).await
}

pub(super) async fn make(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiProblem> {
    match act::make(&may, &hub, &typed).await {
        Ok(id) => Ok(Redirect::to(&format!("/models/{id}")).into_response()),
        Err(problem) if typed_wrongly(&problem) => new_page(&may, &hub, typed, Some(&problem)).await,
        Err(problem) => Err(problem),
    }
}

async fn new_page(
    may: &May<acts::ChangeModels>,
    hub: &Hub,
    typed: Typed,
    problem: Option<&ApiProblem>,
) -> Result<Response, ApiProblem> {
    let project = projects::found(hub, may.project()).await?;
    let page = web::ModelNew {
        frame: pages::frame(Some(may.person())),
        project: project.name,
        project_href: format!("/projects/{}", project.id),
        form: pages::models::form(typed, 0, problem.map(words_of)),
    };
    let status = problem.map_or(StatusCode::OK, ApiProblem::status);
    Ok((status, shown(&page)).into_response())
}

pub(super) async fn show(
    may: May<acts::SeeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<ModelId>,
) -> Result<Response, ApiProblem> {
    Ok(shown(&page(&may, &hub, id, None).await?))
}

pub(super) async fn edit(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<ModelId>,
    Form(typed): Form<Edit>,
) -> Result<Response, ApiProblem> {
    let Edit { edition, name, description, job_type } = typed;
    let typed = Typed { name, description, job_type };
    let (problem, edition, error) = match act::edit(&may, &hub, id, edition, &typed).await {
        Ok(Ok(())) => return Ok(Redirect::to(&format!("/models/{id}")).into_response()),
        // What somebody else saved meanwhile is written over by who has seen it alone.
        Ok(Err(stale)) => (stale.problem, stale.edition, saved_meanwhile(&stale.theirs)),
        Err(problem) if typed_wrongly(&problem) => {
            let words = words_of(&problem);
            (problem, edition, words)
        }
        Err(problem) => return Err(problem),
    };
    let form = pages::models::form(typed, edition, Some(error));
    Ok(problem.with_page(shown(&page(&may, &hub, id, Some(form)).await?)))
}

pub(super) async fn delete(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<ModelId>,
) -> Result<Response, ApiProblem> {
    act::delete(&may, &hub, id).await?;
    Ok(Redirect::to(&format!("/projects/{}", may.project())).into_response())
}

pub(super) async fn delete_file(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path((id, file)): Path<(ModelId, FileId)>,
) -> Result<Response, ApiProblem> {
    files::delete(&may, &hub, id, file).await?;
    Ok(Redirect::to(&format!("/models/{id}")).into_response())
}

/// A model's page again, with why something was not done.
pub(in crate::people) async fn again<A: Is>(
    may: &May<A>,
    hub: &Hub,
    id: ModelId,
    problem: ApiProblem,
) -> Result<Response, ApiProblem> {
    if problem.status() == StatusCode::NOT_FOUND {
        return Err(problem);
    }
    let page = web::Model { error: Some(words_of(&problem)), ..page(may, hub, id, None).await? };
    Ok((problem.status(), shown(&page)).into_response())
}

/// A model's page, with what was typed.
async fn page<A: Is>(
    may: &May<A>,
    hub: &Hub,
    id: ModelId,
    typed: Option<web::ModelForm>,
) -> Result<web::Model, ApiProblem> {
    let whole = act::whole(may, hub, id).await?;
    Ok(pages::models::model(may, &whole, typed, clock::now()))
}
