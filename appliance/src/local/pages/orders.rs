//! The orders that wait, run and have ended, and what left for each.

use std::fmt::Write as _;

use flip_protocol::answer::{CohortAnswer, CohortOutcome, Unit};
use flip_protocol::freeze::{DropOutcome, FreezeOutcome, Freezing};
use flip_protocol::message::Sealed;
use flip_protocol::order::{Outcome, Work};
use flip_protocol::{MessageId, UnixMillis};
use flip_storage::error_chain;
use flip_web::chart::{Bar, Category, Chart};
use flip_web::pages::{self as web, Moment};

use super::{Asked, REFRESH_S, frame};
use crate::bounds;
use crate::clock;
use crate::cohort::HistoryLine;
use crate::inbox;
use crate::site::Site;

/// The kinds of orders, in plain words.
const QUERY: &str = "cohort query";
const FREEZE: &str = "freeze a cohort";
const DROP: &str = "drop frozen cohorts";
/// Lines of history that are looked through: all that the journal keeps.
const HISTORY: usize = 1_000;

/// A page of the list.
pub fn orders(site: &Site, asked: &Asked) -> Result<web::SiteOrders, String> {
    let filter = web::OrderFilter { words: asked.words(), outcome: asked.outcome.chars().take(20).collect() };
    let mut orders = all(site, clock::now())?;
    let words = filter.words.to_lowercase();
    orders.retain(|order| {
        (filter.outcome.is_empty() || name_of(&order.outcome) == filter.outcome)
            && (words.is_empty()
                || order.name.to_lowercase().contains(&words)
                || order.project.as_ref().is_some_and(|project| project.contains(&words))
                || order.sql.to_lowercase().contains(&words))
    });
    let found = orders.len();
    let last = found.div_ceil(bounds::PAGE_ROWS).max(1);
    let page = asked.page.parse().unwrap_or(1).clamp(1, last);
    let href = |page: usize| {
        let words = encoded(&filter.words);
        format!("/orders?page={page}&words={words}&outcome={}", encoded(&filter.outcome))
    };
    Ok(web::SiteOrders {
        frame: frame(site),
        orders: orders.into_iter().skip((page - 1) * bounds::PAGE_ROWS).take(bounds::PAGE_ROWS).collect(),
        found: found as u64,
        newer_href: (page > 1).then(|| href(page - 1)),
        older_href: (page < last).then(|| href(page + 1)),
        filter,
        refresh_seconds: Some(REFRESH_S),
    })
}

/// One order, with all that left for it; `None` where it is not known (any more).
pub fn order(site: &Site, id: &str) -> Result<Option<web::SiteOrder>, String> {
    let now = clock::now();
    let Some(order) = all(site, now)?.into_iter().find(|order| order.id == id) else { return Ok(None) };
    let line = history(site)?.into_iter().find(|line| line.order.to_string() == id);
    let (left, freezing, dropped) =
        line.map(|line| (line.left, line.freezing, line.dropped)).unwrap_or_default();
    let exactly = match dropped {
        Some(dropped) => serde_json::to_string_pretty(&Outcome::DropFreeze(dropped)).ok(),
        None => left.clone().and_then(|cohort| sealed(cohort, freezing)),
    };
    let released = match left {
        Some(CohortOutcome::Value(answer)) => Some(released_of(&site.identity().facts.trust_name, answer)),
        Some(CohortOutcome::FewerThan { .. } | CohortOutcome::Refused(_) | CohortOutcome::Failed { .. })
        | None => None,
    };
    Ok(Some(web::SiteOrder { frame: frame(site), order, released, exactly }))
}

/// The outcome as it was sealed to the hub.
fn sealed(cohort: CohortOutcome, freezing: Option<Freezing>) -> Option<String> {
    let outcome = match freezing {
        Some(freezing) => Outcome::FreezeCohort(FreezeOutcome { cohort, freezing }),
        None => Outcome::CohortQuery(cohort),
    };
    serde_json::to_string_pretty(&outcome).ok()
}

/// All that the journal knows, newest first.
pub(super) fn all(site: &Site, now: UnixMillis) -> Result<Vec<web::Order>, String> {
    let mut orders = waiting(site, now)?;
    orders.extend(ended(site, now)?);
    Ok(orders)
}

fn waiting(site: &Site, now: UnixMillis) -> Result<Vec<web::Order>, String> {
    let identity = site.identity();
    let orders = site.journal.waiting().map_err(|error| error_chain(&error))?;
    let waiting = orders.into_iter().rev().map(|waiting| {
        let order = MessageId::from_bytes(waiting.id);
        let opened = Sealed::parse(waiting.message)
            .and_then(|sealed| inbox::open(&identity, &sealed, site.hub_clock(now)));
        let (kind, name, sql, project) = match opened {
            Ok(Work::CohortQuery { name, sql, project }) => (QUERY, name, sql, project),
            Ok(Work::FreezeCohort { name, sql, project, query: _ }) => (FREEZE, name, sql, project),
            Ok(Work::DropFreeze { name, project, query: _ }) => (DROP, name, String::new(), project),
            Err(reason) => ("order", format!("(cannot be opened: {reason})"), String::new(), None),
        };
        let running = site.is_running(order).is_some();
        web::Order {
            id: order.to_string(),
            href: format!("/orders/{order}"),
            at: Moment::at(waiting.received_ms, now.0),
            kind: kind.to_owned(),
            name,
            project: project.map(|project| project.to_string()),
            sql,
            outcome: if running { web::Outcome::Running } else { web::Outcome::Waiting },
            delivery: web::Delivery::Nothing,
        }
    });
    Ok(waiting.collect())
}

fn ended(site: &Site, now: UnixMillis) -> Result<Vec<web::Order>, String> {
    let outgoing = site
        .journal
        .outgoing_heads(flip_protocol::bounds::SYNC_LISTED)
        .map_err(|error| error_chain(&error))?;
    let outgoing: Vec<MessageId> =
        outgoing.into_iter().map(|result| MessageId::from_bytes(result.order)).collect();
    let not_taken = site.journal.not_taken().map_err(|error| error_chain(&error))?;
    let orders = history(site)?.into_iter().map(|line| web::Order {
        id: line.order.to_string(),
        href: format!("/orders/{}", line.order),
        at: Moment::at(line.received.0, now.0),
        kind: match (&line.freezing, line.dropped) {
            (_, Some(_)) => DROP,
            (Some(_), None) => FREEZE,
            (None, None) => QUERY,
        }
        .to_owned(),
        name: line.name.clone(),
        project: line.project.map(|project| project.to_string()),
        sql: line.sql.clone(),
        delivery: match (&line.left, line.dropped) {
            (None, None) => web::Delivery::Nothing,
            (Some(_), _) | (_, Some(_)) if outgoing.contains(&line.order) => web::Delivery::Outbox,
            (Some(_), _) | (_, Some(_)) => match not_taken.get(&line.order.bytes()) {
                Some(why) => web::Delivery::NotTaken { why: why.replace('_', " ") },
                None => web::Delivery::Received,
            },
        },
        outcome: outcome_of(line),
    });
    Ok(orders.collect())
}

fn history(site: &Site) -> Result<Vec<HistoryLine>, String> {
    let lines = site.journal.history(HISTORY).map_err(|error| error_chain(&error))?;
    Ok(lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

fn outcome_of(line: HistoryLine) -> web::Outcome {
    match line.dropped {
        Some(DropOutcome::Dropped { versions }) => {
            return web::Outcome::Dropped { versions: u64::from(versions) };
        }
        Some(DropOutcome::NotDropped) => {
            let why = "what was frozen could not be dropped; the log says why".to_owned();
            return web::Outcome::Failed { why };
        }
        None if line.withdrawn => return web::Outcome::Withdrawn,
        None => {}
    }
    match line.left {
        Some(CohortOutcome::Value(answer)) => match &line.freezing {
            Some(Freezing::Frozen(_)) => web::Outcome::Frozen { persons: answer.persons },
            Some(Freezing::NotFrozen { reason }) => {
                web::Outcome::NotFrozen { persons: answer.persons, why: reason.sentence().to_owned() }
            }
            None => web::Outcome::Released { persons: answer.persons },
        },
        Some(CohortOutcome::FewerThan { threshold, .. }) => web::Outcome::FewerThan { threshold },
        Some(CohortOutcome::Refused(refused)) => web::Outcome::Refused {
            message: refused.message,
            place: refused.place.map(|place| web::Place { line: place.line, column: place.column }),
        },
        Some(CohortOutcome::Failed { reason }) => web::Outcome::Failed { why: reason.sentence().to_owned() },
        None => web::Outcome::Expired,
    }
}

/// As the filter names it.
fn name_of(outcome: &web::Outcome) -> &'static str {
    match outcome {
        web::Outcome::Waiting | web::Outcome::Running => "waiting",
        web::Outcome::Released { .. } => "released",
        web::Outcome::Frozen { .. } => "frozen",
        web::Outcome::NotFrozen { .. } => "not_frozen",
        web::Outcome::FewerThan { .. } => "fewer_than",
        web::Outcome::Refused { .. } => "refused",
        web::Outcome::Failed { .. } => "failed",
        web::Outcome::Expired => "expired",
        web::Outcome::Withdrawn => "withdrawn",
        web::Outcome::Dropped { .. } => "dropped",
    }
}

fn released_of(trust: &str, answer: CohortAnswer) -> web::Released {
    let charts = answer.fields.into_iter().enumerate().map(|(number, field)| Chart {
        id: format!("left-{number}"),
        title: field.name,
        unit: match field.unit {
            Unit::Persons | Unit::Records | Unit::Images => field.unit.name().to_owned(),
        },
        series: vec![trust.to_owned()],
        categories: field
            .cells
            .into_iter()
            .map(|cell| Category {
                label: cell.label,
                bars: vec![cell.count.map_or(Bar::Withheld, Bar::Count)],
            })
            .collect(),
    });
    web::Released {
        persons: answer.persons,
        persons_margin: answer.protection.map(|own| own.persons_margin),
        records: answer.records,
        records_margin: answer.protection.map(|own| own.records_margin),
        extract: format!("{} of {}", answer.extract.generation, answer.extract.date),
        charts: charts.collect(),
    }
}

/// Text as it stands in an address (RFC 3986, the unreserved characters as they are).
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes it all");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn words_in_an_address_cannot_leave_their_place() {
        assert_eq!(encoded("a b&c=ä\"<#"), "a%20b%26c%3D%C3%A4%22%3C%23");
    }
}
