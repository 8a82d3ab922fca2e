//! The local console: what this Trust holds, what was asked of it and what left it, for people at its machine.
//!
//! What must stay true: it answers requests to loopback names alone, so that a foreign page in a browser on this
//! machine cannot read it under another name (DNS rebinding); it shows itself to those alone who can read the
//! appliance's folder ([`Door`]); what changes anything is a POST from its own pages; it shows counts and states,
//! never a record.

mod changes;
mod client;
mod door;
mod pages;
mod peer;
mod status;
mod sticks;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use flip_storage::error_chain;
use flip_web::pages::{self as web, Said};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::bounds;
use crate::clock;
use crate::site::Site;

pub use client::{fetch, link};
pub use door::Door;
pub use status::to_text;

/// What every request is answered from.
struct Local {
    site: Arc<Site>,
    door: Door,
    address: SocketAddr,
    /// Held while a cohort is frozen again: each takes an engine of its own.
    freezing: Arc<Semaphore>,
}

impl Local {
    /// What came of the last change of this session, once.
    fn said(&self, headers: &HeaderMap) -> Option<Said> {
        self.door.said(session(headers)?, clock::now())
    }
}

/// The session's cookie.
const COOKIE: &str = "flip-local";

/// The local console and its JSON, listening at `address`.
pub fn router(site: &Arc<Site>, door: Door, address: SocketAddr) -> Router {
    let freezing = Arc::new(Semaphore::new(1));
    let local = Arc::new(Local { site: Arc::clone(site), door, address, freezing });
    let inside = Router::new()
        .route("/", get(async |State(local): Here| page(local, |local| pages::overview(&local.site)).await))
        .route(
            "/orders",
            get(async |State(local): Here, Query(asked)| {
                page(local, move |local| pages::orders(&local.site, &asked)).await
            }),
        )
        .route("/orders/{id}", get(order))
        .route("/orders/end", post(changes::end_order))
        .route(
            "/data",
            get(async |State(local): Here, headers: HeaderMap| {
                page(local, move |local| pages::data(&local.site, local.said(&headers))).await
            }),
        )
        .route("/data/use", post(changes::use_data))
        .route("/data/drop", post(changes::drop_data))
        .route(
            "/disclosure",
            get(async |State(local): Here| page(local, |local| pages::disclosure(&local.site)).await),
        )
        .route(
            "/frozen",
            get(async |State(local): Here, headers: HeaderMap| {
                page(local, move |local| pages::frozen(&local.site, local.said(&headers))).await
            }),
        )
        .route(
            "/projects",
            get(async |State(local): Here, headers: HeaderMap| {
                page(local, move |local| pages::projects(&local.site, local.said(&headers))).await
            }),
        )
        .route("/projects/refuse", post(changes::refuse_project))
        .route("/projects/allow", post(changes::allow_project))
        .route("/sticks", get(sticks::show).post(sticks::take).layer(DefaultBodyLimit::disable()))
        .route("/sticks/answer", post(sticks::answer))
        .route("/frozen/again", post(changes::freeze_again))
        .route("/frozen/drop", post(changes::drop_frozen))
        .route("/frozen/revoke", post(changes::revoke_token))
        .route(
            "/attack",
            get(async |State(local): Here| page(local, |local| pages::attack(&local.site)).await),
        )
        .route(
            "/policy",
            get(async |State(local): Here| page(local, |local| Ok(pages::policy(&local.site))).await),
        )
        .route(
            "/audit",
            get(async |State(local): Here, Query(asked)| {
                page(local, move |local| pages::audit(&local.site, &asked)).await
            }),
        )
        .route(
            "/logs",
            get(async |State(local): Here, Query(asked)| {
                page(local, move |local| Ok(pages::logs(&local.site, &asked))).await
            }),
        )
        .route("/status.json", get(json))
        .route("/leave", post(leave))
        .fallback(async |State(local): Here| {
            problem(&local, StatusCode::NOT_FOUND, "There is nothing here", "The pages are named above.")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&local), own_pages_only))
        .layer(middleware::from_fn_with_state(Arc::clone(&local), known_only));
    Router::new()
        .route("/enter", get(enter))
        .route("/link", post(make_link))
        .route("/assets/{file}", get(asset))
        .merge(inside)
        .layer(DefaultBodyLimit::max(bounds::FORM_BYTES))
        .layer(middleware::from_fn(loopback_names_only))
        .layer(middleware::from_fn(guard_headers))
        .with_state(local)
}

type Here = State<Arc<Local>>;

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
struct Minutes {
    minutes: u64,
}

async fn make_link(State(local): Here, headers: HeaderMap, Json(asked): Json<Minutes>) -> Response {
    if !bearer(&headers).is_some_and(|secret| local.door.knows(secret)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let token = local.door.link(asked.minutes, clock::now());
    Json(json!({ "link": format!("http://{}/enter?token={token}", local.address) })).into_response()
}

async fn enter(
    State(local): Here,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(link): Query<Token>,
) -> Response {
    let account = peer::owner_of(peer, local.address).await;
    let Some(session) = local.door.enter(&link.token, account, clock::now()) else {
        return at_the_door(&local, true);
    };
    let facts = json!({ "account": account });
    if let Err(error) = local.site.audit.append(clock::now().0, "console_entered", facts) {
        return failed(&error_chain(&error));
    }
    // A page and no redirect: the next request then comes from our own page, and is sent the cookie.
    let cookie = format!(
        "{COOKIE}={session}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict",
        bounds::SESSION_MS / 1_000
    );
    ([(header::SET_COOKIE, cookie)], shown(&web::SiteEntered { frame: pages::frame(&local.site) }))
        .into_response()
}

async fn leave(State(local): Here, headers: HeaderMap) -> Response {
    if let Some(session) = session(&headers) {
        local.door.leave(session, clock::now());
    }
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    ([(header::SET_COOKIE, cookie)], at_the_door(&local, false)).into_response()
}

async fn order(State(local): Here, Path(id): Path<String>) -> Response {
    at_work(local, move |local| match pages::order(&local.site, &id) {
        Ok(Some(page)) => shown(&page),
        Ok(None) => {
            let detail = "The last 1,000 orders are kept here; the audit log has them all.";
            problem(local, StatusCode::NOT_FOUND, "There is no such order", detail)
        }
        Err(error) => failed(&error),
    })
    .await
}

async fn json(State(local): Here) -> Response {
    at_work(local, |local| match status::of(&local.site) {
        Ok(status) => Json(status).into_response(),
        Err(error) => failed(&error_chain(&error)),
    })
    .await
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

/// Does what reads or writes files on a thread of its own: the one that listens serves the local API too.
async fn at_work(local: Arc<Local>, work: impl FnOnce(&Local) -> Response + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(move || work(&local)).await {
        Ok(response) => response,
        Err(_) => failed("the work for it came to no end"),
    }
}

async fn page<P: flip_web::Page>(
    local: Arc<Local>,
    make: impl FnOnce(&Local) -> Result<P, String> + Send + 'static,
) -> Response {
    at_work(local, move |local| match make(local) {
        Ok(page) => shown(&page),
        Err(error) => failed(&error),
    })
    .await
}

fn shown<P: flip_web::Page>(page: &P) -> Response {
    match flip_web::render(page) {
        Ok(html) => Html(html).into_response(),
        Err(error) => failed(&error_chain(&error)),
    }
}

fn failed(error: &str) -> Response {
    tracing::error!(error, "a page of the local console could not be made");
    (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made; the appliance's log says why.\n")
        .into_response()
}

fn problem(local: &Local, status: StatusCode, title: &str, detail: &str) -> Response {
    let page = web::Problem {
        frame: pages::frame(&local.site),
        status: status.as_u16(),
        title: title.to_owned(),
        detail: detail.to_owned(),
    };
    (status, shown(&page)).into_response()
}

fn at_the_door(local: &Local, stale: bool) -> Response {
    let folder = local.site.place.folder().display();
    let page = web::SiteDoor {
        frame: web::Frame { site: None, ..pages::frame(&local.site) },
        stale,
        command: format!("flip-appliance --data {folder} console"),
    };
    (StatusCode::UNAUTHORIZED, shown(&page)).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Who has neither a session nor the secret is shown the door.
async fn known_only(
    State(local): Here,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let by_secret = bearer(headers).is_some_and(|secret| local.door.knows(secret));
    let known = match session(headers).map(str::to_owned) {
        _ if by_secret => true,
        Some(session) => {
            let account = peer::owner_of(peer, local.address).await;
            local.door.admits(&session, account, clock::now())
        }
        None => false,
    };
    if known { next.run(request).await } else { at_the_door(&local, false) }
}

/// What changes anything must come from a page of this very console: the browser says of which origin a form is.
async fn own_pages_only(State(local): Here, request: Request, next: Next) -> Response {
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return next.run(request).await;
    }
    let headers = request.headers();
    let word = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let own = format!("http://{}", word(header::HOST).unwrap_or_default());
    let same = match (word(header::ORIGIN), headers.get("sec-fetch-site")) {
        (Some(origin), site) => origin == own && site.is_none_or(|site| site == "same-origin"),
        (None, site) => site.is_some_and(|site| site == "same-origin"),
    };
    if same {
        next.run(request).await
    } else {
        let detail = "Nothing was changed. Use the buttons of these pages.";
        problem(&local, StatusCode::FORBIDDEN, "This comes from another site", detail)
    }
}

async fn loopback_names_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if ["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "This page is for 127.0.0.1 and localhost alone.\n").into_response()
    }
}

async fn guard_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(flip_web::CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Forms say which origin they are of; nothing says a path.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
