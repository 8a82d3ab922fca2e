//! What is wrong with an extract, named by file, line and column.
//!
//! What must stay true: a problem never holds a value of the extract, so that it may be printed and logged. It says
//! where to look and what was expected there.

use std::fmt;

use flip_web::{plural, thousands};

use super::bounds::PROBLEMS_LISTED;

/// One thing that stops an ingest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file's name, without its folder.
    pub file: String,
    /// Where in the file.
    pub place: Place,
    /// The CDM column, where one is concerned.
    pub column: Option<&'static str>,
    /// What is wrong.
    pub fault: Fault,
}

/// Where in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A physical line, the first being 1.
    Line(u64),
    /// A row of a Parquet file, the first being 1.
    Row(u64),
}

/// What is wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A column that the CDM requires is not in the file.
    #[error("the column is missing, and the CDM requires it")]
    MissingColumn,
    /// The header names none of the table's columns.
    #[error(
        "no column of this table is named here; a text file begins with the columns' names, set apart by comma, tab, \
         semicolon or bar"
    )]
    NoColumns,
    /// The header names a column twice.
    #[error("the header names this column twice")]
    RepeatedColumn,
    /// The first line is blank.
    #[error("the first line is blank, and should name the columns")]
    NoHeader,
    /// No byte is in the file.
    #[error("the file is empty; export it again, or take it away: a table may be absent, but for person")]
    NothingInFile,
    /// Lines end in a carriage return without a line feed.
    #[error("the lines end in a carriage return alone; convert the file: tr '\\r' '\\n' < OLD > NEW")]
    ReturnsAlone,
    /// A required value is empty.
    #[error("the value is empty, and the CDM requires one")]
    Empty,
    /// A word that stands for no value.
    #[error("a word for no value, such as NULL; leave the value empty")]
    NullWord,
    /// The value is no whole number of 64 bits.
    #[error("not a whole number of at most 64 bits")]
    NotWhole,
    /// The value is no finite number.
    #[error("not a finite number; where there is none, leave the value empty")]
    NotNumber,
    /// A number with a comma in it.
    #[error("a comma in a number; write a point before decimals, and nothing between thousands")]
    CommaInNumber,
    /// The value is no date.
    #[error("not a day of the years 1 to 9999 (YYYY-MM-DD, or YYYYMMDD)")]
    NotDate,
    /// A date carries a time of day.
    #[error("a date with a time of day other than midnight; write the day alone")]
    NotMidnight,
    /// The value is no date with time.
    #[error("not a date with time of the years 1 to 9999 (YYYY-MM-DD HH:MM:SS)")]
    NotDateTime,
    /// The Parquet type cannot hold such values.
    #[error("the Parquet type {found} cannot be read as {wanted}; write the column as {write}")]
    ParquetType {
        /// The type, as DuckDB calls it.
        found: String,
        /// What the CDM has there.
        wanted: &'static str,
        /// The Parquet type for that.
        write: &'static str,
    },
    /// A primary key appears again.
    #[error("the key repeats that of {0}")]
    RepeatedKey(Earlier),
    /// A line has too few values.
    #[error(
        "{}: is the line cut short, or a text with a line break not quoted?", unequal(*found, *expected)
    )]
    TooFew {
        /// Values on the line.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// A line has too many values.
    #[error(
        "{}: is a text with a delimiter, or a number with a comma, not quoted?", unequal(*found, *expected)
    )]
    TooMany {
        /// Values on the line.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// A quote opens here and never closes.
    #[error("a quote opens here and is never closed; the rest of the file was not read")]
    OpenQuote,
    /// Text follows a closing quote.
    #[error("text follows a closing quote; quotes inside quoted text are doubled")]
    AfterQuote,
    /// A record is longer than the bound.
    #[error("a record of more than {0} bytes; the rest of the file was not read")]
    LongRecord(usize),
    /// A carriage return stands alone.
    #[error("a carriage return without a line feed; quote the text that it is in, or take it out")]
    LoneReturn,
    /// A zero byte.
    #[error("a zero byte: the file may be damaged; export it again")]
    ZeroByte,
    /// A Parquet column whose texts are not UTF-8.
    #[error("not UTF-8 text; export it as UTF-8")]
    NotUtf8,
    /// The header of a text file is not UTF-8.
    #[error("not UTF-8 text; {CONVERT}")]
    HeaderNotUtf8,
    /// Lines of a text file are not UTF-8, of which the first is at the problem's place.
    #[error(
        "not UTF-8 text{}; {}{}",
        further(*more, next),
        if *more == 0 && !beside_utf8 { CUT } else { "" },
        if *beside_utf8 { MEND } else { CONVERT }
    )]
    LinesNotUtf8 {
        /// How many more there are.
        more: u64,
        /// The next of them.
        next: Vec<u64>,
        /// True where other lines have letters beyond ASCII that are UTF-8.
        beside_utf8: bool,
    },
    /// The file is UTF-16.
    #[error("the file is UTF-16; export it as UTF-8")]
    Utf16,
    /// The file is compressed, and its name does not say so.
    #[error("the file is compressed by gzip; end its name in .gz")]
    Gzip,
    /// The file's name says that it is compressed, and it is not.
    #[error("the file is not compressed by gzip; take .gz from its name")]
    NotGzip,
    /// An archive, which workbooks are too.
    #[error("a ZIP archive or a workbook; take the table out of it as CSV")]
    Zip,
    /// The file's name says that it is Parquet, and it is not.
    #[error("not a Parquet file; end its name in what it is, such as .csv")]
    NotParquet,
    /// A compressed file ends too early.
    #[error("the compressed file ends too early: it was not written completely")]
    CutShort,
    /// A compressed file fails its checksum.
    #[error("the compressed file is damaged")]
    Damaged,
    /// A Parquet file lacks its footer.
    #[error("no Parquet footer: the file was not written completely")]
    NoFooter,
    /// A Parquet file that cannot be read.
    #[error("cannot be read: the Parquet file may be damaged; write it again")]
    UnreadableParquet,
    /// DuckDB does not read what our own checks passed.
    #[error("DuckDB cannot read the file, though its lines passed the checks")]
    Unreadable,
    /// DuckDB reads another number of rows than the check counted.
    #[error("the check counted {}, and DuckDB {loaded}", plural(*counted, "row", None))]
    RowsDiffer {
        /// Rows that the check counted.
        counted: u64,
        /// Rows that DuckDB loaded.
        loaded: u64,
    },
}

/// What to do with a text file that is not UTF-8.
const CONVERT: &str = "export the file as UTF-8, or convert it; from Windows, and not compressed, that is: iconv -f \
                       WINDOWS-1252 -t UTF-8 OLD > NEW";
/// What may be the matter where it is one line alone.
const CUT: &str = "if this value was cut in the middle of a letter, export it anew; else ";
/// What to do with one that is UTF-8 in other lines.
const MEND: &str = "other lines are UTF-8, so do not convert the file: were these cut in the middle of a letter, or taken from \
                    elsewhere? Export it anew";

fn unequal(found: usize, expected: usize) -> String {
    let of = |number: usize, what| plural(number as u64, what, None);
    format!("{}, but the header names {}", of(found, "value"), of(expected, "column"))
}

/// So many more lines, of which the next are these.
fn further(more: u64, next: &[u64]) -> String {
    let numbers: Vec<String> = next.iter().map(u64::to_string).collect();
    match more {
        0 => String::new(),
        1 => format!(", nor is line {}", numbers.join("")),
        _ => {
            let and_so_on = if more > next.len() as u64 { ", …" } else { "" };
            format!(", nor are {} more lines ({}{and_so_on})", thousands(more), numbers.join(", "))
        }
    }
}

/// Where a repeated key appeared first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The file, where it is another part of the table.
    pub file: Option<String>,
    /// The place in it.
    pub place: Place,
}

impl fmt::Display for Earlier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::File => out.write_str("an earlier one")?,
            Place::Line(line) => write!(out, "line {line}")?,
            Place::Row(row) => write!(out, "row {row}")?,
        }
        match &self.file {
            Some(file) => write!(out, " of {file}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        match self.place {
            Place::File => {}
            Place::Line(line) => write!(out, " line {line}")?,
            Place::Row(row) => write!(out, " row {row}")?,
        }
        if let Some(column) = self.column {
            write!(out, ", column {column}")?;
        }
        write!(out, ": {}", self.fault)
    }
}

/// The first problems of an extract, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    total: u64,
}

impl Problems {
    /// Counts a problem, and keeps it while there is room.
    pub fn push(&mut self, problem: Problem) {
        self.push_uncounted(problem);
        self.total += 1;
    }

    /// Takes over the problems of a later piece of the same file, whose line numbers lack so many.
    pub(super) fn absorb(&mut self, piece: Self, lacking: u64) {
        self.total += piece.total;
        for mut problem in piece.listed {
            problem.place = match problem.place {
                Place::Line(line) => Place::Line(line + lacking),
                place @ (Place::File | Place::Row(_)) => place,
            };
            self.push_uncounted(problem);
        }
    }

    /// Counts problems that nobody looked up one by one.
    pub(super) fn count(&mut self, more: u64) {
        self.total += more;
    }

    /// Keeps a problem that [`Self::count`] already counted.
    pub(super) fn push_uncounted(&mut self, problem: Problem) {
        if self.has_room() {
            self.listed.push(problem);
        }
    }

    /// True while the list takes more.
    pub(super) fn has_room(&self) -> bool {
        self.listed.len() < PROBLEMS_LISTED
    }

    /// The first of them, in the order of files and lines.
    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }

    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.total
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} in the extract:", plural(self.total, "problem", None))?;
        for problem in &self.listed {
            write!(out, "\n  {problem}")?;
        }
        let hidden = self.total.saturating_sub(self.listed.len() as u64);
        if hidden > 0 {
            write!(out, "\n  and {} more", thousands(hidden))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_where_and_what_was_expected() {
        let problem = Problem {
            file: "PERSON.csv".to_owned(),
            place: Place::Line(17),
            column: Some("year_of_birth"),
            fault: Fault::NotWhole,
        };
        assert_eq!(
            problem.to_string(),
            "PERSON.csv line 17, column year_of_birth: not a whole number of at most 64 bits"
        );
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let mut problems = Problems::default();
        for line in 0..250 {
            problems.push(Problem {
                file: "PERSON.csv".to_owned(),
                place: Place::Line(line),
                column: None,
                fault: Fault::NotUtf8,
            });
        }
        assert_eq!(problems.listed().len(), PROBLEMS_LISTED);
        assert_eq!(problems.total(), 250);
        assert!(problems.to_string().ends_with("\n  and 150 more"));
    }
}
