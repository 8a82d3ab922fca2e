//! The running appliance as page contexts.

mod attack;
mod data;
mod disclosure;
mod frozen;
mod look;
mod orders;
mod projects;

use flip_protocol::UnixMillis;
use flip_protocol::sync::Confinement;
use flip_storage::error_chain;
use flip_web::pages::{self as web, Attention, Moment};
use serde::Deserialize;

use crate::bounds;
use crate::clock;
use crate::concerns;
use crate::data::Generation;
use crate::engine::confinement;
use crate::site::{LinkState, Site};

pub use attack::attack;
pub use data::data;
pub use disclosure::disclosure;
pub use frozen::frozen;
pub use look::{act, audit, logs, policy};
pub use orders::{order, orders};
pub use projects::projects;

/// Seconds between two looks of a page.
const REFRESH_S: u32 = 5;

/// What a filter asks for; what is not right in it is left out.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    words: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    level: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    verify: String,
}

impl Asked {
    /// The words that are looked for, within bounds.
    fn words(&self) -> String {
        self.words.trim().chars().take(bounds::WORDS_CHARACTERS).collect()
    }
}

/// What surrounds every page.
pub fn frame(site: &Site) -> web::Frame {
    web::Frame {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        person: None,
        site: Some(site.identity().facts.trust_name.clone()),
        notices: Vec::new(),
    }
}

/// The overview.
pub fn overview(site: &Site) -> Result<web::Site, String> {
    let now = clock::now();
    let identity = site.identity();
    let (link, skew_ms) = site.link();
    let current = site.generations.current();
    let orders = orders::all(site, now)?.into_iter().take(bounds::ORDERS_AT_A_GLANCE);
    Ok(web::Site {
        frame: frame(site),
        name: identity.facts.trust_name.clone(),
        hub_address: identity.facts.hub_address.clone(),
        clock: matches!(link, LinkState::Connected { .. })
            .then(|| web::Clock { skew_ms, acceptable: skew_ms.unsigned_abs() <= bounds::CLOCK_SKEW_MS }),
        attention: attention(site, now),
        link: link_of(link, site.config.network, now),
        certificate: Some(web::Certificate {
            expires: Moment::at(identity.facts.certificate_expires.0, now.0),
            overdue: concerns::overdue(site, now),
        }),
        data_wrong: current.as_ref().err().map(error_chain_of),
        data: current.ok().flatten().map(|generation| in_use(generation, now)),
        engine: engine_of(site),
        sandbox: sandbox_of(site),
        orders: orders.collect(),
        refused_messages: refused(site)?,
        refresh_seconds: Some(REFRESH_S),
    })
}

fn error_chain_of(error: &crate::data::GenerationsError) -> String {
    error_chain(error)
}

/// What a person should look at, the worst first.
pub(super) fn attention(site: &Site, now: UnixMillis) -> Vec<Attention> {
    let all = concerns::of(site, now).into_iter();
    all.map(|one| Attention { tone: one.tone, text: one.text, href: one.href.to_owned() }).collect()
}

fn link_of(link: LinkState, network: bool, now: UnixMillis) -> web::Link {
    match link {
        LinkState::Connected { at } => web::Link::Connected { last_sync: Moment::at(at.0, now.0) },
        LinkState::Away { since, why } => {
            web::Link::Away { since: Some(Moment::at(since.0, now.0)), error: why.to_string() }
        }
        LinkState::Untried if !network => {
            let error = "this Trust has no network; sticks carry its work".to_owned();
            web::Link::Away { since: None, error }
        }
        LinkState::Untried => {
            web::Link::Away { since: None, error: "the first sync is under way".to_owned() }
        }
    }
}

fn in_use(generation: Generation, now: UnixMillis) -> web::DataInUse {
    web::DataInUse {
        persons: generation.manifest.rows("person").unwrap_or_default(),
        generation: generation.name,
        extract_date: generation.manifest.extract_date,
        ingested: Moment::at(generation.manifest.ingested_at_ms, now.0),
    }
}

fn engine_of(site: &Site) -> web::EngineLimits {
    web::EngineLimits {
        memory_mib: site.config.memory_mb,
        threads: u64::from(site.config.threads.get()),
        time_seconds: site.config.timeout.as_secs(),
        rows: site.config.rows_max,
    }
}

fn sandbox_of(site: &Site) -> web::Sandbox {
    let Some(sandbox) = site.sandbox() else {
        return web::Sandbox::Partial { missing: "known once an engine has started".to_owned() };
    };
    match confinement(sandbox) {
        Confinement::Full => web::Sandbox::Full,
        Confinement::Partial => web::Sandbox::Partial { missing: sandbox.lacks() },
        Confinement::None => web::Sandbox::Absent {
            why: format!("{}; resource limits and DuckDB's own locks hold all the same", sandbox.lacks()),
        },
    }
}

fn refused(site: &Site) -> Result<Vec<web::Counter>, String> {
    let of = |prefix: &str| site.journal.counters(prefix).map_err(|error| error_chain(&error));
    let by_hub = of("refused_by_hub.")?;
    let by_hub =
        by_hub.into_iter().map(|(name, count)| (format!("a result, refused by the hub: {name}"), count));
    let all = of("refused.")?.into_iter().chain(by_hub);
    Ok(all.map(|(name, count)| web::Counter { reason: name.replace('_', " "), count }).collect())
}
