//! The keys and certificates by which Trusts are known: looked up, replaced, made void.
//!
//! What must stay true: of a Trust whose keys are void nothing is taken and to it nothing is handed, until it enrols
//! anew; keys that are replaced go on verifying what was signed with them as long as an order lives.

use flip_protocol::enrolment::RotateRequest;
use flip_protocol::keys::{SealingKey, VerifyingKey};
use flip_protocol::{PartyId, UnixMillis, bounds as wire, text};
use flip_storage::rusqlite::types::Type;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};

use super::trusts::{Peer, insert_certificate};
use super::{Ledger, LedgerError};
use crate::audit::{By, Deed};
use crate::authority::TrustCertificate;

const COLUMNS: &str = "trust.id, trust.name, trust.verifying, trust.sealing, \
                       iif(trust.before_until_ms > ?1, trust.verifying_before, NULL), \
                       trust.rotate_asked_ms IS NOT NULL";

impl Ledger {
    /// The Trust that a client certificate was issued to, if it is still good. Certificates that it replaces are void
    /// once it is used.
    pub async fn peer_of_certificate(
        &self,
        fingerprint: [u8; 32],
        now: UnixMillis,
    ) -> Result<Option<Peer>, LedgerError> {
        self.call("peer of certificate", move |tx| {
            let sql = format!(
                "SELECT {COLUMNS}, EXISTS (SELECT 1 FROM certificate AS old WHERE old.replaced_by = ?2)
                 FROM certificate JOIN trust ON trust.id = certificate.trust
                 WHERE certificate.fingerprint = ?2 AND certificate.expires_ms > ?1"
            );
            let found = tx
                .prepare_cached(&sql)?
                .query_row((now.0, fingerprint), |row| Ok((peer_of_row(row)?, row.get(6)?)))
                .optional()?;
            let Some((peer, replaces)) = found else { return Ok(None) };
            if replaces {
                tx.execute("DELETE FROM certificate WHERE replaced_by = ?1", [fingerprint])?;
            }
            Ok(Some(peer))
        })
        .await
    }

    /// Asks new keys of a Trust; false where it is not enrolled.
    pub async fn ask_for_keys(&self, by: By, trust: PartyId) -> Result<bool, LedgerError> {
        self.call("ask for keys", move |tx| ask_for_keys(tx, &by, trust)).await
    }

    /// The same, for the command line.
    pub fn ask_for_keys_now(&self, by: By, trust: PartyId) -> Result<bool, LedgerError> {
        self.run("ask for keys", move |tx| ask_for_keys(tx, &by, trust))
    }

    /// Takes over a Trust's new keys and their certificate. The same keys may come again, because the answer was lost.
    pub async fn rotate(
        &self,
        by: By,
        trust: PartyId,
        request: RotateRequest,
        certificate: TrustCertificate,
    ) -> Result<(), LedgerError> {
        self.call("rotate keys", move |tx| {
            tx.execute(
                "UPDATE trust SET verifying_before = verifying, before_until_ms = ?3, keys_ms = ?4
                 WHERE id = ?1 AND verifying <> ?2",
                (trust.bytes(), request.verifying.to_bytes(), by.at.plus(wire::ORDER_LIFE_MS).0, by.at.0),
            )?;
            tx.execute(
                "UPDATE trust SET verifying = ?2, sealing = ?3, rotate_asked_ms = NULL, stick_answer = NULL WHERE id = ?1",
                (trust.bytes(), request.verifying.to_bytes(), request.sealing.to_bytes()),
            )?;
            let fingerprint = certificate.fingerprint;
            tx.execute(
                "UPDATE certificate SET replaced_by = ?2 WHERE trust = ?1",
                (trust.bytes(), fingerprint),
            )?;
            insert_certificate(tx, trust, &certificate, by.at)?;
            let deed = Deed::KeysReplaced {
                trust,
                key: request.verifying.id().to_string(),
                certificate_sha256: text::hex(&fingerprint),
                certificate_until: certificate.expires,
            };
            by.note(tx, &deed)
        })
        .await
    }

    /// Makes a Trust's keys, certificates and kits void; false where there is no such Trust or all are void already.
    pub async fn revoke(&self, by: By, trust: PartyId) -> Result<bool, LedgerError> {
        self.call("revoke", move |tx| revoke(tx, &by, trust)).await
    }

    /// The same, for the command line.
    pub fn revoke_now(&self, by: By, trust: PartyId) -> Result<bool, LedgerError> {
        self.run("revoke", move |tx| revoke(tx, &by, trust))
    }

    /// Takes a Trust off the lists, its keys void; what it answered stays, under its name and the day. False where
    /// there is no such Trust.
    pub async fn remove(&self, by: By, trust: PartyId) -> Result<bool, LedgerError> {
        self.call("remove", move |tx| remove(tx, &by, trust)).await
    }

    /// The same, for the command line.
    pub fn remove_now(&self, by: By, trust: PartyId) -> Result<bool, LedgerError> {
        self.run("remove", move |tx| remove(tx, &by, trust))
    }

    /// Messages of a Trust that were not taken, by reason.
    pub async fn refusals(&self, trust: PartyId) -> Result<Vec<(String, u64)>, LedgerError> {
        self.call("refusals", move |tx| {
            tx.prepare_cached("SELECT reason, times FROM refusal WHERE trust = ?1 ORDER BY reason")?
                .query_map([trust.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .await
    }
}

fn ask_for_keys(tx: &Transaction<'_>, by: &By, trust: PartyId) -> rusqlite::Result<bool> {
    let asked = tx.execute(
        "UPDATE trust SET rotate_asked_ms = coalesce(rotate_asked_ms, ?2)
         WHERE id = ?1 AND enrolled_ms IS NOT NULL AND revoked_ms IS NULL AND removed_ms IS NULL",
        (trust.bytes(), by.at.0),
    )?;
    if asked == 1 {
        by.note(tx, &Deed::KeysAsked { trust, trust_name: name_of(tx, trust)?.unwrap_or_default() })?;
    }
    Ok(asked == 1)
}

fn name_of(tx: &Transaction<'_>, trust: PartyId) -> rusqlite::Result<Option<String>> {
    tx.query_row("SELECT name FROM trust WHERE id = ?1", [trust.bytes()], |row| row.get(0)).optional()
}

fn remove(tx: &Transaction<'_>, by: &By, trust: PartyId) -> rusqlite::Result<bool> {
    revoke(tx, by, trust)?;
    let trust_name = name_of(tx, trust)?;
    // Another may have its name from now on.
    let removed = tx.execute(
        "UPDATE trust SET removed_ms = ?2,
             name = name || ' (removed ' || strftime('%Y-%m-%d %H:%M:%f', ?2 / 1000.0, 'unixepoch') || ')'
         WHERE id = ?1 AND removed_ms IS NULL",
        (trust.bytes(), by.at.0),
    )?;
    if removed == 1 {
        by.note(tx, &Deed::TrustRemoved { trust, trust_name: trust_name.unwrap_or_default() })?;
    }
    Ok(removed == 1)
}

/// See [`Ledger::revoke`].
fn revoke(tx: &Transaction<'_>, by: &By, trust: PartyId) -> rusqlite::Result<bool> {
    let revoked = tx.execute(
        "UPDATE trust SET revoked_ms = ?2, rotate_asked_ms = NULL
         WHERE id = ?1 AND revoked_ms IS NULL AND removed_ms IS NULL",
        (trust.bytes(), by.at.0),
    )?;
    tx.execute("DELETE FROM certificate WHERE trust = ?1", [trust.bytes()])?;
    // Of a Trust whose keys are void, a kit that was made since is.
    let kits = tx.execute("DELETE FROM kit WHERE trust = ?1 AND used_ms IS NULL", [trust.bytes()])?;
    if revoked + kits > 0 {
        by.note(tx, &Deed::TrustRevoked { trust, trust_name: name_of(tx, trust)?.unwrap_or_default() })?;
    }
    Ok(revoked + kits > 0)
}

/// Every enrolled Trust whose keys are good, to seal orders to.
pub(super) fn peers(tx: &Transaction<'_>) -> rusqlite::Result<Vec<Peer>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM trust
         WHERE enrolled_ms IS NOT NULL AND revoked_ms IS NULL AND removed_ms IS NULL ORDER BY name"
    );
    tx.prepare_cached(&sql)?.query_map([0], peer_of_row)?.collect()
}

/// One of them.
pub(super) fn peer(tx: &Transaction<'_>, trust: PartyId) -> rusqlite::Result<Option<Peer>> {
    peer_at(tx, trust, UnixMillis(0))
}

/// One of them, with the keys that it signs with at `now`.
pub(super) fn peer_at(
    tx: &Transaction<'_>,
    trust: PartyId,
    now: UnixMillis,
) -> rusqlite::Result<Option<Peer>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM trust
         WHERE id = ?2 AND enrolled_ms IS NOT NULL AND revoked_ms IS NULL AND removed_ms IS NULL"
    );
    tx.prepare_cached(&sql)?.query_row((now.0, trust.bytes()), peer_of_row).optional()
}

fn peer_of_row(row: &Row<'_>) -> rusqlite::Result<Peer> {
    let damaged = |column| rusqlite::Error::InvalidColumnType(column, "key".to_owned(), Type::Blob);
    let verifying = |column, bytes: &[u8]| VerifyingKey::from_bytes(bytes).ok_or_else(|| damaged(column));
    let newest = verifying(2, &row.get::<_, Vec<u8>>(2)?)?;
    let before: Option<Vec<u8>> = row.get(4)?;
    let before = before.map(|bytes| verifying(4, &bytes)).transpose()?;
    Ok(Peer {
        id: PartyId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        verifying: std::iter::once(newest).chain(before).collect(),
        sealing: SealingKey::from_bytes(&row.get::<_, Vec<u8>>(3)?).ok_or_else(|| damaged(3))?,
        rotate: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use flip_protocol::MessageId;
    use flip_protocol::keys::{OpeningKey, SigningKey};
    use flip_storage::journal::Standing;

    use super::*;
    use crate::audit::filter::Filter;
    use crate::ledger::bundles;
    use crate::ledger::trusts::{Enrolled, KitSecret};

    fn trust() -> PartyId {
        PartyId::from_bytes([7; 16])
    }

    fn by(at: u64) -> By {
        By::hub(UnixMillis(at))
    }

    fn certificate(number: u8) -> TrustCertificate {
        TrustCertificate { pem: String::new(), fingerprint: [number; 32], expires: UnixMillis(u64::MAX >> 1) }
    }

    fn signing(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    fn request(number: u8, before: u8) -> RotateRequest {
        let sealing = OpeningKey::from_bytes(&[number; 32]).unwrap().sealing();
        let verifying = signing(number).verifying();
        RotateRequest::new(trust(), String::new(), verifying, sealing, &signing(before))
    }

    /// A ledger with a Trust that enrolled with the keys and the certificate of number 1.
    async fn enrolled(folder: &tempfile::TempDir) -> Ledger {
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        let kit = KitSecret { sha256: [9; 32], expires: UnixMillis(100) };
        let adding = ledger.clone();
        let adding = tokio::task::spawn_blocking(move || {
            adding.add_trust(by(1), trust(), "Northgate".to_owned(), kit)
        });
        adding.await.unwrap().unwrap();
        assert_eq!(enrol(&ledger, 1, 2).await, Enrolled::Yes("Northgate".to_owned()));
        ledger
    }

    /// Makes another kit; whether there is one now.
    async fn kit(ledger: &Ledger, number: u8) -> bool {
        let (ledger, kit) = (ledger.clone(), KitSecret { sha256: [number; 32], expires: UnixMillis(100) });
        tokio::task::spawn_blocking(move || ledger.renew_kit(by(6), trust(), kit)).await.unwrap().unwrap()
    }

    /// The request of the one kit, with the keys of number 1, for another certificate.
    async fn enrol(ledger: &Ledger, number: u8, now: u64) -> Enrolled {
        let first = request(1, 1);
        let peer = Peer {
            id: trust(),
            name: String::new(),
            verifying: vec![first.verifying],
            sealing: first.sealing,
            rotate: false,
        };
        let reseal = Box::new(|_: &Peer, _, _, _: &_, _| Vec::new());
        let enrolled =
            ledger.enrol(peer, [9; 32], [8; 32], certificate(number), reseal, UnixMillis(now)).await;
        enrolled.unwrap()
    }

    async fn keys_of(ledger: &Ledger, fingerprint: u8, now: u64) -> Option<Vec<VerifyingKey>> {
        let peer = ledger.peer_of_certificate([fingerprint; 32], UnixMillis(now)).await.unwrap();
        peer.map(|peer| peer.verifying)
    }

    #[tokio::test]
    async fn new_keys_are_taken_again_until_their_certificate_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = enrolled(&folder).await;
        assert!(ledger.ask_for_keys(by(3), trust()).await.unwrap());
        let asked = ledger.peer_of_certificate([1; 32], UnixMillis(3)).await.unwrap().unwrap();
        assert!(asked.rotate);
        let (old, new) = (signing(1).verifying(), signing(2).verifying());
        let [peer] = &ledger.call("peers", peers).await.unwrap()[..] else { panic!("one Trust") };
        assert!(peer.may_rotate(&request(2, 1)) && !peer.may_rotate(&request(2, 3)));
        // The answer is lost, and the same keys come again under the old certificate.
        for number in [2, 3] {
            ledger.rotate(by(4), trust(), request(2, 1), certificate(number)).await.unwrap();
            assert_eq!(keys_of(&ledger, 1, 5).await.unwrap(), [new, old], "also what was signed before");
        }
        assert!(!ledger.peer_of_certificate([1; 32], UnixMillis(5)).await.unwrap().unwrap().rotate);
        assert!(keys_of(&ledger, 3, 5).await.is_some());
        assert!(keys_of(&ledger, 1, 5).await.is_none() && keys_of(&ledger, 2, 5).await.is_none());
        let later = UnixMillis(4).plus(wire::ORDER_LIFE_MS).0;
        assert_eq!(keys_of(&ledger, 3, later - 1).await.unwrap().len(), 2);
        assert_eq!(keys_of(&ledger, 3, later).await.unwrap(), [new]);
        // What is signed anew is not by the old key then; a result that was signed before it may still come.
        let at = async |now| ledger.peer_at(trust(), UnixMillis(now)).await.unwrap().unwrap().verifying;
        assert_eq!((at(later - 1).await, at(later).await), (vec![new, old], vec![new]));
        let peer = ledger.peer_ever(trust()).await.unwrap().unwrap();
        assert_eq!(peer.verifying, [new, old]);
        // The old key vouches for no other keys than those that took its place, whole.
        assert!(peer.may_rotate(&request(3, 2)) && peer.may_rotate(&request(2, 1)));
        assert!(!peer.may_rotate(&request(3, 1)));
        let sealing = OpeningKey::from_bytes(&[3; 32]).unwrap().sealing();
        let mixed = RotateRequest::new(trust(), String::new(), new, sealing, &signing(1));
        assert!(!peer.may_rotate(&mixed), "orders would be sealed to somebody else");
    }

    #[tokio::test]
    async fn an_enrolment_that_comes_again_gives_a_certificate_and_brings_nothing_back() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = enrolled(&folder).await;
        let outcome = bundles::Outcome {
            id: MessageId::from_bytes([5; 16]),
            number: 1,
            results: 0,
            bytes: 0,
            heard: UnixMillis(0),
            acknowledged: Vec::new(),
            refused: Vec::new(),
            enrolled: None,
        };
        ledger.bundle_taken(by(3), trust(), outcome).await.unwrap();
        assert_eq!(enrol(&ledger, 2, 4).await, Enrolled::Yes("Northgate".to_owned()));
        assert!(keys_of(&ledger, 2, 5).await.is_some());
        assert_eq!(
            ledger.bundle_standing(trust(), 1, MessageId::from_bytes([5; 16])).await.unwrap(),
            Standing::Taken
        );
        ledger.rotate(by(6), trust(), request(2, 1), certificate(3)).await.unwrap();
        assert_eq!(enrol(&ledger, 4, 7).await, Enrolled::Used(UnixMillis(2)), "it has other keys");
        ledger.revoke(by(8), trust()).await.unwrap();
        assert_eq!(enrol(&ledger, 5, 9).await, Enrolled::Used(UnixMillis(2)));
        assert!(ledger.call("peers", peers).await.unwrap().is_empty(), "void is void");
    }

    #[tokio::test]
    async fn void_keys_are_nobodys_and_a_removed_trust_leaves_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = enrolled(&folder).await;
        assert!(ledger.revoke(by(5), trust()).await.unwrap());
        assert!(!ledger.revoke(by(6), trust()).await.unwrap());
        assert!(kit(&ledger, 8).await);
        assert!(ledger.revoke(by(7), trust()).await.unwrap(), "a kit was made void and nobody hears of it");
        assert!(!ledger.kits(trust()).await.unwrap().contains(&[8; 32]));
        let acts = ledger.acts(&Filter { act: Some("trust_revoked"), ..Filter::default() }, None, 9).unwrap();
        assert_eq!(acts.len(), 2);
        assert!(keys_of(&ledger, 1, 6).await.is_none());
        assert!(ledger.call("peers", peers).await.unwrap().is_empty());
        assert!(!ledger.ask_for_keys(by(6), trust()).await.unwrap());
        assert_eq!(ledger.trusts().await.unwrap()[0].revoked, Some(UnixMillis(5)));
        assert!(ledger.remove(by(86_400_000), trust()).await.unwrap());
        assert!(!ledger.remove(by(86_400_000), trust()).await.unwrap());
        assert!(ledger.trusts().await.unwrap().is_empty());
        assert!(!kit(&ledger, 87).await, "who is removed was given a kit");
        let name: String = ledger
            .call("name", |tx| tx.query_row("SELECT name FROM trust", [], |row| row.get(0)))
            .await
            .unwrap();
        assert_eq!(name, "Northgate (removed 1970-01-02 00:00:00.000)");
    }
}
