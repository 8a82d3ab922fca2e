//! Golden bytes: what crosses a Trust's boundary today must be readable for ever.
//!
//! Each file under `golden/v1` was written once by this test with `FLIP_GOLDEN=write` and never changes; a new
//! version of the wire gets a folder of its own.
#![expect(clippy::unwrap_used, reason = "a test may end where its own ground gives way")]

#[path = "../fuzz/judge_bundle.rs"]
mod judge_bundle;

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use flip_protocol::answer::{
    Cell, CohortAnswer, CohortOutcome, Extract, Failed, Field, Finite, Place, Protection, Refused, Shape,
    Summary, Unit,
};
use flip_protocol::bundle::{Expected, FromAppliance, FromHub, Heading, Unproven, Way, Writer};
use flip_protocol::enrolment::{EnrolRequest, EnrolResponse, HubSide, Kit, RenewRequest, RotateRequest};
use flip_protocol::freeze::{DropOutcome, FreezeOutcome, Freezing, Frozen, NotFrozen};
use flip_protocol::heads::{Heads, SignedHead};
use flip_protocol::ident::{ProjectId, QueryId};
use flip_protocol::keys::{OpeningKey, SigningKey};
use flip_protocol::message::{self, Envelope, Kind, Receiver, Sealed, Unwelcome};
use flip_protocol::order::{OrderResult, Outcome, Work};
use flip_protocol::problem::Problem;
use flip_protocol::sync::{
    Concern, Confinement, Health, Holding, NotTaken, Stage, SyncRequest, SyncResponse,
};
use flip_protocol::{MessageId, PartyId, UnixMillis, text};
use rand_core::{TryCryptoRng, TryRng};
use uuid::Uuid;

/// Bytes that are always the same. Never for real keys.
struct Fixed(u8);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(5).wrapping_add(17);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

fn hub() -> PartyId {
    PartyId(Uuid::from_u128(0x01_02_03))
}

fn trust() -> PartyId {
    PartyId(Uuid::from_u128(0x0a_0b_0c))
}

fn message_id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

fn signing(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn opening(seed: u8) -> OpeningKey {
    OpeningKey::from_bytes(&[seed; 32]).unwrap()
}

fn order() -> (Envelope, Vec<u8>) {
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

fn sealed_order() -> Sealed {
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

fn extract() -> Extract {
    Extract { generation: "g-000003".to_owned(), date: "2026-11-01".to_owned() }
}

fn outcomes() -> Vec<CohortOutcome> {
    let cells = vec![
        Cell { label: "Female".to_owned(), count: Some(35) },
        Cell { label: "Other".to_owned(), count: None },
    ];
    let field = Field::of_groups("Sex Distribution", Unit::Persons, cells, true);
    vec![
        CohortOutcome::Value(CohortAnswer {
            persons: 69,
            records: 70,
            threshold: 10,
            protection: None,
            extract: extract(),
            fields: vec![field],
        }),
        CohortOutcome::FewerThan { threshold: 10, extract: extract() },
        CohortOutcome::Refused(Refused {
            code: "table_not_allowed".to_owned(),
            message: "only schema omop can be read".to_owned(),
            place: Some(Place { line: 1, column: 23 }),
        }),
        CohortOutcome::Failed { reason: Failed::Timeout },
    ]
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1").join(name)
}

/// Compares with the golden file, or writes it where the environment asks for that and it does not exist.
fn same(name: &str, text: &str) {
    if std::env::var("FLIP_GOLDEN").is_ok_and(|wish| wish == "write") && !path(name).exists() {
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), text).unwrap();
    }
    let golden = fs::read_to_string(path(name)).unwrap_or_else(|_| panic!("{name} is missing"));
    assert_eq!(golden, text, "{name}: the wire changed; a new version needs a folder of its own");
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

#[test]
fn results_of_every_kind_are_the_same_text() {
    let results: Vec<OrderResult> = outcomes()
        .into_iter()
        .map(|outcome| OrderResult { order: message_id(7), outcome: Outcome::CohortQuery(outcome) })
        .collect();
    let text = serde_json::to_string_pretty(&results).unwrap();
    same("results.json", &text);
    assert_eq!(serde_json::from_str::<Vec<OrderResult>>(&text).unwrap(), results);
}

#[test]
fn an_answer_with_noise_is_the_same_text() {
    let cells = vec![
        Cell { label: "below 50".to_owned(), count: Some(120) },
        Cell { label: "50 and more".to_owned(), count: Some(85) },
    ];
    let number = |number: f64| Finite::try_from(number).unwrap();
    let field = Field {
        shape: Shape::Histogram,
        summary: Some(Summary { mean: number(48.5), spread: number(12.25) }),
        margin: Some(35),
        ..Field::of_groups("Distribution of value_as_number", Unit::Persons, cells, false)
    };
    let outcome = CohortOutcome::Value(CohortAnswer {
        persons: 205,
        records: 390,
        threshold: 30,
        protection: Some(Protection { rounded_to: 5, persons_margin: 34, records_margin: 95 }),
        extract: extract(),
        fields: vec![field],
    });
    let text = serde_json::to_string_pretty(&outcome).unwrap();
    same("inexact.json", &text);
    assert_eq!(serde_json::from_str::<CohortOutcome>(&text).unwrap(), outcome);
}

#[test]
fn an_order_to_freeze_and_its_results_are_the_same_text() {
    let works = [Some(ProjectId(Uuid::from_u128(5))), None].map(|project| Work::FreezeCohort {
        name: "T2DM – all".to_owned(),
        sql: "SELECT person_id FROM omop.person".to_owned(),
        project,
        query: QueryId(Uuid::from_u128(6)),
    });
    let frozen = Freezing::Frozen(Frozen {
        cohort: "f-3fa9c1d20b7e".to_owned(),
        version: 2,
        generation: "g-000003".to_owned(),
        seal: text::hex(&[0xab; 32]),
    });
    let reasons = [NotFrozen::NoCohort, NotFrozen::DiskFull, NotFrozen::TooLarge, NotFrozen::Failed];
    let freezings = [frozen].into_iter().chain(reasons.map(|reason| Freezing::NotFrozen { reason }));
    let results: Vec<OrderResult> = freezings
        .zip(outcomes().into_iter().cycle())
        .map(|(freezing, cohort)| OrderResult {
            order: message_id(7),
            outcome: Outcome::FreezeCohort(FreezeOutcome { cohort, freezing }),
        })
        .collect();
    let lines =
        [serde_json::to_string_pretty(&works).unwrap(), serde_json::to_string_pretty(&results).unwrap()];
    same("freeze.json", &(lines.join("\n") + "\n"));
    // Came later.
    let spent = Freezing::NotFrozen { reason: NotFrozen::QuotaSpent };
    same("freeze-quota.json", &(serde_json::to_string_pretty(&spent).unwrap() + "\n"));
    assert_eq!(serde_json::from_str::<[Work; 2]>(&lines[0]).unwrap(), works);
    assert_eq!(serde_json::from_str::<Vec<OrderResult>>(&lines[1]).unwrap(), results);
}

fn syncs() -> (SyncRequest, SyncResponse) {
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
fn new_keys_are_signed_with_the_old_one_and_the_request_is_the_same_text() {
    let before = signing(3);
    let request = RotateRequest::new(
        trust(),
        "-----BEGIN CERTIFICATE REQUEST-----".to_owned(),
        signing(5).verifying(),
        opening(6).sealing(),
        &before,
    );
    let text = format!("{}\n", serde_json::to_string(&request).unwrap());
    same("rotate.json", &text);
    let read: RotateRequest = serde_json::from_str(text.trim()).unwrap();
    assert!(read.is_signed_by(trust(), before.verifying()));
    assert!(!read.is_signed_by(hub(), before.verifying()), "another Trust's");
    assert!(!read.is_signed_by(trust(), read.verifying), "by the new key");
    let other = signing(9).verifying();
    let altered = [
        RotateRequest { verifying: other, ..read.clone() },
        RotateRequest { sealing: opening(9).sealing(), ..read.clone() },
        RotateRequest { certificate_request: "another".to_owned(), ..read.clone() },
        RotateRequest { signature: "AA".to_owned(), ..read.clone() },
    ];
    assert!(altered.iter().all(|request| !request.is_signed_by(trust(), before.verifying())));
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
fn enrolment_and_problems_are_the_same_text() {
    let request = EnrolRequest {
        trust: trust(),
        hub: hub(),
        secret: text::encode(&[7; 32]),
        certificate_request: "-----BEGIN CERTIFICATE REQUEST-----".to_owned(),
        verifying: signing(1).verifying(),
        sealing: opening(2).sealing(),
    };
    let response = EnrolResponse {
        certificate: "-----BEGIN CERTIFICATE-----".to_owned(),
        expires: NOW,
        verifying: vec![signing(3).verifying()],
        sealing: vec![opening(4).sealing()],
    };
    let renewal = RenewRequest { certificate_request: "-----BEGIN CERTIFICATE REQUEST-----".to_owned() };
    let problem = Problem {
        kind: "/problems/kit_used".to_owned(),
        title: "This kit was used before.".to_owned(),
        status: 403,
        code: "kit_used".to_owned(),
        detail: None,
        place: Some(Place { line: 1, column: 23 }),
    };
    let lines = [
        serde_json::to_string(&request).unwrap(),
        serde_json::to_string(&response).unwrap(),
        serde_json::to_string(&renewal).unwrap(),
        serde_json::to_string(&problem).unwrap(),
    ];
    same("enrolment.json", &(lines.join("\n") + "\n"));
    let again: EnrolRequest = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), lines[0]);
    assert_eq!(serde_json::from_str::<EnrolResponse>(&lines[1]).unwrap(), response);
    assert_eq!(serde_json::from_str::<RenewRequest>(&lines[2]).unwrap(), renewal);
    assert_eq!(serde_json::from_str::<Problem>(&lines[3]).unwrap(), problem);
}

#[test]
fn a_kit_is_the_same_text_and_every_altered_line_is_noticed() {
    let hub = HubSide { id: hub(), address: "hub.example:8444", ca_der: b"not a real certificate" };
    let kit = Kit::new("St Elsewhere", trust(), &hub, &[7; 32], NOW.plus(1_000));
    let text = kit.to_text();
    same("kit.toml", &text);
    assert!(Kit::from_text(&text, NOW).is_ok());
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains(" = ")) {
        let (name, _) = line.split_once(" = ").unwrap();
        let last = line.trim_end_matches('"').chars().last().unwrap();
        let swapped = if last == '1' { '2' } else { '1' };
        let cut = line.trim_end_matches('"').len() - last.len_utf8();
        let altered_line =
            format!("{}{swapped}{}", &line[..cut], if line.ends_with('"') { "\"" } else { "" });
        let altered: Vec<&str> = text
            .lines()
            .enumerate()
            .map(|(n, line)| if n == number { altered_line.as_str() } else { line })
            .collect();
        assert!(Kit::from_text(&altered.join("\n"), NOW).is_err(), "{name} was altered and nobody noticed");
    }
    assert!(Kit::from_text(&text, NOW.plus(1_000)).is_err_and(|error| error.to_string().contains("expired")));
}

#[test]
fn an_order_to_drop_and_its_results_are_the_same_text() {
    let work = Work::DropFreeze {
        name: "T2DM – all".to_owned(),
        project: Some(ProjectId(Uuid::from_u128(5))),
        query: QueryId(Uuid::from_u128(6)),
    };
    let results = [DropOutcome::Dropped { versions: 2 }, DropOutcome::NotDropped]
        .map(|outcome| OrderResult { order: message_id(7), outcome: Outcome::DropFreeze(outcome) });
    let text = serde_json::to_string_pretty(&(&work, &results)).unwrap();
    same("drop.json", &text);
    assert_eq!(serde_json::from_str::<(Work, [OrderResult; 2])>(&text).unwrap(), (work, results));
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
