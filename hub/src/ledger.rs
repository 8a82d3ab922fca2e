//! The hub's tables and every transaction on them, by name.
//!
//! What must stay true: SQL is written here and nowhere else in the hub, so that another ledger can take this one's
//! place; each change of an order goes through [`crate::order::OrderState`].

pub mod freezes;
pub mod orders;
pub mod people;
pub mod queries;
pub mod trusts;

use std::path::Path;

use flip_storage::ledger::{Ledger as Store, OpenError};
use flip_storage::rusqlite::types::Type;
use flip_storage::rusqlite::{self, Transaction};
use tokio::sync::oneshot;

pub use flip_storage::ledger::LedgerError;

/// A handle to the hub's ledger.
#[derive(Clone)]
pub struct Ledger(Store);

/// `MIGRATIONS[n]` brings schema `n` to `n + 1`. A released one never changes.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE trust (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        added_ms INTEGER NOT NULL,
        enrolled_ms INTEGER,
        verifying BLOB,
        sealing BLOB,
        sent INTEGER NOT NULL DEFAULT 0,
        seen_ms INTEGER,
        health TEXT
    ) STRICT;
    CREATE TABLE kit (
        secret_sha256 BLOB PRIMARY KEY,
        trust BLOB NOT NULL REFERENCES trust,
        expires_ms INTEGER NOT NULL,
        used_ms INTEGER,
        used_by BLOB
    ) STRICT;
    CREATE TABLE certificate (
        fingerprint BLOB PRIMARY KEY,
        trust BLOB NOT NULL REFERENCES trust,
        issued_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE person (
        name TEXT PRIMARY KEY COLLATE NOCASE,
        password TEXT NOT NULL,
        added_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE session (
        token_sha256 BLOB PRIMARY KEY,
        person TEXT NOT NULL REFERENCES person,
        expires_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE query (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL,
        sql TEXT NOT NULL,
        asked_by TEXT NOT NULL,
        asked_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE work_order (
        id BLOB PRIMARY KEY,
        trust BLOB NOT NULL REFERENCES trust,
        query BLOB NOT NULL REFERENCES query,
        sequence INTEGER NOT NULL,
        message BLOB NOT NULL,
        state TEXT NOT NULL,
        detail TEXT NOT NULL,
        expires_ms INTEGER NOT NULL,
        UNIQUE (trust, sequence)
    ) STRICT;
    CREATE INDEX work_order_of_query ON work_order (query);
    CREATE INDEX work_order_open ON work_order (trust, sequence)
        WHERE state IN ('queued', 'delivered', 'running');
    CREATE TABLE result_seen (
        trust BLOB NOT NULL REFERENCES trust,
        sequence INTEGER NOT NULL,
        message BLOB NOT NULL,
        PRIMARY KEY (trust, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE refusal (
        trust BLOB NOT NULL REFERENCES trust,
        reason TEXT NOT NULL,
        times INTEGER NOT NULL,
        PRIMARY KEY (trust, reason)
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE query ADD COLUMN project BLOB;
    ALTER TABLE person ADD COLUMN project BLOB;
",
    "
    ALTER TABLE work_order ADD COLUMN kind TEXT NOT NULL DEFAULT 'cohort_query';
    ALTER TABLE work_order ADD COLUMN freezing TEXT;
",
];

impl Ledger {
    /// Opens the ledger in `path` and migrates it forward.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Store::open(path, MIGRATIONS).map(Self)
    }

    async fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (answer, answered) = oneshot::channel();
        self.0.submit(name, work, move |outcome| drop(answer.send(outcome)))?;
        answered.await.map_err(|_| LedgerError::Closed)?
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

fn to_json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}
