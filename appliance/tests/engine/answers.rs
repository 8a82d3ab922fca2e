//! What the engine counts.

use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant};

use flip_appliance::engine::CancelFlag;
use flip_protocol::answer::CohortAnswer;
use flip_storage::confine::FilesConfined;
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Site, accession_plan, described_plan, ids, make_generation, plan, watched_program};

fn cells(answer: &CohortAnswer, field: &str) -> Vec<(String, u64)> {
    let field = answer.fields.iter().find(|candidate| candidate.name == field).unwrap();
    field.cells.iter().map(|cell| (cell.label.clone(), cell.count.unwrap())).collect()
}

fn sorted(answer: &CohortAnswer, field: &str) -> Vec<(String, u64)> {
    let mut cells = cells(answer, field);
    cells.sort();
    cells
}

fn pairs(cells: &[(&str, u64)]) -> Vec<(String, u64)> {
    cells.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect()
}

#[test]
fn persons_are_counted_once_with_their_ages_and_sexes() {
    let mut site = Site::new(|_| {});
    let twice = plan(
        "SELECT person_id, nullif(person_id % 2, 0) AS odd FROM omop.person UNION ALL \
         SELECT person_id, NULL FROM omop.person",
        &["person_id", "odd"],
    );
    let answer = site.ask(&twice).unwrap();
    assert_eq!((answer.persons, answer.records), (100, 200));
    assert_eq!(cells(&answer, "Counts"), pairs(&[("person_id", 200), ("odd", 50)]));
    assert_eq!(cells(&answer, "Nulls"), pairs(&[("person_id", 0), ("odd", 150)]));
    // Years of birth 1926 to 2025, one each; person 50 (1976) was born on 16 January 2000: 25 years on the 15th.
    let ages = [
        ("0-9", 9),
        ("10-19", 10),
        ("20-29", 11),
        ("30-39", 10),
        ("40-49", 10),
        ("50-59", 9),
        ("60-69", 10),
        ("70-79", 10),
        ("80-89", 10),
        ("90+", 11),
    ];
    assert_eq!(cells(&answer, "Age Distribution"), pairs(&ages));
    // The two unknown are folded with the 33 who are female.
    assert_eq!(cells(&answer, "Sex Distribution"), pairs(&[("Male", 65), ("Other", 35)]));
}

#[test]
fn images_are_counted_by_modality_beside_persons() {
    let mut site = Site::new(|_| {});
    let imaged =
        plan("SELECT person_id, accession_id FROM omop.image_occurrence", &["person_id", "accession_id"]);
    let answer = site.ask(&imaged).unwrap();
    // 25 persons with an occurrence each, the 12 whose number is a multiple of 8 with a second one.
    assert_eq!((answer.persons, answer.records), (25, 37));
    assert_eq!(sorted(&answer, "Modality Distribution"), pairs(&[("CT", 24), ("MR", 13)]));
}

#[test]
fn an_accession_of_somebody_else_counts_no_image() {
    let mut site = Site::new(|_| {});
    let crossed = plan(
        "SELECT p.person_id, i.accession_id FROM omop.person AS p \
         JOIN omop.image_occurrence AS i ON i.person_id = p.person_id + 1",
        &["person_id", "accession_id"],
    );
    assert!(cells(&site.ask(&crossed).unwrap(), "Modality Distribution").is_empty());
}

#[test]
fn persons_are_found_behind_accessions() {
    let mut site = Site::new(|_| {});
    let imaged = accession_plan(
        "SELECT accession_id, CASE WHEN modality_concept_id = 4013636 THEN 1 END AS mr \
         FROM omop.image_occurrence",
        &["accession_id", "mr"],
    );
    let answer = site.ask(&imaged).unwrap();
    assert_eq!((answer.persons, answer.records), (25, 37));
    assert_eq!(cells(&answer, "Counts"), pairs(&[("accession_id", 37), ("mr", 13)]));
    assert_eq!(cells(&answer, "Nulls"), pairs(&[("accession_id", 0), ("mr", 24)]));
    assert_eq!(sorted(&answer, "Modality Distribution"), pairs(&[("CT", 24), ("MR", 13)]));
    assert_eq!(sorted(&answer, "Sex Distribution"), pairs(&[("Female", 9), ("Male", 16)]));
}

#[test]
fn rows_without_a_person_count_nowhere() {
    let mut site = Site::new(|_| {});
    let some = plan(
        "SELECT CASE WHEN person_id > 10 THEN person_id END AS person_id FROM omop.person",
        &["person_id"],
    );
    let answer = site.ask(&some).unwrap();
    assert_eq!((answer.persons, answer.records), (90, 90));
}

#[test]
fn a_new_generation_is_served_by_a_fresh_process() {
    let mut site = Site::new(|_| {});
    let mut settings = crate::fixture::settings();
    settings.worker_program = watched_program(site.folder.path());
    site.engine = flip_appliance::engine::Engine::new(settings);
    let all = plan("SELECT person_id FROM omop.person", &["person_id"]);
    assert_eq!(site.ask(&all).unwrap().persons, 100);
    assert_eq!(site.ask(&all).unwrap().persons, 100);
    assert_eq!(ids(site.folder.path()).len(), 1, "the second question found the process warm");
    site.generation = site.folder.path().join("g-000002.duckdb");
    make_generation(&site.generation, 40);
    assert_eq!(site.ask(&all).unwrap().persons, 40);
    assert_eq!(ids(site.folder.path()).len(), 2);
}

#[test]
fn a_process_stands_by_and_a_new_one_takes_the_place_of_one_that_has_been_idle() {
    let mut site = Site::new(|_| {});
    let mut settings = crate::fixture::settings();
    settings.worker_program = watched_program(site.folder.path());
    site.engine = flip_appliance::engine::Engine::new(settings);
    let all = plan("SELECT person_id FROM omop.person", &["person_id"]);
    let started = |site: &Site| ids(site.folder.path());
    let stand_by = |site: &mut Site, later: Duration| {
        site.engine.stand_by(&site.generation, Instant::now() + later, &CancelFlag::default()).unwrap();
    };
    let (at_once, much_later) = (Duration::ZERO, Duration::from_hours(1));
    stand_by(&mut site, at_once);
    stand_by(&mut site, much_later);
    assert_eq!(started(&site).len(), 1, "it has answered nothing, and is as good as new");
    site.ask(&all).unwrap();
    stand_by(&mut site, at_once);
    assert_eq!(started(&site).len(), 1, "it is warm");
    stand_by(&mut site, much_later);
    let [first, second] = started(&site)[..] else { panic!("there is a new one") };
    assert!(!crate::fixture::exists(first) && crate::fixture::exists(second));
    site.ask(&all).unwrap();
    assert_eq!(started(&site).len(), 2, "the question finds the new one");
    kill_process(Pid::from_raw(second.cast_signed()).unwrap(), Signal::KILL).unwrap();
    // What was lost is made good before it is asked.
    while started(&site).len() == 2 {
        thread::sleep(Duration::from_millis(5));
        stand_by(&mut site, at_once);
    }
    site.generation = site.folder.path().join("g-000002.duckdb");
    make_generation(&site.generation, 40);
    stand_by(&mut site, at_once);
    assert_eq!((started(&site).len(), site.ask(&all).unwrap().persons), (4, 40));
    site.engine.dismiss();
    assert!(!started(&site).into_iter().any(crate::fixture::exists));
}

#[test]
fn a_process_that_stands_by_has_been_asked_something_of_real_records() {
    let (_folder, generation) = crate::fixture::ingested();
    let mut engine = flip_appliance::engine::Engine::new(crate::fixture::settings());
    let log = crate::fixture::logged(|| {
        engine.stand_by(&generation, Instant::now(), &CancelFlag::default()).unwrap();
    });
    assert!(log.contains("a process stands by rehearsed=true"), "{log}");
}

#[test]
fn the_sandbox_is_reported() {
    let mut site = Site::new(|_| {});
    assert!(site.engine.sandbox().is_none());
    site.ask(&plan("SELECT person_id FROM omop.person", &["person_id"])).unwrap();
    let applied = site.engine.sandbox().unwrap().files;
    let offered =
        std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default().contains("landlock");
    assert!(!offered || applied != FilesConfined::NotAtAll);
}

#[test]
fn a_question_goes_through_the_gate_and_the_engine() {
    let mut site = Site::new(|_| {});
    let plan = flip_gate::admit(
        "SELECT i.person_id, i.accession_id, c.concept_name FROM image_occurrence i \
         JOIN concept c ON c.concept_id = i.modality_concept_id WHERE c.concept_name = 'CT'",
    )
    .unwrap();
    let answer = site.ask(&plan).unwrap();
    assert_eq!((answer.persons, answer.records), (12, 24));
    let labels: Vec<_> = cells(&answer, "Counts").into_iter().map(|(label, _)| label).collect();
    assert_eq!(labels, plan.columns());
}

#[test]
fn many_rows_are_counted_alike_by_one_thread_and_by_several() {
    let many = described_plan(
        "SELECT p.person_id, s.i, CASE WHEN s.i % 3 > 0 THEN 'part ' || (s.i % 5) END AS part, \
         make_date(2000 + (s.i % 20)::INTEGER, 1, 1) AS day FROM omop.person AS p, generate_series(1, 600) AS s(i)",
        &["person_id", "number", "part", "day"],
    );
    let [alone, shared] = [1, 3].map(|threads| {
        let mut site = Site::new(|settings| settings.threads = NonZeroU32::new(threads).unwrap());
        site.ask(&many).unwrap()
    });
    assert_eq!((alone.persons, alone.records), (100, 60_000));
    assert_eq!(cells(&alone, "Nulls")[2], ("part".to_owned(), 20_000));
    assert_eq!(alone, shared);
}
