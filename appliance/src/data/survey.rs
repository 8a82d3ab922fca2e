//! The check of a delimited file, every line and every value of it, before anything is loaded.
//!
//! What must stay true: a file without problems here holds exactly `rows` records, and every value in it is of its
//! column's kind; DuckDB then reads it in parallel, and has to arrive at the same number. Also deliberately absent:
//! what needs more than one line (repeated keys, references), which is asked of the loaded tables.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use flip_gate::cdm::{Column, Kind, Table};
use flip_web::plural;

use super::bounds::{PIECE_BYTES, RECORD_BYTES};
use super::encoding::{Encoding, Letters};
use super::error::IngestError;
use super::extract::{Format, Source};
use super::header::{Columns, must_have_value};
use super::lines::{Broken, Dialect, Habits, Record, Text, count};
use super::manifest::Note;
use super::pieces;
use super::problem::{Fault, Place, Problem, Problems};
use super::references;
use super::values::{Form, digits, examine, is_common, is_null_word, whole};

/// What the check of a file found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub rows: u64,
    /// Bytes of the records' text.
    pub text_bytes: u64,
    /// How DuckDB has to read it.
    pub reading: Reading,
    /// Whether the keys only grew.
    pub keys: Keys,
    /// How many values of each of the CDM's columns are empty, or are 0 and name no record.
    pub empty: Vec<(&'static str, u64)>,
    /// How many are 0 and name no record.
    pub zeros: Vec<(&'static str, u64)>,
    /// How many texts are words for no value.
    pub null_words: Vec<(&'static str, u64)>,
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
    let mut tally = pieces::tally(source, dialect, columns, PIECE_BYTES, tick)?;
    if let Some(problem) = std::mem::take(&mut tally.encoding).problem(&source.name) {
        problems.push(problem);
    }
    problems.absorb(std::mem::take(&mut tally.problems), 0);
    Ok(tally.finish(source, dialect))
}

/// What some lines of a file add up to.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    cells: Vec<Cells>,
    file: String,
    pub rows: u64,
    text_bytes: u64,
    pub problems: Problems,
    encoding: Encoding,
    pub habits: Habits,
    plain_dates: u64,
    compact_dates: u64,
    odd: u64,
    offsets: u64,
    trailing: u64,
    /// The position of the table's key; none where it has no whole number for one.
    key: Option<usize>,
    keys: Keys,
}

/// Whether the keys so far only grew: then none repeats, and nobody has to look for repeats.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Keys {
    #[default]
    None,
    Ascending {
        first: i64,
        last: i64,
    },
    Mixed,
}

/// One column's rule and its counts.
#[derive(Debug, Clone)]
struct Cells {
    column: Option<&'static Column>,
    must: bool,
    /// Whether its values name records, of which 0 is none.
    names_records: bool,
    empty: u64,
    zeros: u64,
    null_words: u64,
    too_long: u64,
}

impl Tally {
    pub fn new(source: &Source, columns: &Columns) -> Self {
        let cells = columns.found.iter().map(|column| Cells {
            column: *column,
            must: column.is_some_and(|column| must_have_value(source.table, column)),
            names_records: column.is_some_and(|column| references::names_records(source.table, column)),
            empty: 0,
            zeros: 0,
            null_words: 0,
            too_long: 0,
        });
        Self {
            cells: cells.collect(),
            file: source.name.clone(),
            rows: 0,
            text_bytes: 0,
            problems: Problems::default(),
            encoding: Encoding::default(),
            habits: Habits::default(),
            plain_dates: 0,
            compact_dates: 0,
            odd: 0,
            offsets: 0,
            trailing: 0,
            key: key_position(source.table, columns)
                .filter(|at| columns.found[*at].is_some_and(|column| column.kind == Kind::Integer)),
            keys: Keys::None,
        }
    }

    /// Adds the tally of the lines that follow, whose line numbers lack so many.
    pub fn absorb(&mut self, next: Self, lacking: u64) {
        for (cells, more) in self.cells.iter_mut().zip(&next.cells) {
            cells.empty += more.empty;
            cells.zeros += more.zeros;
            cells.null_words += more.null_words;
            cells.too_long += more.too_long;
        }
        self.problems.absorb(next.problems, lacking);
        self.encoding.absorb(next.encoding, lacking);
        self.habits = self.habits.followed_by(next.habits);
        self.rows += next.rows;
        self.text_bytes += next.text_bytes;
        self.plain_dates += next.plain_dates;
        self.compact_dates += next.compact_dates;
        self.odd += next.odd;
        self.offsets += next.offsets;
        self.trailing += next.trailing;
        self.keys = self.keys.followed_by(next.keys);
    }

    pub fn record(&mut self, record: &Record<'_>) {
        let (found, expected) = (record.len(), self.cells.len());
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
        match record.letters() {
            Letters::Ascii => {}
            Letters::Utf8 => self.encoding.utf8(),
            Letters::Other { field, behind_utf8 } => {
                self.encoding.other(record.line_of(field), self.name(field));
                if behind_utf8 {
                    self.encoding.utf8();
                }
            }
        }
        self.rows += 1;
        self.text_bytes += record.size_bytes();
        for (at, field) in record.fields().take(expected).enumerate() {
            let cells = &mut self.cells[at];
            let Some(column) = cells.column else { continue };
            if field.raw.is_empty() && !cells.must {
                cells.empty += 1;
            } else if let Kind::Text(most) = column.kind {
                cells.null_words += u64::from(is_null_word(field.raw));
                cells.too_long += u64::from(most.is_some_and(|most| is_longer(field, most)));
                if field.raw.is_empty() {
                    self.problem(record.line_of(at), Some(column.name), Fault::Empty);
                }
            } else if is_common(column.kind, field.raw) {
                self.plain_dates += u64::from(column.kind == Kind::Date);
                if cells.names_records && digits(field.raw) == 0 {
                    cells.zeros += 1;
                }
                if self.key == Some(at) {
                    self.keys.push(digits(field.raw));
                }
            } else if let Err(fault) = self.uncommon(at, column, field) {
                self.problem(record.line_of(at), Some(column.name), fault);
            }
        }
    }

    fn uncommon(&mut self, at: usize, column: &Column, field: Text<'_>) -> Result<(), Fault> {
        if field.raw.is_empty() {
            return Err(Fault::Empty);
        }
        if self.key == Some(at) {
            self.keys = Keys::Mixed;
        }
        let cells = &mut self.cells[at];
        if cells.names_records && whole(field.raw) == Some(0) {
            cells.zeros += 1;
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

    /// Notes what broke; true where reading can go on after it.
    pub fn broken(&mut self, source: &Source, broken: Broken) -> Result<bool, IngestError> {
        let (line, column, fault, goes_on) = match broken {
            Broken::OpenQuote { line } => (line, None, Fault::OpenQuote, false),
            Broken::TooLong { line } => (line, None, Fault::LongRecord(RECORD_BYTES), false),
            Broken::AfterQuote { line, field } => (line, self.name(field), Fault::AfterQuote, true),
            Broken::LoneReturn { line } => (line, None, Fault::LoneReturn, true),
            Broken::ZeroByte { line } => (line, None, Fault::ZeroByte, true),
            Broken::Read(error) => {
                let fault = compression_fault(source, error)?;
                self.push(Place::File, None, fault);
                return Ok(false);
            }
        };
        self.problem(line, column, fault);
        Ok(goes_on)
    }

    fn name(&self, field: usize) -> Option<&'static str> {
        self.cells.get(field).and_then(|cells| cells.column).map(|column| column.name)
    }

    fn problem(&mut self, line: u64, column: Option<&'static str>, fault: Fault) {
        self.push(Place::Line(line), column, fault);
    }

    fn push(&mut self, place: Place, column: Option<&'static str>, fault: Fault) {
        self.problems.push(Problem { file: self.file.clone(), place, column, fault });
    }

    fn finish(self, source: &Source, dialect: Dialect) -> Survey {
        let habits = self.habits;
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
        let mut note = |text: String| notes.push(Note::new(&source.name, text));
        if !dialect.quoting {
            note("read without quoting, as OHDSI's vocabulary files are written".to_owned());
        }
        if habits.open_end && self.rows > 0 {
            note("the last line has no line end; if more was expected, the file was cut short".to_owned());
        }
        for (count, what, of_them) in [
            (habits.blank_lines, "blank line", " passed over"),
            (self.trailing, "line", " with blank values beyond the header's columns"),
            (self.offsets, "time", " with an offset from UTC; the local time is kept"),
        ] {
            if count > 0 {
                note(plural(count, what, None) + of_them);
            }
        }
        if mixed_ends {
            note("some lines end in CRLF and others in LF; all were read".to_owned());
        }
        for cells in &self.cells {
            let Some(column) = cells.column else { continue };
            let empty = if cells.must { 0 } else { cells.empty };
            notes.extend(Note::of_column(&source.name, column, empty, cells.too_long));
        }
        let counted = |count: fn(&Cells) -> u64| {
            let cells = self.cells.iter();
            cells.filter_map(|cells| Some((cells.column?.name, count(cells)))).collect()
        };
        let empty = counted(|cells| cells.empty + cells.zeros);
        let zeros = counted(|cells| cells.zeros);
        let null_words = counted(|cells| cells.null_words);
        Survey {
            rows: self.rows,
            text_bytes: self.text_bytes,
            reading,
            keys: self.keys,
            empty,
            zeros,
            null_words,
            notes,
        }
    }
}

impl Keys {
    fn push(&mut self, key: i64) {
        *self = self.followed_by(Self::Ascending { first: key, last: key });
    }

    pub fn followed_by(self, next: Self) -> Self {
        match (self, next) {
            (Self::None, keys) | (keys, Self::None) => keys,
            (Self::Ascending { first, last }, Self::Ascending { first: after, last: end })
                if last < after =>
            {
                Self::Ascending { first, last: end }
            }
            (Self::Ascending { .. } | Self::Mixed, Self::Ascending { .. } | Self::Mixed) => Self::Mixed,
        }
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
