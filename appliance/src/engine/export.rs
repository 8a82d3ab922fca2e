//! The worker's side of an export: a plan's rows of a frozen cohort's members, in a file format, piece by piece.
//!
//! What must stay true: a row of anybody who is not a member never leaves the worker; rows keep the plan's order; no
//! more than a row group is held at a time. An error once rows are read has no text, and ends the worker.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_ipc::writer::StreamWriter;
use duckdb::Connection;
use duckdb::arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use duckdb::arrow::compute::filter_record_batch;
use duckdb::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use duckdb::arrow::error::ArrowError;
use flip_gate::{Plan, Subject};
use flip_protocol::answer::Failed;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

use super::database::{Fault, stream};
use super::members::list_of_bytes;
use super::wire::{self, Reply};
use super::{Members, bounds};

/// What is to be exported.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// The frozen question.
    pub plan: Plan,
    /// How its rows are to be written.
    pub format: Format,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file, compressed with Snappy.
    ParquetSnappy,
    /// A Parquet file, compressed with Zstandard.
    ParquetZstd,
    /// CSV (RFC 4180) with a header; nulls are empty, days and moments as in ISO 8601.
    Csv,
}

impl Export {
    /// What goes behind the request's frame: by what the plan's subject is, persons or accession ids.
    pub(super) fn behind(&self, members: &Members) -> Vec<u8> {
        match self.plan.subject() {
            Subject::Person { .. } => wire::persons_to_bytes(&members.persons),
            Subject::Accession { .. } => super::members::list_to_bytes(&members.accessions),
        }
    }
}

/// Why an export is not whole.
enum Broken {
    /// This can be said.
    Said(Box<Reply>),
    /// Nobody hears it, or what was written cannot be trusted.
    Lost(io::Error),
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Said(Box::new(fault.into()))
    }
}

impl From<ArrowError> for Broken {
    fn from(_: ArrowError) -> Self {
        Self::Lost(io::ErrorKind::InvalidData.into())
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// Writes an export as frames. An error means that the worker is to end; what can be said is said before.
pub(super) fn write(
    database: &Connection,
    export: &Export,
    behind: &[u8],
    replies: &mut impl Write,
) -> io::Result<()> {
    let last = match rows(database, export, behind, replies) {
        Ok(rows) => Reply::ExportEnds { rows },
        Err(Broken::Said(reply)) => *reply,
        Err(Broken::Lost(error)) => return Err(error),
    };
    wire::write(replies, &last, &[], bounds::REPLY_BYTES)
}

/// Sends all pieces; gives the rows in them.
fn rows(
    database: &Connection,
    export: &Export,
    behind: &[u8],
    replies: &mut impl Write,
) -> Result<u64, Broken> {
    let keep = Keep::new(&export.plan, behind).ok_or(Fault::plain(Failed::Internal))?;
    let buffer = Buffer::default();
    let mut begun: Option<(SchemaRef, Encoder)> = None;
    let mut rows = 0;
    stream(database, export.plan.engine_sql(), |batch| {
        let Some((schema, encoder)) = &mut begun else {
            let schema = named(&batch.schema(), &export.plan);
            if let Some(column) = schema.fields().iter().find(|field| !export.format.holds(field.data_type()))
            {
                return Err(Broken::Said(Box::new(Reply::NotInFormat { column: column.name().clone() })));
            }
            wire::write(replies, &Reply::ExportBegins, &[], bounds::REPLY_BYTES)?;
            let encoder = Encoder::new(export.format, &schema, &buffer)?;
            begun = Some((schema, encoder));
            return Ok(());
        };
        let batch = keep.of(RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec())?)?;
        if batch.num_rows() > 0 {
            rows += batch.num_rows() as u64;
            encoder.write(&batch)?;
            buffer.send(replies, bounds::PIECE_BYTES)?;
        }
        Ok(())
    })?;
    let (_, encoder) = begun.ok_or(Fault::plain(Failed::Internal))?;
    encoder.end()?;
    buffer.send(replies, 1)?;
    Ok(rows)
}

/// The result's columns under the plan's names.
fn named(schema: &Schema, plan: &Plan) -> SchemaRef {
    let fields = schema.fields().iter().zip(plan.columns());
    let fields: Vec<Field> = fields.map(|(field, name)| field.as_ref().clone().with_name(name)).collect();
    Arc::new(Schema::new(fields))
}

impl Format {
    /// True where values of a type can be written.
    fn holds(self, kind: &DataType) -> bool {
        let nested = kind.is_nested();
        let span = matches!(kind, DataType::Interval(_) | DataType::Duration(_));
        match self {
            Self::Arrow => true,
            Self::ParquetSnappy | Self::ParquetZstd => !span,
            Self::Csv => !nested,
        }
    }
}

/// Which rows stay: those of members.
enum Keep {
    Persons { column: usize, members: RoaringTreemap },
    Accessions { column: usize, members: HashSet<String> },
}

impl Keep {
    fn new(plan: &Plan, behind: &[u8]) -> Option<Self> {
        let position = |name: &str| plan.columns().iter().position(|column| column == name);
        Some(match plan.subject() {
            Subject::Person { column } => {
                Self::Persons { column: position(column)?, members: wire::persons_of_bytes(behind)? }
            }
            Subject::Accession { column } => Self::Accessions {
                column: position(column)?,
                members: list_of_bytes(behind)?.into_iter().collect(),
            },
        })
    }

    fn of(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mask: BooleanArray = match self {
            Self::Persons { column, members } => {
                let persons = batch.column(*column).as_primitive_opt::<Int64Type>().ok_or_else(unreadable)?;
                let kept = persons
                    .iter()
                    .map(|person| person.is_some_and(|person| members.contains(person.cast_unsigned())));
                kept.map(Some).collect()
            }
            Self::Accessions { column, members } => {
                let texts = batch.column(*column).as_string_opt::<i32>().ok_or_else(unreadable)?;
                texts.iter().map(|text| Some(text.is_some_and(|text| members.contains(text)))).collect()
            }
        };
        if mask.true_count() == batch.num_rows() { Ok(batch) } else { filter_record_batch(&batch, &mask) }
    }
}

fn unreadable() -> ArrowError {
    ArrowError::SchemaError("the plan's subject is of another type".to_owned())
}

/// What an encoder has written and nobody has sent yet.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    /// Sends what has come together, once it is so many bytes.
    fn send(&self, replies: &mut impl Write, least: usize) -> io::Result<()> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() < least {
            return Ok(());
        }
        for piece in bytes.chunks(bounds::PIECE_BYTES) {
            wire::write(replies, &Reply::Piece, piece, bounds::REPLY_BYTES)?;
        }
        bytes.clear();
        Ok(())
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Encoder {
    Arrow(StreamWriter<Buffer>),
    Parquet(Box<ArrowWriter<Buffer>>),
    Csv(Box<arrow_csv::Writer<Buffer>>),
}

impl Encoder {
    fn new(format: Format, schema: &SchemaRef, buffer: &Buffer) -> Result<Self, ArrowError> {
        let parquet = |compression| -> Result<Self, ArrowError> {
            let properties = WriterProperties::builder()
                .set_compression(compression)
                .set_max_row_group_row_count(Some(bounds::ROW_GROUP_ROWS))
                .set_created_by(concat!("flip-appliance ", env!("CARGO_PKG_VERSION")).to_owned())
                .build();
            let writer = ArrowWriter::try_new(buffer.clone(), Arc::clone(schema), Some(properties))?;
            Ok(Self::Parquet(Box::new(writer)))
        };
        match format {
            Format::Arrow => StreamWriter::try_new(buffer.clone(), schema).map(Self::Arrow),
            Format::ParquetSnappy => parquet(Compression::SNAPPY),
            Format::ParquetZstd => parquet(Compression::ZSTD(ZstdLevel::default())),
            Format::Csv => {
                let mut writer = arrow_csv::WriterBuilder::new().with_header(true).build(buffer.clone());
                // The header stands there even where no row follows.
                writer.write(&RecordBatch::new_empty(Arc::clone(schema)))?;
                Ok(Self::Csv(Box::new(writer)))
            }
        }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        match self {
            Self::Arrow(writer) => writer.write(batch),
            Self::Parquet(writer) => {
                writer.write(batch)?;
                if writer.in_progress_size() > bounds::ROW_GROUP_BYTES {
                    writer.flush()?;
                }
                Ok(())
            }
            Self::Csv(writer) => writer.write(batch),
        }
    }

    fn end(self) -> Result<(), ArrowError> {
        match self {
            Self::Arrow(mut writer) => writer.finish(),
            Self::Parquet(writer) => writer.close().map(drop).map_err(ArrowError::from),
            Self::Csv(_) => Ok(()),
        }
    }
}
