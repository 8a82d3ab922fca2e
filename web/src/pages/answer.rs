//! What one Trust, and all asked Trusts together, say to a question.
//!
//! What must stay true: an answer without a number has no number to show, so that no page can show a zero for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Moment, Place};
use crate::words::{absolute, plural, thousands};

/// One asked Trust and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustAnswer {
    /// The Trust's name.
    pub trust: String,
    /// What it says.
    pub answer: Answer,
    /// Day of the extract that the question was asked of (`YYYY-MM-DD`), where it was asked of one.
    pub extract_date: Option<String>,
    /// When the answer reached the hub.
    pub answered: Option<Moment>,
}

/// What a Trust says to a question. Never a bare zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Answer {
    /// The cohort is at or above the Trust's threshold.
    Value {
        /// Distinct persons.
        persons: u64,
        /// Rows of the result.
        records: u64,
        /// How far the two are from the exact counts; `None` where they are exact.
        margins: Option<Margins>,
    },
    /// Fewer persons than the Trust's threshold; zero looks the same.
    FewerThan {
        /// The threshold, in persons.
        threshold: u64,
    },
    /// The Trust did not let the question in.
    Refused {
        /// Which of its rules was against it.
        rule: Rule,
        /// Why, in a sentence.
        message: String,
        /// Where in the question.
        place: Option<Place>,
    },
    /// The question was let in and could not be answered.
    Failed {
        /// Why, in a sentence.
        why: String,
    },
    /// The order waits at the hub for the Trust's next sync.
    Queued,
    /// The Trust has stored the order.
    Delivered,
    /// The Trust is working on it.
    Running,
    /// The order waits at the hub and the Trust is away.
    OfflineSince {
        /// When it was last seen.
        since: Moment,
    },
    /// The order waits at the hub and the Trust has not enrolled yet.
    NeverSeen,
    /// The order's life ended without an answer.
    Expired {
        /// When it ended.
        at: Moment,
    },
    /// The question was cancelled before the Trust answered.
    Cancelled {
        /// When.
        at: Moment,
    },
}

/// How far counts are from the exact ones: within this in 95 of 100 answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margins {
    /// Of persons.
    pub persons: u64,
    /// Of records.
    pub records: u64,
}

/// The rule by which a Trust did not let a question in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// What a question may say.
    Gate,
    /// How much a project may ask in a week.
    Quota,
    /// How much work a question may be.
    Cost,
}

/// How many Trusts gave which answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// [`Answer::Value`].
    pub values: u64,
    /// [`Answer::FewerThan`].
    pub fewer: u64,
    /// [`Answer::Refused`].
    pub refused: u64,
    /// [`Answer::Failed`].
    pub failed: u64,
    /// [`Answer::Queued`], [`Answer::Delivered`] and [`Answer::Running`].
    pub waiting: u64,
    /// [`Answer::OfflineSince`] and [`Answer::NeverSeen`].
    pub offline: u64,
    /// [`Answer::Expired`].
    pub expired: u64,
    /// [`Answer::Cancelled`].
    pub cancelled: u64,
}

/// A tally in a few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Combined {
    /// How it is shown.
    pub tone: Tone,
    /// For example `2 of 3 answered`.
    pub text: String,
    /// What became of the others, for example `1 offline`; empty where nothing is missing.
    pub missing: String,
}

/// How a state is shown. Always beside words: colour alone says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// As it should be.
    Good,
    /// On its way.
    Wait,
    /// Someone should know.
    Warn,
    /// Went wrong.
    Bad,
}

impl Tally {
    /// Counts the answers to one question.
    pub fn of<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> Self {
        let mut tally = Self::default();
        for answer in answers {
            let count = match answer {
                Answer::Value { .. } => &mut tally.values,
                Answer::FewerThan { .. } => &mut tally.fewer,
                Answer::Refused { .. } => &mut tally.refused,
                Answer::Failed { .. } => &mut tally.failed,
                Answer::Queued | Answer::Delivered | Answer::Running => &mut tally.waiting,
                Answer::OfflineSince { .. } | Answer::NeverSeen => &mut tally.offline,
                Answer::Expired { .. } => &mut tally.expired,
                Answer::Cancelled { .. } => &mut tally.cancelled,
            };
            *count += 1;
        }
        tally
    }

    /// Trusts that were asked.
    pub fn asked(self) -> u64 {
        let ended = self.values + self.fewer + self.refused + self.failed + self.expired + self.cancelled;
        ended + self.waiting + self.offline
    }

    /// The tally in a few words.
    pub fn combined(self) -> Combined {
        let asked = self.asked();
        let answered = self.values + self.fewer;
        let tone = if self.refused + self.failed + self.expired > 0 {
            Tone::Bad
        } else if self.waiting > 0 {
            Tone::Wait
        } else if self.offline + self.cancelled > 0 || asked == 0 {
            Tone::Warn
        } else {
            Tone::Good
        };
        let text = match (answered, asked) {
            (_, 0) => "no Trust asked".to_owned(),
            (answered, asked) if answered == asked => format!("all {asked} answered"),
            (answered, asked) => format!("{answered} of {asked} answered"),
        };
        let rest = [
            (self.fewer, "too few"),
            (self.refused, "refused"),
            (self.failed, "failed"),
            (self.expired, "expired"),
            (self.cancelled, "cancelled"),
            (self.waiting, "under way"),
            (self.offline, "offline"),
        ];
        let missing =
            rest.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        Combined { tone, text, missing: missing.collect::<Vec<_>>().join(", ") }
    }
}

/// The combined answer in one line, for example
/// `About 1,240 ± 40 persons at 2 of 3 Trusts; 1 Trust fewer than 10; 1 offline since 2026-07-21 08:12 UTC`.
///
/// `persons` is the sum over the Trusts that gave a value, `None` where none did; `margin` how far it is from the
/// exact one, `None` where it is exact.
pub fn headline(answers: &[TrustAnswer], persons: Option<u64>, margin: Option<u64>) -> String {
    headline_parts(answers, persons, margin).join("; ")
}

/// The headline's parts: first what is known, then what is missing.
pub(crate) fn headline_parts(
    answers: &[TrustAnswer],
    persons: Option<u64>,
    margin: Option<u64>,
) -> Vec<String> {
    let tally = Tally::of(answers.iter().map(|row| &row.answer));
    let asked = plural(tally.asked(), "Trust", None);
    let first = match persons {
        Some(persons) if tally.values > 0 => {
            let persons = match margin {
                Some(margin) => format!("About {} ± {} persons", thousands(persons), thousands(margin)),
                None => plural(persons, "person", None),
            };
            format!("{persons} at {} of {asked}", thousands(tally.values))
        }
        _ if tally.waiting > 0 => "No numbers yet".to_owned(),
        _ => "No numbers".to_owned(),
    };
    let mut parts = vec![first];
    parts.extend(
        fewer_by_threshold(answers)
            .into_iter()
            .map(|(threshold, count)| format!("{} fewer than {threshold}", plural(count, "Trust", None))),
    );
    let counted = [
        (tally.refused, "refused"),
        (tally.failed, "failed"),
        (tally.expired, "expired"),
        (tally.cancelled, "cancelled"),
        (tally.waiting, "under way"),
    ];
    parts.extend(
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")),
    );
    parts.extend(offline(answers));
    parts
}

fn fewer_by_threshold(answers: &[TrustAnswer]) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for row in answers {
        if let Answer::FewerThan { threshold } = row.answer {
            *counts.entry(threshold).or_default() += 1;
        }
    }
    counts
}

fn offline(answers: &[TrustAnswer]) -> Vec<String> {
    let never = answers.iter().filter(|row| row.answer == Answer::NeverSeen).count();
    let mut since = answers.iter().filter_map(|row| {
        if let Answer::OfflineSince { since } = &row.answer { Some(since.iso.as_str()) } else { None }
    });
    let mut parts = Vec::new();
    match (since.next(), since.count()) {
        (Some(only), 0) => parts.push(format!("1 offline since {}", absolute(only))),
        (Some(_), more) => parts.push(format!("{} offline", more + 1)),
        (None, _) => {}
    }
    if never > 0 {
        parts.push(format!("{never} never seen"));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(answer: Answer) -> TrustAnswer {
        TrustAnswer { trust: "T".to_owned(), answer, extract_date: None, answered: None }
    }

    fn away(iso: &str) -> Answer {
        Answer::OfflineSince { since: Moment { iso: iso.to_owned(), relative: String::new() } }
    }

    #[test]
    fn the_headline_names_every_kind_of_answer() {
        let rows = [
            row(Answer::Value { persons: 1_000, records: 1_000, margins: None }),
            row(Answer::Value { persons: 234, records: 300, margins: None }),
            row(Answer::FewerThan { threshold: 10 }),
            row(Answer::Failed { why: String::new() }),
            row(Answer::Running),
            row(away("2026-07-21T08:12:03Z")),
        ];
        assert_eq!(
            headline(&rows, Some(1_234), None),
            "1,234 persons at 2 of 6 Trusts; 1 Trust fewer than 10; 1 failed; 1 under way; \
             1 offline since 2026-07-21 08:12 UTC"
        );
    }

    #[test]
    fn a_sum_of_inexact_counts_says_how_far_off_it_may_be() {
        let margins = Some(Margins { persons: 40, records: 90 });
        let rows = [row(Answer::Value { persons: 1_240, records: 3_000, margins })];
        assert_eq!(headline(&rows, Some(1_240), Some(40)), "About 1,240 ± 40 persons at 1 of 1 Trust");
    }

    #[test]
    fn without_a_value_there_is_no_number_of_persons() {
        assert_eq!(headline(&[row(Answer::Queued)], Some(0), None), "No numbers yet; 1 under way");
        let fewer = [row(Answer::FewerThan { threshold: 10 }), row(Answer::FewerThan { threshold: 20 })];
        assert_eq!(headline(&fewer, None, None), "No numbers; 1 Trust fewer than 10; 1 Trust fewer than 20");
        let gone = [row(away("a")), row(away("b")), row(Answer::NeverSeen)];
        assert_eq!(headline(&gone, None, None), "No numbers; 2 offline; 1 never seen");
    }

    #[test]
    fn a_tally_is_good_only_when_all_answered() {
        let combined = |answers: &[Answer]| Tally::of(answers).combined();
        let value = Answer::Value { persons: 12, records: 12, margins: None };
        let fewer = Answer::FewerThan { threshold: 10 };
        let both = combined(&[value.clone(), fewer]);
        assert_eq!(
            (both.tone, both.text.as_str(), both.missing.as_str()),
            (Tone::Good, "all 2 answered", "1 too few")
        );
        let waiting = combined(&[value.clone(), Answer::Delivered, Answer::NeverSeen]);
        assert_eq!((waiting.tone, waiting.text.as_str()), (Tone::Wait, "1 of 3 answered"));
        assert_eq!(waiting.missing, "1 under way, 1 offline");
        assert_eq!(combined(&[value, away("x")]).tone, Tone::Warn);
        assert_eq!(combined(&[]).text, "no Trust asked");
        let expired = Answer::Expired { at: Moment { iso: String::new(), relative: String::new() } };
        assert_eq!(combined(&[expired]).tone, Tone::Bad);
        let cancelled = Answer::Cancelled { at: Moment { iso: String::new(), relative: String::new() } };
        let told = combined(&[cancelled]);
        assert_eq!((told.tone, told.missing.as_str()), (Tone::Warn, "1 cancelled"));
    }
}
