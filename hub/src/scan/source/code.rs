//! Python's statements without comments, without white space that says nothing and without what its texts say: so that
//! words about code are not taken for code, and code stands in one way however it was laid out, and whatever look-alikes
//! its names are written in.
//!
//! Of texts with `f` or `t` before them the expressions stay. Since Python 3.12 the text's own quote may stand in them,
//! which ended it before: what such a text holds depends on who reads it, so that there are two readings. What is no
//! Python is read to its end all the same. (Python's language reference, section 2; PEP 701.)

use std::borrow::Cow;
use std::mem;

use unicode_normalization::UnicodeNormalization as _;

/// Bytes of statements that are handed over together: few enough to hold, many enough to look through at once.
const PIECE: usize = 64 * 1024;
/// Texts within texts; Python itself reads 150.
const DEPTH: u32 = 200;

/// Where a formatted text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// At its quote, wherever that stands: Python before 3.12.
    FirstQuote,
    /// At its quote outside of its expressions.
    AfterExpressions,
}

/// Statements one after the other.
#[derive(Debug, Default)]
pub struct Piece {
    /// Their words and marks, a statement a line, what is before and after a colon apart. White space stands between two
    /// words alone, and texts are empty.
    pub code: String,
    /// From which byte on it is of which line.
    lines: Vec<(usize, usize)>,
}

impl Piece {
    /// The line of the text, from one, that a byte of it comes from.
    pub fn line(&self, at: usize) -> usize {
        let before = self.lines.partition_point(|(from, _)| *from <= at);
        self.lines.get(before.saturating_sub(1)).map_or(1, |(_, line)| *line)
    }

    fn push(&mut self, token: &str, line: usize) {
        if self.lines.last().is_none_or(|(_, last)| *last != line) {
            self.lines.push((self.code.len(), line));
        }
        if self.code.ends_with(in_word) && token.starts_with(in_word) {
            self.code.push(' ');
        }
        self.code.push_str(token);
    }

    /// Ends a statement, where one has begun.
    fn end(&mut self) {
        if !self.code.is_empty() && !self.code.ends_with('\n') {
            self.code.push('\n');
        }
    }
}

/// A text with the ends of lines that Python sees: one that Mac OS 9 wrote ends a comment too.
pub fn with_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// The statements of a text whose lines end in `\n`, piece by piece.
pub fn statements(text: &str, reading: Reading) -> impl Iterator<Item = Piece> {
    let mut lexer = Lexer { text, at: 0, line: 1, reading, piece: Piece::default() };
    std::iter::from_fn(move || lexer.next_piece())
}

struct Lexer<'a> {
    /// To the end of what is read: of the file, or of a text in it.
    text: &'a str,
    at: usize,
    line: usize,
    reading: Reading,
    piece: Piece,
}

/// How a text is quoted.
#[derive(Clone, Copy)]
struct Quotes {
    mark: char,
    /// One or three.
    count: usize,
    raw: bool,
}

impl Quotes {
    fn end(self) -> String {
        self.mark.to_string().repeat(self.count)
    }
}

impl<'a> Lexer<'a> {
    fn next_piece(&mut self) -> Option<Piece> {
        let mut open = 0_usize;
        while let Some(next) = self.peek() {
            match next {
                '\n' | ';' | ':' if open == 0 => {
                    self.step();
                    self.piece.end();
                    if self.piece.code.len() >= PIECE {
                        return Some(mem::take(&mut self.piece));
                    }
                    continue;
                }
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            self.token(0);
        }
        (!self.piece.code.is_empty()).then(|| mem::take(&mut self.piece))
    }

    /// Reads one token, comment, piece of white space or text.
    fn token(&mut self, depth: u32) {
        let from = self.at;
        match self.peek() {
            Some('#') => self.skip_while(|c| c != '\n'),
            Some('"' | '\'') => self.quoted("", depth),
            // The line goes on in the next one.
            Some('\\') => {
                self.step();
                if self.peek() == Some('\n') {
                    self.step();
                }
            }
            Some(c) if c.is_whitespace() => self.step(),
            Some(c) if in_word(c) => {
                self.skip_while(in_word);
                let word = &self.text[from..self.at];
                if self.rest().starts_with(['"', '\'']) && is_prefix(word) {
                    self.quoted(word, depth);
                } else {
                    self.piece.push(&as_python_reads(word), self.line);
                }
            }
            Some(_) => {
                let line = self.line;
                self.step();
                self.piece.push(&self.text[from..self.at], line);
            }
            None => {}
        }
    }

    /// Reads a text from its quotes on.
    fn quoted(&mut self, prefix: &str, depth: u32) {
        let Some(mark) = self.peek() else { return };
        let prefix = prefix.to_ascii_lowercase();
        let once = Quotes { mark, count: 1, raw: prefix.contains('r') };
        let thrice = Quotes { count: 3, ..once };
        let quotes = if self.rest().starts_with(&thrice.end()) { thrice } else { once };
        self.at += quotes.count;
        if !prefix.contains(['f', 't']) || depth >= DEPTH {
            self.piece.push("\"\"", self.line);
            self.skip_text(quotes);
            return;
        }
        self.piece.push("f\"", self.line);
        match self.reading {
            Reading::AfterExpressions => self.formatted(quotes, false, depth),
            Reading::FirstQuote => {
                let (from, line) = (self.at, self.line);
                let ends = self.skip_text(quotes);
                let (to, whole, last) = (self.at, self.text, self.line);
                (self.text, self.at, self.line) = (&whole[..ends], from, line);
                self.formatted(quotes, false, depth);
                (self.text, self.at, self.line) = (whole, to, last);
            }
        }
        self.piece.push("\"", self.line);
    }

    /// Goes behind the end of a text, or of its line where it does not end in it. Gives where what it says ends.
    fn skip_text(&mut self, quotes: Quotes) -> usize {
        let end = quotes.end();
        while let Some(next) = self.peek() {
            let here = self.at;
            if self.rest().starts_with(&end) {
                self.at += end.len();
                return here;
            }
            match next {
                '\n' if quotes.count == 1 => return here,
                // Also in a raw text a quote behind one does not end it, and it goes on in the next line.
                '\\' => {
                    self.step();
                    self.step();
                }
                _ => self.step(),
            }
        }
        self.at
    }

    /// Reads what a formatted text says, or how one of its values is to look, and keeps the expressions.
    fn formatted(&mut self, quotes: Quotes, look: bool, depth: u32) {
        let end = quotes.end();
        while let Some(next) = self.peek() {
            if self.rest().starts_with(&end) {
                if !look {
                    self.at += end.len();
                }
                return;
            }
            match next {
                '\n' if quotes.count == 1 => return,
                '}' if look => return,
                '{' if !look && self.rest().starts_with("{{") => self.at += 2,
                '{' => self.expression(quotes, depth + 1),
                '\\' if !quotes.raw && self.rest().starts_with("\\N{") => {
                    self.skip_while(|c| c != '}' && c != '\n');
                }
                '\\' => {
                    self.step();
                    if self.peek() != Some('{') {
                        self.step();
                    }
                }
                _ => self.step(),
            }
        }
    }

    /// Reads from `{` to behind its `}`.
    fn expression(&mut self, quotes: Quotes, depth: u32) {
        self.step();
        self.piece.push("{", self.line);
        let mut open = 0_usize;
        while let Some(next) = self.peek() {
            match next {
                '}' if open == 0 => {
                    self.step();
                    break;
                }
                ':' if open == 0 && depth < DEPTH => {
                    self.step();
                    self.formatted(quotes, true, depth);
                    // Where its look ends otherwise than with it, so does the text.
                    if self.peek() != Some('}') {
                        break;
                    }
                    continue;
                }
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            self.token(depth);
        }
        self.piece.push("}", self.line);
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn step(&mut self) {
        if let Some(next) = self.peek() {
            self.line += usize::from(next == '\n');
            self.at += next.len_utf8();
        }
    }

    fn skip_while(&mut self, of: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&of) {
            self.step();
        }
    }
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || UNDERSCORES.contains(&c)
}

/// What Python reads as `_` within a name.
const UNDERSCORES: [char; 7] = ['_', '︳', '︴', '﹍', '﹎', '﹏', '＿'];

/// A name in the letters of ASCII where Python takes it for one in them: it compares names after NFKC. (Python's language
/// reference, section 2.3.)
fn as_python_reads(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return word.into();
    }
    let mut plain = String::new();
    for c in word.nfkc() {
        // All that is looked for is ASCII.
        if !(c.is_ascii_alphanumeric() || c == '_') {
            return word.into();
        }
        plain.push(c);
    }
    plain.into()
}

/// Whether a word before a quote says how its text is read.
fn is_prefix(word: &str) -> bool {
    let known = ["b", "br", "f", "fr", "r", "rb", "rf", "rt", "t", "tr", "u"];
    known.iter().any(|prefix| word.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READINGS: [Reading; 2] = [Reading::FirstQuote, Reading::AfterExpressions];

    fn read(text: &str, reading: Reading) -> Vec<String> {
        let pieces: String = statements(text, reading).map(|piece| piece.code).collect();
        pieces.lines().map(str::to_owned).collect()
    }

    #[test]
    fn comments_layout_and_texts_are_taken_out_and_code_stays() {
        for (text, code) in [
            ("a = 'x' + b", "a=\"\"+b"),
            ("a = \"it's # no comment\"  # one", "a=\"\""),
            ("a = 'it\\'s' + b", "a=\"\"+b"),
            ("a = r'\\' + b", "a=\"\""),
            ("a = r'\\\\' + b", "a=\"\"+b"),
            ("a = rb'\\d' + b", "a=\"\"+b"),
            ("a = f'{b}' + rf\"{c!r:>{d}}\"", "a=f\"{b}\"+f\"{c!r{d}}\""),
            ("a = f'{{b}} {c}'", "a=f\"{c}\""),
            ("a = f'\\N{DASH}{c}' + rf'\\N{d}'", "a=f\"{c}\"+f\"{d}\""),
            ("a = 'no end", "a=\"\""),
            ("é = 'ü' + ö", "é=\"\"+ö"),
            ("prof'x'", "prof\"\""),
            ("not x\t [ 1 ]", "not x[1]"),
            ("𝓮𝔁𝓮𝓬(ﬁ﹏ｌe)", "exec(fi_le)"),
            ("é.𝒳", "é.X"),
            ("a = 'one\\\ntwo' + b", "a=\"\"+b"),
            ("a (\n b, # one\n c)", "a(b,c)"),
            ("a \\\n (b)", "a(b)"),
            ("a = '''one\ntwo 'x' \"y\"\nthree''' + b", "a=\"\"+b"),
            ("\"\"\"no end\nimport os", "\"\""),
        ] {
            for reading in READINGS {
                assert_eq!(read(text, reading), [code], "{text}");
            }
        }
        assert_eq!(read("a; b\nif c: d\n\n'x'\n", Reading::FirstQuote), ["a", "b", "if c", "d", "\"\""]);
    }

    #[test]
    fn a_formatted_text_ends_where_each_python_ends_it() {
        let text = "a = f\"{'\"'}\"; b  # '";
        assert_eq!(read(text, Reading::AfterExpressions), ["a=f\"{\"\"}\"", "b"]);
        assert_eq!(read(text, Reading::FirstQuote), ["a=f\"{\"\"}\"\"\""]);
        let nested = "f\"{f\"{f\"{a}\"}\"}\" + b";
        assert_eq!(read(nested, Reading::AfterExpressions), ["f\"{f\"{f\"{a}\"}\"}\"+b"]);
    }

    #[test]
    fn every_word_is_of_the_line_that_it_stands_in() {
        let text = "a = (\n  b,\n\n  f'''\n{c}''',\n  d)\ne\n";
        for reading in READINGS {
            let piece = statements(text, reading).next().unwrap();
            let line = |word: &str| piece.line(piece.code.find(word).unwrap());
            assert_eq!(["a", "b", "c", "d", "e"].map(line), [1, 2, 5, 6, 7]);
        }
        let many = "abcdefg = 1\n".repeat(PIECE);
        let mut lines = 0;
        for piece in statements(&many, READINGS[0]) {
            assert_eq!(piece.line(0), lines + 1);
            lines += piece.code.lines().count();
        }
        assert_eq!(lines, PIECE);
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        let marks = ["'", "\"", "\\", "#", "f", "r", "\n", "é", "'''", "{", "}", ":", "(", ")"];
        for at in 0..marks.len().pow(4) {
            let text: String = (0..4).map(|place| marks[at / marks.len().pow(place) % marks.len()]).collect();
            for reading in READINGS {
                let read: Vec<_> = statements(&text, reading).collect();
                let last = text.split('\n').count();
                assert!(read.iter().all(|of| (1..=last).contains(&of.line(of.code.len()))), "{text:?}");
            }
        }
        let deep = "f'{".repeat(100_000);
        for reading in READINGS {
            assert!(statements(&deep, reading).count() >= 1);
        }
    }
}
