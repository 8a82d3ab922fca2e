//! Signing in by the identity provider.
//!
//! What must stay true: where it leads is a path of this console, kept here meanwhile. A browser does not send a strict
//! cookie while a link of the provider's is followed, so the way on is a page of our own that leads there.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use flip_web::pages as web;
use serde::Deserialize;

use super::{After, after_sign_in, cookies_of, local_path, pages, set, shown};
use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::sessions::VouchedFor;
use crate::oidc::{self, COOKIE, Handed, Provider, Refused};
use crate::people::act::identity as act;
use crate::people::may::May;
use crate::people::parts::Parameters;
use crate::people::session::cookie_named;
use crate::permissions::acts;
use crate::problem::ApiProblem;
use crate::throttle::Network;

#[derive(Deserialize)]
pub(super) struct Came {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

pub(super) async fn begin(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    Parameters(after): Parameters<After>,
) -> Result<Response, ApiProblem> {
    let Some(provider) = &hub.provider else { return Ok(Redirect::to("/sign-in").into_response()) };
    let (next, from) = (local_path(&after.next).to_owned(), Network::of(may.visitor().address));
    Ok(match provider.begin(next.clone(), from, clock::now()).await {
        Ok(sent) => {
            let lasts_s = bounds::OIDC_BEGUN_MS / 1_000;
            let cookie = format!(
                "{COOKIE}={}; Path=/; Max-Age={lasts_s}; HttpOnly; Secure; SameSite=Lax",
                sent.cookie
            );
            ([(header::SET_COOKIE, cookie)], Redirect::to(sent.url.as_str())).into_response()
        }
        Err(refused) => {
            tracing::warn!(
                error = &refused as &dyn std::error::Error,
                "no sign-in by the identity provider begins"
            );
            not_in(provider, &refused, &next)
        }
    })
}

pub(super) async fn came(
    may: May<acts::Enter>,
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    Parameters(came): Parameters<Came>,
) -> Result<Response, ApiProblem> {
    let Some(provider) = &hub.provider else { return Ok(Redirect::to("/sign-in").into_response()) };
    let handed = Handed { state: came.state, code: came.code, error: came.error, issuer: came.iss };
    let cookie = cookie_named(&headers, COOKIE);
    // Whatever becomes of it, beginning anew leads to the same place.
    let next = cookie.and_then(|cookie| provider.leads_to(cookie, &handed.state, clock::now()));
    match act::sign_in(&hub, provider, may.visitor(), cookie, handed).await? {
        Ok(signed_in) => {
            let used_up = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax");
            let cookies = cookies_of(&hub, may.visitor(), &signed_in.opened, signed_in.awaits).await;
            let next = after_sign_in(signed_in.awaits, &signed_in.next);
            let page = web::GoOn { frame: pages::frame(None), label: provider.label().to_owned(), next };
            Ok((set(vec![used_up]), cookies, shown(&page)).into_response())
        }
        Err(refused) => Ok(not_in(provider, &refused, local_path(&next.unwrap_or_default()))),
    }
}

/// The page for who has signed out of a session that the provider vouched for: they are signed in there as before.
pub(super) async fn left(hub: &Hub, vouched: Option<VouchedFor>) -> Option<web::SignedOut> {
    let (provider, vouched) = (hub.provider.as_ref()?, vouched?);
    if vouched.issuer != provider.issuer() {
        return None;
    }
    let id_token = vouched.id_token.and_then(|sealed| {
        let opened = hub.cells.open(oidc::cell(vouched.session.as_bytes()), &sealed);
        opened.inspect_err(|error| tracing::warn!(%error, "the provider asks once more who signs out")).ok()
    });
    let id_token = id_token.as_ref().and_then(|token| std::str::from_utf8(token).ok());
    let href = provider.sign_out(id_token, clock::now()).await;
    let (frame, label) = (pages::frame(None), provider.label().to_owned());
    Some(web::SignedOut { frame, label, href: href.map(String::from) })
}

/// The sign-in page, with why somebody is not signed in.
fn not_in(provider: &Provider, refused: &Refused, next: &str) -> Response {
    let page = pages::sign_in(Some(provider), "", Some(refused.words(provider.label())), next);
    (refused.status(), shown(&page)).into_response()
}
