//! Runs the statement of a plan and adds its few rows up to counts.
//!
//! What must stay true: what DuckDB returns here are sums by group, and an error keeps no text once records were
//! read (see [`Fault`]).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use duckdb::{Connection, Row};
use flip_protocol::answer::Failed;

use super::bounds;
use super::database::Fault;
use super::statistics::{self, ALL, BLOCK_IMAGES, BLOCK_SUBJECTS, COLUMNS_FROM, FEMALE, MALE};
use super::wire::{Counts, Images, Question};
use crate::disclosure::{OTHER, UNKNOWN};

/// Answers one question.
pub(super) fn measure(database: &Connection, question: &Question, rows_max: u64) -> Result<Counts, Fault> {
    let sql = statistics::statement(&question.plan, question.age_day).ok_or(Fault {
        failed: Failed::NotUnderstood,
        note: Some("the plan's subject is not one of its columns".to_owned()),
    })?;
    let mut statement = database.prepare(&sql).map_err(|error| Fault::preparing(&error))?;
    let mut sums = Sums::new(question.plan.columns().len());
    let mut rows = statement.query([]).map_err(|error| Fault::running(&error))?;
    while let Some(row) = rows.next().map_err(|error| Fault::running(&error))? {
        sums.add(row).map_err(|error| Fault::running(&error))?;
    }
    if sums.rows > rows_max {
        return Err(Fault::plain(Failed::TooManyRows));
    }
    sums.into_counts(database)
}

/// What a group is called before its concept has a name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    Concept(Option<i64>),
}

/// What is counted of a group: persons or images, and the distinct persons behind them.
#[derive(Clone, Copy)]
struct Tally {
    count: u64,
    persons: u64,
}

/// The imaging occurrences behind the rows.
#[derive(Default)]
struct ImageSums {
    persons: u64,
    modalities: BTreeMap<Key, Tally>,
}

struct Sums {
    rows: u64,
    persons: u64,
    columns: Vec<(u64, u64, u64)>,
    /// By age divided by ten; the unknown last.
    ages: BTreeMap<(bool, i64), u64>,
    sexes: BTreeMap<Key, u64>,
    images: Option<ImageSums>,
}

impl Sums {
    fn new(columns: usize) -> Self {
        Self {
            rows: 0,
            persons: 0,
            columns: vec![(0, 0, 0); columns],
            ages: BTreeMap::new(),
            sexes: BTreeMap::new(),
            images: None,
        }
    }

    fn add(&mut self, row: &Row<'_>) -> Result<(), duckdb::Error> {
        let block: i64 = row.get(0)?;
        let code: Option<i64> = row.get(2)?;
        let label: Option<String> = row.get(3)?;
        let persons: u64 = row.get(4)?;
        let count: u64 = row.get(5)?;
        if block == BLOCK_IMAGES {
            let images = self.images.get_or_insert_default();
            if label.as_deref() == Some(ALL) {
                images.persons = persons;
            } else {
                images.modalities.insert(Key::Concept(code), Tally { count, persons });
            }
            return Ok(());
        }
        self.rows += count;
        for (at, (values, with, without)) in self.columns.iter_mut().enumerate() {
            let from = COLUMNS_FROM + 3 * at;
            // A sum over no rows at all is null.
            *values += row.get::<_, Option<u64>>(from)?.unwrap_or(0);
            *with += row.get::<_, u64>(from + 1)?;
            *without += row.get::<_, u64>(from + 2)?;
        }
        if block == BLOCK_SUBJECTS && persons > 0 {
            let age: Option<i64> = row.get(1)?;
            self.persons += persons;
            *self.ages.entry((age.is_none(), age.unwrap_or(0))).or_default() += persons;
            let key = label.map_or(Key::Concept(code), |label| Key::Text(shortened(&label)));
            *self.sexes.entry(key).or_default() += persons;
        }
        Ok(())
    }

    fn into_counts(self, database: &Connection) -> Result<Counts, Fault> {
        let ages = self
            .ages
            .into_iter()
            .map(|((unknown, tens), persons)| {
                (if unknown { UNKNOWN.to_owned() } else { age_label(tens) }, persons)
            })
            .collect();
        let sexes = labelled(
            database,
            self.sexes.into_iter().map(|(key, persons)| (key, Tally { count: persons, persons })),
        )?
        .into_iter()
        .map(|(label, tally)| (label, tally.count))
        .collect();
        let images = self
            .images
            .map(|images| {
                let modalities = labelled(database, images.modalities)?
                    .into_iter()
                    .map(|(label, tally)| (label, tally.count, tally.persons))
                    .collect();
                Ok(Images { persons: images.persons, modalities })
            })
            .transpose()?;
        Ok(Counts { rows: self.rows, persons: self.persons, columns: self.columns, ages, sexes, images })
    }
}

fn age_label(tens: i64) -> String {
    if tens >= 9 { "90+".to_owned() } else { format!("{}-{}", tens * 10, tens * 10 + 9) }
}

/// Gives every group its label, the largest first. Groups of one label are counted together, and so are those beyond
/// [`bounds::LABELS`], as [`OTHER`].
fn labelled(
    database: &Connection,
    groups: impl IntoIterator<Item = (Key, Tally)>,
) -> Result<Vec<(String, Tally)>, Fault> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, tally)| Reverse(tally.count));
    let names = concept_names(database, groups.iter().take(bounds::LABELS).map(|(key, _)| key))?;
    let mut labels: Vec<(String, Tally)> = Vec::new();
    for (at, (key, tally)) in groups.into_iter().enumerate() {
        let label = if at < bounds::LABELS { label(key, &names) } else { OTHER.to_owned() };
        match labels.iter_mut().find(|(known, _)| *known == label) {
            Some((_, sum)) => {
                sum.count += tally.count;
                // One person may be in both groups: only the larger number of persons is certain.
                sum.persons = sum.persons.max(tally.persons);
            }
            None => labels.push((label, tally)),
        }
    }
    Ok(labels)
}

fn label(key: Key, names: &HashMap<i64, String>) -> String {
    match key {
        Key::Text(text) => text,
        Key::Concept(None | Some(0)) => UNKNOWN.to_owned(),
        Key::Concept(Some(MALE)) => "Male".to_owned(),
        Key::Concept(Some(FEMALE)) => "Female".to_owned(),
        Key::Concept(Some(concept)) => names.get(&concept).cloned().unwrap_or_else(|| concept.to_string()),
    }
}

/// The names of concepts, in one statement where there are any.
fn concept_names<'a>(
    database: &Connection,
    keys: impl Iterator<Item = &'a Key>,
) -> Result<HashMap<i64, String>, Fault> {
    let list: Vec<String> = keys
        .filter_map(|key| match key {
            Key::Concept(Some(0 | MALE | FEMALE) | None) | Key::Text(_) => None,
            Key::Concept(Some(concept)) => Some(concept.to_string()),
        })
        .collect();
    if list.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT concept_id, any_value(concept_name) FROM omop.concept \
         WHERE concept_id IN ({}) AND trim(concept_name) <> '' GROUP BY concept_id",
        list.join(", ")
    );
    let mut statement = database.prepare(&sql).map_err(|error| Fault::preparing(&error))?;
    let names = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, shortened(&row.get::<_, String>(1)?))))
        .and_then(Iterator::collect)
        .map_err(|error| Fault::running(&error))?;
    Ok(names)
}

/// A label that is fit to be shown: of bounded length, without control characters.
fn shortened(label: &str) -> String {
    label.chars().filter(|character| !character.is_control()).take(bounds::LABEL_CHARACTERS).collect()
}
