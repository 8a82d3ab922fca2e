//! Messages: sealed, signed, and refused with a reason each.

use std::fs;

use flip_protocol::message::{Envelope, Kind, Receiver, Sealed, Unwelcome};
use flip_protocol::order::Work;
use flip_protocol::{UnixMillis, message, text};

use crate::{Fixed, NOW, hub, message_id, opening, path, same, signing, trust};

pub(crate) fn order() -> (Envelope, Vec<u8>) {
    let work = Work::CohortQuery {
        name: "T2DM – all".to_owned(),
        sql: "SELECT person_id FROM omop.person".to_owned(),
        project: None,
    };
    let envelope = Envelope {
        kind: Kind::WorkOrder,
        id: message_id(7),
        sender: hub(),
        receiver: trust(),
        sequence: 42,
        issued: NOW,
        expires: NOW.plus(1_000),
    };
    (envelope, serde_json::to_vec(&work).unwrap())
}

pub(crate) fn sealed_order() -> Sealed {
    let (envelope, body) = order();
    message::seal(envelope, &body, &signing(1), &opening(2).sealing(), &mut Fixed(9)).unwrap()
}

fn open(sealed: &Sealed, now: UnixMillis) -> Result<Vec<u8>, Unwelcome> {
    let receiver = Receiver {
        me: trust(),
        sender: hub(),
        kind: Kind::WorkOrder,
        verifying: &[signing(8).verifying(), signing(1).verifying()],
        opening: &[opening(9), opening(2)],
    };
    sealed.open(&receiver, now).map(|body| body.to_vec())
}

#[test]
fn a_sealed_order_is_the_same_bytes_and_opens() {
    let sealed = sealed_order();
    same("order.txt", &text::encode(sealed.bytes()));
    let golden = fs::read_to_string(path("order.txt")).unwrap();
    let read = Sealed::parse(text::decode(&golden).unwrap()).unwrap();
    let (envelope, body) = order();
    assert_eq!(*read.envelope(), envelope);
    assert_eq!(open(&read, NOW).unwrap(), body);
}

#[test]
fn a_message_with_any_byte_changed_or_cut_off_is_refused() {
    let bytes = sealed_order().bytes().to_vec();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x40;
        let outcome = Sealed::parse(changed).and_then(|sealed| open(&sealed, NOW));
        assert!(outcome.is_err(), "byte {position} was changed and nobody noticed");
        assert_eq!(Sealed::parse(bytes[..position].to_vec()), Err(Unwelcome::Malformed), "cut at {position}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(Sealed::parse(longer), Err(Unwelcome::Malformed));
}

#[test]
fn every_refusal_of_a_message_has_its_own_reason() {
    let sealed = sealed_order();
    let verifying = [signing(1).verifying()];
    let keys = [opening(2)];
    let with = |me, sender, kind| Receiver { me, sender, kind, verifying: &verifying, opening: &keys };
    let reason = |receiver: Receiver<'_>, now| sealed.open(&receiver, now).map(drop).unwrap_err();
    assert_eq!(reason(with(hub(), hub(), Kind::WorkOrder), NOW), Unwelcome::Foreign);
    assert_eq!(reason(with(trust(), trust(), Kind::WorkOrder), NOW), Unwelcome::UnknownSender);
    assert_eq!(reason(with(trust(), hub(), Kind::OrderResult), NOW), Unwelcome::WrongKind);
    assert_eq!(reason(with(trust(), hub(), Kind::WorkOrder), NOW.plus(1_000)), Unwelcome::Expired);
    let stranger = [signing(3).verifying()];
    let receiver = Receiver { verifying: &stranger, ..with(trust(), hub(), Kind::WorkOrder) };
    assert_eq!(reason(receiver, NOW), Unwelcome::UnknownKey);
    let other = [opening(4)];
    let receiver = Receiver { opening: &other, ..with(trust(), hub(), Kind::WorkOrder) };
    assert_eq!(reason(receiver, NOW), Unwelcome::UnknownKey);
    let mut newer = sealed.bytes().to_vec();
    newer[4] = 2;
    assert_eq!(Sealed::parse(newer), Err(Unwelcome::UnknownVersion));
    // A sequence number that no ledger holds.
    let mut numbered = sealed.bytes().to_vec();
    numbered[54] |= 0x80;
    assert_eq!(Sealed::parse(numbered), Err(Unwelcome::Malformed));
    let mut forged = sealed.bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(open(&Sealed::parse(forged).unwrap(), NOW), Err(Unwelcome::BadSignature));
}
