//! VALUES: rows that are written out.
//!
//! What must stay true: a row holds literals and nothing else, so that it is nobody's and knows no record; no literal
//! becomes an identifier by it.

use sqlparser::ast::{Expr, Values};

use super::literal::is_literal;
use super::query::meet;
use super::select::Outputs;
use super::{Checker, not_allowed, place};
use crate::bounds::BRANCHES_MAX;
use crate::names::quoted;
use crate::refusal::{Code, Place, Refusal};
use crate::scope::{Column, Ctes, Scope};
use crate::term::Text;

impl Checker {
    /// `VALUES (1, 'a'), (2, 'b')`. The columns are `column1`, `column2` until they are given other names.
    pub(super) fn values(
        &mut self,
        values: &Values,
        at: Option<Place>,
    ) -> Result<(Text, Vec<Column>), Refusal> {
        let Values { explicit_row, value_keyword, rows } = values;
        if *explicit_row || *value_keyword {
            return Err(not_allowed("write VALUES (1, 'a'), (2, 'b')", at));
        }
        if rows.len() > BRANCHES_MAX {
            let message = format!(
                "VALUES has at most {BRANCHES_MAX} rows; write a list of concepts as x IN (...) or a join with \
                 concept_ancestor"
            );
            return Err(Refusal::new(Code::TooDeep, message, at));
        }
        let (ctes, mut columns) = (Ctes::default(), Vec::new());
        let scope = Scope::new(&ctes, None);
        let (mut canonical, mut engine) = (Vec::new(), Vec::new());
        if rows.iter().any(|row| row.content.len() != rows[0].content.len()) {
            return Err(not_allowed("write as many values in each row of VALUES: (1, 'a'), (2, 'b')", at));
        }
        for row in rows {
            let (mut outputs, mut written) = (Outputs::default(), Vec::new());
            for (expr, number) in row.content.iter().zip(1..) {
                if !is_written_out(expr) {
                    return Err(not_allowed(
                        "VALUES takes literals; compute in a SELECT, or take the values from an OMOP table",
                        place(expr),
                    ));
                }
                let term = self.value(expr, &scope)?;
                outputs.add_term(format!("column{number}"), &term, term.lineage);
                written.push(term.text.canonical);
            }
            canonical.push(format!("({})", written.join(", ")));
            let labelled = outputs.columns.iter();
            let labelled = labelled.map(|each| format!("{} AS {}", each.engine, quoted(&each.column.label)));
            engine.push(format!("SELECT {}", labelled.collect::<Vec<_>>().join(", ")));
            let row_columns = outputs.columns.into_iter().map(|each| each.column).collect();
            if columns.is_empty() {
                columns = row_columns;
                self.count_columns(columns.len(), at)?;
            } else {
                let row_at = row.content.first().and_then(place);
                meet(&mut columns, &row_columns, row_at.or(at))?;
            }
        }
        let text = Text::new(format!("VALUES {}", canonical.join(", ")), engine.join(" UNION ALL "));
        Ok((text, columns))
    }
}

/// A literal, or a cast of one.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is no literal")]
fn is_written_out(expr: &Expr) -> bool {
    match expr {
        Expr::Cast { expr, .. } => is_literal(expr),
        Expr::Interval(_) => true,
        _ => is_literal(expr),
    }
}
