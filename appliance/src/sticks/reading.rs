//! Reading a stick and writing to it: for a process that has the folder of sticks and nothing else of the appliance.
//!
//! What must stay true: no private key and no journal is needed; what is copied is verified to its last byte first; a stick
//! that is pulled at any byte leaves a copy that is carried on with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flip_protocol::bounds as wire;
use flip_protocol::bundle::{Expected, Header, Heading, ReadError, Refused, Unproven, Way, carry};
use flip_protocol::keys::VerifyingKey;
use flip_protocol::{MessageId, UnixMillis};
use flip_storage::stick::{self, StickError};

use super::{Folder, Known, Outcome, REFUSED, SticksError, head, write};
use crate::clock;

/// Hears how many bytes of a file are done, of how many.
pub type Told<'a> = &'a mut dyn FnMut(u64, u64);

/// Verifies a bundle and copies it to where the running appliance takes it. A refusal is left there too, to be counted.
pub fn receive(folder: &Folder, known: &Known, path: &Path, told: Told<'_>) -> Result<Header, SticksError> {
    let mut head = None;
    let received = copy_in(folder, known, path, &mut head, told);
    if let Err(SticksError::Refused(why)) = &received {
        leave_refusal(folder, head, *why)?;
    }
    received
}

/// Leaves word of a refusal for the running appliance.
pub fn leave_refusal(folder: &Folder, head: Option<Header>, why: Refused) -> Result<(), SticksError> {
    let outcome = Outcome {
        bundle: head.map(|head| head.heading.id),
        number: head.map_or(0, |head| head.heading.number),
        refused: Some(why),
        orders: 0,
        not_taken: 0,
        settled: 0,
    };
    let id = MessageId::new(clock::now(), &clock::random_bytes());
    write(&folder.arrived().join(format!("{id}.{REFUSED}")), &outcome)
}

/// The files of a stick that may be bundles for this appliance: those of the other way, which it wrote itself, are not.
pub fn listed(from: &Path) -> Result<Vec<PathBuf>, SticksError> {
    let is_theirs = |file: &Path| head(file).is_none_or(|head| head.heading.way != Way::ToHub);
    match stick::listed(from, wire::BUNDLES_ON_A_STICK, is_theirs) {
        Err(StickError::Io(path, error)) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a stick cannot be read");
            Err(Refused::Unreadable.into())
        }
        other => Ok(other?),
    }
}

/// Removes bundles from a stick that this appliance made for this hub and of which the hub has every result, or that have
/// expired by both clocks: each is known by its head and its signature, by a key of now or of before, whatever it is
/// called.
pub fn clear(folder: &Folder, known: &Known, stick_folder: &Path) -> Result<Vec<PathBuf>, SticksError> {
    let settled = folder.settled();
    let (me, sender) = (known.hub, known.trust);
    let verifying = known.signed_with();
    let expected = Expected { me, sender, way: Way::ToHub, verifying: &verifying };
    let surely = known.heard.map_or(UnixMillis(0), |heard| heard.min(clock::now()));
    Ok(stick::sweep(stick_folder, |file| {
        let head = stick::open(file).ok().and_then(|(file, _)| Unproven::read(file).ok());
        let is_done = |heading: &Heading| settled.contains(&heading.id) || heading.expires <= surely;
        head.filter(|head| is_done(&head.header().heading)).is_some_and(|head| head.prove(&expected).is_ok())
    })?)
}

/// Copies a bundle that was made to a stick, on from where an earlier copy was cut off, and forgets it here.
pub fn hand_over(
    made: &Path,
    own: VerifyingKey,
    stick_folder: &Path,
    name: &str,
    told: Told<'_>,
) -> Result<PathBuf, SticksError> {
    let (file, length) = stick::open(made)?;
    let to = stick_folder.join(name);
    let of_made = |error| SticksError::of(made, error);
    let placed = stick::place(stick_folder, name, |copy| {
        let unproven = Unproven::read(file).map_err(of_made)?;
        let Heading { way, sender, receiver: me, .. } = unproven.header().heading;
        let bundle = unproven.prove(&Expected { me, sender, way, verifying: &[own] }).map_err(of_made)?;
        carry(bundle, copy, told).map_err(|error| match error {
            ReadError::Copy(error) => SticksError::file(&to, error),
            other @ (ReadError::Io(_) | ReadError::Refused(_)) => of_made(other),
        })?;
        Ok::<_, SticksError>(length)
    })?;
    stick::discard(made);
    Ok(placed)
}

fn copy_in(
    folder: &Folder,
    known: &Known,
    path: &Path,
    head: &mut Option<Header>,
    told: Told<'_>,
) -> Result<Header, SticksError> {
    let (source, length) = stick::open(path).map_err(|error| match error.io() {
        Ok((path, error)) => {
            tracing::warn!(path = %path.display(), %error, "a bundle cannot be opened");
            Refused::Unreadable.into()
        }
        Err(other) => SticksError::from(other),
    })?;
    let unproven = Unproven::read(source)?;
    let header = *unproven.header();
    *head = Some(header);
    header.fits(length)?;
    let expected =
        Expected { me: known.trust, sender: known.hub, way: Way::ToTrust, verifying: &known.verifying };
    let bundle = unproven.prove(&expected)?;
    // What came of it before, and nobody has read, is not what comes of it now.
    let before = folder.said(header.file_name().trim_end_matches(stick::ENDING));
    match fs::remove_file(&before) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(SticksError::file(&before, error));
        }
        _ => {}
    }
    // Its time is judged by the appliance, which knows what it has heard of the hub's clock.
    stick::place(&folder.arrived(), &header.file_name(), |copy| {
        carry(bundle, copy, told)?;
        Ok::<_, SticksError>(header.length())
    })
    .map_err(|error| if let SticksError::Stick(error) = error { error.of_disk().into() } else { error })?;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use flip_protocol::PartyId;
    use flip_protocol::bundle::Writer;
    use flip_protocol::keys::SigningKey;

    use super::*;

    #[test]
    fn a_bundle_leaves_the_stick_once_it_has_expired_by_both_clocks() {
        const HOUR_MS: u64 = 3_600_000;
        let now = clock::now();
        let (earlier, before, later) = (now.minus(2 * HOUR_MS), now.minus(HOUR_MS), now.plus(HOUR_MS));
        // When it expires, and what was heard of the hub's clock.
        let cases = [
            ("by both", before, Some(now), true),
            ("by this machine's alone", before, Some(earlier), false),
            ("by this machine's, and nothing was heard", before, None, false),
            ("by the hub's alone", later, Some(later.plus(HOUR_MS)), false),
        ];
        let signing = SigningKey::from_bytes(&[1; 32]);
        let (trust, hub) = (PartyId::from_bytes([1; 16]), PartyId::from_bytes([2; 16]));
        for (case, expires, heard, is_gone) in cases {
            let stick = tempfile::tempdir().unwrap();
            let heading = Heading {
                way: Way::ToHub,
                id: MessageId::from_bytes([9; 16]),
                sender: trust,
                receiver: hub,
                number: 1,
                made: earlier,
                expires,
            };
            let path = stick.path().join("flip-1.flip");
            let file = fs::File::create(&path).unwrap();
            let mut writer = Writer::new(file, heading, &[6], &signing).unwrap();
            writer.message(b"letter").unwrap();
            writer.finish(&signing).unwrap();
            let known = Known {
                trust,
                trust_name: "Trust".to_owned(),
                hub,
                verifying: Vec::new(),
                own: signing.verifying(),
                own_before: Vec::new(),
                heard,
            };
            let sticks = Folder::new(stick.path().join("sticks"));
            let gone = clear(&sticks, &known, stick.path()).unwrap();
            assert_eq!((gone.is_empty(), path.exists()), (!is_gone, !is_gone), "{case}");
        }
    }
}
