//! What the hub's audit holds.

mod altered;
mod routes;
mod uses;

use std::fs;

use anyhow::{Context as _, Result, ensure};
use flip_storage::audit::Head;
use flip_storage::rusqlite::{Connection, OpenFlags};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Browser, Hub, Window, until};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::{Stage, TRUST};

/// The acts in the hub's ledger, oldest first. Each must follow from the one before it.
fn acts(hub: &Hub) -> Result<Vec<Value>> {
    let ledger = Connection::open_with_flags(hub.data.join("hub.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = ledger.prepare("SELECT hash, entry FROM audit ORDER BY number")?;
    let kept: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let (mut head, mut acts) = (Head::none(), Vec::new());
    for (hash, entry) in kept {
        let followed = head.follow(&hash, &entry);
        ensure!(followed.is_ok(), "act {} does not follow: {followed:?}", head.entries + 1);
        acts.push(serde_json::from_str(&entry)?);
    }
    Ok(acts)
}

fn names(acts: &[Value]) -> Vec<&str> {
    acts.iter().filter_map(|act| act["act"].as_str()).collect()
}

#[test]
fn what_trusts_the_command_line_and_the_hub_do_is_noted_and_no_secret_is() -> Result<()> {
    let mut stage = Stage::set()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    let persons = stage.api.complete(&query)?["shares"][0]["persons"].clone();
    ensure!(stage.api.get(&format!("/api/v1/queries/{query}/csv"))?.status == 200);
    stage.hub.renew_kit(TRUST)?;
    stage.hub.program()?.terminate()?;
    let mut acts = acts(&stage.hub)?;
    // When these arrive is the appliance's affair.
    acts.retain(|act| act["act"] != "trust_head_kept");
    let expected = [
        "hub_made",
        "person_added",
        "hub_started",
        "trust_added",
        "trust_enrolled",
        "signed_in",
        "project_made",
        "query_asked",
        "order_ended",
        "answers_downloaded",
        "kit_made",
        "hub_stopped",
    ];
    assert_eq!(names(&acts), expected);
    let by: Vec<&str> = acts.iter().filter_map(|act| act["facts"]["by"]["kind"].as_str()).collect();
    let kinds =
        "command_line command_line hub command_line trust person person person trust person command_line hub";
    assert_eq!(by.join(" "), kinds);
    let ended = &acts[8]["facts"];
    assert_eq!((&ended["query"], &ended["by"]["name"]), (&json!(query), &json!(TRUST)), "{ended}");
    assert_eq!((&ended["state"], &ended["persons"]), (&json!("done"), &persons), "{ended}");
    let whole = serde_json::to_string(&acts)?;
    let (_, password) = stage.hub.credentials();
    let token = stage.api.token().context("no token")?;
    let kit = fs::read_to_string(stage.hub.data.join("northgate-hospital.kit"))?;
    let secret = kit.lines().find_map(|line| line.strip_prefix("secret = \"")).context("no secret")?;
    for secret in [password, token, secret.trim_end_matches('"'), EVERYONE] {
        assert!(!whole.contains(secret), "the audit holds {secret}");
    }
    Ok(())
}

/// Waits for an exchange of heads with the only Trust.
fn heads_exchanged(hub: &Hub) -> Result<()> {
    until("the Trust to tell how its log ends", || {
        Ok(names(&acts(hub)?).contains(&"trust_head_kept").then_some(()))
    })
}

#[test]
fn the_audit_is_filtered_paged_and_downloaded_on_every_way_alike() -> Result<()> {
    let stage = Stage::set()?;
    let (hub, admin) = (&stage.hub, &stage.api);
    let ada = hub.add_person("ada", "researcher")?;
    let made = ada.post("/api/v1/projects", &json!({ "name": "Lungs" }))?.json();
    let project = made["id"].as_str().context("no project")?;
    let asked = ada.post("/api/v1/queries", &json!({ "name": "x", "sql": EVERYONE, "project": project }))?;
    admin.complete(asked.json()["id"].as_str().context("no query")?)?;
    // More than a page of them.
    for _ in 0..60 {
        hub.api()?.send("DELETE", "/api/v1/session", "", "")?;
    }
    heads_exchanged(hub)?;
    let all = acts(hub)?;
    let numbers = |filter: &str| -> Result<Vec<u64>> {
        let (mut numbers, mut before) = (Vec::new(), String::new());
        loop {
            let page = admin.get(&format!("/api/v1/audit?{filter}&before={before}"))?;
            ensure!(page.status == 200, "{}", page.text);
            let page = page.json();
            let acts = page["acts"].as_array().context("no acts")?;
            ensure!(acts.len() <= 100, "a page of {}", acts.len());
            numbers.extend(acts.iter().filter_map(|act| act["number"].as_u64()));
            match page["next_before"].as_u64() {
                Some(next) => before = next.to_string(),
                None => return Ok(numbers),
            }
        }
    };
    let expected = |want: &dyn Fn(&Value) -> bool| -> Vec<u64> {
        all.iter().rev().filter(|act| want(act)).filter_map(|act| act["number"].as_u64()).collect()
    };
    assert_eq!(numbers("")?, expected(&|_| true));
    assert_eq!(numbers("who=ADA")?, expected(&|act| act["facts"]["by"]["name"] == "ada"));
    assert_eq!(numbers("who=trust")?, expected(&|act| act["facts"]["by"]["kind"] == "trust"));
    assert_eq!(numbers("act=signed_out&who=admin")?, expected(&|act| act["act"] == "signed_out"));
    let in_project = expected(&|act| act["facts"]["project"] == project);
    assert_eq!(in_project.len(), 3, "{in_project:?}");
    assert_eq!(numbers("project=lungs")?, in_project);
    assert_eq!(numbers(&format!("project={project}"))?, in_project);
    assert_eq!(numbers("trust=Northgate%20Hospital")?, expected(&|act| act["facts"]["trust"].is_string()));
    assert_eq!(numbers("until=2020-01-01")?, Vec::<u64>::new());
    assert_eq!(numbers("from=2020-01-01&act=hub_made")?, [1]);
    let bad = admin.get("/api/v1/audit?from=yesterday")?;
    assert_eq!((bad.status, &bad.json()["code"]), (422, &json!("bad_filter")), "{}", bad.text);

    let lines = admin.get("/api/v1/audit/export?project=lungs")?.text;
    let downloaded: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut read: Vec<u64> = downloaded.iter().filter_map(|act| act["number"].as_u64()).collect();
    read.reverse();
    assert_eq!(read, in_project);
    assert!(downloaded.iter().all(|act| act["hash"].as_str().is_some_and(|hash| hash.len() == 64)));
    let csv = admin.get("/api/v1/audit/export?format=csv")?.text;
    assert!(csv.starts_with("number,at,by,act,facts,hash\r\n1,20"), "{csv}");
    assert_eq!(csv.lines().count(), 1 + acts(hub)?.len(), "heading and every act, its own the last");
    assert_eq!(names(&acts(hub)?).last(), Some(&"audit_exported"));
    let (done, said) = hub.said(&["audit", "export", "--project", "lungs"])?;
    assert!(done);
    assert_eq!(said, lines);
    // What was not written out was not exported.
    let before = acts(hub)?.len();
    let there = hub.data.join("hub.toml");
    let (done, said) = hub.said(&["audit", "export", "--out", there.to_str().context("no path")?])?;
    assert!(!done && said.contains("hub.toml cannot be made"), "{said}");
    assert_eq!(acts(hub)?.len(), before);
    let (done, said) = hub.said(&["audit", "list", "--who", "ada", "--most", "2"])?;
    assert!(done && said.lines().count() == 2 && said.contains("query_asked"), "{said}");
    let (done, said) = hub.said(&["audit", "list", "--act", "signd_in"])?;
    assert!(!done && said.contains("no act is named \"signd_in\""), "{said}");
    let checked = admin.get("/api/v1/audit/check")?.json();
    assert_eq!((&checked["whole"], &checked["entries"]), (&json!(true), &json!(acts(hub)?.len())));
    let ada_sees = ada.get("/api/v1/audit/export")?;
    assert_eq!(ada_sees.status, 404, "{}", ada_sees.text);
    Ok(())
}

#[test]
fn an_admin_looks_through_the_audit_in_the_console() -> Result<()> {
    let stage = Stage::set()?;
    stage.api.complete(&stage.api.ask("Diabetes since 2010", EVERYONE)?)?;
    let (name, password) = stage.hub.credentials();
    let window = Window { width: 1_280, height: 1_000, dark: false, scripts: true };
    let browser = Browser::open(window)?;
    browser.go(&format!("{}/audit", stage.api.base()))?;
    browser.sign_in(name, password)?;
    browser.shows("Diabetes since 2010")?;
    browser.click("main button[name=check]")?;
    browser.shows("The audit is whole")?;
    browser.picture(&picture("audit-light")?)?;
    let complaints = browser.complaints()?;
    assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
    browser.fill("input[name=trust]", TRUST)?;
    browser.fill("input[name=from]", "yesterday")?;
    browser.click("main form.looking button")?;
    browser.shows("is no time")?;
    browser.fill("input[name=from]", "2020-01-01")?;
    browser.click("main form.looking button")?;
    browser.shows("enrolled")?;
    assert!(!browser.source()?.contains("asked a query</th>"), "the filter lets everything by");
    let narrow = Browser::open(Window { width: 500, height: 1_400, dark: true, scripts: false })?;
    narrow.go(&format!("{}/audit?who=admin", stage.api.base()))?;
    narrow.sign_in(name, password)?;
    narrow.shows("signed in")?;
    narrow.picture(&picture("audit-dark-narrow")?)?;
    Ok(())
}
