//! What a generation's records say of each person, held in the worker's memory: when they were born, their sex, and the
//! calendar years in which they are observed. It is read once, at ingest, and [`kept`] beside the generation.
//!
//! What must stay true: no record's value can make the reading fail; a person is found by their `person_id` alone, at
//! the same place all the while. Deliberately absent: whoever a question is about.

mod kept;

use std::collections::HashMap;
use std::path::Path;

use duckdb::Connection;
use duckdb::arrow::array::{Array as _, AsArray as _, PrimitiveArray, RecordBatch};
use duckdb::arrow::datatypes::{Date32Type, Int64Type};
use flip_protocol::answer::Failed;
use time::Date;

use super::bounds;
use super::calendar::{Numbers, number};
use super::database::{Fault, one, stream};
use super::labels::{FEMALE, Key, MALE};
use super::quick::Quick;
use crate::data::FileMark;
use crate::disclosure::OTHER;

pub(crate) use kept::{beside, keep_population};

/// The persons of a generation.
pub(super) struct Population {
    places: Places,
    facts: Vec<Facts>,
    sexes: Vec<Key>,
    /// The years of those who have several periods of observation.
    several: HashMap<u32, Years, Quick>,
}

/// What is known of one person, in eight bytes.
#[derive(Clone, Copy)]
struct Facts {
    /// Year, month and day as one number; the least where it is not known.
    born: i32,
    /// Where their sex stands in the list.
    sex: u16,
    /// First and last year of observation, from the first that is counted; the wrong way round where there is none.
    years: (u8, u8),
}

const UNBORN: i32 = i32::MIN;
/// A person of whom nothing is known.
const NOTHING: Facts = Facts { born: UNBORN, sex: 0, years: (1, 0) };

/// Calendar years, as bits.
type Years = [u64; 4];

/// Where persons stand in a list: most by the distance of their id from the least one, where ids lie close together.
struct Places {
    first: i64,
    near: u32,
    others: HashMap<i64, u32, Quick>,
}

impl Population {
    /// Of a generation, as it is kept beside it or else as its records are, unless it takes more bytes than it may.
    pub fn of(
        generation: &Connection,
        generation_file: &Path,
        kept: Option<&FileMark>,
        bytes_max: u64,
    ) -> Result<Self, Fault> {
        match Self::kept(generation_file, kept, bytes_max)? {
            Some(population) => Ok(population),
            None => Self::of_records(generation, bytes_max),
        }
    }

    fn of_records(database: &Connection, bytes_max: u64) -> Result<Self, Fault> {
        let mut population = Self {
            places: Places::of(database, bytes_max)?,
            facts: Vec::new(),
            sexes: vec![Key::Concept(None)],
            several: HashMap::default(),
        };
        population.facts.resize(population.places.near as usize, NOTHING);
        let numbers = Numbers::new();
        stream(database, PERSONS, |batch| population.take_persons(&batch, &numbers, bytes_max))?;
        stream(database, &sex_labels(), |batch| population.take_sex_labels(&batch))?;
        stream(database, PERIODS, |batch| population.take_periods(&batch, &numbers, bytes_max))?;
        Ok(population)
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// A person's place.
    pub fn place(&self, person: i64) -> Option<u32> {
        self.places.find(person)
    }

    /// A person's age in tens of completed years at a day, as a number such as 20260115; at most nine.
    pub fn tens(&self, place: Option<u32>, day: i32) -> Option<i64> {
        // Completed years, in whole numbers: no date is built, so no record can make it fail.
        let born = self.facts(place).born;
        (born != UNBORN && born <= day)
            .then(|| (i64::from(day) - i64::from(born)) / 100_000)
            .map(|tens| tens.min(9))
    }

    /// Where a person's sex stands in [`Population::sexes`].
    pub fn sex(&self, place: Option<u32>) -> usize {
        usize::from(self.facts(place).sex)
    }

    /// The sexes that there are; the first is the unknown.
    pub fn sexes(&self) -> &[Key] {
        &self.sexes
    }

    /// A person's years of observation: how many, and the first `most` of them, as stretches from the first year that
    /// is counted.
    pub fn years(&self, place: Option<u32>, most: u64, mut each: impl FnMut(u8, u8)) -> u64 {
        let (first, last) = self.facts(place).years;
        if first > last {
            return 0;
        }
        if let Some(years) = place.and_then(|place| self.several.get(&place)) {
            let held = (0..=u8::MAX).filter(|year| years[usize::from(year / 64)] >> (year % 64) & 1 == 1);
            let mut count = 0;
            for year in held {
                if count < most {
                    each(year, year);
                }
                count += 1;
            }
            return count;
        }
        let last_counted = u64::from(first).saturating_add(most).min(u64::from(last) + 1);
        if let Some(last) =
            u8::try_from(last_counted).ok().and_then(|end| end.checked_sub(1)).filter(|end| *end >= first)
        {
            each(first, last);
        }
        u64::from(last - first) + 1
    }

    fn facts(&self, place: Option<u32>) -> Facts {
        place.and_then(|place| self.facts.get(place as usize)).copied().unwrap_or(NOTHING)
    }

    fn at(&mut self, person: i64) -> u32 {
        self.places.find(person).unwrap_or_else(|| {
            let place = u32::try_from(self.facts.len()).expect("memory ends before four billion persons");
            self.facts.push(NOTHING);
            self.places.others.insert(person, place);
            place
        })
    }

    fn take_persons(&mut self, batch: &RecordBatch, numbers: &Numbers, bytes_max: u64) -> Result<(), Fault> {
        let whole = |at: usize| {
            batch.column(at).as_primitive_opt::<Int64Type>().ok_or(Fault::plain(Failed::Internal))
        };
        let day = batch.column(1).as_primitive_opt::<Date32Type>().ok_or(Fault::plain(Failed::Internal))?;
        let (persons, year, month, of_month, sexes) = (whole(0)?, whole(2)?, whole(3)?, whole(4)?, whole(5)?);
        for (row, person) in persons.values().iter().enumerate() {
            let known = |column: &PrimitiveArray<Int64Type>| column.is_valid(row).then(|| column.value(row));
            let date = day.is_valid(row).then(|| day.value(row)).and_then(|day| numbers.of(day));
            let of_parts =
                || Some(number((known(year)?, known(month).unwrap_or(1), known(of_month).unwrap_or(1))));
            let place = self.at(*person) as usize;
            let sex = self.sex_of(known(sexes), None);
            self.facts[place].born = date.or_else(of_parts).unwrap_or(UNBORN);
            self.facts[place].sex = sex;
        }
        self.check(bytes_max)
    }

    fn take_sex_labels(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        let persons = batch.column(0).as_primitive_opt::<Int64Type>();
        let labels = batch.column(1).as_string_opt::<i32>();
        let (persons, labels) = persons.zip(labels).ok_or(Fault::plain(Failed::Internal))?;
        for (person, label) in persons.values().iter().zip(labels.iter().flatten()) {
            let place = self.at(*person) as usize;
            self.facts[place].sex = self.sex_of(None, Some(label));
        }
        Ok(())
    }

    fn sex_of(&mut self, code: Option<i64>, label: Option<&str>) -> u16 {
        let is = |key: &Key| match key {
            Key::Concept(known) => label.is_none() && *known == code,
            Key::Text(known) => label == Some(known),
        };
        let at = self.sexes.iter().position(is).unwrap_or_else(|| {
            let full = self.sexes.len() >= bounds::SEXES;
            let key = match label {
                Some(_) if full => Key::Text(OTHER.to_owned()),
                Some(label) => Key::Text(label.to_owned()),
                None => Key::Concept(code),
            };
            if !full || !self.sexes.contains(&key) {
                self.sexes.push(key);
            }
            self.sexes.len() - 1
        });
        u16::try_from(at).unwrap_or(0)
    }

    fn take_periods(&mut self, batch: &RecordBatch, numbers: &Numbers, bytes_max: u64) -> Result<(), Fault> {
        let columns = (
            batch.column(0).as_primitive_opt::<Int64Type>(),
            batch.column(1).as_primitive_opt::<Date32Type>(),
            batch.column(2).as_primitive_opt::<Date32Type>(),
        );
        let (Some(persons), Some(from), Some(to)) = columns else {
            return Err(Fault::plain(Failed::Internal));
        };
        let (first_counted, last_counted) = (i64::from(bounds::YEARS.0), i64::from(bounds::YEARS.1));
        let year = |day: Option<i32>, open: i64| {
            day.and_then(|day| numbers.of(day)).map_or(open, |number| i64::from(number / 10_000))
        };
        for ((person, from), to) in persons.values().iter().zip(from).zip(to) {
            let from = year(from, first_counted).max(first_counted) - first_counted;
            let to = year(to, last_counted).min(last_counted) - first_counted;
            let (Ok(from), Ok(to)) = (u8::try_from(from), u8::try_from(to)) else { continue };
            if from > to {
                continue;
            }
            let place = self.at(*person);
            let (first, last) = self.facts[place as usize].years;
            self.facts[place as usize].years = if first > last {
                (from, to)
            } else {
                let years = self.several.entry(place).or_insert_with(|| bits(first, last));
                for (held, more) in years.iter_mut().zip(bits(from, to)) {
                    *held |= more;
                }
                (first.min(from), last.max(to))
            };
        }
        self.check(bytes_max)
    }

    fn check(&self, bytes_max: u64) -> Result<(), Fault> {
        let map = size_of::<(i64, u32)>() * self.places.others.capacity();
        let several = size_of::<(u32, Years)>() * self.several.capacity();
        let bytes = self.facts.capacity() * size_of::<Facts>() + map + several;
        if bytes as u64 <= bytes_max { Ok(()) } else { Err(too_large()) }
    }
}

impl Places {
    fn of(database: &Connection, bytes_max: u64) -> Result<Self, Fault> {
        let sql = "SELECT count(*)::BIGINT, coalesce(min(person_id), 0)::BIGINT, coalesce(max(person_id), 0)::BIGINT \
                   FROM omop.person";
        let (persons, first, last): (u64, i64, i64) =
            one(database, sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let reach = last.abs_diff(first).saturating_add(1);
        let close = reach <= bounds::REACH * persons.saturating_add(bounds::REACH);
        if close && reach * size_of::<Facts>() as u64 > bytes_max {
            return Err(too_large());
        }
        let near = if close { u32::try_from(reach).map_err(|_| too_large())? } else { 0 };
        Ok(Self { first, near, others: HashMap::default() })
    }

    fn find(&self, person: i64) -> Option<u32> {
        let distance = person.wrapping_sub(self.first).cast_unsigned();
        match u32::try_from(distance) {
            Ok(place) if place < self.near => Some(place),
            Ok(_) | Err(_) => self.others.get(&person).copied(),
        }
    }
}

fn too_large() -> Fault {
    let note = "what is kept of the persons does not fit the engine's memory; let it have more";
    Fault { failed: Failed::OutOfMemory, note: Some(note.to_owned()) }
}

fn bits(first: u8, last: u8) -> Years {
    let mut years = [0; 4];
    for year in first..=last {
        years[usize::from(year / 64)] |= 1 << (year % 64);
    }
    years
}

/// Person, day of birth or its parts, concept of sex.
const PERSONS: &str = "SELECT person_id::BIGINT, birth_datetime::DATE, year_of_birth::BIGINT, month_of_birth::BIGINT, \
                       day_of_birth::BIGINT, gender_concept_id::BIGINT FROM omop.person WHERE person_id IS NOT NULL";

/// Person and source value of the sex, of those whose concept says little. Few: to read a text of everybody would take
/// longer than all the rest.
fn sex_labels() -> String {
    format!(
        "SELECT person_id::BIGINT, trim(gender_source_value) FROM omop.person WHERE person_id IS NOT NULL AND \
         (gender_concept_id IS NULL OR gender_concept_id NOT IN ({MALE}, {FEMALE})) AND trim(gender_source_value) <> ''"
    )
}

/// Person, first and last day of a period of observation.
const PERIODS: &str = "SELECT person_id::BIGINT, observation_period_start_date::DATE, observation_period_end_date::DATE \
                       FROM omop.observation_period WHERE person_id IS NOT NULL";

/// A day as a number such as 20260115.
pub(super) fn number_of(day: Date) -> i32 {
    day.year() * 10_000 + i32::from(u8::from(day.month())) * 100 + i32::from(day.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn population() -> Population {
        let database = Connection::open_in_memory().unwrap();
        database
            .execute_batch(
                "CREATE SCHEMA omop;
                 CREATE TABLE omop.person (person_id BIGINT, gender_concept_id BIGINT, year_of_birth BIGINT,
                     month_of_birth BIGINT, day_of_birth BIGINT, birth_datetime TIMESTAMP, gender_source_value VARCHAR);
                 INSERT INTO omop.person VALUES (5, 8507, 2000, 1, 16, NULL, 'm'), (6, 0, 9223372036854775807, -1, 99, NULL, ' '),
                     (7, 0, NULL, NULL, NULL, 'infinity', 'other'), (9000000000000000000, 8532, NULL, NULL, NULL, '1950-06-01', 'f');
                 CREATE TABLE omop.observation_period (person_id BIGINT, observation_period_start_date DATE,
                     observation_period_end_date DATE);
                 INSERT INTO omop.observation_period VALUES (5, '2018-05-01', '2019-05-01'), (5, '2021-01-01', '2021-05-01'),
                     (6, '2015-01-01', 'infinity'), (8, '1776-01-01', '1902-01-01'), (9, '2021-01-01', '2020-01-01');",
            )
            .unwrap();
        Population::of_records(&database, 1_000_000).unwrap_or_else(|fault| panic!("{:?}", fault.note))
    }

    #[test]
    fn ages_are_completed_years_and_no_record_is_too_strange() {
        let population = population();
        let tens = |person: i64| population.tens(population.place(person), 20_260_115);
        assert_eq!([5, 6, 7, 8, 9_000_000_000_000_000_000].map(tens), [Some(2), None, None, None, Some(7)]);
        assert_eq!(population.tens(population.place(5), 20_100_115), Some(0));
        assert_eq!(population.tens(population.place(5), 20_100_116), Some(1));
    }

    #[test]
    fn sexes_are_concepts_where_known_and_else_source_values() {
        let population = population();
        let sexes = [5, 6, 7, 8].map(|person| &population.sexes()[population.sex(population.place(person))]);
        let other = Key::Text("other".to_owned());
        assert!(sexes == [&Key::Concept(Some(MALE)), &Key::Concept(Some(0)), &other, &Key::Concept(None)]);
    }

    #[test]
    fn years_are_counted_once_and_no_more_than_asked_for() {
        let population = population();
        let years = |person, most| {
            let mut found = Vec::new();
            let held =
                population.years(population.place(person), most, |first, last| found.push((first, last)));
            (held, found)
        };
        assert_eq!(years(5, 9), (3, vec![(118, 118), (119, 119), (121, 121)]));
        assert_eq!(years(5, 2), (3, vec![(118, 118), (119, 119)]));
        assert_eq!(years(6, 99), (86, vec![(115, 200)]));
        assert_eq!(years(6, 2), (86, vec![(115, 116)]));
        assert_eq!(years(6, 0), (86, vec![]));
        assert_eq!(years(8, 9), (3, vec![(0, 2)]));
        assert_eq!(years(9, 9), (0, vec![]));
    }
}
