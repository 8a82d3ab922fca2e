//! Live pull: an OMOP database of the Trust's in PostgreSQL as a second source, read table by table.
//!
//! ```text
//! PostgreSQL ─ one read-only snapshot ─▶ COPY … TO STDOUT ─▶ pull/TABLE.csv.gz ─▶ flip-appliance ingest pull/
//! ```
//!
//! The pull makes an extract in a folder of its own and hands it to the ordinary ingest, in a process of its own: there
//! is one way in. What must stay true: nothing is written to the database, and the session says so to it; a table is in
//! the folder whole, with the number of rows that its snapshot counts, or not at all; whoever was interrupted goes on
//! with the tables that are missing; no password and no value of a record is in a log or an error. Deliberately absent:
//! changes since the last pull (every pull reads all), and any table or column that is not the CDM's.

mod connect;
mod copy;
mod error;
mod progress;
mod settings;
mod source;
mod spool;

use std::path::Path;

use postgres::{Client, IsolationLevel, Transaction};

use crate::clock;

pub use error::PullError;
pub use progress::{Bar, Progress};
pub use settings::{PASSWORD_VARIABLE, Settings};
pub use source::{Found, Source};
pub use spool::{Spool, Turn};

/// Whether the database can be read, and what would be read of it.
pub fn check(settings: &Settings) -> Result<Source, PullError> {
    let mut client = connect::connect(settings)?;
    let mut snapshot = begin(&mut client, settings)?;
    let source = source::inspect(&mut snapshot, settings)?;
    source.must_be_readable(settings)?;
    Ok(source)
}

/// Reads every table of the CDM that the database has into the spool; gives what was read.
pub fn read(
    turn: Turn,
    settings: &Settings,
    folder: &Path,
    fresh: bool,
    progress: &mut dyn Progress,
) -> Result<(Spool, Source), PullError> {
    let mut spool = Spool::open(turn, folder, settings, fresh)?;
    let mut client = connect::connect(settings)?;
    let mut snapshot = begin(&mut client, settings)?;
    let source = source::inspect(&mut snapshot, settings)?;
    source.must_be_readable(settings)?;

    spool.begin_snapshot(clock::now())?;
    let estimated = source.tables.iter().filter_map(|found| found.rows_estimated).sum();
    progress.begin(estimated, spool.tables().len());
    for found in &source.tables {
        // What an earlier snapshot gave stands only while this one counts as many rows.
        if spool.has(found) {
            let rows = copy::count(&mut snapshot, settings, found)?;
            if spool.rows(found) == Some(rows) {
                progress.kept(found.table.name, rows);
                continue;
            }
        }
        let rows = copy::copy(&mut snapshot, settings, found, &spool, progress)?;
        spool.finish(found, rows)?;
        progress.done(found.table.name, rows);
    }
    spool.keep_only(&source)?;
    snapshot.commit().map_err(|error| PullError::of(&error, settings, None))?;
    Ok((spool, source))
}

/// One snapshot for everything, which cannot write.
fn begin<'c>(client: &'c mut Client, settings: &Settings) -> Result<Transaction<'c>, PullError> {
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    transaction.start().map_err(|error| PullError::of(&error, settings, None))
}
