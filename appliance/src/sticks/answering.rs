//! What this appliance has to say, in one bundle or as many as fit the sticks.

use std::path::Path;

use flip_protocol::bundle::{FromAppliance, Heading, Way, WriteError, Writer, parted};
use flip_protocol::{MessageId, bounds as wire};
use flip_storage::error_chain;
use flip_storage::journal::OutgoingHead;
use flip_storage::stick;
use flip_web::pages::StickStep;
use serde_json::json;

use super::{
    Answer, Folder, HANDLED, Made, SETTLED, SticksError, Wish, Worked, handled, is_called, small, status,
    write,
};
use crate::bounds;
use crate::clock;
use crate::exchange;
use crate::identity::Identity;
use crate::site::Site;
use crate::witness;

/// Makes what was asked for, once the orders here are answered or the time to wait for them is over.
pub(super) fn asked(site: &Site, folder: &Folder, path: &Path) -> Result<Worked, SticksError> {
    if is_called(path, HANDLED) {
        return handled::handled(site, folder, path);
    }
    if !is_called(path, "json") {
        // It is being written, or a stick is being handled.
        return Ok(Worked::NotYet);
    }
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // One that cannot be read stays, and the log says so: whoever asked is not left to wait for nothing.
    if let Ok(wish) = serde_json::from_slice::<Wish>(&small(path)?) {
        let waiting = site.journal.waiting_ids()?.len();
        if waiting > 0 && clock::now() < wish.wait_until {
            return Ok(Worked::NotYet);
        }
        let answer = match make(site, folder, &wish) {
            Ok(bundles) => Answer { bundles, waiting, failed: None },
            Err(error) => {
                tracing::error!(error = error_chain(&error), "a bundle could not be made");
                Answer { failed: Some(error_chain(&error)), waiting, ..Answer::default() }
            }
        };
        status::made(folder, &answer)?;
        // Nobody waits for it any more: it is carried on with as what is left.
        if path.exists() {
            write(&folder.said(&id), &answer)?;
        }
    }
    Ok(Worked::Done)
}

fn make(site: &Site, folder: &Folder, wish: &Wish) -> Result<Vec<Made>, SticksError> {
    // What was made before and not handed over is in what is made now.
    for old in folder.inside("leaving")? {
        stick::discard(&old);
    }
    let identity = site.identity();
    let now = clock::now();
    let mut results = site.journal.outgoing_heads(usize::MAX)?;
    let letter = letter(site, &identity)?;
    if !wish.carried.is_empty() {
        // Those of before are on this stick, or on the one that was full. A result that the hub asked for once more keeps its
        // number, and goes with the next.
        let carried: Vec<_> = wish.carried.iter().map(|bundle| bundle.bytes()).collect();
        let end = site.journal.bundles_end(&carried)?;
        results.retain(|result| result.sequence > end);
        if results.is_empty() && !asks(&letter) {
            return Ok(Vec::new());
        }
    }
    results.truncate(wire::BUNDLE_MESSAGES);
    let (mut made, mut done, of) = (Vec::new(), 0, results.len() as u64);
    let _work = site.sticks.begin();
    let mut one = || {
        done += 1;
        site.sticks.at(StickStep::Making, done, Some(of));
    };
    for part in parted(&results, &letter, wish.size, |result| result.length)? {
        made.push(make_one(site, folder, &identity, &letter, part, &mut one)?);
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

/// Whether a letter says what the hub is to do something about.
fn asks(letter: &FromAppliance) -> bool {
    !letter.sync.refused.is_empty() || letter.renew.is_some() || letter.rotate.is_some()
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
    one: &mut dyn FnMut(),
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
            one();
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
