//! The sites listener: what appliances reach, and nothing a person can.
//!
//! What must stay true: a connection that proved a client certificate of the hub's CA reaches [`sync`] and
//! [`renew`]; one without a certificate reaches [`enrol`] alone.

mod enrol;
mod refusal;
mod renew;
mod sync;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use axum::{Extension, Router};
use flip_protocol::enrolment::{ENROL_PATH, RENEW_PATH, ROTATE_PATH};
use flip_protocol::{bounds as wire_bounds, sync as wire};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

use crate::hub::Hub;
use crate::listener::bounded_body;

#[expect(clippy::cast_possible_truncation, reason = "16 MiB")]
const SYNC_BYTES: usize = wire_bounds::SYNC_BYTES as usize;
/// Bytes of an enrolment, from anyone who reaches the listener: keys, a secret and a certificate request.
const ENROL_BYTES: usize = 64 * 1024;

/// SHA-256 of the client certificate that a connection proved.
#[derive(Debug, Clone, Copy)]
struct Fingerprint([u8; 32]);

/// Picks the router of a connection.
pub fn route(hub: &Arc<Hub>, certificates: Option<&[CertificateDer<'_>]>) -> Router {
    match certificates.and_then(<[_]>::first) {
        Some(certificate) => Router::new()
            .route(wire::PATH, post(sync::post))
            .route(RENEW_PATH, post(renew::renew))
            .route(ROTATE_PATH, post(renew::rotate))
            .layer(Extension(Fingerprint(Sha256::digest(certificate).into())))
            .fallback(refusal::no_such_place)
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn_with_state(SYNC_BYTES, bounded_body))
            .with_state(Arc::clone(hub)),
        None => Router::new()
            .route(ENROL_PATH, post(enrol::post))
            .fallback(refusal::needs_certificate)
            .layer(from_fn_with_state(ENROL_BYTES, bounded_body))
            .with_state(Arc::clone(hub)),
    }
}
