//! The local API: who reads what, what is written down of it, and what bad input and bad clients do.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use flip_appliance::api::Patience;
use flip_appliance::clock;
use flip_appliance::frozen::Facts;
use flip_protocol::UnixMillis;

use crate::support::{IMAGES, MARKER, NOW, PERSONS, Running, World};

fn token(world: &World, facts: &Facts) -> String {
    world.tokens().make(facts, 1, "a test", clock::now()).unwrap().1
}

/// Waits until something is so; fails loudly where it never is.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_mins(1);
    while !so() {
        assert!(Instant::now() < patience, "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_three_reads_give_the_cohort_and_are_written_down_before_and_after() {
    let world = World::new();
    let api = Running::start(&world, Patience::default());
    let facts = world.freeze(IMAGES);
    let token = token(&world, &facts);
    let told = api.get("/v1/cohort", Some(&token));
    let cohort = told.json();
    assert_eq!(cohort["cohort"], facts.name.to_string());
    assert_eq!((&cohort["persons"], &cohort["accession_ids"]), (&20.into(), &20.into()));
    assert_eq!(cohort["generation"], "g-000001");
    assert_eq!(cohort["columns"][1], "accession_id");
    let ids = api.get("/v1/accession-ids", Some(&token)).json();
    assert_eq!(ids["accession_ids"].as_array().unwrap().len(), 20);
    assert_eq!(ids["accession_ids"][0], "A0002");
    let rows = api.get("/v1/dataframe?format=csv", Some(&token));
    assert!(rows.status == 200 && rows.whole && rows.head.contains("text/csv"), "{}", rows.head);
    assert_eq!(String::from_utf8(rows.body.clone()).unwrap().lines().count(), 21);
    let arrow = api.get("/v1/dataframe", Some(&token));
    assert!(arrow.whole && arrow.head.contains("vnd.apache.arrow.stream"));
    let parquet = api.get("/v1/dataframe?format=parquet&compression=zstd", Some(&token));
    assert!(parquet.whole && parquet.body.starts_with(b"PAR1") && parquet.body.ends_with(b"PAR1"));
    let reads = world.reads();
    assert_eq!(reads.len(), 10, "{reads:?}");
    let csv = reads.iter().find(|entry| entry.facts["what"] == "dataframe, csv").unwrap();
    let end = reads.iter().find(|entry| entry.facts["read"] == csv.number).unwrap();
    assert_eq!(end.facts["outcome"], "whole");
    assert_eq!(end.facts["rows"], 20);
    assert_eq!(end.facts["bytes"], rows.body.len());
    let of_cohort = reads.iter().find(|entry| entry.facts["what"] == "cohort").unwrap();
    let end = reads.iter().find(|entry| entry.facts["read"] == of_cohort.number).unwrap();
    assert_eq!(end.facts["bytes"], told.body.len());
    assert!(!fs::read_to_string(world.path("audit.log")).unwrap().contains("A0002"));
}

#[test]
fn socket_and_tokens_are_the_owners_alone_and_no_token_is_kept() {
    let world = World::new();
    let api = Running::start(&world, Patience::default());
    let token = token(&world, &world.freeze(PERSONS));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&api.socket), 0o600);
    assert_eq!(mode(api.socket.parent().unwrap()), 0o700);
    assert_eq!(mode(&world.path("tokens")), 0o700);
    for entry in fs::read_dir(world.path("tokens")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600);
        let secret = token.rsplit('_').next().unwrap();
        assert!(!fs::read_to_string(path).unwrap().contains(secret));
    }
}

#[test]
fn a_token_that_is_missing_unknown_expired_revoked_or_of_a_dropped_cohort_reads_nothing() {
    let world = World::new();
    let api = Running::start(&world, Patience::default());
    let facts = world.freeze(PERSONS);
    let good = token(&world, &facts);
    let old = world.tokens().make(&facts, 1, "", UnixMillis(NOW.0 - 9_999_999_999)).unwrap().1;
    let (revoked, revoked_text) = world.tokens().make(&facts, 1, "", clock::now()).unwrap();
    world.tokens().revoke(&revoked.id, clock::now()).unwrap();
    let other = if good.ends_with('A') { 'E' } else { 'A' };
    let forged = format!("{}{other}", &good[..good.len() - 1]);
    for path in ["/v1/cohort", "/v1/accession-ids", "/v1/dataframe"] {
        for (token, code) in [
            (None, "token_missing"),
            (Some("x"), "token_unknown"),
            (Some("flip_../../etc/passwd_x"), "token_unknown"),
            (Some(forged.as_str()), "token_unknown"),
            (Some(old.as_str()), "token_expired"),
            (Some(revoked_text.as_str()), "token_revoked"),
        ] {
            let got = api.get(path, token);
            assert_eq!((got.status, got.code().as_str()), (401, code), "{path}");
            assert!(got.head.contains("application/problem+json") && got.head.contains("www-authenticate"));
        }
    }
    assert!(world.reads().is_empty());
    world.store.drop_one(&world.generations, &facts.name, "console", NOW).unwrap();
    for path in ["/v1/cohort", "/v1/accession-ids", "/v1/dataframe"] {
        let got = api.get(path, Some(&good));
        assert_eq!((got.status, got.code().as_str()), (410, "cohort_dropped"), "{path}");
    }
    // The next version is another one.
    world.freeze(PERSONS);
    assert_eq!(api.get("/v1/cohort", Some(&good)).code(), "cohort_dropped");
}

#[test]
fn bad_parameters_addresses_and_formats_are_named() {
    let world = World::new();
    let api = Running::start(&world, Patience::default());
    let span = "SELECT person_id, age(birth_datetime, birth_datetime) AS lived FROM person";
    let token = token(&world, &world.freeze(span));
    for (path, status, code) in [
        ("/v1/dataframe?format=xlsx", 400, "bad_parameter"),
        ("/v1/dataframe?format=csv&compression=zstd", 400, "bad_parameter"),
        ("/v1/dataframe?rows=5", 400, "bad_parameter"),
        ("/v1/dataframe?format=parquet", 422, "column_not_in_format"),
        ("/v1/images", 404, "not_found"),
        ("/", 404, "not_found"),
    ] {
        let got = api.get(path, Some(&token));
        assert_eq!((got.status, got.code().as_str()), (status, code), "{path}");
    }
}

#[test]
fn a_damaged_cohort_and_a_damaged_generation_are_named() {
    let world = World::new();
    let api = Running::start(&world, Patience::default());
    let facts = world.freeze(IMAGES);
    let token = token(&world, &facts);
    let path = world.path(&format!("frozen/{}.frozen", facts.name));
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    for path in ["/v1/accession-ids", "/v1/dataframe"] {
        let got = api.get(path, Some(&token));
        assert_eq!((got.status, got.code().as_str()), (503, "cohort_damaged"), "{path}");
    }
    let sound = world.freeze(PERSONS);
    let token = world.tokens().make(&sound, 1, "", clock::now()).unwrap().1;
    fs::write(world.path("generations/g-000001/damaged"), "found by a test").unwrap();
    let got = api.get("/v1/dataframe", Some(&token));
    assert_eq!((got.status, got.code().as_str()), (503, "generation_damaged"));
}

/// A world whose cohort has rows enough that a client's socket cannot take them all.
fn crowd() -> (World, Facts) {
    let world = World::empty();
    world.ingest_persons(1, 60_000);
    let columns: Vec<String> = (0..120).map(|n| format!("person_source_value AS c{n}")).collect();
    let facts = world.freeze(&format!("SELECT person_id, {} FROM person", columns.join(", ")));
    (world, facts)
}

fn ended(world: &World, outcome: &str) -> bool {
    world.reads().iter().any(|entry| entry.facts["outcome"] == outcome)
}

#[test]
fn a_client_that_stops_reading_or_leaves_or_is_withdrawn_ends_its_worker() {
    let (world, facts) = crowd();
    let patience = Patience { stalled: Duration::from_secs(3), ..Patience::default() };
    let api = Running::start(&world, patience);
    let token = token(&world, &facts);
    let stalled = api.send("/v1/dataframe?format=csv", Some(&token));
    until("the stalled client's end", || ended(&world, "client_stalled"));
    let mut rest = Vec::new();
    let mut stalled = stalled;
    stalled.read_to_end(&mut rest).unwrap_or_default();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "half an export ended as a whole one");
    let mut gone = api.send("/v1/dataframe?format=csv", Some(&token));
    let mut first = [0; 64];
    gone.read_exact(&mut first).unwrap();
    drop(gone);
    until("the end of a client that left", || ended(&world, "client_left"));
    // Other tests of this process have workers too, each for a moment.
    until("the end of every worker", || !workers_left());
    let mut withdrawn = api.send("/v1/dataframe?format=csv", Some(&token));
    withdrawn.read_exact(&mut first).unwrap();
    let id = world.tokens().list(clock::now()).unwrap()[0].id.clone();
    let spare = world.tokens().make(&facts, 1, "spare", clock::now()).unwrap().1;
    world.tokens().revoke(&id, clock::now()).unwrap();
    until("the end of a withdrawn read", || {
        // A little at a time, so that it neither stalls nor comes to its end.
        let mut some = vec![0; 128 * 1024];
        let read = withdrawn.read(&mut some).unwrap_or(0);
        assert!(read > 0 || ended(&world, "withdrawn"), "it came to its end though it was revoked");
        ended(&world, "withdrawn")
    });
    let token = spare;
    // Both places are free again.
    assert!(api.get("/v1/dataframe?format=csv", Some(&token)).whole);
    assert!(!fs::read_to_string(world.path("audit.log")).unwrap().contains(MARKER));
}

#[test]
fn a_read_that_the_appliances_stop_ends_is_not_called_its_clients_doing() {
    let (world, facts) = crowd();
    let api = Running::start(&world, Patience::default());
    let token = token(&world, &facts);
    let mut reader = api.send("/v1/dataframe?format=csv", Some(&token));
    reader.read_exact(&mut [0; 64]).unwrap();
    api.stopping.cancel();
    drop(reader);
    until("the end of the read", || world.reads().len() == 2);
    assert!(ended(&world, "appliance_stopped"), "{:?}", world.reads());
}

#[test]
fn clients_that_leave_at_once_leave_no_read_without_an_end() {
    let world = World::new();
    let api = Running::start(&world, Patience::default());
    let token = token(&world, &world.freeze(IMAGES));
    for _ in 0..45 {
        drop(api.send("/v1/accession-ids", Some(&token)));
    }
    // Those before it have begun by now, or never will.
    assert_eq!(api.get("/v1/accession-ids", Some(&token)).status, 200);
    let count = |act: &str| world.reads().iter().filter(|entry| entry.act == act).count();
    until("every end", || count("frozen_read") == count("frozen_read_ended"));
}

#[test]
fn more_exports_than_there_are_turns_for_are_told_to_come_back() {
    let (world, facts) = crowd();
    let api = Running::start(&world, Patience { turn: Duration::from_millis(100), ..Patience::default() });
    let token = token(&world, &facts);
    let mut first = [0; 64];
    let mut holding = [0, 1].map(|_| api.send("/v1/dataframe?format=csv", Some(&token)));
    for export in &mut holding {
        export.read_exact(&mut first).unwrap();
    }
    let got = api.get("/v1/dataframe?format=csv", Some(&token));
    assert_eq!((got.status, got.code().as_str()), (503, "busy"));
    assert!(got.head.contains("retry-after"), "{}", got.head);
    assert_eq!(api.get("/v1/cohort", Some(&token)).status, 200, "what is no export waits for none");
    drop(holding);
    until("a free turn", || api.get("/v1/dataframe?format=csv", Some(&token)).status == 200);
}

/// True where this process still has a worker as its child.
fn workers_left() -> bool {
    let me = std::process::id();
    let children = fs::read_dir(format!("/proc/{me}/task"))
        .unwrap()
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let ids: Vec<String> =
        children.flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    ids.iter().any(|id| {
        let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        command.windows(6).any(|window| window == b"worker")
    })
}
