//! What groups are called: texts cut to a fit length, concepts by their names.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;

use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::bounds;
use super::database::{Fault, rows};
use crate::disclosure::{OTHER, UNKNOWN};

/// The concepts of the two sexes that have labels of their own (OMOP vocabulary `Gender`).
pub(super) const MALE: i64 = 8_507;
pub(super) const FEMALE: i64 = 8_532;

/// The names of concepts that were asked for in a generation; nothing for one that has none.
pub(super) type Names = RefCell<HashMap<i64, Option<String>>>;

/// What a group is called before its concept has a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Key {
    Text(String),
    Concept(Option<i64>),
}

/// What is counted of a group: persons or images, and the distinct persons behind them.
#[derive(Clone, Copy)]
pub(super) struct Tally {
    pub count: u64,
    pub persons: u64,
}

/// Gives every group its label, the largest first. Groups of one label are counted together by `join`, and so are those
/// beyond `most`, as [`OTHER`].
pub(super) fn labelled(
    database: &Connection,
    known: &Names,
    groups: impl IntoIterator<Item = (Key, Tally)>,
    most: usize,
    join: fn(u64, u64) -> u64,
) -> Result<Vec<(String, Tally)>, Fault> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(key, tally), (other, more)| {
        (Reverse(tally.count), key).cmp(&(Reverse(more.count), other))
    });
    learn(database, known, groups.iter().take(most).map(|(key, _)| key))?;
    let names = known.borrow();
    let mut labels: Vec<(String, Tally)> = Vec::new();
    for (at, (key, tally)) in groups.into_iter().enumerate() {
        let label = if at < most { label(key, &names) } else { OTHER.to_owned() };
        match labels.iter_mut().find(|(known, _)| *known == label) {
            Some((_, sum)) => {
                sum.count = join(sum.count, tally.count);
                // One person may be in both groups: only the larger number of persons is certain.
                sum.persons = sum.persons.max(tally.persons);
            }
            None => labels.push((label, tally)),
        }
    }
    Ok(labels)
}

fn label(key: Key, names: &HashMap<i64, Option<String>>) -> String {
    match key {
        Key::Text(text) => shortened(&text),
        Key::Concept(None | Some(0)) => UNKNOWN.to_owned(),
        Key::Concept(Some(MALE)) => "Male".to_owned(),
        Key::Concept(Some(FEMALE)) => "Female".to_owned(),
        Key::Concept(Some(concept)) => {
            names.get(&concept).cloned().flatten().unwrap_or_else(|| concept.to_string())
        }
    }
}

/// Learns the names of concepts that are not known yet, in one statement where there are any.
fn learn<'a>(database: &Connection, known: &Names, keys: impl Iterator<Item = &'a Key>) -> Result<(), Fault> {
    let mut known = known.borrow_mut();
    if known.len() > bounds::NAMES {
        known.clear();
    }
    let unknown: Vec<i64> = keys
        .filter_map(|key| match key {
            Key::Concept(Some(0 | MALE | FEMALE) | None) | Key::Text(_) => None,
            Key::Concept(Some(concept)) => (!known.contains_key(concept)).then_some(*concept),
        })
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = unknown.iter().map(i64::to_string).collect();
    let sql = format!(
        "SELECT concept_id, any_value(concept_name) FROM omop.concept \
         WHERE concept_id IN ({}) AND trim(concept_name) <> '' GROUP BY concept_id",
        list.join(", ")
    );
    let names =
        rows(database, &sql, |row| Ok((row.get::<_, i64>(0)?, shortened(&row.get::<_, String>(1)?))))?;
    known.extend(unknown.into_iter().map(|concept| (concept, None)));
    known.extend(names.into_iter().map(|(concept, name)| (concept, Some(name))));
    Ok(())
}

/// A label that is fit to be shown: of bounded length, without control characters.
pub(super) fn shortened(label: &str) -> String {
    label.chars().filter(|character| !character.is_control()).take(bounds::LABEL_CHARACTERS).collect()
}
