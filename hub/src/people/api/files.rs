//! `/models/{model}/files`: opening uploads, and what becomes of them. The bytes go by links, in `people::transfers`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use flip_protocol::{UnixMillis, text};
use serde::Serialize;
use utoipa::ToSchema;

use super::document::Said;
use super::{Body, Path};
use crate::files::judge::Note;
use crate::files::link::Link;
use crate::hub::Hub;
use crate::ledger::files::{File, State as Of, Verdict};
use crate::model::{FileId, ModelId};
use crate::people::act::files::{self as act, Announced};
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::shapes::Moment;

/// An upload that can go on.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadLink)]
pub(in crate::people) struct Linked {
    /// The file's id.
    #[schema(value_type = uuid::Uuid)]
    id: FileId,
    /// Where its bytes are put to, with `Content-Range`; no token goes with them.
    #[schema(example = "/uploads/AQGiGQ4d")]
    link: String,
    /// Until when the link works.
    #[schema(value_type = Moment)]
    expires: UnixMillis,
    /// Bytes that are here already.
    #[schema(example = 0)]
    received: u64,
}

/// A file of a model.
#[derive(Serialize, ToSchema)]
pub(in crate::people) struct ModelFile {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: FileId,
    /// Its name.
    #[schema(example = "weights.safetensors")]
    name: String,
    /// Its size in bytes.
    #[schema(example = 1_048_576)]
    bytes: u64,
    /// `uploading`, `quarantined`, `clean`, `refused` or `failed`.
    #[schema(example = "clean")]
    state: &'static str,
    /// Since when.
    #[schema(value_type = Moment)]
    since: UnixMillis,
    /// Who brought it, by the name that they have now.
    #[schema(example = "ada")]
    brought_by: String,
    /// When they began.
    #[schema(value_type = Moment)]
    opened: UnixMillis,
    /// Bytes that are here, while it is brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 524_288)]
    received: Option<u64>,
    /// Why it was refused, could not be scanned, or waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "its pickle names os.system (byte 0)")]
    why: Option<String>,
    /// Of a clean file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    sha256: Option<String>,
    /// Of a clean file: lines of source code that somebody should look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<Vec<Note>>,
}

impl ModelFile {
    /// Whether it is on its way, or is to be scanned.
    pub fn awaits(&self) -> bool {
        matches!(self.state, "uploading" | "quarantined")
    }

    /// With how far it is, where it is under way.
    pub fn of(file: File, received: Option<u64>) -> Self {
        let state = file.state.name();
        let (received, why, sha256, notes) = match file.state {
            Of::Uploading => (received, None, None, None),
            Of::Quarantined(why) => (None, why, None, None),
            Of::Judged(Verdict::Clean { sha256, notes }) => {
                (None, None, Some(text::hex(&sha256)), Some(notes))
            }
            Of::Judged(Verdict::Refused(why) | Verdict::Failed(why)) => (None, Some(why), None, None),
        };
        Self {
            id: file.id,
            name: file.name,
            bytes: file.bytes,
            state,
            since: file.since,
            brought_by: file.opened_by,
            opened: file.opened,
            received,
            why,
            sha256,
            notes,
        }
    }
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::post("/api/v1/models/{model}/files", "Opens an upload.")
            .more(
                "Its bytes are put to the link, whole or with `Content-Range: bytes FIRST-LAST/SIZE` in order; a GET of \
                 the link says how far they are, and what became of the file.",
            )
            .takes::<Announced>()
            .made::<Linked>("It is open; the place is the link.")
            .refuses(&[Code::BadFileName, Code::EmptyFile, Code::FileTooLarge, Code::BadSha256])
            .refuses(&[Code::TooManyFiles, Code::QuotaOfModel, Code::HubFull, Code::ArtefactsAway]),
        Said::post("/api/v1/models/{model}/files/{file}/link", "Makes another link for an upload that is under way.")
            .gives::<Linked>(200, "The upload is yours to go on with; a link that was made before may not work any more.")
            .refuses(&[Code::ArtefactsAway]),
        Said::get("/api/v1/models/{model}/files/{file}", "Leads to a link to fetch a clean file by.")
            .gives_nothing(303, "`Location` is the link, which is good for five minutes and takes ranges.")
            .refuses(&[Code::FileNotClean]),
        Said::delete("/api/v1/models/{model}/files/{file}", "Deletes a file, or gives its upload up.")
            .gives_nothing(204, "It is deleted."),
    ]
}

/// `POST /models/{model}/files`: opens an upload; gives the link that its bytes go to.
pub(in crate::people) async fn open(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path(model): Path<ModelId>,
    Body(announced): Body<Announced>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Linked>), ApiProblem> {
    let opened = act::open(&may, &hub, model, announced).await?;
    let body = linked(&hub, opened.file, &opened.link, 0);
    Ok((StatusCode::CREATED, [(header::LOCATION, body.link.clone())], Json(body)))
}

/// `POST /models/{model}/files/{file}/link`: another link for an upload, whoever began it.
pub(in crate::people) async fn link(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path((model, file)): Path<(ModelId, FileId)>,
) -> Result<Json<Linked>, ApiProblem> {
    let (link, progress) = act::link_again(&may, &hub, model, file).await?;
    Ok(Json(linked(&hub, progress.file.id, &link, progress.received)))
}

/// `DELETE /models/{model}/files/{file}`.
pub(in crate::people) async fn delete(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path((model, file)): Path<(ModelId, FileId)>,
) -> Result<StatusCode, ApiProblem> {
    act::delete(&may, &hub, model, file).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /models/{model}/files/{file}`: leads to a link to fetch a clean file by.
pub(in crate::people) async fn fetch(
    may: May<acts::FetchFiles>,
    State(hub): State<Arc<Hub>>,
    Path((model, file)): Path<(ModelId, FileId)>,
) -> Result<Response, ApiProblem> {
    let link = act::fetch(&may, &hub, model, file).await?;
    Ok(Redirect::to(&hub.files.link(&link)).into_response())
}

fn linked(hub: &Hub, file: FileId, link: &Link, received: u64) -> Linked {
    Linked { id: file, link: hub.files.link(link), expires: link.expires, received }
}
