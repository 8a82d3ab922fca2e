//! A request that is sent twice is carried out once: `Idempotency-Key` of the API, and the key in the address of the
//! console's forms that make things.
//!
//! What must stay true: the key is noted by the transaction that does what was asked for, so that neither a crash nor a
//! second request does it again; what is shown once is not kept to be shown again. A request that was refused did
//! nothing, and its key is free.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use flip_protocol::text;
use sha2::{Digest as _, Sha256};

use super::session::Person;
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::once::{Answer, CarriedOut, Once};
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};

/// The API's header.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
pub const AGAIN: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Put beside an answer whose body may be kept for a day and given again: nothing in it is shown once.
#[derive(Debug, Clone, Copy)]
pub struct Keep;

/// [`Keep`], as a part of an answer.
pub const KEEP: Extension<Keep> = Extension(Keep);

/// Requests with a key that are under way.
#[derive(Debug, Default)]
pub struct UnderWay(Mutex<HashSet<(PersonId, String)>>);

/// One of them, until it is dropped.
struct Turn<'a>(&'a UnderWay, (PersonId, String));

impl UnderWay {
    fn begin(&self, person: PersonId, key: &str) -> Option<Turn<'_>> {
        let one = (person, key.to_owned());
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(one.clone()).then(|| Turn(self, one))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// Carries a request with a key out once.
pub async fn around(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let api = head.uri.path().starts_with("/api/");
    let key = match key(api, &head.method, &head.uri, &head.headers) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(Request::from_parts(head, body)).await,
        Err(problem) => return problem.into_response(),
    };
    // Who is not wholly signed in makes nothing under a key; the handler says so.
    let person = match Person::from_request_parts(&mut head, &hub).await {
        Ok(person) if person.awaits.is_none() => person,
        Ok(_) | Err(_) => return next.run(Request::from_parts(head, body)).await,
    };
    let Ok(bytes) = to_bytes(body, bounds::PEOPLE_BODY_BYTES).await else {
        return ApiProblem::new(Code::CutShort, "The request's body broke off.").into_response();
    };
    let fingerprint = fingerprint(head.uri.path(), &bytes);
    // A page's key stands for each thing that is sent from the page, an edited form for another.
    let key = match (&person.scopes, api) {
        // What another token was answered, this one may not be allowed to see.
        (Some(_), _) => format!("token {} {key}", text::hex(&person.token_sha256)),
        (None, true) => key,
        (None, false) => format!("page {key} {}", text::hex(&fingerprint)),
    };
    let turn =
        if api { hub.under_way.begin(person.id, &key) } else { wait(&hub.under_way, person.id, &key).await };
    let Some(_turn) = turn else { return under_way() };
    match hub.ledger.carried_out(person.id, key.clone(), clock::now()).await {
        Ok(Some(before)) => return again(before, fingerprint),
        Ok(None) => {}
        Err(error) => return ApiProblem::from(error).into_response(),
    }
    let mut request = Request::from_parts(head, Body::from(bytes));
    request.extensions_mut().insert(Once { key: key.clone(), fingerprint });
    let response = next.run(request).await;
    keep(&hub, person.id, key, response).await
}

/// The key of a request that changes something, where it has one.
fn key(api: bool, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Option<String>, ApiProblem> {
    if method != Method::POST {
        return Ok(None);
    }
    let key = if api {
        let Some(key) = headers.get(KEY) else { return Ok(None) };
        key.to_str().unwrap_or_default()
    } else {
        let Some(key) = uri.query().and_then(|query| query.strip_prefix("once=")) else { return Ok(None) };
        key
    };
    let usable =
        !key.is_empty() && key.len() <= bounds::ONCE_KEY_BYTES && key.bytes().all(|b| b.is_ascii_graphic());
    if !usable {
        let title = "The Idempotency-Key is not usable.";
        return Err(ApiProblem::new(Code::BadKey, title)
            .detail("a key is 1 to 100 visible ASCII characters without spaces, such as a UUID"));
    }
    Ok(Some(key.to_owned()))
}

fn fingerprint(path: &str, body: &Bytes) -> [u8; 32] {
    Sha256::new().chain_update(path).chain_update([0]).chain_update(body).finalize().into()
}

/// The turn of a page's request; a second click waits for what the first one does.
async fn wait<'a>(under_way: &'a UnderWay, person: PersonId, key: &str) -> Option<Turn<'a>> {
    let end = tokio::time::Instant::now() + bounds::ONCE_WAIT;
    loop {
        let turn = under_way.begin(person, key);
        if turn.is_some() || tokio::time::Instant::now() >= end {
            return turn;
        }
        tokio::time::sleep(bounds::ONCE_LOOK).await;
    }
}

fn under_way() -> Response {
    ApiProblem::new(Code::UnderWay, "A request with this key is under way.")
        .detail("send it again in a moment: it is carried out once, and you get its answer")
        .into_response()
}

/// The answer to a request that was carried out before.
fn again(before: CarriedOut, fingerprint: [u8; 32]) -> Response {
    if before.fingerprint != fingerprint {
        return ApiProblem::new(Code::KeyReused, "The key is another request's.")
            .detail("you sent it with another body, or to another place, within the last day; use a new key")
            .into_response();
    }
    let Some(answer) = before.answer else {
        return ApiProblem::new(Code::AnswerLost, "This was done; its answer is lost.")
            .detail(format!("the hub went down before it could be kept; what was done: {}", before.deed))
            .into_response();
    };
    let Some(body) = answer.body else {
        let place = answer.location.map(|place| format!("; look at {place}")).unwrap_or_default();
        return ApiProblem::new(Code::ShownOnce, "This was done; its answer is shown once.")
            .detail(format!("what was done: {}{place}", before.deed))
            .into_response();
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(AGAIN, HeaderValue::from_static("true"));
    for (name, value) in [(header::LOCATION, answer.location), (header::CONTENT_TYPE, answer.content_type)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// Keeps the answer to what was done, so that it can be given again.
async fn keep(hub: &Hub, person: PersonId, key: String, response: Response) -> Response {
    if !response.status().is_success() && !response.status().is_redirection() {
        return response;
    }
    let (head, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let kept = bytes.is_empty() || head.extensions.get::<Keep>().is_some();
    let answer = Answer {
        status: head.status.as_u16(),
        location: text(header::LOCATION),
        content_type: text(header::CONTENT_TYPE),
        body: String::from_utf8(bytes.to_vec()).ok().filter(|_| kept),
    };
    if let Err(error) = hub.ledger.keep_answer(person, key, answer).await {
        // It was done all the same, and who asks again is told so.
        tracing::warn!(error = &error as &dyn std::error::Error, "an answer could not be kept");
    }
    Response::from_parts(head, Body::from(bytes))
}
