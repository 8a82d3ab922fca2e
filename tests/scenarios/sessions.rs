//! Where one is signed in, and how often passwords, codes and the public forms can be tried.

use anyhow::{Context as _, Result, ensure};
use flip_tests::bench::memory::own_mib;
use flip_tests::world::{Api, Browser, Hub, HubOptions, PASSWORD, Reply, Window, until};
use serde_json::{Value, json};

use crate::console::picture;

fn sessions(person: &Api) -> Result<Vec<Value>> {
    let list = person.get("/api/v1/sessions")?.json()["sessions"].clone();
    Ok(list.as_array().context("no list")?.clone())
}

fn ids(of: &[Value]) -> Vec<&str> {
    of.iter().filter_map(|one| one["id"].as_str()).collect()
}

#[test]
fn people_see_where_they_are_signed_in_and_end_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let admin = hub.api()?;
    let first = hub.add_person("ben", "researcher")?;
    let [second, third] =
        [hub.stranger()?.sign_in("ben", PASSWORD)?, hub.stranger()?.sign_in("ben", PASSWORD)?];
    let seen = sessions(&second)?;
    let this: Vec<_> = seen.iter().map(|one| one["this"] == true).collect();
    assert_eq!((this, &seen[0]["address"]), (vec![false, true, false], &json!("127.0.0.1")), "{seen:?}");
    assert!(seen[1]["browser"].as_str().is_some_and(|browser| browser.contains("ureq")), "{seen:?}");
    let token = second.token().context("no token")?;
    assert!(!json!(seen).to_string().contains(token), "a list shows a token");
    let end = |person: &Api, path: &str| person.send("DELETE", path, "", "");
    let one = format!("/api/v1/sessions/{}", ids(&seen)[0]);
    assert_eq!(end(&admin, &one)?.status, 204);
    assert_eq!(third.get("/api/v1/session")?.status, 200, "somebody else ended it");
    assert_eq!((end(&second, &one)?.status, third.get("/api/v1/session")?.status), (204, 401));
    assert_eq!((end(&second, "/api/v1/sessions")?.status, first.get("/api/v1/session")?.status), (204, 401));
    assert_eq!(sessions(&second)?.len(), 1);
    let id = admin.get("/api/v1/people?search=ben")?.json()["people"][0]["id"].clone();
    let out = format!("/api/v1/people/{}/sign-out", id.as_str().context("no id")?);
    assert_eq!(second.post(&out, &json!({}))?.status, 404, "whoever is no admin ends sessions");
    assert_eq!((admin.post(&out, &json!({}))?.status, second.get("/api/v1/session")?.status), (204, 401));
    Ok(())
}

#[test]
fn wrong_passwords_wait_and_keep_nobody_out_of_where_they_have_been() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    hub.add_person("ben", "researcher")?;
    let stranger = hub.stranger_from("127.0.0.9")?;
    let tries = |from: &Api, name: &str, password: &str| {
        from.post("/api/v1/session", &json!({ "name": name, "password": password }))
    };
    for name in ["ben", "nobody of that name"] {
        for _ in 0..5 {
            assert_eq!(tries(&stranger, name, "wrong")?.status, 403, "{name}");
        }
        let refused = tries(&stranger, name, PASSWORD)?;
        assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("too_many_tries")), "{name}");
        assert!(refused.retry_after.parse::<u64>().is_ok_and(|wait_s| wait_s > 0), "{refused:?}");
        let other = tries(&hub.stranger_from("127.0.0.10")?, name, "wrong")?;
        assert_eq!(other.status, 429, "strangers are counted apart from each other: {name}");
    }
    // Ben has been here before.
    let ben = hub.stranger()?.sign_in("ben", PASSWORD)?;
    for _ in 0..5 {
        let wrong =
            ben.send("PUT", "/api/v1/password", "application/json", "{\"old\":\"wrong\",\"new\":\"x\"}")?;
        assert_eq!(wrong.json()["code"], "wrong_password", "{}", wrong.text);
    }
    let refused =
        ben.send("PUT", "/api/v1/password", "application/json", "{\"old\":\"wrong\",\"new\":\"x\"}")?;
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("too_many_tries")));
    assert_eq!(ben.get("/api/v1/queries")?.status, 200, "a session ends for wrong passwords");
    Ok(())
}

#[test]
fn wrong_codes_wait_and_public_forms_are_counted_by_where_they_come_from() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let (_, app, _) = hub.add_person("ben", "researcher")?.enrol()?;
    let half = hub.stranger()?.sign_in("ben", PASSWORD)?;
    let give = |code: &str| half.post("/api/v1/second-factor/code", &json!({ "code": code }));
    for _ in 0..5 {
        assert_eq!(give("000000")?.json()["code"], "wrong_code");
    }
    let refused = give(&app.code(1)?)?;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (429, &json!("too_many_tries")),
        "{}",
        refused.text
    );

    let (here, there) = (hub.stranger_from("127.0.0.11")?, hub.stranger_from("127.0.0.12")?);
    let asks = |from: &Api, of: usize| {
        let email = format!("s{of}@site.example");
        from.post("/api/v1/access-requests", &json!({ "name": "x", "email": email, "reason": "Lungs" }))
    };
    let taken = (0..60).find_map(|of| match asks(&here, of) {
        Ok(reply) if reply.status == 202 => None,
        other => Some(other.map(|reply| (of, reply))),
    });
    let (of, refused) = taken.context("none was refused")??;
    assert_eq!((of, refused.status), (30, 429), "{}", refused.text);
    ensure!(!refused.retry_after.is_empty(), "nothing says when to come again");
    assert_eq!(asks(&there, 60)?.status, 202, "one stranger keeps another out");
    Ok(())
}

/// Signs in on the page with a header beside; gives the answer's status.
fn sign_in_behind(from: &Api, name: &str, password: &str, forwarded: &str) -> Result<u16> {
    let form = format!("account={name}&next=/&password={}", password.replace(' ', "+"));
    let headers = [("sec-fetch-site", "same-origin"), ("x-forwarded-for", forwarded)];
    Ok(from.post_form("/sign-in", &form, &headers)?.status)
}

#[test]
fn behind_a_proxy_that_is_named_people_are_told_apart_and_nobody_else_s_word_is_taken() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lines = "[proxies]\naddresses = [\"127.0.0.9\"]\n".to_owned();
    let hub = Hub::start(&folder.path().join("hub"), HubOptions { lines, ..HubOptions::default() })?;
    hub.add_person("ben", "researcher")?;
    let proxy = hub.stranger_from("127.0.0.9")?;
    // Somebody tries many names; what they say of themselves stands before what the proxy says.
    let guesses = |of: u32, from: &str| {
        sign_in_behind(&proxy, &format!("nobody-{of}"), "wrong", &format!("203.0.113.{of}, {from}"))
    };
    let refused = (0..60).find_map(|of| match guesses(of, "198.51.100.7") {
        Ok(403) => None,
        other => Some(other.map(|status| (of, status))),
    });
    assert_eq!(refused.context("none was refused")??, (30, 429));
    assert_eq!(guesses(61, "198.51.100.8")?, 403, "one behind the proxy keeps another out");
    assert_eq!(sign_in_behind(&proxy, "ben", PASSWORD, "198.51.100.7")?, 429);
    assert_eq!(sign_in_behind(&proxy, "ben", PASSWORD, "198.51.100.8")?, 303);
    let ben = hub.stranger()?.sign_in("ben", PASSWORD)?;
    let seen = sessions(&ben)?;
    assert!(seen.iter().any(|one| one["address"] == "198.51.100.8"), "{seen:?}");

    // Whoever is no proxy of ours says what they like.
    let liar = hub.stranger_from("127.0.0.10")?;
    let refused = (0..60).find_map(|of| {
        match sign_in_behind(&liar, &format!("someone-{of}"), "wrong", &format!("203.0.113.{of}")) {
            Ok(403) => None,
            other => Some(other.map(|status| (of, status))),
        }
    });
    assert_eq!(refused.context("none was refused")??, (30, 429));
    Ok(())
}

#[test]
fn who_mistypes_all_day_keeps_nobody_out_behind_the_same_address() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    hub.add_person("ben", "researcher")?;
    hub.add_person("mia", "researcher")?;
    // None of them has been at the hospital before.
    let hospital = hub.stranger_from("127.0.0.9")?;
    let wrong = json!({ "name": "ben", "password": "wrong" });
    let mut refused = 0;
    for _ in 0..60 {
        refused += u32::from(hospital.post("/api/v1/session", &wrong)?.status == 429);
    }
    assert!(refused > 0, "nobody waits");
    hospital.sign_in("mia", PASSWORD)?;
    hospital.sign_in("admin", PASSWORD)?;
    Ok(())
}

/// Signs in on the page as a browser with that cookie.
fn sign_in_with(from: &Api, name: &str, password: &str, cookie: &str) -> Result<Reply> {
    let form = format!("account={name}&next=/&password={}", password.replace(' ', "+"));
    from.post_form("/sign-in", &form, &[("sec-fetch-site", "same-origin"), ("cookie", cookie)])
}

/// The cookie by which a browser is known again.
fn known_browser(reply: &Reply) -> Result<String> {
    let cookie = reply.cookies.iter().find(|cookie| cookie.starts_with("__Host-flip-known="));
    Ok(cookie.with_context(|| format!("no cookie: {reply:?}"))?.clone())
}

#[test]
fn whoever_guesses_behind_the_same_address_makes_no_browser_wait_that_has_signed_in() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    for name in ["ben", "mia", "eve"] {
        hub.add_person(name, "researcher")?;
    }
    let hospital = hub.stranger_from("127.0.0.9")?;
    // Until one waits.
    let guess = |name: &str, cookie: &str| -> Result<()> {
        let waits = (0..60).find_map(|_| match sign_in_with(&hospital, name, "wrong", cookie) {
            Ok(reply) if reply.status == 403 => None,
            other => Some(other.map(|reply| reply.status)),
        });
        assert_eq!(waits.context("nobody waits")??, 429, "{name}");
        Ok(())
    };
    // The waits begin with a second, which may be over here.
    let waits = |name: &str, cookie: &str| {
        until(&format!("{name} to wait"), || {
            guess(name, "")?;
            Ok((sign_in_with(&hospital, name, PASSWORD, cookie)?.status == 429).then_some(()))
        })
    };
    // Two sign in with one browser and one with another, at a place that then knows them all.
    let of_ben = known_browser(&sign_in_with(&hospital, "ben", PASSWORD, "")?)?;
    let of_both = known_browser(&sign_in_with(&hospital, "mia", PASSWORD, &of_ben)?)?;
    sign_in_with(&hospital, "eve", PASSWORD, "")?;
    for name in ["ben", "mia"] {
        guess(name, "")?;
        let reply = sign_in_with(&hospital, name, PASSWORD, &of_both)?;
        assert_eq!(reply.status, 303, "{name} waits for another's guesses: {}", reply.text);
        waits(name, "")?;
    }
    // To whoever has not signed in with it, it is nothing, and it opens nothing.
    waits("eve", &of_both)?;
    waits("mia", &of_ben)?;
    assert_eq!(hospital.fetch("/api/v1/session", &[("cookie", &of_both)])?.status, 401);
    // It is counted by itself, and another password makes it void.
    guess("mia", &of_both)?;
    let password = hub.data.join("password.txt");
    let changed = hub.command(&["user", "password", "ben", "--password-file"])?.arg(&password).output()?;
    ensure!(changed.status.success(), "{}", String::from_utf8_lossy(&changed.stderr));
    waits("ben", &of_both)
}

#[test]
fn a_morning_of_sign_ins_leaves_the_hub_as_small_as_it_was() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    for _ in 0..40 {
        let session = hub.stranger()?.sign_in("admin", PASSWORD)?;
        ensure!(session.send("DELETE", "/api/v1/session", "", "")?.status == 204, "not signed out");
    }
    // What was used for a password, 19 MiB, goes back to the system at once, and no more than one is under way.
    let own = own_mib(hub.program()?.id());
    assert!(own < 32.0, "the hub has {own:.0} MiB of its own");
    Ok(())
}

#[test]
fn the_list_of_sessions_is_a_page() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let other = hub.api()?;
    for (dark, width, name) in [(false, 1_280, "sessions-light"), (true, 400, "sessions-dark-narrow")] {
        let browser = Browser::open(Window { width, height: 900, dark, scripts: true })?;
        browser.go(&format!("{}/account/sessions", other.base()))?;
        browser.sign_in("admin", PASSWORD)?;
        browser.shows("this one")?;
        browser.shows("headless Chrome on Linux")?;
        browser.picture(&picture(name)?)?;
        let barriers = browser.barriers()?;
        ensure!(barriers.is_empty(), "{barriers:#?}");
        if !dark {
            browser.click("form[action='/account/sessions/end'] button")?;
            browser.shows("this one")?;
            assert_eq!(other.get("/api/v1/session")?.status, 401, "it goes on");
        }
    }
    Ok(())
}
