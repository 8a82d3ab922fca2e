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
    browser.go(&format!("{base}/projects?page=77&sort=-owner"))?;
    browser.shows("3 projects")?;
    browser.go(&format!("{base}/projects?sort=what"))?;
    browser.shows("one of name, state, owner, persons, made")?;

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

/// A question that has its own text.
fn question(concept: u32) -> String {
    format!("SELECT person_id FROM omop.condition_occurrence\nWHERE condition_concept_id = {concept}")
}

#[test]
fn queries_are_found_by_words_of_their_name_or_their_sql_part_by_part() -> Result<()> {
    let stage = Stage::set()?;
    let admin = &stage.api;
    let made = admin.post("/api/v1/projects", &json!({ "name": "Eyes" }))?.json();
    let project = made["id"].as_str().context("no project")?.to_owned();
    for (name, concept) in
        [("Retina 1", 201_826), ("100% sure", 4_110_056), ("retina 2", 443_733), ("Retina 3", 1)]
    {
        admin.ask_in(name, &question(concept), &project)?;
    }
    let zoe = stage.hub.add_person("zoe", "researcher")?;
    zoe.ask("Retina of hers", &question(2))?;

    let names = |list: &str| -> Result<Vec<String>> {
        let rows = admin.all(list, "queries")?;
        Ok(rows.iter().filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect())
    };
    let history = format!("/api/v1/projects/{project}/queries");
    for limit in ["", "&limit=1"] {
        let found = names(&format!("/api/v1/queries?search=%20RETINA%20{limit}"))?;
        assert_eq!(found, ["Retina of hers", "Retina 3", "retina 2", "Retina 1"], "{limit}");
        let found = names(&format!("{history}?search=retina{limit}"))?;
        assert_eq!(found, ["Retina 3", "retina 2", "Retina 1"], "{limit}");
    }
    assert_eq!(names("/api/v1/queries?search=id%20%3D%204110056")?, ["100% sure"], "by its SQL");
    assert_eq!(
        names("/api/v1/queries?search=%25")?,
        ["100% sure"],
        "a wildcard is a character like any other"
    );
    assert_eq!(names("/api/v1/queries?search=nobody")?, [""; 0]);
    let hers = zoe.get("/api/v1/queries?search=retina")?.json();
    assert_eq!(
        hers["queries"].as_array().map(Vec::len),
        Some(1),
        "who may not see them does not find them: {hers}"
    );
    // What changed is what changed from the question before, found or not.
    let found = admin.get(&format!("{history}?search=retina%202"))?.json();
    let changes = found["queries"][0]["changes"].as_array().context("no changes")?.clone();
    assert!(changes.contains(&json!("-WHERE condition_concept_id = 4110056")), "{found}");
    assert_eq!(found["queries"][0]["current"], json!(false), "the newest is another");
    let long = "x".repeat(255);
    for list in ["queries", "projects", "models", "people", &format!("projects/{project}/queries")] {
        let reply = admin.get(&format!("/api/v1/{list}?search={long}"))?;
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("bad_parameter")), "{list}");
        assert!(reply.text.contains("at most 254 characters, and not 255"), "{}", reply.text);
    }

    let (name, password) = stage.hub.credentials();
    let browser = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: true })?;
    let found = format!("{}/queries?search=100%25%20sure", admin.base());
    browser.go(&found)?;
    browser.sign_in(name, password)?;
    browser.shows("100% sure")?;
    assert_eq!((browser.address()?, rows(&browser)?), (found, vec!["100% sure".to_owned()]));
    browser.go(&format!("{}/queries?project={project}", admin.base()))?;
    browser.fill("#search", "retina")?;
    browser.click("form[role=search] button")?;
    browser.shows("retina 2")?;
    assert_eq!(rows(&browser)?, ["Retina 3", "retina 2", "Retina 1"], "the project is lost");
    browser.picture(&picture("queries-found-light")?)?;
    browser.fill("#search", "nobody")?;
    browser.click("form[role=search] button")?;
    browser.shows("has “nobody” in its name or its SQL")?;
    browser.go(&format!("{}/projects/{project}/queries", admin.base()))?;
    browser.fill("#search", "443733")?;
    browser.click("form[role=search] button")?;
    browser.shows("retina 2")?;
    assert!(!browser.source()?.contains("100% sure"), "{}", browser.source()?);
    browser.go(&format!("{}/queries?search={long}", admin.base()))?;
    browser.shows("at most 254 characters, and not 255")
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
    browser.picture(&picture("trusts-sorted-light")?)?;
    // And for programs, part by part.
    let names = |sort: &str| -> Result<Vec<String>> {
        let trusts = stage.api.all(&format!("/api/v1/trusts?limit=1&sort={sort}"), "trusts")?;
        Ok(trusts.iter().filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect())
    };
    for (sort, order) in [
        ("name", ["Aldgate", TRUST]),
        ("-name", [TRUST, "Aldgate"]),
        ("state", [TRUST, "Aldgate"]),
        ("-seen", [TRUST, "Aldgate"]),
        ("seen", [TRUST, "Aldgate"]),
        ("orders", ["Aldgate", TRUST]),
    ] {
        assert_eq!(names(sort)?, order, "{sort}");
    }
    for bad in ["trusts?sort=size", "trusts?sort=", "trusts?after=Aldgate", "models?sort=owner"] {
        let reply = stage.api.get(&format!("/api/v1/{bad}"))?;
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("bad_parameter")), "{bad}");
    }
    Ok(())
}

#[test]
fn people_are_sorted_in_the_console_and_found_in_that_order() -> Result<()> {
    let stage = Stage::set()?;
    for (name, role) in [("zoe", "viewer"), ("Bea", "researcher"), ("ada", "viewer")] {
        stage.hub.add_person(name, role)?;
    }
    let (name, password) = stage.hub.credentials();
    let browser = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: false })?;
    browser.go(&format!("{}/people", stage.api.base()))?;
    browser.sign_in(name, password)?;
    browser.shows("4 people")?;
    assert_eq!(rows(&browser)?, ["ada", "admin", "Bea", "zoe"]);
    browser.click("thead a[href*='sort=role']")?;
    assert_eq!(rows(&browser)?, ["admin", "Bea", "ada", "zoe"]);
    browser.click("[aria-sort=ascending] a")?;
    assert_eq!(rows(&browser)?, ["ada", "zoe", "Bea", "admin"]);
    browser.picture(&picture("people-sorted-light")?)?;
    browser.fill("#search", "a")?;
    browser.click("form[role=search] button")?;
    browser.shows("3 people")?;
    assert_eq!(rows(&browser)?, ["ada", "Bea", "admin"], "the order is lost");
    browser.go(&format!("{}/people?sort=size", stage.api.base()))?;
    browser.shows("one of name, role, state, added")
}
