//! The tables that a question's statistics are made of, in the worker's memory, and what is counted per person.
//!
//! `cohort` holds the result's rows: `p`, the person of the row, `a`, its accession id where it has one, and the
//! result's columns `c0, c1, ..`. `people` holds one row a person: `p`, `n`, their rows, `v0, v1, ..`, their rows with a
//! value, and `m0, m1, ..`, the mean of a numeric column's finite values.
//!
//! What must stay true: who is spent, and rows of nobody, are in neither; a question's own names and values stand in
//! no statement but its own. Both tables are gone when the [`Tables`] are dropped.

use std::fmt::Write as _;

use duckdb::Connection;
use duckdb::arrow::array::{AsArray as _, RecordBatch};
use duckdb::arrow::datatypes::Int64Type;
use flip_gate::Subject;
use flip_protocol::answer::Failed;
use roaring::RoaringTreemap;
use time::Date;

use super::columns::{Kind, names};
use super::database::{Fault, one, run};
use super::wire::Question;

/// The tables of one question.
pub(super) struct Tables<'a> {
    database: &'a Connection,
    /// False where the rows did not fit: `cohort` is then a view, which runs the plan again, and the statistics that
    /// read it more than once are not made.
    pub kept: bool,
    /// Of the result's columns.
    pub kinds: Vec<Kind>,
    /// True where there are accession ids.
    pub imaged: bool,
}

impl<'a> Tables<'a> {
    /// Runs the plan.
    pub fn make(
        database: &'a Connection,
        question: &Question,
        kinds: Vec<Kind>,
        has_spent: bool,
    ) -> Result<Self, Fault> {
        let (select, imaged) = cohort(question, &kinds, has_spent).ok_or(Fault {
            failed: Failed::NotUnderstood,
            note: Some("the plan's subject is not one of its columns".to_owned()),
        })?;
        let mut tables = Self { database, kept: true, kinds, imaged };
        match run(database, &format!("CREATE TEMP TABLE cohort AS {select}")) {
            Ok(()) => {}
            Err(fault) if fault.failed == Failed::OutOfMemory => {
                tables.kept = false;
                run(database, &format!("CREATE TEMP VIEW cohort AS {select}"))?;
            }
            Err(fault) => return Err(fault),
        }
        let values = tables.each(|at, _| format!(", count(c{at}) AS v{at}"));
        let means = tables.each(|at, kind| match kind {
            Kind::Number if tables.kept => {
                format!(", avg(c{at}::DOUBLE) FILTER (isfinite(c{at}::DOUBLE)) AS m{at}")
            }
            Kind::Number | Kind::Opaque | Kind::Concept | Kind::Text | Kind::Day => String::new(),
        });
        run(
            database,
            &format!(
                "CREATE TEMP TABLE people AS SELECT p, count(*) AS n{values}{means} FROM cohort GROUP BY p"
            ),
        )?;
        Ok(tables)
    }

    /// The persons.
    pub fn subjects(&self) -> Result<RoaringTreemap, Fault> {
        let mut statement =
            self.database.prepare("SELECT p FROM people").map_err(|error| Fault::preparing(&error))?;
        let mut subjects = RoaringTreemap::new();
        let batches = statement.stream_arrow([]).map_err(|error| Fault::running(&error))?;
        for batch in batches {
            let batch: RecordBatch = batch;
            let persons = batch.column(0).as_primitive_opt::<Int64Type>().ok_or(Fault {
                failed: Failed::NotUnderstood,
                note: Some("the plan's subject is no whole number".to_owned()),
            })?;
            subjects.extend(persons.values().iter().map(|person| person.cast_unsigned()));
        }
        Ok(subjects)
    }

    /// What the `crowd`-th of the largest values of `expression` over a table's rows is; zero where there are fewer.
    pub fn shared_by(&self, crowd: u64, expression: &str, table: &str) -> Result<u64, Fault> {
        let sql = format!(
            "SELECT coalesce((SELECT {expression} AS most FROM {table} ORDER BY most DESC LIMIT 1 OFFSET {}), 0)::BIGINT",
            crowd.saturating_sub(1)
        );
        one(self.database, &sql, |row| row.get(0))
    }

    /// A text for each column.
    pub fn each(&self, part: impl Fn(usize, Kind) -> String) -> String {
        self.kinds.iter().enumerate().map(|(at, kind)| part(at, *kind)).collect()
    }
}

impl Drop for Tables<'_> {
    fn drop(&mut self) {
        let cohort = if self.kept { "TABLE" } else { "VIEW" };
        // A worker whose tables cannot be dropped answers its next question with an error, and is replaced.
        drop(
            self.database
                .execute_batch(&format!("DROP {cohort} IF EXISTS cohort; DROP TABLE IF EXISTS people;")),
        );
    }
}

/// Puts these persons in place of the spent ones, in the table `spent`; true where there are any.
pub(super) fn replace_spent(database: &Connection, persons: &RoaringTreemap) -> duckdb::Result<bool> {
    database.execute_batch("CREATE OR REPLACE TEMP TABLE spent (p BIGINT)")?;
    let mut appender = database.appender_to_catalog_and_db("spent", "temp", "main")?;
    for person in persons {
        appender.append_row([person.cast_signed()])?;
    }
    appender.flush()?;
    Ok(!persons.is_empty())
}

/// The select of `cohort`, and whether it has accession ids; nothing where the plan's subject is no column of its own.
fn cohort(question: &Question, kinds: &[Kind], has_spent: bool) -> Option<(String, bool)> {
    let plan = &question.plan;
    let position = |name: &str| plan.columns().iter().position(|column| column == name);
    let (person, accession, owners) = match plan.subject() {
        Subject::Person { column } => {
            (format!("c{}", position(column)?), position("accession_id"), String::new())
        }
        Subject::Accession { column } => {
            let accession = position(column)?;
            let owners = format!(
                " JOIN (SELECT DISTINCT accession_id AS o, person_id FROM omop.image_occurrence) AS owner \
                 ON owner.o = c{accession}"
            );
            ("owner.person_id".to_owned(), Some(accession), owners)
        }
    };
    let mut sql = format!("SELECT {person} AS p");
    if let Some(accession) = accession {
        push(&mut sql, format_args!(", c{accession} AS a"));
    }
    for (at, kind) in kinds.iter().enumerate() {
        match kind {
            Kind::Opaque => {
                push(&mut sql, format_args!(", CASE WHEN c{at} IS NOT NULL THEN true END AS c{at}"));
            }
            Kind::Number | Kind::Concept | Kind::Text | Kind::Day => push(&mut sql, format_args!(", c{at}")),
        }
    }
    push(
        &mut sql,
        format_args!(
            " FROM ({}\n) AS result({}){owners} WHERE {person} IS NOT NULL",
            plan.engine_sql(),
            names(kinds.len())
        ),
    );
    if has_spent {
        push(&mut sql, format_args!(" AND NOT EXISTS (SELECT 1 FROM spent WHERE spent.p = {person})"));
    }
    Some((sql, accession.is_some()))
}

/// The concepts of the two sexes that have labels of their own (OMOP vocabulary `Gender`).
pub(super) const MALE: i64 = 8_507;
pub(super) const FEMALE: i64 = 8_532;

/// Persons by age group, sex's concept and sex's source value.
pub(super) fn demography(age_day: Date) -> String {
    // Completed years at the day, in whole numbers: no date is built, so no record can make it fail.
    let day = age_day.year() * 10_000 + i32::from(u8::from(age_day.month())) * 100 + i32::from(age_day.day());
    let born = "coalesce(year(birth_datetime) * 10000 + month(birth_datetime) * 100 + day(birth_datetime), \
                year_of_birth * 10000 + coalesce(month_of_birth, 1) * 100 + coalesce(day_of_birth, 1))";
    let known = format!("gender_concept_id IN ({MALE}, {FEMALE})");
    let source = "nullif(trim(gender_source_value), '')";
    // Ages and sexes are made before the join, which then carries three narrow columns.
    format!(
        "SELECT age_group, code, label, count(p)::BIGINT FROM people LEFT JOIN (SELECT person_id, \
         CASE WHEN {born} <= {day} THEN least(({day} - {born}) // 100000, 9)::BIGINT END AS age_group, \
         CASE WHEN {known} OR {source} IS NULL THEN gender_concept_id END AS code, \
         CASE WHEN {known} THEN NULL ELSE {source} END AS label FROM omop.person) AS person \
         ON person.person_id = p GROUP BY age_group, code, label"
    )
}

/// Makes `observed`, one row a person: `p`, `years`, their calendar years of observation, the first and the last of them
/// where they are in one piece, and all of them in a list where there are several periods.
pub(super) fn observed((first, last): (i32, i32)) -> String {
    // Most persons have one period: they are counted by its ends, not by each of its years.
    format!(
        "CREATE TEMP TABLE observed AS WITH periods AS (SELECT person_id AS p, \
         greatest(year(observation_period_start_date), {first}) AS y0, \
         least(year(observation_period_end_date), {last}) AS y1 \
         FROM omop.observation_period SEMI JOIN people ON person_id = people.p), \
         persons AS (SELECT p, min(y0) AS y0, max(y1) AS y1, CASE WHEN count(*) > 1 \
         THEN list_sort(list_distinct(flatten(list(range(y0, y1 + 1))))) END AS list \
         FROM periods WHERE y0 <= y1 GROUP BY p) \
         SELECT p, y0, y1, list, coalesce(len(list), y1 - y0 + 1) AS years FROM persons"
    )
}

/// Persons by first and last calendar year of observation, each in their first `cap` years. Who has several periods
/// stands once for each year.
pub(super) fn spans(cap: u64) -> String {
    format!(
        "SELECT y0::BIGINT, least(y1, y0 + {cap} - 1)::BIGINT AS until, count(*)::BIGINT FROM observed \
         WHERE list IS NULL GROUP BY y0, until \
         UNION ALL SELECT y::BIGINT, y::BIGINT, count(*)::BIGINT FROM \
         (SELECT unnest(list[:{cap}]) AS y FROM observed WHERE list IS NOT NULL) GROUP BY y"
    )
}

fn push(sql: &mut String, text: std::fmt::Arguments<'_>) {
    sql.write_fmt(text).expect("writing to a String cannot fail");
}
