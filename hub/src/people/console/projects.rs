//! The console's pages of projects.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages as web;
use serde::Deserialize;
use uuid::Uuid;

use super::paging::{Since, heads, narrowed, pager};
use super::{pages, saved_meanwhile, shown, typed_wrongly, words_of};
use crate::clock;
use crate::hub::Hub;
use crate::ledger::projects::{Edit as Wanted, ProjectColumn};
use crate::people::act::projects as act;
use crate::people::act::staging as act_staging;
use crate::people::may::{May, may};
use crate::people::parts::{Form, Parameters};
use crate::permissions::{Act, Is, acts};
use crate::problem::ApiProblem;
use crate::search::Words;
use crate::sorting::Sorting;
use crate::uri::escaped;

#[derive(Deserialize)]
pub(super) struct NewProject {
    name: String,
    description: String,
}

#[derive(Deserialize)]
pub(super) struct TypedName {
    name: String,
}

#[derive(Deserialize)]
pub(super) struct Edit {
    edition: u64,
    name: String,
    description: String,
    members: String,
}

#[derive(Deserialize)]
pub(super) struct Looking {
    #[serde(default)]
    pub words: Words,
    /// What is no number is the first page.
    #[serde(default)]
    pub page: String,
}

/// How a list of projects is narrowed and sorted.
#[derive(Deserialize)]
pub(super) struct Order {
    #[serde(default)]
    whose: String,
    #[serde(default)]
    sort: Sorting<ProjectColumn>,
}

#[derive(Deserialize)]
pub(super) struct PartOfHistory {
    #[serde(default)]
    search: Words,
    #[serde(flatten)]
    since: Since,
}

pub(super) async fn list(
    seer: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    Parameters(looking): Parameters<Looking>,
    Parameters(order): Parameters<Order>,
) -> Result<Response, ApiProblem> {
    let (page, mine) = (looking.page.parse().unwrap_or(1), order.whose == "mine");
    let sorting = order.sort;
    let listed = act::list(&seer, &hub, looking.words, page, mine, sorting).await?;
    let sorted = |sort: &str| {
        let whose = if mine { "mine" } else { "" };
        format!("/projects?words={}&whose={whose}&sort={sort}", escaped(&listed.words.to_string()))
    };
    let part = |page: u64| format!("{}&page={page}", sorted(&sorting.to_string()));
    if listed.page > listed.pages {
        return Ok(Redirect::to(&part(listed.pages)).into_response());
    }
    Ok(shown(&web::Projects {
        frame: pages::frame(Some(seer.person())),
        words: listed.words.to_string(),
        mine,
        sort: sorting.to_string(),
        heads: heads(sorting, sorted),
        found: listed.found,
        back_href: (listed.page > 1).then(|| part(listed.page - 1)),
        on_href: (listed.page < listed.pages).then(|| part(listed.page + 1)),
        projects: listed.rows.iter().map(|project| pages::projects::row(project, clock::now())).collect(),
        may_make: may(seer.person(), Act::MakeProject),
    }))
}

pub(super) async fn new(may: May<acts::MakeProject>) -> Response {
    shown(&web::ProjectNew { frame: pages::frame(Some(may.person())), form: web::ProjectForm::default() })
}

pub(super) async fn make(
    may: May<acts::MakeProject>,
    State(hub): State<Arc<Hub>>,
    Form(typed): Form<NewProject>,
) -> Result<Response, ApiProblem> {
    match act::make(&may, &hub, &typed.name, &typed.description).await {
        Ok(id) => Ok(Redirect::to(&format!("/projects/{id}")).into_response()),
        Err(problem) if typed_wrongly(&problem) => {
            let form = web::ProjectForm {
                name: typed.name,
                description: typed.description,
                members: String::new(),
                edition: 0,
                error: Some(words_of(&problem)),
            };
            let page = web::ProjectNew { frame: pages::frame(Some(may.person())), form };
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn show(
    may: May<acts::SeeProject>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    act::show(&may, &hub).await?;
    Ok(shown(&page(&may, &hub, None, None).await?))
}

pub(super) async fn edit(
    may: May<acts::EditProject>,
    State(hub): State<Arc<Hub>>,
    Form(typed): Form<Edit>,
) -> Result<Response, ApiProblem> {
    let lines = typed.members.lines().map(str::trim).filter(|line| !line.is_empty());
    let members = lines.map(str::to_owned).collect();
    let wanted = Wanted {
        edition: typed.edition,
        name: typed.name.clone(),
        description: typed.description.clone(),
        members,
    };
    let (problem, edition, error) = match act::edit(&may, &hub, wanted).await {
        Ok(Ok(project)) => return Ok(Redirect::to(&format!("/projects/{}", project.id)).into_response()),
        // What somebody else saved meanwhile is written over by who has seen it alone.
        Ok(Err(stale)) => (stale.problem, stale.edition, saved_meanwhile(&stale.theirs)),
        Err(problem) if typed_wrongly(&problem) => {
            let words = words_of(&problem);
            (problem, typed.edition, words)
        }
        Err(problem) => return Err(problem),
    };
    let form = web::ProjectForm {
        name: typed.name,
        description: typed.description,
        members: typed.members,
        edition,
        error: Some(error),
    };
    Ok(problem.with_page(shown(&page(&may, &hub, Some(form), None).await?)))
}

/// Back to the project's page after a change; shown at once with why, where it was not made.
pub(super) async fn again<A: Is>(
    may: &May<A>,
    hub: &Hub,
    done: Result<(), ApiProblem>,
) -> Result<Response, ApiProblem> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/projects/{}", may.project())).into_response()),
        Err(problem) => {
            let status = problem.status();
            let error = super::staging::why(problem)?;
            Ok((status, shown(&page(may, hub, None, Some(error)).await?)).into_response())
        }
    }
}

/// A project's page, with what was typed or what was refused.
async fn page<A: Is>(
    may: &May<A>,
    hub: &Hub,
    typed: Option<web::ProjectForm>,
    error: Option<String>,
) -> Result<web::Project, ApiProblem> {
    let project = act::found(hub, may.project()).await?;
    let board = hub.ledger.board(may.project(), may.person().id).await?;
    let extracts = act_staging::extracts(hub).await?;
    let page = pages::projects::project(may, &project, (&board, &extracts), typed, clock::now());
    let models = hub.ledger.models_of(may.project()).await?;
    let models = models.iter().map(|model| pages::models::row(model, clock::now())).collect();
    Ok(web::Project { error, models, ..page })
}

/// Every question of the project, with what changed from one to the next.
pub(super) async fn history(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Parameters(part): Parameters<PartOfHistory>,
) -> Result<Response, ApiProblem> {
    let (from, most) = (part.since.place::<Uuid>(), crate::bounds::LIST_ROWS);
    let history = crate::people::act::history::of(&may, &hub, &part.search, from, most).await?;
    let search = part.search.to_string();
    let path = narrowed(&format!("/projects/{}/queries", may.project()), &[("search", search.clone())]);
    let pager = pager(&path, from.is_none(), history.next());
    Ok(shown(&web::ProjectHistory { pager, search, ..pages::history::page(&may, &history, clock::now()) }))
}

pub(super) async fn delete(
    may: May<acts::DeleteProject>,
    State(hub): State<Arc<Hub>>,
    Form(typed): Form<TypedName>,
) -> Result<Response, ApiProblem> {
    match act::delete_typed(&may, &hub, &typed.name).await {
        Ok(()) => Ok(Redirect::to("/projects").into_response()),
        Err(problem) if typed_wrongly(&problem) => {
            let delete_error = Some(words_of(&problem));
            let page = web::Project { delete_error, ..page(&may, &hub, None, None).await? };
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}
