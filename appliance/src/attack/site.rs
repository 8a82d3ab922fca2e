//! A made-up Trust as an attacker meets it: a question in, what leaves the appliance out.
//!
//! What must stay true: a question goes the way that a real one does, through gate, engine and disclosure, under the
//! site's own policy. Deliberately absent: the hub, and any other way to the records.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flip_gate::{Plan, Refusal};
use flip_protocol::UnixMillis;
use flip_protocol::answer::{CohortOutcome, Failed};
use flip_storage::cohorts::Cohorts;
use roaring::RoaringTreemap;

use super::AttackError;
use super::chance::Chance;
use crate::data::Generation;
use crate::desk::{self, Desk, Measure, Said};
use crate::disclosure::{Policy, RawCounts, Release};
use crate::engine::{CancelFlag, Engine, EngineFailure, Question, Settings};

/// A question, and what the gate said to it.
pub(super) struct Asked {
    sql: String,
    admitted: Result<Plan, Refusal>,
}

impl Asked {
    pub fn of(sql: String) -> Self {
        let admitted = flip_gate::admit(&sql);
        Self { sql, admitted }
    }
}

/// What an attacker hears of a question.
pub(super) struct Heard {
    /// The answer.
    pub outcome: CohortOutcome,
    /// How long it took to come.
    pub took: Duration,
}

/// Asks the engine, and remembers what it said where that is the same again: of a question that leaves the same persons
/// out, with the same draws for caps and bounds. Under a secret that nobody knows these are drawn anew in each play. An
/// attacker that learns at home makes do with some, and with new draws for all the rest.
pub(super) struct Memory {
    settings: Settings,
    engines: HashMap<PathBuf, Engine>,
    known: HashMap<Key, Result<RawCounts, EngineFailure>>,
    /// How long the engine took, by generation and text: told of at random, since one run told of again and again would
    /// look like a fact.
    took: HashMap<(PathBuf, String), Vec<Duration>>,
    /// Draws for caps and bounds that an attacker learns from; nothing where it does not learn.
    draws: Option<u8>,
    /// Runs of the same question, to know how long it takes; none where time is not looked at.
    runs: usize,
    chance: Chance,
    took_last: Duration,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    generation_file: PathBuf,
    text: String,
    draw: u8,
    spent: u64,
}

impl Memory {
    /// Remembers nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            engines: HashMap::new(),
            known: HashMap::new(),
            took: HashMap::new(),
            draws: None,
            runs: 0,
            chance: Chance::of(0, &[]),
            took_last: Duration::ZERO,
        }
    }

    /// Forgets what it knows, and from now on runs each question so many times to know how long it takes; none: that is
    /// not looked at.
    pub fn clear(&mut self, runs: usize, chance: Chance) {
        *self = Self { runs, chance, ..Self::new(self.settings.clone()) };
    }

    /// Whether an attacker learns at home now, and from how many draws for caps and bounds.
    pub fn learns(&mut self, draws: Option<u8>) {
        self.draws = draws;
        self.known.clear();
    }

    /// How long the engine took for the last question; nothing where it was not asked since this was.
    fn take_took(&mut self) -> Duration {
        std::mem::take(&mut self.took_last)
    }

    fn run(
        &mut self,
        generation_file: &Path,
        question: &Question,
        cancel: &CancelFlag,
    ) -> Result<RawCounts, EngineFailure> {
        let is_new = !self.engines.contains_key(generation_file);
        let engine = self
            .engines
            .entry(generation_file.to_owned())
            .or_insert_with(|| Engine::new(self.settings.clone()));
        // Draws need no more runs than one: each has its own.
        let runs = if question.blur.is_some() { 1 } else { self.runs.max(1) };
        let mut counts = Err(EngineFailure::Cancelled);
        if self.runs > 0 && is_new {
            // It starts a process and reads the population, which is not the question's own time.
            counts = engine.run(generation_file, question, cancel);
        }
        for _ in 0..runs {
            let began = Instant::now();
            counts = engine.run(generation_file, question, cancel);
            let about = (generation_file.to_owned(), question.plan.engine_sql().to_owned());
            self.took.entry(about).or_default().push(began.elapsed());
        }
        counts
    }
}

impl Measure for Memory {
    fn measure(
        &mut self,
        generation_file: &Path,
        question: &Question,
        cancel: &CancelFlag,
    ) -> Result<RawCounts, EngineFailure> {
        let mut question = question.clone();
        let mut draw = 0;
        if let Some((blur, draws)) = question.blur.as_mut().zip(self.draws) {
            draw = blur.seed[0] % draws.max(1);
            blur.seed = [draw; 32];
        }
        let key = Key {
            generation_file: generation_file.to_owned(),
            text: question.plan.engine_sql().to_owned(),
            draw,
            spent: hashed(&question.spent),
        };
        let is_drawn_anew = question.blur.is_some() && self.draws.is_none();
        let counts = if let Some(known) = self.known.get(&key).filter(|_| !is_drawn_anew) {
            known.clone()
        } else {
            let counts = self.run(generation_file, &question, cancel);
            self.known.insert(key.clone(), counts.clone());
            counts
        };
        if self.runs > 0
            && let Some(took) = self.took.get(&(key.generation_file, key.text))
        {
            self.took_last = took[self.chance.below(took.len())];
        }
        counts
    }
}

fn hashed(persons: &RoaringTreemap) -> u64 {
    let mut hasher = DefaultHasher::new();
    persons.iter().for_each(|person| person.hash(&mut hasher));
    hasher.finish()
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
    pub fn ask(&mut self, memory: &mut Memory, asked: &Asked) -> Result<Heard, AttackError> {
        let project = format!("project {}", self.asked / PROJECT_QUESTIONS);
        self.asked += 1;
        let plan = match &asked.admitted {
            Ok(plan) => plan.clone(),
            Err(refusal) => {
                let outcome = Release::refused(refusal).into_outcome();
                return Ok(Heard { outcome, took: Duration::ZERO });
            }
        };
        // A minute from one question to the next.
        let at = UnixMillis(FIRST_MS + 60_000 * self.asked);
        let asked = desk::Asked { sql: &asked.sql, project: &project, at, order: None };
        let said = self.desk.answer_at_once(memory, self.generation, plan, asked, &CancelFlag::default())?;
        let took = memory.take_took();
        let said = said.unwrap_or_else(|| Said::only(Release::failed(Failed::Internal)));
        let took = took + self.desk.wait(took, &said);
        Ok(Heard { outcome: said.release.into_outcome(), took })
    }
}

/// When the first question is asked: 2026-01-01.
const FIRST_MS: u64 = 1_767_225_600_000;
