//! Guards: where the engine could fail on a record's value, it gives NULL instead.
//!
//! What must stay true: an error at run time would tell that a record exists on which the operation fails, whatever
//! the threshold. So an operation that may fail stands in `TRY(...)`. The engine takes no aggregate, window or subquery
//! inside one, nor a column beside a GROUP BY; there the operands are computed outside, and TRY stands in a function
//! over them. An operation that may fail is strict: NULL among its operands gives NULL.
//!
//! Two properties of the engine matter. It computes an expression that occurs twice once, outside of whatever guard it
//! stood in; so each operation that may fail has a guard of its own, directly around it. And where a TRY fails, it tries
//! again row by row; guards within guards would multiply that, so they nest a few levels, and only as operands, where
//! what failed inside is NULL and cannot fail again.

use super::{Checker, Gathering};
use crate::bounds::GUARDS_MAX;
use crate::term::{Term, Text, Type};

/// The engine's text under its guard.
pub(super) struct Guarded {
    pub text: String,
    /// See [`Term::guards`].
    pub guards: usize,
}

impl Guarded {
    /// As a term of that type.
    pub fn term(self, canonical: String, kind: Type) -> Term {
        Term { guards: self.guards, ..Term::value(Text::new(canonical, self.text), kind) }
    }
}

/// An operand: the engine's text, and how many guards it is.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub text: &'a str,
    pub guards: usize,
}

impl<'a> Part<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { text, guards: 0 }
    }

    /// The text of a term, which may have been changed on the way.
    pub fn changed(text: &'a str, term: &Term) -> Self {
        Self { text, guards: if text == term.text.engine { term.guards } else { 0 } }
    }

    /// True where it may stand within another guard.
    fn nests(&self) -> bool {
        (1..GUARDS_MAX).contains(&self.guards) || is_of_one_row(self.text)
    }
}

impl Checker {
    /// Writes a strict operation so that it cannot fail.
    pub(super) fn guarded(&self, parts: &[Part<'_>], spell: impl Fn(&[&str]) -> String) -> Guarded {
        if self.may_try() && parts.iter().all(Part::nests) {
            let texts: Vec<&str> = parts.iter().map(|part| part.text).collect();
            let guards = 1 + parts.iter().map(|part| part.guards).max().unwrap_or_default();
            return Guarded { text: format!("TRY({})", spell(&texts)), guards };
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
            return Guarded { text: format!("TRY({inner})"), guards: 0 };
        }
        let text = format!("list_transform([{{{}}}], lambda v: TRY({inner}))[1]", fields.join(", "));
        Guarded { text, guards: 0 }
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
    let composed = ["SELECT ", " OVER ", "TRY("].iter().any(|word| text.contains(word));
    !composed && !text.match_indices('d').any(|(at, _)| derived(at))
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
