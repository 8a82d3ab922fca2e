//! Pages that ask again while one waits: one that is as it was is not made anew.
//!
//! What must stay true: a mark means nothing to anybody but who got the page, and only while this hub runs; what changes
//! without word of it (a Trust that goes away, what time it is) is looked at anew after [`bounds::PAGE_SAME_MS`].

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use flip_protocol::{UnixMillis, text};
use sha2::{Digest as _, Sha256};

use crate::bounds;
use crate::clock;
use crate::hub::Hub;

/// Makes marks that nobody else can make.
pub struct Marks([u8; 32]);

impl Default for Marks {
    fn default() -> Self {
        Self(clock::random_bytes())
    }
}

impl Marks {
    /// Of a page for whoever asks, at a moment after so many changes.
    fn of(&self, uri: &Uri, headers: &HeaderMap, changes: u64, now: UnixMillis) -> String {
        let mut digest = Sha256::new().chain_update(self.0);
        digest.update(changes.to_be_bytes());
        digest.update((now.0 / bounds::PAGE_SAME_MS).to_be_bytes());
        let who = [header::COOKIE, header::AUTHORIZATION];
        let who = who.iter().flat_map(|name| headers.get_all(name)).map(HeaderValue::as_bytes);
        for part in who.chain([uri.to_string().as_bytes()]) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        format!("\"{}\"", text::hex(&digest.finalize()[..16]))
    }
}

/// Marks pages, and answers 304 where whoever asks has the one of this moment.
pub async fn around(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    if request.method() != Method::GET || request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    // Before the page is made: what changes meanwhile makes the next one another.
    let mark = hub.marks.of(request.uri(), request.headers(), hub.change(), clock::now());
    if request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known == mark.as_str()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, mark)]).into_response();
    }
    let mut response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_page = kind.is_some_and(|kind| kind.starts_with("text/html"));
    if response.status() == StatusCode::OK && is_page {
        let mark = HeaderValue::try_from(mark).expect("hexadecimal is a header's value");
        response.headers_mut().insert(header::ETAG, mark);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_page_one_person_and_one_moment() {
        let marks = Marks::default();
        let headers =
            |cookie: &'static str| HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(cookie))]);
        let uri = |path: &'static str| Uri::from_static(path);
        let now = UnixMillis(1_800_000_000_000);
        let mark = marks.of(&uri("/queries?a"), &headers("ada"), 7, now);
        assert_eq!(mark, marks.of(&uri("/queries?a"), &headers("ada"), 7, now.plus(1)));
        for other in [
            marks.of(&uri("/queries?b"), &headers("ada"), 7, now),
            marks.of(&uri("/queries?a"), &headers("ben"), 7, now),
            marks.of(&uri("/queries?a"), &headers("ada"), 8, now),
            marks.of(&uri("/queries?a"), &headers("ada"), 7, now.plus(bounds::PAGE_SAME_MS)),
            Marks::default().of(&uri("/queries?a"), &headers("ada"), 7, now),
        ] {
            assert_ne!(mark, other);
        }
    }
}
