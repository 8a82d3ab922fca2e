//! An attacker against one target: first at home, where it learns, then at Trusts whose secret it does not know.
//!
//! What must stay true: which world a Trust is of is a fair coin; the attacker sees answers and nothing else.

use super::attackers::{About, Attacker};
use super::chance::Chance;
use super::evidence::{Lesson, Seen};
use super::population::{Target, World};
use super::site::{Asked, Memory, Site};
use super::{AttackError, Settings, Worlds};
use crate::disclosure::Policy;

/// Pairs of made-up Trusts that an attacker learns from: as many as there are plays in all, within these.
const LESSONS: std::ops::RangeInclusive<u64> = 64..=512;
/// Pairs that share their draws for caps and bounds, and have noise of their own.
const PAIRS_OF_A_DRAW: u64 = 8;
/// After so many questions in a row that teach nothing at home, an attacker asks no more.
const IDLE_MAX: usize = 8;

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
        let mut chance = Chance::of(self.settings.seed, &[5, target.number as u64, hash(attacker.name)]);
        memory.clear(attacker.runs, chance.clone());
        let about = About::new(target, self.settings.seed, self.policy);
        let most = self.settings.questions.last().copied().unwrap_or_default().min(attacker.asks);
        let questions: Vec<Asked> = (0..most).map(|at| Asked::of((attacker.question)(&about, at))).collect();
        let worlds = attacker.secret.worlds();
        let lessons = self.learn(worlds, &questions, memory, &mut chance)?;
        memory.learns(None);
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

    /// Asks each question of pairs of made-up Trusts, one of each world, both with the same secret. Questions after the
    /// last that teaches anything are not asked of others.
    fn learn(
        &self,
        worlds: [World; 2],
        questions: &[Asked],
        memory: &mut Memory,
        chance: &mut Chance,
    ) -> Result<Vec<Lesson>, AttackError> {
        let mut pairs = Vec::new();
        let count = self.settings.trials.clamp(*LESSONS.start(), *LESSONS.end());
        memory.learns(u8::try_from(count / PAIRS_OF_A_DRAW).ok());
        for _ in 0..count {
            let secret = chance.bytes();
            let site = |world| Site::new(self.worlds.of(world), self.policy, secret);
            pairs.push((site(worlds[0])?, site(worlds[1])?));
        }
        let mut lessons: Vec<Lesson> = Vec::new();
        for question in questions {
            let mut heard = |site: &mut Site<'_>| -> Result<Seen, AttackError> {
                let heard = site.ask(memory, question)?;
                Ok(Seen::of(&heard.outcome, heard.took))
            };
            let seen: Vec<(Seen, Seen)> = pairs
                .iter_mut()
                .map(|(first, second)| Ok((heard(first)?, heard(second)?)))
                .collect::<Result<_, AttackError>>()?;
            lessons.push(Lesson::of(&seen));
            if lessons.len() - taught(&lessons) >= IDLE_MAX {
                break;
            }
        }
        lessons.truncate(taught(&lessons));
        Ok(lessons)
    }

    fn site(&self, world: World, chance: &mut Chance) -> Result<Site<'_>, AttackError> {
        Site::new(self.worlds.of(world), self.policy, chance.bytes())
    }
}

/// How many lessons there are up to the last that teaches anything.
fn taught(lessons: &[Lesson]) -> usize {
    lessons.iter().rposition(|lesson| !lesson.is_empty()).map_or(0, |last| last + 1)
}

fn hash(name: &str) -> u64 {
    name.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
