//! Guards: where the engine could fail on a record's value, it gives NULL instead.
//!
//! What must stay true: an error at run time would tell that a record exists on which the operation fails, whatever
//! the threshold. So an operation that may fail stands in `TRY(...)`. The engine takes no aggregate, window or subquery
//! inside one, nor a column beside a GROUP BY; there the operands are computed outside, and TRY stands in a function
//! over them. An operation that may fail is strict: NULL among its operands gives NULL. A TRY never holds another, nor
//! a column that holds one: the engine tries again row by row, and levels of it would multiply.

use super::{Checker, Gathering};
use crate::term::{Term, Text, Type};

/// The engine's text under its guard, and without one where a guard around may take it in.
pub(super) struct Guarded {
    pub text: String,
    pub unguarded: Option<String>,
}

impl Guarded {
    /// As a term of that type.
    pub fn term(self, canonical: String, kind: Type) -> Term {
        Term { unguarded: self.unguarded, ..Term::value(Text::new(canonical, self.text), kind) }
    }
}

/// An operand: the engine's text, and the same without its guard.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub text: &'a str,
    pub unguarded: Option<&'a str>,
}

impl<'a> Part<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { text, unguarded: None }
    }

    /// The text of a term, which may have been changed on the way.
    pub fn changed(text: &'a str, term: &'a Term) -> Self {
        Self { text, unguarded: term.unguarded.as_deref().filter(|_| text == term.text.engine) }
    }
}

impl Checker {
    /// Writes a strict operation so that it cannot fail.
    pub(super) fn guarded(&self, parts: &[Part<'_>], spell: impl Fn(&[&str]) -> String) -> Guarded {
        let bare: Vec<&str> = parts.iter().map(|part| part.unguarded.unwrap_or(part.text)).collect();
        if self.may_try() && bare.iter().all(|text| is_of_one_row(text)) {
            let inner = spell(&bare);
            return Guarded { text: format!("TRY({inner})"), unguarded: Some(inner) };
        }
        let mut fields = Vec::new();
        let mut names = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if is_constant(part.text) {
                names.push(part.text.to_owned());
            } else {
                fields.push(format!("'f{index}': {}", part.text));
                names.push(format!("v.f{index}"));
            }
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let inner = spell(&names);
        if fields.is_empty() {
            return Guarded { text: format!("TRY({inner})"), unguarded: None };
        }
        let text = format!("list_transform([{{{}}}], lambda v: TRY({inner}))[1]", fields.join(", "));
        Guarded { text, unguarded: None }
    }

    /// True where the engine takes TRY over columns: no GROUP BY is in force around this place.
    fn may_try(&self) -> bool {
        let Some((last, around)) = self.readings.split_last() else { return true };
        (last.is_row_by_row() || self.gathering == Some(Gathering::Group))
            && around.iter().all(super::persons::Reading::is_row_by_row)
    }
}

/// True of a text without subquery, window, guard or column of a derived table.
fn is_of_one_row(text: &str) -> bool {
    let derived = |at: usize| {
        let rest = text[at + 1..].trim_start_matches(|each: char| each.is_ascii_digit());
        rest.starts_with('.') && !text[..at].ends_with(|each: char| each.is_alphanumeric())
    };
    !(text.contains("SELECT ") || text.contains(" OVER ") || text.contains("TRY("))
        && !text.match_indices('d').any(|(at, _)| derived(at))
}

/// A literal, or what is made of none but literals.
fn is_constant(text: &str) -> bool {
    !text.contains(['"', '('])
}

#[cfg(test)]
mod tests {
    use super::is_of_one_row;

    #[test]
    fn columns_of_derived_tables_are_known_by_their_alias() {
        assert!(is_of_one_row("t1.\"death_date\""));
        assert!(is_of_one_row("lower(t12.\"x\") || 'odd'"));
        assert!(!is_of_one_row("(d3.\"n\" + 1)"));
        assert!(!is_of_one_row("abs(d12.\"n\")"));
    }
}
