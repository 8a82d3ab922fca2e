//! The attackers: who is after what, and what they ask.
//!
//! Each asks about one target, whose birthday it knows, as it knows everything of everybody else. What must stay true:
//! a question depends on the target, the policy and its number alone, so that an attacker can try it at home first; what
//! the theory says of an attacker stands above it, as its share of right guesses under the shipped policy. Deliberately
//! absent: how answers are weighed ([`super::evidence`]); every attacker weighs all of them in the same way.

mod crowd;
mod one_answer;
mod rows;
mod sizes;

use super::chance::Chance;
use super::population::{RARE, Target, World, birthday};
use crate::disclosure::Policy;
use sizes::Sizes;

/// What an attacker wants to know of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secret {
    /// Whether they are in the data at all.
    InTheData,
    /// Whether they have the rare condition; that they are in the data is known.
    Condition,
}

impl Secret {
    /// The two worlds that are to be told apart.
    pub fn worlds(self) -> [World; 2] {
        match self {
            Self::InTheData => [World::Absent, World::Present],
            Self::Condition => [World::Present, World::Afflicted],
        }
    }

    /// What it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::InTheData => "is in the data",
            Self::Condition => "has the condition",
        }
    }
}

/// An attacker.
pub(super) struct Attacker {
    /// Its name, for tables and tests.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub does: &'static str,
    /// What it is after.
    pub secret: Secret,
    /// Questions that it has; after the last it guesses from what it knows.
    pub asks: usize,
    /// Runs of one question, to know how long it takes; none where time is not what it looks at.
    pub runs: usize,
    /// Its question of that number about a target.
    pub question: fn(&About, usize) -> String,
}

/// Every attacker.
pub(super) const ATTACKERS: &[Attacker] = &[
    crowd::PAIR,
    crowd::REPHRASING,
    crowd::BOUNDARY,
    crowd::BOTH_SIDES,
    crowd::REPEATS,
    rows::FORGED,
    one_answer::NULLS,
    one_answer::BREAKDOWN,
    one_answer::MEANS,
    one_answer::ENDS,
    rows::CAPS,
    rows::LIMITS,
    rows::TIMING,
];

/// A target in the words of SQL, conditions on `person p`; and the policy that it is attacked under.
pub(super) struct About {
    target: Target,
    seed: u64,
    sizes: Sizes,
}

impl About {
    pub fn new(target: Target, seed: u64, policy: &Policy) -> Self {
        Self { target, seed, sizes: Sizes::of(policy) }
    }

    /// The target alone, if they are there.
    fn target(&self) -> String {
        format!("({BIRTHDAY} = {})", birthday(self.target.rank))
    }

    /// So many others, other ones for each `variant`.
    fn others(&self, count: usize, variant: usize) -> String {
        let mut chance = Chance::of(self.seed, &[4, self.target.number as u64, variant as u64]);
        let mut ranks = chance.some_of(self.target.others(), count);
        ranks.sort_unstable();
        let days: Vec<String> = ranks.into_iter().map(|rank| birthday(rank).to_string()).collect();
        format!("{BIRTHDAY} IN ({})", days.join(", "))
    }

    /// Who has the rare condition.
    #[expect(clippy::unused_self, reason = "stands beside its siblings")]
    fn rare(&self) -> String {
        let own = "SELECT 1 FROM condition_occurrence c WHERE c.person_id = p.person_id";
        format!("EXISTS ({own} AND c.condition_concept_id = {RARE})")
    }

    /// The target, if they have the rare condition.
    fn bit(&self) -> String {
        format!("({} AND {})", self.target(), self.rare())
    }

    /// A cohort of who meets a condition.
    fn cohort(condition: &str) -> String {
        format!("SELECT p.person_id FROM person p WHERE {condition}")
    }
}

/// What names one person.
const BIRTHDAY: &str = "p.year_of_birth * 10000 + p.month_of_birth * 100 + p.day_of_birth";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_gate_takes_every_attackers_questions_but_those_that_make_up_persons() {
        for policy in ["", "noise = 30\nthreshold = 50\nrounding = 100\ntick_ms = 100", "danger_noise = 0"] {
            let policy = Policy::check(policy).unwrap();
            let about = About::new(Target { number: 3, rank: 42 }, 9, &policy);
            for attacker in ATTACKERS {
                let mut texts = BTreeSet::new();
                for at in 0..attacker.asks {
                    let sql = (attacker.question)(&about, at);
                    match flip_gate::admit(&sql) {
                        Ok(plan) => drop(texts.insert(plan.canonical().to_owned())),
                        Err(refusal) => {
                            assert_eq!(attacker.name, rows::FORGED.name, "{sql}\n{refusal}");
                            assert!(at % 4 == 3, "{sql}\n{refusal}");
                        }
                    }
                }
                // Where noise is large, a bound takes everybody.
                let asks = if policy == Policy::default() { attacker.asks / 2 } else { 1 };
                assert!(texts.len() >= asks, "{} asks {}", attacker.name, texts.len());
            }
        }
    }
}
