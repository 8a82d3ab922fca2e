"""pandas_service.py: a minimal cohort service in the manner of FLIP's: PostgreSQL into pandas, blocks of counts as JSON.

What flip-bench sets gate and engine beside. It does what FLIP's design does for each question and nothing more: sqlglot
reads the SQL, looks at its statements, tables and functions and writes it again; the whole result goes through
SQLAlchemy and psycopg2 into a DataFrame; values and nulls of each column are counted; ages and sexes of the distinct
persons come from a query each, to which every person is bound by itself; all is sent as JSON over HTTP. No cache, no log
and no framework of the web, so that it is as fast as the design allows.

Reads FLIP_BENCH_DATABASE (an SQLAlchemy URL). Prints its port, then serves until it is killed.
POST / with SQL as the body gives {"record_count": 12, "data": [{"name": ..., "results": [{"value": ..., "count": ...}]}]}.
"""

import http.server
import json
import os

import pandas
import sqlalchemy
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

ENGINE = sqlalchemy.create_engine(os.environ["FLIP_BENCH_DATABASE"])
THRESHOLD = 10
FUNCTIONS = ("generate_series", "unnest", "age")
FORBIDDEN = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into)


def admitted(sql: str) -> str:
    """The SQL as it may run: one that reads, of tables of the CDM alone."""
    statements = [statement for statement in sqlglot.parse(sql, read="postgres") if statement is not None]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ValueError("one SELECT is to be asked")
    tree = statements[0]
    if any(isinstance(node, FORBIDDEN) for node in tree.walk()):
        raise ValueError("nothing may be written")
    if any(function.name.lower() not in FUNCTIONS for function in tree.find_all(exp.Anonymous)):
        raise ValueError("this function may not be called")
    for scope in traverse_scope(tree):
        for table in scope.tables:
            if table.catalog or table.db not in ("", "omop"):
                raise ValueError("this schema may not be read")
            if not table.db and table.name not in scope.cte_sources:
                table.set("db", exp.to_identifier("omop"))
    return tree.sql(dialect="postgres")


def block(name: str, counts: pandas.Series) -> dict:
    """A block of counts, those below the threshold put together."""
    small = counts[counts < THRESHOLD].sum()
    results = [{"value": str(value), "count": int(count)} for value, count in counts[counts >= THRESHOLD].items()]
    if small >= THRESHOLD:
        results.append({"value": "Other", "count": int(small)})
    return {"name": name, "results": results}


def of_persons(connection: sqlalchemy.Connection, what: str, persons: list[int]) -> pandas.Series:
    """Something that omop.person says of each."""
    query = sqlalchemy.text(f"SELECT {what} AS it FROM omop.person WHERE person_id IN :persons")
    query = query.bindparams(sqlalchemy.bindparam("persons", expanding=True))
    return pandas.read_sql(query, connection, params={"persons": persons})["it"]


def answer(sql: str) -> dict:
    """What a question gets."""
    with ENGINE.connect() as connection:
        frame = pandas.read_sql(sqlalchemy.text(admitted(sql)), connection)
        if "person_id" not in frame.columns:
            return {"record_count": 0, "data": []}
        persons = frame["person_id"].dropna().unique().tolist()
        if len(persons) < THRESHOLD:
            return {"record_count": 0, "data": []}
        years = of_persons(connection, "date_part('year', age(birth_datetime))", persons)
        sexes = of_persons(connection, "gender_source_value", persons)
    decades = (years.dropna() // 10 * 10).astype(int)
    data = [
        block("Counts", frame.count()),
        block("Nulls", frame.isna().sum()),
        block("Age Distribution", decades.value_counts()),
        block("Sex Distribution", sexes.value_counts()),
    ]
    return {"record_count": len(frame), "data": data}


class Handler(http.server.BaseHTTPRequestHandler):
    """One question a request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answers a question."""
        sql = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = json.dumps(answer(sql)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def main() -> None:
    """Serves on a free port of loopback."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
