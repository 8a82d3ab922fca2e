//! The looks themselves: SQL over the finished generation, read-only, within the ingest's memory.
//!
//! What must stay true: every look is one pass over a few columns of one table, so that the whole is proportional to
//! the load; how far columns are filled costs no pass at all, because the ingest's own check has counted it.
//! Vocabulary tables are looked at for repeated rows alone.

use flip_gate::cdm::{Kind, TABLES, Table};

use super::{
    CROWD, DAYS_AFTER_DEATH, Filled, Finding, LIFE_YEARS, MEASUREMENTS, Measured, Quality, Rule, Span, VALUES,
};
use crate::data::database::{Database, literal, quoted};
use crate::data::error::IngestError;

/// What is known before the looks begin.
pub(in crate::data) struct Input<'a> {
    pub cdm_version: Option<String>,
    pub extract_date: String,
    /// How far each column of each table with rows is filled.
    pub columns: Vec<Filled>,
    /// What was found while the tables were loaded.
    pub findings: Vec<Finding>,
    /// Rows of a table.
    pub rows: &'a dyn Fn(&str) -> u64,
}

/// Looks at everything. `tick` hears which table is next.
pub(in crate::data) fn assess(
    database: &Database,
    mut input: Input<'_>,
    tick: &mut dyn FnMut(&'static Table),
) -> Result<Quality, IngestError> {
    let findings = std::mem::take(&mut input.findings);
    let mut looks = Looks { database, input: &input, findings, spans: Vec::new() };
    let failed = |table: &str| {
        let doing = format!("looking at the quality of {table}");
        move |error: duckdb::Error| IngestError::engine(doing, &error)
    };
    looks.prepare().map_err(failed("person"))?;
    for table in TABLES.iter().filter(|table| (input.rows)(table.name) > 0) {
        tick(table);
        looks.table(table).map_err(failed(table.name))?;
    }
    looks.concepts().map_err(failed("concept"))?;
    looks.periods().map_err(failed("observation_period"))?;
    let measured = looks.measured().map_err(failed("measurement"))?;
    let vocabulary_version = looks.vocabulary_version().map_err(failed("vocabulary"))?;
    let Looks { mut findings, spans, .. } = looks;
    findings.sort_by(Finding::order);
    Ok(Quality {
        vocabulary_version,
        persons: (input.rows)("person"),
        findings,
        spans,
        measured,
        cdm_version: input.cdm_version,
        extract_date: input.extract_date,
        columns: input.columns,
    })
}

struct Looks<'a> {
    database: &'a Database,
    input: &'a Input<'a>,
    findings: Vec<Finding>,
    spans: Vec<Span>,
}

/// Keys of tables that have no single-column key in the model.
const COMPOSITE: [(&str, &str); 4] = [
    ("concept_relationship", "concept_id_1, concept_id_2, relationship_id"),
    ("concept_ancestor", "ancestor_concept_id, descendant_concept_id"),
    ("drug_strength", "drug_concept_id, ingredient_concept_id"),
    ("source_to_concept_map", "source_vocabulary_id, target_concept_id, source_code, valid_end_date"),
];

impl Looks<'_> {
    /// What all looks need of persons, once: temporary, so the generation's file is not touched.
    fn prepare(&self) -> duckdb::Result<()> {
        self.database.run(
            "CREATE TEMP TABLE persons AS SELECT person_id, year_of_birth, died FROM omop.person LEFT JOIN \
             (SELECT person_id, min(death_date) AS died FROM omop.death GROUP BY person_id) USING (person_id); \
             CREATE TEMP TABLE used (table_name VARCHAR, column_name VARCHAR, concept_id BIGINT, times BIGINT);",
        )
    }

    fn table(&mut self, table: &'static Table) -> duckdb::Result<()> {
        let is_person = table.name == "person";
        if table.column("person_id").is_some() {
            if is_person {
                self.births()?;
            } else {
                self.of_persons(table)?;
            }
            self.spans(table)?;
        }
        self.references(table)?;
        self.used_concepts(table)?;
        if table.name == "death" {
            let (from, rows) = ("omop.death", self.rows(table.name));
            let persons =
                self.database.value::<u64>(&format!("SELECT count(DISTINCT person_id) FROM {from}"))?;
            self.found(Rule::SeveralDeaths, table.name, None, rows.saturating_sub(persons), rows);
        }
        if table.column("accession_id").is_some() {
            let from = format!("omop.{} WHERE accession_id IS NOT NULL", quoted(table.name));
            let filled = self.database.value(&format!("SELECT count(*) FROM {from}"))?;
            let shared = self.database.value(&format!(
                "SELECT coalesce(sum(rows), 0)::UBIGINT FROM (SELECT count(*) AS rows FROM {from} \
                 GROUP BY accession_id HAVING min(person_id) <> max(person_id))"
            ))?;
            self.found(Rule::SharedAccession, table.name, Some("accession_id"), shared, filled);
        }
        if let Some((_, key)) = COMPOSITE.iter().find(|(name, _)| *name == table.name) {
            let rows = self.rows(table.name);
            let repeated = if self.database.may_repeat(table, key, rows)? {
                self.database.value(&format!(
                    "SELECT coalesce(sum(times - 1), 0)::UBIGINT FROM (SELECT count(*) AS times FROM omop.{} \
                     GROUP BY {key} HAVING count(*) > 1)",
                    quoted(table.name)
                ))?
            } else {
                0
            };
            self.found(Rule::RepeatedRow, table.name, None, repeated, rows);
        }
        Ok(())
    }

    fn births(&mut self) -> duckdb::Result<()> {
        let rows = self.rows("person");
        let extract = literal(&self.input.extract_date);
        let year = format!("year(DATE {extract})");
        let sql = format!(
            "SELECT count(*) FILTER (WHERE year_of_birth NOT BETWEEN {year} - {LIFE_YEARS} AND {year}) FROM omop.person"
        );
        let odd = self.database.value(&sql)?;
        self.found(Rule::YearOfBirth, "person", Some("year_of_birth"), odd, rows);
        self.span("person", "year_of_birth", "year_of_birth")
    }

    /// One pass over a table of persons' records: its persons, its dates beside their lives, its ends.
    fn of_persons(&mut self, table: &'static Table) -> duckdb::Result<()> {
        let mut looks: Vec<(Rule, &str, String)> =
            vec![(Rule::NoPerson, "person_id", "t.person_id IS NOT NULL AND p.person_id IS NULL".to_owned())];
        let date = table.columns.iter().find(|column| column.kind == Kind::Date && column.required);
        // An open end may be written as a day in the far future, beside a start that is sound.
        let extract = literal(&self.input.extract_date);
        for date in table.columns.iter().filter(|column| column.kind == Kind::Date) {
            if self.filled(table.name, date.name) > 0 {
                let after = format!("t.{} > DATE {extract}", quoted(date.name));
                looks.push((Rule::AfterExtract, date.name, after));
            }
        }
        if let Some(date) = date {
            let day = format!("t.{}", quoted(date.name));
            looks.push((Rule::BeforeBirth, date.name, format!("year({day}) < p.year_of_birth")));
            if table.name != "death" {
                let after = format!("datediff('day', p.died, {day}) > {DAYS_AFTER_DEATH}");
                looks.push((Rule::AfterDeath, date.name, after));
            }
        }
        for start in table.columns.iter().filter(|column| column.kind == Kind::Date) {
            let end = start.name.strip_suffix("_start_date").map(|what| format!("{what}_end_date"));
            let Some(end) = end.and_then(|name| table.column(&name)) else { continue };
            let condition = format!("t.{} < t.{}", quoted(end.name), quoted(start.name));
            looks.push((Rule::EndBeforeStart, end.name, condition));
        }
        let counts = looks.iter().map(|(_, _, condition)| format!("count(*) FILTER (WHERE {condition})"));
        let sql = format!(
            "SELECT [{}] FROM omop.{} AS t LEFT JOIN persons AS p ON t.person_id = p.person_id",
            counts.collect::<Vec<_>>().join(", "),
            quoted(table.name)
        );
        let counts = self.database.counts(&sql)?;
        for ((rule, column, _), rows) in looks.into_iter().zip(counts) {
            self.found(rule, table.name, Some(column), rows, self.filled(table.name, column));
        }
        Ok(())
    }

    fn spans(&mut self, table: &'static Table) -> duckdb::Result<()> {
        for column in table.columns.iter().filter(|column| column.kind == Kind::Date) {
            self.span(table.name, column.name, &format!("year({})", quoted(column.name)))?;
        }
        Ok(())
    }

    fn span(&mut self, table: &str, column: &str, year: &str) -> duckdb::Result<()> {
        if self.filled(table, column) == 0 {
            return Ok(());
        }
        let years = self.database.signed_pairs(&format!(
            "SELECT y, n FROM (SELECT {year} AS y, count(*) AS n FROM omop.{} GROUP BY y) WHERE y IS NOT NULL ORDER BY y",
            quoted(table)
        ))?;
        let crowded =
            |(_, records): &&(i64, i64)| u64::try_from(*records).is_ok_and(|records| records >= CROWD);
        let (Some(first), Some(last)) = (years.iter().find(crowded), years.iter().rev().find(crowded)) else {
            return Ok(());
        };
        let (first_year, last_year) = (first.0, last.0);
        let outside = years.iter().filter(|(year, _)| !(first_year..=last_year).contains(year));
        let outside = outside.map(|(_, records)| u64::try_from(*records).unwrap_or(0)).sum();
        let (table, column) = (table.to_owned(), column.to_owned());
        self.spans.push(Span { table, column, first_year, last_year, outside });
        Ok(())
    }

    /// References to rows of other tables. Zero is the CDM's way to say none; persons and concepts have their own looks.
    fn references(&mut self, table: &'static Table) -> duckdb::Result<()> {
        for column in table.columns {
            let Some(target) = column.refers_to.and_then(flip_gate::cdm::table) else { continue };
            let Some(key) = target.primary_key else { continue };
            let filled = self.filled(table.name, column.name);
            if ["person", "concept"].contains(&target.name) || column.kind != Kind::Integer || filled == 0 {
                continue;
            }
            let name = quoted(column.name);
            let lost = self.database.value(&format!(
                "SELECT count(*) FROM omop.{} AS f WHERE f.{name} <> 0 \
                 AND NOT EXISTS (SELECT 1 FROM omop.{} AS t WHERE t.{} = f.{name})",
                quoted(table.name),
                quoted(target.name),
                quoted(key),
            ))?;
            self.found(Rule::NoSuchRow, table.name, Some(column.name), lost, filled);
        }
        Ok(())
    }

    /// Notes which concepts a table's columns have, and how often: few, however many rows there are.
    fn used_concepts(&self, table: &'static Table) -> duckdb::Result<()> {
        if is_vocabulary(table) {
            return Ok(());
        }
        for column in concept_columns(table) {
            if self.filled(table.name, column) > 0 {
                let name = quoted(column);
                self.database.run(&format!(
                    "INSERT INTO used SELECT {}, {}, {name}, count(*) FROM omop.{} WHERE {name} IS NOT NULL GROUP BY {name}",
                    literal(table.name),
                    literal(column),
                    quoted(table.name),
                ))?;
            }
        }
        Ok(())
    }

    /// Unmapped codes in each table's main concept, and concepts that the vocabulary lacks.
    fn concepts(&mut self) -> duckdb::Result<()> {
        let vocabulary = self.rows("concept") > 0;
        let counted = self.database.pairs(
            "SELECT table_name || '.' || column_name, \
             coalesce(sum(times) FILTER (WHERE concept_id = 0), 0)::UBIGINT::VARCHAR || ' ' || \
             coalesce(sum(times) FILTER (WHERE concept_id <> 0 AND NOT EXISTS \
             (SELECT 1 FROM omop.concept AS c WHERE c.concept_id = used.concept_id)), 0)::UBIGINT::VARCHAR \
             FROM used GROUP BY table_name, column_name",
        )?;
        for table in TABLES {
            for column in concept_columns(table) {
                let name = format!("{}.{column}", table.name);
                let Some((_, counts)) = counted.iter().find(|(of, _)| *of == name) else { continue };
                let (zero, unknown) = counts.split_once(' ').unwrap_or(("0", "0"));
                let (zero, unknown) = (zero.parse().unwrap_or(0), unknown.parse().unwrap_or(0));
                let filled = self.filled(table.name, column);
                if Some(column) == main_concept(table) {
                    self.found(Rule::NoConcept, table.name, Some(column), zero, filled);
                }
                if vocabulary {
                    self.found(Rule::NoSuchConcept, table.name, Some(column), unknown, filled);
                }
            }
        }
        Ok(())
    }

    fn periods(&mut self) -> duckdb::Result<()> {
        let without = self.database.value(
            "SELECT count(*) FROM omop.person AS p WHERE NOT EXISTS \
             (SELECT 1 FROM omop.observation_period AS o WHERE o.person_id = p.person_id)",
        )?;
        self.found(Rule::NoObservationPeriod, "person", None, without, self.rows("person"));
        if self.rows("observation_period") > 0 {
            let overlapping = self.database.value(
                "SELECT count(*) FROM (SELECT observation_period_start_date <= max(observation_period_end_date) OVER \
                 (PARTITION BY person_id ORDER BY observation_period_start_date, observation_period_id \
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS meets_another FROM omop.observation_period) WHERE meets_another",
            )?;
            let rows = self.rows("observation_period");
            self.found(Rule::PeriodsOverlap, "observation_period", None, overlapping, rows);
        }
        Ok(())
    }

    fn measured(&self) -> duckdb::Result<Vec<Measured>> {
        if self.filled("measurement", "value_as_number") == 0 {
            return Ok(Vec::new());
        }
        self.database.rows(
            &format!(
                "WITH often AS (SELECT measurement_concept_id AS c, unit_concept_id AS u, count(value_as_number) AS n \
                 FROM omop.measurement GROUP BY c, u HAVING n >= {VALUES} ORDER BY n DESC, c, u LIMIT {MEASUREMENTS}), \
                 told AS (SELECT c, u, any_value(n) AS n, approx_quantile(value_as_number, [0.05, 0.5, 0.95]) AS q \
                 FROM omop.measurement JOIN often ON measurement_concept_id = c AND unit_concept_id IS NOT DISTINCT FROM u \
                 WHERE value_as_number IS NOT NULL GROUP BY c, u) \
                 SELECT c, a.concept_name, b.concept_name, n::UBIGINT, q[1], q[2], q[3] FROM told \
                 LEFT JOIN omop.concept AS a ON a.concept_id = c \
                 LEFT JOIN omop.concept AS b ON b.concept_id = u AND u <> 0 ORDER BY n DESC, c, u"
            ),
            |row| {
                Ok(Measured {
                    concept_id: row.get(0)?,
                    name: row.get(1)?,
                    unit: row.get(2)?,
                    values: row.get(3)?,
                    low: two_digits(row.get(4)?),
                    middle: two_digits(row.get(5)?),
                    high: two_digits(row.get(6)?),
                })
            },
        )
    }

    /// Athena writes the release of the whole into the vocabulary named None.
    fn vocabulary_version(&self) -> duckdb::Result<Option<String>> {
        self.database.value(
            "SELECT coalesce((SELECT max(vocabulary_version) FROM omop.vocabulary WHERE vocabulary_id = 'None'), \
             (SELECT max(vocabulary_version) FROM omop.cdm_source))",
        )
    }

    fn found(&mut self, rule: Rule, table: &str, column: Option<&str>, rows: u64, of: u64) {
        self.findings.push(Finding::new(rule, table, column, rows, of));
    }

    fn rows(&self, table: &str) -> u64 {
        (self.input.rows)(table)
    }

    fn filled(&self, table: &str, column: &str) -> u64 {
        let known = self.input.columns.iter().find(|known| known.table == table && known.column == column);
        known.map_or(0, |known| known.filled)
    }
}

fn concept_columns(table: &'static Table) -> impl Iterator<Item = &'static str> {
    let concepts = table.columns.iter().filter(|column| column.refers_to == Some("concept"));
    concepts.filter(|column| column.kind == Kind::Integer).map(|column| column.name)
}

/// The concept that says what a person's record is about; the kind of its source says little.
fn main_concept(table: &'static Table) -> Option<&'static str> {
    table.column("person_id")?;
    concept_columns(table).find(|name| !name.ends_with("_type_concept_id"))
}

fn is_vocabulary(table: &Table) -> bool {
    crate::data::header::VOCABULARY.contains(&table.name)
}

/// The nearest number of two digits.
fn two_digits(number: f64) -> f64 {
    format!("{number:.1e}").parse().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_keep_two_digits() {
        for (number, rounded) in [(123.456, 120.0), (0.0, 0.0), (-0.01234, -0.012), (98.7, 99.0), (7.0, 7.0)]
        {
            assert!((two_digits(number) - rounded).abs() < 1e-9, "{number}");
        }
    }

    #[test]
    fn composite_keys_are_of_the_model() {
        for (name, key) in COMPOSITE {
            let table = flip_gate::cdm::table(name).expect("a table");
            assert!(key.split(", ").all(|column| table.column(column).is_some()), "{name}");
        }
    }
}
