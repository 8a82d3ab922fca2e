//! Questions that are refused: each with its code, its place and a message that says what to write instead.

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod identifiers;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod statements;

use std::collections::HashSet;

use flip_gate::{Code, Place, Refusal, admit};

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
        Code::TooLong => include_str!("../too_long.sql"),
        Code::TooDeep => include_str!("../too_deep.sql"),
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
fn a_refusal_says_where() {
    for (sql, line, column) in [
        ("SELECT person_id\nFROM person p\nWHERE p.person_id = 3", 3, 7),
        ("SELECT person_id,\n  pg_sleep(1) FROM person", 2, 3),
        ("SELECT person_id FROM person,\n\n   secrets", 3, 4),
        ("SELECT person_id FROM person LIMIT 1+1", 1, 36),
        ("SELECT 'é', nothing FROM person", 1, 13),
        ("SELECT person_id FROM person,\n  (VALUES (1 + 1)) AS v(x)", 2, 12),
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
