//! Staging projects and deciding about them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use flip_protocol::PartyId;
use flip_protocol::ident::ProjectId;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Body, projects};
use crate::hub::Hub;
use crate::ledger::board::{Board, Case, Seat};
use crate::people::act::staging as act;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;
use crate::project::{StagedAt, Verdict, usable};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stage {
    trusts: Vec<PartyId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unstage {
    /// All that have not approved where it is absent.
    #[serde(default)]
    trusts: Vec<PartyId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deciding {
    /// The query that was looked at.
    query: Uuid,
    decision: Word,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Approve,
    Decline,
}

impl Word {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Approve => Verdict::Approved,
            Self::Decline => Verdict::Declined,
        }
    }
}

/// `POST /projects/{project}/stage`: at Trusts that answered its newest query with a number.
pub(super) async fn stage(
    may: May<acts::StageProject>,
    State(hub): State<Arc<Hub>>,
    Body(wanted): Body<Stage>,
) -> Result<Json<Value>, ApiProblem> {
    act::stage(&may, &hub, wanted.trusts).await?;
    projects::whole(&hub, may.project(), may.person().id).await
}

/// `POST /projects/{project}/unstage`: out of Trusts that have not approved.
pub(super) async fn unstage(
    may: May<acts::UnstageProject>,
    State(hub): State<Arc<Hub>>,
    Body(wanted): Body<Unstage>,
) -> Result<Json<Value>, ApiProblem> {
    act::unstage(&may, &hub, wanted.trusts).await?;
    projects::whole(&hub, may.project(), may.person().id).await
}

/// `POST /projects/{project}/trusts/{trust}/decision`: approves or declines it for one Trust.
pub(super) async fn decide(
    may: May<acts::Decide>,
    State(hub): State<Arc<Hub>>,
    Path((_, trust)): Path<(ProjectId, PartyId)>,
    Body(deciding): Body<Deciding>,
) -> Result<Json<Value>, ApiProblem> {
    let Deciding { query, decision, reason } = deciding;
    act::decide(&may, &hub, trust, query, decision.verdict(), &reason).await?;
    projects::whole(&hub, may.project(), may.person().id).await
}

/// `GET /decisions`: what one decides about, at one's own Trust or, for admins, at those without an admin; what waits
/// first.
pub(super) async fn cases(
    may: May<acts::SeeDecisions>,
    State(hub): State<Arc<Hub>>,
) -> Result<Json<Value>, ApiProblem> {
    let cases: Vec<Value> = act::cases(&may, &hub).await?.iter().map(case).collect();
    Ok(Json(json!({ "decisions": cases })))
}

/// The query that is decided about, and each Trust's seat.
pub(super) fn board(board: &Board) -> (Value, Vec<Value>) {
    let query = board.query.as_ref().map(|(id, name)| json!({ "id": id, "name": name }));
    (json!(query), board.seats.iter().map(seat).collect())
}

fn seat(seat: &Seat) -> Value {
    let why_not = usable(seat.share.as_ref()).err();
    json!({
        "trust": seat.trust,
        "trust_name": seat.trust_name,
        "persons": seat.share.as_ref().and_then(crate::order::OrderState::persons),
        "can_be_staged": seat.staged.is_none() && why_not.is_none(),
        "why_not": why_not.filter(|_| seat.staged.is_none())
            .map(|why| json!({ "code": why.code(), "message": why.sentence() })),
        "you_decide": seat.decides,
        "decides": if seat.own_admin { "trust-admin" } else { "admin" },
        "staged": seat.staged.as_ref().map(staged),
        "freeze": seat.freeze.as_ref().map(|freeze| {
            json!({ "order": freeze.state, "freezing": freeze.freezing })
        }),
    })
}

fn staged(at: &StagedAt) -> Value {
    let decision = at.decision.as_ref().map(|made| {
        json!({
            "verdict": made.verdict.name(),
            "at": made.at,
            "by": made.by,
            "as": made.capacity.name(),
            "reason": made.reason,
        })
    });
    json!({ "at": at.at, "by": at.by, "decision": decision })
}

fn case(case: &Case) -> Value {
    let (query, query_name, sql) = &case.query;
    json!({
        "project": projects::to_json(&case.project),
        "query": { "id": query, "name": query_name, "sql": sql },
        "at": seat(&case.seat),
    })
}
