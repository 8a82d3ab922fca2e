//! A text file checked in pieces, on all cores.
//!
//! A piece is cut at a line's start, though only the piece before knows whether that line starts a record: it may lie
//! inside a quoted text. So each piece says where its last record ended, and a piece that did not start exactly there
//! is checked again from the right place.
//!
//! What must stay true: the sum is that of one reading from the first byte to the last, whatever the pieces.

use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::bounds::INGEST_THREADS;
use super::error::IngestError;
use super::extract::{Format, Source};
use super::header::Columns;
use super::lines::{Dialect, Records};
use super::survey::{self, Tally};

/// Counts all records of a file. `tick` hears now and then of rows and bytes.
pub(super) fn tally(
    source: &Source,
    dialect: Dialect,
    columns: &Columns,
    piece_bytes: u64,
    tick: &mut dyn FnMut(u64, u64),
) -> Result<Tally, IngestError> {
    let file = File { source, dialect, columns, piece_bytes };
    match source.format {
        Format::Text { gzip: false } => {}
        Format::Text { gzip: true } | Format::Parquet => return file.stream(tick),
    }
    let guessed = file.all(tick)?;

    let mut total = Tally::new(source, columns);
    let (mut at, mut lines) = (0, 0);
    for (piece, end) in guessed.into_iter().zip((1..).map(|number: u64| number * piece_bytes)) {
        // The record before went on beyond this whole piece.
        if at >= end {
            continue;
        }
        let piece = if piece.start == at { piece } else { file.piece(at, end)? };
        total.absorb(piece.tally, lines + 1 - piece.first);
        lines += piece.lines;
        match piece.stop {
            Some(stop) => at = stop,
            None => break,
        }
    }
    tick(total.rows, source.bytes);
    Ok(total)
}

#[derive(Clone, Copy)]
struct File<'a> {
    source: &'a Source,
    dialect: Dialect,
    columns: &'a Columns,
    piece_bytes: u64,
}

struct Piece {
    start: u64,
    /// Where the next record starts; none where reading cannot go on.
    stop: Option<u64>,
    /// The number its first line was given.
    first: u64,
    lines: u64,
    tally: Tally,
}

impl File<'_> {
    /// All pieces, each from the first line that starts in it.
    fn all(&self, tick: &mut dyn FnMut(u64, u64)) -> Result<Vec<Piece>, IngestError> {
        let count =
            usize::try_from(self.source.bytes.div_ceil(self.piece_bytes)).unwrap_or(usize::MAX).max(1);
        let threads = thread::available_parallelism().map_or(1, usize::from).min(INGEST_THREADS).min(count);
        let next = AtomicUsize::new(0);
        let (done, results) = mpsc::channel();
        let mut pieces: Vec<Option<Piece>> = (0..count).map(|_| None).collect();
        thread::scope(|scope| {
            for _ in 0..threads {
                let (done, next) = (done.clone(), &next);
                scope.spawn(move || {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        // A closed channel: another piece failed, and nobody waits for more.
                        if number >= count || done.send((number, self.numbered(number as u64))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(done);
            let (mut rows, mut bytes) = (0, 0);
            for (number, piece) in results {
                let piece = piece?;
                rows += piece.tally.rows;
                bytes += self.piece_bytes;
                tick(rows, bytes.min(self.source.bytes));
                pieces[number] = Some(piece);
            }
            Ok::<(), IngestError>(())
        })?;
        Ok(pieces.into_iter().flatten().collect())
    }

    fn numbered(&self, number: u64) -> Result<Piece, IngestError> {
        let begin = number * self.piece_bytes;
        let start = if number == 0 { 0 } else { self.line_start(begin)? };
        self.piece(start, begin + self.piece_bytes)
    }

    /// The start of the first line at or after a position.
    fn line_start(&self, position: u64) -> Result<u64, IngestError> {
        let failed = |error| self.source.failed(error);
        let mut file = self.source.reader()?;
        file.seek(SeekFrom::Start(position - 1)).map_err(failed)?;
        let skipped = BufReader::new(file).skip_until(b'\n').map_err(failed)?;
        Ok(position - 1 + skipped as u64)
    }

    /// The records that start from `start` on and before `end`.
    fn piece(&self, start: u64, end: u64) -> Result<Piece, IngestError> {
        const BUFFER_BYTES: usize = 256 * 1024;
        let mut file = self.source.reader()?;
        file.seek(SeekFrom::Start(start)).map_err(|error| self.source.failed(error))?;
        // Only the first piece starts on line 1, where a byte order mark may stand; the others count from line 2.
        let first = if start == 0 { 1 } else { 2 };
        let mut records = Records::new(BufReader::with_capacity(BUFFER_BYTES, file), self.dialect, first);
        let mut tally = Tally::new(self.source, self.columns);
        let goes_on = self.count(&mut records, end - start.min(end), start == 0, &mut tally, &mut |_| {})?;
        tally.habits = records.habits;
        let lines = records.line_next() - first;
        Ok(Piece { start, stop: goes_on.then_some(start + records.position), first, lines, tally })
    }

    /// The whole file in one go, as compression asks for.
    fn stream(&self, tick: &mut dyn FnMut(u64, u64)) -> Result<Tally, IngestError> {
        let taken = AtomicU64::new(0);
        let mut records = Records::new(survey::open(self.source, &taken)?, self.dialect, 1);
        let mut tally = Tally::new(self.source, self.columns);
        let mut rows = |rows| tick(rows, taken.load(Ordering::Relaxed));
        self.count(&mut records, u64::MAX, true, &mut tally, &mut rows)?;
        tally.habits = records.habits;
        tick(tally.rows, self.source.bytes);
        Ok(tally)
    }

    /// Counts the records that start within so many bytes; false where reading cannot go on.
    fn count<R: BufRead>(
        &self,
        records: &mut Records<R>,
        bytes: u64,
        mut header: bool,
        tally: &mut Tally,
        tick: &mut dyn FnMut(u64),
    ) -> Result<bool, IngestError> {
        const TICK_RECORDS: u64 = 50_000;
        while records.position < bytes {
            match records.next() {
                None => break,
                Some(Ok(_)) if header => header = false,
                Some(Ok(record)) => {
                    tally.record(&record);
                    if tally.rows.is_multiple_of(TICK_RECORDS) {
                        tick(tally.rows);
                    }
                }
                Some(Err(broken)) => {
                    if !tally.broken(self.source, broken)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::extract::discover;
    use crate::data::header::{match_columns, read_names};

    /// What can be seen of a tally: everything, problems with their lines included.
    fn seen(text: &str, piece_bytes: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("death.csv"), text).unwrap();
        let (sources, _) = discover(folder.path()).unwrap();
        let source = &sources[0];
        let (names, dialect) = read_names(source.table, source.reader().unwrap()).unwrap();
        let columns = match_columns(source.table, &source.name, &names).unwrap();
        let tally = tally(source, dialect, &columns, piece_bytes, &mut |_, _| {}).unwrap();
        format!("{tally:?}")
    }

    #[test]
    fn pieces_add_up_to_the_whole() {
        let header = "\u{feff}person_id,death_date,cause_source_value\n";
        let texts = [
            "1,2020-01-01,a\n2,2020-01-02,\"two\nlines\"\n\n3,x,\"three\r\n\"\"lines\"\"\n\"\r\n4,2020-01-04,5\" nail\n",
            "1,2020-01-01,\"1,2020-01-01,a\n2,2020-01-02,b\n3,2020-01-03,c\n\"\nx,2020-01-01,d",
            "1,2020-01-01,\"never\nclosed\n2,x,y\n",
            "1,2020-01-01,\"a\"b\n\n1,2,\n1\n",
            "",
        ];
        for text in texts {
            let text = format!("{header}{text}");
            let whole = seen(&text, 1_000_000);
            for piece_bytes in 1..text.len() as u64 {
                assert_eq!(seen(&text, piece_bytes), whole, "pieces of {piece_bytes} bytes");
            }
        }
    }
}
