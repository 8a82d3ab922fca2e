//! How it stands with sticks, in two small files: `status.txt` in plain words for people, `status.json` for a lamp or a
//! beeper. For a box without a screen. A third, `news`, is there until the lamp's unit has seen to them.

use std::path::PathBuf;

use flip_protocol::bundle::Refused;
use flip_storage::file::{self, Access};
use flip_storage::stick;
use flip_web::plural;
use serde::{Deserialize, Serialize};

use super::{Answer, Folder, Handled, Outcome, SticksError, read, write};
use crate::site::Site;
use crate::{bounds, clock};

/// The file for a lamp.
const STATUS: &str = "status.json";

/// What a lamp shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Lamp {
    /// Nothing is under way.
    Ready,
    /// A bundle was taken in; its orders are worked on.
    Taken,
    /// A bundle was refused.
    Refused,
    /// Bundles are there to be written to the stick, or on it while it is mounted: it must stay where it is.
    Made,
    /// They are on the stick, whole, and it is unmounted: it may be taken out.
    Written,
    /// Something failed, here or on the stick.
    Failed,
    /// A stick cannot be mounted.
    Unusable,
    /// It was pulled before the answer was on it.
    Pulled,
}

#[derive(Serialize, Deserialize)]
struct Status {
    lamp: Lamp,
    at: u64,
    reason: Option<Refused>,
    words: String,
    /// What went wrong while this stick was read; shown once it may be taken out.
    #[serde(default)]
    trouble: Option<Trouble>,
    /// A stick that everything is on, and that is waited for to be unmounted.
    #[serde(default)]
    mounted: Option<Mounted>,
}

/// A stick that everything is on, and that was mounted when that was said.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Mounted {
    /// Where.
    pub at: PathBuf,
    /// Bundles that are on it.
    pub written: usize,
    /// Until when nobody is to unmount it by hand, in Unix milliseconds; `None` where people were told to.
    pub until_ms: Option<u64>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Trouble {
    lamp: Lamp,
    at: u64,
    reason: Option<Refused>,
    words: String,
}

impl Status {
    fn of(lamp: Lamp, reason: Option<Refused>, words: String) -> Self {
        Self { lamp, at: clock::now().0, reason, words, trouble: None, mounted: None }
    }

    /// As trouble while a stick is read.
    fn troubled(mut self) -> Self {
        self.trouble =
            Some(Trouble { lamp: self.lamp, at: self.at, reason: self.reason, words: self.words.clone() });
        self
    }
}

/// The appliance has started. What was said before stays where a stick is under way, or is waited for to be unmounted.
pub(super) fn started(folder: &Folder, trust_name: &str, under_way: bool) -> Result<(), SticksError> {
    if before(folder).is_some_and(|before| under_way || before.mounted.is_some()) {
        return Ok(());
    }
    let words = format!("The appliance of {trust_name} is ready for a stick.");
    say(folder, Status::of(Lamp::Ready, None, words))
}

pub(super) fn taken(site: &Site, folder: &Folder, outcome: &Outcome) -> Result<(), SticksError> {
    if let Some(why) = outcome.refused {
        let words = format!("A bundle was {}", why.in_words());
        return say(folder, Status::of(Lamp::Refused, Some(why), words).troubled());
    }
    let waiting = site.journal.waiting_ids()?.len();
    let (number, taken) = (outcome.number, outcome.in_words());
    let waiting = plural(waiting as u64, "order is", Some("orders are"));
    let words = format!("Bundle {number} was {taken}. {waiting} worked on.");
    say(folder, Status::of(Lamp::Taken, None, words))
}

pub(super) fn made(folder: &Folder, answer: &Answer) -> Result<(), SticksError> {
    if let Some(why) = &answer.failed {
        return say(folder, Status::of(Lamp::Failed, None, format!("Nothing was made for the hub: {why}.")));
    }
    if answer.bundles.is_empty() {
        return Ok(());
    }
    let results = answer.bundles.iter().map(|made| u64::from(made.results)).sum();
    let (bundles, results) =
        (plural(answer.bundles.len() as u64, "bundle", None), plural(results, "result", None));
    let waiting = plural(answer.waiting as u64, "order is", Some("orders are"));
    let words = format!(
        "Made for the hub, and not on the stick yet: {bundles} with {results}. {waiting} not answered yet."
    );
    say(folder, Status::of(Lamp::Made, None, words))
}

/// Everything is on the stick, and it cannot be taken out yet: where it is waited for to be unmounted, and where nobody will
/// say that it is.
pub(super) fn mounted(
    folder: &Folder,
    written: usize,
    waited_for: Option<Mounted>,
) -> Result<(), SticksError> {
    let is_soon = waited_for.as_ref().is_some_and(|stick| stick.until_ms.is_some());
    let what =
        if is_soon { "Leave it in until it is unmounted" } else { "Unmount it before you take it out" };
    let words = format!("{} on the stick, whole. {what}.", on_the_stick(written));
    say(folder, Status { mounted: waited_for, ..Status::of(Lamp::Made, None, words) })
}

/// The stick that is waited for to be unmounted; `None` where something else was said since.
pub(super) fn waited_for(folder: &Folder) -> Option<Mounted> {
    before(folder)?.mounted
}

/// A stick cannot be mounted. What went wrong with another is kept while that is `under_way`, and it is waited for.
pub(super) fn unusable(folder: &Folder, said: &Handled, under_way: bool) -> Result<(), SticksError> {
    let words = sentence(said.failed.as_deref().unwrap_or_default());
    let mut status = Status { mounted: waited_for(folder), ..Status::of(Lamp::Unusable, None, words) };
    status.trouble = if under_way { trouble_before(folder, status.at) } else { None };
    say(folder, status)
}

fn on_the_stick(written: usize) -> String {
    plural(written as u64, "bundle is", Some("bundles are"))
}

/// Words that begin as `the stick`.
fn sentence(words: &str) -> String {
    format!("{}.", words.replacen('t', "T", 1))
}

pub(super) fn handled(folder: &Folder, said: &Handled) -> Result<(), SticksError> {
    if said.pulled {
        return say(folder, Status::of(Lamp::Pulled, None, sentence(stick::PULLED)));
    }
    if let Some(why) = &said.failed {
        let words = format!("The stick was not handled to its end: {why}.");
        let failed = Status::of(Lamp::Failed, None, words);
        return say(folder, if said.reading { failed.troubled() } else { failed });
    }
    let bundles = on_the_stick(said.written);
    let words = format!("{bundles} on the stick, whole. It may be taken out, and goes to the hub.");
    say(folder, Status::of(Lamp::Written, None, words))
}

/// Writes it, with the trouble that there was with the same stick: what came after it hides it only until the stick may be
/// taken out.
fn say(folder: &Folder, mut status: Status) -> Result<(), SticksError> {
    let place = folder.0.join(STATUS);
    match (status.lamp, trouble_before(folder, status.at)) {
        // One that cannot be mounted is another than the one before; one that was pulled is read again.
        (Lamp::Ready | Lamp::Unusable | Lamp::Pulled, _) | (_, None) => {}
        (Lamp::Written, Some(trouble)) => {
            status.words = format!("{}\r\nBefore that: {}", status.words, trouble.words);
            (status.lamp, status.reason) = (trouble.lamp, trouble.reason);
        }
        (Lamp::Taken | Lamp::Refused | Lamp::Made | Lamp::Failed, Some(trouble)) => {
            status.trouble = Some(trouble);
        }
    }
    write(&place, &status)?;
    let text = format!("{} UTC\r\n{}\r\n", clock::readable(clock::now()), status.words);
    // The last one is for the unit of the lamp, which takes it away before it looks: there is something new to be told.
    for (name, text) in [("status.txt", text.as_str()), ("news", "")] {
        let path = folder.0.join(name);
        file::write(&path, text.as_bytes(), Access::Owner)
            .map_err(|error| SticksError::file(&path, error))?;
    }
    Ok(())
}

/// What was said last.
fn before(folder: &Folder) -> Option<Status> {
    read(&folder.0.join(STATUS))
}

/// What went wrong while the stick was read that may be in still.
fn trouble_before(folder: &Folder, at: u64) -> Option<Trouble> {
    let age_max = u64::try_from(bounds::STICKS_PATIENCE.as_millis()).unwrap_or(u64::MAX);
    let before = before(folder).and_then(|before| before.trouble);
    before.filter(|trouble| at.saturating_sub(trouble.at) <= age_max)
}

#[cfg(test)]
mod tests {
    use flip_protocol::MessageId;

    use super::*;
    use crate::sticks::Made;

    #[test]
    fn what_is_made_is_counted_and_a_stick_that_cannot_be_mounted_is_another_than_the_one_before() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().to_owned());
        let text = || std::fs::read_to_string(place.path().join("status.txt")).unwrap();
        let bundle = MessageId::from_bytes([1; 16]);
        let made_one = Made { file: "a.flip".to_owned(), bundle, number: 1, results: 0, bytes: 9 };
        made(&folder, &Answer { bundles: vec![made_one], waiting: 0, failed: None }).unwrap();
        let words = "Made for the hub, and not on the stick yet: 1 bundle with 0 results. 0 orders are not answered yet.";
        assert!(text().contains(words), "{}", text());
        // Something failed while one was read, the next cannot be mounted, and a third is as it should be.
        let failed = Some("it broke off".to_owned());
        handled(&folder, &Handled { failed: failed.clone(), reading: true, ..Handled::default() }).unwrap();
        let unmountable = Handled {
            failed: Some("the stick sdb1 is not".to_owned()),
            unusable: true,
            ..Handled::default()
        };
        unusable(&folder, &unmountable, false).unwrap();
        assert!(text().contains("The stick sdb1 is not."), "{}", text());
        handled(&folder, &Handled { written: 2, ..Handled::default() }).unwrap();
        assert!(text().contains("2 bundles are on the stick, whole.") && !text().contains("Before that"));
        // Another is under way meanwhile, and its trouble stays its own.
        handled(&folder, &Handled { failed, reading: true, ..Handled::default() }).unwrap();
        unusable(&folder, &unmountable, true).unwrap();
        handled(&folder, &Handled { written: 2, ..Handled::default() }).unwrap();
        assert!(
            text().contains("Before that: The stick was not handled to its end: it broke off."),
            "{}",
            text()
        );
    }
}
