//! A hub with Trusts online, and what one question to them takes.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::world::{Api, Appliance, Hub, HubOptions, until};

/// A hub and its Trusts, all running; ended when it goes out of scope.
pub struct Stage {
    /// The hub.
    pub hub: Hub,
    /// A researcher's client.
    pub api: Api,
    /// The Trusts.
    pub trusts: Vec<Appliance>,
}

impl Stage {
    /// Enrols appliances that have their data already, and waits until the hub sees them.
    pub fn start(folder: &Path, mut trusts: Vec<Appliance>) -> Result<Self> {
        let hub = Hub::start(&folder.join("hub"), HubOptions::default())?;
        for (at, trust) in trusts.iter_mut().enumerate() {
            let kit = hub.add_trust(&format!("Trust {}", at + 1))?;
            trust.enrol(&kit)?;
            trust.resume()?;
        }
        let api = hub.api()?;
        until("all Trusts online", || {
            let known = api.all("/api/v1/trusts", "trusts")?;
            let online = known.iter().filter(|trust| trust["link"] == "online").count();
            Ok((online == trusts.len()).then_some(()))
        })?;
        Ok(Self { hub, api, trusts })
    }

    /// Asks a question that every Trust can answer; gives the milliseconds until the combined answer was here.
    pub fn ask_ms(&self, sql: &str) -> Result<f64> {
        let began = Instant::now();
        let query = self.api.ask("bench", sql)?;
        let result = self.api.complete(&query)?;
        let took = began.elapsed();
        let shares = result["shares"].as_array().context("the result has no shares")?;
        let answered = shares.iter().filter(|share| share["state"] == "value").count();
        ensure!(
            answered == self.trusts.len(),
            "{answered} of {} Trusts answered with a number: {result}",
            self.trusts.len()
        );
        Ok(took.as_secs_f64() * 1_000.0)
    }
}

/// What a site has that sets nothing, but for budgets and quotas, which so many questions would spend.
const POLICY: &str =
    "danger_budget = 1000.0\ndanger_questions_weekly = 1000000\ndanger_questions_weekly_all = 1000000\n";

/// An appliance with data and no identity yet.
pub fn ingested(folder: &Path, extract: &Path) -> Result<Appliance> {
    let appliance = Appliance::new(folder)?;
    appliance.set_policy(POLICY)?;
    appliance.ingest(extract)?;
    Ok(appliance)
}

/// An appliance without an identity that has another's data: hard links to files that never change.
pub fn with_data_of(other: &Appliance, folder: &Path) -> Result<Appliance> {
    let appliance = Appliance::new(folder)?;
    appliance.set_policy(POLICY)?;
    link(&other.data.join("generations"), &folder.join("generations"))?;
    Ok(appliance)
}

fn link(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { link(&entry.path(), &to)? } else { fs::hard_link(entry.path(), to)? }
    }
    Ok(())
}
