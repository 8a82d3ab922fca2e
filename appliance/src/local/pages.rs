//! The running appliance as page contexts.

mod attack;
mod data;
mod disclosure;
mod frozen;
mod look;
mod orders;

use flip_protocol::UnixMillis;
use flip_protocol::sync::Confinement;
use flip_web::pages::{self as web, Attention, Moment, Tone};
use serde::Deserialize;

use crate::bounds;
use crate::clock;
use crate::data::Generation;
use crate::deliveries;
use crate::desk::WEEK_MS;
use crate::engine::Sandbox;
use crate::site::{LinkState, Site};
use crate::uplink::error_chain;

pub use attack::attack;
pub use data::data;
pub use disclosure::disclosure;
pub use frozen::frozen;
pub use look::{audit, logs, policy};
pub use orders::{order, orders};

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
        link: link_of(link, now),
        certificate: Some(web::Certificate {
            expires: Moment::at(identity.facts.certificate_expires.0, now.0),
            overdue: overdue(site, now),
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

fn overdue(site: &Site, now: UnixMillis) -> bool {
    site.identity().should_renew(now.minus(bounds::RENEWAL_LOOK_MS * 2))
}

/// What a person should look at, the worst first.
pub(super) fn attention(site: &Site, now: UnixMillis) -> Vec<Attention> {
    let current = site.generations.current();
    let one = |tone, text: String, href: &str| Attention { tone, text, href: href.to_owned() };
    let mut found = Vec::new();
    match &current {
        Err(error) => {
            let text = format!("The data in use cannot be read: {}.", error_chain_of(error));
            found.push(one(Tone::Bad, text, "/data"));
        }
        Ok(None) => found.push(one(
            Tone::Warn,
            "There are no data yet, so no question can be answered.".to_owned(),
            "/data",
        )),
        Ok(Some(generation)) => {
            found.extend(age_of(generation, now).map(|text| one(Tone::Warn, text, "/data")));
        }
    }
    let newest = deliveries::newest(&site.config.watch, 1).unwrap_or_default();
    if let Some(refused) = newest.first().filter(|delivery| !delivery.ingested) {
        found.push(one(Tone::Bad, format!("The newest delivery, {}, was refused.", refused.id), "/data"));
    }
    if let (LinkState::Away { since, .. }, _) = site.link() {
        let since = Moment::at(since.0, now.0).relative;
        found.push(one(Tone::Bad, format!("The hub has been away since {since}."), "/logs?level=warn"));
    }
    if overdue(site, now) {
        found.push(one(
            Tone::Bad,
            "The certificate should have been renewed by now.".to_owned(),
            "/logs?level=warn",
        ));
    }
    if let Ok(health) = site.health(now)
        && health.disk_free_bytes < bounds::DISK_LOW_BYTES
    {
        let free = health.disk_free_bytes / (1024 * 1024);
        found.push(one(
            Tone::Warn,
            format!("The disk has {free} MiB free; drop generations that are not needed."),
            "/data",
        ));
    }
    if let Some(lacks) = site.sandbox().map(Sandbox::lacks).filter(|lacks| !lacks.is_empty()) {
        found.push(one(Tone::Warn, format!("The engine is not fully shut in: {lacks}."), "/policy"));
    }
    if let Ok(alerts) = site.desk.alerts(bounds::PAGE_ROWS)
        && let recent = alerts.iter().filter(|alert| now.since(alert.at) < WEEK_MS).count()
        && recent > 0
    {
        let text = format!("{} in the last week nearly the persons of an earlier one.", asked_about(recent));
        found.push(one(Tone::Warn, text, "/disclosure"));
    }
    if !site.desk.policy().loosened().is_empty() {
        let settings = site.desk.policy().loosened().join(", ");
        found.push(one(Tone::Warn, format!("The policy lets out more than is safe: {settings}."), "/policy"));
    }
    found.sort_by_key(|one| one.tone != Tone::Bad);
    found
}

fn asked_about(questions: usize) -> String {
    if questions == 1 {
        "One question asked about".to_owned()
    } else {
        format!("{questions} questions asked about")
    }
}

fn age_of(generation: &Generation, now: UnixMillis) -> Option<String> {
    let today = clock::day(now);
    let today = time::Date::parse(&today, &time::format_description::well_known::Iso8601::DATE).ok()?;
    let days = u64::try_from((today - generation.extract_day()?).whole_days()).ok()?;
    (days > bounds::EXTRACT_OLD_DAYS).then(|| {
        format!(
            "The data in use are {days} days old: the extract is of {}.",
            generation.manifest.extract_date
        )
    })
}

fn link_of(link: LinkState, now: UnixMillis) -> web::Link {
    match link {
        LinkState::Connected { at } => web::Link::Connected { last_sync: Moment::at(at.0, now.0) },
        LinkState::Away { since, why } => {
            web::Link::Away { since: Some(Moment::at(since.0, now.0)), error: why.to_string() }
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
    match sandbox.confinement() {
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
