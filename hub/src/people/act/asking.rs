//! Asking questions, and cancelling them.

use std::sync::Arc;

use flip_protocol::answer::Place;
use flip_protocol::ident::ProjectId;
use flip_protocol::{bounds as wire, ident};
use uuid::Uuid;

use super::{running, wake};
use crate::clock;
use crate::hub::{self, Hub};
use crate::ledger::projects::About;
use crate::ledger::queries::{NewQuery, NotAsked, Query};
use crate::people::may::{self, May, Wish};
use crate::people::session::Person;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// Checks a question, stores it with one order per enrolled Trust, and wakes them.
///
/// A question without a project is asked in the person's own. Nothing is made for one that is refused.
pub async fn ask(
    wish: Wish<acts::Ask>,
    hub: &Arc<Hub>,
    name: &str,
    sql: &str,
    project: Option<ProjectId>,
) -> Result<Uuid, ApiProblem> {
    let by = wish.person().by();
    if let Some(project) = project {
        wish.of(hub, project).await?.undeleted()?;
    }
    running::takes_work(hub).await?;
    let name = hub::check_name(name).map_err(ApiProblem::bad_name)?.to_owned();
    check_question(sql).await?;
    let now = clock::now();
    let id = ident::uuid_v7(now, &clock::random_bytes());
    let fresh = ProjectId::new(now, &clock::random_bytes());
    let new = NewQuery { id, name, sql: sql.to_owned(), project, fresh };
    let asked = hub.ledger.ask(by, new, now.plus(wire::ORDER_LIFE_MS), hub.sealer(now)).await?;
    wake(hub, &asked.map_err(problem_of)?);
    hub.announce_change();
    Ok(id)
}

/// The query that is to be asked again, where it is one that the person may see.
pub async fn again(person: &Person, hub: &Hub, id: &str) -> Result<Option<Query>, ApiProblem> {
    if id.is_empty() {
        return Ok(None);
    }
    let id = id.parse().map_err(|_| ApiProblem::not_found())?;
    let (query, _) = hub.ledger.query(id).await?.ok_or_else(ApiProblem::not_found)?;
    let place = hub.ledger.place(person.id, About::Project(query.project)).await?;
    if may::sees_answers(person, place.as_ref()) { Ok(Some(query)) } else { Err(ApiProblem::not_found()) }
}

/// Cancels what of a query is still under way.
pub async fn cancel(may: &May<acts::Ask>, hub: &Arc<Hub>, query: Uuid) -> Result<(), ApiProblem> {
    may.undeleted()?;
    let trusts = hub.ledger.cancel_query(may.by(), query).await??;
    if trusts.is_empty() {
        let title = "Nothing of this query is under way.";
        return Err(ApiProblem::new(Code::NothingToCancel, title)
            .detail("every Trust's share of it has come to its end"));
    }
    tracing::info!(%query, by = may.person().name, trusts = trusts.len(), "a query was cancelled");
    wake(hub, &trusts);
    hub.announce_change();
    Ok(())
}

/// The hub's quick look at a question. The Trusts' own gates decide.
async fn check_question(sql: &str) -> Result<(), ApiProblem> {
    let owned = sql.to_owned();
    let admitted = tokio::task::spawn_blocking(move || flip_gate::admit(&owned)).await;
    match admitted.expect("the gate does not panic") {
        Ok(_) => Ok(()),
        Err(refusal) => {
            let place = refusal.place.map(|place| Place { line: place.line, column: place.column });
            Err(ApiProblem::of_gate(refusal.code, refusal.message, place))
        }
    }
}

fn problem_of(not: NotAsked) -> ApiProblem {
    match not {
        NotAsked::Barred(barred) => barred.into(),
        NotAsked::NoTrusts => ApiProblem::new(Code::NoTrusts, "No Trust is enrolled yet.")
            .detail("add a Trust and have its appliance enrol with the kit, then ask again"),
        NotAsked::Closed(state) => closed(state),
    }
}

/// Nothing is asked in a project that is staged or approved.
pub fn closed(state: &str) -> ApiProblem {
    let title = "Nothing is asked in this project any more.";
    ApiProblem::new(Code::ProjectClosed, title).detail(format!(
        "the project is {state}, and Trusts decide about the query that it is staged with; ask in another project, or \
         have an admin unstage it while no Trust has approved"
    ))
}
