//! What people do here, once for the API and the console.

pub mod access;
pub mod asking;
pub mod audit;
pub mod files;
pub mod history;
pub mod identity;
pub mod links;
pub mod mail;
pub mod models;
pub mod passwords;
pub mod people;
pub mod projects;
pub mod running;
pub mod second_factor;
pub mod sessions;
pub mod staging;
pub mod sticks;
pub mod tokens;
pub mod trusts;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use flip_protocol::enrolment::Kit;
use flip_protocol::ident::ProjectId;
use flip_protocol::{PartyId, UnixMillis};
use uuid::Uuid;

use crate::clock;
use crate::combine::{Combined, combine};
use crate::hub::{self, Hub};
use crate::ledger::projects::Seer;
use crate::ledger::queries::{Asked, Query};
use crate::ledger::trusts::{Added, Trust};
use crate::people::may::May;
use crate::permissions::acts;
use crate::presence::Link;
use crate::problem::{ApiProblem, Code};
use crate::search::Words;

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

/// That somebody typed the name of what is to be gone for good; `title` says what for.
fn typed(name: &str, known: &str, title: &str) -> Result<(), ApiProblem> {
    if name.trim() == known {
        return Ok(());
    }
    Err(ApiProblem::new(Code::NameDiffers, title).detail(format!("its name is “{known}”")))
}

/// There is another edition since of what somebody edited.
#[derive(Debug)]
pub struct Stale {
    /// What it is now where it is not what was typed.
    pub theirs: String,
    /// Its edition now.
    pub edition: u64,
    /// What programs are told.
    pub problem: ApiProblem,
}

impl Stale {
    fn of(what: &str, theirs: String, edition: u64) -> Self {
        let title =
            format!("The {what} was changed after you opened it, by somebody else or by you elsewhere.");
        let problem = ApiProblem::new(Code::StaleEdition, &title).detail(format!(
            "{theirs}; nothing of yours was saved; to put yours in its place, send it again with edition {edition}"
        ));
        Self { theirs, edition, problem }
    }
}

impl From<Stale> for ApiProblem {
    fn from(stale: Stale) -> Self {
        stale.problem
    }
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
        Added::NameTaken => Err(ApiProblem::new(Code::NameTaken, "Another Trust has that name.")
            .detail(format!("“{taken_name}” is taken; choose another name"))),
    }
}

/// All Trusts and how they stand.
pub async fn all_trusts(_: &May<acts::SeeTrusts>, hub: &Hub) -> Result<Vec<Standing>, ApiProblem> {
    standing(hub).await
}

/// All Trusts, for a page that is shown beside another act.
pub async fn standing(hub: &Hub) -> Result<Vec<Standing>, ApiProblem> {
    let (trusts, now) = (hub.ledger.trusts().await?, clock::now());
    let stands = trusts.into_iter().map(|trust| {
        let (link, seen, health) = hub.presence.of(&trust, now);
        Standing { trust, link, seen, health }
    });
    Ok(stands.collect())
}

/// Tells Trusts that there is news for them.
pub fn wake(hub: &Hub, trusts: &[PartyId]) {
    for trust in trusts {
        hub.presence.announce_work(*trust);
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

/// The newest queries that the person may see with these words in their name or SQL, of one project where one is named,
/// from after one of them on, and their combined results without their fields; and the one after which it goes on.
pub async fn queries(
    may: &May<acts::SeeLists>,
    hub: &Hub,
    of: Option<ProjectId>,
    words: &Words,
    after: Option<Uuid>,
    most: u32,
) -> Result<(Vec<(Query, Combined)>, Option<Uuid>), ApiProblem> {
    let links = links(hub).await?;
    let seer = Seer::of(may.person().id, may.person().role);
    let mut queries = hub.ledger.queries(seer, of, words, after, most + 1).await?;
    let more = queries.len() > most as usize;
    queries.truncate(most as usize);
    let next = queries.last().map(|(query, _)| query.id).filter(|_| more);
    let combined =
        queries.into_iter().map(|(query, asked)| (query, combine(&asked, |trust| link_of(&links, trust))));
    Ok((combined.collect(), next))
}

async fn combine_now(hub: &Hub, asked: &[Asked]) -> Result<Combined, ApiProblem> {
    let links =
        if asked.iter().all(|asked| asked.state.ended()) { HashMap::new() } else { links(hub).await? };
    Ok(combine(asked, |trust| link_of(&links, trust)))
}

async fn links(hub: &Hub) -> Result<HashMap<PartyId, Link>, ApiProblem> {
    Ok(standing(hub).await?.into_iter().map(|standing| (standing.trust.id, standing.link)).collect())
}

fn link_of(links: &HashMap<PartyId, Link>, trust: PartyId) -> Link {
    links.get(&trust).copied().unwrap_or(Link::Offline(None))
}
