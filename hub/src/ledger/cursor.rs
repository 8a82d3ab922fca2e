//! Where a list goes on whose order is by a state and a moment.
//!
//! What must stay true: a row that changes its place meanwhile moves no other, so that each of the others is read once.

use std::fmt;
use std::str::FromStr;

use flip_protocol::{UnixMillis, text};

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

/// What was found, and where to go on: one more than asked for was looked for.
pub fn cut<T>(mut found: Vec<T>, most: u32, place: impl Fn(&T) -> Cursor) -> (Vec<T>, Option<Cursor>) {
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
    fn a_list_goes_on_where_there_is_more_and_nowhere_else() {
        let place = |row: &u8| Cursor { rank: *row, moment: 0, ids: String::new() };
        assert_eq!(cut(vec![1, 2, 3], 2, place), (vec![1, 2], Some(place(&2))));
        assert_eq!(cut(vec![1, 2], 2, place), (vec![1, 2], None));
        assert_eq!(cut(Vec::new(), 2, place), (Vec::new(), None));
    }
}
