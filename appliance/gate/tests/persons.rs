//! Rows of several persons never meet: no question about one person can be multiplied into one about a crowd.

use flip_gate::{Code, Place, admit};
use proptest::prelude::*;

const RARE: &str = "condition_concept_id = 4115276";

#[track_caller]
fn crosses(sql: &str) {
    let sql = sql.replace("RARE", RARE);
    match admit(&sql) {
        Ok(plan) => panic!("let in: {sql}\n{}", plan.canonical()),
        Err(refusal) => {
            assert_eq!(refusal.code, Code::CrossesPersons, "{sql}\n{refusal}");
            assert!(refusal.place.is_some(), "{sql}\n{refusal}");
        }
    }
}

#[track_caller]
fn stays(sql: &str) {
    let sql = sql.replace("RARE", RARE);
    let plan = admit(&sql).unwrap_or_else(|refusal| panic!("{sql}\n{refusal} ({})", refusal.code.name()));
    assert_eq!(admit(plan.canonical()).as_ref(), Ok(&plan), "{sql}");
}

#[test]
fn relations_that_nothing_connects() {
    for from in [
        "person p CROSS JOIN (SELECT 1 AS one FROM condition_occurrence WHERE RARE) t",
        "person p, condition_occurrence c WHERE c.RARE",
        "person p JOIN condition_occurrence c ON TRUE",
        "person p JOIN condition_occurrence c ON c.RARE",
        "person p LEFT JOIN condition_occurrence c ON c.RARE WHERE c.condition_concept_id IS NULL",
        // Neither descriptions nor places nor professionals say whose a record is.
        "person p JOIN person q ON q.year_of_birth = p.year_of_birth",
        "person p JOIN person q USING (year_of_birth)",
        "person p JOIN person q USING (location_id)",
        "person p JOIN visit_occurrence v ON v.provider_id = p.provider_id",
        "person p JOIN visit_occurrence v USING (care_site_id)",
        "person p JOIN care_site s ON s.care_site_id = p.care_site_id JOIN visit_occurrence v ON v.care_site_id = s.care_site_id",
        "person p JOIN condition_occurrence a USING (person_id) JOIN concept c ON a.condition_concept_id = c.concept_id \
         JOIN condition_occurrence b ON b.condition_concept_id = c.concept_id",
        "person p JOIN image_occurrence i ON p.person_id = i.person_id JOIN image_occurrence k ON k.image_study_uid = i.image_study_uid",
        // An event's key may be of any table.
        "person p JOIN fact_relationship f ON f.fact_id_1 = p.person_id",
        "measurement p JOIN measurement m ON m.measurement_event_id = p.measurement_id",
        "measurement p JOIN cost c ON c.cost_event_id = p.measurement_id \
         JOIN visit_occurrence v ON v.visit_occurrence_id = c.cost_event_id",
        // Equalities that need not hold.
        "person p JOIN condition_occurrence c ON c.person_id = p.person_id OR c.RARE",
        "person p, condition_occurrence c WHERE c.person_id = p.person_id OR c.RARE",
        "person p, condition_occurrence c WHERE NOT (c.person_id = p.person_id)",
        "person p, condition_occurrence c WHERE (c.person_id = p.person_id) IS NOT TRUE",
        "person p, condition_occurrence c WHERE c.person_id <> p.person_id",
        "person p, condition_occurrence c WHERE c.person_id IS NOT DISTINCT FROM p.person_id",
        "person p, condition_occurrence c WHERE CASE WHEN c.person_id = p.person_id THEN FALSE ELSE TRUE END",
        "(person p CROSS JOIN condition_occurrence c) LEFT JOIN death d ON d.person_id = p.person_id AND d.person_id = c.person_id",
        "person p CROSS JOIN condition_occurrence c LEFT JOIN concept k ON p.person_id = c.person_id",
        "death d RIGHT JOIN (person p CROSS JOIN condition_occurrence c) ON d.person_id = p.person_id AND d.person_id = c.person_id",
        "person p FULL JOIN (death d CROSS JOIN condition_occurrence c) ON d.person_id = p.person_id AND c.person_id = p.person_id",
        "person p FULL JOIN condition_occurrence c ON c.RARE",
        "person p RIGHT JOIN condition_occurrence c ON FALSE",
    ] {
        crosses(&format!("SELECT p.person_id FROM {from}"));
    }
}

#[test]
fn derived_relations_that_lost_the_person() {
    for sql in [
        "WITH t AS (SELECT 1 AS one FROM condition_occurrence WHERE RARE) SELECT p.person_id FROM person p, t",
        "WITH t AS (SELECT count(*) AS n FROM condition_occurrence WHERE RARE) \
         SELECT p.person_id FROM person p JOIN t ON t.n > 0",
        "WITH a AS (SELECT person_id, condition_concept_id AS c FROM condition_occurrence), \
         b AS (WITH a2 AS (SELECT c FROM a) SELECT c FROM a2 WHERE c = 4115276) \
         SELECT p.person_id FROM person p CROSS JOIN b",
        "SELECT p.person_id FROM person p JOIN (SELECT DISTINCT year_of_birth AS y FROM person) t ON t.y = p.year_of_birth",
        "SELECT p.person_id FROM person p JOIN (SELECT condition_concept_id AS c, count(*) AS n FROM condition_occurrence \
         GROUP BY condition_concept_id) t ON t.n = 1",
        "SELECT p.person_id FROM person p CROSS JOIN (SELECT 1 FROM concept UNION ALL SELECT 1 FROM condition_occurrence WHERE RARE) t",
        "SELECT p.person_id FROM person p CROSS JOIN (SELECT year_of_birth FROM person EXCEPT SELECT year_of_birth FROM person WHERE \
         year_of_birth > 1930) t",
        "SELECT p.person_id FROM person p JOIN (SELECT person_id FROM person LIMIT 1 OFFSET 3) t ON t.person_id = p.person_id",
        "WITH t AS (SELECT person_id FROM person ORDER BY year_of_birth FETCH FIRST 1 ROW ONLY) SELECT person_id FROM t",
        "(SELECT person_id FROM condition_occurrence WHERE RARE LIMIT 1) UNION ALL SELECT person_id FROM person",
        "SELECT t.person_id FROM (SELECT p.person_id, c.RARE AS r FROM person p, condition_occurrence c) t WHERE t.r",
        "SELECT t.person_id FROM (SELECT person_id, count(*) AS n FROM measurement GROUP BY ROLLUP (person_id)) t",
        "SELECT t.person_id FROM (SELECT person_id, count(*) AS n FROM measurement GROUP BY GROUPING SETS ((person_id), ())) t",
        "SELECT t.person_id FROM (SELECT person_id, count(*) AS n FROM measurement GROUP BY \
         GROUPING SETS ((person_id, measurement_date), (measurement_date))) t",
        "SELECT p.person_id FROM person p, (SELECT count(*) AS n FROM measurement GROUP BY GROUPING SETS (())) AS c \
         WHERE p.year_of_birth > c.n",
        "SELECT DISTINCT ON (year_of_birth) person_id FROM person",
        "SELECT m.person_id FROM (SELECT DISTINCT ON (visit_occurrence_id) person_id FROM measurement) m",
    ] {
        crosses(sql);
    }
}

#[test]
fn rows_left_out_at_the_end() {
    for end in
        ["OFFSET 1", "LIMIT 1000 OFFSET 1", "ORDER BY year_of_birth OFFSET 20 ROWS FETCH FIRST 500 ROWS ONLY"]
    {
        crosses(&format!("SELECT person_id FROM person {end}"));
        crosses(&format!("WITH p AS (SELECT person_id, year_of_birth FROM person) SELECT * FROM p {end}"));
    }
}

#[test]
fn a_limit_at_the_end_is_let_in_and_keeps_every_row() {
    let canonical = |sql: &str| flip_gate::admit(sql).unwrap().canonical().to_owned();
    let all = canonical("SELECT person_id FROM person ORDER BY year_of_birth");
    for end in ["LIMIT 99", "LIMIT 0", "LIMIT 5 OFFSET 0", "FETCH FIRST ROW ONLY"] {
        assert_eq!(
            canonical(&format!("SELECT person_id FROM person ORDER BY year_of_birth {end}")),
            all,
            "{end}"
        );
    }
    let union = "SELECT person_id FROM person UNION ALL SELECT person_id FROM death";
    assert_eq!(canonical(&format!("{union} LIMIT 10")), canonical(union));
}

#[test]
fn subqueries_about_others() {
    for condition in [
        "EXISTS (SELECT 1 FROM condition_occurrence WHERE RARE)",
        "NOT EXISTS (SELECT 1 FROM condition_occurrence WHERE RARE)",
        "EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.person_id = p.person_id OR c.RARE)",
        "EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.person_id <> p.person_id)",
        "EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.condition_concept_id = p.gender_concept_id)",
        "EXISTS (SELECT 1 FROM condition_occurrence c, death d WHERE d.person_id = p.person_id)",
        "EXISTS (SELECT 1 FROM death d WHERE d.person_id = p.person_id UNION SELECT 1 FROM condition_occurrence WHERE RARE)",
        "EXISTS (SELECT 1 FROM condition_occurrence c LEFT JOIN death d ON c.person_id = p.person_id AND d.person_id = p.person_id)",
        "EXISTS (SELECT 1 FROM concept k WHERE EXISTS (SELECT 1 FROM condition_occurrence c WHERE c.condition_concept_id = k.concept_id))",
        "EXISTS (SELECT 1 FROM (SELECT q.year_of_birth AS y, p.person_id AS id FROM person q) t WHERE t.id = p.person_id)",
        "EXISTS (SELECT 1 FROM (SELECT p.person_id AS id FROM condition_occurrence c WHERE c.RARE) t, person q \
         WHERE t.id = q.person_id AND q.person_id = p.person_id)",
        "p.year_of_birth > (SELECT avg(year_of_birth) FROM person)",
        "(SELECT count(*) FROM condition_occurrence WHERE RARE) = 1",
        "p.year_of_birth = (SELECT year_of_birth FROM person ORDER BY 1 LIMIT 1 OFFSET 7)",
        "(SELECT c.person_id FROM condition_occurrence c WHERE c.RARE LIMIT 1) IS NOT NULL",
        "(SELECT c.person_id FROM condition_occurrence c LIMIT 1) IN (SELECT d.person_id FROM death d)",
        "p.gender_concept_id IN (SELECT condition_concept_id FROM condition_occurrence)",
        "p.gender_concept_id NOT IN (SELECT condition_concept_id FROM condition_occurrence)",
        "p.year_of_birth = ANY (SELECT year_of_birth FROM person q)",
        "p.year_of_birth >= ALL (SELECT year_of_birth FROM person q)",
        "p.person_id <> ANY (SELECT c.person_id FROM condition_occurrence c WHERE c.RARE)",
        "p.person_id = ALL (SELECT c.person_id FROM condition_occurrence c WHERE c.RARE)",
        "p.location_id IN (SELECT q.location_id FROM person q WHERE q.year_of_birth = 1931)",
        "p.provider_id NOT IN (SELECT provider_id FROM condition_occurrence WHERE RARE)",
        "p.person_id IN (SELECT fact_id_1 FROM fact_relationship)",
        "p.person_id IN (SELECT q.person_id FROM person q, condition_occurrence c WHERE c.RARE)",
        "p.person_id IN (SELECT person_id FROM person ORDER BY year_of_birth LIMIT 1)",
        "p.person_id IN (SELECT q.person_id FROM person q WHERE q.year_of_birth > (SELECT avg(year_of_birth) FROM person))",
        "CASE WHEN EXISTS (SELECT 1 FROM condition_occurrence WHERE RARE) THEN TRUE END",
    ] {
        crosses(&format!("SELECT p.person_id FROM person p WHERE {condition}"));
    }
    crosses("SELECT person_id, (SELECT count(*) FROM condition_occurrence WHERE RARE) AS n FROM person");
    crosses("SELECT person_id FROM person ORDER BY (SELECT count(*) FROM condition_occurrence WHERE RARE)");
    crosses(
        "SELECT person_id FROM measurement GROUP BY person_id HAVING count(*) > (SELECT count(*) FROM death)",
    );
    crosses(
        "SELECT p.person_id FROM person p JOIN death d ON d.person_id = p.person_id \
         AND EXISTS (SELECT 1 FROM condition_occurrence WHERE RARE)",
    );
    crosses(
        "SELECT o.person_id FROM observation o WHERE o.observation_date > (SELECT max(death_date) FROM death) \
         AND o.value_as_number > ALL (SELECT range_high FROM measurement WHERE range_high IS NOT NULL)",
    );
}

#[test]
fn windows_over_several_persons() {
    for window in [
        "OVER ()",
        "OVER (ORDER BY visit_occurrence_id)",
        "OVER (PARTITION BY condition_concept_id)",
        "OVER (PARTITION BY provider_id)",
        // NULL would be one partition of many persons.
        "OVER (PARTITION BY visit_occurrence_id)",
        "OVER w FROM condition_occurrence WINDOW w AS (PARTITION BY condition_concept_id)",
        "OVER (w ORDER BY condition_start_date) FROM condition_occurrence WINDOW w AS ()",
    ] {
        let from = if window.contains("FROM") { "" } else { "FROM condition_occurrence" };
        crosses(&format!("SELECT person_id, max(condition_concept_id) {window} {from}"));
    }
    crosses(
        "SELECT p.person_id, count(*) OVER (PARTITION BY d.person_id) FROM person p \
         LEFT JOIN death d ON d.person_id = p.person_id",
    );
    crosses(
        "SELECT t.person_id, count(*) OVER (PARTITION BY t.v) FROM (SELECT person_id, visit_occurrence_id AS v \
         FROM visit_occurrence GROUP BY person_id, ROLLUP (visit_occurrence_id)) t",
    );
    crosses("SELECT person_id FROM person ORDER BY rank() OVER (ORDER BY year_of_birth)");
}

#[test]
fn rows_that_stay_within_a_person() {
    for sql in [
        "SELECT p.person_id FROM person p, condition_occurrence c WHERE p.person_id = c.person_id AND c.RARE",
        "SELECT p.person_id FROM person p, condition_occurrence c WHERE c.RARE AND (p.year_of_birth > 1950 AND (p.person_id = c.person_id))",
        "SELECT p.person_id FROM person p CROSS JOIN condition_occurrence c WHERE p.person_id = c.person_id",
        "SELECT p.person_id FROM person p JOIN condition_occurrence c ON c.person_id = p.person_id AND c.RARE AND (p.year_of_birth = 1950 \
         OR c.condition_start_date > DATE '2020-01-01')",
        "SELECT a.person_id FROM omop.measurement a JOIN omop.measurement b ON a.person_id = b.person_id \
         WHERE a.value_as_number < b.value_as_number",
        "SELECT p.person_id FROM person p JOIN visit_occurrence v USING (person_id) LEFT JOIN measurement m USING (visit_occurrence_id)",
        "SELECT p.person_id FROM death d RIGHT JOIN person p ON p.person_id = d.person_id LEFT JOIN measurement m ON m.person_id = p.person_id",
        "SELECT p.person_id FROM person p JOIN image_occurrence i ON i.person_id = p.person_id \
         JOIN image_feature f ON f.image_occurrence_id = i.image_occurrence_id",
        "SELECT i.accession_id FROM image_occurrence i JOIN image_occurrence k ON k.accession_id = i.accession_id",
        "SELECT n.person_id FROM note n JOIN note_nlp l ON l.note_id = n.note_id",
        "SELECT y.person_id, c.total_cost FROM payer_plan_period y JOIN cost c ON c.payer_plan_period_id = y.payer_plan_period_id",
        "SELECT e.person_id FROM episode e JOIN episode_event x ON x.episode_id = e.episode_id \
         JOIN measurement m ON m.measurement_id = x.event_id AND m.person_id = e.person_id",
        "SELECT p.person_id FROM person p JOIN location l ON l.location_id = p.location_id JOIN care_site s ON s.location_id = l.location_id",
        "SELECT p.person_id FROM person p CROSS JOIN concept c WHERE c.concept_id = p.gender_concept_id OR c.concept_id = 0",
        "SELECT p.person_id FROM person p WHERE (p.person_id, p.year_of_birth) = (p.person_id, 1950) IS NOT NULL \
         OR p.gender_concept_id IN (SELECT concept_id FROM concept WHERE domain_id = 'Gender')",
        "SELECT p.person_id FROM person p WHERE p.gender_concept_id = (SELECT max(concept_id) FROM concept) \
         AND EXISTS (SELECT 1 FROM concept_ancestor) AND p.race_concept_id < ALL (SELECT concept_id FROM concept LIMIT 3)",
        "SELECT p.person_id FROM person p WHERE p.person_id NOT IN (SELECT person_id FROM death) \
         AND p.person_id = ANY (SELECT person_id FROM measurement) AND p.person_id <> ALL (SELECT person_id FROM note)",
        "SELECT v.person_id FROM visit_occurrence v WHERE v.visit_occurrence_id IN (SELECT visit_occurrence_id FROM measurement \
         GROUP BY visit_occurrence_id HAVING count(*) > 3)",
        "SELECT p.person_id FROM person p WHERE NOT EXISTS (SELECT 1 FROM condition_occurrence c JOIN concept k \
         ON k.concept_id = c.condition_concept_id WHERE k.concept_name ILIKE 'a%' AND c.person_id = p.person_id)",
        "SELECT p.person_id FROM person p WHERE EXISTS (SELECT 1 FROM visit_occurrence v JOIN measurement m \
         ON m.visit_occurrence_id = v.visit_occurrence_id WHERE v.person_id = p.person_id AND EXISTS \
         (SELECT 1 FROM death d WHERE d.person_id = m.person_id))",
        "SELECT p.person_id, (SELECT count(*) FROM measurement m WHERE m.person_id = p.person_id) AS n, \
         (SELECT m.value_as_number FROM measurement m WHERE m.person_id = p.person_id ORDER BY m.measurement_date DESC LIMIT 1) FROM person p",
        "SELECT p.person_id FROM person p WHERE p.year_of_birth < (SELECT max(x.y) FROM (SELECT EXTRACT(YEAR FROM death_date) AS y, \
         person_id FROM death) x WHERE x.person_id = p.person_id)",
        "SELECT m.person_id FROM measurement m WHERE m.value_as_number >= ALL (SELECT n.value_as_number FROM measurement n \
         WHERE n.person_id = m.person_id AND n.measurement_concept_id = m.measurement_concept_id)",
        "SELECT m.person_id FROM measurement m WHERE m.measurement_date IN (SELECT v.visit_start_date FROM visit_occurrence v \
         WHERE v.person_id = m.person_id)",
        "WITH first AS (SELECT person_id, min(condition_start_date) AS day FROM condition_occurrence WHERE RARE GROUP BY person_id), \
         scans AS (SELECT i.person_id, i.accession_id, i.image_occurrence_date FROM image_occurrence i) \
         SELECT s.accession_id FROM scans s JOIN first f ON f.person_id = s.person_id AND s.image_occurrence_date >= f.day",
        "WITH all_of AS (SELECT person_id FROM death UNION SELECT person_id FROM note) \
         SELECT p.person_id FROM person p LEFT JOIN all_of a ON a.person_id = p.person_id WHERE a.person_id IS NULL",
        "SELECT x.id FROM (SELECT coalesce(a.person_id, b.person_id) AS id FROM drug_exposure a FULL JOIN device_exposure b \
         ON a.person_id = b.person_id) x JOIN person p ON p.person_id = x.id",
        "SELECT p.person_id FROM drug_exposure a FULL JOIN device_exposure b ON a.person_id = b.person_id \
         JOIN person p ON p.person_id = coalesce(a.person_id, b.person_id)",
        "SELECT visit_occurrence_id, person_id, count(*) FROM measurement GROUP BY visit_occurrence_id, person_id",
        "SELECT t.person_id FROM (SELECT person_id, row_number() OVER w AS n FROM measurement \
         WINDOW w AS (PARTITION BY person_id, measurement_concept_id ORDER BY measurement_date)) t WHERE t.n = 1",
        "SELECT person_id, sum(count(*)) OVER (PARTITION BY person_id) FROM measurement GROUP BY person_id, measurement_concept_id",
        "SELECT person_id FROM person p WHERE p.gender_concept_id = (SELECT c.concept_id FROM (SELECT concept_id, \
         row_number() OVER (ORDER BY concept_id) AS n FROM concept) c WHERE c.n = 1)",
        "SELECT person_id, year_of_birth FROM person ORDER BY year_of_birth LIMIT 100 OFFSET 0",
        "SELECT p.person_id FROM person p WHERE p.gender_concept_id IN (SELECT concept_id FROM concept LIMIT 5 OFFSET 2)",
    ] {
        stays(sql);
    }
}

/// PostgreSQL's answer would be NULL for everybody if there were one NULL among the identifiers.
#[test]
fn membership_is_true_or_false_in_the_engine() {
    let plan = |condition: &str| {
        let sql = format!("SELECT p.person_id FROM person p WHERE {condition}");
        admit(&sql).unwrap().engine_sql().to_owned()
    };
    let among = "COALESCE(t1.\"person_id\" IN (SELECT t2.\"person_id\" AS \"person_id\" FROM omop.death AS t2), FALSE)";
    for (condition, engine) in [
        ("p.person_id IN (SELECT person_id FROM death)", among.to_owned()),
        ("p.person_id = ANY (SELECT person_id FROM death)", among.to_owned()),
        ("p.person_id NOT IN (SELECT person_id FROM death)", format!("(NOT {among})")),
        ("p.person_id <> ALL (SELECT person_id FROM death)", format!("(NOT {among})")),
    ] {
        assert!(plan(condition).ends_with(&format!("WHERE {engine}")), "{}", plan(condition));
    }
}

#[test]
fn the_refusal_names_what_is_apart_and_where() {
    let refusal = admit(
        "SELECT p.person_id\nFROM person p\n  JOIN condition_occurrence c ON c.condition_concept_id = 4115276",
    )
    .unwrap_err();
    assert_eq!(refusal.place, Some(Place { line: 3, column: 8 }));
    assert_eq!(refusal.code.name(), "crosses_persons");
    assert!(refusal.message.contains("ON c.person_id = p.person_id"), "{refusal}");
    let refusal = admit("SELECT person_id FROM person\nWHERE EXISTS (SELECT 1 FROM death)").unwrap_err();
    assert_eq!(refusal.place, Some(Place { line: 2, column: 15 }));
}

/// A small grammar of joins, each with what it should come to. The connected ones stay so in canonical text; one
/// relation more that nothing connects turns any of them into a refusal.
const LINKS: &[(&str, &str)] = &[
    ("JOIN", "ON #.person_id = p.person_id"),
    ("LEFT JOIN", "ON p.person_id = #.person_id AND #.person_id IS NOT NULL"),
    ("JOIN", "ON (#.person_id, p.year_of_birth) = (p.person_id, 1950)"),
    ("LEFT JOIN", "ON (#.person_id = p.person_id) AND (p.year_of_birth > 1950 OR p.year_of_birth < 1930)"),
];
const LOOSE: &[(&str, &str)] = &[
    ("CROSS JOIN", ""),
    ("JOIN", "ON TRUE"),
    ("LEFT JOIN", "ON #.person_id = p.person_id OR p.year_of_birth = 1931"),
    ("FULL JOIN", "ON #.person_id IS NOT NULL"),
    ("LEFT JOIN", "ON #.person_id IS NOT DISTINCT FROM p.person_id"),
];
const TABLES: &[&str] = &[
    "condition_occurrence",
    "death",
    "(SELECT person_id FROM measurement UNION SELECT person_id FROM death)",
    "(SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY person_id)",
    "(SELECT DISTINCT person_id FROM note)",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_loose_relation_among_many_is_found(
        links in prop::collection::vec((prop::sample::select(LINKS), prop::sample::select(TABLES)), 0..6),
        loose in (prop::sample::select(LOOSE), prop::sample::select(TABLES)),
        at in any::<prop::sample::Index>(),
    ) {
        let question = |links: &[((&str, &str), &str)]| {
            let joins = links.iter().enumerate().map(|(number, ((join, on), table))| {
                format!(" {join} {table} AS r{number} {}", on.replace('#', &format!("r{number}")))
            });
            format!("SELECT p.person_id FROM person p{}", joins.collect::<String>())
        };
        let sql = question(&links);
        let plan = admit(&sql);
        prop_assert!(plan.is_ok(), "{sql}: {plan:?}");
        let plan = plan.unwrap();
        prop_assert_eq!(admit(plan.canonical()), Ok(plan));

        let mut links = links;
        links.insert(at.index(links.len() + 1), loose);
        let sql = question(&links);
        prop_assert_eq!(admit(&sql).map_err(|refusal| refusal.code), Err(Code::CrossesPersons), "{}", sql);
    }
}
