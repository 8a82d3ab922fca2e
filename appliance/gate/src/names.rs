//! Names: folding, quoting, and the nearest one to a misspelt one.
//!
//! What must stay true: a name is folded as PostgreSQL folds it, and no name written out can end its own quotes.

use sqlparser::ast::Ident;
use sqlparser::keywords::ALL_KEYWORDS;

use crate::bounds::NAME_BYTES_MAX;
use crate::refusal::{Code, Place, Refusal};

/// A name as the question means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// Folded to lower case unless it was quoted.
    pub folded: String,
    /// How canonical SQL spells it: quoted only where it must be.
    pub canonical: String,
    pub place: Option<Place>,
}

impl Name {
    pub fn of(ident: &Ident) -> Result<Self, Refusal> {
        let Ident { value, quote_style, span } = ident;
        let place = Place::of(*span);
        let folded = match quote_style {
            None => value.to_ascii_lowercase(),
            Some('"') => value.clone(),
            Some(_) => {
                return Err(Refusal::new(
                    Code::ConstructNotAllowed,
                    format!(
                        "the name {value} is quoted in a way PostgreSQL does not know; use double quotes"
                    ),
                    place,
                ));
            }
        };
        if folded.is_empty() || folded.len() > NAME_BYTES_MAX {
            return Err(Refusal::new(
                Code::ConstructNotAllowed,
                format!("a name has 1 to {NAME_BYTES_MAX} bytes; shorten this one"),
                place,
            ));
        }
        let must_quote = !is_plain(&folded) || (quote_style.is_some() && is_keyword(&folded));
        let canonical = if must_quote || (quote_style.is_none() && folded != value.to_lowercase()) {
            quoted(&folded)
        } else {
            folded.clone()
        };
        Ok(Self { folded, canonical, place })
    }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_')
}

fn is_keyword(name: &str) -> bool {
    ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_ok()
}

/// The name between double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The text as a string literal.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The candidate that a misspelt name most likely means, if one is close.
pub(crate) fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Quoted names keep their capitals, and nothing here has any.
    let wrong = wrong.to_lowercase();
    let reach = 1 + wrong.len() / 4;
    candidates
        .into_iter()
        .map(|candidate| (distance(&wrong, candidate), candidate))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{literal, nearest, quoted};

    #[test]
    fn finds_the_name_that_was_meant() {
        let tables = ["person", "provider", "measurement", "condition_occurrence"];
        assert_eq!(nearest("persons", tables), Some("person"));
        assert_eq!(nearest("condition_occurence", tables), Some("condition_occurrence"));
        assert_eq!(nearest("pg_class", tables), None);
    }

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("a'b"), "'a''b'");
    }
}
