//! `/projects`: what questions are asked for, and who may see them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, Uri, header};
use axum::{Extension, Json};
use flip_protocol::UnixMillis;
use flip_protocol::ident::ProjectId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Said;
use super::staging::{Seat, StagedQuery};
use super::{Body, Made, Parameters, bad_parameter, next_link};
use crate::bounds;
use crate::combine::Total;
use crate::hub::Hub;
use crate::ledger::projects::{Edit as Wanted, Project, ProjectColumn};
use crate::people::act::projects as act;
use crate::people::may::May;
use crate::people::once::{KEEP, Keep};
use crate::permissions::acts;
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};
use crate::search::Words;
use crate::shapes::Moment;
use crate::sorting::Sorting;

/// A project to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProject {
    /// Its name.
    #[schema(max_length = 120, example = "Diabetes and its complications")]
    name: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 250, example = "Who develops retinopathy, and when")]
    description: String,
}

/// A project as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectEdit {
    /// Of the project that was looked at: a change of another is refused.
    #[schema(example = 3)]
    edition: u64,
    /// Its name.
    #[schema(max_length = 120, example = "Diabetes and its complications")]
    name: String,
    /// What it is for.
    #[schema(max_length = 250, example = "Who develops retinopathy, and when")]
    description: String,
    /// Sign-in names or e-mail addresses.
    #[schema(max_items = 100, example = json!(["ben"]))]
    members: Vec<String>,
}

/// The first page.
pub(super) fn first() -> u64 {
    1
}

/// The page that is asked for.
pub(super) fn page(page: u64) -> Result<u64, ApiProblem> {
    if (1..=bounds::PAGES).contains(&page) {
        return Ok(page);
    }
    Err(bad_parameter(&format!("`page` is 1 to {}, and not {page}", bounds::PAGES)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct LookingForProjects {
    /// Words of the name or the description.
    #[serde(default)]
    #[param(value_type = String, max_length = 254)]
    search: Words,
    /// The page, from 1: what `next` said.
    #[serde(default = "first")]
    #[param(minimum = 1, maximum = 10_000)]
    page: u64,
    /// Those that you own alone.
    #[serde(default)]
    mine: bool,
    /// `name`, `state`, `owner`, `persons` or `made`, with a minus before it for the highest first; the newest first
    /// where nothing is said.
    #[serde(default)]
    #[param(value_type = String, example = "-persons", pattern = "^-?(name|state|owner|persons|made)$")]
    sort: Sorting<ProjectColumn>,
}

/// The page after one, where there is one.
pub(super) fn next_page(page: u64, pages: u64) -> Option<u64> {
    (page < pages.min(bounds::PAGES)).then_some(page + 1)
}

/// A page of projects.
#[derive(Serialize, ToSchema)]
pub(super) struct ProjectPage {
    /// Those of this page.
    projects: Vec<ProjectWithCohort>,
    /// The page, from 1.
    #[schema(example = 1)]
    page: u64,
    /// How many pages there are.
    #[schema(example = 1)]
    pages: u64,
    /// How many projects there are.
    #[schema(example = 1)]
    found: u64,
    /// Where to go on: the next request's `page`; null at the end.
    #[schema(example = 2)]
    next: Option<u64>,
}

/// A project.
#[derive(Serialize, ToSchema)]
#[schema(as = Project)]
pub(super) struct ListedProject {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: ProjectId,
    /// Its name.
    #[schema(example = "Diabetes and its complications")]
    name: String,
    /// What it is for.
    #[schema(example = "Who develops retinopathy, and when")]
    description: String,
    /// Its owner's sign-in name.
    #[schema(example = "ada")]
    owner: String,
    /// The members' sign-in names.
    #[schema(example = json!(["ben"]))]
    members: Vec<String>,
    /// `unstaged`, `staged` or `approved`.
    #[schema(example = "staged")]
    state: &'static str,
    /// How often it was changed, and one.
    #[schema(example = 3)]
    edition: u64,
    /// When it was made.
    #[schema(value_type = Moment)]
    made: UnixMillis,
    /// When it was deleted.
    #[schema(value_type = Option<Moment>)]
    deleted: Option<UnixMillis>,
}

/// A project with the size of its cohort.
#[derive(Serialize, ToSchema)]
pub(super) struct ProjectWithCohort {
    #[serde(flatten)]
    project: ListedProject,
    /// The sum of the answers to the query that it is staged with; null while it is not, and where no Trust gave a number.
    cohort: Option<Total>,
}

/// A project with how it stands at each Trust.
#[derive(Serialize, ToSchema)]
pub(super) struct WholeProject {
    #[serde(flatten)]
    project: ListedProject,
    /// The query that it is staged with, or the newest.
    query: Option<StagedQuery>,
    /// Each Trust.
    trusts: Vec<Seat>,
}

impl WholeProject {
    /// Whether a Trust has to decide yet, or to freeze.
    pub(super) fn awaits(&self) -> bool {
        self.trusts.iter().any(Seat::awaits)
    }
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::get("/api/v1/projects", "The projects that you may see, the newest first.")
            .more(
                "A hundred a page. `mine` leaves those that you own, `sort` puts them in another order. Admins see all, \
                 those that were deleted last.",
            )
            .reads::<LookingForProjects>()
            .gives_part::<ProjectPage>("A page of them."),
        Said::post("/api/v1/projects", "Makes a project, which you own.")
            .takes::<NewProject>()
            .made::<Made>("It is made.")
            .refuses(&[Code::BadName, Code::BadDescription]),
        Said::get("/api/v1/projects/{project}", "One project, with how it stands at each Trust.")
            .gives::<WholeProject>(200, "The project."),
        Said::put("/api/v1/projects/{project}", "Gives a project name, description and members, all of them anew.")
            .takes::<ProjectEdit>()
            .gives::<ListedProject>(200, "The project as it is now.")
            .refuses(&[Code::BadName, Code::BadDescription, Code::BadMember, Code::TooManyMembers])
            .refuses(&[Code::NoSuchPerson, Code::ProjectClosed, Code::StaleEdition]),
        Said::delete("/api/v1/projects/{project}", "Deletes a project.")
            .more(
                "Admins alone see it and its queries from then on; what is under way is cancelled, and Trusts drop what \
                 they froze for it.",
            )
            .gives_nothing(204, "It is deleted."),
    ]
}

/// `GET /projects?search=&mine=&sort=&page=`: those that one may see, newest first where nothing else is wished, a hundred
/// a page; for admins all, what was deleted last.
pub(super) async fn list(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    Parameters(looking): Parameters<LookingForProjects>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<ProjectPage>), ApiProblem> {
    let page = page(looking.page)?;
    let listed = act::list(&may, &hub, looking.search, page, looking.mine, looking.sort).await?;
    let next = next_page(listed.page, listed.pages);
    let link = next_link(&uri, "page", next.map(|page| page.to_string()).as_deref());
    let one = |(project, cohort)| ProjectWithCohort { project: self::listed(project), cohort };
    let projects = listed.rows.into_iter().map(one).collect();
    Ok((
        link,
        Json(ProjectPage { projects, page: listed.page, pages: listed.pages, found: listed.found, next }),
    ))
}

/// `POST /projects`: makes one, owned by who asks for it.
pub(super) async fn make(
    may: May<acts::MakeProject>,
    State(hub): State<Arc<Hub>>,
    Body(new): Body<NewProject>,
) -> Result<(StatusCode, Extension<Keep>, [(HeaderName, String); 1], Json<Made>), ApiProblem> {
    let id = act::make(&may, &hub, &new.name, &new.description).await?;
    let place = format!("/api/v1/projects/{id}");
    Ok((StatusCode::CREATED, KEEP, [(header::LOCATION, place)], Json(Made { id: id.0 })))
}

/// `GET /projects/{project}`: with how it stands at each Trust.
pub(super) async fn show(
    may: May<acts::SeeProject>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<WholeProject>, ApiProblem> {
    act::show(&may, &hub).await?;
    whole(&hub, may.project(), may.person().id).await
}

/// `PUT /projects/{project}`: name, description and members, all of them anew.
pub(super) async fn edit(
    may: May<acts::EditProject>,
    State(hub): State<Arc<Hub>>,
    Body(edit): Body<ProjectEdit>,
) -> Result<Json<ListedProject>, ApiProblem> {
    let ProjectEdit { edition, name, description, members } = edit;
    Ok(Json(listed(act::edit(&may, &hub, Wanted { edition, name, description, members }).await??)))
}

/// `DELETE /projects/{project}`: from then on admins alone see it and its queries.
pub(super) async fn delete(
    may: May<acts::DeleteProject>,
    State(hub): State<Arc<Hub>>,
) -> Result<StatusCode, ApiProblem> {
    act::delete(&may, &hub).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A project with how it stands at each Trust.
pub(super) async fn whole(
    hub: &Hub,
    id: ProjectId,
    person: PersonId,
) -> Result<Json<WholeProject>, ApiProblem> {
    let project = listed(act::found(hub, id).await?);
    let (query, trusts) = super::staging::board(hub.ledger.board(id, person).await?);
    Ok(Json(WholeProject { project, query, trusts }))
}

pub(super) fn listed(project: Project) -> ListedProject {
    ListedProject {
        id: project.id,
        state: project.lifecycle.name(),
        name: project.name,
        description: project.description,
        owner: project.owner,
        members: project.members,
        edition: project.edition,
        made: project.made,
        deleted: project.deleted,
    }
}
