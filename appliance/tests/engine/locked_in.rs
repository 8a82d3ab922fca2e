//! Plans that the gate would never make, to show that the engine does not rely on it alone.

use std::fs;
use std::num::NonZeroU32;
use std::time::Duration;

use flip_appliance::engine::{CancelFlag, Engine, Export, Format, Members, Piece, Settings, export};
use flip_protocol::answer::Failed;
use flip_storage::confine::CallsConfined;

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
    let site = Site::new(|_| {});
    // A small generation has no threads beside the worker's own.
    let database = duckdb::Connection::open(&site.generation).unwrap();
    database.execute_batch("CREATE TABLE large AS SELECT hash(i) AS h FROM range(3000000) AS s(i)").unwrap();
    drop(database);
    let site = warmed(site, |_| {});
    assert_eq!(site.engine.sandbox().unwrap().calls, CallsConfined::Fully);
    let filters = of_threads(ids(site.folder.path())[0], "Seccomp:");
    assert!(filters.len() > 1, "DuckDB has threads of its own");
    assert!(filters.iter().all(|filter| filter == "2"), "{filters:?}");
}

#[test]
fn a_worker_has_the_limits_of_its_settings_and_none_is_soft() {
    let site = warm(|settings| settings.memory_mb = 64);
    check_limits(ids(site.folder.path())[0], 64);
}

/// The kernel's own limits of a worker whose engine may hold so many MiB.
fn check_limits(worker: u32, memory_mb: u64) {
    let limits = fs::read_to_string(format!("/proc/{worker}/limits")).unwrap();
    for (name, value) in [
        ("Max data size", (2 * memory_mb + 1_024) * 1_024 * 1_024),
        ("Max file size", 0),
        ("Max open files", 32),
        ("Max core file size", 0),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let soft_and_hard: Vec<&str> = line.split_whitespace().take(2).collect();
        assert_eq!(soft_and_hard, [value.to_string(), value.to_string()], "{name}");
    }
}

#[test]
fn a_worker_of_one_thread_has_one_processor_and_of_many_what_there_is() {
    let site = warm(|settings| settings.threads = NonZeroU32::MIN);
    check_has_one_processor(ids(site.folder.path())[0]);
    let site = warm(|settings| settings.threads = NonZeroU32::new(200).unwrap());
    let own = of_threads(std::process::id(), PROCESSORS);
    assert!(of_threads(ids(site.folder.path())[0], PROCESSORS).iter().all(|worker| own.contains(worker)));
}

#[test]
fn a_worker_that_exports_is_locked_in_as_one_that_counts() {
    let site = Site::new(|_| {});
    let folder = site.folder.path();
    let settings = Settings {
        worker_program: watched_program(folder),
        threads: NonZeroU32::MIN,
        memory_mb: 64,
        ..settings()
    };
    let wanted =
        Export { plan: plan("SELECT person_id FROM omop.person", &["person_id"]), format: Format::Csv };
    let members = Members { persons: (1..=100).collect(), accessions: [].into(), rows: 100 };
    let mut begun = 0;
    let take = |piece| {
        if matches!(piece, Piece::Begins) {
            let worker = ids(folder)[0];
            check_has_one_processor(worker);
            check_limits(worker, 64);
            assert!(of_threads(worker, "Seccomp:").iter().all(|filter| filter == "2"));
            begun += 1;
        }
        true
    };
    let (time, cancel) = (Duration::from_mins(2), CancelFlag::default());
    let exported = export(&settings, &site.generation, &wanted, &members, time, &cancel, take).unwrap();
    assert_eq!((exported.rows, begun), (100, 1));
}

/// A site whose worker has answered a question and waits for the next.
fn warm(change: impl FnOnce(&mut Settings)) -> Site {
    warmed(Site::new(|_| {}), change)
}

fn warmed(mut site: Site, change: impl FnOnce(&mut Settings)) -> Site {
    let mut settings = Settings { worker_program: watched_program(site.folder.path()), ..settings() };
    change(&mut settings);
    site.engine = Engine::new(settings);
    site.ask(&plan("SELECT person_id FROM omop.person", &["person_id"])).unwrap();
    site
}

/// The processors that a thread may run on, as the kernel lists them.
const PROCESSORS: &str = "Cpus_allowed_list:";

#[track_caller]
fn check_has_one_processor(worker: u32) {
    for processors in of_threads(worker, PROCESSORS) {
        assert!(processors.parse::<u32>().is_ok(), "{processors}");
    }
}

/// A line of the status of each thread of a process.
fn of_threads(process: u32, name: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads
        // A thread may end while they are looked at.
        .filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).ok())
        .map(|status| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned())
        .collect()
}
