//! Orders to freeze a query's cohort.

use flip_protocol::PartyId;
use flip_protocol::freeze::Freezing;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};
use uuid::Uuid;

use super::{Ledger, LedgerError, from_json};
use crate::order::OrderState;

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

const COLUMNS: &str = "trust.id, trust.name, work_order.detail, work_order.freezing, max(work_order.sequence)
    FROM work_order JOIN trust ON trust.id = work_order.trust
    WHERE work_order.query = ?1 AND work_order.kind = 'freeze_cohort'";

impl Ledger {
    /// Each Trust's newest order to freeze the query's cohort, by Trust name.
    pub async fn freezes(&self, query: Uuid) -> Result<Vec<Freeze>, LedgerError> {
        self.call("freezes", move |tx| {
            tx.prepare_cached(&format!("SELECT {COLUMNS} GROUP BY trust.id ORDER BY trust.name"))?
                .query_map([query.as_bytes()], of_row)?
                .collect()
        })
        .await
    }
}

/// A Trust's newest order to freeze a query's cohort.
pub(super) fn freeze_of(
    tx: &Transaction<'_>,
    query: Uuid,
    trust: PartyId,
) -> rusqlite::Result<Option<Freeze>> {
    tx.prepare_cached(&format!("SELECT {COLUMNS} AND trust.id = ?2 GROUP BY trust.id"))?
        .query_row((query.as_bytes(), trust.bytes()), of_row)
        .optional()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Freeze> {
    let detail: String = row.get(2)?;
    let freezing: Option<String> = row.get(3)?;
    Ok(Freeze {
        trust: PartyId::from_bytes(row.get(0)?),
        trust_name: row.get(1)?,
        state: from_json(2, &detail)?,
        freezing: freezing.map(|text| from_json(3, &text)).transpose()?,
    })
}
