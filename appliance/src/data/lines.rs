//! Delimited text, cut into records that know their physical lines.
//!
//! The grammar is RFC 4180's, as strict as DuckDB's strict mode: a quote opens a field only at its start, is doubled
//! inside, and nothing but a delimiter or the line's end may follow its end. Without quoting (OHDSI's vocabulary
//! files) a quote is a character like any other. Lines end in LF or CRLF; blank lines are passed over.
//!
//! What must stay true: a record is either handed out whole or reported as [`Broken`]; memory stays below two
//! records. Deliberately absent: what the fields mean.

use std::io::{BufRead, Read};

use super::bounds::RECORD_BYTES;
use super::encoding::Letters;

/// How fields are set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub delimiter: u8,
    /// False where a quote is a character like any other.
    pub quoting: bool,
}

/// A reader of records.
pub(super) struct Records<R> {
    input: R,
    dialect: Dialect,
    buffer: Vec<u8>,
    fields: Vec<Field>,
    line_next: u64,
    /// Bytes taken from the input: where the next record starts.
    pub position: u64,
    /// What the lines were like so far.
    pub habits: Habits,
}

/// What the lines of a file were like.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habits {
    /// Records that end in LF alone.
    pub line_feeds: u64,
    /// Records that end in CRLF.
    pub carriage_returns: u64,
    pub blank_lines: u64,
    /// True where the last line has no line end.
    pub open_end: bool,
}

/// One record, borrowed until the next is read.
pub(super) struct Record<'a> {
    /// The physical line it starts on, the first being 1.
    pub line: u64,
    bytes: &'a [u8],
    fields: &'a [Field],
}

#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    quoted: bool,
}

/// One field's bytes.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    /// Without the enclosing quotes; quotes inside are still doubled where `quoted`.
    pub raw: &'a [u8],
    pub quoted: bool,
}

/// Why no record could be cut at a line.
#[derive(Debug)]
pub(super) enum Broken {
    OpenQuote { line: u64 },
    AfterQuote { line: u64, field: usize },
    TooLong { line: u64 },
    LoneReturn { line: u64 },
    ZeroByte { line: u64 },
    Read(std::io::Error),
}

enum Cut {
    Whole,
    /// The line ends inside quotes.
    Open(Open),
    Broken(Broken),
}

/// Quotes that are still open at a line's end.
#[derive(Clone, Copy)]
struct Open {
    /// Where the text inside them starts.
    start: usize,
    /// Up to where there is no closing quote.
    searched: usize,
}

impl<R: BufRead> Records<R> {
    /// From an input whose first byte is the first of that physical line.
    pub fn new(input: R, dialect: Dialect, line_next: u64) -> Self {
        Self {
            input,
            dialect,
            buffer: Vec::new(),
            fields: Vec::new(),
            line_next,
            position: 0,
            habits: Habits::default(),
        }
    }

    /// The next record; none at the end. After `OpenQuote`, `TooLong` or `Read` there is no sound place to go on.
    pub fn next(&mut self) -> Option<Result<Record<'_>, Broken>> {
        let line = loop {
            self.buffer.clear();
            let line = self.line_next;
            match self.read_line() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(broken) => return Some(Err(broken)),
            }
            if line == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
                self.buffer.drain(..3);
            }
            if self.content_end() > 0 {
                break line;
            }
            self.habits.blank_lines += 1;
        };
        if let Some(broken) = self.cut_record(line) {
            return Some(Err(broken));
        }
        let ending = &self.buffer[self.content_end()..];
        match ending {
            b"\r\n" => self.habits.carriage_returns += 1,
            b"\n" => self.habits.line_feeds += 1,
            _ => self.habits.open_end = true,
        }
        Some(Ok(Record { line, bytes: &self.buffer, fields: &self.fields }))
    }

    /// The physical line after the last that was read.
    pub fn line_next(&self) -> u64 {
        self.line_next
    }

    fn cut_record(&mut self, line: u64) -> Option<Broken> {
        let end = self.content_end();
        if !self.dialect.quoting || !self.buffer[..end].contains(&b'"') {
            return self.cut_plain(line, end);
        }
        self.fields.clear();
        let mut from = None;
        loop {
            match self.cut_quoted(line, from) {
                Cut::Whole => return None,
                Cut::Broken(broken) => return Some(broken),
                Cut::Open(open) => match self.join_until_quote() {
                    Ok(true) => from = Some(open),
                    Ok(false) => return Some(Broken::OpenQuote { line: self.line_at(line, open.start) }),
                    Err(broken) => return Some(broken),
                },
            }
        }
    }

    /// Appends lines up to and with the next that holds a quote; false at the end of the file.
    fn join_until_quote(&mut self) -> Result<bool, Broken> {
        loop {
            let from = self.buffer.len();
            if self.read_line()? == 0 {
                return Ok(false);
            }
            if self.buffer[from..].contains(&b'"') {
                return Ok(true);
            }
        }
    }

    /// Appends one physical line with its end; 0 at the end of the file.
    fn read_line(&mut self) -> Result<usize, Broken> {
        let room = (RECORD_BYTES + 1).saturating_sub(self.buffer.len());
        let mut bounded = self.input.by_ref().take(room as u64);
        let read = bounded.read_until(b'\n', &mut self.buffer).map_err(Broken::Read)?;
        if self.buffer.len() > RECORD_BYTES {
            return Err(Broken::TooLong { line: self.line_next });
        }
        self.line_next += u64::from(read > 0);
        self.position += read as u64;
        Ok(read)
    }

    /// Where the content ends and the line end begins.
    fn content_end(&self) -> usize {
        let bytes = self.buffer.strip_suffix(b"\n").map(|rest| rest.strip_suffix(b"\r").unwrap_or(rest));
        bytes.map_or(self.buffer.len(), <[u8]>::len)
    }

    fn cut_plain(&mut self, line: u64, end: usize) -> Option<Broken> {
        self.fields.clear();
        let delimiter = self.dialect.delimiter;
        let mut start = 0;
        for (at, byte) in self.buffer[..end].iter().enumerate() {
            if *byte == delimiter {
                self.fields.push(Field { start, end: at, quoted: false });
                start = at + 1;
            } else if *byte <= b'\r' {
                match *byte {
                    b'\r' => return Some(Broken::LoneReturn { line }),
                    0 => return Some(Broken::ZeroByte { line }),
                    _ => {}
                }
            }
        }
        self.fields.push(Field { start, end, quoted: false });
        None
    }

    /// Cuts fields from the start, or goes on inside the quotes that an earlier line left open.
    fn cut_quoted(&mut self, line: u64, mut open: Option<Open>) -> Cut {
        let end = self.content_end();
        let delimiter = self.dialect.delimiter;
        let mut at = 0;
        loop {
            let quoted = open.take().or_else(|| {
                (self.buffer[..end].get(at) == Some(&b'"'))
                    .then_some(Open { start: at + 1, searched: at + 1 })
            });
            if let Some(Open { start, searched }) = quoted {
                match closing_quote(&self.buffer[..end], searched) {
                    Ok(close) => at = close,
                    Err(searched) => return Cut::Open(Open { start, searched }),
                }
                if self.buffer[start..at].contains(&0) {
                    return Cut::Broken(Broken::ZeroByte { line: self.line_at(line, start) });
                }
                self.fields.push(Field { start, end: at, quoted: true });
                at += 1;
                if at < end && self.buffer[at] != delimiter {
                    let field = self.fields.len() - 1;
                    return Cut::Broken(Broken::AfterQuote { line: self.line_at(line, at), field });
                }
            } else {
                let start = at;
                while at < end && self.buffer[at] != delimiter {
                    match self.buffer[at] {
                        b'\r' => return Cut::Broken(Broken::LoneReturn { line: self.line_at(line, at) }),
                        0 => return Cut::Broken(Broken::ZeroByte { line: self.line_at(line, at) }),
                        _ => at += 1,
                    }
                }
                self.fields.push(Field { start, end: at, quoted: false });
            }
            if at >= end {
                return Cut::Whole;
            }
            at += 1;
        }
    }

    /// The physical line of a place in the buffer, whose first line is `line`.
    fn line_at(&self, line: u64, place: usize) -> u64 {
        line + count(&self.buffer[..place], b'\n')
    }
}

/// The place of the quote that closes a field; where there is none, the place from which to search on.
fn closing_quote(bytes: &[u8], mut from: usize) -> Result<usize, usize> {
    while let Some(skip) = bytes[from..].iter().position(|byte| *byte == b'"') {
        if bytes.get(from + skip + 1) != Some(&b'"') {
            return Ok(from + skip);
        }
        from += skip + 2;
    }
    Err(bytes.len())
}

impl Habits {
    /// These, and then those of the lines that follow.
    pub fn followed_by(self, next: Self) -> Self {
        Self {
            line_feeds: self.line_feeds + next.line_feeds,
            carriage_returns: self.carriage_returns + next.carriage_returns,
            blank_lines: self.blank_lines + next.blank_lines,
            open_end: self.open_end || next.open_end,
        }
    }
}

impl<'a> Record<'a> {
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Bytes of the record with its line ends.
    pub fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub fn fields(&self) -> impl Iterator<Item = Text<'a>> + use<'a> {
        let bytes = self.bytes;
        self.fields
            .iter()
            .map(move |field| Text { raw: &bytes[field.start..field.end], quoted: field.quoted })
    }

    /// The physical line that a field starts on.
    pub fn line_of(&self, field: usize) -> u64 {
        let before = &self.bytes[..self.fields[field].start];
        self.line + count(before, b'\n')
    }

    /// What its letters are.
    pub fn letters(&self) -> Letters {
        if self.bytes.is_ascii() {
            return Letters::Ascii;
        }
        let Err(error) = std::str::from_utf8(self.bytes) else { return Letters::Utf8 };
        let at = error.valid_up_to();
        let field = self.fields.iter().position(|field| at <= field.end).unwrap_or(self.fields.len() - 1);
        Letters::Other { field, behind_utf8: !self.bytes[..at].is_ascii() }
    }
}

/// How often a byte occurs.
pub(super) fn count(bytes: &[u8], wanted: u8) -> u64 {
    bytes.split(|byte| *byte == wanted).count() as u64 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: Dialect = Dialect { delimiter: b',', quoting: true };

    fn cut(text: &[u8], dialect: Dialect) -> Vec<String> {
        let mut records = Records::new(text, dialect, 1);
        let mut out = Vec::new();
        while let Some(next) = records.next() {
            match next {
                Ok(record) => {
                    let fields: Vec<_> = record
                        .fields()
                        .map(|field| String::from_utf8_lossy(field.raw).into_owned())
                        .collect();
                    out.push(format!("{} {}", record.line, fields.join("|")));
                }
                Err(broken) => {
                    let last = matches!(broken, Broken::OpenQuote { .. } | Broken::TooLong { .. });
                    out.push(format!("{broken:?}"));
                    if last {
                        break;
                    }
                }
            }
        }
        out
    }

    #[test]
    fn records_know_their_physical_lines() {
        let text = b"\xef\xbb\xbfa,b\r\n\r\n1,\"x\r\ny \"\"z\"\"\"\r\n2,\n,5\" nail\n\"\",end";
        assert_eq!(cut(text, CSV), ["1 a|b", "3 1|x\r\ny \"\"z\"\"", "5 2|", "6 |5\" nail", "7 |end"]);
    }

    #[test]
    fn without_quoting_a_quote_is_a_character() {
        let dialect = Dialect { delimiter: b'\t', quoting: false };
        assert_eq!(cut(b"1\t\"x\n2\ty\"\n", dialect), ["1 1|\"x", "2 2|y\""]);
    }

    #[test]
    fn broken_lines_are_named() {
        assert_eq!(cut(b"a\n1,\"x\n2,y\n", CSV), ["1 a", "OpenQuote { line: 2 }"]);
        assert_eq!(cut(b"a,\"b\nc\",\"d\ne", CSV), ["OpenQuote { line: 2 }"]);
        assert_eq!(cut(b"1,\"x\"y\n2,z\n", CSV), ["AfterQuote { line: 1, field: 1 }", "2 2|z"]);
        assert_eq!(cut(b"1\r2\r", CSV), ["LoneReturn { line: 1 }"]);
        assert_eq!(cut(b"1,\0\n2\n", CSV), ["ZeroByte { line: 1 }", "2 2"]);
        let long = [b"\"".as_slice(), &vec![b'x'; RECORD_BYTES + 1]].concat();
        assert_eq!(cut(&long, CSV), ["TooLong { line: 1 }"]);
    }
}
