//! Who may do what at the hub.

mod cast;
mod pages;
mod table;

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Api, Hub, HubOptions};
use serde_json::{Value, json};

use crate::stage::Stage;
use cast::{COLUMNS, Cast};
pub use table::form_with_file;

#[test]
fn people_are_added_disabled_and_given_roles_on_the_command_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let ben = hub.add_person("ben", "researcher")?;
    assert_eq!(
        ben.get("/api/v1/session")?.json(),
        json!({ "name": "ben", "role": "researcher", "awaits": null })
    );
    let (added, said) = hub.said(&["user", "add", "BEN", "--role", "viewer"])?;
    let hint = "somebody is named \"BEN\" already; for a new password: flip-hub user password \"BEN\"";
    assert!(!added && said.contains(hint), "{said}");
    assert_eq!(hub.said(&["user", "role", "Ben", "viewer"])?, (true, "ben is viewer now\n".to_owned()));
    assert_eq!(ben.get("/api/v1/session")?.json()["role"], "viewer", "a role counts at once");
    for refused in [["user", "disable", "admin"].as_slice(), &["user", "role", "admin", "researcher"]] {
        let (done, said) = hub.said(refused)?;
        assert!(!done && said.contains("the only admin who can sign in"), "{said}");
    }
    assert_eq!(
        hub.said(&["user", "disable", "ben"])?,
        (true, "ben is disabled now, and signed out\n".to_owned())
    );
    assert_eq!(ben.get("/api/v1/session")?.status, 401, "a session of somebody who is disabled");
    assert!(hub.stranger()?.sign_in("ben", hub.credentials().1).is_err());
    assert_eq!(hub.said(&["user", "list"])?.1, "admin  admin\nben  viewer, disabled\n");
    assert!(hub.said(&["user", "enable", "ben"])?.0);
    let ben = hub.stranger()?.sign_in("ben", hub.credentials().1)?;
    let (changed, said) = hub.said(&["user", "password", "ben"])?;
    assert!(changed && said.starts_with("ben has a new password"), "{said}");
    assert_eq!(ben.get("/api/v1/session")?.status, 401, "a session of the old password");
    let made = said.lines().nth(1).unwrap_or_default().trim();
    hub.stranger()?.sign_in("ben", made).map(drop)
}

#[test]
fn lists_show_what_one_may_see_and_missing_looks_like_forbidden() -> Result<()> {
    let cast = Cast::gather()?;
    let ids = |person: &Api, what: &str| -> Result<Vec<String>> {
        let list = person.get(&format!("/api/v1/{what}"))?.json()[what].clone();
        let mut ids: Vec<String> = list
            .as_array()
            .context("no list")?
            .iter()
            .filter_map(|one| Some(one["id"].as_str()?.to_owned()))
            .collect();
        ids.sort();
        Ok(ids)
    };
    let sorted = |all: &[String]| {
        let mut all = all.to_vec();
        all.sort();
        all
    };
    for (column, person) in cast.people[..8].iter().enumerate() {
        let (projects, queries) = match column {
            0 => (sorted(&cast.projects), sorted(&cast.queries)),
            1..=4 => (vec![cast.projects[0].clone()], vec![cast.queries[0].clone()]),
            _ => (Vec::new(), Vec::new()),
        };
        assert_eq!(ids(person, "projects")?, projects, "{}", COLUMNS[column]);
        assert_eq!(ids(person, "queries")?, queries, "{}", COLUMNS[column]);
    }
    let nowhere = "00000000-0000-7000-8000-000000000000";
    for (what, there) in [("projects", &cast.projects[1]), ("queries", &cast.queries[1])] {
        for path in ["/api/v1", ""] {
            let hidden = cast.people[5].get(&format!("{path}/{what}/{there}"))?;
            let missing = cast.people[5].get(&format!("{path}/{what}/{nowhere}"))?;
            assert_eq!((hidden.status, &hidden.text), (404, &missing.text), "{path}/{what}");
        }
    }
    Ok(())
}

#[test]
fn a_deleted_project_is_there_for_admins_alone_and_changes_no_more() -> Result<()> {
    let cast = Cast::gather()?;
    let (admin, owner) = (&cast.people[0], &cast.people[1]);
    let (project, query) = (&cast.projects[0], &cast.queries[0]);
    let deleted = owner.send("DELETE", &format!("/api/v1/projects/{project}"), "", "")?;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    for person in &cast.people[1..4] {
        assert_eq!(person.get(&format!("/api/v1/projects/{project}"))?.status, 404);
        assert_eq!(person.get(&format!("/api/v1/queries/{query}"))?.status, 404);
        assert_eq!(person.get("/api/v1/queries")?.json()["queries"], json!([]));
    }
    assert!(admin.get(&format!("/api/v1/projects/{project}"))?.json()["deleted"].is_u64());
    assert_eq!(admin.get(&format!("/api/v1/queries/{query}"))?.status, 200);
    let body = json!({ "name": "All", "sql": EVERYONE, "project": project });
    let asked = admin.post("/api/v1/queries", &body)?;
    assert_eq!((asked.status, &asked.json()["code"]), (409, &json!("project_deleted")));
    Ok(())
}

#[test]
fn a_name_that_is_no_text_names_nothing() -> Result<()> {
    let stage = Stage::set()?;
    for path in [
        "/api/v1/projects/%FF",
        "/api/v1/queries/%FF",
        "/api/v1/queries/%FF/csv",
        "/api/v1/queries/%FF/freeze",
    ] {
        let reply = stage.api.get(path)?;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text);
    }
    assert_eq!(stage.api.get("/api/v1/projects")?.status, 200);
    Ok(())
}

#[test]
fn a_question_without_a_project_is_asked_in_ones_own() -> Result<()> {
    let cast = Cast::gather()?;
    let [.., rita, viewer, _, _, _] = cast.people.as_slice() else { anyhow::bail!("no cast") };
    let project_of = |query: &str| -> Result<Value> {
        Ok(rita.get(&format!("/api/v1/queries/{query}"))?.json()["project"].clone())
    };
    let (first, second) = (rita.ask("one", EVERYONE)?, rita.ask("two", EVERYONE)?);
    assert_eq!(project_of(&first)?, project_of(&second)?);
    let projects = rita.get("/api/v1/projects")?.json();
    assert_eq!(projects["projects"][0]["name"], "rita: own questions", "{projects}");
    let refused = viewer.post("/api/v1/queries", &json!({ "name": "x", "sql": EVERYONE }))?;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("forbidden")));
    let edit = json!({ "edition": 1, "name": "x", "description": "", "members": ["nobody at all"] });
    let path = format!("/api/v1/projects/{}", projects["projects"][0]["id"].as_str().context("id")?);
    let refused = rita.send("PUT", &path, "application/json", &edit.to_string())?;
    assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("no_such_person")));
    Ok(())
}
