//! What is not one question that reads: other statements, clauses that lock, rows that are limited by more than numbers.

use flip_gate::{Code, admit};

use crate::{refused, teaches};

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
        "SELECT p.person_id FROM person p JOIN (VALUES (1), (2, 3)) AS v(x) ON v.x = p.year_of_birth",
        "SELECT p.person_id FROM person p JOIN (VALUES (1), ('a')) AS v(x) ON v.x = p.year_of_birth",
        "SELECT p.person_id FROM person p JOIN (VALUES ((SELECT 1))) AS v(x) ON v.x = p.year_of_birth",
        "SELECT p.person_id FROM person p WHERE EXISTS (SELECT 1 FROM (VALUES (p.person_id)) AS v(x))",
        "SELECT p.person_id FROM person p JOIN (VALUES (lower('A'))) AS v(x) ON v.x = p.gender_source_value",
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
