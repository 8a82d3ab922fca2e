//! Running the hub: the banner, and maintenance.

use anyhow::Result;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Api, Browser, Window, until};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::{Stage, share};

fn put(api: &Api, path: &str, body: &Value) -> Result<(u16, Value)> {
    let reply = api.send("PUT", path, "application/json", &body.to_string())?;
    Ok((reply.status, reply.json()))
}

#[test]
fn a_banner_is_shown_to_everybody_until_it_is_taken_down() -> Result<()> {
    let stage = Stage::set()?;
    let stranger = stage.hub.stranger()?;
    let banner = |text: &str, href: &str| {
        put(&stage.api, "/api/v1/hub/banner", &json!({ "text": text, "href": href }))
    };
    let text = "The <b>network</b> is slow on Friday.";
    assert_eq!(banner(text, "https://news.example/slow")?.0, 204);
    let page = stranger.get("/sign-in")?.text;
    assert!(page.contains("The &lt;b&gt;network&lt;&#x2f;b&gt; is slow on Friday."), "{page}");
    assert!(page.contains("href=\"https:&#x2f;&#x2f;news.example&#x2f;slow\" rel=\"noreferrer\""), "{page}");
    for (text, href) in [
        ("x", "javascript:alert(1)"),
        ("x", "http://news.example"),
        ("x", "https://news.example/\u{202e}"),
        ("", "https://news.example"),
        ("a\u{7}", ""),
        (&"x".repeat(201), ""),
    ] {
        let (status, problem) = banner(text, href)?;
        assert_eq!((status, &problem["code"]), (422, &json!("bad_notice")), "{text} {href}: {problem}");
    }
    assert!(stranger.get("/sign-in")?.text.contains("is slow on Friday"), "a refused banner changed it");
    assert_eq!(banner("", "")?.0, 204);
    assert!(!stranger.get("/sign-in")?.text.contains("is slow on Friday"));
    Ok(())
}

#[test]
fn maintenance_holds_new_work_back_lets_what_runs_finish_and_then_goes_on() -> Result<()> {
    let stage = Stage::set()?;
    let slow = stage.ask_slow()?;
    let waits = stage.api.ask("asked before, runs after", EVERYONE)?;
    let on = json!({ "on": true, "words": "The hub is updated at noon." });
    assert_eq!(put(&stage.api, "/api/v1/hub/maintenance", &on)?.0, 204);
    let refused = stage.api.post("/api/v1/queries", &json!({ "name": "x", "sql": EVERYONE }))?;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("maintenance")), "{}", refused.text);
    assert!(refused.text.contains("The hub is updated at noon."), "{}", refused.text);
    let (_, said) = stage.maintenance(&["status"])?;
    assert!(said.starts_with("Maintenance is on.\n"), "{said}");
    // What runs there finishes, and its answer is taken.
    assert_eq!(share(&stage.api.complete(&slow)?)["state"], "value");
    until("quiet", || Ok((stage.api.get("/api/v1/hub")?.json()["quiet"] == true).then_some(())))?;
    let (done, said) = stage.maintenance(&["status"])?;
    assert!(done && said.ends_with("The hub can be stopped.\n"), "{said}");
    let share_of = |query: &str| -> Result<Value> { Ok(share(&stage.api.result(query)?).clone()) };
    let held = share_of(&waits)?;
    assert!(held["state"] == "value" || held["stage"] == "queued", "{held}");
    let browser = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: true })?;
    browser.go(&format!("{}/hub", stage.api.base()))?;
    browser.sign_in(stage.hub.credentials().0, stage.hub.credentials().1)?;
    browser.shows("the hub can be stopped")?;
    browser.shows("Maintenance: no new work is taken. The hub is updated at noon.")?;
    browser.picture(&picture("hub-maintenance")?)?;
    browser.click("form[action='/hub/maintenance'] button")?;
    browser.shows("Begin maintenance")?;
    assert_eq!(share(&stage.api.complete(&waits)?)["state"], "value");
    let after = stage.api.ask("after", EVERYONE)?;
    assert_eq!(share(&stage.api.complete(&after)?)["state"], "value");
    Ok(())
}

#[test]
fn what_waits_when_maintenance_begins_goes_out_when_it_ends() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    let query = stage.api.ask("asked while it was away", EVERYONE)?;
    assert!(stage.maintenance(&["on"])?.0);
    stage.trust.resume()?;
    until("the Trust to be back", || {
        let trusts = stage.api.get("/api/v1/trusts")?.json();
        Ok((trusts["trusts"][0]["health"]["uptime_s"].as_u64() < Some(60)).then_some(()))
    })?;
    let reply = stage.api.get(&format!("/api/v1/queries/{query}?wait_s=2"))?.json();
    assert_eq!(share(&reply["result"])["stage"], "queued", "handed out during maintenance: {reply}");
    let off = json!({ "on": false });
    assert_eq!(put(&stage.api, "/api/v1/hub/maintenance", &off)?.0, 204);
    assert_eq!(share(&stage.api.complete(&query)?)["state"], "value");
    let (done, said) = stage.maintenance(&["status"])?;
    assert!(!done && said.contains("the hub takes new work"), "{said}");
    Ok(())
}

impl Stage {
    /// `flip-hub maintenance`: whether it succeeded, and what it said.
    fn maintenance(&self, words: &[&str]) -> Result<(bool, String)> {
        let output = self.hub.command(&[&["maintenance"], words].concat())?.output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8(said)?))
    }
}
