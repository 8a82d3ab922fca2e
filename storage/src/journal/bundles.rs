//! Bundles: which were taken, how many were made, and the newest moment of the hub's clock that is known.

use redb::{ReadableDatabase as _, ReadableTable as _};

use super::{BUNDLES, BUNDLES_MADE, COUNTERS, Id, Journal, JournalError, OUTBOX};

const MADE: &str = "bundles.made";
/// The newest moment of the hub's clock that is known, and what the clock here said then.
const HEARD: &str = "hub_clock.heard";
const HEARD_AT: &str = "hub_clock.heard_at";

/// How a bundle's number stands to those that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the newest so far.
    Newest,
    /// A newer one was taken before.
    Later,
    /// It was taken before.
    Taken,
    /// Another bundle was taken under this number: whoever makes them was set back.
    Another,
    /// It is further behind the newest than the window is long.
    TooOld,
}

impl Journal {
    /// How a bundle's number stands to those that were taken.
    pub fn bundle_standing(&self, number: u64, id: Id, window: u64) -> Result<Standing, JournalError> {
        self.store.with(|database| {
            let taken = database.begin_read()?.open_table(BUNDLES)?;
            let newest = taken.last()?.map_or(0, |(newest, _)| newest.value());
            Ok(if let Some(known) = taken.get(number)? {
                if known.value() == id { Standing::Taken } else { Standing::Another }
            } else if number.saturating_add(window) <= newest {
                Standing::TooOld
            } else if number > newest {
                Standing::Newest
            } else {
                Standing::Later
            })
        })
    }

    /// Notes that a bundle was taken; forgets those that are further behind than the window is long.
    pub fn bundle_taken(&self, number: u64, id: Id, window: u64) -> Result<(), JournalError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            {
                let mut taken = writing.open_table(BUNDLES)?;
                taken.insert(number, id)?;
                let newest = taken.last()?.map_or(0, |(newest, _)| newest.value());
                taken.retain_in(..=newest.saturating_sub(window), |_, _| false)?;
            }
            writing.commit()?;
            Ok(())
        })
    }

    /// The next number of a bundle to the hub.
    pub fn next_bundle(&self) -> Result<u64, JournalError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            let number = {
                let mut counters = writing.open_table(COUNTERS)?;
                let number = counters.get(MADE)?.map_or(0, |made| made.value()) + 1;
                counters.insert(MADE, number)?;
                number
            };
            writing.commit()?;
            Ok(number)
        })
    }

    /// Notes a bundle that is made, with the first and last sequence number of the results in it; forgets those that are
    /// further behind than the window is long.
    pub fn bundle_made(
        &self,
        number: u64,
        id: Id,
        results: Option<(u64, u64)>,
        window: u64,
    ) -> Result<(), JournalError> {
        // From 1 to 0 there is nothing.
        let (first, last) = results.unwrap_or((1, 0));
        self.store.with(|database| {
            let writing = database.begin_write()?;
            {
                let mut made = writing.open_table(BUNDLES_MADE)?;
                made.insert(number, (id, first, last))?;
                made.retain_in(..=number.saturating_sub(window), |_, _| false)?;
            }
            writing.commit()?;
            Ok(())
        })
    }

    /// The newest sequence number of a result that bundles of these ids were made to hold; zero where they hold none.
    pub fn bundles_end(&self, ids: &[Id]) -> Result<u64, JournalError> {
        self.store.with(|database| {
            let mut end = 0;
            for entry in database.begin_read()?.open_table(BUNDLES_MADE)?.iter()? {
                let (id, _, last) = entry?.1.value();
                if ids.contains(&id) {
                    end = end.max(last);
                }
            }
            Ok(end)
        })
    }

    /// The bundles that were made here and hold no result that is still to be sent.
    pub fn bundles_settled(&self) -> Result<Vec<Id>, JournalError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let outbox = reading.open_table(OUTBOX)?;
            let mut settled = Vec::new();
            for entry in reading.open_table(BUNDLES_MADE)?.iter()? {
                let (id, first, last) = entry?.1.value();
                if first > last || outbox.range(first..=last)?.next().is_none() {
                    settled.push(id);
                }
            }
            Ok(settled)
        })
    }

    /// Notes a moment of the hub's clock, and what the clock here says; an earlier one than is known changes nothing.
    pub fn hear(&self, hub_ms: u64, now_ms: u64) -> Result<(), JournalError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            {
                let mut counters = writing.open_table(COUNTERS)?;
                if counters.get(HEARD)?.is_none_or(|heard| heard.value() < hub_ms) {
                    counters.insert(HEARD, hub_ms)?;
                    counters.insert(HEARD_AT, now_ms)?;
                }
            }
            writing.commit()?;
            Ok(())
        })
    }

    /// Notes another moment in the place of what was heard of the hub's clock, or that nothing is known of it.
    pub fn set_heard(&self, heard: Option<(u64, u64)>) -> Result<(), JournalError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            {
                let mut counters = writing.open_table(COUNTERS)?;
                if let Some((hub_ms, now_ms)) = heard {
                    counters.insert(HEARD, hub_ms)?;
                    counters.insert(HEARD_AT, now_ms)?;
                } else {
                    counters.remove(HEARD)?;
                    counters.remove(HEARD_AT)?;
                }
            }
            writing.commit()?;
            Ok(())
        })
    }

    /// The newest moment of the hub's clock that was noted, and what the clock here said then.
    pub fn heard(&self) -> Result<Option<(u64, u64)>, JournalError> {
        self.store.with(|database| {
            let counters = database.begin_read()?.open_table(COUNTERS)?;
            let of = |name| Ok::<_, redb::Error>(counters.get(name)?.map(|value| value.value()));
            Ok(of(HEARD)?.zip(of(HEARD_AT)?))
        })
    }
}
