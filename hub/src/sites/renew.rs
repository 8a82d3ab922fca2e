//! `POST /v1/renew` and `POST /v1/rotate`: a new certificate for an enrolled appliance before its old one ends, or for new
//! keys, signed with the one that they replace.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use flip_protocol::enrolment::{EnrolResponse, RenewRequest, RotateRequest};

use super::Fingerprint;
use super::refusal;
use crate::audit::By;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::trusts::Peer;
use crate::problem::problem;
use crate::renewal::{Renewal, RenewalError};

pub(super) async fn renew(
    State(hub): State<Arc<Hub>>,
    Extension(fingerprint): Extension<Fingerprint>,
    body: Result<Json<RenewRequest>, JsonRejection>,
) -> Result<Json<EnrolResponse>, Response> {
    let (request, peer, by) = asked(&hub, fingerprint, body).await?;
    renewal(&hub, &peer, by).renew(&request).await.map(Json).map_err(refused)
}

pub(super) async fn rotate(
    State(hub): State<Arc<Hub>>,
    Extension(fingerprint): Extension<Fingerprint>,
    body: Result<Json<RotateRequest>, JsonRejection>,
) -> Result<Json<EnrolResponse>, Response> {
    let (request, peer, by) = asked(&hub, fingerprint, body).await?;
    let answer = renewal(&hub, &peer, by).rotate(request).await.map_err(refused)?;
    hub.announce_change();
    Ok(Json(answer))
}

/// What is asked, and by which Trust.
async fn asked<T>(
    hub: &Hub,
    Fingerprint(fingerprint): Fingerprint,
    body: Result<Json<T>, JsonRejection>,
) -> Result<(T, Peer, By), Response> {
    let Json(request) = body.map_err(|rejection| refusal::bad_body(rejection.body_text()))?;
    let now = clock::now();
    let found = hub.ledger.peer_of_certificate(fingerprint, now).await;
    let peer = found.map_err(|error| refusal::ledger(&error))?.ok_or_else(refusal::unknown_certificate)?;
    let by = By::trust(peer.id, &peer.name, now);
    Ok((request, peer, by))
}

fn renewal<'a>(hub: &'a Hub, peer: &'a Peer, by: By) -> Renewal<'a> {
    Renewal { authority: &hub.authority, ledger: &hub.ledger, peer, by }
}

fn refused(error: RenewalError) -> Response {
    match error {
        RenewalError::NotSigned => {
            let title = "The new keys are not signed with the key that they are to replace.";
            problem(StatusCode::FORBIDDEN, "bad_signature", title, None)
        }
        RenewalError::Unusable(_) => {
            let title = "The certificate request is not usable.";
            problem(StatusCode::BAD_REQUEST, "bad_certificate_request", title, None)
        }
        RenewalError::Ledger(error) => refusal::ledger(&error),
    }
}
