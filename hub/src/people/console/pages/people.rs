//! People as page contexts.

use flip_protocol::UnixMillis;
use flip_web::pages::{self as web, Moment};

use super::super::paging::{heads, narrowed, pager};
use super::frame;
use crate::ledger::mail::MailState;
use crate::ledger::people::{Found, PersonState, Search};
use crate::ledger::trusts::Trust;
use crate::people::act::people::Shown;
use crate::people::session::Person;
use crate::person::Role;

pub fn people(
    seer: &Person,
    found: &Found,
    search: &Search,
    tabs: web::PeopleTabs,
    mails: bool,
    now: UnixMillis,
) -> web::People {
    let rows = found.people.iter().map(|one| web::PersonRow {
        href: format!("/people/{}", one.id),
        name: one.name.clone(),
        email: one.email.as_ref().map(ToString::to_string),
        role: one.role.name().to_owned(),
        added: Moment::at(one.added.0, now.0),
        state: state(&one.state, now),
    });
    let states = std::iter::once(("", "anybody"))
        .chain(PersonState::NAMES.into_iter().zip([
            "may sign in",
            "disabled",
            "new password awaited",
            "invited",
        ]))
        .map(|(value, name)| choice(value, name, search.state == value));
    let sorted = |sort: &str| {
        let to = [
            ("search", search.words.to_string()),
            ("state", search.state.clone()),
            ("sort", sort.to_owned()),
        ];
        narrowed("/people", &to)
    };
    let sort = search.sorting.to_string();
    web::People {
        frame: frame(Some(seer)),
        tabs,
        people: rows.collect(),
        all: found.all,
        search: search.words.to_string(),
        states: states.collect(),
        heads: heads(search.sorting, sorted),
        pager: pager(&sorted(&sort), search.after.is_none(), found.next.as_ref()),
        sort,
        form: form(String::new(), String::new(), Role::Researcher.name(), None),
        mails,
    }
}

pub fn person(
    seer: &Person,
    shown: &Shown,
    link: Option<String>,
    (admins, trusts): (u64, &[Trust]),
    tabs: web::PeopleTabs,
    now: UnixMillis,
) -> web::Person {
    let person = &shown.person;
    let email = person.email.as_ref().map(ToString::to_string).unwrap_or_default();
    let of = shown.trust.as_ref();
    let trusts = trusts
        .iter()
        .map(|trust| choice(&trust.id.to_string(), &trust.name, of.is_some_and(|(of, _)| *of == trust.id)));
    web::Person {
        frame: frame(Some(seer)),
        tabs,
        href: format!("/people/{}", person.id),
        name: person.name.clone(),
        added: Moment::at(person.added.0, now.0),
        state: state(&person.state, now),
        form: form(person.name.clone(), email, person.role.name(), None),
        delivery: link.map(|link| delivery(link, shown, now)),
        last_admin: admins == 1 && person.role == Role::Admin && person.state == PersonState::Active,
        oneself: person.id == seer.id,
        trust: of.map(|(_, name)| name.clone()),
        trusts: trusts.collect(),
        second_factor: person.second_factor.map(|since| Moment::at(since.0, now.0)),
        identity: person.identity.map(|since| Moment::at(since.0, now.0)),
        error: None,
    }
}

fn delivery(link: String, shown: &Shown, now: UnixMillis) -> web::LinkDelivery {
    let Some(mail) = &shown.mail else { return web::LinkDelivery::HandOver { link, why: None } };
    let address = mail.to.to_string();
    match mail.state {
        MailState::Sent { at } => web::LinkDelivery::Sent { address, at: Moment::at(at.0, now.0) },
        MailState::Waiting { .. } if mail.tries == 0 => web::LinkDelivery::OnItsWay { address },
        MailState::Waiting { .. } | MailState::Failed { .. } => {
            web::LinkDelivery::HandOver { link, why: Some(mail.why.clone()) }
        }
    }
}

pub fn form(name: String, email: String, role: &str, error: Option<String>) -> web::PersonForm {
    web::PersonForm { name, email, roles: roles(role), error }
}

/// The roles to choose from.
pub fn roles(chosen: &str) -> Vec<web::Choice> {
    // Who is an admin of a Trust may stay that, and is not made one here.
    let stays = (chosen == Role::TrustAdmin.name()).then_some(Role::TrustAdmin);
    let all = Role::ALL.into_iter().chain(stays);
    all.map(|one| choice(one.name(), one.name(), one.name() == chosen)).collect()
}

fn choice(value: &str, name: &str, chosen: bool) -> web::Choice {
    web::Choice { value: value.to_owned(), name: name.to_owned(), chosen }
}

fn state(state: &PersonState, now: UnixMillis) -> web::PersonState {
    let until = state.link().map(|link| Moment::at(link.expires.0, now.0));
    match state {
        PersonState::Active => web::PersonState::Active,
        PersonState::Disabled { since } => web::PersonState::Disabled { since: Moment::at(since.0, now.0) },
        PersonState::Reset { .. } => web::PersonState::Reset { until },
        PersonState::Invited { by, .. } => web::PersonState::Invited { by: by.clone(), until },
    }
}
