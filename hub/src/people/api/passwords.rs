//! `/password`: forgotten, or changed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Body;
use super::document::Said;
use crate::hub::Hub;
use crate::people::act::passwords as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Forgotten {
    /// Their address.
    #[schema(example = "ada@example.org")]
    email: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// The one of now.
    #[schema(example = "correct horse battery staple")]
    old: String,
    /// The one from now on.
    #[schema(min_length = 12, max_length = 1_000, example = "seven quiet herons by the weir")]
    new: String,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::post("/api/v1/password/forgot", "Asks for a mail with a link to a new password. For anyone.")
            .more("The answer is the same where nobody has that address.")
            .takes::<Forgotten>()
            .gives_nothing(202, "Somebody with that address gets a mail.")
            .refuses(&[Code::BadEmail, Code::NoMail, Code::TooMany]),
        Said::put("/api/v1/password", "Gives you another password; your other sessions end.")
            .takes::<NewPassword>()
            .gives_nothing(204, "It is changed.")
            .refuses(&[Code::WrongPassword, Code::BadPassword, Code::TooManySignIns, Code::TooManyTries]),
    ]
}

/// `POST /password/forgot`: a mail with a link, where somebody has that address. The answer is the same where nobody
/// has it.
pub(super) async fn forgot(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Body(forgotten): Body<Forgotten>,
) -> Result<StatusCode, ApiProblem> {
    act::forgot(&may, &hub, &forgotten.email).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `PUT /password`: another password; ends one's other sessions.
pub(super) async fn change(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Body(changed): Body<NewPassword>,
) -> Result<StatusCode, ApiProblem> {
    act::change(&may, &hub, changed.old, changed.new).await?;
    Ok(StatusCode::NO_CONTENT)
}
