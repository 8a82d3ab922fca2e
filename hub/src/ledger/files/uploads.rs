//! Uploads: from a file that is to be brought to one that is whole.

use flip_protocol::UnixMillis;
use flip_storage::rusqlite::OptionalExtension as _;

use super::{COLUMNS, File, end, of_file, of_row};
use crate::audit::{By, Deed};
use crate::bounds;
use crate::ledger::allowed::{Barred, allowed};
use crate::ledger::models::changeable;
use crate::ledger::{Ledger, LedgerError};
use crate::model::{FileId, ModelId};
use crate::permissions::Act;
use crate::person::PersonId;

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
}
