//! Keys of requests that are carried out once: noted with what they did, and what was answered.
//!
//! What must stay true: a key is noted by the transaction that does what was asked for, or not at all
//! ([`By::note`](crate::audit::By)); no secret is in an answer that is kept.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};
use serde::{Deserialize, Serialize};

use super::{Ledger, LedgerError, from_json, to_json};
use crate::audit::{By, Deed};
use crate::bounds;
use crate::person::PersonId;

/// The table.
pub(super) const SCHEMA: &str = "
    CREATE TABLE once (
        person BLOB NOT NULL REFERENCES person,
        key TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        at_ms INTEGER NOT NULL,
        deed TEXT NOT NULL,
        answer TEXT,
        PRIMARY KEY (person, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX once_by_time ON once (at_ms);
";

/// The key of a request that is to be carried out once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The person's own name for the request.
    pub key: String,
    /// SHA-256 of where it went and what it said.
    pub fingerprint: [u8; 32],
}

/// A request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedOut {
    /// Of where it went and what it said.
    pub fingerprint: [u8; 32],
    /// What it did, in a word and its facts.
    pub deed: String,
    /// What was answered; `None` where the hub went down before it could be kept.
    pub answer: Option<Answer>,
}

/// An answer that is given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Where what was made is, or where a form leads.
    pub location: Option<String>,
    /// The body's media type.
    pub content_type: Option<String>,
    /// The body; `None` where it holds what is shown once.
    pub body: Option<String>,
}

/// Notes the key of a request with what it did.
pub(super) fn note(tx: &Transaction<'_>, by: &By, deed: &Deed) -> rusqlite::Result<()> {
    let (Some(once), Some(person)) = (&by.once, by.id()) else { return Ok(()) };
    let deed = format!("{} {}", deed.act(), deed.facts(&by.who));
    // Of several acts of one request the first one counts.
    tx.prepare_cached(
        "INSERT INTO once (person, key, fingerprint, at_ms, deed) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
    )?
    .execute((person.bytes(), &once.key, once.fingerprint, by.at.0, deed))
    .map(drop)
}

impl Ledger {
    /// What came of the person's request of that key in the last day.
    pub async fn carried_out(
        &self,
        person: PersonId,
        key: String,
        now: UnixMillis,
    ) -> Result<Option<CarriedOut>, LedgerError> {
        self.call("carried out", move |tx| {
            tx.prepare_cached(
                "SELECT fingerprint, deed, answer FROM once WHERE person = ?1 AND key = ?2 AND at_ms > ?3",
            )?
            .query_row((person.bytes(), key, now.minus(bounds::ONCE_MS).0), |row| {
                let answer: Option<String> = row.get(2)?;
                Ok(CarriedOut {
                    fingerprint: row.get(0)?,
                    deed: row.get(1)?,
                    answer: answer.map(|answer| from_json(2, &answer)).transpose()?,
                })
            })
            .optional()
        })
        .await
    }

    /// Keeps what was answered to the person's request of that key, where it was noted.
    pub async fn keep_answer(
        &self,
        person: PersonId,
        key: String,
        answer: Answer,
    ) -> Result<(), LedgerError> {
        self.call("keep answer", move |tx| {
            let answer = to_json(&answer)?;
            tx.prepare_cached(
                "UPDATE once SET answer = ?3 WHERE person = ?1 AND key = ?2 AND answer IS NULL",
            )?
            .execute((person.bytes(), key, answer))
            .map(drop)
        })
        .await
    }

    /// Forgets keys of more than a day ago.
    pub async fn sweep_once(&self, now: UnixMillis) -> Result<(), LedgerError> {
        self.call("sweep keys", move |tx| {
            tx.execute("DELETE FROM once WHERE at_ms <= ?1", [now.minus(bounds::ONCE_MS).0]).map(drop)
        })
        .await
    }
}
