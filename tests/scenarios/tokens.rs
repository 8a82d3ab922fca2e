//! API tokens: what programs sign in with.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Api, Browser, Hub, HubOptions, MailServer, PASSWORD, Secured, Window, until};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::Stage;

fn make(person: &Api, scopes: &[&str]) -> Result<(Api, Value)> {
    let made = person.post("/api/v1/tokens", &json!({ "name": "nightly", "scopes": scopes, "days": 7 }))?;
    ensure!(made.status == 201, "no token: {}", made.text);
    Ok((person.with_token(&made.json())?, made.json()))
}

fn refused(program: &Api, method: &str, path: &str) -> Result<(u16, Value)> {
    let reply = program.send(method, path, "application/json", "{}")?;
    Ok((reply.status, reply.json()["code"].clone()))
}

#[test]
fn a_token_opens_its_scopes_as_far_as_its_owner_may_and_no_account() -> Result<()> {
    let stage = Stage::set()?;
    let hub = &stage.hub;
    let ben = hub.add_person("ben", "researcher")?;
    let (reads, made) = make(&ben, &["read"])?;
    let (asks, _) = make(&ben, &["ask", "read"])?;
    let (runs, _) = make(&ben, &["read", "ask", "projects", "hub"])?;
    let token = reads.token().context("no token")?.to_owned();
    assert!(token.starts_with("flip_pat_"), "{token}");
    let query = asks.ask("by a program", EVERYONE)?;
    asks.complete(&query)?;
    assert_eq!(reads.get(&format!("/api/v1/queries/{query}"))?.status, 200);
    let out = (403, json!("out_of_scope"));
    let body = json!({ "name": "x", "sql": EVERYONE });
    let asked = reads.post("/api/v1/queries", &body)?;
    assert_eq!((asked.status, asked.json()["code"].clone()), out);
    assert_eq!(runs.post("/api/v1/projects", &json!({ "name": "One" }))?.status, 201);
    // What the owner may not know of is hidden from the token with every scope too.
    assert_eq!(refused(&runs, "GET", "/api/v1/people")?, (404, json!("not_found")));
    for (method, path) in [
        ("GET", "/api/v1/tokens"),
        ("POST", "/api/v1/tokens"),
        ("PUT", "/api/v1/password"),
        ("GET", "/api/v1/sessions"),
        ("DELETE", "/api/v1/sessions"),
        ("GET", "/api/v1/second-factor"),
        ("POST", "/api/v1/second-factor"),
        ("POST", "/api/v1/second-factor/recovery-codes"),
        ("DELETE", "/api/v1/session"),
    ] {
        assert_eq!(refused(&runs, method, path)?, out, "{method} {path}");
    }
    let (admins, _) = make(&stage.api, &["read", "ask", "projects", "hub"])?;
    assert_eq!(admins.get("/api/v1/people")?.status, 200);
    assert_eq!(refused(&admins, "POST", "/api/v1/people")?, out, "a token changes people");

    let listed = ben.get("/api/v1/tokens")?.json();
    let of = listed["tokens"].as_array().context("no list")?.iter().find(|one| one["id"] == made["id"]);
    let of = of.context("it is not listed")?;
    assert_eq!((&of["used_from"], &of["scopes"]), (&json!("127.0.0.1"), &json!(["read"])), "{of}");
    for file in ["hub.sqlite", "hub.sqlite-wal", "hub.log"] {
        let bytes = fs::read(hub.data.join(file))?;
        assert!(!bytes.windows(token.len()).any(|part| part == token.as_bytes()), "{file} holds a token");
    }
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().context("no id")?);
    assert_eq!(stage.api.send("DELETE", &path, "", "")?.status, 204);
    assert_eq!(reads.get("/api/v1/projects")?.status, 200, "somebody else revoked it");
    assert_eq!(ben.send("DELETE", &path, "", "")?.status, 204);
    assert_eq!(refused(&reads, "GET", "/api/v1/projects")?, (401, json!("bad_token")));
    let cut = ben.with_token(&json!({ "token": &token[..token.len() - 1] }))?.get("/api/v1/projects")?;
    assert!(cut.status == 401 && cut.text.contains("mistyped"), "{}", cut.text);
    // A role counts at once, and who is kept out has no tokens any more.
    let id = stage.api.get("/api/v1/people?search=ben")?.json()["people"][0]["id"].clone();
    let person = format!("/api/v1/people/{}", id.as_str().context("no id")?);
    let viewer = json!({ "name": "ben", "role": "viewer" }).to_string();
    ensure!(stage.api.send("PUT", &person, "application/json", &viewer)?.status == 200, "no viewer");
    let made = runs.post("/api/v1/projects", &json!({ "name": "Another" }))?;
    assert_eq!(made.json()["code"], "forbidden", "{}", made.text);
    stage.api.post(&format!("{person}/disable"), &json!({}))?;
    assert_eq!(refused(&asks, "GET", "/api/v1/projects")?, (401, json!("bad_token")));
    stage.api.post(&format!("{person}/enable"), &json!({}))?;
    assert_eq!(refused(&asks, "GET", "/api/v1/projects")?, (401, json!("bad_token")), "a token came back");
    Ok(())
}

#[test]
fn a_token_ends_and_its_owner_hears_of_it_and_only_so_many_are_made() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = MailServer::start(&folder.path().join("mail"), Secured::Plain)?;
    // Eight days ago.
    let options =
        HubOptions { lines: server.lines(), before: crate::stage::faketime("-8d"), ..HubOptions::default() };
    let mut hub = Hub::start(&folder.path().join("hub"), options)?;
    let admin = hub.api()?;
    let me = json!({ "name": "admin", "email": "admin@site.example", "role": "admin" }).to_string();
    let id = admin.get("/api/v1/people?search=admin")?.json()["people"][0]["id"].clone();
    let person = format!("/api/v1/people/{}", id.as_str().context("no id")?);
    ensure!(admin.send("PUT", &person, "application/json", &me)?.status == 200, "no address");
    for (wrong, code) in [
        (json!({ "name": "x", "scopes": [] }), "bad_scope"),
        (json!({ "name": "x", "scopes": ["everything"] }), "bad_scope"),
        (json!({ "name": "x", "scopes": ["read"], "days": 366 }), "bad_days"),
        (json!({ "name": "x", "scopes": ["read"], "days": 0 }), "bad_days"),
        (json!({ "name": " ", "scopes": ["read"] }), "bad_name"),
    ] {
        let reply = admin.post("/api/v1/tokens", &wrong)?;
        assert_eq!((reply.status, &reply.json()["code"]), (422, &json!(code)), "{wrong}");
    }
    let (program, _) = make(&admin, &["read"])?;
    let mail = server.mail_to("admin@site.example")?;
    assert!(mail["text"].as_str().is_some_and(|text| text.contains("nightly")), "{mail}");
    let token = program.token().context("no token")?;
    assert!(!mail.to_string().contains(token), "a mail has the token");
    let output = hub.command(&["user", "token", "admin", "--for", "cron", "--scope", "read"])?.output()?;
    let said = String::from_utf8(output.stdout)?;
    let printed = said.lines().nth(1).context("no token")?.trim();
    let cron = admin.with_token(&json!({ "token": printed }))?;
    assert_eq!(cron.get("/api/v1/projects")?.status, 200, "{said}");
    let listed = String::from_utf8(hub.command(&["user", "tokens", "admin"])?.output()?.stdout)?;
    let line = listed.lines().find(|line| line.contains("cron")).context("it is not listed")?;
    let id = line.split_whitespace().next().context("no id")?;
    ensure!(hub.command(&["user", "revoke-token", "admin", id])?.output()?.status.success(), "not revoked");
    assert_eq!(cron.get("/api/v1/projects")?.status, 401);
    let mut made = 1;
    let last = until("an end of tokens", || {
        let reply = admin.post("/api/v1/tokens", &json!({ "name": "x", "scopes": ["read"] }))?;
        made += u32::from(reply.status == 201);
        Ok((reply.status != 201).then_some(reply))
    })?;
    assert_eq!((made, &last.json()["code"]), (20, &json!("too_many_tokens")), "{}", last.text);
    assert_eq!(program.get("/api/v1/projects")?.status, 200);
    hub.kill()?;
    hub.put_before(&[]);
    hub.resume()?;
    assert_eq!(program.get("/api/v1/projects")?.status, 401, "its time is over");
    Ok(())
}

#[test]
fn somebody_makes_a_token_in_the_console_and_sees_it_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let base = hub.stranger()?.base().to_owned();
    for (dark, width, name) in [(false, 1_280, "tokens-light"), (true, 400, "tokens-dark-narrow")] {
        let browser = Browser::open(Window { width, height: 1_300, dark, scripts: true })?;
        browser.go(&format!("{base}/account/tokens"))?;
        browser.sign_in("admin", PASSWORD)?;
        browser.shows("A new token")?;
        browser.fill("input[name=name]", "My notebook")?;
        browser.click("main section form button[type=submit]")?;
        browser.shows("shown this once")?;
        browser.picture(&picture(name)?)?;
        let barriers = browser.barriers()?;
        ensure!(barriers.is_empty(), "{barriers:#?}");
        assert!(browser.source()?.contains("flip_pat_"), "no token");
        browser.go(&format!("{base}/account/tokens"))?;
        browser.shows("My notebook")?;
        assert!(!browser.source()?.contains("flip_pat_"), "it is shown again");
        browser.click("main table form button")?;
        browser.shows("You have no tokens")?;
    }
    Ok(())
}

#[test]
fn who_has_a_second_factor_gives_a_code_of_it_to_make_a_token() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let (ben, app, recovery) = hub.add_person("ben", "researcher")?.enrol()?;
    let ask = |code: Option<&str>| -> Result<(u16, Value)> {
        let reply = ben.post("/api/v1/tokens", &json!({ "name": "x", "scopes": ["read"], "code": code }))?;
        Ok((reply.status, reply.json()["code"].clone()))
    };
    assert_eq!(ask(None)?, (422, json!("code_needed")));
    assert_eq!(ask(Some("12345"))?, (422, json!("wrong_code")));
    assert_eq!(ask(Some(&app.code(0)?))?, (422, json!("code_used")), "it set the factor up");
    let listed = || -> Result<usize> {
        Ok(ben.get("/api/v1/tokens")?.json()["tokens"].as_array().context("no list")?.len())
    };
    assert_eq!(listed()?, 0, "a token was made without a code");
    let code = app.code(1)?;
    assert_eq!(ask(Some(&code))?, (201, Value::Null));
    assert_eq!(ask(Some(&code))?, (422, json!("code_used")));
    assert_eq!(ask(Some(&recovery[0]))?, (201, Value::Null));
    assert_eq!(listed()?, 2);
    // The form asks for it too.
    let form = "name=x&days=7&read=on";
    let page = ben.send("POST", "/account/tokens", "application/x-www-form-urlencoded", form)?;
    assert!(page.status == 422 && page.text.contains("or a recovery code"), "{} {}", page.status, page.text);
    let with = format!("{form}&code={}", recovery[1]);
    let page = ben.send("POST", "/account/tokens", "application/x-www-form-urlencoded", &with)?;
    assert!(page.status == 200 && page.text.contains("flip_pat_"), "{}", page.status);
    Ok(())
}

#[test]
fn a_key_is_a_tokens_own_and_the_audit_says_which_token_it_was() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let (ben, eve) = (hub.add_person("ben", "researcher")?, hub.add_person("eve", "researcher")?);
    let scopes = ["read", "projects"];
    let (first, made) = make(&ben, &scopes)?;
    let ((second, _), (of_eve, _), (reads, _)) =
        (make(&ben, &scopes)?, make(&eve, &scopes)?, make(&ben, &["read"])?);
    let body = json!({ "name": "Lungs" });
    let ask = |api: &Api| api.post_once("/api/v1/projects", &body, "k-1");
    let id = |api: &Api| -> Result<String> {
        let reply = ask(api)?;
        ensure!(reply.status == 201, "not made: {}", reply.text);
        Ok(reply.json()["id"].as_str().context("no id")?.to_owned())
    };
    let mut projects = vec![id(&first)?, id(&second)?, id(&of_eve)?, id(&ben)?];
    for (api, project) in [&first, &second, &of_eve, &ben].into_iter().zip(projects.clone()) {
        assert_eq!(id(api)?, project, "it was carried out again");
    }
    projects.sort();
    projects.dedup();
    assert_eq!(projects.len(), 4, "one got the other's answer");
    let narrow = ask(&reads)?;
    assert_eq!((narrow.status, &narrow.json()["code"]), (403, &json!("out_of_scope")));

    let acts = hub.api()?.get("/api/v1/audit?act=project_made")?.json()["acts"].clone();
    let by = |project: &str| -> Result<Value> {
        let mut acts = acts.as_array().context("no acts")?.iter();
        let act = acts.find(|act| act["facts"]["project"] == project).context("no such act")?;
        Ok(act["facts"]["by"].clone())
    };
    let of_token = by(&id(&first)?)?;
    assert_eq!((&of_token["name"], &of_token["kind"]), (&json!("ben"), &json!("person")));
    assert_eq!(of_token["token"], json!({ "id": made["id"], "name": "nightly" }));
    assert_eq!(by(&id(&ben)?)?.get("token"), None, "no token did it");
    let listed = hub.noted("project_made")?;
    assert!(listed.contains("ben, by the token “nightly”"), "{listed}");
    Ok(())
}

#[test]
fn the_api_is_listed_in_the_console_with_the_hubs_own_address() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let base = hub.stranger()?.base().to_owned();
    let document = hub.stranger()?.get("/api/v1/openapi.json")?.json();
    let paths = document["paths"].as_object().context("no paths")?;
    let operations: usize = paths.values().filter_map(Value::as_object).map(serde_json::Map::len).sum();
    for (dark, width, name) in [(false, 1_280, "api-light"), (true, 400, "api-dark-narrow")] {
        let browser = Browser::open(Window { width, height: 2_400, dark, scripts: true })?;
        browser.go(&format!("{base}/api"))?;
        browser.sign_in("admin", PASSWORD)?;
        browser.shows("openapi.json")?;
        let source = browser.source()?;
        assert_eq!(source.matches("<code><b>").count(), operations, "an operation is missing");
        browser.picture(&picture(name)?)?;
        browser.go(&format!("{base}/api?about=queries"))?;
        browser.shows(&format!("\"{base}/api/v1/queries\""))?;
        browser.shows("NewQuery")?;
        browser.click("#post_queries ~ details > summary")?;
        let barriers = browser.barriers()?;
        ensure!(barriers.is_empty(), "{barriers:#?}");
        browser.picture(&picture(&format!("{name}-operation"))?)?;
    }
    Ok(())
}
