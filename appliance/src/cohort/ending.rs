//! Orders that end without a question being answered: those that the hub has cancelled, and those to drop what was
//! frozen.

use flip_protocol::freeze::DropOutcome;
use flip_protocol::ident::{ProjectId, QueryId};
use flip_protocol::{MessageId, UnixMillis};
use flip_storage::error_chain;
use serde_json::json;

use super::{HistoryLine, LaneError};
use crate::clock;
use crate::frozen::{FrozenError, Listed};
use crate::outbox::{self, Leaving};
use crate::site::Site;

/// Takes a cancelled order out: nothing leaves for it.
pub(super) fn withdraw(site: &Site, line: HistoryLine) -> Result<(), LaneError> {
    let (order, now) = (line.order, clock::now());
    tracing::info!(%order, "the hub has cancelled an order; nothing left for it");
    site.audit.append(now.0, "order_cancelled", json!({ "order": order, "project": line.project }))?;
    let line = HistoryLine { ended: now, withdrawn: true, left: None, freezing: None, ..line };
    let line = serde_json::to_vec(&line).expect("a line of history is plain strings and numbers");
    Ok(site.journal.discard(order.bytes(), &line)?)
}

/// Carries out an order to keep no frozen cohort of a query any more.
pub(super) fn drop_freezes(
    site: &Site,
    line: HistoryLine,
    project: Option<ProjectId>,
    query: QueryId,
) -> Result<(), LaneError> {
    let order = line.order;
    let outcome = match drop_all(site, order, project, query)? {
        Ok(versions) => DropOutcome::Dropped { versions },
        Err(error) => {
            tracing::error!(%order, error = error_chain(&error), "frozen cohorts could not be dropped");
            DropOutcome::NotDropped
        }
    };
    let now = clock::now();
    let line = HistoryLine { ended: now, dropped: Some(outcome), ..line };
    let line = serde_json::to_vec(&line).expect("a line of history is plain strings and numbers");
    let (identity, sealed_at) = (site.identity(), site.hub_clock(now));
    outbox::put(&site.journal, &identity, order, Leaving::Dropped(outcome), &line, sealed_at)?;
    site.bell.ring();
    Ok(())
}

/// How many versions were dropped.
fn drop_all(
    site: &Site,
    order: MessageId,
    project: Option<ProjectId>,
    query: QueryId,
) -> Result<Result<u32, FrozenError>, LaneError> {
    let listed = match site.frozen.list() {
        Ok(listed) => listed,
        Err(error) => return Ok(Err(error)),
    };
    let mut dropped = 0;
    for one in listed {
        // A file that cannot be read is for people at the Trust to look at: whose it is, is not known.
        let Listed::Version(facts) = one else { continue };
        if facts.query != query || facts.project != project || facts.dropped.is_some() {
            continue;
        }
        let at: UnixMillis = clock::now();
        if let Err(error) = site.frozen.drop_one(&site.generations, &facts.name, "the hub's order", at) {
            return Ok(Err(error));
        }
        dropped += 1;
        let told = json!({ "cohort": facts.name.to_string(), "by": "the hub's order", "order": order });
        site.audit.append(at.0, "cohort_dropped", told)?;
    }
    Ok(Ok(dropped))
}
