//! Which Trusts are here now: kept in memory, written down now and then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use flip_protocol::sync::Health;
use flip_protocol::{MessageId, PartyId, UnixMillis};
use tokio::sync::watch;

use crate::bounds;
use crate::ledger::trusts::Trust;

/// The Trusts that have called since the hub started.
#[derive(Default)]
pub struct Presence {
    trusts: Mutex<HashMap<PartyId, Entry>>,
}

#[derive(Default)]
struct Entry {
    seen: Option<UnixMillis>,
    written: Option<UnixMillis>,
    health: Option<Health>,
    work: watch::Sender<()>,
    /// When the appliance was last told of an order that is cancelled and that it still held.
    cancelled: HashMap<MessageId, UnixMillis>,
}

/// How a Trust stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Its kit is not used yet.
    NotEnrolled,
    /// It called within the last minute.
    Online,
    /// It has not called since then; `None` where it never did.
    Offline(Option<UnixMillis>),
    /// Its keys are void, since then.
    Revoked(UnixMillis),
}

impl Presence {
    /// Notes a sign of life; true where it should be written down.
    pub fn seen(&self, trust: PartyId, health: &Health, now: UnixMillis) -> bool {
        self.with(trust, |entry| {
            entry.seen = Some(now);
            let changed = entry.health.as_ref().is_none_or(|old| {
                (&old.version, &old.extract, old.engine, &old.concerns)
                    != (&health.version, &health.extract, health.engine, &health.concerns)
            });
            entry.health = Some(health.clone());
            let write = changed || entry.written.is_none_or(|at| now.since(at) >= bounds::SEEN_WRITE_MS);
            if write {
                entry.written = Some(now);
            }
            write
        })
    }

    /// Notes which orders an appliance that holds them is told are cancelled; true where it was not told of one just now.
    /// So one that does not listen is not told in a loop.
    pub fn tells_cancelled(&self, trust: PartyId, orders: &[MessageId], now: UnixMillis) -> bool {
        self.with(trust, |entry| {
            entry.cancelled.retain(|order, _| orders.contains(order));
            let mut news = false;
            for order in orders {
                let told = entry.cancelled.get(order);
                if told.is_none_or(|at| now.since(*at) >= bounds::CANCEL_AGAIN_MS) {
                    entry.cancelled.insert(*order, now);
                    news = true;
                }
            }
            news
        })
    }

    /// Sees the work that comes for a Trust after this call. Every long poll of the Trust sees it, also one whose
    /// connection is dead already, so that none takes the news away from another.
    pub fn work(&self, trust: PartyId) -> watch::Receiver<()> {
        self.with(trust, |entry| entry.work.subscribe())
    }

    /// Tells a Trust's long polls that there is work.
    pub fn announce_work(&self, trust: PartyId) {
        self.with(trust, |entry| entry.work.send_replace(()));
    }

    /// The Trust's last sign of life and health, the newer of memory and ledger.
    pub fn of(&self, trust: &Trust, now: UnixMillis) -> (Link, Option<UnixMillis>, Option<Health>) {
        let (seen, health) = self.with(trust.id, |entry| (entry.seen, entry.health.clone()));
        let seen = seen.max(trust.seen);
        let link = match (trust.enrolled, seen) {
            _ if let Some(revoked) = trust.revoked => Link::Revoked(revoked),
            (None, _) => Link::NotEnrolled,
            (Some(_), Some(at)) if now.since(at) < bounds::ONLINE_MS => Link::Online,
            (Some(_), at) => Link::Offline(at),
        };
        (link, seen, health.or_else(|| trust.health.clone()))
    }

    fn with<T>(&self, trust: PartyId, change: impl FnOnce(&mut Entry) -> T) -> T {
        let mut trusts = self.trusts.lock().unwrap_or_else(PoisonError::into_inner);
        change(trusts.entry(trust).or_default())
    }
}
