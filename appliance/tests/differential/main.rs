//! The gate's translation, judged by a real PostgreSQL: each question of `questions/*.sql` runs on PostgreSQL 15 as it
//! was written and in the gate's canonical text, and in its engine's text on DuckDB, over the same records, and the
//! answers must be equal row by row. Where the gate means to depart from what was written, [`DEPARTURES`] says why.
//!
//! What is compared: rows as multisets, and in order where the title says `ordered`. Whole numbers, texts, dates,
//! times and intervals exactly; numbers with a fraction within 1e-9 of their size, because the CDM's `numeric` is a
//! double in a generation. PostgreSQL runs with `C.UTF-8` and UTC: a generation sorts texts by their bytes, whatever
//! locale a site's PostgreSQL has. Here DuckDB has too few records to share them between threads; `threads` has the same
//! questions asked of one and of two.
#![expect(clippy::unwrap_used, reason = "a test may end where its own ground gives way")]

mod answers;
mod corpus;
mod records;
mod threads;

use std::collections::BTreeSet;

use flip_appliance::engine;
use flip_tests::postgres::{Postgres, Tls};

use answers::{Answer, difference};
use corpus::Question;

/// The fewest questions that the corpus may hold.
const QUESTIONS_MIN: usize = 150;

/// Questions whose canonical text is meant to give other rows than their own words, and why.
const DEPARTURES: &[(&str, &str)] =
    &[("order: FETCH FIRST", "a limit at the end would keep some persons and not others, and has no effect")];

#[test]
fn every_question_has_the_answer_that_postgresql_gives() {
    let records = records::write();
    let postgres = Postgres::start(Tls::Off).unwrap();
    postgres.load(records.extract()).unwrap();
    let mut theirs = postgres.client().unwrap();
    theirs.batch_execute("SET search_path = omop").unwrap();
    let ours = engine::open_generation(&records.generation(), 1_024, 2).unwrap();

    let questions = corpus::questions();
    assert!(questions.len() >= QUESTIONS_MIN, "{} questions", questions.len());
    let mut wrong = Vec::new();
    let mut empty = Vec::new();
    for Question { title, ordered, sql } in &questions {
        let plan = match flip_gate::admit(sql) {
            Ok(plan) => plan,
            Err(refusal) => {
                wrong.push(format!("{title}: not let in: {refusal}"));
                continue;
            }
        };
        let expected = Answer::of_postgres(&mut theirs, plan.canonical());
        let departs = DEPARTURES.iter().any(|(departing, _)| departing == title);
        let written = Answer::of_postgres(&mut theirs, sql);
        match (&written, &expected) {
            (Ok(written), Ok(expected)) => {
                let differs = difference(written.clone(), expected.clone(), *ordered);
                if differs.is_some() != departs {
                    let differs =
                        differs.unwrap_or_else(|| "no longer departs from what was written".to_owned());
                    wrong.push(format!("{title}: as written: {differs}\n{sql}"));
                }
            }
            (Err(error), _) => wrong.push(format!("{title}: PostgreSQL, as written: {error}\n{sql}")),
            (_, Err(_)) => {}
        }
        let found = Answer::of_duckdb(&ours, plan.engine_sql());
        match (expected, found) {
            (Ok(expected), Ok(found)) => {
                if expected.rows.is_empty() {
                    empty.push(title.as_str());
                }
                if let Some(difference) = difference(expected, found, *ordered) {
                    wrong.push(format!("{title}: {difference}\n{}", plan.engine_sql()));
                }
            }
            (Err(error), _) => wrong.push(format!("{title}: PostgreSQL: {error}\n{}", plan.canonical())),
            (_, Err(error)) => wrong.push(format!("{title}: DuckDB: {error}\n{}", plan.engine_sql())),
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n\n{}", wrong.len(), questions.len(), wrong.join("\n\n"));
    assert_eq!(empty, [""; 0], "questions that no row answers compare nothing");
}

#[test]
fn every_function_of_the_gate_is_asked_about() {
    let asked = corpus::questions().iter().map(|question| question.sql.to_lowercase()).collect::<String>();
    let words: BTreeSet<&str> = asked.split(|each: char| !each.is_alphanumeric() && each != '_').collect();
    let missing: Vec<&str> = flip_gate::function_names().filter(|name| !words.contains(name)).collect();
    assert_eq!(missing, [""; 0], "functions that no question of the corpus calls");
}
