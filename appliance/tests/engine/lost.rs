//! Workers that die, and programs that are no workers.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use flip_appliance::engine::{
    CancelFlag, Engine, EngineFailure, Export, ExportFailure, Format, Members, Settings, export,
};
use flip_gate::Plan;
use flip_protocol::answer::Failed;
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::TODAY;
use crate::fixture::{
    Site, ask, endless_plan, exists, ids, logged, plan, script, settings, slow_plan, ticks, watched_program,
};

/// Clock ticks of processor time after which a worker is in the middle of a busy plan, well past its start.
const MID_QUERY_TICKS: u64 = 40;

/// Asks a long question while the first `deaths` workers are killed in the middle of it.
fn ask_under_fire(site: &mut Site, plan: &Plan, deaths: usize) -> Result<(), EngineFailure> {
    let folder = site.folder.path().to_owned();
    let engine = Engine::new(Settings { worker_program: watched_program(&folder), ..settings() });
    site.engine = engine;
    let answered = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut killed = 0;
            while killed < deaths && !answered.load(Ordering::Acquire) {
                if let Some(id) = ids(&folder).get(killed)
                    && ticks(*id) > MID_QUERY_TICKS
                {
                    let id = Pid::from_raw(i32::try_from(*id).unwrap()).unwrap();
                    kill_process(id, Signal::KILL).unwrap();
                    killed += 1;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        let outcome = ask(&mut site.engine, &site.generation, plan).map(|_| ());
        answered.store(true, Ordering::Release);
        outcome
    })
}

#[test]
fn a_worker_killed_in_the_middle_is_replaced_once_and_the_question_answered() {
    let mut site = Site::new(|_| {});
    assert_eq!(ask_under_fire(&mut site, &slow_plan(), 1), Ok(()));
    assert_eq!(ids(site.folder.path()).len(), 2);
}

#[test]
fn a_question_that_loses_two_workers_is_given_up() {
    let mut site = Site::new(|_| {});
    assert_eq!(ask_under_fire(&mut site, &endless_plan(), 2), Err(EngineFailure::Failed(Failed::EngineLost)));
    let ids = ids(site.folder.path());
    assert_eq!(ids.len(), 2);
    assert!(ids.into_iter().all(|id| !exists(id)));
}

#[test]
fn a_worker_that_died_between_questions_costs_nothing() {
    let mut site = Site::new(|_| {});
    site.engine = Engine::new(Settings { worker_program: watched_program(site.folder.path()), ..settings() });
    let all = plan("SELECT person_id FROM omop.person", &["person_id"]);
    site.ask(&all).unwrap();
    let id = Pid::from_raw(i32::try_from(ids(site.folder.path())[0]).unwrap()).unwrap();
    kill_process(id, Signal::KILL).unwrap();
    site.ask(&all).unwrap();
    assert_eq!(ids(site.folder.path()).len(), 2);
}

#[test]
fn programs_that_talk_nonsense_are_lost_and_reaped() {
    let nonsense = [
        "echo nonsense that is longer than a length",
        "printf '\\377\\377\\377\\177\\000\\000\\000\\000'; exec sleep 1000",
        "printf '\\005\\000\\000\\000hello'; exec sleep 1000",
        "exit 3",
        "exec cat /dev/zero",
    ];
    for body in nonsense {
        let mut site = Site::new(|_| {});
        let noted = format!("echo $$ >> '{}'\n{body}", site.folder.path().join("ids").display());
        let program = script(site.folder.path(), &noted);
        site.engine = Engine::new(Settings { worker_program: program, ..settings() });
        let failed = site.failure(&plan("SELECT person_id FROM omop.person", &["person_id"]));
        assert_eq!(failed, Failed::EngineLost, "{body}");
        let ids = ids(site.folder.path());
        assert!(!ids.is_empty() && ids.into_iter().all(|id| !exists(id)), "{body}");
    }
}

#[test]
fn a_program_that_says_nothing_runs_into_the_time_limit() {
    let mut site = Site::new(|_| {});
    let program = script(site.folder.path(), "exec sleep 1000");
    let timeout = Duration::from_millis(300);
    site.engine = Engine::new(Settings { worker_program: program, timeout, ..settings() });
    let failed = site.failure(&plan("SELECT person_id FROM omop.person", &["person_id"]));
    assert_eq!(failed, Failed::Timeout);
}

#[test]
fn a_program_that_is_not_there_is_an_internal_failure() {
    let mut site = Site::new(|settings| settings.worker_program = "/no/such/program".into());
    assert_eq!(site.failure(&plan("SELECT 1 AS person_id", &["person_id"])), Failed::Internal);
}

#[test]
fn a_generation_that_is_not_there_is_an_internal_failure() {
    let mut site = Site::new(|_| {});
    site.generation = site.folder.path().join("none.duckdb");
    assert_eq!(site.failure(&plan("SELECT 1 AS person_id", &["person_id"])), Failed::Internal);
    std::fs::write(&site.generation, "not a database").unwrap();
    assert_eq!(site.failure(&plan("SELECT 1 AS person_id", &["person_id"])), Failed::Internal);
}

#[test]
fn a_damaged_generation_gives_no_number_and_is_named_in_the_log() {
    let mut site = Site::new(|_| {});
    let all = plan(
        "SELECT person_id, year_of_birth, gender_source_value FROM omop.person",
        &["person_id", "y", "g"],
    );
    let sound = std::fs::read(&site.generation).unwrap();
    // One bit in the middle of each block that follows the three headers.
    let mut damaged = sound.clone();
    (12_288 + 131_072..damaged.len()).step_by(262_144).for_each(|at| damaged[at] ^= 4);
    std::fs::write(&site.generation, &damaged).unwrap();
    let log = logged(|| assert_eq!(site.failure(&all), Failed::Internal));
    assert!(log.contains("damaged") && log.contains("data show --verify"), "{log}");
}

#[test]
fn a_worker_dies_with_the_appliance_in_the_middle_of_a_question() {
    let site = Site::new(|_| {});
    let id_file = site.folder.path().join("id");
    // The shell stands for the appliance; its death does not close the pipe, which the test holds.
    let mut appliance = Command::new("/bin/sh")
        .args(["-c", r#"exec 3<&0; "$0" worker <&3 & echo $! > "$1"; wait"#])
        .arg(env!("CARGO_BIN_EXE_flip-appliance"))
        .arg(&id_file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = appliance.stdin.take().unwrap();
    let mut frame = |body: serde_json::Value| {
        let body = body.to_string();
        stdin.write_all(&u32::try_from(body.len()).unwrap().to_le_bytes()).unwrap();
        stdin.write_all(&[0; 4]).unwrap();
        stdin.write_all(body.as_bytes()).unwrap();
    };
    frame(serde_json::json!({ "Configure": {
        "generation_file": site.generation, "memory_mb": 256, "threads": 2, "rows_max": 1000, "cost_max": u64::MAX, "counts": true,
    }}));
    frame(
        serde_json::json!({ "Run": [{ "plan": endless_plan(), "age_day": TODAY, "crowd": 5 }, "AsBefore"] }),
    );
    let mut hello_length = [0; 8];
    appliance.stdout.as_mut().unwrap().read_exact(&mut hello_length).unwrap();
    let worker: u32 = fs::read_to_string(&id_file).unwrap().trim().parse().unwrap();
    while ticks(worker) < MID_QUERY_TICKS {
        thread::sleep(Duration::from_millis(5));
    }
    appliance.kill().unwrap();
    appliance.wait().unwrap();
    // Whoever adopted it may take its time to reap it.
    let is_running = || {
        fs::read_to_string(format!("/proc/{worker}/status")).is_ok_and(|status| !status.contains("State:\tZ"))
    };
    while is_running() {
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_export_that_never_ends_is_held_to_its_time_though_there_is_always_more_to_read() {
    let site = Site::new(|_| {});
    let hello = r#"{"Hello":{"engine_version":"x","sandbox":{"files":"fully","calls":"fully"}}}"#;
    // It takes its configuration, says hello, and waits to be asked: a worker that speaks before is lost for that.
    let endless = format!(
        "exec perl -e 'sub frame {{ pack(\"VV\", length($_[0]), length($_[1])) . $_[0] . $_[1] }} \
         sub taken {{ read(STDIN, my $head, 8); my ($body, $behind) = unpack(\"VV\", $head); \
         read(STDIN, my $rest, $body + $behind) }} \
         $| = 1; taken(); print frame(q({hello}), \"\"); taken(); \
         my $piece = frame(q(\"Piece\"), \"x\" x 100000); print $piece while 1'"
    );
    let worker_program = script(site.folder.path(), &endless);
    let wanted =
        Export { plan: plan("SELECT person_id FROM omop.person", &["person_id"]), format: Format::Csv };
    let members = Members { persons: (1..=100).collect(), accessions: BTreeSet::new(), rows: 100 };
    let mut pieces = 0;
    let outcome = export(
        &Settings { worker_program, ..settings() },
        &site.generation,
        &wanted,
        &members,
        Duration::from_secs(1),
        &CancelFlag::default(),
        |_| {
            // Slower than they come, so that there is always one more.
            thread::sleep(Duration::from_millis(1));
            pieces += 1;
            pieces < 5_000
        },
    );
    assert!(
        matches!(outcome, Err(ExportFailure::Failed(Failed::Timeout))),
        "{outcome:?} after {pieces} pieces"
    );
}
