//! The console: pages for people, server-rendered, usable without JavaScript.

mod pages;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, Path, Query as Parameters, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use flip_web::pages as web;
use serde::Deserialize;

use super::act;
use super::session::{self, COOKIE, Person};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::problem::ApiProblem;

pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/", get(async || Redirect::to("/queries")))
        .route("/sign-in", get(sign_in_form).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/trusts", get(trusts).post(add_trust))
        .route("/queries", get(queries).post(ask))
        .route("/queries/new", get(async |Signed(person)| shown(&pages::query_new(&person, "", "", None))))
        .route("/queries/{id}", get(query))
        .route("/queries/{id}/freeze", post(freeze))
        .route("/assets/{file}", get(asset))
        .fallback(async |person: Option<Person>| problem_page(person.as_ref(), &ApiProblem::not_found()))
}

/// A person who is signed in; a stranger is led to the sign-in page and back.
struct Signed(Person);

impl axum::extract::FromRequestParts<Arc<Hub>> for Signed {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        hub: &Arc<Hub>,
    ) -> Result<Self, Response> {
        let next = parts.uri.path().to_owned();
        match <Person as axum::extract::FromRequestParts<Arc<Hub>>>::from_request_parts(parts, hub).await {
            Ok(person) => Ok(Self(person)),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
                Err(Redirect::to(&format!("/sign-in?next={next}")).into_response())
            }
            Err(problem) => Err(problem_page(None, &problem)),
        }
    }
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Credentials {
    account: String,
    password: String,
    next: String,
}

#[derive(Deserialize)]
struct NewTrust {
    name: String,
}

#[derive(Deserialize)]
struct NewQuery {
    name: String,
    sql: String,
}

async fn sign_in_form(Parameters(next): Parameters<After>) -> Response {
    shown(&pages::sign_in("", None, local_path(&next.next)))
}

async fn sign_in(
    State(hub): State<Arc<Hub>>,
    headers: axum::http::HeaderMap,
    Form(form): Form<Credentials>,
) -> Response {
    if !session::same_origin(&headers) {
        return problem_page(None, &session::cross_site());
    }
    let next = local_path(&form.next);
    match session::sign_in(&hub, &form.account, form.password).await {
        Ok(token) => {
            let cookie = format!(
                "{COOKIE}={token}; Path=/; Max-Age={}; HttpOnly; Secure; SameSite=Strict",
                bounds::SESSION_MS / 1_000
            );
            ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response()
        }
        Err(problem) => {
            let page = pages::sign_in(&form.account, Some(problem.0.title.clone()), next);
            (problem.status(), shown(&page)).into_response()
        }
    }
}

async fn sign_out(State(hub): State<Arc<Hub>>, Signed(person): Signed) -> Response {
    if let Err(error) = hub.ledger.close_session(person.token_sha256).await {
        return problem_page(Some(&person), &error.into());
    }
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response()
}

async fn trusts(State(hub): State<Arc<Hub>>, Signed(person): Signed) -> Response {
    match act::trusts(&hub).await {
        Ok(standing) => shown(&pages::trusts(&person, &standing, "", None, clock::now())),
        Err(problem) => problem_page(Some(&person), &problem),
    }
}

async fn add_trust(
    State(hub): State<Arc<Hub>>,
    Signed(person): Signed,
    Form(form): Form<NewTrust>,
) -> Response {
    match act::add_trust(&hub, &form.name).await {
        Ok(kit) => {
            tracing::info!(trust = %kit.trust, by = person.name, "a Trust was added");
            ([(header::CACHE_CONTROL, "no-store")], shown(&pages::trust_added(&person, &kit, clock::now())))
                .into_response()
        }
        Err(problem) => match act::trusts(&hub).await {
            Ok(standing) => {
                let why = problem.0.detail.clone().unwrap_or_else(|| problem.0.title.clone());
                let page = pages::trusts(&person, &standing, &form.name, Some(why), clock::now());
                (problem.status(), shown(&page)).into_response()
            }
            Err(problem) => problem_page(Some(&person), &problem),
        },
    }
}

async fn queries(State(hub): State<Arc<Hub>>, Signed(person): Signed) -> Response {
    match act::queries(&hub).await {
        Ok(queries) => shown(&pages::queries(&person, &queries, clock::now())),
        Err(problem) => problem_page(Some(&person), &problem),
    }
}

async fn ask(State(hub): State<Arc<Hub>>, Signed(person): Signed, Form(form): Form<NewQuery>) -> Response {
    match act::ask(&hub, &form.name, &form.sql, None, &person).await {
        Ok(id) => {
            tracing::info!(query = %id, by = person.name, "a query was asked");
            Redirect::to(&format!("/queries/{id}")).into_response()
        }
        Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
            problem_page(Some(&person), &problem)
        }
        Err(problem) => {
            let page = pages::query_new(&person, &form.name, &form.sql, Some(&problem));
            (problem.status(), shown(&page)).into_response()
        }
    }
}

async fn query(State(hub): State<Arc<Hub>>, Signed(person): Signed, Path(id): Path<String>) -> Response {
    let found = match id.parse() {
        Ok(id) => act::result(&hub, id, Duration::ZERO).await,
        Err(_) => Err(ApiProblem::not_found()),
    };
    let found = match found {
        Ok((query, combined)) => act::freezes(&hub, query.id, Duration::ZERO)
            .await
            .map(|freezes| pages::query(&person, &query, &combined, &freezes, clock::now())),
        Err(problem) => Err(problem),
    };
    match found {
        Ok(page) => shown(&page),
        Err(problem) => problem_page(Some(&person), &problem),
    }
}

async fn freeze(State(hub): State<Arc<Hub>>, Signed(person): Signed, Path(id): Path<String>) -> Response {
    let ordered = match id.parse() {
        Ok(id) => act::freeze(&hub, id).await,
        Err(_) => Err(ApiProblem::not_found()),
    };
    match ordered {
        Ok(()) => {
            tracing::info!(query = id, by = person.name, "a cohort's freeze was ordered");
            Redirect::to(&format!("/queries/{id}")).into_response()
        }
        Err(problem) => problem_page(Some(&person), &problem),
    }
}

async fn asset(Path(file): Path<String>) -> Response {
    match flip_web::asset(&file) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.content_type),
                (header::ETAG, asset.etag),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A path of this console and nothing else: an open redirect would lend our name to a phisher.
fn local_path(next: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_.?=&-".contains(c);
    if next.starts_with('/') && !next.starts_with("//") && next.chars().all(plain) {
        next
    } else {
        "/queries"
    }
}

fn shown<P: flip_web::Page>(page: &P) -> Response {
    match flip_web::render(page) {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, cause = ?std::error::Error::source(&error), "a page could not be made");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made; the hub's log says why.\n")
                .into_response()
        }
    }
}

fn problem_page(person: Option<&Person>, problem: &ApiProblem) -> Response {
    let page = web::Problem {
        frame: pages::frame(person),
        status: problem.0.status,
        title: problem.0.title.clone(),
        detail: problem.0.detail.clone().unwrap_or_default(),
    };
    (problem.status(), shown(&page)).into_response()
}

/// The headers that every answer of the people listener carries.
pub(super) async fn guard_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, flip_web::CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn a_sign_in_leads_to_our_own_pages_alone() {
        assert_eq!(local_path("/trusts"), "/trusts");
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\r\nb",
            "/\t/evil.example",
            "/\u{1}",
        ] {
            assert_eq!(local_path(elsewhere), "/queries", "{elsewhere:?}");
        }
    }
}
