//! The console and the local page in a real browser, as their users see them. Pictures go to `target/pictures`,
//! those of `docs/` to `docs/pictures` where `FLIP_WRITE_DOCS` is set.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flip_tests::questions::{DIABETES, EVERYONE, OUTSIDE, RARE};
use flip_tests::world::{Browser, PASSWORD, Window, until};
use serde_json::json;

use crate::stage::{Stage, TRUST};

const DESK: Window = Window { width: 1_280, height: 1_400, dark: false, scripts: true };

/// Where pictures go: beside the built programs.
pub fn picture(name: &str) -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let target = me.ancestors().nth(3).context("no target folder")?;
    let folder = target.join("pictures");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{name}.png")))
}

/// Where a picture of `docs/` goes: there, where `FLIP_WRITE_DOCS` is set; beside the others, where not.
pub fn printed(name: &str) -> Result<PathBuf> {
    if std::env::var_os("FLIP_WRITE_DOCS").is_none() {
        return picture(name);
    }
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures");
    Ok(docs.join(format!("{name}.png")))
}

fn sign_in(stage: &Stage, browser: &Browser) -> Result<()> {
    let (name, password) = stage.hub.credentials();
    browser.go(&format!("{}/queries", stage.api.base()))?;
    assert!(browser.address()?.ends_with("/sign-in?next=%2Fqueries"), "{}", browser.address()?);
    browser.sign_in(name, password)?;
    browser.shows("New query")
}

fn ask(browser: &Browser, base: &str, name: &str, sql: &str) -> Result<()> {
    browser.go(&format!("{base}/queries/new"))?;
    browser.fill("input[name=name]", name)?;
    browser.fill("textarea[name=sql]", sql)?;
    browser.click("main button[type=submit]")
}

#[test]
fn a_page_that_asks_again_is_sent_where_something_changed_and_else_not() -> Result<()> {
    let stage = Stage::set()?;
    let cookie = format!("__Host-flip-session={}", stage.api.token().context("no session")?);
    let page =
        |mark: &str| stage.api.fetch("/queries", &[("cookie", cookie.as_str()), ("if-none-match", mark)]);
    // One moment ends between two looks now and then.
    let mark = until("a page that is as it was", || {
        let mark = page("\"none\"")?.header("etag").to_owned();
        let again = page(&mark)?;
        Ok((again.status == 304 && again.bytes.is_empty()).then_some(mark))
    })?;
    stage.api.complete(&stage.api.ask("Since then", EVERYONE)?)?;
    let changed = page(&mark)?;
    assert!(changed.status == 200 && String::from_utf8_lossy(&changed.bytes).contains("Since then"));
    let mark = changed.header("etag");
    let stranger = stage.hub.stranger()?.fetch("/queries", &[("if-none-match", mark)])?;
    assert_eq!((stranger.status, stranger.header("etag")), (303, ""), "a stranger has a mark");
    Ok(())
}

#[test]
fn a_researcher_signs_in_asks_and_sees_numbers_and_charts() -> Result<()> {
    let stage = Stage::set()?;
    let base = stage.api.base();
    let browser = Browser::open(DESK)?;
    sign_in(&stage, &browser)?;
    ask(&browser, base, "Type 2 diabetes", DIABETES)?;
    browser.shows("69 persons at 1 of 1 Trust")?;
    browser.shows("Age Distribution")?;
    let page = browser.source()?;
    assert!(page.contains("<svg") && page.contains(TRUST), "no chart");
    browser.picture(&printed("query")?)?;
    ask(&browser, base, "Too few", RARE)?;
    browser.shows("fewer than 10")?;
    ask(&browser, base, "Outside", OUTSIDE)?;
    browser.shows("omop")?;
    assert!(browser.source()?.contains("public.patients"), "the typed question is gone");
    browser.picture(&picture("refused-light")?)?;
    browser.go(&format!("{base}/queries"))?;
    browser.shows("Type 2 diabetes")?;
    browser.picture(&picture("queries-light")?)?;
    browser.go(&format!("{base}/trusts"))?;
    browser.shows(TRUST)?;
    browser.shows("online")?;
    browser.fill("input[name=name]", "Southmere Hospital")?;
    browser.picture(&picture("trusts-light")?)?;
    browser.click("main button[type=submit]")?;
    browser.shows("flip-appliance enrol")?;
    assert!(browser.source()?.contains("flip_kit = 1"), "no kit on the page");
    browser.picture(&picture("kit-light")?)?;
    browser.go(&format!("{base}/nowhere"))?;
    browser.shows("There is nothing here")?;
    let complaints = browser.complaints()?;
    let real: Vec<&String> =
        complaints.iter().filter(|line| !line.contains("/nowhere") && !line.contains("422")).collect();
    assert!(real.is_empty(), "the browser complains: {real:?}");
    browser.go(&format!("{base}/queries"))?;
    browser.click("form.account button")?;
    browser.shows("Sign in")?;
    browser.go(&format!("{base}/trusts"))?;
    assert!(browser.address()?.contains("/sign-in"), "still signed in");
    Ok(())
}

#[test]
fn everything_works_without_scripts_in_the_dark_on_a_narrow_screen() -> Result<()> {
    let stage = Stage::set()?;
    let base = stage.api.base();
    let browser = Browser::open(Window { width: 500, height: 1_400, dark: true, scripts: false })?;
    sign_in(&stage, &browser)?;
    ask(&browser, base, "Type 2 diabetes", DIABETES)?;
    browser.shows("69 persons at 1 of 1 Trust")?;
    browser.picture(&picture("query-dark-narrow")?)?;
    browser.enter(&stage.trust)?;
    browser.shows("Needs attention")?;
    browser.picture(&picture("site-dark-narrow")?)?;
    Ok(())
}

#[test]
fn a_wrong_password_is_said_and_nothing_is_lost() -> Result<()> {
    let stage = Stage::set()?;
    let browser = Browser::open(DESK)?;
    browser.go(&format!("{}/queries/new", stage.api.base()))?;
    browser.sign_in("admin", "not the password")?;
    browser.shows("The name or the password is wrong")?;
    browser.fill("input[name=password]", stage.hub.credentials().1)?;
    browser.click("main button[type=submit]")?;
    browser.shows("Ask all Trusts")?;
    assert!(browser.address()?.ends_with("/queries/new"), "{}", browser.address()?);
    Ok(())
}

#[test]
fn a_form_that_another_site_sends_is_not_carried_out() -> Result<()> {
    let stage = Stage::set()?;
    let token = stage.api.token().context("no token")?;
    let cookie = format!("__Host-flip-session={token}");
    let post = |site: &[(&str, &str)]| {
        let headers = [&[("cookie", cookie.as_str())], site].concat();
        stage.api.post_form("/trusts", "name=Evil", &headers)
    };
    for site in [
        [("sec-fetch-site", "cross-site")].as_slice(),
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[],
    ] {
        let reply = post(site)?;
        assert_eq!(reply.status, 403, "{site:?}: {}", reply.text);
        assert!(reply.text.contains("comes from another site"), "{}", reply.text);
    }
    assert!(!stage.api.get("/api/v1/trusts")?.text.contains("Evil"));
    assert_eq!(post(&[("sec-fetch-site", "same-origin")])?.status, 200);
    let signing_in = stage.api.post_form(
        "/sign-in",
        "account=a&password=b&next=/",
        &[("sec-fetch-site", "cross-site")],
    )?;
    assert_eq!(signing_in.status, 403);
    Ok(())
}

#[test]
fn sign_ins_that_hang_up_take_no_memory() -> Result<()> {
    let mut stage = Stage::set()?;
    let before = stage.hub.program()?.resident_kib();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let api = &stage.api;
            scope.spawn(move || {
                for of in 0..15 {
                    // Nobody's names, since the admin's would be refused without a look.
                    let body =
                        format!("{{\"name\":\"nobody {thread} {of}\",\"password\":\"a wrong password\"}}");
                    let _ = api.post_and_hang_up("/api/v1/session", &body);
                }
            });
        }
    });
    let after = stage.hub.program()?.resident_kib();
    assert!(after < before + 60_000, "{before} KiB before, {after} KiB after");
    stage.hub.api().map(drop)
}

#[test]
fn enrolling_again_beside_a_running_appliance_is_refused() -> Result<()> {
    let stage = Stage::set()?;
    let kit = stage.hub.renew_kit(TRUST)?;
    let output = stage.trust.command(&["enrol", "--again"])?.arg(&kit).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("in use by another process"), "{said}");
    let result = stage.api.complete(&stage.api.ask("still there", RARE)?)?;
    assert_eq!(result["shares"][0]["state"], "fewer_than");
    Ok(())
}

#[test]
fn who_was_signed_out_meanwhile_comes_back_to_the_page_and_reads_that_nothing_was_done() -> Result<()> {
    let stage = Stage::set()?;
    let (api, base) = (&stage.api, stage.api.base());
    let from = format!("{base}/queries/new?project=1&again=2");
    let gone = [
        ("cookie", "__Host-flip-session=gone"),
        ("origin", base),
        ("sec-fetch-site", "same-origin"),
        ("referer", from.as_str()),
    ];
    let sent = api.post_form("/projects/1/delete", "name=Lungs", &gone)?;
    assert_eq!(
        sent.location, "/sign-in?next=%2Fqueries%2Fnew%3Fproject%3D1%26again%3D2&lost=1",
        "{}",
        sent.text
    );
    let page = stage.hub.stranger()?.get(&sent.location)?.text.replace("&#x2f;", "/");
    assert!(
        page.contains("nothing was done") && page.contains("/queries/new?project=1&amp;again=2"),
        "{page}"
    );
    let looked = stage.hub.stranger()?.get("/queries?project=7")?;
    assert_eq!(looked.location, "/sign-in?next=%2Fqueries%3Fproject%3D7");
    let looked = stage.hub.stranger()?.get("/queries?search=a%20b")?;
    assert_eq!(looked.location, "/sign-in?next=%2Fqueries%3Fsearch%3Da%2520b");
    let page = stage.hub.stranger()?.get(&looked.location)?.text.replace("&#x2f;", "/");
    assert!(page.contains("value=\"/queries?search=a%20b\""), "{page}");
    let elsewhere = [gone[0], gone[1], gone[2], ("referer", "https://evil.example//evil.example")];
    let sent = api.post_form("/projects/1/delete", "name=Lungs", &elsewhere)?;
    assert_eq!(sent.location, "/sign-in?next=%2Fqueries&lost=1");
    // What a button sends has no page: whoever asks for one reads how it is meant.
    let button = api.get("/projects/1/delete")?;
    assert!(button.status == 405 && button.text.contains("press it there"), "{}", button.text);
    Ok(())
}

#[test]
fn who_edits_what_was_saved_meanwhile_reads_how_it_is_keeps_what_they_typed_and_writes_over_nothing_unseen()
-> Result<()> {
    let stage = Stage::set()?;
    let api = &stage.api;
    let made = api.post("/api/v1/projects", &json!({ "name": "Lungs" }))?.json();
    let project = made["id"].as_str().context("no project")?.to_owned();
    let browser = Browser::open(DESK)?;
    browser.go(&format!("{}/projects/{project}", api.base()))?;
    browser.sign_in("admin", stage.hub.credentials().1)?;
    browser.shows("Change it")?;
    let theirs = |edition: u64, name: &str| {
        let body = json!({ "edition": edition, "name": name, "description": "CT", "members": [] });
        api.send("PUT", &format!("/api/v1/projects/{project}"), "application/json", &body.to_string())
    };
    assert_eq!(theirs(1, "Hearts")?.status, 200);
    // What is wrong besides is said first, and the form is of the edition that it was filled in of still.
    browser.fill("#name", "\u{200b}")?;
    browser.click("form.stack button")?;
    browser.shows("The name")?;
    browser.fill("#name", "Livers")?;
    browser.click("form.stack button")?;
    browser.shows("yours was not saved")?;
    browser.shows("Its name is “Hearts” now; what it is for is “CT” now.")?;
    assert!(browser.source()?.contains("value=\"Livers\""), "what was typed is lost: {}", browser.source()?);
    assert_eq!(api.project(&project)?["name"], "Hearts");
    browser.picture(&picture("project-stale-light")?)?;
    browser.click("form.stack button")?;
    browser.shows("Livers")?;
    let now = api.project(&project)?;
    assert_eq!((&now["name"], &now["edition"]), (&json!("Livers"), &json!(3)));
    Ok(())
}

#[test]
fn a_question_that_was_typed_by_who_was_signed_out_meanwhile_is_in_the_form_again_for_them_alone()
-> Result<()> {
    let stage = Stage::set()?;
    stage.hub.add_person("zoe", "researcher")?;
    let (name, password) = stage.hub.credentials();
    let form = format!("{}/queries/new", stage.api.base());
    let browser = Browser::open(DESK)?;
    let typed = || -> Result<[String; 2]> {
        browser.shows("Ask all Trusts")?;
        Ok([browser.value("#name")?, browser.value("#sql")?])
    };
    let is_here_again =
        |name: &str| until("the question in the form", || Ok((typed()? == [name, DIABETES]).then_some(())));
    let sent_signed_out = |name: &str| -> Result<()> {
        browser.fill("#name", name)?;
        browser.fill("#sql", DIABETES)?;
        assert_eq!(stage.api.send("DELETE", "/api/v1/sessions", "", "")?.status, 204);
        browser.click("form.stack button")?;
        browser.shows("nothing was done")
    };
    browser.go(&form)?;
    browser.sign_in(name, password)?;
    assert_eq!(typed()?, ["", ""]);
    sent_signed_out("Not lost")?;
    browser.sign_in(name, "not the password")?;
    browser.shows("is wrong")?;
    browser.sign_in(name, password)?;
    is_here_again("Not lost")?;
    let is_said = || -> Result<bool> { Ok(browser.source()?.contains("What you typed is here again.")) };
    assert!(is_said()?, "{}", browser.source()?);
    browser.click("form.stack button")?;
    browser.shows("Not lost")?;
    browser.go(&form)?;
    assert_eq!(typed()?, ["", ""], "it was asked, and is there again");

    // What was refused is shown where it was sent to, and comes back to the form from there too.
    browser.fill("#name", "Refused")?;
    browser.fill("#sql", OUTSIDE)?;
    browser.click("form.stack button")?;
    browser.shows("Not asked")?;
    assert!(!is_said()?, "it was never away: {}", browser.source()?);
    sent_signed_out("Mended")?;
    browser.sign_in(name, password)?;
    is_here_again("Mended")?;

    // Where it cannot be asked in its project any more, it is asked in no other one until that is chosen.
    let made = stage.api.post("/api/v1/projects", &json!({ "name": "Gone" }))?.json();
    let project = made["id"].as_str().context("no project")?;
    browser.go(&form)?;
    browser.click(&format!("#project option[value=\"{project}\"]"))?;
    assert_eq!(stage.api.send("DELETE", &format!("/api/v1/projects/{project}"), "", "")?.status, 204);
    sent_signed_out("Of a project")?;
    browser.sign_in(name, password)?;
    is_here_again("Of a project")?;
    browser.click("form.stack button")?;
    is_here_again("Of a project")?;
    let asked = stage.api.get("/api/v1/queries?search=Of%20a%20project")?.json();
    assert_eq!(asked["queries"], json!([]));
    browser.click("#project option[value=\"\"]")?;
    browser.click("form.stack button")?;
    browser.shows("Of a project")?;
    browser.go(&form)?;

    sent_signed_out("Of the admin's")?;
    browser.sign_in("zoe", PASSWORD)?;
    assert_eq!(typed()?, ["", ""], "it is shown to somebody else");
    browser.click("form.account button")?;
    browser.shows("Sign in")?;
    browser.go(&form)?;
    browser.sign_in(name, password)?;
    assert_eq!(typed()?, ["", ""], "it is kept beyond the next page of somebody who is signed in");
    Ok(())
}
