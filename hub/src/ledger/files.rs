//! The files of models: what is brought, what the scanner found, and what may be read.
//!
//! What must stay true: a file is clean only by a verdict that was stored here, and a [`Scanned`] is made of a clean one
//! alone; what a row's end leaves behind is written down in the transaction that ends it, so that no bytes are forgotten.

mod scanning;
mod uploads;

use std::path::Path;

use flip_protocol::UnixMillis;
use flip_protocol::ident::ProjectId;
use flip_storage::artefacts::Key;
use flip_storage::ledger as storage;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};

use super::allowed::{Barred, allowed};
use super::models::changeable;
use super::{Ledger, LedgerError, from_json};
use crate::audit::{By, Deed};
use crate::model::{FileId, ModelId};
use crate::permissions::Act;
use crate::person::PersonId;

pub use scanning::{Quarantined, Verdict};
pub use uploads::{NewFile, NotOpened, Upload};

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// Its name.
    pub name: String,
    /// Its size; of a form's upload that is under way, the most that it can be.
    pub bytes: u64,
    /// Who brought it, by their sign-in name.
    pub opened_by: String,
    /// When they began.
    pub opened: UnixMillis,
    /// Where it is.
    pub state: State,
    /// Since when it is there.
    pub since: UnixMillis,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its bytes come.
    Uploading,
    /// They are all there, and not scanned yet; why not, where something is in the way.
    Quarantined(Option<String>),
    /// Its scan has ended: what is clean is kept, and all else was thrown away.
    Judged(Verdict),
}

impl State {
    /// Its name, as in the ledger and the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Quarantined(_) => "quarantined",
            Self::Judged(verdict) => verdict.name(),
        }
    }
}

/// A file that the scanner found clean: the one thing whose bytes can be read. Made of a clean row alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    key: Key,
    bytes: u64,
    sha256: [u8; 32],
    name: String,
}

impl Scanned {
    /// Where its bytes are kept.
    pub fn key(&self) -> Key {
        self.key
    }

    /// How many they are.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Their SHA-256.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }
}

const COLUMNS: &str = "model_file.id, model_file.name, model_file.bytes, opener.name, model_file.opened_ms,
    model_file.state, model_file.state_ms, model_file.why, model_file.sha256, model_file.notes
    FROM model_file JOIN person AS opener ON opener.id = model_file.opened_by";

impl Ledger {
    /// The files of a model, by name; where two are of one name, what is in force first.
    pub async fn files_of(&self, model: ModelId) -> Result<Vec<File>, LedgerError> {
        self.call("files of model", move |tx| {
            tx.prepare_cached(&format!(
                "SELECT {COLUMNS} WHERE model_file.model = ?1
                 ORDER BY model_file.name COLLATE NOCASE, model_file.state <> 'clean', model_file.opened_ms"
            ))?
            .query_map([model.bytes()], of_row)?
            .collect()
        })
        .await
    }

    /// A file of a model that is there.
    pub async fn file(&self, model: ModelId, id: FileId) -> Result<Option<File>, LedgerError> {
        self.call("file", move |tx| {
            tx.prepare_cached(&format!(
                "SELECT {COLUMNS} WHERE model_file.id = ?1 AND model_file.model = ?2"
            ))?
            .query_row((id.bytes(), model.bytes()), of_row)
            .optional()
        })
        .await
    }

    /// A clean file to be fetched, where that person may still fetch it.
    pub async fn scanned(
        &self,
        person: PersonId,
        id: FileId,
        now: UnixMillis,
    ) -> Result<Option<Scanned>, LedgerError> {
        self.call("scanned file", move |tx| {
            let Some((_, project, _)) = of_file(tx, id)? else { return Ok(None) };
            if allowed(tx, &By::person(person, "", now), project, Act::FetchFiles)?.is_err() {
                return Ok(None);
            }
            tx.prepare_cached(
                "SELECT id, bytes, sha256, name FROM model_file WHERE id = ?1 AND state = 'clean'",
            )?
            .query_row([id.bytes()], |row| {
                Ok(Scanned { key: row.get(0)?, bytes: row.get(1)?, sha256: row.get(2)?, name: row.get(3)? })
            })
            .optional()
        })
        .await
    }

    /// Notes that a link to fetch a file was made. False where there is no such clean file.
    pub async fn note_fetch(&self, by: By, model: ModelId, id: FileId) -> Result<bool, LedgerError> {
        self.call("note fetch", move |tx| {
            let found: Option<String> = tx
                .prepare_cached(
                    "SELECT name FROM model_file WHERE id = ?1 AND model = ?2 AND state = 'clean'",
                )?
                .query_row((id.bytes(), model.bytes()), |row| row.get(0))
                .optional()?;
            let (Some(file_name), Some((_, project, _))) = (found, of_file(tx, id)?) else {
                return Ok(false);
            };
            by.note(tx, &Deed::FileFetched { project, model, file: id, file_name })?;
            Ok(true)
        })
        .await
    }

    /// Deletes a file of a model, whatever its state. False where there is none.
    pub async fn delete_file(
        &self,
        by: By,
        model: ModelId,
        id: FileId,
    ) -> Result<Result<bool, Barred>, LedgerError> {
        self.call("delete file", move |tx| {
            let project = match changeable(tx, &by, model)? {
                Ok(model) => model.project,
                Err(barred) => return Ok(Err(barred)),
            };
            let name: Option<String> = tx
                .prepare_cached("SELECT name FROM model_file WHERE id = ?1 AND model = ?2")?
                .query_row((id.bytes(), model.bytes()), |row| row.get(0))
                .optional()?;
            let Some(file_name) = name else { return Ok(Ok(false)) };
            end(tx, "id = ?1", [id.bytes()])?;
            by.note(tx, &Deed::FileDeleted { project, model, file: id, file_name })?;
            Ok(Ok(true))
        })
        .await
    }

    /// Keys of bytes that no row is left for.
    pub async fn artefacts_gone(&self) -> Result<Vec<Key>, LedgerError> {
        self.call("artefacts gone", move |tx| {
            tx.prepare_cached("SELECT key FROM artefact_gone")?.query_map([], |row| row.get(0))?.collect()
        })
        .await
    }

    /// Notes that those bytes are removed.
    pub async fn artefact_removed(&self, key: Key) -> Result<(), LedgerError> {
        self.call("artefact removed", move |tx| {
            tx.execute("DELETE FROM artefact_gone WHERE key = ?1", [key]).map(drop)
        })
        .await
    }
}

/// Ends rows, and writes down the keys of their bytes.
pub(super) fn end(
    tx: &Transaction<'_>,
    which: &str,
    values: impl rusqlite::Params + Clone,
) -> rusqlite::Result<usize> {
    tx.execute(
        &format!("INSERT INTO artefact_gone (key) SELECT id FROM model_file WHERE {which}"),
        values.clone(),
    )?;
    tx.execute(&format!("DELETE FROM model_file WHERE {which}"), values)
}

/// The model, the project and the name of a file whose model was not deleted.
fn of_file(tx: &Transaction<'_>, id: FileId) -> rusqlite::Result<Option<(ModelId, ProjectId, String)>> {
    tx.prepare_cached(
        "SELECT model.id, model.project, model_file.name FROM model_file JOIN model ON model.id = model_file.model
         WHERE model_file.id = ?1 AND model.deleted_ms IS NULL",
    )?
    .query_row([id.bytes()], |row| {
        Ok((ModelId::from_bytes(row.get(0)?), ProjectId::from_bytes(row.get(1)?), row.get(2)?))
    })
    .optional()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<File> {
    let state: String = row.get(5)?;
    let why: String = row.get(7)?;
    let state = match state.as_str() {
        "uploading" => State::Uploading,
        "quarantined" => State::Quarantined(Some(why).filter(|why| !why.is_empty())),
        "clean" => {
            let notes = from_json(9, &row.get::<_, String>(9)?)?;
            State::Judged(Verdict::Clean { sha256: row.get(8)?, notes })
        }
        "refused" => State::Judged(Verdict::Refused(why)),
        // The schema knows no further one.
        _ => State::Judged(Verdict::Failed(why)),
    };
    Ok(File {
        id: FileId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        bytes: row.get(2)?,
        opened_by: row.get(3)?,
        opened: UnixMillis(row.get(4)?),
        state,
        since: UnixMillis(row.get(6)?),
    })
}

/// A file whose bytes should be somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where its bytes are.
    pub key: Key,
    /// What it is called; empty where it has no row any more.
    pub name: String,
    /// How many they are, where it is clean.
    pub bytes: Option<u64>,
}

/// Every file that a ledger knows of, and those whose bytes it has still to remove. Changes nothing.
pub fn known(ledger: &Path) -> Result<Vec<Known>, LedgerError> {
    storage::read(ledger, "known files", |tx| {
        tx.prepare(
            "SELECT id, name, iif(state = 'clean', bytes, NULL) FROM model_file
             UNION ALL SELECT key, '', NULL FROM artefact_gone",
        )?
        .query_map([], |row| Ok(Known { key: row.get(0)?, name: row.get(1)?, bytes: row.get(2)? }))?
        .collect()
    })
}
