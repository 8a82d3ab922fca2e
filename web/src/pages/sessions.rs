//! Where somebody is signed in.

use serde::Serialize;

use super::{Frame, Moment, sample};
use crate::Page;

/// The list at `/account/sessions`; each row's form posts to `…/{id}/end`, that of all others to `…/end`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sessions {
    /// What surrounds it.
    pub frame: Frame,
    /// The newest first.
    pub sessions: Vec<SessionRow>,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    /// Beneath which its form posts.
    pub href: String,
    /// Where from; empty where that is not known.
    pub address: String,
    /// What the browser or program calls itself; empty where it does not.
    pub browser: String,
    /// When it was opened.
    pub opened: Moment,
    /// When it was last used, to a few minutes.
    pub seen: Moment,
    /// Whether it is the one that looks.
    pub this: bool,
    /// Whether its second factor was given.
    pub factor_given: bool,
}

impl Page for Sessions {
    const TEMPLATE: &'static str = "sessions.html";

    fn samples() -> Vec<Self> {
        let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let row = |id: u8, address: &str, browser: &str, this, factor_given| SessionRow {
            href: format!("/account/sessions/{id}"),
            address: address.to_owned(),
            browser: browser.to_owned(),
            opened: sample::moment("2026-07-21T06:02:11Z", "2 hours ago"),
            seen: sample::moment("2026-07-21T08:10:00Z", "2 minutes ago"),
            this,
            factor_given,
        };
        let this = row(1, "192.0.2.7", browser, true, true);
        let others = [
            row(2, "2001:db8:40:1::17", "curl/8.14.1", false, true),
            row(3, "198.51.100.12", browser, false, false),
            row(4, "", "", false, false),
        ];
        let all = [vec![this.clone()], others.to_vec()].concat();
        [vec![this], all].map(|sessions| Self { frame: sample::frame(), sessions }).to_vec()
    }
}
