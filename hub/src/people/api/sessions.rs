//! `/sessions`: where one is signed in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flip_protocol::UnixMillis;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Path;
use super::document::Said;
use crate::hub::Hub;
use crate::ledger::sessions::Seen;
use crate::people::act::sessions as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;
use crate::shapes::Moment;

/// One's own sessions.
#[derive(Serialize, ToSchema)]
pub(super) struct Sessions {
    /// The newest first.
    sessions: Vec<Session>,
}

/// A session.
#[derive(Serialize, ToSchema)]
struct Session {
    /// Its id, which opens nothing.
    id: Uuid,
    /// The address that it was opened from; empty where it is older than that was kept.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// What the browser or program calls itself.
    #[schema(example = "curl/8.14.1")]
    browser: String,
    /// When it was opened.
    #[schema(value_type = Moment)]
    opened: UnixMillis,
    /// When it was last used, to a few minutes.
    #[schema(value_type = Moment)]
    seen: UnixMillis,
    /// True of the one that asks.
    this: bool,
    /// Whether its second factor was given.
    second_factor: bool,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::get("/api/v1/sessions", "Where you are signed in.").gives::<Sessions>(200, "Your sessions."),
        Said::delete("/api/v1/sessions", "Ends your sessions but this one.")
            .gives_nothing(204, "They have ended."),
        Said::delete("/api/v1/sessions/{session}", "Ends one of your sessions.")
            .gives_nothing(204, "It has ended, now or before."),
    ]
}

/// `GET /sessions`: one's own, the newest first.
pub(super) async fn list(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Sessions>, ApiProblem> {
    let sessions = act::own(&may, &hub).await?.into_iter().map(written).collect();
    Ok(Json(Sessions { sessions }))
}

/// `DELETE /sessions`: one's own but this one.
pub(super) async fn end_others(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
) -> Result<StatusCode, ApiProblem> {
    act::end_others(&may, &hub).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /sessions/{session}`: one of one's own; nothing where it has ended.
pub(super) async fn end(
    may: May<acts::OwnAccount>,
    State(hub): State<Arc<Hub>>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiProblem> {
    act::end(&may, &hub, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn written(seen: Seen) -> Session {
    Session {
        id: seen.id,
        address: seen.address,
        browser: seen.browser,
        opened: seen.opened,
        seen: seen.seen,
        this: seen.this,
        second_factor: seen.factor_given,
    }
}
