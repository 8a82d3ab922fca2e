//! People come in by mail, by a link that is handed over, and first of all.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flip_storage::rusqlite::Connection;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{
    Api, Appliance, Browser, Hub, HubOptions, MailServer, Reply, Secured, Window, link_in, until,
};
use serde_json::{Value, json};

use crate::console::picture;

const CHOSEN: &str = "seven+quiet+otters+ashore";

/// What a browser would send of a form at `path`.
pub fn form(person: &Api, path: &str, body: &str) -> Result<Reply> {
    person.send("POST", path, "application/x-www-form-urlencoded", body)
}

fn choose(person: &Api, link: &str, password: &str) -> Result<Reply> {
    form(person, link, &format!("password={password}&again={password}"))
}

fn invite(admin: &Api, name: &str, email: &str) -> Result<Value> {
    let invited =
        admin.post("/api/v1/people", &json!({ "name": name, "email": email, "role": "researcher" }))?;
    ensure!(invited.status == 201, "not invited: {}", invited.text);
    Ok(invited.json())
}

fn mail_of(admin: &Api, person: &Value) -> Result<Value> {
    let id = person["id"].as_str().context("no id")?;
    Ok(admin.get(&format!("/api/v1/people/{id}"))?.json()["mail"].clone())
}

fn hub_with(folder: &Path, server: &MailServer) -> Result<Hub> {
    Hub::start(&folder.join("hub"), HubOptions { lines: server.lines(), ..HubOptions::default() })
}

#[test]
fn who_is_invited_gets_a_mail_and_comes_in_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(&folder.path().join("mail"), Secured::StartTls)?;
    let hub = hub_with(folder.path(), &server)?;
    let (admin, stranger) = (hub.api()?, hub.stranger()?);
    let person = invite(&admin, "Zoë Ek", "zoe@site.example")?;
    assert_eq!((&person["state"], &person["link"]), (&json!("invited"), &Value::Null), "{person}");
    let mail = server.mail_to("zoe@site.example")?;
    assert_eq!(
        (&mail["tls"], &mail["user"], &mail["from"]),
        (&json!(true), &json!("flip"), &json!("flip@hub.example"))
    );
    let text = mail["text"].as_str().context("no text")?;
    assert!(text.contains("sign in as: Zoë Ek") && text.contains("role: researcher"), "{text}");
    let link = link_in(text)?;
    let token = link.trim_start_matches("/link/");
    for file in ["hub.sqlite", "hub.sqlite-wal", "hub.log"] {
        let bytes = fs::read(hub.data.join(file))?;
        assert!(
            !bytes.windows(token.len()).any(|window| window == token.as_bytes()),
            "the link is in {file}"
        );
    }

    assert!(stranger.get(&link)?.text.contains("Zoë Ek"));
    let weak = choose(&stranger, &link, "zoe%20ek%20zoe%20ek")?;
    assert!(weak.status == 422 && weak.text.contains("made of the name"), "{}", weak.text);
    let typo = form(&stranger, &link, &format!("password={CHOSEN}&again=other"))?;
    assert!(typo.status == 422 && typo.text.contains("are not the same"), "{}", typo.text);
    let elsewhere = stranger.post_form(&link, "password=a&again=a", &[("sec-fetch-site", "cross-site")])?;
    assert_eq!(elsewhere.status, 403);
    assert_eq!(choose(&stranger, &link, CHOSEN)?.status, 200);
    for _ in 0..2 {
        assert_eq!(stranger.get(&link)?.status, 410);
        assert_eq!(choose(&stranger, &link, "another+quiet+otter+ashore")?.status, 410);
    }
    let password = CHOSEN.replace('+', " ");
    stranger.sign_in("ZOE@site.example", &password)?;
    let zoe = stranger.sign_in("Zoë Ek", &password)?;
    assert_eq!(zoe.get("/api/v1/session")?.json()["role"], "researcher");
    let again =
        admin.post(&format!("/api/v1/people/{}/invite", person["id"].as_str().context("id")?), &json!({}))?;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("has_come")));
    Ok(())
}

#[test]
fn a_mail_is_not_lost_while_the_server_is_away_and_the_hub_is_killed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = MailServer::new(&folder.path().join("mail"), Secured::Tls)?;
    let mut hub = hub_with(folder.path(), &server)?;
    let admin = hub.api()?;
    let person = invite(&admin, "ben", "ben@site.example")?;
    let waiting = until("a try", || Ok(Some(mail_of(&admin, &person)?).filter(|mail| mail["tries"] != 0)))?;
    let why = waiting["why"].as_str().context("no reason")?;
    assert!(
        waiting["state"] == "waiting" && why.contains("cannot be used") && why.contains("localhost:"),
        "{why}"
    );
    let shown = admin.get(&format!("/api/v1/people/{}", person["id"].as_str().context("id")?))?.json();
    let handed_over = link_in(shown["link"].as_str().context("no link to hand over")?)?;
    hub.kill()?;
    server.resume()?;
    hub.resume()?;
    let mail = server.mail_to("ben@site.example")?;
    assert_eq!(link_in(mail["text"].as_str().context("no text")?)?, handed_over);
    let admin = hub.api()?;
    until("the mail to be sent", || Ok((mail_of(&admin, &person)?["state"] == "sent").then_some(())))?;
    server.mail_to("ben@site.example").map(drop)
}

#[test]
fn a_refused_address_is_given_up_and_holds_up_nobody() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = MailServer::start(&folder.path().join("mail"), Secured::StartTls)?;
    let hub = hub_with(folder.path(), &server)?;
    let admin = hub.api()?;
    let refused = invite(&admin, "rex", "refused@site.example")?;
    let busy = invite(&admin, "bea", "busy@site.example")?;
    invite(&admin, "cas", "cas@site.example")?;
    server.mail_to("cas@site.example")?;
    let gone = until("the refusal", || {
        Ok(Some(mail_of(&admin, &refused)?).filter(|mail| mail["state"] == "failed"))
    })?;
    assert!(gone["why"].as_str().is_some_and(|why| why.contains("no such mailbox here")), "{gone}");
    let later = until("the delay", || Ok(Some(mail_of(&admin, &busy)?).filter(|mail| mail["tries"] != 0)))?;
    assert!(
        later["state"] == "waiting" && later["why"].as_str().is_some_and(|why| why.contains("busy")),
        "{later}"
    );

    // The hub's password is not the server's any more: that is no fault of the mail, which goes out later.
    server.forget_the_hub()?;
    let locked = invite(&admin, "dot", "dot@site.example")?;
    let waits = until("a try", || Ok(Some(mail_of(&admin, &locked)?).filter(|mail| mail["tries"] != 0)))?;
    assert!(
        waits["state"] == "waiting" && waits["why"].as_str().is_some_and(|why| why.contains("535")),
        "{waits}"
    );
    server.stop()?;
    server.resume()?;
    let id = waits["id"].as_str().context("no id")?;
    let again = admin.post(&format!("/api/v1/mail/{id}/send"), &json!({}))?;
    assert!(again.status == 202 || again.status == 404, "{}", again.text);
    server.mail_to("dot@site.example")?;

    // Over the address that was wrong: the link of before is void, and the mail with it is gone.
    let id = refused["id"].as_str().context("no id")?;
    let edit = json!({ "name": "rex", "email": "rex@site.example", "role": "viewer" }).to_string();
    let edited = admin.send("PUT", &format!("/api/v1/people/{id}"), "application/json", &edit)?;
    assert_eq!((edited.status, &edited.json()["link_expires"]), (200, &Value::Null), "{}", edited.text);
    assert_eq!(admin.post(&format!("/api/v1/people/{id}/invite"), &json!({}))?.status, 200);
    assert!(server.mail_to("rex@site.example")?["text"].as_str().is_some_and(|text| text.contains("viewer")));
    Ok(())
}

#[test]
fn nothing_that_is_typed_becomes_a_header_and_names_are_one_persons() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(&folder.path().join("mail"), Secured::Plain)?;
    let hub = hub_with(folder.path(), &server)?;
    let admin = hub.api()?;
    let refused = |body: Value| -> Result<(u16, String)> {
        let reply = admin.post("/api/v1/people", &body)?;
        Ok((reply.status, reply.json()["code"].as_str().unwrap_or_default().to_owned()))
    };
    let typed = |name: &str, email: &str| json!({ "name": name, "email": email, "role": "viewer" });
    assert_eq!(
        refused(typed("eve\r\nBcc: all@site.example", "eve@site.example"))?,
        (422, "bad_name".to_owned())
    );
    assert_eq!(refused(typed("ad\u{200b}min", "eve@site.example"))?, (422, "bad_name".to_owned()));
    assert_eq!(
        refused(typed("eve", "eve@site.example\r\nBcc: all@site.example"))?,
        (422, "bad_email".to_owned())
    );
    assert_eq!(refused(typed("eve", ""))?, (422, "bad_email".to_owned()));
    assert_eq!(
        refused(json!({ "name": "eve", "email": "e@site.example", "role": "king" }))?,
        (422, "bad_role".to_owned())
    );
    invite(&admin, "Subject: eve <script>", "eve@site.example")?;
    assert_eq!(
        refused(typed("SUBJECT: eve <script>", "other@site.example"))?,
        (409, "name_taken".to_owned())
    );
    assert_eq!(refused(typed("other", "EVE@site.example"))?, (409, "email_taken".to_owned()));
    assert_eq!(refused(typed("eve@SITE.example", "other@site.example"))?, (409, "name_taken".to_owned()));
    let mail = server.mail_to("eve@site.example")?;
    let heads = mail["headers"].as_array().context("no headers")?;
    let subjects: Vec<&Value> = heads.iter().filter(|head| head[0] == "Subject").collect();
    assert!(subjects.len() == 1 && !subjects[0][1].as_str().context("text")?.contains("eve"), "{heads:?}");
    assert!(heads.iter().any(|head| head[0] == "Auto-Submitted"), "{heads:?}");
    Ok(())
}

/// A command of the hub's program that must succeed: what it said.
fn told(hub: &Hub, words: &[&str]) -> Result<String> {
    let (done, said) = hub.said(words)?;
    ensure!(done, "{words:?}: {said}");
    Ok(said)
}

fn not_told(hub: &Hub, words: &[&str]) -> Result<String> {
    let (done, said) = hub.said(words)?;
    ensure!(!done, "{words:?} was done");
    Ok(said)
}

#[test]
fn without_mail_links_are_handed_over_and_the_newest_alone_works() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let (admin, stranger) = (hub.api()?, hub.stranger()?);
    let first =
        link_in(&told(&hub, &["user", "invite", "ben", "--email", "ben@site.example", "--role", "viewer"])?)?;
    assert!(
        not_told(&hub, &["user", "invite", "BEN", "--email", "b@site.example", "--role", "viewer"])?
            .contains("somebody is named")
    );
    assert_eq!(told(&hub, &["user", "list"])?, "admin  admin\nben  viewer  ben@site.example, invited\n");
    let second = link_in(&told(&hub, &["user", "invite-again", "ben"])?)?;
    assert_eq!((stranger.get(&first)?.status, stranger.get(&second)?.status), (410, 200));
    assert_eq!(told(&hub, &["user", "role", "ben", "researcher"])?, "ben is researcher now\n");
    assert_eq!(choose(&stranger, &second, CHOSEN)?.status, 200);
    let ben = stranger.sign_in("ben@site.example", &CHOSEN.replace('+', " "))?;
    assert_eq!(ben.get("/api/v1/session")?.json()["role"], "researcher");
    assert!(not_told(&hub, &["user", "withdraw", "ben"])?.contains("has come already"));

    // An admin's reset voids the password at once, and the link of before.
    let resets = [told(&hub, &["user", "reset", "ben"])?, told(&hub, &["user", "reset", "ben"])?];
    let [older, newer] = [link_in(&resets[0])?, link_in(&resets[1])?];
    assert_eq!(ben.get("/api/v1/session")?.status, 401, "a session of the old password");
    assert!(stranger.sign_in("ben", &CHOSEN.replace('+', " ")).is_err(), "the old password");
    assert_eq!((stranger.get(&older)?.status, stranger.get(&newer)?.status), (410, 200));
    let people = admin.get("/api/v1/people?search=site.example&state=reset")?.json();
    assert!(people["all"] == 1 && people["people"][0]["name"] == "ben", "{people}");
    assert!(not_told(&hub, &["user", "reset", "admin"])?.contains("the only admin who can sign in"));
    told(&hub, &["user", "disable", "ben"])?;
    assert_eq!(stranger.get(&newer)?.status, 410, "the link of who is disabled");

    for words in [
        vec!["user", "disable", "CAS"],
        vec!["user", "enable", "CAS"],
        vec!["user", "password", "CAS"],
        vec!["user", "role", "CAS", "trust-admin", "--trust", "St Elsewhere"],
    ] {
        assert!(not_told(&hub, &words)?.contains("nobody is named \"CAS\""), "{words:?}");
        told(&hub, &["user", "invite", "cas", "--email", "cas@site.example", "--role", "viewer"])?;
        assert!(not_told(&hub, &words)?.contains("cas is invited and has not come yet"), "{words:?}");
        told(&hub, &["user", "withdraw", "cas"])?;
    }
    let third =
        link_in(&told(&hub, &["user", "invite", "cas", "--email", "cas@site.example", "--role", "viewer"])?)?;
    told(&hub, &["user", "withdraw", "cas"])?;
    assert_eq!(stranger.get(&third)?.status, 410, "the link of who was withdrawn");
    assert!(not_told(&hub, &["user", "withdraw", "cas"])?.contains("nobody is named"));
    Ok(())
}

#[test]
fn who_is_invited_is_neither_kept_out_nor_let_in_and_it_is_said_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let admin = hub.api()?;
    let ben = invite(&admin, "ben", "ben@site.example")?;
    let id = ben["id"].as_str().context("no id")?;
    for act in ["disable", "enable", "reset"] {
        let refused = admin.post(&format!("/api/v1/people/{id}/{act}"), &json!({}))?;
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("invited")), "{act}");
        assert!(refused.text.contains("take the invitation back"), "{}", refused.text);
    }
    Ok(())
}

#[test]
fn a_list_of_people_goes_on_where_it_ended() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let admin = hub.api()?;
    for name in ["Bea", "ada", "cas", "100% dot", "100 eve"] {
        invite(&admin, name, &format!("{}@site.example", name.replace([' ', '%'], "")))?;
    }
    let names = |sort: &str| -> Result<Vec<String>> {
        let people = admin.all(&format!("/api/v1/people?limit=2{sort}"), "people")?;
        Ok(people.iter().filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect())
    };
    let by_name = ["100 eve", "100% dot", "ada", "admin", "Bea", "cas"];
    assert_eq!(names("")?, by_name);
    assert_eq!(names("&sort=-name")?, by_name.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(names("&sort=role")?, ["admin", "100 eve", "100% dot", "ada", "Bea", "cas"]);
    assert_eq!(names("&sort=-state")?, ["100 eve", "100% dot", "ada", "Bea", "cas", "admin"]);
    assert_eq!(names("&sort=added")?, ["admin", "Bea", "ada", "cas", "100% dot", "100 eve"]);
    assert_eq!(names("&sort=-added&search=100")?, ["100 eve", "100% dot"]);
    // Who comes meanwhile to a place that was read moves nobody.
    let first = admin.get("/api/v1/people?limit=2&sort=-added")?;
    assert_eq!(
        (&first.json()["all"], first.json()["people"][1]["name"].as_str()),
        (&json!(6), Some("100% dot"))
    );
    invite(&admin, "new", "new@site.example")?;
    let second = admin.get(&first.next)?.json();
    assert_eq!(second["people"][0]["name"], "cas", "{second}");
    for bad in ["sort=email", "sort=", "after=ada", "after=%5B1%2C2%5D"] {
        let reply = admin.get(&format!("/api/v1/people?{bad}"))?;
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("bad_parameter")), "{bad}");
    }
    let percent = admin.get("/api/v1/people?search=0%25")?.json();
    assert_eq!(percent["all"], 1, "a percent sign is a percent sign: {percent}");
    assert_eq!(admin.get("/api/v1/people?state=gone")?.status, 422);
    Ok(())
}

#[test]
fn the_first_visitor_of_a_new_hub_becomes_its_administrator() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions { set_up: true, ..HubOptions::default() })?;
    let stranger = hub.stranger()?;
    let first = link_in(&hub.made)?;
    let link = link_in(&told(&hub, &["setup"])?)?;
    assert_eq!(stranger.get(&first)?.status, 410, "the address of before");
    let browser = Browser::open(Window { width: 900, height: 900, dark: false, scripts: false })?;
    browser.go(&format!("{}{link}", stranger.base()))?;
    browser.shows("You are the first here")?;
    browser.fill("input[name=name]", "Dr First")?;
    browser.fill("input[name=email]", "first@hub.example")?;
    browser.fill("input[name=password]", "password1234")?;
    browser.fill("input[name=again]", "password1234")?;
    browser.click("main button")?;
    browser.shows("easy to guess")?;
    browser.picture(&picture("set-up-light")?)?;
    let password = CHOSEN.replace('+', " ");
    browser.fill("input[name=password]", &password)?;
    browser.fill("input[name=again]", &password)?;
    browser.click("main button")?;
    browser.shows("You are its administrator")?;
    browser.shows("This hub sends no mail yet")?;
    browser.picture(&picture("set-up-done-light")?)?;
    let next = browser.source()?;
    assert!(next.contains("Add each Trust") && !next.contains("second factor"), "{next}");
    let admin = stranger.sign_in("first@hub.example", &password)?;
    assert_eq!(
        admin.get("/api/v1/session")?.json(),
        json!({ "name": "Dr First", "role": "admin", "awaits": null })
    );
    assert_eq!(stranger.get(&link)?.status, 410);
    let second = form(&stranger, &link, &format!("name=eve&email=&password={CHOSEN}&again={CHOSEN}"))?;
    assert_eq!(second.status, 410);
    assert!(not_told(&hub, &["setup"])?.contains("has people already"));
    Ok(())
}

#[test]
fn an_admin_sees_what_mail_was_not_sent_and_hands_the_link_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = MailServer::new(&folder.path().join("mail"), Secured::StartTls)?;
    let hub = hub_with(folder.path(), &server)?;
    let (name, password) = hub.credentials();
    let base = hub.stranger()?.base().to_owned();
    let desk = Window { width: 1_280, height: 1_000, dark: false, scripts: true };
    let browser = Browser::open(desk)?;
    browser.go(&format!("{base}/people"))?;
    browser.sign_in(name, password)?;
    browser.shows("Invite a person")?;
    browser.fill("input[name=name]", "Astrid Lindqvist")?;
    browser.fill("main form[method=post] input[name=email]", "astrid@site.example")?;
    browser.click("main form[method=post] button")?;
    browser.shows("Astrid Lindqvist")?;
    let page = browser.address()?;
    until("the page to say that the mail was not sent", || {
        browser.go(&page)?;
        Ok(browser.source()?.contains("was not sent").then_some(()))
    })?;
    browser.picture(&picture("person-light")?)?;
    let link = link_in(&browser.source()?)?;
    browser.go(&format!("{base}/people"))?;
    browser.shows("1 mail could not be sent")?;
    browser.picture(&picture("people-mail-trouble-light")?)?;
    browser.click("main p.alert a")?;
    browser.shows("cannot be used")?;
    browser.picture(&picture("mail-light")?)?;
    server.resume()?;
    browser.click("form[action$='/send'] button")?;
    let mail = server.mail_to("astrid@site.example")?;
    assert_eq!(link_in(mail["text"].as_str().context("no text")?)?, link);
    browser.shows("sent")?;

    let own = Browser::open(Window { width: 500, height: 1_000, dark: true, scripts: false })?;
    own.go(&format!("{base}{link}"))?;
    own.shows("Welcome")?;
    own.picture(&picture("invitation-dark-narrow")?)?;
    let chosen = CHOSEN.replace('+', " ");
    own.fill("input[name=password]", &chosen)?;
    own.fill("input[name=again]", &chosen)?;
    own.click("main button")?;
    own.shows("Your password is chosen")?;
    own.click("main a.button")?;
    own.sign_in("astrid@site.example", &chosen)?;
    own.shows("New query")?;
    let narrow = Browser::open(Window { width: 500, height: 1_400, dark: true, scripts: true })?;
    narrow.go(&format!("{base}/people"))?;
    narrow.sign_in(name, password)?;
    narrow.shows("Astrid Lindqvist")?;
    narrow.picture(&picture("people-dark-narrow")?)?;
    let complaints = browser.complaints()?;
    assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
    Ok(())
}

/// The only Trust's share of a question.
fn share(person: &Api, query: &str) -> Result<Value> {
    Ok(person.result(query)?["shares"][0].clone())
}

#[test]
fn who_is_disabled_has_nothing_run_any_more_and_is_called_by_their_new_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let mut away = Appliance::new(&folder.path().join("trust"))?;
    away.enrol(&hub.add_trust("Away")?)?;
    let (admin, ben) = (hub.api()?, hub.add_person("ben", "researcher")?);
    let waiting = ben.ask("waits", EVERYONE)?;
    told(&hub, &["user", "edit", "ben", "--rename", "benjamin"])?;
    assert_eq!(admin.get(&format!("/api/v1/queries/{waiting}"))?.json()["asked_by"], "benjamin");
    hub.add_person("ben", "viewer")?;
    assert_eq!(
        admin.get(&format!("/api/v1/queries/{waiting}"))?.json()["asked_by"],
        "benjamin",
        "another Ben"
    );
    let others = admin.ask("goes on", EVERYONE)?;
    told(&hub, &["user", "disable", "benjamin"])?;
    assert_eq!(share(&admin, &waiting)?["state"], "cancelled");
    assert_eq!(admin.result(&waiting)?["complete"], true);
    assert!(admin.get(&format!("/queries/{waiting}"))?.text.contains("cancelled"));
    assert_eq!(share(&admin, &others)?["state"], "offline");

    // An order that comes back from a Trust that lost it, of somebody who was disabled meanwhile, is not handed out.
    told(&hub, &["user", "enable", "benjamin"])?;
    let back = hub.stranger()?.sign_in("benjamin", hub.credentials().1)?.ask("comes back", EVERYONE)?;
    hub.kill()?;
    let ledger = Connection::open(hub.data.join("hub.sqlite"))?;
    ledger.execute("UPDATE person SET disabled_ms = 1 WHERE name = 'benjamin'", [])?;
    drop(ledger);
    hub.resume()?;
    let admin = hub.api()?;
    away.resume()?;
    let after = admin.ask("asked after it", EVERYONE)?;
    for answered in [&others, &after] {
        until("an answer", || Ok((share(&admin, answered)?["state"] == "failed").then_some(())))?;
    }
    assert_eq!(share(&admin, &back)?["stage"], "queued");
    Ok(())
}
