//! The audit of the hub.

use serde::Serialize;

use super::site::audit::{Act, Chain};
use super::{Frame, sample};
use crate::Page;

/// The page at `/audit`. Its form asks for `who`, `act`, `project`, `trust`, `from` and `until`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// What surrounds it.
    pub frame: Frame,
    /// What is looked for, as typed: who did it.
    pub who: String,
    /// The acts to choose from.
    pub choices: Vec<ActChoice>,
    /// The project.
    pub project: String,
    /// The Trust.
    pub trust: String,
    /// The first day or moment.
    pub from: String,
    /// The last one.
    pub until: String,
    /// True where anything is looked for.
    pub filtered: bool,
    /// The acts of this page, each with who did it.
    pub acts: Vec<(String, Act)>,
    /// What the address of a download asks for, after `format=…`: empty or beginning with `&`.
    pub wanted: String,
    /// Path of the page with older ones.
    pub older_href: Option<String>,
    /// Path of the newest ones, where this page is not theirs.
    pub newest_href: Option<String>,
    /// What a check of the whole audit found, where one was asked for.
    pub chain: Option<Chain>,
    /// What is wrong with what is looked for.
    pub error: Option<String>,
}

/// An act to look for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActChoice {
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub words: String,
    /// True where it is chosen.
    pub chosen: bool,
}

impl Page for Audit {
    const TEMPLATE: &'static str = "audit.html";

    fn samples() -> Vec<Self> {
        let act = |number: u64, who: &str, act: &str, facts: &[(&str, &str)]| {
            let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let at = sample::moment("2026-07-21T08:12:03Z", "4 minutes ago");
            (who.to_owned(), Act { number, at, act: act.to_owned(), facts })
        };
        let choice = |name: &str, words: &str| ActChoice {
            name: name.to_owned(),
            words: words.to_owned(),
            chosen: false,
        };
        let full = Self {
            frame: sample::admin(),
            who: String::new(),
            choices: vec![choice("query_asked", "asked a query"), choice("order_ended", "ended an order")],
            project: String::new(),
            trust: String::new(),
            from: String::new(),
            until: String::new(),
            filtered: false,
            acts: vec![
                act(
                    12_412,
                    "Northgate Hospital",
                    "ended an order",
                    &[("state", "done"), ("persons", "1130"), ("kind", "cohort query")],
                ),
                act(
                    12_411,
                    "r.okafor@flip.example",
                    "asked a query",
                    &[("query", "Diabetes"), ("trusts", "2")],
                ),
                act(12_410, "the hub", "the hub was stopped", &[]),
            ],
            wanted: String::new(),
            older_href: Some("/audit?before=12410".to_owned()),
            newest_href: None,
            chain: None,
            error: None,
        };
        let hash = "4f0b7a91c22e6d5f8810aa3c9e71d406b85a13ef40972bcc610df9357ea2481b";
        let sound =
            Self { chain: Some(Chain::Sound { entries: 12_412, hash: hash.to_owned() }), ..full.clone() };
        let mut nothing = Self {
            who: "admin".to_owned(),
            from: "2026-07-01".to_owned(),
            filtered: true,
            wanted: "&who=admin&from=2026-07-01".to_owned(),
            acts: Vec::new(),
            older_href: None,
            newest_href: Some("/audit?who=admin&from=2026-07-01".to_owned()),
            chain: Some(Chain::Altered { why: "act 7 is not as it was written".to_owned() }),
            ..full.clone()
        };
        nothing.choices[0].chosen = true;
        let wrong = Self {
            error: Some("\"yesterday\" is no time".to_owned()),
            from: "yesterday".to_owned(),
            ..nothing.clone()
        };
        vec![full, sound, nothing, wrong]
    }
}
