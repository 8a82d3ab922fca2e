//! `POST /v1/renew`: a new certificate for an enrolled appliance, before its old one ends.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use flip_protocol::enrolment::{EnrolResponse, RenewRequest};

use super::Fingerprint;
use super::refusal;
use crate::audit::By;
use crate::clock;
use crate::hub::Hub;
use crate::problem::problem;

pub(super) async fn post(
    State(hub): State<Arc<Hub>>,
    Extension(Fingerprint(fingerprint)): Extension<Fingerprint>,
    body: Result<Json<RenewRequest>, JsonRejection>,
) -> Response {
    let request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => return refusal::bad_body(rejection.body_text()),
    };
    let now = clock::now();
    let peer = match hub.ledger.peer_of_certificate(fingerprint, now).await {
        Ok(Some(peer)) => peer,
        Ok(None) => return refusal::unknown_certificate(),
        Err(error) => return refusal::ledger(&error),
    };
    let Ok(certificate) = hub.authority.trust_certificate(&request.certificate_request, peer.id, now) else {
        let title = "The certificate request is not usable.";
        return problem(StatusCode::BAD_REQUEST, "bad_certificate_request", title, None);
    };
    let (verifying, sealing) = hub.authority.public_keys();
    let response = EnrolResponse {
        certificate: certificate.pem.clone(),
        expires: certificate.expires,
        verifying,
        sealing,
    };
    let by = By::trust(peer.id, &peer.name, now);
    if let Err(error) = hub.ledger.add_certificate(by, peer.id, certificate).await {
        return refusal::ledger(&error);
    }
    tracing::info!(trust = %peer.id, "a Trust renewed its certificate");
    Json(response).into_response()
}
