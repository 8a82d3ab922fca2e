//! Several files of one table: which sets of them are one table, and which are a muddle.

use super::Format;
use super::Source;
use crate::data::error::IngestError;
use crate::data::manifest::Note;

/// Missing numbers that a note lists.
const MISSING_LISTED: usize = 10;

/// Which part of its table a file is. The order is that in which parts are read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::data) enum Part {
    /// All of it.
    Whole,
    /// The part of that number, in the extract's own folder.
    Numbered(u64),
    /// A file in the table's folder.
    Inside {
        /// The folder's name.
        folder: String,
        /// Its number, where its name has one.
        number: Option<u64>,
        /// Its name without format: two files of one stem are one part twice.
        stem: String,
    },
}

/// Refuses a muddle; notes what may be missing. The files are those of one table, in order.
pub(super) fn check(files: &[Source]) -> Result<Option<Note>, IngestError> {
    let [first, rest @ ..] = files else { return Ok(None) };
    for (one, other) in files.iter().zip(rest) {
        if !may_stand_together(&one.part, &other.part) {
            return Err(IngestError::TwoFiles {
                table: first.table.name,
                first: one.name.clone(),
                second: other.name.clone(),
            });
        }
    }
    let numbers: Vec<u64> = files.iter().filter_map(|file| number(&file.part)).collect();
    let mut said: Vec<String> = missing(&numbers).into_iter().collect();
    let is_parquet = |file: &Source| file.format == Format::Parquet;
    if files.iter().any(is_parquet) && !files.iter().all(is_parquet) {
        said.push("some parts are Parquet and others text; all were read".to_owned());
    }
    Ok((!said.is_empty()).then(|| Note::new(first.table.name, said.join("; "))))
}

/// True for two files of one table, in order, that are two parts of it.
pub(super) fn may_stand_together(one: &Part, next: &Part) -> bool {
    match (one, next) {
        (Part::Numbered(one), Part::Numbered(next)) => one != next,
        (Part::Inside { folder, stem, .. }, Part::Inside { folder: other, stem: next, .. }) => {
            folder == other && stem != next
        }
        (Part::Whole | Part::Numbered(_) | Part::Inside { .. }, _) => false,
    }
}

fn number(part: &Part) -> Option<u64> {
    match part {
        Part::Whole => None,
        Part::Numbered(number) => Some(*number),
        Part::Inside { number, .. } => *number,
    }
}

/// What a gap in the numbers says. Numbering may begin at 0 or 1.
fn missing(numbers: &[u64]) -> Option<String> {
    let (first, last) = (*numbers.first()?, *numbers.last()?);
    let begin = first.min(1);
    let there = {
        let mut there = numbers.to_vec();
        there.dedup();
        there.len() as u64
    };
    let lacking = (last - begin).saturating_add(1).saturating_sub(there);
    if lacking == 0 {
        return None;
    }
    let listed = (begin..=last).filter(|number| numbers.binary_search(number).is_err()).take(MISSING_LISTED);
    let listed: Vec<String> = listed.map(|number| number.to_string()).collect();
    let more = if lacking > MISSING_LISTED as u64 { ", …" } else { "" };
    let are = if lacking == 1 { "is" } else { "are" };
    Some(format!(
        "the last part is {last}, but {lacking} before it {are} not there ({}{more}); if they should be, the extract is \
         not complete",
        listed.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_in_the_numbers_are_named() {
        for whole in [&[][..], &[0, 1, 2], &[1, 2, 3], &[0], &[1], &[3, 3, 1, 2][2..]] {
            assert_eq!(missing(whole), None, "{whole:?}");
        }
        assert!(
            missing(&[1, 2, 4, 7])
                .is_some_and(|text| text.contains("3 before it") && text.contains("(3, 5, 6)"))
        );
        assert!(missing(&[3]).is_some_and(|text| text.contains("(1, 2)")));
        assert!(
            missing(&[1, u64::MAX]).is_some_and(|text| text.contains("11, …")),
            "{:?}",
            missing(&[1, u64::MAX])
        );
    }

    #[test]
    fn a_whole_file_beside_a_part_and_a_part_twice_are_a_muddle() {
        let inside = |folder: &str, stem: &str| Part::Inside {
            folder: folder.to_owned(),
            number: None,
            stem: stem.to_owned(),
        };
        assert!(may_stand_together(&Part::Numbered(1), &Part::Numbered(2)));
        assert!(may_stand_together(&inside("person", "a"), &inside("person", "b")));
        for (one, other) in [
            (Part::Whole, Part::Whole),
            (Part::Whole, Part::Numbered(1)),
            (Part::Numbered(1), Part::Numbered(1)),
            (Part::Numbered(1), inside("person", "a")),
            (inside("person", "a"), inside("person", "a")),
            (inside("PERSON", "a"), inside("person", "b")),
        ] {
            assert!(!may_stand_together(&one, &other), "{one:?} {other:?}");
        }
    }
}
