//! The site's own limits on what may leave it: `policy.toml`, as written (every line optional), then checked.
//!
//! What must stay true: a line without `danger_` in its name can only make the policy stricter than it is by itself; no
//! message from the hub can change any of it. Deliberately absent: reading the file's bytes from anywhere but the
//! appliance's own folder.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flip_storage::settings::{self, Wrong};
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
const WEEKLY_DEFAULT: u64 = 100;
/// New questions of all projects together in a week: the hub names projects, and could name one for each question.
const WEEKLY_ALL_DEFAULT: u64 = 1_000;
/// Answers leave at a multiple of this, in milliseconds, doubled as often as they need: 22, 44, 88, ..; the third is for
/// what is to be there within 100 ms.
const TICK_MS_DEFAULT: u64 = 22;
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

/// Why a policy is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("{} cannot be read", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// Lines that are not right, all of them.
    #[error(transparent)]
    Wrong(#[from] Wrong),
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
        match settings::text(&file) {
            Ok(Some(text)) => Self::of(&file, &text),
            Ok(None) => Ok(Self::default()),
            Err(error) => Err(PolicyError::File(file, error)),
        }
    }

    /// Checks the text of a policy.
    pub fn check(text: &str) -> Result<Self, PolicyError> {
        Self::of(Path::new(FILE), text)
    }

    fn of(file: &Path, text: &str) -> Result<Self, PolicyError> {
        let mut lines = Lines { left: settings::Lines::of(file, text), loosened: Vec::new() };
        let week = 1..=1_000_000;
        let policy = Self {
            threshold: lines.take(
                "threshold",
                THRESHOLD_DEFAULT,
                Stricter::Higher,
                THRESHOLD_MIN..=1_000_000,
            ),
            noise: lines.take("noise", NOISE_DEFAULT, Stricter::Higher, 0.0..=10_000.0),
            rounding: lines.take("rounding", ROUNDING_DEFAULT, Stricter::Higher, 1..=10_000),
            budget: lines.take("budget", BUDGET_DEFAULT, Stricter::Lower, 0.0..=1_000.0),
            questions_weekly: lines.take("questions_weekly", WEEKLY_DEFAULT, Stricter::Lower, week.clone()),
            questions_weekly_all: lines.take(
                "questions_weekly_all",
                WEEKLY_ALL_DEFAULT,
                Stricter::Lower,
                week,
            ),
            tick_ms: lines.take("tick_ms", TICK_MS_DEFAULT, Stricter::Higher, 0..=60_000),
            loosened: lines.loosened,
        };
        let Self { noise, budget, .. } = policy;
        let least = budget::question_max(noise);
        // Beside a value that is not right, the one in its place tells nothing of what the file means.
        if lines.left.are_right() && !policy.is_exact() && budget < least {
            // More than it is by itself is let in under that name alone.
            let name = if least > BUDGET_DEFAULT { "danger_budget" } else { "budget" };
            let why = format!(
                "less than one question costs with noise = {noise}; expected {name} = {least} or more"
            );
            lines.left.wrong("budget", &budget, &why);
        }
        lines.left.end()?;
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
                format!("{WEEKLY_DEFAULT} questions"),
                "Trying questions by the thousand.",
            ),
            setting(
                "questions_weekly_all",
                format!(
                    "All projects together may ask {} new questions in a week.",
                    self.questions_weekly_all
                ),
                format!("{WEEKLY_ALL_DEFAULT} questions"),
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

/// The file's lines, each taken once, and the settings that were loosened.
struct Lines {
    left: settings::Lines,
    loosened: Vec<&'static str>,
}

/// A setting's value: a whole number, or one with a fraction.
trait Value: PartialOrd + Copy + std::fmt::Display {
    fn of(written: &toml::Value) -> Option<Self>;
}

impl Value for u64 {
    fn of(written: &toml::Value) -> Option<Self> {
        written.as_integer().and_then(|value| Self::try_from(value).ok())
    }
}

impl Value for f64 {
    fn of(written: &toml::Value) -> Option<Self> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a number of persons that large is out of every range"
        )]
        written.as_float().or_else(|| written.as_integer().map(|value| value as Self))
    }
}

impl Lines {
    /// The value in force of a setting, which may be written by its name, or with `danger_` before it.
    fn take<T: Value>(
        &mut self,
        name: &'static str,
        by_itself: T,
        stricter: Stricter,
        range: RangeInclusive<T>,
    ) -> T {
        let danger = format!("danger_{name}");
        let (written, line) = match (self.left.take(name), self.left.take_untold(&danger)) {
            (Some(_), Some(_)) => {
                let why = format!("{name} and {danger} are one setting: write one of them");
                self.left.problem(&danger, why);
                return by_itself;
            }
            (Some(written), None) => (written, name),
            (None, Some(written)) => (written, danger.as_str()),
            (None, None) => return by_itself,
        };
        let Some(value) = T::of(&written).filter(|value| range.contains(value)) else {
            self.left.unexpected(line, &written, &format!("{} to {}", range.start(), range.end()));
            return by_itself;
        };
        let loosens = match stricter {
            Stricter::Higher => value < by_itself,
            Stricter::Lower => value > by_itself,
        };
        if loosens && line == name {
            let why = format!(
                "{name} = {value} lets out more than the appliance would by itself ({name} = {by_itself}); a site that \
                 takes that upon itself writes {danger} = {value}"
            );
            self.left.problem(name, why);
        } else if loosens {
            self.loosened.push(name);
        }
        value
    }
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
            "tick_ms = 21",
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
        assert!(error("noise = nan").contains("noise = nan"));
        assert!(error("threshold = \"ten\"").contains("threshold = \"ten\" is not right: expected 5 to"));
        assert!(error("threshold = -20").contains("threshold = -20 is not right"));
        assert!(
            error("budget = 0.001").contains("budget = 0.001 is not right: less than one question costs")
        );
        assert!(error("danger_noise = 4").contains("expected danger_budget = 0.0515625 or more"));
        assert!(Policy::check("danger_noise = 4\ndanger_budget = 0.0515625").is_ok());
        assert!(error("threshold = 12\ndanger_threshold = 6").contains("one setting"));
    }

    #[test]
    fn a_line_with_a_typo_is_refused_by_name() {
        let error = error("# Ours.\nnoise = 9\ntreshold = 12");
        assert!(error.contains("line 3: unknown field `treshold`; there are threshold, noise"), "{error}");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_by_line() {
        let text = "threshold = 9\ndanger_noise = -1\ntick_ms = 100\nnosie = 9\nrounding = 10\ndanger_rounding = 1\n\
                    [budget]\n";
        let error = error(text);
        let told = [
            "policy.toml line 1: threshold = 9 lets out more than the appliance would by itself",
            "policy.toml line 2: danger_noise = -1 is not right: expected 0 to 10000",
            "policy.toml line 4: unknown field `nosie`",
            "policy.toml line 6: rounding and danger_rounding are one setting",
            "policy.toml line 7: budget = ",
        ];
        assert_eq!(error.lines().count(), told.len(), "{error}");
        assert!(error.lines().zip(told).all(|(line, told)| line.starts_with(told)), "{error}");
    }

    #[test]
    fn exact_counts_need_a_danger() {
        let policy = Policy::check("danger_noise = 0\ndanger_rounding = 1").unwrap();
        assert!(policy.is_exact());
        assert_eq!(policy.shown_min(), 10);
        assert_eq!(policy.loosened(), ["noise", "rounding"]);
    }
}
