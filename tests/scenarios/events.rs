//! What one waits for is told as it changes.

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Api, Event, Events, until};
use serde_json::{Value, json};

use crate::stage::{SLOW, Stage, TRUST};

/// All that is left of a stream, without comments.
fn rest(events: Events) -> Result<Vec<Event>> {
    events.filter(|event| event.as_ref().map_or(true, |event| !event.name.is_empty())).collect()
}

fn code(api: &Api, path: &str) -> Result<(u16, Value)> {
    let reply = api.get(path)?;
    Ok((reply.status, reply.json()["code"].clone()))
}

#[test]
fn each_share_is_told_as_it_changes_and_after_a_break_only_what_is_new() -> Result<()> {
    let stage = Stage::set()?;
    let api = &stage.api;
    stage.wire.cut();
    let query = api.ask("everyone", EVERYONE)?;
    let path = format!("/api/v1/queries/{query}/events");
    let mut events = api.events(&path, "")?;
    let first = events.told()?;
    assert_eq!((first.name.as_str(), &first.data["trust_name"]), ("share", &json!(TRUST)), "{first:?}");
    assert_eq!(first.data["stage"], "queued", "{first:?}");
    assert!(!first.id.is_empty(), "{first:?}");
    // Nothing changes while the wire is cut, and the stream says that it is alive.
    let silent = events.next().context("the stream ended")??;
    assert_eq!(silent, Event::default());
    // Who was told so already is told nothing before something changes.
    let mut again = api.events(&path, &first.id)?;
    stage.wire.mend();
    let next = again.told()?;
    assert_eq!(next.name, "share");
    assert_ne!(next.data, first.data, "it was told again");

    let told = rest(events)?;
    let (last, shares) = told.split_last().context("nothing was told")?;
    assert_eq!(last.name, "complete", "{told:?}");
    let value = shares.last().context("no share was told")?;
    let result = api.result(&query)?;
    assert_eq!(value.data, result["shares"][0], "the stream says what the query says");
    assert_eq!(value.data["state"], "value");
    assert_eq!((&last.data["total"], &last.data["trusts"]), (&result["total"], &result["trusts"]));
    let words = |event: &Event| event.data.to_string();
    assert!(shares.windows(2).all(|two| words(&two[0]) != words(&two[1])), "said twice: {told:?}");

    // After the value all that is left to say is that this was the end, and then nothing.
    let end = rest(api.events(&path, &value.id)?)?;
    assert_eq!(end.as_slice(), std::slice::from_ref(last));
    assert_eq!(rest(api.events(&path, &first.id)?)?, [value.clone(), last.clone()]);
    assert_eq!(rest(api.events(&path, "made-up")?)?, [value.clone(), last.clone()]);
    let over = api.get_after(&path, &last.id)?;
    assert_eq!((over.status, over.text.as_str()), (204, ""));
    Ok(())
}

#[test]
fn whoever_may_not_look_is_told_nothing_and_whoever_may_not_any_more_no_further() -> Result<()> {
    let stage = Stage::set()?;
    let (hub, api) = (&stage.hub, &stage.api);
    let (ben, eve) = (hub.add_person("ben", "researcher")?, hub.add_person("eve", "researcher")?);
    stage.wire.cut();
    let query = ben.ask("everyone", EVERYONE)?;
    let path = format!("/api/v1/queries/{query}/events");
    assert_eq!(code(&hub.stranger()?, &path)?, (401, json!("sign_in")));
    assert_eq!(code(&eve, &path)?, (404, json!("not_found")));
    let token = |scope: &str| -> Result<(Api, Value)> {
        let made = ben.post("/api/v1/tokens", &json!({ "name": scope, "scopes": [scope] }))?.json();
        Ok((ben.with_token(&made)?, made["id"].clone()))
    };
    assert_eq!(code(&token("ask")?.0, &path)?, (403, json!("out_of_scope")));
    let (program, id) = token("read")?;
    let mut of_token = program.events(&path, "")?;
    let mut of_session = ben.events(&path, "")?;
    assert_eq!(of_token.told()?, of_session.told()?);
    let id = id.as_str().context("no id")?;
    ensure!(ben.send("DELETE", &format!("/api/v1/tokens/{id}"), "", "")?.status == 204, "not revoked");
    let told = rest(of_token)?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].name.as_str(), &told[0].data["code"]), ("problem", &json!("bad_token")));
    let ben_id = api.get("/api/v1/people?search=ben")?.json()["people"][0]["id"].clone();
    let disable = format!("/api/v1/people/{}/disable", ben_id.as_str().context("no id")?);
    ensure!(api.post(&disable, &json!({}))?.status == 200, "not disabled");
    let told = rest(of_session)?;
    let last = told.last().context("nothing was told")?;
    assert_eq!((last.name.as_str(), &last.data["code"]), ("problem", &json!("sign_in")), "{told:?}");
    Ok(())
}

#[test]
fn a_person_has_eight_streams_and_the_hub_ends_them_when_it_stops() -> Result<()> {
    let mut stage = Stage::set()?;
    let ben = stage.hub.add_person("ben", "researcher")?;
    stage.wire.cut();
    let query = stage.api.ask("everyone", EVERYONE)?;
    let path = format!("/api/v1/queries/{query}/events");
    let mut open = (0..8).map(|_| stage.api.events(&path, "")).collect::<Result<Vec<_>>>()?;
    let ninth = stage.api.get(&path)?;
    assert_eq!((ninth.status, &ninth.json()["code"]), (429, &json!("too_many_streams")), "{}", ninth.text);
    assert_eq!(ninth.retry_after, "15");
    // Of somebody else it is the first.
    let of_ben = ben.ask("everyone", EVERYONE)?;
    ben.events(&format!("/api/v1/queries/{of_ben}/events"), "")?.told()?;
    drop(open.pop());
    open.push(until("room for another stream", || Ok(stage.api.events(&path, "").ok()))?);
    let status = stage.hub.program()?.terminate()?;
    assert!(status.success(), "{status}");
    for events in open {
        let told = rest(events)?;
        assert!(told.iter().all(|event| event.name == "share"), "{told:?}");
    }
    assert!(stage.hub.log().contains("the hub has stopped"), "{}", stage.hub.log());
    Ok(())
}

#[test]
fn staging_freezing_and_files_are_told_as_well() -> Result<()> {
    let stage = Stage::set()?;
    let api = &stage.api;
    let query = api.ask("everyone", EVERYONE)?;
    api.complete(&query)?;
    let project = api.project_of(&query)?;
    let (of_project, of_freeze) =
        (format!("/api/v1/projects/{project}/events"), format!("/api/v1/queries/{query}/freeze/events"));
    // Nothing is awaited there yet.
    let idle = rest(api.events(&of_project, "")?)?;
    assert_eq!(idle.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["project", "complete"]);
    let trusts = api.stage(&project)?;
    let mut staged = api.events(&of_project, "")?;
    assert_eq!(staged.told()?.data, api.project(&project)?);
    let decided = api.decide(&project, &trusts[0], "approve", "")?;
    ensure!(decided.status == 200, "not approved: {}", decided.text);
    let told = rest(api.events(&of_freeze, "")?)?;
    let (_, freezes) = told.split_last().context("nothing was told")?;
    let frozen = freezes.last().context("no freeze was told")?;
    assert_eq!((frozen.name.as_str(), &frozen.data["freezing"]["state"]), ("freeze", &json!("frozen")));
    let told = rest(staged)?;
    let (last, states) = told.split_last().context("nothing was told")?;
    assert_eq!(last.name, "complete", "{told:?}");
    assert_eq!(states.last().context("no project was told")?.data, api.project(&project)?);

    let model = json!({ "name": "Weights", "job_type": "flower-standard" });
    let model = api.post(&format!("/api/v1/projects/{project}/models"), &model)?.json();
    let path = format!("/api/v1/models/{}", model["id"].as_str().context("no model")?);
    let body = "{}\n";
    let opened =
        api.post(&format!("{path}/files"), &json!({ "name": "config.json", "bytes": body.len() }))?.json();
    let mut events = api.events(&format!("{path}/events"), "")?;
    assert_eq!(events.told()?.data["files"][0]["state"], "uploading");
    let put = api.put(opened["link"].as_str().context("no link")?, None, body.as_bytes())?;
    ensure!(put.status < 300, "not brought: {}", put.text);
    let told = rest(events)?;
    let (last, states) = told.split_last().context("nothing was told")?;
    assert_eq!(last.name, "complete", "{told:?}");
    assert_eq!(states.last().context("no model was told")?.data["files"][0]["state"], "clean", "{told:?}");
    Ok(())
}

#[test]
fn a_cancelled_question_ends_its_stream() -> Result<()> {
    let stage = Stage::set()?;
    let query = stage.api.ask("slow", SLOW)?;
    let mut events = stage.api.events(&format!("/api/v1/queries/{query}/events"), "")?;
    events.told()?;
    let cancelled = stage.api.post(&format!("/api/v1/queries/{query}/cancel"), &json!({}))?;
    ensure!(cancelled.status == 204, "not cancelled: {}", cancelled.text);
    let told = rest(events)?;
    let ends: Vec<&str> = told.iter().rev().take(2).map(|event| event.name.as_str()).collect();
    assert_eq!(ends, ["complete", "share"], "{told:?}");
    assert_eq!(told[told.len() - 2].data["state"], "cancelled");
    Ok(())
}
