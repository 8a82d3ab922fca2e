//! What people do here, once for the API and the console.

pub mod access;
pub mod audit;
pub mod links;
pub mod mail;
pub mod passwords;
pub mod people;
pub mod projects;
pub mod running;
pub mod trusts;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use flip_protocol::answer::Place;
use flip_protocol::enrolment::Kit;
use flip_protocol::ident::{ProjectId, QueryId};
use flip_protocol::order::Work;
use flip_protocol::{MessageId, PartyId, UnixMillis, bounds as wire, ident};
use uuid::Uuid;

use crate::clock;
use crate::combine::{Combined, combine};
use crate::hub::{self, Hub};
use crate::ledger::freezes::Freeze;
use crate::ledger::projects::Seer;
use crate::ledger::queries::{Asked, Query};
use crate::ledger::trusts::{Added, Trust};
use crate::people::may::{self, May, Wish};
use crate::people::session::Person;
use crate::permissions::{Act, acts};
use crate::presence::Link;
use crate::problem::ApiProblem;

/// A Trust and how it stands.
pub struct Standing {
    /// The Trust.
    pub trust: Trust,
    /// How it stands.
    pub link: Link,
    /// Its last sign of life.
    pub seen: Option<UnixMillis>,
    /// Its last health.
    pub health: Option<flip_protocol::sync::Health>,
}

/// Adds a Trust and makes its kit.
pub async fn add_trust(may: &May<acts::AddTrust>, hub: &Arc<Hub>, name: &str) -> Result<Kit, ApiProblem> {
    let name = hub::check_name(name).map_err(ApiProblem::bad_name)?.to_owned();
    let now = clock::now();
    let trust = PartyId::new(now, &clock::random_bytes());
    let (kit, secret) = hub::make_kit(&hub.authority, trusts::address(hub)?, trust, &name, now);
    let (ledger, by) = (hub.ledger.clone(), may.by());
    let taken_name = name.clone();
    let added = tokio::task::spawn_blocking(move || ledger.add_trust(by, trust, name, secret)).await;
    match added.expect("adding a Trust does not panic")? {
        Added::New => Ok(kit),
        Added::NameTaken => {
            Err(ApiProblem::new(StatusCode::CONFLICT, "name_taken", "Another Trust has that name.")
                .detail(format!("“{taken_name}” is taken; choose another name")))
        }
    }
}

/// All Trusts and how they stand.
pub async fn all_trusts(_: &May<acts::SeeTrusts>, hub: &Hub) -> Result<Vec<Standing>, ApiProblem> {
    standing(hub).await
}

/// The same, for a page that is shown beside another act.
pub async fn standing(hub: &Hub) -> Result<Vec<Standing>, ApiProblem> {
    let now = clock::now();
    let trusts = hub.ledger.trusts().await?;
    Ok(trusts
        .into_iter()
        .map(|trust| {
            let (link, seen, health) = hub.presence.of(&trust, now);
            Standing { trust, link, seen, health }
        })
        .collect())
}

/// Checks a question, stores it with one order per enrolled Trust, and wakes them.
///
/// A question without a project is asked in the person's own.
pub async fn ask(
    wish: Wish<acts::Ask>,
    hub: &Arc<Hub>,
    name: &str,
    sql: &str,
    project: Option<ProjectId>,
) -> Result<Uuid, ApiProblem> {
    let project = if let Some(project) = project { project } else { own_project(hub, wish.person()).await? };
    let may = wish.of(hub, project).await?;
    may.undeleted()?;
    running::takes_work(hub).await?;
    let name = hub::check_name(name).map_err(ApiProblem::bad_name)?.to_owned();
    check_question(sql).await?;
    let now = clock::now();
    let id = ident::uuid_v7(now, &clock::random_bytes());
    let expires = now.plus(wire::ORDER_LIFE_MS);
    let project = may.project();
    let work = Work::CohortQuery { name: name.clone(), sql: sql.to_owned(), project: Some(project) };
    let query = Query {
        id,
        name,
        sql: sql.to_owned(),
        project,
        project_name: String::new(),
        asked_by: may.person().name.clone(),
        asked: now,
    };
    let sealing = Arc::clone(hub);
    let asked = hub
        .ledger
        .ask(may.by(), query, expires, move |peer, sequence| {
            let order = MessageId::new(now, &clock::random_bytes());
            (order, sealing.seal_order(peer, order, sequence, &work, now, expires))
        })
        .await?;
    if asked.is_empty() {
        return Err(ApiProblem::new(StatusCode::CONFLICT, "no_trusts", "No Trust is enrolled yet.")
            .detail("add a Trust and have its appliance enrol with the kit, then ask again"));
    }
    for trust in asked {
        hub.presence.announce_work(trust);
    }
    hub.announce_change();
    Ok(id)
}

/// Orders the freeze of a query's cohort at each enrolled Trust that answered it with a value. Trusts where such an
/// order is under way are left alone, so that a second call changes nothing.
pub async fn freeze(may: &May<acts::Freeze>, hub: &Arc<Hub>, id: Uuid) -> Result<(), ApiProblem> {
    may.undeleted()?;
    running::takes_work(hub).await?;
    let (query, _) = hub.ledger.query(id).await?.ok_or_else(ApiProblem::not_found)?;
    let now = clock::now();
    let expires = now.plus(wire::ORDER_LIFE_MS);
    let work = Work::FreezeCohort {
        name: query.name,
        sql: query.sql,
        project: Some(query.project),
        query: QueryId(query.id),
    };
    let sealing = Arc::clone(hub);
    let (ordered, answered) = hub
        .ledger
        .freeze(may.by(), id, expires, move |peer, sequence| {
            let order = MessageId::new(now, &clock::random_bytes());
            (order, sealing.seal_order(peer, order, sequence, &work, now, expires))
        })
        .await?;
    if answered == 0 {
        let title = "No Trust has a cohort of this query to freeze.";
        return Err(ApiProblem::new(StatusCode::CONFLICT, "nothing_to_freeze", title).detail(
            "a Trust freezes what it answered with a number; wait for an answer, or ask for a larger group",
        ));
    }
    for trust in ordered {
        hub.presence.announce_work(trust);
    }
    hub.announce_change();
    Ok(())
}

/// Each Trust's share of freezing a query's cohort; with `wait`, not before all have ended or the time is over.
pub async fn freezes(
    _: &May<acts::SeeAnswers>,
    hub: &Hub,
    id: Uuid,
    wait: Duration,
) -> Result<Vec<Freeze>, ApiProblem> {
    let until = tokio::time::Instant::now() + wait;
    let mut changes = hub.changes();
    hub.ledger.query(id).await?.ok_or_else(ApiProblem::not_found)?;
    loop {
        let freezes = hub.ledger.freezes(id).await?;
        if wait.is_zero() || freezes.iter().all(|freeze| freeze.state.ended()) {
            return Ok(freezes);
        }
        let changed = tokio::select! {
            changed = changes.changed() => changed.is_ok(),
            () = hub.stopped() => false,
            () = tokio::time::sleep_until(until) => false,
        };
        if !changed {
            return Ok(hub.ledger.freezes(id).await?);
        }
    }
}

/// The project of the questions that a person asks in none. It is made at the first of them, by who may make one.
async fn own_project(hub: &Hub, person: &Person) -> Result<ProjectId, ApiProblem> {
    if let Some(project) = hub.ledger.own_project(person.id).await? {
        return Ok(project);
    }
    if !may::may(person, Act::MakeProject) {
        return Err(ApiProblem::forbidden(Act::MakeProject.words()));
    }
    let now = clock::now();
    let fresh = ProjectId::new(now, &clock::random_bytes());
    Ok(hub.ledger.make_own_project(person.by(), person.id, fresh).await?)
}

/// The hub's quick look at a question. The Trusts' own gates decide.
async fn check_question(sql: &str) -> Result<(), ApiProblem> {
    let owned = sql.to_owned();
    let admitted = tokio::task::spawn_blocking(move || flip_gate::admit(&owned)).await;
    match admitted.expect("the gate does not panic") {
        Ok(_) => Ok(()),
        Err(refusal) => {
            let status = if refusal.code == flip_gate::Code::TooLong {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            let place = refusal.place.map(|place| Place { line: place.line, column: place.column });
            Err(ApiProblem::new(status, refusal.code.name(), "The question is not let in.")
                .detail(refusal.message)
                .place(place))
        }
    }
}

/// A query and its combined result; with `wait`, not before the result is complete or the time is over.
pub async fn result(
    _: &May<acts::SeeAnswers>,
    hub: &Hub,
    id: Uuid,
    wait: Duration,
) -> Result<(Query, Combined), ApiProblem> {
    let until = tokio::time::Instant::now() + wait;
    let mut changes = hub.changes();
    loop {
        let (query, asked) = hub.ledger.query(id).await?.ok_or_else(ApiProblem::not_found)?;
        let combined = combine_now(hub, &asked).await?;
        if combined.complete || wait.is_zero() {
            return Ok((query, combined));
        }
        let changed = tokio::select! {
            changed = changes.changed() => changed.is_ok(),
            () = hub.stopped() => false,
            () = tokio::time::sleep_until(until) => false,
        };
        if !changed {
            return Ok((query, combined));
        }
    }
}

/// The newest queries that the person may see, of one project where one is named, and their combined results.
pub async fn queries(
    may: &May<acts::SeeLists>,
    hub: &Hub,
    of: Option<ProjectId>,
) -> Result<Vec<(Query, Combined)>, ApiProblem> {
    let links = links(hub).await?;
    let seer = Seer::of(may.person().id, may.person().role);
    let queries = hub.ledger.queries(seer, of, crate::bounds::LIST_ROWS).await?;
    Ok(queries
        .into_iter()
        .map(|(query, asked)| (query, combine(&asked, |trust| link_of(&links, trust))))
        .collect())
}

async fn combine_now(hub: &Hub, asked: &[Asked]) -> Result<Combined, ApiProblem> {
    let links = if asked.iter().all(|asked| asked.state.ended()) { Vec::new() } else { links(hub).await? };
    Ok(combine(asked, |trust| link_of(&links, trust)))
}

async fn links(hub: &Hub) -> Result<Vec<(PartyId, Link)>, ApiProblem> {
    Ok(standing(hub).await?.into_iter().map(|standing| (standing.trust.id, standing.link)).collect())
}

fn link_of(links: &[(PartyId, Link)], trust: PartyId) -> Link {
    links.iter().find(|(id, _)| *id == trust).map_or(Link::Offline(None), |(_, link)| *link)
}
