//! What the attacks came to: the file that the console shows, and the table that the command prints.
//!
//! What must stay true: a verdict takes account of how many plays it is made of: few of them call nobody a winner, and
//! nobody harmless; a report says under which policy it was made. Deliberately absent: who the targets were.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use flip_storage::file::{self, Access};
use serde::{Deserialize, Serialize};

/// The share of right guesses above which an attacker wins; a coin is right in half of all plays.
pub const SHARE_MAX: f64 = 0.6;
/// Standard errors on each side of an interval that holds the true share with 95 of 100 odds.
const ERRORS_SHOWN: f64 = 1.96;
/// Standard errors that a true share is below with 999 of 1,000 odds: a report looks at a dozen attackers, each after some
/// numbers of questions, and none of them is to win by chance.
const ERRORS_TO_WIN: f64 = 3.09;

/// What the plays say of an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is right in at most [`SHARE_MAX`] of all plays, with 95 of 100 odds.
    Passes,
    /// It is right in more, with 999 of 1,000 odds.
    Wins,
    /// Neither can be told from so many plays.
    TooFewPlays,
}

impl Verdict {
    /// As it is said.
    pub fn words(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Wins => "WINS",
            Self::TooFewPlays => "too few plays to tell",
        }
    }
}

/// Every attacker under one policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When it was made, in Unix milliseconds.
    pub at_ms: u64,
    /// The policy, in words, one setting a line.
    pub policy: Vec<String>,
    /// Plays of each attacker.
    pub trials: u64,
    /// What chance was made of.
    pub seed: u64,
    /// After how many questions a guess is made.
    pub questions: Vec<usize>,
    /// The attackers.
    pub attackers: Vec<Tried>,
}

/// How one attacker did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// What it does, in a sentence.
    pub does: String,
    /// What it wants to know of a person: `is in the data`.
    pub secret: String,
    /// Of all plays, those in which it guessed right, after each number of questions.
    pub right: Vec<u64>,
}

impl Tried {
    /// The share of right guesses after each number of questions.
    pub fn shares(&self, trials: u64) -> impl Iterator<Item = f64> {
        self.right.iter().map(move |right| ratio(*right, trials))
    }

    /// The largest share, and the interval that the true one lies in with 95 of 100 odds.
    pub fn worst(&self, trials: u64) -> (f64, [f64; 2]) {
        let right = self.right.iter().copied().max().unwrap_or_default();
        (ratio(right, trials), interval(right, trials, ERRORS_SHOWN))
    }

    /// Whether it did better than is allowed, after the number of questions that suits it best.
    pub fn verdict(&self, trials: u64) -> Verdict {
        let right = self.right.iter().copied().max().unwrap_or_default();
        if interval(right, trials, ERRORS_TO_WIN)[0] > SHARE_MAX {
            Verdict::Wins
        } else if interval(right, trials, ERRORS_SHOWN)[1] <= SHARE_MAX {
            Verdict::Passes
        } else {
            Verdict::TooFewPlays
        }
    }
}

impl Report {
    /// How many attackers there is such a verdict of.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.attackers.iter().filter(|attacker| attacker.verdict(self.trials) == verdict).count()
    }

    /// Writes it, for its owner alone; a reader sees the old one or the new one.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).expect("a report is plain numbers and strings");
        file::write(file, &text, Access::Owner)
    }

    /// Reads the last one; nothing where there was none.
    pub fn read(file: &Path) -> io::Result<Option<Self>> {
        match fs::read(file) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The table that people read.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |words: String| {
            let _ = writeln!(text, "{}", words.trim_end());
        };
        let after: String = self.questions.iter().fold(String::new(), |mut text, n| {
            let _ = write!(text, "{n:>8}");
            text
        });
        line(format!("{:<20} {:<18}{after}   95 of 100         ", "attacker", "right, after"));
        for attacker in &self.attackers {
            let shares = attacker.shares(self.trials).fold(String::new(), |mut text, share| {
                let _ = write!(text, "{:>6.1} %", 100.0 * share);
                text
            });
            let (_, [low, high]) = attacker.worst(self.trials);
            line(format!(
                "{:<20} {:<18}{shares}   {:.1} to {:.1} %   {}",
                attacker.name,
                attacker.secret,
                100.0 * low,
                100.0 * high,
                attacker.verdict(self.trials).words()
            ));
        }
        line(String::new());
        let [wins, open] = [Verdict::Wins, Verdict::TooFewPlays].map(|verdict| self.count(verdict));
        let of_all = format!("of {} attackers", self.attackers.len());
        if wins == 0 && open == 0 {
            line(format!(
                "No attacker is right in more than 60 % of all plays, as {} of each tell; a coin is in 50 %.",
                self.trials
            ));
        }
        if wins > 0 {
            line(format!("{wins} {of_all} are right in more than 60 % of all plays; a coin is in 50 %."));
        }
        if open > 0 {
            line(format!(
                "Of {open} {of_all}, {} plays are too few for a verdict: give more --trials.",
                self.trials
            ));
        }
        line(
            "It passes where its true share is at most 60 % with 95 of 100 odds, as shown, and wins where it is more \
             with 999 of 1,000 odds."
                .to_owned(),
        );
        text
    }
}

fn ratio(right: u64, trials: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "plays are far fewer than 2^53")]
    let share = right as f64 / trials.max(1) as f64;
    share
}

/// Wilson's interval of so many standard errors. Source: Wilson, J. Am. Stat. Assoc. 22 (1927).
fn interval(right: u64, trials: u64, errors: f64) -> [f64; 2] {
    #[expect(clippy::cast_precision_loss, reason = "plays are far fewer than 2^53")]
    let n = trials.max(1) as f64;
    let share = ratio(right, trials);
    let centre = share + errors * errors / (2.0 * n);
    let half = errors * (share * (1.0 - share) / n + errors * errors / (4.0 * n * n)).sqrt();
    [centre - half, centre + half].map(|end| (end / (1.0 + errors * errors / n)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(right: &[u64]) -> Report {
        Report {
            at_ms: 1,
            policy: vec!["threshold = 10".to_owned()],
            trials: 1_000,
            seed: 1,
            questions: vec![20, 50, 100],
            attackers: vec![Tried {
                name: "pair".to_owned(),
                does: "asks".to_owned(),
                secret: "is in the data".to_owned(),
                right: right.to_vec(),
            }],
        }
    }

    #[test]
    fn whoever_is_surely_right_in_more_than_sixty_of_a_hundred_after_any_number_of_questions_wins() {
        for (right, verdict) in [
            ([510, 560, 550], Verdict::Passes),
            ([510, 601, 550], Verdict::TooFewPlays),
            ([700, 500, 500], Verdict::Wins),
        ] {
            let report = report(&right);
            assert_eq!(report.attackers[0].verdict(report.trials), verdict, "{right:?}");
            assert!(report.text().contains(verdict.words()), "{}", report.text());
        }
    }

    #[test]
    fn few_plays_call_nobody_a_winner_by_chance_and_nobody_harmless() {
        for trials in 2..=60_u64 {
            for right in 0..=trials {
                let report = Report { trials, ..report(&[right]) };
                let coin = (right..=trials).map(|right| odds(right, trials, 0.5)).sum::<f64>();
                let winner = (0..=right).map(|right| odds(right, trials, SHARE_MAX)).sum::<f64>();
                match report.attackers[0].verdict(trials) {
                    Verdict::Wins => assert!(coin < 1e-3, "a coin with {right} of {trials} wins"),
                    Verdict::Passes => assert!(winner < 0.07, "a winner with {right} of {trials} passes"),
                    Verdict::TooFewPlays => {
                        assert!(report.text().contains(&format!("{trials} plays are too few for a verdict")));
                    }
                }
            }
        }
        let all = Report { trials: 20, ..report(&[20]) };
        assert_eq!(all.attackers[0].verdict(20), Verdict::Wins);
        let most = Report { trials: 20, ..report(&[14]) };
        assert_eq!(most.attackers[0].verdict(20), Verdict::TooFewPlays);
    }

    /// The odds of exactly so many right guesses, each right in that share of all.
    fn odds(right: u64, trials: u64, share: f64) -> f64 {
        let wrong = trials - right;
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let ways = (0..right).map(|at| (trials - at) as f64 / (at + 1) as f64).product::<f64>();
        let [right, wrong] = [right, wrong].map(|times| i32::try_from(times).unwrap());
        ways * share.powi(right) * (1.0 - share).powi(wrong)
    }

    #[test]
    fn the_interval_is_wilsons() {
        let [low, high] = interval(570, 1_000, ERRORS_SHOWN);
        assert!((low - 0.5391).abs() < 1e-3 && (high - 0.6004).abs() < 1e-3, "{low} {high}");
    }

    #[test]
    fn a_report_is_its_owners_alone_and_reads_back() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("attack.json");
        assert_eq!(Report::read(&file).unwrap(), None);
        report(&[1, 2, 3]).write(&file).unwrap();
        assert_eq!(Report::read(&file).unwrap(), Some(report(&[1, 2, 3])));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
