//! `POST /v1/sync`: what an appliance says is stored, then it is handed work, waiting for some if there is none.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use flip_protocol::heads::Carrier;
use flip_protocol::message::Unwelcome;
use flip_protocol::sync::{Stage, SyncRequest, SyncResponse};
use flip_protocol::{MessageId, UnixMillis, bounds, text};

use super::{Fingerprint, refusal};
use crate::clock;
use crate::exchange::{Exchange, too_much};
use crate::hub::Hub;
use crate::ledger::LedgerError;
use crate::ledger::orders::Said;
use crate::ledger::trusts::Peer;

pub(super) async fn post(
    State(hub): State<Arc<Hub>>,
    Extension(Fingerprint(fingerprint)): Extension<Fingerprint>,
    body: Result<Json<SyncRequest>, JsonRejection>,
) -> Response {
    let now = clock::now();
    let peer = match hub.ledger.peer_of_certificate(fingerprint, now).await {
        Ok(Some(peer)) => peer,
        Ok(None) => return refusal::unknown_certificate(),
        Err(error) => return refusal::ledger(&error),
    };
    let request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => {
            tracing::warn!(trust = %peer.id, error = rejection.body_text(), "a sync is not one");
            return match hub.ledger.count_refused(peer.id, Unwelcome::Malformed).await {
                Ok(()) => refusal::bad_body(rejection.body_text()),
                Err(error) => refusal::ledger(&error),
            };
        }
    };
    if let Some(why) = too_much(&request) {
        return refusal::bad_body(why.to_owned());
    }
    match sync(&hub, &peer, request, now).await {
        Ok(response) => {
            hub.metrics.syncs.inc();
            Json(response).into_response()
        }
        Err(error) => refusal::ledger(&error),
    }
}

async fn sync(
    hub: &Arc<Hub>,
    peer: &Peer,
    request: SyncRequest,
    now: UnixMillis,
) -> Result<SyncResponse, LedgerError> {
    note_seen(hub, peer, &request, now).await?;
    let mut response = SyncResponse {
        hub_time: now,
        acknowledged: Vec::new(),
        refused: Vec::new(),
        orders: Vec::new(),
        rotate: peer.rotate,
        audit: None,
        cancelled: Vec::new(),
    };
    // Only the polling lane waits, and only its list of orders is sure to be later than its receipts.
    let polls = request.wait_ms > 0;
    let exchange = Exchange { authority: &hub.authority, ledger: &hub.ledger, peer, now };
    let results = request.results.iter().map(|result| text::decode(result)).collect();
    let settled = exchange.take(Said::of(&request, polls.then_some(now)), results).await?;
    response.acknowledged = settled.acknowledged;
    response.refused = settled.refused;
    if settled.changed {
        hub.announce_change();
    }
    if let Some(heads) = &request.audit {
        response.audit = exchange.heads(heads, Carrier::Network).await?;
    }
    let has_news = !response.acknowledged.is_empty()
        || !response.refused.is_empty()
        || response.audit.is_some()
        || response.rotate;
    let wait_ms = if has_news { 0 } else { request.wait_ms.min(bounds::LONG_POLL_MS) };
    let room = request.room.min(u32::try_from(bounds::SYNC_MESSAGES).unwrap_or(u32::MAX));
    let held = request.holding.iter().filter(|held| held.stage != Stage::Answered);
    let held: Vec<MessageId> = held.map(|held| held.order).collect();
    (response.orders, response.cancelled) =
        wait_for_news(hub, peer, room, &held, Duration::from_millis(wait_ms)).await?;
    response.hub_time = clock::now();
    note_seen(hub, peer, &request, response.hub_time).await?;
    Ok(response)
}

/// Notes a sign of life, and now and then writes it down.
async fn note_seen(
    hub: &Hub,
    peer: &Peer,
    request: &SyncRequest,
    now: UnixMillis,
) -> Result<(), LedgerError> {
    if hub.presence.seen(peer.id, &request.health, now) {
        hub.ledger.seen(peer.id, request.health.clone(), now).await?;
    }
    Ok(())
}

/// Orders for an appliance, and which of those that it holds are cancelled.
async fn wait_for_news(
    hub: &Hub,
    peer: &Peer,
    room: u32,
    held: &[MessageId],
    wait: Duration,
) -> Result<(Vec<String>, Vec<MessageId>), LedgerError> {
    let until = tokio::time::Instant::now() + wait;
    let _waits = (!wait.is_zero()).then(|| hub.metrics.waits());
    // Subscribed before the first look, so that work which comes in between wakes it.
    let mut work = hub.presence.work(peer.id);
    let look = async || {
        let orders = if room == 0 { Vec::new() } else { hub.ledger.queued(peer.id, room).await? };
        let cancelled = hub.ledger.cancelled(peer.id, held.to_vec()).await?;
        let tells = hub.presence.tells_cancelled(peer.id, &cancelled, clock::now());
        let is_news = !orders.is_empty() || tells;
        Ok::<_, LedgerError>((is_news, (within_bounds(&orders), cancelled)))
    };
    let (is_news, found) = look().await?;
    if is_news || wait.is_zero() {
        return Ok(found);
    }
    tokio::select! {
        // Not always an order: its next sync then hears what there is.
        _ = work.changed() => look().await.map(|(_, found)| found),
        () = hub.stopped() => Ok(found),
        () = tokio::time::sleep_until(until) => Ok(found),
    }
}

/// As many orders as fit in half of a response, at least one.
fn within_bounds(orders: &[Vec<u8>]) -> Vec<String> {
    let mut left = usize::try_from(bounds::SYNC_BYTES / 2).unwrap_or(usize::MAX);
    let mut texts = Vec::new();
    for order in orders {
        let text = text::encode(order);
        if !texts.is_empty() && text.len() > left {
            break;
        }
        left = left.saturating_sub(text.len());
        texts.push(text);
    }
    texts
}
