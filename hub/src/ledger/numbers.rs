//! Numbers of the ledger for the metrics.

use flip_protocol::UnixMillis;

use super::{Ledger, LedgerError};

/// How many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// Orders by kind and state.
    pub orders: Vec<(String, String, i64)>,
    /// Messages that were not taken, by reason.
    pub refused: Vec<(String, u64)>,
    /// Files of models, by state.
    pub files: Vec<(String, i64)>,
    /// Sessions that have not ended.
    pub sessions: i64,
    /// Acts in the audit.
    pub acts: i64,
}

impl Ledger {
    /// How many there are.
    pub async fn numbers(&self, now: UnixMillis) -> Result<Numbers, LedgerError> {
        self.call("numbers", move |tx| {
            let orders = tx
                .prepare_cached("SELECT kind, state, count(*) FROM work_order GROUP BY kind, state")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<Result<_, _>>()?;
            let refused = tx
                .prepare_cached("SELECT reason, sum(times) FROM refusal GROUP BY reason")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let files = tx
                .prepare_cached("SELECT state, count(*) FROM model_file GROUP BY state")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let sessions =
                tx.query_row("SELECT count(*) FROM session WHERE expires_ms > ?1", [now.0], |row| {
                    row.get(0)
                })?;
            let acts = tx.query_row("SELECT coalesce(max(number), 0) FROM audit", [], |row| row.get(0))?;
            Ok(Numbers { orders, refused, files, sessions, acts })
        })
        .await
    }
}
