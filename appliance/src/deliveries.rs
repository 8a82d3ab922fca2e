//! The watched folder: extracts that arrive there are ingested without anybody's hand.
//!
//! ```text
//! incoming/
//!   2026-11/               an extract: a folder of files; taken once READY is in it, or once nothing in it changed
//!   working/ID/            the one that is being ingested; ID is the time it was taken and its name. Where this machine
//!                          was at fault, ID.report.txt says how, and it is tried again
//!   done/ID/               ingested; ID.report.txt beside it says how
//!   refused/ID/            not ingested; ID.report.txt says why
//! ```
//!
//! What must stay true: a delivery is ingested once, whatever is killed when: it is moved before it is read, and its
//! generation's manifest names it. A refused one is refused once and stays where people find it; what a full disk or a
//! kill cut short is tried again, the longer after the oftener; nothing that others wrote is ever removed. The work is a child process of this same binary that can read the delivery and write
//! generations, and nothing else (see `data::confine`). Deliberately absent: watching for events of the kernel, which
//! network file systems do not give; the folder is looked at every [`LOOK`].

mod child;
mod settle;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use flip_storage::error_chain;
use flip_storage::file::{self, Access};

use crate::clock;
use crate::data::{Generation, advice, facts};
use crate::site::Site;
use child::Ended;
use settle::Settling;

/// How long between two looks at the folder.
const LOOK: Duration = Duration::from_secs(2);
/// How long the watch rests after the folder failed, while another ingest is at work, and before the first further try of
/// a delivery; each further one waits twice as long as the one before, [`REST_LONGEST`] at most.
const REST: Duration = Duration::from_secs(30);
const REST_LONGEST: Duration = Duration::from_mins(15);
/// Ingests of one delivery that may be killed, by a bound on memory for example, before it is refused.
const KILLED_MOST: u32 = 3;

/// Folders of the watch's own, in the watched one.
const WORKING: &str = "working";
const DONE: &str = "done";
const REFUSED: &str = "refused";

/// Watches until the appliance stops.
pub fn watch(site: &Arc<Site>) {
    let mut watch = Watch { site, settling: Settling::new(site.config.settle), tries: Tries::default() };
    while !site.is_stopping() {
        match watch.look() {
            Ok(Next::Look) => watch.pause(LOOK),
            Ok(Next::Rest(time)) => watch.pause(time),
            Err(error) => {
                watch.complain(&error);
                watch.pause(REST);
            }
        }
    }
}

enum Next {
    Look,
    Rest(Duration),
}

/// Further tries of the delivery that is being ingested, since this program started.
#[derive(Debug, Default)]
struct Tries {
    failed: u32,
    killed: u32,
}

impl Tries {
    /// One more has failed; how long to wait before the next.
    fn wait(&mut self) -> Duration {
        let wait = REST.saturating_mul(1 << self.failed.min(10)).min(REST_LONGEST);
        self.failed += 1;
        wait
    }
}

struct Watch<'a> {
    site: &'a Arc<Site>,
    settling: Settling,
    tries: Tries,
}

impl Watch<'_> {
    /// One look: goes on with what a stop cut short, else takes the first extract that is complete.
    fn look(&mut self) -> anyhow::Result<Next> {
        let folder = &self.site.config.watch;
        for name in ["", WORKING, DONE, REFUSED] {
            let path = folder.join(name);
            fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        }
        let Some(id) = self.begun()?.map_or_else(|| self.take(), |id| Ok(Some(id)))? else {
            return Ok(Next::Look);
        };
        self.work_on(&id)
    }

    fn begun(&self) -> anyhow::Result<Option<String>> {
        let mut begun = settle::folders(&self.site.config.watch.join(WORKING))?;
        begun.sort();
        Ok(begun.into_iter().next())
    }

    /// Moves the first complete extract to where it is worked on, and gives it its id. One that cannot be looked into or
    /// moved, as where it is another user's, holds up no other.
    fn take(&mut self) -> anyhow::Result<Option<String>> {
        let mut names = settle::folders(&self.site.config.watch)?;
        names.retain(|name| ![WORKING, DONE, REFUSED].contains(&name.as_str()) && !name.starts_with('.'));
        names.sort();
        self.settling.forget_all_but(&names);
        let mut wrong = None;
        for name in names {
            match self.take_one(&name) {
                Ok(None) => {}
                Ok(taken) => return Ok(taken),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        match wrong {
            Some(error) => self.complain(&error),
            None => drop(self.site.note_watch(None)),
        }
        Ok(None)
    }

    fn take_one(&mut self, name: &str) -> anyhow::Result<Option<String>> {
        let folder = &self.site.config.watch;
        let path = folder.join(name);
        let failed = |doing: &str, error: io::Error| {
            let told = format!("{doing} {}{}", path.display(), advice(&error));
            anyhow::Error::from(error).context(told)
        };
        let seen = settle::seen(&path).map_err(|error| failed("looking into", error))?;
        if !self.settling.is_complete(name, seen, Instant::now()) {
            return Ok(None);
        }
        let id = format!("{}-{name}", stamp());
        fs::rename(&path, folder.join(WORKING).join(&id)).map_err(|error| failed("moving", error))?;
        tracing::info!(extract = name, id, "an extract has arrived");
        Ok(Some(id))
    }

    fn work_on(&mut self, id: &str) -> anyhow::Result<Next> {
        if let Some(generation) = self.made_from(id)? {
            let name = &generation.name;
            let in_use = match self.site.generations.current_name() {
                Ok(in_use) if in_use.as_ref() == Some(name) => "and is in use".to_owned(),
                Ok(_) => format!("and is not in use; to use it: flip-appliance data use {name}"),
                Err(error) => format!("and it cannot be told whether it is in use: {}", error_chain(&error)),
            };
            let text = format!(
                "generation {name} was made of it {in_use}; the ingest was stopped before it could say more\n\
                 More: flip-appliance data show {name}\n"
            );
            return self.ingested(id, &generation, &text);
        }
        let path = self.site.config.watch.join(WORKING).join(id);
        match child::ingest(self.site, &path, id)? {
            Ended::Stopped => Ok(Next::Look),
            Ended::Busy => Ok(Next::Rest(REST)),
            Ended::Refused(why) => self.refused(id, &why),
            Ended::DiskFull(why) => self.wait(id, &why),
            Ended::Killed(why) => {
                self.tries.killed += 1;
                if self.tries.killed < KILLED_MOST { self.wait(id, &why) } else { self.refused(id, &why) }
            }
            Ended::Ingested(report) => match self.made_from(id)? {
                Some(generation) => self.ingested(id, &generation, &report),
                None => {
                    self.refused(id, "its generation was removed at once; was another ingested meanwhile?")
                }
            },
        }
    }

    /// The generation that names this delivery.
    fn made_from(&self, id: &str) -> anyhow::Result<Option<Generation>> {
        let generations = &self.site.generations;
        let known = generations.names()?.into_iter().rev();
        let mut known = known.filter_map(|name| generations.described(&name).ok());
        Ok(known.find(|generation| generation.manifest.delivery.as_deref() == Some(id)))
    }

    fn ingested(&mut self, id: &str, generation: &Generation, report: &str) -> anyhow::Result<Next> {
        tracing::info!(id, generation = generation.name, "an extract was ingested and is in use");
        self.site.audit.append(clock::now().0, "data_ingested", facts::ingested(generation, id, None))?;
        self.put_away(id, DONE, report)
    }

    fn refused(&mut self, id: &str, why: &str) -> anyhow::Result<Next> {
        let in_use = self.site.generations.left_in_use();
        tracing::warn!(
            id,
            report = %self.report(REFUSED, id).display(),
            "an extract was refused; {in_use}"
        );
        self.site.audit.append(clock::now().0, "data_refused", facts::refused(id, why, None))?;
        self.put_away(id, REFUSED, &format!("{}\n\nIt was refused; {in_use}.\n", why.trim_end()))
    }

    /// The delivery stays where it is, and is tried again.
    fn wait(&mut self, id: &str, why: &str) -> anyhow::Result<Next> {
        let time = self.tries.wait();
        tracing::warn!(
            id,
            seconds = time.as_secs(),
            why,
            "an extract was not ingested, and will be tried again"
        );
        let path = self.report(WORKING, id);
        let text =
            format!("{}\nIt is tried again, {} s after this was written.\n", why.trim_end(), time.as_secs());
        file::write(&path, text.as_bytes(), Access::Owner)
            .with_context(|| format!("writing {}", path.display()))?;
        Ok(Next::Rest(time))
    }

    /// The report first: a delivery that was put away has one.
    fn put_away(&mut self, id: &str, to: &str, report: &str) -> anyhow::Result<Next> {
        let path = self.report(to, id);
        file::write(&path, report.as_bytes(), Access::Owner)
            .with_context(|| format!("writing {}", path.display()))?;
        let folder = &self.site.config.watch;
        let (from, to) = (folder.join(WORKING).join(id), folder.join(to).join(id));
        fs::rename(&from, &to).with_context(|| format!("moving {}", from.display()))?;
        let waited = self.report(WORKING, id);
        if waited.exists() {
            fs::remove_file(&waited).with_context(|| format!("removing {}", waited.display()))?;
        }
        self.tries = Tries::default();
        Ok(Next::Look)
    }

    fn report(&self, to: &str, id: &str) -> PathBuf {
        self.site.config.watch.join(to).join(format!("{id}.report.txt"))
    }

    /// Says once what is wrong, until nothing is.
    fn complain(&self, error: &anyhow::Error) {
        let error = format!("{error:#}");
        if self.site.note_watch(Some(&error)) {
            let folder = self.site.config.watch.display();
            tracing::error!(%folder, error, "the watched folder failed; trying on");
        }
    }

    /// Waits, but not beyond a stop. The bell rings for other things too.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut heard = 0;
        while !self.site.is_stopping() && Instant::now() < until {
            heard = self.site.bell.wait(heard, until.saturating_duration_since(Instant::now()));
        }
    }
}

/// Deliveries that are told of, on the local page and by `status`.
pub const TOLD: usize = 10;

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It became a generation.
    Ingested,
    /// It did not.
    Refused,
    /// It is tried again.
    Waits,
}

/// What became of a delivery, for the local page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When it was taken, and its name: `20261125-210455-2026-11`.
    pub id: String,
    /// How far it is.
    pub became: Became,
    /// The report's text.
    pub report: String,
}

/// The newest deliveries that were looked at, newest first.
pub fn newest(watched: &Path, most: usize) -> io::Result<Vec<Delivery>> {
    let mut all = Vec::new();
    for (folder, became) in [(DONE, Became::Ingested), (REFUSED, Became::Refused), (WORKING, Became::Waits)] {
        let entries = match fs::read_dir(watched.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(id) = name.strip_suffix(".report.txt") {
                all.push((id.to_owned(), became, entry.path()));
            }
        }
    }
    all.sort_by(|one, other| other.0.cmp(&one.0));
    all.truncate(most);
    let mut newest = Vec::new();
    for (id, became, path) in all {
        match fs::read_to_string(path) {
            Ok(report) => newest.push(Delivery { id, became, report }),
            // It was put away this moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(newest)
}

/// A file that lies in the watched folder itself, where folders alone are taken.
pub fn loose(watched: &Path) -> Option<String> {
    let entries = fs::read_dir(watched).ok()?.flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let names = files.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.')).min()
}

/// The time as a name's beginning, so that names sort by it: `20261125-210455`.
fn stamp() -> String {
    clock::readable(clock::now()).replace(['-', ':'], "").replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_try_waits_longer_up_to_a_bound() {
        let mut tries = Tries::default();
        let waits: Vec<u64> = (0..8).map(|_| tries.wait().as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    }
}
