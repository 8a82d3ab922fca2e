//! Somebody at the hub does not want an answer any more.

use anyhow::Result;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Browser, Window, until};
use serde_json::json;

use crate::stage::{SLOW, Stage, share};

#[test]
fn a_running_question_is_cancelled_and_the_one_behind_it_too_and_nothing_of_them_leaves() -> Result<()> {
    let stage = Stage::set()?;
    let api = &stage.api;
    let running = stage.ask_slow()?;
    // Another question, which waits for its turn at the Trust.
    let behind = api.ask("behind", &SLOW.replace("> 3", "> 4"))?;
    until("the second one to be at the Trust", || {
        Ok((share(&api.result(&behind)?)["stage"] == "delivered").then_some(()))
    })?;
    for query in [&behind, &running] {
        let reply = api.post(&format!("/api/v1/queries/{query}/cancel"), &json!({}))?;
        assert_eq!(reply.status, 204, "{}", reply.text);
        assert_eq!(share(&api.complete(query)?)["state"], "cancelled");
        let again = api.post(&format!("/api/v1/queries/{query}/cancel"), &json!({}))?;
        assert_eq!((again.status, &again.json()["code"]), (409, &json!("nothing_to_cancel")));
    }
    // The Trust is free for the next one, and holds neither.
    let next = api.ask("everyone", EVERYONE)?;
    assert_eq!(share(&api.complete(&next)?)["state"], "value");
    let listed = stage.trust.noted("order_cancelled")?;
    assert_eq!(listed.matches("order_cancelled").count(), 2, "{listed}");
    let answered = stage.trust.noted("question_answered")?;
    assert_eq!(answered.matches("question_answered").count(), 1, "{answered}");
    assert_eq!(share(&api.result(&running)?)["state"], "cancelled", "an answer came after all");
    Ok(())
}

#[test]
fn a_question_that_never_left_the_hub_is_withdrawn() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    assert_eq!(stage.api.post(&format!("/api/v1/queries/{query}/cancel"), &json!({}))?.status, 204);
    stage.trust.resume()?;
    let next = stage.api.ask("again", EVERYONE)?;
    assert_eq!(share(&stage.api.complete(&next)?)["state"], "value");
    assert_eq!(share(&stage.api.result(&query)?)["state"], "cancelled");
    Ok(())
}

#[test]
fn a_cancelled_order_that_a_killed_appliance_holds_is_ended_when_it_is_back() -> Result<()> {
    let mut stage = Stage::set()?;
    let query = stage.ask_slow()?;
    stage.trust.kill()?;
    assert_eq!(stage.api.post(&format!("/api/v1/queries/{query}/cancel"), &json!({}))?.status, 204);
    stage.trust.resume()?;
    until("the order to be ended", || {
        Ok(stage.trust.noted("order_cancelled")?.contains("order_cancelled").then_some(()))
    })
}

#[test]
fn the_button_that_cancels_goes_with_the_last_answer() -> Result<()> {
    let stage = Stage::cut_off()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    let browser = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: true })?;
    browser.go(&format!("{}/queries/{query}", stage.api.base()))?;
    let (name, password) = stage.hub.credentials();
    browser.sign_in(name, password)?;
    browser.shows("Cancel what is under way")?;
    stage.wire.mend();
    browser.shows("persons at 1 of 1 Trust")?;
    let page = browser.text("main")?;
    assert!(page.contains("Ask again") && !page.contains("Cancel what is under way"), "{page}");
    Ok(())
}
