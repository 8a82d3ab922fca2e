//! The one statement that turns a plan into counts.
//!
//! The plan's rows are never kept: they stream into groups by subject, those join `omop.person`, and a handful of
//! rows of sums comes out. Pure: builds text from a [`Plan`], whose column names never appear in it (columns are
//! renamed `c0`, `c1`, .. by position), and from a date.
//!
//! Every row of the result has the same columns, which [`super::measure`] adds up:
//!
//! | column | subjects | sums | images |
//! |---|---|---|---|
//! | `block` | 0 | 1 | 2 |
//! | `age_group` | completed years / 10, at most 9; null if unknown | | |
//! | `code` | concept of the sex | | concept of the modality |
//! | `label` | source value of the sex | | `all` in the row over all modalities |
//! | `persons` | distinct persons | 0 | distinct persons |
//! | `n` | rows of the result | rows | images |
//! | per column: `v`, `w`, `o` | rows with a value, persons with one, persons with a null | | 0 |

use std::fmt::Write as _;

use flip_gate::{Plan, Subject};
use time::Date;

/// First value of a result row.
pub(super) const BLOCK_SUBJECTS: i64 = 0;
pub(super) const BLOCK_SUMS: i64 = 1;
pub(super) const BLOCK_IMAGES: i64 = 2;
/// The label of the row over all modalities.
pub(super) const ALL: &str = "all";
/// Values of a result row before those of the plan's columns.
pub(super) const COLUMNS_FROM: usize = 6;

/// The concepts of the two sexes that have labels of their own (OMOP vocabulary `Gender`).
pub(super) const MALE: i64 = 8_507;
pub(super) const FEMALE: i64 = 8_532;

/// The statement for a plan, or nothing where the plan's subject is not among its columns.
pub(super) fn statement(plan: &Plan, age_day: Date) -> Option<String> {
    let position = |name: &str| plan.columns().iter().position(|column| column == name);
    let columns = plan.columns().len();
    Some(match plan.subject() {
        Subject::Person { column } => {
            by_person(plan.engine_sql(), columns, position(column)?, position("accession_id"), age_day)
        }
        Subject::Accession { column } => by_accession(plan.engine_sql(), columns, position(column)?, age_day),
    })
}

fn by_person(
    engine_sql: &str,
    columns: usize,
    person: usize,
    accession: Option<usize>,
    age_day: Date,
) -> String {
    let values = each(columns, |at| format!(", count(c{at}) AS v{at}"));
    let cohort = format!("({engine_sql}\n) AS cohort({})", names(columns));
    let mut sql = String::from("WITH ");
    match accession {
        None => push(
            &mut sql,
            format_args!(
                "people AS (SELECT c{person} AS p, count(*) AS n{values} FROM {cohort} GROUP BY c{person})"
            ),
        ),
        Some(accession) => push(
            &mut sql,
            format_args!(
                "pairs AS MATERIALIZED (SELECT c{person} AS p, c{accession} AS a, count(*) AS n{values} \
                 FROM {cohort} GROUP BY c{person}, c{accession}), \
                 people AS (SELECT p, sum(n) AS n{} FROM pairs GROUP BY p)",
                each(columns, |at| format!(", sum(v{at}) AS v{at}")),
            ),
        ),
    }
    let subjects = each(columns, |at| {
        format!(", sum(v{at})::BIGINT, count(p) FILTER (v{at} > 0), count(p) FILTER (v{at} < n)")
    });
    push(&mut sql, format_args!(" {}", subjects_block("people", "sum(n)::BIGINT", &subjects, age_day)));
    if accession.is_some() {
        push(
            &mut sql,
            format_args!(
                " UNION ALL {}",
                images_block("pairs ON image.accession_id = pairs.a AND image.person_id = pairs.p", columns)
            ),
        );
    }
    sql
}

fn by_accession(engine_sql: &str, columns: usize, accession: usize, age_day: Date) -> String {
    let values = each(columns, |at| format!(", count(c{at}) AS v{at}"));
    let flags = each(columns, |at| format!(", bool_or(v{at} > 0) AS w{at}, bool_or(v{at} < n) AS o{at}"));
    let subjects = each(columns, |at| format!(", 0, count(*) FILTER (w{at}), count(*) FILTER (o{at})"));
    let sums = each(columns, |at| format!(", sum(v{at})::BIGINT, 0, 0"));
    format!(
        "WITH pairs AS MATERIALIZED (SELECT c{accession} AS a, count(*) AS n{values} \
         FROM ({engine_sql}\n) AS cohort({names}) GROUP BY c{accession}), \
         owners AS (SELECT DISTINCT image.accession_id AS a, image.person_id AS p FROM omop.image_occurrence AS image \
         SEMI JOIN pairs ON image.accession_id = pairs.a WHERE image.person_id IS NOT NULL), \
         people AS (SELECT p{flags} FROM owners JOIN pairs ON owners.a = pairs.a GROUP BY p) \
         {subjects_block} \
         UNION ALL SELECT {BLOCK_SUMS}, NULL, NULL, NULL, 0, coalesce(sum(n), 0)::BIGINT{sums} FROM pairs \
         UNION ALL {images_block}",
        names = names(columns),
        subjects_block = subjects_block("people", "0", &subjects, age_day),
        images_block = images_block("pairs ON image.accession_id = pairs.a", columns),
    )
}

/// Persons by age group and sex, with the sums of their rows.
fn subjects_block(people: &str, rows: &str, columns: &str, age_day: Date) -> String {
    // Completed years at the day, in whole numbers: no date is built, so no record can make it fail.
    let day = age_day.year() * 10_000 + i32::from(u8::from(age_day.month())) * 100 + i32::from(age_day.day());
    let born = "coalesce(year(birth_datetime) * 10000 + month(birth_datetime) * 100 + day(birth_datetime), \
                year_of_birth * 10000 + coalesce(month_of_birth, 1) * 100 + coalesce(day_of_birth, 1))";
    let known = format!("gender_concept_id IN ({MALE}, {FEMALE})");
    let source = "nullif(trim(gender_source_value), '')";
    // Ages and sexes are made before the join, which then carries three narrow columns.
    format!(
        "SELECT {BLOCK_SUBJECTS} AS block, age_group, code, label, count(p) AS persons, {rows} AS n{columns} \
         FROM {people} LEFT JOIN (SELECT person_id, \
         CASE WHEN {born} <= {day} THEN least(({day} - {born}) // 100000, 9) END AS age_group, \
         CASE WHEN {known} OR {source} IS NULL THEN gender_concept_id END AS code, \
         CASE WHEN {known} THEN NULL ELSE {source} END AS label FROM omop.person) AS person \
         ON person.person_id = p GROUP BY age_group, code, label"
    )
}

/// Imaging occurrences by modality, and over all of them.
fn images_block(semi_join: &str, columns: usize) -> String {
    let nothing = each(columns, |_| ", 0, 0, 0".to_owned());
    format!(
        "SELECT {BLOCK_IMAGES}, NULL, image.modality_concept_id, \
         CASE WHEN grouping(image.modality_concept_id) = 1 THEN '{ALL}' END, \
         count(DISTINCT image.person_id), count(*){nothing} \
         FROM omop.image_occurrence AS image SEMI JOIN {semi_join} \
         GROUP BY GROUPING SETS ((image.modality_concept_id), ())"
    )
}

fn names(columns: usize) -> String {
    let mut names = String::from("c0");
    (1..columns).for_each(|at| push(&mut names, format_args!(", c{at}")));
    names
}

fn each(columns: usize, part: impl Fn(usize) -> String) -> String {
    (0..columns).map(part).collect()
}

fn push(sql: &mut String, text: std::fmt::Arguments<'_>) {
    sql.write_fmt(text).expect("writing to a String cannot fail");
}
