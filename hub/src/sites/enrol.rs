//! `POST /v1/enrol`: a kit's secret and an appliance's public keys in, its certificate out. Burns the secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flip_protocol::enrolment::{EnrolRequest, EnrolResponse};
use flip_protocol::order::Work;
use flip_protocol::text;
use sha2::{Digest as _, Sha256};

use super::refusal;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::LedgerError;
use crate::ledger::trusts::{Enrolled, Peer};
use crate::metrics::Metrics;
use crate::problem::problem;

/// Why an appliance is not enrolled.
enum Refused {
    OtherHub,
    BadRequest,
    UnknownKit,
    Used,
    Expired,
    Ledger(LedgerError),
}

pub(super) async fn post(
    State(hub): State<Arc<Hub>>,
    body: Result<Json<EnrolRequest>, JsonRejection>,
) -> Response {
    let metrics = hub.metrics.clone();
    match body {
        Err(rejection) => refusal::bad_body(rejection.body_text()),
        Ok(Json(request)) => match enrol(hub, request).await {
            Ok(response) => response.into_response(),
            Err(refused) => refused.into_response(&metrics),
        },
    }
}

async fn enrol(hub: Arc<Hub>, request: EnrolRequest) -> Result<Json<EnrolResponse>, Refused> {
    if request.hub != hub.authority.hub() {
        return Err(Refused::OtherHub);
    }
    let whole_request = serde_json::to_vec(&request).map_err(|_| Refused::BadRequest)?;
    let whole_request = Sha256::digest(whole_request).into();
    let secret = text::decode(&request.secret).ok_or(Refused::UnknownKit)?;
    let now = clock::now();
    let certificate = hub
        .authority
        .trust_certificate(&request.certificate_request, request.trust, now)
        .map_err(|_| Refused::BadRequest)?;
    let peer = Peer {
        id: request.trust,
        name: String::new(),
        verifying: vec![request.verifying],
        sealing: request.sealing,
        rotate: false,
    };
    let (verifying, sealing) = hub.authority.public_keys();
    let response = EnrolResponse {
        certificate: certificate.pem.clone(),
        expires: certificate.expires,
        verifying,
        sealing,
    };
    let sealing_hub = Arc::clone(&hub);
    let reseal = Box::new(move |peer: &Peer, id, sequence, work: &Work, expires| {
        sealing_hub.seal_order(peer, id, sequence, work, now, expires)
    });
    let secret = Sha256::digest(secret).into();
    match hub
        .ledger
        .enrol(peer, secret, whole_request, certificate, reseal, now)
        .await
        .map_err(Refused::Ledger)?
    {
        Enrolled::Yes(name) => {
            tracing::info!(trust = %request.trust, name, "a Trust enrolled");
            hub.announce_change();
            Ok(Json(response))
        }
        Enrolled::UnknownKit => Err(Refused::UnknownKit),
        Enrolled::Used(_) => Err(Refused::Used),
        Enrolled::Expired(_) => Err(Refused::Expired),
    }
}

impl Refused {
    fn into_response(self, metrics: &Metrics) -> Response {
        let (status, code, title) = match self {
            Self::OtherHub => (StatusCode::FORBIDDEN, "other_hub", "This kit was made for another hub."),
            Self::BadRequest => {
                (StatusCode::BAD_REQUEST, "bad_certificate_request", "The certificate request is not usable.")
            }
            Self::UnknownKit => (
                StatusCode::FORBIDDEN,
                "unknown_kit",
                "This hub does not know the kit: it was altered, or replaced by a newer one.",
            ),
            Self::Used => (
                StatusCode::FORBIDDEN,
                "kit_used",
                "This kit was used before; it works once. If that was not you, tell the hub's administrator.",
            ),
            Self::Expired => (
                StatusCode::FORBIDDEN,
                "kit_expired",
                "This kit has expired; ask the hub's administrator for a new one.",
            ),
            Self::Ledger(error) => return refusal::ledger(&error),
        };
        metrics.enrolment_refused(code);
        tracing::warn!(code, "an enrolment was refused");
        problem(status, code, title, None)
    }
}
