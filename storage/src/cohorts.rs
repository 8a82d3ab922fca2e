//! The appliance's ledger of past cohorts: what was released, what each person was charged, who asked how often, and
//! which cohorts are alike.
//!
//! What must stay true: a release, the charge of its persons and its place in the quota are one transaction; a person's
//! charge never falls; the file is its owner's alone. Deliberately absent: what a charge means, and any say over what is
//! released: likeness raises an alert and nothing else.

mod charges;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{
    ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition, WriteTransaction,
};
use roaring::RoaringTreemap;

use crate::store::{Store, StoreError};
use charges::Charges;

/// What was released, by the question's key.
const RELEASES: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("releases");
/// The persons whose charge has this binary digit.
const CHARGES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("charges");
/// New questions by project and number: when.
const ASKED: TableDefinition<'_, (&str, u64), u64> = TableDefinition::new("asked");
/// The orders whose place in the quota is taken: when.
const COUNTED: TableDefinition<'_, Order, u64> = TableDefinition::new("counted");
/// Past cohorts by number: key, when, project, question, persons.
const COHORTS: TableDefinition<'_, u64, (Key, u64, &str, &str, &[u8])> = TableDefinition::new("cohorts");
/// The number of the last cohort that was compared with those before it.
const COMPARED: TableDefinition<'_, (), u64> = TableDefinition::new("compared");
/// Alerts by number: one JSON text each.
const ALERTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("alerts");

/// Past cohorts that are kept to be compared with.
const COHORTS_KEPT: u64 = 500;
/// Alerts that are kept.
const ALERTS_KEPT: u64 = 1_000;
/// New questions are remembered this long: quotas are by the week.
const ASKED_KEPT_MS: u64 = 30 * 24 * 3_600_000;

/// What tells one question of one generation under one policy from another.
pub type Key = [u8; 32];
/// An order's id.
pub type Order = [u8; 16];

/// The ledger in one file.
pub struct Cohorts {
    store: Store,
    state: Mutex<State>,
}

/// What is known without reading the file.
#[derive(Default)]
struct State {
    /// Nothing until they are read, and after a write that failed: it may have reached the disk all the same.
    charges: Option<Charges>,
    /// The limit that `spent` was made for, and who was charged more.
    spent: Option<(u64, Arc<RoaringTreemap>)>,
}

/// One question and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Tells the question from others.
    pub key: Key,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Whose quota it counts in.
    pub project: &'a str,
    /// The order that asked, which takes one place however often it is worked on.
    pub order: Option<Order>,
    /// Its words.
    pub question: &'a str,
    /// What was released.
    pub release: &'a [u8],
    /// Who it is about.
    pub persons: &'a RoaringTreemap,
    /// What each of them is charged.
    pub units: u64,
}

/// A past cohort, without its persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// When it was asked for, in milliseconds since 1970.
    pub at_ms: u64,
    /// For which project.
    pub project: String,
    /// In which words.
    pub question: String,
}

/// A cohort that was not compared yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncompared {
    /// Names it to [`Cohorts::compared`].
    pub number: u64,
    /// The cohort.
    pub cohort: Past,
    /// Those before it that are nearly the same, the nearest first, each with the persons who are in one of the two
    /// and not in the other.
    pub alike: Vec<(u64, Past)>,
}

impl Cohorts {
    /// Opens the ledger in `path`, making it where there is none.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // Made before redb does, so that it never stands open to others.
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        if let Err(error) = made
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(StoreError::Storage(NAME, redb::Error::Io(error)));
        }
        Self::over(Store::open(NAME, path, tables)?)
    }

    /// A ledger that is gone when it is dropped.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::over(Store::in_memory(NAME, tables)?)
    }

    fn over(store: Store) -> Result<Self, StoreError> {
        let ledger = Self { store, state: Mutex::default() };
        ledger.known(&mut ledger.state())?;
        Ok(ledger)
    }

    /// The charges, read where they are not known.
    fn known<'a>(&self, state: &'a mut State) -> Result<&'a Charges, StoreError> {
        if state.charges.is_none() {
            let digits = self.store.with(|database| {
                let reading = database.begin_read()?;
                let table = reading.open_table(CHARGES)?;
                let mut digits: Vec<RoaringTreemap> = Vec::new();
                for entry in table.iter()? {
                    let (at, bytes) = entry?;
                    let at = at.value() as usize;
                    if digits.len() <= at {
                        digits.resize_with(at + 1, RoaringTreemap::new);
                    }
                    digits[at] = persons_of(bytes.value())?;
                }
                Ok(digits)
            })?;
            state.spent = None;
            return Ok(state.charges.insert(Charges::new(digits)));
        }
        Ok(state.charges.as_ref().expect("known by now"))
    }

    /// What was released before for this key.
    pub fn release(&self, key: Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let release = reading.open_table(RELEASES)?.get(key)?;
            Ok(release.map(|bytes| bytes.value().to_vec()))
        })
    }

    /// True where nothing was released yet.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        self.store.with(|database| Ok(database.begin_read()?.open_table(RELEASES)?.is_empty()?))
    }

    /// When new questions were asked, of one project or of all, from `since_ms` on, the oldest first.
    pub fn asked(&self, project: Option<&str>, since_ms: u64) -> Result<Vec<u64>, StoreError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let table = reading.open_table(ASKED)?;
            let entries = match project {
                Some(project) => table.range((project, 0)..=(project, u64::MAX))?,
                None => table.iter()?,
            };
            let mut asked = Vec::new();
            for entry in entries {
                let at_ms = entry?.1.value();
                if at_ms >= since_ms {
                    asked.push(at_ms);
                }
            }
            asked.sort_unstable();
            Ok(asked)
        })
    }

    /// Everybody who was charged more than `units`. The same limit is best asked for every time.
    pub fn spent(&self, units: u64) -> Result<Arc<RoaringTreemap>, StoreError> {
        let mut state = self.state();
        self.known(&mut state)?;
        if let Some((limit, spent)) = &state.spent
            && *limit == units
        {
            return Ok(Arc::clone(spent));
        }
        let charges = self.known(&mut state)?;
        let spent = Arc::new(charges.above(&charges.everybody(), units));
        state.spent = Some((units, Arc::clone(&spent)));
        Ok(spent)
    }

    /// Stores a release, charges its persons, counts it in its project's quota and keeps its cohort. Where the key was
    /// released before, nothing is stored or charged.
    pub fn record(&self, answered: &Answered<'_>) -> Result<(), StoreError> {
        let mut state = self.state();
        let mut charges = self.known(&mut state)?.clone();
        // Until it is certain what is on the disk.
        let before = state.charges.take();
        let changed: Vec<(u32, Vec<u8>)> = charges
            .add(answered.persons, answered.units)
            .into_iter()
            .map(|(at, persons)| (u32::try_from(at).expect("forty digits"), bytes_of(persons)))
            .collect();
        let cohort = bytes_of(answered.persons);
        let is_new = self.store.with(|database| {
            let writing = database.begin_write()?;
            {
                let mut releases = writing.open_table(RELEASES)?;
                if releases.get(answered.key)?.is_some() {
                    return Ok(false);
                }
                releases.insert(answered.key, answered.release)?;
                let mut table = writing.open_table(CHARGES)?;
                for (at, bytes) in &changed {
                    table.insert(at, bytes.as_slice())?;
                }
                count(&writing, answered.project, answered.at_ms, answered.order)?;
            }
            if !answered.persons.is_empty() {
                let mut cohorts = writing.open_table(COHORTS)?;
                let next = cohorts.last()?.map_or(1, |(number, _)| number.value() + 1);
                let Answered { key, at_ms, project, question, .. } = *answered;
                cohorts.insert(next, (key, at_ms, project, question, cohort.as_slice()))?;
                cohorts.retain_in(..=next.saturating_sub(COHORTS_KEPT), |_, _| false)?;
            }
            writing.commit()?;
            Ok(true)
        })?;
        if is_new {
            if let Some((limit, spent)) = state.spent.take() {
                let newly = charges.above(answered.persons, limit) - &*spent;
                let spent = if newly.is_empty() { spent } else { Arc::new(&*spent | newly) };
                state.spent = Some((limit, spent));
            }
            state.charges = Some(charges);
        } else {
            state.charges = before;
        }
        Ok(())
    }

    /// Counts what has no answer to be kept in its project's quota, unless the order's place is taken.
    pub fn count(&self, project: &str, at_ms: u64, order: Option<Order>) -> Result<(), StoreError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            count(&writing, project, at_ms, order)?;
            writing.commit()?;
            Ok(())
        })
    }

    /// True where an order has taken its place in the quota: it was worked on before, and cut short.
    pub fn is_counted(&self, order: Order) -> Result<bool, StoreError> {
        self.store.with(|database| Ok(database.begin_read()?.open_table(COUNTED)?.get(order)?.is_some()))
    }

    /// The oldest cohort that was not compared yet, beside those before it that differ by fewer than `fewer_than`
    /// persons; `None` where all were. What was cut short by a stop or a crash is found here again.
    pub fn uncompared(&self, fewer_than: u64) -> Result<Option<Uncompared>, StoreError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let compared = reading.open_table(COMPARED)?.get(())?.map_or(0, |number| number.value());
            let cohorts = reading.open_table(COHORTS)?;
            let Some(entry) = cohorts.range(compared + 1..)?.next().transpose()? else { return Ok(None) };
            let number = entry.0.value();
            let (cohort, persons) = past(entry.1.value())?;
            let mut alike = Vec::new();
            for entry in cohorts.range(..number)? {
                let (earlier, others) = past(entry?.1.value())?;
                let differ = others.symmetric_difference_len(&persons);
                if differ < fewer_than {
                    alike.push((differ, earlier));
                }
            }
            alike.sort_by_key(|(differ, earlier)| (*differ, std::cmp::Reverse(earlier.at_ms)));
            Ok(Some(Uncompared { number, cohort, alike }))
        })
    }

    /// Keeps that a cohort was compared, and the alert that came of it: one JSON text.
    pub fn compared(&self, number: u64, alert: Option<&[u8]>) -> Result<(), StoreError> {
        self.store.with(|database| {
            let writing = database.begin_write()?;
            writing.open_table(COMPARED)?.insert((), number)?;
            if let Some(alert) = alert {
                let mut alerts = writing.open_table(ALERTS)?;
                let next = alerts.last()?.map_or(1, |(number, _)| number.value() + 1);
                alerts.insert(next, alert)?;
                alerts.retain_in(..=next.saturating_sub(ALERTS_KEPT), |_, _| false)?;
            }
            writing.commit()?;
            Ok(())
        })
    }

    /// The newest alerts, the newest first.
    pub fn alerts(&self, most: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let mut alerts = Vec::new();
            for entry in reading.open_table(ALERTS)?.iter()?.rev().take(most) {
                alerts.push(entry?.1.value().to_vec());
            }
            Ok(alerts)
        })
    }

    /// Projects with new questions from `since_ms` on, and how many.
    pub fn projects(&self, since_ms: u64) -> Result<Vec<(String, u64)>, StoreError> {
        self.store.with(|database| {
            let reading = database.begin_read()?;
            let mut projects: Vec<(String, u64)> = Vec::new();
            for entry in reading.open_table(ASKED)?.iter()? {
                let (key, at_ms) = entry?;
                if at_ms.value() < since_ms {
                    continue;
                }
                let (project, _) = key.value();
                match projects.last_mut().filter(|(last, _)| last == project) {
                    Some((_, asked)) => *asked += 1,
                    None => projects.push((project.to_owned(), 1)),
                }
            }
            Ok(projects)
        })
    }

    /// How many persons were charged anything.
    pub fn persons_charged(&self) -> Result<u64, StoreError> {
        Ok(self.known(&mut self.state())?.everybody().len())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it is called in errors.
const NAME: &str = "the ledger of past cohorts";

fn tables(writing: &WriteTransaction) -> Result<(), redb::Error> {
    writing.open_table(RELEASES)?;
    writing.open_table(CHARGES)?;
    writing.open_table(ASKED)?;
    writing.open_table(COUNTED)?;
    writing.open_table(ALERTS)?;
    let last = writing.open_table(COHORTS)?.last()?.map_or(0, |(number, _)| number.value());
    let mut compared = writing.open_table(COMPARED)?;
    // A ledger from before this was kept: it compared each cohort as it came.
    if compared.is_empty()? {
        compared.insert((), last)?;
    }
    Ok(())
}

/// A cohort as it is stored, and its persons.
fn past(stored: (Key, u64, &str, &str, &[u8])) -> Result<(Past, RoaringTreemap), redb::Error> {
    let (_, at_ms, project, question, persons) = stored;
    let past = Past { at_ms, project: project.to_owned(), question: question.to_owned() };
    Ok((past, persons_of(persons)?))
}

fn count(
    writing: &WriteTransaction,
    project: &str,
    at_ms: u64,
    order: Option<Order>,
) -> Result<(), redb::Error> {
    if let Some(order) = order {
        let mut counted = writing.open_table(COUNTED)?;
        if counted.insert(order, at_ms)?.is_some() {
            return Ok(());
        }
        counted.retain(|_, counted_ms| counted_ms >= at_ms.saturating_sub(ASKED_KEPT_MS))?;
    }
    let mut asked = writing.open_table(ASKED)?;
    let own = (project, 0)..=(project, u64::MAX);
    let forgotten = at_ms.saturating_sub(ASKED_KEPT_MS);
    // Of all projects: a hub that names one for each question would leave theirs here for ever.
    asked.retain(|_, at_ms| at_ms >= forgotten)?;
    let next = asked.range(own)?.next_back().transpose()?.map_or(1, |(key, _)| key.value().1 + 1);
    asked.insert((project, next), at_ms)?;
    Ok(())
}

fn bytes_of(persons: &RoaringTreemap) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(persons.serialized_size());
    persons.serialize_into(&mut bytes).expect("a Vec takes every byte");
    bytes
}

fn persons_of(bytes: &[u8]) -> Result<RoaringTreemap, redb::Error> {
    RoaringTreemap::deserialize_from(bytes).map_err(redb::Error::Io)
}

#[cfg(test)]
mod tests;
