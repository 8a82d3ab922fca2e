//! The statement that gives a plan's rows, with the person of each.
//!
//! Its columns are `p`, the person of the row; `a`, its accession id, where there is one; and the plan's columns
//! `c0, c1, ..`. What must stay true: rows of nobody are in none; of a column that identifies, only whether there is a
//! value leaves the statement; a plan's own names and values stand in no statement but its own.

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
                " FROM ({}\n) AS result({}){owners} WHERE {person} IS NOT NULL",
                plan.engine_sql(),
                names(plan.columns().len())
            ),
        );
        Some(Self { sql, imaged: accession.is_some() })
    }
}

/// True where a plan gives the same rows whenever it is run: it holds no word that could make two runs differ. It errs
/// towards false.
pub(super) fn is_timeless(plan: &Plan) -> bool {
    const CHANGING: [&str; 9] =
        ["current_", "now", "today", "localtime", "random", "setseed", "uuid", "nextval", "age("];
    let text = plan.engine_sql().to_ascii_lowercase();
    !CHANGING.iter().any(|word| text.contains(word))
}

fn push(sql: &mut String, text: std::fmt::Arguments<'_>) {
    sql.write_fmt(text).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_a_clock_is_not_timeless() {
        let timeless = |sql| is_timeless(&flip_gate::admit(sql).unwrap());
        assert!(timeless("SELECT person_id FROM omop.person"));
        assert!(!timeless("SELECT person_id FROM omop.person WHERE birth_datetime < NOW()"));
        assert!(!timeless("SELECT person_id, CURRENT_DATE AS day FROM omop.person"));
    }
}
