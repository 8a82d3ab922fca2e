//! Trusts, their kits and how they are. Their keys: [`super::keys`].

use flip_protocol::enrolment::RotateRequest;
use flip_protocol::keys::{SealingKey, VerifyingKey};
use flip_protocol::order::Work;
use flip_protocol::sync::Health;
use flip_protocol::text;
use flip_protocol::{MessageId, PartyId, UnixMillis};
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};

use super::{Ledger, LedgerError, bundles, orders, to_json};
use crate::audit::{By, Deed};
use crate::authority::TrustCertificate;

/// A Trust as the hub knows it.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Its id.
    pub id: PartyId,
    /// Its name.
    pub name: String,
    /// When it last enrolled; `None` while its kit is unused.
    pub enrolled: Option<UnixMillis>,
    /// Its last sign of life that was written down.
    pub seen: Option<UnixMillis>,
    /// Its last written health.
    pub health: Option<Health>,
    /// Orders that have not ended.
    pub open_orders: u64,
    /// When its newest kit stops or stopped working.
    pub kit_expires: Option<UnixMillis>,
    /// When its keys were made void; `None` where they were not since it last enrolled.
    pub revoked: Option<UnixMillis>,
    /// When the hub took over its keys.
    pub keys: Option<UnixMillis>,
    /// Since when new keys are asked of it.
    pub rotate_asked: Option<UnixMillis>,
    /// When its newest certificate ends.
    pub certificate_expires: Option<UnixMillis>,
}

/// An enrolled Trust as its messages are handled.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its id.
    pub id: PartyId,
    /// Its name.
    pub name: String,
    /// The keys that its results may be signed with, newest first.
    pub verifying: Vec<VerifyingKey>,
    /// The key that orders are sealed to.
    pub sealing: SealingKey,
    /// True where new keys are asked of it.
    pub rotate: bool,
}

impl Peer {
    /// Whether new keys are asked for by who may: with the key that it signs with now, or with one before where they are
    /// the keys of now, whole, because the answer to them was lost.
    pub fn may_rotate(&self, request: &RotateRequest) -> bool {
        let (Some(now), before) = (self.verifying.first(), self.verifying.iter().skip(1)) else {
            return false;
        };
        let again = request.verifying == *now && request.sealing == self.sealing;
        request.is_signed_by(self.id, *now)
            || (again && before.into_iter().any(|key| request.is_signed_by(self.id, *key)))
    }
}

/// What adding a Trust found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New,
    /// Another Trust has that name.
    NameTaken,
}

/// What an enrolment found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enrolled {
    /// The Trust of this name is enrolled.
    Yes(String),
    /// No kit has that secret, or it is another Trust's.
    UnknownKit,
    /// The kit was used before.
    Used(UnixMillis),
    /// The kit is past its expiry.
    Expired(UnixMillis),
}

/// A kit's row.
#[derive(Debug, Clone, Copy)]
pub struct KitSecret {
    /// SHA-256 of the secret; the secret itself is not kept.
    pub sha256: [u8; 32],
    /// From when on the kit is void.
    pub expires: UnixMillis,
}

/// Seals the order of this id and work anew under a sequence number.
pub type Reseal = Box<dyn Fn(&Peer, MessageId, u64, &Work, UnixMillis) -> Vec<u8> + Send>;

impl Ledger {
    /// Adds a Trust and its first kit.
    pub fn add_trust(&self, by: By, id: PartyId, name: String, kit: KitSecret) -> Result<Added, LedgerError> {
        self.run("add trust", move |tx| {
            let added = tx.execute(
                "INSERT INTO trust (id, name, added_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                (id.bytes(), &name, by.at.0),
            )?;
            if added == 0 {
                return Ok(Added::NameTaken);
            }
            insert_kit(tx, id, kit)?;
            by.note(tx, &Deed::TrustAdded { trust: id, trust_name: name, kit_until: kit.expires })?;
            Ok(Added::New)
        })
    }

    /// Adds another kit for a Trust, whose unused kits are void from now on; false where there is no such Trust, or not
    /// any more.
    pub fn renew_kit(&self, by: By, trust: PartyId, kit: KitSecret) -> Result<bool, LedgerError> {
        self.run("renew kit", move |tx| {
            let known = tx
                .query_row(
                    "SELECT name FROM trust WHERE id = ?1 AND removed_ms IS NULL",
                    [trust.bytes()],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(trust_name) = known else { return Ok(false) };
            tx.execute("DELETE FROM kit WHERE trust = ?1 AND used_ms IS NULL", [trust.bytes()])?;
            insert_kit(tx, trust, kit)?;
            by.note(tx, &Deed::KitMade { trust, trust_name, kit_until: kit.expires })?;
            Ok(true)
        })
    }

    /// SHA-256 of the secrets of a Trust's kits.
    pub async fn kits(&self, trust: PartyId) -> Result<Vec<[u8; 32]>, LedgerError> {
        self.call("kits", move |tx| {
            let mut statement = tx.prepare_cached("SELECT secret_sha256 FROM kit WHERE trust = ?1")?;
            statement.query_map([trust.bytes()], |row| row.get(0))?.collect()
        })
        .await
    }

    /// Burns a kit and takes over the Trust's new keys and certificate. Older certificates of the Trust are void
    /// from now on, and its open orders are sealed anew.
    pub async fn enrol(
        &self,
        peer: Peer,
        secret_sha256: [u8; 32],
        request_sha256: [u8; 32],
        certificate: TrustCertificate,
        reseal: Reseal,
        now: UnixMillis,
    ) -> Result<Enrolled, LedgerError> {
        self.call("enrol", move |tx| {
            let verifying = peer.verifying[0];
            let kit = tx
                .query_row(
                    "SELECT kit.expires_ms, kit.used_ms, trust.name, kit.used_by
                     FROM kit JOIN trust ON trust.id = kit.trust
                     WHERE kit.secret_sha256 = ?1 AND kit.trust = ?2",
                    (secret_sha256, peer.id.bytes()),
                    |row| Ok((row.get(0)?, row.get::<_, Option<u64>>(1)?, row.get(2)?, row.get(3)?)),
                )
                .optional()?;
            let Some((expires, used, name, used_by)): Option<(u64, _, String, Option<[u8; 32]>)> = kit else {
                return Ok(Enrolled::UnknownKit);
            };
            // The very same request, whose answer was lost on the way, may come again. Nobody else knows it.
            let same_request = used_by == Some(request_sha256);
            if let Some(used) = used.filter(|_| !same_request) {
                return Ok(Enrolled::Used(UnixMillis(used)));
            }
            if now.0 >= expires {
                return Ok(Enrolled::Expired(UnixMillis(expires)));
            }
            if let Some(used) = used {
                // A certificate anew, and nothing else: not where the keys are void or others by now.
                let is_still: bool = tx.query_row(
                    "SELECT verifying = ?2 AND sealing = ?3 AND revoked_ms IS NULL AND removed_ms IS NULL
                     FROM trust WHERE id = ?1",
                    (peer.id.bytes(), verifying.to_bytes(), peer.sealing.to_bytes()),
                    |row| row.get(0),
                )?;
                if !is_still {
                    return Ok(Enrolled::Used(UnixMillis(used)));
                }
                insert_certificate(tx, peer.id, &certificate, now)?;
                note_enrolled(tx, &name, peer.id, &certificate, now)?;
                return Ok(Enrolled::Yes(name));
            }
            tx.execute(
                "UPDATE kit SET used_ms = ?2, used_by = ?3 WHERE secret_sha256 = ?1",
                (secret_sha256, now.0, request_sha256),
            )?;
            tx.execute(
                "UPDATE trust SET enrolled_ms = ?2, keys_ms = ?2, verifying = ?3, sealing = ?4, revoked_ms = NULL,
                     rotate_asked_ms = NULL, verifying_before = NULL WHERE id = ?1",
                (peer.id.bytes(), now.0, verifying.to_bytes(), peer.sealing.to_bytes()),
            )?;
            tx.execute("DELETE FROM certificate WHERE trust = ?1", [peer.id.bytes()])?;
            insert_certificate(tx, peer.id, &certificate, now)?;
            // A fresh journal numbers its results from 1.
            tx.execute("DELETE FROM result_seen WHERE trust = ?1", [peer.id.bytes()])?;
            bundles::forget(tx, peer.id)?;
            orders::reseal_open(tx, &peer, &reseal)?;
            note_enrolled(tx, &name, peer.id, &certificate, now)?;
            Ok(Enrolled::Yes(name))
        })
        .await
    }

    /// Writes down a renewed certificate; the older ones run out by themselves.
    pub async fn add_certificate(
        &self,
        by: By,
        trust: PartyId,
        certificate: TrustCertificate,
    ) -> Result<(), LedgerError> {
        self.call("add certificate", move |tx| {
            tx.execute("DELETE FROM certificate WHERE expires_ms <= ?1", [by.at.0])?;
            insert_certificate(tx, trust, &certificate, by.at)?;
            let deed = Deed::CertificateRenewed {
                trust,
                certificate_sha256: text::hex(&certificate.fingerprint),
                certificate_until: certificate.expires,
            };
            by.note(tx, &deed)
        })
        .await
    }

    /// Writes down a sign of life.
    pub async fn seen(&self, trust: PartyId, health: Health, now: UnixMillis) -> Result<(), LedgerError> {
        self.call("seen", move |tx| {
            let health = to_json(&health)?;
            tx.execute(
                "UPDATE trust SET seen_ms = ?2, health = ?3 WHERE id = ?1",
                (trust.bytes(), now.0, health),
            )
            .map(drop)
        })
        .await
    }

    /// All Trusts by name.
    pub async fn trusts(&self) -> Result<Vec<Trust>, LedgerError> {
        self.call("trusts", all_trusts).await
    }

    /// All Trusts by name, for the command line.
    pub fn trusts_now(&self) -> Result<Vec<Trust>, LedgerError> {
        self.run("trusts", all_trusts)
    }
}

/// A Trust's name; `None` where there is no such Trust.
pub(super) fn trust_name(tx: &Transaction<'_>, trust: PartyId) -> rusqlite::Result<Option<String>> {
    tx.prepare_cached("SELECT name FROM trust WHERE id = ?1")?
        .query_row([trust.bytes()], |row| row.get(0))
        .optional()
}

fn all_trusts(tx: &Transaction<'_>) -> rusqlite::Result<Vec<Trust>> {
    let mut statement = tx.prepare_cached(
        "SELECT id, name, enrolled_ms, seen_ms, health,
                (SELECT count(*) FROM work_order
                 WHERE trust = trust.id AND state IN ('queued', 'delivered', 'running')),
                (SELECT max(expires_ms) FROM kit WHERE kit.trust = trust.id), revoked_ms, keys_ms, rotate_asked_ms,
                (SELECT max(expires_ms) FROM certificate WHERE certificate.trust = trust.id)
         FROM trust WHERE removed_ms IS NULL ORDER BY name",
    )?;
    let trusts = statement.query_map([], |row| {
        let moment = |column| row.get::<_, Option<u64>>(column).map(|at| at.map(UnixMillis));
        let health: Option<String> = row.get(4)?;
        Ok(Trust {
            id: PartyId::from_bytes(row.get(0)?),
            name: row.get(1)?,
            enrolled: moment(2)?,
            seen: moment(3)?,
            // Health of another version of the wire is as good as none: the next sync brings it anew.
            health: health.and_then(|text| serde_json::from_str(&text).ok()),
            open_orders: row.get(5)?,
            kit_expires: moment(6)?,
            revoked: moment(7)?,
            keys: moment(8)?,
            rotate_asked: moment(9)?,
            certificate_expires: moment(10)?,
        })
    })?;
    trusts.collect()
}

fn insert_kit(tx: &Transaction<'_>, trust: PartyId, kit: KitSecret) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO kit (secret_sha256, trust, expires_ms) VALUES (?1, ?2, ?3)",
        (kit.sha256, trust.bytes(), kit.expires.0),
    )
    .map(drop)
}

fn note_enrolled(
    tx: &Transaction<'_>,
    name: &str,
    trust: PartyId,
    certificate: &TrustCertificate,
    now: UnixMillis,
) -> rusqlite::Result<()> {
    let deed = Deed::TrustEnrolled {
        trust,
        certificate_sha256: text::hex(&certificate.fingerprint),
        certificate_until: certificate.expires,
    };
    By::trust(trust, name, now).note(tx, &deed)
}

pub(super) fn insert_certificate(
    tx: &Transaction<'_>,
    trust: PartyId,
    certificate: &TrustCertificate,
    now: UnixMillis,
) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO certificate (fingerprint, trust, issued_ms, expires_ms) VALUES (?1, ?2, ?3, ?4)",
        (certificate.fingerprint, trust.bytes(), now.0, certificate.expires.0),
    )
    .map(drop)
}
