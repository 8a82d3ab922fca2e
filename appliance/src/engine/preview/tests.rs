use super::*;

/// The cost of a question where the persons are these rows.
fn cost(persons: &str, condition: &str) -> f64 {
    let generation = Connection::open_in_memory().unwrap();
    let tables = format!(
        "CREATE SCHEMA omop;
         CREATE TABLE omop.person (person_id BIGINT, year_of_birth BIGINT, birth_datetime TIMESTAMP,
                                   gender_source_value VARCHAR, location_id BIGINT);
         INSERT INTO omop.person {persons};
         CREATE TABLE omop.measurement (measurement_id BIGINT, person_id BIGINT, value_as_number DOUBLE);"
    );
    generation.execute_batch(&tables).unwrap();
    let sql = format!(
        "SELECT p.person_id FROM person p, generate_series(1, 10000) AS a(i), generate_series(1, 10000) AS b(j) \
         WHERE {condition}"
    );
    Preview::of(open_model().unwrap(), &generation).unwrap().cost(&flip_gate::admit(&sql).unwrap()).unwrap()
}

const CROWD: &str = "SELECT i, 1950 + i % 50, make_timestamp(i), 'M', i FROM range(1000) AS s(i)";

#[test]
fn what_a_question_costs_knows_no_value_of_any_record() {
    let one_more = |person: &str| format!("{CROWD} UNION ALL SELECT {person}");
    let others = [
        one_more("5000, 1890, make_timestamp(-9000000000000000), 'X', 7"),
        one_more("5000, 2020, make_timestamp(9000000000000000), NULL, NULL"),
        one_more("NULL, NULL, NULL, NULL, NULL"),
    ];
    for condition in [
        "p.year_of_birth < 1900",
        "p.year_of_birth = 1890",
        "p.year_of_birth BETWEEN 2015 AND 2030",
        "p.year_of_birth IS NULL",
        "p.year_of_birth IN (1890, 2020)",
        "p.birth_datetime < DATE '1900-01-01'",
        "p.birth_datetime IS NOT NULL",
        "p.gender_source_value > 'N'",
        "p.gender_source_value IS NULL",
        "p.location_id IS NULL",
        "EXISTS (SELECT 1 FROM measurement m WHERE m.person_id = p.person_id AND m.value_as_number > 10)",
    ] {
        let expected = cost(CROWD, condition);
        assert!(expected > 1e9, "{condition}: {expected}");
        for other in &others {
            assert!((cost(other, condition) - expected).abs() < 0.5, "{condition}: {other}");
        }
    }
}

#[test]
fn of_how_many_rows_there_are_it_knows_the_power_of_two() {
    let of = |rows: u64| {
        cost(&format!("{CROWD} LIMIT 0; INSERT INTO omop.person (person_id) FROM range({rows})"), "1 = 1")
    };
    assert!((of(1_024) - of(600)).abs() < 0.5);
    assert!(of(1_025) > 1.9 * of(1_024));
}

/// A hospital group of a million persons with the whole vocabulary, each table's rows as a power of two.
const LARGE: [(&str, u32); 9] = [
    ("person", 20),
    ("measurement", 27),
    ("observation", 26),
    ("condition_occurrence", 25),
    ("drug_exposure", 25),
    ("visit_occurrence", 25),
    ("concept", 23),
    ("concept_relationship", 26),
    ("concept_ancestor", 27),
];

fn large() -> Preview {
    let sizes = LARGE.iter().map(|(table, power)| ((*table).to_owned(), 1_u64 << power)).collect();
    Preview { model: open_model().unwrap(), sizes: Sizes::of(sizes), made: RefCell::default() }
}

/// What a question is expected to cost there.
fn in_large(sql: &str) -> f64 {
    large().cost(&flip_gate::admit(sql).unwrap()).unwrap()
}

/// The limit of a site that sets none.
#[expect(clippy::cast_precision_loss, reason = "an estimate is compared with it")]
fn limit() -> f64 {
    crate::engine::Settings::new("".into()).cost_max as f64
}

/// The gate lets the first few in; the others it refuses for what they tell of persons, and no more than a new rule of its
/// stands between them and the engine.
#[test]
fn what_would_run_for_hours_is_seen_whatever_it_is_joined_by() {
    let measurements = |join: &str| format!("SELECT a.person_id FROM omop.measurement a {join}");
    let admitted = [
        // 128 rows a person: 2^20 * 2^21 triples.
        (
            measurements(
                "JOIN omop.measurement b ON a.person_id = b.person_id JOIN omop.measurement c ON b.person_id = \
                 c.person_id",
            ),
            41,
        ),
        // A concept has 16 ancestors, each of these 16 concepts, which have 16 ancestors; all are handed on twice.
        (
            measurements(
                "JOIN omop.concept_ancestor c ON c.descendant_concept_id = a.measurement_concept_id JOIN \
                 omop.concept_ancestor d ON d.ancestor_concept_id = c.ancestor_concept_id JOIN omop.concept_ancestor \
                 e ON e.descendant_concept_id = d.descendant_concept_id",
            ),
            40,
        ),
        // 64 domains of 2^23 concepts.
        (
            "SELECT p.person_id FROM omop.person p JOIN omop.concept g ON g.concept_id = p.gender_concept_id JOIN \
             omop.concept h ON h.domain_id = g.domain_id"
                .to_owned(),
            37,
        ),
    ];
    let refused = [
        // 64 concepts, or 1,024 days, of 2^27 rows.
        (measurements("JOIN omop.measurement b ON a.measurement_concept_id = b.measurement_concept_id"), 48),
        (
            measurements(
                "LEFT JOIN omop.measurement b ON a.measurement_concept_id = b.measurement_concept_id",
            ),
            48,
        ),
        (measurements("JOIN omop.measurement b ON a.measurement_date = b.measurement_date"), 44),
        (
            measurements(
                "JOIN omop.measurement b ON a.measurement_source_value = b.measurement_source_value",
            ),
            48,
        ),
        (
            measurements(
                "WHERE EXISTS (SELECT 1 FROM omop.measurement b WHERE a.measurement_concept_id = \
                 b.measurement_concept_id AND b.value_as_number > a.value_as_number)",
            ),
            47,
        ),
        (
            "SELECT p.person_id FROM omop.person p JOIN omop.person q ON p.year_of_birth < q.year_of_birth"
                .to_owned(),
            40,
        ),
    ];
    for (sql, _) in &admitted {
        assert!(flip_gate::admit(sql).is_ok(), "{sql}: {:?}", flip_gate::admit(sql).err());
    }
    for (sql, power) in admitted.into_iter().chain(refused) {
        let cost = large().cost_of(&sql, 1).unwrap();
        assert!(cost > limit(), "{sql}: {cost:e}");
        assert!(cost > limit(), "{sql}: {cost:e}");
        let off = cost.log10() - f64::from(power) * 2.0_f64.log10();
        assert!((-1.0..=1.0).contains(&off), "{sql}: {cost:e} is off by 10^{off}");
    }
}

#[test]
fn an_ordinary_question_of_a_million_persons_is_far_from_the_limit() {
    let under = |table: &str, domain: &str, n: u32| {
        format!(
            "JOIN {table} t{n} ON t{n}.person_id = p.person_id \
             JOIN concept_ancestor a{n} ON a{n}.descendant_concept_id = t{n}.{domain}_concept_id"
        )
    };
    let (conditions, measurements, drugs) = (
        under("condition_occurrence", "condition", 1),
        under("measurement", "measurement", 2),
        under("drug_exposure", "drug", 3),
    );
    for sql in [
        format!(
            "SELECT p.person_id FROM person p {conditions} {measurements} {drugs} WHERE a1.ancestor_concept_id = \
             201826 AND a2.ancestor_concept_id = 3004410 AND a3.ancestor_concept_id IN (21600744, 21600712)"
        ),
        format!(
            "SELECT p.person_id, k.concept_name FROM person p {conditions} JOIN concept k ON k.concept_id = \
             a1.ancestor_concept_id WHERE k.concept_class_id = 'Disorder'"
        ),
        format!("SELECT p.person_id FROM person p {measurements} WHERE a2.ancestor_concept_id = 3004410"),
        "SELECT person_id FROM condition_occurrence WHERE condition_concept_id IN (SELECT descendant_concept_id FROM \
         concept_ancestor WHERE ancestor_concept_id = 134057)"
            .to_owned(),
        "SELECT p.person_id, count(m.measurement_id) AS n FROM person p LEFT JOIN measurement m ON m.person_id = \
         p.person_id AND m.measurement_concept_id = 3004410 LEFT JOIN visit_occurrence v ON v.visit_occurrence_id = \
         m.visit_occurrence_id GROUP BY p.person_id"
            .to_owned(),
        "SELECT p.person_id FROM person p WHERE NOT EXISTS (SELECT 1 FROM drug_exposure d WHERE d.person_id = \
         p.person_id AND d.drug_concept_id = 1503297)"
            .to_owned(),
        "SELECT c.person_id, d.drug_exposure_start_date FROM condition_occurrence c JOIN drug_exposure d ON \
         d.person_id = c.person_id AND d.drug_exposure_start_date >= c.condition_start_date WHERE \
         c.condition_concept_id = 320128"
            .to_owned(),
        "WITH latest AS (SELECT person_id, max(measurement_date) AS day FROM measurement GROUP BY person_id) SELECT \
         m.person_id, m.value_as_number FROM measurement m JOIN latest l ON l.person_id = m.person_id AND l.day = \
         m.measurement_date"
            .to_owned(),
    ] {
        let cost = in_large(&sql);
        assert!(cost < limit() / 4.0, "{sql}: {cost:e}");
    }
}

#[test]
fn a_join_by_a_persons_key_makes_so_many_rows_for_each_person() {
    // 128 measurements of each of 2^20 persons: 2^34 pairs.
    let pairs =
        in_large("SELECT a.person_id FROM measurement a JOIN measurement b ON a.person_id = b.person_id");
    assert!((34.0_f64.exp2() / 4.0..34.0_f64.exp2() * 8.0).contains(&pairs), "{pairs:e}");
    // And no more than are read where it is a person's own row.
    let rows = in_large("SELECT m.person_id FROM measurement m JOIN person p ON p.person_id = m.person_id");
    assert!((27.0_f64.exp2()..27.0_f64.exp2() * 8.0).contains(&rows), "{rows:e}");
}

#[test]
fn columns_that_a_question_does_not_name_change_nothing_of_its_cost() {
    let all: Vec<&str> = TABLES
        .iter()
        .flat_map(|table| table.columns.iter().map(|column| column.name).chain([table.name]))
        .collect();
    for sql in [
        "SELECT p.person_id, c.concept_name FROM person p JOIN condition_occurrence o ON o.person_id = p.person_id \
         JOIN concept c ON c.concept_id = o.condition_concept_id WHERE c.concept_id IN (201826, 316866)",
        "SELECT * FROM person WHERE year_of_birth < 1950",
        "SELECT person_id, count(*) AS visits FROM visit_occurrence GROUP BY person_id HAVING count(*) > 2",
        "SELECT p.person_id FROM person p JOIN measurement m USING (person_id) WHERE m.value_as_number > \
         (SELECT 1 FROM concept LIMIT 1)",
    ] {
        let Ok(plan) = flip_gate::admit(sql) else { panic!("{sql}") };
        let [few, whole] = [large(), large()];
        whole.make_tables(&all.concat()).unwrap();
        let columns = |model: &Preview| model.made.borrow().values().map(Vec::len).sum::<usize>();
        let cost = few.cost(&plan).unwrap();
        assert!(columns(&few) * 3 < columns(&whole));
        assert!((cost - whole.cost(&plan).unwrap()).abs() < 0.5, "{sql}");
        // Another question that names more of the same tables.
        assert!(
            few.cost(&flip_gate::admit("SELECT person_id, gender_concept_id FROM person").unwrap()).is_ok()
        );
    }
}
