//! What a Parquet file says of itself before its values are read: that it is whole, and its own columns.
//!
//! What must stay true: columns are those of the file's schema, in its order and under its own names. DuckDB describes
//! a file's columns under names that it has made unique, and calls decimals that it cannot hold doubles.

use std::io::{Read, Seek, SeekFrom};

use super::super::database::{self, Database};
use super::super::error::IngestError;
use super::super::extract::Source;

/// Digits of the longest decimals that DuckDB holds.
const DECIMAL_DIGITS_MAX: u64 = 38;

/// A column at the top of a file's schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    /// The digits of a decimal that DuckDB cannot hold.
    pub digits_beyond: Option<u64>,
}

/// One line of a schema: a column, or a part of one.
struct Element {
    name: String,
    parts: u64,
    digits: u64,
}

/// A Parquet file begins and ends with the same four bytes.
pub(super) fn is_whole(source: &Source) -> Result<bool, IngestError> {
    if source.bytes < 12 {
        return Ok(false);
    }
    let mut file = source.reader()?;
    let mut ends = [[0; 4]; 2];
    let mut read = || {
        file.read_exact(&mut ends[0])?;
        file.seek(SeekFrom::End(-4))?;
        file.read_exact(&mut ends[1])
    };
    read().map_err(|error| source.failed(error))?;
    Ok(ends == [*b"PAR1"; 2])
}

/// The columns of a file.
pub(super) fn columns(source: &Source, database: &Database) -> duckdb::Result<Vec<Column>> {
    let sql = format!(
        "SELECT name, coalesce(num_children, 0)::UBIGINT, coalesce(precision, 0)::UBIGINT FROM parquet_schema({})",
        database::literal(&source.handle_path())
    );
    let elements = database
        .rows(&sql, |row| Ok(Element { name: row.get(0)?, parts: row.get(1)?, digits: row.get(2)? }))?;
    // The first is the file itself.
    Ok(at_the_top(elements.into_iter().skip(1)))
}

/// Those that are part of no other: parts follow what they are part of.
fn at_the_top(mut elements: impl Iterator<Item = Element>) -> Vec<Column> {
    let mut columns = Vec::new();
    while let Some(Element { name, mut parts, digits }) = elements.next() {
        while parts > 0
            && let Some(part) = elements.next()
        {
            parts = parts - 1 + part.parts;
        }
        columns.push(Column { name, digits_beyond: (digits > DECIMAL_DIGITS_MAX).then_some(digits) });
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_nested_columns_are_no_columns() {
        let element = |name: &str, parts, digits| Element { name: name.to_owned(), parts, digits };
        let elements = vec![
            element("a", 0, 38),
            element("b", 2, 0),
            element("b.x", 1, 0),
            element("b.x.y", 0, 0),
            element("b.z", 0, 0),
            element("c", 0, 39),
        ];
        let column = |name: &str, digits_beyond| Column { name: name.to_owned(), digits_beyond };
        assert_eq!(
            at_the_top(elements.into_iter()),
            [column("a", None), column("b", None), column("c", Some(39))]
        );
    }
}
