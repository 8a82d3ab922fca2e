"""parquet.py CSV_FOLDER PARQUET_FOLDER: converts a folder of CSV extracts (.csv or .csv.gz) to Parquet files.

An independent writer: what ingest reads from Parquet in the tests, DuckDB did not write. Keys become int64, days
date32, moments timestamps, numbers doubles and the rest text, by the columns' names as the CDM chooses them.
Run it with the environment that python.sh makes.
"""

import argparse
import pathlib
import sys

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

# Whole numbers and numbers with a fraction whose names say so by no suffix.
WHOLE = {"year_of_birth", "month_of_birth", "day_of_birth", "refills", "days_supply", "gap_days", "concept_id_1",
         "concept_id_2", "min_levels_of_separation", "max_levels_of_separation", "drug_exposure_count",
         "condition_occurrence_count"}
FRACTION = {"value_as_number", "range_low", "range_high", "quantity", "latitude", "longitude", "dose_value", "amount_value",
            "numerator_value", "denominator_value"}
TEXT_KEYS = {"domain_id", "vocabulary_id", "concept_class_id", "relationship_id", "reverse_relationship_id",
             "accession_id", "cost_domain_id", "source_vocabulary_id", "target_vocabulary_id", "specimen_source_id",
             "unique_device_id", "production_id"}


def kind(column: str) -> pa.DataType:
    """The Arrow type of a CDM column."""
    name = column.lower()
    if name in TEXT_KEYS:
        return pa.string()
    if name in WHOLE or name.endswith("_id"):
        return pa.int64()
    if name in FRACTION:
        return pa.float64()
    if name.endswith("_date"):
        return pa.date32()
    if name.endswith("_datetime"):
        return pa.timestamp("us")
    return pa.string()


def convert(source: pathlib.Path, target: pathlib.Path) -> int:
    """Converts one file a block at a time, and says how many rows it held."""
    with pa.input_stream(str(source), compression="detect") as stream:
        header = pa.csv.open_csv(stream).schema.names
    options = pa.csv.ConvertOptions(
        column_types={name: kind(name) for name in header},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        timestamp_parsers=["%Y-%m-%d %H:%M:%S", "%Y-%m-%d", pa.csv.ISO8601],
    )
    partial = target.with_suffix(".partial")
    rows = 0
    with pa.input_stream(str(source), compression="detect") as stream:
        reader = pa.csv.open_csv(stream, convert_options=options)
        with pa.parquet.ParquetWriter(partial, reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
    partial.rename(target)
    return rows


def main() -> int:
    """Converts every extract of the folder; refuses a folder that holds none."""
    parser = argparse.ArgumentParser(description="Converts a folder of CSV extracts to Parquet files.")
    parser.add_argument("csv_folder", type=pathlib.Path)
    parser.add_argument("parquet_folder", type=pathlib.Path)
    arguments = parser.parse_args()
    sources = sorted(path for path in arguments.csv_folder.iterdir() if path.name.endswith((".csv", ".csv.gz")))
    if not sources:
        print(f"parquet: no .csv or .csv.gz in {arguments.csv_folder}", file=sys.stderr)
        return 1
    arguments.parquet_folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        target = arguments.parquet_folder / (source.name.split(".")[0] + ".parquet")
        print(f"parquet: {target.name}: {convert(source, target)} rows", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
