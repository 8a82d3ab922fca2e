//! A plain copy of a file that DuckDB would refuse or misread as it is: mixed line ends, mixed dates, offsets.
//!
//! What must stay true: only a file whose check found no problem is copied, and the copy holds the same records.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::AtomicU64;

use flip_gate::cdm::Kind;

use super::error::IngestError;
use super::extract::Source;
use super::header::Columns;
use super::lines::{Dialect, Records, Text};
use super::survey;
use super::values::canonical;

/// How copies are written.
pub(super) const DIALECT: Dialect = Dialect { delimiter: b',', quoting: true };

/// Writes the copy and opens it for reading.
pub(super) fn copy(
    source: &Source,
    dialect: Dialect,
    columns: &Columns,
    path: &Path,
) -> Result<File, IngestError> {
    let failed = |error: io::Error| IngestError::io(path, error);
    let taken = AtomicU64::new(0);
    let mut records = Records::new(survey::open(source, &taken)?, dialect, 1);
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    let mut header = true;
    while let Some(next) = records.next() {
        // The check read these very bytes without a fault; only a file that changed since can have one.
        let record = next.map_err(|_| IngestError::Changed { file: source.name.clone() })?;
        for (at, (column, field)) in columns.found.iter().zip(record.fields()).enumerate() {
            if at > 0 {
                out.write_all(b",").map_err(failed)?;
            }
            let kind = column.map(|column| column.kind);
            if let Some(kind) = kind.filter(|_| !header && !field.raw.is_empty()) {
                write_value(&mut out, kind, field).map_err(failed)?;
            }
        }
        out.write_all(b"\n").map_err(failed)?;
        header = false;
    }
    out.into_inner().map_err(|error| failed(error.into_error()))?;
    File::open(path).map_err(failed)
}

fn write_value(out: &mut impl Write, kind: Kind, field: Text<'_>) -> io::Result<()> {
    if !matches!(kind, Kind::Text(_)) {
        return out.write_all(&canonical(kind, field.raw));
    }
    out.write_all(b"\"")?;
    if field.quoted {
        out.write_all(field.raw)?;
    } else {
        for (at, piece) in field.raw.split(|byte| *byte == b'"').enumerate() {
            if at > 0 {
                out.write_all(b"\"\"")?;
            }
            out.write_all(piece)?;
        }
    }
    out.write_all(b"\"")
}
