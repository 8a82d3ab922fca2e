//! Lists in the order that somebody wishes, and of theirs alone.

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Browser, Window};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::{Stage, TRUST};

/// A list's rows, by their heads.
fn rows(browser: &Browser) -> Result<Vec<String>> {
    let source = browser.source()?;
    let (_, body) = source.split_once("<tbody").context("no rows")?;
    let heads = body.split("<th ").skip(1).filter_map(|row| row.split_once("<a ")?.1.split_once('>'));
    Ok(heads.filter_map(|(_, rest)| Some(rest.split_once('<')?.0.to_owned())).collect())
}

#[test]
fn projects_are_sorted_narrowed_to_ones_own_and_deleted_by_their_name() -> Result<()> {
    let stage = Stage::set()?;
    let admin = &stage.api;
    let zoe = stage.hub.add_person("zoe", "researcher")?;
    let mut ids = Vec::new();
    for (api, name) in [(admin, "Beta"), (admin, "alpha"), (&zoe, "Gamma")] {
        let made = api.post("/api/v1/projects", &json!({ "name": name }))?.json();
        ids.push(made["id"].as_str().context("no project")?.to_owned());
    }
    let query = admin.ask_in("everyone", EVERYONE, &ids[0])?;
    admin.complete(&query)?;
    admin.stage(&ids[0])?;

    let listed = |words: &str| -> Result<(Vec<String>, Value)> {
        let reply = admin.get(&format!("/api/v1/projects{words}"))?;
        ensure!(reply.status == 200, "{words}: {}", reply.text);
        let all = reply.json()["projects"].clone();
        let names = all.as_array().context("no projects")?.iter().filter_map(|one| one["name"].as_str());
        Ok((names.map(str::to_owned).collect(), all))
    };
    assert_eq!(listed("")?.0, ["Gamma", "alpha", "Beta"]);
    assert_eq!(listed("?sort=name")?.0, ["alpha", "Beta", "Gamma"]);
    assert_eq!(listed("?sort=-owner&search=a")?.0, ["Gamma", "alpha", "Beta"]);
    assert_eq!(listed("?sort=-name&mine=true")?.0, ["Beta", "alpha"]);
    let (names, all) = listed("?sort=-persons")?;
    assert_eq!(names, ["Beta", "Gamma", "alpha"], "what has no number is last, the newest first");
    let said = &admin.result(&query)?["total"];
    assert!(all[0]["cohort"] == *said && said["persons"].is_u64(), "{all}");
    assert_eq!(all[1]["cohort"], Value::Null);
    for bad in ["?sort=size", "?sort=", "?mine=perhaps", "?sort=name%3B--"] {
        let reply = admin.get(&format!("/api/v1/projects{bad}"))?;
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("bad_parameter")), "{bad}");
    }

    let (name, password) = stage.hub.credentials();
    let base = admin.base();
    // Where there is no room for columns, the list is sorted all the same, and without scripts.
    let browser = Browser::open(Window { width: 400, height: 1_000, dark: true, scripts: false })?;
    browser.go(&format!("{base}/projects"))?;
    browser.sign_in(name, password)?;
    browser.shows("3 projects")?;
    assert_eq!(rows(&browser)?, ["Gamma", "alpha", "Beta"]);
    browser.picture(&picture("projects-dark-narrow")?)?;
    browser.click("thead a[href*='sort=name']")?;
    assert_eq!(rows(&browser)?, ["alpha", "Beta", "Gamma"]);
    browser.click("[aria-sort=ascending] a")?;
    assert_eq!(rows(&browser)?, ["Gamma", "Beta", "alpha"]);
    browser.click("option[value=mine]")?;
    browser.click("form.inline button")?;
    browser.shows("2 projects")?;
    assert_eq!(rows(&browser)?, ["Beta", "alpha"], "the order is lost");
    browser.go(&format!("{base}/projects?page=77&sort=what"))?;
    browser.shows("3 projects")?;

    let desk = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: true })?;
    desk.go(&format!("{base}/projects"))?;
    desk.sign_in(name, password)?;
    desk.shows("3 projects")?;
    desk.picture(&picture("projects-many-light")?)?;
    desk.go(&format!("{base}/projects/{}", ids[0]))?;
    desk.click("#delete summary")?;
    desk.fill("#delete-name", "beta")?;
    desk.click("#delete button")?;
    desk.shows("Its name is “Beta”")?;
    desk.picture(&picture("project-not-deleted-light")?)?;
    desk.fill("#delete-name", " Beta ")?;
    desk.click("#delete button")?;
    desk.shows("3 projects")?;
    assert_eq!(rows(&desk)?, ["Gamma", "alpha", "Beta"]);
    desk.shows("deleted")
}

#[test]
fn trusts_are_sorted_in_the_console() -> Result<()> {
    let stage = Stage::set()?;
    stage.hub.add_trust("Aldgate")?;
    let (name, password) = stage.hub.credentials();
    let browser = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: true })?;
    browser.go(&format!("{}/trusts", stage.api.base()))?;
    browser.sign_in(name, password)?;
    browser.shows(TRUST)?;
    assert_eq!(rows(&browser)?, ["Aldgate", TRUST]);
    browser.click("thead a[href$='sort=state']")?;
    browser.shows("online")?;
    assert!(browser.address()?.ends_with("/trusts?sort=state"), "{}", browser.address()?);
    assert_eq!(rows(&browser)?, [TRUST, "Aldgate"]);
    browser.click("[aria-sort=ascending] a")?;
    browser.shows("online")?;
    assert_eq!(rows(&browser)?, ["Aldgate", TRUST]);
    browser.picture(&picture("trusts-sorted-light")?)
}
