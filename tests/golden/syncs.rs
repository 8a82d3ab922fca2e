//! Syncs, and what goes in them.

use flip_protocol::heads::{Heads, SignedHead};
use flip_protocol::message::Unwelcome;
use flip_protocol::sync::{
    Concern, Confinement, Health, Holding, NotTaken, Stage, SyncRequest, SyncResponse,
};
use flip_protocol::text;

use crate::messages::sealed_order;
use crate::results::extract;
use crate::{NOW, hub, message_id, same, signing, trust};

pub(crate) fn syncs() -> (SyncRequest, SyncResponse) {
    let request = SyncRequest {
        received: vec![message_id(7)],
        refused: vec![NotTaken { message: message_id(8), reason: Unwelcome::Expired }],
        holding: vec![Holding { order: message_id(7), stage: Stage::Running }],
        results: vec![text::encode(sealed_order().bytes())],
        health: Health {
            version: "0.1.0".to_owned(),
            extract: Some(extract()),
            uptime_s: 5,
            disk_free_bytes: 6,
            refused_messages: 1,
            engine: Some(Confinement::Full),
            disk_bytes: None,
            clock_ahead_ms: None,
            concerns: Vec::new(),
        },
        wait_ms: 25_000,
        room: 64,
        audit: None,
    };
    let response = SyncResponse {
        hub_time: NOW,
        acknowledged: vec![message_id(9)],
        refused: vec![NotTaken { message: message_id(10), reason: Unwelcome::Replayed }],
        orders: vec![text::encode(sealed_order().bytes())],
        rotate: false,
        audit: None,
        cancelled: Vec::new(),
    };
    (request, response)
}

#[test]
fn a_sync_is_the_same_text_both_ways() {
    let (request, response) = syncs();
    let text = format!(
        "{}\n{}\n",
        serde_json::to_string(&request).unwrap(),
        serde_json::to_string(&response).unwrap()
    );
    same("sync.json", &text);
    let (first, second) = text.split_once('\n').unwrap();
    assert_eq!(serde_json::from_str::<SyncRequest>(first).unwrap(), request);
    assert_eq!(serde_json::from_str::<SyncResponse>(second.trim()).unwrap(), response);
}

#[test]
fn what_health_and_a_sync_said_later_is_the_same_text_both_ways() {
    let health = Health {
        version: "0.2.0".to_owned(),
        disk_bytes: Some(1 << 40),
        clock_ahead_ms: Some(-12),
        concerns: vec![Concern::DataOld, Concern::DiskLow],
        ..Health::default()
    };
    let response = SyncResponse {
        hub_time: NOW,
        acknowledged: vec![],
        refused: vec![],
        orders: vec![],
        rotate: true,
        audit: None,
        cancelled: Vec::new(),
    };
    let text = format!(
        "{}\n{}\n",
        serde_json::to_string(&health).unwrap(),
        serde_json::to_string(&response).unwrap()
    );
    same("sync-later.json", &text);
    let (first, second) = text.split_once('\n').unwrap();
    assert_eq!(serde_json::from_str::<Health>(first).unwrap(), health);
    assert_eq!(serde_json::from_str::<SyncResponse>(second.trim()).unwrap(), response);
    let newer = first.replace("disk_low", "something_of_next_year");
    assert_eq!(serde_json::from_str::<Health>(&newer).unwrap().concerns, [Concern::DataOld, Concern::Other]);
}

#[test]
fn heads_of_audits_are_the_same_text_and_no_altered_one_verifies() {
    let head = SignedHead::sign(trust(), 412, &"0a".repeat(32), NOW, &signing(1));
    let yours = SignedHead::sign(hub(), 7, &"b1".repeat(32), NOW, &signing(3));
    let heads = Heads { mine: head.clone(), yours: Some(yours) };
    let text = serde_json::to_string(&heads).unwrap() + "\n";
    same("heads.json", &text);
    assert_eq!(serde_json::from_str::<Heads>(&text).unwrap(), heads);
    assert!(head.verifies());
    let other = SignedHead::sign(trust(), 412, &"0a".repeat(32), NOW, &signing(2));
    let altered = [
        SignedHead { of: hub(), ..head.clone() },
        SignedHead { entries: 413, ..head.clone() },
        SignedHead { hash: "0b".repeat(32), ..head.clone() },
        SignedHead { hash: "0A".repeat(32), ..head.clone() },
        SignedHead { at: NOW.plus(1), ..head.clone() },
        SignedHead { key: other.key, ..head.clone() },
        SignedHead { signature: other.signature, ..head },
    ];
    assert!(altered.iter().all(|altered| !altered.verifies()), "{altered:?}");
}

#[test]
fn an_older_sync_without_heads_is_understood_and_a_newer_one_by_an_older_side() {
    let old = include_str!("v1/sync.json");
    let (request, response) = old.split_once('\n').unwrap();
    assert_eq!(serde_json::from_str::<SyncRequest>(request).unwrap().audit, None);
    assert_eq!(serde_json::from_str::<SyncResponse>(response).unwrap().audit, None);
    // A side takes no notice of what it does not know, as older ones did of heads.
    let newer = request.replacen('{', "{\"of_tomorrow\":[1],", 1);
    assert!(serde_json::from_str::<SyncRequest>(&newer).is_ok());
}

#[test]
fn a_sync_that_cancels_is_the_same_text_and_one_that_does_not_says_nothing_of_it() {
    let mut response = SyncResponse {
        hub_time: NOW,
        acknowledged: Vec::new(),
        refused: Vec::new(),
        orders: Vec::new(),
        cancelled: Vec::new(),
        rotate: false,
        audit: None,
    };
    assert!(!serde_json::to_string(&response).unwrap().contains("cancelled"));
    response.cancelled = vec![message_id(7), message_id(8)];
    let text = serde_json::to_string(&response).unwrap();
    same("sync-cancelled.json", &text);
    assert_eq!(serde_json::from_str::<SyncResponse>(&text).unwrap(), response);
}
