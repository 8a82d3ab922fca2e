//! Orders to freeze a query's cohort.

use flip_protocol::freeze::Freezing;
use flip_protocol::ident::ProjectId;
use flip_protocol::{MessageId, PartyId, UnixMillis};
use flip_storage::rusqlite::{self, OptionalExtension as _, Transaction};
use uuid::Uuid;

use super::keys::peers;
use super::trusts::Peer;
use super::{Ledger, LedgerError, from_json, orders};
use crate::audit::{By, Deed};
use crate::order::{Answer, OrderState};

/// One Trust's share of freezing a query's cohort: its newest order to.
#[derive(Debug, Clone)]
pub struct Freeze {
    /// The Trust.
    pub trust: PartyId,
    /// Its name.
    pub trust_name: String,
    /// Where its order is.
    pub state: OrderState,
    /// Whether the cohort was frozen, once the order is done.
    pub freezing: Option<Freezing>,
}

impl Ledger {
    /// Stores one sealed order to freeze per enrolled Trust that answered the query with a value and has no such
    /// order under way. Gives those Trusts, and how many had answered with a value.
    pub async fn freeze(
        &self,
        by: By,
        query: Uuid,
        expires: UnixMillis,
        mut seal: impl FnMut(&Peer, u64) -> (MessageId, Vec<u8>) + Send + 'static,
    ) -> Result<(Vec<PartyId>, usize), LedgerError> {
        self.call("freeze", move |tx| {
            let mut ordered = Vec::new();
            let mut answered = 0;
            for peer in peers(tx)? {
                if !has_answered(tx, query, peer.id)? {
                    continue;
                }
                answered += 1;
                if newest(tx, query, peer.id)?.is_some_and(|state| !state.ended()) {
                    continue;
                }
                orders::insert(tx, &by, peer.id, *query.as_bytes(), orders::FREEZE, expires, |sequence| {
                    seal(&peer, sequence)
                })?;
                ordered.push(peer.id);
            }
            if !ordered.is_empty() {
                let (project, query_name) = tx.query_row(
                    "SELECT project, name FROM query WHERE id = ?1",
                    [query.as_bytes()],
                    |row| Ok((ProjectId::from_bytes(row.get(0)?), row.get(1)?)),
                )?;
                by.note(tx, &Deed::FreezeOrdered { project, query, query_name, trusts: ordered.len() })?;
            }
            Ok((ordered, answered))
        })
        .await
    }

    /// Each Trust's newest order to freeze the query's cohort, by Trust name.
    pub async fn freezes(&self, query: Uuid) -> Result<Vec<Freeze>, LedgerError> {
        self.call("freezes", move |tx| {
            tx.prepare_cached(
                "SELECT trust.id, trust.name, work_order.detail, work_order.freezing, max(work_order.sequence)
                 FROM work_order JOIN trust ON trust.id = work_order.trust
                 WHERE work_order.query = ?1 AND work_order.kind = 'freeze_cohort'
                 GROUP BY trust.id ORDER BY trust.name",
            )?
            .query_map([query.as_bytes()], |row| {
                let detail: String = row.get(2)?;
                let freezing: Option<String> = row.get(3)?;
                Ok(Freeze {
                    trust: PartyId::from_bytes(row.get(0)?),
                    trust_name: row.get(1)?,
                    state: from_json(2, &detail)?,
                    freezing: freezing.map(|text| from_json(3, &text)).transpose()?,
                })
            })?
            .collect()
        })
        .await
    }
}

fn has_answered(tx: &Transaction<'_>, query: Uuid, trust: PartyId) -> rusqlite::Result<bool> {
    let detail: Option<String> = tx
        .prepare_cached(
            "SELECT detail FROM work_order
             WHERE query = ?1 AND trust = ?2 AND kind = 'cohort_query' AND state = 'done'",
        )?
        .query_row((query.as_bytes(), trust.bytes()), |row| row.get(0))
        .optional()?;
    let state: Option<OrderState> = detail.map(|text| from_json(0, &text)).transpose()?;
    Ok(matches!(state, Some(OrderState::Done { answer: Answer::Value(_), .. })))
}

fn newest(tx: &Transaction<'_>, query: Uuid, trust: PartyId) -> rusqlite::Result<Option<OrderState>> {
    let detail: Option<String> = tx
        .prepare_cached(
            "SELECT detail FROM work_order WHERE query = ?1 AND trust = ?2 AND kind = 'freeze_cohort'
             ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row((query.as_bytes(), trust.bytes()), |row| row.get(0))
        .optional()?;
    detail.map(|text| from_json(0, &text)).transpose()
}
