//! References from one record to another: what they must name for a question to join by them.
//!
//! What must stay true: a 0 that stands for "no such record", as OMOP extracts write it, is stored as NULL, and so is
//! the key of another person's record. The gate lets records be joined by these columns because equal values are one
//! person's. Deliberately absent: keys that name no record at all, which are kept and only counted (see `quality`).

use flip_gate::cdm::{Column, Kind, Table};
use flip_gate::record_named;

use super::bounds::REFERENCES_CLEARED;
use super::checked::Checked;
use super::database::{Database, quoted};
use super::error::IngestError;
use super::quality::{Finding, Rule};

/// True of a column whose values are keys of persons' records, of which 0 is none.
pub(super) fn names_records(table: &Table, column: &Column) -> bool {
    column.kind == Kind::Integer && record_named(table, column).is_some()
}

/// SQL for what is stored of a value of a column, given the SQL for the value.
pub(super) fn stored(table: &Table, column: &Column, value: &str) -> String {
    if names_records(table, column) { format!("nullif({value}, 0)") } else { value.to_owned() }
}

/// Stores NULL for references to other persons' records in the loaded table of these parts, and says how many there
/// were, and how many were 0.
pub(super) fn clear(parts: &[Checked], database: &Database) -> Result<Vec<Finding>, IngestError> {
    let Some(table) = parts.first().map(|part| part.source.table) else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for column in table.columns.iter().filter(|column| names_records(table, column)) {
        let sum = |count: fn(&Checked, &str) -> u64| parts.iter().map(|part| count(part, column.name)).sum();
        let (zeros, filled): (u64, u64) = (sum(Checked::zeros), sum(Checked::filled));
        let mut found = |rule, rows, of| {
            findings.push(Finding::new(rule, table.name, Some(column.name), rows, of));
        };
        if zeros + filled > 0 {
            found(Rule::ZeroForNone, zeros, zeros + filled);
        }
        if let Some(foreign) = foreign(table, column).filter(|_| filled > 0) {
            let doing = || format!("checking {}", table.name);
            let cleared = clear_column(table, column, &foreign, database);
            let cleared = cleared.map_err(|error| IngestError::engine(doing(), &error))?;
            found(Rule::OthersRow, cleared, filled);
        }
    }
    Ok(findings)
}

/// Rows of a column whose values [`clear`] has replaced with NULL.
pub(super) fn cleared(findings: &[Finding], table: &Table, column: &Column) -> u64 {
    let is_of = |finding: &&Finding| {
        finding.rule == Rule::OthersRow
            && finding.table == table.name
            && finding.column.as_deref() == Some(column.name)
    };
    findings.iter().filter(is_of).map(|finding| finding.rows).sum()
}

/// SQL for the row numbers whose reference names another person's record; none where either table has no persons.
fn foreign(table: &Table, column: &Column) -> Option<String> {
    let named = record_named(table, column)?;
    table.column("person_id").and(named.column("person_id"))?;
    Some(format!(
        "SELECT f.rowid AS number FROM omop.{} AS f JOIN omop.{} AS t ON t.{} = f.{} \
         WHERE t.person_id IS DISTINCT FROM f.person_id",
        quoted(table.name),
        quoted(named.name),
        quoted(named.primary_key?),
        quoted(column.name),
    ))
}

/// Some rows at a time, because what an update changes is held in memory until it is committed.
fn clear_column(table: &Table, column: &Column, foreign: &str, database: &Database) -> duckdb::Result<u64> {
    let found: u64 = database.value(&format!("SELECT count(*) FROM ({foreign})"))?;
    for _ in 0..found.div_ceil(REFERENCES_CLEARED) {
        database.run(&format!(
            "UPDATE omop.{} SET {} = NULL WHERE rowid IN (SELECT number FROM ({foreign}) LIMIT {REFERENCES_CLEARED}); \
             CHECKPOINT;",
            quoted(table.name),
            quoted(column.name),
        ))?;
    }
    Ok(found)
}
