//! Every route that changes something, used once: each leaves its act.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use flip_storage::rusqlite::Connection;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Api, Authenticator, Hub, MailServer, Secured};
use serde_json::{Value, json};

use super::uses::{Body, WITHOUT, changing, uses};
use super::{acts, names};
use crate::stage::{SLOW, Stage, TRUST};

fn trust_named(admin: &Api, name: &str) -> Result<String> {
    let all = admin.get("/api/v1/trusts")?.json()["trusts"].clone();
    let found = all.as_array().and_then(|all| all.iter().find(|one| one["name"] == name));
    Ok(found.and_then(|one| one["id"].as_str()).context("no such Trust")?.to_owned())
}

/// What a route of people is used on, in the state that it needs.
struct Used {
    /// Somebody of this use alone.
    name: String,
    /// Their client, where they can sign in.
    api: Option<Api>,
    /// The route's path with its names filled in.
    path: String,
    /// A code of their second factor that is good now.
    code: String,
}

fn used(hub: &Hub, admin: &Api, method: &str, path: &str, number: usize) -> Result<Used> {
    let name = format!("somebody {number}");
    let email = format!("s{number}@site.example");
    let id_of = |reply: Value| -> Result<String> { Ok(reply["id"].as_str().context("no id")?.to_owned()) };
    let mut filled = path.to_owned();
    let (mut api, mut code) = (None, String::new());
    if path.contains("/second-factor") {
        let own = hub.add_person(&name, "viewer")?;
        let offered = own.get("/api/v1/second-factor")?.json()["offer"]["secret"].clone();
        if path.ends_with("/second-factor") {
            code = Authenticator::new(offered.as_str().context("nothing is offered")?)?.code(0)?;
            api = Some(own);
        } else {
            // Of two steps one code each: of this one to set it up, of the next one to use.
            let (whole, app, _) = own.enrol()?;
            code = app.code(1)?;
            let half = || hub.stranger()?.sign_in(&name, hub.credentials().1);
            api = Some(if path.ends_with("/code") { half()? } else { whole });
        }
        let people = admin.get(&format!("/api/v1/people?search={}", name.replace(' ', "%20")))?.json();
        filled = path.replace("{person}", &id_of(people["people"][0].clone())?);
    } else if path.contains("{request}") {
        let asks = json!({ "name": name, "email": email, "reason": "Lungs" });
        ensure!(admin.post("/api/v1/access-requests", &asks)?.status == 202, "nothing was asked");
        let requests = admin.get("/api/v1/access-requests")?.json();
        let mut requests = requests["requests"].as_array().context("no requests")?.iter();
        let request = requests.find(|request| request["name"] == name.as_str()).context("no such request")?;
        filled = path.replace("{request}", &id_of(request.clone())?);
    } else if path.contains("{mail}") {
        let mail = admin.post("/api/v1/mail/test", &json!({ "email": email }))?.json();
        filled = path.replace("{mail}", &id_of(mail)?);
    } else if path.contains("{token}")
        || method == "DELETE" && path.contains("{person}")
        || path.ends_with("/invite")
        || path.ends_with("/withdraw")
    {
        let body = json!({ "name": name, "email": email, "role": "viewer" });
        let id = id_of(admin.post("/api/v1/people", &body)?.json())?;
        filled = path.replace("{person}", &id);
        if path.contains("{token}") {
            let link = flip_tests::world::until("a link to hand over", || {
                let person = admin.get(&format!("/api/v1/people/{id}"))?.json();
                Ok(person["link"].as_str().map(str::to_owned))
            })?;
            filled = flip_tests::world::link_in(&link)?;
        }
    } else if path.contains("/tokens/{id}") {
        let made = admin.post("/api/v1/tokens", &json!({ "name": name, "scopes": ["read"] }))?.json();
        filled = path.replace("{id}", &id_of(made)?);
    } else if path.contains("/sessions") {
        // One session that ends another.
        let (own, other) =
            (hub.add_person(&name, "viewer")?, hub.stranger()?.sign_in(&name, hub.credentials().1)?);
        let seen = other.get("/api/v1/sessions")?.json()["sessions"].clone();
        let mut seen = seen.as_array().context("no list")?.iter();
        let first = seen.find(|one| one["this"] == false).context("no other session")?;
        filled = path.replace("{session}", first["id"].as_str().context("no id")?);
        drop(own);
        api = Some(other);
    } else if path.contains("{person}") || path.ends_with("/password") {
        api = Some(hub.add_person(&name, "viewer")?);
        let people = admin.get(&format!("/api/v1/people?search={}", name.replace(' ', "%20")))?.json();
        let id = id_of(people["people"][0].clone())?;
        if path.ends_with("/unbind") {
            // Only a provider's word binds people, which scenarios/oidc.rs has.
            let ledger = Connection::open(hub.data.join("hub.sqlite"))?;
            let person = uuid::Uuid::parse_str(&id)?;
            let bound = "INSERT INTO identity VALUES ('https://login.example.org', ?1, ?2, 1)";
            ledger.execute(bound, (&id, person.as_bytes().as_slice()))?;
        }
        if path.ends_with("/enable") {
            admin.post(&format!("/api/v1/people/{id}/disable"), &json!({}))?;
        }
        filled = path.replace("{person}", &id);
    }
    Ok(Used { name, api, path: filled, code })
}

fn frozen(admin: &Api, query: &str) -> Result<()> {
    flip_tests::world::until("the freeze to end", || {
        let freeze = admin.get(&format!("/api/v1/queries/{query}/freeze?wait_s=10"))?;
        Ok((freeze.json()["complete"] == true).then_some(()))
    })
}

/// The query that a route is about which stages, decides or cancels, with its project as far as the route needs it.
fn query_for(path: &str, admin: &Api, project: &str) -> Result<Option<String>> {
    if path.ends_with("/cancel") {
        return admin.ask_in("slow", SLOW, project).map(Some);
    }
    if !["/stage", "/unstage", "/decision"].iter().any(|end| path.ends_with(end)) {
        return Ok(None);
    }
    let query = admin.ask_in("everyone", EVERYONE, project)?;
    admin.complete(&query)?;
    if !path.ends_with("/stage") {
        admin.stage(project)?;
    }
    Ok(Some(query))
}

#[test]
fn every_route_that_changes_something_leaves_an_act_of_who_did_it() -> Result<()> {
    let mut stage = Stage::set()?;
    // Its mail server is never there.
    let mail = MailServer::new(&stage.folder().join("mail"), Secured::Plain)?;
    let file = stage.hub.data.join("hub.toml");
    fs::write(&file, fs::read_to_string(&file)? + &mail.lines())?;
    stage.hub.kill()?;
    stage.hub.resume()?;
    let (hub, admin) = (&stage.hub, &stage.api);
    hub.add_person("ada", "researcher")?;
    let query = admin.ask("answered", EVERYONE)?;
    admin.complete(&query)?;
    ensure!(admin.approve(&query)?, "it was staged before");
    frozen(admin, &query)?;
    let uses = uses();
    let mut routes = changing()?;
    // Last, because it holds everything else back.
    routes.sort_by_key(|route| route[1].ends_with("/maintenance"));
    for (number, [method, path]) in routes.iter().enumerate() {
        let route = format!("{method} {path}");
        let told = "say in this test how the route is used and which act it leaves";
        if WITHOUT.iter().any(|(without, _)| *without == route) {
            continue;
        }
        let (act, body) = uses.get(route.as_str()).with_context(|| format!("{route}: {told}"))?;
        let act = *act;
        let used = if ["/projects", "/queries", "/models", "/uploads"].iter().any(|of| path.contains(of)) {
            Used { name: String::new(), api: None, path: path.clone(), code: String::new() }
        } else {
            used(hub, admin, method, path, number)?
        };
        let person: Api = match (act, used.api) {
            ("signed_out", _) => hub.api()?,
            ("sessions_ended", Some(own)) if path.contains("/sessions") => own,
            (
                "password_changed" | "second_factor_enrolled" | "recovery_codes_made" | "signed_in",
                Some(own),
            ) => own,
            _ => admin.clone(),
        };
        let (project, model) = if path.contains("/models") || path.contains("/uploads") {
            let approved = admin.project_of(&query)?;
            let said = json!({ "name": "For this route", "job_type": "flower-standard" });
            let made = admin.post(&format!("/api/v1/projects/{approved}/models"), &said)?;
            (approved, made.json()["id"].as_str().context("no model")?.to_owned())
        } else {
            let made = admin.post("/api/v1/projects", &json!({ "name": "For this route" }))?;
            (made.json()["id"].as_str().context("no project")?.to_owned(), String::new())
        };
        let (mut file, mut token) = (String::new(), String::new());
        if path.contains("{file}") || path.contains("/uploads/{token}") {
            let bytes = json!({ "name": "config.json", "bytes": 2 });
            let opened = admin.post(&format!("/api/v1/models/{model}/files"), &bytes)?.json();
            opened["id"].as_str().context("no file")?.clone_into(&mut file);
            opened["link"]
                .as_str()
                .context("no link")?
                .trim_start_matches("/uploads/")
                .clone_into(&mut token);
        }
        let asked = query_for(path, admin, &project)?.unwrap_or_else(|| query.clone());
        let trust = match act {
            "keys_asked" | "bundle_made" | "project_staged" | "project_unstaged" | "project_decided" => {
                trust_named(admin, TRUST)?
            }
            "trust_admin_made" => {
                // One of its own: a Trust with an admin decides otherwise from then on.
                hub.add_trust(&format!("Elsewhere {number}"))?;
                trust_named(admin, &format!("Elsewhere {number}"))?
            }
            _ if path.contains("{trust}") => {
                hub.add_trust("Oldbridge")?;
                trust_named(admin, "Oldbridge")?
            }
            _ => String::new(),
        };
        let fill = |text: &str| {
            text.replace("{project}", &project)
                .replace("{query}", &asked)
                .replace("{trust}", &trust)
                .replace("{model}", &model)
                .replace("{code}", &used.code)
                .replace("{file}", &file)
                .replace("{token}", &token)
        };
        let filled = fill(&used.path);
        let (kind, body) = match body {
            Body::None => ("application/json", String::new()),
            Body::Json(body) => ("application/json", fill(&body.to_string())),
            Body::Form(form) => ("application/x-www-form-urlencoded", fill(form)),
            Body::WithFile => ("multipart/form-data; boundary=b", crate::roles::form_with_file()),
        };
        let before = acts(hub)?.len();
        let reply = person.send(method, &filled, kind, &body)?;
        let refused = act == "bundle_refused" && reply.status == 409;
        ensure!(refused || (200..400).contains(&reply.status), "{route}: {} {}", reply.status, reply.text);
        let after = acts(hub)?;
        let left = &after[before..];
        assert!(names(left).contains(&act), "{route} left {left:?}");
        let noted = left.iter().find(|noted| noted["act"] == act).context("no act")?;
        let who = match act {
            "signed_in" if used.code.is_empty() => json!("ada"),
            "sessions_ended" if path.contains("/sessions") => json!(used.name),
            "signed_in"
            | "password_changed"
            | "invitation_accepted"
            | "second_factor_enrolled"
            | "recovery_codes_made" => json!(used.name),
            "reset_asked" | "access_asked" => Value::Null,
            _ => json!("admin"),
        };
        assert_eq!(noted["facts"]["by"]["name"], who, "{route}: {noted}");
        if path.contains("{project}") {
            assert_eq!(noted["facts"]["project"], project.as_str(), "{route}: {noted}");
        }
        if path.contains("{trust}") {
            assert_eq!(noted["facts"]["trust"], trust.as_str(), "{route}: {noted}");
            if !matches!(act, "keys_asked" | "bundle_made" | "trust_removed" | "project_decided") {
                let gone = json!({ "name": "Oldbridge" });
                ensure!(admin.post(&format!("/api/v1/trusts/{trust}/remove"), &gone)?.status == 204);
            }
        }
        if act == "freeze_ordered" {
            // The next freeze has to be ordered anew.
            frozen(admin, &query)?;
        }
    }
    Ok(())
}
