//! The site's own limits on what may leave it: `policy.toml`, as written (every line optional), then checked.
//!
//! What must stay true: a line without `danger_` in its name can only make the policy stricter than it is by itself; no
//! message from the hub can change any of it. Deliberately absent: reading the file's bytes from anywhere but the
//! appliance's own folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::budget;

/// The file's name in the appliance's folder. It need not be there.
pub const FILE: &str = "policy.toml";

/// Persons below which nothing is shown, where a site sets nothing: FLIP's default.
pub const THRESHOLD_DEFAULT: u64 = 10;
/// The lowest threshold a site may set, in persons.
pub const THRESHOLD_MIN: u64 = 5;
/// Standard deviation of the noise on the smallest cohorts, in persons.
const NOISE_DEFAULT: f64 = 8.0;
/// What counts are rounded to a multiple of.
const ROUNDING_DEFAULT: u64 = 5;
/// What may be found out about one person in their life: half the square of the distance, in standard deviations, between
/// what answers say where they are in and where they are not. Whoever has to guess which of two equally likely facts about
/// a person is true is right at most 58.8 % of the time (see [`budget`]).
const BUDGET_DEFAULT: f64 = 0.025;
/// New questions of one project in a week.
const QUESTIONS_WEEKLY_DEFAULT: u64 = 100;
/// New questions of all projects together in a week: the hub names projects, and could name one for each question.
const QUESTIONS_WEEKLY_ALL_DEFAULT: u64 = 1_000;
/// Answers leave at a multiple of this, in milliseconds, doubled as often as they need.
const TICK_MS_DEFAULT: u64 = 25;
/// A cohort is shown where its count is above the threshold by so many standard deviations of its noise: whether the
/// exact count reaches the threshold can then hardly be told from whether it is shown.
pub(super) const CLEAR: f64 = 2.5;
/// The same of a count whose label stands in records, of which an answer may have hundreds.
pub(super) const CLEAR_LABEL: f64 = 4.5;

/// A site's disclosure policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    threshold: u64,
    noise: f64,
    rounding: u64,
    budget: f64,
    questions_weekly: u64,
    questions_weekly_all: u64,
    tick_ms: u64,
    loosened: Vec<&'static str>,
}

/// What may stand in the file. Unknown lines are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    threshold: Option<u64>,
    danger_threshold: Option<u64>,
    noise: Option<f64>,
    danger_noise: Option<f64>,
    rounding: Option<u64>,
    danger_rounding: Option<u64>,
    budget: Option<f64>,
    danger_budget: Option<f64>,
    questions_weekly: Option<u64>,
    danger_questions_weekly: Option<u64>,
    questions_weekly_all: Option<u64>,
    danger_questions_weekly_all: Option<u64>,
    tick_ms: Option<u64>,
    danger_tick_ms: Option<u64>,
}

/// Why a policy is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("{} cannot be read", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// Not TOML, or an unknown line.
    #[error("the policy is not right: {0}")]
    Toml(String),
    /// A value that nobody may set.
    #[error("{name} = {value} is not right: expected {expected}")]
    Value {
        /// The setting.
        name: String,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: String,
    },
    /// A value that lets out more than the appliance would by itself, under the setting's plain name.
    #[error(
        "{name} = {value} lets out more than the appliance would by itself ({name} = {by_itself}); a site that takes \
         that upon itself writes danger_{name} = {value}"
    )]
    Loosens {
        /// The setting.
        name: &'static str,
        /// What stands there.
        value: String,
        /// What is in force without the line.
        by_itself: String,
    },
    /// Both names of one setting.
    #[error("{0} and danger_{0} are one setting: write one of them")]
    Twice(&'static str),
    /// Less than one question costs.
    #[error(
        "budget = {budget} is less than one question costs with noise = {noise}: expected {least} or more"
    )]
    BudgetTooSmall {
        /// The budget.
        budget: f64,
        /// The noise.
        noise: f64,
        /// The least that is enough.
        least: f64,
    },
}

/// One setting of a policy, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the file.
    pub name: &'static str,
    /// What is in force, in a sentence.
    pub in_force: String,
    /// What it is by itself.
    pub by_itself: String,
    /// What it protects from, in a sentence.
    pub protects: &'static str,
    /// True where the site allows more than that.
    pub loosened: bool,
}

/// Which values of a setting are stricter.
#[derive(Clone, Copy)]
enum Stricter {
    Higher,
    Lower,
}

impl Policy {
    /// Reads and checks the policy in the appliance's folder.
    pub fn load(folder: &Path) -> Result<Self, PolicyError> {
        let file = folder.join(FILE);
        match fs::read_to_string(&file) {
            Ok(text) => Self::check(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(PolicyError::File(file, error)),
        }
    }

    /// Checks the text of a policy.
    pub fn check(text: &str) -> Result<Self, PolicyError> {
        let written: Written = toml::from_str(text).map_err(|error| PolicyError::Toml(error.to_string()))?;
        let mut loosened = Vec::new();
        let week = 1..=1_000_000;
        let policy = Self {
            threshold: whole(
                "threshold",
                (written.threshold, written.danger_threshold),
                (THRESHOLD_DEFAULT, Stricter::Higher),
                THRESHOLD_MIN..=1_000_000,
                &mut loosened,
            )?,
            noise: real(
                "noise",
                (written.noise, written.danger_noise),
                (NOISE_DEFAULT, Stricter::Higher),
                0.0..=10_000.0,
                &mut loosened,
            )?,
            rounding: whole(
                "rounding",
                (written.rounding, written.danger_rounding),
                (ROUNDING_DEFAULT, Stricter::Higher),
                1..=10_000,
                &mut loosened,
            )?,
            budget: real(
                "budget",
                (written.budget, written.danger_budget),
                (BUDGET_DEFAULT, Stricter::Lower),
                0.0..=1_000.0,
                &mut loosened,
            )?,
            questions_weekly: whole(
                "questions_weekly",
                (written.questions_weekly, written.danger_questions_weekly),
                (QUESTIONS_WEEKLY_DEFAULT, Stricter::Lower),
                week.clone(),
                &mut loosened,
            )?,
            questions_weekly_all: whole(
                "questions_weekly_all",
                (written.questions_weekly_all, written.danger_questions_weekly_all),
                (QUESTIONS_WEEKLY_ALL_DEFAULT, Stricter::Lower),
                week,
                &mut loosened,
            )?,
            tick_ms: whole(
                "tick_ms",
                (written.tick_ms, written.danger_tick_ms),
                (TICK_MS_DEFAULT, Stricter::Higher),
                0..=60_000,
                &mut loosened,
            )?,
            loosened,
        };
        let least = budget::question_max(policy.noise);
        if !policy.is_exact() && policy.budget < least {
            return Err(PolicyError::BudgetTooSmall { budget: policy.budget, noise: policy.noise, least });
        }
        Ok(policy)
    }

    /// Persons below which nothing is shown.
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// Standard deviation of the noise on the smallest cohorts, in persons.
    pub fn noise(&self) -> f64 {
        self.noise
    }

    /// True where counts leave as they are.
    pub fn is_exact(&self) -> bool {
        self.noise <= 0.0
    }

    /// What counts are rounded to a multiple of.
    pub fn rounding(&self) -> u64 {
        self.rounding
    }

    /// The smallest number of persons that is shown: the threshold, clear of the noise.
    pub fn shown_min(&self) -> u64 {
        super::noise::clear_of(self.threshold, self.noise, CLEAR)
    }

    /// What one person may be charged before they are left out, in [`budget`]'s units; room for one more question is
    /// kept, so that nobody is charged more than their budget.
    pub fn units_max(&self) -> u64 {
        budget::units_within(self.budget - budget::question_max(self.noise))
    }

    /// New questions that a project may ask in a week.
    pub fn questions_weekly(&self) -> u64 {
        self.questions_weekly
    }

    /// New questions that all projects together may ask in a week.
    pub fn questions_weekly_all(&self) -> u64 {
        self.questions_weekly_all
    }

    /// Answers leave at a multiple of this.
    pub fn tick(&self) -> Duration {
        Duration::from_millis(self.tick_ms)
    }

    /// The settings under which the site allows more than is safe.
    pub fn loosened(&self) -> &[&'static str] {
        &self.loosened
    }

    /// Two policies with the same fingerprint make the same release of the same counts.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(format!("{} {:?} {}", self.threshold, self.noise, self.rounding)).into()
    }

    /// Every setting, for people.
    pub fn settings(&self) -> Vec<Setting> {
        let setting = |name, in_force: String, by_itself: String, protects| Setting {
            name,
            in_force,
            by_itself,
            protects,
            loosened: self.loosened.contains(&name),
        };
        let noise = if self.is_exact() {
            "Counts leave as they are.".to_owned()
        } else {
            format!(
                "Every count has noise of {} persons or more added; no count below {} leaves.",
                self.noise,
                self.shown_min()
            )
        };
        let budget = if self.is_exact() {
            "Nothing is charged, because counts are exact.".to_owned()
        } else {
            format!("Who was in so many answers that {} is used up is left out of further ones.", self.budget)
        };
        vec![
            setting(
                "threshold",
                format!("No number of fewer than {} persons leaves.", self.threshold),
                format!("{THRESHOLD_DEFAULT} persons"),
                "Small groups, in which one person stands out.",
            ),
            setting(
                "noise",
                noise,
                format!("{NOISE_DEFAULT} persons"),
                "Two answers that differ by one person.",
            ),
            setting(
                "rounding",
                match self.rounding {
                    1 => "Counts are not rounded.".to_owned(),
                    more => format!("Counts are multiples of {more}."),
                },
                format!("{ROUNDING_DEFAULT} persons"),
                "Numbers that look more exact than they are.",
            ),
            setting(
                "budget",
                budget,
                format!("{BUDGET_DEFAULT}"),
                "Many answers about the same person, put together.",
            ),
            setting(
                "questions_weekly",
                format!("A project may ask {} new questions in a week.", self.questions_weekly),
                format!("{QUESTIONS_WEEKLY_DEFAULT} questions"),
                "Trying questions by the thousand.",
            ),
            setting(
                "questions_weekly_all",
                format!(
                    "All projects together may ask {} new questions in a week.",
                    self.questions_weekly_all
                ),
                format!("{QUESTIONS_WEEKLY_ALL_DEFAULT} questions"),
                "A hub that names a project for each question.",
            ),
            setting(
                "tick_ms",
                match self.tick_ms {
                    0 => "Answers leave as soon as they are ready.".to_owned(),
                    tick => {
                        format!("Answers leave {tick} ms after a question began, or twice, four times that.")
                    }
                },
                format!("{TICK_MS_DEFAULT} ms"),
                "Reading the data from how long an answer takes.",
            ),
        ]
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::check("").expect("the defaults are right")
    }
}

fn whole(
    name: &'static str,
    written: (Option<u64>, Option<u64>),
    by_itself: (u64, Stricter),
    range: std::ops::RangeInclusive<u64>,
    loosened: &mut Vec<&'static str>,
) -> Result<u64, PolicyError> {
    let expected = format!("{} to {}", range.start(), range.end());
    settle(name, written, by_itself, |value| range.contains(value), &expected, loosened)
}

fn real(
    name: &'static str,
    written: (Option<f64>, Option<f64>),
    by_itself: (f64, Stricter),
    range: std::ops::RangeInclusive<f64>,
    loosened: &mut Vec<&'static str>,
) -> Result<f64, PolicyError> {
    let expected = format!("{} to {}", range.start(), range.end());
    settle(name, written, by_itself, |value| range.contains(value), &expected, loosened)
}

/// The value in force of a setting with two names.
fn settle<T: PartialOrd + Copy + std::fmt::Display>(
    name: &'static str,
    (plain, danger): (Option<T>, Option<T>),
    (by_itself, stricter): (T, Stricter),
    is_possible: impl Fn(&T) -> bool,
    expected: &str,
    loosened: &mut Vec<&'static str>,
) -> Result<T, PolicyError> {
    let (value, is_danger) = match (plain, danger) {
        (Some(_), Some(_)) => return Err(PolicyError::Twice(name)),
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return Ok(by_itself),
    };
    if !is_possible(&value) {
        let name = if is_danger { format!("danger_{name}") } else { name.to_owned() };
        return Err(PolicyError::Value { name, value: value.to_string(), expected: expected.to_owned() });
    }
    let loosens = match stricter {
        Stricter::Higher => value < by_itself,
        Stricter::Lower => value > by_itself,
    };
    if loosens && !is_danger {
        let (value, by_itself) = (value.to_string(), by_itself.to_string());
        return Err(PolicyError::Loosens { name, value, by_itself });
    }
    if loosens {
        loosened.push(name);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Policy::check(text).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_is_the_safe_policy() {
        let policy = Policy::check("").unwrap();
        assert_eq!((policy.threshold(), policy.shown_min(), policy.rounding()), (10, 30, 5));
        assert!(policy.loosened().is_empty() && !policy.is_exact());
        assert!(policy.settings().iter().all(|setting| !setting.loosened));
    }

    #[test]
    fn a_plain_line_can_only_tighten() {
        let policy = Policy::check(
            "threshold = 20\nnoise = 12.5\nrounding = 10\nbudget = 0.02\nquestions_weekly = 10\ntick_ms = 100",
        )
        .unwrap();
        assert_eq!((policy.threshold(), policy.questions_weekly()), (20, 10));
        assert!(policy.loosened().is_empty());
        for line in [
            "threshold = 9",
            "noise = 7.9",
            "rounding = 4",
            "budget = 0.1",
            "questions_weekly = 101",
            "tick_ms = 24",
        ] {
            let (name, _) = line.split_once(' ').unwrap();
            let error = error(line);
            assert!(error.contains(&format!("danger_{line}")), "{error}");
            let loose = Policy::check(&format!("danger_{line}")).unwrap();
            assert_eq!(loose.loosened(), [name]);
        }
    }

    #[test]
    fn some_values_nobody_may_set() {
        assert!(error("danger_threshold = 4").contains("expected 5 to"));
        assert!(error("danger_noise = -1.0").contains("danger_noise = -1"));
        assert!(error("noise = nan").contains("noise = NaN"));
        assert!(error("budget = 0.001").contains("less than one question costs"));
        assert!(error("threshold = 12\ndanger_threshold = 6").contains("one setting"));
    }

    #[test]
    fn a_line_with_a_typo_is_refused_by_name() {
        let error = error("treshold = 12");
        assert!(error.contains("treshold") && error.contains("threshold"), "{error}");
    }

    #[test]
    fn exact_counts_need_a_danger() {
        let policy = Policy::check("danger_noise = 0\ndanger_rounding = 1").unwrap();
        assert!(policy.is_exact());
        assert_eq!(policy.shown_min(), 10);
        assert_eq!(policy.loosened(), ["noise", "rounding"]);
    }
}
