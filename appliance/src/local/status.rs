//! The running appliance as JSON and as a few lines of text, for `flip-appliance status` and monitoring.

use std::fmt::Write as _;

use flip_storage::error_chain;
use flip_storage::journal::JournalError;
use serde_json::{Value, json};

use crate::clock;
use crate::deliveries::{self, Became};
use crate::local::pages;
use crate::site::{LinkState, Site};

pub(super) fn of(site: &Site) -> Result<Value, JournalError> {
    let identity = site.identity();
    let (link, skew_ms) = site.link();
    let now = clock::now();
    let link = match link {
        LinkState::Untried => json!({ "state": "untried" }),
        LinkState::Connected { at } => json!({ "state": "connected", "last_sync": at }),
        LinkState::Away { since, why } => json!({ "state": "away", "since": since, "why": why.to_string() }),
    };
    Ok(json!({
        "trust": identity.facts.trust_name,
        "hub": identity.facts.hub_address,
        "link": link,
        "clock_ahead_ms": skew_ms,
        "certificate_expires": identity.facts.certificate_expires,
        "health": site.health(now)?,
        "data_wrong": site.generations.current().err().map(|error| error_chain(&error)),
        "attention": pages::attention(site, now).into_iter().map(|one| one.text).collect::<Vec<_>>(),
        "threshold": site.desk.policy().threshold(),
        "shown_min": site.desk.policy().shown_min(),
        "waiting": site.journal.waiting_ids()?.len(),
        "outgoing": site.journal.outgoing_heads(flip_protocol::bounds::SYNC_LISTED)?.len(),
        "deliveries": deliveries(site),
        "refused": site.journal.counters("refused.")?.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
    }))
}

/// What became of the newest extracts of the watched folder; their reports are beside them.
fn deliveries(site: &Site) -> Vec<Value> {
    let newest = deliveries::newest(&site.config.watch, deliveries::TOLD).unwrap_or_default();
    let name = |became| match became {
        Became::Ingested => "ingested",
        Became::Refused => "refused",
        Became::Waits => "waits",
    };
    newest.into_iter().map(|one| json!({ "id": one.id, "became": name(one.became) })).collect()
}

/// The same for people.
pub fn to_text(status: &Value) -> String {
    let word = |path: &str| status.pointer(path).and_then(Value::as_str).unwrap_or("—").to_owned();
    let number = |path: &str| status.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let mut text = String::new();
    let mut line =
        |name: &str, value: String| writeln!(text, "{name:<12} {value}").expect("a String takes it all");
    line("Trust", word("/trust"));
    line("Hub", word("/hub"));
    line(
        "Link",
        match word("/link/state").as_str() {
            "away" => format!("away: {}", word("/link/why")),
            state => state.to_owned(),
        },
    );
    line(
        "Data",
        match word("/health/extract/generation").as_str() {
            "—" if status["data_wrong"].is_string() => word("/data_wrong"),
            "—" => "none yet; run: flip-appliance ingest DIR".to_owned(),
            generation => format!("{generation}, extract of {}", word("/health/extract/date")),
        },
    );
    line(
        "Threshold",
        format!("{} persons; counts leave from {} on", number("/threshold"), number("/shown_min")),
    );
    line("Orders", format!("{} waiting, {} answers on their way", number("/waiting"), number("/outgoing")));
    line("Version", word("/health/version"));
    for one in status["attention"].as_array().into_iter().flatten() {
        line("Attention", one.as_str().unwrap_or_default().to_owned());
    }
    text
}
