//! What this appliance says to its hub and what it hears from it, whatever carries the one and the other: a sync
//! ([`crate::uplink`]) or a bundle ([`crate::sticks`]).
//!
//! What must stay true: a carrier adds nothing to what is said and leaves nothing out. Deliberately absent: results, which
//! a carrier takes from the journal as many as it can carry, and when anything is said.

use flip_protocol::sync::{Holding, NotTaken, Stage, SyncRequest, SyncResponse};
use flip_protocol::{MessageId, UnixMillis, bounds as wire};
use flip_storage::journal::{Id, JournalError};

use crate::bounds;
use crate::clock;
use crate::identity::Identity;
use crate::inbox;
use crate::site::Site;

/// What there is to say now, without results.
pub fn say(site: &Site, now: UnixMillis) -> Result<SyncRequest, JournalError> {
    let holding = site.holding()?;
    let waiting = holding.iter().filter(|held| held.stage != Stage::Answered).count();
    Ok(SyncRequest {
        received: Vec::new(),
        refused: site.refused(),
        holding,
        results: Vec::new(),
        health: site.health(now)?,
        wait_ms: 0,
        room: bounds::ORDERS_WAITING.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX)),
        audit: None,
    })
}

/// Takes in what the hub says, but for orders; `held` are the orders here that it may have cancelled. What it has
/// cancelled is remembered: sticks come in any order, and an order may come after its cancellation.
pub fn hear(site: &Site, response: &SyncResponse, held: &[Holding]) -> Result<(), JournalError> {
    settle(site, response)?;
    let cancelled: Vec<Id> = response.cancelled.iter().map(|order| order.bytes()).collect();
    let clocks = [site.heard().max(response.hub_time).0, clock::now().0];
    site.journal.cancel(&cancelled, clocks, response.hub_time.plus(wire::ORDER_LIFE_MS).0)?;
    let is_held = |order: &MessageId| held.iter().any(|held| held.order == *order);
    let cancelled: Vec<MessageId> = response.cancelled.iter().copied().filter(is_held).collect();
    if site.withdraw(&cancelled) {
        site.bell.ring();
    }
    Ok(())
}

/// Takes in orders; gives those that are durably stored, now or before. Their expiry is judged by `now`.
pub fn take(
    site: &Site,
    identity: &Identity,
    orders: Vec<Option<Vec<u8>>>,
    now: UnixMillis,
) -> Result<Vec<MessageId>, JournalError> {
    let taken = inbox::take(&site.journal, identity, orders, now)?;
    site.note_refused(taken.refused);
    if taken.new > 0 {
        site.bell.ring();
    }
    Ok(taken.received)
}

/// Forgets results that the hub has stored, and those that it will never take; of the latter it is told that their
/// orders have come to nothing, or it would hand them over again.
fn settle(site: &Site, response: &SyncResponse) -> Result<(), JournalError> {
    let stored: Vec<Id> = response.acknowledged.iter().map(|id| id.bytes()).collect();
    let mut not_taken = Vec::new();
    if !response.refused.is_empty() {
        let outgoing = site.journal.outgoing_heads(wire::SYNC_LISTED)?;
        for refused in &response.refused {
            // One that a stick names again is gone already.
            let Some(result) = outgoing.iter().find(|result| result.id == refused.message.bytes()) else {
                continue;
            };
            let reason = refused.reason;
            tracing::error!(result = %refused.message, reason = reason.name(), "the hub refused a result");
            site.journal.count(&format!("refused_by_hub.{}", reason.name()))?;
            not_taken.push((result.id, reason.name()));
            site.note_refused([NotTaken { message: MessageId::from_bytes(result.order), reason }]);
        }
    }
    site.journal.settled(&stored, &not_taken)
}
