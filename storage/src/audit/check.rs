//! Whether the audit is whole: each act follows from the one before it, and what was noted of it elsewhere is there.
//!
//! What must stay true: an act that was altered, left out, added or moved is named by its number. That the newest ones
//! were cut off, or that everything was made anew with sound hashes, shows by heads that were noted elsewhere alone.

use super::{Broken, Head};

/// A head that was noted outside the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The head.
    pub head: Head,
    /// Where it was noted, in words.
    pub by: String,
}

/// Heads that are looked for on a walk over acts.
#[derive(Debug)]
pub struct Expected {
    /// By number, the greatest first.
    noted: Vec<Noted>,
    entries: u64,
}

/// A check of acts as they are kept, one by one.
#[derive(Debug)]
pub struct Check {
    head: Head,
    expected: Expected,
}

/// What is wrong with the audit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// An act does not follow from those before it.
    #[error("act {number} is not as it was written: {}", how.words())]
    Act {
        /// Its number.
        number: u64,
        /// How it is wrong.
        how: Broken,
    },
    /// The audit has another act than was noted.
    #[error("act {} is another than {} noted: acts were written anew", .0.head.entries, .0.by)]
    Rewritten(Noted),
    /// The audit ends before what was noted.
    #[error("the audit ends at act {entries}, though {} noted act {}: the newest acts were cut off", noted.by, noted.head.entries)]
    CutOff {
        /// Acts that are there.
        entries: u64,
        /// What was noted.
        noted: Noted,
    },
}

impl Expected {
    /// These heads.
    pub fn new(mut noted: Vec<Noted>) -> Self {
        noted.sort_by_key(|noted| std::cmp::Reverse(noted.head.entries));
        Self { noted, entries: 0 }
    }

    /// The next act has this hash.
    pub fn see(&mut self, hash: &str) -> Result<(), Wrong> {
        self.entries += 1;
        while let Some(noted) = self.noted.pop_if(|noted| noted.head.entries <= self.entries) {
            if noted.head.entries == self.entries && noted.head.hash != hash {
                return Err(Wrong::Rewritten(noted));
            }
        }
        Ok(())
    }

    /// After the last act.
    pub fn end(mut self) -> Result<(), Wrong> {
        match self.noted.pop() {
            Some(noted) => Err(Wrong::CutOff { entries: self.entries, noted }),
            None => Ok(()),
        }
    }
}

impl Check {
    /// A check against these heads.
    pub fn new(noted: Vec<Noted>) -> Self {
        Self { head: Head::none(), expected: Expected::new(noted) }
    }

    /// Looks at the next act.
    pub fn act(&mut self, hash: &str, text: &str) -> Result<(), Wrong> {
        let number = self.head.entries + 1;
        self.head.follow(hash, text).map_err(|how| Wrong::Act { number, how })?;
        self.expected.see(hash)
    }

    /// After the last act: the sound audit's head.
    pub fn end(self) -> Result<Head, Wrong> {
        self.expected.end()?;
        Ok(self.head)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chain(acts: &[&str]) -> Vec<(String, String)> {
        let mut head = Head::none();
        let link = |act: &&str| {
            let linked = head.next(5, act, json!({}));
            head.follow(&linked.hash, &linked.text).unwrap();
            (linked.hash, linked.text)
        };
        acts.iter().map(link).collect()
    }

    fn check(chain: &[(String, String)], noted: Vec<Noted>) -> Result<Head, Wrong> {
        let mut check = Check::new(noted);
        chain.iter().try_for_each(|(hash, text)| check.act(hash, text))?;
        check.end()
    }

    fn noted(chain: &[(String, String)], entries: usize) -> Noted {
        let head = Head { entries: entries as u64, hash: chain[entries - 1].0.clone() };
        Noted { head, by: "somebody".to_owned() }
    }

    #[test]
    fn flips_drops_and_swaps_are_named_by_their_place() {
        let sound = chain(&["a", "b", "c"]);
        assert_eq!(check(&sound, Vec::new()).unwrap().entries, 3);
        for at in 0..3 {
            let mut flipped = sound.clone();
            flipped[at].1 = flipped[at].1.replace("\"at_ms\":5", "\"at_ms\":6");
            let number = at as u64 + 1;
            assert_eq!(check(&flipped, Vec::new()), Err(Wrong::Act { number, how: Broken::Hash }));
        }
        for (order, number) in [(&[1, 2][..], 1), (&[0, 2], 2), (&[1, 0, 2], 1), (&[0, 0, 1, 2], 2)] {
            let moved: Vec<_> = order.iter().map(|at| sound[*at].clone()).collect();
            let wrong = check(&moved, Vec::new()).unwrap_err();
            assert_eq!(wrong, Wrong::Act { number, how: Broken::Hash }, "{order:?}");
        }
    }

    #[test]
    fn a_tail_cut_off_and_a_chain_made_anew_show_by_what_was_noted() {
        let sound = chain(&["a", "b", "c"]);
        let heads = || vec![noted(&sound, 2), noted(&sound, 3), noted(&sound, 1)];
        assert!(check(&sound, heads()).is_ok());
        assert!(check(&sound[..2], Vec::new()).is_ok(), "a cut shows by itself");
        assert_eq!(check(&sound[..2], heads()), Err(Wrong::CutOff { entries: 2, noted: noted(&sound, 3) }));
        let anew = chain(&["a", "B", "c", "d"]);
        assert!(check(&anew, Vec::new()).is_ok());
        assert_eq!(check(&anew, heads()), Err(Wrong::Rewritten(noted(&sound, 2))));
    }
}
