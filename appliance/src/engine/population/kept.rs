//! The population in a file beside its generation, written at ingest: to read it from the records takes a new process
//! longer than most questions. The generation's manifest has its size and hash, by which the appliance tells a worker what
//! it is to find.
//!
//! ```text
//! "flip population 1\n"
//! first i64, near u32            what places are found by
//! count u32                      then for each place: born i32, sex u16, first year u8, last year u8
//! id i64 ..                      of the places from `near` on
//! count u32                      then for each who has several periods: place u32, years 4 × u64
//! sexes                          as JSON, to the end
//! ```
//!
//! Numbers are little-endian. What must stay true: a file is never used that is not the one of this generation, to the
//! byte; where there is none, or one of another version, or one that the manifest does not name, the records say the same.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use duckdb::Connection;
use flip_protocol::answer::Failed;

use super::{Facts, Places, Population, too_large};
use crate::data::FileMark;
use crate::engine::bounds;
use crate::engine::database::Fault;

const WORDS: &[u8] = b"flip population 1\n";

/// Where the population of a generation is kept.
pub(crate) fn beside(generation_file: &Path) -> PathBuf {
    generation_file.with_file_name("population")
}

/// Writes the population of an open generation beside it, durably, and says what was written. Nothing is where it would
/// take more than a part of so many MiB, or cannot be read: an engine then says so of the records, when it is asked.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn keep_population(
    generation: &Connection,
    generation_file: &Path,
    memory_mb: u64,
) -> io::Result<Option<FileMark>> {
    let Ok(population) = Population::of_records(generation, bounds::counting_bytes(memory_mb)) else {
        return Ok(None);
    };
    let bytes = population.to_bytes();
    let mut file = File::create(beside(generation_file))?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    Ok(Some(FileMark::of(&bytes)))
}

impl Population {
    /// What is kept beside a generation whose manifest says that it is this, unless it takes more bytes than it may;
    /// nothing where nothing is, or where the manifest knows of none.
    pub fn kept(
        generation_file: &Path,
        expected: Option<&FileMark>,
        bytes_max: u64,
    ) -> Result<Option<Self>, Fault> {
        let Some(expected) = expected else { return Ok(None) };
        if expected.bytes > bytes_max {
            return Err(too_large());
        }
        let bytes = bytes_beside(generation_file, expected.bytes.saturating_add(1))
            .map_err(|_| Fault::plain(Failed::Internal))?;
        let Some(bytes) = bytes else { return Ok(None) };
        if FileMark::of(&bytes) != *expected {
            return Err(Fault::damaged());
        }
        let Some(parts) = bytes.strip_prefix(WORDS) else { return Ok(None) };
        let population = Self::of_parts(parts).ok_or_else(Fault::damaged)?;
        population.check(bytes_max)?;
        Ok(Some(population))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let count =
            |count: usize| u32::try_from(count).expect("places are numbered by 32 bits").to_le_bytes();
        let mut bytes = WORDS.to_vec();
        bytes.extend(self.places.first.to_le_bytes());
        bytes.extend(self.places.near.to_le_bytes());
        bytes.extend(count(self.facts.len()));
        for Facts { born, sex, years: (first, last) } in &self.facts {
            bytes.extend(born.to_le_bytes());
            bytes.extend(sex.to_le_bytes());
            bytes.extend([*first, *last]);
        }
        let mut others: Vec<_> = self.places.others.iter().collect();
        others.sort_unstable_by_key(|(_, place)| **place);
        bytes.extend(others.iter().flat_map(|(person, _)| person.to_le_bytes()));
        let mut several: Vec<_> = self.several.iter().collect();
        several.sort_unstable_by_key(|(place, _)| **place);
        bytes.extend(count(several.len()));
        for (place, years) in several {
            bytes.extend(place.to_le_bytes());
            bytes.extend(years.iter().flat_map(|part| part.to_le_bytes()));
        }
        bytes.extend(serde_json::to_vec(&self.sexes).expect("numbers and texts are JSON"));
        bytes
    }

    fn of_parts(bytes: &[u8]) -> Option<Self> {
        let (first, bytes) = bytes.split_first_chunk()?;
        let (near, bytes) = bytes.split_first_chunk()?;
        let (near, first) = (u32::from_le_bytes(*near), i64::from_le_bytes(*first));
        let (facts, bytes) = counted::<8>(bytes)?;
        let facts: Vec<Facts> = facts
            .iter()
            .map(|[a, b, c, d, e, f, first, last]| Facts {
                born: i32::from_le_bytes([*a, *b, *c, *d]),
                sex: u16::from_le_bytes([*e, *f]),
                years: (*first, *last),
            })
            .collect();
        let others = facts.len().checked_sub(near as usize)?;
        let (others, bytes) = chunks::<8>(bytes, others)?;
        let others = others.iter().map(|person| i64::from_le_bytes(*person)).zip(near..).collect();
        let (several, bytes) = counted::<36>(bytes)?;
        let several = several.iter().map(|entry| {
            let (place, years) = entry.split_first_chunk().expect("36 bytes are more than four");
            let mut parts = years.as_chunks().0.iter().map(|part| u64::from_le_bytes(*part));
            (u32::from_le_bytes(*place), std::array::from_fn(|_| parts.next().unwrap_or_default()))
        });
        let several = several.collect();
        let sexes = serde_json::from_slice(bytes).ok()?;
        Some(Self { places: Places { first, near, others }, facts, sexes, several })
    }
}

/// What is kept, or so many bytes of it; none where nothing is.
fn bytes_beside(generation_file: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(beside(generation_file)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len().min(bytes_max)).unwrap_or(0));
    file.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// A count and so many pieces, and what follows them.
fn counted<const BYTES: usize>(bytes: &[u8]) -> Option<(&[[u8; BYTES]], &[u8])> {
    let (count, bytes) = bytes.split_first_chunk()?;
    chunks(bytes, u32::from_le_bytes(*count) as usize)
}

fn chunks<const BYTES: usize>(bytes: &[u8], count: usize) -> Option<(&[[u8; BYTES]], &[u8])> {
    let (pieces, rest) = bytes.split_at_checked(count.checked_mul(BYTES)?)?;
    Some((pieces.as_chunks().0, rest))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use super::super::tests::population;
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    /// What is kept in a folder whose manifest says that it is `expected`, or why there is none.
    fn kept(bytes: &[u8], expected: Option<&[u8]>, bytes_max: u64) -> Result<Option<Population>, Fault> {
        let folder = tempfile::tempdir().unwrap();
        let generation = folder.path().join("cdm.duckdb");
        fs::write(beside(&generation), bytes).unwrap();
        Population::kept(&generation, expected.map(FileMark::of).as_ref(), bytes_max)
    }

    /// True where it is damage to find these bytes in place of what was written.
    fn is_damage(bytes: &[u8], written: &[u8]) -> bool {
        kept(bytes, Some(written), 1_000_000).err().is_some_and(|fault| fault.note == Fault::damaged().note)
    }

    #[test]
    fn version_1_stays_what_it_is() {
        let database = Connection::open_in_memory().unwrap();
        let sql = "CREATE SCHEMA omop;
            CREATE TABLE omop.person AS SELECT 7::BIGINT AS person_id, 8507::BIGINT AS gender_concept_id,
                1950 AS year_of_birth, 2 AS month_of_birth, 3 AS day_of_birth, NULL::TIMESTAMP AS birth_datetime,
                'm' AS gender_source_value;
            CREATE TABLE omop.observation_period AS SELECT * FROM (VALUES (7, '2001-01-01'::DATE, '2002-01-01'::DATE),
                (7, '2004-01-01', '2004-02-01'), (-1, '2005-01-01', '2005-01-01')) AS periods(person_id,
                observation_period_start_date, observation_period_end_date);";
        database.execute_batch(sql).unwrap();
        let bytes = Population::of_records(&database, 1_000_000).unwrap_or_else(|_| panic!()).to_bytes();
        let (words, rest) = bytes.split_at(WORDS.len());
        assert_eq!(words, b"flip population 1\n");
        let (numbers, sexes) = rest.split_at(8 + 4 + 4 + 2 * 8 + 8 + 4 + 36);
        let expected = [
            "0700000000000000 01000000 02000000 ab8c2901 0100 6568 00000080 0000 6969",
            "ffffffffffffffff 01000000 00000000 0000000000000000 0000000060010000 0000000000000000 0000000000000000",
        ];
        assert_eq!(hex(numbers), expected.concat().replace(' ', ""));
        assert_eq!(sexes, br#"[{"Concept":null},{"Concept":8507}]"#);
    }

    #[test]
    fn what_is_kept_is_what_the_records_say() {
        let bytes = population().to_bytes();
        let read = kept(&bytes, Some(&bytes), 1_000_000).ok().flatten().unwrap();
        assert!(read.to_bytes() == bytes);
        assert_eq!(read.place(9_000_000_000_000_000_000), population().place(9_000_000_000_000_000_000));
    }

    #[test]
    fn what_is_not_what_was_written_is_never_used() {
        let whole = population().to_bytes();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 4;
            assert!(is_damage(&flipped, &whole) && is_damage(&whole[..at], &whole), "byte {at}");
        }
        assert!(is_damage(&[&whole[..], b"."].concat(), &whole));
        // Whole, and not what a writer makes.
        for cut in WORDS.len()..whole.len() {
            assert!(is_damage(&whole[..cut], &whole[..cut]), "cut at {cut}");
        }
    }

    #[test]
    fn that_of_another_generation_is_never_used_nor_one_that_the_manifest_does_not_name() {
        let whole = population().to_bytes();
        let mut other = population();
        other.facts[0].born -= 10_000;
        let other = other.to_bytes();
        assert!(kept(&other, Some(&other), 1_000_000).is_ok_and(|population| population.is_some()));
        assert!(is_damage(&other, &whole));
        assert!(kept(&whole, None, 1_000_000).is_ok_and(|none| none.is_none()));
    }

    #[test]
    fn what_another_version_wrote_is_passed_over_and_what_is_too_large_is_not_read() {
        let other = b"flip population 2\n..";
        assert!(kept(other, Some(other), 1_000_000).is_ok_and(|none| none.is_none()));
        let whole = population().to_bytes();
        let fault = kept(&whole, Some(&whole), 100).err().unwrap();
        assert_eq!(fault.failed, Failed::OutOfMemory);
    }
}
