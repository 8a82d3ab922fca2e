//! The cohort lane: one waiting question or freeze at a time, from the journal through gate, engine and disclosure
//! back into the journal.
//!
//! What must stay true: an order leaves the journal only with its result, in one transaction; an order cut short by
//! a stop or a crash is simply still there. Deliberately absent: the network.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flip_protocol::answer::{CohortOutcome, Failed};
use flip_protocol::freeze::{DropOutcome, Freezing};
use flip_protocol::ident::ProjectId;
use flip_protocol::message::{Sealed, Unwelcome};
use flip_protocol::order::Work;
use flip_protocol::sync::NotTaken;
use flip_protocol::{MessageId, UnixMillis};
use flip_storage::audit::AuditError;
use flip_storage::error_chain;
use flip_storage::journal::{JournalError, Waiting};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::desk::{Alert, Asked, DeskError, Said};
use crate::disclosure::Release;
use crate::engine::{CancelFlag, Engine, Settings};
use crate::inbox;
use crate::outbox::{self, Leaving, OutboxError};
use crate::refusals::RefusalsError;
use crate::site::Site;

mod ending;
mod freezing;

use freezing::ToFreeze;

/// What happened to one order, in plain words, for people at the Trust. Stays at the Trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// The order.
    pub order: MessageId,
    /// When it was received.
    pub received: UnixMillis,
    /// When it ended.
    pub ended: UnixMillis,
    /// The query's name.
    pub name: String,
    /// What it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// The question.
    pub sql: String,
    /// What left the Trust; `None` where nothing did.
    pub left: Option<CohortOutcome>,
    /// Of an order to freeze: what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freezing: Option<Freezing>,
    /// True where the hub cancelled it: nothing left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Of an order to drop what was frozen: what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<DropOutcome>,
}

impl HistoryLine {
    /// Of an order of which no more is known.
    fn of(order: MessageId, received: UnixMillis) -> Self {
        Self {
            order,
            received,
            ended: received,
            name: String::new(),
            project: None,
            sql: String::new(),
            left: None,
            freezing: None,
            withdrawn: false,
            dropped: None,
        }
    }
}

/// Why a question was not brought to an end.
#[derive(Debug, thiserror::Error)]
enum LaneError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error(transparent)]
    Refusals(#[from] RefusalsError),
}

/// How long the lane waits for news before it looks whether an engine's process stands by.
const LOOK: Duration = Duration::from_secs(5);
/// How long the lane rests after its journal failed.
const REST: Duration = Duration::from_secs(2);

/// Works until the appliance stops.
pub fn work(site: &Arc<Site>, engine: Settings) {
    let mut engine = Engine::new(engine);
    let mut heard = 0;
    let mut fruitless = None;
    if let Err(error) = compare(site) {
        tracing::error!(error = error_chain(&error), "the cohorts of the last run could not be compared");
    }
    while !site.is_stopping() {
        match next(site) {
            Ok(Some(waiting)) => {
                // It starts one where it can, and then one can stand by again.
                fruitless = None;
                if let Err(error) = work_on(site, &mut engine, &waiting) {
                    tracing::error!(
                        error = error_chain(&error),
                        "an order could not be ended; it stays and is tried again"
                    );
                    std::thread::sleep(REST);
                }
            }
            Ok(None) => {
                stand_by(site, &mut engine, &mut fruitless);
                heard = site.bell.wait(heard, LOOK);
            }
            Err(error) => {
                tracing::error!(error = error_chain(&error), "the journal cannot be read");
                std::thread::sleep(REST);
            }
        }
    }
}

/// Has a process wait for questions of the generation in use. `fruitless` is a generation for which none could be started:
/// it is not tried again until it was asked, and its question says why.
fn stand_by(site: &Site, engine: &mut Engine, fruitless: &mut Option<String>) {
    let Ok(Some(generation)) = site.generations.current() else { return engine.dismiss() };
    if fruitless.as_ref() == Some(&generation.name) {
        return;
    }
    *fruitless = match engine.stand_by(&generation.database, Instant::now(), &site.cancel) {
        Ok(()) => None,
        Err(_) => Some(generation.name),
    };
    if let Some(sandbox) = engine.sandbox() {
        site.note_sandbox(*sandbox);
    }
}

/// The oldest order, or one that the hub has cancelled: it holds up nobody.
fn next(site: &Site) -> Result<Option<Waiting>, JournalError> {
    let waiting = site.journal.waiting_ids()?;
    let cancelled = waiting.iter().find(|order| site.is_withdrawn(MessageId::from_bytes(**order)));
    match cancelled.or_else(|| waiting.first()) {
        Some(order) => site.journal.waiting_one(*order),
        None => Ok(None),
    }
}

fn work_on(site: &Site, engine: &mut Engine, waiting: &Waiting) -> Result<(), LaneError> {
    let order = MessageId::from_bytes(waiting.id);
    let began = clock::now();
    let cancel = site.running(order, began);
    let outcome = bring_to_end(site, engine, order, waiting, began, &cancel);
    site.finished(order);
    if outcome.is_ok() {
        site.ended(order);
    }
    site.bell.ring();
    outcome
}

fn bring_to_end(
    site: &Site,
    engine: &mut Engine,
    order: MessageId,
    waiting: &Waiting,
    began: UnixMillis,
    cancel: &CancelFlag,
) -> Result<(), LaneError> {
    let identity = site.identity();
    let by_the_hub = site.hub_clock(began);
    let opened =
        Sealed::parse(waiting.message.clone()).and_then(|sealed| inbox::open(&identity, &sealed, by_the_hub));
    let received = UnixMillis(waiting.received_ms);
    let (name, sql, project, query) = match opened {
        Ok(Work::CohortQuery { name, sql, project }) => (name, sql, project, None),
        Ok(Work::FreezeCohort { name, sql, project, query }) => (name, sql, project, Some(query)),
        Ok(Work::DropFreeze { name, project, query }) => {
            let line = HistoryLine { name, project, ..HistoryLine::of(order, received) };
            return ending::drop_freezes(site, line, project, query);
        }
        Err(reason) => return Ok(give_back(site, order, received, reason)?),
    };
    let head = HistoryLine { name, project, sql, ..HistoryLine::of(order, received) };
    let (name, sql) = (&head.name, &head.sql);
    if site.is_withdrawn(order) {
        return ending::withdraw(site, head.clone());
    }
    let project_name = project.map_or_else(|| "none".to_owned(), |project| project.0.to_string());
    let asked = Asked { sql, project: &project_name, at: began, order: Some(order) };
    let came = match refused_here(site, project)? {
        Some(said) => Some(said),
        None => answer(site, engine, asked, cancel)?,
    };
    let Said { release, .. } = match came {
        // The order waits for the next start: it may be that its answer has not waited for its tick.
        Some(_) | None if site.is_stopping() => return Ok(()),
        Some(_) if site.is_withdrawn(order) => return ending::withdraw(site, head.clone()),
        // It was refused while it was worked on.
        Some(said) => refused_here(site, project)?.unwrap_or(said),
        None => {
            site.desk.count(asked)?;
            if site.is_withdrawn(order) {
                return ending::withdraw(site, head.clone());
            }
            refused_here(site, project)?.unwrap_or_else(|| Said::only(Release::ended_here()))
        }
    };
    let ended = clock::now();
    let took_ms = ended.since(began);
    tracing::info!(%order, took_ms, outcome = said(release.outcome()), "a cohort query was answered");
    // Before it can leave: what is not in the audit log has not happened.
    site.audit.append(ended.0, "question_answered", facts(order, project, &release))?;
    let freezing = match query {
        Some(query) => {
            let wanted = ToFreeze { order, title: name, asked, project, query };
            match freezing::freeze(site, engine, &wanted, &release, cancel)? {
                Some(freezing) => Some(freezing),
                None => return Ok(()),
            }
        }
        None => None,
    };
    if site.is_withdrawn(order) {
        return ending::withdraw(site, head.clone());
    }
    let line = |left: &Release| {
        let (left, freezing) = (Some(left.outcome().clone()), freezing.clone());
        let line = HistoryLine { ended, left, freezing, ..head.clone() };
        serde_json::to_vec(&line).expect("a line of history is plain strings and numbers")
    };
    let told = line(&release);
    let sealed_at = site.hub_clock(ended);
    let leaving = |release| match &freezing {
        Some(freezing) => Leaving::Freeze(release, freezing.clone()),
        None => Leaving::Answer(release),
    };
    match outbox::put(&site.journal, &identity, order, leaving(release), &told, sealed_at) {
        Err(OutboxError::TooLarge(error)) => {
            tracing::error!(%order, %error, "the answer is larger than the wire takes");
            let failed = Release::failed(Failed::Internal);
            let told = line(&failed);
            site.audit.append(ended.0, "answer_too_large", serde_json::json!({ "order": order }))?;
            outbox::put(&site.journal, &identity, order, leaving(failed), &told, sealed_at)?;
        }
        outcome => outcome?,
    }
    site.bell.ring();
    // The order has ended; what could not be compared now is compared after the next answer.
    if let Err(error) = compare(site) {
        tracing::error!(error = error_chain(&error), "a cohort could not be compared with earlier ones");
    }
    Ok(())
}

/// An order that can no longer be opened (it expired while it waited): the hub is told at once.
fn give_back(
    site: &Site,
    order: MessageId,
    received: UnixMillis,
    reason: Unwelcome,
) -> Result<(), JournalError> {
    tracing::warn!(%order, reason = reason.name(), "an order could not be begun");
    let line = HistoryLine { ended: clock::now(), ..HistoryLine::of(order, received) };
    let line = serde_json::to_vec(&line).expect("a line of history is plain strings and numbers");
    site.journal.discard(order.bytes(), &line)?;
    site.note_refused([NotTaken { message: order, reason }]);
    site.bell.ring();
    Ok(())
}

/// What is said to a project that people here refuse.
fn refused_here(site: &Site, project: Option<ProjectId>) -> Result<Option<Said>, RefusalsError> {
    let refusal = site.refusals.of(project)?;
    Ok(refusal.map(|refusal| Said::only(Release::project_refused(&refusal.reason))))
}

/// Gate, engine, disclosure. `None` where the question was cancelled.
fn answer(
    site: &Site,
    engine: &mut Engine,
    asked: Asked<'_>,
    cancel: &CancelFlag,
) -> Result<Option<Said>, DeskError> {
    let generation = match site.generations.current() {
        Ok(Some(generation)) => generation,
        Ok(None) => return Ok(Some(Said::without_data(asked.sql))),
        Err(error) => {
            tracing::error!(error = error_chain(&error), "the data generation cannot be read");
            return Ok(Some(Said::only(Release::failed(Failed::Internal))));
        }
    };
    let said = site.desk.answer(engine, &generation, asked, cancel);
    if let Some(sandbox) = engine.sandbox() {
        site.note_sandbox(*sandbox);
    }
    said
}

/// Looks whether a new cohort is nearly an earlier one; its answer is on its way by now.
fn compare(site: &Site) -> Result<(), LaneError> {
    site.desk.compare(|alert| {
        let Alert { project, alike, at, .. } = alert;
        tracing::warn!(project, alike, "a question's cohort is nearly that of an earlier one");
        let facts =
            serde_json::json!({ "project": project, "asked_at": clock::readable(*at), "alike": alike });
        site.audit.append(clock::now().0, "cohorts_alike", facts)?;
        Ok(())
    })
}

/// What the audit log says of an answer: the question's words are in the history, by its order.
fn facts(order: MessageId, project: Option<ProjectId>, release: &Release) -> serde_json::Value {
    let (persons, generation) = match release.outcome() {
        CohortOutcome::Value(answer) => (Some(answer.persons), Some(&answer.extract.generation)),
        CohortOutcome::FewerThan { extract, .. } => (None, Some(&extract.generation)),
        CohortOutcome::Refused(_) | CohortOutcome::Failed { .. } => (None, None),
    };
    serde_json::json!({
        "order": order,
        "project": project,
        "outcome": said(release.outcome()),
        "persons_released": persons,
        "generation": generation,
    })
}

fn said(outcome: &CohortOutcome) -> &'static str {
    match outcome {
        CohortOutcome::Value(_) => "value",
        CohortOutcome::FewerThan { .. } => "fewer_than",
        CohortOutcome::Refused(_) => "refused",
        CohortOutcome::Failed { .. } => "failed",
    }
}
