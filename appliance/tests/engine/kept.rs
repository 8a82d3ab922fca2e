//! The population that is kept beside a generation.

use std::fs;
use std::path::Path;

use flip_appliance::engine::{Engine, EngineFailure};
use flip_gate::Plan;
use flip_protocol::answer::{CohortAnswer, Failed};
use serde_json::Value;

use crate::fixture::{ask, ingested, ingested_from, logged, plan, settings};

fn everyone() -> Plan {
    plan("SELECT person_id FROM omop.person", &["person_id"])
}

/// Asked of a new process.
fn asked(generation: &Path) -> Result<CohortAnswer, EngineFailure> {
    ask(&mut Engine::new(settings()), generation, &everyone())
}

#[test]
fn a_generation_without_it_answers_the_same() {
    let (_folder, generation) = ingested();
    let answer = asked(&generation).unwrap();
    fs::remove_file(generation.with_file_name("population")).unwrap();
    assert_eq!(asked(&generation), Ok(answer));
}

#[test]
fn with_a_flipped_bit_in_it_nothing_is_answered() {
    let (_folder, generation) = ingested();
    let kept = generation.with_file_name("population");
    let mut bytes = fs::read(&kept).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&kept, bytes).unwrap();
    let log = logged(|| assert_eq!(asked(&generation).err(), Some(EngineFailure::Failed(Failed::Internal))));
    assert!(log.contains("the generation is damaged"), "{log}");
}

/// Puts the population of other data beside a generation: whole, but not of these persons.
fn put_other_population(generation: &Path) {
    let extract = tempfile::tempdir().unwrap();
    let persons = "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id\n";
    let persons =
        (1..=1_000).fold(persons.to_owned(), |text, person| format!("{text}{person},8507,1900,0,0\n"));
    fs::write(extract.path().join("person.csv"), persons).unwrap();
    let (_folder, other) = ingested_from(extract.path());
    fs::copy(other.with_file_name("population"), generation.with_file_name("population")).unwrap();
}

#[test]
fn with_that_of_another_generation_nothing_is_answered() {
    let (_folder, generation) = ingested();
    put_other_population(&generation);
    let log = logged(|| assert_eq!(asked(&generation).err(), Some(EngineFailure::Failed(Failed::Internal))));
    assert!(log.contains("the generation is damaged"), "{log}");
}

#[test]
fn one_that_the_manifest_does_not_name_is_not_used() {
    let (_folder, generation) = ingested();
    let answer = asked(&generation).unwrap();
    let path = generation.with_file_name("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(manifest.as_object_mut().unwrap().remove("population").unwrap().is_object());
    fs::write(&path, manifest.to_string()).unwrap();
    put_other_population(&generation);
    assert_eq!(asked(&generation), Ok(answer));
}
