//! A pull that is cut short goes on where it was.

use std::process::{Child, Command, Stdio};

use flip_storage::audit::Audit;
use flip_tests::postgres::Tls;
use flip_tests::world::until;
use postgres::Client;

use crate::support::{World, said};

/// Starts a pull that stops at `visit_occurrence`, whose table somebody has locked, with `person` read.
fn stopped_halfway(world: &World) -> (Child, Client) {
    stopped_at(world, "visit_occurrence", "observation_period")
}

/// Starts a pull that stops at a table, which somebody has locked, with the one before it read.
fn stopped_at(world: &World, table: &str, before: &str) -> (Child, Client) {
    let mut other = world.postgres.client().unwrap();
    other.batch_execute(&format!("BEGIN; LOCK TABLE omop.{table} IN ACCESS EXCLUSIVE MODE")).unwrap();
    let child = world.command(&["pull"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let state = world.spool().join("state.json");
    let mark = format!("\"table\": \"{before}\"");
    until("a table to be read", || {
        let text = std::fs::read_to_string(&state).unwrap_or_default();
        Ok(text.contains(&mark).then_some(()))
    })
    .unwrap();
    (child, other)
}

#[test]
fn a_killed_pull_goes_on_with_the_tables_that_are_missing() {
    let world = World::small(Tls::Off);
    let (mut child, other) = stopped_halfway(&world);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(other);
    assert!(world.manifest().is_none());

    let said = world.pulled(&[]);
    assert!(said.contains("person: 3 rows, read before"), "{said}");
    assert!(said.contains("visit_occurrence: 2 rows\n"), "{said}");
    assert!(said.contains("its tables are of 2 snapshots"), "{said}");
    assert_eq!(world.manifest().unwrap().rows("visit_occurrence"), Some(2));
    assert!(!world.spool().exists());
    let log = Audit::new(&world.data.path().join("audit.log")).newest(100).unwrap();
    let acts: Vec<(&str, Option<u64>)> =
        log.iter().rev().map(|act| (act.act.as_str(), act.facts["begun"].as_u64())).collect();
    let expected = [
        ("pull_begun", None),
        ("pull_failed", Some(1)),
        ("pull_begun", None),
        ("data_begun", None),
        ("data_ingested", Some(4)),
        ("data_pulled", Some(3)),
    ];
    assert_eq!(acts, expected);
}

#[test]
fn a_table_that_has_changed_since_is_read_again_and_fresh_reads_all() {
    let world = World::small(Tls::Off);
    let (mut child, other) = stopped_halfway(&world);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(other);
    world.sql("INSERT INTO omop.person VALUES (4, 8507, 2000, NULL, NULL, NULL, 0, 0)");
    let said = world.pulled(&[]);
    assert!(said.contains("person: 4 rows\n"), "{said}");
    assert_eq!(world.manifest().unwrap().rows("person"), Some(4));

    let (mut child, other) = stopped_halfway(&world);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(other);
    let said = world.pulled(&["--fresh"]);
    assert!(said.contains("person: 4 rows\n") && !said.contains("snapshots"), "{said}");
}

#[test]
fn a_server_that_dies_in_the_middle_is_named_and_the_next_pull_goes_on() {
    let mut world = World::small(Tls::Off);
    let (child, other) = stopped_halfway(&world);
    world.postgres.kill();
    drop(other);
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(
        said(&output).contains("the connection to PostgreSQL was lost while visit_occurrence was read"),
        "{}",
        said(&output)
    );
    assert!(world.audit().contains("pull_failed"));

    world.postgres.resume().unwrap();
    let said = world.pulled(&[]);
    assert!(said.contains("person: 3 rows, read before"), "{said}");
}

#[test]
fn one_pull_at_a_time() {
    let world = World::small(Tls::Off);
    let (mut child, other) = stopped_halfway(&world);
    let refused = world.refused(&[]);
    assert!(refused.contains("another pull is at work"), "{refused}");
    drop(other);
    assert!(child.wait().unwrap().success());
    assert_eq!(world.manifest().unwrap().rows("person"), Some(3));
}

#[test]
fn what_the_ingest_refuses_stays_until_the_cause_is_mended() {
    let world = World::small(Tls::Off);
    world.sql("ALTER TABLE omop.person DROP CONSTRAINT person_pkey; INSERT INTO omop.person SELECT * FROM omop.person LIMIT 1");
    let said = world.refused(&[]);
    assert!(said.contains("what was read was not ingested"), "{said}");
    world.sql("DELETE FROM omop.person WHERE ctid IN (SELECT max(ctid) FROM omop.person GROUP BY person_id HAVING count(*) > 1)");
    let said = world.pulled(&[]);
    assert!(
        said.contains("person: 3 rows\n") && said.contains("visit_occurrence: 2 rows, read before"),
        "{said}"
    );
    assert_eq!(world.manifest().unwrap().rows("person"), Some(3));
}

/// MiB that a pull may hold, whatever the tables hold. The one below is some 60 MiB as text.
const MEMORY_MIB: u64 = 48;

#[test]
fn memory_does_not_grow_with_a_table() {
    let world = World::small(Tls::Off);
    world.sql(
        "INSERT INTO omop.condition_era
             SELECT n, n % 3 + 1, 201820, DATE '2020-01-01', DATE '2020-02-02', 7 FROM generate_series(1, 1500000) AS n",
    );
    let (mut child, other) = stopped_at(&world, "episode", "condition_era");
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(other);
    assert!(peak_kib / 1_024 < MEMORY_MIB, "{peak_kib} KiB");
}

/// No file may grow beyond a limit: works for everybody, and gives the error of a full disk's sibling.
#[test]
fn a_full_disk_is_named_and_the_next_pull_goes_on() {
    let world = World::small(Tls::Off);
    world.sql(
        "INSERT INTO omop.condition_era
             SELECT n, n % 3 + 1, 201820, DATE '2020-01-01', DATE '2020-02-02', n % 1009 FROM generate_series(1, 200000) AS n",
    );
    let pull = world.command(&["pull"]);
    // Blocks of 512 or 1,024 bytes, as the shell likes.
    let output = Command::new("/bin/sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\""])
        .arg(pull.get_program())
        .args(pull.get_args())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = said(&output);
    assert!(text.contains("condition_era.partial is full; the tables that were read stay there"), "{text}");
    assert!(world.manifest().is_none());

    let said = world.pulled(&[]);
    assert!(said.contains("person: 3 rows, read before"), "{said}");
    assert_eq!(world.manifest().unwrap().rows("condition_era"), Some(200_000));
}
