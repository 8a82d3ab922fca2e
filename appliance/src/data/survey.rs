//! The check of a delimited file, every line and every value of it, before anything is loaded.
//!
//! What must stay true: a file without problems here holds exactly `rows` records, and every value in it is of its
//! column's kind; DuckDB then reads it in parallel, and has to arrive at the same number. Also deliberately absent:
//! what needs more than one line (repeated keys, references), which is asked of the loaded tables.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use flip_gate::cdm::{Column, Kind, Table};

use super::bounds::{PROGRESS_RECORDS, RECORD_BYTES};
use super::error::IngestError;
use super::extract::{Format, Source};
use super::header::{Columns, must_have_value};
use super::lines::{Broken, Dialect, Habits, Record, Records, Text, count};
use super::manifest::Note;
use super::problem::{Fault, Place, Problem, Problems};
use super::values::{Form, examine};

/// What the check of a file found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub rows: u64,
    /// How DuckDB has to read it.
    pub reading: Reading,
    pub notes: Vec<Note>,
}

/// How DuckDB has to read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reading {
    /// As it is.
    #[default]
    Direct,
    /// As it is, its dates being YYYYMMDD.
    CompactDates,
    /// From a copy in plain forms: its lines or dates are of several kinds.
    Copy,
}

/// A file's reader that decompresses and counts the bytes taken from the disk.
pub(super) fn open<'a>(source: &Source, taken: &'a AtomicU64) -> Result<Box<dyn BufRead + 'a>, IngestError> {
    const BUFFER_BYTES: usize = 256 * 1024;
    let counted = Counted { inner: source.reader()?, taken };
    Ok(match source.format {
        Format::Text { gzip: true } => {
            let decoder = MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, counted));
            Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
        }
        Format::Text { gzip: false } | Format::Parquet => {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, counted))
        }
    })
}

struct Counted<'a, R> {
    inner: R,
    taken: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Checks all lines of a file. `tick` hears now and then of rows and bytes.
pub(super) fn survey(
    source: &Source,
    dialect: Dialect,
    columns: &Columns,
    problems: &mut Problems,
    tick: &mut dyn FnMut(u64, u64),
) -> Result<Survey, IngestError> {
    let taken = AtomicU64::new(0);
    let mut records = Records::new(open(source, &taken)?, dialect);
    let mut tally = Tally::new(source, columns, problems);
    let mut header = true;
    while let Some(next) = records.next() {
        match next {
            Ok(_) if header => header = false,
            Ok(record) => {
                tally.record(&record);
                if tally.rows.is_multiple_of(PROGRESS_RECORDS) {
                    tick(tally.rows, taken.load(Ordering::Relaxed));
                }
            }
            Err(broken) => {
                if tally.broken(broken)? == Next::Stop {
                    break;
                }
            }
        }
    }
    tick(tally.rows, source.bytes);
    Ok(tally.finish(dialect, records.habits))
}

#[derive(PartialEq)]
enum Next {
    GoOn,
    Stop,
}

/// What the lines so far add up to.
struct Tally<'a> {
    source: &'a Source,
    columns: &'a Columns,
    cells: Vec<Cells>,
    problems: &'a mut Problems,
    rows: u64,
    plain_dates: u64,
    compact_dates: u64,
    odd: u64,
    offsets: u64,
    trailing: u64,
}

/// One column's rule and its counts.
struct Cells {
    column: Option<&'static Column>,
    must: bool,
    empty: u64,
    too_long: u64,
}

impl<'a> Tally<'a> {
    fn new(source: &'a Source, columns: &'a Columns, problems: &'a mut Problems) -> Self {
        let cells = columns.found.iter().map(|column| Cells {
            column: *column,
            must: column.is_some_and(|column| must_have_value(source.table, column)),
            empty: 0,
            too_long: 0,
        });
        Self {
            source,
            columns,
            cells: cells.collect(),
            problems,
            rows: 0,
            plain_dates: 0,
            compact_dates: 0,
            odd: 0,
            offsets: 0,
            trailing: 0,
        }
    }

    fn record(&mut self, record: &Record<'_>) {
        let (found, expected) = (record.len(), self.columns.found.len());
        if found < expected {
            self.problem(record.line, None, Fault::TooFew { found, expected });
            return;
        }
        if found > expected {
            if record.fields().skip(expected).any(|field| !field.raw.is_empty()) {
                self.problem(record.line, None, Fault::TooMany { found, expected });
                return;
            }
            self.trailing += 1;
            self.odd += 1;
        }
        if let Some(field) = record.not_utf8() {
            let column = self.cells.get(field).and_then(|cells| cells.column);
            self.problem(record.line_of(field), column.map(|column| column.name), Fault::NotUtf8);
        }
        self.rows += 1;
        for (at, field) in record.fields().take(expected).enumerate() {
            let Some(column) = self.cells[at].column else { continue };
            if let Err(fault) = self.value(at, column, field) {
                self.problem(record.line_of(at), Some(column.name), fault);
            }
        }
    }

    fn value(&mut self, at: usize, column: &Column, field: Text<'_>) -> Result<(), Fault> {
        let cells = &mut self.cells[at];
        if field.raw.is_empty() {
            cells.empty += 1;
            return if cells.must { Err(Fault::Empty) } else { Ok(()) };
        }
        if let Kind::Text(Some(most)) = column.kind {
            cells.too_long += u64::from(is_longer(field, most));
            return Ok(());
        }
        match examine(column.kind, field.raw)? {
            Form::Plain => self.plain_dates += u64::from(column.kind == Kind::Date),
            Form::Compact => self.compact_dates += 1,
            Form::Other => self.odd += 1,
            Form::Offset => {
                self.odd += 1;
                self.offsets += 1;
            }
        }
        Ok(())
    }

    fn broken(&mut self, broken: Broken) -> Result<Next, IngestError> {
        let (line, column, fault, next) = match broken {
            Broken::OpenQuote { line } => (line, None, Fault::OpenQuote, Next::Stop),
            Broken::TooLong { line } => (line, None, Fault::LongRecord(RECORD_BYTES), Next::Stop),
            Broken::AfterQuote { line, field } => {
                let column = self.cells.get(field).and_then(|cells| cells.column);
                (line, column.map(|column| column.name), Fault::AfterQuote, Next::GoOn)
            }
            Broken::LoneReturn { line } => (line, None, Fault::LoneReturn, Next::GoOn),
            Broken::ZeroByte { line } => (line, None, Fault::ZeroByte, Next::GoOn),
            Broken::Read(error) => {
                let fault = compression_fault(self.source, error)?;
                self.push(Place::File, None, fault);
                return Ok(Next::Stop);
            }
        };
        self.problem(line, column, fault);
        Ok(next)
    }

    fn problem(&mut self, line: u64, column: Option<&'static str>, fault: Fault) {
        self.push(Place::Line(line), column, fault);
    }

    fn push(&mut self, place: Place, column: Option<&'static str>, fault: Fault) {
        self.problems.push(Problem { file: self.source.name.clone(), place, column, fault });
    }

    fn finish(self, dialect: Dialect, habits: Habits) -> Survey {
        let mixed_ends = habits.line_feeds > 0 && habits.carriage_returns > 0;
        let mixed_dates = self.plain_dates > 0 && self.compact_dates > 0;
        let reading = if self.odd > 0 || mixed_ends || mixed_dates {
            Reading::Copy
        } else if self.compact_dates > 0 {
            Reading::CompactDates
        } else {
            Reading::Direct
        };
        let mut notes = Vec::new();
        let mut note = |text: String| notes.push(Note::new(&self.source.name, text));
        if !dialect.quoting {
            note("read without quoting, as OHDSI's vocabulary files are written".to_owned());
        }
        if habits.open_end && self.rows > 0 {
            note("the last line has no line end; if more was expected, the file was cut short".to_owned());
        }
        for (count, text) in [
            (habits.blank_lines, "blank lines passed over"),
            (self.trailing, "lines with blank values beyond the header's columns"),
            (self.offsets, "times with an offset from UTC; the local time is kept"),
            (u64::from(mixed_ends), "file whose lines end in both CRLF and LF"),
        ] {
            if count > 0 {
                note(format!("{count} {text}"));
            }
        }
        for cells in &self.cells {
            let Some(column) = cells.column else { continue };
            if column.required && !cells.must && cells.empty > 0 {
                note(format!(
                    "{}: {} rows are empty where the CDM requires a value",
                    column.name, cells.empty
                ));
            }
            if cells.too_long > 0 {
                note(format!(
                    "{}: {} rows are longer than the CDM allows; kept",
                    column.name, cells.too_long
                ));
            }
        }
        Survey { rows: self.rows, reading, notes }
    }
}

/// What a failed read says about a compressed file; any other failure is not the extract's fault.
pub(super) fn compression_fault(source: &Source, error: io::Error) -> Result<Fault, IngestError> {
    match (source.format, error.kind()) {
        (Format::Text { gzip: true }, io::ErrorKind::UnexpectedEof) => Ok(Fault::CutShort),
        (Format::Text { gzip: true }, io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            Ok(Fault::Damaged)
        }
        _ => Err(source.failed(error)),
    }
}

fn is_longer(field: Text<'_>, most: u32) -> bool {
    let most = u64::from(most);
    if field.raw.len() as u64 <= most {
        return false;
    }
    // Continuation bytes of UTF-8 are no characters; a doubled quote is one.
    let letters = field.raw.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64;
    let doubled = if field.quoted { count(field.raw, b'"') / 2 } else { 0 };
    letters - doubled > most
}

/// The position of a table's key among a file's columns.
pub(super) fn key_position(table: &Table, columns: &Columns) -> Option<usize> {
    let key = table.primary_key?;
    columns.found.iter().position(|column| column.is_some_and(|column| column.name == key))
}
