//! Somebody at the Trust ends an order that takes too long for them.

use anyhow::Result;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Browser, Window};

use crate::console::picture;
use crate::stage::{Stage, share};

#[test]
fn a_person_at_the_trust_ends_a_running_question_and_the_researcher_hears_so() -> Result<()> {
    let stage = Stage::set()?;
    let query = stage.ask_slow()?;
    let browser = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: false })?;
    browser.go(&stage.trust.page()?)?;
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
    let listed = stage.trust.command(&["audit", "list", "--act", "order_ended_here"])?.output()?;
    assert!(
        String::from_utf8_lossy(&listed.stdout).contains("order_ended_here"),
        "it is not in the audit log"
    );
    // The engine is there for the next one.
    let next = stage.api.ask("everyone", EVERYONE)?;
    assert_eq!(share(&stage.api.complete(&next)?)["state"], "value");
    Ok(())
}
