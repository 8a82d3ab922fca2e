//! One table out of its snapshot: COPY to a compressed file, with its rows counted on both sides.
//!
//! What must stay true: memory does not grow with a table; the file has its name only once it is whole and on the disk.

use std::fs::{self, File};
use std::io::{BufRead as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use postgres::Transaction;

use super::error::PullError;
use super::progress::Progress;
use super::settings::Settings;
use super::source::Found;
use super::spool::Spool;

/// Rows between two reports of progress.
const REPORT_ROWS: u64 = 10_000;

/// Rows of a table in this snapshot.
pub(super) fn count(
    snapshot: &mut Transaction<'_>,
    settings: &Settings,
    found: &Found,
) -> Result<u64, PullError> {
    let sql = format!("SELECT count(*) FROM {}", found.qualified(settings));
    let row = snapshot
        .query_one(&sql, &[])
        .map_err(|error| PullError::of(&error, settings, Some(found.table.name)))?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
}

/// Copies a table into the spool; gives its rows.
pub(super) fn copy(
    snapshot: &mut Transaction<'_>,
    settings: &Settings,
    found: &Found,
    spool: &Spool,
    progress: &mut dyn Progress,
) -> Result<u64, PullError> {
    let table = found.table.name;
    let lost = |error: postgres::Error| PullError::of(&error, settings, Some(table));
    let partial = spool.partial(table);
    let failed = |error| PullError::file(&partial, error);
    let file = File::create(&partial).map_err(failed)?;
    let mut out = GzEncoder::new(file, Compression::fast());
    let mut lines = Lines::default();
    let mut told = 0;
    {
        let mut reader = snapshot
            .copy_out(&format!(
                "COPY (SELECT {} FROM {}) TO STDOUT WITH (FORMAT csv, HEADER)",
                found.column_list(),
                found.qualified(settings)
            ))
            .map_err(lost)?;
        loop {
            let piece = match reader.fill_buf() {
                Ok(piece) => piece,
                Err(error) => return Err(server_said(&error, settings, table)),
            };
            if piece.is_empty() {
                break;
            }
            lines.take(piece);
            out.write_all(piece).map_err(failed)?;
            let taken = piece.len();
            reader.consume(taken);
            if lines.ended >= told + REPORT_ROWS {
                told = lines.ended;
                progress.at(table, told);
            }
        }
    }
    let file = out.finish().map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let copied = lines.ended.saturating_sub(1);
    let counted = count(snapshot, settings, found)?;
    if copied != counted {
        return Err(PullError::Count { table, copied, counted });
    }
    let whole = spool.whole(table);
    fs::rename(&partial, &whole).map_err(|error| PullError::file(&whole, error))?;
    Ok(copied)
}

fn server_said(error: &std::io::Error, settings: &Settings, table: &'static str) -> PullError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<postgres::Error>()) {
        Some(error) => PullError::of(error, settings, Some(table)),
        None => PullError::Lost { table: Some(table) },
    }
}

/// Counts the records of a CSV stream: line ends outside of quotes.
#[derive(Default)]
struct Lines {
    ended: u64,
    quoted: bool,
}

impl Lines {
    fn take(&mut self, piece: &[u8]) {
        for byte in piece {
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => self.ended += 1,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn line_ends_in_quotes_end_no_record() {
        let mut lines = Lines::default();
        for piece in ["a,b\n1,\"x", "\n\"\"y\"", "\n", "2,\n"] {
            lines.take(piece.as_bytes());
        }
        assert_eq!(lines.ended, 3);
    }
}
