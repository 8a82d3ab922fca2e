//! How the hub says no, to people and appliances alike: problem documents (RFC 9457) with stable codes.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use flip_protocol::answer::Place;
use flip_protocol::problem::{MEDIA_TYPE, Problem};

use crate::ledger::LedgerError;
use crate::ledger::allowed::Barred;
use crate::throttle::Wait;

mod codes;

pub use codes::{Code, status_of_gate};

/// A refusal to an appliance.
pub fn problem(status: StatusCode, code: &str, title: &str, detail: Option<String>) -> Response {
    let retry_after_s = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(2);
    let mut problem = ApiProblem::of(status, code, title, retry_after_s);
    problem.0.detail = detail;
    problem.into_response()
}

/// A problem to show a person or a program, and after how many seconds to try again where that can help.
#[derive(Debug, Clone)]
pub struct ApiProblem(pub Box<Problem>, Option<u32>);

impl ApiProblem {
    /// A problem of this kind.
    pub fn new(code: Code, title: &str) -> Self {
        Self::of(code.status(), code.name(), title, code.retry_after_s())
    }

    /// A question that the gate does not let in.
    pub fn of_gate(code: flip_gate::Code, message: String, place: Option<Place>) -> Self {
        let title = "The question is not let in.";
        let mut problem = Self::of(codes::status_of_gate(code), code.name(), title, None).detail(message);
        problem.0.place = place;
        problem
    }

    fn of(status: StatusCode, code: &str, title: &str, retry_after_s: Option<u32>) -> Self {
        let problem = Problem {
            kind: format!("/problems/{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: None,
            place: None,
        };
        Self(Box::new(problem), retry_after_s)
    }

    /// With what went wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Nobody is signed in.
    pub fn sign_in() -> Self {
        Self::new(Code::SignIn, "Sign in first.").detail(
            "POST name and password to /api/v1/session and send the token as: Authorization: Bearer TOKEN",
        )
    }

    /// What is asked for takes a sign-in of late, where no second factor vouches for whoever asks.
    pub fn sign_in_anew() -> Self {
        Self::new(Code::SignIn, "Sign in anew first.").detail(
            "you signed in some time ago, and what you make here outlives your session: sign out, sign in, and do it then",
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
        Self::new(Code::SecondFactorNeeded, title).detail(detail)
    }

    /// So many tries that one has to wait.
    pub fn wait(code: Code, title: &str, wait: Wait) -> Self {
        let wait_s = wait.seconds;
        let mut problem = Self::new(code, title).detail(format!("{title} Try again in {wait_s} s."));
        problem.1 = Some(wait_s);
        problem
    }

    /// An API token that opens nothing.
    pub fn bad_token(title: &str, why: &str) -> Self {
        Self::new(Code::BadToken, title).detail(why)
    }

    /// An API token that does not open this.
    pub fn out_of_scope(act: &str) -> Self {
        Self::new(Code::OutOfScope, "This token does not open this.").detail(format!(
            "none of its scopes lets it: {act}; make another, or sign in where no scope does"
        ))
    }

    /// There is nothing here for this person.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here.")
    }

    /// There is something here, and not with this method.
    pub fn bad_method() -> Self {
        Self::new(Code::BadMethod, "This cannot be done here.")
            .detail("Allow names the methods that there are")
    }

    /// The project was deleted.
    pub fn deleted() -> Self {
        Self::new(Code::ProjectDeleted, "The project was deleted.")
    }

    /// The person may know of it and may not do that to it.
    pub fn forbidden(act: &str) -> Self {
        Self::new(Code::Forbidden, "You may not do this.").detail(format!(
            "your role, and your place in the project, do not allow you to {act}; an admin can change the one, and the \
             project's owner the other"
        ))
    }

    /// A name that cannot be used, and why.
    pub fn bad_name(why: &str) -> Self {
        Self::new(Code::BadName, "The name is not usable.").detail(why)
    }

    /// A page that says it, in place of the problem document.
    pub fn with_page(&self, page: Response) -> Response {
        let retry = self.1.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
        (self.status(), retry, page).into_response()
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
        Self::new(Code::TryAgain, "The hub cannot do this now; try again in a moment.")
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let retry = self.1.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
        // The console makes a page of it.
        let problem = Extension(self.clone());
        (self.status(), problem, retry, [(header::CONTENT_TYPE, MEDIA_TYPE)], Json(self.0)).into_response()
    }
}
