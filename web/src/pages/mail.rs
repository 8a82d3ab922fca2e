//! The mails that wait, went out, or were given up, for admins.

use serde::Serialize;

use super::people::PeopleTabs;
use super::{Frame, Moment, Pager, sample};
use crate::Page;

/// The list at `/people/mail`. Buttons post to `…/{id}/send` and `…/{id}/forget`; a form posts `email` to `…/test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mails {
    /// What surrounds it.
    pub frame: Frame,
    /// What the tabs of the section say.
    pub tabs: PeopleTabs,
    /// The server that mail is handed to; none where the hub sends none.
    pub server: Option<String>,
    /// What needs a look first.
    pub mails: Vec<MailRow>,
    /// Where a test is to go, as typed so far.
    pub email: String,
    /// Why no test was stored.
    pub error: Option<String>,
    /// Seconds between refreshes while something waits.
    pub refresh_seconds: Option<u32>,
    /// Where the list goes on.
    pub pager: Pager,
}

/// One mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailRow {
    /// Where its buttons post to.
    pub href: String,
    /// What it is, in words.
    pub what: String,
    /// Whom it goes to.
    pub to: String,
    /// When it was stored.
    pub stored: Moment,
    /// How often it was tried in vain.
    pub tries: u64,
    /// Why the last time.
    pub why: Option<String>,
    /// Where it is.
    pub state: MailState,
    /// Its link, to hand over where it was not sent.
    pub link: Option<String>,
}

/// Where a mail is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MailState {
    /// It waits.
    Waiting {
        /// When it is tried next.
        next: Moment,
    },
    /// The server has taken it.
    Sent {
        /// When.
        at: Moment,
    },
    /// It is not tried any more by itself.
    Failed {
        /// Since when.
        at: Moment,
    },
}

impl Page for Mails {
    const TEMPLATE: &'static str = "mail.html";

    fn samples() -> Vec<Self> {
        let moment = || sample::moment("2026-07-21T08:12:03Z", "4 minutes ago");
        let soon = || sample::moment("2026-07-21T08:13:03Z", "in 40 seconds");
        let row = |what: &str, state, why: Option<&str>, link: Option<&str>| MailRow {
            href: "/people/mail/1".to_owned(),
            what: what.to_owned(),
            to: "a.lindqvist@flip.example".to_owned(),
            stored: moment(),
            tries: u64::from(why.is_some()) * 3,
            why: why.map(str::to_owned),
            state,
            link: link.map(str::to_owned),
        };
        let link = Some("https://flip.example/link/only-an-example-of-a-link");
        let full = Self {
            frame: sample::admin(),
            tabs: PeopleTabs { requests: 0, mail_trouble: 2 },
            server: Some("smtp.flip.example".to_owned()),
            mails: vec![
                row("invitation", MailState::Failed { at: moment() }, Some("550 5.1.1 no such user"), link),
                row(
                    "new password",
                    MailState::Waiting { next: soon() },
                    Some("smtp.flip.example:587 cannot be used: connection refused"),
                    link,
                ),
                row("test", MailState::Waiting { next: soon() }, None, None),
                row("invitation", MailState::Sent { at: moment() }, None, None),
            ],
            email: String::new(),
            error: None,
            refresh_seconds: Some(10),
            pager: sample::pager("/people/mail"),
        };
        let empty = Self {
            tabs: PeopleTabs { requests: 0, mail_trouble: 0 },
            mails: Vec::new(),
            email: "nowhere".to_owned(),
            error: Some("expected an e-mail address".to_owned()),
            refresh_seconds: None,
            pager: Pager::default(),
            ..full.clone()
        };
        let none = Self { server: None, email: String::new(), error: None, ..empty.clone() };
        vec![full, empty, none]
    }
}
