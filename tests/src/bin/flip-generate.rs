//! `flip-generate`: makes a synthetic OMOP CDM 5.4 population, written as CSV extracts.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use flip_tests::generate::{PERSONS_MAX, Recipe, TRUST_OFFSET_MAX, generate};

/// Make a synthetic OMOP CDM 5.4 population, written as CSV extracts.
///
/// Writes one file per table, named as OHDSI names them (PERSON.csv, VISIT_OCCURRENCE.csv, ...), with a small true
/// vocabulary. The same options always give the same bytes, on every machine. No real person is described.
#[derive(Parser)]
#[command(
    name = "flip-generate",
    version,
    after_help = "\
Examples:
  flip-generate --persons 1000 --seed 1 --out /tmp/north
      A small Trust.
  flip-generate --persons 1000 --seed 1 --trust-offset 2 --imaging --out /tmp/south
      Another Trust: other persons, no key in common, with FLIP's imaging tables.
  flip-generate --persons 1000000 --seed 7 --gzip --out /tmp/large
      A large one, compressed, in a few megabytes of memory.

Try on the result:
  SELECT COUNT(DISTINCT person_id) FROM omop.condition_occurrence WHERE condition_concept_id = 201826
      How many have type 2 diabetes (about 1 in 14)."
)]
struct Options {
    /// How many persons.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=PERSONS_MAX))]
    persons: u64,
    /// What everything is drawn from: any whole number.
    #[arg(long, value_name = "S")]
    seed: u64,
    /// The folder to write to; made where it is missing. Files of the same names are replaced.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Also write IMAGE_OCCURRENCE and IMAGE_FEATURE, with accession ids and chest X-ray findings.
    #[arg(long)]
    imaging: bool,
    /// Write compressed files (.csv.gz).
    #[arg(long)]
    gzip: bool,
    /// Which Trust this is: other offsets give other persons, and keys that never meet.
    #[arg(long, value_name = "K", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=i64::from(TRUST_OFFSET_MAX)))]
    trust_offset: u32,
}

fn main() -> Result<()> {
    let Options { persons, seed, out, imaging, gzip, trust_offset } = Options::parse();
    let recipe = Recipe { persons, seed, imaging, gzip, trust_offset };
    let started = Instant::now();
    let mut stderr = std::io::stderr();
    let live = stderr.is_terminal();
    let census = generate(&recipe, &out, |done| {
        if live {
            // Progress is a courtesy: a closed terminal does not end the work.
            let _ = write!(stderr, "\r{done} of {persons} persons");
        } else if done.is_multiple_of(100_000) {
            eprintln!("{done} of {persons} persons");
        }
    })
    .with_context(|| format!("cannot write the population to {}", out.display()))?;
    if live {
        eprint!("\r\x1b[K");
    }
    for (table, rows) in census.tables() {
        eprintln!("{table:<22}{rows:>12} rows");
    }
    eprintln!("{persons} persons in {:.1} s, in {}", started.elapsed().as_secs_f64(), out.display());
    Ok(())
}
