//! The running appliance: what its threads share.

mod new_keys;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

use flip_protocol::answer::Extract;
use flip_protocol::sync::{Health, Holding, NotTaken, Stage};
use flip_protocol::{MessageId, UnixMillis};
use flip_storage::audit::Audit;
use flip_storage::confine::Held;
use flip_storage::journal::{Journal, JournalError};
use flip_web::pages::StickWatch;

use crate::bounds;
use crate::clock;
use crate::concerns;
use crate::config::Config;
use crate::data::Generations;
use crate::desk::Desk;
use crate::engine::{CancelFlag, confinement};
use crate::frozen::Store;
use crate::identity::Identity;
use crate::link::LinkError;
use crate::logs::Logs;
use crate::place::Place;
use crate::refusals::Refusals;
use crate::tokens::Tokens;
use crate::witness::Witness;

pub use new_keys::NewKeysError;

use new_keys::NewKeys;

/// The running appliance.
pub struct Site {
    /// The checked configuration.
    pub config: Config,
    /// Where things are.
    pub place: Place,
    /// Who it is; replaced when its certificate is renewed.
    pub identity: RwLock<Arc<Identity>>,
    /// The task journal.
    pub journal: Journal,
    /// What was done here.
    pub audit: Audit,
    /// What it and the hub keep of each other's audits.
    pub witness: Witness,
    /// The data generations.
    pub generations: Generations,
    /// Where questions are answered, under the policy in force.
    pub desk: Desk,
    /// The frozen cohorts.
    pub frozen: Store,
    /// The tokens of the local API.
    pub tokens: Tokens,
    /// The projects that are refused here.
    pub refusals: Refusals,
    /// The last lines of its log.
    pub logs: Logs,
    /// When it started.
    pub started: UnixMillis,
    /// Rung when an order came in, a result is to go out, or the appliance is to stop.
    pub bell: Bell,
    /// What is done with a bundle at this moment.
    pub sticks: StickWatch,
    /// Stops the question that is being worked on.
    pub cancel: CancelFlag,
    keys: NewKeys,
    stopping: AtomicBool,
    notes: Mutex<Notes>,
}

/// What a site holds of records, and of what was said of them.
pub struct Holdings {
    /// The data generations.
    pub generations: Generations,
    /// The frozen cohorts.
    pub frozen: Store,
    /// Where questions are answered.
    pub desk: Desk,
}

/// What is known of the moment, for the next sync and the local page.
#[derive(Default)]
struct Notes {
    running: HashMap<MessageId, Running>,
    link: LinkState,
    clock_skew_ms: i64,
    sandbox: Option<Held>,
    refused: Vec<NotTaken>,
    /// What is wrong with the watched folder.
    watch_wrong: Option<String>,
    /// The newest moment of the hub's clock that is known, by whatever carrier, and what the clock here said then.
    heard: Option<(UnixMillis, UnixMillis)>,
    /// The newest such moment that is in the journal, in milliseconds.
    written_ms: u64,
    /// Orders that the hub has cancelled and that have not ended here yet.
    withdrawn: HashSet<MessageId>,
}

/// An order that is being worked on.
struct Running {
    since: UnixMillis,
    reported: bool,
    cancel: CancelFlag,
}

/// How the link to the hub stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LinkState {
    /// No sync was tried yet.
    #[default]
    Untried,
    /// The last sync was answered.
    Connected {
        /// When.
        at: UnixMillis,
    },
    /// The last sync failed.
    Away {
        /// Since when.
        since: UnixMillis,
        /// Why.
        why: LinkError,
    },
}

/// Counts rings, so that no ring is missed between two waits.
#[derive(Default)]
pub struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }

    /// Waits for a ring that is not among the `heard`, or for the time to pass; gives all rings so far.
    pub fn wait(&self, heard: u64, time: std::time::Duration) -> u64 {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(rings, time, |rings| *rings == heard);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Site {
    /// An appliance over these parts.
    pub fn new(
        config: Config,
        place: Place,
        identity: Identity,
        journal: Journal,
        holdings: Holdings,
        logs: Logs,
    ) -> Result<Self, JournalError> {
        let Holdings { generations, frozen, desk } = holdings;
        let heard = journal.heard()?.map(|(hub, here)| (UnixMillis(hub), UnixMillis(here)));
        let written_ms = heard.map_or(0, |(hub, _)| hub.0);
        let mut withdrawn = HashSet::new();
        for order in journal.waiting_ids()? {
            if journal.is_cancelled(order)? {
                withdrawn.insert(MessageId::from_bytes(order));
            }
        }
        Ok(Self {
            config,
            frozen,
            tokens: Tokens::new(&place.tokens()),
            refusals: Refusals::new(place.refusals()),
            audit: Audit::new(&place.audit()),
            witness: Witness::default(),
            place,
            identity: RwLock::new(Arc::new(identity)),
            journal,
            generations,
            desk,
            logs,
            started: clock::now(),
            bell: Bell::default(),
            sticks: StickWatch::default(),
            cancel: CancelFlag::default(),
            keys: NewKeys::default(),
            stopping: AtomicBool::new(false),
            notes: Mutex::new(Notes { heard, written_ms, withdrawn, ..Notes::default() }),
        })
    }

    /// Who it is now.
    pub fn identity(&self) -> Arc<Identity> {
        Arc::clone(&self.identity.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over a renewed identity.
    pub fn replace_identity(&self, identity: Identity) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(identity);
    }

    /// Tells every thread to end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.cancel.cancel();
        self.with(|notes| notes.running.values().for_each(|running| running.cancel.cancel()));
        self.bell.ring();
    }

    /// True once [`Self::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Notes that an order is being worked on, until [`Self::finished`]; gives the flag that ends it.
    pub fn running(&self, order: MessageId, since: UnixMillis) -> CancelFlag {
        let cancel = CancelFlag::default();
        let running = Running { since, reported: false, cancel: cancel.clone() };
        self.with(|notes| notes.running.insert(order, running));
        if self.is_stopping() {
            cancel.cancel();
        }
        cancel
    }

    /// Ends an order that is being worked on; false where it is not.
    pub fn end(&self, order: MessageId) -> bool {
        self.with(|notes| notes.running.get(&order).map(|running| running.cancel.cancel()).is_some())
    }

    /// Notes orders here that the hub has cancelled; one that is being worked on ends at once. True where any is news.
    /// The journal knows them too, for after a restart.
    pub fn withdraw(&self, orders: &[MessageId]) -> bool {
        self.with(|notes| {
            let mut news = false;
            for order in orders {
                news |= notes.withdrawn.insert(*order);
                if let Some(running) = notes.running.get(order) {
                    running.cancel.cancel();
                }
            }
            news
        })
    }

    /// True where the hub has cancelled an order.
    pub fn is_withdrawn(&self, order: MessageId) -> bool {
        self.with(|notes| notes.withdrawn.contains(&order))
    }

    /// Notes that an order is no longer being worked on.
    pub fn finished(&self, order: MessageId) {
        self.with(|notes| notes.running.remove(&order));
    }

    /// Notes that an order has ended.
    pub fn ended(&self, order: MessageId) {
        self.with(|notes| notes.withdrawn.remove(&order));
    }

    /// The order that is being worked on, and since when.
    pub fn is_running(&self, order: MessageId) -> Option<UnixMillis> {
        self.with(|notes| notes.running.get(&order).map(|running| running.since))
    }

    /// In how many milliseconds the hub should hear of an order that is being worked on; `None` where it has. An
    /// order that ends sooner is not worth the trip.
    pub fn report_due_ms(&self, now: UnixMillis) -> Option<u64> {
        self.with(|notes| {
            let unreported = notes.running.values().filter(|running| !running.reported);
            unreported.map(|running| bounds::REPORT_RUNNING_MS.saturating_sub(now.since(running.since))).min()
        })
    }

    /// Notes that the hub has heard of the orders that are being worked on.
    pub fn reported(&self, holding: &[Holding]) {
        self.with(|notes| {
            for held in holding.iter().filter(|held| held.stage == Stage::Running) {
                if let Some(running) = notes.running.get_mut(&held.order) {
                    running.reported = true;
                }
            }
        });
    }

    /// Notes a message that the hub is to be told was not taken.
    pub fn note_refused(&self, refused: impl IntoIterator<Item = NotTaken>) {
        self.with(|notes| notes.refused.extend(refused));
    }

    /// Messages that the hub is still to be told of, at most as many as one sync lists.
    pub fn refused(&self) -> Vec<NotTaken> {
        self.with(|notes| {
            notes.refused.truncate(flip_protocol::bounds::SYNC_LISTED);
            notes.refused.clone()
        })
    }

    /// Takes out what the hub is to be told now, so that nothing else tells it meanwhile. Where the hub does not hear it, it
    /// is to be noted again.
    pub fn take_refused(&self) -> Vec<NotTaken> {
        self.with(|notes| {
            let told = notes.refused.len().min(flip_protocol::bounds::SYNC_LISTED);
            notes.refused.drain(..told).collect()
        })
    }

    /// Notes what is wrong with the watched folder, or that nothing is; true where that is news.
    pub fn note_watch(&self, wrong: Option<&str>) -> bool {
        self.with(|notes| {
            let news = notes.watch_wrong.as_deref() != wrong;
            notes.watch_wrong = wrong.map(ToOwned::to_owned);
            news
        })
    }

    /// What is wrong with the watched folder, if anything.
    pub fn watch_wrong(&self) -> Option<String> {
        self.with(|notes| notes.watch_wrong.clone())
    }

    /// Notes an answered sync; by the clock here the hub was asked to answer it by `due`.
    pub fn connected(&self, hub_time: UnixMillis, due: UnixMillis, now: UnixMillis) {
        let skew = skew_ms(hub_time, due, now);
        let (was, skewed_before) = self.with(|notes| {
            let skewed_before = notes.clock_skew_ms.unsigned_abs() > bounds::CLOCK_SKEW_MS;
            notes.clock_skew_ms = skew;
            (std::mem::replace(&mut notes.link, LinkState::Connected { at: now }), skewed_before)
        });
        if !matches!(was, LinkState::Connected { .. }) {
            tracing::info!("connected to the hub");
        }
        if skew.unsigned_abs() > bounds::CLOCK_SKEW_MS && !skewed_before {
            tracing::warn!(
                skew_s = skew / 1_000,
                "this machine's clock and the hub's differ; set the wrong one right"
            );
        }
    }

    /// Notes a sync that failed; says so in the log once per kind of failure.
    pub fn away(&self, why: LinkError, now: UnixMillis) {
        let (news, text) = self.with(|notes| {
            let (since, news) = match &notes.link {
                LinkState::Away { since, why: before } => (*since, *before != why),
                LinkState::Untried | LinkState::Connected { .. } => (now, true),
            };
            let text = why.to_string();
            notes.link = LinkState::Away { since, why };
            (news, text)
        });
        if news {
            tracing::warn!(error = text, "no link to the hub; trying on");
        }
    }

    /// How the link stands, and by how many milliseconds this clock is ahead of the hub's.
    pub fn link(&self) -> (LinkState, i64) {
        self.with(|notes| (notes.link.clone(), notes.clock_skew_ms))
    }

    /// The hub's clock, as far as it is known: what was heard of it last, and the time since then by the clock here. That
    /// may have been set right since: the hub's clock is never taken to be past both.
    pub fn hub_clock(&self, now: UnixMillis) -> UnixMillis {
        let Some((heard, at)) = self.with(|notes| notes.heard) else { return now };
        heard.plus(now.since(at)).min(now.max(heard))
    }

    /// The newest moment of the hub's clock that is known; zero where none is.
    pub fn heard(&self) -> UnixMillis {
        self.with(|notes| notes.heard).map_or(UnixMillis(0), |(hub, _)| hub)
    }

    /// Notes a moment of the hub's clock, by whatever carrier it came. For this run alone: [`Site::keep_heard`].
    pub fn hear(&self, hub_time: UnixMillis, now: UnixMillis) {
        self.with(|notes| {
            if notes.heard.is_none_or(|(heard, _)| heard < hub_time) {
                notes.heard = Some((hub_time, now));
            }
        });
    }

    /// Keeps what was heard of the hub's clock, where that is due, once what brought it is kept.
    pub fn keep_heard(&self) -> Result<(), JournalError> {
        let due = self.with(|notes| {
            let far = |heard: UnixMillis| heard.0.saturating_sub(notes.written_ms) >= bounds::HEARD_WRITE_MS;
            notes.heard.filter(|(heard, _)| far(*heard))
        });
        if let Some((heard, at)) = due {
            self.journal.hear(heard.0, at.0)?;
            self.with(|notes| notes.written_ms = notes.written_ms.max(heard.0));
        }
        Ok(())
    }

    /// Takes the hub's word for its clock, also where that is earlier than what was heard. For what the hub says itself,
    /// now, and no stick.
    pub fn hear_less(&self, hub_time: UnixMillis, now: UnixMillis) -> Result<(), JournalError> {
        self.journal.set_heard(Some((hub_time.0, now.0)))?;
        self.with(|notes| (notes.heard, notes.written_ms) = (Some((hub_time, now)), hub_time.0));
        Ok(())
    }

    /// True where the last sync was answered.
    pub fn is_connected(&self) -> bool {
        self.with(|notes| matches!(notes.link, LinkState::Connected { .. }))
    }

    /// Notes what the engine's sandbox holds.
    pub fn note_sandbox(&self, sandbox: Held) {
        self.with(|notes| notes.sandbox = Some(sandbox));
    }

    /// What the engine's sandbox holds, once an engine has run.
    pub fn sandbox(&self) -> Option<Held> {
        self.with(|notes| notes.sandbox)
    }

    /// Every order here that the hub has not acknowledged, and how far each is.
    pub fn holding(&self) -> Result<Vec<Holding>, JournalError> {
        let mut holding: Vec<Holding> = self
            .journal
            .waiting_ids()?
            .into_iter()
            .map(|waiting| {
                let order = MessageId::from_bytes(waiting);
                let stage = if self.is_running(order).is_some() { Stage::Running } else { Stage::Waiting };
                Holding { order, stage }
            })
            .collect();
        let outgoing = self.journal.outgoing_heads(flip_protocol::bounds::SYNC_LISTED)?;
        holding.extend(
            outgoing
                .into_iter()
                .map(|result| Holding { order: MessageId::from_bytes(result.order), stage: Stage::Answered }),
        );
        holding.truncate(flip_protocol::bounds::SYNC_LISTED);
        Ok(holding)
    }

    /// How the appliance is, for the hub.
    pub fn health(&self, now: UnixMillis) -> Result<Health, JournalError> {
        let refused = self.journal.counters("refused.")?;
        let disk = self.disk();
        let (link, clock_ahead_ms) = self.link();
        Ok(Health {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extract: self.extract(),
            uptime_s: now.since(self.started) / 1_000,
            disk_free_bytes: disk.map_or(0, |(free, _)| free - free % bounds::DISK_TOLD_BYTES),
            refused_messages: refused.into_iter().map(|(_, times)| times).sum(),
            engine: self.sandbox().map(confinement),
            disk_bytes: disk.map(|(_, all)| all - all % bounds::DISK_TOLD_BYTES),
            clock_ahead_ms: matches!(link, LinkState::Connected { .. }).then_some(clock_ahead_ms),
            concerns: concerns::of(self, now).into_iter().filter_map(|one| one.told).collect(),
        })
    }

    /// Free bytes of the disk where the appliance keeps its state, and all of them.
    pub fn disk(&self) -> Option<(u64, u64)> {
        let disk = rustix::fs::statvfs(self.place.folder()).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some((bytes(disk.f_bavail), bytes(disk.f_blocks)))
    }

    /// The data generation in use, as answers name it.
    pub fn extract(&self) -> Option<Extract> {
        let generation = self.generations.current().ok().flatten()?;
        Some(generation.extract())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        change(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// By how many milliseconds the clock here is ahead of the hub's, at least, where the hub said its time to be `due` and the
/// answer was here later than that: a long one may be long on its way, which is no fault of a clock.
fn skew_ms(hub_time: UnixMillis, due: UnixMillis, answered: UnixMillis) -> i64 {
    let ahead = |here: UnixMillis| {
        let ahead = i128::from(here.0) - i128::from(hub_time.0);
        i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX })
    };
    let (least, most) = (ahead(due.min(answered)), ahead(answered));
    0_i64.clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_long_on_its_way_shows_no_wrong_clock() {
        let skew = |hub, due, answered| skew_ms(UnixMillis(hub), UnixMillis(due), UnixMillis(answered));
        assert_eq!(skew(1_000, 900, 9_000), 0, "long on its way");
        assert_eq!(skew(8_900, 900, 9_000), 0, "said late");
        assert_eq!(skew(1_000, 9_000, 2_000), 1_000, "before it was due");
        assert_eq!(skew(1_000, 5_000, 9_000), 4_000, "ahead");
        assert_eq!(skew(9_000, 1_000, 2_000), -7_000, "behind");
        assert_eq!(skew(0, u64::MAX, u64::MAX), i64::MAX);
    }
}
