//! What a one-time link leads to.

use serde::Serialize;

use super::{Frame, sample};
use crate::Page;

/// The form at `/link/{token}` that posts `password` and `again` there; for a new hub's set-up also `name` and
/// `email`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What surrounds it.
    pub frame: Frame,
    /// Where the form posts to.
    pub action: String,
    /// What the link is for.
    pub purpose: LinkPurpose,
    /// The shortest password, in characters.
    pub characters_min: u64,
    /// Why what was typed is not taken.
    pub error: Option<String>,
}

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Coming in.
    Invitation {
        /// The name that they will sign in with.
        name: String,
    },
    /// Choosing another password.
    Reset {
        /// Whose.
        name: String,
    },
    /// Becoming the first administrator.
    SetUp {
        /// The name as typed so far.
        name: String,
        /// The address as typed so far.
        email: String,
    },
}

/// A link was followed, or does not work (any more).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkDone {
    /// What surrounds it.
    pub frame: Frame,
    /// What came of it.
    pub came: LinkCame,
}

/// What came of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "came", rename_all = "snake_case")]
pub enum LinkCame {
    /// The password is chosen.
    Chosen {
        /// The name to sign in with.
        name: String,
        /// True for who sets a second factor up when they sign in.
        sets_factor_up: bool,
    },
    /// A new hub has its first administrator.
    SetUp {
        /// The name to sign in with.
        name: String,
        /// True where they set a second factor up when they sign in.
        sets_factor_up: bool,
        /// True where the hub sends mail.
        mails: bool,
    },
    /// The link does not work.
    Gone {
        /// True where a new one can be asked for by mail.
        mails: bool,
    },
}

impl Page for Link {
    const TEMPLATE: &'static str = "link.html";

    fn samples() -> Vec<Self> {
        let invitation = Self {
            frame: sample::stranger(),
            action: "/link/only-an-example-of-a-link".to_owned(),
            purpose: LinkPurpose::Invitation { name: "Astrid Lindqvist".to_owned() },
            characters_min: 12,
            error: None,
        };
        let weak =
            Self { error: Some("the password is too easy to guess.".to_owned()), ..invitation.clone() };
        let reset = Self {
            purpose: LinkPurpose::Reset { name: "Astrid Lindqvist".to_owned() },
            ..invitation.clone()
        };
        let set_up = Self {
            purpose: LinkPurpose::SetUp { name: "admin".to_owned(), email: "admin@flip.example".to_owned() },
            ..invitation.clone()
        };
        let again = Self { error: Some("the two are not the same".to_owned()), ..set_up.clone() };
        vec![invitation, weak, reset, set_up, again]
    }
}

impl Page for LinkDone {
    const TEMPLATE: &'static str = "link_done.html";

    fn samples() -> Vec<Self> {
        let of = |came| Self { frame: sample::stranger(), came };
        vec![
            of(LinkCame::Chosen { name: "Astrid Lindqvist".to_owned(), sets_factor_up: true }),
            of(LinkCame::Chosen { name: "Astrid Lindqvist".to_owned(), sets_factor_up: false }),
            of(LinkCame::SetUp { name: "admin".to_owned(), sets_factor_up: true, mails: false }),
            of(LinkCame::SetUp { name: "admin".to_owned(), sets_factor_up: false, mails: true }),
            of(LinkCame::Gone { mails: true }),
            of(LinkCame::Gone { mails: false }),
        ]
    }
}
