//! What the command line asks of the running appliance, with the secret of its folder.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};

use crate::place::Place;

/// How long the command line waits for the running appliance.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the appliance of this folder is.
pub fn fetch(place: &Place) -> anyhow::Result<Value> {
    let (address, secret) = found(place)?;
    let request = agent().get(format!("http://{address}/status.json"));
    read(&address, request.header("authorization", format!("Bearer {secret}")).call())
}

/// A link to the local console of this folder's appliance, which works once and for so many minutes.
pub fn link(place: &Place, minutes: u64) -> anyhow::Result<String> {
    let (address, secret) = found(place)?;
    let request = agent().post(format!("http://{address}/link"));
    let asked =
        request.header("authorization", format!("Bearer {secret}")).send_json(json!({ "minutes": minutes }));
    let answer = read(&address, asked)?;
    Ok(answer["link"].as_str().context("the appliance's answer holds no link")?.to_owned())
}

fn found(place: &Place) -> anyhow::Result<(String, String)> {
    let folder = place.folder().display();
    let read = |path| match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(anyhow!("no appliance has run in {folder}; start it with: flip-appliance run"))
        }
        Err(error) => Err(anyhow!(
            "{folder} cannot be read ({error}); run this as the account that the appliance runs as"
        )),
    };
    Ok((read(place.local_address())?, read(place.local_secret())?))
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build().new_agent()
}

fn read(
    address: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> anyhow::Result<Value> {
    answer
        .with_context(|| format!("no appliance answers at {address}; is it running?"))?
        .body_mut()
        .read_json()
        .context("the appliance's answer cannot be read")
}
