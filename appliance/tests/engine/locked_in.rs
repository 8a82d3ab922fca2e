//! Plans that the gate would never make, to show that the engine does not rely on it alone.

use std::fs;

use flip_appliance::engine::{Calls, Engine, Settings};
use flip_protocol::answer::Failed;

use crate::fixture::{Site, ids, logged, plan, settings, watched_program};

/// What stands where a query should.
const STATEMENTS: [&str; 9] = [
    "COPY omop.person TO '/tmp/flip-edge-engine-test.csv'",
    "ATTACH '/tmp/flip-edge-engine-test.duckdb' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "PRAGMA database_list",
    "CREATE TABLE omop.mine AS SELECT 1",
    "DELETE FROM omop.person",
    "CALL pragma_version()",
];

#[test]
fn statements_in_place_of_a_query_are_not_understood() {
    let mut site = Site::new(|_| {});
    for statement in STATEMENTS {
        assert_eq!(site.failure(&plan(statement, &["person_id"])), Failed::NotUnderstood, "{statement}");
    }
}

#[test]
fn statements_that_break_out_of_the_brackets_do_nothing() {
    let mut site = Site::new(|_| {});
    let before = std::fs::read(&site.generation).unwrap();
    for statement in STATEMENTS {
        let broken_out =
            format!("SELECT 1 AS person_id) SELECT * FROM cohort; {statement}; SELECT * FROM (SELECT 1");
        let failed = site.failure(&plan(&broken_out, &["person_id"]));
        assert!(
            matches!(failed, Failed::NotUnderstood | Failed::Internal | Failed::BadValue),
            "{statement}: {failed:?}"
        );
    }
    assert_eq!(std::fs::read(&site.generation).unwrap(), before);
    assert!(!std::path::Path::new("/tmp/flip-edge-engine-test.csv").exists());
    assert!(!std::path::Path::new("/tmp/flip-edge-engine-test.duckdb").exists());
}

#[test]
fn files_the_environment_and_settings_are_out_of_reach() {
    let mut site = Site::new(|_| {});
    let reads = [
        "SELECT p.person_id, f.* FROM omop.person AS p, read_csv('/etc/passwd', header = false) AS f",
        "SELECT p.person_id, f.content FROM omop.person AS p, read_text('/etc/passwd') AS f",
        "SELECT p.person_id, f.file FROM omop.person AS p, glob('/etc/*') AS f",
        "SELECT p.person_id, f.* FROM omop.person AS p, '/etc/passwd' AS f",
        "SELECT p.person_id, f.* FROM omop.person AS p, sniff_csv('/etc/passwd') AS f",
        "SELECT person_id, getenv('HOME') AS home FROM omop.person",
    ];
    for read in reads {
        let mut failed = None;
        let log = logged(|| failed = Some(site.failure(&plan(read, &["person_id", "x"]))));
        assert!(matches!(failed, Some(Failed::NotUnderstood | Failed::Internal)), "{read}: {failed:?}");
        assert!(!log.contains("root:"), "{log}");
    }
}

#[test]
fn every_thread_of_a_worker_has_a_list_of_system_calls() {
    let mut site = Site::new(|_| {});
    site.engine = Engine::new(Settings { worker_program: watched_program(site.folder.path()), ..settings() });
    site.ask(&plan("SELECT person_id FROM omop.person", &["person_id"])).unwrap();
    assert_eq!(site.engine.sandbox().unwrap().calls, Calls::Confined);
    let threads = fs::read_dir(format!("/proc/{}/task", ids(site.folder.path())[0])).unwrap();
    let filters: Vec<bool> = threads
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).unwrap())
        .map(|status| status.contains("Seccomp:\t2"))
        .collect();
    assert!(filters.len() > 1, "DuckDB has threads of its own");
    assert!(!filters.contains(&false));
}
