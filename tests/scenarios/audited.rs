//! What the hub's audit holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flip_storage::audit::{Audit, Entry, Head};
use flip_storage::rusqlite::{Connection, OpenFlags};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{
    Api, Appliance, Authenticator, Browser, Hub, HubOptions, MailServer, Secured, Window, until,
};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::{SLOW, Stage, TRUST};

/// The acts in the hub's ledger, oldest first. Each must follow from the one before it.
fn acts(hub: &Hub) -> Result<Vec<Value>> {
    let ledger = Connection::open_with_flags(hub.data.join("hub.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = ledger.prepare("SELECT hash, entry FROM audit ORDER BY number")?;
    let kept: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let (mut head, mut acts) = (Head::none(), Vec::new());
    for (hash, entry) in kept {
        let followed = head.follow(&hash, &entry);
        ensure!(followed.is_ok(), "act {} does not follow: {followed:?}", head.entries + 1);
        acts.push(serde_json::from_str(&entry)?);
    }
    Ok(acts)
}

fn names(acts: &[Value]) -> Vec<&str> {
    acts.iter().filter_map(|act| act["act"].as_str()).collect()
}

/// The routes that change something: every one but those of GET.
fn changing() -> Result<Vec<[String; 2]>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no root")?;
    let page = fs::read_to_string(root.join("docs/PERMISSIONS.md"))?;
    let routes = page.lines().filter_map(|line| {
        let (method, path) = line.strip_prefix("| `")?.split_once('`')?.0.split_once(' ')?;
        (method != "GET").then(|| [method.to_owned(), path.to_owned()])
    });
    let routes: Vec<_> = routes.collect();
    ensure!(routes.len() > 15, "too few routes: {routes:?}");
    Ok(routes)
}

/// Changing routes that rightly leave no act, and why.
const WITHOUT: [(&str, &str); 0] = [];

fn trust_named(admin: &Api, name: &str) -> Result<String> {
    let all = admin.get("/api/v1/trusts")?.json()["trusts"].clone();
    let found = all.as_array().and_then(|all| all.iter().find(|one| one["name"] == name));
    Ok(found.and_then(|one| one["id"].as_str()).context("no such Trust")?.to_owned())
}

enum Body {
    None,
    Json(Value),
    Form(&'static str),
    WithFile,
}

/// Of every changing route the act that it leaves, and what is sent to it once. A route that is neither here nor in
/// [`WITHOUT`] fails the test.
fn uses() -> BTreeMap<&'static str, (&'static str, Body)> {
    use Body::{Form, Json, None, WithFile};
    let password = "correct horse battery staple";
    BTreeMap::from([
        ("POST /api/v1/session", ("signed_in", Json(json!({ "name": "ada", "password": password })))),
        ("DELETE /api/v1/session", ("signed_out", None)),
        ("POST /api/v1/trusts", ("trust_added", Json(json!({ "name": "One" })))),
        ("POST /api/v1/trusts/{trust}/kit", ("kit_made", None)),
        ("POST /api/v1/trusts/{trust}/keys", ("keys_asked", None)),
        ("POST /api/v1/trusts/{trust}/revoke", ("trust_revoked", None)),
        ("POST /api/v1/trusts/{trust}/remove", ("trust_removed", Json(json!({ "name": "Oldbridge" })))),
        ("POST /trusts/{trust}/kit", ("kit_made", Form(""))),
        ("POST /trusts/{trust}/keys", ("keys_asked", Form(""))),
        ("POST /trusts/{trust}/revoke", ("trust_revoked", Form(""))),
        ("POST /trusts/{trust}/remove", ("trust_removed", Form("name=Oldbridge"))),
        ("POST /api/v1/projects", ("project_made", Json(json!({ "name": "Lungs" })))),
        (
            "PUT /api/v1/projects/{project}",
            (
                "project_edited",
                Json(json!({ "edition": 1, "name": "Lungs", "description": "", "members": ["ada"] })),
            ),
        ),
        ("DELETE /api/v1/projects/{project}", ("project_deleted", None)),
        ("POST /api/v1/projects/{project}/stage", ("project_staged", Json(json!({ "trusts": ["{trust}"] })))),
        ("POST /api/v1/projects/{project}/unstage", ("project_unstaged", Json(json!({})))),
        (
            "POST /api/v1/projects/{project}/trusts/{trust}/decision",
            ("project_decided", Json(json!({ "query": "{query}", "decision": "approve" }))),
        ),
        ("POST /api/v1/queries/{query}/cancel", ("query_cancelled", Json(json!({})))),
        ("POST /api/v1/queries", ("query_asked", Json(json!({ "name": "All", "sql": EVERYONE })))),
        ("POST /api/v1/queries/{query}/freeze", ("freeze_ordered", Json(json!({})))),
        ("PUT /api/v1/hub/banner", ("banner_shown", Json(json!({ "text": "Hello", "href": "" })))),
        ("PUT /api/v1/hub/maintenance", ("maintenance_ended", Json(json!({ "on": false, "words": "" })))),
        ("POST /sign-in", ("signed_in", Form("account=ada&password=correct+horse+battery+staple&next=/"))),
        ("POST /sign-out", ("signed_out", Form(""))),
        ("POST /trusts", ("trust_added", Form("name=Two"))),
        ("POST /queries", ("query_asked", Form("name=All&sql=SELECT+person_id+FROM+omop.person&project="))),
        ("POST /queries/{query}/freeze", ("freeze_ordered", Form(""))),
        ("POST /projects", ("project_made", Form("name=Hearts&description="))),
        (
            "POST /projects/{project}",
            ("project_edited", Form("edition=1&name=Hearts&description=&members=ada")),
        ),
        ("POST /projects/{project}/delete", ("project_deleted", Form(""))),
        (
            "POST /api/v1/people",
            ("person_invited", Json(json!({ "name": "b", "email": "b@a.example", "role": "viewer" }))),
        ),
        (
            "PUT /api/v1/people/{person}",
            ("person_edited", Json(json!({ "name": "Another B", "email": "b@c.example", "role": "viewer" }))),
        ),
        ("PUT /api/v1/people/{person}/trust", ("trust_admin_made", Json(json!({ "trust": "{trust}" })))),
        ("POST /people/{person}/trust", ("trust_admin_made", Form("trust={trust}"))),
        ("DELETE /api/v1/people/{person}", ("invitation_withdrawn", None)),
        ("POST /api/v1/people/{person}/disable", ("person_disabled", None)),
        ("POST /api/v1/people/{person}/enable", ("person_enabled", None)),
        ("POST /api/v1/people/{person}/reset", ("password_reset", None)),
        ("POST /api/v1/people/{person}/invite", ("person_invited", None)),
        ("POST /api/v1/second-factor", ("second_factor_enrolled", Json(json!({ "code": "{code}" })))),
        ("POST /api/v1/second-factor/code", ("signed_in", Json(json!({ "code": "{code}" })))),
        (
            "POST /api/v1/second-factor/recovery-codes",
            ("recovery_codes_made", Json(json!({ "code": "{code}" }))),
        ),
        ("POST /api/v1/people/{person}/second-factor/reset", ("second_factor_reset", None)),
        ("POST /api/v1/people/{person}/unbind", ("identity_unbound", None)),
        ("POST /people/{person}/unbind", ("identity_unbound", Form(""))),
        ("POST /second-factor", ("second_factor_enrolled", Form("code={code}&now=&next="))),
        ("POST /second-factor/code", ("signed_in", Form("code={code}&next="))),
        ("POST /second-factor/recovery-codes", ("recovery_codes_made", Form("code={code}"))),
        ("POST /people/{person}/second-factor/reset", ("second_factor_reset", Form(""))),
        ("DELETE /api/v1/sessions", ("sessions_ended", None)),
        ("DELETE /api/v1/sessions/{session}", ("sessions_ended", None)),
        ("POST /api/v1/people/{person}/sign-out", ("sessions_ended", None)),
        ("POST /account/sessions/end", ("sessions_ended", Form(""))),
        ("POST /account/sessions/{session}/end", ("sessions_ended", Form(""))),
        ("POST /people/{person}/sign-out", ("sessions_ended", Form(""))),
        ("POST /api/v1/tokens", ("token_made", Json(json!({ "name": "x", "scopes": ["read"] })))),
        ("DELETE /api/v1/tokens/{id}", ("token_revoked", None)),
        ("POST /account/tokens", ("token_made", Form("name=x&days=7&read=on"))),
        ("POST /account/tokens/{id}/revoke", ("token_revoked", Form(""))),
        ("PUT /api/v1/password", ("password_changed", Json(json!({ "old": password, "new": NEW })))),
        ("POST /api/v1/password/forgot", ("reset_asked", Json(json!({ "email": "a@site.example" })))),
        (
            "POST /api/v1/access-requests",
            ("access_asked", Json(json!({ "name": "x", "email": "x@y.example", "reason": "Lungs" }))),
        ),
        (
            "POST /api/v1/access-requests/{request}/invite",
            ("person_invited", Json(json!({ "role": "viewer" }))),
        ),
        (
            "POST /api/v1/access-requests/{request}/dismiss",
            ("access_dismissed", Json(json!({ "why": "no" }))),
        ),
        ("POST /api/v1/mail/test", ("mail_tested", Json(json!({ "email": "a@site.example" })))),
        ("POST /api/v1/mail/{mail}/send", ("mail_sent_again", None)),
        ("DELETE /api/v1/mail/{mail}", ("mail_forgotten", None)),
        ("POST /people", ("person_invited", Form("name=c&email=c@a.example&role=viewer"))),
        ("POST /people/mail/test", ("mail_tested", Form("email=a@site.example"))),
        ("POST /people/mail/{mail}/send", ("mail_sent_again", Form(""))),
        ("POST /people/mail/{mail}/forget", ("mail_forgotten", Form(""))),
        ("POST /people/requests/{request}/invite", ("person_invited", Form("name=Asked&role=viewer"))),
        ("POST /people/requests/{request}/dismiss", ("access_dismissed", Form("why=no"))),
        ("POST /people/{person}", ("person_edited", Form("name=Another+C&email=&role=viewer"))),
        ("POST /people/{person}/disable", ("person_disabled", Form(""))),
        ("POST /people/{person}/enable", ("person_enabled", Form(""))),
        ("POST /people/{person}/reset", ("password_reset", Form(""))),
        ("POST /people/{person}/invite", ("person_invited", Form(""))),
        ("POST /people/{person}/withdraw", ("invitation_withdrawn", Form(""))),
        ("POST /forgot", ("reset_asked", Form("email=a@site.example"))),
        (
            "POST /account/password",
            (
                "password_changed",
                Form(
                    "old=correct+horse+battery+staple&password=nine+grey+herons+inland&again=nine+grey+herons+inland",
                ),
            ),
        ),
        ("POST /request-access", ("access_asked", Form("name=z&email=z@y.example&reason=Lungs"))),
        (
            "POST /link/{token}",
            ("invitation_accepted", Form("password=nine+grey+herons+inland&again=nine+grey+herons+inland")),
        ),
        ("POST /projects/{project}/stage", ("project_staged", Form("trusts={trust}"))),
        ("POST /projects/{project}/unstage", ("project_unstaged", Form("trusts={trust}"))),
        (
            "POST /projects/{project}/trusts/{trust}/decision",
            ("project_decided", Form("query={query}&decision=decline&reason=no")),
        ),
        ("POST /queries/{query}/cancel", ("query_cancelled", Form(""))),
        (
            "POST /api/v1/projects/{project}/models",
            ("model_made", Json(json!({ "name": "Nodules", "job_type": "flower-standard" }))),
        ),
        (
            "PUT /api/v1/models/{model}",
            ("model_edited", Json(json!({ "edition": 1, "name": "Nodules", "job_type": "flower-standard" }))),
        ),
        ("DELETE /api/v1/models/{model}", ("model_deleted", None)),
        (
            "POST /projects/{project}/models",
            ("model_made", Form("name=Nodules&description=&job_type=flower-standard")),
        ),
        (
            "POST /models/{model}",
            ("model_edited", Form("edition=1&name=Nodules&description=&job_type=flower-standard")),
        ),
        ("POST /models/{model}/delete", ("model_deleted", Form(""))),
        (
            "POST /api/v1/models/{model}/files",
            ("file_opened", Json(json!({ "name": "models.py", "bytes": 3 }))),
        ),
        ("POST /api/v1/models/{model}/files/{file}/link", ("upload_resumed", None)),
        ("DELETE /api/v1/models/{model}/files/{file}", ("file_deleted", None)),
        ("POST /models/{model}/files/{file}/delete", ("file_deleted", Form(""))),
        ("PUT /uploads/{token}", ("file_brought", Json(json!({})))),
        ("POST /uploads/models/{model}", ("file_brought", WithFile)),
        ("POST /uploads/sticks", ("bundle_refused", WithFile)),
        ("POST /trusts/{trust}/bundle", ("bundle_made", Form(""))),
        ("POST /hub/banner", ("banner_taken_down", Form("text=&href="))),
        ("POST /hub/maintenance", ("maintenance_begun", Form("mode=on&words=soon"))),
    ])
}

const NEW: &str = "nine grey herons inland";

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

#[test]
fn what_trusts_the_command_line_and_the_hub_do_is_noted_and_no_secret_is() -> Result<()> {
    let mut stage = Stage::set()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    let persons = stage.api.complete(&query)?["shares"][0]["persons"].clone();
    ensure!(stage.api.get(&format!("/api/v1/queries/{query}/csv"))?.status == 200);
    stage.hub.renew_kit(TRUST)?;
    stage.hub.program()?.terminate()?;
    let mut acts = acts(&stage.hub)?;
    // When these arrive is the appliance's affair.
    acts.retain(|act| act["act"] != "trust_head_kept");
    let expected = [
        "hub_made",
        "person_added",
        "hub_started",
        "trust_added",
        "trust_enrolled",
        "signed_in",
        "project_made",
        "query_asked",
        "order_ended",
        "answers_downloaded",
        "kit_made",
        "hub_stopped",
    ];
    assert_eq!(names(&acts), expected);
    let by: Vec<&str> = acts.iter().filter_map(|act| act["facts"]["by"]["kind"].as_str()).collect();
    let kinds =
        "command_line command_line hub command_line trust person person person trust person command_line hub";
    assert_eq!(by.join(" "), kinds);
    let ended = &acts[8]["facts"];
    assert_eq!((&ended["query"], &ended["by"]["name"]), (&json!(query), &json!(TRUST)), "{ended}");
    assert_eq!((&ended["state"], &ended["persons"]), (&json!("done"), &persons), "{ended}");
    let whole = serde_json::to_string(&acts)?;
    let (_, password) = stage.hub.credentials();
    let token = stage.api.token().context("no token")?;
    let kit = fs::read_to_string(stage.hub.data.join("northgate-hospital.kit"))?;
    let secret = kit.lines().find_map(|line| line.strip_prefix("secret = \"")).context("no secret")?;
    for secret in [password, token, secret.trim_end_matches('"'), EVERYONE] {
        assert!(!whole.contains(secret), "the audit holds {secret}");
    }
    Ok(())
}

/// Waits for an exchange of heads with the only Trust.
fn heads_exchanged(hub: &Hub) -> Result<()> {
    until("the Trust to tell how its log ends", || {
        Ok(names(&acts(hub)?).contains(&"trust_head_kept").then_some(()))
    })
}

#[test]
fn the_audit_is_filtered_paged_and_downloaded_on_every_way_alike() -> Result<()> {
    let stage = Stage::set()?;
    let (hub, admin) = (&stage.hub, &stage.api);
    let ada = hub.add_person("ada", "researcher")?;
    let made = ada.post("/api/v1/projects", &json!({ "name": "Lungs" }))?.json();
    let project = made["id"].as_str().context("no project")?;
    let asked = ada.post("/api/v1/queries", &json!({ "name": "x", "sql": EVERYONE, "project": project }))?;
    admin.complete(asked.json()["id"].as_str().context("no query")?)?;
    // More than a page of them.
    for _ in 0..60 {
        hub.api()?.send("DELETE", "/api/v1/session", "", "")?;
    }
    heads_exchanged(hub)?;
    let all = acts(hub)?;
    let numbers = |filter: &str| -> Result<Vec<u64>> {
        let (mut numbers, mut before) = (Vec::new(), String::new());
        loop {
            let page = admin.get(&format!("/api/v1/audit?{filter}&before={before}"))?;
            ensure!(page.status == 200, "{}", page.text);
            let page = page.json();
            let acts = page["acts"].as_array().context("no acts")?;
            ensure!(acts.len() <= 100, "a page of {}", acts.len());
            numbers.extend(acts.iter().filter_map(|act| act["number"].as_u64()));
            match page["next_before"].as_u64() {
                Some(next) => before = next.to_string(),
                None => return Ok(numbers),
            }
        }
    };
    let expected = |want: &dyn Fn(&Value) -> bool| -> Vec<u64> {
        all.iter().rev().filter(|act| want(act)).filter_map(|act| act["number"].as_u64()).collect()
    };
    assert_eq!(numbers("")?, expected(&|_| true));
    assert_eq!(numbers("who=ADA")?, expected(&|act| act["facts"]["by"]["name"] == "ada"));
    assert_eq!(numbers("who=trust")?, expected(&|act| act["facts"]["by"]["kind"] == "trust"));
    assert_eq!(numbers("act=signed_out&who=admin")?, expected(&|act| act["act"] == "signed_out"));
    let in_project = expected(&|act| act["facts"]["project"] == project);
    assert_eq!(in_project.len(), 3, "{in_project:?}");
    assert_eq!(numbers("project=lungs")?, in_project);
    assert_eq!(numbers(&format!("project={project}"))?, in_project);
    assert_eq!(numbers("trust=Northgate%20Hospital")?, expected(&|act| act["facts"]["trust"].is_string()));
    assert_eq!(numbers("until=2020-01-01")?, Vec::<u64>::new());
    assert_eq!(numbers("from=2020-01-01&act=hub_made")?, [1]);
    let bad = admin.get("/api/v1/audit?from=yesterday")?;
    assert_eq!((bad.status, &bad.json()["code"]), (422, &json!("bad_filter")), "{}", bad.text);

    let lines = admin.get("/api/v1/audit/export?project=lungs")?.text;
    let downloaded: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut read: Vec<u64> = downloaded.iter().filter_map(|act| act["number"].as_u64()).collect();
    read.reverse();
    assert_eq!(read, in_project);
    assert!(downloaded.iter().all(|act| act["hash"].as_str().is_some_and(|hash| hash.len() == 64)));
    let csv = admin.get("/api/v1/audit/export?format=csv")?.text;
    assert!(csv.starts_with("number,at,by,act,facts,hash\r\n1,20"), "{csv}");
    assert_eq!(csv.lines().count(), 1 + acts(hub)?.len(), "heading and every act, its own the last");
    assert_eq!(names(&acts(hub)?).last(), Some(&"audit_exported"));
    let (done, said) = hub.said(&["audit", "export", "--project", "lungs"])?;
    assert!(done);
    assert_eq!(said, lines);
    let (done, said) = hub.said(&["audit", "list", "--who", "ada", "--most", "2"])?;
    assert!(done && said.lines().count() == 2 && said.contains("query_asked"), "{said}");
    let (done, said) = hub.said(&["audit", "list", "--act", "signd_in"])?;
    assert!(!done && said.contains("no act is named \"signd_in\""), "{said}");
    let checked = admin.get("/api/v1/audit/check")?.json();
    assert_eq!((&checked["whole"], &checked["entries"]), (&json!(true), &json!(acts(hub)?.len())));
    let ada_sees = ada.get("/api/v1/audit/export")?;
    assert_eq!(ada_sees.status, 404, "{}", ada_sees.text);
    Ok(())
}

/// Changes the ledger of a hub that is stopped as somebody does who can write its file.
fn tamper(hub: &Hub, statements: &str) -> Result<()> {
    let ledger = Connection::open(hub.data.join("hub.sqlite"))?;
    ledger.execute_batch("DROP TRIGGER IF EXISTS audit_stays; DROP TRIGGER IF EXISTS audit_keeps;")?;
    Ok(ledger.execute_batch(statements)?)
}

/// Everything from an act on written anew, with the hashes that follow.
fn rewrite(hub: &Hub, from: usize) -> Result<()> {
    let (mut head, mut anew) = (Head::none(), Vec::new());
    for (at, act) in acts(hub)?.into_iter().enumerate() {
        let at_ms = act["at_ms"].as_u64().context("no time")? + u64::from(at >= from);
        let linked = head.next(at_ms, act["act"].as_str().context("no act")?, act["facts"].clone());
        ensure!(head.follow(&linked.hash, &linked.text).is_ok());
        anew.push((linked.entry.number, linked.hash, linked.text));
    }
    tamper(hub, "")?;
    let ledger = Connection::open(hub.data.join("hub.sqlite"))?;
    for (number, hash, entry) in anew {
        ledger.execute("UPDATE audit SET hash = ?2, entry = ?3 WHERE number = ?1", (number, hash, entry))?;
    }
    Ok(())
}

#[test]
fn an_audit_that_was_altered_cut_or_written_anew_is_found_and_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    for name in ["North", "South", "West"] {
        hub.add_trust(name)?;
    }
    hub.program()?.terminate()?;
    let (whole, said) = hub.said(&["audit", "verify"])?;
    assert!(whole && said.starts_with("The audit is whole: 7 acts"), "{said}");
    assert!(said.contains("It has act 7, as noted in"), "the head was not written aside: {said}");
    // Whatever the hub left in its write-ahead log is in the file once somebody else has closed it.
    Connection::open(hub.data.join("hub.sqlite"))?.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
    let sound = fs::read(hub.data.join("hub.sqlite"))?;
    let attacks: [(&str, &str); 6] = [
        (
            "UPDATE audit SET entry = replace(entry, 'North', 'Norse') WHERE number = 4",
            "act 4 is not as it was",
        ),
        ("DELETE FROM audit WHERE number = 5", "act 5 is not as it was"),
        (
            "UPDATE audit SET number = -5 WHERE number = 5; UPDATE audit SET number = 5 WHERE number = 6;
             UPDATE audit SET number = 6 WHERE number = -5",
            "act 5 is not as it was",
        ),
        (
            "INSERT INTO audit (number, hash, entry) SELECT 8, hash, entry FROM audit WHERE number = 7",
            "act 8 is not",
        ),
        ("DELETE FROM audit WHERE number = 7", "the audit ends at act 6, though the file"),
        ("DELETE FROM audit", "the audit ends at act 0"),
    ];
    for (statements, found) in attacks {
        tamper(&hub, statements)?;
        let (whole, said) = hub.said(&["audit", "verify"])?;
        assert!(!whole && said.contains(found), "{statements}: {said}");
        fs::write(hub.data.join("hub.sqlite"), &sound)?;
    }
    let head = fs::read_to_string(hub.data.join("audit.head"))?;
    let head: Value = serde_json::from_str(&head)?;
    let noted = format!("7:{}", head["hash"].as_str().context("no hash")?);
    rewrite(&hub, 3)?;
    let (whole, said) = hub.said(&["audit", "verify"])?;
    assert!(!whole && said.contains("acts were written anew"), "{said}");
    // Whoever can also write the head's file passes, until somebody has noted a head elsewhere.
    fs::remove_file(hub.data.join("audit.head"))?;
    assert!(hub.said(&["audit", "verify"])?.0);
    let (whole, said) = hub.said(&["audit", "verify", "--noted", &noted])?;
    assert!(!whole && said.contains("than what you gave with --noted noted"), "{said}");
    Ok(())
}

#[test]
fn an_admin_looks_through_the_audit_in_the_console() -> Result<()> {
    let stage = Stage::set()?;
    stage.api.complete(&stage.api.ask("Diabetes since 2010", EVERYONE)?)?;
    let (name, password) = stage.hub.credentials();
    let window = Window { width: 1_280, height: 1_000, dark: false, scripts: true };
    let browser = Browser::open(window)?;
    browser.go(&format!("{}/audit", stage.api.base()))?;
    browser.sign_in(name, password)?;
    browser.shows("Diabetes since 2010")?;
    browser.click("main button[name=check]")?;
    browser.shows("The audit is whole")?;
    browser.picture(&picture("audit-light")?)?;
    let complaints = browser.complaints()?;
    assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
    browser.fill("input[name=trust]", TRUST)?;
    browser.fill("input[name=from]", "yesterday")?;
    browser.click("main form.looking button")?;
    browser.shows("is no time")?;
    browser.fill("input[name=from]", "2020-01-01")?;
    browser.click("main form.looking button")?;
    browser.shows("enrolled")?;
    assert!(!browser.source()?.contains("asked a query</th>"), "the filter lets everything by");
    let narrow = Browser::open(Window { width: 500, height: 1_400, dark: true, scripts: false })?;
    narrow.go(&format!("{}/audit?who=admin", stage.api.base()))?;
    narrow.sign_in(name, password)?;
    narrow.shows("signed in")?;
    narrow.picture(&picture("audit-dark-narrow")?)?;
    Ok(())
}

/// Puts what a command says into a file.
fn written(said: (bool, String), file: &Path) -> Result<String> {
    ensure!(said.0 && !said.1.is_empty(), "{}", said.1);
    fs::write(file, said.1)?;
    Ok(file.to_str().context("no path")?.to_owned())
}

/// Acts of the Trust's log of one name.
fn acts_of(trust: &Appliance, act: &str) -> Result<Vec<Entry>> {
    Ok(Audit::new(&trust.data.join("audit.log")).newest_of(100, |entry| entry.act == act)?)
}

#[test]
fn a_trusts_log_that_was_written_anew_is_found_by_the_heads_that_the_hub_keeps() -> Result<()> {
    let mut stage = Stage::set()?;
    heads_exchanged(&stage.hub)?;
    let heads = stage.folder().join("heads.jsonl");
    let heads = written(stage.hub.said(&["audit", "heads", "--trust", TRUST])?, &heads)?;
    let (whole, said) = stage.trust.said(&["audit", "verify", "--heads", &heads])?;
    assert!(whole && said.contains("the acts of 1 head that"), "{said}");
    stage.trust.kill()?;
    // The attacker has the whole folder, and makes every hash fit.
    let path = stage.trust.data.join("audit.log");
    let (mut head, mut anew) = (Head::none(), String::new());
    Audit::new(&path).walk(|entry, _| {
        let linked = head.next(entry.at_ms + 1, &entry.act, entry.facts.clone());
        anew.extend([&linked.hash, " ", &head.hash, " ", &linked.text, "\n"]);
        head = Head { entries: entry.number, hash: linked.hash };
    })?;
    fs::write(&path, anew)?;
    assert!(stage.trust.said(&["audit", "verify"])?.0, "the hashes fit");
    let (whole, said) = stage.trust.said(&["audit", "verify", "--heads", &heads])?;
    assert!(!whole && said.contains("acts were written anew"), "{said}");
    // It also shows by itself, as soon as there is something to tell the hub.
    stage.trust.resume()?;
    stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    stage.trust.kill()?;
    stage.trust.resume()?;
    until("the log to say that the hub keeps another", || {
        Ok((!acts_of(&stage.trust, "head_contradicted")?.is_empty()).then_some(()))
    })
}

#[test]
fn a_hubs_audit_that_was_written_anew_is_found_by_the_heads_that_a_trust_keeps() -> Result<()> {
    let mut stage = Stage::set()?;
    until("the Trust to keep the hub's head", || {
        Ok((!acts_of(&stage.trust, "hub_head_kept")?.is_empty()).then_some(()))
    })?;
    let heads = stage.folder().join("heads.jsonl");
    let heads = written(stage.trust.said(&["audit", "heads"])?, &heads)?;
    let (whole, said) = stage.hub.said(&["audit", "verify", "--heads", &heads])?;
    assert!(whole && said.contains("the acts of 1 head that"), "{said}");
    stage.hub.program()?.terminate()?;
    rewrite(&stage.hub, 3)?;
    fs::remove_file(stage.hub.data.join("audit.head"))?;
    assert!(stage.hub.said(&["audit", "verify"])?.0, "the hashes fit");
    let (whole, said) = stage.hub.said(&["audit", "verify", "--heads", &heads])?;
    assert!(!whole && said.contains("acts were written anew"), "{said}");
    let altered = fs::read_to_string(&heads)?.replace("\"entries\":", "\"entries\":1");
    fs::write(&heads, altered)?;
    let (whole, said) = stage.hub.said(&["audit", "verify", "--heads", &heads])?;
    assert!(!whole && said.contains("the signature does not fit"), "{said}");
    stage.hub.resume()?;
    let api = stage.hub.api()?;
    api.complete(&api.ask("everyone", EVERYONE)?)?;
    stage.trust.kill()?;
    stage.trust.resume()?;
    until("the hub to say that the Trust keeps another", || {
        let acts = acts(&stage.hub)?;
        let said = acts.iter().find(|act| act["act"] == "head_contradicted");
        Ok(said.map(|said| assert_eq!(said["facts"]["whose"], "hub", "{said}")))
    })
}
