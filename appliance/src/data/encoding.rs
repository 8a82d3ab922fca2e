//! Lines of a text file that are not UTF-8, told as one problem of the file however many they are.
//!
//! What must stay true: which encoding they have is asked of people, since no byte says it. Deliberately absent:
//! converting anything here: a wrong guess would turn names into other names that look sound.

use super::bounds::LINES_SHOWN;
use super::problem::{Fault, Place, Problem};

/// What the letters of a record are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// Nothing beyond ASCII.
    Ascii,
    /// UTF-8, with letters beyond ASCII.
    Utf8,
    /// Neither; the first such byte is in that field, perhaps behind letters that are UTF-8.
    Other { field: usize, behind_utf8: bool },
}

/// What the letters of a file's records were, so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Encoding {
    /// True where a record has letters beyond ASCII that are UTF-8.
    utf8: bool,
    /// Records that are not UTF-8.
    other: u64,
    /// The line and the column of the first of them.
    first: Option<(u64, Option<&'static str>)>,
    /// The lines of the next ones.
    next: Vec<u64>,
}

impl Encoding {
    /// Notes a record with letters beyond ASCII that are UTF-8.
    pub fn utf8(&mut self) {
        self.utf8 = true;
    }

    /// Notes a record that is not UTF-8, at the line and in the column where that shows first.
    pub fn other(&mut self, line: u64, column: Option<&'static str>) {
        self.other += 1;
        if self.first.is_none() {
            self.first = Some((line, column));
        } else if self.next.len() < LINES_SHOWN {
            self.next.push(line);
        }
    }

    /// Adds what was noted of the lines that follow, whose numbers lack so many.
    pub fn absorb(&mut self, next: Self, lacking: u64) {
        self.utf8 |= next.utf8;
        let unlisted = next.other - u64::from(next.first.is_some()) - next.next.len() as u64;
        if let Some((line, column)) = next.first {
            self.other(line + lacking, column);
        }
        for line in next.next {
            self.other(line + lacking, None);
        }
        self.other += unlisted;
    }

    /// The problem that the file has with its encoding.
    pub fn problem(self, file: &str) -> Option<Problem> {
        let (line, column) = self.first?;
        let fault = Fault::LinesNotUtf8 { more: self.other - 1, next: self.next, beside_utf8: self.utf8 };
        Some(Problem { file: file.to_owned(), place: Place::Line(line), column, fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_whole() {
        let lines: Vec<u64> = (2..20).collect();
        let noted = |lines: &[u64], lacking: u64| {
            let mut encoding = Encoding::default();
            for line in lines {
                encoding.other(line - lacking, Some("note_text"));
            }
            encoding
        };
        let whole = noted(&lines, 0).problem("NOTE.csv");
        for cut in 0..lines.len() {
            let mut first = noted(&lines[..cut], 0);
            first.absorb(noted(&lines[cut..], 1), 1);
            assert_eq!(first.problem("NOTE.csv"), whole, "cut at {cut}");
        }
        assert_eq!(Encoding::default().problem("NOTE.csv"), None);
    }
}
