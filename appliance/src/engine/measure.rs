//! Runs a plan and measures what came of it.
//!
//! What must stay true: one statement runs the plan, and its rows go by without being kept; what leaves here are counts
//! by group and the set of persons; an error keeps no text once records were read (see [`Fault`]).

use std::cell::OnceCell;
use std::thread;

use duckdb::Connection;
use flip_gate::Plan;
use roaring::RoaringTreemap;

use super::beside::{both, taken};
use super::cohort::{Allowed, Cohort};
use super::database::{self, Fault, stream};
use super::images::Kept;
use super::labels::{Key, Names, Tally, labelled};
use super::population::{Population, number_of};
use super::preview::{self, Preview};
use super::rows::Rows;
use super::sharing::Sharing;
use super::wire::{self, Configure, Counts, Question};
use super::{bounds, numbers};
use crate::disclosure::UNKNOWN;

/// An open generation, and what is known of it by now.
pub(super) struct Generation<'a> {
    pub database: Connection,
    configure: &'a Configure,
    population: OnceCell<Population>,
    preview: OnceCell<Preview>,
    names: Names,
}

impl<'a> Generation<'a> {
    /// Opens the configured generation. What questions need beside it is made ready meanwhile: each takes about as
    /// long, and none needs another.
    pub fn open(configure: &'a Configure) -> Result<Self, Fault> {
        let (database, population, model) = thread::scope(|scope| {
            let population = || {
                let kept = configure.population.as_ref();
                Population::kept(&configure.generation_file, kept, bytes_max(configure))
            };
            let beside =
                configure.counts.then(|| (scope.spawn(population), scope.spawn(preview::open_model)));
            let database = database::open(configure);
            let (population, model) = beside.unzip();
            (database, population.and_then(ended).flatten(), model.and_then(ended))
        });
        let database = database?;
        let preview = model.and_then(|model| Preview::of(model, &database).ok());
        Ok(Self {
            database,
            configure,
            population: population.map_or_else(OnceCell::new, OnceCell::from),
            preview: preview.map_or_else(OnceCell::new, OnceCell::from),
            names: Names::default(),
        })
    }

    /// What its records say of each person, read when it is first asked for.
    pub fn population(&self) -> Result<&Population, Fault> {
        if let Some(population) = self.population.get() {
            return Ok(population);
        }
        let Configure { generation_file, population, .. } = self.configure;
        let bytes_max = bytes_max(self.configure);
        let population = Population::of(&self.database, generation_file, population.as_ref(), bytes_max)?;
        Ok(self.population.get_or_init(|| population))
    }

    /// What tells the cost of plans, made when it is first asked for.
    pub fn preview(&self) -> Result<&Preview, Fault> {
        if let Some(preview) = self.preview.get() {
            return Ok(preview);
        }
        let preview = Preview::of(preview::open_model()?, &self.database)?;
        Ok(self.preview.get_or_init(|| preview))
    }

    /// What a plan is expected to cost (see [`Preview`]).
    pub fn cost(&self, plan: &Plan) -> Result<f64, Fault> {
        self.preview()?.cost(plan)
    }

    /// True where the site lets a question cost so much.
    #[expect(clippy::cast_precision_loss, reason = "an estimate is compared with it")]
    pub fn allows(&self, cost: f64) -> bool {
        cost <= self.configure.cost_max as f64
    }

    /// Answers one question, that is expected to cost so much, but for who is spent.
    pub fn measure(
        &self,
        question: &Question,
        spent: &RoaringTreemap,
        cost: f64,
    ) -> Result<(Counts, RoaringTreemap), Fault> {
        let plan = &question.plan;
        let result = Rows::of(plan)?;
        let allowed =
            Allowed { spent, rows_max: self.configure.rows_max, bytes_max: bytes_max(self.configure) };
        let population = self.population()?;
        let kept = result.imaged.then(|| Kept::new(&self.database, &result)).transpose()?;
        let sql = if kept.is_some() { "SELECT * FROM cohort" } else { &result.sql };
        let may_start = self.configure.threads.get() > 1;
        let cohort = &taken(Cohort::new(population, &result, allowed), plan, may_start, |take| {
            stream(&self.database, sql, take)
        })?;
        let statistics = cohort.statistics(plan.columns().len(), kept.is_some());
        let sharing = &Sharing::of(question, cohort.persons.len(), statistics);
        let named = || -> Result<_, Fault> {
            let images = kept.as_ref().map(|kept| self.images(kept, cohort, sharing)).transpose()?;
            Ok((
                self.ages_and_sexes(cohort, population, question)?,
                self.categories(cohort, sharing)?,
                images,
                cohort.subjects(),
            ))
        };
        let counted = || {
            let rows_cap = sharing.cap("rows", cohort.rows.iter().map(|rows| u64::from(*rows)));
            let sums = sums(cohort, rows_cap);
            (rows_cap, sums, years(cohort, population, sharing), numbers(cohort, sharing))
        };
        let is_worth = may_start && cohort.all > bounds::ROWS_SHARED;
        let (named, (rows_cap, (rows, columns), (years, years_cap), numbers)) =
            both(is_worth, named, counted);
        let ((ages, sexes), categories, images, subjects) = named?;
        let counts = Counts {
            cost: whole(cost),
            rows,
            rows_cap,
            columns,
            ages,
            sexes,
            years,
            years_cap,
            images,
            numbers,
            categories,
            statistics,
        };
        Ok((counts, subjects))
    }

    fn ages_and_sexes(
        &self,
        cohort: &Cohort<'_>,
        population: &Population,
        question: &Question,
    ) -> Result<(Groups, Groups), Fault> {
        let day = number_of(question.age_day);
        // The unknown last.
        let mut by_age = [0_u64; 11];
        let mut by_sex = vec![0_u64; population.sexes().len()];
        for number in 0..cohort.persons.len() {
            let place = cohort.place(number);
            let tens = population.tens(place, day).and_then(|tens| usize::try_from(tens).ok());
            by_age[tens.unwrap_or(10)] += 1;
            by_sex[population.sex(place)] += 1;
        }
        let ages = by_age.into_iter().enumerate().filter(|(_, persons)| *persons > 0);
        let ages = ages.map(|(tens, persons)| (age_label(tens), persons));
        let sexes = population.sexes().iter().zip(by_sex).filter(|(_, persons)| *persons > 0);
        let sexes = sexes.map(|(key, persons)| (key.clone(), Tally { count: persons, persons }));
        Ok((
            ages.collect(),
            counts_of(labelled(&self.database, &self.names, sexes, bounds::LABELS, u64::saturating_add)?),
        ))
    }

    fn images(&self, kept: &Kept<'_>, cohort: &Cohort<'_>, sharing: &Sharing) -> Result<wire::Images, Fault> {
        let images = kept.images(cohort, sharing)?;
        let groups = images
            .modalities
            .into_iter()
            .map(|(code, count, persons)| (Key::Concept(code), Tally { count, persons }));
        let modalities = labelled(&self.database, &self.names, groups, bounds::LABELS, u64::saturating_add)?;
        let modalities = modalities.into_iter();
        let modalities = modalities.map(|(label, tally)| (label, tally.count, tally.persons)).collect();
        Ok(wire::Images { persons: images.persons, cap: images.cap, modalities })
    }

    fn categories(&self, cohort: &Cohort<'_>, sharing: &Sharing) -> Result<Vec<wire::Category>, Fault> {
        let mut found = Vec::new();
        for (at, column) in cohort.columns.iter().enumerate() {
            if let Some(values) = &column.values {
                let (groups, cap) = values.counted(cohort, at, sharing);
                if cap == 0 {
                    continue;
                }
                // A person of several values may have two of one name; of one value alone none.
                let join = if cap > 1 { u64::max } else { u64::saturating_add };
                let groups = labelled(&self.database, &self.names, groups, bounds::VALUES, join)?;
                found.push(wire::Category { column: at, groups: counts_of(groups), cap });
            }
        }
        Ok(found)
    }
}

/// What is counted here may take so much.
fn bytes_max(configure: &Configure) -> u64 {
    bounds::counting_bytes(configure.memory_mb)
}

/// What a thread made. Where it failed, it is tried again when it is asked for, and that question says why.
fn ended<T>(thread: thread::ScopedJoinHandle<'_, Result<T, Fault>>) -> Option<T> {
    thread.join().ok()?.ok()
}

type Groups = Vec<(String, u64)>;

/// A cost as it crosses the pipe.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held within the numbers")]
pub(super) fn whole(cost: f64) -> u64 {
    cost.max(0.0) as u64
}

/// Rows, and per column rows with and without a value and persons with and without one; a person's rows count for at
/// most `cap`.
fn sums(cohort: &Cohort<'_>, cap: u64) -> (u64, Vec<[u64; 4]>) {
    let rows = cohort.rows.iter().map(|rows| u64::from(*rows).min(cap)).sum();
    let all = [rows, 0, cohort.persons.len() as u64, 0];
    let columns = cohort.columns.iter().map(|column| {
        if column.nulls.is_empty() {
            return all;
        }
        let mut sums = [0; 4];
        for (number, rows) in cohort.rows.iter().enumerate() {
            let nulls = u64::from(column.nulls(number));
            let values = u64::from(*rows) - nulls;
            sums[0] += values.min(cap);
            sums[1] += nulls.min(cap);
            sums[2] += u64::from(values > 0);
            sums[3] += u64::from(nulls > 0);
        }
        sums
    });
    (rows, columns.collect())
}

fn age_label(tens: usize) -> String {
    match tens {
        0..9 => format!("{}-{}", tens * 10, tens * 10 + 9),
        9 => "90+".to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

/// Persons by calendar year of observation, each in their first years, and the most years that one is counted in.
fn years(cohort: &Cohort<'_>, population: &Population, sharing: &Sharing) -> (Groups, u64) {
    let places = || (0..cohort.persons.len()).map(|number| cohort.place(number));
    let cap = sharing.cap("years", places().map(|place| population.years(place, 0, |_, _| {})));
    // By year, how many more persons there are than in the year before.
    let mut changes = [0_i64; 257];
    for place in places() {
        population.years(place, cap, |first, last| {
            changes[usize::from(first)] += 1;
            changes[usize::from(last) + 1] -= 1;
        });
    }
    let mut persons = 0;
    let years = changes.iter().zip(bounds::YEARS.0..).filter_map(|(change, year)| {
        persons += change;
        u64::try_from(persons).ok().filter(|persons| *persons > 0).map(|persons| (year.to_string(), persons))
    });
    (years.collect(), cap)
}

fn numbers(cohort: &Cohort<'_>, sharing: &Sharing) -> Vec<wire::Number> {
    let columns = cohort.columns.iter().enumerate();
    columns.filter_map(|(at, column)| numbers::measure(at, column.numbers.as_ref()?, sharing)).collect()
}

fn counts_of(labels: Vec<(String, Tally)>) -> Groups {
    labels.into_iter().map(|(label, tally)| (label, tally.count)).collect()
}
