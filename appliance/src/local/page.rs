//! The running appliance as the context of its page.

use flip_protocol::answer::CohortOutcome;
use flip_protocol::message::Sealed;
use flip_protocol::order::Work;
use flip_protocol::{MessageId, UnixMillis};
use flip_storage::journal::JournalError;
use flip_web::pages;
use flip_web::pages::Moment;

use crate::bounds;
use crate::clock;
use crate::cohort::HistoryLine;
use crate::data::{Generation, Note};
use crate::engine::Files;
use crate::inbox;
use crate::site::{LinkState, Site};

/// Seconds between two looks of the page.
const REFRESH_S: u32 = 5;

pub(super) fn of(site: &Site) -> Result<pages::Site, JournalError> {
    let now = clock::now();
    let identity = site.identity();
    let (link, skew_ms) = site.link();
    let mut orders = waiting(site, now)?;
    orders.extend(ended(site, now)?);
    orders.truncate(bounds::HISTORY_SHOWN);
    let mut counters = site.journal.counters("refused.")?;
    let by_hub = site.journal.counters("refused_by_hub.")?;
    counters.extend(
        by_hub.into_iter().map(|(name, times)| (format!("a result, refused by the hub: {name}"), times)),
    );
    Ok(pages::Site {
        frame: pages::Frame { version: env!("CARGO_PKG_VERSION").to_owned(), person: None },
        name: identity.facts.trust_name.clone(),
        hub_address: identity.facts.hub_address.clone(),
        clock: matches!(link, LinkState::Connected { .. })
            .then(|| pages::Clock { skew_ms, acceptable: skew_ms.unsigned_abs() <= bounds::CLOCK_SKEW_MS }),
        link: link_of(link, now),
        certificate: Some(pages::Certificate {
            expires: Moment::at(identity.facts.certificate_expires.0, now.0),
            overdue: identity.should_renew(now.minus(bounds::RENEWAL_LOOK_MS * 2)),
        }),
        data: site.generations.current().ok().flatten().map(|generation| data_of(generation, now)),
        policy: pages::Policy { threshold: site.config.policy.threshold() },
        engine: pages::EngineLimits {
            memory_mib: site.config.memory_mb,
            threads: u64::from(site.config.threads.get()),
            time_seconds: site.config.timeout.as_secs(),
            rows: site.config.rows_max,
        },
        sandbox: sandbox_of(site),
        orders,
        refused_messages: counters
            .into_iter()
            .map(|(name, count)| pages::Counter { reason: name.replace('_', " "), count })
            .collect(),
        refresh_seconds: Some(REFRESH_S),
    })
}

fn link_of(link: LinkState, now: UnixMillis) -> pages::Link {
    match link {
        LinkState::Connected { at } => pages::Link::Connected { last_sync: Moment::at(at.0, now.0) },
        LinkState::Away { since, why } => {
            pages::Link::Away { since: Some(Moment::at(since.0, now.0)), error: why.to_string() }
        }
        LinkState::Untried => {
            pages::Link::Away { since: None, error: "the first sync is under way".to_owned() }
        }
    }
}

fn data_of(generation: Generation, now: UnixMillis) -> pages::Data {
    let manifest = generation.manifest;
    pages::Data {
        persons: manifest.rows("person").unwrap_or_default(),
        generation: generation.name,
        extract_date: manifest.extract_date,
        ingested: Moment::at(manifest.ingested_at_ms, now.0),
        tables: manifest
            .tables
            .into_iter()
            .filter(|table| table.rows > 0)
            .map(|table| pages::Table { name: table.table, rows: table.rows })
            .collect(),
        notes: notes_of(manifest.notes),
    }
}

/// The notes, those of the same words in one line.
fn notes_of(notes: Vec<Note>) -> Vec<String> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for note in notes {
        match lines.iter_mut().find(|(text, _)| *text == note.text) {
            Some((_, about)) => about.push(note.about),
            None => lines.push((note.text, vec![note.about])),
        }
    }
    lines.into_iter().map(|(text, about)| format!("{}: {text}", about.join(", "))).collect()
}

fn sandbox_of(site: &Site) -> pages::Sandbox {
    let missing = match site.sandbox().map(|sandbox| sandbox.files) {
        Some(Files::Confined) => return pages::Sandbox::Full,
        Some(Files::PartlyConfined) => "the kernel knows only some of Landlock's rules",
        Some(Files::NotConfined) => {
            "the kernel has no Landlock; resource limits and DuckDB's own locks hold all the same"
        }
        None => "known once the first question has run",
    };
    pages::Sandbox::Partial { missing: missing.to_owned() }
}

fn waiting(site: &Site, now: UnixMillis) -> Result<Vec<pages::Order>, JournalError> {
    let identity = site.identity();
    let orders = site.journal.waiting()?;
    Ok(orders
        .into_iter()
        .rev()
        .map(|waiting| {
            let order = MessageId::from_bytes(waiting.id);
            let opened = Sealed::parse(waiting.message)
                .and_then(|sealed| inbox::open(&identity, &sealed, site.hub_clock(now)));
            let (name, sql) = match opened {
                Ok(Work::CohortQuery { name, sql, project: _ }) => (name, sql),
                Err(reason) => (format!("(cannot be opened: {reason})"), String::new()),
            };
            let running = site.is_running(order).is_some();
            pages::Order {
                id: order.to_string(),
                at: Moment::at(waiting.received_ms, now.0),
                kind: "cohort query".to_owned(),
                name,
                sql,
                outcome: if running { pages::Outcome::Running } else { pages::Outcome::Waiting },
                delivery: pages::Delivery::Nothing,
            }
        })
        .collect())
}

fn ended(site: &Site, now: UnixMillis) -> Result<Vec<pages::Order>, JournalError> {
    let outgoing: Vec<MessageId> = site
        .journal
        .outgoing(flip_protocol::bounds::SYNC_LISTED)?
        .into_iter()
        .map(|result| MessageId::from_bytes(result.order))
        .collect();
    let lines = site.journal.history(bounds::HISTORY_SHOWN)?;
    let lines = lines.iter().filter_map(|line| serde_json::from_slice::<HistoryLine>(line).ok());
    Ok(lines
        .map(|line| pages::Order {
            id: line.order.to_string(),
            at: Moment::at(line.received.0, now.0),
            kind: "cohort query".to_owned(),
            name: line.name,
            sql: line.sql,
            delivery: match &line.left {
                None => pages::Delivery::Nothing,
                Some(_) if outgoing.contains(&line.order) => pages::Delivery::Outbox,
                Some(_) => pages::Delivery::Received,
            },
            outcome: outcome_of(line.left),
        })
        .collect())
}

fn outcome_of(left: Option<CohortOutcome>) -> pages::Outcome {
    match left {
        Some(CohortOutcome::Value(answer)) => pages::Outcome::Released { persons: answer.persons },
        Some(CohortOutcome::FewerThan { threshold, .. }) => pages::Outcome::FewerThan { threshold },
        Some(CohortOutcome::Refused(refused)) => pages::Outcome::Refused {
            message: refused.message,
            place: refused.place.map(|place| pages::Place { line: place.line, column: place.column }),
        },
        Some(CohortOutcome::Failed { reason }) => {
            pages::Outcome::Failed { why: reason.sentence().to_owned() }
        }
        None => pages::Outcome::Expired,
    }
}
