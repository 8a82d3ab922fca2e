//! Copies of the ledger, and what a ledger that was put back needs before it is used.

use std::path::Path;

use flip_protocol::UnixMillis;
use flip_storage::ledger::{self as storage};
use flip_storage::rusqlite;

use super::keys::peers;
use super::trusts::Reseal;
use super::{Ledger, LedgerError, orders};
use crate::audit::{By, Deed};

/// How far the sequence numbers towards each Trust jump when a ledger is put back: more orders than a hub sends between
/// a backup and its loss, so that no number is used twice.
const RESTORE_JUMP: u64 = 1 << 32;

/// What `PRAGMA`s and the audit say of a ledger that nothing was changed of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Its schema.
    pub schema: usize,
    /// What SQLite's integrity check found.
    pub damage: Vec<String>,
    /// Rows that name what is not there, by table.
    pub orphans: Vec<String>,
    /// When the certificates of enrolled Trusts end, by the Trust's name.
    pub certificates: Vec<(String, UnixMillis)>,
}

/// Writes the ledger as it is at one moment to a new file, beside whoever changes it.
///
/// `VACUUM INTO` and not the backup functions: those begin again whenever another process writes, and may never end.
pub fn copy(ledger: &Path, to: &Path) -> Result<(), LedgerError> {
    let name = "copy";
    let copy = || {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = rusqlite::Connection::open_with_flags(ledger, flags)?;
        let to = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
        connection.execute("VACUUM INTO ?1", [to]).map(drop)
    };
    copy().map_err(|source| LedgerError::Sqlite { name, source })
}

/// Looks a ledger over without changing it, its schema neither.
pub fn look(ledger: &Path) -> Result<Looked, LedgerError> {
    storage::read(ledger, "look over", |tx| {
        let schema: usize = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let texts = |sql: &str| -> rusqlite::Result<Vec<String>> {
            tx.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
        };
        let mut damage = texts("PRAGMA integrity_check")?;
        damage.retain(|word| word != "ok");
        let orphans =
            texts("SELECT DISTINCT \"table\" || ' (of ' || parent || ')' FROM pragma_foreign_key_check")?;
        let certificates = tx
            .prepare(
                "SELECT trust.name, max(certificate.expires_ms) FROM certificate JOIN trust ON trust.id = certificate.trust
                 GROUP BY trust.id ORDER BY trust.name",
            )?
            .query_map([], |row| Ok((row.get(0)?, UnixMillis(row.get(1)?))))?
            .collect::<Result<_, _>>()?;
        Ok(Looked { schema, damage, orphans, certificates })
    })
}

impl Ledger {
    /// Makes a ledger that was put back fit for use: no sequence number comes again, every open order is sealed anew
    /// under a new one, nobody is signed in, and no link, token or unused kit works. Blocks.
    pub fn restored(&self, by: By, backup: UnixMillis, reseal: Reseal) -> Result<(), LedgerError> {
        self.run("restored", move |tx| {
            tx.execute(
                "UPDATE trust SET sent = sent + ?1, bundles_made = bundles_made + ?1",
                [RESTORE_JUMP],
            )?;
            for peer in peers(tx)? {
                orders::reseal_open(tx, &peer, &reseal)?;
            }
            // What was used, ended or made void since the backup was made is not known here.
            tx.execute("DELETE FROM session", [])?;
            tx.execute("DELETE FROM link", [])?;
            tx.execute("DELETE FROM api_token", [])?;
            tx.execute("DELETE FROM kit WHERE used_ms IS NULL", [])?;
            let acts = tx.query_row("SELECT count(*) FROM audit", [], |row| row.get(0))?;
            by.note(tx, &Deed::HubRestored { backup_ms: backup, acts })
        })
    }
}
