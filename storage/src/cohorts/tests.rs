//! A ledger in a file, closed and opened again.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn persons(of: impl IntoIterator<Item = u64>) -> RoaringTreemap {
    of.into_iter().collect()
}

fn answered(key: u8, persons: &RoaringTreemap, units: u64) -> Answered<'_> {
    Answered {
        key: [key; 32],
        at_ms: 1_000 + u64::from(key),
        project: "p",
        order: None,
        question: "SELECT 1",
        release: b"{}",
        persons,
        units,
    }
}

#[test]
fn a_release_its_charge_and_its_count_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cohorts.redb");
    let cohort = persons(1..=20);
    let ledger = Cohorts::open(&path).unwrap();
    ledger.record(&answered(1, &cohort, 7)).unwrap();
    ledger.record(&answered(2, &persons(11..=30), 7)).unwrap();
    drop(ledger);
    let ledger = Cohorts::open(&path).unwrap();
    assert_eq!(ledger.release([1; 32]).unwrap().unwrap(), b"{}");
    assert_eq!(ledger.release([3; 32]).unwrap(), None);
    assert_eq!(*ledger.spent(7).unwrap(), persons(11..=20));
    assert_eq!(ledger.asked(Some("p"), 0).unwrap(), [1_001, 1_002]);
    assert_eq!(ledger.asked(Some("p"), 1_002).unwrap(), [1_002]);
    assert_eq!(ledger.asked(Some("q"), 0).unwrap(), [0; 0]);
    ledger.count("q", 1_500, None).unwrap();
    assert_eq!(ledger.asked(None, 1_002).unwrap(), [1_002, 1_500]);
    assert_eq!(ledger.projects(0).unwrap(), [("p".to_owned(), 2), ("q".to_owned(), 1)]);
    assert_eq!(ledger.persons_charged().unwrap(), 30);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_key_is_charged_once() {
    let ledger = Cohorts::in_memory().unwrap();
    let cohort = persons(1..=3);
    assert!(ledger.spent(9).unwrap().is_empty());
    for _ in 0..5 {
        ledger.record(&answered(1, &cohort, 5)).unwrap();
    }
    assert!(ledger.spent(9).unwrap().is_empty());
    assert_eq!(ledger.asked(Some("p"), 0).unwrap().len(), 1);
    ledger.record(&answered(2, &cohort, 5)).unwrap();
    assert_eq!(*ledger.spent(9).unwrap(), cohort);
}

#[test]
fn a_question_without_an_answer_counts_in_the_quota_alone() {
    let ledger = Cohorts::in_memory().unwrap();
    ledger.count("p", 5, None).unwrap();
    ledger.record(&answered(1, &persons([]), 0)).unwrap();
    assert_eq!(ledger.asked(Some("p"), 0).unwrap(), [5, 1_001]);
    assert_eq!(ledger.uncompared(10).unwrap(), None);
}

#[test]
fn each_cohort_is_compared_once_with_those_before_it_nearest_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cohorts.redb");
    let ledger = Cohorts::open(&path).unwrap();
    for (key, cohort) in
        [(1, persons(0..100)), (2, persons(0..103)), (3, persons(0..50)), (4, persons(0..101))]
    {
        ledger.record(&answered(key, &cohort, 1)).unwrap();
    }
    let next = |ledger: &Cohorts| {
        let found = ledger.uncompared(3).unwrap()?;
        let alike = found.alike.iter().map(|(differ, past)| (past.at_ms, *differ)).collect::<Vec<_>>();
        Some((found.number, found.cohort.at_ms, alike))
    };
    for number in 1..=3 {
        assert_eq!(next(&ledger), Some((number, 1_000 + number, vec![])));
        ledger.compared(number, None).unwrap();
    }
    // What was not compared when it stopped is compared after it has started.
    drop(ledger);
    let ledger = Cohorts::open(&path).unwrap();
    assert_eq!(next(&ledger), Some((4, 1_004, vec![(1_001, 1), (1_002, 2)])));
    ledger.compared(4, Some(b"alert")).unwrap();
    assert_eq!((next(&ledger), ledger.alerts(9).unwrap()), (None, vec![b"alert".to_vec()]));
}

#[test]
fn a_ledger_of_an_earlier_version_is_not_compared_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cohorts.redb");
    let ledger = Cohorts::open(&path).unwrap();
    ledger.record(&answered(1, &persons(0..100), 1)).unwrap();
    drop(ledger);
    let database = redb::Database::open(&path).unwrap();
    let writing = database.begin_write().unwrap();
    writing.delete_table(COMPARED).unwrap();
    writing.commit().unwrap();
    drop(database);
    let ledger = Cohorts::open(&path).unwrap();
    assert_eq!(ledger.uncompared(10).unwrap(), None);
    ledger.record(&answered(2, &persons(0..100), 1)).unwrap();
    assert_eq!(ledger.uncompared(10).unwrap().unwrap().alike.len(), 1);
}

#[test]
fn alerts_come_newest_first() {
    let ledger = Cohorts::in_memory().unwrap();
    ledger.compared(1, Some(b"one")).unwrap();
    ledger.compared(2, Some(b"two")).unwrap();
    assert_eq!(ledger.alerts(1).unwrap(), [b"two".to_vec()]);
}

#[test]
fn questions_of_projects_that_ask_no_more_are_forgotten_too() {
    let ledger = Cohorts::in_memory().unwrap();
    ledger.count("once", 1_000, None).unwrap();
    ledger.count("now", 1_000 + ASKED_KEPT_MS, None).unwrap();
    assert_eq!(ledger.asked(None, 0).unwrap().len(), 2);
    ledger.count("now", 1_001 + ASKED_KEPT_MS, None).unwrap();
    assert_eq!(ledger.asked(Some("once"), 0).unwrap(), [0; 0]);
}

#[test]
fn an_order_takes_one_place_however_often_it_is_worked_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cohorts.redb");
    let ledger = Cohorts::open(&path).unwrap();
    let order = Some([7; 16]);
    ledger.record(&Answered { order, ..answered(1, &persons(1..=20), 7) }).unwrap();
    drop(ledger);
    // What a crash cut short comes again: its question is remembered, and its freeze counts for itself.
    let ledger = Cohorts::open(&path).unwrap();
    assert!(ledger.is_counted([7; 16]).unwrap() && !ledger.is_counted([8; 16]).unwrap());
    ledger.count("p", 1_500, order).unwrap();
    assert_eq!(ledger.asked(None, 0).unwrap(), [1_001]);
    ledger.count("p", 1_600, Some([8; 16])).unwrap();
    ledger.count("p", 1_700, None).unwrap();
    assert_eq!(ledger.asked(None, 0).unwrap(), [1_001, 1_600, 1_700]);
    // It is forgotten with the quota's own memory.
    ledger.count("p", 1_601 + ASKED_KEPT_MS, Some([9; 16])).unwrap();
    assert!(!ledger.is_counted([8; 16]).unwrap());
}
