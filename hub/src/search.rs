//! Words that a list is searched for. Pure.
//!
//! What must stay true: they are text, whatever stands in them, and no pattern.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::bounds;

/// Words that a row has; every row where they are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(String);

/// More than anything that is looked for has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is searched for has at most {max} characters, and not {0}", max = bounds::WORDS_CHARACTERS)]
pub struct TooManyWords(usize);

impl Words {
    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As what LIKE takes, with a backslash before what it would read otherwise.
    pub fn like(&self) -> String {
        let escaped = self.0.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        format!("%{escaped}%")
    }
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Words {
    type Err = TooManyWords;

    fn from_str(text: &str) -> Result<Self, TooManyWords> {
        let words = text.trim();
        match words.chars().count() {
            0..=bounds::WORDS_CHARACTERS => Ok(Self(words.to_owned())),
            more => Err(TooManyWords(more)),
        }
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_looked_for_as_they_are_and_too_many_are_refused() {
        let like = |text: &str| text.parse::<Words>().unwrap().like();
        assert_eq!(like(" lung nodules "), "%lung nodules%");
        assert_eq!(like("100%_\\"), "%100\\%\\_\\\\%");
        let most = "é".repeat(bounds::WORDS_CHARACTERS);
        assert_eq!(format!("  {most} ").parse::<Words>(), Ok(Words(most.clone())));
        let error = format!("{most}é").parse::<Words>().unwrap_err().to_string();
        assert!(error.contains("at most 254 characters, and not 255"), "{error}");
    }
}
