//! Work orders and the results that end them.

use flip_protocol::ident::{ProjectId, QueryId};
use flip_protocol::message::Unwelcome;
use flip_protocol::order::{Outcome, Work};
use flip_protocol::sync::{Holding, NotTaken};
use flip_protocol::{MessageId, PartyId, UnixMillis};
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};
use uuid::Uuid;

use super::trusts::{Peer, Reseal};
use super::{Ledger, LedgerError, from_json, to_json};
use crate::audit::{By, Deed};
use crate::order::OrderState;
use crate::person::PersonId;

/// What one sync says about orders, already verified and opened.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Orders that are durably stored at the appliance.
    pub received: Vec<MessageId>,
    /// Messages that the appliance would not take.
    pub refused: Vec<NotTaken>,
    /// The orders at the appliance.
    pub holding: Vec<Holding>,
    /// Every order whose receipt the hub had noted by then is in `holding`; `None` where one may be missing.
    pub holding_as_of: Option<UnixMillis>,
    /// Results.
    pub results: Vec<Arrived>,
}

/// One result that arrived.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The result's own id.
    pub id: MessageId,
    /// Its sequence number.
    pub sequence: u64,
    /// The order that it answers.
    pub order: MessageId,
    /// Its outcome.
    pub outcome: Outcome,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Settled {
    /// Results that are stored now, or were before.
    pub acknowledged: Vec<MessageId>,
    /// Results that are refused for good.
    pub refused: Vec<NotTaken>,
    /// True where an order's state changed.
    pub changed: bool,
}

/// The kinds of orders, as [`Work::kind`] names them.
pub(super) const QUERY: &str = "cohort_query";
/// See [`QUERY`].
pub(super) const FREEZE: &str = "freeze_cohort";
/// See [`QUERY`].
pub(super) const DROP: &str = "drop_freeze";

/// Which orders of the Trust `?1` may be handed out.
pub(super) const SENDABLE: &str = "trust = ?1 AND state = 'queued'
    AND NOT EXISTS (SELECT 1 FROM setting WHERE name = 'maintenance')
    AND EXISTS (SELECT 1 FROM trust WHERE id = ?1 AND revoked_ms IS NULL)
    AND NOT EXISTS (SELECT 1 FROM person
        WHERE person.id = work_order.person AND person.disabled_ms IS NOT NULL)";

/// Seals work for a Trust under a sequence number; gives the order's id and its message.
pub type Sealer = Box<dyn FnMut(&Peer, u64, &Work) -> (MessageId, Vec<u8>) + Send>;

impl Ledger {
    /// Takes in what one sync says, in one transaction.
    pub async fn settle(&self, by: By, trust: PartyId, said: Said) -> Result<Settled, LedgerError> {
        self.call("settle", move |tx| {
            let mut settled = Settled::default();
            let now = by.at;
            let change = |order, step: &dyn Fn(OrderState) -> OrderState| change(tx, &by, trust, order, step);
            for order in said.received {
                settled.changed |= change(order, &|state| state.received(now))?;
            }
            for refused in said.refused {
                settled.changed |= change(refused.message, &|state| state.not_taken(refused.reason, now))?;
            }
            for result in said.results {
                match take_result(tx, &by, trust, &result)? {
                    Ok(changed) => {
                        settled.changed |= changed;
                        settled.acknowledged.push(result.id);
                    }
                    Err(reason) => {
                        count_refusal(tx, trust, reason)?;
                        settled.changed |= change(result.order, &|state| state.not_taken(reason, now))?;
                        settled.refused.push(NotTaken { message: result.id, reason });
                    }
                }
            }
            for held in &said.holding {
                settled.changed |= change(held.order, &|state| state.held(held.stage, now))?;
            }
            if let Some(as_of) = said.holding_as_of {
                settled.changed |= queue_lost(tx, &by, trust, &said.holding, as_of)?;
            }
            Ok(settled)
        })
        .await
    }

    /// Queued orders for a Trust, oldest first, at most `most`; none during maintenance, none for void keys, and none
    /// of anybody who is disabled: one that a Trust lost waits until they are let in again.
    pub async fn queued(&self, trust: PartyId, most: u32) -> Result<Vec<Vec<u8>>, LedgerError> {
        self.call("queued", move |tx| {
            let sql = format!("SELECT message FROM work_order WHERE {SENDABLE} ORDER BY sequence LIMIT ?2");
            let mut statement = tx.prepare_cached(&sql)?;
            statement.query_map((trust.bytes(), most), |row| row.get(0))?.collect()
        })
        .await
    }

    /// Which of the orders that a Trust's appliance holds are cancelled.
    pub async fn cancelled(
        &self,
        trust: PartyId,
        holding: Vec<MessageId>,
    ) -> Result<Vec<MessageId>, LedgerError> {
        if holding.is_empty() {
            return Ok(Vec::new());
        }
        self.call("cancelled", move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT 1 FROM work_order WHERE id = ?1 AND trust = ?2 AND state = 'cancelled'",
            )?;
            let mut cancelled = Vec::new();
            for order in holding {
                if statement.exists((order.bytes(), trust.bytes()))? {
                    cancelled.push(order);
                }
            }
            Ok(cancelled)
        })
        .await
    }

    /// Counts a message from a Trust that was not taken.
    pub async fn count_refused(&self, trust: PartyId, reason: Unwelcome) -> Result<(), LedgerError> {
        self.call("count refusal", move |tx| count_refusal(tx, trust, reason)).await
    }

    /// Ends the orders whose life is over; true where there were any.
    pub async fn expire(&self, by: By) -> Result<bool, LedgerError> {
        self.call("expire", move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT trust, id FROM work_order
                 WHERE state IN ('queued', 'delivered', 'running') AND expires_ms <= ?1",
            )?;
            let over: Vec<([u8; 16], [u8; 16])> = statement
                .query_map([by.at.0], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            for (trust, order) in &over {
                let (trust, order) = (PartyId::from_bytes(*trust), MessageId::from_bytes(*order));
                change(tx, &by, trust, order, |state| state.expired(by.at))?;
            }
            Ok(!over.is_empty())
        })
        .await
    }
}

/// Stores a new order under the Trust's next sequence number.
pub(super) fn insert(
    tx: &Transaction<'_>,
    by: &By,
    trust: PartyId,
    query: [u8; 16],
    kind: &'static str,
    expires: UnixMillis,
    seal: impl FnOnce(u64) -> (MessageId, Vec<u8>),
) -> rusqlite::Result<()> {
    let sequence = next_sequence(tx, trust)?;
    let (id, message) = seal(sequence);
    let state = OrderState::Queued;
    tx.execute(
        "INSERT INTO work_order (id, trust, query, sequence, message, state, detail, expires_ms, kind, person)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        (
            id.bytes(),
            trust.bytes(),
            query,
            sequence,
            message,
            state.name(),
            to_json(&state)?,
            expires.0,
            kind,
            by.id().map(PersonId::bytes),
        ),
    )
    .map(drop)
}

/// Ends what a person asked that waits at the hub.
pub(super) fn cancel_of(tx: &Transaction<'_>, by: &By, person: PersonId) -> rusqlite::Result<()> {
    let waiting: Vec<([u8; 16], [u8; 16])> = tx
        .prepare_cached("SELECT trust, id FROM work_order WHERE person = ?1 AND state = 'queued'")?
        .query_map([person.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (trust, order) in waiting {
        let (trust, order) = (PartyId::from_bytes(trust), MessageId::from_bytes(order));
        change(tx, by, trust, order, |state| state.cancelled(by.at))?;
    }
    Ok(())
}

/// Seals a Trust's open orders anew, for its new key, and queues them.
pub(super) fn reseal_open(tx: &Transaction<'_>, peer: &Peer, reseal: &Reseal) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached(
        "SELECT work_order.id, work_order.expires_ms, query.name, query.sql, query.project, query.id, work_order.kind
         FROM work_order JOIN query ON query.id = work_order.query
         WHERE trust = ?1 AND state IN ('queued', 'delivered', 'running') ORDER BY sequence",
    )?;
    let open: Vec<([u8; 16], u64, Work)> = statement
        .query_map([peer.id.bytes()], |row| Ok((row.get(0)?, row.get(1)?, work_of_row(row)?)))?
        .collect::<Result<_, _>>()?;
    for (id, expires, work) in open {
        let sequence = next_sequence(tx, peer.id)?;
        let message = reseal(peer, MessageId::from_bytes(id), sequence, &work, UnixMillis(expires));
        let state = OrderState::Queued;
        tx.execute(
            "UPDATE work_order SET sequence = ?2, message = ?3, state = ?4, detail = ?5 WHERE id = ?1",
            (id, sequence, message, state.name(), to_json(&state)?),
        )?;
    }
    Ok(())
}

/// The work of an order, from its query.
fn work_of_row(row: &Row<'_>) -> rusqlite::Result<Work> {
    let (name, sql) = (row.get(2)?, row.get(3)?);
    let project = row.get::<_, Option<[u8; 16]>>(4)?.map(ProjectId::from_bytes);
    let query = QueryId::from_bytes(row.get(5)?);
    let kind: String = row.get(6)?;
    Ok(match kind.as_str() {
        FREEZE => Work::FreezeCohort { name, sql, project, query },
        DROP => Work::DropFreeze { name, project, query },
        _ => Work::CohortQuery { name, sql, project },
    })
}

/// Cancels the open orders of these kinds for a query. Gives the Trusts whose appliances may have them.
pub(super) fn cancel(
    tx: &Transaction<'_>,
    by: &By,
    query: Uuid,
    kinds: &[&str],
) -> rusqlite::Result<Vec<PartyId>> {
    let mut statement = tx.prepare_cached(
        "SELECT id, trust, kind FROM work_order
         WHERE query = ?1 AND state IN ('queued', 'delivered', 'running') ORDER BY sequence",
    )?;
    let open: Vec<([u8; 16], [u8; 16], String)> = statement
        .query_map([query.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut trusts = Vec::new();
    for (order, trust, kind) in open {
        let (order, trust) = (MessageId::from_bytes(order), PartyId::from_bytes(trust));
        if kinds.contains(&kind.as_str()) && change(tx, by, trust, order, |state| state.cancelled(by.at))? {
            trusts.push(trust);
        }
    }
    Ok(trusts)
}

/// A Trust's share of a query: where its newest order to answer it is.
pub(super) fn state_of_share(
    tx: &Transaction<'_>,
    query: Uuid,
    trust: PartyId,
) -> rusqlite::Result<Option<OrderState>> {
    let detail: Option<String> = tx
        .prepare_cached(
            // The plus keeps SQLite from going through all the Trust's orders in their sequence.
            "SELECT detail FROM work_order WHERE query = ?1 AND trust = ?2 AND kind = 'cohort_query'
             ORDER BY +sequence DESC LIMIT 1",
        )?
        .query_row((query.as_bytes(), trust.bytes()), |row| row.get(0))
        .optional()?;
    detail.map(|text| from_json(0, &text)).transpose()
}

fn next_sequence(tx: &Transaction<'_>, trust: PartyId) -> rusqlite::Result<u64> {
    tx.query_row("UPDATE trust SET sent = sent + 1 WHERE id = ?1 RETURNING sent", [trust.bytes()], |row| {
        row.get(0)
    })
}

/// Moves an order of that Trust to its next state; true where it changed. Another Trust's order is left alone.
fn change(
    tx: &Transaction<'_>,
    by: &By,
    trust: PartyId,
    order: MessageId,
    step: impl FnOnce(OrderState) -> OrderState,
) -> rusqlite::Result<bool> {
    let Some(state) = state_of(tx, trust, order)? else { return Ok(false) };
    let next = step(state.clone());
    if next == state {
        return Ok(false);
    }
    tx.execute(
        "UPDATE work_order SET state = ?2, detail = ?3 WHERE id = ?1",
        (order.bytes(), next.name(), to_json(&next)?),
    )?;
    if next.ended() {
        note_end(tx, by, trust, order, &next)?;
    }
    Ok(true)
}

fn note_end(
    tx: &Transaction<'_>,
    by: &By,
    trust: PartyId,
    order: MessageId,
    state: &OrderState,
) -> rusqlite::Result<()> {
    let (kind, query, project) = tx
        .prepare_cached(
            "SELECT work_order.kind, query.id, query.project
             FROM work_order JOIN query ON query.id = work_order.query WHERE work_order.id = ?1",
        )?
        .query_row([order.bytes()], |row| {
            Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?), ProjectId::from_bytes(row.get(2)?)))
        })?;
    let (state, persons) = (state.name().to_owned(), state.persons());
    by.note(tx, &Deed::OrderEnded { project, query, order, kind, trust, state, persons })
}

fn state_of(tx: &Transaction<'_>, trust: PartyId, order: MessageId) -> rusqlite::Result<Option<OrderState>> {
    let detail: Option<String> = tx
        .prepare_cached("SELECT detail FROM work_order WHERE id = ?1 AND trust = ?2")?
        .query_row((order.bytes(), trust.bytes()), |row| row.get(0))
        .optional()?;
    detail.map(|text| from_json(0, &text)).transpose()
}

fn take_result(
    tx: &Transaction<'_>,
    by: &By,
    trust: PartyId,
    result: &Arrived,
) -> rusqlite::Result<Result<bool, Unwelcome>> {
    let used_by: Option<[u8; 16]> = tx
        .prepare_cached("SELECT message FROM result_seen WHERE trust = ?1 AND sequence = ?2")?
        .query_row((trust.bytes(), result.sequence), |row| row.get(0))
        .optional()?;
    match used_by {
        Some(message) if message == result.id.bytes() => return Ok(Ok(false)),
        Some(_) => return Ok(Err(Unwelcome::Replayed)),
        None => {}
    }
    let kind: Option<String> = tx
        .prepare_cached("SELECT kind FROM work_order WHERE id = ?1 AND trust = ?2")?
        .query_row((result.order.bytes(), trust.bytes()), |row| row.get(0))
        .optional()?;
    let expected = match &result.outcome {
        Outcome::CohortQuery(_) => QUERY,
        Outcome::FreezeCohort(_) => FREEZE,
        Outcome::DropFreeze(_) => DROP,
    };
    match kind {
        None => return Ok(Err(Unwelcome::Foreign)),
        Some(kind) if kind != expected => return Ok(Err(Unwelcome::BadBody)),
        Some(_) => {}
    }
    tx.execute(
        "INSERT INTO result_seen (trust, sequence, message) VALUES (?1, ?2, ?3)",
        (trust.bytes(), result.sequence, result.id.bytes()),
    )?;
    let changed = change(tx, by, trust, result.order, |state| match &result.outcome {
        Outcome::CohortQuery(cohort) => state.answered(cohort.clone(), by.at),
        Outcome::FreezeCohort(freeze) => state.answered(freeze.cohort.clone(), by.at),
        Outcome::DropFreeze(outcome) => state.dropped(*outcome, by.at),
    })?;
    if let Outcome::FreezeCohort(freeze) = &result.outcome
        && changed
    {
        tx.execute(
            "UPDATE work_order SET freezing = ?2 WHERE id = ?1",
            (result.order.bytes(), to_json(&freeze.freezing)?),
        )?;
    }
    Ok(Ok(changed))
}

/// Queues again what the appliance has received by then and no longer holds.
fn queue_lost(
    tx: &Transaction<'_>,
    by: &By,
    trust: PartyId,
    holding: &[Holding],
    as_of: UnixMillis,
) -> rusqlite::Result<bool> {
    let mut changed = false;
    let mut statement = tx.prepare_cached(
        "SELECT id, detail FROM work_order WHERE trust = ?1 AND state IN ('delivered', 'running')",
    )?;
    let at_the_trust: Vec<([u8; 16], String)> = statement
        .query_map([trust.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (order, detail) in at_the_trust {
        let order = MessageId::from_bytes(order);
        let state: OrderState = from_json(1, &detail)?;
        let noted_by_then = state.at_the_trust_since().is_some_and(|since| since <= as_of);
        if noted_by_then && !holding.iter().any(|held| held.order == order) {
            tracing::warn!(%trust, %order, "the appliance no longer holds an order; it is queued again");
            changed |= change(tx, by, trust, order, OrderState::lost)?;
        }
    }
    Ok(changed)
}

fn count_refusal(tx: &Transaction<'_>, trust: PartyId, reason: Unwelcome) -> rusqlite::Result<()> {
    count_named(tx, trust, reason.name())
}

/// Counts something of a Trust's that was not taken.
pub(super) fn count_named(tx: &Transaction<'_>, trust: PartyId, reason: &str) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO refusal (trust, reason, times) VALUES (?1, ?2, 1)
         ON CONFLICT DO UPDATE SET times = times + 1",
        (trust.bytes(), reason),
    )
    .map(drop)
}
