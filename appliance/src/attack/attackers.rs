//! The attackers: who is after what, and what they ask.
//!
//! Each asks about one target, whose birthday it knows, as it knows everything of everybody else. What must stay true:
//! a question depends on the target and its number alone, so that an attacker can try it at home first. Deliberately
//! absent: how answers are weighed ([`super::evidence`]); every attacker weighs all of them in the same way.

mod crowd;
mod one_answer;
mod rows;

use super::chance::Chance;
use super::population::{RARE, Target, World, birthday};

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
    /// True where it asks about everybody, in data with a large crowd beside the targets' blocks.
    pub in_a_crowd: bool,
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
    one_answer::EDGES,
    rows::CAPS,
    rows::LIMITS,
    rows::TIMING,
];

/// A target in the words of SQL: conditions on `person p`.
pub(super) struct About {
    target: Target,
    seed: u64,
}

impl About {
    pub fn new(target: Target, seed: u64) -> Self {
        Self { target, seed }
    }

    /// Everybody in the target's block.
    fn block(&self) -> String {
        format!("p.year_of_birth = {}", self.target.year())
    }

    /// The target alone, if they are there.
    fn target(&self) -> String {
        format!("p.month_of_birth * 100 + p.day_of_birth = {}", birthday(self.target.rank))
    }

    /// So many others of the block, other ones for each `variant`.
    fn others(&self, count: usize, variant: usize) -> String {
        let mut chance = Chance::of(self.seed, &[4, self.target.block as u64, variant as u64]);
        let mut ranks = chance.some_of(self.target.others(), count);
        ranks.sort_unstable();
        let days: Vec<String> = ranks.into_iter().map(|rank| birthday(rank).to_string()).collect();
        format!("p.month_of_birth * 100 + p.day_of_birth IN ({})", days.join(", "))
    }

    /// Who has the rare condition.
    #[expect(clippy::unused_self, reason = "stands beside its siblings")]
    fn rare(&self) -> String {
        let own = "SELECT 1 FROM condition_occurrence c WHERE c.person_id = p.person_id";
        format!("EXISTS ({own} AND c.condition_concept_id = {RARE})")
    }

    /// The target, if they have the rare condition; of their block.
    fn bit(&self) -> String {
        format!("({} AND {})", self.target(), self.rare())
    }

    /// A condition on everybody, that holds in the target's block alone.
    fn in_block(&self, condition: &str) -> String {
        format!("({} AND ({condition}))", self.block())
    }

    /// A cohort of who in the block meets a condition.
    fn cohort(&self, condition: &str) -> String {
        format!("SELECT p.person_id FROM person p WHERE {} AND ({condition})", self.block())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_gate_takes_every_attackers_questions_but_those_that_make_up_persons() {
        let about = About::new(Target { block: 3, rank: 42 }, 9);
        for attacker in ATTACKERS {
            let mut texts = BTreeSet::new();
            for at in 0..100 {
                let sql = (attacker.question)(&about, at);
                match flip_gate::admit(&sql) {
                    Ok(plan) => drop(texts.insert(plan.canonical().to_owned())),
                    Err(refusal) => {
                        assert_eq!(attacker.name, rows::FORGED.name, "{sql}\n{refusal}");
                        assert!(at % 4 == 3, "{sql}\n{refusal}");
                    }
                }
            }
            assert!(texts.len() >= 50, "{} asks {} questions", attacker.name, texts.len());
        }
    }
}
