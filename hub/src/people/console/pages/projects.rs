//! Projects as page contexts.

use flip_protocol::UnixMillis;
use flip_protocol::ident::ProjectId;
use flip_web::pages::{self as web, Moment};

use super::frame;
use super::staging::{self, Can, Extracts};
use crate::combine::Total;
use crate::ledger::board::Board;
use crate::ledger::projects::Project;
use crate::people::may::{May, may};
use crate::people::session::Person;
use crate::permissions::{Act, Cell, Column, Is, Relation, decide};
use crate::project::{Lifecycle, usable};

pub fn row((project, cohort): &(Project, Option<Total>), now: UnixMillis) -> web::ProjectRow {
    web::ProjectRow {
        href: format!("/projects/{}", project.id),
        name: project.name.clone(),
        description: project.description.clone(),
        owner: project.owner.clone(),
        members: project.members.len() as u64,
        made: Moment::at(project.made.0, now.0),
        state: project.lifecycle.name().to_owned(),
        persons: cohort.map(|total| total.persons),
        margin: cohort.and_then(|total| total.persons_margin),
        deleted: project.deleted.is_some(),
    }
}

/// Its page; with what was typed where that was not taken.
pub fn project<A: Is>(
    seer: &May<A>,
    project: &Project,
    (board, extracts): (&Board, &Extracts),
    typed: Option<web::ProjectForm>,
    now: UnixMillis,
) -> web::Project {
    let id = project.id;
    let form = typed.unwrap_or_else(|| web::ProjectForm {
        name: project.name.clone(),
        description: project.description.clone(),
        members: project.members.join("\n"),
        edition: project.edition,
        error: None,
    });
    web::Project {
        frame: frame(Some(seer.person())),
        href: format!("/projects/{id}"),
        queries_href: format!("/queries?project={id}"),
        ask_href: (project.lifecycle.is_open() && seer.also(Act::Ask))
            .then(|| format!("/queries/new?project={id}")),
        name: project.name.clone(),
        description: project.description.clone(),
        owner: project.owner.clone(),
        members: project.members.clone(),
        made: Moment::at(project.made.0, now.0),
        deleted: project.deleted.map(|at| Moment::at(at.0, now.0)),
        state: project.lifecycle.name().to_owned(),
        query: board.query.as_ref().map(|(id, name)| (name.clone(), format!("/queries/{id}"))),
        history_href: format!("/projects/{id}/queries"),
        models: Vec::new(),
        model_new_href: (matches!(project.lifecycle, Lifecycle::Approved(_)) && seer.also(Act::ChangeModels))
            .then(|| format!("/projects/{id}/models/new")),
        seats: seats(seer, project, board, extracts, now),
        stage_action: format!("/projects/{id}/stage"),
        unstage_action: format!("/projects/{id}/unstage"),
        error: None,
        locked: !project.lifecycle.is_open(),
        form: seer.also(Act::EditProject).then_some(form),
        delete_action: seer.also(Act::DeleteProject).then(|| format!("/projects/{id}/delete")),
        delete_error: None,
    }
}

fn seats<A: Is>(
    seer: &May<A>,
    project: &Project,
    board: &Board,
    extracts: &Extracts,
    now: UnixMillis,
) -> Vec<web::Seat> {
    let (stage, unstage) = (seer.also(Act::StageProject), seer.also(Act::UnstageProject));
    let seats = board.seats.iter().map(|seat| {
        let can = Can { stage, unstage, decide: seat.decides && seer.also(Act::Decide) };
        let decision = board.query.as_ref().map(|(query, _)| web::Decide {
            action: format!("/projects/{}/trusts/{}/decision", project.id, seat.trust),
            query: query.to_string(),
        });
        staging::seat(
            seat,
            extracts,
            Can { stage: can.stage && usable(seat.share.as_ref()).is_ok(), ..can },
            decision,
            now,
        )
    });
    seats.collect()
}

/// The projects that a list of queries can be narrowed to.
pub fn to_see(projects: &[Project], chosen: Option<ProjectId>) -> Vec<web::ProjectChoice> {
    if projects.is_empty() {
        return Vec::new();
    }
    let all = web::ProjectChoice {
        value: String::new(),
        name: "All that you may see".to_owned(),
        chosen: chosen.is_none(),
    };
    let each = projects.iter().map(|project| choice(project, chosen));
    [all].into_iter().chain(each).collect()
}

/// The projects that the person may ask in; the first is their own, for who may make it.
pub fn to_ask(person: &Person, projects: &[Project], chosen: Option<ProjectId>) -> Vec<web::ProjectChoice> {
    let own = may(person, Act::MakeProject).then(|| web::ProjectChoice {
        value: String::new(),
        name: "My own questions".to_owned(),
        chosen: chosen.is_none(),
    });
    // Nothing is asked in what Trusts decide about. Who sees a project in the list without owning it is a member, or an admin, whose column is one.
    let asks = |project: &&Project| {
        let relation = if project.owner == person.name { Relation::Owner } else { Relation::Member };
        project.deleted.is_none()
            && project.lifecycle.is_open()
            && decide(Act::Ask, Column::of(person.role, relation)) == Cell::May
    };
    own.into_iter().chain(projects.iter().filter(asks).map(|project| choice(project, chosen))).collect()
}

fn choice(project: &Project, chosen: Option<ProjectId>) -> web::ProjectChoice {
    web::ProjectChoice {
        value: project.id.to_string(),
        name: project.name.clone(),
        chosen: chosen == Some(project.id),
    }
}
