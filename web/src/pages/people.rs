//! The people who sign in, for admins.

use serde::Serialize;

use super::{Frame, Moment, Pager, SortHeads, sample};
use crate::Page;

/// The list at `/people`, with the form that posts `name`, `email` and `role` there. The search sends `search`,
/// `state` and `sort` to the same address, and `after` to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct People {
    /// What surrounds it.
    pub frame: Frame,
    /// What the tabs of the section say.
    pub tabs: PeopleTabs,
    /// The people, in the order they are to be shown.
    pub people: Vec<PersonRow>,
    /// How many there are in all that fit the search.
    pub all: u64,
    /// The words that were searched for.
    pub search: String,
    /// The states to choose from.
    pub states: Vec<Choice>,
    /// How they are sorted, for the field `sort`.
    pub sort: String,
    /// The heads of `name`, `role`, `state` and `added`.
    pub heads: SortHeads,
    /// Where the list goes on.
    pub pager: Pager,
    /// Who is to be invited, as typed so far.
    pub form: PersonForm,
    /// True where the hub sends mail.
    pub mails: bool,
}

/// The tabs of the section of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeopleTabs {
    /// Requests for access that wait.
    pub requests: u64,
    /// Mails that were tried in vain.
    pub mail_trouble: u64,
}

/// One person of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonRow {
    /// Where their page is.
    pub href: String,
    /// Their sign-in name.
    pub name: String,
    /// Their address.
    pub email: Option<String>,
    /// Their role.
    pub role: String,
    /// When they were added or invited.
    pub added: Moment,
    /// Whether they can sign in.
    pub state: PersonState,
}

/// Whether a person can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PersonState {
    /// They can.
    Active,
    /// Kept out.
    Disabled {
        /// Since when.
        since: Moment,
    },
    /// Their password was voided; a link lets them choose another.
    Reset {
        /// Until when; none where it does not work any more.
        until: Option<Moment>,
    },
    /// They have not come yet.
    Invited {
        /// Who invited them.
        by: Option<String>,
        /// Until when their link works; none where it does not any more.
        until: Option<Moment>,
    },
}

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What is shown.
    pub name: String,
    /// True where it is chosen.
    pub chosen: bool,
}

/// What of a person is typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PersonForm {
    /// The sign-in name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The roles.
    pub roles: Vec<Choice>,
    /// Why what was typed is not taken.
    pub error: Option<String>,
}

/// One person, at `/people/{id}`, with the form that posts `name`, `email` and `role` there; and buttons that post to
/// `…/trust` (with `trust`), `…/disable`, `…/enable`, `…/reset`, `…/sign-out`, `…/second-factor/reset`,
/// `…/unbind`, `…/invite` and `…/withdraw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// What surrounds it.
    pub frame: Frame,
    /// What the tabs of the section say.
    pub tabs: PeopleTabs,
    /// Where this page is.
    pub href: String,
    /// Their sign-in name.
    pub name: String,
    /// When they were added or invited.
    pub added: Moment,
    /// Whether they can sign in.
    pub state: PersonState,
    /// The form to change them.
    pub form: PersonForm,
    /// Their link's way to them.
    pub delivery: Option<Delivery>,
    /// True where they are the only admin who can sign in, which they have to stay.
    pub last_admin: bool,
    /// True where it is oneself.
    pub oneself: bool,
    /// The Trust that they decide for.
    pub trust: Option<String>,
    /// The Trusts that they can be made to decide for.
    pub trusts: Vec<Choice>,
    /// Since when they have a second factor.
    pub second_factor: Option<Moment>,
    /// Since when the identity provider can vouch for them.
    pub identity: Option<Moment>,
    /// Why what was asked for was not done.
    pub error: Option<String>,
}

/// How a link gets to whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum Delivery {
    /// It is to be handed over.
    HandOver {
        /// The link.
        link: String,
        /// Why it was not mailed, where mail was tried.
        why: Option<String>,
    },
    /// A mail is about to be sent.
    OnItsWay {
        /// Where to.
        address: String,
    },
    /// A mail was sent.
    Sent {
        /// Where to.
        address: String,
        /// When.
        at: Moment,
    },
}

impl PeopleTabs {
    fn quiet() -> Self {
        Self { requests: 0, mail_trouble: 0 }
    }
}

pub(super) fn sample_roles(chosen: &str) -> Vec<Choice> {
    let choice =
        |name: &str| Choice { value: name.to_owned(), name: name.to_owned(), chosen: name == chosen };
    ["admin", "researcher", "viewer"].map(choice).to_vec()
}

fn sample_trusts(chosen: &str) -> Vec<Choice> {
    let choice = |(value, name): (&str, &str)| Choice {
        value: value.to_owned(),
        name: name.to_owned(),
        chosen: name == chosen,
    };
    [("1", "Northgate Hospital"), ("2", "Southmere Hospital")].map(choice).to_vec()
}

fn moment() -> Moment {
    sample::moment("2026-07-21T08:12:03Z", "4 minutes ago")
}

fn later() -> Moment {
    sample::moment("2026-08-04T08:12:03Z", "in 13 days")
}

impl Page for People {
    const TEMPLATE: &'static str = "people.html";

    fn samples() -> Vec<Self> {
        let row = |name: &str, email: Option<&str>, role: &str, state| PersonRow {
            href: "/people/1".to_owned(),
            name: name.to_owned(),
            email: email.map(str::to_owned),
            role: role.to_owned(),
            added: moment(),
            state,
        };
        let states = ["", "active", "disabled", "reset", "invited"].map(|value| Choice {
            value: value.to_owned(),
            name: if value.is_empty() { "anybody".to_owned() } else { value.to_owned() },
            chosen: value.is_empty(),
        });
        let by = Some("r.okafor".to_owned());
        let full = Self {
            frame: sample::admin(),
            tabs: PeopleTabs::quiet(),
            people: vec![
                row("Astrid Lindqvist", Some("a.lindqvist@flip.example"), "researcher", PersonState::Active),
                row("former.viewer", None, "viewer", PersonState::Disabled { since: moment() }),
                row(
                    "K. Ito",
                    Some("k.ito@flip.example"),
                    "researcher",
                    PersonState::Invited { by, until: Some(later()) },
                ),
                row(
                    "late",
                    Some("late@flip.example"),
                    "viewer",
                    PersonState::Invited { by: None, until: None },
                ),
                row("lost", Some("lost@flip.example"), "viewer", PersonState::Reset { until: Some(later()) }),
                row("r.okafor", Some("r.okafor@flip.example"), "admin", PersonState::Active),
            ],
            all: 212,
            search: String::new(),
            states: states.to_vec(),
            sort: "-name".to_owned(),
            heads: sample::heads("/people", &["name", "role", "state", "added"]),
            pager: sample::pager("/people"),
            form: PersonForm { roles: sample_roles("researcher"), ..PersonForm::default() },
            mails: true,
        };
        let taken = Self {
            tabs: PeopleTabs { requests: 3, mail_trouble: 2 },
            form: PersonForm {
                name: "R.Okafor".to_owned(),
                email: "r.okafor@flip.example".to_owned(),
                error: Some("Somebody has that name already.".to_owned()),
                ..full.form.clone()
            },
            mails: false,
            pager: Pager::default(),
            ..full.clone()
        };
        let none = Self {
            people: Vec::new(),
            all: 0,
            search: "nobody".to_owned(),
            pager: Pager::default(),
            ..full.clone()
        };
        vec![full, taken, none]
    }
}

impl Page for Person {
    const TEMPLATE: &'static str = "person.html";

    fn samples() -> Vec<Self> {
        let active = Self {
            frame: sample::admin(),
            tabs: PeopleTabs::quiet(),
            href: "/people/1".to_owned(),
            name: "Astrid Lindqvist".to_owned(),
            added: moment(),
            state: PersonState::Active,
            form: PersonForm {
                name: "Astrid Lindqvist".to_owned(),
                email: "a.lindqvist@flip.example".to_owned(),
                roles: sample_roles("researcher"),
                error: None,
            },
            delivery: None,
            last_admin: false,
            oneself: false,
            trust: None,
            trusts: sample_trusts(""),
            second_factor: Some(moment()),
            identity: None,
            error: None,
        };
        let invited = |delivery| Self {
            state: PersonState::Invited { by: Some("r.okafor".to_owned()), until: Some(later()) },
            delivery: Some(delivery),
            ..active.clone()
        };
        let address = || "a.lindqvist@flip.example".to_owned();
        let link = || "https://flip.example/link/only-an-example-of-a-link".to_owned();
        vec![
            active.clone(),
            Self {
                trust: Some("Southmere Hospital".to_owned()),
                trusts: sample_trusts("Southmere Hospital"),
                ..active.clone()
            },
            Self { identity: Some(moment()), ..active.clone() },
            Self { last_admin: true, oneself: true, second_factor: None, ..active.clone() },
            Self {
                state: PersonState::Disabled { since: moment() },
                error: Some("It could not be done.".to_owned()),
                ..active.clone()
            },
            invited(Delivery::HandOver { link: link(), why: None }),
            invited(Delivery::HandOver { link: link(), why: Some("550 no such user".to_owned()) }),
            invited(Delivery::OnItsWay { address: address() }),
            invited(Delivery::Sent { address: address(), at: moment() }),
            Self {
                state: PersonState::Invited { by: None, until: None },
                form: PersonForm {
                    error: Some("Somebody has that name already.".to_owned()),
                    ..active.form.clone()
                },
                ..active.clone()
            },
            Self {
                state: PersonState::Reset { until: Some(later()) },
                delivery: Some(Delivery::HandOver { link: link(), why: None }),
                ..active
            },
        ]
    }
}
