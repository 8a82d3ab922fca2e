//! Heads of audits that hub and Trusts keep of each other.
//!
//! What must stay true: a head that contradicts an audit is never dropped without an act that says so.

use flip_protocol::PartyId;
use flip_protocol::heads::{Carrier, Heads, SignedHead};
use flip_protocol::keys::VerifyingKey;
use flip_storage::audit::Head;
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};

use super::super::{Ledger, LedgerError, from_json};
use super::head;
use crate::audit::{By, Deed};

/// What an exchange of heads found.
#[derive(Debug)]
pub struct Exchanged {
    /// The end of this hub's audit, the Trust's head in it.
    pub mine: Head,
    /// The Trust's head that was kept before.
    pub yours: Option<SignedHead>,
    /// What contradicts what, in words.
    pub contradictions: Vec<String>,
}

impl Ledger {
    /// The end of this hub's audit, and the newest head of a Trust's that is kept.
    pub async fn heads_for(&self, trust: PartyId) -> Result<(Head, Option<SignedHead>), LedgerError> {
        self.call("heads for", move |tx| Ok((head(tx)?, newest(tx, trust)?))).await
    }

    /// Keeps the verified head of a Trust's audit log, and compares what the Trust keeps of this hub's. One that came late by
    /// stick, where a later one is kept, is noted as late, and nothing is compared with it.
    pub async fn exchange_heads(
        &self,
        by: By,
        trust: PartyId,
        heads: Heads,
        own_key: VerifyingKey,
        carrier: Carrier,
    ) -> Result<Exchanged, LedgerError> {
        self.call("exchange heads", move |tx| {
            let Heads { mine: theirs, yours: ours } = heads;
            let mut contradictions = Vec::new();
            let mut contradict = |whose: &str, why: Option<String>, head: &SignedHead| {
                let Some(why) = why else { return Ok(()) };
                contradictions.push(why.clone());
                let whose = whose.to_owned();
                By::hub(by.at).note(tx, &Deed::HeadContradicted { trust, whose, why, head: head.clone() })
            };
            let yours = newest(tx, trust)?;
            let late =
                carrier == Carrier::Stick && yours.as_ref().is_some_and(|before| theirs.is_before(before));
            if let Some(before) = yours.as_ref().filter(|_| !late) {
                contradict("trust", went_back(before, &theirs), before)?;
            }
            // A head under another key is of a hub that had this ledger before, or made up.
            if let Some(ours) = ours.filter(|ours| ours.key == own_key && ours.verifies()) {
                contradict("hub", contradiction(tx, &ours)?, &ours)?;
            }
            // Who holds the Trust's key can date a head back: when it came, and how, is this hub's word.
            by.note(tx, &Deed::TrustHeadKept { trust, head: theirs, carrier, late })?;
            Ok(Exchanged { mine: head(tx)?, yours, contradictions })
        })
        .await
    }

    /// The heads that are kept of Trusts, or of one by id or name, oldest first. Blocks.
    pub fn heads(&self, trust: Option<&str>) -> Result<Vec<SignedHead>, LedgerError> {
        let asked = crate::audit::filter::Filter {
            act: Some("trust_head_kept"),
            trust: trust.map(str::to_owned),
            ..Default::default()
        };
        let mut heads = Vec::new();
        self.walk_acts(&asked, |kept| {
            heads.extend(serde_json::from_value(kept.act.facts["head"].clone()));
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(heads)
    }
}

fn newest(tx: &Transaction<'_>, trust: PartyId) -> rusqlite::Result<Option<SignedHead>> {
    let head: Option<String> = tx
        .prepare_cached(
            "SELECT entry ->> '$.facts.head' FROM audit WHERE trust = ?1 AND act = 'trust_head_kept'
                 AND entry ->> '$.facts.late' IS NOT 1
             ORDER BY number DESC LIMIT 1",
        )?
        .query_row([trust.to_string()], |row| row.get(0))
        .optional()?;
    head.map(|text| from_json(0, &text)).transpose()
}

/// How a Trust's newer head says that its log was cut or written anew.
fn went_back(before: &SignedHead, now: &SignedHead) -> Option<String> {
    let same = before.entries == now.entries && before.hash == now.hash;
    (now.entries <= before.entries && !same).then(|| {
        format!(
            "the Trust's log had {} acts when it told of it last, and has {} now",
            before.entries, now.entries
        )
    })
}

/// How this hub's audit does not have what it signed.
fn contradiction(tx: &Transaction<'_>, ours: &SignedHead) -> rusqlite::Result<Option<String>> {
    let found: Option<String> = tx
        .prepare_cached("SELECT hash FROM audit WHERE number = ?1")?
        .query_row([ours.entries], |row| row.get(0))
        .optional()?;
    let number = ours.entries;
    Ok(match found {
        Some(hash) if hash == ours.hash => None,
        Some(_) => Some(format!("act {number} of this hub is another than the Trust keeps the hash of")),
        None => Some(format!("this hub has no act {number}, of which the Trust keeps the hash")),
    })
}
