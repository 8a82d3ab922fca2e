"""plain_ingest.py CSV_FOLDER DATABASE: loads CSV extracts into DuckDB as anyone would, and says how long it took.

What flip-bench sets `flip-appliance ingest` beside: one CREATE TABLE AS SELECT * FROM read_csv for each file, DuckDB's
own settings and its own guesses of the types, nothing checked. Of days that are written as eight digits, as vocabularies
have them, it is told that they are days: it would keep numbers. The seconds run from opening the new database file to
its closing; the start of Python is not in them. Prints one line of JSON:
{"seconds": 1.5, "rows": 1000, "peak_kib": 2048, "engine": "1.5.6"}. Run it with the environment that python.sh makes.
"""

import argparse
import csv
import gzip
import json
import pathlib
import resource
import sys
import time

import duckdb


def of_days(source: pathlib.Path) -> str:
    """Options for the columns of a file whose days are written as eight digits."""
    opened = gzip.open if source.name.endswith(".gz") else open
    with opened(source, "rt", encoding="utf-8", newline="") as file:
        names = file.readline()
        delimiter = max(",\t;|", key=names.count)
        header, first = (next(csv.reader([line], delimiter=delimiter), []) for line in (names, file.readline()))
    pairs = zip(header, first)
    days = [name for name, value in pairs if name.lower().endswith("_date") and len(value) == 8 and value.isdigit()]
    if not days:
        return ""
    types = ", ".join(f"'{name}': 'DATE'" for name in days)
    return f", types = {{{types}}}, dateformat = '%Y%m%d'"


def load(sources: list[pathlib.Path], database: pathlib.Path) -> float:
    """Loads every file into a table of its name; gives the seconds."""
    began = time.monotonic()
    connection = duckdb.connect(str(database))
    for source in sources:
        table = source.name.split(".")[0].lower()
        read = f"read_csv($path{of_days(source)})"
        connection.execute(f'CREATE TABLE "{table}" AS SELECT * FROM {read}', {"path": str(source)})
    connection.close()
    return time.monotonic() - began


def count(database: pathlib.Path) -> int:
    """The rows of all tables."""
    connection = duckdb.connect(str(database), read_only=True)
    tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
    return sum(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables)


def main() -> int:
    """Refuses a folder without extracts, and a database that is there already."""
    parser = argparse.ArgumentParser(description="Loads CSV extracts into DuckDB, and says how long it took.")
    parser.add_argument("csv_folder", type=pathlib.Path)
    parser.add_argument("database", type=pathlib.Path)
    arguments = parser.parse_args()
    sources = sorted(path for path in arguments.csv_folder.iterdir() if path.name.endswith((".csv", ".csv.gz")))
    if not sources or arguments.database.exists():
        print(f"plain_ingest: no extracts in {arguments.csv_folder}, or {arguments.database} exists", file=sys.stderr)
        return 1
    seconds = load(sources, arguments.database)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = count(arguments.database)
    print(json.dumps({"seconds": seconds, "rows": rows, "peak_kib": peak_kib, "engine": duckdb.__version__}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
