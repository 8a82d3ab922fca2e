//! In which order a list is: by one of its columns, up or down. Pure.
//!
//! What must stay true: what a list can be sorted by is one table for each list, and no other text is an order.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A column that a list can be sorted by.
pub trait Column: Copy + PartialEq + 'static {
    /// Every one by its name, with whether it begins with the highest: the newest, the most.
    const ALL: &'static [(&'static str, Self, bool)];
    /// How the list is where nobody wishes otherwise.
    const USUAL: Sorting<Self>;
}

/// By which column, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sorting<C> {
    /// The column.
    pub by: C,
    /// The highest first.
    pub down: bool,
}

/// The text is no order of the list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`sort` is one of {0}, or one of them with a minus before it for the highest first")]
pub struct NoSorting(String);

impl<C: Column> Sorting<C> {
    /// What a click on a column's head leads to: its usual way, or the other where the list is in that already.
    #[must_use]
    pub fn clicked(self, by: C) -> Self {
        let usual = C::ALL.iter().any(|(_, column, down)| *column == by && *down);
        Self { by, down: if self == (Self { by, down: usual }) { !usual } else { usual } }
    }
}

impl<C: Column> Default for Sorting<C> {
    fn default() -> Self {
        C::USUAL
    }
}

impl<C: Column> fmt::Display for Sorting<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, ..) =
            C::ALL.iter().find(|(_, column, _)| *column == self.by).expect("every column is in its table");
        write!(formatter, "{}{name}", if self.down { "-" } else { "" })
    }
}

impl<C: Column> FromStr for Sorting<C> {
    type Err = NoSorting;

    fn from_str(text: &str) -> Result<Self, NoSorting> {
        let (down, wanted) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let found = C::ALL.iter().find(|(name, ..)| *name == wanted);
        let names = || C::ALL.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
        found.map(|(_, by, _)| Self { by: *by, down }).ok_or_else(|| NoSorting(names()))
    }
}

impl<'de, C: Column> Deserialize<'de> for Sorting<C> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Fruit {
        Name,
        Weight,
    }

    impl Column for Fruit {
        const ALL: &'static [(&'static str, Self, bool)] =
            &[("name", Self::Name, false), ("weight", Self::Weight, true)];
        const USUAL: Sorting<Self> = Sorting { by: Self::Name, down: false };
    }

    #[test]
    fn an_order_is_written_and_read_and_no_other_text_is_one() {
        for text in ["name", "-name", "weight", "-weight"] {
            assert_eq!(text.parse::<Sorting<Fruit>>().unwrap().to_string(), text);
        }
        for text in ["", "-", "--name", "Name", "name desc", "name;--"] {
            let error = text.parse::<Sorting<Fruit>>().unwrap_err().to_string();
            assert!(error.contains("one of name, weight"), "{text}: {error}");
        }
    }

    #[test]
    fn a_column_begins_with_its_usual_way_and_is_turned_around_by_another_click() {
        let by = |text: &str| text.parse::<Sorting<Fruit>>().unwrap();
        assert_eq!(by("name").clicked(Fruit::Weight), by("-weight"));
        assert_eq!(by("-weight").clicked(Fruit::Weight), by("weight"));
        assert_eq!(by("weight").clicked(Fruit::Weight), by("-weight"));
        assert_eq!(by("-weight").clicked(Fruit::Name), by("name"));
        assert_eq!(by("name").clicked(Fruit::Name), by("-name"));
    }
}
