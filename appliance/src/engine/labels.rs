//! What groups are called: texts cut to a fit length, concepts by their names.

use std::cmp::Reverse;
use std::collections::HashMap;

use duckdb::Connection;

use super::bounds;
use super::database::{Fault, rows};
use super::people::{FEMALE, MALE};
use crate::disclosure::{OTHER, UNKNOWN};

/// What a group is called before its concept has a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
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

/// Gives every group its label, the largest first. Groups of one label are counted together, and so are those beyond
/// [`bounds::LABELS`], as [`OTHER`].
pub(super) fn labelled(
    database: &Connection,
    groups: impl IntoIterator<Item = (Key, Tally)>,
) -> Result<Vec<(String, Tally)>, Fault> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(key, tally), (other, more)| {
        (Reverse(tally.count), key).cmp(&(Reverse(more.count), other))
    });
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
        Key::Text(text) => shortened(&text),
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
    let names =
        rows(database, &sql, |row| Ok((row.get::<_, i64>(0)?, shortened(&row.get::<_, String>(1)?))))?;
    Ok(names.into_iter().collect())
}

/// A label that is fit to be shown: of bounded length, without control characters.
fn shortened(label: &str) -> String {
    label.chars().filter(|character| !character.is_control()).take(bounds::LABEL_CHARACTERS).collect()
}
