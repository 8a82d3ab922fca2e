//! What admins do with the audit: look, check, download.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use flip_storage::audit::Head;
use flip_storage::brought::Pieces;
use tokio::sync::mpsc;

use crate::audit::filter::{Asked, BadFilter};
use crate::audit::written::Format;
use crate::audit::{Deed, head};
use crate::bounds;
use crate::hub::Hub;
use crate::ledger::audit::Kept;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use flip_storage::audit::check::Wrong;

/// A page of the acts that are looked for, and whether there are older ones.
pub async fn list(
    _: &May<acts::SeeAudit>,
    hub: &Arc<Hub>,
    asked: &Asked,
    before: Option<u64>,
) -> Result<(Vec<Kept>, bool), ApiProblem> {
    let filter = asked.filter().map_err(|bad| bad_filter(&bad))?;
    let ledger = hub.ledger.clone();
    let looked = move || ledger.acts(&filter, before, bounds::AUDIT_ROWS + 1);
    let mut acts = tokio::task::spawn_blocking(looked).await.expect("a look does not panic")?;
    let more = acts.len() > bounds::AUDIT_ROWS as usize;
    acts.truncate(bounds::AUDIT_ROWS as usize);
    Ok((acts, more))
}

/// Whether the audit is whole, and has what was written aside.
pub async fn check(_: &May<acts::SeeAudit>, hub: &Arc<Hub>) -> Result<Result<Head, Wrong>, ApiProblem> {
    let (ledger, aside) = (hub.ledger.clone(), hub.config.audit_head.clone());
    let check = move || match head::read(&aside) {
        Ok(noted) => ledger.check_audit(noted.into_iter().collect()).map_err(ApiProblem::from),
        Err(error) => Err(ApiProblem::new(Code::NoAuditHead, "The head written aside cannot be read.")
            .detail(format!("{}: {error}", aside.display()))),
    };
    tokio::task::spawn_blocking(check).await.expect("a check does not panic")
}

/// The acts that are looked for, oldest first, as a file. Its own act is the last of them.
pub async fn export(
    may: &May<acts::SeeAudit>,
    hub: &Arc<Hub>,
    asked: &Asked,
    format: Format,
) -> Result<Response, ApiProblem> {
    let filter = asked.filter().map_err(|bad| bad_filter(&bad))?;
    let deed = Deed::AuditExported { format: format.name().to_owned(), filter: asked.words() };
    hub.ledger.note(may.by(), deed).await?;
    let (lines, taken) = mpsc::channel(bounds::EXPORT_AHEAD);
    let ledger = hub.ledger.clone();
    tokio::task::spawn_blocking(move || {
        let send = |line: String| match lines.blocking_send(Ok(line)) {
            Ok(()) => ControlFlow::Continue(()),
            // Whoever took them has hung up.
            Err(_) => ControlFlow::Break(()),
        };
        let outcome = match send(format.heading().to_owned()) {
            ControlFlow::Continue(()) => {
                ledger.walk_acts(&filter, |kept| send(format.line(&kept.act, &kept.hash)))
            }
            ControlFlow::Break(()) => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::error!(error = &error as &dyn std::error::Error, "an export of the audit ended early");
            // An error ends the connection, so that half an export does not look like a whole one.
            let _ = lines.blocking_send(Err(std::io::Error::other(error)));
        }
    });
    let name = format!("attachment; filename=\"audit.{}\"", format.name());
    let headers =
        [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(Pieces(taken))).into_response())
}

fn bad_filter(bad: &BadFilter) -> ApiProblem {
    ApiProblem::new(Code::BadFilter, "What is looked for is not right.").detail(bad.to_string())
}
