//! What people do with the files of models.

use std::sync::Arc;

use axum::body::Bytes;
use flip_storage::artefacts::ArtefactError;
use futures_core::Stream;

use crate::bounds;
use crate::clock;
use crate::files::bring::{Cut, Taken};
use crate::files::judge::digest;
use crate::files::link::{Link, Usage};
use crate::files::{name, range};
use crate::hub::Hub;
use crate::ledger::files::{File, NewFile, NotOpened, State};
use crate::model::{FileId, ModelId};
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// What is said of a file that is to be brought.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFile)]
pub struct Announced {
    /// Its name.
    #[schema(max_length = 100, example = "weights.safetensors")]
    pub name: String,
    /// Its size.
    #[schema(minimum = 1, maximum = 5_368_709_120_u64, example = 1_048_576)]
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal, to be compared.
    #[serde(default)]
    #[schema(
        pattern = "^[0-9a-fA-F]{64}$",
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    pub sha256: Option<String>,
}

/// An upload that may begin.
pub struct Opened {
    /// The file.
    pub file: FileId,
    /// Where its bytes go.
    pub link: Link,
}

/// How far an upload is.
pub struct Progress {
    /// The file.
    pub file: File,
    /// Bytes that are at the hub.
    pub received: u64,
}

/// Opens an upload; gives the link to bring it by.
pub async fn open(
    may: &May<acts::ChangeModels>,
    hub: &Hub,
    model: ModelId,
    announced: Announced,
) -> Result<Opened, ApiProblem> {
    may.undeleted()?;
    super::models::found(may, hub, model).await?;
    let Announced { name, bytes, sha256 } = announced;
    check_name(&name)?;
    if bytes == 0 {
        return Err(empty(&name));
    }
    if bytes > bounds::FILE_BYTES {
        return Err(ApiProblem::new(Code::FileTooLarge, "The file is too large.")
            .detail(format!("a file has at most {} bytes, and “{name}” has {bytes}", bounds::FILE_BYTES)));
    }
    let declared = sha256
        .map(|hex| {
            let wrong = "the SHA-256 of a file is 64 hexadecimal digits";
            digest(&hex).ok_or_else(|| ApiProblem::new(Code::BadSha256, "That is no SHA-256.").detail(wrong))
        })
        .transpose()?;
    let free = hub.files.free_bytes().await.map_err(|error| away(&error))?;
    if free < bytes.saturating_add(bounds::FREE_BYTES_LEFT) {
        return Err(full());
    }
    let by = may.by();
    let id = FileId::new(by.at, &clock::random_bytes());
    let person = may.person().id;
    let link = Link { usage: Usage::Upload, file: id, person, expires: by.at.plus(bounds::UPLOAD_LINK_MS) };
    let new = NewFile { id, name, bytes, declared };
    match hub.ledger.open_file(by, person, model, new).await? {
        Ok(()) => {
            tracing::info!(file = %id, by = may.person().name, bytes, "an upload was opened");
            hub.files.announce();
            Ok(Opened { file: id, link })
        }
        Err(NotOpened::Barred(barred)) => Err(barred.into()),
        Err(NotOpened::TooMany) => {
            let title = "The model has as many files as one may have.";
            Err(ApiProblem::new(Code::TooManyFiles, title)
                .detail(format!("a model has at most {} files; delete one", bounds::MODEL_FILES)))
        }
        Err(NotOpened::Quota(left)) => {
            let title = "The model’s files would take more room than they may.";
            Err(ApiProblem::new(Code::QuotaOfModel, title).detail(format!(
                "the files of a model have at most {} bytes together; {left} are left; delete a file",
                bounds::MODEL_BYTES
            )))
        }
    }
}

/// Another link for an upload that is under way, which is the person's from now on: a link made before is another's.
pub async fn link_again(
    may: &May<acts::ChangeModels>,
    hub: &Hub,
    model: ModelId,
    id: FileId,
) -> Result<(Link, Progress), ApiProblem> {
    may.undeleted()?;
    super::models::found(may, hub, model).await?;
    let by = may.by();
    let person = may.person().id;
    if !hub.ledger.renew_link(by.clone(), model, person, id).await? {
        return Err(ApiProblem::not_found());
    }
    let link = Link { usage: Usage::Upload, file: id, person, expires: by.at.plus(bounds::UPLOAD_LINK_MS) };
    let file = hub.ledger.file(model, id).await?.ok_or_else(ApiProblem::not_found)?;
    Ok((link, progress(hub, file).await?))
}

/// Deletes a file.
pub async fn delete(
    may: &May<acts::ChangeModels>,
    hub: &Hub,
    model: ModelId,
    id: FileId,
) -> Result<(), ApiProblem> {
    may.undeleted()?;
    super::models::found(may, hub, model).await?;
    if !hub.ledger.delete_file(may.by(), model, id).await?? {
        return Err(ApiProblem::not_found());
    }
    tracing::info!(file = %id, by = may.person().name, "a file was deleted");
    hub.files.announce();
    Ok(())
}

/// A link to fetch a clean file by, which is noted.
pub async fn fetch(
    may: &May<acts::FetchFiles>,
    hub: &Hub,
    model: ModelId,
    id: FileId,
) -> Result<Link, ApiProblem> {
    super::models::found(may, hub, model).await?;
    let by = may.by();
    let expires = by.at.plus(bounds::DOWNLOAD_LINK_MS);
    if hub.ledger.note_fetch(by, model, id).await? {
        return Ok(Link { usage: Usage::Download, file: id, person: may.person().id, expires });
    }
    let file = hub.ledger.file(model, id).await?.ok_or_else(ApiProblem::not_found)?;
    Err(ApiProblem::new(Code::FileNotClean, "Only a file that was found clean can be fetched.")
        .detail(format!("“{}” is {}", file.name, file.state.name())))
}

/// How far an upload is, by its link.
pub async fn how_far(hub: &Hub, token: &str) -> Result<Progress, ApiProblem> {
    let now = clock::now();
    let link = hub.files.linked(Usage::Upload, token, now).map_err(|bad| over(&bad.to_string()))?;
    let file = hub.ledger.linked_file(link.person, link.file, now).await?;
    progress(hub, file.ok_or_else(gone)?).await
}

/// Takes bytes of an upload, by its link.
pub async fn bring<E>(
    hub: &Arc<Hub>,
    token: &str,
    content_range: Option<&str>,
    length: Option<u64>,
    body: impl Stream<Item = Result<Bytes, E>>,
) -> Result<Progress, ApiProblem> {
    let link = hub.files.linked(Usage::Upload, token, clock::now()).map_err(|bad| over(&bad.to_string()))?;
    let turn = hub.files.turn(link.file).ok_or_else(busy)?;
    // Only now, so that nobody else has brought bytes since it was looked.
    let Progress { file, received } = how_far(hub, token).await?;
    if file.state != State::Uploading {
        return Err(complete(&file));
    }
    let brought = range::brought(content_range, length, file.bytes).map_err(|bad| {
        ApiProblem::new(Code::BadRange, "The request does not say which bytes it brings.")
            .detail(bad.to_string())
    })?;
    if brought.start != received {
        return Err(ApiProblem::new(Code::WrongOffset, "Other bytes are next.").detail(format!(
            "{received} bytes are here; go on with byte {received}; this begins with {}",
            brought.start
        )));
    }
    let taken =
        hub.files.take(turn, brought.end - brought.start, body).await.map_err(|error| away(&error))?;
    let Taken { received, cut } = taken;
    if let Some(cut) = cut {
        return Err(cut_off(&cut, received));
    }
    if received < brought.end {
        return Err(cut_off(&Cut::BrokeOff, received));
    }
    if received == file.bytes {
        finish(hub, file.id, received).await?;
    }
    how_far(hub, token).await
}

/// Takes a file of a form, whose size is known at its end; `most` is what it can have.
pub async fn bring_whole<E>(
    may: &May<acts::ChangeModels>,
    hub: &Arc<Hub>,
    model: ModelId,
    name: String,
    most: u64,
    body: impl Stream<Item = Result<Bytes, E>>,
) -> Result<(), ApiProblem> {
    let announced = Announced { name: name.clone(), bytes: most.clamp(1, bounds::FILE_BYTES), sha256: None };
    let id = open(may, hub, model, announced).await?.file;
    let turn = hub.files.turn(id).ok_or_else(busy)?;
    let problem =
        match hub.files.take(turn, bounds::FILE_BYTES.min(most), body).await.map_err(|error| away(&error)) {
            Ok(Taken { received: 0, cut: None }) => empty(&name),
            Ok(Taken { received, cut: None }) => return finish(hub, id, received).await,
            Ok(Taken { received, cut: Some(cut) }) => cut_off(&cut, received),
            Err(problem) => problem,
        };
    // A form cannot go on where it ended.
    hub.ledger.delete_file(may.by(), model, id).await??;
    hub.files.announce();
    Err(problem)
}

/// Checks a name.
pub fn check_name(name: &str) -> Result<(), ApiProblem> {
    name::check(name)
        .map_err(|why| ApiProblem::new(Code::BadFileName, "The file’s name is not usable.").detail(why))
}

/// A link whose time is over, or that none of ours is.
pub fn over(why: &str) -> ApiProblem {
    ApiProblem::new(Code::LinkOver, "This link does not work, or not any more.")
        .detail(format!("{why}; ask the hub for another"))
}

async fn finish(hub: &Arc<Hub>, id: FileId, received: u64) -> Result<(), ApiProblem> {
    hub.ledger.file_complete(id, received, clock::now()).await?;
    hub.files.announce();
    hub.announce_change();
    Ok(())
}

/// How far a file is. An upload that was whole when the hub ended is noted as that now.
pub async fn progress(hub: &Hub, file: File) -> Result<Progress, ApiProblem> {
    let received = match file.state {
        State::Uploading => hub.files.received(file.id).await.map_err(|error| away(&error))?,
        State::Quarantined(_) | State::Judged(_) => file.bytes,
    };
    Ok(Progress { file, received })
}

fn gone() -> ApiProblem {
    over("the file was deleted or replaced, or you may not bring it any more")
}

fn busy() -> ApiProblem {
    ApiProblem::new(Code::UploadBusy, "Another request brings this file.")
        .detail("wait for it to end, and ask how far the upload is")
}

fn complete(file: &File) -> ApiProblem {
    ApiProblem::new(Code::UploadComplete, "All its bytes are here already.").detail(format!(
        "“{}” is {}",
        file.name,
        file.state.name()
    ))
}

fn empty(name: &str) -> ApiProblem {
    ApiProblem::new(Code::EmptyFile, "The file is empty.")
        .detail(format!("“{name}” has no bytes; nothing was taken"))
}

fn full() -> ApiProblem {
    ApiProblem::new(Code::HubFull, "The hub has no room for it.")
        .detail("tell whoever runs the hub; an upload that has begun can go on once there is room")
}

fn cut_off(cut: &Cut, received: u64) -> ApiProblem {
    let here = format!("{received} bytes are here; go on with byte {received}");
    match cut {
        Cut::BrokeOff => ApiProblem::new(Code::CutShort, "The request’s body broke off.").detail(here),
        Cut::TooMany => {
            let title = "More bytes came than the request said.";
            ApiProblem::new(Code::MoreThanSaid, title).detail(here)
        }
        Cut::Full => {
            let what = "tell whoever runs the hub; the upload can go on once there is room";
            ApiProblem::new(Code::HubFull, "The hub has no room for it.").detail(format!("{here}; {what}"))
        }
        Cut::Disk(error) => away(error),
    }
}

fn away(error: &ArtefactError) -> ApiProblem {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the artefact store does not do what it is asked"
    );
    ApiProblem::new(Code::ArtefactsAway, "The hub cannot read or write files now; try again in a moment.")
}

/// A clean file, by a link to fetch it.
pub async fn fetched(hub: &Hub, token: &str) -> Result<crate::ledger::files::Scanned, ApiProblem> {
    let now = clock::now();
    let link = hub.files.linked(Usage::Download, token, now).map_err(|bad| over(&bad.to_string()))?;
    hub.ledger.scanned(link.person, link.file, now).await?.ok_or_else(gone)
}

/// Its bytes.
pub async fn read(
    hub: &Hub,
    scanned: &crate::ledger::files::Scanned,
    range: std::ops::Range<u64>,
) -> Result<flip_storage::artefacts::Pieces, ApiProblem> {
    hub.files.read(scanned, range).await.map_err(|error| away(&error))
}
