//! The DuckDB file of a generation while it is being written.
//!
//! What must stay true: nothing is fetched from elsewhere, memory is bounded, and what spills does so inside the
//! partial folder. No error of these calls is passed on in words (see [`super::error`]).

use std::fs;

use duckdb::arrow::array::AsArray as _;
use duckdb::arrow::datatypes::UInt64Type;
use duckdb::{AccessMode, Config, Connection, Row};
use flip_gate::cdm::{Kind, TABLES, Table};

use super::bounds::{HASHES_HELD, HASHES_PARTS, INGEST_THREADS};
use super::error::IngestError;
use super::generations::Partial;

/// What DuckDB calls the file while it is written.
const FILE: &str = "cdm";
/// Rows of DuckDB's vectors, of which row groups are made.
const VECTOR_ROWS: u64 = 2_048;

/// An open database: one in memory that reads the extract, and from [`Self::make_tables`] on the file beside it.
pub(super) struct Database {
    connection: Connection,
}

impl Database {
    /// Opens what the extract is read with. DuckDB may hold so many MiB.
    pub fn open(partial: &Partial, memory_mb: u64) -> Result<Self, IngestError> {
        let scratch = partial.scratch();
        fs::create_dir(&scratch).map_err(|error| IngestError::io(&scratch, error))?;
        let opened = Config::default()
            .enable_autoload_extension(false)
            .and_then(Connection::open_in_memory_with_flags)
            .and_then(|connection| Self::set(connection, partial, memory_mb));
        opened.map_err(|error| IngestError::engine_setup("making the database", &error))
    }

    /// Makes the file and the CDM's empty tables in it, whose row groups have so many rows, about.
    pub fn make_tables(&self, partial: &Partial, row_group_rows: u64) -> Result<(), IngestError> {
        let rows = (row_group_rows / VECTOR_ROWS).max(1) * VECTOR_ROWS;
        let file = literal(&partial.database().to_string_lossy());
        let tables: String = TABLES.iter().map(table_sql).collect();
        let made = self.run(&format!(
            "ATTACH {file} AS {FILE} (ROW_GROUP_SIZE {rows}); USE {FILE}; CREATE SCHEMA omop; {tables}"
        ));
        made.map_err(|error| IngestError::engine_setup("making the database", &error))
    }

    /// Opens the closed file again, to read.
    pub fn reopen(partial: &Partial, memory_mb: u64) -> Result<Self, IngestError> {
        let opened = Config::default()
            .enable_autoload_extension(false)
            .and_then(|config| config.access_mode(AccessMode::ReadOnly))
            .and_then(|config| Connection::open_with_flags(partial.database(), config))
            .and_then(|connection| Self::set(connection, partial, memory_mb));
        opened.map_err(|error| IngestError::engine_setup("opening the new generation", &error))
    }

    fn set(connection: Connection, partial: &Partial, memory_mb: u64) -> duckdb::Result<Self> {
        let threads = threads();
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

    /// Another connection to the same file, for another thread.
    pub fn connection(&self) -> duckdb::Result<Connection> {
        let connection = self.connection.try_clone()?;
        connection.execute_batch(&format!("USE {FILE}"))?;
        Ok(connection)
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

    /// False where no two of a table's rows have the same values in `columns`, which is nearly certain to be found out
    /// where it is so; of a very large table true in any case. Equal values have equal hashes, and of those eight bytes a
    /// row are held, some millions at a time: to group the rows themselves takes DuckDB several times as long.
    pub fn may_repeat(&self, table: &Table, columns: &str, rows: u64) -> duckdb::Result<bool> {
        let parts = rows.div_ceil(HASHES_HELD).max(1);
        if parts > HASHES_PARTS {
            return Ok(true);
        }
        let from = format!("SELECT hash({columns}) AS hash FROM omop.{}", quoted(table.name));
        // Hashes of rows that differ are spread evenly: where more come, many are equal.
        let most = usize::try_from(2 * HASHES_HELD).unwrap_or(usize::MAX);
        for part in 0..parts {
            let sql = format!("SELECT hash FROM ({from}) WHERE hash % {parts} = {part} LIMIT {most}");
            let mut hashes: Vec<u64> = Vec::new();
            let mut statement = self.connection.prepare(&sql)?;
            for batch in statement.query_arrow([])? {
                hashes.extend(batch.column(0).as_primitive::<UInt64Type>().values());
            }
            hashes.sort_unstable();
            if hashes.len() == most || hashes.windows(2).any(|two| two[0] == two[1]) {
                return Ok(true);
            }
        }
        Ok(false)
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
        self.run(&format!("CHECKPOINT {FILE}; USE memory; DETACH {FILE}")).map_err(failed)?;
        self.connection.close().map_err(|(_, error)| failed(error))
    }
}

/// Threads that DuckDB works with.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(INGEST_THREADS)
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

#[cfg(test)]
mod tests {
    use flip_gate::cdm::table;

    use super::*;

    #[test]
    fn rows_that_repeat_are_found_in_every_part_and_others_are_not() {
        let database = Database { connection: Connection::open_in_memory().unwrap() };
        let ancestors = table("concept_ancestor").unwrap();
        database.run(&format!("CREATE SCHEMA omop; {}", table_sql(ancestors))).unwrap();
        let fill = "INSERT INTO omop.concept_ancestor SELECT n % 10, nullif(n // 10, 7), 0, 0 FROM range(1000) AS r(n)";
        database.run(fill).unwrap();
        let key = "ancestor_concept_id, descendant_concept_id";
        let repeat = |parts: u64| database.may_repeat(ancestors, key, parts * HASHES_HELD).unwrap();
        assert!(!repeat(0) && !repeat(1) && !repeat(5));
        for more in ["(3, 42, 1, 1)", "(4, NULL, 0, 0)"] {
            database.run(&format!("INSERT INTO omop.concept_ancestor VALUES {more}")).unwrap();
            assert!(repeat(0) && repeat(1) && repeat(5), "{more}");
            database.run("DELETE FROM omop.concept_ancestor").unwrap();
            database.run(fill).unwrap();
            assert!(!repeat(5));
        }
    }
}
