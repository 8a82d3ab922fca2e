//! Questions that are refused: each with its code, its place and a message that says what to write instead.

use std::collections::HashSet;

use flip_gate::{CHARACTERS_MAX, Code, Place, Refusal, admit};

/// Words by which a refusal says what to write instead.
const ADVICE: &[&str] = &[
    "write",
    "use",
    "did you mean",
    "leave",
    "ask",
    "begin",
    "join",
    "return",
    "CAST",
    "describe",
    "give",
    "compute",
    "put",
    "rename",
    "shorten",
    "lists those",
    "needs",
    "define it",
];

/// True where the words stand in the text as they are, and not within longer ones.
fn has_words(text: &str, words: &str) -> bool {
    let is_of_a_word = |each: char| each.is_alphanumeric() || each == '_';
    text.match_indices(words).any(|(at, _)| {
        !text[..at].ends_with(is_of_a_word) && !text[at + words.len()..].starts_with(is_of_a_word)
    })
}

/// A refusal says where, and what to write instead.
#[track_caller]
fn teaches(sql: &str, refusal: &Refusal) {
    let message = &refusal.message;
    assert!(ADVICE.iter().any(|words| has_words(message, words)), "says not what to do: {message}\n{sql}");
    if sql.trim().is_empty() {
        return;
    }
    let place = refusal.place.unwrap_or_else(|| panic!("says not where: {message}\n{sql}"));
    let line = sql.split('\n').nth(usize::try_from(place.line - 1).unwrap_or(usize::MAX));
    let line = line.unwrap_or_else(|| panic!("there is no line {}: {message}\n{sql}", place.line));
    let columns = line.chars().count() as u64 + 1;
    assert!((1..=columns).contains(&place.column), "there is no column {}: {message}\n{sql}", place.column);
}

/// One question for each code. A code without one does not compile.
fn example(code: Code) -> &'static str {
    match code {
        Code::Empty => "-- nothing",
        Code::TooLong => include_str!("too_long.sql"),
        Code::TooDeep => include_str!("too_deep.sql"),
        Code::NotSql => "SELECT person_id FROM person WHERE = 3",
        Code::ManyStatements => "SELECT person_id FROM person; SELECT 1",
        Code::NotARead => "DELETE FROM person",
        Code::TableNotAllowed => "SELECT person_id FROM persons",
        Code::UnknownColumn => "SELECT person_id, years_of_birth FROM person",
        Code::FunctionNotAllowed => "SELECT person_id, stdev(value_as_number) FROM measurement",
        Code::TableFunctionNotAllowed => "SELECT person_id FROM person, generate_series(1, 1000000) AS s",
        Code::LimitNotLiteral => "SELECT person_id FROM person LIMIT 1 + 1",
        Code::ConstructNotAllowed => {
            "WITH RECURSIVE x AS (SELECT person_id FROM person) SELECT person_id FROM x"
        }
        Code::IdentifierMisused => "SELECT person_id FROM omop.person WHERE person_id = 7",
        Code::CrossesPersons => "SELECT person_id FROM person ORDER BY year_of_birth LIMIT 20 OFFSET 40",
        Code::NoSubject => "SELECT count(*) FROM person",
    }
}

#[test]
fn every_code_has_an_example_that_teaches() {
    let mut messages = HashSet::new();
    for code in Code::ALL {
        assert!(messages.insert(refused(example(code), code)), "{code:?} says what another says");
    }
    let names: HashSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
}

#[track_caller]
fn refused(sql: &str, code: Code) -> String {
    match admit(sql) {
        Ok(plan) => panic!("let in: {sql}\n{}", plan.canonical()),
        Err(refusal) => {
            assert_eq!(refusal.code, code, "{sql}\n{refusal}");
            teaches(sql, &refusal);
            refusal.to_string()
        }
    }
}

/// In a condition on a table of persons.
#[track_caller]
fn condition(condition: &str, code: Code) {
    refused(&format!("SELECT p.person_id FROM person p WHERE {condition}"), code);
}

/// As an output column beside a person.
#[track_caller]
fn output(expression: &str, code: Code) {
    refused(&format!("SELECT person_id, {expression} FROM measurement"), code);
}

#[test]
fn what_is_not_one_query() {
    for (sql, code) in [
        ("", Code::Empty),
        (" \n\t ;; -- only a comment", Code::Empty),
        ("SELECT person_id FROM person; SELECT person_id FROM person", Code::ManyStatements),
        ("SELECT person_id FROM person;; DROP TABLE person", Code::ManyStatements),
        ("SELECT person_id FROM person) x", Code::NotSql),
        ("hello", Code::NotSql),
        ("SELECT FROM WHERE", Code::NotSql),
        ("SELECT person_id FROM person WHERE a = 'open", Code::NotSql),
        ("SELECT person_id FROM person\0", Code::NotSql),
        ("INSERT INTO person SELECT * FROM person", Code::NotARead),
        ("UPDATE person SET year_of_birth = 1", Code::NotARead),
        ("DELETE FROM person", Code::NotARead),
        ("MERGE INTO person USING death ON TRUE WHEN MATCHED THEN DELETE", Code::NotARead),
        ("EXPLAIN SELECT person_id FROM person", Code::NotARead),
        ("EXPLAIN ANALYZE SELECT 1", Code::NotARead),
        ("COPY person TO '/tmp/x'", Code::NotARead),
        ("SET search_path = public", Code::NotARead),
        ("CREATE TABLE x AS SELECT * FROM person", Code::NotARead),
        ("DROP TABLE person", Code::NotARead),
        ("VALUES (1)", Code::NotARead),
        ("TABLE person", Code::NotARead),
        ("FROM person", Code::NotARead),
        ("PREPARE x AS SELECT 1", Code::NotARead),
        ("SELECT person_id INTO x FROM person", Code::NotARead),
        ("WITH x AS (DELETE FROM person RETURNING person_id) SELECT person_id FROM x", Code::NotARead),
        (
            "WITH x AS (INSERT INTO death SELECT * FROM death RETURNING person_id) SELECT person_id FROM x",
            Code::NotARead,
        ),
        (
            "WITH x AS (UPDATE person SET person_id = 1 RETURNING person_id) SELECT person_id FROM x",
            Code::NotARead,
        ),
    ] {
        refused(sql, code);
    }
}

#[test]
fn clauses_that_lock_sample_or_recurse() {
    for sql in [
        "SELECT person_id FROM person FOR UPDATE",
        "SELECT person_id FROM person FOR SHARE NOWAIT",
        "SELECT person_id FROM (SELECT person_id FROM person FOR UPDATE) AS x",
        "WITH RECURSIVE x AS (SELECT person_id FROM person) SELECT person_id FROM x",
        "SELECT person_id FROM person TABLESAMPLE SYSTEM (10)",
        "SELECT person_id FROM (VALUES (1)) AS x(person_id)",
        "SELECT person_id FROM person UNION VALUES (1)",
        "SELECT p.person_id FROM person p, LATERAL (SELECT * FROM death d WHERE d.person_id = p.person_id) AS x",
        "SELECT person_id FROM person NATURAL JOIN death",
        "SELECT person_id FROM person JOIN death",
        "SELECT person_id FROM person p, death p",
        "SELECT person_id FROM (SELECT person_id FROM person)",
        "SELECT person_id FROM person GROUP BY ALL",
        "SELECT person_id, death_date FROM death UNION SELECT person_id FROM person",
        "WITH a AS (SELECT person_id FROM person), a AS (SELECT person_id FROM death) SELECT person_id FROM a",
    ] {
        refused(sql, Code::ConstructNotAllowed);
    }
}

#[test]
fn rows_are_limited_by_numbers_alone() {
    for limit in [
        "LIMIT (SELECT count(*) FROM death)",
        "LIMIT 1 + 1",
        "LIMIT -1",
        "LIMIT 1.5",
        "LIMIT '1'",
        "LIMIT NULL",
        "LIMIT 99999999999999999999",
        "OFFSET (SELECT 1)",
        "OFFSET -1",
        "FETCH FIRST (SELECT 1) ROWS ONLY",
        "FETCH FIRST (1) ROWS ONLY",
        "FETCH FIRST 5 PERCENT ROWS ONLY",
        "ORDER BY person_id FETCH FIRST 5 ROWS WITH TIES",
        "LIMIT 5 FETCH FIRST 5 ROWS ONLY",
    ] {
        let sql = format!("SELECT person_id FROM person {limit}");
        let refusal = admit(&sql).expect_err(&sql);
        teaches(&sql, &refusal);
        assert!(matches!(refusal.code, Code::LimitNotLiteral | Code::NotSql), "{sql}: {refusal}");
    }
    refused("SELECT person_id FROM (SELECT person_id FROM person LIMIT 1 + 1) AS x", Code::LimitNotLiteral);
}

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

#[test]
fn identifiers_meet_their_own_kind_alone() {
    for wrong in [
        "p.person_id = 17",
        "17 = p.person_id",
        "p.person_id = '17'",
        "p.person_id IN (1, 2)",
        "p.person_id IN (p.person_id, 2)",
        "p.person_id BETWEEN 1 AND 2",
        "p.person_id > 5",
        "p.person_id < p.person_id",
        "p.person_id + 1 = 2",
        "p.person_id % 2 = 0",
        "p.person_id::text LIKE '1%'",
        "CAST(p.person_id AS integer) = 1",
        "abs(p.person_id) = 1",
        "p.person_id = p.year_of_birth",
        "p.person_id = p.location_id",
        "p.person_id = NULL",
        "p.person_id IS NOT DISTINCT FROM 1",
        "p.person_id = ANY (ARRAY[1, 2])",
        "p.person_id IN (SELECT year_of_birth FROM person)",
        "p.person_id = (SELECT count(*) FROM person)",
        "p.person_id IN (SELECT n FROM generate_series(1, 10) AS s(n))",
        "(p.person_id, p.year_of_birth) IN ((1, 1950))",
        "(p.person_id, p.year_of_birth) = (1, 1950)",
        "CASE p.person_id WHEN 1 THEN TRUE END",
        "CASE WHEN TRUE THEN p.person_id END = 1",
        "COALESCE(p.person_id, 1) = 1",
        "COALESCE(p.person_id, p.location_id) IS NULL",
        "NULLIF(p.person_id, 1) IS NULL",
        "GREATEST(p.person_id, 1) = 1",
        "(SELECT max(q.person_id) FROM person q) = 1",
        "(SELECT q.person_id FROM person q LIMIT 1) = 1",
        "EXISTS (SELECT 1 FROM person q WHERE q.person_id = 4)",
        "p.person_id = 1 OR TRUE",
        "NOT (p.person_id = 1)",
        "p.person_source_value = 'NHS123'",
        "p.person_source_value LIKE '%1'",
        "p.location_id = 3",
        "p.provider_id = 3",
        "p.care_site_id IN (3)",
        "p.person_id",
        "-p.person_id = 1",
    ] {
        condition(wrong, Code::IdentifierMisused);
    }
    for sql in [
        "SELECT accession_id FROM image_occurrence WHERE accession_id = 'A1'",
        "SELECT accession_id FROM image_occurrence WHERE accession_id ILIKE 'A1%'",
        "SELECT min(person_id) AS person_id FROM person",
        "SELECT person_id, array_agg(visit_occurrence_id) FROM visit_occurrence GROUP BY 1",
        "SELECT person_id, string_agg(person_source_value, ',') FROM person GROUP BY 1",
        "SELECT person_id, lag(person_id) OVER (ORDER BY person_id) FROM person",
        "SELECT person_id FROM note WHERE note_text ILIKE '%smith%'",
        "SELECT person_id FROM visit_occurrence WHERE visit_occurrence_id = 5",
        "SELECT p.person_id FROM person p JOIN generate_series(1, 10) AS s(person_id) USING (person_id)",
        "SELECT p.person_id FROM person p JOIN generate_series(1, 10) AS s(n) ON s.n = p.person_id",
        "SELECT person_id FROM person UNION SELECT n FROM generate_series(1, 10) AS s(n)",
        "SELECT person_id FROM person UNION SELECT visit_occurrence_id FROM visit_occurrence",
        "SELECT 1 AS person_id UNION SELECT person_id FROM person",
        "WITH x AS (SELECT person_id AS n FROM person) SELECT n FROM x WHERE n = 3",
        "SELECT x.a FROM (SELECT person_id AS a FROM person) AS x WHERE x.a = 3",
        "SELECT subject_id, p.person_id FROM cohort FULL JOIN person p ON p.person_id = subject_id WHERE subject_id = 2",
        "SELECT c.person_id FROM cohort AS c(d, person_id) FULL JOIN person USING (person_id) WHERE person_id = 2",
    ] {
        refused(sql, Code::IdentifierMisused);
    }
}

#[test]
fn persons_are_counted_in_tables_or_not_at_all() {
    for sql in [
        "SELECT 1",
        "SELECT count(*) FROM person",
        "SELECT count(DISTINCT person_id) AS person_id FROM person",
        "SELECT gender_concept_id, count(*) FROM person GROUP BY 1",
        "SELECT n AS person_id FROM generate_series(1, 20) AS s(n) WHERE EXISTS (SELECT 1 FROM person WHERE year_of_birth = 1931)",
        "SELECT year_of_birth AS person_id FROM person",
        "SELECT subject_id AS person_id FROM cohort",
        "SELECT (SELECT person_id FROM person LIMIT 1) AS person_id FROM person",
        "SELECT person_source_value FROM person",
        "SELECT NULL AS person_id FROM person",
    ] {
        let said = refused(sql, Code::NoSubject);
        assert!(said.contains("return person_id (or accession_id)"), "{said}");
    }
}

#[test]
fn too_much_is_refused_before_it_hurts() {
    let long = format!("SELECT person_id FROM person -- {}", "x".repeat(1 << 20));
    assert!(refused(&long, Code::TooLong).contains(&CHARACTERS_MAX.to_string()));

    let nested = |before: &str, after: &str, times: usize| {
        format!("SELECT person_id FROM person WHERE {}1{}", before.repeat(times), after.repeat(times))
    };
    for sql in [
        nested("(", ")", 5_000),
        nested("(", "", 10_000),
        nested("NOT ", "", 2_500),
        nested("- ", "", 5_000),
        nested("~ ", "", 5_000),
        nested("abs(", ")", 2_000),
        nested("(SELECT ", ")", 1_100),
        nested("CASE WHEN ", "", 1_000),
        nested("", " + 1", 2_400),
        nested("", " = 1", 2_400),
        nested("", "::int", 2_000),
        nested("", " IS NULL", 1_200),
        nested("", "[1]", 3_000),
        nested("", " AND 1", 1_600),
        nested("", " OR 1", 2_000),
        nested("EXISTS (", ")", 1_000),
        nested("ARRAY[", "]", 1_000),
        nested("", "::int[][][][][][][]", 500),
        nested("NULL + ", "", 900),
        nested("NULL = ", "", 900),
        nested("", "::int", 900),
        format!("{}SELECT person_id FROM person{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT person_id FROM {}person{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT person_id FROM person {}", "JOIN death ".repeat(900)),
        format!("SELECT person_id FROM person {}", "UNION SELECT 1 ".repeat(650)),
        format!("{}SELECT 1{}", "WITH a AS (".repeat(600), ") SELECT 1".repeat(300)),
    ] {
        let refusal = admit(&sql).expect_err("deep");
        teaches(&sql, &refusal);
        assert!(
            matches!(refusal.code, Code::TooDeep | Code::NotSql),
            "{}: {refusal}",
            &sql[..60.min(sql.len())]
        );
    }
    for sql in [nested("(", ")", 65), nested("NOT ", "", 100), nested("abs(", ")", 64)] {
        refused(&sql, Code::TooDeep);
    }

    let stars = format!("SELECT {} FROM person", vec!["*"; 200].join(","));
    refused(&stars, Code::ConstructNotAllowed);
    let doubling = (0..20).fold("person".to_owned(), |from, n| format!("(SELECT *, * FROM {from}) AS x{n}"));
    refused(&format!("SELECT * FROM {doubling}"), Code::ConstructNotAllowed);
    let many =
        format!("SELECT 1 FROM {}", (0..300).map(|n| format!("death d{n}")).collect::<Vec<_>>().join(","));
    refused(&many, Code::ConstructNotAllowed);
}

#[test]
fn a_million_columns_are_refused_by_name() {
    let stars = "*, ".repeat(900);
    let tables: Vec<String> = (0..190).map(|number| format!("measurement m{number}")).collect();
    for sql in [
        format!("SELECT {stars}person_id FROM {}", tables.join(", ")),
        format!("SELECT {} FROM {}", "*", tables.join(", ")),
        format!("SELECT {}person_id FROM measurement m", "m.*, ".repeat(900)),
        format!("SELECT person_id{} FROM person", ", 1".repeat(3_000)),
        (0..30).fold("SELECT * FROM measurement".to_owned(), |sql, number| {
            format!("SELECT *, * FROM ({sql}) AS x{number}")
        }),
    ] {
        let said = refused(&sql, Code::ConstructNotAllowed);
        assert!(said.contains("too many columns; write the ones that are needed"), "{said}");
    }
    // What multiplies over CTEs and branches is bounded all together.
    let chain: Vec<String> =
        (1..190).map(|number| format!("a{number} AS (SELECT *, * FROM a{})", number - 1)).collect();
    let sql = format!("WITH a0 AS (SELECT * FROM measurement), {} SELECT * FROM a189", chain.join(", "));
    refused(&sql, Code::ConstructNotAllowed);
}

#[test]
fn texts_that_double_at_each_level_are_refused_in_time() {
    let nested = |before: &str, inner: &str, after: &str, times: usize| {
        format!(
            "SELECT person_id, {}{inner}{} FROM measurement GROUP BY person_id",
            before.repeat(times),
            after.repeat(times)
        )
    };
    for times in [30, 40] {
        let mode = nested("mode() WITHIN GROUP (ORDER BY ", "unit_source_value", ")", times);
        refused(&mode, Code::ConstructNotAllowed);
        let gathered = nested("string_agg(DISTINCT ", "unit_source_value", ", ',')", times);
        refused(&gathered, Code::ConstructNotAllowed);
        refused(&nested("array_agg(DISTINCT ", "unit_source_value", ")", times), Code::ConstructNotAllowed);
    }
    // A subquery between them makes them legal; the text then outgrows what may be repeated.
    let between = nested("string_agg(DISTINCT (SELECT ", "unit_source_value", "), ',')", 14);
    assert!(matches!(admit(&between).unwrap_err().code, Code::ConstructNotAllowed | Code::TooLong));
    let windows = "sum(sum(value_as_number) OVER (PARTITION BY person_id)) OVER (PARTITION BY person_id)";
    output(windows, Code::ConstructNotAllowed);
    output("sum(sum(value_as_number) OVER (PARTITION BY person_id))", Code::ConstructNotAllowed);
    // Spellings that repeat an operand, one within the other.
    for (before, after) in
        [("age(", ")"), ("date_trunc('month', ", ")"), ("initcap(", ")"), ("nullif(", ", '')")]
    {
        for times in [20, 60] {
            let _either = admit(&nested(before, "measurement_date", after, times));
        }
    }
}

#[test]
fn a_refusal_says_where() {
    for (sql, line, column) in [
        ("SELECT person_id\nFROM person p\nWHERE p.person_id = 3", 3, 7),
        ("SELECT person_id,\n  pg_sleep(1) FROM person", 2, 3),
        ("SELECT person_id FROM person,\n\n   secrets", 3, 4),
        ("SELECT person_id FROM person LIMIT 1+1", 1, 36),
        ("SELECT 'é', nothing FROM person", 1, 13),
        ("SELECT person_id FROM person,\n  (VALUES (1)) AS v(x)", 2, 11),
        ("SELECT person_id FROM person\nFOR UPDATE", 2, 1),
        ("(SELECT person_id FROM person)\n FOR SHARE OF person NOWAIT", 2, 2),
        ("SELECT person_id FROM (\n  SELECT person_id FROM person FOR UPDATE) AS x", 2, 32),
        ("SELECT person_id FROM (SELECT person_id FROM death) AS x\nFOR UPDATE", 2, 1),
        ("WITH x AS (SELECT person_id FROM death)\nSELECT person_id FROM x FOR UPDATE", 2, 25),
        (
            "SELECT person_id, substring(place_of_service_source_value FROM 1 FOR 2) FROM person\nFOR UPDATE",
            2,
            1,
        ),
        ("WITH RECURSIVE x AS (SELECT person_id FROM person) SELECT person_id FROM x", 1, 6),
        ("WITH x AS (SELECT person_id FROM death)\nSELECT count(*) FROM x", 2, 1),
        ("SELECT person_id\nINTO x FROM person", 2, 1),
        ("SELECT person_id FROM person\nGROUP BY ALL", 2, 1),
        ("SELECT person_id FROM person\nORDER BY person_id FETCH FIRST 5 ROWS WITH TIES", 2, 20),
        ("SELECT person_id FROM person ORDER BY year_of_birth\nLIMIT 20 OFFSET 40", 2, 10),
        ("SELECT person_id FROM person UNION\nTABLE death", 2, 1),
        ("WITH x AS (\nDELETE FROM person RETURNING person_id) SELECT person_id FROM x", 2, 1),
    ] {
        assert_eq!(admit(sql).unwrap_err().place, Some(Place { line, column }), "{sql}");
    }
}
