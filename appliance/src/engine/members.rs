//! Who is in a cohort: the persons and accession ids that a plan selects, to be frozen.
//!
//! What must stay true: persons are found through base tables, as where they are counted; an accession id is kept
//! only where `image_occurrence` holds it for one of these persons, whatever a result column of that name says.
//! Members can be neither printed nor logged. Deliberately absent: whether they may be frozen.

use std::collections::BTreeSet;
use std::path::Path;

use duckdb::Connection;
use flip_gate::{Plan, Subject};
use flip_protocol::answer::Failed;
use roaring::RoaringTreemap;

use super::columns::{self, names};
use super::database::{Fault, one, rows, run, stream};
use super::measure::{Generation, whole};
use super::process::{Limits, Unanswered};
use super::wire::{self, Reply, Request};
use super::{CancelFlag, Engine, EngineFailure, bounds};

/// The persons and images of a cohort. No Debug: these are records.
#[derive(Clone, PartialEq, Eq)]
pub struct Members {
    /// By `person_id` (its 64 bits read as unsigned).
    pub persons: RoaringTreemap,
    /// Accession ids; none where the result has no column of them.
    pub accessions: BTreeSet<String>,
    /// Rows of the result that are of somebody.
    pub rows: u64,
}

/// Who is in a cohort, and what it cost to find them.
pub struct Found {
    /// Who.
    pub members: Members,
    /// The rows that the engine expected to go through.
    pub cost: u64,
}

impl Engine {
    /// Finds who is in a plan's cohort in a generation; blocks as [`Engine::run`] does.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn members(
        &mut self,
        generation_file: &Path,
        plan: &Plan,
        cancel: &CancelFlag,
    ) -> Result<Found, EngineFailure> {
        self.tried(cancel, |engine, limits| engine.attempt_members(generation_file, plan, limits))
    }

    fn attempt_members(
        &mut self,
        generation_file: &Path,
        plan: &Plan,
        limits: &Limits<'_>,
    ) -> Result<Found, Unanswered> {
        let mut process = self.take_warm(generation_file, limits)?;
        process.send(&Request::Members(plan.clone()), &[], limits)?;
        let (reply, behind) = process.receive(limits)?;
        match reply {
            Reply::Members { rows, cost } => {
                let (persons, accessions) =
                    of_bytes(&behind).ok_or(Unanswered::Lost("its cohort cannot be read"))?;
                self.keep_warm(process, generation_file);
                Ok(Found { members: Members { persons, accessions, rows }, cost })
            }
            Reply::Failed { failed, note } => {
                tracing::info!(?failed, note, "the engine could not find a cohort's members");
                Err(Unanswered::Failed(failed))
            }
            Reply::TooCostly => Err(Unanswered::TooCostly),
            Reply::Hello { .. }
            | Reply::Counts(_)
            | Reply::ExportBegins
            | Reply::Piece
            | Reply::ExportEnds { .. }
            | Reply::NotInFormat { .. } => Err(Unanswered::Lost("it answered what was not asked")),
        }
    }
}

/// The worker's side: the reply, and the members behind it.
pub(super) fn answer(generation: &Generation<'_>, plan: &Plan) -> Result<(Reply, Vec<u8>), Fault> {
    let cost = generation.cost(plan)?;
    if !generation.allows(cost) {
        return Ok((Reply::TooCostly, Vec::new()));
    }
    let database = &generation.database;
    let (select, imaged) = select(plan).ok_or(Fault {
        failed: Failed::NotUnderstood,
        note: Some("the plan's subject is not one of its columns".to_owned()),
    })?;
    run(database, &format!("CREATE OR REPLACE TEMP TABLE members AS {select}"))?;
    let found = read(database, imaged);
    run(database, "DROP TABLE members")?;
    let (rows, persons, accessions) = found?;
    let behind = to_bytes(&persons, &accessions);
    if behind.len() > bounds::PERSONS_BYTES {
        return Err(Fault::plain(Failed::TooManyRows));
    }
    Ok((Reply::Members { rows, cost: whole(cost) }, behind))
}

fn read(database: &Connection, imaged: bool) -> Result<(u64, RoaringTreemap, Vec<String>), Fault> {
    let all: u64 = one(database, "SELECT count(*) FROM members", |row| row.get(0))?;
    let mut persons = RoaringTreemap::new();
    stream(database, "SELECT DISTINCT p FROM members", |batch| {
        persons.extend(columns::persons(&batch)?.values().iter().map(|person| person.cast_unsigned()));
        Ok::<(), Fault>(())
    })?;
    let accessions = if imaged {
        let sql = "SELECT DISTINCT accession_id FROM omop.image_occurrence WHERE accession_id IN (SELECT a FROM \
                   members) AND person_id IN (SELECT p FROM members)";
        rows(database, sql, |row| row.get(0))?
    } else {
        Vec::new()
    };
    Ok((all, persons, accessions))
}

/// Person and accession id, `p` and `a`, of each row; and whether there is an `a`.
fn select(plan: &Plan) -> Option<(String, bool)> {
    let position = |name: &str| plan.columns().iter().position(|column| column == name);
    let result = format!("({}\n) AS result({})", plan.engine_sql(), names(plan.columns().len()));
    Some(match plan.subject() {
        Subject::Person { column } => {
            let person = position(column)?;
            let accession = position("accession_id");
            let also = accession.map(|at| format!(", c{at} AS a")).unwrap_or_default();
            let sql = format!("SELECT c{person} AS p{also} FROM {result} WHERE c{person} IS NOT NULL");
            (sql, accession.is_some())
        }
        Subject::Accession { column } => {
            let accession = position(column)?;
            let sql = format!(
                "SELECT owner.person_id AS p, c{accession} AS a FROM {result} JOIN (SELECT DISTINCT accession_id \
                 AS o, person_id FROM omop.image_occurrence) AS owner ON owner.o = c{accession} \
                 WHERE owner.person_id IS NOT NULL"
            );
            (sql, true)
        }
    })
}

/// A length (u64, little-endian), so many bytes of persons, and a list as of [`list_to_bytes`].
fn to_bytes(persons: &RoaringTreemap, accessions: &[String]) -> Vec<u8> {
    let persons = wire::persons_to_bytes(persons);
    let mut bytes = (persons.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(&persons);
    bytes.extend_from_slice(&list_to_bytes(accessions));
    bytes
}

fn of_bytes(bytes: &[u8]) -> Option<(RoaringTreemap, BTreeSet<String>)> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (persons, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    Some((wire::persons_of_bytes(persons)?, list_of_bytes(rest)?.into_iter().collect()))
}

/// Each text after its length in bytes (u32, little-endian).
pub(crate) fn list_to_bytes<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in texts {
        let length = u32::try_from(text.len()).expect("a value of a record is shorter than 4 GB");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// The texts of [`list_to_bytes`], unless these bytes are none.
pub(crate) fn list_of_bytes(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        texts.push(std::str::from_utf8(text).ok()?.to_owned());
        bytes = rest;
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_cross_the_pipe_as_they_are_and_cut_ones_do_not() {
        let persons: RoaringTreemap = [1, 7, u64::MAX].into_iter().collect();
        let accessions = ["A\n1".to_owned(), String::new(), "ä".to_owned()];
        let bytes = to_bytes(&persons, &accessions);
        let read = of_bytes(&bytes).unwrap();
        assert_eq!(read, (persons, accessions.into_iter().collect()));
        for cut in 0..bytes.len() - 4 {
            let read = of_bytes(&bytes[..cut]);
            assert!(read.is_none_or(|(_, list)| list.len() < 3), "cut at {cut} and nobody noticed");
        }
    }
}
