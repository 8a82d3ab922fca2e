//! The bytes of files, by signed links: what comes and goes in pieces, without being held.
//!
//! What must stay true: a link is the one thing that lets somebody in here, save for the form of a page, whose sender is
//! signed in; nothing is read whole into memory.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flip_protocol::text;

use super::act::files::{self as act, Progress};
use super::api::files::ModelFile;
use super::console::models;
use super::may::{May, Table};
use super::parts::Path;
use crate::bounds;
use crate::files::range::{Wanted, wanted};
use crate::hub::Hub;
use crate::ledger::files::Scanned;
use crate::listener::discard;
use crate::model::ModelId;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// How far an upload is, as a header.
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// SHA-256 of the whole file (RFC 9530).
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

#[rustfmt::skip]
pub(super) fn routes(table: Table) -> Table {
    table
        .get::<acts::Enter, _>("/uploads/{token}", how_far)
        .put::<acts::Enter, _>("/uploads/{token}", bring)
        .post::<acts::ChangeModels, _>("/uploads/models/{model}", form)
        .get::<acts::Enter, _>("/downloads/{token}", fetch)
}

/// `GET /uploads/{token}`: how far the upload is, and what became of it.
async fn how_far(
    _: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Path(token): Path<String>,
) -> Result<Response, ApiProblem> {
    Ok(told(act::how_far(&hub, &token).await?))
}

/// `PUT /uploads/{token}` with `Content-Range`: the next bytes; without, all of them.
async fn bring(
    _: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, ApiProblem> {
    let headers = request.headers();
    // What is no text is not understood either.
    let content_range = headers.get(header::CONTENT_RANGE);
    let content_range = content_range.map(|value| value.to_str().unwrap_or_default().to_owned());
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut body = request.into_body().into_data_stream();
    match act::bring(&hub, &token, content_range.as_deref(), length, &mut body).await {
        Ok(progress) => Ok(told(progress)),
        Err(problem) => {
            discard(&mut body).await;
            Err(problem)
        }
    }
}

fn told(progress: Progress) -> Response {
    let offset = [(UPLOAD_OFFSET, progress.received.to_string())];
    (offset, Json(ModelFile::of(progress.file, Some(progress.received)))).into_response()
}

/// `POST /uploads/models/{model}`: the form of the model's page, with one file or several.
async fn form(
    may: May<acts::ChangeModels>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<ModelId>,
    request: Request,
) -> Result<Response, ApiProblem> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let most = length.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(u64::MAX);
    let fields = Multipart::from_request(request, &hub).await;
    let mut fields = fields.map_err(|rejection| bad_form(rejection.body_text()))?;
    let outcome = take_all(&may, &hub, id, most, &mut fields).await;
    if outcome.is_err() {
        // So that who sends it hears why.
        let rest = async { while let Ok(Some(_)) = fields.next_field().await {} };
        let _ = tokio::time::timeout(bounds::REQUEST, rest).await;
    }
    match outcome {
        Ok(0) => models::again(&may, &hub, id, ApiProblem::bad_name("choose a file")).await,
        Ok(_) => Ok(Redirect::to(&format!("/models/{id}")).into_response()),
        Err(problem) => models::again(&may, &hub, id, problem).await,
    }
}

/// Takes each file of a form; gives how many there were.
async fn take_all(
    may: &May<acts::ChangeModels>,
    hub: &Arc<Hub>,
    id: ModelId,
    most: u64,
    fields: &mut Multipart,
) -> Result<u64, ApiProblem> {
    let mut taken = 0;
    loop {
        let next = tokio::time::timeout(bounds::UPLOAD_IDLE, fields.next_field()).await;
        let next = next.map_err(|_| ApiProblem::new(Code::TooSlow, "Nothing came of the form for 30 s."))?;
        let next = next.map_err(|error| bad_form(error.body_text()))?;
        let Some(field) = next else { return Ok(taken) };
        // Browsers send an empty one where no file is chosen.
        let Some(name) = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned) else {
            continue;
        };
        act::bring_whole(may, hub, id, name, most, field).await?;
        taken += 1;
    }
}

fn bad_form(why: String) -> ApiProblem {
    ApiProblem::new(Code::BadForm, "The form is not one with files.").detail(why)
}

/// `GET /downloads/{token}`: the bytes of a clean file, or a range of them.
async fn fetch(
    _: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiProblem> {
    let scanned = act::fetched(&hub, &token).await?;
    let etag = format!("\"{}\"", text::hex(&scanned.sha256()));
    // Of a range of another file nobody can make a whole.
    let same = headers.get(header::IF_RANGE).is_none_or(|of| of.as_bytes() == etag.as_bytes());
    let range = headers.get(header::RANGE).filter(|_| same).and_then(|value| value.to_str().ok());
    let size = scanned.bytes();
    let (status, range) = match wanted(range, size) {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::None => {
            let told = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            let problem = ApiProblem::new(Code::NoSuchRange, "It has no such bytes.");
            return Ok((told, problem.detail(format!("the file has {size} bytes"))).into_response());
        }
    };
    let pieces = act::read(&hub, &scanned, range.clone()).await?;
    let mut response = (status, headers_of(&scanned, &etag), Body::from_stream(pieces)).into_response();
    let told = response.headers_mut();
    told.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        told.insert(header::CONTENT_RANGE, HeaderValue::try_from(text).expect("digits are a header"));
    }
    Ok(response)
}

/// A name has nothing in it that a header would have to escape (RFC 6266).
fn headers_of(scanned: &Scanned, etag: &str) -> [(HeaderName, String); 5] {
    [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", scanned.name())),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, etag.to_owned()),
        (REPR_DIGEST, format!("sha-256=:{}:", STANDARD.encode(scanned.sha256()))),
    ]
}
