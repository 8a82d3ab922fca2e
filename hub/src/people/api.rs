//! The JSON API under `/api/v1`.

mod access;
mod audit;
pub(super) mod document;
mod events;
pub(super) mod files;
mod freeze;
mod mail;
mod models;
mod passwords;
mod people;
mod projects;
mod queries;
mod running;
mod second_factor;
mod session;
mod sessions;
mod staging;
mod tokens;
pub(super) mod trusts;

use std::str::FromStr;

use axum::Json;
use axum::http::{HeaderName, Uri, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::may::{May, Table};
use super::parts::{Body, Parameters, Path};
use crate::bounds;
use crate::ledger::cursor::{Cursor, NoCursor};
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use document::Said;

#[rustfmt::skip]
pub(super) fn routes(table: Table) -> Table {
    table
        .get::<acts::Enter, _>("/api/v1/health", health)
        .get::<acts::Enter, _>("/api/v1/openapi.json", document::serve)
        .post::<acts::Enter, _>("/api/v1/session", session::open)
        .get::<acts::KeepSession, _>("/api/v1/session", session::show)
        .delete::<acts::KeepSession, _>("/api/v1/session", session::close)
        .get::<acts::RunHub, _>("/api/v1/hub", running::show)
        .put::<acts::RunHub, _>("/api/v1/hub/banner", running::banner)
        .put::<acts::RunHub, _>("/api/v1/hub/maintenance", running::maintenance)
        .get::<acts::SeeTrusts, _>("/api/v1/trusts", trusts::list)
        .post::<acts::AddTrust, _>("/api/v1/trusts", trusts::add)
        .get::<acts::SeeTrusts, _>("/api/v1/trusts/{trust}", trusts::show)
        .post::<acts::ManageTrusts, _>("/api/v1/trusts/{trust}/kit", trusts::kit)
        .post::<acts::ManageTrusts, _>("/api/v1/trusts/{trust}/keys", trusts::keys)
        .post::<acts::ManageTrusts, _>("/api/v1/trusts/{trust}/revoke", trusts::revoke)
        .post::<acts::ManageTrusts, _>("/api/v1/trusts/{trust}/remove", trusts::remove)
        .get::<acts::SeeAudit, _>("/api/v1/audit", audit::list)
        .get::<acts::SeeAudit, _>("/api/v1/audit/check", audit::check)
        .get::<acts::SeeAudit, _>("/api/v1/audit/export", audit::export)
        .get::<acts::SeeLists, _>("/api/v1/projects", projects::list)
        .post::<acts::MakeProject, _>("/api/v1/projects", projects::make)
        .get::<acts::SeeProject, _>("/api/v1/projects/{project}", projects::show)
        .put::<acts::EditProject, _>("/api/v1/projects/{project}", projects::edit)
        .delete::<acts::DeleteProject, _>("/api/v1/projects/{project}", projects::delete)
        .get::<acts::SeeAnswers, _>("/api/v1/projects/{project}/queries", queries::history)
        .get::<acts::SeeProject, _>("/api/v1/projects/{project}/events", events::of_project)
        .post::<acts::StageProject, _>("/api/v1/projects/{project}/stage", staging::stage)
        .post::<acts::UnstageProject, _>("/api/v1/projects/{project}/unstage", staging::unstage)
        .post::<acts::Decide, _>("/api/v1/projects/{project}/trusts/{trust}/decision", staging::decide)
        .get::<acts::SeeModels, _>("/api/v1/projects/{project}/models", models::of_project)
        .post::<acts::ChangeModels, _>("/api/v1/projects/{project}/models", models::make)
        .get::<acts::SeeLists, _>("/api/v1/job-types", models::job_types)
        .get::<acts::SeeLists, _>("/api/v1/models", models::list)
        .get::<acts::SeeModels, _>("/api/v1/models/{model}", models::show)
        .get::<acts::SeeModels, _>("/api/v1/models/{model}/events", events::of_model)
        .put::<acts::ChangeModels, _>("/api/v1/models/{model}", models::edit)
        .delete::<acts::ChangeModels, _>("/api/v1/models/{model}", models::delete)
        .post::<acts::ChangeModels, _>("/api/v1/models/{model}/files", files::open)
        .get::<acts::FetchFiles, _>("/api/v1/models/{model}/files/{file}", files::fetch)
        .delete::<acts::ChangeModels, _>("/api/v1/models/{model}/files/{file}", files::delete)
        .post::<acts::ChangeModels, _>("/api/v1/models/{model}/files/{file}/link", files::link)
        .get::<acts::SeeDecisions, _>("/api/v1/decisions", staging::cases)
        .get::<acts::SeeLists, _>("/api/v1/queries", queries::list)
        .post::<acts::Ask, _>("/api/v1/queries", queries::ask)
        .get::<acts::SeeAnswers, _>("/api/v1/queries/{query}", queries::show)
        .get::<acts::SeeAnswers, _>("/api/v1/queries/{query}/events", events::of_query)
        .post::<acts::Ask, _>("/api/v1/queries/{query}/cancel", queries::cancel)
        .get::<acts::SeeAnswers, _>("/api/v1/queries/{query}/csv", queries::csv)
        .get::<acts::SeeAnswers, _>("/api/v1/queries/{query}/freeze", freeze::show)
        .get::<acts::SeeAnswers, _>("/api/v1/queries/{query}/freeze/events", events::of_freeze)
        .post::<acts::Freeze, _>("/api/v1/queries/{query}/freeze", freeze::order)
        .get::<acts::SeePeople, _>("/api/v1/people", people::list)
        .post::<acts::ManagePeople, _>("/api/v1/people", people::invite)
        .get::<acts::SeePeople, _>("/api/v1/people/{person}", people::show)
        .put::<acts::ManagePeople, _>("/api/v1/people/{person}", people::edit)
        .put::<acts::ManagePeople, _>("/api/v1/people/{person}/trust", people::make_trust_admin)
        .delete::<acts::ManagePeople, _>("/api/v1/people/{person}", people::withdraw)
        .post::<acts::ManagePeople, _>("/api/v1/people/{person}/disable", people::disable)
        .post::<acts::ManagePeople, _>("/api/v1/people/{person}/enable", people::enable)
        .post::<acts::ManagePeople, _>("/api/v1/people/{person}/reset", people::reset)
        .post::<acts::ManagePeople, _>("/api/v1/people/{person}/invite", people::invite_again)
        .post::<acts::Enter, _>("/api/v1/password/forgot", passwords::forgot)
        .put::<acts::OwnAccount, _>("/api/v1/password", passwords::change)
        .get::<acts::OwnAccount, _>("/api/v1/sessions", sessions::list)
        .delete::<acts::OwnAccount, _>("/api/v1/sessions", sessions::end_others)
        .delete::<acts::OwnAccount, _>("/api/v1/sessions/{session}", sessions::end)
        .post::<acts::ManagePeople, _>("/api/v1/people/{person}/sign-out", people::sign_out)
        .get::<acts::OwnAccount, _>("/api/v1/tokens", tokens::list)
        .post::<acts::OwnAccount, _>("/api/v1/tokens", tokens::make)
        .delete::<acts::OwnAccount, _>("/api/v1/tokens/{id}", tokens::revoke)
        .get::<acts::SecondFactor, _>("/api/v1/second-factor", second_factor::show)
        .post::<acts::SecondFactor, _>("/api/v1/second-factor", second_factor::enrol)
        .post::<acts::SecondFactor, _>("/api/v1/second-factor/code", second_factor::give)
        .post::<acts::OwnAccount, _>("/api/v1/second-factor/recovery-codes", second_factor::other_codes)
        .post::<acts::ManagePeople, _>("/api/v1/people/{person}/second-factor/reset", people::reset_second_factor)
        .post::<acts::ManagePeople, _>("/api/v1/people/{person}/unbind", people::unbind)
        .post::<acts::Enter, _>("/api/v1/access-requests", access::ask)
        .get::<acts::SeePeople, _>("/api/v1/access-requests", access::list)
        .post::<acts::ManagePeople, _>("/api/v1/access-requests/{request}/invite", access::invite)
        .post::<acts::ManagePeople, _>("/api/v1/access-requests/{request}/dismiss", access::dismiss)
        .get::<acts::SeeMail, _>("/api/v1/mail", mail::list)
        .post::<acts::ManageMail, _>("/api/v1/mail/test", mail::test)
        .post::<acts::ManageMail, _>("/api/v1/mail/{mail}/send", mail::send)
        .delete::<acts::ManageMail, _>("/api/v1/mail/{mail}", mail::forget)
}

/// What the document says of every route.
fn said() -> Vec<Said> {
    let mut said = vec![
        Said::get("/api/v1/health", "That the hub is there, and its version. For anyone.")
            .gives::<Alive>(200, "It is there."),
        Said::get("/api/v1/openapi.json", "This document. For anyone.")
            .gives_text("application/json", "OpenAPI 3.1."),
    ];
    let parts = [
        session::said(),
        running::said(),
        trusts::said(),
        audit::said(),
        projects::said(),
        staging::said(),
        queries::said(),
        freeze::said(),
        events::said(),
        people::said(),
        passwords::said(),
        second_factor::said(),
        sessions::said(),
        tokens::said(),
        access::said(),
        mail::said(),
        models::said(),
        files::said(),
    ];
    said.extend(parts.into_iter().flatten());
    said
}

/// That the hub is there.
#[derive(Serialize, ToSchema)]
struct Alive {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The hub's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// `GET /health`.
async fn health(_: May<acts::Enter>) -> Json<Alive> {
    Json(Alive { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// The header that says where a list goes on (RFC 8288); none at its end. `cursor` is the parameter that says where.
fn next_link(uri: &Uri, cursor: &str, next: Option<&str>) -> Option<[(HeaderName, String); 1]> {
    let next = next?;
    let kept = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(cursor));
    let next = format!("{cursor}={}", crate::uri::escaped(next));
    let query: Vec<&str> = kept.chain([next.as_str()]).collect();
    Some([(header::LINK, format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&")))])
}

/// Where a list goes on, and how much of it is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Part {
    /// What `next` said.
    after: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

impl Part {
    /// The place after which it goes on, and how many rows are asked for.
    fn of_places(self) -> Result<(Cursor, u32), ApiProblem> {
        Ok((place_of(self.after)?.unwrap_or(Cursor::START), rows(self.limit)?))
    }
}

/// The place after which a list goes on.
fn place_of<P: FromStr<Err = NoCursor>>(after: Option<String>) -> Result<Option<P>, ApiProblem> {
    let after = after.map(|after| after.parse::<P>()).transpose();
    after.map_err(|error: NoCursor| bad_parameter(&error.to_string()))
}

/// How many rows of a list are asked for.
fn rows(limit: Option<u32>) -> Result<u32, ApiProblem> {
    match limit {
        None => Ok(bounds::LIST_ROWS),
        Some(limit) if (1..=bounds::LIST_ROWS).contains(&limit) => Ok(limit),
        Some(limit) => Err(bad_parameter(&format!("`limit` is 1 to {}, and not {limit}", bounds::LIST_ROWS))),
    }
}

fn bad_parameter(why: &str) -> ApiProblem {
    ApiProblem::new(Code::BadParameter, "A parameter of the address is not right.").detail(why)
}

/// What was made.
#[derive(Serialize, ToSchema)]
struct Made {
    /// Its id.
    id: Uuid,
}
