//! The hub's tables and every transaction on them, by name.
//!
//! What must stay true: SQL is written here and nowhere else in the hub, so that another ledger can take this one's
//! place; each change of an order goes through [`crate::order::OrderState`].

pub mod access;
pub mod allowed;
pub mod audit;
pub mod backup;
pub mod board;
pub mod browsers;
pub mod bundles;
pub mod cursor;
pub mod files;
pub mod freezes;
pub mod identities;
pub mod invitations;
pub mod keys;
pub mod links;
pub mod mail;
pub mod models;
pub mod numbers;
pub mod once;
pub mod orders;
pub mod people;
pub mod projects;
pub mod queries;
pub mod resets;
mod schema;
pub mod second_factors;
pub mod sessions;
pub mod settings;
pub mod staging;
pub mod tokens;
pub mod trust_admins;
pub mod trusts;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use flip_storage::ledger::{self as storage, Ledger as Store};
use flip_storage::rusqlite::types::Type;
use flip_storage::rusqlite::{self, Transaction};
use tokio::sync::oneshot;

use schema::MIGRATIONS;

pub use flip_storage::ledger::{LedgerError, OpenError};

/// A handle to the hub's ledger.
#[derive(Clone)]
pub struct Ledger(Store, Arc<Path>, Arc<AtomicI64>);

impl Ledger {
    /// The newest schema that this program knows.
    pub const SCHEMA: usize = MIGRATIONS.len();

    /// Opens the ledger in `path` and migrates it forward.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self(Store::open(path, MIGRATIONS)?, path.into(), Arc::default()))
    }

    async fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (answer, answered) = oneshot::channel();
        let waits = Waits::begin(&self.2);
        let work = move |tx: &Transaction<'_>| {
            drop(waits);
            work(tx)
        };
        self.0.submit(name, work, move |outcome| drop(answer.send(outcome)))?;
        answered.await.map_err(|_| LedgerError::Closed)?
    }

    /// Transactions that wait for the ledger's thread.
    pub fn waiting(&self) -> i64 {
        self.2.load(Ordering::Relaxed)
    }

    /// Looks at the ledger beside its thread, for as long as it takes. Blocks.
    fn read<T>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        storage::read(&self.1, name, work)
    }

    /// For the command line, which has no async runtime.
    fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.0.run(name, work)
    }
}

/// A transaction that waits, until this is dropped.
struct Waits(Arc<AtomicI64>);

impl Waits {
    fn begin(count: &Arc<AtomicI64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}
