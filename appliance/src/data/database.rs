//! The DuckDB file of a generation while it is being written.
//!
//! What must stay true: nothing is fetched from elsewhere, memory is bounded, and what spills does so inside the
//! partial folder. No error of these calls is passed on in words (see [`super::error`]).

use std::fs;

use duckdb::{AccessMode, Config, Connection, Row};
use flip_gate::cdm::{Kind, TABLES, Table};

use super::bounds::INGEST_THREADS;
use super::error::IngestError;
use super::generations::Partial;

/// An open database with the CDM's empty tables.
pub(super) struct Database {
    connection: Connection,
}

impl Database {
    /// Makes the file, its settings and its tables. DuckDB may hold so many MiB.
    pub fn create(partial: &Partial, memory_mb: u64) -> Result<Self, IngestError> {
        let scratch = partial.scratch();
        fs::create_dir(&scratch).map_err(|error| IngestError::io(&scratch, error))?;
        let failed = |error: duckdb::Error| IngestError::engine_setup("making the database", &error);
        let database = Self::open(partial, memory_mb, AccessMode::ReadWrite).map_err(failed)?;
        let tables: String = TABLES.iter().map(table_sql).collect();
        database.run(&format!("CREATE SCHEMA omop; {tables}")).map_err(failed)?;
        Ok(database)
    }

    /// Opens the closed file again, to read.
    pub fn reopen(partial: &Partial, memory_mb: u64) -> Result<Self, IngestError> {
        let opened = Self::open(partial, memory_mb, AccessMode::ReadOnly);
        opened.map_err(|error| IngestError::engine_setup("opening the new generation", &error))
    }

    fn open(partial: &Partial, memory_mb: u64, mode: AccessMode) -> duckdb::Result<Self> {
        let config = Config::default().enable_autoload_extension(false)?.access_mode(mode)?;
        let connection = Connection::open_with_flags(partial.database(), config)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(INGEST_THREADS);
        connection.execute_batch(&format!(
            "SET autoinstall_known_extensions = false;
             SET memory_limit = '{memory_mb}MiB';
             SET threads = {threads};
             SET preserve_insertion_order = false;
             SET temp_directory = {};",
            literal(&partial.scratch().to_string_lossy()),
        ))?;
        Ok(Self { connection })
    }

    /// Statements without an answer.
    pub fn run(&self, sql: &str) -> duckdb::Result<()> {
        self.connection.execute_batch(sql)
    }

    /// An answer, row by row.
    pub fn rows<T>(&self, sql: &str, of: impl Fn(&Row<'_>) -> duckdb::Result<T>) -> duckdb::Result<Vec<T>> {
        self.connection.prepare(sql)?.query_map([], |row| of(row))?.collect()
    }

    /// Another connection to the same database, for another thread.
    pub fn connection(&self) -> duckdb::Result<Connection> {
        self.connection.try_clone()
    }

    /// The one value of a one-row answer.
    pub fn value<T: duckdb::types::FromSql>(&self, sql: &str) -> duckdb::Result<T> {
        self.connection.query_row(sql, [], |row| row.get(0))
    }

    /// A list of counts in one row and column.
    pub fn counts(&self, sql: &str) -> duckdb::Result<Vec<u64>> {
        self.numbers(&format!("SELECT unnest(({sql}))"))
    }

    /// A column of numbers.
    pub fn numbers(&self, sql: &str) -> duckdb::Result<Vec<u64>> {
        self.rows(sql, |row| row.get(0))
    }

    /// Two columns of numbers that may be negative.
    pub fn signed_pairs(&self, sql: &str) -> duckdb::Result<Vec<(i64, i64)>> {
        self.rows(sql, |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The first two columns of an answer, as text.
    pub fn pairs(&self, sql: &str) -> duckdb::Result<Vec<(String, String)>> {
        self.rows(sql, |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Closes what was only read.
    pub fn close_reader(self) -> Result<(), IngestError> {
        let closed = self.connection.close();
        closed.map_err(|(_, error)| IngestError::engine("closing the new generation", &error))
    }

    /// Writes everything into the one file and closes it.
    pub fn close(self) -> Result<(), IngestError> {
        let failed = |error: duckdb::Error| IngestError::engine("closing the database", &error);
        self.connection.execute_batch("CHECKPOINT").map_err(failed)?;
        self.connection.close().map_err(|(_, error)| failed(error))
    }
}

fn table_sql(table: &Table) -> String {
    let columns =
        table.columns.iter().map(|column| format!("{} {}", quoted(column.name), sql_type(column.kind)));
    format!("CREATE TABLE omop.{} ({});\n", quoted(table.name), columns.collect::<Vec<_>>().join(", "))
}

/// The DuckDB type of a kind.
pub(super) fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "BIGINT",
        Kind::Float => "DOUBLE",
        Kind::Text(_) => "VARCHAR",
        Kind::Date => "DATE",
        Kind::DateTime => "TIMESTAMP",
    }
}

/// A name as an SQL identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as an SQL literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
