//! A made-up Trust as an attacker meets it: a question in, what leaves the appliance out.
//!
//! What must stay true: a question goes the way that a real one does, through gate, engine and disclosure, under the
//! site's own policy. Deliberately absent: the hub, and any other way to the records.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flip_protocol::UnixMillis;
use flip_protocol::answer::{CohortOutcome, Failed};
use flip_storage::cohorts::Cohorts;

use super::AttackError;
use super::chance::Chance;
use crate::data::Generation;
use crate::desk::{Asked, Desk, Measure, Said};
use crate::disclosure::{Policy, RawCounts, Release};
use crate::engine::{CancelFlag, Engine, EngineFailure, Question, Settings};

/// What an attacker hears of a question.
pub(super) struct Heard {
    /// The answer.
    pub outcome: CohortOutcome,
    /// How long it took to come.
    pub took: Duration,
}

/// Asks the engine, and remembers what it said where counts are exact: they are then the same under every secret. Under
/// any other, caps and bounds are drawn anew in each play, and so is what they tell.
pub(super) struct Memory {
    settings: Settings,
    engines: HashMap<PathBuf, Engine>,
    /// By generation and text.
    known: HashMap<(PathBuf, String), Answered>,
    /// Runs of the same question, to know how long it takes; none where time is not looked at.
    runs: usize,
    chance: Chance,
    took: Duration,
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

    fn run(
        &mut self,
        generation_file: &Path,
        question: &Question,
        runs: usize,
        cancel: &CancelFlag,
    ) -> Answered {
        let engine = self
            .engines
            .entry(generation_file.to_owned())
            .or_insert_with(|| Engine::new(self.settings.clone()));
        let mut answered = Answered { counts: Err(EngineFailure::Cancelled), took: Vec::new() };
        for _ in 0..runs {
            let began = Instant::now();
            answered.counts = engine.run(generation_file, question, cancel);
            answered.took.push(began.elapsed());
        }
        answered
    }
}

impl Measure for Memory {
    fn measure(
        &mut self,
        generation_file: &Path,
        question: &Question,
        cancel: &CancelFlag,
    ) -> Result<RawCounts, EngineFailure> {
        let answered = if question.blur.is_some() {
            self.run(generation_file, question, 1, cancel)
        } else {
            let key = (generation_file.to_owned(), question.plan.engine_sql().to_owned());
            if let Some(known) = self.known.get(&key) {
                known.clone()
            } else {
                let answered = self.run(generation_file, question, self.runs.max(1), cancel);
                self.known.insert(key, answered.clone());
                answered
            }
        };
        // One run, told of again and again, would look like a fact.
        if self.runs > 0 {
            self.took = answered.took[self.chance.below(answered.took.len())];
        }
        answered.counts
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
        let said = said.unwrap_or_else(|| Said::only(Release::failed(Failed::Internal)));
        let took = took + self.desk.wait(took, &said);
        Ok(Heard { outcome: said.release.into_outcome(), took })
    }
}

/// When the first question is asked: 2026-01-01.
const FIRST_MS: u64 = 1_767_225_600_000;
