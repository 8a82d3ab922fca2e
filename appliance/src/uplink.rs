//! The two threads that talk to the hub: one polls and waits for work, one sends results the moment they are there.
//!
//! What must stay true: neither thread ever works on an order, so the heartbeat goes on while one runs; a result is
//! sent until the hub has acknowledged it; when the hub is away the pauses grow, with jitter, up to
//! [`bounds::PAUSE_LAST_MS`].

use std::sync::Arc;
use std::time::Duration;

use flip_protocol::enrolment::{EnrolResponse, RENEW_PATH, RenewRequest};
use flip_protocol::sync::{self, SyncRequest, SyncResponse};
use flip_protocol::{MessageId, bounds as wire, text};
use flip_storage::journal::{Id, JournalError};

use crate::bounds;
use crate::clock;
use crate::identity::{Identity, IdentityError};
use crate::inbox;
use crate::link::{Link, LinkError};
use crate::site::Site;

/// Why a round trip did not happen.
#[derive(Debug, thiserror::Error)]
enum TripError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// What one round trip is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// Wait for work.
    Poll,
    /// Send results now.
    Send,
}

/// How long the sending thread waits for a ring before it looks by itself.
const IDLE: Duration = Duration::from_secs(5);

/// Polls until the appliance stops.
pub fn poll(site: &Arc<Site>) {
    let mut pause = Pause::default();
    let mut received = Vec::new();
    let mut next_renewal_look = 0;
    let mut link = None;
    while !site.is_stopping() {
        if clock::now().0 >= next_renewal_look {
            next_renewal_look = clock::now().plus(bounds::RENEWAL_LOOK_MS).0;
            if renew_if_due(site) {
                link = None;
            }
        }
        match round_trip(site, &mut link, Lane::Poll, &mut received) {
            Ok(()) => pause = Pause::default(),
            Err(error) => {
                link = None;
                note(site, error);
                site_sleep(site, pause.next());
            }
        }
    }
}

/// Sends results as they come, and word of orders that take long, until the appliance stops. A failure is left to the polling thread, which knows when
/// the hub is back and then rings.
pub fn send(site: &Arc<Site>) {
    let mut heard = 0;
    let mut link = None;
    while !site.is_stopping() {
        let waiting = site.journal.outgoing(1).is_ok_and(|results| !results.is_empty());
        let report_due_ms = site.report_due_ms(clock::now());
        if (waiting || report_due_ms == Some(0)) && site.is_connected() {
            match round_trip(site, &mut link, Lane::Send, &mut Vec::new()) {
                Ok(()) => continue,
                Err(error) => {
                    link = None;
                    note(site, error);
                }
            }
        }
        let patience = report_due_ms.filter(|due| *due > 0).map_or(IDLE, Duration::from_millis);
        heard = site.bell.wait(heard, patience);
    }
}

fn note(site: &Site, error: TripError) {
    match error {
        TripError::Link(error) => site.away(error, clock::now()),
        TripError::Journal(error) => tracing::error!(error = error_chain(&error), "the journal failed"),
        TripError::Identity(error) => tracing::error!(error = error_chain(&error), "the identity failed"),
    }
}

fn round_trip(
    site: &Site,
    link: &mut Option<Link>,
    lane: Lane,
    received: &mut Vec<MessageId>,
) -> Result<(), TripError> {
    let identity = site.identity();
    let link = match link {
        Some(link) => link,
        None => link.insert(connect(&identity)?),
    };
    let now = clock::now();
    let wait_ms = match lane {
        Lane::Poll if site.is_connected() => wire::LONG_POLL_MS,
        // The first round trip after a silence is short, so that people soon see that the link is back.
        Lane::Poll => 1,
        Lane::Send => 0,
    };
    let holding = site.holding()?;
    let waiting = holding.iter().filter(|held| held.stage != sync::Stage::Answered).count();
    let room = bounds::ORDERS_WAITING.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX));
    let results = site.journal.outgoing(bounds::RESULTS_AT_ONCE)?;
    let request = SyncRequest {
        received: received.clone(),
        refused: if lane == Lane::Poll { site.refused() } else { Vec::new() },
        holding,
        results: results.iter().map(|result| text::encode(&result.message)).collect(),
        health: site.health(now)?,
        wait_ms,
        room: if lane == Lane::Poll { room } else { 0 },
    };
    let response: SyncResponse = link.post(sync::PATH, &request, Duration::from_millis(wait_ms), now)?;
    site.connected(response.hub_time, clock::now());
    site.told(&request.refused);
    site.reported(&request.holding);
    received.clear();
    settle(site, &response)?;
    let taken = inbox::take(&site.journal, &identity, &response.orders, clock::now())?;
    received.extend(taken.received);
    site.note_refused(taken.refused);
    if taken.new > 0 || wait_ms == 1 {
        site.bell.ring();
    }
    Ok(())
}

fn connect(identity: &Identity) -> Result<Link, TripError> {
    let ends = identity.facts.certificate_expires;
    if clock::now() >= ends {
        return Err(LinkError::OwnCertificateEnded { ended: clock::readable(ends) }.into());
    }
    let client = Some((identity.certificate.as_str(), &identity.keys.tls));
    Ok(Link::new(&identity.facts.hub_address, &identity.ca_der()?, client)?)
}

/// Forgets results that the hub has stored, and those that it will never take.
fn settle(site: &Site, response: &SyncResponse) -> Result<(), JournalError> {
    let mut settled: Vec<Id> = response.acknowledged.iter().map(|id| id.bytes()).collect();
    for refused in &response.refused {
        tracing::error!(result = %refused.message, reason = refused.reason.name(), "the hub refused a result");
        site.journal.count(&format!("refused_by_hub.{}", refused.reason.name()))?;
        settled.push(refused.message.bytes());
    }
    site.journal.settled(&settled)
}

/// Renews the certificate where two thirds of its life are over; true where it did.
fn renew_if_due(site: &Site) -> bool {
    let now = clock::now();
    let identity = site.identity();
    if !identity.should_renew(now) {
        return false;
    }
    match renew(site, &identity) {
        Ok(()) => {
            tracing::info!("the certificate was renewed");
            true
        }
        Err(error) => {
            tracing::warn!(error = error_chain(&error), "the certificate could not be renewed; trying again");
            false
        }
    }
}

fn renew(site: &Site, identity: &Identity) -> Result<(), TripError> {
    let now = clock::now();
    let request =
        RenewRequest { certificate_request: identity.keys.certificate_request(identity.facts.trust)? };
    let answer: EnrolResponse = connect(identity)?.post(RENEW_PATH, &request, Duration::ZERO, now)?;
    let mut renewed = Identity::load(site.place.folder())?;
    renewed.renew(answer, now)?;
    site.replace_identity(renewed);
    Ok(())
}

/// An error with its causes, for a log line.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn site_sleep(site: &Site, time: Duration) {
    let until = std::time::Instant::now() + time;
    while !site.is_stopping() && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50).min(time));
    }
}

/// Pauses that double, each drawn from its upper half.
#[derive(Default)]
struct Pause {
    failures: u32,
}

impl Pause {
    fn next(&mut self) -> Duration {
        let full =
            bounds::PAUSE_FIRST_MS.saturating_mul(1 << self.failures.min(16)).min(bounds::PAUSE_LAST_MS);
        self.failures += 1;
        let jitter = u64::from(u16::from_le_bytes(clock::random_bytes()));
        Duration::from_millis(full / 2 + full / 2 * jitter / u64::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_jitter_and_stay_bounded() {
        let mut pause = Pause::default();
        let pauses: Vec<u128> = (0..40).map(|_| pause.next().as_millis()).collect();
        let first = u128::from(bounds::PAUSE_FIRST_MS);
        let last = u128::from(bounds::PAUSE_LAST_MS);
        assert!((first / 2..=first).contains(&pauses[0]), "{pauses:?}");
        assert!(pauses[20..].iter().all(|pause| (last / 2..=last).contains(pause)), "{pauses:?}");
        assert!(pauses[20..].iter().any(|pause| *pause != pauses[39]), "no jitter: {pauses:?}");
    }
}
