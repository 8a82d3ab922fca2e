//! Second factors: set up, asked for at every sign-in, lost and reset.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use flip_tests::world::{Api, Authenticator, Browser, Hub, HubOptions, PASSWORD, Window, link_in};
use serde_json::{Value, json};

use crate::console::picture;
use crate::people::form;

/// A hub at which nobody does without.
fn strict() -> HubOptions {
    HubOptions { second_factor: true, ..HubOptions::default() }
}

fn given(half: &Api, code: &str) -> Result<(u16, Value)> {
    let reply = half.post("/api/v1/second-factor/code", &json!({ "code": code }))?;
    Ok((reply.status, reply.json()))
}

#[test]
fn a_password_alone_opens_nothing_and_each_code_lets_in_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), strict())?;
    let half = hub.api()?;
    assert_eq!(half.get("/api/v1/session")?.json()["awaits"], "enrolment");
    for path in ["/api/v1/queries", "/api/v1/people", "/api/v1/projects/00000000-0000-7000-8000-000000000000"]
    {
        let refused = half.get(path)?;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (403, &json!("second_factor_needed")),
            "{path}"
        );
    }
    let wrong = half.post("/api/v1/second-factor", &json!({ "code": "000000" }))?;
    assert_eq!((wrong.status, &wrong.json()["code"]), (422, &json!("wrong_code")));
    let (whole, app, codes) = half.enrol()?;
    assert_eq!(whole.get("/api/v1/session")?.json()["awaits"], Value::Null);
    assert_eq!(half.get("/api/v1/session")?.status, 401, "the session of the password alone goes on");
    assert_eq!((codes.len(), whole.get("/api/v1/people")?.status), (10, 200));

    let again = hub.api()?;
    let state = again.get("/api/v1/second-factor")?.json();
    assert_eq!((&state["offer"], &state["recovery_codes_left"]), (&Value::Null, &json!(10)), "{state}");
    let other = again.post("/api/v1/second-factor", &json!({ "code": app.code(0)? }))?;
    assert_eq!((other.status, &other.json()["code"]), (409, &json!("has_second_factor")));
    let (status, refused) = given(&again, &app.code(-3)?)?;
    assert_eq!((status, &refused["code"]), (422, &json!("wrong_code")));
    // A telephone that is half a minute ahead.
    let next = app.code(1)?;
    let (status, opened) = given(&again, &next)?;
    ensure!(status == 201, "{opened}");
    let signed_in = again.with_token(&opened)?;
    assert_eq!(signed_in.get("/api/v1/queries")?.status, 200);
    assert_eq!(again.get("/api/v1/session")?.status, 401, "the token is the one of before");
    let third = hub.api()?;
    for used in [&next, &app.code(0)?, &app.code(-1)?] {
        let (status, refused) = given(&third, used)?;
        assert_eq!((status, &refused["code"]), (422, &json!("code_used")), "{refused}");
    }
    let (status, opened) = given(&third, &codes[4].to_uppercase())?;
    ensure!(status == 201, "{opened}");
    let fourth = hub.api()?;
    let (status, refused) = given(&fourth, &codes[4])?;
    assert_eq!((status, &refused["code"]), (422, &json!("wrong_code")), "a recovery code works again");
    assert!(refused["detail"].as_str().is_some_and(|why| why.contains("was used already")), "{refused}");

    // With the next recovery code come ten others; those of before are void.
    let signed_in = third.with_token(&opened)?;
    let made = signed_in.post("/api/v1/second-factor/recovery-codes", &json!({ "code": codes[0] }))?;
    ensure!(made.status == 201, "{}", made.text);
    let others = made.json()["recovery_codes"].clone();
    assert_eq!((others.as_array().map(Vec::len), given(&fourth, &codes[1])?.0), (Some(10), 422));

    // Another app takes the first one's place where the first is shown.
    let offer = signed_in.get("/api/v1/second-factor")?.json()["offer"]["secret"].clone();
    let new = Authenticator::new(offer.as_str().context("nothing is offered")?)?;
    let without = signed_in.post("/api/v1/second-factor", &json!({ "code": new.code(0)? }))?;
    assert_eq!((without.status, &without.json()["code"]), (409, &json!("has_second_factor")));
    // Which of the two is wrong is said.
    let wrong = signed_in.post("/api/v1/second-factor", &json!({ "code": "000000", "now": others[0] }))?;
    assert!(wrong.status == 422 && wrong.text.contains("The new app's code is wrong"), "{}", wrong.text);
    let with = json!({ "code": new.code(0)?, "now": others[0] });
    let replaced = signed_in.post("/api/v1/second-factor", &with)?;
    assert_eq!((replaced.status, whole.get("/api/v1/session")?.status), (201, 401), "{}", replaced.text);
    let last = hub.api()?;
    assert_eq!(
        given(&last, others[1].as_str().context("no code")?)?.0,
        422,
        "codes of the first app work on"
    );
    assert_eq!(given(&last, &new.code(1)?)?.0, 201);
    Ok(())
}

#[test]
fn no_link_and_no_password_gets_around_it_and_admins_reset_what_is_lost() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), strict())?;
    let (admin, ..) = hub.api()?.enrol()?;
    let (ben, ..) = hub.add_person("ben", "researcher")?.enrol()?;
    let known = admin.get("/api/v1/people?search=ben")?.json()["people"][0].clone();
    let id = known["id"].as_str().context("no id")?;
    assert!(known["second_factor_since"].is_u64(), "{known}");
    let reset = admin.post(&format!("/api/v1/people/{id}/reset"), &json!({}))?.json();
    let link = link_in(reset["link"].as_str().context("no link")?)?;
    let chosen = "password=seven+quiet+otters+ashore&again=seven+quiet+otters+ashore";
    assert_eq!(form(&hub.stranger()?, &link, chosen)?.status, 200);
    let sign_in = || hub.stranger()?.sign_in("ben", "seven quiet otters ashore");
    let awaits = |half: &Api| -> Result<Value> { Ok(half.get("/api/v1/session")?.json()["awaits"].clone()) };
    let half = sign_in()?;
    assert_eq!((awaits(&half)?, ben.get("/api/v1/session")?.status), (json!("code"), 401));
    assert_eq!(half.get("/api/v1/queries")?.status, 403);

    let path = format!("/api/v1/people/{id}/second-factor/reset");
    assert_eq!(half.post(&path, &json!({}))?.json()["code"], "second_factor_needed");
    let gone = admin.post(&path, &json!({}))?.json();
    assert_eq!((&gone["second_factor_since"], half.get("/api/v1/session")?.status), (&Value::Null, 401));
    let twice = admin.post(&path, &json!({}))?;
    assert_eq!((twice.status, &twice.json()["code"]), (409, &json!("no_second_factor")));
    let me = admin.get("/api/v1/people?search=admin")?.json()["people"][0]["id"].clone();
    let own = format!("/api/v1/people/{}/second-factor/reset", me.as_str().context("no id")?);
    assert_eq!(admin.post(&own, &json!({}))?.json()["code"], "oneself");

    let half = sign_in()?;
    assert_eq!(awaits(&half)?, "enrolment");
    let (whole, ..) = half.enrol()?;
    let (done, said) = hub.said(&["user", "reset-second-factor", "ben"])?;
    assert!(done && said.contains("at the next sign-in"), "{said}");
    assert_eq!(whole.get("/api/v1/session")?.status, 401);
    let (done, said) = hub.said(&["user", "reset-second-factor", "ben"])?;
    assert!(!done && said.contains("ben has no second factor"), "{said}");
    Ok(())
}

#[test]
fn secrets_are_sealed_in_the_ledger_and_open_with_their_key_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), strict())?;
    let half = hub.api()?;
    let offer = half.get("/api/v1/second-factor")?.json()["offer"]["secret"].clone();
    let secret = offer.as_str().context("nothing is offered")?.to_owned();
    let (_, _, codes) = half.enrol()?;
    let raw = totp_rs::Secret::try_from_base32(secret.replace('-', "")).ok().context("no base32")?;
    let plain = [secret.as_bytes(), secret.replace('-', "").as_bytes(), raw.as_bytes()].map(<[u8]>::to_vec);
    let recovery = codes.iter().flat_map(|code| [code.clone(), code.replace('-', "")]);
    for secret in plain.into_iter().chain(recovery.map(String::into_bytes)) {
        for file in ["hub.sqlite", "hub.sqlite-wal", "hub.log"] {
            let bytes = fs::read(hub.data.join(file))?;
            assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{file} holds a secret");
        }
    }
    let (sound, said) = hub.said(&["check"])?;
    assert!(sound && said.contains("1 second factors open with keys/cells.key"), "{said}");

    // A backup has the key with it.
    let saved = folder.path().join("saved");
    let (done, said) = hub.said(&["backup", saved.to_str().context("path")?])?;
    assert!(done && saved.join("keys/cells.key").exists(), "{said}");
    let key = fs::read(hub.data.join("keys/cells.key"))?;
    hub.kill()?;
    fs::remove_file(hub.data.join("keys/cells.key"))?;
    hub.resume()?;
    let (sound, said) = hub.said(&["check"])?;
    assert!(!sound && said.contains("1 of 1 second factors do not open"), "{said}");
    let half = hub.api()?;
    let app = Authenticator::new(&secret)?;
    let (status, refused) = given(&half, &app.code(1)?)?;
    assert_eq!((status, &refused["code"]), (409, &json!("factor_unreadable")), "{refused}");
    assert_eq!(given(&half, &codes[0])?.0, 201, "a recovery code needs no secret");
    hub.kill()?;
    fs::write(hub.data.join("keys/cells.key"), key)?;
    hub.resume()?;
    assert_eq!(given(&hub.api()?, &app.code(1)?)?.0, 201);
    assert!(!hub.log().contains(&codes[0]), "a code is in the log");
    Ok(())
}

const DESK: Window = Window { width: 1_280, height: 1_000, dark: false, scripts: true };
const TELEPHONE: Window = Window { width: 400, height: 1_100, dark: true, scripts: false };

fn looked_at(browser: &Browser, name: &str, scripts: bool) -> Result<()> {
    browser.picture(&picture(name)?)?;
    // axe is a script.
    if scripts {
        let barriers = browser.barriers()?;
        ensure!(barriers.is_empty(), "{name}: {barriers:#?}");
    }
    Ok(())
}

fn password(browser: &Browser, base: &str) -> Result<()> {
    browser.go(&format!("{base}/trusts"))?;
    browser.sign_in("admin", PASSWORD)
}

#[test]
fn somebody_sets_it_up_with_a_picture_and_signs_in_with_it() -> Result<()> {
    for window in [DESK, TELEPHONE] {
        let folder = tempfile::tempdir()?;
        let hub = Hub::start(&folder.path().join("hub"), strict())?;
        let base = hub.stranger()?.base().to_owned();
        let (browser, tail) = (Browser::open(window)?, if window.dark { "dark-narrow" } else { "light" });
        password(&browser, &base)?;
        browser.shows("Set up your second factor")?;
        let page = browser.source()?;
        assert!(page.contains("<svg class=\"qr\"") && !page.contains("href=\"/queries\""), "{page}");
        looked_at(&browser, &format!("factor-set-up-{tail}"), window.scripts)?;
        // Nothing else is to be seen yet.
        browser.go(&format!("{base}/people"))?;
        browser.shows("Set up your second factor")?;
        browser.fill("input[name=code]", "000000")?;
        browser.click("main button[type=submit]")?;
        browser.shows("its clock or the hub")?;
        let app = Authenticator::shown_by(&browser)?;
        browser.fill("input[name=code]", &app.code(0)?)?;
        browser.click("main button[type=submit]")?;
        browser.shows("I have kept them")?;
        looked_at(&browser, &format!("recovery-codes-{tail}"), window.scripts)?;
        let source = browser.source()?;
        let code = source.split("<li><code>").nth(3).and_then(|rest| rest.split('<').next());
        let code = code.context("no recovery code")?.to_owned();
        browser.click("main a.button")?;
        browser.shows("Invite a person")?;
        browser.go(&format!("{base}/second-factor"))?;
        browser.shows("10 codes left")?;
        looked_at(&browser, &format!("factor-own-{tail}"), window.scripts)?;
        browser.go(&format!("{base}/second-factor/set-up"))?;
        browser.shows("A code of the app so far")?;
        looked_at(&browser, &format!("factor-other-{tail}"), window.scripts)?;
        browser.click("form.account button")?;
        browser.shows("Ask for access")?;
        password(&browser, &base)?;
        browser.shows("or one of your recovery codes")?;
        browser.fill("input[name=code]", "123")?;
        browser.click("main button[type=submit]")?;
        browser.shows("type the six digits")?;
        looked_at(&browser, &format!("factor-code-{tail}"), window.scripts)?;
        browser.fill("input[name=code]", &code)?;
        browser.click("main button[type=submit]")?;
        browser.shows("Add a Trust")?;
        assert!(browser.address()?.ends_with("/trusts"), "{}", browser.address()?);
        let complaints = browser.complaints()?;
        let real: Vec<_> = complaints.iter().filter(|line| !line.contains("422")).collect();
        assert!(real.is_empty(), "the browser complains: {real:?}");
    }
    Ok(())
}
