//! Somebody at the Trust ends an order that takes too long for them.

use anyhow::Result;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Browser, Window, until};
use serde_json::json;

use crate::console::picture;
use crate::stage::{Stage, share};

#[test]
fn a_person_at_the_trust_ends_a_running_question_and_the_researcher_hears_so() -> Result<()> {
    let stage = Stage::set()?;
    // Before the question is asked, which takes no longer than some seconds.
    let browser = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: false })?;
    browser.enter(&stage.trust)?;
    let query = stage.ask_slow()?;
    browser.go(&format!("{}/orders", stage.trust.address()?))?;
    browser.click("tbody a")?;
    browser.shows("running")?;
    browser.picture(&picture("local-order-running")?)?;
    browser.click("form[action='/orders/end'] button")?;
    browser.shows("somebody at the Trust has ended the question")?;
    assert!(!browser.source()?.contains("/orders/end"), "what has ended can be ended again");
    let result = stage.api.complete(&query)?;
    assert_eq!(share(&result)["state"], "refused", "{result}");
    assert_eq!(share(&result)["code"], "ended_by_trust", "{result}");
    assert!(
        stage.trust.noted("order_ended_here")?.contains("order_ended_here"),
        "it is not in the audit log"
    );
    // The engine is there for the next one.
    let next = stage.api.ask("everyone", EVERYONE)?;
    assert_eq!(share(&stage.api.complete(&next)?)["state"], "value");
    Ok(())
}

#[test]
fn a_freeze_that_is_ended_says_so_and_keeps_nobody() -> Result<()> {
    let stage = Stage::set()?;
    let query = stage.ask_slow()?;
    assert_eq!(share(&stage.api.complete(&query)?)["state"], "value");
    let path = format!("/api/v1/queries/{query}/freeze");
    // Before the freeze begins, which takes no longer than the question.
    let browser = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: false })?;
    browser.enter(&stage.trust)?;
    assert!(stage.api.approve(&query)?, "it was staged before");
    until("the freeze to run", || {
        Ok((stage.api.get(&path)?.json()["trusts"][0]["order"]["state"] == "running").then_some(()))
    })?;
    browser.go(&format!("{}/orders", stage.trust.address()?))?;
    browser.click("tbody a")?;
    browser.click("form[action='/orders/end'] button")?;
    browser.shows("somebody at the Trust has ended the freeze")?;
    let told = until("the freeze to end", || {
        let told = stage.api.get(&path)?.json();
        Ok((told["complete"] == true).then(|| told["trusts"][0]["freezing"].clone()))
    })?;
    assert_eq!(told, json!({ "state": "not_frozen", "reason": "ended_here" }));
    assert_eq!(stage.trust.told(&["frozen", "list"])?, json!([]));
    Ok(())
}
