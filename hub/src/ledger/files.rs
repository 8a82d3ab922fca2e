//! The files of models: what is brought, what the scanner found, and what may be read.
//!
//! What must stay true: a file is clean only by a verdict that was stored here, and a [`Scanned`] is made of a clean one
//! alone; what a row's end leaves behind is written down in the transaction that ends it, so that no bytes are forgotten.

use std::path::Path;

use flip_protocol::UnixMillis;
use flip_protocol::ident::ProjectId;
use flip_storage::artefacts::Key;
use flip_storage::ledger as storage;
use flip_storage::rusqlite::{self, OptionalExtension as _, Row, Transaction};

use super::allowed::{Barred, allowed};
use super::models::changeable;
use super::{Ledger, LedgerError, from_json, to_json};
use crate::audit::{By, Deed};
use crate::bounds;
use crate::files::judge::Note;
use crate::model::{FileId, ModelId};
use crate::permissions::Act;
use crate::person::PersonId;

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
    /// It was scanned and kept.
    Clean {
        /// SHA-256 of its bytes.
        sha256: [u8; 32],
        /// Lines of source code that somebody should look at.
        notes: Vec<Note>,
    },
    /// It was scanned and thrown away, and why.
    Refused(String),
    /// It could not be scanned and was thrown away, and why.
    Failed(String),
}

impl State {
    /// Its name, as in the ledger and the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Quarantined(_) => "quarantined",
            Self::Clean { .. } => "clean",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
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

/// A file that is to be brought.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Its id.
    pub id: FileId,
    /// Its name.
    pub name: String,
    /// Its size, or the most that it can be.
    pub bytes: u64,
    /// Its SHA-256, where whoever brings it says it.
    pub declared: Option<[u8; 32]>,
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOpened {
    /// Not of this person.
    Barred(Barred),
    /// The model has as many files as one may have.
    TooMany,
    /// The model's files would be of more bytes than they may; so many are left.
    Quota(u64),
}

/// An upload that is under way.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The file's id.
    pub id: FileId,
    /// Its size, or the most that it can be.
    pub bytes: u64,
    /// When it was opened.
    pub opened: UnixMillis,
}

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

const COLUMNS: &str = "model_file.id, model_file.name, model_file.bytes, opener.name, model_file.opened_ms,
    model_file.state, model_file.state_ms, model_file.why, model_file.sha256, model_file.notes
    FROM model_file JOIN person AS opener ON opener.id = model_file.opened_by";

impl Ledger {
    /// Opens an upload. Another of that name that is not clean makes room for it; a clean one stays until this one is.
    pub async fn open_file(
        &self,
        by: By,
        person: PersonId,
        model: ModelId,
        new: NewFile,
    ) -> Result<Result<(), NotOpened>, LedgerError> {
        self.call("open file", move |tx| {
            let project = match changeable(tx, &by, model)? {
                Ok(model) => model.project,
                Err(barred) => return Ok(Err(NotOpened::Barred(barred))),
            };
            let (files, held): (usize, u64) = tx.query_row(
                "SELECT count(*), coalesce(sum(bytes) FILTER (WHERE state NOT IN ('refused', 'failed')), 0)
                 FROM model_file
                 WHERE model = ?1 AND name <> ?2 COLLATE NOCASE",
                (model.bytes(), &new.name),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if files >= bounds::MODEL_FILES {
                return Ok(Err(NotOpened::TooMany));
            }
            let left = bounds::MODEL_BYTES.saturating_sub(held);
            if new.bytes > left {
                return Ok(Err(NotOpened::Quota(left)));
            }
            end(tx, "model = ?1 AND name = ?2 COLLATE NOCASE AND state <> 'clean'", (model.bytes(), &new.name))?;
            let NewFile { id, name, bytes, declared } = new;
            tx.execute(
                "INSERT INTO model_file
                     (id, model, name, bytes, declared_sha256, opened_by, opened_ms, state, state_ms, why, notes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'uploading', ?7, '', '[]')",
                (id.bytes(), model.bytes(), &name, bytes, declared, person.bytes(), by.at.0),
            )?;
            by.note(tx, &Deed::FileOpened { project, model, file: id, file_name: name, bytes })?;
            Ok(Ok(()))
        })
        .await
    }

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

    /// A file to be brought by a link, where its person may still bring it.
    pub async fn linked_file(
        &self,
        person: PersonId,
        id: FileId,
        now: UnixMillis,
    ) -> Result<Option<File>, LedgerError> {
        self.call("linked file", move |tx| {
            let Some((_, project, _)) = of_file(tx, id)? else { return Ok(None) };
            if allowed(tx, &By::person(person, "", now), project, Act::ChangeModels)?.is_err() {
                return Ok(None);
            }
            tx.prepare_cached(&format!("SELECT {COLUMNS} WHERE model_file.id = ?1 AND opener.id = ?2"))?
                .query_row((id.bytes(), person.bytes()), of_row)
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

    /// Puts an upload that is whole, of so many bytes, into quarantine. False where it was not under way any more.
    pub async fn file_complete(&self, id: FileId, bytes: u64, now: UnixMillis) -> Result<bool, LedgerError> {
        self.call("complete file", move |tx| {
            let Some((model, project, file_name)) = of_file(tx, id)? else { return Ok(false) };
            let opener: Option<([u8; 16], String)> = tx
                .prepare_cached(
                    "UPDATE model_file SET state = 'quarantined', state_ms = ?2, bytes = ?3
                     WHERE id = ?1 AND state = 'uploading'
                     RETURNING opened_by, (SELECT name FROM person WHERE person.id = opened_by)",
                )?
                .query_row((id.bytes(), now.0, bytes), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((opener, name)) = opener else { return Ok(false) };
            let by = By::person(PersonId::from_bytes(opener), &name, now);
            by.note(tx, &Deed::FileBrought { project, model, file: id, file_name, bytes })?;
            Ok(true)
        })
        .await
    }

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

    /// Makes an upload that is under way that person's, for whom another link is made. False where there is none.
    pub async fn renew_link(
        &self,
        by: By,
        model: ModelId,
        person: PersonId,
        id: FileId,
    ) -> Result<bool, LedgerError> {
        self.call("renew link", move |tx| {
            let found: Option<String> = tx
                .prepare_cached(
                    "UPDATE model_file SET opened_by = ?3
                     WHERE id = ?1 AND model = ?2 AND state = 'uploading' RETURNING name",
                )?
                .query_row((id.bytes(), model.bytes(), person.bytes()), |row| row.get(0))
                .optional()?;
            let (Some(file_name), Some((_, project, _))) = (found, of_file(tx, id)?) else {
                return Ok(false);
            };
            by.note(tx, &Deed::UploadResumed { project, model, file: id, file_name })?;
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

    /// The uploads that are under way.
    pub async fn uploads(&self) -> Result<Vec<Upload>, LedgerError> {
        self.call("uploads", move |tx| {
            tx.prepare_cached("SELECT id, bytes, opened_ms FROM model_file WHERE state = 'uploading'")?
                .query_map([], |row| {
                    let (id, opened) = (FileId::from_bytes(row.get(0)?), UnixMillis(row.get(2)?));
                    Ok(Upload { id, bytes: row.get(1)?, opened })
                })?
                .collect()
        })
        .await
    }

    /// Gives up an upload that nobody goes on with.
    pub async fn abandon_upload(&self, by: By, id: FileId) -> Result<(), LedgerError> {
        self.call("abandon upload", move |tx| {
            let Some((model, project, file_name)) = of_file(tx, id)? else { return Ok(()) };
            if end(tx, "id = ?1 AND state = 'uploading'", [id.bytes()])? > 0 {
                by.note(tx, &Deed::UploadAbandoned { project, model, file: id, file_name })?;
            }
            Ok(())
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
        "clean" => State::Clean { sha256: row.get(8)?, notes: from_json(9, &row.get::<_, String>(9)?)? },
        "refused" => State::Refused(why),
        // The schema knows no further one.
        _ => State::Failed(why),
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
