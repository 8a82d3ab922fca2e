//! `flip-appliance attack`: how often do the known attacks win under this site's own policy?
//!
//! Made-up persons are ingested three times for each target: without them, with them, and with them having a rare
//! condition.
//! Each attacker knows everything but the one bit, learns at home what each question gives away, asks a Trust whose
//! secret it does not know, and guesses. A coin is right in half of all plays; the policy holds where no attacker is
//! right in more than 60 of 100.
//!
//! What must stay true: no real record is read; questions go through the real gate, engine and disclosure, under the
//! policy and the engine's limits in force; every play has a secret of its own and budgets that nobody has touched,
//! which is the worst case. Deliberately absent: any change to what a site does.

mod attackers;
mod chance;
mod evidence;
mod play;
mod population;
mod report;
mod site;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{io, thread};

use flip_storage::StoreError;

use crate::config::Config;
use crate::data::{self, Generation, Generations, GenerationsError, IngestError};
use crate::desk::DeskError;
use crate::disclosure::Policy;
use crate::engine;

pub use report::{Report, SHARE_MAX, Tried, Verdict};

use attackers::{ATTACKERS, Attacker};
use population::{Target, World};

/// How much is tried.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Plays of each attacker.
    pub trials: u64,
    /// After how many questions a guess is made; ascending, the last is how many are asked.
    pub questions: Vec<usize>,
    /// What chance is made of.
    pub seed: u64,
    /// Only attackers whose name holds one of these; all where there are none.
    pub only: Vec<String>,
}

/// Why no report could be made.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// Writing the made-up extracts.
    #[error("the made-up extracts cannot be written")]
    Files(#[from] io::Error),
    /// Ingesting them.
    #[error("the made-up extracts cannot be ingested")]
    Ingest(#[from] IngestError),
    /// Their generations.
    #[error("the made-up data cannot be read")]
    Generations(#[from] GenerationsError),
    /// Their ledgers.
    #[error(transparent)]
    Ledger(StoreError),
    /// Their desks.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// No attacker has such a name.
    #[error("no attacker is called {0:?}; there are {1}")]
    Unknown(String, String),
}

/// Plays of one target.
const PLAYS_OF_TARGET: u64 = 200;
/// Rows that a result may have.
const ROWS_MAX: u64 = 1_000_000;
/// The most targets.
const TARGETS_MAX: u64 = 5;

/// Tries every attacker. `tell` hears how far it is, in words; it may be called from several threads.
pub fn run(
    settings: &Settings,
    config: &Config,
    policy: &Policy,
    worker_program: &Path,
    now_ms: u64,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Report, AttackError> {
    let chosen = chosen(&settings.only)?;
    let targets = (settings.trials / PLAYS_OF_TARGET).clamp(1, TARGETS_MAX);
    tell("making up Trusts");
    let folder = tempfile::Builder::new().prefix("flip-attack-").tempdir()?;
    let mut made = Vec::new();
    let mut jobs: Vec<(usize, usize)> = Vec::new();
    for number in 0..usize::try_from(targets).expect("at most five") {
        let target = Target::of(settings.seed, number);
        let folder = folder.path().join(number.to_string());
        made.push((target, worlds(&folder, settings.seed, target, now_ms)?));
        jobs.extend((0..chosen.len()).map(|attacker| (attacker, number)));
    }
    let plays = settings.trials / targets;
    let right = Mutex::new(vec![vec![0; settings.questions.len()]; chosen.len()]);
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), AttackError> {
        let mut memory = site::Memory::new(engine_settings(config, worker_program.to_owned()));
        while let Some((attacker, number)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            let (target, worlds) = &made[number];
            let scene = play::Scene { settings, policy, worlds, plays };
            let won = scene.play(chosen[attacker], *target, &mut memory)?;
            let mut right = right.lock().unwrap_or_else(PoisonError::into_inner);
            for (sum, won) in right[attacker].iter_mut().zip(won) {
                *sum += won;
            }
            tell(&format!("{}: {} of {targets} targets", chosen[attacker].name, number + 1));
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("an attacker does not panic"))
    })?;
    let right = right.into_inner().unwrap_or_else(PoisonError::into_inner);
    let tried = chosen.iter().zip(right).map(|(attacker, right)| Tried {
        name: attacker.name.to_owned(),
        does: attacker.does.to_owned(),
        secret: attacker.secret.words().to_owned(),
        right,
    });
    Ok(Report {
        at_ms: now_ms,
        policy: policy_words(policy),
        trials: plays * targets,
        seed: settings.seed,
        questions: settings.questions.clone(),
        attackers: tried.collect(),
    })
}

/// What a report says of the policy that it was made under.
pub fn policy_words(policy: &Policy) -> Vec<String> {
    policy.settings().into_iter().map(|setting| format!("{}: {}", setting.name, setting.in_force)).collect()
}

fn chosen(only: &[String]) -> Result<Vec<&'static Attacker>, AttackError> {
    for name in only {
        if !ATTACKERS.iter().any(|attacker| attacker.name.contains(name.as_str())) {
            let all: Vec<&str> = ATTACKERS.iter().map(|attacker| attacker.name).collect();
            return Err(AttackError::Unknown(name.clone(), all.join(", ")));
        }
    }
    let wanted =
        |attacker: &&Attacker| only.is_empty() || only.iter().any(|name| attacker.name.contains(name));
    Ok(ATTACKERS.iter().filter(wanted).collect())
}

/// The three worlds of a target, each a generation of its own.
fn worlds(folder: &Path, seed: u64, target: Target, now_ms: u64) -> Result<Worlds, AttackError> {
    let mut made = Vec::new();
    for world in World::ALL {
        let extract = folder.join(world.name());
        population::write(&extract, world, seed, target)?;
        let generations = Generations::open(&folder.join(world.name()).join("generations"))?;
        let report = data::ingest(
            &extract,
            &generations,
            &data::Settings::default(),
            now_ms,
            &mut data::progress::Silent,
        )?;
        made.push(report.generation);
    }
    let [absent, present, afflicted] = made.try_into().expect("there are three worlds");
    Ok(Worlds { absent, present, afflicted })
}

/// The generation of each world. All have the same name, so that the same secret gives them the same noise.
struct Worlds {
    absent: Generation,
    present: Generation,
    afflicted: Generation,
}

impl Worlds {
    fn of(&self, world: World) -> &Generation {
        match world {
            World::Absent => &self.absent,
            World::Present => &self.present,
            World::Afflicted => &self.afflicted,
        }
    }
}

fn engine_settings(config: &Config, worker_program: PathBuf) -> engine::Settings {
    engine::Settings {
        memory_mb: config.memory_mb,
        timeout: config.timeout,
        // Fewer than a site's, so that what is over the limit is so soon.
        rows_max: config.rows_max.min(ROWS_MAX),
        cost_max: config.cost_max,
        ..engine::Settings::new(worker_program)
    }
}
