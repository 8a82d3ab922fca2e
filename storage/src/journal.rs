//! The appliance's task journal: orders that came in, results that go out, and what was seen before.
//!
//! What must stay true: an order is stored before it is acknowledged; finishing an order and storing its result are
//! one transaction, so no order is answered twice and no answer is lost; a result stays until the hub has
//! acknowledged it. Deliberately absent: the messages' meaning, and retries (a stored order is simply still there).

mod bundles;

use std::collections::HashMap;
use std::path::Path;

pub use bundles::Standing;
use redb::{ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition};

use crate::store::{Store, StoreError};

/// Sixteen bytes that name a message or an order.
pub type Id = [u8; 16];

/// Waiting orders by sequence number: id, time received, message.
const INBOX: TableDefinition<'_, u64, (Id, u64, &[u8])> = TableDefinition::new("inbox");
/// Results to send, by their sequence number: id, order, message.
const OUTBOX: TableDefinition<'_, u64, (Id, Id, &[u8])> = TableDefinition::new("outbox");
/// Finished orders: time finished, the result's sequence number, its id and message.
const DONE: TableDefinition<'_, Id, (u64, u64, Id, &[u8])> = TableDefinition::new("done");
/// Finished orders whose results the hub has refused for good: why. Forgotten with the finished order.
const NOT_TAKEN: TableDefinition<'_, Id, &str> = TableDefinition::new("not_taken");
/// Sequence numbers seen from the hub, each with the id that used it.
const SEEN: TableDefinition<'_, u64, Id> = TableDefinition::new("seen");
/// Orders that the hub has cancelled, each until when it could still arrive.
const CANCELLED: TableDefinition<'_, Id, u64> = TableDefinition::new("cancelled");
/// Named counters.
const COUNTERS: TableDefinition<'_, &str, u64> = TableDefinition::new("counters");
/// Numbers of the hub's bundles that were taken, each with its id.
const BUNDLES: TableDefinition<'_, u64, Id> = TableDefinition::new("bundles");
/// Bundles that were made here, by number: each with its id and the first and last sequence number of results in it.
const BUNDLES_MADE: TableDefinition<'_, u64, (Id, u64, u64)> = TableDefinition::new("bundles_made");
/// What happened, for people at the Trust: one JSON text a line, by number.
const HISTORY: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("history");

const SENT: &str = "sequence.sent";
/// Finished orders are remembered this long; an order's own life is shorter.
const DONE_KEPT_MS: u64 = 30 * 24 * 3_600_000;
/// Results between two looks for finished orders that may be forgotten.
const DONE_SWEPT_EVERY: u64 = 256;
/// Lines of history kept.
const HISTORY_LINES: u64 = 1_000;

/// A task journal in one file.
pub struct Journal {
    store: Store,
}

/// Why the journal could not do its work.
pub type JournalError = StoreError;

/// What storing an order found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is new, and stored now.
    New,
    /// It is waiting, or its result is on its way.
    Known,
    /// Its sequence number belongs to another message, or is older than the window.
    Replayed,
    /// The hub has cancelled it before it came.
    Cancelled,
}

/// An order that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The order's id.
    pub id: Id,
    /// When it was received, in milliseconds since 1970.
    pub received_ms: u64,
    /// The message.
    pub message: Vec<u8>,
}

/// A result that the hub has not acknowledged yet, without its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutgoingHead {
    /// Its sequence number.
    pub sequence: u64,
    /// The result's id.
    pub id: Id,
    /// The order that it answers.
    pub order: Id,
    /// Bytes of the message.
    pub length: u64,
}

/// A result that the hub has not acknowledged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The result's id.
    pub id: Id,
    /// The order that it answers.
    pub order: Id,
    /// The message.
    pub message: Vec<u8>,
}

impl Journal {
    /// Opens the journal in `path`, making it where there is none.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Ok(Self { store: Store::open("the journal", path, tables)? })
    }

    /// Stores a verified order. An order whose result the hub may have lost has that result put out again, also where
    /// it comes under another sequence number: a hub that was restored numbers its orders anew. One that was cancelled
    /// before it came is not stored.
    pub fn receive(
        &self,
        id: Id,
        sequence: u64,
        message: &[u8],
        now_ms: u64,
        window: u64,
    ) -> Result<Received, JournalError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            let outcome = {
                let mut seen = writing.open_table(SEEN)?;
                let newest = seen.last()?.map_or(0, |(newest, _)| newest.value());
                let used_by = seen.get(sequence)?.map(|id| id.value());
                let is_too_old = sequence == 0 || sequence.saturating_add(window) <= newest;
                if used_by.is_some_and(|known| known != id) || (used_by.is_none() && is_too_old) {
                    return Ok(Received::Replayed);
                }
                if used_by.is_none() {
                    seen.insert(sequence, id)?;
                    let forgotten = sequence.max(newest).saturating_sub(window);
                    seen.retain_in(..=forgotten, |_, _| false)?;
                }
                let mut inbox = writing.open_table(INBOX)?;
                let mut waits = false;
                for entry in inbox.iter()? {
                    waits |= entry?.1.value().0 == id;
                }
                let cancelled = writing.open_table(CANCELLED)?;
                if let Some(finished) = writing.open_table(DONE)?.get(id)? {
                    let (_, result_sequence, result, bytes) = finished.value();
                    writing.open_table(OUTBOX)?.insert(result_sequence, (result, id, bytes))?;
                    Received::Known
                } else if waits {
                    Received::Known
                } else if cancelled.get(id)?.is_some() {
                    Received::Cancelled
                } else {
                    // One that was seen and is not here was discarded, and the hub never heard why: it is to be looked
                    // at once more.
                    inbox.insert(sequence, (id, now_ms, message))?;
                    if used_by.is_some() { Received::Known } else { Received::New }
                }
            };
            writing.commit()?;
            Ok(outcome)
        })
    }

    /// Notes orders that the hub has cancelled, which may still arrive until then; forgets those that can no more by each
    /// of the `clocks`: one of them may be far ahead.
    pub fn cancel(&self, orders: &[Id], clocks_ms: [u64; 2], until_ms: u64) -> Result<(), JournalError> {
        self.store.with(|database| {
            let known = database.begin_read()?.open_table(CANCELLED)?;
            let mut news = false;
            for order in orders {
                news |= known.get(order)?.is_none();
            }
            if !news {
                return Ok(());
            }
            let writing = database.begin_write()?;
            {
                let mut cancelled = writing.open_table(CANCELLED)?;
                cancelled.retain(|_, until| clocks_ms.iter().any(|now_ms| until > *now_ms))?;
                for order in orders {
                    cancelled.insert(order, until_ms)?;
                }
            }
            writing.commit()?;
            Ok(())
        })
    }

    /// True where the hub has cancelled an order.
    pub fn is_cancelled(&self, order: Id) -> Result<bool, JournalError> {
        self.store.with(|database| Ok(database.begin_read()?.open_table(CANCELLED)?.get(order)?.is_some()))
    }

    /// The orders that wait, oldest first.
    pub fn waiting(&self) -> Result<Vec<Waiting>, JournalError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let inbox = reading.open_table(INBOX)?;
            let mut orders = Vec::new();
            for entry in inbox.iter()? {
                let (_, order) = entry?;
                let (id, received_ms, message) = order.value();
                orders.push(Waiting { id, received_ms, message: message.to_vec() });
            }
            Ok(orders)
        })
    }

    /// The ids of the orders that wait, oldest first.
    pub fn waiting_ids(&self) -> Result<Vec<Id>, JournalError> {
        self.store.with(|database| {
            let inbox = database.begin_read()?.open_table(INBOX)?;
            inbox.iter()?.map(|entry| Ok(entry?.1.value().0)).collect()
        })
    }

    /// The order of this id that waits.
    pub fn waiting_one(&self, order: Id) -> Result<Option<Waiting>, JournalError> {
        self.store.with(|database| {
            let inbox = database.begin_read()?.open_table(INBOX)?;
            for entry in inbox.iter()? {
                let (_, waiting) = entry?;
                let (id, received_ms, message) = waiting.value();
                if id == order {
                    return Ok(Some(Waiting { id, received_ms, message: message.to_vec() }));
                }
            }
            Ok(None)
        })
    }

    /// Ends a waiting order with a result, in one transaction. `result` is handed the result's sequence number and
    /// gives its id and bytes. Does nothing where the order does not wait (it was finished before).
    pub fn finish<E>(
        &self,
        order: Id,
        now_ms: u64,
        history: &[u8],
        result: impl FnOnce(u64) -> Result<(Id, Vec<u8>), E>,
    ) -> Result<Result<(), E>, JournalError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            {
                let mut inbox = writing.open_table(INBOX)?;
                let before = inbox.len()?;
                inbox.retain(|_, (id, _, _)| id != order)?;
                if inbox.len()? == before {
                    return Ok(Ok(()));
                }
                let mut counters = writing.open_table(COUNTERS)?;
                let sequence = counters.get(SENT)?.map_or(0, |sent| sent.value()) + 1;
                let (id, message) = match result(sequence) {
                    Ok(made) => made,
                    Err(error) => return Ok(Err(error)),
                };
                counters.insert(SENT, sequence)?;
                writing.open_table(OUTBOX)?.insert(sequence, (id, order, message.as_slice()))?;
                let mut done = writing.open_table(DONE)?;
                done.insert(order, (now_ms, sequence, id, message.as_slice()))?;
                if sequence % DONE_SWEPT_EVERY == 0 {
                    done.retain(|_, (finished, _, _, _)| finished.saturating_add(DONE_KEPT_MS) > now_ms)?;
                    let mut not_taken = writing.open_table(NOT_TAKEN)?;
                    for order in not_taken
                        .iter()?
                        .map(|entry| entry.map(|(order, _)| order.value()))
                        .collect::<Result<Vec<_>, _>>()?
                    {
                        if done.get(order)?.is_none() {
                            not_taken.remove(order)?;
                        }
                    }
                }
                append(&writing, history)?;
            }
            writing.commit()?;
            Ok(Ok(()))
        })
    }

    /// Takes a waiting order out without a result: the hub is told through another way. With a line of history.
    pub fn discard(&self, order: Id, history: &[u8]) -> Result<(), JournalError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            writing.open_table(INBOX)?.retain(|_, (id, _, _)| id != order)?;
            append(&writing, history)?;
            writing.commit()?;
            Ok(())
        })
    }

    /// Results that the hub has not acknowledged, oldest first, at most `most`.
    pub fn outgoing(&self, most: usize) -> Result<Vec<Outgoing>, JournalError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let outbox = reading.open_table(OUTBOX)?;
            let mut results = Vec::new();
            for entry in outbox.iter()?.take(most) {
                let (_, result) = entry?;
                let (id, order, message) = result.value();
                results.push(Outgoing { id, order, message: message.to_vec() });
            }
            Ok(results)
        })
    }

    /// The same without their messages.
    pub fn outgoing_heads(&self, most: usize) -> Result<Vec<OutgoingHead>, JournalError> {
        self.store.with(|database| {
            let outbox = database.begin_read()?.open_table(OUTBOX)?;
            let heads = outbox.iter()?.take(most).map(|entry| {
                let (sequence, result) = entry?;
                let (id, order, message) = result.value();
                let length = message.len() as u64;
                Ok(OutgoingHead { sequence: sequence.value(), id, order, length })
            });
            heads.collect()
        })
    }

    /// The message of a result that the hub has not acknowledged, by its sequence number.
    pub fn outgoing_message(&self, sequence: u64) -> Result<Option<Vec<u8>>, JournalError> {
        self.store.with(|database| {
            let outbox = database.begin_read()?.open_table(OUTBOX)?;
            Ok(outbox.get(sequence)?.map(|result| result.value().2.to_vec()))
        })
    }

    /// Forgets results that the hub has stored, and those that it has refused for good, each with why.
    pub fn settled(&self, stored: &[Id], refused: &[(Id, &str)]) -> Result<(), JournalError> {
        self.store.with(|database| {
            if stored.is_empty() && refused.is_empty() {
                return Ok(());
            }
            let writing = database.begin_write()?;
            {
                let mut outbox = writing.open_table(OUTBOX)?;
                let mut not_taken = writing.open_table(NOT_TAKEN)?;
                let mut went = Vec::new();
                outbox.retain(|_, (id, order, _)| {
                    let why = refused.iter().find(|(refused, _)| *refused == id).map(|(_, why)| *why);
                    let goes = why.is_some() || stored.contains(&id);
                    if goes {
                        went.push((order, why));
                    }
                    !goes
                })?;
                for (order, why) in went {
                    match why {
                        Some(why) => not_taken.insert(order, why)?,
                        None => not_taken.remove(order)?,
                    };
                }
            }
            writing.commit()?;
            Ok(())
        })
    }

    /// The finished orders whose results the hub has refused for good, and why.
    pub fn not_taken(&self) -> Result<HashMap<Id, String>, JournalError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let mut found = HashMap::new();
            for entry in reading.open_table(NOT_TAKEN)?.iter()? {
                let (order, why) = entry?;
                found.insert(order.value(), why.value().to_owned());
            }
            Ok(found)
        })
    }

    /// Adds one to a named counter.
    pub fn count(&self, name: &str) -> Result<(), JournalError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            {
                let mut counters = writing.open_table(COUNTERS)?;
                let value = counters.get(name)?.map_or(0, |value| value.value());
                counters.insert(name, value + 1)?;
            }
            writing.commit()?;
            Ok(())
        })
    }

    /// The counters whose names start with `prefix`, without it.
    pub fn counters(&self, prefix: &str) -> Result<Vec<(String, u64)>, JournalError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let counters = reading.open_table(COUNTERS)?;
            let mut found = Vec::new();
            for entry in counters.range(prefix..)? {
                let (name, value) = entry?;
                let Some(rest) = name.value().strip_prefix(prefix) else { break };
                found.push((rest.to_owned(), value.value()));
            }
            Ok(found)
        })
    }

    /// The newest lines of history, newest first.
    pub fn history(&self, most: usize) -> Result<Vec<Vec<u8>>, JournalError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let history = reading.open_table(HISTORY)?;
            let mut lines = Vec::new();
            for entry in history.iter()?.rev().take(most) {
                lines.push(entry?.1.value().to_vec());
            }
            Ok(lines)
        })
    }
}

fn tables(writing: &redb::WriteTransaction) -> Result<(), redb::Error> {
    writing.open_table(INBOX)?;
    writing.open_table(OUTBOX)?;
    writing.open_table(DONE)?;
    writing.open_table(NOT_TAKEN)?;
    writing.open_table(SEEN)?;
    writing.open_table(CANCELLED)?;
    writing.open_table(COUNTERS)?;
    writing.open_table(BUNDLES)?;
    writing.open_table(BUNDLES_MADE)?;
    writing.open_table(HISTORY)?;
    Ok(())
}

fn append(writing: &redb::WriteTransaction, line: &[u8]) -> Result<(), redb::Error> {
    let mut history = writing.open_table(HISTORY)?;
    let next = history.last()?.map_or(1, |(number, _)| number.value() + 1);
    history.insert(next, line)?;
    history.retain_in(..=next.saturating_sub(HISTORY_LINES), |_, _| false)?;
    Ok(())
}

#[cfg(test)]
mod tests;
