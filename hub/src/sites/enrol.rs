//! `POST /v1/enrol`: a kit's secret and an appliance's public keys in, its certificate out. Burns the secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use flip_protocol::enrolment::{EnrolRequest, EnrolResponse};
use flip_protocol::text;
use sha2::{Digest as _, Sha256};

use super::refusal;
use crate::clock;
use crate::enrolment::{self, Asked, Refused};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::problem::problem;

pub(super) async fn post(
    State(hub): State<Arc<Hub>>,
    body: Result<Json<EnrolRequest>, JsonRejection>,
) -> Response {
    match body {
        Err(rejection) => refusal::bad_body(rejection.body_text()),
        Ok(Json(request)) => match enrol(&hub, request).await {
            Ok(response) => response.into_response(),
            Err(refused) => into_response(&refused, &hub.metrics),
        },
    }
}

async fn enrol(hub: &Arc<Hub>, request: EnrolRequest) -> Result<Json<EnrolResponse>, Refused> {
    let whole = serde_json::to_vec(&request).map_err(|_| Refused::BadRequest)?;
    let secret = text::decode(&request.secret).ok_or(Refused::UnknownKit)?;
    let asked = Asked {
        hub: request.hub,
        trust: request.trust,
        kit: Sha256::digest(secret).into(),
        whole: Sha256::digest(whole).into(),
        certificate_request: request.certificate_request,
        verifying: request.verifying,
        sealing: request.sealing,
    };
    let now = clock::now();
    let (_, response) = enrolment::enrol(&hub.authority, &hub.ledger, asked, hub.resealer(now), now).await?;
    hub.announce_change();
    Ok(Json(response))
}

fn into_response(refused: &Refused, metrics: &Metrics) -> Response {
    let (status, code) = match refused {
        Refused::OtherHub => (StatusCode::FORBIDDEN, "other_hub"),
        Refused::BadRequest | Refused::Authority(_) => (StatusCode::BAD_REQUEST, "bad_certificate_request"),
        Refused::UnknownKit => (StatusCode::FORBIDDEN, "unknown_kit"),
        Refused::Used => (StatusCode::FORBIDDEN, "kit_used"),
        Refused::Expired => (StatusCode::FORBIDDEN, "kit_expired"),
        Refused::Ledger(error) => return refusal::ledger(error),
    };
    metrics.enrolment_refused(code);
    tracing::warn!(code, "an enrolment was refused");
    problem(status, code, &refused.to_string(), None)
}
