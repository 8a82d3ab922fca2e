//! The hub's ledger: one SQLite file, owned by one thread, changed in named transactions.
//!
//! What must stay true: a transaction that was answered is on disk (WAL, `synchronous = FULL`); a schema only moves
//! forward, one numbered migration at a time; a full queue is refused at once and never waited for. Deliberately
//! absent: the tables' meaning (the hub's `ledger` module).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

/// Transactions that may wait for the ledger's thread.
const QUEUE: usize = 1_024;
/// Statements that are kept ready: a ledger has some hundreds, and a page needs few.
const STATEMENTS: usize = 128;
/// How long another process (the command line beside a running hub) may hold the file.
const BUSY: Duration = Duration::from_secs(10);

/// A handle to the ledger; clones share one thread, which ends with the last of them.
#[derive(Clone)]
pub struct Ledger {
    jobs: SyncSender<Job>,
}

struct Job {
    name: &'static str,
    work: Box<dyn FnOnce(&mut Connection) + Send>,
}

/// Why the ledger could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite said no.
    #[error("the ledger cannot be opened")]
    Sqlite(#[from] rusqlite::Error),
    /// Made by a later version of the program.
    #[error("the ledger is of schema {found}, newer than this program's {known}; use the newer flip-hub")]
    Newer {
        /// The file's schema.
        found: usize,
        /// The newest schema that this program knows.
        known: usize,
    },
    /// No thread could be started.
    #[error("no thread for the ledger")]
    Thread(#[source] std::io::Error),
}

/// Why a transaction was not done.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Too many transactions wait; try again soon.
    #[error("the hub is too busy: {QUEUE} transactions wait for the ledger")]
    Busy,
    /// The ledger's thread has ended.
    #[error("the ledger is closed")]
    Closed,
    /// SQLite said no; the transaction was rolled back.
    #[error("the ledger could not do the transaction `{name}`")]
    Sqlite {
        /// The transaction.
        name: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl Ledger {
    /// Opens the ledger in `path`, makes it where there is none, and migrates it forward: `migrations[n]` brings
    /// schema `n` to `n + 1`.
    pub fn open(path: &Path, migrations: &'static [&'static str]) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "trusted_schema", "OFF")?;
        // What was removed is in no free page either.
        connection.pragma_update(None, "secure_delete", "ON")?;
        // A statement is planned once, not anew for each value that it is given.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        migrate(&mut connection, migrations)?;
        let (jobs, queue) = sync_channel::<Job>(QUEUE);
        thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    tracing::trace!(transaction = job.name, "ledger");
                    // A panic rolls its transaction back and costs its caller an answer, not everyone the ledger.
                    if catch_unwind(AssertUnwindSafe(|| (job.work)(&mut connection))).is_err() {
                        tracing::error!(transaction = job.name, "a transaction panicked");
                    }
                }
            })
            .map_err(OpenError::Thread)?;
        Ok(Self { jobs })
    }

    /// Queues the transaction `name` and returns at once. `reply` is called on the ledger's thread, after the commit.
    pub fn submit<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        reply: impl FnOnce(Result<T, LedgerError>) + Send + 'static,
    ) -> Result<(), LedgerError> {
        let run = move |connection: &mut Connection| {
            let outcome =
                transaction(connection, work).map_err(|source| LedgerError::Sqlite { name, source });
            reply(outcome);
        };
        self.jobs.try_send(Job { name, work: Box::new(run) }).map_err(|error| match error {
            TrySendError::Full(_) => LedgerError::Busy,
            TrySendError::Disconnected(_) => LedgerError::Closed,
        })
    }

    /// Does the transaction `name` and waits for it. Not for async code.
    pub fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (answer, answered) = sync_channel(1);
        self.submit(name, work, move |outcome| drop(answer.send(outcome)))?;
        answered.recv().map_err(|_| LedgerError::Closed)?
    }
}

/// Looks at the ledger in `path` as it is at one moment, beside whoever changes it. Changes nothing, not even the schema.
pub fn read<T>(
    path: &Path,
    name: &'static str,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Result<T, LedgerError> {
    let look = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "trusted_schema", "OFF")?;
        work(&connection.transaction_with_behavior(TransactionBehavior::Deferred)?)
    };
    look().map_err(|source| LedgerError::Sqlite { name, source })
}

fn transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: usize = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > migrations.len() {
        return Err(OpenError::Newer { found, known: migrations.len() });
    }
    for migration in &migrations[found..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", migrations.len())?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[&str] = &["CREATE TABLE thing (name TEXT NOT NULL)"];
    const TWO: &[&str] = &[ONE[0], "ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 7"];

    fn insert(name: &'static str) -> impl FnOnce(&Transaction<'_>) -> rusqlite::Result<usize> {
        move |tx| tx.execute("INSERT INTO thing (name) VALUES (?1)", [name])
    }

    fn count(ledger: &Ledger) -> i64 {
        ledger.run("count", |tx| tx.query_row("SELECT count(*) FROM thing", [], |row| row.get(0))).unwrap()
    }

    #[test]
    fn a_ledger_moves_forward_and_never_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        Ledger::open(&path, ONE).unwrap().run("insert", insert("a")).unwrap();
        let size: i64 = Ledger::open(&path, TWO)
            .unwrap()
            .run("size", |tx| tx.query_row("SELECT size FROM thing", [], |row| row.get(0)))
            .unwrap();
        assert_eq!(size, 7);
        assert!(matches!(Ledger::open(&path, ONE), Err(OpenError::Newer { found: 2, known: 1 })));
    }

    #[test]
    fn a_failed_transaction_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.sqlite"), ONE).unwrap();
        let outcome = ledger.run("half", |tx| {
            tx.execute("INSERT INTO thing (name) VALUES ('a')", [])?;
            tx.execute("INSERT INTO thing (name) VALUES (NULL)", [])
        });
        assert!(matches!(outcome, Err(LedgerError::Sqlite { name: "half", .. })));
        assert_eq!(count(&ledger), 0);
    }

    #[test]
    fn who_looks_sees_one_moment_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let ledger = Ledger::open(&path, ONE).unwrap();
        ledger.run("insert", insert("a")).unwrap();
        let seen = read(&path, "look", |tx| {
            let count = || tx.query_row("SELECT count(*) FROM thing", [], |row| row.get::<_, i64>(0));
            let before = count()?;
            ledger.run("insert", insert("b")).unwrap();
            Ok((before, count()?))
        });
        assert_eq!((seen.unwrap(), count(&ledger)), ((1, 1), 2));
        assert!(read(&path, "change", |tx| tx.execute("DELETE FROM thing", [])).is_err());
    }

    #[test]
    fn a_full_queue_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.sqlite"), ONE).unwrap();
        let (open_gate, gate) = sync_channel::<()>(0);
        ledger.submit("wait", move |_| Ok(gate.recv().is_ok()), |_| {}).unwrap();
        let refused = (0..=QUEUE + 1).find_map(|_| ledger.submit("insert", insert("a"), |_| {}).err());
        assert!(matches!(refused, Some(LedgerError::Busy)));
        drop(open_gate);
    }
}
