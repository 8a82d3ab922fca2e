//! Staging projects, deciding about them for a Trust, and freezing what was approved.

use std::sync::Arc;
use std::time::Duration;

use flip_protocol::answer::Extract;
use flip_protocol::{PartyId, bounds as wire};
use uuid::Uuid;

use super::{running, wake};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::board::Case;
use crate::ledger::cursor::{Cursor, cut};
use crate::ledger::freezes::Freeze;
use crate::ledger::staging::{Deciding, Stopped};
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::project::{Refused, Verdict};

/// Stages the project at Trusts.
pub async fn stage(may: &May<acts::StageProject>, hub: &Hub, trusts: Vec<PartyId>) -> Result<(), ApiProblem> {
    hub.ledger.stage(may.by(), may.project(), trusts).await?.map_err(problem_of)?;
    tracing::info!(project = %may.project(), by = may.person().name, "a project was staged");
    hub.announce_change();
    Ok(())
}

/// Takes the project out of Trusts; out of all where none is named.
pub async fn unstage(
    may: &May<acts::UnstageProject>,
    hub: &Hub,
    trusts: Vec<PartyId>,
) -> Result<(), ApiProblem> {
    hub.ledger.unstage(may.by(), may.project(), trusts).await?.map_err(problem_of)?;
    tracing::info!(project = %may.project(), by = may.person().name, "a project was unstaged");
    hub.announce_change();
    Ok(())
}

/// Approves or declines the project for a Trust.
pub async fn decide(
    may: &May<acts::Decide>,
    hub: &Arc<Hub>,
    trust: PartyId,
    query: Uuid,
    verdict: Verdict,
    reason: &str,
) -> Result<(), ApiProblem> {
    let reason = checked(verdict, reason)?;
    let now = clock::now();
    let deciding = Deciding { project: may.project(), trust, query, verdict, reason };
    let expires = now.plus(wire::ORDER_LIFE_MS);
    let ordered = hub.ledger.decide(may.by(), deciding, expires, hub.sealer(now)).await?;
    if ordered.map_err(problem_of)? {
        wake(hub, &[trust]);
    }
    tracing::info!(project = %may.project(), %trust, by = may.person().name, verdict = verdict.name(), "a Trust decided");
    hub.announce_change();
    Ok(())
}

/// What the person decides about, from a place on: what waits first.
pub async fn cases(
    may: &May<acts::SeeDecisions>,
    hub: &Hub,
    from: Cursor,
    most: u32,
) -> Result<(Vec<Case>, Option<Cursor>), ApiProblem> {
    let found = hub.ledger.cases(may.person().id, from, most + 1).await?;
    Ok(cut(found, most, Case::place))
}

/// The data that each Trust's appliance has in use, as it last said.
pub async fn extracts(hub: &Hub) -> Result<Vec<(PartyId, Option<Extract>)>, ApiProblem> {
    let standing = super::standing(hub).await?;
    Ok(standing
        .into_iter()
        .map(|standing| (standing.trust.id, standing.health.and_then(|health| health.extract)))
        .collect())
}

/// Orders the freeze of an approved cohort again where the person decides. Trusts where such an order is under way are
/// left alone, so that a second call changes nothing.
pub async fn freeze(may: &May<acts::Freeze>, hub: &Arc<Hub>, query: Uuid) -> Result<(), ApiProblem> {
    may.undeleted()?;
    running::takes_work(hub).await?;
    let now = clock::now();
    let expires = now.plus(wire::ORDER_LIFE_MS);
    let frozen = hub.ledger.freeze_again(may.by(), may.project(), query, expires, hub.sealer(now)).await?;
    let (ordered, may_be) = frozen.map_err(problem_of)?;
    if may_be == 0 {
        let title = "There is no cohort of this query that you could freeze.";
        return Err(ApiProblem::new(Code::NothingToFreeze, title).detail(
            "a Trust freezes a cohort when the project was staged there with this query and the Trust has approved it; \
             who decided for a Trust freezes again",
        ));
    }
    wake(hub, &ordered);
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

fn checked(verdict: Verdict, reason: &str) -> Result<String, ApiProblem> {
    let unusable = |why: &str| ApiProblem::new(Code::BadReason, "The reason is not usable.").detail(why);
    let reason = reason.trim();
    if reason.chars().count() > bounds::REASON_CHARACTERS {
        return Err(unusable("the reason is longer than 500 characters"));
    }
    if reason.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
        return Err(unusable("the reason has control characters in it"));
    }
    if verdict == Verdict::Declined && reason.is_empty() {
        return Err(unusable("say why it is declined: the researchers read it"));
    }
    Ok(reason.to_owned())
}

fn problem_of(stopped: Stopped) -> ApiProblem {
    let (refused, names) = match stopped {
        Stopped::Barred(barred) => return barred.into(),
        Stopped::NoTrust(trust) => {
            let title = "There is no such Trust.";
            return ApiProblem::new(Code::NoSuchTrust, title)
                .detail(format!("no Trust has the id {trust}; nothing was changed"));
        }
        Stopped::OwnAdmin(trust) => {
            let title = "This Trust decides for itself.";
            return ApiProblem::new(Code::OwnAdmin, title)
                .detail(format!("{trust} has an admin of its own, who alone decides for it"));
        }
        Stopped::NotTheirTrust => {
            let title = "You decide for your own Trust alone.";
            return ApiProblem::new(Code::NotYourTrust, title);
        }
        Stopped::Refused(refused, names) => (refused, names),
    };
    let name = |trust: PartyId| names.iter().find(|(id, _)| *id == trust).map_or("a Trust", |(_, name)| name);
    match refused {
        Refused::NoQuery => ApiProblem::new(Code::NoQuery, "Nothing was asked in this project yet.")
            .detail("ask a query; when Trusts have answered with a number, stage it there"),
        Refused::NoTrusts => ApiProblem::new(Code::NoneChosen, "No Trust is chosen.")
            .detail("choose at least one Trust that gave a number"),
        Refused::Unusable(why) => {
            let lines: Vec<String> =
                why.iter().map(|(trust, why)| format!("{}: {}", name(*trust), why.sentence())).collect();
            ApiProblem::new(Code::NotUsable, "The project cannot be staged there; it was staged nowhere.")
                .detail(lines.join("; "))
        }
        Refused::AlreadyStaged(trust) => {
            ApiProblem::new(Code::AlreadyStaged, "The project is staged there already.")
                .detail(format!("it is staged at {}; it was staged nowhere else now", name(trust)))
        }
        Refused::NotStaged(trust) => ApiProblem::new(Code::NotStaged, "The project is not staged there.")
            .detail(format!("it is not staged at {}, or not any more; load the page again", name(trust))),
        Refused::OtherQuery => {
            ApiProblem::new(Code::OtherQuery, "The project was staged anew, with another query.")
                .detail("nothing was decided; look at the query that it is staged with now")
        }
        Refused::Decided(trust, made) => {
            ApiProblem::new(Code::AlreadyDecided, "That Trust has decided already.").detail(format!(
                "for {} it was {} by {}; a decision stands",
                name(trust),
                made.verdict.name(),
                made.by
            ))
        }
    }
}
