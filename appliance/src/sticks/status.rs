//! How it stands with sticks, in two small files: `status.txt` in plain words for people, `status.json` for a lamp or a
//! beeper. For a box without a screen.

use flip_protocol::bundle::Refused;
use flip_storage::file::{self, Access};
use serde::Serialize;

use super::{Answer, Folder, Handled, Outcome, SticksError, write};
use crate::clock;
use crate::site::Site;

/// What a lamp shows.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Lamp {
    /// Nothing is under way.
    Ready,
    /// A bundle was taken in; its orders are worked on.
    Taken,
    /// A bundle was refused.
    Refused,
    /// Bundles are there to be written to the stick, which must stay where it is.
    Made,
    /// They are on the stick, whole: it may be taken out.
    Written,
    /// Something failed, here or on the stick.
    Failed,
}

#[derive(Serialize)]
struct Status<'a> {
    lamp: Lamp,
    at: u64,
    reason: Option<Refused>,
    words: &'a str,
}

pub(super) fn ready(site: &Site, folder: &Folder) -> Result<(), SticksError> {
    let name = &site.identity().facts.trust_name;
    say(folder, Lamp::Ready, None, &format!("The appliance of {name} is ready for a stick."))
}

pub(super) fn taken(site: &Site, folder: &Folder, outcome: &Outcome) -> Result<(), SticksError> {
    if let Some(why) = outcome.refused {
        let words = format!("A bundle was refused ({}): {why}.", why.name());
        return say(folder, Lamp::Refused, Some(why), &words);
    }
    let waiting = site.journal.waiting_ids()?.len();
    let (number, orders) = (outcome.number, outcome.orders);
    let words = format!("Bundle {number} was taken in: {orders} orders, of which {waiting} are worked on.");
    say(folder, Lamp::Taken, None, &words)
}

pub(super) fn made(folder: &Folder, answer: &Answer) -> Result<(), SticksError> {
    if let Some(why) = &answer.failed {
        return say(folder, Lamp::Failed, None, &format!("Nothing was made for the hub: {why}."));
    }
    let results: u32 = answer.bundles.iter().map(|made| made.results).sum();
    let words = format!(
        "{} bundles with {results} results are made for the hub, and not on the stick yet; {} orders are not answered yet.",
        answer.bundles.len(),
        answer.waiting
    );
    say(folder, Lamp::Made, None, &words)
}

pub(super) fn handled(folder: &Folder, said: &Handled) -> Result<(), SticksError> {
    if let Some(why) = &said.failed {
        return say(folder, Lamp::Failed, None, &format!("The stick was not handled to its end: {why}."));
    }
    let words = format!(
        "{} bundles are on the stick, whole. It may be taken out, and goes to the hub.",
        said.written
    );
    say(folder, Lamp::Written, None, &words)
}

fn say(folder: &Folder, lamp: Lamp, reason: Option<Refused>, words: &str) -> Result<(), SticksError> {
    let now = clock::now();
    write(&folder.0.join("status.json"), &Status { lamp, at: now.0, reason, words })?;
    let text = format!("{} UTC\r\n{words}\r\n", clock::readable(now));
    let path = folder.0.join("status.txt");
    file::write(&path, text.as_bytes(), Access::Owner).map_err(|error| SticksError::File(path, error))
}
