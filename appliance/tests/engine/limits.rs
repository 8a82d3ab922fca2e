//! Questions that ask for too much, or for what cannot be.

use std::thread;
use std::time::Duration;

use flip_appliance::engine::{CancelFlag, Engine, EngineFailure, Settings};
use flip_protocol::answer::Failed;
use tempfile::TempDir;

use crate::fixture::{
    MARKER, Site, ask, endless_plan, exists, ids, ingested, logged, make_generation, plan, question,
    resident_mib, script, settings, ticks, watched_program,
};

fn watched(site: &mut Site, change: impl FnOnce(&mut Settings)) {
    let mut settings = settings();
    settings.worker_program = watched_program(site.folder.path());
    change(&mut settings);
    site.engine = Engine::new(settings);
}

#[test]
fn a_question_that_takes_too_long_is_killed_and_reaped() {
    let mut site = Site::new(|_| {});
    watched(&mut site, |settings| settings.timeout = Duration::from_secs(1));
    assert_eq!(site.failure(&endless_plan()), Failed::Timeout);
    let ids = ids(site.folder.path());
    assert_eq!(ids.len(), 1, "a timeout is not tried again");
    assert!(!exists(ids[0]));
    // The next question finds a fresh process.
    watched(&mut site, |_| {});
    assert!(site.ask(&plan("SELECT person_id FROM omop.person", &["person_id"])).is_ok());
}

#[test]
fn a_question_that_would_take_hours_is_not_begun_and_others_go_on() {
    let mut site = Site::new(|settings| settings.cost_max = 100_000_000_000);
    let all = plan("SELECT person_id FROM omop.person", &["person_id"]);
    assert_eq!(site.ask(&endless_plan()).map(|answer| answer.persons), Err(EngineFailure::TooCostly));
    assert_eq!(site.ask(&all).unwrap().persons, 100);
    let joined = plan(
        "SELECT a.person_id FROM omop.person AS a JOIN omop.person AS b ON a.person_id = b.person_id",
        &["person_id"],
    );
    assert_eq!(site.ask(&joined).unwrap().persons, 100);
}

/// With the limit that a site has, and questions as a researcher writes them.
#[test]
fn of_real_records_a_question_that_would_take_hours_is_not_begun_and_an_ordinary_one_is() {
    let (_folder, generation) = ingested();
    let mut engine = Engine::new(Settings { cost_max: Settings::new("".into()).cost_max, ..settings() });
    let mut asked = |sql: &str| {
        let plan = flip_gate::admit(sql).unwrap();
        engine.run(&generation, &question(&plan), &CancelFlag::default()).map(drop)
    };
    let hours = "SELECT p.person_id FROM person p, generate_series(1, 10000) AS a(x), \
                 generate_series(1, 10000) AS b(y), generate_series(1, 10000) AS c(z)";
    assert_eq!(asked(hours), Err(EngineFailure::TooCostly));
    let ordinary = "SELECT p.person_id, c.condition_start_date, m.value_as_number FROM person p \
                    JOIN condition_occurrence c ON c.person_id = p.person_id \
                    JOIN measurement m ON m.person_id = p.person_id AND m.measurement_date >= c.condition_start_date";
    assert_eq!(asked(ordinary), Ok(()));
}

#[test]
fn a_cancelled_question_is_killed_and_reaped() {
    let mut site = Site::new(|_| {});
    watched(&mut site, |_| {});
    let cancel = CancelFlag::default();
    let outcome = thread::scope(|scope| {
        let raised = cancel.clone();
        let folder = site.folder.path().to_owned();
        scope.spawn(move || {
            while ids(&folder).first().is_none_or(|id| ticks(*id) <= 10) {
                thread::sleep(Duration::from_millis(5));
            }
            raised.cancel();
        });
        site.engine.run(&site.generation, &question(&endless_plan()), &cancel).map(|_| ())
    });
    assert_eq!(outcome, Err(EngineFailure::Cancelled));
    assert!(!exists(ids(site.folder.path())[0]));
}

#[test]
fn a_question_that_needs_too_much_memory_fails_alone() {
    let mut site = Site::new(|settings| settings.memory_mb = 64);
    let large = plan(
        "SELECT p.person_id, count(DISTINCT a.i * 100000 + b.j) AS x FROM omop.person AS p, \
         generate_series(1, 5000) AS a(i), generate_series(1, 5000) AS b(j) GROUP BY p.person_id",
        &["person_id", "x"],
    );
    assert_eq!(site.failure(&large), Failed::OutOfMemory);
    assert!(site.ask(&plan("SELECT person_id FROM omop.person", &["person_id"])).is_ok());
}

/// Of a join DuckDB keeps for a statement what it limits nobody's memory by: here some eight megabytes.
#[test]
fn what_a_question_needed_is_given_back_before_the_next() {
    let folder = TempDir::new().unwrap();
    let generation = folder.path().join("large.duckdb");
    make_generation(&generation, 500_000);
    let worker_program = watched_program(folder.path());
    let mut engine = Engine::new(Settings { worker_program, ..settings() });
    let mut resident = Vec::new();
    for turn in 0..32 {
        let sql = format!(
            "SELECT p.person_id FROM omop.person AS p JOIN omop.person AS q ON q.person_id = p.person_id \
             WHERE p.year_of_birth <> {turn}"
        );
        assert_eq!(
            ask(&mut engine, &generation, &plan(&sql, &["person_id"])).map(|answer| answer.persons),
            Ok(500_000)
        );
        resident.push(resident_mib(ids(folder.path())[0]));
    }
    assert_eq!(ids(folder.path()).len(), 1, "one process answered all");
    let (early, late) = (resident[..4].iter().max(), resident[24..].iter().min());
    assert!(late < early.map(|early| early + 32).as_ref(), "{resident:?} MiB");
}

/// The engine's own limit is none for what does not ask it for memory.
#[test]
fn a_worker_that_takes_memory_past_its_engine_is_killed_and_reaped() {
    let mut site = Site::new(|_| {});
    let folder = site.folder.path().display();
    // It holds 700 MB in the end and no more, so that nothing suffers where nobody watches it.
    let body = format!(
        "echo $$ >> '{folder}/ids'\nmkfifo '{folder}/zeros'\ncat /dev/zero > '{folder}/zeros' &\n\
         exec tail -c 700000000 3<&0 < '{folder}/zeros'\n"
    );
    let worker_program = script(site.folder.path(), &body);
    site.engine = Engine::new(Settings { worker_program, memory_mb: 64, ..settings() });
    let all = plan("SELECT person_id FROM omop.person", &["person_id"]);
    assert_eq!(site.failure(&all), Failed::OutOfMemory);
    let ids = ids(site.folder.path());
    assert_eq!(ids.len(), 1, "it is not tried again");
    assert!(!exists(ids[0]));
}

#[test]
fn a_result_with_too_many_rows_fails() {
    let mut site = Site::new(|settings| settings.rows_max = 1_000);
    let rows = |each: u32| {
        plan(
            &format!("SELECT person_id, i FROM omop.person, generate_series(1, {each}) AS s(i)"),
            &["person_id", "i"],
        )
    };
    assert_eq!(site.failure(&rows(11)), Failed::TooManyRows);
    assert_eq!(site.ask(&rows(10)).unwrap().records, 1_000);
}

/// Of which all but the last are one person's: by then they are counted on a thread of their own.
#[test]
fn a_result_with_too_many_rows_fails_late_as_it_does_early() {
    let mut site = Site::new(|settings| settings.rows_max = 1_000);
    let late = plan(
        "SELECT 1 AS person_id, i FROM generate_series(1, 60000) AS s(i) UNION ALL \
         SELECT person_id, i FROM omop.person, generate_series(1, 11) AS s(i)",
        &["person_id", "i"],
    );
    assert_eq!(site.failure(&late), Failed::TooManyRows);
    assert!(site.ask(&plan("SELECT person_id FROM omop.person", &["person_id"])).is_ok());
}

#[test]
fn the_record_a_conversion_failed_on_is_told_to_nobody() {
    let mut site = Site::new(|_| {});
    let cast = plan(
        "SELECT person_id, CAST(value_as_string AS INTEGER) AS v FROM omop.observation",
        &["person_id", "v"],
    );
    let mut failed = None;
    let log = logged(|| failed = Some(site.failure(&cast)));
    assert_eq!(failed, Some(Failed::BadValue));
    assert!(log.contains("BadValue"), "the failure itself is logged: {log}");
    assert!(!log.contains(MARKER) && !format!("{failed:?}").contains(MARKER));
}

#[test]
fn values_that_cannot_be_computed_are_bad_values() {
    let mut site = Site::new(|_| {});
    for expression in ["person_id * 9223372036854775807", "CAST('x' || person_id AS DATE)"] {
        let wrong =
            plan(&format!("SELECT person_id, {expression} AS v FROM omop.person"), &["person_id", "v"]);
        assert_eq!(site.failure(&wrong), Failed::BadValue, "{expression}");
    }
}

#[test]
fn an_unknown_name_is_logged_here_and_not_sent() {
    let mut site = Site::new(|_| {});
    let unknown = plan("SELECT person_id, no_such_column FROM omop.person", &["person_id", "no_such_column"]);
    let mut failed = None;
    let log = logged(|| failed = Some(site.failure(&unknown)));
    assert_eq!(failed, Some(Failed::NotUnderstood), "{log}");
    assert!(log.contains("no_such_column"));
}

#[test]
fn a_question_about_checksums_is_not_taken_for_a_damaged_generation() {
    let mut site = Site::new(|_| {});
    watched(&mut site, |_| {});
    let unknown =
        plan("SELECT person_id, no_such_function('checksum') FROM omop.person", &["person_id", "x"]);
    let log = logged(|| assert_eq!(site.failure(&unknown), Failed::NotUnderstood));
    assert!(!log.contains("damaged"), "{log}");
    assert!(site.ask(&plan("SELECT person_id FROM omop.person", &["person_id"])).is_ok());
    assert_eq!(ids(site.folder.path()).len(), 1, "its worker goes on");
}

#[test]
fn numbers_divide_as_in_postgresql() {
    let mut site = Site::new(|_| {});
    let divided = plan("SELECT person_id FROM omop.person WHERE 7 / 2 = 3", &["person_id"]);
    assert_eq!(site.ask(&divided).unwrap().persons, 100);
}
