//! The console's pages of projects.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages as web;
use serde::Deserialize;

use super::{pages, shown, typed_wrongly, words_of};
use crate::clock;
use crate::hub::Hub;
use crate::people::act::projects as act;
use crate::people::may::{May, may};
use crate::permissions::{Act, acts};
use crate::problem::ApiProblem;

#[derive(Deserialize)]
pub(super) struct NewProject {
    name: String,
    description: String,
}

#[derive(Deserialize)]
pub(super) struct Edit {
    name: String,
    description: String,
    members: String,
}

pub(super) async fn list(
    seer: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    let projects = act::list(&seer, &hub).await?;
    Ok(shown(&web::Projects {
        frame: pages::frame(Some(seer.person())),
        projects: projects.iter().map(|project| pages::projects::row(project, clock::now())).collect(),
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
                error: Some(words_of(&problem)),
            };
            let page = web::ProjectNew { frame: pages::frame(Some(may.person())), form };
            Ok((problem.status(), shown(&page)).into_response())
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn show(
    may: May<acts::SeeProject>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    let project = act::show(&may, &hub).await?;
    Ok(shown(&pages::projects::project(&may, &project, None, clock::now())))
}

pub(super) async fn edit(
    may: May<acts::EditProject>,
    State(hub): State<Arc<Hub>>,
    Form(typed): Form<Edit>,
) -> Result<Response, ApiProblem> {
    let lines = typed.members.lines().map(str::trim).filter(|line| !line.is_empty());
    let members = lines.map(str::to_owned).collect();
    match act::edit(&may, &hub, &typed.name, &typed.description, members).await {
        Ok(project) => Ok(Redirect::to(&format!("/projects/{}", project.id)).into_response()),
        Err(problem) if typed_wrongly(&problem) => {
            let project = act::found(&hub, may.project()).await?;
            let form = web::ProjectForm {
                name: typed.name,
                description: typed.description,
                members: typed.members,
                error: Some(words_of(&problem)),
            };
            let page = pages::projects::project(&may, &project, Some(form), clock::now());
            Ok((problem.status(), shown(&page)).into_response())
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn delete(
    may: May<acts::DeleteProject>,
    State(hub): State<Arc<Hub>>,
) -> Result<Response, ApiProblem> {
    act::delete(&may, &hub).await?;
    Ok(Redirect::to("/projects").into_response())
}
