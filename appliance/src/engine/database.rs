//! The DuckDB connection of a worker, and what its errors mean.
//!
//! What must stay true: the generation is opened read-only and nothing else can be opened after it; settings are
//! locked; DuckDB's run-time texts, which quote the records they failed on, end here. A [`Fault`] keeps a text only
//! where DuckDB had not begun to read records: at opening and while preparing, where it knows names and the
//! question's own literals.

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use duckdb::arrow::array::RecordBatch;
use duckdb::{Config, Connection, Row};
use flip_protocol::answer::Failed;

use super::bounds;
use super::wire::Configure;

/// Why the engine gives no counts.
#[derive(Debug)]
pub(super) struct Fault {
    pub failed: Failed,
    /// For the local log.
    pub note: Option<String>,
}

impl Fault {
    pub fn plain(failed: Failed) -> Self {
        Self { failed, note: None }
    }

    /// An error at opening: nothing but names, paths and versions is known yet.
    fn opening(error: &duckdb::Error) -> Self {
        if is_damage(error) {
            return Self::damaged();
        }
        Self { failed: Failed::Internal, note: Some(note(error)) }
    }

    /// An error while preparing a statement.
    pub fn preparing(error: &duckdb::Error) -> Self {
        if is_damage(error) {
            return Self::damaged();
        }
        let failed = class(error);
        Self { failed, note: (failed == Failed::NotUnderstood).then(|| note(error)) }
    }

    /// An error while running a statement: its class and nothing more.
    pub fn running(error: &duckdb::Error) -> Self {
        if is_damage(error) { Self::damaged() } else { Self::plain(class(error)) }
    }

    /// An error while a result is read on: its class and nothing more. The driver panics with DuckDB's text.
    fn reading(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map_or("", String::as_str);
        let text = text.split_once("batch: ").map_or(text, |(_, text)| text);
        if is_text_of_damage(text) { Self::damaged() } else { Self::plain(class_of_text(text)) }
    }

    /// In words of ours: DuckDB's own may quote what it read.
    pub fn damaged() -> Self {
        let note = "the generation is damaged: what was read does not have its checksum; look with \
                    `flip-appliance data show --verify`, and use another or ingest the extract again";
        Self { failed: Failed::Internal, note: Some(note.to_owned()) }
    }
}

/// Opens the configured generation and locks the settings.
pub(super) fn open(configure: &Configure) -> Result<Connection, Fault> {
    connect(configure).map_err(|error| Fault::opening(&error))
}

fn connect(configure: &Configure) -> Result<Connection, duckdb::Error> {
    let file = &configure.generation_file;
    // A file that cannot be asked cannot be opened either, which says why.
    let bytes = fs::metadata(file).map_or(0, |file| file.len());
    let threads = if bytes < bounds::SMALL_BYTES { 1 } else { configure.threads.get() };
    open_generation(file, configure.memory_mb, threads)
}

/// Opens a generation with a worker's settings, of which one has DuckDB give back memory while nobody asks. For tests that
/// compare rows; a worker gives none.
pub fn open_generation(file: &Path, memory_mb: u64, threads: u32) -> Result<Connection, duckdb::Error> {
    let config = Config::default()
        .with("access_mode", "READ_ONLY")?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?
        .with("allow_community_extensions", "false")?
        .with("memory_limit", format!("{memory_mb}MiB"))?
        .with("threads", threads.to_string())?;
    let connection = Connection::open_with_flags(file, config)?;
    connection.execute_batch(
        "SET temp_directory = '';
         SET enable_external_access = false;
         SET integer_division = true;
         SET default_null_order = 'nulls_last_on_asc_first_on_desc';
         SET enable_progress_bar = false;
         SET allocator_background_threads = true;
         SET lock_configuration = true;",
    )?;
    Ok(connection)
}

/// Runs a statement that gives no rows.
pub(super) fn run(database: &Connection, sql: &str) -> Result<(), Fault> {
    let mut statement = database.prepare(sql).map_err(|error| Fault::preparing(&error))?;
    statement.execute([]).map(drop).map_err(|error| Fault::running(&error))
}

/// The few rows of a statement, each by `take`.
pub(super) fn rows<T>(
    database: &Connection,
    sql: &str,
    take: impl FnMut(&Row<'_>) -> duckdb::Result<T>,
) -> Result<Vec<T>, Fault> {
    let mut statement = database.prepare(sql).map_err(|error| Fault::preparing(&error))?;
    let taken = statement.query_map([], take).and_then(Iterator::collect);
    taken.map_err(|error| Fault::running(&error))
}

/// The one row of a statement.
pub(super) fn one<T>(
    database: &Connection,
    sql: &str,
    take: impl FnOnce(&Row<'_>) -> duckdb::Result<T>,
) -> Result<T, Fault> {
    let mut statement = database.prepare(sql).map_err(|error| Fault::preparing(&error))?;
    statement.query_row([], take).map_err(|error| Fault::running(&error))
}

/// Hands on a statement's rows while DuckDB makes them, in batches, without keeping any. An empty batch comes first: it has
/// the types of the result. The statement is not kept either: it would hold what it last made of its joins.
pub(super) fn stream<E: From<Fault>>(
    database: &Connection,
    sql: &str,
    mut take: impl FnMut(RecordBatch) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = database.prepare(sql).map_err(|error| Fault::preparing(&error))?;
    let mut batches = statement.stream_arrow([]).map_err(|error| Fault::running(&error))?;
    take(RecordBatch::new_empty(batches.get_schema()))?;
    loop {
        match catch_unwind(AssertUnwindSafe(|| batches.next())) {
            Ok(Some(batch)) => take(batch)?,
            Ok(None) => return Ok(()),
            Err(panic) => return Err(Fault::reading(panic.as_ref()).into()),
        }
    }
}

/// True where DuckDB found that a block of the file is not what was written.
fn is_damage(error: &duckdb::Error) -> bool {
    is_text_of_damage(&error.to_string())
}

/// Judged by what DuckDB begins such a text with: other texts quote the question, which may hold any words.
fn is_text_of_damage(text: &str) -> bool {
    const BEGINNINGS: [&str; 3] = ["IO Error", "FATAL Error", "INTERNAL Error"];
    const WORDS: [&str; 3] = ["Corrupt database file", "corrupt database file", "checksum"];
    BEGINNINGS.iter().any(|words| text.starts_with(words)) && WORDS.iter().any(|words| text.contains(words))
}

fn note(error: &duckdb::Error) -> String {
    error.to_string().chars().take(bounds::NOTE_CHARACTERS).collect()
}

/// The class of an error, from the fixed words that DuckDB begins its texts with.
fn class(error: &duckdb::Error) -> Failed {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the driver's own errors are all faults of ours")]
    match error {
        duckdb::Error::DuckDBFailure(_, Some(text)) => class_of_text(text),
        _ => Failed::Internal,
    }
}

fn class_of_text(text: &str) -> Failed {
    const CLASSES: [(&str, Failed); 14] = [
        ("Parser Error", Failed::NotUnderstood),
        ("Syntax Error", Failed::NotUnderstood),
        ("Binder Error", Failed::NotUnderstood),
        ("Catalog Error", Failed::NotUnderstood),
        ("Permission Error", Failed::NotUnderstood),
        ("Not implemented Error", Failed::NotUnderstood),
        ("Parameter Not Resolved Error", Failed::NotUnderstood),
        ("Conversion Error", Failed::BadValue),
        ("Out of Range Error", Failed::BadValue),
        ("Mismatch Type Error", Failed::BadValue),
        ("Invalid Input Error", Failed::BadValue),
        ("Invalid type Error", Failed::BadValue),
        ("Divide by Zero Error", Failed::BadValue),
        ("Out of Memory Error", Failed::OutOfMemory),
    ];
    CLASSES.iter().find(|(words, _)| text.starts_with(words)).map_or(Failed::Internal, |(_, failed)| *failed)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    /// A generation of a few blocks, each with one bit that is not what was written, from `first` on.
    fn damaged(file: &Path, first: usize) {
        let database = Connection::open(file).unwrap();
        database.execute_batch("CREATE TABLE t AS SELECT hash(i) AS h FROM range(200000) AS s(i)").unwrap();
        database.close().map_err(|(_, error)| error).unwrap();
        let mut bytes = std::fs::read(file).unwrap();
        (first..bytes.len()).step_by(262_144).for_each(|at| bytes[at] ^= 4);
        std::fs::write(file, bytes).unwrap();
    }

    #[test]
    fn a_damaged_block_is_damage_at_opening_and_while_records_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let [header, blocks] = ["header", "blocks"].map(|name| folder.path().join(name));
        damaged(&header, 100);
        let opened = open_generation(&header, 64, 1).map(drop).unwrap_err();
        assert!(is_damage(&opened), "{opened}");
        damaged(&blocks, 12_288 + 131_072);
        let read = open_generation(&blocks, 64, 1)
            .and_then(|database| database.query_row("SELECT sum(h) FROM t", [], |_| Ok(())))
            .unwrap_err();
        assert!(is_damage(&read), "{read}");
    }

    #[test]
    fn a_small_generation_has_one_thread_and_a_large_one_as_many_as_are_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let threads = |rows: u64| {
            let file = folder.path().join(format!("{rows}.duckdb"));
            let database = Connection::open(&file).unwrap();
            let sql = format!("CREATE TABLE t AS SELECT hash(i) AS h FROM range({rows}) AS s(i)");
            database.execute_batch(&sql).unwrap();
            database.close().map_err(|(_, error)| error).unwrap();
            let configure = Configure {
                generation_file: file,
                memory_mb: 64,
                threads: NonZeroU32::new(3).unwrap(),
                rows_max: 1,
                cost_max: 1,
                counts: false,
                population: None,
            };
            let opened = open(&configure).unwrap();
            opened.query_row("SELECT current_setting('threads')", [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!([threads(200_000), threads(3_000_000)], [1, 3]);
    }

    #[test]
    fn the_words_of_damage_in_a_question_are_no_damage() {
        let database = Connection::open_in_memory().unwrap();
        for sql in [
            "SELECT no_such_function('checksum')",
            "SELECT mode() WITHIN GROUP (ORDER BY 'checksum'), no_such_column",
            "SELECT CAST('Corrupt database file: IO Error' AS INTEGER)",
        ] {
            let error = database.query_row(sql, [], |_| Ok(())).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("checksum") || text.contains("Corrupt"), "quotes the question: {text}");
            assert!(!is_damage(&error), "{error}");
        }
        let quoted = "called `Result::unwrap()`: batch: Conversion Error: 'checksum' is no date".to_owned();
        assert_eq!(Fault::reading(&quoted).failed, Failed::BadValue);
    }
}
