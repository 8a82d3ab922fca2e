//! CSV extracts, written as a site's export would write them.
//!
//! What must stay true: a file's header is its table's column list in `flip_gate::cdm`, so an extract can name
//! no column that the model does not have, and a column it leaves out is empty in every row.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use flip_gate::cdm;

use super::calendar::{Day, two_digits};

/// Bytes gathered before they go to the file: large enough that system calls do not count.
const BUFFER_BYTES: usize = 256 * 1024;

/// One cell.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// Nothing: null.
    Empty,
    /// A whole number, a key or a concept.
    Int(i64),
    /// A number of tenths, written with one decimal.
    Tenths(i64),
    /// A day.
    On(Day),
    /// A minute of a day, counted from midnight.
    At(Day, i64),
    /// Text; quoted where CSV asks for it.
    Text(&'a str),
}

/// Where the extracts of one population go.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    gzip: bool,
}

impl Folder {
    /// Makes the folder.
    pub fn create(path: &Path, gzip: bool) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Ok(Self { path: path.to_owned(), gzip })
    }

    /// Starts a table's file and writes its header. `columns` are those that rows will fill, in the rows' order.
    pub fn table<const N: usize>(&self, name: &str, columns: [&str; N]) -> io::Result<Table<N>> {
        let unknown = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        let table = cdm::table(name).ok_or_else(|| unknown(format!("the CDM has no table {name}")))?;
        if let Some(column) = columns.iter().find(|column| table.column(column).is_none()) {
            return Err(unknown(format!("the CDM's {name} has no column {column}")));
        }
        let extension = if self.gzip { "csv.gz" } else { "csv" };
        let path = self.path.join(format!("{}.{extension}", name.to_uppercase()));
        let file = File::create(path)?;
        let sink =
            if self.gzip { Sink::Gzip(GzEncoder::new(file, Compression::fast())) } else { Sink::Plain(file) };
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, sink);
        let header: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        writeln!(out, "{}", header.join(","))?;
        let cells = table.columns.iter().map(|column| columns.iter().position(|name| *name == column.name));
        Ok(Table { out, cells: cells.collect(), line: Vec::with_capacity(512), rows: 0 })
    }
}

/// One table's file, open for rows of `N` cells.
pub struct Table<const N: usize> {
    out: BufWriter<Sink>,
    cells: Vec<Option<usize>>,
    line: Vec<u8>,
    rows: u64,
}

impl<const N: usize> Table<N> {
    /// Writes one row, its cells in the order the table was opened with.
    pub fn row(&mut self, values: &[Value<'_>; N]) -> io::Result<()> {
        self.line.clear();
        for (place, cell) in self.cells.iter().enumerate() {
            if place > 0 {
                self.line.push(b',');
            }
            if let Some(index) = cell {
                values[*index].write(&mut self.line);
            }
        }
        self.line.push(b'\n');
        self.rows += 1;
        self.out.write_all(&self.line)
    }

    /// Ends the file, and says how many rows it holds.
    pub fn finish(self) -> io::Result<u64> {
        match self.out.into_inner().map_err(io::IntoInnerError::into_error)? {
            Sink::Plain(_) => {}
            Sink::Gzip(encoder) => {
                encoder.finish()?;
            }
        }
        Ok(self.rows)
    }
}

impl Value<'_> {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::Int(number) => digits(number, out),
            Self::Tenths(tenths) => {
                if tenths < 0 {
                    out.push(b'-');
                }
                digits(tenths.abs() / 10, out);
                out.push(b'.');
                digits(tenths.abs() % 10, out);
            }
            Self::On(day) => day.write(out),
            Self::At(day, minute) => {
                day.write(out);
                out.push(b' ');
                two_digits(minute / 60, out);
                out.push(b':');
                two_digits(minute % 60, out);
                out.extend_from_slice(b":00");
            }
            Self::Text(text) => quoted(text, out),
        }
    }
}

fn digits(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    let start = out.len();
    let mut left = number.unsigned_abs();
    loop {
        out.push(b'0' + (left % 10).to_le_bytes()[0]);
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out[start..].reverse();
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    if !text.contains([',', '"', '\n', '\r']) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

enum Sink {
    Plain(File),
    Gzip(GzEncoder<File>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value<'_>) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_written_as_csv() {
        assert_eq!(written(Value::Empty), "");
        assert_eq!(written(Value::Int(-120)), "-120");
        assert_eq!(written(Value::Int(0)), "0");
        assert_eq!(written(Value::Tenths(-5)), "-0.5");
        assert_eq!(written(Value::Tenths(1205)), "120.5");
        assert_eq!(written(Value::At(Day::of(2020, 1, 2), 615)), "2020-01-02 10:15:00");
        assert_eq!(written(Value::Text("a \"b\", c")), "\"a \"\"b\"\", c\"");
    }

    #[test]
    fn a_column_that_the_model_lacks_is_refused_by_name() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path(), false).unwrap();
        let refused = folder.table("person", ["person_id", "shoe_size"]).err().unwrap();
        assert_eq!(refused.to_string(), "the CDM's person has no column shoe_size");
    }

    #[test]
    fn columns_that_rows_leave_out_are_empty() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path(), false).unwrap();
        let mut table = folder.table("care_site", ["care_site_name", "care_site_id"]).unwrap();
        table.row(&[Value::Text("North"), Value::Int(7)]).unwrap();
        assert_eq!(table.finish().unwrap(), 1);
        let text = std::fs::read_to_string(place.path().join("CARE_SITE.csv")).unwrap();
        assert_eq!(text.lines().nth(1), Some("7,North,,,,"));
    }
}
