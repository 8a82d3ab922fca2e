//! What is remembered of files that stay in quarantine: which were tried, and when each is tried again.
//!
//! What must stay true: a file is given up only for scans that began. What the machine kept from beginning counts for
//! nothing, however often; the file waits, longer each time up to a bound, until the machine is well.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use flip_protocol::UnixMillis;

use super::judge::Judged;
use crate::bounds;
use crate::model::FileId;

/// The files that stay in quarantine.
#[derive(Default)]
pub struct Waiting {
    /// What was found clean and could not be kept yet. No byte of it changes, so that it need not be scanned again.
    pub clean: HashMap<FileId, Judged>,
    tried: HashMap<FileId, Tried>,
}

/// How a file fared so far.
#[derive(Default)]
struct Tried {
    /// Scans that began and did not get to their end.
    tries: u32,
    /// When the next may begin.
    due: Option<Instant>,
    machine: Option<Machine>,
}

/// What of the machine keeps a file's scan from beginning.
struct Machine {
    since: UnixMillis,
    /// How often in a row.
    times: u32,
    why: String,
}

/// Files that wait for the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// How many.
    pub files: usize,
    /// Since when the first of them.
    pub since: UnixMillis,
    /// What is in its way.
    pub why: String,
}

impl Waiting {
    /// Forgets all but these.
    pub fn retain(&mut self, still: impl Fn(FileId) -> bool) {
        self.clean.retain(|id, _| still(*id));
        self.tried.retain(|id, _| still(*id));
    }

    /// Whether its turn is now: what its scanner died of may be over after a while.
    pub fn is_due(&self, file: FileId, now: Instant) -> bool {
        self.tried.get(&file).and_then(|tried| tried.due).is_none_or(|due| now >= due)
    }

    /// How often it came to nothing, whatever the cause: the least is looked at first.
    pub fn turns(&self, file: FileId) -> u32 {
        self.tried.get(&file).map_or(0, |tried| {
            tried.tries.saturating_add(tried.machine.as_ref().map_or(0, |machine| machine.times))
        })
    }

    /// A scan began and did not get to its end. Gives how often by now, and whether it is tried again.
    pub fn came_to_nothing(&mut self, file: FileId, now: Instant) -> (u32, bool) {
        let tried = self.tried.entry(file).or_default();
        tried.machine = None;
        tried.tries += 1;
        tried.due = Some(now + bounds::SCAN_AGAIN);
        (tried.tries, tried.tries < bounds::SCAN_TRIES)
    }

    /// The machine did not let a scan begin. Gives for how long the file is left alone.
    pub fn not_tried(&mut self, file: FileId, why: &str, now: Instant, at: UnixMillis) -> Duration {
        let tried = self.tried.entry(file).or_default();
        let machine =
            tried.machine.get_or_insert_with(|| Machine { since: at, times: 0, why: String::new() });
        let doubled = 1_u32.checked_shl(machine.times).unwrap_or(u32::MAX);
        let pause = bounds::SCAN_AGAIN.saturating_mul(doubled).min(bounds::SCAN_PAUSE_MOST);
        machine.times = machine.times.saturating_add(1);
        why.clone_into(&mut machine.why);
        tried.due = Some(now + pause);
        pause
    }

    /// The files that wait for the machine, where there are any.
    pub fn trouble(&self) -> Option<Trouble> {
        let waiting = || self.tried.values().filter_map(|tried| tried.machine.as_ref());
        let first = waiting().min_by_key(|machine| machine.since)?;
        Some(Trouble { files: waiting().count(), since: first.since, why: first.why.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(number: u8) -> FileId {
        FileId::from_bytes([number; 16])
    }

    const AT: UnixMillis = UnixMillis(1_800_000_000_000);

    #[test]
    fn what_the_machine_keeps_from_beginning_is_never_given_up_and_tried_ever_less_often() {
        let (mut waiting, mut now) = (Waiting::default(), Instant::now());
        let mut pauses = Vec::new();
        for time in 0..1_000 {
            assert!(waiting.is_due(file(1), now));
            let pause = waiting.not_tried(file(1), "no processes", now, AT.plus(time));
            assert!(!waiting.is_due(file(1), now) && waiting.is_due(file(1), now + pause));
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses[..6], [10, 20, 40, 80, 120, 120]);
        assert_eq!(pauses.last(), Some(&120));
        let trouble = Trouble { files: 1, since: AT, why: "no processes".to_owned() };
        assert_eq!(waiting.trouble(), Some(trouble));
        // It has all its tries still, and the trouble is over with the first.
        assert_eq!(waiting.came_to_nothing(file(1), now), (1, true));
        assert_eq!(waiting.trouble(), None);
        waiting.not_tried(file(1), "no processes", now, AT);
        assert_eq!(waiting.came_to_nothing(file(1), now), (2, true));
        assert_eq!(waiting.came_to_nothing(file(1), now), (3, false));
    }

    #[test]
    fn who_was_tried_least_is_first_and_who_is_gone_is_forgotten() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        let other = file(2);
        waiting.not_tried(file(1), "EIO", now, AT);
        assert!(waiting.turns(file(1)) > waiting.turns(other));
        waiting.retain(|id| id != file(1));
        assert_eq!((waiting.turns(file(1)), waiting.trouble()), (0, None));
        assert!(waiting.is_due(file(1), now));
    }
}
