//! Asking for access and for a new password; and what admins see of the first.

use serde::Serialize;

use super::people::{Choice, PeopleTabs, sample_roles};
use super::{Frame, Moment, Pager, sample};
use crate::Page;

/// The form that posts `name`, `email` and `reason` to `/request-access`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskAccess {
    /// What surrounds it.
    pub frame: Frame,
    /// Who asks, as typed so far.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Why.
    pub reason: String,
    /// The most characters of it.
    pub reason_characters_max: u64,
    /// Why what was typed is not taken.
    pub error: Option<String>,
    /// True once it is stored.
    pub noted: bool,
    /// Whether the hub sends mail: else a link comes by other means.
    pub mails: bool,
}

/// The list at `/people/requests`. Each row's forms post `name` and `role` to `…/{id}/invite`, `why` to `…/{id}/dismiss`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// What surrounds it.
    pub frame: Frame,
    /// What the tabs of the section say.
    pub tabs: PeopleTabs,
    /// Those that wait first.
    pub requests: Vec<RequestRow>,
    /// Roles that there are.
    pub roles: Vec<Choice>,
    /// Why what was asked for was not done.
    pub error: Option<String>,
    /// Where the list goes on.
    pub pager: Pager,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestRow {
    /// Where its forms post to.
    pub href: String,
    /// Who they say they are.
    pub name: String,
    /// Where mail reaches them.
    pub email: String,
    /// Why they ask.
    pub reason: String,
    /// When they asked first.
    pub asked: Moment,
    /// How often.
    pub times: u64,
    /// True where somebody has that address already.
    pub known: bool,
    /// What came of it.
    pub state: RequestState,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RequestState {
    /// Nothing yet.
    Open,
    /// They were invited.
    Invited {
        /// When.
        at: Moment,
        /// By whom.
        by: Option<String>,
    },
    /// It was dismissed.
    Dismissed {
        /// When.
        at: Moment,
        /// By whom.
        by: Option<String>,
        /// Why.
        why: String,
    },
}

/// The form that posts `email` to `/forgot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgot {
    /// What surrounds it.
    pub frame: Frame,
    /// False where the hub sends no mail, so that there is no form.
    pub mails: bool,
    /// The address as typed so far.
    pub email: String,
    /// Why what was typed is not taken.
    pub error: Option<String>,
    /// True once it is noted.
    pub noted: bool,
}

/// The form that posts `old`, `password` and `again` to `/account/password`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnPassword {
    /// What surrounds it.
    pub frame: Frame,
    /// Whose password it is.
    pub name: String,
    /// The shortest password, in characters.
    pub characters_min: u64,
    /// Why what was typed is not taken.
    pub error: Option<String>,
    /// True once it is changed.
    pub changed: bool,
}

impl Page for AskAccess {
    const TEMPLATE: &'static str = "ask_access.html";

    fn samples() -> Vec<Self> {
        let fresh = Self {
            frame: sample::stranger(),
            name: String::new(),
            email: String::new(),
            reason: String::new(),
            reason_characters_max: 1_000,
            error: None,
            noted: false,
            mails: true,
        };
        let wrong = Self {
            name: "K. Ito".to_owned(),
            email: "k.ito".to_owned(),
            reason: "Lungs".to_owned(),
            error: Some("expected an e-mail address".to_owned()),
            ..fresh.clone()
        };
        let noted =
            Self { email: "k.ito@site.example".to_owned(), noted: true, error: None, ..wrong.clone() };
        vec![fresh, wrong, noted]
    }
}

impl Page for Requests {
    const TEMPLATE: &'static str = "requests.html";

    fn samples() -> Vec<Self> {
        let moment = || sample::moment("2026-07-21T08:12:03Z", "4 minutes ago");
        let by = || Some("r.okafor".to_owned());
        let row = |name: &str, state| RequestRow {
            href: "/people/requests/1".to_owned(),
            name: name.to_owned(),
            email: "k.ito@site.example".to_owned(),
            reason: "Part of the study of lung nodules.\nDr Okafor knows me.".to_owned(),
            asked: moment(),
            times: 1,
            known: false,
            state,
        };
        let full = Self {
            frame: sample::admin(),
            tabs: PeopleTabs { requests: 2, mail_trouble: 0 },
            requests: vec![
                row("K. Ito", RequestState::Open),
                RequestRow { times: 3, known: true, ..row("Astrid Lindqvist", RequestState::Open) },
                row("B. Brandt", RequestState::Invited { at: moment(), by: by() }),
                row(
                    "Eve",
                    RequestState::Dismissed { at: moment(), by: by(), why: "nobody knows them".to_owned() },
                ),
            ],
            roles: sample_roles("researcher"),
            error: None,
            pager: sample::pager("/people/requests"),
        };
        let failed = Self { error: Some("Somebody has that name already.".to_owned()), ..full.clone() };
        let none = Self { requests: Vec::new(), pager: Pager::default(), ..full.clone() };
        vec![full, failed, none]
    }
}

impl Page for Forgot {
    const TEMPLATE: &'static str = "forgot.html";

    fn samples() -> Vec<Self> {
        let fresh =
            Self { frame: sample::stranger(), mails: true, email: String::new(), error: None, noted: false };
        let wrong = Self {
            email: "k.ito".to_owned(),
            error: Some("expected an e-mail address".to_owned()),
            ..fresh.clone()
        };
        let noted = Self { email: "k.ito@site.example".to_owned(), noted: true, ..fresh.clone() };
        let without = Self { mails: false, ..fresh.clone() };
        vec![fresh, wrong, noted, without]
    }
}

impl Page for OwnPassword {
    const TEMPLATE: &'static str = "own_password.html";

    fn samples() -> Vec<Self> {
        let fresh = Self {
            frame: sample::frame(),
            name: "r.okafor@flip.example".to_owned(),
            characters_min: 12,
            error: None,
            changed: false,
        };
        let wrong = Self { error: Some("The old password is wrong.".to_owned()), ..fresh.clone() };
        let changed = Self { changed: true, ..fresh.clone() };
        vec![fresh, wrong, changed]
    }
}
