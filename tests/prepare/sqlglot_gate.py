"""sqlglot_gate.py RUNS: reads questions as flip-gate does, with sqlglot, and says how long each took.

What flip-bench sets the gate beside: parse PostgreSQL's SQL, find every column's table in a schema, and write DuckDB's
SQL. Nothing is judged. Reads from standard input one line of JSON, {"schema": {TABLE: {COLUMN: TYPE}}, "questions":
[SQL]}, and prints one line of JSON, the microseconds of each reading: [[...], ...].
"""

import json
import sys
import time

import sqlglot
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema


def read(sql: str, schema: MappingSchema) -> str:
    """What the gate does of it: text to tree, names to columns, tree to text."""
    tree = sqlglot.parse_one(sql, read="postgres")
    return qualify(tree, dialect="postgres", schema=schema, db="omop").sql(dialect="duckdb")


def main() -> None:
    """Each question once unmeasured, then so many times."""
    runs = int(sys.argv[1])
    given = json.loads(sys.stdin.read())
    schema = MappingSchema({"omop": given["schema"]}, dialect="postgres")
    taken = []
    for sql in given["questions"]:
        read(sql, schema)
        times = []
        for _ in range(runs):
            began = time.perf_counter()
            read(sql, schema)
            times.append((time.perf_counter() - began) * 1_000_000)
        taken.append(times)
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
