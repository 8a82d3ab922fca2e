//! How the local API says no: problem documents with stable codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flip_protocol::problem::{MEDIA_TYPE, Problem};
use flip_storage::audit::AuditError;
use flip_storage::error_chain;

use crate::data::GenerationsError;
use crate::frozen::{FrozenError, Name};
use crate::tokens::TokenError;

/// A problem, to be sent.
#[derive(Debug)]
pub(super) struct ApiProblem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Option<String>,
    retry_after_s: Option<u32>,
}

impl ApiProblem {
    fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, detail: None, retry_after_s: None }
    }

    fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.")
            .detail("there are GET /v1/cohort, /v1/accession-ids and /v1/dataframe")
    }

    pub fn not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Only GET is taken here.")
    }

    pub fn no_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token_missing", "A token is needed.")
            .detail("send Authorization: Bearer TOKEN; flip-appliance token new makes one")
    }

    pub fn dropped(name: &Name) -> Self {
        Self::new(StatusCode::GONE, "cohort_dropped", "The Trust has dropped the frozen cohort.")
            .detail(format!("{name} is no longer kept"))
    }

    pub fn bad_parameter(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_parameter", "A parameter of the address is not right.")
            .detail(detail)
    }

    pub fn busy() -> Self {
        let busy = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Other exports are under way.");
        Self { retry_after_s: Some(30), ..busy }
    }

    pub fn question_refused(detail: String) -> Self {
        let title = "The Trust's gate does not let the frozen question in any more.";
        Self::new(StatusCode::CONFLICT, "question_refused", title).detail(detail)
    }

    pub fn not_in_format(column: &str) -> Self {
        let title = "A column cannot be written in this format.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "column_not_in_format", title)
            .detail(format!("{column} has values that this format does not hold; take format=arrow"))
    }

    pub fn read_failed(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "read_failed", "The rows could not be read.")
            .detail(detail)
    }

    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong at the appliance.")
            .detail("the appliance's own log has the details")
    }

    /// The code, for the audit log.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl From<TokenError> for ApiProblem {
    fn from(error: TokenError) -> Self {
        let (code, title) = match &error {
            TokenError::Unknown => ("token_unknown", "The token is not known here."),
            TokenError::Expired(_) => ("token_expired", "The token's time is over."),
            TokenError::Revoked(_) => ("token_revoked", "The token was revoked."),
            TokenError::File { .. } | TokenError::Damaged { .. } => {
                tracing::error!(error = error_chain(&error), "a token cannot be read");
                return Self::internal();
            }
        };
        let problem = Self::new(StatusCode::UNAUTHORIZED, code, title);
        // Of an unknown one there is no more to say.
        if code == "token_unknown" { problem } else { problem.detail(error.to_string()) }
    }
}

impl From<FrozenError> for ApiProblem {
    fn from(error: FrozenError) -> Self {
        match &error {
            FrozenError::Dropped { name } => return Self::dropped(name),
            FrozenError::Unknown { .. } => {
                return Self::new(StatusCode::GONE, "cohort_dropped", "The frozen cohort is no longer here.");
            }
            FrozenError::Damaged { .. } => {
                tracing::error!(error = error_chain(&error), "a frozen cohort is damaged");
                let title = "The frozen cohort's file is damaged.";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, "cohort_damaged", title)
                    .detail("the Trust can freeze the cohort again: flip-appliance frozen refreeze");
            }
            FrozenError::DiskFull { .. }
            | FrozenError::Io { .. }
            | FrozenError::FewerThan { .. }
            | FrozenError::Generations(_) => {}
        }
        tracing::error!(error = error_chain(&error), "a frozen cohort cannot be read");
        Self::internal()
    }
}

impl From<GenerationsError> for ApiProblem {
    fn from(error: GenerationsError) -> Self {
        tracing::error!(error = error_chain(&error), "a frozen cohort's generation cannot be used");
        let title = "The data that the cohort was frozen on cannot be used.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "generation_damaged", title)
            .detail("they are damaged or gone; the Trust can ingest again and freeze the cohort again")
    }
}

impl From<AuditError> for ApiProblem {
    fn from(error: AuditError) -> Self {
        tracing::error!(error = error_chain(&error), "a read could not be written down, and was not begun");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "audit_failed", "The read could not be written down.")
            .detail("nothing is read that is not in the audit log first; is the disk full?")
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: format!("/problems/{}", self.code),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail,
            place: None,
        };
        let mut response = (self.status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
