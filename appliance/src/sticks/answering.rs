//! What this appliance has to say, in one bundle or as many as fit the sticks.

use std::path::{Path, PathBuf};
use std::time::Instant;

use flip_protocol::bundle::{FromAppliance, Heading, Way, WriteError, Writer, parted};
use flip_protocol::{MessageId, bounds as wire};
use flip_storage::journal::OutgoingHead;
use flip_storage::stick;
use flip_web::pages::StickStep;
use serde_json::json;

use super::{
    Answer, Folder, HANDLED, Handled, Made, SETTLED, SticksError, Wish, Worked, is_called, small, status,
    write,
};
use crate::bounds;
use crate::clock;
use crate::exchange;
use crate::identity::Identity;
use crate::site::Site;
use crate::uplink::error_chain;
use crate::witness;

/// A stick that everything is on, and that was mounted when that was said. The last one alone is waited for.
pub(super) struct Leaving {
    said: Handled,
    mounted_at: PathBuf,
    until: Instant,
    /// When it was last said how it stands: what came since is not overwritten.
    said_ms: u64,
}

/// Makes what was asked for, once the orders here are answered or the time to wait for them is over.
pub(super) fn asked(
    site: &Site,
    folder: &Folder,
    path: &Path,
    leaving: &mut Option<Leaving>,
) -> Result<Worked, SticksError> {
    if is_called(path, HANDLED) {
        return handled(site, folder, path, leaving);
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

/// Shows and keeps what is said of a stick that was handled.
fn handled(
    site: &Site,
    folder: &Folder,
    path: &Path,
    leaving: &mut Option<Leaving>,
) -> Result<Worked, SticksError> {
    if let Ok(said) = serde_json::from_slice::<Handled>(&small(path)?) {
        let failed = said.failed.map(|why| why.chars().take(bounds::STICK_WORDS).collect());
        let mounted_at = said.written_at;
        let said = Handled { failed, written_at: None, ..said };
        shown(folder, &said, mounted_at, leaving)?;
        site.audit.append(clock::now().0, "bundle_stick_handled", json!(said))?;
    }
    Ok(Worked::Done)
}

fn shown(
    folder: &Folder,
    said: &Handled,
    mounted_at: Option<PathBuf>,
    leaving: &mut Option<Leaving>,
) -> Result<(), SticksError> {
    if said.unusable {
        // Another may be under way meanwhile.
        let under_way = folder.handle()?.is_none();
        let waiting = leaving.as_mut().filter(|stick| status::is_last(folder, stick.said_ms));
        let said_ms = status::unusable(folder, said, under_way)?;
        if let Some(stick) = waiting {
            stick.said_ms = said_ms;
        }
        return Ok(());
    }
    *leaving = None;
    let Some(mounted_at) = mounted_at.filter(|_| said.failed.is_none()) else {
        return status::handled(folder, said);
    };
    match stick::is_mounted(&mounted_at) {
        Some(false) => status::handled(folder, said),
        Some(true) => {
            let said_ms = status::still_mounted(folder, said.written)?;
            let until = Instant::now() + bounds::STICKS_UNMOUNT;
            *leaving = Some(Leaving { said: said.clone(), mounted_at, until, said_ms });
            Ok(())
        }
        None => status::to_unmount(folder, said.written),
    }
}

/// Says that a stick may be taken out once it is unmounted, unless something else was said since.
pub(super) fn left(folder: &Folder, leaving: &mut Option<Leaving>) -> Result<(), SticksError> {
    let Some(stick) = leaving else { return Ok(()) };
    let mounted = stick::is_mounted(&stick.mounted_at);
    if mounted == Some(true) && Instant::now() < stick.until {
        return Ok(());
    }
    if status::is_last(folder, stick.said_ms) {
        match mounted {
            Some(false) => status::handled(folder, &stick.said)?,
            Some(true) | None => status::to_unmount(folder, stick.said.written)?,
        }
    }
    *leaving = None;
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unmount_is_waited_for_only_so_long_and_overwrites_nothing_newer() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().to_owned());
        let text = || std::fs::read_to_string(place.path().join("status.txt")).unwrap();
        let said = Handled { written: 1, ..Handled::default() };
        let mut leaving = None;
        let waits_at = |mounted_at: &str, leaving: &mut Option<Leaving>| {
            shown(&folder, &said, Some(PathBuf::from("/proc")), leaving).unwrap();
            assert!(text().contains("Leave it in until it is unmounted."), "{}", text());
            leaving.as_mut().unwrap().mounted_at = PathBuf::from(mounted_at);
        };
        // What stays.
        waits_at("/proc", &mut leaving);
        left(&folder, &mut leaving).unwrap();
        leaving.as_mut().unwrap().until = Instant::now();
        left(&folder, &mut leaving).unwrap();
        assert!(leaving.is_none() && text().contains("Unmount it before you take it out."), "{}", text());
        // What is unmounted; another stick that cannot be mounted changes nothing.
        waits_at("/nowhere", &mut leaving);
        let another = Handled { failed: Some("the stick sdc1".to_owned()), unusable: true, ..said.clone() };
        shown(&folder, &another, None, &mut leaving).unwrap();
        assert!(text().contains("The stick sdc1."), "{}", text());
        left(&folder, &mut leaving).unwrap();
        assert!(leaving.is_none() && text().contains("It may be taken out"), "{}", text());
        // What is made for the next meanwhile.
        waits_at("/nowhere", &mut leaving);
        leaving.as_mut().unwrap().said_ms -= 1;
        left(&folder, &mut leaving).unwrap();
        assert!(leaving.is_none() && text().contains("Leave it in"), "{}", text());
        // One that cannot be mounted, while another is handled whose reading broke off.
        folder.make().unwrap();
        let _handling = folder.handle().unwrap().unwrap();
        let failed = Some("it broke off".to_owned());
        let broke_off = Handled { failed, reading: true, ..Handled::default() };
        for said in [&broke_off, &another, &said] {
            shown(&folder, said, None, &mut leaving).unwrap();
        }
        assert!(text().contains("it broke off"), "{}", text());
    }
}
