//! Files that wait to be scanned, and what the scanner found.

use super::{end, of_file};
use crate::audit::{By, Deed};
use crate::files::judge::Note;
use crate::ledger::{Ledger, LedgerError, to_json};
use crate::model::FileId;

/// A file that waits to be scanned.
#[derive(Debug, Clone)]
pub struct Quarantined {
    /// Its id.
    pub id: FileId,
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 by whoever brought it.
    pub declared: Option<[u8; 32]>,
}

/// What a scan ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is clean, and its bytes are kept.
    Clean {
        /// SHA-256 of its bytes.
        sha256: [u8; 32],
        /// Lines of source code that somebody should look at.
        notes: Vec<Note>,
    },
    /// It is not, and why.
    Refused(String),
    /// It could not be found out, and why.
    Failed(String),
}

impl Verdict {
    /// The name of the state that it leads to.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Clean { .. } => "clean",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}

impl Ledger {
    /// What waits to be scanned, the smallest first.
    pub async fn files_in_quarantine(&self) -> Result<Vec<Quarantined>, LedgerError> {
        self.call("files in quarantine", move |tx| {
            tx.prepare_cached(
                "SELECT id, name, bytes, declared_sha256 FROM model_file WHERE state = 'quarantined'
                 ORDER BY bytes, state_ms",
            )?
            .query_map([], |row| {
                let id = FileId::from_bytes(row.get(0)?);
                Ok(Quarantined { id, name: row.get(1)?, bytes: row.get(2)?, declared: row.get(3)? })
            })?
            .collect()
        })
        .await
    }

    /// Says why a file waits on.
    pub async fn file_waits(&self, id: FileId, why: String) -> Result<(), LedgerError> {
        self.call("file waits", move |tx| {
            tx.execute(
                "UPDATE model_file SET why = ?2 WHERE id = ?1 AND state = 'quarantined'",
                (id.bytes(), &why),
            )
            .map(drop)
        })
        .await
    }

    /// Stores what a scan ended in; a clean file takes the place of another clean one of its name. False where it was not
    /// in quarantine any more.
    pub async fn file_judged(&self, by: By, id: FileId, verdict: Verdict) -> Result<bool, LedgerError> {
        self.call("judge file", move |tx| {
            let Some((model, project, file_name)) = of_file(tx, id)? else { return Ok(false) };
            let state = verdict.name().to_owned();
            let (why, sha256, notes) = match verdict {
                Verdict::Clean { sha256, notes } => (String::new(), Some(sha256), notes),
                Verdict::Refused(why) | Verdict::Failed(why) => (why, None, Vec::new()),
            };
            let waits: bool = tx.query_row(
                "SELECT state = 'quarantined' FROM model_file WHERE id = ?1",
                [id.bytes()],
                |row| row.get(0),
            )?;
            if !waits {
                return Ok(false);
            }
            if sha256.is_some() {
                end(
                    tx,
                    "model = ?1 AND name = ?2 COLLATE NOCASE AND state = 'clean'",
                    (model.bytes(), &file_name),
                )?;
            }
            tx.execute(
                "UPDATE model_file SET state = ?2, state_ms = ?3, why = ?4, sha256 = ?5, notes = ?6 WHERE id = ?1",
                (id.bytes(), &state, by.at.0, &why, sha256, to_json(&notes)?),
            )?;
            let sha256 = sha256.map(|sha256| flip_protocol::text::hex(&sha256));
            by.note(tx, &Deed::FileScanned { project, model, file: id, file_name, state, why, sha256 })?;
            Ok(true)
        })
        .await
    }
}
