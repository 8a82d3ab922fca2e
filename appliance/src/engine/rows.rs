//! The statement that gives a plan's rows, with the person of each.
//!
//! Its columns are `p`, the person of the row; `a`, its accession id, where there is one; and the plan's columns
//! `c0, c1, ..`. Rows of nobody are among them, with no person. What must stay true: of a column that identifies, only
//! whether there is a value leaves the statement; a plan's own names and values stand in no statement but its own.

use std::fmt::Write as _;

use flip_gate::{Plan, Subject};
use flip_protocol::answer::Failed;

use super::columns::names;
use super::database::Fault;

/// The statement of a plan's rows.
pub(super) struct Rows {
    pub sql: String,
    /// True where there are accession ids.
    pub imaged: bool,
}

impl Rows {
    /// Of a plan whose subject is a column of its own.
    pub fn of(plan: &Plan) -> Result<Self, Fault> {
        Self::written(plan).ok_or(Fault {
            failed: Failed::NotUnderstood,
            note: Some("the plan's subject is not one of its columns".to_owned()),
        })
    }

    /// How many columns stand before the plan's own.
    pub fn leading(&self) -> usize {
        1 + usize::from(self.imaged)
    }

    fn written(plan: &Plan) -> Option<Self> {
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
        for at in 0..plan.columns().len() {
            if plan.is_identifier(at) {
                push(&mut sql, format_args!(", CASE WHEN c{at} IS NOT NULL THEN true END AS c{at}"));
            } else {
                push(&mut sql, format_args!(", c{at}"));
            }
        }
        push(
            &mut sql,
            format_args!(
                " FROM ({}\n) AS result({}){owners}",
                plan.engine_sql(),
                names(plan.columns().len())
            ),
        );
        Some(Self { sql, imaged: accession.is_some() })
    }
}

/// What of the clock a plan may read. It errs towards more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Nothing: it gives the same rows whenever it is run.
    Nothing,
    /// The day.
    Day,
    /// Any part of the moment, or something else that could make two runs differ.
    Moment,
}

impl Reads {
    /// Of a plan.
    pub fn of(plan: &Plan) -> Self {
        // The day as the gate writes it, of which an age is made too.
        const TODAY: &str = "cast(make_timestamp(epoch_us(now())) as date)";
        const CHANGING: [&str; 8] =
            ["current_", "now", "today", "localtime", "random", "setseed", "uuid", "nextval"];
        let changes = |text: &str| CHANGING.iter().any(|word| text.contains(word));
        let text = plan.engine_sql().to_ascii_lowercase();
        if !changes(&text) {
            Self::Nothing
        } else if !changes(&text.replace(TODAY, "")) {
            Self::Day
        } else {
            Self::Moment
        }
    }
}

fn push(sql: &mut String, text: std::fmt::Arguments<'_>) {
    sql.write_fmt(text).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plan_reads_of_the_clock_is_known() {
        let reads = |rest: &str| {
            Reads::of(&flip_gate::admit(&format!("SELECT person_id FROM omop.person {rest}")).unwrap())
        };
        assert_eq!(reads(""), Reads::Nothing);
        assert_eq!(
            reads("WHERE extract(year FROM age(TIMESTAMP '2020-01-01', birth_datetime)) > 40"),
            Reads::Nothing
        );
        assert_eq!(reads("WHERE extract(year FROM age(birth_datetime)) > 40"), Reads::Day);
        assert_eq!(reads("WHERE extract(year FROM age(CURRENT_DATE, birth_datetime)) > 40"), Reads::Day);
        assert_eq!(reads("WHERE year_of_birth < extract(year FROM CURRENT_DATE) - 65"), Reads::Day);
        assert_eq!(reads("WHERE birth_datetime < NOW()"), Reads::Moment);
    }
}
