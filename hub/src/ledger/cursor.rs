//! Where a list goes on whose order is by a state and a moment, or by a column that somebody wishes and by name.
//!
//! What must stay true: a row that changes its place meanwhile moves no other, so that each of the others is read once.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use flip_protocol::{UnixMillis, text};

use crate::sorting::{Column, Sorting};

/// The place of a row in its list. Lists are in ascending order of all three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What needs a look first has the lowest.
    pub rank: u8,
    /// A moment; less than nothing where the newest comes first.
    pub moment: i64,
    /// What tells rows of the same moment apart: ids in hexadecimal, as SQLite's `hex` writes them.
    pub ids: String,
}

/// The text is no place in a list.
#[derive(Debug, thiserror::Error)]
#[error("`after` is what `next` said")]
pub struct NoCursor;

impl Cursor {
    /// Before every row.
    pub const START: Self = Self { rank: 0, moment: i64::MIN, ids: String::new() };

    /// The values to compare a row's with.
    pub fn values(self) -> (u8, i64, String) {
        (self.rank, self.moment, self.ids)
    }
}

/// A moment as SQLite has it: with a sign, so that lists of the newest first can turn it around.
pub fn ascending(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// Ids as SQLite's `hex` writes them, one after the other.
pub fn ids(ids: &[&[u8; 16]]) -> String {
    ids.iter().map(|id| text::hex(*id).to_uppercase()).collect()
}

/// The place of a row in a list that is sorted by one of its columns, and by name where that is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What the row has there, as text that is in the order of what it says; nothing where that is unknown.
    pub key: Option<String>,
    /// Its name.
    pub name: String,
}

impl Place {
    /// A number as a key.
    pub fn number(number: u64) -> String {
        format!("{number:020}")
    }

    /// How two rows stand in a list. Those without a key are last either way.
    pub fn compare<C: Column>(&self, other: &Self, sorting: Sorting<C>) -> Ordering {
        let by_key = match (&self.key, &other.key) {
            (Some(one), Some(other)) if sorting.down => other.cmp(one),
            (Some(one), Some(other)) => one.cmp(other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        };
        by_key.then_with(|| self.name.to_ascii_lowercase().cmp(&other.name.to_ascii_lowercase()))
    }
}

/// What was found, and where to go on: one more than asked for was looked for.
pub fn cut<T, P>(mut found: Vec<T>, most: u32, place: impl Fn(&T) -> P) -> (Vec<T>, Option<P>) {
    let more = found.len() > most as usize;
    found.truncate(most as usize);
    let next = found.last().filter(|_| more).map(place);
    (found, next)
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.rank, self.moment, self.ids)
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(NoCursor);
        let (rank, moment, ids) = (part()?, part()?, part()?);
        if parts.next().is_some() || !ids.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoCursor);
        }
        Ok(Self {
            rank: rank.parse().map_err(|_| NoCursor)?,
            moment: moment.parse().map_err(|_| NoCursor)?,
            ids: ids.to_owned(),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&(&self.key, &self.name)).map_err(|_| fmt::Error)?;
        formatter.write_str(&text)
    }
}

impl FromStr for Place {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        serde_json::from_str(text).map(|(key, name)| Self { key, name }).map_err(|_| NoCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_and_read_and_no_other_text_is_one() {
        let place = Cursor { rank: 1, moment: -1_795_716_685_004, ids: "01A2190E".to_owned() };
        assert_eq!(place.to_string().parse::<Cursor>().unwrap(), place);
        for text in ["", "1", "1.2", "1.2.xyz", "300.2.AB", "1.2.AB.3", "a.2.AB", "1.99999999999999999999.AB"]
        {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_by_name_is_written_and_read_whatever_is_in_it() {
        for key in [None, Some("0".to_owned())] {
            let place = Place { key, name: "St \"Jude's\": a, b ]".to_owned() };
            assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        }
        for text in ["", "ada", "[]", "[1,\"ada\"]", "[null,null]", "[null,\"a\",\"b\"]"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_goes_on_where_there_is_more_and_nowhere_else() {
        let place = |row: &u8| Cursor { rank: *row, moment: 0, ids: String::new() };
        assert_eq!(cut(vec![1, 2, 3], 2, place), (vec![1, 2], Some(place(&2))));
        assert_eq!(cut(vec![1, 2], 2, place), (vec![1, 2], None));
        assert_eq!(cut(Vec::new(), 2, place), (Vec::new(), None));
    }
}
