//! The hub itself, for who runs it: the banner, and maintenance.

use serde::Serialize;

use super::{Frame, Moment, sample};
use crate::Page;

/// The page at `/hub`. Its forms post `text` and `href` to `/hub/banner`, `mode` and `words` to `/hub/maintenance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hub {
    /// What surrounds it.
    pub frame: Frame,
    /// The banner's text, empty where there is none; or as typed so far.
    pub banner_text: String,
    /// Where it leads.
    pub banner_href: String,
    /// The longest text of banner and maintenance, in characters.
    pub characters_max: u64,
    /// Maintenance, while it lasts.
    pub maintenance: Option<Maintenance>,
    /// Orders that no appliance has.
    pub queued: u64,
    /// Orders at an appliance.
    pub at_trusts: u64,
    /// What somebody should look at, in words.
    pub attention: Vec<String>,
    /// Why what was asked for was not done.
    pub error: Option<String>,
    /// Seconds until the numbers are asked for again.
    pub refresh_seconds: Option<u32>,
}

/// Maintenance that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Maintenance {
    /// Since when.
    pub since: Moment,
    /// Who turned it on.
    pub by: String,
    /// What people are told.
    pub words: String,
}

impl Page for Hub {
    const TEMPLATE: &'static str = "hub.html";

    fn samples() -> Vec<Self> {
        let usual = Self {
            frame: sample::admin(),
            banner_text: String::new(),
            banner_href: String::new(),
            characters_max: 200,
            maintenance: None,
            queued: 1,
            at_trusts: 12_000,
            attention: Vec::new(),
            error: None,
            refresh_seconds: None,
        };
        let maintenance = Maintenance {
            since: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            by: "admin".to_owned(),
            words: "The hub is updated at noon.".to_owned(),
        };
        let draining = Self {
            frame: sample::noticed(),
            banner_text: "The network is slow on Friday.".to_owned(),
            banner_href: "https://flip.example/news".to_owned(),
            maintenance: Some(maintenance),
            at_trusts: 1,
            attention: vec![
                "2 files that people brought are not scanned: this machine lacks memory.".to_owned(),
            ],
            refresh_seconds: Some(1),
            ..usual.clone()
        };
        let quiet = Self { at_trusts: 0, queued: 0, ..draining.clone() };
        let wrong = Self { error: Some("the link is no https address".to_owned()), ..usual.clone() };
        vec![usual, draining, quiet, wrong]
    }
}
