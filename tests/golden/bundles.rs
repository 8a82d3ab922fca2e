//! Bundles, both ways.

use std::fs;
use std::path::Path;

use flip_protocol::bundle::{Expected, FromAppliance, FromHub, Heading, Unproven, Way, Writer};
use flip_protocol::sync::{SyncRequest, SyncResponse};

use crate::messages::sealed_order;
use crate::syncs::syncs;
use crate::{Fixed, NOW, hub, judge_bundle, message_id, opening, path, signing, trust};

fn bundle(way: Way) -> Heading {
    let (sender, receiver) = match way {
        Way::ToTrust => (hub(), trust()),
        Way::ToHub => (trust(), hub()),
    };
    Heading { way, id: message_id(11), sender, receiver, number: 3, made: NOW, expires: NOW.plus(1_000) }
}

/// A bundle of a letter and messages as this program writes it.
fn bundled(heading: Heading, letter: &impl serde::Serialize, messages: &[&[u8]]) -> Vec<u8> {
    let signing = signing(1);
    let letter = heading.seal(letter, &signing, &opening(2).sealing(), &mut Fixed(9)).unwrap();
    let all: Vec<&[u8]> = std::iter::once(letter.bytes()).chain(messages.iter().copied()).collect();
    let lengths: Vec<u64> = all.iter().map(|message| message.len() as u64).collect();
    let mut writer = Writer::new(std::io::Cursor::new(Vec::new()), heading, &lengths, &signing).unwrap();
    for message in all {
        writer.message(message).unwrap();
    }
    writer.finish(&signing).unwrap().1.into_inner()
}

/// Compares with the golden bundle, and reads that one: its letter and the messages after it.
fn same_bundle<L: serde::de::DeserializeOwned>(name: &str, bytes: &[u8]) -> (L, Vec<Vec<u8>>) {
    if std::env::var("FLIP_GOLDEN").is_ok_and(|wish| wish == "write") && !path(name).exists() {
        fs::write(path(name), bytes).unwrap();
    }
    let golden = fs::read(path(name)).unwrap_or_else(|_| panic!("{name} is missing"));
    assert!(golden == bytes, "{name}: the format changed; a new version needs a folder of its own");
    let unproven = Unproven::read(golden.as_slice()).unwrap();
    let header = *unproven.header();
    let Heading { way, sender, receiver: me, .. } = header.heading;
    let verifying = [signing(1).verifying()];
    let mut read = unproven.prove(&Expected { me, sender, way, verifying: &verifying }).unwrap();
    let letter = read.next_message().unwrap().unwrap();
    let letter = header.open(letter, &verifying, &[opening(2)]).unwrap();
    let messages = std::iter::from_fn(|| read.next_message().unwrap()).collect();
    (letter, messages)
}

#[test]
fn bundles_both_ways_are_the_same_bytes_and_are_read() {
    let order = sealed_order();
    let (request, response) = syncs();
    let from_hub = FromHub { sync: SyncResponse { orders: Vec::new(), ..response }, enrolled: None };
    let bytes = bundled(bundle(Way::ToTrust), &from_hub, &[order.bytes()]);
    let (letter, messages) = same_bundle::<FromHub>("bundle-to-trust.flip", &bytes);
    assert_eq!(letter, from_hub);
    assert_eq!(messages, [order.bytes()]);
    let sync = SyncRequest { results: Vec::new(), wait_ms: 0, ..request };
    let from_trust = FromAppliance { sync, heard: NOW, renew: None, rotate: None };
    let bytes = bundled(bundle(Way::ToHub), &from_trust, &[]);
    let (letter, messages) = same_bundle::<FromAppliance>("bundle-to-hub.flip", &bytes);
    assert_eq!(letter, from_trust);
    assert!(messages.is_empty());
}

#[test]
fn every_bundle_of_the_fuzzers_corpus_is_read_as_it_must_be() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus-bundle");
    let mut tried = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        judge_bundle::judge(&fs::read(entry.unwrap().path()).unwrap());
        tried += 1;
    }
    assert!(tried >= 9, "{tried} files");
    for name in ["bundle-to-trust.flip", "bundle-to-hub.flip"] {
        judge_bundle::judge(&fs::read(path(name)).unwrap());
    }
}
