//! Plans in, counts out: the appliance's side of the query engine.
//!
//! DuckDB runs in a child process of this same binary ([`worker`]), one per data generation. One always stands by: it is kept
//! warm while questions come, and a new one takes its place when they stop. Its crash is one failed question, not a dead
//! appliance.
//!
//! What must stay true:
//! - only a [`Plan`](flip_gate::Plan) is ever run, and no row and no run-time error text of DuckDB crosses the pipe
//!   for a question: counts by group, bounds that a crowd shares, and the set of persons do; rows cross it for
//!   [`export`] alone, which the local API calls for a frozen cohort;
//! - a question that overruns its time, its memory or its cancel flag leaves no process behind, not even a zombie;
//! - the counts that come back ([`RawCounts`]) can be read by `disclosure` alone.
//!
//! Deliberately absent: SQL text from outside, writing to a generation, and any judgement on what may be released.
//!
//! A worker dies with the *thread* that started it (that is how `PR_SET_PDEATHSIG` counts), so an [`Engine`] stays
//! on the thread that owns it. A generation file must never change once it has been given to [`Engine::run`].

mod beside;
pub mod bounds;
mod calendar;
mod categories;
mod cohort;
mod columns;
mod database;
mod export;
mod exporting;
mod images;
mod labels;
mod measure;
mod members;
mod numbers;
mod population;
mod preview;
mod process;
mod quick;
mod rows;
mod sandbox;
mod sharing;
mod wire;
pub mod worker;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flip_protocol::answer::Failed;
use flip_storage::confine::Held;
use time::macros::date;

pub use crate::disclosure::RawCounts;
pub use database::open_generation;
pub use export::{Export, Format};
pub use exporting::{ExportFailure, Exported, Piece, export};
pub use members::{Found, Members};
pub(crate) use members::{list_of_bytes, list_to_bytes};
pub(crate) use population::{beside as population_beside, keep_population};
pub(crate) use rows::Reads;
pub use sandbox::confinement;
pub(crate) use sharing::edges;
pub use wire::{Blur, Question};

use process::{Limits, Process, Unanswered};
use wire::{Configure, Reply, Request, SpentPersons};

use crate::data;
use crate::disclosure::THRESHOLD_DEFAULT;

/// What a site allows one question to use.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Memory of the engine's process for data, in MiB.
    pub memory_mb: u64,
    /// Threads of the engine's process; where there are several, one more counts what they make.
    pub threads: NonZeroU32,
    /// How long one question may take, the start of a process included.
    pub timeout: Duration,
    /// Rows a result may have.
    pub rows_max: u64,
    /// Rows and pairs of rows that the engine may expect to go through for one question; more is not begun.
    pub cost_max: u64,
    /// How long a process that has answered may wait for the next question before [`Engine::stand_by`] has a new one wait
    /// in its place.
    pub idle_renew: Duration,
    /// The program that is started with the argument `worker`: [`std::env::current_exe`] of the appliance.
    pub worker_program: PathBuf,
}

impl Settings {
    /// The defaults for a site, with the given program as worker.
    pub fn new(worker_program: PathBuf) -> Self {
        Self {
            memory_mb: 1_024,
            threads: NonZeroU32::new(2).expect("2 is not zero"),
            timeout: Duration::from_mins(5),
            rows_max: 50_000_000,
            cost_max: 100_000_000_000,
            idle_renew: Duration::from_mins(1),
            worker_program,
        }
    }
}

/// Asks a running question to end, from any thread.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Ends the question within a few milliseconds; its process is killed.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Waits; true where the flag was raised meanwhile, which ends the wait.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.is_cancelled() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(bounds::CANCEL_POLL));
        }
        true
    }

    /// True once [`CancelFlag::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why there are no counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EngineFailure {
    /// The question's [`CancelFlag`] was raised.
    #[error("the question was cancelled")]
    Cancelled,
    /// It would have cost more than the site allows; it was not begun.
    #[error("the question would cost more than the site allows")]
    TooCostly,
    /// The question could not be answered.
    #[error("{}", .0.sentence())]
    Failed(Failed),
}

/// Runs plans, one at a time, each against one generation.
pub struct Engine {
    settings: Settings,
    warm: Option<Warm>,
    sandbox: Option<Held>,
    /// True where its processes are to count: they then learn of the persons before the first question.
    counts: bool,
}

/// A process that has said hello and waits for a question.
struct Warm {
    process: Process,
    generation_file: PathBuf,
    /// When it answered last, if it has.
    answered: Option<Instant>,
}

impl Warm {
    /// True where it is alive, and of this generation.
    fn serves(&mut self, generation_file: &Path) -> bool {
        self.generation_file == generation_file && self.process.is_alive()
    }
}

impl Engine {
    /// An engine that has started nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, warm: None, sandbox: None, counts: true }
    }

    /// One that exports only.
    fn for_exports(settings: Settings) -> Self {
        Self { counts: false, ..Self::new(settings) }
    }

    /// Answers `question` from the generation in `generation_file`.
    ///
    /// Blocks until there is an answer, the time limit is reached or `cancel` is raised. A process that is lost on
    /// the way is replaced once.
    pub fn run(
        &mut self,
        generation_file: &Path,
        question: &Question,
        cancel: &CancelFlag,
    ) -> Result<RawCounts, EngineFailure> {
        self.tried(cancel, |engine, limits| engine.attempt(generation_file, question, limits))
    }

    /// The outcome of an attempt, and of another one where its process was lost on the way.
    fn tried<T>(
        &mut self,
        cancel: &CancelFlag,
        attempt: impl Fn(&mut Self, &Limits<'_>) -> Result<T, Unanswered>,
    ) -> Result<T, EngineFailure> {
        let settings = self.settings.clone();
        let limits = Limits::new(&settings, cancel);
        for _ in 0..bounds::ATTEMPTS {
            match attempt(self, &limits) {
                Ok(outcome) => return Ok(outcome),
                Err(Unanswered::Failed(failed)) => return Err(EngineFailure::Failed(failed)),
                Err(Unanswered::Cancelled) => return Err(EngineFailure::Cancelled),
                Err(Unanswered::TooCostly) => return Err(EngineFailure::TooCostly),
                Err(Unanswered::Lost(how)) => tracing::warn!(%how, "the engine's process was lost"),
            }
        }
        Err(EngineFailure::Failed(Failed::EngineLost))
    }

    /// Has a process wait for questions of this generation, so that the next one need not wait for its start: a new one
    /// where none does, and in the place of one that has answered and not been asked for as long as the settings allow,
    /// which gives back the memory that its answers took.
    ///
    /// # Errors
    /// When none can be started; the next question says why.
    pub fn stand_by(
        &mut self,
        generation_file: &Path,
        now: Instant,
        cancel: &CancelFlag,
    ) -> Result<(), EngineFailure> {
        let idle_renew = self.settings.idle_renew;
        let stands_by = self.warm.as_mut().is_some_and(|warm| {
            let is_idle = |at| now.saturating_duration_since(at) >= idle_renew;
            warm.serves(generation_file) && !warm.answered.is_some_and(is_idle)
        });
        if stands_by {
            return Ok(());
        }
        self.dismiss();
        let rehearsal = &rehearsal();
        let asked = self.tried(cancel, |engine, limits| engine.attempt(generation_file, rehearsal, limits));
        match &mut self.warm {
            // Also where the rehearsal was refused: it waits now.
            Some(warm) => {
                tracing::debug!(rehearsed = asked.is_ok(), "a process stands by");
                warm.answered = None;
                Ok(())
            }
            None => asked.map(drop),
        }
    }

    /// Ends the waiting process.
    pub fn dismiss(&mut self) {
        self.warm = None;
    }

    /// What the newest process could lock itself into, once one has said hello.
    pub fn sandbox(&self) -> Option<&Held> {
        self.sandbox.as_ref()
    }

    /// One try. The process is kept only where its answer was sound: on every other way out it is dropped, which
    /// kills and reaps it.
    fn attempt(
        &mut self,
        generation_file: &Path,
        question: &Question,
        limits: &Limits<'_>,
    ) -> Result<RawCounts, Unanswered> {
        let mut process = self.take_warm(generation_file, limits)?;
        let (spent, behind) = if process.spent == question.spent {
            (SpentPersons::AsBefore, Vec::new())
        } else {
            (SpentPersons::Behind, wire::persons_to_bytes(&question.spent))
        };
        process.send(&Request::Run(question.clone(), spent), &behind, limits)?;
        process.spent = Arc::clone(&question.spent);
        let (reply, behind) = process.receive(limits)?;
        match reply {
            Reply::Counts(counts) => {
                let counts = wire::persons_of_bytes(&behind)
                    .and_then(|subjects| counts.into_raw(&question.plan, subjects))
                    .ok_or(Unanswered::Lost("its counts do not fit the plan"))?;
                self.keep_warm(process, generation_file);
                Ok(counts)
            }
            Reply::Failed { failed, note } => {
                tracing::info!(?failed, note, "the engine could not answer a question");
                // After an internal error or a full memory DuckDB's own state is in doubt.
                if matches!(failed, Failed::NotUnderstood | Failed::BadValue | Failed::TooManyRows) {
                    self.keep_warm(process, generation_file);
                }
                Err(Unanswered::Failed(failed))
            }
            Reply::TooCostly => {
                self.keep_warm(process, generation_file);
                Err(Unanswered::TooCostly)
            }
            Reply::Hello { .. } => Err(Unanswered::Lost("it said hello twice")),
            Reply::Members { .. }
            | Reply::ExportBegins
            | Reply::Piece
            | Reply::ExportEnds { .. }
            | Reply::NotInFormat { .. } => Err(Unanswered::Lost("it answered what was not asked")),
        }
    }

    /// Keeps a process that has answered.
    fn keep_warm(&mut self, process: Process, generation_file: &Path) {
        let answered = Some(Instant::now());
        self.warm = Some(Warm { process, generation_file: generation_file.to_owned(), answered });
    }

    /// The waiting process if it serves this generation and is alive, else a fresh one.
    fn take_warm(&mut self, generation_file: &Path, limits: &Limits<'_>) -> Result<Process, Unanswered> {
        if let Some(mut warm) = self.warm.take()
            && warm.serves(generation_file)
        {
            return Ok(warm.process);
        }
        let mut process = Process::start(&self.settings.worker_program).map_err(|error| {
            tracing::error!(%error, "the engine's process could not be started");
            Unanswered::Failed(Failed::Internal)
        })?;
        let configure = Configure {
            generation_file: generation_file.to_owned(),
            memory_mb: self.settings.memory_mb,
            threads: self.settings.threads,
            rows_max: self.settings.rows_max,
            cost_max: self.settings.cost_max,
            counts: self.counts,
            population: data::population_named_beside(generation_file),
        };
        process.send(&Request::Configure(configure), &[], limits)?;
        match process.receive(limits)?.0 {
            Reply::Hello { engine_version, sandbox } => {
                if self.sandbox.as_ref() != Some(&sandbox) {
                    tracing::info!(engine_version, ?sandbox, "the engine's process is up");
                    self.sandbox = Some(sandbox);
                }
                Ok(process)
            }
            Reply::Failed { failed, note } => {
                tracing::error!(?failed, note, "the engine's process could not open the generation");
                Err(Unanswered::Failed(failed))
            }
            Reply::Counts(_)
            | Reply::TooCostly
            | Reply::Members { .. }
            | Reply::ExportBegins
            | Reply::Piece
            | Reply::ExportEnds { .. }
            | Reply::NotInFormat { .. } => Err(Unanswered::Lost("it answered before it was asked")),
        }
    }
}

/// What a process is asked before it stands by, so that nobody's question is its first, which takes longer: code was not
/// read in and memory not touched by then. It goes through two tables and makes rows of those who were born in one year.
fn rehearsal() -> Question {
    const SQL: &str = "SELECT p.person_id, p.year_of_birth, o.condition_start_date, c.concept_name FROM person p \
                       JOIN condition_occurrence o ON o.person_id = p.person_id \
                       JOIN concept c ON c.concept_id = p.gender_concept_id WHERE p.year_of_birth = 1950";
    Question {
        plan: flip_gate::admit(SQL).expect("the gate takes it"),
        age_day: date!(2000 - 01 - 01),
        crowd: THRESHOLD_DEFAULT,
        blur: None,
        spent: Arc::default(),
    }
}
