//! What an administrator does with a Trust: look at it, ask new keys, make its keys void, remove it.

use std::fs;

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Browser, Window, until};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::{Stage, TRUST, share};

const DESK: Window = Window { width: 1_280, height: 1_300, dark: false, scripts: true };
const NARROW: Window = Window { width: 500, height: 1_900, dark: true, scripts: true };

impl Stage {
    /// The stage's Trust, as the API has it.
    fn the_trust(&self) -> Result<Value> {
        let all = self.api.get("/api/v1/trusts")?.json()["trusts"].clone();
        let found = all.as_array().and_then(|all| all.iter().find(|one| one["name"] == TRUST));
        found.cloned().context("no such Trust")
    }

    fn act(&self, act: &str, body: &Value) -> Result<(u16, Value)> {
        let id = self.the_trust()?["id"].as_str().context("no id")?.to_owned();
        let reply = self.api.post(&format!("/api/v1/trusts/{id}/{act}"), body)?;
        Ok((reply.status, reply.json()))
    }

    fn key(&self) -> Result<Vec<u8>> {
        Ok(fs::read(self.trust.data.join("identity/signing.key"))?)
    }
}

#[test]
fn new_keys_wait_until_the_audit_log_has_them() -> Result<()> {
    let stage = Stage::set()?;
    let (log, aside) = (stage.trust.data.join("audit.log"), stage.trust.data.join("audit.aside"));
    let before = stage.key()?;
    fs::rename(&log, &aside)?;
    fs::create_dir(&log)?;
    assert_eq!(stage.act("keys", &json!({}))?.0, 202);
    until("several tries", || {
        let tries = stage.trust.log().matches("the new keys were not taken over").count();
        Ok((tries >= 3).then_some(()))
    })?;
    assert!(stage.key()? == before, "without a word in the audit log");
    fs::remove_dir(&log)?;
    fs::rename(&aside, &log)?;
    until("new keys", || Ok((stage.key()? != before).then_some(())))?;
    assert_eq!(stage.trust.noted("keys_replaced")?.lines().count(), 1);
    assert_eq!(stage.hub.noted("keys_replaced")?.lines().count(), 1, "a further certificate for each try");
    Ok(())
}

#[test]
fn new_keys_are_made_while_orders_run_and_nothing_is_lost() -> Result<()> {
    let mut stage = Stage::set()?;
    let (slow, before) = (stage.ask_slow()?, stage.key()?);
    let waits = stage.api.ask("sealed to the old key", EVERYONE)?;
    assert_eq!(stage.act("keys", &json!({}))?.0, 202);
    until("new keys", || Ok((stage.key()? != before).then_some(())))?;
    for query in [&slow, &waits, &stage.api.ask("sealed to the new key", EVERYONE)?] {
        assert_eq!(share(&stage.api.complete(query)?)["state"], "value");
    }
    let trust = stage.the_trust()?;
    assert!(
        trust["rotation_asked"].is_null() && trust["keys"].as_u64() > trust["enrolled"].as_u64(),
        "{trust}"
    );
    assert!(stage.trust.noted("keys_replaced")?.contains("keys_replaced"), "not in the audit log");
    // They are the ones it has after a kill, and they can be replaced again.
    stage.trust.kill()?;
    stage.trust.resume()?;
    let after = stage.key()?;
    let output = stage.hub.command(&["trust", "rotate", TRUST])?.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    until("newer keys", || Ok((stage.key()? != after).then_some(())))?;
    assert_eq!(share(&stage.api.complete(&stage.api.ask("and on", EVERYONE)?)?)["state"], "value");
    Ok(())
}

#[test]
fn a_trust_whose_keys_are_void_is_out_until_it_enrols_anew() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    let query = stage.api.ask("asked before", EVERYONE)?;
    assert_eq!(stage.act("revoke", &json!({}))?.0, 204);
    stage.trust.resume()?;
    until("the appliance to hear so", || {
        let status = stage.trust.status()?;
        Ok(status["link"]["why"].as_str().is_some_and(|why| why.contains("made void")).then_some(()))
    })?;
    assert_eq!(stage.the_trust()?["link"], "revoked");
    assert_eq!(stage.act("keys", &json!({}))?.1["code"], "no_keys");
    let refused = stage.api.post("/api/v1/queries", &json!({ "name": "x", "sql": EVERYONE }))?;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("no_trusts")), "it would be asked");
    let result = stage.api.result(&query)?;
    assert_eq!(share(&result)["state"], "offline", "{result}");
    stage.trust.kill()?;
    let kit = stage.folder().join("again.kit");
    let (status, made) = stage.act("kit", &json!({}))?;
    assert_eq!(status, 201);
    fs::write(&kit, made["kit"].as_str().context("no kit")?)?;
    let output = stage.trust.command(&["enrol", "--again"])?.arg(&kit).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stage.trust.resume()?;
    assert_eq!(share(&stage.api.complete(&query)?)["state"], "value", "what waited is answered");
    Ok(())
}

#[test]
fn a_removed_trust_is_on_no_list_its_answers_stay_and_another_may_have_its_name() -> Result<()> {
    let stage = Stage::set()?;
    let query = stage.api.ask("asked before", EVERYONE)?;
    stage.api.complete(&query)?;
    let (status, problem) = stage.act("remove", &json!({ "name": "Northgate" }))?;
    assert_eq!((status, &problem["code"]), (422, &json!("name_differs")));
    let id = stage.the_trust()?["id"].as_str().context("no id")?.to_owned();
    assert_eq!(stage.act("remove", &json!({ "name": TRUST }))?.0, 204);
    assert_eq!(stage.api.get("/api/v1/trusts")?.json()["trusts"], json!([]));
    assert_eq!(stage.api.get(&format!("/api/v1/trusts/{id}"))?.status, 404);
    let result = stage.api.result(&query)?;
    let name =
        share(&result)["trust_name"].as_str().or(share(&result)["trust"].as_str()).context("no name")?;
    assert!(name.starts_with(TRUST) && name.contains("(removed 2"), "{result}");
    assert_eq!(share(&result)["state"], "value");
    stage.hub.add_trust(TRUST)?;
    assert_eq!(stage.the_trust()?["link"], "not_enrolled");
    Ok(())
}

#[test]
fn an_admin_looks_at_a_trust_and_manages_it_in_the_console() -> Result<()> {
    let mut stage = Stage::set()?;
    for name in ["Southmere Hospital", "Eastvale NHS Foundation Trust", "Westbrook"] {
        stage.hub.add_trust(name)?;
    }
    let health = || Ok(stage.the_trust()?["health"]["clock_ahead_ms"].is_i64().then_some(()));
    until("health", health)?;
    let (name, password) = stage.hub.credentials();
    let browser = Browser::open(DESK)?;
    browser.go(&format!("{}/trusts", stage.api.base()))?;
    browser.sign_in(name, password)?;
    browser.shows("Eastvale")?;
    assert!(browser.source()?.contains("of 4 reach the hub"), "no picture");
    browser.picture(&picture("trusts-topology")?)?;
    let id = stage.the_trust()?["id"].as_str().context("no id")?.to_owned();
    browser.go(&format!("{}/trusts/{id}", stage.api.base()))?;
    browser.shows("Appliance")?;
    browser.shows(" the hub")?;
    browser.shows("free of")?;
    browser.picture(&picture("trust-light")?)?;
    let before = stage.key()?;
    browser.click("form[action$='/keys'] button")?;
    until("new keys", || Ok((stage.key()? != before).then_some(())))?;
    browser.click("form[action*='/kit?once='] button")?;
    browser.shows("A new kit for")?;
    browser.shows("flip-appliance enrol --again northgate-hospital.kit")?;
    let narrow = Browser::open(NARROW)?;
    narrow.go(&format!("{}/trusts/{id}", stage.api.base()))?;
    narrow.sign_in(name, password)?;
    narrow.shows("Appliance")?;
    narrow.picture(&picture("trust-dark-narrow")?)?;
    narrow.click("details:has(input[name=name]) summary")?;
    narrow.fill("input[name=name]", "something else")?;
    narrow.click("form[action$='/remove'] button")?;
    narrow.shows("Its name is")?;
    narrow.fill("input[name=name]", TRUST)?;
    narrow.click("form[action$='/remove'] button")?;
    narrow.shows("Westbrook")?;
    assert!(!narrow.source()?.contains(&id), "still listed");
    stage.trust.kill()
}
