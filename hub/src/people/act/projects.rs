//! What people do with projects.

use axum::http::StatusCode;
use flip_protocol::ident::ProjectId;

use crate::bounds;
use crate::clock;
use crate::hub::{self, Hub};
use crate::ledger::projects::{Edited, Project, Seer};
use crate::people::may::May;
use crate::people::session::Person;
use crate::permissions::acts;
use crate::problem::ApiProblem;
use crate::wording;

/// The projects that the person may see.
pub async fn list(may: &May<acts::SeeLists>, hub: &Hub) -> Result<Vec<Project>, ApiProblem> {
    of(may.person(), hub).await
}

/// The same, for a form that is shown again.
pub async fn of(person: &Person, hub: &Hub) -> Result<Vec<Project>, ApiProblem> {
    let seer = Seer::of(person.id, person.role);
    Ok(hub.ledger.projects(seer, bounds::LIST_ROWS).await?)
}

/// Makes a project that the person owns.
pub async fn make(
    may: &May<acts::MakeProject>,
    hub: &Hub,
    name: &str,
    description: &str,
) -> Result<ProjectId, ApiProblem> {
    let (name, description) = checked(name, description)?;
    let now = clock::now();
    let id = ProjectId::new(now, &clock::random_bytes());
    hub.ledger.make_project(may.by(), id, name, description, may.person().id).await?;
    tracing::info!(project = %id, by = may.person().name, "a project was made");
    Ok(id)
}

/// The project.
pub async fn show(may: &May<acts::SeeProject>, hub: &Hub) -> Result<Project, ApiProblem> {
    found(hub, may.project()).await
}

/// Gives the project another name, description and other members.
pub async fn edit(
    may: &May<acts::EditProject>,
    hub: &Hub,
    name: &str,
    description: &str,
    members: Vec<String>,
) -> Result<Project, ApiProblem> {
    may.undeleted()?;
    let (name, description) = checked(name, description)?;
    if members.len() > bounds::MEMBERS {
        return Err(unprocessable("too_many_members", "A project has at most 100 members."));
    }
    let checked = |member: String| match wording::name(&member) {
        Ok(name) => Ok(name.to_owned()),
        Err(why) => Err(unprocessable("bad_member", "A member's name is not usable.").detail(why)),
    };
    let members = members.into_iter().map(checked).collect::<Result<_, _>>()?;
    match hub.ledger.edit_project(may.by(), may.project(), name, description, members).await? {
        Edited::Yes => {
            tracing::info!(project = %may.project(), by = may.person().name, "a project was edited");
            found(hub, may.project()).await
        }
        Edited::Nobody(name) => Err(unprocessable("no_such_person", "Nobody has that name.")
            .detail(format!("“{name}” does not sign in at this hub; nothing was changed"))),
    }
}

/// Deletes the project.
pub async fn delete(may: &May<acts::DeleteProject>, hub: &Hub) -> Result<(), ApiProblem> {
    hub.ledger.delete_project(may.by(), may.project()).await?;
    tracing::info!(project = %may.project(), by = may.person().name, "a project was deleted");
    Ok(())
}

/// The same, for a page that is shown beside another act.
pub async fn found(hub: &Hub, id: ProjectId) -> Result<Project, ApiProblem> {
    hub.ledger.project(id).await?.ok_or_else(ApiProblem::not_found)
}

fn checked(name: &str, description: &str) -> Result<(String, String), ApiProblem> {
    let name = hub::check_name(name).map_err(ApiProblem::bad_name)?;
    let unusable = |why| {
        unprocessable("bad_description", "The description is not usable.")
            .detail(format!("the description {why}"))
    };
    let description = wording::lines(description).map_err(unusable)?;
    if description.chars().count() > bounds::DESCRIPTION_CHARACTERS {
        return Err(unprocessable("bad_description", "The description is longer than 250 characters."));
    }
    Ok((name.to_owned(), description))
}

fn unprocessable(code: &str, title: &str) -> ApiProblem {
    ApiProblem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title)
}
