//! What a generation's data are worth: `quality.json`, written by the ingest, for the Trust's own people.
//!
//! What must stay true: no value of one record stands in it. There are counts, years in which at least
//! [`CROWD`] records lie, and percentiles of at least [`VALUES`] numbers, rounded to two digits. Deliberately absent:
//! any judgement that stops an ingest (see `problem`), and names or reasons of single rows.

mod assess;
mod text;

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

pub(super) use assess::{Input, assess};
pub use text::{print_quality, print_summary, share, zero_throughout};

/// Records that a year must have to be named as the first or last of a column.
pub const CROWD: u64 = 10;
/// Numbers that a measurement must have before its percentiles are told.
pub const VALUES: u64 = 100;
/// Measurements whose percentiles are told: the most frequent ones.
pub const MEASUREMENTS: u64 = 20;
/// Days after a death in which records are still plausible; the number of OHDSI's data quality checks.
pub const DAYS_AFTER_DEATH: u32 = 60;
/// More thousandths than there are: a share that nothing reaches.
const NEVER: u64 = 1_001;
/// All thousandths.
const ALL: u64 = 1_000;
/// Years of a person's life at most.
pub const LIFE_YEARS: i32 = 120;

/// What a generation's data are worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// What the extract's `cdm_source` says of the model's version.
    pub cdm_version: Option<String>,
    /// The vocabulary's version, as its table or `cdm_source` says.
    pub vocabulary_version: Option<String>,
    /// The day the data speak of, as YYYY-MM-DD.
    pub extract_date: String,
    /// Persons.
    pub persons: u64,
    /// What was looked at: what is to be acted on first comes first.
    pub findings: Vec<Finding>,
    /// How far each column of each table with rows is filled, in the model's order.
    pub columns: Vec<Filled>,
    /// The years that dates of persons' records lie in.
    pub spans: Vec<Span>,
    /// The most frequent measurements with numbers.
    pub measured: Vec<Measured>,
}

/// One look at one column or table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked for.
    pub rule: Rule,
    /// The table.
    pub table: String,
    /// The column, where one is concerned.
    pub column: Option<String>,
    /// Rows for which it is so.
    pub rows: u64,
    /// Rows that were looked at.
    pub of: u64,
}

/// How bad a finding is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Answers from these data may mislead.
    Problem,
    /// Worth a look.
    Warning,
    /// Good to know, and nothing to act on: a column that says throughout that it has nothing to say.
    Note,
    /// As it should be.
    Fine,
}

/// What is looked for; first what most misleads who asks questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A `person_id` without a person.
    NoPerson,
    /// A reference to another person's record; stored as NULL.
    OthersRow,
    /// Another reference to a row that is not there.
    NoSuchRow,
    /// Concept 0: the source's code was not mapped.
    NoConcept,
    /// A concept that the vocabulary does not have.
    NoSuchConcept,
    /// A person without any observation period.
    NoObservationPeriod,
    /// A year of birth in the future, or more than [`LIFE_YEARS`] years ago.
    YearOfBirth,
    /// A date in a year before the person's birth.
    BeforeBirth,
    /// A date more than [`DAYS_AFTER_DEATH`] days after the person's death.
    AfterDeath,
    /// A date after the day the data speak of.
    AfterExtract,
    /// An end before its start.
    EndBeforeStart,
    /// An observation period that overlaps an earlier one of the same person.
    PeriodsOverlap,
    /// A death of a person who has one already.
    SeveralDeaths,
    /// A row whose accession number rows of another person have, too: questions that join by it connect the two.
    SharedAccession,
    /// A row of a table without single-column key that is there already.
    RepeatedRow,
    /// A text that is a word for no value, such as NULL; stored as it is.
    NullWord,
    /// A reference that is 0, for no such record; stored as NULL.
    ZeroForNone,
}

/// How far one column is filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// Rows with a value.
    pub filled: u64,
    /// Rows.
    pub rows: u64,
}

/// The years of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The first year with at least [`CROWD`] records.
    pub first_year: i64,
    /// The last.
    pub last_year: i64,
    /// Records in the years outside these.
    pub outside: u64,
}

/// The numbers of one measurement in one unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// What was measured.
    pub concept_id: i64,
    /// Its name, where the vocabulary has it.
    pub name: Option<String>,
    /// The unit's name, where there is one.
    pub unit: Option<String>,
    /// How many numbers there are.
    pub values: u64,
    /// The 5th percentile, of two digits.
    pub low: f64,
    /// The median, of two digits.
    pub middle: f64,
    /// The 95th percentile, of two digits.
    pub high: f64,
}

impl Finding {
    pub(super) fn new(rule: Rule, table: &str, column: Option<&str>, rows: u64, of: u64) -> Self {
        Self {
            severity: rule.severity(rows, of),
            rule,
            table: table.to_owned(),
            column: column.map(str::to_owned),
            rows,
            of,
        }
    }

    /// The worst first; of the same rule, what is so for the larger share of rows.
    fn order(&self, other: &Self) -> Ordering {
        let larger = |one: &Self, other: &Self| u128::from(one.rows) * u128::from(other.of.max(1));
        (self.severity, self.rule)
            .cmp(&(other.severity, other.rule))
            .then_with(|| larger(other, self).cmp(&larger(self, other)))
            .then_with(|| (&self.table, &self.column).cmp(&(&other.table, &other.column)))
    }
}

impl Rule {
    /// What is so for the rows that a finding counts; follows "12 of 500 rows".
    pub fn sentence(self, rows: u64) -> &'static str {
        let (one, many) = self.sentences();
        if rows == 1 { one } else { many }
    }

    /// Of one row, and of any other number.
    fn sentences(self) -> (&'static str, &'static str) {
        match self {
            Self::NoPerson => ("names no person", "name no person"),
            Self::NoSuchRow => ("names a row that is not there", "name a row that is not there"),
            Self::OthersRow => (
                "names another person's record, and was emptied",
                "name another person's record, and were emptied",
            ),
            Self::ZeroForNone => (
                "is 0, which names no record, and was emptied",
                "are 0, which names no record, and were emptied",
            ),
            Self::NullWord => (
                "is NULL, \\N or NA, a word for no value, and was kept as text",
                "are NULL, \\N or NA, words for no value, and were kept as text",
            ),
            Self::NoSuchConcept => {
                ("has a concept that the vocabulary lacks", "have a concept that the vocabulary lacks")
            }
            Self::NoConcept => {
                ("has concept 0: its code was not mapped", "have concept 0: their code was not mapped")
            }
            Self::AfterExtract => ("lies after the day of the extract", "lie after the day of the extract"),
            Self::BeforeBirth => {
                ("lies in a year before the person's birth", "lie in a year before the person's birth")
            }
            Self::AfterDeath => (
                "lies more than 60 days after the person's death",
                "lie more than 60 days after the person's death",
            ),
            Self::EndBeforeStart => ("ends before it starts", "end before they start"),
            Self::YearOfBirth => (
                "is in the future or more than 120 years ago",
                "are in the future or more than 120 years ago",
            ),
            Self::NoObservationPeriod => ("has no observation period", "have no observation period"),
            Self::PeriodsOverlap => (
                "overlaps an earlier period of the same person",
                "overlap an earlier period of the same person",
            ),
            Self::SharedAccession => (
                "has an accession number that another person's rows have too",
                "have an accession number that another person's rows have too",
            ),
            Self::SeveralDeaths => ("is a second death of a person", "are a second death of a person"),
            Self::RepeatedRow => ("repeats the key of an earlier row", "repeat the key of an earlier row"),
        }
    }

    /// The shares, in thousandths, from which on it is a warning and a problem. Any row is more than none.
    fn limits(self) -> (u64, u64) {
        match self {
            Self::NoPerson | Self::OthersRow => (0, 0),
            Self::ZeroForNone => (0, NEVER),
            Self::NoConcept => (100, 500),
            Self::NullWord | Self::NoSuchConcept | Self::NoObservationPeriod => (0, 100),
            Self::AfterExtract
            | Self::BeforeBirth
            | Self::AfterDeath
            | Self::EndBeforeStart
            | Self::YearOfBirth
            | Self::RepeatedRow
            | Self::SharedAccession
            | Self::SeveralDeaths => (0, 10),
            Self::NoSuchRow | Self::PeriodsOverlap => (0, 50),
        }
    }

    fn severity(self, rows: u64, of: u64) -> Severity {
        let (warning, problem) = self.limits();
        let reaches = |limit: u64| u128::from(rows) * 1_000 >= u128::from(of) * u128::from(limit);
        match rows {
            0 => Severity::Fine,
            _ if self == Self::ZeroForNone && reaches(ALL) => Severity::Note,
            _ if reaches(problem) => Severity::Problem,
            _ if reaches(warning) => Severity::Warning,
            _ => Severity::Fine,
        }
    }
}

impl Quality {
    /// How many findings are of that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_follows_the_share() {
        for (rule, rows, of, severity) in [
            (Rule::NoPerson, 0, 10, Severity::Fine),
            (Rule::NoPerson, 1, 1_000_000, Severity::Problem),
            (Rule::NoConcept, 99, 1_000, Severity::Fine),
            (Rule::NoConcept, 100, 1_000, Severity::Warning),
            (Rule::NoConcept, 500, 1_000, Severity::Problem),
            (Rule::BeforeBirth, 1, 1_000, Severity::Warning),
            (Rule::BeforeBirth, 10, 1_000, Severity::Problem),
            (Rule::NoConcept, 0, 0, Severity::Fine),
            (Rule::ZeroForNone, 9, 10, Severity::Warning),
            (Rule::ZeroForNone, 10, 10, Severity::Note),
            (Rule::ZeroForNone, 0, 0, Severity::Fine),
        ] {
            assert_eq!(Finding::new(rule, "t", None, rows, of).severity, severity, "{rule:?} {rows} of {of}");
        }
    }

    #[test]
    fn what_is_to_be_acted_on_comes_first() {
        let ordered = [
            (Rule::NoPerson, "b", 1, 1_000),
            (Rule::NoConcept, "a", 500, 1_000),
            (Rule::NoConcept, "b", 300, 1_000),
            (Rule::NoConcept, "c", 2, 10),
            (Rule::NoConcept, "d", 200, 1_000),
            (Rule::YearOfBirth, "person", 1, 1_000),
            (Rule::ZeroForNone, "a", 9, 10),
            (Rule::ZeroForNone, "a", 10, 10),
            (Rule::NoPerson, "a", 0, 0),
        ];
        let ordered = ordered.map(|(rule, table, rows, of)| Finding::new(rule, table, None, rows, of));
        let mut mixed = ordered.to_vec();
        mixed.reverse();
        mixed.sort_by(Finding::order);
        assert_eq!(mixed, ordered);
    }
}
