//! Sticks: work for Trusts that no network reaches, and their answers. The hub's page and the Trust's are one.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::{Act, Frame, Moment, Said, sample};
use crate::Page;

/// The page at `/sticks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sticks {
    /// What surrounds it.
    pub frame: Frame,
    /// What can be made, each with where its form posts: a Trust's bundle at the hub, the answer at a Trust.
    pub makes: Vec<StickMake>,
    /// Where the form posts that brings a bundle; its only field is the file.
    pub take_action: String,
    /// What came of bundles that were brought: of the one just now first, then the newest.
    pub came: Vec<StickCame>,
    /// What was done with sticks, newest first; at the hub the audit has it.
    pub acts: Vec<Act>,
    /// What is done with a bundle at this moment.
    pub under_way: Option<StickProgress>,
    /// Seconds between two looks, while something is under way.
    pub refresh_seconds: Option<u32>,
}

impl Sticks {
    /// Seconds between two looks while something is under way.
    pub const REFRESH_SECONDS: u32 = 2;
    /// What is said of a file that did not come whole.
    pub const BROKEN: &str = "The file did not arrive whole";
    /// What is said of one that came and could not be kept.
    pub const NOT_STORED: &str = "The file could not be stored here";
    /// Why one did not come whole where none came.
    pub const NO_FILE: &str = "no file was chosen";
}

/// What came of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StickCame {
    /// The name of its file, where that is known.
    pub file: Option<String>,
    /// What is said of it.
    pub said: Said,
    /// When, where it was not just now.
    pub at: Option<Moment>,
}

impl StickCame {
    /// Of the bundle that was just brought.
    #[must_use]
    pub fn just_now(said: Said) -> Self {
        Self { file: None, said, at: None }
    }
}

/// What is done with a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StickStep {
    /// It comes from the browser; in bytes.
    Bringing,
    /// It is verified and copied; in bytes.
    Copying,
    /// The copy is looked at once more, to its last byte, before anything of it is used; in messages.
    Looking,
    /// What is in it is taken in; in messages.
    Taking,
    /// One is made; in messages.
    Making,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StickProgress {
    /// What is done.
    pub step: StickStep,
    /// Bytes or messages that are done.
    pub done: u64,
    /// Of how many; `None` where that is not known.
    pub of: Option<u64>,
}

/// What is done with a bundle at this moment, for the page to show: told by who does it.
#[derive(Debug, Clone, Default)]
pub struct StickWatch(Arc<Mutex<Watched>>);

#[derive(Debug, Default)]
struct Watched {
    /// How many are at work: one may have another do a part of it.
    works: u32,
    progress: Option<StickProgress>,
}

impl StickWatch {
    /// Something is under way until what is given is dropped.
    #[must_use]
    pub fn begin(&self) -> StickWork {
        self.with(|watched| watched.works += 1);
        StickWork(self.clone())
    }

    /// Tells how far it is; nothing where nothing is under way any more, as a writer may be told late.
    pub fn at(&self, step: StickStep, done: u64, of: Option<u64>) {
        self.with(|watched| {
            watched.progress = (watched.works > 0).then_some(StickProgress { step, done, of });
        });
    }

    /// What is under way.
    pub fn now(&self) -> Option<StickProgress> {
        self.with(|watched| watched.progress)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Watched) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Something under way; dropped when it is over, however it ended.
pub struct StickWork(StickWatch);

impl Drop for StickWork {
    fn drop(&mut self) {
        self.0.with(|watched| {
            watched.works -= 1;
            if watched.works == 0 {
                watched.progress = None;
            }
        });
    }
}

/// A bundle that can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StickMake {
    /// For whom.
    pub name: String,
    /// Where the form posts that makes it; the answer is its file.
    pub action: String,
    /// How many orders wait for it, or results.
    pub waiting: u64,
}

impl Page for Sticks {
    const TEMPLATE: &'static str = "sticks.html";

    fn samples() -> Vec<Self> {
        let make = |name: &str, waiting| StickMake {
            name: name.to_owned(),
            action: "/trusts/1/bundle".to_owned(),
            waiting,
        };
        let hub = Self {
            frame: sample::admin(),
            makes: vec![make("Northgate Hospital", 2), make("St Elsewhere", 0)],
            take_action: "/uploads/sticks".to_owned(),
            came: Vec::new(),
            acts: Vec::new(),
            under_way: None,
            refresh_seconds: None,
        };
        let busy = |step, done, of| Self {
            under_way: Some(StickProgress { step, done, of }),
            refresh_seconds: Some(Self::REFRESH_SECONDS),
            ..hub.clone()
        };
        let bringing = busy(StickStep::Bringing, 12 << 20, None);
        let copying = busy(StickStep::Copying, 1 << 30, Some(3 << 30));
        let taking = busy(StickStep::Taking, 1, Some(1));
        let taken = Self {
            came: vec![StickCame::just_now(Said::Done(
                "Taken in, from Northgate Hospital: 2 results stored.".to_owned(),
            ))],
            ..hub.clone()
        };
        let earlier = |file: &str, text: &str, minutes: &str| StickCame {
            file: Some(file.to_owned()),
            said: Said::Not(text.to_owned()),
            at: Some(sample::moment("2026-07-21T08:12:03Z", minutes)),
        };
        let several = Self {
            came: vec![
                earlier(
                    "flip-0198d2c4-5f6e-7a10-9c3b-2d4e6f708192.flip",
                    "Refused (foreign): it is for somebody else.",
                    "1 minute ago",
                ),
                earlier("northgate.flip", "Refused (expired): its time is over.", "4 minutes ago"),
            ],
            ..hub.clone()
        };
        let none = Self { makes: Vec::new(), ..hub.clone() };
        let act = |number, act: &str, facts: &[(&str, &str)]| Act {
            number,
            at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            act: act.to_owned(),
            facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let site = Self {
            frame: sample::site(),
            take_action: "/sticks".to_owned(),
            makes: vec![StickMake { action: "/sticks/answer".to_owned(), ..make("the hub", 1) }],
            came: vec![StickCame::just_now(Said::Not(
                "Refused (foreign): it is for somebody else.".to_owned(),
            ))],
            acts: vec![
                act(9, "bundle refused", &[("reason", "foreign")]),
                act(8, "bundle taken", &[("orders", "2"), ("settled", "1")]),
            ],
            under_way: Some(StickProgress { step: StickStep::Making, done: 64, of: Some(200) }),
            refresh_seconds: Some(Self::REFRESH_SECONDS),
        };
        vec![hub, taken, several, none, bringing, copying, taking, site]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_after_the_end_is_not_under_way() {
        let watch = StickWatch::default();
        drop(watch.begin());
        watch.at(StickStep::Copying, 1, Some(2));
        assert_eq!(watch.now(), None);
    }

    #[test]
    fn what_is_under_way_is_seen_until_the_last_who_works_at_it_is_done() {
        let watch = StickWatch::default();
        let whole = watch.begin();
        watch.at(StickStep::Copying, 1, Some(2));
        drop(watch.begin());
        assert_eq!(watch.now(), Some(StickProgress { step: StickStep::Copying, done: 1, of: Some(2) }));
        drop(whole);
        assert_eq!(watch.now(), None);
    }
}
