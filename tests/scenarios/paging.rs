//! Lists are read in parts.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Api, Hub, HubOptions, MailServer, Secured};
use serde_json::json;

use crate::stage::Stage;

#[test]
fn a_list_is_read_to_its_end_by_its_links_each_row_once() -> Result<()> {
    let stage = Stage::set()?;
    let api = &stage.api;
    let mut asked = Vec::new();
    for number in 0..7 {
        asked.push(api.ask(&format!("number {number}"), EVERYONE)?);
    }
    let project = api.project_of(&asked[0])?;
    for list in ["/api/v1/queries".to_owned(), format!("/api/v1/projects/{project}/queries")] {
        let mut url = format!("{list}?limit=3");
        let (mut seen, mut parts) = (Vec::new(), 0);
        loop {
            let part = api.get(&url)?;
            anyhow::ensure!(part.status == 200, "{url}: {}", part.text);
            let body = part.json();
            let rows = body["queries"].as_array().context("no queries")?;
            anyhow::ensure!(rows.len() <= 3, "{} rows", rows.len());
            seen.extend(rows.iter().filter_map(|row| Some(row["id"].as_str()?.to_owned())));
            anyhow::ensure!(rows.iter().all(|row| row["result"]["fields"] == json!([])), "{body}");
            parts += 1;
            assert_eq!(part.next.is_empty(), body["next"].is_null(), "the link and the body say the same");
            if part.next.is_empty() {
                break;
            }
            // What is asked meanwhile moves nothing.
            api.ask("meanwhile", EVERYONE)?;
            url = part.next;
        }
        let newest_first: Vec<String> = asked.iter().rev().cloned().collect();
        let of_then: Vec<String> = seen.iter().filter(|id| asked.contains(id)).cloned().collect();
        assert_eq!(of_then, newest_first, "{list}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "a row came twice");
        assert!(parts >= 3, "{parts}");
    }
    let people = api.get("/api/v1/people?limit=1")?;
    assert_eq!((people.status, people.next.as_str()), (200, ""), "one person is here");
    for bad in
        ["queries?limit=0", "queries?limit=101", "people?limit=-1", "projects?page=0", "queries?after=x"]
    {
        let reply = api.get(&format!("/api/v1/{bad}"))?;
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("bad_parameter")), "{bad}");
    }
    Ok(())
}

/// Reads a list to its end, `limit` rows at a time; gives the rows' `id`s, and how many parts there were. Between two
/// parts something happens.
fn read(
    api: &Api,
    path: &str,
    rows: &str,
    id: &str,
    mut meanwhile: impl FnMut(&str) -> Result<()>,
) -> Result<(Vec<String>, usize)> {
    let (mut url, mut seen, mut parts) = (format!("{path}?limit=2"), Vec::new(), 0);
    loop {
        let part = api.get(&url)?;
        anyhow::ensure!(part.status == 200, "{url}: {}", part.text);
        let body = part.json();
        let found = body[rows].as_array().with_context(|| format!("no {rows}: {body}"))?;
        anyhow::ensure!(found.len() <= 2, "{} rows", found.len());
        seen.extend(found.iter().filter_map(|row| Some(row.pointer(id)?.as_str()?.to_owned())));
        parts += 1;
        assert_eq!(part.next.is_empty(), body["next"].is_null(), "the link and the body say the same");
        if part.next.is_empty() {
            return Ok((seen, parts));
        }
        meanwhile(seen.last().context("an empty part that goes on")?)?;
        url = part.next;
    }
}

fn each_once(seen: &[String], rows: usize) {
    let once: BTreeSet<&String> = seen.iter().collect();
    assert_eq!((once.len(), seen.len()), (rows, rows), "{seen:?}");
}

#[test]
fn requests_mails_and_trusts_are_read_to_their_end_whatever_happens_meanwhile() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Its mail server is never there, so that its mails stay.
    let mail = MailServer::new(folder.path(), Secured::Plain)?;
    let hub =
        Hub::start(&folder.path().join("hub"), HubOptions { lines: mail.lines(), ..HubOptions::default() })?;
    let (api, stranger) = (hub.api()?, hub.stranger()?);
    for number in 0..7 {
        let email = format!("p{number}@site.example");
        let asks = json!({ "name": format!("P{number}"), "email": email, "reason": "Lungs" });
        anyhow::ensure!(stranger.post("/api/v1/access-requests", &asks)?.status == 202, "not taken");
        anyhow::ensure!(api.post("/api/v1/mail/test", &json!({ "email": email }))?.status == 202, "no mail");
        anyhow::ensure!(api.post("/api/v1/trusts", &json!({ "name": format!("T{number}") }))?.status == 201);
    }
    let nothing = |_: &str| Ok(());
    let (requests, parts) = read(&api, "/api/v1/access-requests", "requests", "/id", nothing)?;
    each_once(&requests, 7);
    assert_eq!(parts, 4);
    // Who is dealt with meanwhile goes to the end, and moves nobody else.
    let (again, _) = read(&api, "/api/v1/access-requests", "requests", "/id", |last| {
        let path = format!("/api/v1/access-requests/{last}/dismiss");
        anyhow::ensure!(api.post(&path, &json!({ "why": "nobody knows them" }))?.status < 500);
        Ok(())
    })?;
    let mut first = Vec::new();
    for id in again {
        if !first.contains(&id) {
            first.push(id);
        }
    }
    assert_eq!(first, requests);
    let (mails, parts) = read(&api, "/api/v1/mail", "mail", "/id", nothing)?;
    each_once(&mails, 7);
    assert_eq!(parts, 4);
    let (trusts, parts) = read(&api, "/api/v1/trusts", "trusts", "/name", nothing)?;
    assert_eq!(trusts, (0..7).map(|number| format!("T{number}")).collect::<Vec<_>>());
    assert_eq!(parts, 4);
    assert_eq!(api.all("/api/v1/trusts?limit=2", "trusts")?.len(), 7);
    let read_page = |path: &str| anyhow::Ok(api.get(path)?.text.replace("&#x2f;", "/"));
    // The console's lists go on at the same places, and lead back to the beginning.
    for (list, page, name) in
        [("access-requests", "/people/requests", "/email"), ("mail", "/people/mail", "/to")]
    {
        let part = api.get(&format!("/api/v1/{list}?limit=3"))?.json();
        let rows = part[if list == "mail" { "mail" } else { "requests" }].clone();
        let next = part["next"].as_str().context("no next")?;
        let shown = read_page(&format!("{page}?after={next}"))?;
        for number in 0..7 {
            let email = format!("p{number}@site.example");
            let in_part = rows
                .as_array()
                .context("no rows")?
                .iter()
                .any(|row| row.pointer(name) == Some(&json!(email)));
            assert_ne!(shown.contains(&format!(">{email}<")), in_part, "{email}: {shown}");
        }
        assert!(shown.contains(&format!("<a href=\"{page}\">First</a>")), "{shown}");
    }
    for number in 0..95 {
        api.post("/api/v1/mail/test", &json!({ "email": format!("more{number}@site.example") }))?;
    }
    let first = read_page("/people/mail")?;
    let (_, rest) = first.split_once("<a href=\"/people/mail?after=").context("102 mails are on one page")?;
    let after = rest.split('"').next().unwrap_or_default();
    let second = read_page(&format!("/people/mail?after={after}"))?;
    assert_eq!(["/forget\"", "?after="].map(|mark| second.matches(mark).count()), [2, 0], "{second}");
    for bad in ["access-requests?after=x", "mail?after=1.2", "decisions?after=1.2.x", "trusts?limit=0"] {
        let reply = api.get(&format!("/api/v1/{bad}"))?;
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("bad_parameter")), "{bad}");
    }
    Ok(())
}

#[test]
fn decisions_are_read_to_their_end() -> Result<()> {
    let stage = Stage::set()?;
    let api = &stage.api;
    let mut projects = BTreeSet::new();
    for number in 0..5 {
        let made = api.post("/api/v1/projects", &json!({ "name": format!("Number {number}") }))?.json();
        let project = made["id"].as_str().context("no project")?.to_owned();
        api.complete(&api.ask_in("everyone", EVERYONE, &project)?)?;
        api.stage(&project)?;
        projects.insert(project);
    }
    // What is decided meanwhile is among what was decided, at the end.
    let (seen, parts) = read(api, "/api/v1/decisions", "decisions", "/project/id", |last| {
        let trust = api.project(last)?["trusts"][0]["trust"].as_str().context("no Trust")?.to_owned();
        anyhow::ensure!(api.decide(last, &trust, "decline", "not now")?.status < 500);
        Ok(())
    })?;
    assert!(parts >= 3, "{parts}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), projects);
    Ok(())
}
