//! What the attacks came to: the file that the console shows, and the table that the command prints.
//!
//! What must stay true: an attacker passes where it was right in at most [`SHARE_MAX`] of all plays, after each number
//! of questions; a report says under which policy it was made. Deliberately absent: who the targets were.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use flip_storage::file::{self, Access};
use serde::{Deserialize, Serialize};

/// The share of right guesses above which an attacker wins; a coin is right in half of all plays.
pub const SHARE_MAX: f64 = 0.6;

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
        (ratio(right, trials), interval(right, trials))
    }

    /// True where it did no better than is allowed.
    pub fn passes(&self, trials: u64) -> bool {
        self.worst(trials).0 <= SHARE_MAX
    }
}

impl Report {
    /// Attackers that won.
    pub fn winners(&self) -> impl Iterator<Item = &Tried> {
        self.attackers.iter().filter(|attacker| !attacker.passes(self.trials))
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
            let verdict = if attacker.passes(self.trials) { "passes" } else { "WINS" };
            line(format!(
                "{:<20} {:<18}{shares}   {:.1} to {:.1} %   {verdict}",
                attacker.name,
                attacker.secret,
                100.0 * low,
                100.0 * high
            ));
        }
        let winners = self.winners().count();
        line(String::new());
        line(match winners {
            0 => {
                format!("No attacker is right in more than 60 % of {} plays; a coin is in 50 %.", self.trials)
            }
            _ => format!(
                "{winners} of {} attackers are right in more than 60 % of {} plays.",
                self.attackers.len(),
                self.trials
            ),
        });
        text
    }
}

fn ratio(right: u64, trials: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "plays are far fewer than 2^53")]
    let share = right as f64 / trials.max(1) as f64;
    share
}

/// Wilson's interval at 95 in 100. Source: Wilson, J. Am. Stat. Assoc. 22 (1927).
fn interval(right: u64, trials: u64) -> [f64; 2] {
    const Z: f64 = 1.96;
    #[expect(clippy::cast_precision_loss, reason = "plays are far fewer than 2^53")]
    let n = trials.max(1) as f64;
    let share = ratio(right, trials);
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    [centre - half, centre + half].map(|end| (end / (1.0 + Z * Z / n)).clamp(0.0, 1.0))
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
    fn whoever_is_right_in_more_than_sixty_of_a_hundred_after_any_number_of_questions_wins() {
        assert_eq!(report(&[510, 600, 590]).winners().count(), 0);
        assert_eq!(report(&[601, 550, 550]).winners().count(), 1);
        assert!(report(&[601, 550, 550]).text().contains("WINS"));
    }

    #[test]
    fn the_interval_is_wilsons() {
        let [low, high] = interval(570, 1_000);
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
