//! Every page can be used by everybody: axe finds nothing to complain of, in light and dark, wide and narrow, and nothing
//! is cut off, down to the narrowest screen (WCAG 2.2, 1.4.10).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flip_tests::questions::{DIABETES, RARE};
use flip_tests::world::{Browser, Hub, HubOptions, Window, link_in};
use serde_json::{Value, json};

use crate::console::picture;
use crate::files::bring;
use crate::stage::Stage;

/// What fits depends on the width alone, and contrast on the colours, but not every part is shown in every width: the
/// heads of tables, which the narrow one lacks, are looked at in light alone.
const WINDOWS: [Window; 2] = [
    Window { width: 1_280, height: 1_000, dark: false, scripts: true },
    Window { width: 320, height: 900, dark: true, scripts: true },
];

/// Widths between the two, at which the pages of the wide window are looked at again for what does not fit: beside each
/// width at which the style sheet changes the page (75, 66, 48, 36 and 30 rem).
const BETWEEN: [u32; 5] = [1_199, 1_057, 769, 577, 481];

/// The console's pages, by the route table: what is neither a program's nor a download.
fn pages() -> Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no root")?;
    let table = fs::read_to_string(root.join("docs/PERMISSIONS.md"))?;
    let paths = table.lines().filter_map(|line| Some(line.strip_prefix("| `GET ")?.split_once('`')?.0));
    let pages: Vec<_> = paths
        .filter(|path| {
            let programs = ["/api/", "/assets/", "/uploads/", "/downloads/"];
            !programs.iter().any(|of| path.starts_with(of))
                && !["/export", "/files/{file}"].iter().any(|end| path.ends_with(end))
        })
        .map(str::to_owned)
        .collect();
    ensure!(pages.len() > 8, "too few pages: {pages:?}");
    Ok(pages)
}

fn id_of(made: &Value) -> Result<String> {
    Ok(made["id"].as_str().with_context(|| format!("no id: {made}"))?.to_owned())
}

#[test]
fn axe_finds_no_barrier_on_any_page_of_the_console() -> Result<()> {
    let stage = Stage::set()?;
    stage.api.send("PUT", "/api/v1/hub/banner", "application/json", "{\"text\":\"Slow on Friday\"}")?;
    let project = id_of(&stage.api.post("/api/v1/projects", &json!({ "name": "Lungs" }))?.json())?;
    let query = stage.api.ask("Type 2 diabetes", DIABETES)?;
    stage.api.complete(&query)?;
    stage.api.approve(&query)?;
    let models = format!("/api/v1/projects/{}/models", stage.api.project_of(&query)?);
    let said = json!({ "name": "Nodules", "description": "U-Net", "job_type": "flower-standard" });
    let model = id_of(&stage.api.post(&models, &said)?.json())?;
    let source = b"import subprocess\nsubprocess.run(['true'])\n";
    bring(&stage.api, &format!("/api/v1/models/{model}"), "client_app.py", source)?;
    stage.api.complete(&stage.api.ask("Too few", RARE)?)?;
    stage.hub.add_trust("Never seen")?;
    let trust = id_of(&stage.api.get("/api/v1/trusts")?.json()["trusts"][0])?;
    let guest = json!({ "name": "Astrid", "email": "astrid@site.example", "role": "viewer" });
    let guest = stage.api.post("/api/v1/people", &guest)?.json();
    let link = link_in(guest["link"].as_str().context("no link")?)?;
    let asks = json!({ "name": "K. Ito", "email": "k.ito@site.example", "reason": "Lungs" });
    stage.api.post("/api/v1/access-requests", &asks)?;
    let named = BTreeMap::from([
        ("{project}", project),
        ("{query}", query),
        ("{model}", model),
        ("{trust}", trust),
        ("{person}", id_of(&guest)?),
        ("{token}", link.trim_start_matches("/link/").to_owned()),
    ]);
    let (name, password) = stage.hub.credentials();
    for window in WINDOWS {
        let browser = Browser::open(window)?;
        browser.go(&format!("{}/queries", stage.api.base()))?;
        none(&browser, "the sign-in page", window)?;
        browser.sign_in(name, password)?;
        browser.shows("New query")?;
        for page in pages()? {
            let filled = named.iter().fold(page.clone(), |path, (name, id)| path.replace(name, id));
            ensure!(!filled.contains('{'), "say in this test what {page} is to be filled with");
            browser.go(&format!("{}{filled}", stage.api.base()))?;
            none(&browser, &page, window)?;
        }
        browser.go(&format!("{}/nowhere", stage.api.base()))?;
        none(&browser, "a page that is not there", window)?;
    }
    Ok(())
}

#[test]
fn the_picture_of_the_trusts_fits_however_many_they_are() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(&folder.path().join("hub"), HubOptions::default())?;
    let (api, page) = (hub.api()?, format!("{}/trusts", hub.stranger()?.base()));
    let (name, password) = hub.credentials();
    let [wide, narrow] = WINDOWS;
    let browser = Browser::open(wide)?;
    browser.go(&page)?;
    browser.sign_in(name, password)?;
    for count in 1..=18 {
        let trust = json!({ "name": format!("Wide Meadow Hospital {count}") });
        ensure!(api.post("/api/v1/trusts", &trust)?.status == 201, "no Trust {count}");
        browser.go(&page)?;
        ensure!(browser.source()?.contains(&format!("0 of {count} reach the hub")), "no picture of {count}");
        for width in [wide.width, narrow.width].iter().chain(&BETWEEN) {
            browser.resize(*width, wide.height)?;
            let found = browser.misfits()?;
            ensure!(found.is_empty(), "{count} Trusts, {width} px: {found:#?}");
        }
        browser.resize(wide.width, wide.height)?;
    }
    Ok(())
}

#[test]
fn axe_finds_no_barrier_on_any_page_of_the_local_console() -> Result<()> {
    let stage = Stage::set()?;
    for (name, sql) in [("Type 2 diabetes", DIABETES), ("Too few", RARE)] {
        stage.api.complete(&stage.api.ask(name, sql)?)?;
    }
    let address = stage.trust.address()?;
    for window in WINDOWS {
        let browser = Browser::open(window)?;
        browser.go(&address)?;
        none(&browser, "the door", window)?;
        browser.enter(&stage.trust)?;
        browser.shows("Needs attention")?;
        let source = browser.source()?;
        let (_, navigation) =
            source.split_once("<nav").with_context(|| format!("no navigation: {source}"))?;
        let (navigation, _) = navigation.split_once("</nav>").context("no end of the navigation")?;
        let mut pages: Vec<String> = navigation
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once('"')?.0.replace("&#x2f;", "/")))
            .collect();
        ensure!(pages.len() > 7, "too few pages: {pages:?}");
        pages.push("/audit?verify=1".to_owned());
        for page in pages {
            browser.go(&format!("{address}{page}"))?;
            none(&browser, &page, window)?;
        }
        browser.go(&format!("{address}/orders?words=diabetes"))?;
        browser.click("tbody a")?;
        browser.shows("What left this Trust")?;
        none(&browser, "an order", window)?;
    }
    Ok(())
}

fn none(browser: &Browser, page: &str, window: Window) -> Result<()> {
    let found = browser.barriers()?;
    let how = format!("{}-{}", if window.dark { "dark" } else { "light" }, window.width);
    ensure!(found.is_empty(), "{page}, {how}: {found:#?}");
    let shape: String = page.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let side = if browser.address()?.starts_with("https") { "hub" } else { "local" };
    browser.picture(&picture(&format!("every-{side}-{}-{how}", shape.trim_matches('-')))?)?;
    let between = if window.width > BETWEEN[0] { BETWEEN.as_slice() } else { &[] };
    for width in [window.width].iter().chain(between) {
        browser.resize(*width, window.height)?;
        let found = browser.misfits()?;
        ensure!(found.is_empty(), "{page}, {how}, {width} px: {found:#?}");
    }
    browser.resize(window.width, window.height)
}
