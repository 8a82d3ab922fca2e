//! What is counted of a question's rows while they go by: each person's rows, nulls, numbers and values.
//!
//! What must stay true: who is spent is in none of it; one person's rows, however many, take the question over no limit; no row is kept, but for a number for each value of a column whose
//! values are counted by person; it takes no more memory than it may, and gives up the values first.

use std::collections::HashMap;

use duckdb::arrow::array::{Array, AsArray as _, RecordBatch};
use duckdb::arrow::compute::cast;
use duckdb::arrow::datatypes::{DataType, Float64Type, Int64Type, Schema};
use flip_gate::Plan;
use flip_protocol::answer::Failed;
use roaring::RoaringTreemap;

use super::bounds;
use super::calendar::days;
use super::categories::Values;
use super::columns::{self, Kind};
use super::database::Fault;
use super::population::Population;
use super::quick::Quick;
use super::rows::Rows;
use crate::disclosure::Statistics;

/// What a question may use, and whom it leaves out.
#[derive(Clone, Copy)]
pub(super) struct Allowed<'a> {
    pub spent: &'a RoaringTreemap,
    pub rows_max: u64,
    pub bytes_max: u64,
}

/// The persons of a question, in the order in which they came.
pub(super) struct Cohort<'a> {
    population: &'a Population,
    allowed: Allowed<'a>,
    /// By place in the population: a person's number plus one; zero for who has not come, [`LEFT_OUT`] for who is left out.
    marks: Vec<u32>,
    /// The marks of persons of whom no record says anything.
    strangers: HashMap<i64, u32, Quick>,
    /// By number: who it is, their place, their rows.
    pub persons: Vec<i64>,
    pub places: Vec<u32>,
    pub rows: Vec<u32>,
    /// All rows.
    pub all: u64,
    /// Those that count towards the limit of rows.
    limited: u64,
    pub columns: Vec<Column>,
    /// By row: its person's number. Empty where no column's values are kept.
    pub of_rows: Vec<u32>,
    leading: usize,
    batch: Vec<u32>,
}

/// One of the plan's columns.
pub(super) struct Column {
    pub kind: Kind,
    /// By person, rows without a value; as long as the last person who has any.
    pub nulls: Vec<u32>,
    /// By person, sum and count of the finite numbers.
    pub numbers: Option<Vec<(f64, u32)>>,
    pub values: Option<Values>,
    /// True where its values are counted, unless there is too little memory.
    is_named: bool,
}

/// The mark of those who are left out, and the number of their rows and of nobody's.
const LEFT_OUT: u32 = u32::MAX;
/// The place of those of whom no record says anything.
const NOWHERE: u32 = u32::MAX;

impl<'a> Cohort<'a> {
    /// Nobody yet.
    pub fn new(population: &'a Population, rows: &Rows, allowed: Allowed<'a>) -> Self {
        Self {
            population,
            allowed,
            marks: vec![0; population.len()],
            strangers: HashMap::default(),
            persons: Vec::new(),
            places: Vec::new(),
            rows: Vec::new(),
            all: 0,
            limited: 0,
            columns: Vec::new(),
            of_rows: Vec::new(),
            leading: rows.leading(),
            batch: Vec::new(),
        }
    }

    /// A person's place in the population.
    pub fn place(&self, number: usize) -> Option<u32> {
        self.places.get(number).copied().filter(|place| *place != NOWHERE)
    }

    /// True where a person is in it.
    pub fn holds(&self, person: i64) -> bool {
        !matches!(self.mark(self.population.place(person), person), 0 | LEFT_OUT)
    }

    fn mark(&self, place: Option<u32>, person: i64) -> u32 {
        match place {
            Some(place) => self.marks[place as usize],
            None => self.strangers.get(&person).copied().unwrap_or(0),
        }
    }

    /// How many statistics and caps are made of it, by its columns' kinds and not by their values.
    pub fn statistics(&self, columns: usize, imaged: bool) -> Statistics {
        let numeric = self.columns.iter().filter(|column| column.numbers.is_some()).count();
        let named = self.columns.iter().filter(|column| column.is_named).count();
        Statistics::of(columns, numeric, named, imaged)
    }

    /// The persons, as a set.
    pub fn subjects(&self) -> RoaringTreemap {
        // By place, which for most is the order of their ids: so there is little to sort.
        let numbers = self.marks.iter().chain(self.strangers.values());
        let numbers = numbers.filter(|mark| !matches!(**mark, 0 | LEFT_OUT)).map(|mark| *mark as usize - 1);
        let mut persons: Vec<u64> = numbers.map(|number| self.persons[number].cast_unsigned()).collect();
        persons.sort_unstable();
        RoaringTreemap::from_sorted_iter(persons).expect("they are in order, each once")
    }

    /// Learns the columns from the first batch.
    fn begin(&mut self, schema: &Schema, plan: &Plan) {
        let (mut numeric, mut named) = (0, 0);
        let within = |count: &mut usize| {
            *count += 1;
            *count <= bounds::DESCRIBED
        };
        let fields = schema.fields().iter().skip(self.leading).zip(plan.columns()).enumerate();
        self.columns = fields
            .map(|(at, (field, name))| {
                let kind = if plan.is_identifier(at) {
                    Kind::Opaque
                } else {
                    columns::kind(field.data_type(), name)
                };
                let described = match kind {
                    Kind::Opaque => false,
                    Kind::Number => within(&mut numeric),
                    Kind::Concept | Kind::Text | Kind::Day => within(&mut named),
                };
                Column {
                    kind,
                    nulls: Vec::new(),
                    numbers: (described && kind == Kind::Number).then(Vec::new),
                    values: (described && kind != Kind::Number).then(Values::default),
                    is_named: described && kind != Kind::Number,
                }
            })
            .collect();
    }

    /// Takes a batch of the statement's rows.
    pub fn take(&mut self, batch: &RecordBatch, plan: &Plan) -> Result<(), Fault> {
        if self.columns.is_empty() {
            self.begin(&batch.schema(), plan);
        }
        let persons = columns::persons(batch)?;
        self.batch.clear();
        for person in persons {
            // Asked of DuckDB, that a row is of somebody would change the order of its joins, and for the worse.
            let number = person.map_or(LEFT_OUT, |person| self.numbered(person));
            let counts = self.rows.get(number as usize).is_some_and(|rows| *rows < bounds::PERSON_ROWS);
            self.batch.push(if counts { number } else { LEFT_OUT });
            if counts {
                let rows = &mut self.rows[number as usize];
                *rows += 1;
                self.all += 1;
                self.limited += u64::from(*rows <= bounds::PERSON_ROWS_LIMITED);
            }
        }
        if self.limited > self.allowed.rows_max {
            return Err(Fault::plain(Failed::TooManyRows));
        }
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.take(batch.column(self.leading + at), &self.batch, self.persons.len())?;
        }
        if self.columns.iter().any(|column| column.values.is_some()) {
            self.of_rows.extend(self.batch.iter().filter(|number| **number != LEFT_OUT));
        }
        self.keep_within()
    }

    fn numbered(&mut self, person: i64) -> u32 {
        let place = self.population.place(person);
        match self.mark(place, person) {
            0 => self.enter(place, person),
            LEFT_OUT => LEFT_OUT,
            mark => mark - 1,
        }
    }

    fn enter(&mut self, place: Option<u32>, person: i64) -> u32 {
        let spent = self.allowed.spent.contains(person.cast_unsigned());
        let next = u32::try_from(self.persons.len()).expect("memory ends before four billion persons");
        let mark = if spent { LEFT_OUT } else { next + 1 };
        match place {
            Some(place) => self.marks[place as usize] = mark,
            None => drop(self.strangers.insert(person, mark)),
        }
        if spent {
            return LEFT_OUT;
        }
        self.persons.push(person);
        self.places.push(place.unwrap_or(NOWHERE));
        self.rows.push(0);
        next
    }

    /// Gives up the values, and then the question, where there is too little memory.
    fn keep_within(&mut self) -> Result<(), Fault> {
        if self.bytes() > self.allowed.bytes_max {
            self.of_rows = Vec::new();
            for column in &mut self.columns {
                column.values = None;
            }
        }
        if self.bytes() > self.allowed.bytes_max { Err(Fault::plain(Failed::OutOfMemory)) } else { Ok(()) }
    }

    fn bytes(&self) -> u64 {
        let numbers =
            4 * (self.marks.len() + self.places.capacity() + self.rows.capacity() + self.of_rows.capacity());
        let persons = 8 * self.persons.capacity() + size_of::<(i64, u32)>() * self.strangers.capacity();
        (numbers + persons + self.columns.iter().map(Column::bytes).sum::<usize>()) as u64
    }
}

impl Column {
    /// A person's rows without a value.
    pub fn nulls(&self, number: usize) -> u32 {
        self.nulls.get(number).copied().unwrap_or(0)
    }

    fn take(&mut self, values: &dyn Array, of_rows: &[u32], persons: usize) -> Result<(), Fault> {
        if let Some(nulls) = values.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
            self.nulls.resize(persons, 0);
            for (number, valid) in of_rows.iter().zip(&nulls) {
                if !valid && let Some(nulls) = self.nulls.get_mut(*number as usize) {
                    *nulls = nulls.saturating_add(1);
                }
            }
        }
        if let Some(numbers) = &mut self.numbers {
            let values = cast_to(values, &DataType::Float64)?;
            numbers.resize(persons, (0.0, 0));
            for (number, value) in of_rows.iter().zip(values.as_primitive::<Float64Type>()) {
                if let Some(value) = value.filter(|value| value.is_finite())
                    && let Some((sum, count)) = numbers.get_mut(*number as usize)
                {
                    *sum += value;
                    *count += 1;
                }
            }
        }
        if let Some(kept) = &mut self.values {
            let counted = of_rows.iter().map(|number| *number != LEFT_OUT);
            match self.kind {
                Kind::Concept => {
                    let values = cast_to(values, &DataType::Int64)?;
                    kept.concepts(values.as_primitive::<Int64Type>(), counted);
                }
                Kind::Day => {
                    kept.days(days(values).ok_or(Fault::plain(Failed::Internal))?, counted);
                }
                Kind::Text | Kind::Number | Kind::Opaque => {
                    kept.texts(cast_to(values, &DataType::Utf8)?.as_string::<i32>(), counted);
                }
            }
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        let numbers = self.numbers.as_ref().map_or(0, |numbers| size_of::<(f64, u32)>() * numbers.capacity());
        4 * self.nulls.capacity() + numbers + self.values.as_ref().map_or(0, Values::bytes)
    }
}

fn cast_to(values: &dyn Array, kind: &DataType) -> Result<duckdb::arrow::array::ArrayRef, Fault> {
    cast(values, kind).map_err(|_| Fault::plain(Failed::Internal))
}
