//! The console: pages for people, server-rendered, usable without JavaScript.

mod access;
mod audit;
mod links;
mod mail;
pub(super) mod models;
mod oidc;
mod pages;
mod paging;
mod passwords;
mod people;
pub(super) mod problems;
mod projects;
mod reference;
mod running;
mod second_factor;
mod sessions;
mod staging;
mod sticks;
mod tokens;
mod trusts;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use flip_protocol::ident::ProjectId;
use flip_web::pages as web;
use serde::Deserialize;
use uuid::Uuid;

use super::act;
use super::known_browser;
use super::may::{May, Table, Wish};
use super::parts::{Form, Parameters, Path};
use super::session::{self, Awaits, COOKIE, Opened};
use super::visitor::Visitor;
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::permissions::acts;
use crate::problem::ApiProblem;
use crate::search::Words;
use crate::uri::{escaped, unescaped};
use paging::Since;

#[rustfmt::skip]
pub(super) fn routes(table: Table) -> Table {
    table
        .get::<acts::Enter, _>("/", async |_: May<acts::Enter>| Redirect::to("/queries"))
        .get::<acts::Enter, _>("/assets/{file}", asset)
        .get::<acts::Enter, _>("/sign-in", sign_in_form)
        .post::<acts::Enter, _>("/sign-in", sign_in)
        .get::<acts::Enter, _>(crate::oidc::BEGIN, oidc::begin)
        .get::<acts::Enter, _>(crate::oidc::CALLBACK, oidc::came)
        .post::<acts::KeepSession, _>("/sign-out", sign_out)
        .get::<acts::SeeTrusts, _>("/trusts", trusts::list)
        .post::<acts::AddTrust, _>("/trusts", trusts::add)
        .get::<acts::SeeTrusts, _>("/trusts/{trust}", trusts::show)
        .post::<acts::ManageTrusts, _>("/trusts/{trust}/kit", trusts::kit)
        .post::<acts::ManageTrusts, _>("/trusts/{trust}/keys", trusts::keys)
        .post::<acts::ManageTrusts, _>("/trusts/{trust}/revoke", trusts::revoke)
        .post::<acts::ManageTrusts, _>("/trusts/{trust}/remove", trusts::remove)
        .get::<acts::CarrySticks, _>("/sticks", sticks::show)
        .post::<acts::CarrySticks, _>("/uploads/sticks", sticks::take)
        .post::<acts::CarrySticks, _>("/trusts/{trust}/bundle", sticks::make)
        .get::<acts::SeeLists, _>("/queries", queries)
        .get::<acts::SeeLists, _>("/queries/new", query_new)
        .post::<acts::Ask, _>("/queries", ask)
        .get::<acts::SeeAnswers, _>("/queries/{query}", query)
        .post::<acts::Freeze, _>("/queries/{query}/freeze", freeze)
        .get::<acts::SeeLists, _>("/projects", projects::list)
        .get::<acts::MakeProject, _>("/projects/new", projects::new)
        .post::<acts::MakeProject, _>("/projects", projects::make)
        .get::<acts::SeeProject, _>("/projects/{project}", projects::show)
        .post::<acts::EditProject, _>("/projects/{project}", projects::edit)
        .post::<acts::DeleteProject, _>("/projects/{project}/delete", projects::delete)
        .get::<acts::SeeAnswers, _>("/projects/{project}/queries", projects::history)
        .post::<acts::StageProject, _>("/projects/{project}/stage", staging::stage)
        .post::<acts::UnstageProject, _>("/projects/{project}/unstage", staging::unstage)
        .post::<acts::Decide, _>("/projects/{project}/trusts/{trust}/decision", staging::decide)
        .post::<acts::Ask, _>("/queries/{query}/cancel", staging::cancel)
        .get::<acts::ChangeModels, _>("/projects/{project}/models/new", models::new)
        .post::<acts::ChangeModels, _>("/projects/{project}/models", models::make)
        .get::<acts::SeeLists, _>("/models", models::list)
        .get::<acts::SeeModels, _>("/models/{model}", models::show)
        .post::<acts::ChangeModels, _>("/models/{model}", models::edit)
        .post::<acts::ChangeModels, _>("/models/{model}/delete", models::delete)
        .get::<acts::FetchFiles, _>("/models/{model}/files/{file}", super::api::files::fetch)
        .post::<acts::ChangeModels, _>("/models/{model}/files/{file}/delete", models::delete_file)
        .get::<acts::SeeDecisions, _>("/decisions", staging::cases)
        .get::<acts::RunHub, _>("/hub", running::show)
        .post::<acts::RunHub, _>("/hub/banner", running::banner)
        .post::<acts::RunHub, _>("/hub/maintenance", running::maintenance)
        .get::<acts::SeeAudit, _>("/audit", audit::list)
        .get::<acts::SeeAudit, _>("/audit/export", audit::export)
        .get::<acts::SeePeople, _>("/people", people::list)
        .post::<acts::ManagePeople, _>("/people", people::invite)
        .get::<acts::SeeMail, _>("/people/mail", mail::list)
        .post::<acts::ManageMail, _>("/people/mail/test", mail::test)
        .post::<acts::ManageMail, _>("/people/mail/{mail}/send", mail::send)
        .post::<acts::ManageMail, _>("/people/mail/{mail}/forget", mail::forget)
        .get::<acts::SeePeople, _>("/people/requests", access::list)
        .post::<acts::ManagePeople, _>("/people/requests/{request}/invite", access::invite)
        .post::<acts::ManagePeople, _>("/people/requests/{request}/dismiss", access::dismiss)
        .get::<acts::SeePeople, _>("/people/{person}", people::show)
        .post::<acts::ManagePeople, _>("/people/{person}", people::edit)
        .post::<acts::ManagePeople, _>("/people/{person}/trust", people::make_trust_admin)
        .post::<acts::ManagePeople, _>("/people/{person}/disable", people::disable)
        .post::<acts::ManagePeople, _>("/people/{person}/enable", people::enable)
        .post::<acts::ManagePeople, _>("/people/{person}/reset", people::reset)
        .post::<acts::ManagePeople, _>("/people/{person}/sign-out", people::sign_out)
        .post::<acts::ManagePeople, _>("/people/{person}/second-factor/reset", people::reset_second_factor)
        .post::<acts::ManagePeople, _>("/people/{person}/unbind", people::unbind)
        .post::<acts::ManagePeople, _>("/people/{person}/invite", people::invite_again)
        .post::<acts::ManagePeople, _>("/people/{person}/withdraw", people::withdraw)
        .get::<acts::Enter, _>("/forgot", passwords::forgot_form)
        .post::<acts::Enter, _>("/forgot", passwords::forgot)
        .get::<acts::OwnAccount, _>("/account/password", passwords::change_form)
        .post::<acts::OwnAccount, _>("/account/password", passwords::change)
        .get::<acts::OwnAccount, _>("/account/sessions", sessions::list)
        .post::<acts::OwnAccount, _>("/account/sessions/end", sessions::end_others)
        .post::<acts::OwnAccount, _>("/account/sessions/{session}/end", sessions::end)
        .get::<acts::SeeLists, _>("/api", reference::show)
        .get::<acts::OwnAccount, _>("/account/tokens", tokens::list)
        .post::<acts::OwnAccount, _>("/account/tokens", tokens::make)
        .post::<acts::OwnAccount, _>("/account/tokens/{id}/revoke", tokens::revoke)
        .get::<acts::SecondFactor, _>("/second-factor", second_factor::show)
        .post::<acts::SecondFactor, _>("/second-factor", second_factor::enrol)
        .post::<acts::SecondFactor, _>("/second-factor/code", second_factor::give)
        .get::<acts::SecondFactor, _>("/second-factor/set-up", second_factor::form)
        .post::<acts::OwnAccount, _>("/second-factor/recovery-codes", second_factor::other_codes)
        .get::<acts::Enter, _>("/request-access", access::form)
        .post::<acts::Enter, _>("/request-access", access::ask)
        .get::<acts::Enter, _>("/link/{token}", links::show)
        .post::<acts::Enter, _>("/link/{token}", links::follow)
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    next: String,
    /// Whether something was sent that was not carried out.
    #[serde(default)]
    lost: String,
}

#[derive(Deserialize)]
struct Credentials {
    account: String,
    password: String,
    next: String,
}

#[derive(Deserialize)]
struct Of {
    /// A project; every one where it is absent or empty.
    #[serde(default)]
    project: String,
    #[serde(default)]
    search: Words,
    #[serde(flatten)]
    since: Since,
}

#[derive(Deserialize)]
struct Asking {
    /// The project to ask in, where one is meant.
    #[serde(default)]
    project: String,
    /// The query that is asked again, where one is.
    #[serde(default)]
    again: String,
}

#[derive(Deserialize)]
struct NewQuery {
    name: String,
    sql: String,
    /// The person's own project where it is absent or empty.
    #[serde(default)]
    project: String,
}

async fn sign_in_form(
    _: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Parameters(next): Parameters<After>,
) -> Response {
    const LOST: &str =
        "You were signed out before that was sent, and nothing was done. Sign in, and do it again.";
    let lost = (!next.lost.is_empty()).then(|| LOST.to_owned());
    shown(&pages::sign_in(hub.provider.as_ref(), "", lost, local_path(&next.next)))
}

async fn sign_in(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response, ApiProblem> {
    if !session::same_origin(&headers) {
        return Err(session::cross_site());
    }
    let next = local_path(&form.next);
    Ok(match session::sign_in(&hub, may.visitor(), &form.account, form.password).await {
        Ok((opened, awaits)) => {
            let to = after_sign_in(awaits, next);
            let cookies = cookies_of(&hub, may.visitor(), &opened, awaits).await;
            (cookies, Redirect::to(&to)).into_response()
        }
        Err(problem) => {
            let page = pages::sign_in(hub.provider.as_ref(), &form.account, Some(words_of(&problem)), next);
            problem.with_page(shown(&page))
        }
    })
}

/// Where a session leads that was opened just now.
fn after_sign_in(awaits: Option<Awaits>, next: &str) -> String {
    if awaits.is_some() { format!("/second-factor?next={}", escaped(next)) } else { next.to_owned() }
}

/// The cookie of a session and, where nothing is awaited in it, the one by which the browser is known again.
async fn cookies_of(hub: &Hub, visitor: &Visitor, opened: &Opened, awaits: Option<Awaits>) -> SetCookies {
    let session = format!(
        "{COOKIE}={}; Path=/; Max-Age={}; HttpOnly; Secure; SameSite=Strict",
        opened.token, opened.lasts_s
    );
    let mut cookies = vec![session];
    if awaits.is_none() {
        cookies.extend(known_browser::remember(hub, visitor, opened.person).await);
    }
    set(cookies)
}

/// Cookies as headers.
type SetCookies = AppendHeaders<Vec<(HeaderName, String)>>;

fn set(cookies: Vec<String>) -> SetCookies {
    AppendHeaders(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)).collect())
}

async fn sign_out(may: May<acts::KeepSession>, State(hub): State<Arc<Hub>>) -> Result<Response, ApiProblem> {
    let vouched = hub.ledger.close_session(may.by(), may.person().token_sha256).await?;
    let cookie = set(vec![format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict")]);
    Ok(match oidc::left(&hub, vouched).await {
        Some(page) => (cookie, shown(&page)).into_response(),
        None => (cookie, Redirect::to("/sign-in")).into_response(),
    })
}

async fn queries(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    Parameters(of): Parameters<Of>,
) -> Result<Response, ApiProblem> {
    let from = of.since.place::<Uuid>();
    let (of, search) = (project_of(&of.project)?, of.search);
    let (queries, next) = act::queries(&may, &hub, of, &search, from, bounds::LIST_ROWS).await?;
    let projects = act::projects::choices(may.person(), &hub, of).await?;
    let search = search.to_string();
    let narrowed = [("project", of.map(|of| of.to_string()).unwrap_or_default()), ("search", search.clone())];
    let page = pages::queries(may.person(), &queries, &projects, of, clock::now());
    let pager = paging::pager(&paging::narrowed("/queries", &narrowed), from.is_none(), next);
    Ok(shown(&web::Queries { pager, search, ..page }))
}

async fn query_new(
    may: May<acts::SeeLists>,
    State(hub): State<Arc<Hub>>,
    Parameters(of): Parameters<Asking>,
) -> Result<Response, ApiProblem> {
    let chosen = project_of(&of.project)?;
    let projects = act::projects::to_ask(may.person(), &hub, chosen).await?;
    let page = pages::query_new(may.person(), &projects, chosen);
    Ok(shown(&match act::asking::again(may.person(), &hub, &of.again).await? {
        Some(query) => web::QueryNew { name: query.name, sql: query.sql, ..page },
        None => page,
    }))
}

async fn ask(
    wish: Wish<acts::Ask>,
    State(hub): State<Arc<Hub>>,
    Form(form): Form<NewQuery>,
) -> Result<Response, ApiProblem> {
    let person = wish.person().clone();
    let project = project_of(&form.project)?;
    match act::asking::ask(wish, &hub, &form.name, &form.sql, project).await {
        Ok(id) => {
            tracing::info!(query = %id, by = person.name, "a query was asked");
            Ok(Redirect::to(&format!("/queries/{id}")).into_response())
        }
        // Also where its project was staged meanwhile, or the hub takes no work now: what was typed is not lost.
        Err(problem) if typed_wrongly(&problem) || problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
            let projects = act::projects::choices(&person, &hub, project).await?;
            let page = web::QueryNew {
                name: form.name,
                sql: form.sql,
                refusal: Some(pages::refusal(&problem)),
                ..pages::query_new(&person, &projects, project)
            };
            Ok(problem.with_page(shown(&page)))
        }
        Err(problem) => Err(problem),
    }
}

async fn query(
    may: May<acts::SeeAnswers>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<Response, ApiProblem> {
    let (query, combined) = act::result(&may, &hub, id, Duration::ZERO).await?;
    let freezes = act::staging::freezes(&may, &hub, id, Duration::ZERO).await?;
    let lifecycle = hub.ledger.lifecycle(may.project()).await?;
    Ok(shown(&pages::query(&may, &query, &combined, &freezes, &lifecycle, clock::now())))
}

async fn freeze(
    may: May<acts::Freeze>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<Response, ApiProblem> {
    act::staging::freeze(&may, &hub, id).await?;
    tracing::info!(query = %id, by = may.person().name, "a cohort's freeze was ordered");
    Ok(Redirect::to(&format!("/queries/{id}")).into_response())
}

async fn asset(_: May<acts::Enter>, Path(file): Path<String>) -> Response {
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
    let (path, query) = next.split_once('?').unwrap_or((next, ""));
    let all_of = |text: &str, marks: &str| {
        text.chars().all(|letter| letter.is_ascii_alphanumeric() || marks.contains(letter))
    };
    let is_ours = next.len() <= bounds::NEXT_BYTES
        && path.starts_with('/')
        && !path.starts_with("//")
        && all_of(path, "/_.-")
        // What is searched for is escaped there; no backslash and no end of a line comes in that way.
        && all_of(query, "/_.-?=&+*%")
        && unescaped(query).is_some_and(|text| !text.contains(|letter: char| letter == '\\' || letter.is_control()));
    if is_ours { next } else { "/queries" }
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

/// The project that a field of a form names, if it names one.
fn project_of(text: &str) -> Result<Option<ProjectId>, ApiProblem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(|id| Some(ProjectId(id))).map_err(|_| ApiProblem::not_found())
}

/// A form can be shown again with what is wrong with it.
fn typed_wrongly(problem: &ApiProblem) -> bool {
    matches!(
        problem.status(),
        StatusCode::UNPROCESSABLE_ENTITY
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::TOO_MANY_REQUESTS
    )
}

fn words_of(problem: &ApiProblem) -> String {
    sentence(problem.0.detail.as_deref().unwrap_or(&problem.0.title))
}

/// What is told above such a form, which keeps what was typed and is of the newest edition now.
fn saved_meanwhile(theirs: &str) -> String {
    format!(
        "Somebody else, or you in another window, saved this after you opened it, so yours was not saved. {}. What you \
         typed is still here: take over from theirs what should stay, and save again; yours then takes its place.",
        sentence(theirs)
    )
}

/// Words with a capital first: on a page they stand by themselves.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
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
    use super::{local_path, sentence};

    #[test]
    fn what_is_told_on_a_page_begins_with_a_capital() {
        assert_eq!(sentence("the password is short"), "The password is short");
        assert_eq!(
            (sentence("élan"), sentence(""), sentence("12 words")),
            ("Élan".to_owned(), String::new(), "12 words".to_owned())
        );
    }

    #[test]
    fn a_sign_in_leads_to_our_own_pages_alone() {
        let longest = format!("/queries?search={}", "a".repeat(496));
        for ours in [
            "/trusts",
            "/queries?search=a%20b",
            "/queries?project=7&search=caf%C3%A9+100%25",
            "/queries?search=%2F%2Fevil.example",
            "/queries?search=https%3A%2F%2Fevil.example",
            "/people?sort=-added&after=%5B%22ada%22%2C%22ada%22%5D",
            &longest,
        ] {
            assert_eq!(local_path(ours), ours);
        }
        let too_long = format!("{longest}a");
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\r\nb",
            "/\t/evil.example",
            "/\u{1}",
            "/%2Fevil.example",
            "/%5Cevil.example",
            "/%09/evil.example",
            "%2F%2Fevil.example",
            "//evil.example?search=a%20b",
            "///evil.example",
            "https:%2F%2Fevil.example",
            "?next=//evil.example",
            "/queries?search=%5C%5Cevil.example",
            "/queries?search=%0D%0ALocation:%20//evil.example",
            "/queries?search=%0d%0aSet-Cookie=a",
            "/queries?search=%00",
            "/queries?search=%7F",
            "/queries?search=%C2%85",
            "/queries?search=%C3",
            "/queries?search=%",
            "/queries?search=%2",
            "/queries?search=%+5",
            "/queries?search=%zz",
            "/queries?search=a#//evil.example",
            "/queries?search=a@evil.example",
            &too_long,
        ] {
            assert_eq!(local_path(elsewhere), "/queries", "{elsewhere:?}");
        }
    }
}
