//! Identifiers that meet anything but their own kind, and questions that count no persons.

use flip_gate::Code;

use crate::{condition, refused};

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
        "p.person_id IN (VALUES (1), (2))",
        "(p.person_id, p.year_of_birth) IN (VALUES (1, 1950))",
        "p.person_source_value LIKE ANY (ARRAY['NHS%'])",
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
        "SELECT p.person_id FROM person p JOIN (VALUES (1)) AS v(person_id) USING (person_id)",
        "SELECT p.person_id FROM person p JOIN (VALUES (NULL)) AS v(n) ON v.n = p.person_id",
        "SELECT person_id FROM person UNION VALUES (1)",
        "WITH v(n) AS (VALUES (1)) SELECT person_id FROM person INTERSECT SELECT n FROM v",
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
        "SELECT person_id FROM (VALUES (1)) AS x(person_id)",
        "SELECT person_id FROM person UNION VALUES (NULL)",
    ] {
        let said = refused(sql, Code::NoSubject);
        assert!(said.contains("return person_id (or accession_id)"), "{said}");
    }
}
