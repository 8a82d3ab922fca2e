//! The local console: what this Trust holds, what was asked of it and what left it, for people at its machine.
//!
//! What must stay true: it answers requests to loopback names alone, so that a foreign page in a browser on this
//! machine cannot read it under another name (DNS rebinding); it shows itself to those alone who can read the
//! appliance's folder ([`Door`]); what changes anything is a POST from its own pages; it shows counts and states,
//! never a record.

mod client;
mod door;
mod pages;
mod peer;
mod status;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use flip_protocol::MessageId;
use flip_web::pages as web;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::bounds;
use crate::clock;
use crate::frozen::Again;
use crate::run;
use crate::site::Site;
use crate::uplink::error_chain;

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

/// How often an order that is being ended is looked at.
const ENDING_LOOK: Duration = Duration::from_millis(20);
/// The session's cookie.
const COOKIE: &str = "flip-local";

/// The local console and its JSON, listening at `address`.
pub fn router(site: &Arc<Site>, door: Door, address: SocketAddr) -> Router {
    let freezing = Arc::new(Semaphore::new(1));
    let local = Arc::new(Local { site: Arc::clone(site), door, address, freezing });
    let inside = Router::new()
        .route("/", get(async |State(local): Here| made(&local, pages::overview(&local.site))))
        .route(
            "/orders",
            get(async |State(local): Here, Query(asked)| made(&local, pages::orders(&local.site, &asked))),
        )
        .route("/orders/{id}", get(order))
        .route("/orders/end", post(end_order))
        .route("/data", get(async |State(local): Here| made(&local, pages::data(&local.site, None))))
        .route("/data/use", post(use_data))
        .route("/data/drop", post(drop_data))
        .route("/disclosure", get(async |State(local): Here| made(&local, pages::disclosure(&local.site))))
        .route("/frozen", get(async |State(local): Here| made(&local, pages::frozen(&local.site, None))))
        .route("/frozen/again", post(freeze_again))
        .route("/frozen/drop", post(drop_frozen))
        .route("/frozen/revoke", post(revoke_token))
        .route("/attack", get(async |State(local): Here| made(&local, pages::attack(&local.site))))
        .route("/policy", get(async |State(local): Here| made(&local, Ok(pages::policy(&local.site)))))
        .route(
            "/audit",
            get(async |State(local): Here, Query(asked)| made(&local, pages::audit(&local.site, &asked))),
        )
        .route(
            "/logs",
            get(async |State(local): Here, Query(asked)| made(&local, Ok(pages::logs(&local.site, &asked)))),
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

#[derive(Deserialize)]
struct Chosen {
    generation: String,
}

#[derive(Deserialize)]
struct Order {
    order: String,
}

#[derive(Deserialize)]
struct Cohort {
    cohort: String,
}

#[derive(Deserialize)]
struct Revoked {
    token: String,
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
    let account = peer::owner_of(peer, local.address);
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
    match pages::order(&local.site, &id) {
        Ok(Some(page)) => shown(&page),
        Ok(None) => {
            let detail = "The last 1,000 orders are kept here; the audit log has them all.";
            problem(&local, StatusCode::NOT_FOUND, "There is no such order", detail)
        }
        Err(error) => failed(&error),
    }
}

async fn use_data(State(local): Here, Form(chosen): Form<Chosen>) -> Response {
    let said = match local.site.generations.use_again(&chosen.generation) {
        Ok(generation) => {
            let facts = json!({ "generation": generation.name, "by": "console" });
            if let Err(error) = local.site.audit.append(clock::now().0, "data_used", facts) {
                return failed(&error_chain(&error));
            }
            format!("{} is in use from the next question on.", generation.name)
        }
        Err(error) => error_chain(&error),
    };
    made(&local, pages::data(&local.site, Some(said)))
}

async fn drop_data(State(local): Here, Form(chosen): Form<Chosen>) -> Response {
    let said = match local.site.generations.drop_one(&chosen.generation) {
        Ok(()) => {
            let facts = json!({ "generation": chosen.generation, "by": "console" });
            if let Err(error) = local.site.audit.append(clock::now().0, "data_dropped", facts) {
                return failed(&error_chain(&error));
            }
            format!("{} was dropped.", chosen.generation)
        }
        Err(error) => error_chain(&error),
    };
    made(&local, pages::data(&local.site, Some(said)))
}

async fn end_order(State(local): Here, Form(chosen): Form<Order>) -> Response {
    let site = &local.site;
    let Ok(order) = chosen.order.parse::<MessageId>() else {
        return Redirect::to("/orders").into_response();
    };
    if site.end(order) {
        let facts = json!({ "order": order, "by": "console" });
        if let Err(error) = site.audit.append(clock::now().0, "order_ended_here", facts) {
            return failed(&error_chain(&error));
        }
        let looks = bounds::ENDING.as_millis() / ENDING_LOOK.as_millis();
        for _ in 0..looks {
            if site.is_running(order).is_none() {
                break;
            }
            tokio::time::sleep(ENDING_LOOK).await;
        }
    }
    // Its page says what came of it, also where it had ended by itself.
    Redirect::to(&format!("/orders/{order}")).into_response()
}

async fn freeze_again(State(local): Here, Form(chosen): Form<Cohort>) -> Response {
    let Ok(permit) = Arc::clone(&local.freezing).try_acquire_owned() else {
        let said = "A cohort is being frozen again already; try again once it is there.";
        return made(&local, pages::frozen(&local.site, Some(said.to_owned())));
    };
    let site = Arc::clone(&local.site);
    let frozen = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let again = Again {
            store: &site.frozen,
            generations: &site.generations,
            audit: &site.audit,
            threshold: site.desk.policy().threshold(),
            engine: run::engine_of(&site.config),
            cancel: site.cancel.clone(),
        };
        again.freeze(&chosen.cohort, "console")
    });
    let said = match frozen.await {
        Ok(Ok(facts)) => format!("{} is frozen, on {}.", facts.name, facts.extract.generation),
        Ok(Err(error)) => error_chain(&error),
        Err(_) => return failed("freezing the cohort again came to no end"),
    };
    made(&local, pages::frozen(&local.site, Some(said)))
}

async fn drop_frozen(State(local): Here, Form(chosen): Form<Cohort>) -> Response {
    let site = &local.site;
    let dropped = site.frozen.named(&chosen.cohort).and_then(|name| {
        site.frozen.drop_one(&site.generations, &name, "console", clock::now()).map(|()| name)
    });
    let said = match dropped {
        Ok(name) => {
            let facts = json!({ "cohort": name.to_string(), "by": "console" });
            if let Err(error) = site.audit.append(clock::now().0, "cohort_dropped", facts) {
                return failed(&error_chain(&error));
            }
            format!("{name} was dropped: who was in it is no longer kept here.")
        }
        Err(error) => error_chain(&error),
    };
    made(&local, pages::frozen(site, Some(said)))
}

async fn revoke_token(State(local): Here, Form(chosen): Form<Revoked>) -> Response {
    let site = &local.site;
    let said = match site.tokens.revoke(&chosen.token, clock::now()) {
        Ok(token) => {
            let facts = json!({ "token": token.id, "label": token.label, "by": "console" });
            if let Err(error) = site.audit.append(clock::now().0, "token_revoked", facts) {
                return failed(&error_chain(&error));
            }
            format!("The token {} is revoked; reads under way with it end.", token.id)
        }
        Err(error) => error_chain(&error),
    };
    made(&local, pages::frozen(site, Some(said)))
}

async fn json(State(local): Here) -> Response {
    match status::of(&local.site) {
        Ok(status) => Json(status).into_response(),
        Err(error) => failed(&error_chain(&error)),
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

fn made<P: flip_web::Page>(_: &Local, page: Result<P, String>) -> Response {
    match page {
        Ok(page) => shown(&page),
        Err(error) => failed(&error),
    }
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
    let by_session = || {
        session(headers).is_some_and(|session| {
            local.door.admits(session, peer::owner_of(peer, local.address), clock::now())
        })
    };
    if by_secret || by_session() { next.run(request).await } else { at_the_door(&local, false) }
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
