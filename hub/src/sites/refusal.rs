//! How the sites listener says no: a problem document with a stable code.

use axum::http::StatusCode;
use axum::response::Response;

use crate::ledger::LedgerError;
use crate::problem::problem;

/// The ledger could not do its work: try again later.
pub fn ledger(error: &LedgerError) -> Response {
    tracing::error!(%error, cause = ?std::error::Error::source(error), "a sites request could not be served");
    problem(StatusCode::SERVICE_UNAVAILABLE, "try_again", "The hub cannot do this now; try again.", None)
}

/// The certificate is not, or no longer, one of a Trust here.
pub fn unknown_certificate() -> Response {
    problem(
        StatusCode::FORBIDDEN,
        "unknown_certificate",
        "This hub does not know the certificate: the Trust has enrolled again since, or its keys were made void.",
        None,
    )
}

/// The body is not what is expected here.
pub fn bad_body(detail: String) -> Response {
    problem(
        StatusCode::BAD_REQUEST,
        "bad_body",
        "The request's body is not what is expected here.",
        Some(detail),
    )
}

pub async fn no_such_place() -> Response {
    problem(StatusCode::NOT_FOUND, "no_such_place", "There is nothing here.", None)
}

pub async fn needs_certificate() -> Response {
    problem(
        StatusCode::UNAUTHORIZED,
        "needs_certificate",
        "This place is for enrolled appliances; this connection has no client certificate.",
        None,
    )
}
