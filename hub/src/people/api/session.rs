//! `/session`: sign in, who am I, sign out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Body;
use super::document::Said;
use crate::hub::Hub;
use crate::people::may::May;
use crate::people::session::{self, Awaits, Opened};
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// The sign-in name.
    #[schema(example = "ada")]
    name: String,
    /// The password.
    #[schema(example = "correct horse battery staple")]
    password: String,
}

/// A session that was opened.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenedSession {
    /// Send it as `Authorization: Bearer TOKEN`.
    #[schema(example = "ZT9ZOHEbIjlIxXlnT2F5s3VG1WVHa7E77tMkp7NI6ME")]
    token: String,
    /// Seconds that it is good for.
    #[schema(example = 43_200)]
    expires_in_s: u64,
    /// What has to come before it opens anything: `code` of the second factor, or its `enrolment`; else null.
    #[schema(example = "code")]
    awaits: Option<&'static str>,
}

/// Whose session it is.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    /// The sign-in name.
    #[schema(example = "ada")]
    name: String,
    /// The role: admin, researcher, viewer or trust-admin.
    #[schema(example = "researcher")]
    role: &'static str,
    /// What has to come before anything else: `code` of the second factor, or its `enrolment`; else null.
    #[schema(example = "code")]
    awaits: Option<&'static str>,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::post("/api/v1/session", "Signs in.")
            .takes::<Credentials>()
            .gives::<OpenedSession>(201, "A token, and what is awaited before it opens anything.")
            .refuses(&[Code::WrongNameOrPassword, Code::TooManyTries, Code::TooManySignIns]),
        Said::get("/api/v1/session", "Whose token this is, and their role.").gives::<Me>(200, "Who you are."),
        Said::delete("/api/v1/session", "Signs out.").gives_nothing(204, "The token is void."),
    ]
}

/// `POST /session`: a token for name and password, and what is awaited before it opens anything.
pub(super) async fn open(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Body(credentials): Body<Credentials>,
) -> Result<(StatusCode, Json<OpenedSession>), ApiProblem> {
    let (opened, awaits) =
        session::sign_in(&hub, may.visitor(), &credentials.name, credentials.password).await?;
    Ok((StatusCode::CREATED, Json(written(opened, awaits))))
}

/// A session that was opened.
pub(super) fn written(opened: Opened, awaits: Option<Awaits>) -> OpenedSession {
    OpenedSession { token: opened.token, expires_in_s: opened.lasts_s, awaits: awaits.map(Awaits::name) }
}

/// `GET /session`: whose session this is, their role, and what is awaited in it.
pub(super) async fn show(may: May<acts::KeepSession>) -> Json<Me> {
    let person = may.person();
    let awaits = person.awaits.map(Awaits::name);
    Json(Me { name: person.name.clone(), role: person.role.name(), awaits })
}

/// `DELETE /session`: sign out.
pub(super) async fn close(
    may: May<acts::KeepSession>,
    State(hub): State<Arc<Hub>>,
) -> Result<StatusCode, ApiProblem> {
    hub.ledger.close_session(may.by(), may.person().token_sha256).await?;
    Ok(StatusCode::NO_CONTENT)
}
