//! The last lines of an appliance's own log.

use serde::Serialize;

use crate::{
    Page,
    pages::{Frame, Moment, sample},
};

/// The page at `/logs`, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteLogs {
    /// What surrounds it.
    pub frame: Frame,
    /// Lines of this level and worse are shown.
    pub level: Level,
    /// Words that are looked for.
    pub words: String,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Lines that are kept at most.
    pub kept: u64,
    /// Seconds until the page asks again.
    pub refresh_seconds: Option<u32>,
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something failed.
    Error,
    /// Someone should know.
    Warn,
    /// As it goes.
    Info,
    /// For who develops this.
    Debug,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// When.
    pub at: Moment,
    /// How grave.
    pub level: Level,
    /// Which part of the program says it.
    pub part: String,
    /// What it says, its fields included.
    pub text: String,
}

impl Page for SiteLogs {
    const TEMPLATE: &'static str = "site_logs.html";

    fn samples() -> Vec<Self> {
        let line = |level, text: &str| LogLine {
            at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            level,
            part: "uplink".to_owned(),
            text: text.to_owned(),
        };
        let full = Self {
            frame: sample::site(),
            level: Level::Info,
            words: String::new(),
            lines: vec![
                line(
                    Level::Error,
                    "the journal failed error=\"I/O error: No space left on device (os error 28)\"",
                ),
                line(Level::Warn, "no link to the hub; trying on error=\"Connection refused\""),
                line(Level::Info, "connected to the hub"),
                line(Level::Debug, "a sync took 12 ms"),
            ],
            kept: 1_000,
            refresh_seconds: Some(5),
        };
        let empty =
            Self { lines: Vec::new(), words: "nothing".to_owned(), level: Level::Error, ..full.clone() };
        vec![full, empty]
    }
}
