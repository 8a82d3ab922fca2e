//! From a question's words to what may leave: gate, memory of releases, quota, engine, disclosure, ledger.
//!
//! What must stay true: there is no other way from SQL to a [`Release`]; the same question of the same generation under
//! the same policy has the same release for ever, and is charged once; a release and its charge are on the disk before
//! the release is handed on; what the ledger thinks of a cohort never picks its answer. Deliberately absent: orders,
//! keys, the network.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flip_gate::Plan;
use flip_protocol::answer::{CohortOutcome, Failed};
use flip_protocol::{MessageId, UnixMillis};
use flip_storage::StoreError;
use flip_storage::cohorts::{Answered, Cohorts, Key, Uncompared};
use flip_storage::file::{self, Access};
use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::bounds;
use crate::clock;
use crate::data::Generation;
use crate::disclosure::{self, Noise, Policy, RawCounts, Release};
use crate::engine::{CancelFlag, Engine, EngineFailure, Question, Reads};

/// The span of a quota.
pub const WEEK_MS: u64 = 7 * 24 * 3_600_000;

/// What counts a question's persons and rows: the engine.
pub trait Measure {
    /// Answers a question from the generation in a file.
    fn measure(
        &mut self,
        generation_file: &Path,
        question: &Question,
        cancel: &CancelFlag,
    ) -> Result<RawCounts, EngineFailure>;
}

impl Measure for Engine {
    fn measure(
        &mut self,
        generation_file: &Path,
        question: &Question,
        cancel: &CancelFlag,
    ) -> Result<RawCounts, EngineFailure> {
        self.run(generation_file, question, cancel)
    }
}

/// Where questions are answered.
pub struct Desk {
    policy: Policy,
    secret: [u8; 32],
    ledger: Cohorts,
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its words.
    pub sql: &'a str,
    /// Whose quota it counts in.
    pub project: &'a str,
    /// When.
    pub at: UnixMillis,
    /// The order that asks, which takes one place in the quota however often it is worked on.
    pub order: Option<MessageId>,
}

/// What is said to a question.
pub struct Said {
    /// What leaves.
    pub release: Release,
    /// How long the work on records was expected to take, zero where it failed; nothing where no record was looked at, as
    /// for what was said before, which leaves at once.
    pub expected: Option<Duration>,
}

/// A question whose cohort is nearly that of an earlier one. Stays at the Trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// When it was asked.
    pub at: UnixMillis,
    /// For which project.
    pub project: String,
    /// In which words.
    pub question: String,
    /// When the earlier one was asked.
    pub earlier_at: UnixMillis,
    /// For which project.
    pub earlier_project: String,
    /// In which words.
    pub earlier_question: String,
    /// Persons who are in one of the two and not in the other.
    pub differ: u64,
    /// How many earlier cohorts are as near as that, this one too.
    pub alike: u64,
}

/// Why a question was not brought to an end.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// A stored release or alert.
    #[error("the ledger of past cohorts holds what this version cannot read")]
    Stored(#[from] serde_json::Error),
    /// One of the two files without the other: budgets would start anew, or old questions get new noise.
    #[error(
        "{} is missing and {} is there: restore both from the same backup; to start anew, with nobody charged for \
         what was released before, remove the other too",
        missing.display(),
        there.display()
    )]
    Half {
        /// What is missing.
        missing: PathBuf,
        /// What is there.
        there: PathBuf,
    },
    /// The site's secret.
    #[error("the secret of the noise cannot be read or written")]
    Secret(#[source] std::io::Error),
}

impl Desk {
    /// The desk of a site: its secret and its ledger are in files, made where there is neither.
    pub fn open(policy: Policy, secret: &Path, ledger: &Path) -> Result<Self, DeskError> {
        let half = |missing: &Path, there: &Path| DeskError::Half {
            missing: missing.to_owned(),
            there: there.to_owned(),
        };
        if secret.exists() && !ledger.exists() {
            return Err(half(ledger, secret));
        }
        let cohorts = Cohorts::open(ledger)?;
        let secret = match std::fs::read(secret) {
            Ok(bytes) => bytes.try_into().map_err(|_| {
                DeskError::Secret(std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not 32 bytes"))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !cohorts.is_empty()? {
                    return Err(half(secret, ledger));
                }
                let made = clock::random_bytes();
                file::write(secret, &made, Access::Owner).map_err(DeskError::Secret)?;
                made
            }
            Err(error) => return Err(DeskError::Secret(error)),
        };
        Ok(Self::new(policy, secret, cohorts))
    }

    /// A desk over these parts.
    pub fn new(policy: Policy, secret: [u8; 32], ledger: Cohorts) -> Self {
        Self { policy, secret, ledger }
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The ledger.
    pub fn ledger(&self) -> &Cohorts {
        &self.ledger
    }

    /// Answers a question from a generation; `None` where it was cancelled, be it while it waited to leave: an answer
    /// leaves at its tick or not at all.
    ///
    /// Blocks until there is an answer and, where records were looked at for it, until the next tick of the policy.
    pub fn answer(
        &self,
        engine: &mut impl Measure,
        generation: &Generation,
        asked: Asked<'_>,
        cancel: &CancelFlag,
    ) -> Result<Option<Said>, DeskError> {
        let began = Instant::now();
        let said = match flip_gate::admit(asked.sql) {
            Ok(plan) => self.answer_at_once(engine, generation, plan, asked, cancel)?,
            Err(refusal) => Some(Said::only(Release::refused(&refusal))),
        };
        // What is cancelled while it waits was recorded and charged; asked again, it is said from memory.
        let waited = said.as_ref().is_some_and(|said| !cancel.wait(self.wait(began.elapsed(), said)));
        Ok(said.filter(|_| waited))
    }

    /// How long something waits for its tick that took so long, and was expected to take that long.
    pub fn to_tick(&self, took: Duration, expected: Duration) -> Duration {
        wait(took, expected, self.policy.tick())
    }

    /// How long an answer waits after that much work: for the first tick that is after what was expected too. So work
    /// that is done for one person's records alone, and is expected whether they have them or not, does not show.
    pub(crate) fn wait(&self, took: Duration, said: &Said) -> Duration {
        said.expected.map_or(Duration::ZERO, |expected| wait(took, expected, self.policy.tick()))
    }

    /// As [`Desk::answer`] what the gate let in, without the wait for the tick: made-up Trusts are asked a million
    /// questions.
    pub(crate) fn answer_at_once(
        &self,
        engine: &mut impl Measure,
        generation: &Generation,
        plan: Plan,
        asked: Asked<'_>,
        cancel: &CancelFlag,
    ) -> Result<Option<Said>, DeskError> {
        let key = self.key(&plan, generation, asked.at);
        if let Some(bytes) = self.ledger.release(key)? {
            let outcome: CohortOutcome = serde_json::from_slice(&bytes)?;
            return Ok(Some(Said::only(Release::again(outcome))));
        }
        if let Some(release) = self.over_quota(asked)? {
            return Ok(Some(Said::only(release)));
        }
        let Some(age_day) = generation.extract_day() else {
            tracing::error!(
                generation = generation.name,
                "the manifest holds no date; ingest the extract again"
            );
            return Ok(Some(Said::only(Release::failed(Failed::Internal))));
        };
        let noise = Noise::new(&self.secret, &key);
        let spent = if self.policy.is_exact() {
            Arc::default()
        } else {
            self.ledger.spent(self.policy.units_max())?
        };
        let blur = disclosure::blur(&self.policy, &noise);
        let question = Question { plan, age_day, crowd: self.policy.threshold(), blur, spent };
        let raw = match engine.measure(&generation.database, &question, cancel) {
            Ok(raw) => raw,
            Err(EngineFailure::Cancelled) => return Ok(None),
            Err(EngineFailure::TooCostly) => {
                return self.fail(key, asked, Release::too_costly()).map(Some);
            }
            Err(EngineFailure::Failed(failed)) => {
                return self.fail(key, asked, Release::failed(failed)).map(Some);
            }
        };
        let expected = expected_of(raw.cost());
        let answered = disclosure::release(raw, &self.policy, &noise, generation.extract());
        self.record(key, asked, &answered.release, &answered.persons, answered.units)?;
        Ok(Some(Said { release: answered.release, expected: Some(expected) }))
    }

    /// A question that failed counts in its project's quota as any other. What would fail again is remembered.
    fn fail(&self, key: Key, asked: Asked<'_>, release: Release) -> Result<Said, DeskError> {
        let fails_again = match release.outcome() {
            CohortOutcome::Failed { reason } => match reason {
                Failed::NotUnderstood | Failed::BadValue | Failed::TooManyRows => true,
                // They hang on the machine and its settings too.
                Failed::NoData
                | Failed::Timeout
                | Failed::OutOfMemory
                | Failed::EngineLost
                | Failed::Internal => false,
            },
            CohortOutcome::Value(_) | CohortOutcome::FewerThan { .. } | CohortOutcome::Refused(_) => true,
        };
        if fails_again {
            self.record(key, asked, &release, &RoaringTreemap::new(), 0)?;
        } else {
            self.count(asked)?;
        }
        Ok(Said { expected: Some(Duration::ZERO), ..Said::only(release) })
    }

    /// Counts in its project's quota what has no answer of its own: a question that the Trust has ended, a freeze. An order
    /// counts once.
    pub fn count(&self, asked: Asked<'_>) -> Result<(), DeskError> {
        Ok(self.ledger.count(asked.project, asked.at.0, asked.order.map(MessageId::bytes))?)
    }

    fn record(
        &self,
        key: Key,
        asked: Asked<'_>,
        release: &Release,
        persons: &RoaringTreemap,
        units: u64,
    ) -> Result<(), DeskError> {
        let release = &serde_json::to_vec(release.outcome())?;
        let Asked { sql: question, project, at, order } = asked;
        let order = order.map(MessageId::bytes);
        let answered = Answered { key, at_ms: at.0, project, order, question, release, persons, units };
        Ok(self.ledger.record(&answered)?)
    }

    /// Compares the cohorts that were not compared yet with earlier ones; keeps an alert for each that is nearly an
    /// earlier one: fewer persons than the threshold are in one and not in the other. `note` has it first, so that a
    /// kill in between tells of it twice rather than never. To be called when the answers are on their way, and at the
    /// start for what a stop has left.
    pub fn compare<E: From<DeskError>>(
        &self,
        mut note: impl FnMut(&Alert) -> Result<(), E>,
    ) -> Result<(), E> {
        let uncompared = || self.ledger.uncompared(self.policy.threshold()).map_err(DeskError::from);
        while let Some(found) = uncompared()? {
            let number = found.number;
            let alert = Alert::of(found);
            alert.as_ref().map_or(Ok(()), &mut note)?;
            let stored = alert.as_ref().map(serde_json::to_vec).transpose().map_err(DeskError::from)?;
            self.ledger.compared(number, stored.as_deref()).map_err(DeskError::from)?;
        }
        Ok(())
    }

    /// The newest alerts, the newest first.
    pub fn alerts(&self, most: usize) -> Result<Vec<Alert>, DeskError> {
        let alerts = self.ledger.alerts(most)?;
        alerts.iter().map(|alert| Ok(serde_json::from_slice(alert)?)).collect()
    }

    /// What tells the question from others: its canonical text, the generation, the policy. A question that reads
    /// the day is another one each day, and one that could read a clock is another one each time.
    fn key(&self, plan: &Plan, generation: &Generation, at: UnixMillis) -> Key {
        let moment = match Reads::of(plan) {
            Reads::Nothing => 0,
            Reads::Day => at.0 / DAY_MS,
            Reads::Moment => at.0.max(1),
        };
        let mut hash = Sha256::new();
        for part in [plan.canonical().as_bytes(), generation.name.as_bytes(), &moment.to_le_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(self.policy.fingerprint());
        hash.finalize().into()
    }

    /// A refusal where the project, or all of them together, have asked as much as they may. What was cut short has its
    /// place.
    pub fn over_quota(&self, asked: Asked<'_>) -> Result<Option<Release>, DeskError> {
        if let Some(order) = asked.order
            && self.ledger.is_counted(order.bytes())?
        {
            return Ok(None);
        }
        for (project, in_a_week) in [
            (Some(asked.project), self.policy.questions_weekly()),
            (None, self.policy.questions_weekly_all()),
        ] {
            let times = self.ledger.asked(project, asked.at.minus(WEEK_MS).0)?;
            // The oldest of the newest `in_a_week`: when it is a week old, there is room for another.
            let newest = usize::try_from(in_a_week).unwrap_or(usize::MAX);
            if let Some(frees) = times.len().checked_sub(newest).and_then(|at| times.get(at)) {
                let again = clock::readable(UnixMillis(*frees).plus(WEEK_MS + 60_000));
                return Ok(Some(Release::over_quota(in_a_week, project.is_none(), &again[..16])));
            }
        }
        Ok(None)
    }
}

impl Alert {
    fn of(found: Uncompared) -> Option<Self> {
        let alike = found.alike.len() as u64;
        let (differ, earlier) = found.alike.into_iter().next()?;
        Some(Self {
            at: UnixMillis(found.cohort.at_ms),
            project: found.cohort.project,
            question: found.cohort.question,
            earlier_at: UnixMillis(earlier.at_ms),
            earlier_project: earlier.project,
            earlier_question: earlier.question,
            differ,
            alike,
        })
    }
}

impl Said {
    /// A release without a new cohort.
    pub fn only(release: Release) -> Self {
        Self { release, expected: None }
    }

    /// What is said where there is no generation yet: the gate's refusal, where there is one.
    pub fn without_data(sql: &str) -> Self {
        match flip_gate::admit(sql) {
            Ok(_) => Self::only(Release::failed(Failed::NoData)),
            Err(refusal) => Self::only(Release::refused(&refusal)),
        }
    }
}

/// How long an answer waits that took so long: up to the first tick after that and after what was expected, the ticks
/// being one, two, four, .. times the first.
fn wait(took: Duration, expected: Duration, tick: Duration) -> Duration {
    if tick.is_zero() {
        return Duration::ZERO;
    }
    let mut next = tick;
    while next < took.max(expected) {
        next = next.saturating_mul(2);
    }
    next.saturating_sub(took)
}

/// How long work takes that goes through so many rows, or seems to.
pub fn expected_of(cost: u64) -> Duration {
    Duration::from_millis(cost / bounds::ROWS_OF_A_MILLISECOND).min(bounds::EXPECTED_MAX)
}

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3_600_000;

#[cfg(test)]
mod tests;
