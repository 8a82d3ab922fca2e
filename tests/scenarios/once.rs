//! Requests that are sent twice are carried out once.

use std::collections::BTreeSet;
use std::thread;

use anyhow::{Context as _, Result};
use flip_tests::world::{Api, Hub, HubOptions, Reply};
use serde_json::{Value, json};

fn made(reply: &Reply) -> Result<String> {
    anyhow::ensure!(reply.status == 201, "not made: {} {}", reply.status, reply.text);
    Ok(reply.json()["id"].as_str().context("no id")?.to_owned())
}

fn code(reply: &Reply) -> (u16, Value) {
    (reply.status, reply.json()["code"].clone())
}

fn projects(api: &Api) -> Result<usize> {
    Ok(api.get("/api/v1/projects")?.json()["projects"].as_array().context("no projects")?.len())
}

#[test]
fn a_request_with_a_key_is_carried_out_once_and_its_answer_given_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let (api, ben) = (hub.api()?, hub.add_person("ben", "researcher")?);
    let project = json!({ "name": "Once" });
    // What was refused did nothing, and its key is free.
    let refused = api.post_once("/api/v1/projects", &json!({ "name": "" }), "k-1")?;
    assert_eq!(code(&refused), (422, json!("bad_name")));
    let first = api.post_once("/api/v1/projects", &project, "k-1")?;
    let id = made(&first)?;
    let again = api.post_once("/api/v1/projects", &project, "k-1")?;
    assert_eq!((made(&again)?, &again.location), (id.clone(), &first.location));
    assert_eq!(projects(&api)?, 1);
    // The key stands for that request of that person.
    let other = api.post_once("/api/v1/projects", &json!({ "name": "Twice" }), "k-1")?;
    assert_eq!(code(&other), (422, json!("key_reused")));
    let elsewhere = api.post_once(&format!("/api/v1/projects/{id}/unstage"), &project, "k-1")?;
    assert_eq!(code(&elsewhere), (422, json!("key_reused")));
    assert_ne!(made(&ben.post_once("/api/v1/projects", &project, "k-1")?)?, id);
    for bad in ["", "with space", &"k".repeat(101)] {
        assert_eq!(
            code(&api.post_once("/api/v1/projects", &project, bad)?),
            (400, json!("bad_key")),
            "{bad:?}"
        );
    }
    // What is shown once is not shown again, and not made again either.
    let trust = json!({ "name": "Southmere" });
    let kit = api.post_once("/api/v1/trusts", &trust, "k-2")?;
    assert_eq!(kit.status, 201, "{}", kit.text);
    let again = api.post_once("/api/v1/trusts", &trust, "k-2")?;
    assert_eq!(code(&again), (409, json!("shown_once")));
    assert!(again.text.contains("trust_added"), "{}", again.text);
    let kit = kit.json();
    let secret = kit["kit"].as_str().and_then(|kit| kit.lines().find(|line| line.starts_with("secret")));
    // Neither a crash nor a restart does it again.
    hub.kill()?;
    hub.resume()?;
    assert_eq!(made(&api.post_once("/api/v1/projects", &project, "k-1")?)?, id);
    assert_eq!(projects(&api)?, 2, "one of each");
    let ledger =
        [std::fs::read(hub.data.join("hub.sqlite"))?, std::fs::read(hub.data.join("hub.sqlite-wal"))?]
            .concat();
    let secret = secret.context("a kit without a secret")?.rsplit('"').nth(1).context("no value")?;
    assert!(
        !ledger.windows(secret.len()).any(|window| window == secret.as_bytes()),
        "a kit's secret is kept"
    );
    Ok(())
}

#[test]
fn of_many_at_once_one_is_carried_out() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let api = hub.api()?;
    let replies: Vec<Result<Reply>> = thread::scope(|scope| {
        let sending: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| api.post_once("/api/v1/projects", &json!({ "name": "Once" }), "k")))
            .collect();
        sending.into_iter().map(|one| one.join().unwrap_or_else(|_| anyhow::bail!("panicked"))).collect()
    });
    let mut ids = BTreeSet::new();
    for reply in replies {
        let reply = reply?;
        match code(&reply) {
            (409, word) => assert_eq!(word, "under_way"),
            _ => drop(ids.insert(made(&reply)?)),
        }
    }
    assert_eq!((ids.len(), projects(&api)?), (1, 1));
    Ok(())
}

#[test]
fn a_form_that_is_sent_twice_makes_one_thing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let api = hub.api()?;
    let page = api.get("/projects/new")?.text;
    let (_, action) = page.split_once("action=\"/projects?once=").context("the form has no key")?;
    let action = format!("/projects?once={}", action.split_once('"').context("no end")?.0);
    let send = |form: &str| api.send("POST", &action, "application/x-www-form-urlencoded", form);
    let replies: Vec<Result<Reply>> = thread::scope(|scope| {
        let sending: Vec<_> = (0..4).map(|_| scope.spawn(|| send("name=Once&description="))).collect();
        sending.into_iter().map(|one| one.join().unwrap_or_else(|_| anyhow::bail!("panicked"))).collect()
    });
    let mut places = BTreeSet::new();
    for reply in replies {
        let reply = reply?;
        assert_eq!(reply.status, 303, "{}", reply.text);
        places.insert(reply.location);
    }
    assert_eq!((places.len(), projects(&api)?), (1, 1), "{places:?}");
    // From the same page, changed: another thing.
    let other = send("name=Twice&description=")?;
    assert!(other.status == 303 && !places.contains(&other.location), "{}", other.text);
    assert_eq!(projects(&api)?, 2);
    Ok(())
}
