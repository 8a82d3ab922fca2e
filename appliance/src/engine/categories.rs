//! The most frequent values of a result's concepts, texts and days.
//!
//! A person stands once in each value that they have, and in no more values than [`Sharing`] allows. What must stay
//! true: a value that few have is counted like any other; what is shown is for `disclosure` to say; the same rows give
//! the same counts, in whatever order they came.

use std::cmp::Reverse;
use std::collections::HashMap;

use duckdb::arrow::array::{PrimitiveArray, StringArray};
use duckdb::arrow::datatypes::Int64Type;

use super::bounds;
use super::calendar::date_of;
use super::cohort::Cohort;
use super::labels::{Key, Tally, shortened};
use super::quick::Quick;
use super::sharing::Sharing;

/// The values of a column: each once, and by row which it is.
#[derive(Default)]
pub(super) struct Values {
    keys: Vec<Key>,
    whole: HashMap<i64, u32, Quick>,
    texts: HashMap<Box<str>, u32, Quick>,
    text_bytes: usize,
    of_rows: Vec<u32>,
}

/// Of a row without a value.
const NONE: u32 = u32::MAX;

impl Values {
    pub fn concepts(&mut self, values: &PrimitiveArray<Int64Type>, counted: impl Iterator<Item = bool>) {
        for (value, counted) in values.iter().zip(counted) {
            if counted {
                let code =
                    value.map_or(NONE, |concept| self.whole(concept, |concept| Key::Concept(Some(concept))));
                self.of_rows.push(code);
            }
        }
    }

    /// Days, as they are counted from 1970-01-01, each by its calendar year.
    pub fn days(&mut self, days: Vec<Option<i64>>, counted: impl Iterator<Item = bool>) {
        for (day, counted) in days.into_iter().zip(counted) {
            if counted {
                let year_of = |day| date_of(day).map_or(NO_YEAR, |(year, ..)| year);
                let code = day.map_or(NONE, |day| self.whole(year_of(day), year));
                self.of_rows.push(code);
            }
        }
    }

    pub fn texts(&mut self, values: &StringArray, counted: impl Iterator<Item = bool>) {
        for (value, counted) in values.iter().zip(counted) {
            if counted {
                let code = value.map_or(NONE, |text| self.text(text));
                self.of_rows.push(code);
            }
        }
    }

    pub fn bytes(&self) -> usize {
        let maps = size_of::<(i64, u32)>() * self.whole.capacity()
            + size_of::<(Box<str>, u32)>() * self.texts.capacity();
        4 * self.of_rows.capacity() + size_of::<Key>() * self.keys.capacity() + maps + self.text_bytes
    }

    fn whole(&mut self, value: i64, key: impl Fn(i64) -> Key) -> u32 {
        if let Some(code) = self.whole.get(&value) {
            return *code;
        }
        let code = self.add(key(value));
        self.whole.insert(value, code);
        code
    }

    fn text(&mut self, value: &str) -> u32 {
        if let Some(code) = self.texts.get(value) {
            return *code;
        }
        // As it is shown, so that a person who has two values of one label is counted once.
        let label = shortened(value.trim_matches(' '));
        let known = self.texts.get(label.as_str()).copied();
        let code = known.unwrap_or_else(|| self.add(Key::Text(label.clone())));
        self.text_bytes += value.len() + 2 * label.len();
        self.texts.insert(label.into_boxed_str(), code);
        self.texts.insert(value.into(), code);
        code
    }

    fn add(&mut self, key: Key) -> u32 {
        self.keys.push(key);
        u32::try_from(self.keys.len() - 1).unwrap_or(NONE)
    }

    /// The most frequent, and the most values that one person is counted for.
    pub fn counted(&self, cohort: &Cohort<'_>, at: usize, sharing: &Sharing) -> (Vec<(Key, Tally)>, u64) {
        let what = format!("values of {at}");
        let (persons, cap) = if cohort.all == cohort.persons.len() as u64 {
            let persons = self.each_once();
            // Each has one value or none. The cap is what the other way would find: that a cohort has as many rows as
            // persons can be one person's doing, and is not to be seen.
            let cap = sharing.cap(&what, (0..persons.iter().sum::<u64>()).map(|_| 1));
            if cap == 0 { (Vec::new(), 0) } else { (persons, cap) }
        } else {
            self.by_person(cohort, &what, sharing)
        };
        let mut groups: Vec<(&Key, u64)> =
            self.keys.iter().zip(persons).filter(|(_, persons)| *persons > 0).collect();
        groups.sort_unstable_by_key(|(key, persons)| (Reverse(*persons), *key));
        groups.truncate(bounds::VALUES);
        let groups = groups.into_iter();
        (groups.map(|(key, persons)| (key.clone(), Tally { count: persons, persons })).collect(), cap)
    }

    /// Where each person has one row, and so one value at most.
    fn each_once(&self) -> Vec<u64> {
        let mut persons = vec![0; self.keys.len()];
        for code in &self.of_rows {
            if let Some(persons) = persons.get_mut(*code as usize) {
                *persons += 1;
            }
        }
        persons
    }

    fn by_person(&self, cohort: &Cohort<'_>, what: &str, sharing: &Sharing) -> (Vec<u64>, u64) {
        let sorted = Sorted::of(self, cohort);
        let mut held = vec![0; cohort.persons.len()];
        let persons = sorted.persons(u32::MAX, &mut held);
        let cap = sharing.cap(what, held.iter().map(|held| u64::from(*held)));
        let most = u32::try_from(cap).unwrap_or(u32::MAX);
        if held.iter().all(|held| *held <= most) {
            return (persons, cap);
        }
        held.fill(0);
        (sorted.persons(most, &mut held), cap)
    }
}

/// The persons of the rows of each value, one value after the other.
struct Sorted {
    persons: Vec<u32>,
    /// Where each value's persons begin; one more at the end.
    begins: Vec<usize>,
    /// Values in the order of their keys.
    order: Vec<usize>,
}

impl Sorted {
    fn of(values: &Values, cohort: &Cohort<'_>) -> Self {
        let count = values.keys.len();
        let mut begins = vec![0; count + 1];
        for code in &values.of_rows {
            if let Some(next) = begins.get_mut((*code as usize).saturating_add(1)) {
                *next += 1;
            }
        }
        for at in 1..begins.len() {
            begins[at] += begins[at - 1];
        }
        let mut ends = begins.clone();
        let mut persons = vec![0; begins[count]];
        for (code, person) in values.of_rows.iter().zip(&cohort.of_rows) {
            if *code != NONE {
                let end = &mut ends[*code as usize];
                persons[*end] = *person;
                *end += 1;
            }
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_unstable_by_key(|at| &values.keys[*at]);
        Self { persons, begins, order }
    }

    /// Distinct persons by value, each in no more than `cap` of them; `held` gets how many each is counted in.
    fn persons(&self, cap: u32, held: &mut [u32]) -> Vec<u64> {
        let mut counts = vec![0; self.order.len()];
        let mut seen = vec![usize::MAX; held.len()];
        for value in &self.order {
            let mut count = 0;
            for person in &self.persons[self.begins[*value]..self.begins[value + 1]] {
                let person = *person as usize;
                if seen[person] != *value && held[person] < cap {
                    seen[person] = *value;
                    held[person] += 1;
                    count += 1;
                }
            }
            counts[*value] = count;
        }
        counts
    }
}

fn year(year: i64) -> Key {
    Key::Text(if year == NO_YEAR { String::new() } else { year.to_string() })
}

/// Of the days that have none: the two infinite ones.
const NO_YEAR: i64 = i64::MIN;
