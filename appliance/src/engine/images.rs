//! The imaging occurrences behind a result's accession ids.
//!
//! What must stay true: an occurrence counts where the result has its accession id with its person; the table `cohort`,
//! which holds the rows meanwhile, is gone when [`Kept`] is dropped.

use std::collections::BTreeMap;

use duckdb::Connection;
use flip_protocol::answer::Failed;

use super::cohort::Cohort;
use super::database::{Fault, rows, run};
use super::rows::Rows;
use super::sharing::Sharing;

/// Imaging occurrences before disclosure control.
pub(super) struct Images {
    pub persons: u64,
    pub cap: u64,
    /// Concept of the modality, images (a person's of all modalities for at most `cap`), persons.
    pub modalities: Vec<(Option<i64>, u64, u64)>,
}

/// A question's rows as `cohort`: a table in the worker's memory, or a view where they do not fit.
pub(super) struct Kept<'a> {
    database: &'a Connection,
    what: &'static str,
}

impl<'a> Kept<'a> {
    pub fn new(database: &'a Connection, result: &Rows) -> Result<Self, Fault> {
        let made = |what| run(database, &format!("CREATE TEMP {what} cohort AS {}", result.sql));
        match made("TABLE") {
            Ok(()) => Ok(Self { database, what: "TABLE" }),
            Err(fault) if fault.failed == Failed::OutOfMemory => {
                made("VIEW")?;
                Ok(Self { database, what: "VIEW" })
            }
            Err(fault) => Err(fault),
        }
    }

    /// Counts the occurrences whose accession id and person are in the result.
    pub fn images(&self, cohort: &Cohort<'_>, sharing: &Sharing) -> Result<Images, Fault> {
        let sql = "SELECT image.person_id::BIGINT, image.modality_concept_id::BIGINT, count(*)::BIGINT \
                   FROM omop.image_occurrence AS image SEMI JOIN (SELECT DISTINCT p, a FROM cohort WHERE a IS NOT NULL) \
                   AS pair ON image.accession_id = pair.a AND image.person_id = pair.p GROUP BY ALL";
        let groups: Vec<(i64, Option<i64>, u64)> =
            rows(self.database, sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let groups = groups.into_iter().filter(|(person, ..)| cohort.holds(*person));
        let mut groups: Vec<_> = groups.collect();
        groups.sort_unstable();
        let mut each: BTreeMap<i64, u64> = BTreeMap::new();
        for (person, _, images) in &groups {
            *each.entry(*person).or_default() += images;
        }
        let cap = sharing.cap("images", each.values().copied());
        let persons = each.len() as u64;
        // What each may still be counted for, over all modalities.
        let mut left: BTreeMap<i64, u64> = each.into_keys().map(|person| (person, cap)).collect();
        let mut modalities: BTreeMap<Option<i64>, (u64, u64)> = BTreeMap::new();
        for (person, code, images) in groups {
            let left = left.entry(person).or_default();
            let taken = images.min(*left);
            *left -= taken;
            let (counted, persons) = modalities.entry(code).or_default();
            *counted += taken;
            *persons += u64::from(taken > 0);
        }
        let modalities = modalities.into_iter().map(|(code, (images, persons))| (code, images, persons));
        Ok(Images { persons, cap, modalities: modalities.collect() })
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        // A worker whose table cannot be dropped answers its next question with an error, and is replaced.
        drop(self.database.execute_batch(&format!("DROP {} IF EXISTS cohort", self.what)));
    }
}
