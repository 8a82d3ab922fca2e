//! The appliance's task journal: orders that came in, results that go out, and what was seen before.
//!
//! What must stay true: an order is stored before it is acknowledged; finishing an order and storing its result are
//! one transaction, so no order is answered twice and no answer is lost; a result stays until the hub has
//! acknowledged it. Deliberately absent: the messages' meaning, and retries (a stored order is simply still there).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition,
};

/// Sixteen bytes that name a message or an order.
pub type Id = [u8; 16];

/// Waiting orders by sequence number: id, time received, message.
const INBOX: TableDefinition<'_, u64, (Id, u64, &[u8])> = TableDefinition::new("inbox");
/// Results to send, by their sequence number: id, order, message.
const OUTBOX: TableDefinition<'_, u64, (Id, Id, &[u8])> = TableDefinition::new("outbox");
/// Finished orders: time finished, the result's sequence number, its id and message.
const DONE: TableDefinition<'_, Id, (u64, u64, Id, &[u8])> = TableDefinition::new("done");
/// Sequence numbers seen from the hub, each with the id that used it.
const SEEN: TableDefinition<'_, u64, Id> = TableDefinition::new("seen");
/// Named counters.
const COUNTERS: TableDefinition<'_, &str, u64> = TableDefinition::new("counters");
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
    path: PathBuf,
    /// `None` only while it could not be opened anew.
    database: RwLock<Option<Database>>,
    /// True after a failed read or write, say on a full disk: redb then refuses all work until it is opened anew.
    failed: AtomicBool,
}

/// Why the journal could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file is held by another process.
    #[error("the journal is in use by another process")]
    InUse,
    /// The disk, or the file.
    #[error("the journal cannot be read or written")]
    Storage(#[from] redb::Error),
    /// It failed, and could not be opened anew yet.
    #[error("the journal failed and could not be opened anew yet")]
    Failing,
}

/// What storing an order found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is new, and stored now.
    New,
    /// It is waiting, or its result is on its way.
    Known,
    /// Its sequence number belongs to another message, or is older than the window.
    Replayed,
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

macro_rules! storage_errors {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for JournalError {
            fn from(error: redb::$error) -> Self {
                Self::Storage(error.into())
            }
        }
    )*};
}
storage_errors!(TransactionError, TableError, StorageError, CommitError);

impl Journal {
    /// Opens the journal in `path`, making it where there is none.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let database = RwLock::new(Some(open(path, Missing::Make)?));
        Ok(Self { path: path.to_owned(), database, failed: AtomicBool::new(false) })
    }

    /// Works on the database; where it failed before, it is opened anew first.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, JournalError>) -> Result<T, JournalError> {
        if self.failed.load(Ordering::Acquire) {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            if self.failed.load(Ordering::Acquire) {
                drop(database.take());
                *database = Some(open(&self.path, Missing::Refuse)?);
                self.failed.store(false, Ordering::Release);
            }
        }
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let outcome = work(database.as_ref().ok_or(JournalError::Failing)?);
        if matches!(outcome, Err(JournalError::Storage(_))) {
            self.failed.store(true, Ordering::Release);
        }
        outcome
    }

    /// Stores a verified order. An order whose result the hub may have lost has that result put out again.
    pub fn receive(
        &self,
        id: Id,
        sequence: u64,
        message: &[u8],
        now_ms: u64,
        window: u64,
    ) -> Result<Received, JournalError> {
        self.with(|database| {
            let writing = database.begin_write()?;
            let outcome = {
                let mut seen = writing.open_table(SEEN)?;
                let newest = seen.last()?.map_or(0, |(newest, _)| newest.value());
                let used_by = seen.get(sequence)?.map(|id| id.value());
                match used_by {
                    Some(known) if known == id => {
                        let done = writing.open_table(DONE)?;
                        let mut inbox = writing.open_table(INBOX)?;
                        let waits = inbox.get(sequence)?.is_some();
                        if let Some(finished) = done.get(id)? {
                            let (_, result_sequence, result, bytes) = finished.value();
                            writing.open_table(OUTBOX)?.insert(result_sequence, (result, id, bytes))?;
                        } else if !waits {
                            // It was discarded, and the hub never heard why: it is to be looked at once more.
                            inbox.insert(sequence, (id, now_ms, message))?;
                        }
                        Received::Known
                    }
                    Some(_) => Received::Replayed,
                    None if sequence == 0 || sequence.saturating_add(window) <= newest => Received::Replayed,
                    None => {
                        seen.insert(sequence, id)?;
                        let forgotten = sequence.max(newest).saturating_sub(window);
                        seen.retain_in(..=forgotten, |_, _| false)?;
                        writing.open_table(INBOX)?.insert(sequence, (id, now_ms, message))?;
                        Received::New
                    }
                }
            };
            writing.commit()?;
            Ok(outcome)
        })
    }

    /// The orders that wait, oldest first.
    pub fn waiting(&self) -> Result<Vec<Waiting>, JournalError> {
        self.with(|database| {
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

    /// Ends a waiting order with a result, in one transaction. `result` is handed the result's sequence number and
    /// gives its id and bytes. Does nothing where the order does not wait (it was finished before).
    pub fn finish<E>(
        &self,
        order: Id,
        now_ms: u64,
        history: &[u8],
        result: impl FnOnce(u64) -> Result<(Id, Vec<u8>), E>,
    ) -> Result<Result<(), E>, JournalError> {
        self.with(|database| {
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
                }
                append(&writing, history)?;
            }
            writing.commit()?;
            Ok(Ok(()))
        })
    }

    /// Takes a waiting order out without a result: the hub is told through another way. With a line of history.
    pub fn discard(&self, order: Id, history: &[u8]) -> Result<(), JournalError> {
        self.with(|database| {
            let writing = database.begin_write()?;
            writing.open_table(INBOX)?.retain(|_, (id, _, _)| id != order)?;
            append(&writing, history)?;
            writing.commit()?;
            Ok(())
        })
    }

    /// Results that the hub has not acknowledged, oldest first, at most `most`.
    pub fn outgoing(&self, most: usize) -> Result<Vec<Outgoing>, JournalError> {
        self.with(|database| {
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

    /// Forgets results that the hub has stored, or has refused for good.
    pub fn settled(&self, results: &[Id]) -> Result<(), JournalError> {
        self.with(|database| {
            if results.is_empty() {
                return Ok(());
            }
            let writing = database.begin_write()?;
            writing.open_table(OUTBOX)?.retain(|_, (id, _, _)| !results.contains(&id))?;
            writing.commit()?;
            Ok(())
        })
    }

    /// Adds one to a named counter.
    pub fn count(&self, name: &str) -> Result<(), JournalError> {
        self.with(|database| {
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
        self.with(|database| {
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
        self.with(|database| {
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

/// What to do where there is no journal yet.
#[derive(Clone, Copy)]
enum Missing {
    Make,
    /// It was there before: an empty one in its place would have forgotten what was answered.
    Refuse,
}

fn open(path: &Path, missing: Missing) -> Result<Database, JournalError> {
    let mut builder = Database::builder();
    builder.set_cache_size(4 * 1024 * 1024);
    let opened = match missing {
        Missing::Make => builder.create(path),
        Missing::Refuse => builder.open(path),
    };
    let database = opened.map_err(|error| {
        if matches!(error, redb::DatabaseError::DatabaseAlreadyOpen) {
            JournalError::InUse
        } else {
            JournalError::Storage(error.into())
        }
    })?;
    let tables = database.begin_write()?;
    tables.open_table(INBOX)?;
    tables.open_table(OUTBOX)?;
    tables.open_table(DONE)?;
    tables.open_table(SEEN)?;
    tables.open_table(COUNTERS)?;
    tables.open_table(HISTORY)?;
    tables.commit()?;
    Ok(database)
}

fn append(writing: &redb::WriteTransaction, line: &[u8]) -> Result<(), JournalError> {
    let mut history = writing.open_table(HISTORY)?;
    let next = history.last()?.map_or(1, |(number, _)| number.value() + 1);
    history.insert(next, line)?;
    history.retain_in(..=next.saturating_sub(HISTORY_LINES), |_, _| false)?;
    Ok(())
}

#[cfg(test)]
mod tests;
