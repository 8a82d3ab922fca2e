//! The cohorts that are frozen at a Trust, who may read them, and who did.

use serde::Serialize;

use crate::{
    Page,
    pages::{Frame, Moment, Said, Tone, sample},
};

/// The page at `/frozen`. Its forms post `cohort` to `/frozen/drop` and `token` to `/frozen/revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteFrozen {
    /// What surrounds it.
    pub frame: Frame,
    /// What came of the last change, or why there was none.
    pub said: Option<Said>,
    /// The versions of all cohorts, the newest freeze first.
    pub cohorts: Vec<FrozenCohort>,
    /// Files that cannot be read, and why.
    pub unreadable: Vec<String>,
    /// The tokens that open one, the newest first.
    pub tokens: Vec<ReadToken>,
    /// The last reads, newest first.
    pub reads: Vec<Read>,
}

/// One version of a frozen cohort. Its counts are exact: they are shown to the Trust itself only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrozenCohort {
    /// Its name, for example `f-3fa9c1d20b7e.v2`.
    pub name: String,
    /// The query's name.
    pub title: String,
    /// The question.
    pub sql: String,
    /// The project's id, where one was named.
    pub project: Option<String>,
    /// Whether the hub ordered it.
    pub ordered: bool,
    /// When it was frozen.
    pub frozen: Moment,
    /// The generation that it was frozen on, and that one's day.
    pub extract: String,
    /// Persons in it.
    pub persons: u64,
    /// Accession ids in it.
    pub accessions: u64,
    /// How it differs from the version before it, in words.
    pub drift: Vec<String>,
    /// When it was dropped, and by what.
    pub dropped: Option<(Moment, String)>,
}

/// A token of the local API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadToken {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// The cohort that it opens.
    pub cohort: String,
    /// When its time is over.
    pub expires: Moment,
    /// `good`, `expired` or `revoked`.
    pub state: String,
}

/// One read of a frozen cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Read {
    /// When it began.
    pub at: Moment,
    /// What was read.
    pub what: String,
    /// Of which cohort.
    pub cohort: String,
    /// With which token: its label, or its id.
    pub by: String,
    /// How it ended, in words; `None` while it is under way.
    pub outcome: Option<String>,
    /// How good that is.
    pub tone: Tone,
    /// Rows that were read.
    pub rows: Option<u64>,
    /// Bytes that were read.
    pub bytes: Option<u64>,
}

impl Page for SiteFrozen {
    const TEMPLATE: &'static str = "site_frozen.html";

    fn samples() -> Vec<Self> {
        let cohort = |version: u32, dropped| FrozenCohort {
            name: format!("f-3fa9c1d20b7e.v{version}"),
            title: "COPD since 2019".to_owned(),
            sql: sample::SQL.to_owned(),
            project: Some("019b2f8e-0000-7000-8000-000000000001".to_owned()),
            ordered: version == 1,
            frozen: sample::moment("2026-07-01T02:10:00Z", "20 days ago"),
            extract: format!("g-00000{version} of 2026-06-30"),
            persons: 1_240 + u64::from(version),
            accessions: 312,
            drift: if version > 1 {
                vec![
                    "Since version 1 on g-000001 of 2026-03-30".to_owned(),
                    "1,230 persons kept, 12 gained, 10 lost".to_owned(),
                ]
            } else {
                Vec::new()
            },
            dropped,
        };
        let token = |label: &str, state: &str| ReadToken {
            id: "00f1e2d3c4b5a697".to_owned(),
            label: label.to_owned(),
            cohort: "f-3fa9c1d20b7e.v2".to_owned(),
            expires: sample::moment("2026-07-22T08:12:03Z", "in 24 hours"),
            state: state.to_owned(),
        };
        let read = |outcome: Option<&str>, tone, rows| Read {
            at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            what: "dataframe, parquet, zstd".to_owned(),
            cohort: "f-3fa9c1d20b7e.v2".to_owned(),
            by: "run 7".to_owned(),
            outcome: outcome.map(str::to_owned),
            tone,
            rows,
            bytes: rows.map(|rows| rows * 80),
        };
        let full = Self {
            frame: sample::site(),
            said: None,
            cohorts: vec![
                cohort(2, None),
                cohort(1, Some((sample::moment("2026-07-20T02:10:00Z", "1 day ago"), "console".to_owned()))),
            ],
            unreadable: vec![
                "f-00112233aabb.v1: its SHA-256 is not that of its content; drop it and freeze again"
                    .to_owned(),
            ],
            tokens: vec![token("run 7", "good"), token("run 6", "revoked"), token("", "expired")],
            reads: vec![
                read(None, Tone::Wait, None),
                read(Some("whole"), Tone::Good, Some(4_999)),
                read(Some("client stalled"), Tone::Warn, Some(0)),
            ],
        };
        let empty = Self {
            said: Some(Said::Done("f-3fa9c1d20b7e.v1 was dropped.".to_owned())),
            cohorts: Vec::new(),
            unreadable: Vec::new(),
            tokens: Vec::new(),
            reads: Vec::new(),
            ..full.clone()
        };
        vec![full, empty]
    }
}
