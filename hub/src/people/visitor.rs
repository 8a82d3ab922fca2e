//! Where a request is from.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use crate::bounds;
use crate::clock;
use crate::hub::Hub;
use crate::ledger::sessions::Place;
use crate::listener::Peer;
use crate::people::known_browser::Cookie;
use crate::person::PersonId;
use crate::problem::{ApiProblem, Code};
use crate::throttle::{Account, Form, Known, Network, Secret, Try};

/// Puts whoever is behind a proxy of ours in the place of the proxy.
pub async fn through_proxies(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Response {
    if let Some(Peer(peer)) = request.extensions().get().copied() {
        let client = hub.config.proxies.client(peer, request.headers());
        request.extensions_mut().insert(Peer(client));
    }
    next.run(request).await
}

/// Who sends a request, whether or not they are signed in.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Their address: their connection's, or what a proxy of ours says.
    pub address: IpAddr,
    /// What their browser's cookie has of who has signed in with it.
    pub known: Cookie,
    browser: String,
}

impl Visitor {
    /// Of a request's head.
    pub fn of(parts: &Parts) -> Self {
        let peer = parts.extensions.get::<Peer>();
        let browser = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            address: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.to_canonical()),
            known: Cookie::of(&parts.headers),
            browser: browser.unwrap_or_default().chars().take(bounds::BROWSER_CHARACTERS).collect(),
        }
    }

    /// As the ledger keeps it of a session.
    pub fn place(&self) -> Place {
        Place {
            address: self.address.to_string(),
            network: Network::of(self.address).to_string(),
            browser: self.browser.clone(),
        }
    }

    /// A try of theirs at somebody's secret.
    pub async fn tries(&self, hub: &Hub, account: Account, secret: Secret) -> Result<Try, ApiProblem> {
        let from = Network::of(self.address);
        let known = match account {
            Account::Person(person) => self.known_to(hub, person, from).await?,
            Account::Nobody(_) => None,
        };
        Ok(Try { account, secret, from, known })
    }

    /// By what they are known as that person. The browser counts first: others share the network.
    async fn known_to(
        &self,
        hub: &Hub,
        person: PersonId,
        from: Network,
    ) -> Result<Option<Known>, ApiProblem> {
        let now = clock::now();
        if let Some(token) = hub.ledger.knows_browser(person, self.known.kept(), now).await? {
            return Ok(Some(Known::Browser(token)));
        }
        let known = hub.ledger.knows_network(person, from.to_string(), now).await?;
        Ok(known.then_some(Known::Network(from)))
    }

    /// Counts a form that anybody may send.
    pub fn sends(&self, hub: &Hub, form: Form) -> Result<(), ApiProblem> {
        let counted = hub.throttle.form(form, Network::of(self.address), clock::now());
        counted.map_err(|wait| {
            ApiProblem::wait(Code::TooMany, "Too many such requests come from where you are.", wait)
        })
    }
}
