//! What the engine says of a result's columns, and whom it leaves out.

use std::sync::Arc;

use flip_appliance::engine::{CancelFlag, Question};
use flip_protocol::answer::{CohortAnswer, Extract, Field, Shape};

use crate::fixture::{Site, described_plan, exact_answer, plan, question};

fn field<'a>(answer: &'a CohortAnswer, name: &str) -> Option<&'a Field> {
    answer.fields.iter().find(|field| field.name == name)
}

fn cells(answer: &CohortAnswer, name: &str) -> Vec<(String, u64)> {
    let field = field(answer, name).unwrap();
    field.cells.iter().map(|cell| (cell.label.clone(), cell.count.unwrap())).collect()
}

fn pairs(cells: &[(&str, u64)]) -> Vec<(String, u64)> {
    cells.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect()
}

#[test]
fn numbers_have_a_histogram_with_mean_and_spread_whose_ends_a_crowd_shares() {
    let mut site = Site::new(|_| {});
    // Persons 1 to 100 in ten rows of ten; one of them is far out, some are no numbers.
    let sql = "SELECT person_id, CASE WHEN person_id = 100 THEN 1e300 WHEN person_id <= 5 THEN 'NaN'::DOUBLE \
               WHEN person_id <= 10 THEN 'inf'::DOUBLE ELSE person_id % 10 END AS x FROM omop.person";
    let answer = site.ask(&described_plan(sql, &["person_id", "x"])).unwrap();
    let cells = cells(&answer, "Distribution of x");
    assert_eq!(cells.iter().map(|(_, persons)| persons).sum::<u64>(), 90);
    assert!(
        cells.last().unwrap().0.ends_with(" and more") && !format!("{cells:?}").contains("1000"),
        "{cells:?}"
    );
}

#[test]
fn a_person_stands_once_in_a_histogram_with_the_mean_of_their_values() {
    let mut site = Site::new(|_| {});
    let sql = "SELECT p.person_id, s.x FROM omop.person AS p, (VALUES (10), (20)) AS s(x) \
               UNION ALL SELECT person_id, CASE WHEN person_id <= 50 THEN 60 ELSE 0 END FROM omop.person";
    let answer = site.ask(&described_plan(sql, &["person_id", "x"])).unwrap();
    // (10 + 20 + 60) / 3 for one half, (10 + 20 + 0) / 3 for the other.
    let histogram = field(&answer, "Distribution of x").unwrap();
    assert_eq!(histogram.shape, Shape::Histogram);
    let shown: Vec<_> =
        histogram.cells.iter().filter_map(|cell| cell.count).filter(|count| *count > 0).collect();
    assert_eq!(shown, [50, 50]);
    let summary = histogram.summary.unwrap();
    assert_eq!((summary.mean.value(), summary.spread.value()), (20.0, 10.0));
}

#[test]
fn texts_concepts_and_days_have_top_values_and_identifiers_have_none() {
    let mut site = Site::new(|_| {});
    let sql = "SELECT person_id, CASE WHEN person_id % 2 = 0 THEN 'even' ELSE 'odd' END AS parity, \
               CASE WHEN person_id <= 40 THEN 4300757 ELSE 4013636 END AS modality_concept_id, \
               DATE '2020-01-01' + (person_id * 10)::INTEGER AS day, person_id AS other_key FROM omop.person";
    let mut plan = serde_json::to_value(described_plan(
        sql,
        &["person_id", "parity", "modality_concept_id", "day", "other_key"],
    ))
    .unwrap();
    plan["identifiers"][4] = true.into();
    let answer = site.ask(&serde_json::from_value(plan).unwrap()).unwrap();
    assert_eq!(cells(&answer, "Top Values of parity"), pairs(&[("even", 50), ("odd", 50)]));
    assert_eq!(cells(&answer, "Top Values of modality_concept_id"), pairs(&[("MR", 60), ("CT", 40)]));
    assert_eq!(cells(&answer, "Top Values of day"), pairs(&[("2021", 37), ("2020", 36), ("2022", 27)]));
    let about_keys = |field: &&Field| field.name.ends_with("person_id") || field.name.ends_with("other_key");
    assert!(answer.fields.iter().find(about_keys).is_none(), "{:?}", answer.fields);
}

#[test]
fn nobody_is_counted_for_more_values_than_a_crowd_has() {
    let mut site = Site::new(|_| {});
    // Three values of twenty persons each, and four persons who have all three.
    let sql = "SELECT p.person_id, s.x FROM omop.person AS p, (VALUES ('a', 0), ('b', 1), ('c', 2)) AS s(x, n) \
               WHERE p.person_id <= 60 AND (p.person_id % 3 = s.n OR p.person_id <= 4)";
    let answer = site.ask(&described_plan(sql, &["person_id", "x"])).unwrap();
    let cells = cells(&answer, "Top Values of x");
    assert_eq!(cells.iter().map(|(_, persons)| persons).sum::<u64>(), 60, "{cells:?}");
    assert!(cells.len() == 3 && cells.iter().all(|(_, persons)| (17..=23).contains(persons)), "{cells:?}");
}

#[test]
fn nothing_is_described_of_a_column_that_the_gate_said_nothing_of() {
    let mut site = Site::new(|_| {});
    let silent = plan("SELECT person_id, year_of_birth FROM omop.person", &["person_id", "year_of_birth"]);
    assert!(field(&site.ask(&silent).unwrap(), "Distribution of year_of_birth").is_none());
}

#[test]
fn years_of_observation_count_each_person_once_a_year() {
    let mut site = Site::new(|_| {});
    let database = duckdb::Connection::open(&site.generation).unwrap();
    database
        .execute_batch(
            "INSERT INTO omop.observation_period
                 (person_id, observation_period_start_date, observation_period_end_date)
                 SELECT i, DATE '2018-05-01', DATE '2019-05-01' FROM generate_series(1, 40) AS s(i);
             INSERT INTO omop.observation_period
                 (person_id, observation_period_start_date, observation_period_end_date)
                 SELECT i, DATE '2019-06-01', DATE '2020-05-01' FROM generate_series(1, 20) AS s(i);
             INSERT INTO omop.observation_period
                 (person_id, observation_period_start_date, observation_period_end_date)
                 SELECT i, DATE '2021-06-01', DATE '9999-12-31' FROM generate_series(61, 61) AS s(i);",
        )
        .unwrap();
    database.close().map_err(|(_, error)| error).unwrap();
    let answer = site.ask(&plan("SELECT person_id FROM omop.person", &["person_id"])).unwrap();
    let years = field(&answer, "Years of Observation").unwrap();
    let shown: Vec<_> = years.cells.iter().take(4).map(|cell| (cell.label.as_str(), cell.count)).collect();
    assert_eq!(shown, [("2018", Some(40)), ("2019", Some(40)), ("2020", Some(20)), ("2021", None)]);
    assert_eq!(
        years.cells.len(),
        3 + 3,
        "nobody is counted in more years than five persons have, which is three"
    );
}

#[test]
fn no_single_persons_rows_weigh_more_than_those_that_a_crowd_has() {
    let mut site = Site::new(|_| {});
    let sql = "SELECT person_id FROM omop.person UNION ALL \
               SELECT person_id FROM omop.person, generate_series(1, 1000) WHERE person_id = 7";
    assert_eq!(site.ask(&plan(sql, &["person_id"])).unwrap().records, 100);
}

#[test]
fn who_is_spent_is_left_out_until_told_otherwise() {
    let mut site = Site::new(|_| {});
    let all = plan("SELECT person_id FROM omop.person", &["person_id"]);
    let mut persons = |spent: &[u64]| {
        let asked = Question { spent: Arc::new(spent.iter().copied().collect()), ..question(&all) };
        let raw = site.engine.run(&site.generation, &asked, &CancelFlag::default()).unwrap();
        let extract = Extract { generation: "g-000001".to_owned(), date: "2026-01-15".to_owned() };
        exact_answer(raw, extract).persons
    };
    assert_eq!(persons(&[]), 100);
    assert_eq!(persons(&[1, 2, 3, 9_000]), 97);
    assert_eq!(persons(&[1, 2, 3, 9_000]), 97);
    assert_eq!(persons(&[]), 100);
}
