//! Requests for access as page contexts.

use flip_protocol::UnixMillis;
use flip_web::pages::{self as web, Moment};

use super::frame;
use super::people::roles;
use crate::ledger::access::{Request, RequestState};
use crate::people::session::Person;
use crate::person::Role;

pub fn requests(
    seer: &Person,
    requests: &[Request],
    tabs: web::PeopleTabs,
    error: Option<String>,
    now: UnixMillis,
) -> web::Requests {
    let moment = |at: UnixMillis| Moment::at(at.0, now.0);
    let rows = requests.iter().map(|one| web::RequestRow {
        href: format!("/people/requests/{}", one.id),
        name: one.name.clone(),
        email: one.email.to_string(),
        reason: one.reason.clone(),
        asked: moment(one.asked),
        times: one.times,
        known: one.known,
        state: match &one.state {
            RequestState::Open => web::RequestState::Open,
            RequestState::Invited { at, by } => {
                web::RequestState::Invited { at: moment(*at), by: by.clone() }
            }
            RequestState::Dismissed { at, by, why } => {
                web::RequestState::Dismissed { at: moment(*at), by: by.clone(), why: why.clone() }
            }
        },
    });
    web::Requests {
        frame: frame(Some(seer)),
        tabs,
        requests: rows.collect(),
        roles: roles(Role::Researcher.name()),
        error,
        pager: web::Pager::default(),
    }
}
