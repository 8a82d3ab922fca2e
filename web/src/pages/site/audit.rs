//! What was done at a Trust.

use serde::Serialize;

use crate::{
    Page,
    pages::{Frame, Moment, sample},
};

/// The page at `/audit`, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteAudit {
    /// What surrounds it.
    pub frame: Frame,
    /// Words that are looked for.
    pub words: String,
    /// The acts of this page.
    pub acts: Vec<Act>,
    /// Path of the page with older ones.
    pub older_href: Option<String>,
    /// Path of the newest ones, where this page is not theirs.
    pub newest_href: Option<String>,
    /// What a check of the whole log found, where one was asked for.
    pub chain: Option<Chain>,
}

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Act {
    /// Its number in the log.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// What was done, in a few words.
    pub act: String,
    /// On what and with what result: name and value.
    pub facts: Vec<(String, String)>,
}

/// Whether each line follows from the ones before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Chain {
    /// It does.
    Sound {
        /// Acts in the log.
        entries: u64,
        /// The last line's hash.
        hash: String,
    },
    /// It does not.
    Altered {
        /// What is wrong, in a sentence.
        why: String,
    },
}

impl Page for SiteAudit {
    const TEMPLATE: &'static str = "site_audit.html";

    fn samples() -> Vec<Self> {
        let act = |number: u64, act: &str, facts: &[(&str, &str)]| Act {
            number,
            at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            act: act.to_owned(),
            facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let full = Self {
            frame: sample::site(),
            words: String::new(),
            acts: vec![
                act(412, "data used", &[("generation", "g-000003"), ("by", "console")]),
                act(411, "console entered", &[]),
                act(
                    410,
                    "question answered",
                    &[("order", "01990000-0000-7000-8000-000000000001"), ("left", "value")],
                ),
            ],
            older_href: Some("/audit?before=410".to_owned()),
            newest_href: None,
            chain: None,
        };
        let hash = "4f0b7a91c22e6d5f8810aa3c9e71d406b85a13ef40972bcc610df9357ea2481b";
        let sound =
            Self { chain: Some(Chain::Sound { entries: 412, hash: hash.to_owned() }), ..full.clone() };
        let altered = Self {
            chain: Some(Chain::Altered {
                why: "the audit log was altered at line 7: its hash is not that of its words".to_owned(),
            }),
            newest_href: Some("/audit".to_owned()),
            words: "cohort".to_owned(),
            acts: Vec::new(),
            older_href: None,
            ..full.clone()
        };
        vec![full, sound, altered]
    }
}
