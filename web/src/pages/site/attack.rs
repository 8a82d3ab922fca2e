//! How often the known attacks win under the Trust's policy.

use serde::Serialize;

use crate::{
    Page,
    chart::{Share, Shares},
    pages::{Frame, Moment, Tone, sample},
};

/// The page at `/attack`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteAttack {
    /// What surrounds it.
    pub frame: Frame,
    /// How to make a report, as one types it.
    pub command: String,
    /// The last report, where there was one.
    pub report: Option<AttackReport>,
}

/// What the attacks came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttackReport {
    /// When it was made.
    pub at: Moment,
    /// Plays of each attacker.
    pub trials: u64,
    /// The policy that it was made under, one setting each.
    pub policy: Vec<String>,
    /// True where the policy in force is another one.
    pub changed: bool,
    /// After how many questions a guess was made.
    pub questions: Vec<u64>,
    /// The attackers.
    pub attackers: Vec<AttackRow>,
    /// The largest share of each.
    pub chart: Shares,
}

/// One attacker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttackRow {
    /// Its name.
    pub name: String,
    /// What it does, in a sentence.
    pub does: String,
    /// What it wants to know of a person.
    pub secret: String,
    /// The share of right guesses after each number of questions, such as `57.1 %`.
    pub shares: Vec<String>,
    /// Where the true share lies, such as `55.1 to 59.0 %`.
    pub interval: String,
    /// Good where it is not right too often, bad where it is, and else the guesses are too few to tell.
    pub verdict: Tone,
}

impl Page for SiteAttack {
    const TEMPLATE: &'static str = "site_attack.html";

    fn samples() -> Vec<Self> {
        let row = |name: &str, shares: [&str; 3], verdict| AttackRow {
            name: name.to_owned(),
            does: "asks for a cohort with the target in it, and for the same cohort less the target"
                .to_owned(),
            secret: "is in the data".to_owned(),
            shares: shares.map(str::to_owned).to_vec(),
            interval: "55.1 to 59.0 %".to_owned(),
            verdict,
        };
        let share = |label: &str, percent| Share { label: label.to_owned(), percent };
        let report = AttackReport {
            at: sample::moment("2026-07-21T08:12:03Z", "4 days ago"),
            trials: 2_500,
            policy: vec!["threshold: No number of fewer than 10 persons leaves.".to_owned()],
            changed: false,
            questions: vec![20, 50, 100],
            attackers: vec![
                row("isolating pair", ["56.9 %", "57.0 %", "57.0 %"], Tone::Good),
                row("limits", ["100.0 %", "100.0 %", "100.0 %"], Tone::Bad),
                row("timing", ["58.9 %", "59.4 %", "59.4 %"], Tone::Warn),
            ],
            chart: Shares {
                id: "shares".to_owned(),
                title: "Right guesses of each attacker".to_owned(),
                limit_percent: 60.0,
                shares: vec![share("isolating pair", 57.0), share("limits", 100.0)],
            },
        };
        let without = Self {
            frame: sample::site(),
            command: "flip-appliance --data /var/lib/flip-appliance attack".to_owned(),
            report: None,
        };
        let old = AttackReport { changed: true, ..report.clone() };
        vec![
            Self { report: Some(report), ..without.clone() },
            Self { report: Some(old), ..without.clone() },
            without,
        ]
    }
}
