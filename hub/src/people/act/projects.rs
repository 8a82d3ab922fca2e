//! What people do with projects.

use std::sync::Arc;

use flip_protocol::bounds as wire;
use flip_protocol::ident::ProjectId;

use super::{Stale, wake};
use crate::bounds;
use crate::clock;
use crate::combine::{self, Total};
use crate::hub::{self, Hub};
use crate::ledger::projects::{About, Edit, Edited, Listing, Look, Project, ProjectColumn, Seer};
use crate::people::may::{self, May};
use crate::people::session::Person;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::search::Words;
use crate::sorting::Sorting;
use crate::wording;

/// A page of what somebody may see.
pub struct Listed<T> {
    /// What is on this page.
    pub rows: Vec<T>,
    /// The words that were looked for.
    pub words: Words,
    /// The page, from 1.
    pub page: u64,
    /// How many pages there are, at least one.
    pub pages: u64,
    /// How many there are.
    pub found: u64,
}

/// What of a list is looked at, by what was asked for.
pub fn look(words: Words, page: u64) -> (Look, u64) {
    let (most, page) = (bounds::LIST_ROWS, page.clamp(1, bounds::PAGES));
    let skip = u32::try_from(page - 1).unwrap_or(u32::MAX).saturating_mul(most);
    (Look { words, skip, most }, page)
}

impl<T> Listed<T> {
    /// The page that was looked at.
    pub fn of(look: Look, page: u64, (rows, found): (Vec<T>, u64)) -> Self {
        let pages = found.div_ceil(u64::from(look.most)).max(1);
        Self { rows, words: look.words, page, pages, found }
    }
}

/// The projects that the person may see with these words in their name or description, page by page, each with the sum
/// of the answers to the query that it is staged with; all of them, or those that the person owns.
pub async fn list(
    may: &May<acts::SeeLists>,
    hub: &Hub,
    words: Words,
    page: u64,
    mine: bool,
    sorting: Sorting<ProjectColumn>,
) -> Result<Listed<(Project, Option<Total>)>, ApiProblem> {
    let person = may.person();
    let (look, page) = look(words, page);
    let of = Listing { look: look.clone(), owner: mine.then_some(person.id), sorting };
    let (projects, found) = hub.ledger.projects(Seer::of(person.id, person.role), of).await?;
    let staged = |project: &Project| project.lifecycle.staged().map(|staged| staged.query);
    let shares = hub.ledger.shares(projects.iter().filter_map(staged).collect()).await?;
    let cohort = |project: &Project| combine::total_of(shares.get(&staged(project)?)?);
    let cohorts: Vec<_> = projects.iter().map(cohort).collect();
    Ok(Listed::of(look, page, (projects.into_iter().zip(cohorts).collect(), found)))
}

/// The newest projects that the person may see, to choose from, and with them the chosen one.
pub async fn choices(
    person: &Person,
    hub: &Hub,
    chosen: Option<ProjectId>,
) -> Result<Vec<Project>, ApiProblem> {
    let seer = Seer::of(person.id, person.role);
    let (mut projects, _) = hub.ledger.projects(seer, Listing::newest(bounds::LIST_ROWS)).await?;
    if let Some(chosen) = chosen.filter(|chosen| projects.iter().all(|project| project.id != *chosen)) {
        let place = hub.ledger.place(person.id, About::Project(chosen)).await?;
        if !may::sees_answers(person, place.as_ref()) {
            return Err(ApiProblem::not_found());
        }
        projects.push(found(hub, chosen).await?);
    }
    Ok(projects)
}

/// The same, to ask in: where nothing may be asked in the chosen one, it is said.
pub async fn to_ask(
    person: &Person,
    hub: &Hub,
    chosen: Option<ProjectId>,
) -> Result<Vec<Project>, ApiProblem> {
    let projects = choices(person, hub, chosen).await?;
    let closed = projects.iter().find(|project| Some(project.id) == chosen && !project.lifecycle.is_open());
    match closed {
        Some(project) => Err(super::asking::closed(project.lifecycle.name())),
        None => Ok(projects),
    }
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
    wanted: Edit,
) -> Result<Result<Project, Stale>, ApiProblem> {
    may.undeleted()?;
    let wanted = checked_edit(wanted)?;
    match hub.ledger.edit_project(may.by(), may.project(), wanted.clone()).await? {
        Edited::Yes => {
            tracing::info!(project = %may.project(), by = may.person().name, "a project was edited");
            found(hub, may.project()).await.map(Ok)
        }
        Edited::Barred(barred) => Err(barred.into()),
        Edited::Nobody(name) => Err(ApiProblem::new(Code::NoSuchPerson, "Nobody has that name.")
            .detail(format!("“{name}” does not sign in at this hub; nothing was changed"))),
        Edited::Locked(state) => {
            let title = "Name and description stay while Trusts decide, and after.";
            Err(ApiProblem::new(Code::ProjectClosed, title).detail(format!(
                "the project is {state}, and what Trusts decide about does not change under them; nothing was \
                 changed; members can be changed"
            )))
        }
        Edited::Stale(now) => Ok(Err(Stale::of("project", theirs(wanted, &now), now.edition))),
    }
}

fn checked_edit(wanted: Edit) -> Result<Edit, ApiProblem> {
    let (name, description) = checked(&wanted.name, &wanted.description)?;
    if wanted.members.len() > bounds::MEMBERS {
        return Err(ApiProblem::new(Code::TooManyMembers, "A project has at most 100 members."));
    }
    let checked = |member: String| match wording::name(&member) {
        Ok(name) => Ok(name.to_owned()),
        Err(why) => Err(ApiProblem::new(Code::BadMember, "A member's name is not usable.").detail(why)),
    };
    let members = wanted.members.into_iter().map(checked).collect::<Result<_, _>>()?;
    Ok(Edit { name, description, members, ..wanted })
}

/// What a project is now where it is not what somebody wants it to become.
fn theirs(wanted: Edit, now: &Project) -> String {
    let mut differs = Vec::new();
    if wanted.name != now.name {
        differs.push(format!("its name is “{}” now", now.name));
    }
    if wanted.description != now.description {
        differs.push(format!("what it is for is “{}” now", now.description));
    }
    let mut members = wanted.members;
    members.sort_by_key(|name| name.to_lowercase());
    if members != now.members {
        let names = if now.members.is_empty() { "nobody".to_owned() } else { now.members.join(", ") };
        differs.push(format!("its members are {names} now"));
    }
    if differs.is_empty() {
        differs.push(format!("it is {} now", now.lifecycle.name()));
    }
    differs.join("; ")
}

/// Deletes the project whose name somebody has typed: it cannot be undone.
pub async fn delete_typed(
    may: &May<acts::DeleteProject>,
    hub: &Arc<Hub>,
    name: &str,
) -> Result<(), ApiProblem> {
    let known = found(hub, may.project()).await?.name;
    super::typed(name, &known, "Type the project's name to delete it.")?;
    delete(may, hub).await
}

/// Deletes the project: what is under way for it is cancelled, and what was frozen for it is dropped at the Trusts.
pub async fn delete(may: &May<acts::DeleteProject>, hub: &Arc<Hub>) -> Result<(), ApiProblem> {
    let now = clock::now();
    let expires = now.plus(wire::ORDER_LIFE_MS);
    let told = hub.ledger.delete_project(may.by(), may.project(), expires, hub.sealer(now)).await??;
    tracing::info!(project = %may.project(), by = may.person().name, "a project was deleted");
    wake(hub, &told);
    hub.files.announce();
    hub.announce_change();
    Ok(())
}

/// The same, for a page that is shown beside another act.
pub async fn found(hub: &Hub, id: ProjectId) -> Result<Project, ApiProblem> {
    hub.ledger.project(id).await?.ok_or_else(ApiProblem::not_found)
}

pub(super) fn checked(name: &str, description: &str) -> Result<(String, String), ApiProblem> {
    let name = hub::check_name(name).map_err(ApiProblem::bad_name)?;
    let unusable = |why| {
        ApiProblem::new(Code::BadDescription, "The description is not usable.")
            .detail(format!("the description {why}"))
    };
    let description = wording::lines(description).map_err(unusable)?;
    if description.chars().count() > bounds::DESCRIPTION_CHARACTERS {
        return Err(ApiProblem::new(Code::BadDescription, "The description is longer than 250 characters."));
    }
    Ok((name.to_owned(), description))
}
