//! Roles in the console.

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Api, Browser, PASSWORD, Window, link_in};
use serde_json::{Value, json};

use super::cast::Cast;
use crate::console::picture;
use crate::stage::Stage;

const DESK: Window = Window { width: 1_280, height: 1_000, dark: false, scripts: false };

const TELEPHONE: Window = Window { width: 500, height: 1_400, dark: true, scripts: true };

fn sign_in(browser: &Browser, base: &str, name: &str, password: &str) -> Result<()> {
    browser.go(&format!("{base}/projects"))?;
    browser.sign_in(name, password)?;
    browser.shows("Projects")
}

#[test]
fn an_admin_adds_a_person_who_makes_a_project_and_shares_it() -> Result<()> {
    let cast = Cast::gather()?;
    let base = cast.people[0].base().to_owned();
    let (admin, password) = cast.hub.credentials();
    let browser = Browser::open(DESK)?;
    sign_in(&browser, &base, admin, password)?;
    browser.picture(&picture("projects-light")?)?;
    browser.go(&format!("{base}/people"))?;
    browser.shows("Invite a person")?;
    browser.picture(&picture("people-light")?)?;
    let invite = |name: &str| -> Result<()> {
        browser.go(&format!("{base}/people"))?;
        browser.fill("form[method=post] input[name=name]", name)?;
        browser.fill("main form[method=post] input[name=email]", "zoe@site.example")?;
        browser.click("main form[method=post] button")
    };
    invite("zoe")?;
    browser.shows("Hand this link to zoe")?;
    browser.picture(&picture("person-hand-over-light")?)?;
    let (page, link) = (browser.address()?, link_in(&browser.source()?)?);
    let made = "seven quiet otters ashore".to_owned();
    let chosen = format!("password={0}&again={0}", made.replace(' ', "+"));
    let form = "application/x-www-form-urlencoded";
    assert_eq!(cast.hub.stranger()?.send("POST", &link, form, &chosen)?.status, 200);
    invite("ZOE")?;
    browser.shows("Somebody has that name already")?;

    let own = Browser::open(TELEPHONE)?;
    sign_in(&own, &base, "zoe", &made)?;
    own.shows("You are in no project yet")?;
    assert!(!own.source()?.contains("href=\"/people\""), "a researcher is led to the people");
    own.go(&format!("{base}/people"))?;
    own.shows("There is nothing here")?;
    own.go(&format!("{base}/projects/new"))?;
    own.fill("input[name=name]", "Glioma")?;
    own.fill("textarea[name=description]", "Survival after surgery")?;
    own.click("main button[type=submit]")?;
    own.shows("Survival after surgery")?;
    own.fill("textarea[name=members]", "mo\nnobody at all")?;
    own.click("main form.stack button")?;
    own.shows("does not sign in at this hub")?;
    own.picture(&picture("project-dark-narrow")?)?;
    own.fill("textarea[name=members]", "mo\nmia")?;
    own.click("main form.stack button")?;
    own.shows("mia, mo")?;
    own.click("main a.button")?;
    own.shows("Ask all Trusts")?;
    own.fill("input[name=name]", "Everyone")?;
    own.fill("textarea[name=sql]", EVERYONE)?;
    own.click("main button[type=submit]")?;
    own.shows("Asked in Glioma by zoe")?;

    // Mo is a viewer and a member: reads, and has no buttons.
    let viewer = Browser::open(Window { scripts: true, ..DESK })?;
    sign_in(&viewer, &base, "mo", password)?;
    viewer.go(&format!("{base}/queries"))?;
    viewer.shows("Everyone")?;
    viewer.picture(&picture("queries-viewer")?)?;
    for path in ["queries", "projects", "trusts"] {
        viewer.go(&format!("{base}/{path}"))?;
        let page = viewer.source()?;
        assert!(
            !page.contains("New query") && !page.contains("New project") && !page.contains("Add a Trust")
        );
    }
    browser.go(&page)?;
    browser.click("form[action$='/disable'] button")?;
    browser.shows("disabled")?;
    browser.click("form[action$='/enable'] button")?;
    browser.shows("may sign in")?;
    browser.go(&format!("{base}/people?search=admin"))?;
    browser.click("tbody a")?;
    browser.shows("The only admin who can sign in")?;
    let complaints = viewer.complaints()?;
    assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
    let wide = Browser::open(Window { scripts: true, ..DESK })?;
    sign_in(&wide, &base, "zoe", &made)?;
    wide.click("tbody a")?;
    wide.shows("Change it")?;
    wide.picture(&picture("project-light")?)?;
    let narrow = Browser::open(TELEPHONE)?;
    sign_in(&narrow, &base, admin, password)?;
    narrow.go(&format!("{base}/people"))?;
    narrow.shows("Invite a person")?;
    narrow.picture(&picture("people-many-dark-narrow")?)
}

#[test]
fn administrators_make_admins_of_trusts_by_the_api_and_in_the_console() -> Result<()> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let stage = Stage::set()?;
    let (hub, admin) = (&stage.hub, &stage.api);
    hub.add_trust("Oldbridge")?;
    let trusts = admin.get("/api/v1/trusts")?.json()["trusts"].clone();
    let trust = |name: &str| -> Result<String> {
        let mut all = trusts.as_array().context("no Trusts")?.iter();
        let one = all.find(|one| one["name"] == name).context("no such Trust")?;
        Ok(one["id"].as_str().context("no id")?.to_owned())
    };
    let (near, gone) = (trust(crate::stage::TRUST)?, trust("Oldbridge")?);
    let removed = admin.post(&format!("/api/v1/trusts/{gone}/remove"), &json!({ "name": "Oldbridge" }))?;
    ensure!(removed.status == 204, "not removed: {}", removed.text);
    let ben = hub.add_person("ben", "researcher")?;
    let id = |name: &str| -> Result<String> {
        let found = admin.get(&format!("/api/v1/people?search={name}"))?.json();
        Ok(found["people"][0]["id"].as_str().context("nobody")?.to_owned())
    };
    let guest = json!({ "name": "guest", "email": "guest@site.example", "role": "viewer" });
    let guest = admin.post("/api/v1/people", &guest)?.json()["id"].as_str().context("no id")?.to_owned();
    let path = |person: &str| format!("/api/v1/people/{person}/trust");
    let put = |api: &Api, person: &str, trust: &str| -> Result<(u16, Value)> {
        let body = json!({ "trust": trust }).to_string();
        let reply = api.send("PUT", &path(person), "application/json", &body)?;
        Ok((reply.status, reply.json()))
    };
    let code = |(status, body): (u16, Value)| (status, body["code"].clone());
    let of_ben = id("ben")?;
    assert_eq!(code(put(admin, &of_ben, &gone)?), (422, json!("no_such_trust")));
    assert_eq!(code(put(admin, &of_ben, &of_ben)?), (422, json!("no_such_trust")));
    assert_eq!(code(put(admin, &guest, &near)?), (409, json!("invited")));
    assert_eq!(code(put(admin, &id("admin")?, &near)?), (409, json!("oneself")));
    assert_eq!(code(put(admin, &near, &near)?), (404, json!("not_found")));
    assert_eq!(code(put(&ben, &of_ben, &near)?), (404, json!("not_found")));
    let token = admin.post("/api/v1/tokens", &json!({ "name": "x", "scopes": ["hub", "projects"] }))?.json();
    assert_eq!(code(put(&admin.with_token(&token)?, &of_ben, &near)?), (403, json!("out_of_scope")));
    assert_eq!(ben.get("/api/v1/decisions")?.status, 404, "it was done all the same");

    let (status, made) = put(admin, &of_ben, &near)?;
    assert_eq!((status, &made["role"], &made["trust"]), (200, &json!("trust-admin"), &json!(near)), "{made}");
    assert_eq!(made["trust_name"], crate::stage::TRUST);
    assert_eq!(ben.get("/api/v1/decisions")?.status, 200, "a role counts at once");
    // What is decided for that Trust is theirs from now on.
    let query = admin.ask("everyone", EVERYONE)?;
    admin.complete(&query)?;
    let project = admin.project_of(&query)?;
    admin.stage(&project)?;
    assert_eq!(admin.decide(&project, &near, "approve", "")?.json()["code"], "own_admin");
    assert_eq!(ben.decide(&project, &near, "decline", "not now")?.status, 200);
    let back = json!({ "name": "ben", "role": "viewer" }).to_string();
    let back = admin.send("PUT", &format!("/api/v1/people/{of_ben}"), "application/json", &back)?.json();
    assert_eq!((&back["role"], &back["trust"]), (&json!("viewer"), &Value::Null), "{back}");

    let page = format!("/people/{of_ben}");
    let none = admin.send("POST", &format!("{page}/trust"), FORM, "")?;
    assert!(none.status == 422 && none.text.contains("No Trust is chosen"), "{} {}", none.status, none.text);
    for (dark, width, name) in [(false, 1_280, "person-trust-light"), (true, 400, "person-trust-dark-narrow")]
    {
        let browser = Browser::open(Window { width, height: 1_200, dark, scripts: false })?;
        browser.go(&format!("{}{page}", admin.base()))?;
        browser.sign_in("admin", PASSWORD)?;
        browser.shows("Admin of a Trust")?;
        browser.click("form[action$='/trust'] button")?;
        browser.shows(&format!("ben decides for {}", crate::stage::TRUST))?;
        browser.picture(&picture(name)?)?;
    }
    let told = admin.get("/api/v1/audit?act=trust_admin_made")?.json()["acts"].clone();
    assert_eq!(told.as_array().map(Vec::len), Some(3), "{told}");
    assert_eq!(told[0]["facts"]["by"]["name"], "admin", "{told}");
    Ok(())
}
