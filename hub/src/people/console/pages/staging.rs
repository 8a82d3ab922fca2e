//! How projects stand at Trusts, as page contexts.

use flip_protocol::answer::Extract;
use flip_protocol::freeze::Freezing;
use flip_protocol::{PartyId, UnixMillis};
use flip_web::pages::{self as web, Moment};

use super::frozen_state;
use crate::ledger::board::{Case, Seat};
use crate::people::session::Person;
use crate::person::Role;
use crate::project::{StagedAt, Verdict, usable};

/// What the person may do at a seat.
#[derive(Debug, Clone, Copy, Default)]
pub struct Can {
    /// Stage there.
    pub stage: bool,
    /// Take out of there.
    pub unstage: bool,
    /// Decide there, or would but for the seat.
    pub decide: bool,
}

/// The data that each Trust's appliance has in use, as it last said.
pub type Extracts = Vec<(PartyId, Option<Extract>)>;

/// One seat, with the forms for what the person may do there. `decision` is where those to decide post to, and about
/// which query.
pub fn seat(
    seat: &Seat,
    extracts: &Extracts,
    can: Can,
    decision: Option<web::Decide>,
    now: UnixMillis,
) -> web::Seat {
    let why_not = usable(seat.share.as_ref()).err();
    let staged = seat.staged.as_ref();
    let decided = staged.and_then(|at| at.decision.as_ref());
    let approved = decided.is_some_and(|made| made.verdict == Verdict::Approved);
    let state = seat.freeze.as_ref().map(|freeze| frozen_state(freeze.freezing.as_ref(), &freeze.state));
    web::Seat {
        trust: seat.trust_name.clone(),
        id: seat.trust.to_string(),
        persons: seat.share.as_ref().and_then(crate::order::OrderState::persons),
        margin: seat.share.as_ref().and_then(crate::order::OrderState::persons_margin),
        why_not: why_not.filter(|_| staged.is_none()).map(|why| why.sentence()),
        staged: staged.map(|at| staged_at(at, now)),
        decides: if seat.own_admin { "its own admin" } else { "an admin of the hub" }.to_owned(),
        may_stage: can.stage && staged.is_none(),
        may_unstage: can.unstage && staged.is_some() && !approved,
        decide: decision.filter(|_| can.decide && staged.is_some() && decided.is_none()),
        freeze: state,
        drift: drift(seat, extracts),
    }
}

/// A project that somebody decides about.
pub fn case(case: &Case, extracts: &Extracts, person: &Person, now: UnixMillis) -> web::Case {
    let (project, (query, name, sql)) = (&case.project, &case.query);
    // Of their own project nobody decides but admins.
    let can = Can { decide: person.role == Role::Admin || project.owner != person.name, ..Can::default() };
    let decision = web::Decide {
        action: format!("/projects/{}/trusts/{}/decision", project.id, case.seat.trust),
        query: query.to_string(),
    };
    web::Case {
        name: project.name.clone(),
        href: format!("/projects/{}", project.id),
        description: project.description.clone(),
        owner: project.owner.clone(),
        members: project.members.clone(),
        query: name.clone(),
        query_href: format!("/queries/{query}"),
        sql: sql.clone(),
        seat: seat(&case.seat, extracts, can, Some(decision), now),
    }
}

fn staged_at(at: &StagedAt, now: UnixMillis) -> web::StagedAt {
    let moment = |at: UnixMillis| Moment::at(at.0, now.0);
    web::StagedAt {
        at: moment(at.at),
        by: at.by.clone(),
        decision: at.decision.as_ref().map(|made| web::Decided {
            approved: made.verdict == Verdict::Approved,
            at: moment(made.at),
            by: made.by.clone(),
            capacity: made.capacity.name().to_owned(),
            reason: made.reason.clone(),
        }),
    }
}

/// What is known here to have changed at a Trust since its cohort was frozen: the data in use, and the number that it
/// gave. Who came and went is the Trust's own to know.
fn drift(seat: &Seat, extracts: &Extracts) -> Option<String> {
    let freeze = seat.freeze.as_ref()?;
    let Some(Freezing::Frozen(frozen)) = &freeze.freezing else { return None };
    let mut said = Vec::new();
    let then = seat.share.as_ref().and_then(crate::order::OrderState::persons);
    let when_frozen = freeze.state.persons();
    if let (Some(then), Some(frozen)) = (then, when_frozen)
        && then != frozen
    {
        said.push(format!("{then} persons when it was asked, {frozen} when it was frozen"));
    }
    let extract = extracts.iter().find(|(trust, _)| *trust == seat.trust);
    if let Some((_, Some(extract))) = extract
        && extract.generation != frozen.generation
    {
        said.push(format!("its data are {} of {} now", extract.generation, extract.date));
    }
    (!said.is_empty()).then(|| said.join("; "))
}
