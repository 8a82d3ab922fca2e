//! `POST /v1/rotate`: an enrolled appliance's new keys, signed with the one they replace, for a new certificate.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use flip_protocol::enrolment::{EnrolResponse, RotateRequest};

use super::Fingerprint;
use super::refusal;
use crate::audit::By;
use crate::clock;
use crate::hub::Hub;
use crate::problem::problem;

pub(super) async fn post(
    State(hub): State<Arc<Hub>>,
    Extension(Fingerprint(fingerprint)): Extension<Fingerprint>,
    body: Result<Json<RotateRequest>, JsonRejection>,
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
    if !peer.may_rotate(&request) {
        tracing::warn!(trust = %peer.id, "new keys were not signed with the old one");
        let title = "The new keys are not signed with the key that they are to replace.";
        return problem(StatusCode::FORBIDDEN, "bad_signature", title, None);
    }
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
    if let Err(error) =
        hub.ledger.rotate(By::trust(peer.id, &peer.name, now), peer.id, request, certificate).await
    {
        return refusal::ledger(&error);
    }
    tracing::info!(trust = %peer.id, "a Trust has new keys");
    hub.announce_change();
    Json(response).into_response()
}
