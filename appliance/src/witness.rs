//! Heads of audits that this appliance and the hub keep of each other: now and then the hub is told how the audit log here
//! ends, and its answer, how the hub's audit ends, is an act of the log.
//!
//! What must stay true: the log is not told anew because of an exchange alone; a head that contradicts either audit is an
//! act of the log and an error in the program's.

use std::sync::{Mutex, PoisonError};

use flip_protocol::heads::{Carrier, Heads, SignedHead};
use flip_protocol::{UnixMillis, bounds};
use flip_storage::audit::{Audit, AuditError, Entry};
use serde_json::json;

use crate::identity::Identity;

/// The act of a hub's head that is kept.
pub const KEPT: &str = "hub_head_kept";
const CONTRADICTED: &str = "head_contradicted";

/// When the hub was told last, and of what.
#[derive(Debug, Default)]
pub struct Witness(Mutex<Told>);

#[derive(Debug)]
struct Told {
    /// Acts of the log that the hub has been told of.
    entries: u64,
    next: UnixMillis,
}

impl Default for Told {
    fn default() -> Self {
        Self { entries: 0, next: UnixMillis(0) }
    }
}

impl Witness {
    /// What to tell the hub now, if anything.
    pub fn offer(
        &self,
        audit: &Audit,
        identity: &Identity,
        now: UnixMillis,
    ) -> Result<Option<Heads>, AuditError> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now < told.next {
            return Ok(None);
        }
        told.next = now.plus(bounds::HEADS_EVERY_MS);
        let newest = audit.newest(1)?;
        if newest.first().is_none_or(|entry| entry.number == told.entries || entry.act == KEPT) {
            return Ok(None);
        }
        heads(audit, identity, now)
    }

    /// What was offered did not arrive: it is offered again at once.
    pub fn lost(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next = UnixMillis(0);
    }

    /// Keeps what the hub says; gives what contradicts what, in words. A head that came late by stick, where a later one is
    /// kept, is in the log as one that was late, and nothing is compared with it.
    pub fn keep(
        &self,
        audit: &Audit,
        identity: &Identity,
        heads: Heads,
        now: UnixMillis,
        carrier: Carrier,
    ) -> Result<Vec<String>, AuditError> {
        let Heads { mine: theirs, yours: ours } = heads;
        let known = identity.facts.verifying.contains(&theirs.key);
        if theirs.of != identity.facts.hub || !known || !theirs.verifies() {
            return Ok(vec!["the head of the hub's audit is not signed by the hub".to_owned()]);
        }
        let before = newest(audit)?;
        let mut contradictions = Vec::new();
        let mut contradict = |whose: &str, why: Option<String>, head: &SignedHead| {
            let Some(why) = why else { return Ok(()) };
            audit.append(now.0, CONTRADICTED, json!({ "whose": whose, "why": why, "head": head }))?;
            contradictions.push(why);
            Ok(())
        };
        let is_late =
            carrier == Carrier::Stick && before.as_ref().is_some_and(|before| theirs.is_before(before));
        if let Some(before) = before.filter(|_| !is_late) {
            contradict("hub", went_back(&before, &theirs), &before)?;
        }
        let signed_here = |ours: &SignedHead| {
            ours.of == identity.facts.trust
                && ours.key == identity.keys.signing.verifying()
                && ours.verifies()
        };
        if let Some(ours) = ours.filter(signed_here) {
            contradict("trust", contradiction(audit, &ours)?, &ours)?;
        }
        // Who holds the hub's key can date a head back: when it came, and how, is ours.
        let mut facts = json!({ "head": theirs, "carrier": carrier });
        if is_late {
            facts["late"] = true.into();
            audit.append(now.0, KEPT, facts)?;
            return Ok(contradictions);
        }
        let entry = audit.append(now.0, KEPT, facts)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entries = entry.number;
        Ok(contradictions)
    }
}

/// How the log ends now, and the newest head of the hub's that is kept; `None` where it has no act yet.
pub fn heads(audit: &Audit, identity: &Identity, now: UnixMillis) -> Result<Option<Heads>, AuditError> {
    let head = audit.head()?;
    if head.entries == 0 {
        return Ok(None);
    }
    let mine = SignedHead::sign(identity.facts.trust, head.entries, &head.hash, now, &identity.keys.signing);
    Ok(Some(Heads { mine, yours: newest(audit)? }))
}

/// The newest head of the hub's that is kept, but those that were late when they came.
fn newest(audit: &Audit) -> Result<Option<SignedHead>, AuditError> {
    let kept = audit.newest_of(1, |entry| entry.act == KEPT && entry.facts["late"] != true)?;
    Ok(kept.first().and_then(head_of))
}

/// The hub's head that an act keeps.
pub fn head_of(entry: &Entry) -> Option<SignedHead> {
    serde_json::from_value(entry.facts["head"].clone()).ok()
}

fn went_back(before: &SignedHead, now: &SignedHead) -> Option<String> {
    let same = before.entries == now.entries && before.hash == now.hash;
    (now.entries <= before.entries && !same).then(|| {
        format!(
            "the hub's audit had {} acts when it told of it last, and has {} now",
            before.entries, now.entries
        )
    })
}

/// How the log here does not have what was signed here.
fn contradiction(audit: &Audit, ours: &SignedHead) -> Result<Option<String>, AuditError> {
    let mut found = None;
    let walked = audit.walk(|entry, hash| {
        if entry.number == ours.entries {
            found = Some(hash == ours.hash);
        }
    });
    let number = ours.entries;
    Ok(match (walked, found) {
        (Err(error @ (AuditError::File { .. } | AuditError::TooLong)), _) => return Err(error),
        (Err(error @ AuditError::Altered { .. }), _) => Some(error.to_string()),
        (Ok(_), Some(true)) => None,
        (Ok(_), Some(false)) => {
            Some(format!("act {number} of this log is another than the hub keeps the hash of"))
        }
        (Ok(_), None) => Some(format!("this log has no act {number}, of which the hub keeps the hash")),
    })
}

#[cfg(test)]
mod tests {
    use flip_protocol::PartyId;
    use flip_protocol::enrolment::{EnrolResponse, HubSide, Kit};
    use flip_protocol::keys::SigningKey;

    use super::*;
    use crate::identity::Keys;

    fn head(entries: u64, hash: char) -> SignedHead {
        let of = PartyId::from_bytes([1; 16]);
        let hash = hash.to_string().repeat(64);
        SignedHead::sign(of, entries, &hash, UnixMillis(5), &SigningKey::from_bytes(&[7; 32]))
    }

    #[test]
    fn an_audit_that_goes_back_or_changes_what_it_told_is_noticed() {
        assert_eq!(went_back(&head(3, 'a'), &head(4, 'b')), None);
        assert_eq!(went_back(&head(3, 'a'), &head(3, 'a')), None);
        assert!(went_back(&head(3, 'a'), &head(3, 'b')).is_some());
        assert!(went_back(&head(3, 'a'), &head(2, 'c')).is_some());
    }

    #[test]
    fn a_head_that_is_kept_says_what_carried_it_and_whether_it_was_late() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::new(&folder.path().join("audit.log"));
        let (hub, signing) = (PartyId::from_bytes([1; 16]), SigningKey::from_bytes(&[7; 32]));
        let signed = |entries, at| SignedHead::sign(hub, entries, &"a".repeat(64), UnixMillis(at), &signing);
        let side = HubSide { id: hub, address: "127.0.0.1:1", ca_der: b"ca" };
        let kit = Kit::new("Northgate", PartyId::from_bytes([7; 16]), &side, &[9; 32], UnixMillis(9));
        Keys::for_enrolment(folder.path(), &kit).unwrap();
        let answer = EnrolResponse {
            certificate: "one".to_owned(),
            expires: UnixMillis(1_000),
            verifying: vec![signing.verifying()],
            sealing: Vec::new(),
        };
        let identity = Identity::complete(folder.path(), &kit, answer, UnixMillis(1)).unwrap();
        let keep = |mine, carrier| {
            let heads = Heads { mine, yours: None };
            let kept = Witness::default().keep(&audit, &identity, heads, UnixMillis(90), carrier).unwrap();
            (kept.len(), audit.newest(1).unwrap()[0].facts.clone())
        };
        let (none, network) = keep(signed(5, 50), Carrier::Network);
        assert_eq!((none, &network["carrier"], &network["late"]), (0, &"network".into(), &json!(null)));
        let (none, stick) = keep(signed(6, 60), Carrier::Stick);
        assert_eq!((none, &stick["carrier"], &stick["late"]), (0, &"stick".into(), &json!(null)));
        // Dated back by who holds the key: it contradicts nothing, and stays to be seen.
        let (none, late) = keep(signed(4, 40), Carrier::Stick);
        assert_eq!((none, &late["late"], &late["head"]["entries"]), (0, &true.into(), &4.into()));
        assert_eq!(newest(&audit).unwrap(), Some(signed(6, 60)));
        assert_eq!(keep(signed(4, 40), Carrier::Network).0, 1, "the network carries nothing late");
    }

    #[test]
    fn a_log_that_was_cut_or_written_anew_contradicts_what_was_signed() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::new(&folder.path().join("audit.log"));
        audit.append(1, "a", json!({})).unwrap();
        let sound = audit.verify().unwrap();
        let of = |entries, hash: &str| {
            let signing = SigningKey::from_bytes(&[7; 32]);
            SignedHead::sign(PartyId::from_bytes([1; 16]), entries, hash, UnixMillis(5), &signing)
        };
        assert_eq!(contradiction(&audit, &of(1, &sound.hash)).unwrap(), None);
        assert!(contradiction(&audit, &of(1, &"b".repeat(64))).unwrap().is_some());
        assert!(contradiction(&audit, &of(2, &sound.hash)).unwrap().is_some());
    }
}
