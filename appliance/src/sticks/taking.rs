//! A bundle that arrived: verified once more, whole, and then taken in.

use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use flip_protocol::bounds as wire;
use flip_protocol::bundle::{
    Bundle, Clock, Expected, FromHub, Header, Heading, ReadError, Refused, Unproven, Way,
};
use flip_protocol::enrolment::EnrolResponse;
use flip_protocol::heads::Carrier;
use flip_protocol::message::Sealed;
use flip_storage::journal::Standing;
use flip_storage::stick;
use flip_web::pages::StickStep;
use serde_json::json;

use super::{Folder, Outcome, REFUSED, SticksError, Worked, is_called, read, status, write};
use crate::bounds;
use crate::clock;
use crate::exchange;
use crate::identity::Identity;
use crate::site::Site;
use crate::uplink::keep_heads;

/// Takes in what arrived and says what came of it. What failed for another reason than the bundle stays.
pub(super) fn arrived(site: &Site, folder: &Folder, path: &Path) -> Result<Worked, SticksError> {
    let outcome = if is_called(path, REFUSED) {
        read::<Outcome>(path)
    } else if is_called(path, &stick::ENDING[1..]) {
        Some(take(site, path)?)
    } else {
        // A copy under way.
        return Ok(Worked::NotYet);
    };
    if let Some(outcome) = outcome {
        if let Some(why) = outcome.refused {
            tracing::warn!(reason = why.name(), "a bundle was refused");
            site.journal.count(&format!("refused_bundles.{}", why.name()))?;
            let facts = json!({ "bundle": outcome.bundle, "number": outcome.number, "reason": why });
            site.audit.append(clock::now().0, "bundle_refused", facts)?;
        }
        status::taken(site, folder, &outcome)?;
        let id = path.file_stem().unwrap_or_default().to_string_lossy();
        write(&folder.said(&id), &outcome)?;
    }
    Ok(Worked::Done)
}

fn take(site: &Site, path: &Path) -> Result<Outcome, SticksError> {
    let _work = site.sticks.begin();
    let mut outcome = Outcome { bundle: None, number: 0, refused: None, orders: 0, not_taken: 0, settled: 0 };
    match take_in(site, path, &mut outcome) {
        Ok(()) => Ok(outcome),
        Err(SticksError::Refused(why)) => Ok(Outcome { refused: Some(why), ..outcome }),
        Err(error) => Err(error),
    }
}

fn take_in(site: &Site, path: &Path, outcome: &mut Outcome) -> Result<(), SticksError> {
    let identity = site.identity();
    let now = clock::now();
    let (file, length) = stick::open(path)?;
    let of_copy = |error| SticksError::of(path, error);
    let unproven = Unproven::read(BufReader::new(&file)).map_err(of_copy)?;
    let header = *unproven.header();
    let Heading { id, number, .. } = header.heading;
    (outcome.bundle, outcome.number) = (Some(id), number);
    header.fits(length)?;
    let mut first = prove(unproven, &identity).map_err(of_copy)?;
    // Before its time and its letter: what was taken long ago and lies on the stick since is no news.
    let newest = match site.journal.bundle_standing(number, id.bytes(), wire::BUNDLE_WINDOW)? {
        Standing::Newest => true,
        Standing::Later => false,
        Standing::Taken => return Err(Refused::Replayed.into()),
        Standing::TooOld | Standing::Another => return Err(Refused::RolledBack.into()),
    };
    let judged = header.judge(Clock { now, heard: site.heard() })?;
    let letter = first.next_message().map_err(of_copy)?.ok_or(Refused::Malformed)?;
    let (letter, by_next_key) = open(&header, letter, &identity)?;
    let of = u64::from(header.messages - 1);
    let mut looked = 0;
    while first.next_message().map_err(of_copy)?.is_some() {
        looked += 1;
        site.sticks.at(StickStep::Looking, looked, Some(of));
    }

    (&file).seek(SeekFrom::Start(0)).map_err(|error| SticksError::file(path, error))?;
    let again = Unproven::read(BufReader::new(&file)).map_err(of_copy)?;
    let mut bundle = prove(again, &identity).map_err(of_copy)?;
    bundle.next_message().map_err(of_copy)?;
    let identity = match letter.enrolled {
        // By new keys it can be opened once: they are in use from then on.
        Some(enrolled) if by_next_key || newest && identity.is_news(&enrolled) => {
            take_over(site, &identity, enrolled, by_next_key)?
        }
        // Sealed to new keys without their certificate: nothing in it would open.
        None if by_next_key => return Err(Refused::BadLetter.into()),
        Some(_) | None => identity,
    };
    // First, so that what is begun is judged by the same clock as what is taken. It is kept once all of it is.
    site.hear(header.heading.made, now);
    let before = site.journal.outgoing_heads(wire::SYNC_LISTED)?.len();
    exchange::hear(site, &letter.sync, &site.holding()?)?;
    outcome.settled = before.saturating_sub(site.journal.outgoing_heads(wire::SYNC_LISTED)?.len());
    if newest && let Some(heads) = letter.sync.audit {
        keep_heads(site, &identity, heads, Carrier::Stick);
    }
    if newest && letter.sync.rotate {
        site.note_rotation();
    }
    let mut done = 0;
    let next = |bundle: &mut Bundle<_>| {
        bundle.next_messages(bounds::BUNDLE_BATCH, bounds::BUNDLE_BATCH_BYTES).map_err(of_copy)
    };
    while let Some(batch) = next(&mut bundle)? {
        let offered = batch.len();
        let batch = batch.into_iter().map(Some).collect();
        let taken = exchange::take(site, &identity, batch, judged)?.len();
        outcome.orders += taken;
        outcome.not_taken += offered - taken;
        done += offered as u64;
        site.sticks.at(StickStep::Taking, done, Some(of));
    }
    let facts = json!({
        "number": number, "bundle": id, "orders": outcome.orders, "not_taken": outcome.not_taken,
        "settled": outcome.settled, "bytes": header.length(),
    });
    site.audit.append(now.0, "bundle_taken", facts)?;
    site.journal.hear(header.heading.made.0, now.0)?;
    site.journal.bundle_taken(number, id.bytes(), wire::BUNDLE_WINDOW)?;
    tracing::info!(number, orders = outcome.orders, settled = outcome.settled, "a bundle was taken in");
    Ok(())
}

fn prove<R: Read>(unproven: Unproven<R>, identity: &Identity) -> Result<Bundle<R>, ReadError> {
    let facts = &identity.facts;
    let (me, sender) = (facts.trust, facts.hub);
    unproven.prove(&Expected { me, sender, way: Way::ToTrust, verifying: &facts.verifying })
}

/// Opens the letter; also says whether by the key of new keys whose certificate is not here yet.
fn open(header: &Header, letter: Vec<u8>, identity: &Identity) -> Result<(FromHub, bool), SticksError> {
    let verifying = &identity.facts.verifying;
    let (opened, by_next_key): (Result<FromHub, _>, _) = match identity.next_opening()? {
        Some(next) if Sealed::parse(letter.clone()).is_ok_and(|sealed| sealed.is_sealed_to(&next)) => {
            (header.open(letter, verifying, &[next]), true)
        }
        Some(_) | None => (header.open(letter, verifying, &identity.keys.opening), false),
    };
    let letter = opened?;
    let sync = &letter.sync;
    let listed = sync.acknowledged.len().max(sync.refused.len()).max(sync.cancelled.len());
    if listed > wire::SYNC_LISTED || !sync.orders.is_empty() {
        return Err(Refused::BadLetter.into());
    }
    Ok((letter, by_next_key))
}

/// Takes over the certificate that was asked for, and with it new keys where the hub has them.
fn take_over(
    site: &Site,
    identity: &Identity,
    enrolled: EnrolResponse,
    new_keys: bool,
) -> Result<Arc<Identity>, SticksError> {
    let now = clock::now();
    let data = site.place.folder();
    let _held = site.hold_keys();
    if new_keys {
        site.take_new_keys(enrolled, now)?;
    } else if !identity.is_rotating() {
        let mut renewed = Identity::load(data)?;
        renewed.renew(enrolled, now)?;
        site.replace_identity(renewed);
        tracing::info!("the certificate was renewed");
    }
    Ok(site.identity())
}
