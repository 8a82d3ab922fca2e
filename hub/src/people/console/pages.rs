//! The hub's state as page contexts.

pub mod access;
pub mod audit;
mod fields;
pub mod history;
pub mod mail;
pub mod models;
pub mod people;
pub mod projects;
pub mod staging;
pub mod trusts;

use flip_protocol::freeze::Freezing;
use flip_protocol::ident::ProjectId;
use flip_protocol::{UnixMillis, bounds as wire};
use flip_web::pages::{self as web, Moment};

use crate::clock;
use crate::combine::{Combined, Said, Share};
use crate::ledger::freezes::Freeze;
use crate::ledger::projects::Project;
use crate::ledger::queries::Query;
use crate::oidc::{BEGIN, Provider};
use crate::order::OrderState;
use crate::people::may::{May, may};
use crate::people::notices;
use crate::people::session::Person;
use crate::permissions::{Act, acts};
use crate::person::Role;
use crate::problem::ApiProblem;
use crate::project::Lifecycle;
use crate::uri::escaped;

/// Seconds between two looks of a page while something is under way, and while nothing is.
pub const REFRESH_BUSY_S: u32 = 1;
const REFRESH_IDLE_S: u32 = 10;

/// Around a page: the navigation where somebody is signed in, wholly.
pub fn frame(person: Option<&Person>) -> web::Frame {
    web::Frame {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        person: person.filter(|person| person.awaits.is_none()).map(|person| web::SignedIn {
            name: person.name.clone(),
            once: flip_protocol::text::hex(&clock::random_bytes::<16>()),
            sees_people: may(person, Act::SeePeople),
            runs_hub: may(person, Act::RunHub),
            sees_audit: may(person, Act::SeeAudit),
            decides: may(person, Act::SeeDecisions).then(|| web::Decides {
                own_trust: person.role == Role::TrustAdmin,
                waiting: notices::waiting(),
            }),
        }),
        site: None,
        notices: notices::current(),
    }
}

pub fn sign_in(provider: Option<&Provider>, account: &str, error: Option<String>, next: &str) -> web::SignIn {
    let provider = provider.map(|provider| web::ProviderWay {
        label: provider.label().to_owned(),
        href: format!("{BEGIN}?next={}", escaped(next)),
        away: provider.is_away(clock::now()),
    });
    web::SignIn { frame: frame(None), error, account: account.to_owned(), next: next.to_owned(), provider }
}

pub fn queries(
    person: &Person,
    queries: &[(Query, Combined)],
    projects: &[Project],
    of: Option<ProjectId>,
    now: UnixMillis,
) -> web::Queries {
    let to_ask = projects::to_ask(person, projects, of);
    let named = of.filter(|_| to_ask.iter().any(|project| project.chosen));
    let ask_href = named.map_or_else(|| "/queries/new".to_owned(), |id| format!("/queries/new?project={id}"));
    let under_way = queries.iter().any(|(_, combined)| combined.trusts.not_yet > 0);
    let rows = queries.iter().map(|(query, combined)| query_row(query, combined, now));
    web::Queries {
        frame: frame(Some(person)),
        queries: rows.collect(),
        projects: projects::to_see(projects, of),
        search: String::new(),
        ask_href: (!to_ask.is_empty()).then_some(ask_href),
        refresh_seconds: Some(if under_way { REFRESH_BUSY_S } else { REFRESH_IDLE_S }),
        pager: web::Pager::default(),
    }
}

/// A query as a row of a list.
fn query_row(query: &Query, combined: &Combined, now: UnixMillis) -> web::QueryRow {
    let answers: Vec<web::Answer> = combined.shares.iter().map(|share| answer(share, now)).collect();
    web::QueryRow {
        href: format!("/queries/{}", query.id),
        name: query.name.clone(),
        project: query.project_name.clone(),
        project_href: format!("/projects/{}", query.project),
        by: query.asked_by.clone(),
        at: Moment::at(query.asked.0, now.0),
        tally: web::Tally::of(&answers),
        persons: combined.total.map(|total| total.persons),
        margin: combined.total.and_then(|total| total.persons_margin),
    }
}

pub fn query_new(person: &Person, projects: &[Project], chosen: Option<ProjectId>) -> web::QueryNew {
    web::QueryNew {
        frame: frame(Some(person)),
        projects: projects::to_ask(person, projects, chosen),
        name: String::new(),
        sql: String::new(),
        sql_characters_max: wire::SQL_CHARACTERS as u64,
        refusal: None,
    }
}

pub fn refusal(problem: &ApiProblem) -> web::Refusal {
    web::Refusal {
        message: problem.0.detail.clone().unwrap_or_else(|| problem.0.title.clone()),
        place: problem.0.place.map(|place| web::Place { line: place.line, column: place.column }),
    }
}

pub fn query(
    seer: &May<acts::SeeAnswers>,
    query: &Query,
    combined: &Combined,
    freezes: &[Freeze],
    of: &Lifecycle,
    now: UnixMillis,
) -> web::Query {
    let has_values = combined.total.is_some();
    let staged = of.staged().is_some_and(|staged| staged.query == query.id);
    let approved = staged && matches!(of, Lifecycle::Approved(_));
    let freezing = freezes.iter().any(|freeze| !freeze.state.ended());
    let refresh = match (combined.complete, combined.trusts.not_yet) {
        (_, _) if freezing => Some(REFRESH_BUSY_S),
        (true, _) => None,
        (false, 0) => Some(REFRESH_IDLE_S),
        (false, _) => Some(REFRESH_BUSY_S),
    };
    web::Query {
        frame: frame(Some(seer.person())),
        name: query.name.clone(),
        sql: query.sql.clone(),
        project: query.project_name.clone(),
        project_href: format!("/projects/{}", query.project),
        by: query.asked_by.clone(),
        at: Moment::at(query.asked.0, now.0),
        persons: combined.total.map(|total| total.persons),
        margin: combined.total.and_then(|total| total.persons_margin),
        inexact: combined.total.is_some_and(|total| total.persons_margin.is_some()),
        trusts: combined.shares.iter().map(|share| trust_answer(share, now)).collect(),
        undivided: undivided(combined),
        fields: combined.fields.iter().enumerate().map(|(number, one)| fields::of(number, one)).collect(),
        freeze: web::Freeze {
            action: (approved && !freezing && seer.also(Act::Freeze))
                .then(|| format!("/queries/{}/freeze", query.id)),
            trusts: freezes.iter().map(|freeze| frozen_at(freeze, now)).collect(),
        },
        staged: staged.then(|| of.name().to_owned()),
        cancel_action: (!combined.complete && seer.also(Act::Ask))
            .then(|| format!("/queries/{}/cancel", query.id)),
        again_href: (of.is_open() && seer.also(Act::Ask))
            .then(|| format!("/queries/new?project={}&again={}", query.project, query.id)),
        csv_href: has_values.then(|| format!("/api/v1/queries/{}/csv", query.id)),
        json_href: Some(format!("/api/v1/queries/{}", query.id)),
        refresh_seconds: refresh,
    }
}

/// The Trusts that gave persons and records and, of so few, no statistics.
fn undivided(combined: &Combined) -> Vec<String> {
    let divides = |share: &Share| {
        combined
            .fields
            .iter()
            .flat_map(|field| &field.series)
            .any(|series| series.trust_name == share.trust_name)
    };
    let gave = combined.shares.iter().filter(|share| matches!(share.said, Said::Value { .. }));
    gave.filter(|share| !divides(share)).map(|share| share.trust_name.clone()).collect()
}

fn frozen_at(freeze: &Freeze, now: UnixMillis) -> web::FrozenAt {
    let state = frozen_state(freeze.freezing.as_ref(), &freeze.state);
    let ended = freeze.state.ended_at().map(|at| Moment::at(at.0, now.0));
    web::FrozenAt { trust: freeze.trust_name.clone(), state, ended }
}

/// How far a freeze is.
fn frozen_state(freezing: Option<&Freezing>, order: &OrderState) -> web::FreezeState {
    match (freezing, order.ended()) {
        (Some(Freezing::Frozen(frozen)), _) => web::FreezeState::Frozen {
            cohort: format!("{}.v{}", frozen.cohort, frozen.version),
            generation: frozen.generation.clone(),
        },
        (Some(Freezing::NotFrozen { reason }), _) => {
            web::FreezeState::NotFrozen { why: reason.sentence().to_owned() }
        }
        (None, true) => web::FreezeState::NotFrozen {
            why: "the order ended before the Trust's appliance could carry it out".to_owned(),
        },
        (None, false) => web::FreezeState::Waiting,
    }
}

fn trust_answer(share: &Share, now: UnixMillis) -> web::TrustAnswer {
    let extract = match &share.said {
        Said::Value { extract, .. } | Said::FewerThan { extract, .. } => Some(extract.date.clone()),
        Said::Refused { .. }
        | Said::Failed { .. }
        | Said::NotTaken { .. }
        | Said::NotYet { .. }
        | Said::Offline { .. }
        | Said::Expired
        | Said::Cancelled => None,
    };
    web::TrustAnswer {
        trust: share.trust_name.clone(),
        answer: answer(share, now),
        extract_date: extract,
        answered: share.ended.map(|at| Moment::at(at.0, now.0)),
    }
}

fn answer(share: &Share, now: UnixMillis) -> web::Answer {
    match &share.said {
        Said::Value { persons, records, protection, .. } => web::Answer::Value {
            persons: *persons,
            records: *records,
            margins: protection
                .map(|own| web::Margins { persons: own.persons_margin, records: own.records_margin }),
        },
        Said::FewerThan { threshold, .. } => web::Answer::FewerThan { threshold: *threshold },
        Said::Refused { code, message, place } => web::Answer::Refused {
            rule: match code.as_str() {
                "quota_exceeded" => web::Rule::Quota,
                "too_costly" => web::Rule::Cost,
                _ => web::Rule::Gate,
            },
            message: message.clone(),
            place: place.map(|place| web::Place { line: place.line, column: place.column }),
        },
        Said::Failed { message, .. } => web::Answer::Failed { why: (*message).to_owned() },
        Said::NotTaken { message, .. } => {
            web::Answer::Failed { why: format!("the appliance would not take the order: {message}") }
        }
        Said::NotYet { stage: "running" } => web::Answer::Running,
        Said::NotYet { stage: "delivered" } => web::Answer::Delivered,
        Said::NotYet { .. } => web::Answer::Queued,
        Said::Offline { since: Some(since), .. } => {
            web::Answer::OfflineSince { since: Moment::at(since.0, now.0) }
        }
        Said::Offline { since: None, .. } => web::Answer::NeverSeen,
        Said::Cancelled => web::Answer::Cancelled { at: Moment::at(share.ended.unwrap_or(now).0, now.0) },
        Said::Expired => web::Answer::Expired { at: Moment::at(share.ended.unwrap_or(now).0, now.0) },
    }
}
