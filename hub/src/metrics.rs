//! Metrics in the text format of OpenMetrics, read on loopback without signing in.
//!
//! What must stay true: no name or id of a person, a Trust, a project or a query is in them; every reason that a message
//! or an enrolment is refused for is counted under its own name.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::clock;
use crate::hub::Hub;
use crate::ledger::LedgerError;
use crate::ledger::numbers::Numbers;
use crate::presence::Link;
use crate::problem::ApiProblem;

/// The upper ends of what is told of how long requests took, in seconds: from a look into the ledger to a long poll.
const SECONDS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// What is counted while the hub runs. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Syncs that were answered.
    pub syncs: Counter,
    /// Syncs that wait for work now.
    pub long_polls: Gauge,
    /// Sign-ins that were refused.
    pub sign_ins_refused: Counter,
    enrolments_refused: Family<Code, Counter>,
    requests: Family<Answered, Histogram>,
    shown: Arc<Registry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    listener: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOrder {
    kind: String,
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFile {
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLink {
    link: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut shown = Registry::with_prefix("flip_hub");
        let (syncs, long_polls, sign_ins_refused) =
            (Counter::default(), Gauge::default(), Counter::default());
        let enrolments_refused = Family::default();
        let requests = Family::<Answered, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        shown.register("syncs", "Syncs of appliances that were answered", syncs.clone());
        shown.register("long_polls", "Syncs that wait for work", long_polls.clone());
        shown.register("sign_ins_refused", "Sign-ins that were refused", sign_ins_refused.clone());
        shown.register(
            "enrolments_refused",
            "Enrolments that were refused, by code",
            enrolments_refused.clone(),
        );
        shown.register("request_seconds", "How long requests took, their waits included", requests.clone());
        Self { syncs, long_polls, sign_ins_refused, enrolments_refused, requests, shown: Arc::new(shown) }
    }
}

impl Metrics {
    /// Counts an enrolment that was refused.
    pub fn enrolment_refused(&self, code: &'static str) {
        self.enrolments_refused.get_or_create(&Code { code }).inc();
    }

    /// Counts a request that was answered.
    pub fn answered(&self, listener: &'static str, status: u16, since: Instant) {
        let took = since.elapsed().as_secs_f64();
        self.requests.get_or_create(&Answered { listener, status }).observe(took);
    }

    /// Counts a sync that waits until what it gives is dropped.
    pub fn waits(&self) -> Waiting {
        self.long_polls.inc();
        Waiting(self.long_polls.clone())
    }
}

/// A sync that waits for work.
pub struct Waiting(Gauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The listener of metrics.
pub fn router(hub: Arc<Hub>) -> Router {
    Router::new().route("/metrics", get(show)).with_state(hub)
}

async fn show(State(hub): State<Arc<Hub>>) -> Result<Response, ApiProblem> {
    let mut text = text(&hub).await?;
    // Two registries make one text; the first one's end is not the text's.
    text.truncate(text.trim_end_matches("# EOF\n").len());
    let counted = encoded(&hub.metrics.shown);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text + &counted).into_response())
}

async fn text(hub: &Hub) -> Result<String, LedgerError> {
    let mut now = Registry::with_prefix("flip_hub");
    let numbers: Numbers = hub.ledger.numbers(clock::now()).await?;
    let orders = Family::<OfOrder, Gauge>::default();
    for (kind, state, count) in numbers.orders {
        orders.get_or_create(&OfOrder { kind, state }).set(count);
    }
    let refused = Family::<Reason, Counter>::default();
    for (reason, count) in numbers.refused {
        refused.get_or_create(&Reason { reason }).inc_by(count);
    }
    let files = Family::<OfFile, Gauge>::default();
    for (state, count) in numbers.files {
        files.get_or_create(&OfFile { state }).set(count);
    }
    let links = Family::<OfLink, Gauge>::default();
    let moment = clock::now();
    for trust in hub.ledger.trusts().await? {
        let link = match hub.presence.of(&trust, moment).0 {
            Link::NotEnrolled => "not_enrolled",
            Link::Online => "online",
            Link::Offline(_) => "offline",
            Link::Revoked(_) => "revoked",
        };
        links.get_or_create(&OfLink { link }).inc();
    }
    let gauge = |count: i64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(count);
        gauge
    };
    now.register("orders", "Work orders, by kind and state", orders);
    now.register("files", "Files of models, by state", files);
    let trouble = hub.files.standing().trouble.map_or(0, |trouble| trouble.files);
    let waiting = gauge(i64::try_from(trouble).unwrap_or(i64::MAX));
    now.register("files_not_tried", "Files that this machine does not let be scanned", waiting);
    now.register("messages_refused", "Messages from Trusts that were not taken, by reason", refused);
    now.register("trusts", "Trusts, by how they stand", links);
    now.register("sessions", "Sessions that have not ended", gauge(numbers.sessions));
    now.register("audit_acts", "Acts in the audit", gauge(numbers.acts));
    now.register("ledger_waiting", "Transactions that wait for the ledger", gauge(hub.ledger.waiting()));
    Ok(encoded(&now))
}

fn encoded(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).unwrap_or_else(|error: fmt::Error| tracing::error!(%error, "no metrics"));
    text
}
