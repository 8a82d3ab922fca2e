//! The two threads that talk to the hub: one polls and waits for work, one sends results the moment they are there.
//!
//! What must stay true: neither thread ever works on an order, so the heartbeat goes on while one runs; a result is
//! sent until the hub has acknowledged it; when the hub is away the pauses grow, with jitter, up to
//! [`bounds::PAUSE_LAST_MS`].

use std::sync::Arc;
use std::time::Duration;

use flip_protocol::enrolment::{EnrolResponse, RENEW_PATH, ROTATE_PATH, RenewRequest};
use flip_protocol::heads::{Carrier, Heads};
use flip_protocol::sync::{self, SyncRequest, SyncResponse};
use flip_protocol::{MessageId, UnixMillis, bounds as wire, text};
use flip_storage::error_chain;
use flip_storage::journal::JournalError;
use serde_json::json;

use crate::bounds;
use crate::clock;
use crate::exchange;
use crate::identity::{Identity, IdentityError};
use crate::link::{Link, LinkError};
use crate::site::{NewKeysError, Site};

/// Why a round trip did not happen.
#[derive(Debug, thiserror::Error)]
enum TripError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    NewKeys(#[from] NewKeysError),
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

/// What came of one round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trip {
    /// What it was for was done, or there was nothing to do.
    Useful,
    /// The hub gave or took something, and nothing came of it: to be tried again, but not at once.
    Useless,
}

/// Polls until the appliance stops.
pub fn poll(site: &Arc<Site>) {
    let mut pause = Pause::default();
    let mut received = Vec::new();
    let mut next_renewal_look = 0;
    let mut link = None;
    // Where sticks alone carry its work, there is nothing to poll.
    while !site.config.network && !site.is_stopping() {
        site_sleep(site, IDLE);
    }
    while !site.is_stopping() {
        if clock::now().0 >= next_renewal_look {
            next_renewal_look = clock::now().plus(bounds::RENEWAL_LOOK_MS).0;
            if renew_if_due(site) {
                link = None;
            }
        }
        match rotate_if_asked(site) {
            Ok(false) => {}
            Ok(true) => link = None,
            Err(error) => {
                link = None;
                note(site, error);
                site_sleep(site, pause.next());
                continue;
            }
        }
        match round_trip(site, &mut link, Lane::Poll, &mut received) {
            Ok(Trip::Useful) => pause = Pause::default(),
            Ok(Trip::Useless) => site_sleep(site, pause.next()),
            Err(error) => {
                link = None;
                note(site, error);
                site_sleep(site, pause.next());
            }
        }
    }
}

/// Sends results as they come, and word of orders that take long, until the appliance stops. Whether the hub is there
/// is the polling thread's to say, which rings when it is back.
pub fn send(site: &Arc<Site>) {
    let mut heard = 0;
    let mut link = None;
    while !site.is_stopping() {
        let waiting = site.journal.outgoing(1).is_ok_and(|results| !results.is_empty());
        let report_due_ms = site.report_due_ms(clock::now());
        // A message that was not taken too: whoever asked waits, and the next poll may be half a minute away.
        let untold = !site.refused().is_empty();
        if (waiting || untold || report_due_ms == Some(0)) && site.is_connected() {
            let mut trip = round_trip(site, &mut link, Lane::Send, &mut Vec::new());
            if trip.is_err() {
                // A connection that was kept open may have died meanwhile: once more with a fresh one.
                link = None;
                trip = round_trip(site, &mut link, Lane::Send, &mut Vec::new());
            }
            match trip {
                Ok(Trip::Useful) => continue,
                Ok(Trip::Useless) => {}
                Err(error) => {
                    link = None;
                    tracing::debug!(error = error_chain(&error), "a result could not be sent yet");
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
        TripError::NewKeys(error) => {
            tracing::error!(error = error_chain(&error), "the new keys were not taken over");
        }
        TripError::Identity(error) => tracing::error!(error = error_chain(&error), "the identity failed"),
    }
}

fn round_trip(
    site: &Site,
    link: &mut Option<Link>,
    lane: Lane,
    received: &mut Vec<MessageId>,
) -> Result<Trip, TripError> {
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
    let results = site.journal.outgoing(bounds::RESULTS_AT_ONCE)?;
    let audit = if lane == Lane::Poll { offer_heads(site, &identity, now) } else { None };
    let mut request = SyncRequest {
        received: received.clone(),
        results: results.iter().map(|result| text::encode(&result.message)).collect(),
        wait_ms,
        audit,
        ..exchange::say(site, now)?
    };
    if lane == Lane::Send {
        request.room = 0;
    }
    request.refused = site.take_refused();
    // What the hub says of its clock it says after this.
    let heard = site.heard();
    let answered = link
        .post(sync::PATH, &request, Duration::from_millis(wait_ms), now)
        .and_then(|response| check(&identity, response));
    if answered.is_err() {
        site.note_refused(request.refused);
        if request.audit.is_some() {
            site.witness.lost();
        }
    }
    let mut response = answered?;
    if let Some(heads) = response.audit.take() {
        keep_heads(site, &identity, heads, Carrier::Network);
    }
    site.connected(response.hub_time, now.plus(wait_ms), clock::now());
    hear_clock(site, heard, response.hub_time)?;
    if response.rotate && lane == Lane::Poll {
        site.note_rotation();
    }
    site.reported(&request.holding);
    received.clear();
    let unanswered = !results.is_empty() && response.acknowledged.is_empty() && response.refused.is_empty();
    let orders: Vec<_> = response.orders.iter().map(|order| text::decode(order)).collect();
    let offered = !orders.is_empty();
    exchange::hear(site, &response, &request.holding)?;
    // Expiry is by the hub's clock, which made it: a wrong clock here costs no order.
    let taken = exchange::take(site, &identity, orders, response.hub_time)?;
    let unusable = offered && taken.is_empty();
    received.extend(taken);
    site.keep_heard()?;
    if wait_ms == 1 {
        site.bell.ring();
    }
    Ok(if unanswered || unusable { Trip::Useless } else { Trip::Useful })
}

/// Notes the hub's clock. Where it is far behind what was `heard` before the hub was asked, it was wrong then, and that holds
/// no more. What was heard meanwhile says nothing: this answer may have been long on its way.
fn hear_clock(site: &Site, heard: UnixMillis, hub_time: UnixMillis) -> Result<(), JournalError> {
    let now = clock::now();
    if heard.since(hub_time) <= bounds::HEARD_SLACK_MS {
        site.hear(hub_time, now);
        return Ok(());
    }
    tracing::warn!(heard = heard.0, hub_time = hub_time.0, "the hub's clock was ahead, and is set back");
    let facts = json!({ "heard": heard, "hub_time": hub_time });
    if let Err(error) = site.audit.append(now.0, "hub_clock_lowered", facts) {
        tracing::error!(
            error = error_chain(&error),
            "that the hub's clock was set back is not in the audit log"
        );
        return Ok(());
    }
    site.hear_less(hub_time, now)
}

/// The head of the audit log where it is time to tell it. A log that cannot be read holds up no work.
fn offer_heads(site: &Site, identity: &Identity, now: UnixMillis) -> Option<Heads> {
    site.witness.offer(&site.audit, identity, now).unwrap_or_else(|error| {
        tracing::error!(error = error_chain(&error), "the hub cannot be told how the audit log ends");
        None
    })
}

/// Keeps the heads of the audits that the hub tells. What cannot be kept holds up no work.
pub(crate) fn keep_heads(site: &Site, identity: &Identity, heads: Heads, carrier: Carrier) {
    match site.witness.keep(&site.audit, identity, heads, clock::now(), carrier) {
        Ok(contradictions) => {
            for why in contradictions {
                tracing::error!(why, "an audit was cut or written anew");
            }
        }
        Err(error) => {
            tracing::error!(error = error_chain(&error), "the head of the hub's audit was not kept");
        }
    }
}

/// Refuses a response that is longer than the protocol allows.
fn check(identity: &Identity, response: SyncResponse) -> Result<SyncResponse, LinkError> {
    let listed = response.acknowledged.len().max(response.refused.len()).max(response.cancelled.len());
    if response.orders.len() <= wire::SYNC_MESSAGES && listed <= wire::SYNC_LISTED {
        return Ok(response);
    }
    let why = "a list in its answer is longer than the protocol allows".to_owned();
    Err(LinkError::Garbage { address: identity.facts.hub_address.clone(), why })
}

fn connect(identity: &Identity) -> Result<Link, TripError> {
    let ends = identity.facts.certificate_expires;
    if clock::now() >= ends {
        return Err(LinkError::OwnCertificateEnded { ended: clock::readable(ends) }.into());
    }
    let client = Some((identity.certificate.as_str(), &identity.keys.tls));
    Ok(Link::new(&identity.facts.hub_address, &identity.ca_der()?, client)?)
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
    let _held = site.hold_keys();
    let mut renewed = Identity::load(site.place.folder())?;
    // A stick may have brought other keys meanwhile, whose certificate came with them.
    if renewed.fits(&answer) {
        renewed.renew(answer, now)?;
        site.replace_identity(renewed);
    }
    Ok(())
}

/// Replaces the appliance's keys where the hub has asked for it; true where it did.
///
/// Until a try is answered nothing is taken from the hub, which may have the new keys already.
fn rotate_if_asked(site: &Site) -> Result<bool, TripError> {
    let identity = site.identity();
    if !site.rotation_is_asked() && !identity.is_rotating() {
        return Ok(false);
    }
    let now = clock::now();
    let request = {
        let _held = site.hold_keys();
        identity.rotation()?
    };
    let answer = match site.answer_to(request.verifying) {
        Some(answer) => answer,
        None => match connect(&identity)?.post(ROTATE_PATH, &request, Duration::ZERO, now) {
            // It has not taken the new keys, and will not.
            Err(error @ LinkError::Problem { .. }) => {
                site.forget_rotation();
                identity.abandon_rotation()?;
                return Err(error.into());
            }
            other => other?,
        },
    };
    {
        let _held = site.hold_keys();
        site.take_new_keys(answer, now)?;
    }
    Ok(true)
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
