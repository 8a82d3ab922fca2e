use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use super::*;
use crate::keys::SigningKey;

const CHUNK: usize = 1024 * 1024;

fn party(number: u8) -> PartyId {
    PartyId::from_bytes([number; 16])
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn heading() -> Heading {
    Heading {
        way: Way::ToTrust,
        id: MessageId::from_bytes([9; 16]),
        sender: party(1),
        receiver: party(2),
        number: 7,
        made: UnixMillis(1_000_000_000),
        expires: UnixMillis(2_000_000_000),
    }
}

fn written(heading: Heading, messages: &[&[u8]]) -> Vec<u8> {
    let lengths: Vec<u64> = messages.iter().map(|message| message.len() as u64).collect();
    let signing = key(1);
    let mut writer = Writer::new(Cursor::new(Vec::new()), heading, &lengths, &signing).unwrap();
    for message in messages {
        writer.message(message).unwrap();
    }
    writer.finish(&signing).unwrap().1.into_inner()
}

/// What a receiver makes of these bytes.
fn taken(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Refused> {
    let refused = |error| match error {
        ReadError::Refused(why) => why,
        ReadError::Io(error) | ReadError::Copy(error) => panic!("{error}"),
    };
    let verifying = [key(1).verifying()];
    let expected = Expected { me: party(2), sender: party(1), way: Way::ToTrust, verifying: &verifying };
    let unproven = Unproven::read(bytes).map_err(refused)?;
    unproven.header().fits(bytes.len() as u64)?;
    let mut bundle = unproven.prove(&expected).map_err(refused)?;
    let mut messages = Vec::new();
    while let Some(message) = bundle.next_message().map_err(refused)? {
        messages.push(message);
    }
    Ok(messages)
}

fn small() -> Vec<u8> {
    written(heading(), &[b"the letter", b"", b"an order"])
}

/// Longer than two chunks, with a message across an edge.
fn large() -> Vec<u8> {
    let body: Vec<u8> = (0..CHUNK * 2 / 3).map(|at| u8::try_from(at % 251).unwrap()).collect();
    written(heading(), &[b"the letter", &body, &body, &body, &body])
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(taken(&small()).unwrap(), [b"the letter".to_vec(), Vec::new(), b"an order".to_vec()]);
    let messages = taken(&large()).unwrap();
    assert_eq!(messages.len(), 5);
    assert!(messages[1..].iter().all(|message| message.len() == CHUNK * 2 / 3 && message[500] == 249));
    // A payload that is a whole number of chunks.
    let even = vec![3; CHUNK - 4];
    assert_eq!(taken(&written(heading(), &[&even, &even])).unwrap(), [even.clone(), even]);
}

#[test]
fn a_bundle_cut_short_anywhere_is_refused_and_so_is_a_longer_one() {
    let bytes = small();
    for length in 0..bytes.len() {
        let expected = if length == 0 { Refused::NotABundle } else { Refused::CutShort };
        let why = taken(&bytes[..length]).unwrap_err();
        assert_eq!(why, expected, "at {length}");
        // The same where nobody knows how long the file is.
        assert_eq!(streamed(&bytes[..length]).unwrap_err(), expected, "at {length}");
    }
    let longer = [bytes.as_slice(), b"x"].concat();
    assert_eq!(taken(&longer).unwrap_err(), Refused::TrailingBytes);
    assert_eq!(streamed(&longer).unwrap_err(), Refused::TrailingBytes);
}

fn streamed(bytes: &[u8]) -> Result<(), Refused> {
    let verifying = [key(1).verifying()];
    let expected = Expected { me: party(2), sender: party(1), way: Way::ToTrust, verifying: &verifying };
    let read = || -> Result<(), ReadError> {
        let mut bundle = Unproven::read(bytes)?.prove(&expected)?;
        while bundle.next_message()?.is_some() {}
        Ok(())
    };
    read().map_err(|error| match error {
        ReadError::Refused(why) => why,
        ReadError::Io(error) | ReadError::Copy(error) => panic!("{error}"),
    })
}

#[test]
fn a_bundle_with_any_bit_changed_is_refused() {
    let bytes = small();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            assert!(taken(&altered).is_err(), "bit {bit} of byte {at}");
            assert!(streamed(&altered).is_err(), "bit {bit} of byte {at}");
        }
    }
    let mut altered = bytes.clone();
    altered[98] ^= 1;
    assert_eq!(taken(&altered).unwrap_err(), Refused::BadSignature, "the manifest");
    *altered.last_mut().unwrap() ^= 1;
    altered[98] ^= 1;
    assert_eq!(taken(&altered).unwrap_err(), Refused::Damaged, "the payload");
}

#[test]
fn another_bundles_manifest_or_payload_does_not_fit() {
    let (one, other) =
        (small(), written(Heading { number: 8, ..heading() }, &[b"a letter!!", b"", b"an order"]));
    assert_eq!(one.len(), other.len());
    let head = 98 + 32 + 64;
    let swapped_manifest = [&one[..98], &other[98..head], &one[head..]].concat();
    assert_eq!(taken(&swapped_manifest).unwrap_err(), Refused::BadSignature);
    let swapped_payload = [&one[..head], &other[head..]].concat();
    assert_eq!(taken(&swapped_payload).unwrap_err(), Refused::Damaged);
    // Two chunks of one bundle in each other's place.
    let mut large = large();
    let payload =
        large.len() - usize::try_from(Unproven::read(&large[..]).unwrap().header().payload).unwrap();
    let (first, rest) = large[payload..].split_at_mut(CHUNK);
    first.swap_with_slice(&mut rest[..CHUNK]);
    assert_eq!(taken(&large).unwrap_err(), Refused::Damaged);
}

#[test]
fn who_it_is_for_and_from_is_looked_at_each_with_its_own_reason() {
    let of = |heading: Heading| taken(&written(heading, &[b"letter"])).unwrap_err();
    assert_eq!(of(Heading { way: Way::ToHub, ..heading() }), Refused::WrongWay);
    assert_eq!(of(Heading { receiver: party(3), ..heading() }), Refused::Foreign);
    assert_eq!(of(Heading { sender: party(3), ..heading() }), Refused::UnknownSender);
    let signing = key(2);
    let mut writer = Writer::new(Cursor::new(Vec::new()), heading(), &[1], &signing).unwrap();
    writer.message(b"x").unwrap();
    let forged = writer.finish(&signing).unwrap().1.into_inner();
    assert_eq!(taken(&forged).unwrap_err(), Refused::UnknownKey);
    // It may name the right key all the same.
    let mut named = forged;
    named[78..86].copy_from_slice(&key(1).verifying().id().0);
    assert_eq!(taken(&named).unwrap_err(), Refused::BadSignature);
    let mut newer = small();
    newer[4] = 2;
    assert_eq!(taken(&newer).unwrap_err(), Refused::UnknownVersion);
}

/// A bundle that claims these, signed by a sender who lies.
fn claiming(messages: u32, payload: u64, held: &[u8]) -> Vec<u8> {
    let header = Header { heading: heading(), messages, payload, key: key(1).verifying().id().0 };
    let mut bytes = header.to_bytes().to_vec();
    for chunk in held.chunks(CHUNK) {
        use sha2::Digest as _;
        bytes.extend_from_slice(&sha2::Sha256::digest(chunk));
    }
    let signature = key(1).sign(&bytes);
    bytes.extend_from_slice(&signature);
    bytes.extend_from_slice(held);
    bytes
}

#[test]
fn claims_are_bounded_before_anything_is_made_of_them() {
    assert_eq!(taken(&claiming(u32::MAX, 100, b"")).unwrap_err(), Refused::TooLarge);
    assert_eq!(taken(&claiming(1, u64::MAX, b"")).unwrap_err(), Refused::TooLarge);
    assert_eq!(taken(&claiming(1, bounds::BUNDLE_PAYLOAD + 1, b"")).unwrap_err(), Refused::TooLarge);
    // The most that may be claimed: a manifest of 2 MiB, of a file that does not have it.
    assert_eq!(streamed(&claiming(u32::MAX, bounds::BUNDLE_PAYLOAD, b"")).unwrap_err(), Refused::CutShort);
    assert_eq!(taken(&claiming(0, 8, &[0; 8])).unwrap_err(), Refused::Malformed);
    // Messages that claim more than there is, or more than a message may have, or that leave something over.
    assert_eq!(taken(&claiming(1, 8, &[0, 0, 0, 5, 1, 2, 3, 4])).unwrap_err(), Refused::Malformed);
    assert_eq!(taken(&claiming(1, 8, &[255; 8])).unwrap_err(), Refused::Malformed);
    assert_eq!(taken(&claiming(1, 8, &[0, 0, 0, 3, 1, 2, 3, 4])).unwrap_err(), Refused::Malformed);
    assert_eq!(taken(&claiming(2, 8, &[0, 0, 0, 4, 1, 2, 3, 4])).unwrap_err(), Refused::Malformed);
    assert_eq!(taken(&claiming(1, 8, &[0, 0, 0, 4, 1, 2, 3, 4])).unwrap(), [[1, 2, 3, 4]]);
}

#[test]
fn time_is_the_clocks_where_it_may_be_right_and_what_was_heard_where_it_is_wrong() {
    let header = Header { heading: heading(), messages: 1, payload: 5, key: [0; 8] };
    let judge = |now, heard| header.judge(Clock { now: UnixMillis(now), heard: UnixMillis(heard) });
    let (made, expires) = (1_000_000_000, 2_000_000_000);
    assert_eq!(judge(made + 5, made - 9), Ok(UnixMillis(made)));
    assert_eq!(judge(made + 5, made + 4), Ok(UnixMillis(made + 4)));
    assert_eq!(judge(expires - 1, 0), Ok(UnixMillis(made)));
    assert_eq!(judge(expires, 0), Err(Refused::Expired));
    // A clock that stands at 1970, at an appliance that knows better.
    assert_eq!(judge(0, made - 9), Ok(UnixMillis(made)));
    assert_eq!(judge(0, expires), Err(Refused::Expired));
    assert_eq!(judge(made - bounds::BUNDLE_AHEAD_MS, 0), Ok(UnixMillis(made)));
    assert_eq!(judge(made - bounds::BUNDLE_AHEAD_MS - 1, 0), Err(Refused::Future));
}

/// A source that goes away after so many bytes, as a stick does.
struct Pulled<'a> {
    bytes: Cursor<&'a [u8]>,
    left: usize,
}

impl Read for Pulled<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("the stick is gone"));
        }
        let most = buffer.len().min(self.left);
        let read = self.bytes.read(&mut buffer[..most])?;
        self.left -= read;
        Ok(read)
    }
}

impl Seek for Pulled<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

fn carried<R: Read + Seek>(source: R, copy: &mut (impl Read + Write + Seek)) -> Result<u64, ReadError> {
    let verifying = [key(1).verifying()];
    let expected = Expected { me: party(2), sender: party(1), way: Way::ToTrust, verifying: &verifying };
    let mut first = None;
    let bundle = Unproven::read(source)?.prove(&expected)?;
    carry(bundle, copy, &mut |done, _| {
        first.get_or_insert(done);
    })?;
    Ok(first.unwrap_or(0))
}

#[test]
fn a_copy_goes_on_where_the_stick_was_pulled_at_any_byte() {
    let bytes = large();
    let payload =
        bytes.len() - usize::try_from(Unproven::read(&bytes[..]).unwrap().header().payload).unwrap();
    let edges = (0..3)
        .flat_map(|chunk| [-1_isize, 0, 1].map(|by| (payload + chunk * CHUNK).saturating_add_signed(by)));
    let some = (0..60).map(|step| bytes.len() * step / 60 + step * 7);
    for cut in edges.chain(some).chain(0..200).filter(|cut| *cut < bytes.len()) {
        let mut copy = Cursor::new(Vec::new());
        let pulled = Pulled { bytes: Cursor::new(&bytes), left: cut };
        assert!(matches!(carried(pulled, &mut copy), Err(ReadError::Io(_))), "at {cut}");
        let kept = copy.get_ref().len();
        let went_on_at = carried(Cursor::new(&bytes), &mut copy).unwrap();
        assert_eq!(copy.get_ref(), &bytes, "at {cut}");
        assert!(went_on_at >= kept as u64, "{went_on_at} of {kept}");
    }
}

#[test]
fn of_an_earlier_copy_only_what_is_right_is_kept() {
    let bytes = large();
    for spoil in [0, 97, 99, 300, CHUNK + 500, bytes.len() - 1] {
        let mut copy = Cursor::new(bytes.clone());
        copy.get_mut()[spoil] ^= 1;
        carried(Cursor::new(&bytes), &mut copy).unwrap();
        assert_eq!(copy.get_ref(), &bytes, "spoilt at {spoil}");
    }
    // Another bundle's copy under the same name.
    let other = written(Heading { number: 8, ..heading() }, &[&vec![1; CHUNK + 9]]);
    let mut copy = Cursor::new(other);
    carried(Cursor::new(&bytes), &mut copy).unwrap();
    assert_eq!(copy.get_ref(), &bytes);
}

#[test]
fn a_writer_that_is_given_other_messages_than_announced_makes_no_bundle() {
    let signing = key(1);
    let mut writer = Writer::new(Cursor::new(Vec::new()), heading(), &[3, 4], &signing).unwrap();
    writer.message(b"abc").unwrap();
    assert!(matches!(writer.finish(&signing), Err(WriteError::Changed)));
    let mut writer = Writer::new(Cursor::new(Vec::new()), heading(), &[3], &signing).unwrap();
    writer.message(b"abcd").unwrap();
    assert!(matches!(writer.finish(&signing), Err(WriteError::Changed)));
    let too_much = [bounds::BUNDLE_PAYLOAD];
    let writer = Writer::new(Cursor::new(Vec::new()), heading(), &too_much, &signing);
    assert!(matches!(writer, Err(WriteError::TooLarge(_))));
    // What was written of one that was cut off is no bundle.
    let mut target = Cursor::new(Vec::new());
    let mut writer = Writer::new(&mut target, heading(), &[2_000_000], &signing).unwrap();
    writer.message(&vec![7; 2_000_000]).unwrap();
    drop(writer);
    assert_eq!(taken(target.get_ref()).unwrap_err(), Refused::NotABundle);
    target.write_all(&[]).unwrap();
}

#[test]
fn every_refusal_has_a_name_of_its_own_and_words() {
    let names: std::collections::BTreeSet<&str> = Refused::ALL.iter().map(|why| why.name()).collect();
    assert_eq!(names.len(), Refused::ALL.len());
    for why in Refused::ALL {
        assert_eq!(serde_json::to_value(why).unwrap(), why.name());
        assert!(why.to_string().len() > 30, "{why}");
    }
}

#[test]
fn parts_hold_every_message_once_and_at_least_one() {
    let messages = [(1, 10), (2, 10), (3, 100), (4, 1)];
    let parts = |size| -> Vec<Vec<u64>> {
        let parts = framed(&messages, size, |(_, length)| *length);
        parts.into_iter().map(|part| part.iter().map(|(at, _)| *at).collect()).collect()
    };
    assert_eq!(parts(u64::MAX), [vec![1, 2, 3, 4]]);
    assert_eq!(parts(30), [vec![1, 2], vec![3], vec![4]]);
    assert_eq!(parts(1), [[1], [2], [3], [4]]);
    assert_eq!(framed::<u64>(&[], 5, |length| *length), [&[] as &[u64]]);
}

#[test]
fn numbers_and_moments_that_no_ledger_holds_are_refused() {
    let most = bounds::NUMBER_MOST;
    assert!(taken(&written(Heading { number: most, ..heading() }, &[b"the letter"])).is_ok());
    for heading in [
        Heading { number: most + 1, ..heading() },
        Heading { made: UnixMillis(most + 1), ..heading() },
        Heading { expires: UnixMillis(u64::MAX), ..heading() },
    ] {
        assert_eq!(taken(&written(heading, &[b"the letter"])).unwrap_err(), Refused::Malformed);
    }
}

/// A disk that takes no more.
struct Full(Cursor<Vec<u8>>);

impl Read for Full {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for Full {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_is_full_is_another_failure_than_a_stick_that_cannot_be_read() {
    let bytes = small();
    let full = carried(Cursor::new(&bytes), &mut Full(Cursor::new(Vec::new()))).unwrap_err();
    assert!(matches!(full, ReadError::Copy(error) if error.kind() == io::ErrorKind::StorageFull));
}
