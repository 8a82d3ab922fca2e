//! What comes out of an export is what the question gives, for the frozen persons and no others.

use std::io::Cursor;
use std::time::Duration;

use arrow_ipc::reader::StreamReader;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::compute::concat_batches;
use duckdb::arrow::datatypes::Schema;
use flip_appliance::data::Generation;
use flip_appliance::engine::{
    CancelFlag, Export, ExportFailure, Exported, Format, Members, Piece, export, open_generation,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use roaring::RoaringTreemap;

use crate::support::{IMAGES, MARKER, PERSONS, World, settings};

/// The bytes of an export.
fn exported(
    generation: &Generation,
    sql: &str,
    members: &Members,
    format: Format,
) -> Result<(Vec<u8>, Exported), ExportFailure> {
    let mut bytes = Vec::new();
    let wanted = Export { plan: flip_gate::admit(sql).unwrap(), format };
    let take = |piece| {
        if let Piece::Bytes(piece) = piece {
            bytes.extend_from_slice(&piece);
        }
        true
    };
    let (time, cancel) = (Duration::from_mins(2), CancelFlag::default());
    let outcome = export(&settings(), &generation.database, &wanted, members, time, &cancel, take)?;
    assert_eq!(outcome.bytes, bytes.len() as u64);
    Ok((bytes, outcome))
}

/// What DuckDB itself gives for the plan.
fn own(generation: &Generation, sql: &str) -> RecordBatch {
    let plan = flip_gate::admit(sql).unwrap();
    let database = open_generation(&generation.database, 512, 2).unwrap();
    let mut statement = database.prepare(plan.engine_sql()).unwrap();
    let batches: Vec<RecordBatch> = statement.query_arrow([]).unwrap().collect();
    let schema = batches.first().unwrap().schema();
    concat_batches(&schema, &batches).unwrap()
}

fn of_arrow(bytes: &[u8]) -> RecordBatch {
    let reader = StreamReader::try_new(Cursor::new(bytes), None).unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn of_parquet(bytes: Vec<u8>) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let bare = Schema::new(schema.fields().clone());
    concat_batches(&std::sync::Arc::new(bare), &batches).unwrap()
}

#[test]
fn arrow_and_parquet_hold_duckdbs_own_values_types_and_order() {
    let world = World::new();
    for sql in [PERSONS, IMAGES] {
        let members = world.members(sql);
        let generation = world.current();
        let own = own(&generation, sql);
        let (bytes, outcome) = exported(&generation, sql, &members, Format::Arrow).unwrap();
        assert_eq!(outcome.rows, own.num_rows() as u64);
        assert_eq!(of_arrow(&bytes), own, "{sql}");
        for format in [Format::ParquetSnappy, Format::ParquetZstd] {
            let (bytes, _) = exported(&generation, sql, &members, format).unwrap();
            let read = of_parquet(bytes);
            assert_eq!(read.columns(), own.columns(), "{sql} as {format:?}");
            let kinds = |batch: &RecordBatch| {
                let schema = batch.schema();
                let fields = schema.fields().iter();
                fields.map(|field| (field.name().clone(), field.data_type().clone())).collect::<Vec<_>>()
            };
            assert_eq!(kinds(&read), kinds(&own), "{sql} as {format:?}");
        }
    }
}

#[test]
fn csv_has_a_header_quotes_what_must_be_and_leaves_nulls_empty() {
    let world = World::new();
    let sql = "SELECT person_id, birth_datetime, person_source_value FROM person WHERE year_of_birth < 1937 \
               ORDER BY person_id";
    let (bytes, outcome) = exported(&world.current(), sql, &world.members(sql), Format::Csv).unwrap();
    let expected = format!(
        "person_id,birth_datetime,person_source_value\n\
         1,1931-02-03T04:05:06,Zoë\n\
         2,1932-02-03T04:05:06,{MARKER}\n\
         3,1933-02-03T04:05:06,\n\
         4,1934-02-03T04:05:06,\"a \"\"quoted\"\", value\"\n\
         5,,Zoë\n\
         6,1936-02-03T04:05:06,{MARKER}\n"
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    assert_eq!(outcome.rows, 6);
}

#[test]
fn rows_of_who_is_not_frozen_never_come_out() {
    let world = World::new();
    let some = world.members("SELECT person_id, accession_id FROM image_occurrence WHERE image_occurrence_date < DATE '2021-01-01'");
    assert_eq!(some.persons.iter().collect::<Vec<_>>(), [2, 4, 6, 8, 10]);
    let generation = world.current();
    let (bytes, outcome) = exported(&generation, PERSONS, &some, Format::Csv).unwrap();
    assert_eq!(outcome.rows, 5);
    let text = String::from_utf8(bytes).unwrap();
    let ids: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(ids, ["10", "8", "6", "4", "2"], "the order is the question's");
    // A question by accession ids alone is held to the frozen ones.
    let by_image = "SELECT accession_id FROM image_occurrence ORDER BY accession_id";
    let (bytes, _) = exported(&generation, by_image, &some, Format::Csv).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), "accession_id\nA0002\nA0004\nA0006\nA0008\nA0010\n");
    let nobody = Members { persons: RoaringTreemap::new(), ..some };
    for format in [Format::Arrow, Format::ParquetSnappy, Format::Csv] {
        let (_, outcome) = exported(&generation, PERSONS, &nobody, format).unwrap();
        assert_eq!(outcome.rows, 0, "{format:?}");
    }
}

#[test]
fn an_export_that_is_stopped_or_has_no_room_for_a_column_says_so() {
    let world = World::new();
    let generation = world.current();
    let members = world.members(PERSONS);
    let wanted = Export { plan: flip_gate::admit(PERSONS).unwrap(), format: Format::Arrow };
    let (time, cancel) = (Duration::from_mins(2), CancelFlag::default());
    let stopped = export(&settings(), &generation.database, &wanted, &members, time, &cancel, |_| false);
    assert_eq!(stopped, Err(ExportFailure::Stopped));
    cancel.cancel();
    let stopped = export(&settings(), &generation.database, &wanted, &members, time, &cancel, |_| true);
    assert_eq!(stopped, Err(ExportFailure::Stopped));
    let span = "SELECT person_id, age(birth_datetime, birth_datetime) AS lived FROM person";
    let refused = exported(&generation, span, &world.members(span), Format::ParquetZstd);
    assert_eq!(refused.unwrap_err(), ExportFailure::NotInFormat("lived".to_owned()));
    assert_eq!(exported(&generation, span, &world.members(span), Format::Arrow).unwrap().1.rows, 40);
}
