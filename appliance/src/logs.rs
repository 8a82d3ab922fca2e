//! The last lines of this program's log, kept in memory for the local console.
//!
//! What must stay true: memory is bounded, in lines and in the length of each; the log itself goes to standard error
//! as ever. Deliberately absent: files, and lines of an earlier start.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use flip_protocol::UnixMillis;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::bounds::{LOG_LINE_CHARACTERS, LOG_LINES};
use crate::clock;

/// The last lines of the log.
#[derive(Debug, Clone, Default)]
pub struct Logs(Arc<Mutex<VecDeque<Line>>>);

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was said.
    pub at: UnixMillis,
    /// How grave it is.
    pub level: Level,
    /// The module that says it.
    pub target: &'static str,
    /// What it says, then its fields.
    pub text: String,
}

impl Logs {
    /// The lines of `level` and graver that hold `words`, in whichever letters, newest first.
    pub fn newest(&self, level: Level, words: &str) -> Vec<Line> {
        let words = words.to_lowercase();
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // tracing orders levels by how much they say: an error is the least.
        let wanted = |line: &&Line| {
            line.level <= level
                && (words.is_empty()
                    || line.text.to_lowercase().contains(&words)
                    || line.target.contains(&words))
        };
        lines.iter().rev().filter(wanted).cloned().collect()
    }

    fn keep(&self, line: Line) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LOG_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

impl<S: Subscriber> Layer<S> for Logs {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let metadata = event.metadata();
        let text = format!("{}{}", words.message, words.fields);
        self.keep(Line {
            at: clock::now(),
            level: *metadata.level(),
            target: metadata.target(),
            text: cut(text),
        });
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LOG_LINE_CHARACTERS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
        written.expect("a String takes it all");
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn texts(logs: &Logs, level: Level, words: &str) -> Vec<String> {
        logs.newest(level, words).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_are_kept_newest_first_and_found_by_level_and_words() {
        let logs = Logs::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(logs.clone()), || {
            tracing::info!(order = 7, "began");
            tracing::warn!(error = "No Route", "no link");
            tracing::error!("failed");
        });
        assert_eq!(texts(&logs, Level::INFO, ""), ["failed", "no link error=\"No Route\"", "began order=7"]);
        assert_eq!(texts(&logs, Level::WARN, ""), ["failed", "no link error=\"No Route\""]);
        assert_eq!(texts(&logs, Level::INFO, "no route"), ["no link error=\"No Route\""]);
    }

    #[test]
    fn lines_are_bounded_in_number_and_in_length() {
        let logs = Logs::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(logs.clone()), || {
            for number in 0..LOG_LINES + 5 {
                tracing::info!("{number} {}", "ä".repeat(LOG_LINE_CHARACTERS));
            }
        });
        let kept = texts(&logs, Level::INFO, "");
        assert_eq!(kept.len(), LOG_LINES);
        assert!(kept[0].starts_with(&format!("{} ", LOG_LINES + 4)) && kept[LOG_LINES - 1].starts_with("5 "));
        assert!(kept.iter().all(|text| text.chars().count() == LOG_LINE_CHARACTERS + 1));
    }
}
