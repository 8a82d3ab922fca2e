//! A seeded generator of OMOP CDM 5.4 populations, written as CSV extracts like a site's own export.
//!
//! What must stay true: the same recipe gives the same bytes on every machine; every written table is one of
//! `flip_gate::cdm::TABLES` with all its columns, required cells filled, keys unique and references resolved; memory
//! does not grow with the number of persons. Deliberately absent: the clock, threads, and any real person's data.
//!
//! ```no_run
//! use flip_tests::generate::{Recipe, generate};
//!
//! let recipe = Recipe { persons: 1000, seed: 1, ..Recipe::default() };
//! let census = generate(&recipe, "extract".as_ref(), |_persons| {})?;
//! println!("{} visits", census.rows("visit_occurrence"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod calendar;
mod extract;
mod imaging;
mod person;
mod places;
mod random;
mod records;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::io;
use std::path::Path;

use extract::Folder;
use person::Person;
use random::Random;
use records::Records;

/// The most persons of one population: keys of its events stay below the next Trust's.
pub const PERSONS_MAX: u64 = 10_000_000;
/// The greatest Trust offset: accession ids have three digits for it.
pub const TRUST_OFFSET_MAX: u32 = 999;
/// Keys that belong to one Trust, enough for every event of [`PERSONS_MAX`] persons.
const KEYS_PER_TRUST: i64 = 1_000_000_000;
/// Persons between two reports of progress.
const PROGRESS_PERSONS: u64 = 10_000;

/// Which population to make.
#[derive(Debug, Clone, Default)]
pub struct Recipe {
    /// How many persons, at most [`PERSONS_MAX`].
    pub persons: u64,
    /// What everything is drawn from.
    pub seed: u64,
    /// Whether to write FLIP's imaging tables.
    pub imaging: bool,
    /// Whether to write `.csv.gz` files.
    pub gzip: bool,
    /// Which Trust this is, at most [`TRUST_OFFSET_MAX`]: Trusts of different offsets have different persons, and no
    /// key of one is a key of another.
    pub trust_offset: u32,
}

impl Recipe {
    /// What every key of this Trust is above.
    fn first_key(&self) -> i64 {
        i64::from(self.trust_offset) * KEYS_PER_TRUST
    }

    fn check(&self) -> io::Result<()> {
        let wrong = match (self.persons, self.trust_offset) {
            (0, _) => "at least one person is needed".to_owned(),
            (persons, _) if persons > PERSONS_MAX => format!("at most {PERSONS_MAX} persons can be made"),
            (_, offset) if offset > TRUST_OFFSET_MAX => {
                format!("a Trust offset is at most {TRUST_OFFSET_MAX}")
            }
            (..) => return Ok(()),
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, wrong))
    }
}

/// How many rows each written table holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Census(Vec<(&'static str, u64)>);

impl Census {
    /// The tables in the order they were finished.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().copied()
    }

    /// The rows of one table; 0 where it was not written.
    pub fn rows(&self, table: &str) -> u64 {
        self.0.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows)
    }

    fn add(&mut self, table: &'static str, rows: u64) {
        self.0.push((table, rows));
    }
}

/// Writes the population into `folder` and reports every ten thousand persons.
///
/// Files of the same names are replaced. Refuses with [`io::ErrorKind::InvalidInput`] what [`Recipe`] does not allow.
pub fn generate(recipe: &Recipe, folder: &Path, mut progress: impl FnMut(u64)) -> io::Result<Census> {
    recipe.check()?;
    let folder = Folder::create(folder, recipe.gzip)?;
    let mut census = Census::default();
    vocabulary::write(&folder, &mut census)?;
    places::write(&folder, recipe, &mut census)?;
    let mut records = Records::create(&folder, recipe)?;
    for index in 0..recipe.persons {
        let mut random = Random::of(recipe.seed, &[u64::from(recipe.trust_offset), index]);
        let place = i64::try_from(index).expect("checked to be at most ten million");
        let person = Person::draw(place, &mut random);
        records.write(&person, &mut random)?;
        if (index + 1).is_multiple_of(PROGRESS_PERSONS) {
            progress(index + 1);
        }
    }
    records.finish(&mut census)?;
    Ok(census)
}
