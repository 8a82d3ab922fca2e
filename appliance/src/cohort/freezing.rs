//! An order to freeze: after its question is answered as any other, the cohort is kept here.
//!
//! What must stay true: nothing is frozen that was not answered with a value, and it is frozen on the generation that
//! the answer is of; what is said of it to the hub is a name and a seal, beside the answer.

use std::time::{Duration, Instant};

use flip_protocol::MessageId;
use flip_protocol::answer::CohortOutcome;
use flip_protocol::freeze::{Freezing, NotFrozen};
use flip_protocol::ident::{ProjectId, QueryId};
use flip_storage::audit::AuditError;
use flip_storage::error_chain;
use serde_json::json;

use crate::clock;
use crate::desk::{self, Asked};
use crate::disclosure::Release;
use crate::engine::{CancelFlag, Engine, EngineFailure};
use crate::frozen::{FrozenError, Wanted};
use crate::site::Site;

/// What is asked to be frozen.
pub(super) struct ToFreeze<'a> {
    pub order: MessageId,
    pub title: &'a str,
    pub asked: Asked<'a>,
    pub project: Option<ProjectId>,
    pub query: QueryId,
}

/// Freezes the cohort behind a release; `None` where the appliance stops meanwhile.
pub(super) fn freeze(
    site: &Site,
    engine: &mut Engine,
    asked: &ToFreeze<'_>,
    release: &Release,
    cancel: &CancelFlag,
) -> Result<Option<Freezing>, AuditError> {
    let began = Instant::now();
    let mut expected = Duration::ZERO;
    let outcome = attempt(site, engine, asked, release, &mut expected, cancel);
    // As an answer leaves: how long exactly it took is not told. Who ends the order now waits too: what is frozen is.
    if site.cancel.wait(site.desk.to_tick(began.elapsed(), expected)) {
        return Ok(None);
    }
    let reason = match outcome {
        Ok(Some(frozen)) => {
            let facts = json!({
                "order": asked.order,
                "project": asked.project,
                "cohort": format!("{}.v{}", frozen.cohort, frozen.version),
                "generation": frozen.generation,
            });
            site.audit.append(clock::now().0, "cohort_frozen", facts)?;
            tracing::info!(order = %asked.order, cohort = frozen.cohort, version = frozen.version, "a cohort was frozen");
            return Ok(Some(Freezing::Frozen(frozen)));
        }
        Ok(None) => return Ok(None),
        Err(reason) => reason,
    };
    site.audit.append(clock::now().0, "cohort_not_frozen", json!({ "order": asked.order, "why": reason }))?;
    Ok(Some(Freezing::NotFrozen { reason }))
}

fn attempt(
    site: &Site,
    engine: &mut Engine,
    asked: &ToFreeze<'_>,
    release: &Release,
    expected: &mut Duration,
    cancel: &CancelFlag,
) -> Result<Option<flip_protocol::freeze::Frozen>, NotFrozen> {
    let CohortOutcome::Value(answer) = release.outcome() else { return Err(NotFrozen::NoCohort) };
    let failed = |error: &dyn std::error::Error| {
        tracing::error!(order = %asked.order, error = error_chain(error), "a cohort could not be frozen");
        NotFrozen::Failed
    };
    // Where its question was new, that has taken its place.
    if site.desk.over_quota(asked.asked).map_err(|error| failed(&error))?.is_some() {
        return Err(NotFrozen::QuotaSpent);
    }
    site.desk.count(asked.asked).map_err(|error| failed(&error))?;
    let plan = flip_gate::admit(asked.asked.sql).map_err(|refusal| {
        tracing::error!(order = %asked.order, why = refusal.message, "an answered question is not let in again");
        NotFrozen::Failed
    })?;
    // The generation in use may have changed since the answer.
    let generation = site.generations.named(&answer.extract.generation).map_err(|error| failed(&error))?;
    let members = match engine.members(&generation.database, &plan, cancel) {
        Ok(found) => {
            *expected = desk::expected_of(found.cost);
            found.members
        }
        Err(EngineFailure::Cancelled) if site.is_stopping() => return Ok(None),
        Err(EngineFailure::Cancelled) => return Err(NotFrozen::EndedHere),
        Err(EngineFailure::Failed(flip_protocol::answer::Failed::TooManyRows)) => {
            return Err(NotFrozen::TooLarge);
        }
        Err(error @ (EngineFailure::TooCostly | EngineFailure::Failed(_))) => {
            return Err(failed(&error));
        }
    };
    let wanted = Wanted {
        title: asked.title,
        sql: asked.asked.sql,
        canonical: plan.canonical(),
        project: asked.project,
        query: asked.query,
        order: Some(asked.order),
    };
    let kept = site
        .frozen
        .freeze(&site.generations, &generation, &wanted, &members, clock::now())
        .and_then(|facts| site.frozen.told(&facts.name));
    kept.map(Some).map_err(|error| {
        let reason = failed(&error);
        if matches!(error, FrozenError::DiskFull { .. }) { NotFrozen::DiskFull } else { reason }
    })
}
