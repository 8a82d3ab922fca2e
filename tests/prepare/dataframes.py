"""dataframes.py GENERATION RUNS: how long a client waits for a frozen cohort's rows, and what else it could take.

What flip-bench's rows of dataframes are made of. In turns, the same rows come from the appliance's local API with the
module flip_edge (FLIP_API_SOCKET and FLIP_API_TOKEN; Arrow into memory, and on into a DataFrame; Parquet and CSV into
a file that is thrown away), from DuckDB itself (the generation's file, opened read-only, the rows as an Arrow table and as files), and by what
FLIP's design does: a DataFrame, column by column as JSON, and a DataFrame again; here without PostgreSQL and without a
network, so that it is faster than that design. Each way starts with opening and ends with whole rows. The question is
read from standard input. Prints one line of JSON: {"rows": 1000, "columns": 10, "arrow_s": [0.1, ...], ...}.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

import duckdb
import pandas
from flip_edge import FLIP

SETTINGS = {"default_null_order": "nulls_last_on_asc_first_on_desc", "integer_division": True}


def main() -> None:
    """Measures every way in turns, after one that is not counted."""
    parser = argparse.ArgumentParser(description="Measures ways to a dataframe.")
    parser.add_argument("generation", type=pathlib.Path)
    parser.add_argument("runs", type=int)
    arguments = parser.parse_args()
    sql = sys.stdin.read()

    def plain() -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(arguments.generation), read_only=True, config=SETTINGS)
        connection.execute("SET search_path = 'omop'")
        return connection

    def by_duckdb() -> int:
        with plain() as connection:
            return connection.execute(sql).to_arrow_table().num_rows

    def copied(file: pathlib.Path, kind: str) -> None:
        with plain() as connection:
            connection.execute(f"COPY ({sql}) TO '{file}' ({kind})")

    def by_json() -> int:
        with plain() as connection:
            frame = connection.execute(sql).df()
        body = json.dumps(frame.to_dict(orient="list"), default=str)
        return len(pandas.DataFrame(json.loads(body)))

    flip = FLIP()
    table = flip.get_table()
    rows = {"arrow": table.num_rows, "dataframe": len(flip.get_dataframe()), "duckdb": by_duckdb()}
    if len(set(rows.values())) > 1:
        sys.exit(f"dataframes: the ways give other numbers of rows: {rows}")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "rows"
        ways: dict[str, Callable[[], object]] = {
            "arrow_s": flip.get_table,
            "arrow_duckdb_s": by_duckdb,
            "dataframe_s": flip.get_dataframe,
            "parquet_s": lambda: flip.download(file, "parquet"),
            "parquet_duckdb_s": lambda: copied(file, "FORMAT parquet"),
            "csv_s": lambda: flip.download(file, "csv"),
            "csv_duckdb_s": lambda: copied(file, "FORMAT csv"),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways} | {"json_s": []}
        for _ in range(arguments.runs):
            for name, way in ways.items():
                taken[name].append(timed(way))
                file.unlink(missing_ok=True)
        # Slow enough that once says all.
        taken["json_s"].append(timed(by_json))
    print(json.dumps({"rows": table.num_rows, "columns": table.num_columns} | taken))


def timed(way: Callable[[], object]) -> float:
    """Seconds of one way."""
    began = time.monotonic()
    way()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
