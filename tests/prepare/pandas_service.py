"""pandas_service.py: a minimal cohort service in the manner of FLIP's: PostgreSQL into pandas, blocks of counts as JSON.

What flip-bench sets the engine beside. It does what FLIP's design does for each question and nothing more: the whole
result goes through SQLAlchemy and psycopg2 into a DataFrame; values and nulls of each column are counted; ages and
sexes of the distinct persons come from a second query; all is sent as JSON over HTTP. No check of the SQL, no cache and
no log, so that it is as fast as the design allows. Persons are bound as one array; FLIP binds each by itself, which is
slower. Reads FLIP_BENCH_DATABASE (an SQLAlchemy URL). Prints its port, then serves until it is killed.
POST / with SQL as the body gives {"record_count": 12, "data": [{"name": ..., "results": [{"value": ..., "count": ...}]}]}.
"""

import http.server
import json
import os

import pandas
import sqlalchemy

ENGINE = sqlalchemy.create_engine(os.environ["FLIP_BENCH_DATABASE"])
DETAILS = sqlalchemy.text(
    "SELECT person_id, date_part('year', age(birth_datetime)) AS years, gender_source_value AS sex"
    " FROM omop.person WHERE person_id = ANY(:persons)"
)
THRESHOLD = 10


def block(name: str, counts: pandas.Series) -> dict:
    """A block of counts, those below the threshold put together."""
    small = counts[counts < THRESHOLD].sum()
    results = [{"value": str(value), "count": int(count)} for value, count in counts[counts >= THRESHOLD].items()]
    if small >= THRESHOLD:
        results.append({"value": "Other", "count": int(small)})
    return {"name": name, "results": results}


def answer(sql: str) -> dict:
    """What a question gets."""
    with ENGINE.connect() as connection:
        frame = pandas.read_sql(sqlalchemy.text(sql), connection)
        if "person_id" not in frame.columns:
            return {"record_count": 0, "data": []}
        persons = frame["person_id"].dropna().unique()
        if len(persons) < THRESHOLD:
            return {"record_count": 0, "data": []}
        details = pandas.read_sql(DETAILS, connection, params={"persons": persons.tolist()})
    decades = (details["years"].dropna() // 10 * 10).astype(int)
    data = [
        block("Counts", frame.count()),
        block("Nulls", frame.isna().sum()),
        block("Age Distribution", decades.value_counts()),
        block("Sex Distribution", details["sex"].value_counts()),
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
