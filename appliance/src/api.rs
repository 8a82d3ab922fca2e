//! The local API: what training code at the Trust reads of a frozen cohort, over a Unix socket.
//!
//! What must stay true: who cannot open the appliance's socket (mode 0600 in a folder of mode 0700) reads nothing, and
//! who can reads with a token one frozen cohort and nothing else; each read is in the audit log before its first byte
//! leaves; an export that is not whole ends with a broken connection, never as if it were whole; no record is in a
//! problem document or a log line. Deliberately absent: a network port, and writing.

mod dataframe;
mod export;
mod problem;

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::routing::get;
use axum::{Json, Router};
use flip_storage::audit::Audit;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;

use crate::bounds;
use crate::clock;
use crate::data::Generations;
use crate::engine::{CancelFlag, Members, Settings};
use crate::frozen::{Facts, Store};
use crate::tokens::{Token, Tokens};

use problem::ApiProblem;

/// What requests are answered from.
pub struct Api {
    /// The frozen cohorts.
    pub frozen: Store,
    /// The tokens.
    pub tokens: Tokens,
    /// The data generations.
    pub generations: Generations,
    /// Where each read is written down.
    pub audit: Audit,
    /// The engine that reads rows.
    pub engine: Settings,
    /// How long things may take.
    pub patience: Patience,
    /// Raised once the appliance stops.
    pub stopping: CancelFlag,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// A whole export.
    pub export: Duration,
    /// A client that takes nothing.
    pub stalled: Duration,
    /// An export that waits for its turn.
    pub turn: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { export: bounds::EXPORT, stalled: bounds::EXPORT_STALLED, turn: bounds::EXPORT_TURN }
    }
}

impl Api {
    /// An API over these parts.
    pub fn new(
        frozen: Store,
        tokens: Tokens,
        generations: Generations,
        audit: Audit,
        engine: Settings,
        patience: Patience,
        stopping: CancelFlag,
    ) -> Self {
        Self {
            frozen,
            tokens,
            generations,
            audit,
            engine,
            patience,
            stopping,
            turns: Arc::new(Semaphore::new(bounds::EXPORTS_AT_ONCE)),
            places: Arc::new(Semaphore::new(bounds::EXPORTS_AT_ONCE + bounds::EXPORTS_WAITING)),
        }
    }
}

/// Binds the socket, in place of one that an earlier run left.
///
/// # Errors
/// When folder or socket cannot be made.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves for ever.
pub async fn serve(api: Arc<Api>, listener: UnixListener) {
    let slots = Arc::new(Semaphore::new(bounds::API_CONNECTIONS));
    let service = TowerToHyperService::new(router(api));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection to the local API could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = service.clone();
        tokio::spawn(async move {
            let _slot = slot;
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(bounds::API_REQUEST_HEAD)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the local API ended badly");
            }
        });
    }
}

fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/v1/cohort", get(cohort))
        .route("/v1/accession-ids", get(accession_ids))
        .route("/v1/dataframe", get(dataframe::get))
        .fallback(async || ApiProblem::not_found())
        .method_not_allowed_fallback(async || ApiProblem::not_allowed())
        .with_state(api)
}

/// Who asks, and what their token opens.
struct Reader {
    token: Token,
    facts: Facts,
}

impl FromRequestParts<Arc<Api>> for Reader {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiProblem> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret =
            value.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(ApiProblem::no_token)?;
        let token = api.tokens.open(secret.trim(), clock::now())?;
        let facts = api.opened(&token)?;
        Ok(Self { token, facts })
    }
}

impl Api {
    /// The frozen cohort that a token opens.
    fn opened(&self, token: &Token) -> Result<Facts, ApiProblem> {
        let facts = self.frozen.facts(&token.cohort)?;
        if facts.dropped.is_some() || facts.frozen != token.cohort_frozen {
            return Err(ApiProblem::dropped(&token.cohort));
        }
        Ok(facts)
    }

    /// True while a read that has begun may go on.
    fn still_opens(&self, token: &Token) -> bool {
        let listed = self.tokens.by_id(&token.id);
        let stands = listed.is_ok_and(|token| token.opens(clock::now()));
        stands && self.opened(token).is_ok()
    }

    /// Writes a read down before its first byte; gives the line's number.
    fn begin(&self, reader: &Reader, what: &str) -> Result<u64, ApiProblem> {
        let facts = json!({
            "token": reader.token.id,
            "label": reader.token.label,
            "cohort": reader.facts.name.to_string(),
            "project": reader.facts.project,
            "what": what,
        });
        Ok(self.audit.append(clock::now().0, "frozen_read", facts)?.number)
    }

    /// Writes down how a read ended. Of what was not read whole, how many rows left is not known.
    fn end(&self, read: u64, rows: Option<u64>, bytes: u64, outcome: &str) {
        let facts = json!({ "read": read, "rows": rows, "bytes": bytes, "outcome": outcome });
        if let Err(error) = self.audit.append(clock::now().0, "frozen_read_ended", facts) {
            tracing::error!(%error, "how a read of a frozen cohort ended could not be written down");
        }
    }
}

/// `GET /v1/cohort`: what is frozen.
async fn cohort(State(api): State<Arc<Api>>, reader: Reader) -> Result<Json<Value>, ApiProblem> {
    let read = api.begin(&reader, "cohort")?;
    let facts = &reader.facts;
    let columns = flip_gate::admit(&facts.sql).map(|plan| plan.columns().to_vec()).unwrap_or_default();
    let newest = api.frozen.versions(&facts.name.cohort)?.last().map(|facts| facts.name.version);
    let answer = json!({
        "cohort": facts.name.to_string(),
        "newest_version": newest,
        "title": facts.title,
        "project": facts.project,
        "query": facts.query,
        "sql": facts.sql,
        "columns": columns,
        "frozen_ms": facts.frozen,
        "generation": facts.extract.generation,
        "extract_date": facts.extract.date,
        "persons": facts.persons,
        "accession_ids": facts.accessions,
        "rows": facts.rows,
        "drift": facts.drift,
        "token": { "id": reader.token.id, "label": reader.token.label, "expires_ms": reader.token.expires },
    });
    api.end(read, Some(1), answer.to_string().len() as u64, "whole");
    Ok(Json(answer))
}

/// `GET /v1/accession-ids`: the frozen ones, in ascending order; none where the cohort is of records without images.
async fn accession_ids(State(api): State<Arc<Api>>, reader: Reader) -> Result<Json<Value>, ApiProblem> {
    let read = api.begin(&reader, "accession_ids")?;
    // Its end is written down by who reads: a client that leaves has this future dropped, and not that.
    let reading = move || {
        let found = api.frozen.members(&reader.facts.name).map_err(ApiProblem::from);
        match &found {
            Ok((_, Members { accessions, .. })) => {
                let bytes = accessions.iter().map(|id| id.len() as u64).sum();
                api.end(read, Some(accessions.len() as u64), bytes, "whole");
            }
            Err(problem) => api.end(read, None, 0, problem.code()),
        }
        found
    };
    let (_, members) = tokio::task::spawn_blocking(reading).await.map_err(|_| ApiProblem::internal())??;
    Ok(Json(json!({ "accession_ids": members.accessions })))
}
