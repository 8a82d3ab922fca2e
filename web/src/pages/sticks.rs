//! Sticks: work for Trusts that no network reaches, and their answers. The hub's page and the Trust's are one.

use serde::Serialize;

use super::{Act, Frame, Said, sample};
use crate::Page;

/// The page at `/sticks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sticks {
    /// What surrounds it.
    pub frame: Frame,
    /// What can be made, each with where its form posts: a Trust's bundle at the hub, the answer at a Trust.
    pub makes: Vec<StickMake>,
    /// Where the form posts that brings a bundle; its only field is the file.
    pub take_action: String,
    /// What came of the bundle that was just brought.
    pub said: Option<Said>,
    /// What was done with sticks, newest first; at the hub the audit has it.
    pub acts: Vec<Act>,
}

/// A bundle that can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StickMake {
    /// For whom.
    pub name: String,
    /// Where the form posts that makes it; the answer is its file.
    pub action: String,
    /// How many orders wait for it, or results.
    pub waiting: u64,
}

impl Page for Sticks {
    const TEMPLATE: &'static str = "sticks.html";

    fn samples() -> Vec<Self> {
        let make = |name: &str, waiting| StickMake {
            name: name.to_owned(),
            action: "/trusts/1/bundle".to_owned(),
            waiting,
        };
        let hub = Self {
            frame: sample::admin(),
            makes: vec![make("Northgate Hospital", 2), make("St Elsewhere", 0)],
            take_action: "/uploads/sticks".to_owned(),
            said: None,
            acts: Vec::new(),
        };
        let taken = Self {
            said: Some(Said::Done("Taken in, from Northgate Hospital: 2 results.".to_owned())),
            ..hub.clone()
        };
        let none = Self { makes: Vec::new(), ..hub.clone() };
        let act = |number, act: &str, facts: &[(&str, &str)]| Act {
            number,
            at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            act: act.to_owned(),
            facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let site = Self {
            frame: sample::site(),
            take_action: "/sticks".to_owned(),
            makes: vec![StickMake { action: "/sticks/answer".to_owned(), ..make("the hub", 1) }],
            said: Some(Said::Not("Refused (foreign): it is for somebody else.".to_owned())),
            acts: vec![
                act(9, "bundle refused", &[("reason", "foreign")]),
                act(8, "bundle taken", &[("orders", "2"), ("settled", "1")]),
            ],
        };
        vec![hub, taken, none, site]
    }
}
