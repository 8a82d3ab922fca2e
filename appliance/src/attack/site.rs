//! A made-up Trust as an attacker meets it: a question in, what leaves the appliance out.
//!
//! What must stay true: a question goes the way that a real one does, through gate, engine and disclosure, under the
//! site's own policy. Deliberately absent: the hub, and any other way to the records.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flip_protocol::UnixMillis;
use flip_protocol::answer::{CohortOutcome, Failed};
use flip_storage::cohorts::Cohorts;
use roaring::RoaringTreemap;

use super::AttackError;
use super::chance::Chance;
use crate::data::Generation;
use crate::desk::{Asked, Desk, Measure};
use crate::disclosure::{Policy, RawCounts, Release};
use crate::engine::{Blur, CancelFlag, Engine, EngineFailure, Question, Settings};

/// What an attacker hears of a question.
pub(super) struct Heard {
    /// The answer.
    pub outcome: CohortOutcome,
    /// How long it took to come.
    pub took: Duration,
}

/// What the engine said to past questions: a play under another secret and with whole budgets needs the same counts.
pub(super) struct Memory {
    settings: Settings,
    engines: HashMap<PathBuf, Engine>,
    /// By generation and text.
    known: HashMap<(PathBuf, String), Vec<Known>>,
    /// Runs of the same question, to know how long it takes; none where time is not looked at.
    runs: usize,
    chance: Chance,
    took: Duration,
}

/// What is known of a question with these persons left out.
struct Known {
    spent: Arc<RoaringTreemap>,
    /// By what caps and bounds were drawn with, the first few.
    drawn: Vec<(Option<Blur>, Answered)>,
}

#[derive(Clone)]
struct Answered {
    counts: Result<RawCounts, EngineFailure>,
    took: Vec<Duration>,
}

impl Memory {
    /// Remembers nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            engines: HashMap::new(),
            known: HashMap::new(),
            runs: 0,
            chance: Chance::of(0, &[]),
            took: Duration::ZERO,
        }
    }

    /// Forgets what it knows, and from now on runs each question so many times to know how long it takes; none: that is
    /// not looked at.
    pub fn clear(&mut self, runs: usize, chance: Chance) {
        self.known.clear();
        self.runs = runs;
        self.chance = chance;
    }

    /// How long the engine took for the last question, of the times it was run one by chance; nothing where it was not
    /// asked since this was.
    fn take_took(&mut self) -> Duration {
        std::mem::take(&mut self.took)
    }
}

impl Measure for Memory {
    fn measure(
        &mut self,
        generation_file: &Path,
        question: &Question,
        cancel: &CancelFlag,
    ) -> Result<RawCounts, EngineFailure> {
        let key = (generation_file.to_owned(), question.plan.engine_sql().to_owned());
        let known = self.known.entry(key).or_default();
        let at = known.iter().position(|known| known.spent == question.spent).unwrap_or_else(|| {
            known.push(Known { spent: Arc::clone(&question.spent), drawn: Vec::new() });
            known.len() - 1
        });
        let known = &mut known[at];
        let answered = known.of(question.blur.as_ref()).unwrap_or_else(|| {
            let engine = self
                .engines
                .entry(generation_file.to_owned())
                .or_insert_with(|| Engine::new(self.settings.clone()));
            let mut took = Vec::new();
            let mut counts = Err(EngineFailure::Cancelled);
            for _ in 0..self.runs.max(1) {
                let began = Instant::now();
                counts = engine.run(generation_file, question, cancel);
                took.push(began.elapsed());
            }
            let answered = Answered { counts, took };
            if known.drawn.len() < DRAWS {
                known.drawn.push((question.blur.clone(), answered.clone()));
            }
            answered
        });
        // One run, told of again and again, would look like a fact.
        if self.runs > 0 {
            self.took = answered.took[self.chance.below(answered.took.len())];
        }
        answered.counts
    }
}

/// Where so many draws of caps and bounds give the same counts, every draw is taken to.
const DRAWS: usize = 4;

impl Known {
    fn of(&self, blur: Option<&Blur>) -> Option<Answered> {
        let own = self.drawn.iter().find(|(drawn, _)| drawn.as_ref() == blur);
        let (_, first) = own.or_else(|| self.drawn.first().filter(|_| self.is_the_same_for_all()))?;
        Some(first.clone())
    }

    fn is_the_same_for_all(&self) -> bool {
        let counts = |at: usize| &self.drawn[at].1.counts;
        self.drawn.len() == DRAWS && (1..DRAWS).all(|at| counts(at) == counts(0))
    }
}

/// One play: a Trust with a secret of its own, whose budgets nobody has touched.
pub(super) struct Site<'a> {
    generation: &'a Generation,
    desk: Desk,
    asked: u64,
}

/// Questions that are asked for one project before there is another: whoever wants more than one project's quota makes
/// a new one.
const PROJECT_QUESTIONS: u64 = 20;

impl<'a> Site<'a> {
    /// A Trust with that secret.
    pub fn new(generation: &'a Generation, policy: &Policy, secret: [u8; 32]) -> Result<Self, AttackError> {
        let ledger = Cohorts::in_memory().map_err(AttackError::Ledger)?;
        Ok(Self { generation, desk: Desk::new(policy.clone(), secret, ledger), asked: 0 })
    }

    /// Asks.
    pub fn ask(&mut self, memory: &mut Memory, sql: &str) -> Result<Heard, AttackError> {
        let project = format!("project {}", self.asked / PROJECT_QUESTIONS);
        self.asked += 1;
        // A minute from one question to the next.
        let asked = Asked { sql, project: &project, at: UnixMillis(FIRST_MS + 60_000 * self.asked) };
        let said = self.desk.answer_at_once(memory, self.generation, asked, &CancelFlag::default())?;
        let took = memory.take_took();
        let release = said.map_or_else(|| Release::failed(Failed::Internal), |said| said.release);
        Ok(Heard { outcome: release.into_outcome(), took: took + self.desk.wait(took) })
    }
}

/// When the first question is asked: 2026-01-01.
const FIRST_MS: u64 = 1_767_225_600_000;
