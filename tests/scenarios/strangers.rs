//! What the hub lets strangers do: ask for a new password, and for access.

use std::path::Path;

use anyhow::{Context as _, Result};
use flip_tests::world::{Api, Browser, Hub, HubOptions, MailServer, Secured, Window, link_in, until};
use serde_json::{Value, json};

use crate::console::picture;
use crate::people::form;

const NEW: &str = "nine+grey+herons+inland";

fn hub_with(folder: &Path, server: &MailServer) -> Result<Hub> {
    let hub = Hub::start(&folder.join("hub"), HubOptions { lines: server.lines(), ..HubOptions::default() })?;
    for (name, email) in [("admin", "admin@hub.example"), ("ben", "ben@site.example")] {
        if name != "admin" {
            hub.add_person(name, "researcher")?;
        }
        let edited = hub.command(&["user", "edit", name, "--email", email])?.output()?;
        anyhow::ensure!(edited.status.success(), "{}", String::from_utf8_lossy(&edited.stderr));
    }
    Ok(hub)
}

fn forgot(stranger: &Api, email: &str) -> Result<(u16, String)> {
    let reply = form(stranger, "/forgot", &format!("email={}", email.replace('@', "%40")))?;
    Ok((reply.status, reply.text.replace(email, "ADDRESS")))
}

#[test]
fn a_form_that_is_sent_too_often_says_when_to_come_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let (stranger, typed) = (hub.stranger()?, "name=Eve&email=eve%40site.example&reason=Lungs");
    let mut replies = (0..100).map(|_| form(&stranger, "/request-access", typed));
    let refused = replies.find(|reply| reply.as_ref().map_or(true, |reply| reply.status != 200));
    let refused = refused.context("nobody is ever told to wait")??;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.retry_after.parse::<u64>().is_ok_and(|wait_s| wait_s > 0), "{refused:?}");
    Ok(())
}

#[test]
fn a_forgotten_password_is_chosen_anew_and_nobody_learns_who_is_here() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(&folder.path().join("mail"), Secured::StartTls)?;
    let hub = hub_with(folder.path(), &server)?;
    let stranger = hub.stranger()?;
    let (name, password) = ("ben", hub.credentials().1);
    let ben = stranger.sign_in(name, password)?;
    let unknown = forgot(&stranger, "eve@site.example")?;
    assert_eq!((unknown.0, &unknown), (200, &forgot(&stranger, "ben@site.example")?));
    let body = |email: &str| json!({ "email": email });
    for email in ["ben@site.example", "eve@site.example"] {
        let reply = stranger.post("/api/v1/password/forgot", &body(email))?;
        assert_eq!((reply.status, reply.text.as_str()), (202, ""), "{email}");
    }
    let wrong = forgot(&stranger, "nowhere")?;
    assert!(wrong.0 == 422 && wrong.1.contains("Expected an e-mail address"), "{}", wrong.1);

    let links = until("two mails", || {
        let mails = server.mails()?;
        anyhow::ensure!(mails.iter().all(|mail| mail["to"][0] == "ben@site.example"), "{mails:?}");
        let links: Result<Vec<_>> =
            mails.iter().map(|mail| link_in(mail["text"].as_str().context("no text")?)).collect();
        Ok(Some(links?).filter(|links| links.len() == 2))
    })?;
    assert_eq!(ben.get("/api/v1/session")?.status, 200, "asking ended a session");
    let other = stranger.get(&links[0])?;
    assert!(other.text.contains("A new password") && other.text.contains("ben"), "{}", other.text);
    assert_eq!(form(&stranger, &links[1], &format!("password={NEW}&again={NEW}"))?.status, 200);
    assert_eq!(stranger.get(&links[0])?.status, 410, "another link of before the change");
    assert_eq!(ben.get("/api/v1/session")?.status, 401, "a session of the old password");
    assert!(stranger.sign_in(name, password).is_err(), "the old password");
    stranger.sign_in("ben@site.example", &NEW.replace('+', " "))?;
    until("word of the change", || {
        let mails = server.mails()?;
        Ok(mails
            .iter()
            .any(|mail| mail["text"].as_str().is_some_and(|text| text.contains("was changed")))
            .then_some(()))
    })
}

#[test]
fn an_address_gets_so_many_links_an_hour_and_the_answer_stays_the_same() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(&folder.path().join("mail"), Secured::Plain)?;
    let hub = hub_with(folder.path(), &server)?;
    let (admin, stranger) = (hub.api()?, hub.stranger()?);
    let first = forgot(&stranger, "ben@site.example")?;
    for _ in 0..5 {
        assert_eq!(forgot(&stranger, "ben@site.example")?, first);
    }
    // What was noted before this one was taken up before it.
    forgot(&stranger, "admin@hub.example")?;
    server.mail_to("admin@hub.example")?;
    let sent = admin.get("/api/v1/mail")?.json();
    let to_ben =
        sent["mail"].as_array().context("no mail")?.iter().filter(|mail| mail["to"] == "ben@site.example");
    assert_eq!(to_ben.count(), 3, "{sent}");
    Ok(())
}

#[test]
fn without_mail_who_forgot_is_told_whom_to_ask() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let stranger = hub.stranger()?;
    assert!(stranger.get("/forgot")?.text.contains("Ask an administrator"));
    let refused = stranger.post("/api/v1/password/forgot", &json!({ "email": "a@site.example" }))?;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("no_mail")));
    Ok(())
}

#[test]
fn a_password_changes_with_the_old_one_and_other_sessions_end() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(&folder.path().join("mail"), Secured::Plain)?;
    let hub = hub_with(folder.path(), &server)?;
    let (stranger, old) = (hub.stranger()?, hub.credentials().1);
    let (here, elsewhere) = (stranger.sign_in("ben", old)?, stranger.sign_in("ben", old)?);
    let new = NEW.replace('+', " ");
    let change = |old: &str, new: &str| -> Result<(u16, Value)> {
        let body = json!({ "old": old, "new": new }).to_string();
        let reply = here.send("PUT", "/api/v1/password", "application/json", &body)?;
        Ok((reply.status, reply.json()["code"].clone()))
    };
    assert_eq!(change("not the old one", &new)?, (422, json!("wrong_password")));
    assert_eq!(change(old, "password1234")?, (422, json!("bad_password")));
    assert_eq!(change(old, old)?, (422, json!("bad_password")));
    assert_eq!(elsewhere.get("/api/v1/session")?.status, 200);
    assert_eq!(change(old, &new)?.0, 204);
    assert_eq!(here.get("/api/v1/session")?.status, 200, "this session ended too");
    assert_eq!(elsewhere.get("/api/v1/session")?.status, 401, "a session of the old password");
    assert!(stranger.sign_in("ben", old).is_err());
    stranger.sign_in("ben", &new)?;
    assert!(
        server.mail_to("ben@site.example")?["text"].as_str().is_some_and(|text| text.contains("was changed"))
    );

    let browser = Browser::open(Window { width: 900, height: 900, dark: true, scripts: false })?;
    browser.go(&format!("{}/account/password", stranger.base()))?;
    browser.shows("I forgot my password")?;
    browser.picture(&picture("sign-in-dark")?)?;
    browser.sign_in("ben", &new)?;
    browser.shows("Your password")?;
    browser.fill("input[name=old]", old)?;
    browser.fill("input[name=password]", "eleven loud gannets aloft")?;
    browser.fill("input[name=again]", "eleven loud gannets aloft")?;
    browser.click("main button[type=submit]")?;
    browser.shows("The old password is wrong")?;
    browser.picture(&picture("own-password-dark")?)?;
    browser.fill("input[name=old]", &new)?;
    browser.fill("input[name=password]", "eleven loud gannets aloft")?;
    browser.fill("input[name=again]", "eleven loud gannets aloft")?;
    browser.click("main button[type=submit]")?;
    browser.shows("Your password is changed")
}

fn ask(stranger: &Api, name: &str, email: &str, reason: &str) -> Result<(u16, Value)> {
    let body = json!({ "name": name, "email": email, "reason": reason });
    let reply = stranger.post("/api/v1/access-requests", &body)?;
    Ok((reply.status, reply.json()["code"].clone()))
}

#[test]
fn a_request_for_access_is_stored_before_any_mail_and_admins_hear_of_it_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = MailServer::new(&folder.path().join("mail"), Secured::Tls)?;
    let mut hub = hub_with(folder.path(), &server)?;
    let stranger = hub.stranger()?;
    for _ in 0..3 {
        assert_eq!(ask(&stranger, "K. Ito", "k.ito@site.example", "Lungs")?, (202, Value::Null));
    }
    assert_eq!(ask(&stranger, "Ben", "ben@site.example", "Again")?, (202, Value::Null));
    let (bad_name, bad_reason) = (json!("bad_name"), json!("bad_reason"));
    assert_eq!(ask(&stranger, "a\u{202e}b", "x@site.example", "Lungs")?, (422, bad_name));
    assert_eq!(ask(&stranger, "x", "x@site.example", " \n ")?, (422, bad_reason.clone()));
    assert_eq!(ask(&stranger, "x", "x@site.example", &"x".repeat(1_001))?, (422, bad_reason));
    assert_eq!(ask(&stranger, "x", "x@site", "Lungs")?, (422, json!("bad_email")));
    hub.kill()?;
    server.resume()?;
    hub.resume()?;
    let mail = server.mail_to("admin@hub.example")?;
    let text = mail["text"].as_str().context("no text")?;
    assert!(text.contains("k.ito@site.example") && text.contains("/people/requests"), "{text}");
    assert!(!text.contains("K. Ito") && !text.contains("Lungs"), "a stranger's words in a mail: {text}");
    let admin = hub.api()?;
    let requests = admin.get("/api/v1/access-requests")?.json()["requests"].clone();
    let told: Vec<_> =
        (0..2).map(|of| (&requests[of]["name"], &requests[of]["times"], &requests[of]["known"])).collect();
    assert_eq!(
        told,
        [(&json!("K. Ito"), &json!(3), &json!(false)), (&json!("Ben"), &json!(1), &json!(true))]
    );
    let path = |of: usize, act: &str| -> Result<String> {
        Ok(format!("/api/v1/access-requests/{}/{act}", requests[of]["id"].as_str().context("no id")?))
    };
    let taken = admin.post(&path(1, "invite")?, &json!({ "role": "viewer" }))?;
    assert_eq!((taken.status, &taken.json()["code"]), (409, &json!("name_taken")));
    assert_eq!(admin.post(&path(1, "dismiss")?, &json!({ "why": "has an account" }))?.status, 204);
    assert_eq!(admin.post(&path(1, "dismiss")?, &json!({ "why": "again" }))?.status, 409);
    assert_eq!(admin.post(&path(0, "invite")?, &json!({ "role": "viewer" }))?.status, 201);
    server.mail_to("k.ito@site.example")?;
    let requests = admin.get("/api/v1/access-requests")?.json()["requests"].clone();
    for request in requests.as_array().context("no requests")? {
        let expected = if request["name"] == "Ben" { "dismissed" } else { "invited" };
        assert_eq!(
            (&request["state"], &request["handled_by"]),
            (&json!(expected), &json!("admin")),
            "{request}"
        );
    }
    Ok(())
}

#[test]
fn an_admin_invites_who_asked_with_two_clicks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let base = hub.stranger()?.base().to_owned();
    let stranger = Browser::open(Window { width: 500, height: 1_000, dark: false, scripts: true })?;
    stranger.go(&format!("{base}/sign-in"))?;
    stranger.click("a[href='/request-access']")?;
    stranger.shows("Ask for access")?;
    stranger.fill("input[name=name]", "K. Ito")?;
    stranger.fill("input[name=email]", "k.ito@site.example")?;
    stranger.fill("textarea[name=reason]", "Northmoor University Hospitals.\nThe study of lung nodules.")?;
    stranger.picture(&picture("ask-access-narrow")?)?;
    stranger.click("main button")?;
    stranger.shows("Your request is stored")?;
    stranger.shows("they give you a link: this hub sends no mail")?;
    assert_eq!(ask(&hub.stranger()?, "Eve", "eve@site.example", "Buy now")?.0, 202);
    let complaints = stranger.complaints()?;
    assert!(complaints.is_empty(), "the browser complains: {complaints:?}");

    let browser = Browser::open(Window { width: 1_280, height: 800, dark: false, scripts: true })?;
    let (name, password) = hub.credentials();
    browser.go(&format!("{base}/people/requests"))?;
    browser.sign_in(name, password)?;
    browser.shows("The study of lung nodules.")?;
    browser.picture(&picture("requests-light")?)?;
    browser.click("form[action*='/invite?once='] button")?;
    browser.shows("Hand this link to K. Ito")?;
    browser.go(&format!("{base}/people/requests"))?;
    browser.click("summary")?;
    browser.fill("input[name=why]", "Not a researcher")?;
    browser.click("form[action$='/dismiss'] button")?;
    browser.shows("Not a researcher")?;
    browser.shows("invited")?;
    let complaints = browser.complaints()?;
    assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
    Ok(())
}
