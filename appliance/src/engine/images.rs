//! The imaging occurrences behind a result's accession ids.

use duckdb::Connection;

use super::database::{Fault, one, rows, run};
use super::people::Tables;

/// Imaging occurrences before disclosure control.
pub(super) struct Images {
    pub persons: u64,
    pub cap: u64,
    /// Concept of the modality, images (each person's for at most `cap`), persons.
    pub modalities: Vec<(Option<i64>, u64, u64)>,
}

/// Counts the occurrences whose accession id and person are in the result.
pub(super) fn measure(database: &Connection, tables: &Tables<'_>, crowd: u64) -> Result<Images, Fault> {
    run(
        database,
        "CREATE TEMP TABLE images AS SELECT image.person_id AS p, image.modality_concept_id AS code, count(*) AS n \
         FROM omop.image_occurrence AS image SEMI JOIN (SELECT DISTINCT p, a FROM cohort WHERE a IS NOT NULL) AS pair \
         ON image.accession_id = pair.a AND image.person_id = pair.p GROUP BY ALL",
    )?;
    let measured = counted(database, tables, crowd);
    // As with the other tables of a question: what cannot be dropped is an error of the next one.
    drop(database.execute_batch("DROP TABLE images"));
    measured
}

fn counted(database: &Connection, tables: &Tables<'_>, crowd: u64) -> Result<Images, Fault> {
    let cap = tables.shared_by(crowd, "sum(n)", "images GROUP BY p")?;
    let persons = one(database, "SELECT count(DISTINCT p)::BIGINT FROM images", |row| row.get(0))?;
    let sql =
        format!("SELECT code, sum(least(n, {cap}))::BIGINT, count(*)::BIGINT FROM images GROUP BY code");
    let modalities = rows(database, &sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(Images { persons, cap, modalities })
}
