//! The frozen cohorts, the tokens that open them, and who read what.

use std::collections::HashMap;

use flip_storage::audit::Entry;
use flip_storage::error_chain;
use flip_web::pages::{self as web, Moment, Tone};
use flip_web::thousands;
use serde_json::Value;

use super::frame;
use crate::bounds;
use crate::clock;
use crate::frozen::{Drift, Facts, Listed};
use crate::site::Site;

/// The page; `said` is what came of a change.
pub fn frozen(site: &Site, said: Option<web::Said>) -> Result<web::SiteFrozen, String> {
    let now = clock::now();
    let mut cohorts = Vec::new();
    let mut unreadable = Vec::new();
    for listed in site.frozen.list().map_err(|error| error_chain(&error))? {
        match listed {
            Listed::Version(facts) => cohorts.push((facts.frozen, cohort(&facts, now.0))),
            Listed::Unreadable(_, error) => unreadable.push(error_chain(&error)),
        }
    }
    cohorts.sort_by(|(one, _), (other, _)| other.cmp(one));
    let tokens = site.tokens.list(now).map_err(|error| error_chain(&error))?;
    let tokens = tokens.into_iter().take(bounds::PAGE_ROWS).map(|token| web::ReadToken {
        state: token.state(now).to_owned(),
        id: token.id,
        label: token.label,
        cohort: token.cohort.to_string(),
        expires: Moment::at(token.expires.0, now.0),
    });
    let acts = site.audit.newest(bounds::READS_LOOKED_AT).map_err(|error| error_chain(&error))?;
    Ok(web::SiteFrozen {
        frame: frame(site),
        said,
        cohorts: cohorts.into_iter().map(|(_, cohort)| cohort).collect(),
        unreadable,
        tokens: tokens.collect(),
        reads: reads(&acts, now.0),
    })
}

fn cohort(facts: &Facts, now_ms: u64) -> web::FrozenCohort {
    web::FrozenCohort {
        name: facts.name.to_string(),
        title: facts.title.clone(),
        sql: facts.sql.clone(),
        project: facts.project.map(|project| project.to_string()),
        ordered: facts.order.is_some(),
        frozen: Moment::at(facts.frozen.0, now_ms),
        extract: format!("{} of {}", facts.extract.generation, facts.extract.date),
        persons: facts.persons,
        accessions: facts.accessions,
        drift: facts.drift.as_ref().map(words_of).unwrap_or_default(),
        dropped: facts.dropped.as_ref().map(|dropped| (Moment::at(dropped.at.0, now_ms), dropped.by.clone())),
    }
}

fn words_of(drift: &Drift) -> Vec<String> {
    let mut lines = vec![format!(
        "Since version {} on {} of {}",
        drift.from_version, drift.from.generation, drift.from.date
    )];
    for (what, moves) in [("persons", drift.persons), ("accession ids", drift.accessions)] {
        if moves.kept + moves.gained + moves.lost > 0 {
            let (kept, gained, lost) =
                (thousands(moves.kept), thousands(moves.gained), thousands(moves.lost));
            lines.push(format!("{kept} {what} kept, {gained} gained, {lost} lost"));
        }
    }
    lines
}

/// The reads among the acts, which are the newest first, each with its end where that is among them.
fn reads(acts: &[Entry], now_ms: u64) -> Vec<web::Read> {
    let ends: HashMap<u64, &Value> = acts
        .iter()
        .filter(|act| act.act == "frozen_read_ended")
        .filter_map(|act| Some((act.facts["read"].as_u64()?, &act.facts)))
        .collect();
    let begun = acts.iter().filter(|act| act.act == "frozen_read").take(bounds::PAGE_ROWS);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let read = |act: &Entry| {
        let end = ends.get(&act.number);
        let outcome = end.map(|end| text(&end["outcome"]).replace('_', " "));
        let label = text(&act.facts["label"]);
        web::Read {
            at: Moment::at(act.at_ms, now_ms),
            what: text(&act.facts["what"]).replace('_', " "),
            cohort: text(&act.facts["cohort"]),
            by: if label.is_empty() { text(&act.facts["token"]) } else { label },
            tone: match outcome.as_deref() {
                None => Tone::Wait,
                Some("whole") => Tone::Good,
                Some(_) => Tone::Warn,
            },
            outcome,
            rows: end.and_then(|end| end["rows"].as_u64()),
            bytes: end.and_then(|end| end["bytes"].as_u64()),
        }
    };
    begun.map(read).collect()
}
