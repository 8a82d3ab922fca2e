//! HTTPS to the hub, outbound only: one agent that trusts the pinned CA and nothing else.
//!
//! What must stay true: no other root is trusted; every answer is bounded before it is read; every way in which the
//! link can fail has a name and a sentence that says what to do.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "errors of libraries, of which any other has an arm that says so"
)]

use std::time::Duration;

use flip_protocol::problem::Problem;
use flip_protocol::{UnixMillis, bounds as wire};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::bounds;

/// A link to one hub.
pub struct Link {
    agent: Agent,
    base: String,
    /// The outbound proxy that the environment names.
    proxy: Option<String>,
}

/// Why the hub could not be reached, or what it said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No connection.
    #[error(
        "the hub at {address} cannot be reached: {why}; check the network and the firewall's outbound rules"
    )]
    Unreachable {
        /// The hub's address.
        address: String,
        /// What the system said.
        why: String,
    },
    /// The hub's certificate is not from the pinned CA.
    #[error(
        "the server at {address} is not the hub that the kit was made for: its certificate is not from the kit's CA. \
         Either the kit is for another hub, or something between here and the hub opens the connection"
    )]
    OtherHub {
        /// The address.
        address: String,
    },
    /// The hub's certificate is not valid yet by this machine's clock.
    #[error(
        "the hub's certificate is not valid yet by this machine's clock, which says {clock} UTC; one of the two \
         clocks is wrong: set this machine's clock, or the hub's"
    )]
    NotYetValid {
        /// This machine's clock.
        clock: String,
    },
    /// The hub's certificate has ended by this machine's clock.
    #[error(
        "the hub's certificate has expired by this machine's clock, which says {clock} UTC; set the clock right, or \
         have the hub restarted (it makes a new certificate at every start)"
    )]
    Expired {
        /// This machine's clock.
        clock: String,
    },
    /// This appliance's own certificate has ended.
    #[error(
        "this appliance's certificate ended on {ended} UTC and was not renewed in time; have the hub's administrator \
         make a new kit (flip-hub trust kit NAME) and enrol again with --again. If the clock is wrong, set it right"
    )]
    OwnCertificateEnded {
        /// When.
        ended: String,
    },
    /// Another failure of TLS.
    #[error("no secure connection to the hub at {address}: {why}")]
    Tls {
        /// The address.
        address: String,
        /// What rustls said.
        why: String,
    },
    /// The hub said no, with a problem document.
    #[error("the hub said no ({code}): {sentence}")]
    Problem {
        /// The stable code.
        code: String,
        /// Its words.
        sentence: String,
    },
    /// What came back is not what a hub answers.
    #[error("the hub at {address} answered something that is not FLIP Edge's protocol: {why}")]
    Garbage {
        /// The address.
        address: String,
        /// What was wrong.
        why: String,
    },
}

impl Link {
    /// A link that trusts the CA `ca_der` alone and shows the client certificate, if there is one.
    pub fn new(
        address: &str,
        ca_der: &[u8],
        client: Option<(&str, &rcgen::KeyPair)>,
    ) -> Result<Self, LinkError> {
        let garbage = |why: &str| LinkError::Garbage { address: address.to_owned(), why: why.to_owned() };
        let mut tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[Certificate::from_der(ca_der).to_owned()]));
        if let Some((certificate, key)) = client {
            let certificate = Certificate::from_pem(certificate.as_bytes())
                .map_err(|_| garbage("it gave no usable certificate"))?;
            let key = PrivateKey::from_pem(key.serialize_pem().as_bytes())
                .map_err(|_| garbage("the TLS key is not usable"))?;
            tls = tls.client_cert(Some(ClientCert::new_with_certs(&[certificate], key)));
        }
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("flip-appliance/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(bounds::CONNECT))
            .build()
            .new_agent();
        let proxy = agent.config().proxy().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        Ok(Self { agent, base: address.to_owned(), proxy })
    }

    /// Sends `body` and reads the answer. `wait` is how long the hub may hold the request.
    pub fn post<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &Q,
        wait: Duration,
        now: UnixMillis,
    ) -> Result<A, LinkError> {
        let url = format!("https://{}{path}", self.base);
        let request = self
            .agent
            .post(&url)
            .config()
            .timeout_global(Some(wait + bounds::ROUND_TRIP))
            .build()
            .send_json(body);
        let mut response = request.map_err(|error| self.explain(error, now))?;
        let status = response.status().as_u16();
        let limited = response.body_mut().with_config().limit(wire::SYNC_BYTES).read_to_vec();
        let bytes = limited.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(limit) => self.garbage(format!("more than {limit} bytes")),
            error => self.explain(error, now),
        })?;
        if status == 200 {
            return serde_json::from_slice(&bytes).map_err(|error| self.garbage(error.to_string()));
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(LinkError::Problem {
                sentence: problem
                    .detail
                    .map_or(problem.title.clone(), |detail| format!("{} {detail}", problem.title)),
                code: problem.code,
            }),
            Err(_) => Err(self.garbage(format!("status {status} without a problem document"))),
        }
    }

    fn garbage(&self, why: String) -> LinkError {
        LinkError::Garbage { address: self.base.clone(), why }
    }

    fn explain(&self, error: ureq::Error, now: UnixMillis) -> LinkError {
        match error {
            ureq::Error::Rustls(error) => self.explain_tls(&error, now),
            ureq::Error::Io(error) => {
                let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                match tls {
                    Some(tls) => self.explain_tls(tls, now),
                    None => self.unreachable(&error),
                }
            }
            ureq::Error::Protocol(error) => self.garbage(error.to_string()),
            error => self.unreachable(&error),
        }
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> LinkError {
        let way = self.proxy.as_ref().map(|proxy| format!(" (through the proxy {proxy} of the environment)"));
        LinkError::Unreachable {
            address: self.base.clone() + &way.unwrap_or_default(),
            why: error.to_string(),
        }
    }

    fn explain_tls(&self, error: &rustls::Error, now: UnixMillis) -> LinkError {
        use rustls::CertificateError as Bad;
        let address = self.base.clone();
        let clock = crate::clock::readable(now);
        match error {
            rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
                LinkError::NotYetValid { clock }
            }
            rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
                LinkError::Expired { clock }
            }
            rustls::Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
                LinkError::OtherHub { address }
            }
            error => LinkError::Tls { address, why: error.to_string() },
        }
    }
}
