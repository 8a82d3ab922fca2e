//! An attacker against one target: first at home, where it learns, then at Trusts whose secret it does not know.
//!
//! What must stay true: which world a Trust is of is a fair coin; the attacker sees answers and nothing else.

use super::attackers::{About, Attacker};
use super::chance::Chance;
use super::evidence::{Lesson, Seen};
use super::population::{Target, World};
use super::site::{Memory, Site};
use super::{AttackError, Settings, Worlds};
use crate::disclosure::Policy;

/// Pairs of made-up Trusts that an attacker learns from.
const LESSONS: usize = 64;
/// After so many questions in a row that teach nothing at home, an attacker asks no more.
const IDLE_MAX: usize = 12;

/// What all plays share.
pub(super) struct Scene<'a> {
    pub settings: &'a Settings,
    pub policy: &'a Policy,
    pub worlds: &'a Worlds,
    /// Plays of each target.
    pub plays: u64,
}

impl Scene<'_> {
    /// How often the attacker was right, after each number of questions.
    pub fn play(
        &self,
        attacker: &Attacker,
        target: Target,
        memory: &mut Memory,
    ) -> Result<Vec<u64>, AttackError> {
        let mut chance = Chance::of(self.settings.seed, &[5, target.block as u64, hash(attacker.name)]);
        memory.clear(attacker.runs, chance.clone());
        let about = About::new(target, self.settings.seed);
        let most = self.settings.questions.last().copied().unwrap_or_default().min(attacker.asks);
        let questions: Vec<String> = (0..most).map(|at| (attacker.question)(&about, at)).collect();
        let worlds = attacker.secret.worlds();
        let lessons = self.learn(worlds, &questions, memory, &mut chance)?;
        let mut right = vec![0; self.settings.questions.len()];
        for _ in 0..self.plays {
            let is_second = chance.coin();
            let mut site = self.site(worlds[usize::from(is_second)], &mut chance)?;
            let mut weight = 0.0;
            let mut asked = 0;
            for (won, after) in right.iter_mut().zip(&self.settings.questions) {
                while asked < lessons.len().min(*after) {
                    let heard = site.ask(memory, &questions[asked])?;
                    weight += lessons[asked].weigh(&Seen::of(&heard.outcome, heard.took));
                    asked += 1;
                }
                // Who has seen nothing tosses a coin.
                let guess = if weight == 0.0 { chance.coin() } else { weight > 0.0 };
                *won += u64::from(guess == is_second);
            }
        }
        Ok(right)
    }

    /// Asks each question of pairs of made-up Trusts, one of each world, both with the same secret.
    fn learn(
        &self,
        worlds: [World; 2],
        questions: &[String],
        memory: &mut Memory,
        chance: &mut Chance,
    ) -> Result<Vec<Lesson>, AttackError> {
        let mut pairs = Vec::new();
        for _ in 0..LESSONS {
            let secret = chance.bytes();
            let site = |world| Site::new(self.worlds.of(world), self.policy, secret);
            pairs.push((site(worlds[0])?, site(worlds[1])?));
        }
        let mut lessons = Vec::new();
        for sql in questions {
            let mut heard = |site: &mut Site<'_>| -> Result<Seen, AttackError> {
                let heard = site.ask(memory, sql)?;
                Ok(Seen::of(&heard.outcome, heard.took))
            };
            let seen: Vec<(Seen, Seen)> = pairs
                .iter_mut()
                .map(|(first, second)| Ok((heard(first)?, heard(second)?)))
                .collect::<Result<_, AttackError>>()?;
            lessons.push(Lesson::of(&seen));
            if lessons.iter().rev().take(IDLE_MAX).filter(|lesson| lesson.is_empty()).count() == IDLE_MAX {
                break;
            }
        }
        Ok(lessons)
    }

    fn site(&self, world: World, chance: &mut Chance) -> Result<Site<'_>, AttackError> {
        Site::new(self.worlds.of(world), self.policy, chance.bytes())
    }
}

fn hash(name: &str) -> u64 {
    name.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
