//! The population that is kept beside a generation.

use std::fs;
use std::path::Path;

use flip_appliance::engine::{Engine, EngineFailure};
use flip_gate::Plan;
use flip_protocol::answer::{CohortAnswer, Failed};

use crate::fixture::{ask, ingested, logged, plan, settings};

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
