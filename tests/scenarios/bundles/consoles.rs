//! The way of a stick by the buttons of both consoles.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Browser, Window, until};

use super::{share, stick};
use crate::console::{picture, printed};
use crate::stage::{Stage, TRUST};

/// No larger than what there is to see: it is shown in docs/STICKS.md.
const DESK: Window = Window { width: 1_000, height: 860, dark: false, scripts: true };
const NARROW: Window = Window { width: 500, height: 1_400, dark: true, scripts: false };

#[test]
fn a_bundle_goes_there_and_back_by_the_buttons_of_both_consoles() -> Result<()> {
    let stage = Stage::set()?;
    stage.wire.cut();
    let query = stage.api.ask("everyone", EVERYONE)?;
    let trusts = stage.api.get("/api/v1/trusts")?.json();
    let id = trusts["trusts"][0]["id"].as_str().context("no Trust")?.to_owned();
    let folder = stick(&stage, "downloads")?;
    let out = folder.join("out.flip");
    fs::write(&out, stage.api.file(&format!("/trusts/{id}/bundle"))?)?;

    let browser = Browser::open(DESK)?;
    browser.enter(&stage.trust)?;
    browser.shows("Sticks")?;
    let sticks = format!("{}/sticks", stage.trust.address()?);
    let bring = |browser: &Browser, page: &str, file: &std::path::Path, words: &str| -> Result<()> {
        browser.go(page)?;
        browser.fill("input[type=file]", file.to_str().context("no path")?)?;
        browser.click("#bring ~ form button")?;
        browser.shows(words)
    };
    bring(&browser, &sticks, &out, "Taken in: 1 orders")?;
    browser.picture(&printed("local-sticks-taken")?)?;
    bring(&browser, &sticks, &out, "Refused (replayed)")?;
    browser.picture(&printed("local-sticks-refused")?)?;
    until("the answer", || Ok((stage.trust.status()?["outgoing"] == 1).then_some(())))?;
    browser.go(&sticks)?;
    browser.shows("1 result waits")?;
    browser.picture(&printed("local-sticks-waiting")?)?;
    let back = folder.join("back.flip");
    let secret = format!("Bearer {}", stage.trust.secret()?);
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_mins(1))).proxy(None).build().into();
    let mut answer = agent
        .post(format!("{sticks}/answer"))
        .header("authorization", secret)
        .header("sec-fetch-site", "same-origin")
        .send_empty()?;
    fs::write(&back, answer.body_mut().read_to_vec()?)?;

    for window in [NARROW, DESK] {
        let browser = Browser::open(window)?;
        let (name, password) = stage.hub.credentials();
        browser.go(&format!("{}/sticks", stage.api.base()))?;
        browser.fill("input[name=account]", name)?;
        browser.fill("input[name=password]", password)?;
        browser.click("main button[type=submit]")?;
        // Signing in may take its time, and going elsewhere would cut it off.
        browser.shows("Answers from a Trust")?;
        let page = format!("{}/sticks", stage.api.base());
        if window.dark {
            bring(&browser, &page, &out, "Refused (wrong_way): it goes the other way")?;
            browser.picture(&picture("hub-sticks-narrow")?)?;
        } else {
            browser.shows("1 order waits")?;
            browser.picture(&printed("hub-sticks-waiting")?)?;
            bring(&browser, &page, &back, "1 results stored")?;
            assert!(browser.source()?.contains(TRUST));
            browser.picture(&printed("hub-sticks-taken")?)?;
            let complaints = browser.complaints()?;
            assert!(complaints.is_empty(), "{complaints:?}");
        }
    }
    assert_eq!(share(&stage.api.result(&query)?)["persons"], 1_130);
    Ok(())
}
