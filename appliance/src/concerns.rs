//! What somebody at the Trust should look at: for the local console, `status`, and in few words the hub.
//!
//! What must stay true: the hub hears of no alert, for it would tell who asks what others have asked.

use flip_protocol::UnixMillis;
use flip_protocol::sync::Concern;
use flip_storage::confine::Held;
use flip_storage::error_chain;
use flip_web::pages::{Moment, Tone};

use crate::bounds;
use crate::clock;
use crate::data::Generation;
use crate::deliveries::{self, Became};
use crate::desk::WEEK_MS;
use crate::site::{LinkState, Site};

/// One thing to look at.
pub struct Found {
    /// How bad it is.
    pub tone: Tone,
    /// What it is and what to do.
    pub text: String,
    /// The page of the local console that says more.
    pub href: &'static str,
    /// What the hub hears of it.
    pub told: Option<Concern>,
}

/// What a person should look at, the worst first.
pub fn of(site: &Site, now: UnixMillis) -> Vec<Found> {
    let mut found = Vec::new();
    let mut look = |tone, told, text: String, href| found.push(Found { tone, text, href, told });
    match &site.generations.current() {
        Err(error) => {
            let text = format!("The data in use cannot be read: {}.", error_chain(error));
            look(Tone::Bad, Some(Concern::DataDamaged), text, "/data");
        }
        Ok(None) => {
            let text = "There are no data yet, so no question can be answered.".to_owned();
            look(Tone::Warn, Some(Concern::NoData), text, "/data");
        }
        Ok(Some(generation)) => {
            if let Some(text) = age_of(generation, now) {
                look(Tone::Warn, Some(Concern::DataOld), text, "/data");
            }
        }
    }
    let newest = deliveries::newest(&site.config.watch, 1).unwrap_or_default();
    match newest.first().map(|delivery| (delivery.became, &delivery.id)) {
        Some((Became::Refused, id)) => {
            let text = format!("The newest delivery, {id}, was refused.");
            look(Tone::Bad, Some(Concern::DeliveryRefused), text, "/data");
        }
        Some((Became::Waits, id)) => {
            let text = format!("The newest delivery, {id}, was not ingested yet; it is tried again.");
            look(Tone::Bad, None, text, "/data");
        }
        Some((Became::Ingested, _)) | None => {}
    }
    if let Some(file) = deliveries::loose(&site.config.watch) {
        let text = format!(
            "{file} lies in the watched folder itself and is not taken: put an extract's files into a folder there."
        );
        look(Tone::Warn, None, text, "/data");
    }
    if let Some(wrong) = site.watch_wrong() {
        let text = format!("The watched folder does not work, and is tried again: {wrong}.");
        look(Tone::Bad, None, text, "/data");
    }
    if let (LinkState::Away { since, .. }, _) = site.link() {
        let since = Moment::at(since.0, now.0).relative;
        look(Tone::Bad, None, format!("The hub has been away since {since}."), "/logs?level=warn");
    }
    if overdue(site, now) {
        let text = "The certificate should have been renewed by now.".to_owned();
        look(Tone::Bad, Some(Concern::CertificateOverdue), text, "/logs?level=warn");
    }
    let free = site.disk().map_or(u64::MAX, |(free, _)| free);
    if free < bounds::DISK_LOW_BYTES {
        let free = free / (1024 * 1024);
        let text = format!("The disk has {free} MiB free; drop generations that are not needed.");
        look(Tone::Warn, Some(Concern::DiskLow), text, "/data");
    }
    if let Some(lacks) = site.sandbox().map(Held::lacks).filter(|lacks| !lacks.is_empty()) {
        let text = format!("The engine is not fully shut in: {lacks}.");
        look(Tone::Warn, Some(Concern::EngineNotConfined), text, "/policy");
    }
    if let Ok(alerts) = site.desk.alerts(bounds::PAGE_ROWS)
        && let recent = alerts.iter().filter(|alert| now.since(alert.at) < WEEK_MS).count()
        && recent > 0
    {
        let text = format!("{} in the last week nearly the persons of an earlier one.", asked_about(recent));
        look(Tone::Warn, None, text, "/disclosure");
    }
    if !site.desk.policy().loosened().is_empty() {
        let settings = site.desk.policy().loosened().join(", ");
        let text = format!("The policy lets out more than is safe: {settings}.");
        look(Tone::Warn, Some(Concern::PolicyLoosened), text, "/policy");
    }
    found.sort_by_key(|one| one.tone != Tone::Bad);
    found
}

/// Whether the certificate should have been renewed by now.
pub fn overdue(site: &Site, now: UnixMillis) -> bool {
    site.identity().should_renew(now.minus(bounds::RENEWAL_LOOK_MS * 2))
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
