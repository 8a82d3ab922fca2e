//! What the gate's lists do not have: tables, functions, columns and constructs.

use flip_gate::{Code, admit};

use crate::{output, refused, teaches};

#[test]
fn other_tables() {
    for (table, said) in [
        ("pg_catalog.pg_class", "only schema omop"),
        ("information_schema.tables", "only schema omop"),
        ("public.person", "write omop.person"),
        ("flip.omop.person", "without a database"),
        ("pg_class", "not a table of the OMOP CDM"),
        ("persons", "did you mean person?"),
        ("condition_occurence", "did you mean condition_occurrence?"),
        ("\"Person\"", "did you mean person?"),
        ("duckdb_settings", "not a table"),
        ("\"omop.person\"", "not a table"),
    ] {
        let sql = format!("SELECT person_id FROM {table}");
        let message = refused(&sql, Code::TableNotAllowed);
        assert!(message.contains(said), "{table}: {message}");
    }
    // A CTE is in sight of what follows it, not of itself, nor of the outside.
    refused("WITH x AS (SELECT * FROM x) SELECT person_id FROM x", Code::TableNotAllowed);
    refused(
        "SELECT person_id FROM (WITH x AS (SELECT * FROM person) SELECT * FROM x) AS y, x",
        Code::TableNotAllowed,
    );
    refused("WITH x AS (SELECT person_id FROM person) SELECT person_id FROM omop.x", Code::TableNotAllowed);
}

#[test]
fn functions_in_from() {
    for source in [
        "pg_ls_dir('/')",
        "read_csv('/etc/passwd')",
        "generate_series(1, 1000000)",
        "generate_series(1, 10, 0)",
        "generate_series(1, (SELECT 5))",
        "generate_series('2020-01-01'::timestamp, '2021-01-01', '1 day')",
        "generate_series(DATE '2020-01-01', current_date, INTERVAL '1 day')",
        "generate_series(DATE '2020-01-01', (SELECT max(death_date) FROM death), INTERVAL '1 day')",
        "generate_series(DATE '2020-01-01', DATE '2021-01-01', INTERVAL '0 days')",
        "generate_series(DATE '2020-01-01', DATE '2021-01-01', INTERVAL '1 month -31 days')",
        "generate_series(DATE '2020-01-01', DATE '2021-01-01', INTERVAL '1 second')",
        "generate_series(DATE '1000-01-01', DATE '2021-01-01', INTERVAL '1 day')",
        "generate_series('1'::integer, '5'::integer, INTERVAL '1 day')",
        "generate_series(-9223372036854775808, 9223372036854775807)",
        "unnest(ARRAY[1], ARRAY[2])",
        "unnest(ARRAY[person.year_of_birth])",
        "unnest(ARRAY[(SELECT max(year_of_birth) FROM person)])",
        "unnest((SELECT array_agg(person_id) FROM person))",
        "range(10)",
        "omop.generate_series(1, 2)",
    ] {
        let refusal = admit(&format!("SELECT person_id FROM person, {source} AS s")).expect_err(source);
        assert!(matches!(refusal.code, Code::TableFunctionNotAllowed | Code::NotSql), "{source}: {refusal}");
    }
}

#[test]
fn names_that_nothing_has() {
    let said = refused("SELECT person_id, years_of_birth FROM person", Code::UnknownColumn);
    assert_eq!(
        said,
        "no table in this FROM has a column years_of_birth; did you mean year_of_birth? (line 1, column 19)"
    );
    for sql in [
        "SELECT person_id FROM person JOIN death ON TRUE",
        "SELECT x.person_id FROM person",
        "SELECT omop.p.person_id FROM person p",
        "SELECT person.person_id FROM person p",
        "SELECT \"Person_id\" FROM person",
        "SELECT p.ctid, p.person_id FROM person p",
        "SELECT rowid, person_id FROM person",
        "SELECT person_id FROM person ORDER BY 2",
        "SELECT person_id, death_date AS d, cause_concept_id AS d FROM death ORDER BY d",
        "SELECT person_id AS p FROM person WHERE p = 1",
        "SELECT person_id FROM person UNION SELECT person_id FROM death ORDER BY death_date",
        "SELECT person_id FROM person JOIN concept USING (person_id)",
        "SELECT x.person_id FROM (SELECT p.person_id, d.person_id FROM person p, death d) AS x",
        "SELECT p.person_id, count(*) OVER nowhere FROM person p",
        "SELECT person_id FROM person p WHERE EXISTS (SELECT 1 FROM death d WHERE d.nothing = p.person_id)",
        "SELECT p.person_id FROM person p JOIN (SELECT p.year_of_birth FROM death) x ON TRUE",
        "SELECT a.person_id FROM person a, death b JOIN visit_occurrence c ON c.person_id = a.person_id",
    ] {
        refused(sql, Code::UnknownColumn);
    }
}

#[test]
fn functions_that_are_not_listed() {
    for call in [
        "pg_sleep(10)",
        "version()",
        "current_setting('x')",
        "query_to_xml('select 1', true, true, '')",
        "pg_read_file('/etc/passwd')",
        "nextval('x')",
        "random()",
        "getenv('HOME')",
        "read_text('/etc/passwd')",
        "pg_catalog.lower('A')",
        "md5('a')",
        "generate_series(1, 3)",
        "unnest(ARRAY[1])",
        "lower('a', 'b')",
        "query('select 1')",
        "repeat('a', 1000000000)",
    ] {
        output(call, Code::FunctionNotAllowed);
    }
    for call in ["current_user", "session_user", "user"] {
        let sql = format!("SELECT person_id, {call} FROM measurement");
        let refusal = admit(&sql).expect_err(call);
        teaches(&sql, &refusal);
        assert!(matches!(refusal.code, Code::FunctionNotAllowed | Code::UnknownColumn), "{call}: {refusal}");
    }
    let said = refused(
        "SELECT person_id, medain(value_as_number), stdev(value_as_number) FROM measurement",
        Code::FunctionNotAllowed,
    );
    assert!(said.contains("medain"), "{said}");
    let said = refused("SELECT person_id, stdev(value_as_number) FROM measurement", Code::FunctionNotAllowed);
    assert!(said.contains("did you mean stddev?"), "{said}");
}

#[test]
fn constructs_that_are_not_listed() {
    for expression in [
        "measurement_datetime AT TIME ZONE 'UTC'",
        "value_source_value COLLATE \"C\"",
        "value_source_value::bytea",
        "value_source_value::regclass",
        "value_source_value::json -> 'a'",
        "value_source_value::integer[]",
        "ARRAY[1, 2]",
        "(ARRAY[1, 2])[1]",
        "ROW(1, 2)",
        "$1",
        "B'101'",
        "X'1F'",
        "1 & 2",
        "1 << 2",
        "value_source_value ~ unit_source_value",
        "value_source_value ~ '(a)\\1'",
        "'now'::timestamp",
        "DATE 'today'",
        "INTERVAL 'P1Y'",
        "to_char(value_as_number, '999')",
        "to_char(measurement_date, 'Month')",
        "to_char(measurement_date, value_source_value)",
        "date_trunc('fortnight', measurement_date)",
        "EXTRACT(TIMEZONE FROM measurement_datetime)",
        "substring(value_source_value from 'a.c')",
        "row_number()",
        "lower('a') OVER ()",
        "lower(DISTINCT 'a')",
        "percentile_cont(0.5)",
        "percentile_cont(2) WITHIN GROUP (ORDER BY value_as_number)",
        "lag(value_as_number) IGNORE NULLS OVER ()",
        "sum(value_as_number) OVER (ORDER BY measurement_date ROWS (SELECT 1) PRECEDING)",
        "value_as_number > ANY (ARRAY[1, 2])",
        "(1, 2)",
        "(SELECT 1, 2)",
        "-value_as_number ^ 2",
        "TRY_CAST(value_source_value AS integer)",
    ] {
        let sql = format!("SELECT person_id, {expression} FROM measurement");
        let refusal = admit(&sql).expect_err(expression);
        teaches(&sql, &refusal);
        assert!(
            matches!(refusal.code, Code::ConstructNotAllowed | Code::NotSql | Code::FunctionNotAllowed),
            "{expression}: {refusal}"
        );
    }
}
