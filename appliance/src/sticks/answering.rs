//! What this appliance has to say, in one bundle or as many as fit the sticks.

use std::fs;
use std::path::Path;

use flip_protocol::bundle::{FromAppliance, Heading, Way, WriteError, Writer, parted};
use flip_protocol::{MessageId, bounds as wire};
use flip_storage::journal::OutgoingHead;
use flip_storage::stick;
use serde_json::json;

use super::{Answer, Folder, HANDLED, Handled, Made, SETTLED, SticksError, Wish, small, status, write};
use crate::bounds;
use crate::clock;
use crate::exchange;
use crate::identity::Identity;
use crate::site::Site;
use crate::uplink::error_chain;
use crate::witness;

/// Makes what was asked for, once the orders here are answered or the time to wait for them is over.
pub(super) fn asked(site: &Site, folder: &Folder, path: &Path) -> Result<(), SticksError> {
    if path.extension().is_some_and(|extension| extension == HANDLED) {
        return handled(site, folder, path);
    }
    if path.extension().is_none_or(|extension| extension != "json") {
        // It is being written.
        return Ok(());
    }
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // One that cannot be read stays, and the log says so: whoever asked is not left to wait for nothing.
    if let Ok(wish) = serde_json::from_slice::<Wish>(&small(path)?) {
        let waiting = site.journal.waiting_ids()?.len();
        if waiting > 0 && clock::now() < wish.wait_until {
            return Ok(());
        }
        let answer = match make(site, folder, wish.size) {
            Ok(bundles) => Answer { bundles, waiting, failed: None },
            Err(error) => {
                tracing::error!(error = error_chain(&error), "a bundle could not be made");
                Answer { failed: Some(error_chain(&error)), waiting, ..Answer::default() }
            }
        };
        status::made(folder, &answer)?;
        write(&folder.said(&id), &answer)?;
    }
    fs::remove_file(path).map_err(|error| SticksError::File(path.to_owned(), error))
}

/// Shows and keeps what is said of a stick that was handled.
fn handled(site: &Site, folder: &Folder, path: &Path) -> Result<(), SticksError> {
    if let Ok(said) = serde_json::from_slice::<Handled>(&small(path)?) {
        let failed = said.failed.map(|why| why.chars().take(bounds::STICK_WORDS).collect());
        let said = Handled { failed, ..said };
        status::handled(folder, &said)?;
        site.audit.append(clock::now().0, "bundle_stick_handled", json!(said))?;
    }
    fs::remove_file(path).map_err(|error| SticksError::File(path.to_owned(), error))
}

fn make(site: &Site, folder: &Folder, size: u64) -> Result<Vec<Made>, SticksError> {
    // What was made before and not handed over is in what is made now.
    for old in folder.inside("leaving")? {
        fs::remove_file(&old).map_err(|error| SticksError::File(old.clone(), error))?;
    }
    let identity = site.identity();
    let now = clock::now();
    let results = site.journal.outgoing_heads(wire::BUNDLE_MESSAGES)?;
    let letter = letter(site, &identity)?;
    let around = wire::around_messages(serde_json::to_vec(&letter).map_or(0, |body| body.len()), size);
    let mut made = Vec::new();
    let parts = parted(&results, size.saturating_sub(around), |result| result.length);
    if parts.len() > wire::BUNDLES_ON_A_STICK {
        return Err(SticksError::TooMany { size, parts: parts.len() });
    }
    for part in parts {
        made.push(make_one(site, folder, &identity, &letter, part)?);
    }
    // What goes out now says all that those said.
    let settled: Vec<MessageId> =
        site.journal.bundles_settled()?.into_iter().map(MessageId::from_bytes).collect();
    let new = |id: &MessageId| made.iter().any(|made: &Made| made.bundle == *id);
    let settled: Vec<MessageId> = settled.into_iter().filter(|id| !new(id)).collect();
    write(&folder.0.join(SETTLED), &settled)?;
    tracing::info!(
        bundles = made.len(),
        results = results.len(),
        at = now.0,
        "bundles were made for the hub"
    );
    Ok(made)
}

fn letter(site: &Site, identity: &Identity) -> Result<FromAppliance, SticksError> {
    let now = clock::now();
    let mut sync = exchange::say(site, now)?;
    sync.room = bounds::ORDERS_WAITING;
    // A log that cannot be read holds up no work.
    sync.audit = witness::heads(&site.audit, identity, now).unwrap_or_else(|error| {
        tracing::error!(error = error_chain(&error), "the hub cannot be told how the audit log ends");
        None
    });
    let _held = site.hold_keys();
    let asked = site.rotation_is_asked() || identity.is_rotating();
    let renew = !asked && identity.should_renew(site.hub_clock(now));
    Ok(FromAppliance {
        sync,
        heard: site.heard(),
        renew: renew
            .then(|| identity.keys.certificate_request(identity.facts.trust))
            .transpose()?
            .map(|certificate_request| flip_protocol::enrolment::RenewRequest { certificate_request }),
        rotate: asked.then(|| identity.rotation()).transpose()?,
    })
}

fn make_one(
    site: &Site,
    folder: &Folder,
    identity: &Identity,
    letter: &FromAppliance,
    results: &[OutgoingHead],
) -> Result<Made, SticksError> {
    let made = site.hub_clock(clock::now());
    let heading = Heading {
        way: Way::ToHub,
        id: MessageId::new(made, &clock::random_bytes()),
        sender: identity.facts.trust,
        receiver: identity.facts.hub,
        number: site.journal.next_bundle()?,
        made,
        expires: made.plus(wire::BUNDLE_LIFE_TO_HUB_MS),
    };
    let signing = &identity.keys.signing;
    let sealing = identity.facts.sealing.first().ok_or(SticksError::NoKey)?;
    let letter = heading.seal(letter, signing, sealing, &mut clock::random())?;
    let lengths: Vec<u64> = std::iter::once(letter.bytes().len() as u64)
        .chain(results.iter().map(|result| result.length))
        .collect();
    let file = format!("flip-{}.flip", heading.id);
    let bounds_of = results.first().zip(results.last()).map(|(first, last)| (first.sequence, last.sequence));
    site.journal.bundle_made(heading.number, heading.id.bytes(), bounds_of, wire::BUNDLE_WINDOW)?;
    let mut header = None;
    stick::place(&folder.leaving(), &file, |target| {
        let mut writer = Writer::new(target, heading, &lengths, signing)?;
        writer.message(letter.bytes())?;
        for result in results {
            let message = site.journal.outgoing_message(result.sequence)?.ok_or(WriteError::Changed)?;
            writer.message(&message)?;
        }
        let (written, _) = writer.finish(signing)?;
        header = Some(written);
        Ok::<_, SticksError>(written.length())
    })?;
    let header = header.ok_or(WriteError::Changed)?;
    let results = header.messages - 1;
    site.audit.append(
        clock::now().0,
        "bundle_made",
        json!({ "number": heading.number, "bundle": heading.id, "results": results, "bytes": header.length() }),
    )?;
    let (bundle, number, bytes) = (heading.id, heading.number, header.length());
    Ok(Made { file, bundle, number, results, bytes })
}
