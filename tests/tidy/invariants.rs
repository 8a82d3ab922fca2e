//! The numbered invariants of docs/ARCHITECTURE.md: each number is one, and what they and the threats name is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::root;

/// The invariants by number, each with its text.
fn invariants() -> BTreeMap<u32, String> {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let part = text.split("## Invariants").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut found = BTreeMap::new();
    let mut open: Option<(u32, String)> = None;
    for line in part.lines().chain([""]) {
        let number = line.split_once(". ").and_then(|(number, _)| number.parse().ok());
        if (number.is_some() || line.is_empty() || line.starts_with("**"))
            && let Some((number, text)) = open.take()
        {
            assert!(found.insert(number, text).is_none(), "two invariants have the number {number}");
        }
        match (number, &mut open) {
            (Some(number), _) => open = Some((number, line.to_owned())),
            (None, Some((_, text))) => text.push_str(line),
            (None, None) => {}
        }
    }
    found
}

#[test]
fn each_invariant_has_a_number_of_its_own_and_names_tests_that_are_there() {
    let all = invariants();
    assert!(all.len() > 150, "only {} invariants were found", all.len());
    let mut named = 0;
    for (number, text) in all {
        let mut source = String::new();
        for word in text.split('`').skip(1).step_by(2) {
            if word.contains('/') && Path::new(word).extension().is_some_and(|ending| ending == "rs") {
                source = fs::read_to_string(root().join(word))
                    .unwrap_or_else(|error| panic!("invariant {number}: {word}: {error}"));
            } else if is_test(word) {
                assert!(
                    source.contains(&format!("fn {word}(")),
                    "invariant {number}: there is no test {word}"
                );
                named += 1;
            }
        }
    }
    assert!(named > 250, "only {named} tests were found");
}

/// True of a name that says what holds, as tests have it.
fn is_test(word: &str) -> bool {
    word.matches('_').count() >= 3
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

#[test]
fn the_threats_name_invariants_that_are_there() {
    let all = invariants();
    let threats = fs::read_to_string(root().join("docs/THREAT-MODEL.md")).unwrap();
    let mut named = 0;
    for inside in threats.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(inside, _)| inside)
    {
        for number in inside.split(", ").filter_map(|number| number.parse::<u32>().ok()) {
            assert!(all.contains_key(&number), "THREAT-MODEL names invariant {number}, which is not there");
            named += 1;
        }
    }
    assert!(named > 50, "only {named} were found");
}
