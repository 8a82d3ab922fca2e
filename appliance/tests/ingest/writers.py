"""writers.py FOLDER: the same few measurements as many writers of Parquet write them, each in a folder of its own; and
others that no reader can take for them.

Run it with the environment that tests/prepare/python.sh makes.
"""

import datetime
import decimal
import pathlib
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

MOMENTS = [datetime.datetime(2020, 1, 2, 3, 4, 5), None, datetime.datetime(1901, 12, 31, 23, 59, 59)]
DAYS = [datetime.date(2020, 1, 2), datetime.date(2020, 2, 29), datetime.date(1901, 12, 31)]
COLUMNS = {
    "measurement_id": pa.array([1, 2, 9007199254740993], pa.int64()),
    "person_id": pa.array([1, 2, 3], pa.int64()),
    "measurement_concept_id": pa.array([3004249, 0, 3012888], pa.int64()),
    "measurement_date": pa.array(DAYS, pa.date32()),
    "measurement_datetime": pa.array(MOMENTS, pa.timestamp("us")),
    "measurement_type_concept_id": pa.array([32817, 32817, 32817], pa.int64()),
    "value_as_number": pa.array([120.5, None, -1.25], pa.float64()),
    "unit_concept_id": pa.array([8876, None, 8876], pa.int64()),
    "value_source_value": pa.array(["120,5 \"hoch\"", None, "Zoë\nü"], pa.string()),
}
FOLDER = pathlib.Path(sys.argv[1])


def table(**other) -> pa.Table:
    """The measurements, some columns written otherwise."""
    return pa.table({**COLUMNS, **other})


def write(name: str, content: pa.Table = None, **options) -> None:
    """Writes a variant."""
    (FOLDER / name).mkdir()
    pq.write_table(table() if content is None else content, FOLDER / name / "measurement.parquet", **options)


def cast(column: str, kind: pa.DataType) -> dict:
    """A column in another type."""
    return {column: COLUMNS[column].cast(kind)}


def alike() -> None:
    """Variants that hold the same rows."""
    for compression in ("none", "snappy", "gzip", "brotli", "lz4", "zstd"):
        write(f"same_compressed_{compression}", compression=compression)
        write(f"same_pages_v2_{compression}", compression=compression, data_page_version="2.0")
    write("same_without_dictionaries", use_dictionary=False)
    write("same_delta", use_dictionary=False, column_encoding={
        "measurement_id": "DELTA_BINARY_PACKED", "value_source_value": "DELTA_BYTE_ARRAY"})
    write("same_delta_lengths", use_dictionary=False, column_encoding={
        "value_as_number": "BYTE_STREAM_SPLIT", "value_source_value": "DELTA_LENGTH_BYTE_ARRAY"})
    write("same_one_row_a_group", row_group_size=1)
    write("same_one_row_a_page", data_page_size=1, write_batch_size=1)
    write("same_checksums", write_page_checksum=True, write_page_index=True)
    write("same_version_1", version="1.0")
    write("same_int96", use_deprecated_int96_timestamps=True)
    write("same_spark", flavor="spark")
    for unit in ("s", "ms", "ns"):
        write(f"same_timestamp_{unit}", table(**cast("measurement_datetime", pa.timestamp(unit))))
    for unit in ("ms", "us", "ns"):
        write(f"same_zoned_{unit}", table(**cast("measurement_datetime", pa.timestamp(unit, tz="UTC"))))
    write("same_date64", table(**cast("measurement_date", pa.date64())))
    write("same_days_as_timestamps", table(**cast("measurement_date", pa.timestamp("us"))))
    days = pa.array([int(day.strftime("%Y%m%d")) for day in DAYS], pa.int32())
    write("same_days_as_numbers", table(measurement_date=days))
    write("same_large_string", table(**cast("value_source_value", pa.large_string())))
    write("same_string_view", table(**cast("value_source_value", pa.string_view())))
    write("same_categorical", table(value_source_value=COLUMNS["value_source_value"].dictionary_encode()))
    numbers = [name for name, column in COLUMNS.items() if pa.types.is_int64(column.type)]
    write("same_decimal", table(**{name: COLUMNS[name].cast(pa.decimal128(38, 2)) for name in numbers},
                                **cast("value_as_number", pa.decimal128(18, 4))))
    write("same_small_types", table(**cast("person_id", pa.int8()), **cast("measurement_concept_id", pa.uint32()),
                                    **cast("measurement_type_concept_id", pa.uint16()),
                                    **cast("measurement_id", pa.uint64()), **cast("value_as_number", pa.float32())))
    texts = {name: COLUMNS[name].cast(pa.string()) for name in COLUMNS}
    write("same_all_texts", table(**texts))
    nested = pa.array([[{"a": [1]}], [], None])
    write("same_nested_beside", table(of_our_own=nested))
    # A pandas frame holds whole numbers with gaps as doubles, and moments in nanoseconds.
    frame = table().to_pandas()
    assert frame["unit_concept_id"].dtype == "float64", frame.dtypes
    (FOLDER / "same_pandas").mkdir()
    frame.to_parquet(FOLDER / "same_pandas" / "measurement.parquet")
    (FOLDER / "same_pandas_nullable").mkdir()
    frame.convert_dtypes().to_parquet(FOLDER / "same_pandas_nullable" / "measurement.parquet")
    (FOLDER / "same_pandas_categories").mkdir()
    frame["value_source_value"] = frame["value_source_value"].astype("category")
    frame.to_parquet(FOLDER / "same_pandas_categories" / "measurement.parquet", index=True)


def others() -> None:
    """Variants that hold no rows, or what cannot be read as the CDM has it."""
    write("empty", table().slice(0, 0))
    write("empty_without_types", pa.table({name: pa.nulls(0) for name in COLUMNS}))
    write("nothing_but_nulls", table(value_source_value=pa.nulls(3), value_as_number=pa.nulls(3),
                                     measurement_datetime=pa.nulls(3), unit_concept_id=pa.nulls(3)))
    write("list", table(value_source_value=pa.array([["a"], [], None])))
    write("struct", table(value_as_number=pa.array([{"a": 1}, None, None])))
    write("map", table(measurement_datetime=pa.array([[("a", 1)], None, None], pa.map_(pa.string(), pa.int64()))))
    write("binary", table(**cast("value_source_value", pa.binary())))
    long = [decimal.Decimal("1.5"), None, decimal.Decimal("2.5")]
    write("long_decimal", table(value_as_number=pa.array(long, pa.decimal256(60, 2))))
    bad = pa.array([b"good", b"a\xffb", None], pa.binary()).view(pa.string())
    write("not_utf8", table(value_source_value=bad))
    write("not_utf8_plain", table(value_source_value=bad), use_dictionary=False, compression="none")
    write("not_a_number", table(unit_concept_id=pa.array([8876.0, float("nan"), 8876.0])))
    write("fraction", table(unit_concept_id=pa.array([8876.0, 0.5, 8876.0])))
    write("beyond_64_bits", table(unit_concept_id=pa.array([2**64 - 1, 1, 1], pa.uint64())))
    midnight = pd.Series(pd.to_datetime(["2020-07-01"] * 3)).dt.tz_localize("Europe/London")
    write("local_midnight", table(measurement_date=pa.array(midnight)))
    write("far_future", table(measurement_datetime=pa.array([2**40, None, 0], pa.timestamp("s"))))
    twice = [*COLUMNS.values(), COLUMNS["person_id"]]
    write("twice", pa.table(twice, names=[*COLUMNS, "PERSON_ID"]))
    write("without_columns", pa.table({}))


alike()
others()
