//! How the hub says no, to people and appliances alike: problem documents (RFC 9457) with stable codes.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use flip_protocol::answer::Place;
use flip_protocol::problem::{MEDIA_TYPE, Problem};

use crate::ledger::LedgerError;
use crate::ledger::allowed::Barred;

/// The code of who has given their password and not their second factor.
pub const SECOND_FACTOR_NEEDED: &str = "second_factor_needed";

/// A refusal as an answer.
pub fn problem(status: StatusCode, code: &str, title: &str, detail: Option<String>) -> Response {
    let mut problem = ApiProblem::new(status, code, title);
    problem.0.detail = detail;
    problem.into_response()
}

/// A problem to show a person or a program.
#[derive(Debug, Clone)]
pub struct ApiProblem(pub Box<Problem>);

impl ApiProblem {
    /// A problem of this kind.
    pub fn new(status: StatusCode, code: &str, title: &str) -> Self {
        Self(Box::new(Problem {
            kind: format!("/problems/{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: None,
            place: None,
        }))
    }

    /// With what went wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// With a place in the text that was sent.
    #[must_use]
    pub fn place(mut self, place: Option<Place>) -> Self {
        self.0.place = place;
        self
    }

    /// Nobody is signed in.
    pub fn sign_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "sign_in", "Sign in first.").detail(
            "POST name and password to /api/v1/session and send the token as: Authorization: Bearer TOKEN",
        )
    }

    /// The password was right, and the second factor has to come first.
    pub fn second_factor(awaits: &str) -> Self {
        let detail = match awaits {
            "code" => "POST the code to /api/v1/second-factor/code",
            _ => {
                "GET /api/v1/second-factor for a secret, and POST a code of it there; or sign in at the console"
            }
        };
        let title = "Give your second factor first, or set one up.";
        Self::new(StatusCode::FORBIDDEN, SECOND_FACTOR_NEEDED, title).detail(detail)
    }

    /// There is nothing here for this person.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    }

    /// The project was deleted.
    pub fn deleted() -> Self {
        Self::new(StatusCode::CONFLICT, "project_deleted", "The project was deleted.")
    }

    /// The person may know of it and may not do that to it.
    pub fn forbidden(act: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "You may not do this.").detail(format!(
            "your role and your place in the project do not let you: {act}; an admin or the project's owner can change that"
        ))
    }

    /// A name that cannot be used, and why.
    pub fn bad_name(why: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_name", "The name is not usable.").detail(why)
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Barred> for ApiProblem {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::Hidden => Self::not_found(),
            Barred::Forbidden(act) => Self::forbidden(act.words()),
            Barred::Deleted => Self::deleted(),
        }
    }
}

impl From<LedgerError> for ApiProblem {
    fn from(error: LedgerError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a request could not be served");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "try_again",
            "The hub cannot do this now; try again in a moment.",
        )
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let retry =
            (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some([(header::RETRY_AFTER, "2")]);
        // The console makes a page of it.
        let problem = Extension(self.clone());
        (self.status(), problem, retry, [(header::CONTENT_TYPE, MEDIA_TYPE)], Json(self.0)).into_response()
    }
}
