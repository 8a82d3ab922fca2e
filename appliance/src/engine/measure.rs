//! Runs a plan and measures what came of it.
//!
//! What must stay true: rows stay in DuckDB's own memory; what is read of them here are counts by group and the set of
//! persons; an error keeps no text once records were read (see [`Fault`]).

use std::collections::BTreeMap;

use duckdb::Connection;
use flip_protocol::answer::Failed;
use roaring::RoaringTreemap;

use super::columns::{self, Kind};
use super::database::{Fault, one, rows, run};
use super::labels::{Key, Tally, labelled};
use super::people::{self, Tables};
use super::wire::{self, Counts, Question};
use super::{bounds, categories, images, numbers};
use crate::disclosure::UNKNOWN;

/// Answers one question. `spent` tells whether the table of spent persons holds any.
pub(super) fn measure(
    database: &Connection,
    question: &Question,
    has_spent: bool,
    rows_max: u64,
) -> Result<(Counts, RoaringTreemap), Fault> {
    let kinds = columns::kinds(database, &question.plan)?;
    let tables = Tables::make(database, question, kinds, has_spent)?;
    let sql = "SELECT coalesce(sum(n), 0)::BIGINT, count(*)::BIGINT FROM people";
    let (all, persons): (u64, u64) = one(database, sql, |row| Ok((row.get(0)?, row.get(1)?)))?;
    if all > rows_max {
        return Err(Fault::plain(Failed::TooManyRows));
    }
    let rows_cap = tables.shared_by(question.crowd, "n", "people")?;
    let (rows, columns) = sums(database, &tables, rows_cap)?;
    let (ages, sexes) = ages_and_sexes(database, question)?;
    let (years, years_cap) = years(database, &tables, question.crowd)?;
    let counts = Counts {
        rows,
        rows_cap,
        columns,
        ages,
        sexes,
        years,
        years_cap,
        images: tables.imaged.then(|| imaged(database, &tables, question.crowd)).transpose()?,
        numbers: numbers(database, &tables, question.crowd)?,
        categories: categories(database, &tables, question.crowd, all == persons)?,
    };
    Ok((counts, tables.subjects()?))
}

/// Rows, and per column rows with and without a value and persons with and without one.
fn sums(database: &Connection, tables: &Tables<'_>, cap: u64) -> Result<(u64, Vec<[u64; 4]>), Fault> {
    let columns = tables.each(|at, _| {
        format!(
            ", coalesce(sum(least(v{at}, {cap})), 0)::BIGINT, coalesce(sum(least(n - v{at}, {cap})), 0)::BIGINT, \
             count(*) FILTER (v{at} > 0), count(*) FILTER (v{at} < n)"
        )
    });
    let sql = format!("SELECT coalesce(sum(least(n, {cap})), 0)::BIGINT{columns} FROM people");
    one(database, &sql, |row| {
        let column = |at: usize| -> duckdb::Result<[u64; 4]> {
            let from = 1 + 4 * at;
            Ok([row.get(from)?, row.get(from + 1)?, row.get(from + 2)?, row.get(from + 3)?])
        };
        Ok((row.get(0)?, (0..tables.kinds.len()).map(column).collect::<Result<_, _>>()?))
    })
}

type Groups = Vec<(String, u64)>;
/// Age divided by ten, concept and source value of the sex, persons.
type Person = (Option<i64>, Option<i64>, Option<String>, u64);

fn ages_and_sexes(database: &Connection, question: &Question) -> Result<(Groups, Groups), Fault> {
    let groups: Vec<Person> = rows(database, &people::demography(question.age_day), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    let mut ages: BTreeMap<(bool, i64), u64> = BTreeMap::new();
    let mut sexes: BTreeMap<Key, u64> = BTreeMap::new();
    for (age, code, label, persons) in groups {
        // The unknown last.
        *ages.entry((age.is_none(), age.unwrap_or(0))).or_default() += persons;
        *sexes.entry(label.map_or(Key::Concept(code), Key::Text)).or_default() += persons;
    }
    let ages = ages.into_iter().map(|((unknown, tens), persons)| {
        (if unknown { UNKNOWN.to_owned() } else { age_label(tens) }, persons)
    });
    let sexes = sexes.into_iter().map(|(key, persons)| (key, Tally { count: persons, persons }));
    Ok((ages.collect(), counts_of(labelled(database, sexes)?)))
}

fn age_label(tens: i64) -> String {
    if tens >= 9 { "90+".to_owned() } else { format!("{}-{}", tens * 10, tens * 10 + 9) }
}

/// Persons by calendar year of observation, and the most years that one person is counted in.
fn years(database: &Connection, tables: &Tables<'_>, crowd: u64) -> Result<(Groups, u64), Fault> {
    run(database, &people::observed(bounds::YEARS))?;
    let counted = years_counted(database, tables, crowd);
    // As with the other tables of a question: what cannot be dropped is an error of the next one.
    drop(database.execute_batch("DROP TABLE observed"));
    counted
}

fn years_counted(database: &Connection, tables: &Tables<'_>, crowd: u64) -> Result<(Groups, u64), Fault> {
    let cap = tables.shared_by(crowd, "years", "observed")?;
    let spans: Vec<(i64, i64, u64)> =
        rows(database, &people::spans(cap), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut years: BTreeMap<i64, u64> = BTreeMap::new();
    for (from, to, persons) in spans {
        for year in from..=to {
            *years.entry(year).or_default() += persons;
        }
    }
    Ok((years.into_iter().map(|(year, persons)| (year.to_string(), persons)).collect(), cap))
}

fn imaged(database: &Connection, tables: &Tables<'_>, crowd: u64) -> Result<wire::Images, Fault> {
    let images = images::measure(database, tables, crowd)?;
    let groups = images
        .modalities
        .into_iter()
        .map(|(code, count, persons)| (Key::Concept(code), Tally { count, persons }));
    let modalities = labelled(database, groups)?
        .into_iter()
        .map(|(label, tally)| (label, tally.count, tally.persons))
        .collect();
    Ok(wire::Images { persons: images.persons, cap: images.cap, modalities })
}

fn numbers(database: &Connection, tables: &Tables<'_>, crowd: u64) -> Result<Vec<wire::Number>, Fault> {
    let mut found = Vec::new();
    for at in described(tables, &[Kind::Number]) {
        found.extend(numbers::measure(database, at, crowd)?);
    }
    Ok(found)
}

fn categories(
    database: &Connection,
    tables: &Tables<'_>,
    crowd: u64,
    single: bool,
) -> Result<Vec<wire::Category>, Fault> {
    let mut found = Vec::new();
    for at in described(tables, &[Kind::Concept, Kind::Text, Kind::Day]) {
        found.extend(categories::measure(database, at, tables.kinds[at], crowd, single)?);
    }
    Ok(found)
}

/// The columns of these kinds that are described by their values: the first few, where the rows are kept.
fn described(tables: &Tables<'_>, wanted: &[Kind]) -> impl Iterator<Item = usize> {
    let columns: Vec<usize> = tables
        .kinds
        .iter()
        .enumerate()
        .filter(|(_, kind)| tables.kept && wanted.contains(kind))
        .map(|(at, _)| at)
        .take(bounds::DESCRIBED)
        .collect();
    columns.into_iter()
}

fn counts_of(labels: Vec<(String, Tally)>) -> Groups {
    labels.into_iter().map(|(label, tally)| (label, tally.count)).collect()
}
