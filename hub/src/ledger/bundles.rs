//! Bundles: what goes into one, which were taken, and the receipts that are still to be carried.
//!
//! What must stay true: a bundle's number is used once; a bundle is taken once; a receipt stays until the Trust shows that
//! it has heard it.

use std::collections::HashSet;

use flip_protocol::enrolment::EnrolResponse;
use flip_protocol::message::Unwelcome;
use flip_protocol::sync::NotTaken;
use flip_protocol::{MessageId, PartyId, UnixMillis, bounds};
use flip_storage::journal::Standing;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};

use super::orders::{SENDABLE, count_named};
use super::trusts::Peer;
use super::{Ledger, LedgerError, from_json, keys, to_json};
use crate::audit::{By, Deed};

/// Bundles of each Trust, and receipts of results (`reason` is NULL where one was stored) with the moment they were noted.
pub(super) const SCHEMA: &str = "
    ALTER TABLE trust ADD COLUMN bundles_made INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE trust ADD COLUMN stick_answer TEXT;
    ALTER TABLE trust ADD COLUMN stick_answer_ms INTEGER;
    CREATE TABLE bundle_taken (
        trust BLOB NOT NULL REFERENCES trust,
        number INTEGER NOT NULL,
        id BLOB NOT NULL,
        taken_ms INTEGER NOT NULL,
        PRIMARY KEY (trust, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE receipt_owed (
        trust BLOB NOT NULL REFERENCES trust,
        message BLOB NOT NULL,
        reason TEXT,
        since_ms INTEGER NOT NULL,
        PRIMARY KEY (trust, message)
    ) STRICT, WITHOUT ROWID;
";

/// Bundles that were made for each Trust, each with the first and last sequence number of orders in it.
pub(super) const MADE: &str = "
    CREATE TABLE bundle_made (
        trust BLOB NOT NULL REFERENCES trust,
        number INTEGER NOT NULL,
        id BLOB NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (trust, number)
    ) STRICT, WITHOUT ROWID;
";

/// What is for a Trust at one moment.
#[derive(Debug, Default)]
pub struct ForTrust {
    /// Results that are stored here.
    pub acknowledged: Vec<MessageId>,
    /// Results that are refused for good.
    pub refused: Vec<NotTaken>,
    /// Orders that are not wanted any more.
    pub cancelled: Vec<MessageId>,
    /// What was asked for keys or a certificate.
    pub enrolled: Option<EnrolResponse>,
    /// The orders that wait, oldest first: sequence number and bytes.
    pub orders: Vec<(u64, u64)>,
}

/// What came of a bundle, to be written down with it.
#[derive(Debug)]
pub struct Outcome {
    /// The bundle.
    pub id: MessageId,
    /// Its number.
    pub number: u64,
    /// Its results.
    pub results: u32,
    /// Its bytes.
    pub bytes: u64,
    /// What the Trust had heard of this hub when it made it.
    pub heard: UnixMillis,
    /// Results that are stored.
    pub acknowledged: Vec<MessageId>,
    /// Results that are refused for good.
    pub refused: Vec<NotTaken>,
    /// What is answered to the keys or the certificate that it asked for.
    pub enrolled: Option<EnrolResponse>,
}

impl Ledger {
    /// An enrolled Trust whose keys are good, with the keys that it signs with at `now`.
    pub async fn peer_at(&self, trust: PartyId, now: UnixMillis) -> Result<Option<Peer>, LedgerError> {
        self.call("peer at", move |tx| keys::peer_at(tx, trust, now)).await
    }

    /// The same with every key that it has signed results with: a result is signed once, and a stick may take weeks.
    /// Only for what came under a head that is signed with a key of now.
    pub async fn peer_ever(&self, trust: PartyId) -> Result<Option<Peer>, LedgerError> {
        self.call("peer ever", move |tx| keys::peer(tx, trust)).await
    }

    /// What is for a Trust now; of orders, those whose sequence number is greater than `after`.
    pub async fn for_trust(
        &self,
        trust: PartyId,
        now: UnixMillis,
        after: u64,
    ) -> Result<ForTrust, LedgerError> {
        self.call("for trust", move |tx| for_trust(tx, trust, now, after)).await
    }

    /// The next number of a bundle for a Trust.
    pub async fn next_bundle(&self, trust: PartyId) -> Result<u64, LedgerError> {
        self.call("next bundle", move |tx| {
            tx.query_row(
                "UPDATE trust SET bundles_made = bundles_made + 1 WHERE id = ?1 RETURNING bundles_made",
                [trust.bytes()],
                |row| row.get(0),
            )
        })
        .await
    }

    /// Notes a bundle that is made, with the first and last sequence number of the orders in it; forgets those that are
    /// further behind than the window is long.
    pub async fn note_bundle(
        &self,
        trust: PartyId,
        number: u64,
        id: MessageId,
        orders: Option<(u64, u64)>,
    ) -> Result<(), LedgerError> {
        // From 1 to 0 there is nothing.
        let (first, last) = orders.unwrap_or((1, 0));
        self.call("note bundle", move |tx| {
            tx.execute(
                "INSERT INTO bundle_made (trust, number, id, first, last) VALUES (?1, ?2, ?3, ?4, ?5)",
                (trust.bytes(), number, id.bytes(), first, last),
            )?;
            let forgotten = number.saturating_sub(bounds::BUNDLE_WINDOW);
            tx.execute(
                "DELETE FROM bundle_made WHERE trust = ?1 AND number <= ?2",
                (trust.bytes(), forgotten),
            )
            .map(drop)
        })
        .await
    }

    /// The newest sequence number of an order that bundles of these numbers were made to hold; zero where they hold none.
    pub async fn bundles_end(&self, trust: PartyId, numbers: Vec<u64>) -> Result<u64, LedgerError> {
        self.call("bundles end", move |tx| {
            let mut last =
                tx.prepare_cached("SELECT last FROM bundle_made WHERE trust = ?1 AND number = ?2")?;
            let mut end = 0;
            for number in numbers {
                let last: Option<u64> =
                    last.query_row((trust.bytes(), number), |row| row.get(0)).optional()?;
                end = end.max(last.unwrap_or(0));
            }
            Ok(end)
        })
        .await
    }

    /// Whether a letter to a Trust says more now than one that was made then, beside orders.
    pub async fn says_more(&self, trust: PartyId, made: UnixMillis) -> Result<bool, LedgerError> {
        self.call("says more", move |tx| {
            tx.query_row(
                "SELECT EXISTS (SELECT 1 FROM receipt_owed WHERE trust = ?1 AND since_ms >= ?2)
                     OR EXISTS (SELECT 1 FROM trust WHERE id = ?1
                         AND (rotate_asked_ms >= ?2 OR stick_answer IS NOT NULL AND stick_answer_ms >= ?2))
                     OR EXISTS (SELECT 1 FROM work_order WHERE trust = ?1 AND state = 'cancelled'
                         AND detail ->> '$.at' >= ?2)",
                (trust.bytes(), made.0),
                |row| row.get(0),
            )
        })
        .await
    }

    /// The bundles that were made for a Trust and hold no order that still waits for it.
    pub async fn bundles_settled(&self, trust: PartyId) -> Result<HashSet<MessageId>, LedgerError> {
        self.call("bundles settled", move |tx| {
            tx.prepare_cached(
                "SELECT id FROM bundle_made WHERE trust = ?1 AND NOT EXISTS (
                     SELECT 1 FROM work_order WHERE work_order.trust = ?1
                         AND sequence BETWEEN first AND last AND state = 'queued')",
            )?
            .query_map([trust.bytes()], |row| row.get(0).map(MessageId::from_bytes))?
            .collect()
        })
        .await
    }

    /// An order's message by its sequence number; `None` where it has another by now.
    pub async fn order_message(&self, trust: PartyId, sequence: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        self.call("order message", move |tx| {
            tx.prepare_cached("SELECT message FROM work_order WHERE trust = ?1 AND sequence = ?2")?
                .query_row((trust.bytes(), sequence), |row| row.get(0))
                .optional()
        })
        .await
    }

    /// Notes that a bundle was made.
    pub async fn bundle_made(&self, by: By, deed: Deed) -> Result<(), LedgerError> {
        self.call("bundle made", move |tx| by.note(tx, &deed)).await
    }

    /// How a bundle of a Trust stands to those that were taken.
    pub async fn bundle_standing(
        &self,
        trust: PartyId,
        number: u64,
        id: MessageId,
    ) -> Result<Standing, LedgerError> {
        self.call("bundle standing", move |tx| standing(tx, trust, number, id)).await
    }

    /// Writes down that a bundle was taken, and what is owed for it; forgets receipts that the Trust has heard.
    pub async fn bundle_taken(&self, by: By, trust: PartyId, outcome: Outcome) -> Result<(), LedgerError> {
        self.call("bundle taken", move |tx| {
            let Outcome { id, number, results, bytes, heard, acknowledged, refused, enrolled } = outcome;
            tx.execute(
                "INSERT INTO bundle_taken (trust, number, id, taken_ms) VALUES (?1, ?2, ?3, ?4)",
                (trust.bytes(), number, id.bytes(), by.at.0),
            )?;
            tx.execute(
                "DELETE FROM receipt_owed WHERE trust = ?1 AND since_ms <= ?2",
                (trust.bytes(), heard.0),
            )?;
            tx.execute(
                "UPDATE trust SET stick_answer = NULL WHERE id = ?1 AND stick_answer_ms <= ?2",
                (trust.bytes(), heard.0),
            )?;
            for message in acknowledged {
                owe(tx, trust, message, None, by.at)?;
            }
            for NotTaken { message, reason } in refused {
                owe(tx, trust, message, Some(reason), by.at)?;
            }
            if let Some(enrolled) = enrolled {
                tx.execute(
                    "UPDATE trust SET stick_answer = ?2, stick_answer_ms = ?3 WHERE id = ?1",
                    (trust.bytes(), to_json(&enrolled)?, by.at.0),
                )?;
            }
            by.note(tx, &Deed::BundleTaken { trust, bundle: id, number, results, bytes })
        })
        .await
    }

    /// Counts and notes that a bundle was not taken. What names no Trust of this hub is not believed to be of one.
    pub async fn bundle_refused(
        &self,
        by: By,
        trust: Option<PartyId>,
        bundle: Option<MessageId>,
        reason: &'static str,
    ) -> Result<(), LedgerError> {
        self.call("bundle refused", move |tx| {
            if let Some(trust) = trust {
                count_named(tx, trust, &format!("bundle_{reason}"))?;
            }
            by.note(tx, &Deed::BundleRefused { trust, bundle, reason: reason.to_owned() })
        })
        .await
    }
}

/// A Trust that enrolled anew numbers from 1, and has no result left to hear of.
pub(super) fn forget(tx: &Transaction<'_>, trust: PartyId) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM bundle_taken WHERE trust = ?1", [trust.bytes()])?;
    tx.execute("DELETE FROM bundle_made WHERE trust = ?1", [trust.bytes()])?;
    tx.execute("DELETE FROM receipt_owed WHERE trust = ?1", [trust.bytes()])?;
    tx.execute("UPDATE trust SET stick_answer = NULL WHERE id = ?1", [trust.bytes()]).map(drop)
}

fn for_trust(
    tx: &Transaction<'_>,
    trust: PartyId,
    now: UnixMillis,
    after: u64,
) -> rusqlite::Result<ForTrust> {
    let most = bounds::BUNDLE_MESSAGES;
    let mut found = ForTrust::default();
    let mut owed = tx.prepare_cached(
        "SELECT message, reason FROM receipt_owed WHERE trust = ?1 ORDER BY since_ms, message LIMIT ?2",
    )?;
    let mut rows = owed.query((trust.bytes(), most))?;
    while let Some(row) = rows.next()? {
        let message = MessageId::from_bytes(row.get(0)?);
        match row.get::<_, Option<String>>(1)? {
            None => found.acknowledged.push(message),
            Some(reason) => found.refused.push(NotTaken { message, reason: from_json(1, &reason)? }),
        }
    }
    let answer: Option<String> =
        tx.query_row("SELECT stick_answer FROM trust WHERE id = ?1", [trust.bytes()], |row| row.get(0))?;
    found.enrolled = answer.map(|text| from_json(0, &text)).transpose()?;
    // What the Trust holds of them is not known here; past their expiry it begins none of them.
    let mut cancelled = tx.prepare_cached(
        "SELECT id FROM work_order WHERE trust = ?1 AND state = 'cancelled' AND expires_ms > ?2
         ORDER BY sequence DESC LIMIT ?3",
    )?;
    found.cancelled = cancelled
        .query_map((trust.bytes(), now.0, most), |row| row.get(0).map(MessageId::from_bytes))?
        .collect::<Result<_, _>>()?;
    let sql = format!(
        "SELECT sequence, length(message) FROM work_order WHERE {SENDABLE} AND sequence > ?3
         ORDER BY sequence LIMIT ?2"
    );
    found.orders = tx
        .prepare_cached(&sql)?
        .query_map((trust.bytes(), most, after), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

fn standing(tx: &Transaction<'_>, trust: PartyId, number: u64, id: MessageId) -> rusqlite::Result<Standing> {
    let newest: u64 = tx.query_row(
        "SELECT coalesce(max(number), 0) FROM bundle_taken WHERE trust = ?1",
        [trust.bytes()],
        |row| row.get(0),
    )?;
    let taken: Option<[u8; 16]> = tx
        .prepare_cached("SELECT id FROM bundle_taken WHERE trust = ?1 AND number = ?2")?
        .query_row((trust.bytes(), number), |row| row.get(0))
        .optional()?;
    Ok(if let Some(known) = taken {
        if known == id.bytes() { Standing::Taken } else { Standing::Another }
    } else if number.saturating_add(bounds::BUNDLE_WINDOW) <= newest {
        Standing::TooOld
    } else if number > newest {
        Standing::Newest
    } else {
        Standing::Later
    })
}

fn owe(
    tx: &Transaction<'_>,
    trust: PartyId,
    message: MessageId,
    reason: Option<Unwelcome>,
    since: UnixMillis,
) -> rusqlite::Result<()> {
    let reason = reason.map(|reason| to_json(&reason)).transpose()?;
    tx.prepare_cached(
        "INSERT INTO receipt_owed (trust, message, reason, since_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET since_ms = excluded.since_ms",
    )?
    .execute((trust.bytes(), message.bytes(), reason, since.0))
    .map(drop)
}
