//! Staging projects and deciding about them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, Uri};
use axum::{Extension, Json};
use flip_protocol::freeze::Freezing;
use flip_protocol::ident::ProjectId;
use flip_protocol::{PartyId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::document::Said;
use super::projects::{ListedProject, WholeProject};
use super::{Body, Parameters, Part, Path, next_link, projects};
use crate::hub::Hub;
use crate::ledger::board::{self, Board};
use crate::order::OrderState;
use crate::people::act::staging as act;
use crate::people::may::May;
use crate::people::once::{KEEP, Keep};
use crate::permissions::acts;
use crate::problem::{ApiProblem, Code};
use crate::project::{self, Verdict, usable};
use crate::shapes::{self, Moment};

/// Where a project is to be staged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Staging {
    /// Trusts that answered its newest query with a number.
    #[schema(value_type = Vec<Uuid>)]
    trusts: Vec<PartyId>,
}

/// Where a project is to be taken out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unstaging {
    /// All that have not approved where it is absent.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    trusts: Vec<PartyId>,
}

/// A decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deciding {
    /// The query that was looked at.
    query: Uuid,
    /// What is decided.
    decision: Word,
    /// Why; declining needs it.
    #[serde(default)]
    #[schema(max_length = 500, example = "our ethics board meets in March")]
    reason: String,
}

/// What is decided.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DecisionWord)]
enum Word {
    /// The cohort may be frozen there.
    Approve,
    /// It may not.
    Decline,
}

/// The query that Trusts decide about.
#[derive(Serialize, ToSchema)]
pub(super) struct StagedQuery {
    /// Its id.
    id: Uuid,
    /// Its name.
    #[schema(example = "Type 2 diabetes")]
    name: String,
}

/// How a project stands at a Trust.
#[derive(Serialize, ToSchema)]
pub(super) struct Seat {
    /// The Trust.
    #[schema(value_type = Uuid)]
    trust: PartyId,
    /// Its name.
    #[schema(example = "Southmere Hospital")]
    trust_name: String,
    /// What it said to the query, where that is a number.
    #[schema(example = 540)]
    persons: Option<u64>,
    /// Whether it can be staged there now.
    can_be_staged: bool,
    /// Why not.
    why_not: Option<WhyNot>,
    /// Whether you decide there.
    you_decide: bool,
    /// Who decides: `trust-admin` where the Trust has one of its own, else `admin`.
    #[schema(example = "trust-admin")]
    decides: &'static str,
    /// That it is staged there.
    staged: Option<StagedAt>,
    /// The newest order to freeze its cohort.
    freeze: Option<SeatFreeze>,
}

/// Why a project cannot be staged at a Trust.
#[derive(Serialize, ToSchema)]
struct WhyNot {
    /// A stable word.
    #[schema(example = "fewer_than")]
    code: &'static str,
    /// The same in words.
    #[schema(example = "it has fewer than 10 such persons")]
    message: String,
}

/// That a project is staged at a Trust.
#[derive(Serialize, ToSchema)]
struct StagedAt {
    /// When.
    #[schema(value_type = Moment)]
    at: UnixMillis,
    /// By whom.
    #[schema(example = "ada")]
    by: String,
    /// What was decided; null while nothing was.
    decision: Option<Decision>,
}

/// What was decided for a Trust.
#[derive(Serialize, ToSchema)]
struct Decision {
    /// `approved` or `declined`.
    #[schema(example = "approved")]
    verdict: &'static str,
    /// When.
    #[schema(value_type = Moment)]
    at: UnixMillis,
    /// By whom.
    #[schema(example = "tia")]
    by: String,
    /// As what: `trust-admin` or `admin`.
    #[serde(rename = "as")]
    #[schema(example = "trust-admin")]
    capacity: &'static str,
    /// Why.
    #[schema(example = "")]
    reason: String,
}

/// An order to freeze a cohort at a Trust.
#[derive(Serialize, ToSchema)]
struct SeatFreeze {
    /// Where the order is.
    order: OrderState,
    /// Whether the cohort was frozen.
    #[schema(value_type = Option<shapes::Freezing>)]
    freezing: Option<Freezing>,
}

/// What one decides about.
#[derive(Serialize, ToSchema)]
pub(super) struct AllDecisions {
    /// Those that wait first.
    decisions: Vec<Case>,
    /// Where to go on: the next request's `after`; null at the end.
    #[schema(example = "1.-1795716685004.01A2190E1CCC77B89A2226AC81AFC804")]
    next: Option<String>,
}

/// A project that a Trust decides about.
#[derive(Serialize, ToSchema)]
struct Case {
    /// The project.
    project: ListedProject,
    /// The query.
    query: CaseQuery,
    /// The Trust.
    at: Seat,
}

/// The query that is decided about.
#[derive(Serialize, ToSchema)]
struct CaseQuery {
    /// Its id.
    id: Uuid,
    /// Its name.
    #[schema(example = "Type 2 diabetes")]
    name: String,
    /// The question.
    #[schema(
        example = "SELECT person_id FROM omop.condition_occurrence WHERE condition_concept_id = 201826"
    )]
    sql: String,
}

/// What the document says of these routes.
pub(super) fn said() -> Vec<Said> {
    vec![
        Said::post(
            "/api/v1/projects/{project}/stage",
            "Asks Trusts to freeze the cohort of the newest query.",
        )
        .takes::<Staging>()
        .gives::<WholeProject>(200, "The project as it is now.")
        .refuses(&[Code::NoneChosen, Code::NoSuchTrust, Code::NoQuery])
        .refuses(&[Code::NotUsable, Code::AlreadyStaged, Code::Maintenance]),
        Said::post(
            "/api/v1/projects/{project}/unstage",
            "Takes a project out of Trusts that have not approved.",
        )
        .takes::<Unstaging>()
        .gives::<WholeProject>(200, "The project as it is now.")
        .refuses(&[Code::NoneChosen, Code::NoSuchTrust, Code::NotStaged, Code::AlreadyDecided]),
        Said::post(
            "/api/v1/projects/{project}/trusts/{trust}/decision",
            "Decides about a project for a Trust.",
        )
        .takes::<Deciding>()
        .gives::<WholeProject>(200, "The project as it is now.")
        .refuses(&[Code::BadReason, Code::NoSuchTrust, Code::OwnAdmin, Code::NotYourTrust])
        .refuses(&[Code::NotStaged, Code::OtherQuery, Code::AlreadyDecided, Code::Maintenance]),
        Said::get(
            "/api/v1/decisions",
            "What waits for your decision, and what was decided where you decide.",
        )
        .reads::<Part>()
        .gives_part::<AllDecisions>("A part of them, those that wait first."),
    ]
}

impl Seat {
    /// Whether a decision or a freeze is awaited there.
    pub(super) fn awaits(&self) -> bool {
        self.staged.as_ref().is_some_and(|staged| staged.decision.is_none())
            || self.freeze.as_ref().is_some_and(|freeze| !freeze.order.ended())
    }
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
    Body(wanted): Body<Staging>,
) -> Result<(Extension<Keep>, Json<WholeProject>), ApiProblem> {
    act::stage(&may, &hub, wanted.trusts).await?;
    Ok((KEEP, projects::whole(&hub, may.project(), may.person().id).await?))
}

/// `POST /projects/{project}/unstage`: out of Trusts that have not approved.
pub(super) async fn unstage(
    may: May<acts::UnstageProject>,
    State(hub): State<Arc<Hub>>,
    Body(wanted): Body<Unstaging>,
) -> Result<(Extension<Keep>, Json<WholeProject>), ApiProblem> {
    act::unstage(&may, &hub, wanted.trusts).await?;
    Ok((KEEP, projects::whole(&hub, may.project(), may.person().id).await?))
}

/// `POST /projects/{project}/trusts/{trust}/decision`: approves or declines it for one Trust.
pub(super) async fn decide(
    may: May<acts::Decide>,
    State(hub): State<Arc<Hub>>,
    Path((_, trust)): Path<(ProjectId, PartyId)>,
    Body(deciding): Body<Deciding>,
) -> Result<(Extension<Keep>, Json<WholeProject>), ApiProblem> {
    let Deciding { query, decision, reason } = deciding;
    act::decide(&may, &hub, trust, query, decision.verdict(), &reason).await?;
    Ok((KEEP, projects::whole(&hub, may.project(), may.person().id).await?))
}

/// `GET /decisions`: what one decides about, at one's own Trust or, for admins, at those without an admin; what waits
/// first.
pub(super) async fn cases(
    may: May<acts::SeeDecisions>,
    State(hub): State<Arc<Hub>>,
    Parameters(part): Parameters<Part>,
    uri: Uri,
) -> Result<(Option<[(HeaderName, String); 1]>, Json<AllDecisions>), ApiProblem> {
    let (from, most) = part.of_places()?;
    let (cases, next) = act::cases(&may, &hub, from, most).await?;
    let next = next.map(|next| next.to_string());
    let decisions = cases.into_iter().map(case).collect();
    Ok((next_link(&uri, "after", next.as_deref()), Json(AllDecisions { decisions, next })))
}

/// The query that is decided about, and each Trust's seat.
pub(super) fn board(board: Board) -> (Option<StagedQuery>, Vec<Seat>) {
    let query = board.query.map(|(id, name)| StagedQuery { id, name });
    (query, board.seats.into_iter().map(seat).collect())
}

fn seat(seat: board::Seat) -> Seat {
    let why_not = usable(seat.share.as_ref()).err();
    Seat {
        trust: seat.trust,
        trust_name: seat.trust_name,
        persons: seat.share.as_ref().and_then(OrderState::persons),
        can_be_staged: seat.staged.is_none() && why_not.is_none(),
        why_not: why_not
            .filter(|_| seat.staged.is_none())
            .map(|why| WhyNot { code: why.code(), message: why.sentence() }),
        you_decide: seat.decides,
        decides: if seat.own_admin { "trust-admin" } else { "admin" },
        staged: seat.staged.map(staged),
        freeze: seat.freeze.map(|freeze| SeatFreeze { order: freeze.state, freezing: freeze.freezing }),
    }
}

fn staged(at: project::StagedAt) -> StagedAt {
    let decision = at.decision.map(|made| Decision {
        verdict: made.verdict.name(),
        at: made.at,
        by: made.by,
        capacity: made.capacity.name(),
        reason: made.reason,
    });
    StagedAt { at: at.at, by: at.by, decision }
}

fn case(case: board::Case) -> Case {
    let (id, name, sql) = case.query;
    Case { project: projects::listed(case.project), query: CaseQuery { id, name, sql }, at: seat(case.seat) }
}
