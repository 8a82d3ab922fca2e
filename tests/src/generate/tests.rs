//! The written population against the model it claims to follow.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use flip_gate::cdm::{self, Kind};

use super::*;

/// The hash of [`small`]'s files.
const GOLDEN: u64 = 0x28B6_C91C_A70A_AEA1;

/// A table as text: its rows as column to cell.
type Rows = Vec<HashMap<String, String>>;

fn made(recipe: &Recipe) -> (tempfile::TempDir, Census) {
    let place = tempfile::tempdir().unwrap();
    let census = generate(recipe, place.path(), |_| {}).unwrap();
    (place, census)
}

fn small() -> Recipe {
    Recipe { persons: 2000, seed: 11, imaging: true, trust_offset: 3, ..Recipe::default() }
}

fn read(folder: &Path) -> BTreeMap<String, Rows> {
    let mut tables = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_lowercase();
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let model = cdm::table(&name).unwrap_or_else(|| panic!("{name} is no table of the model"));
        let expected: Vec<&str> = model.columns.iter().map(|column| column.name).collect();
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), expected, "{name}");
        tables.insert(name, reader.deserialize().map(Result::unwrap).collect());
    }
    tables
}

/// FNV-1a over every file's name and bytes, in the order of names.
fn hash(folder: &Path) -> u64 {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut state = 0xCBF2_9CE4_8422_2325_u64;
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for byte in name.into_bytes().into_iter().chain(fs::read(&path).unwrap()) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
    state
}

fn of_kind(cell: &str, kind: Kind) -> bool {
    match kind {
        Kind::Integer => cell.parse::<i64>().is_ok(),
        Kind::Float => cell.parse::<f64>().is_ok(),
        Kind::Text(longest) => longest.is_none_or(|longest| cell.chars().count() <= longest as usize),
        Kind::Date => cell.len() == 10,
        Kind::DateTime => cell.len() == 19,
    }
}

#[test]
fn every_table_keeps_the_models_rules() {
    let (place, census) = made(&small());
    let tables = read(place.path());
    assert_eq!(tables.len(), census.tables().count());
    let keys_of = |name: &str| -> HashSet<&str> {
        let Some(key) = cdm::table(name).and_then(|table| table.primary_key) else { return HashSet::new() };
        tables.get(name).into_iter().flatten().map(|row| row[key].as_str()).collect()
    };
    let keys: HashMap<&str, HashSet<&str>> =
        cdm::TABLES.iter().map(|table| (table.name, keys_of(table.name))).collect();
    for (name, rows) in &tables {
        let model = cdm::table(name).unwrap();
        assert_eq!(census.rows(name), rows.len() as u64, "{name}");
        assert!(!rows.is_empty(), "{name} is empty");
        if model.primary_key.is_some() {
            assert_eq!(keys[name.as_str()].len(), rows.len(), "{name} has a key twice");
        }
        for (column, row) in model.columns.iter().flat_map(|column| rows.iter().map(move |row| (column, row)))
        {
            let cell = row[column.name].as_str();
            if cell.is_empty() {
                assert!(!column.required, "{name}.{} is required", column.name);
                continue;
            }
            assert!(of_kind(cell, column.kind), "{name}.{} holds {cell}", column.name);
            if let Some(target) = column.refers_to {
                assert!(keys[target].contains(cell), "{name}.{} refers to no {target}: {cell}", column.name);
            }
        }
    }
}

#[test]
fn events_lie_within_their_persons_records() {
    let (place, _) = made(&small());
    let tables = read(place.path());
    let periods: HashMap<&str, (&str, &str)> = tables["observation_period"]
        .iter()
        .map(|row| {
            let cell = |name: &str| row[name].as_str();
            (cell("person_id"), (cell("observation_period_start_date"), cell("observation_period_end_date")))
        })
        .collect();
    let owners: HashMap<&str, &str> = tables["visit_occurrence"]
        .iter()
        .map(|row| (row["visit_occurrence_id"].as_str(), row["person_id"].as_str()))
        .collect();
    let events = [
        ("visit_occurrence", "visit_start_date"),
        ("visit_occurrence", "visit_end_date"),
        ("condition_occurrence", "condition_start_date"),
        ("condition_occurrence", "condition_end_date"),
        ("drug_exposure", "drug_exposure_start_date"),
        ("drug_exposure", "drug_exposure_end_date"),
        ("measurement", "measurement_date"),
        ("procedure_occurrence", "procedure_date"),
        ("observation", "observation_date"),
        ("image_occurrence", "image_occurrence_date"),
        ("death", "death_date"),
    ];
    for (table, day) in events {
        for row in &tables[table] {
            let (from, until) = periods[row["person_id"].as_str()];
            let day = row[day].as_str();
            assert!(day.is_empty() || (from <= day && day <= until), "{table}: {day} not in {from}..{until}");
            if let Some(visit) = row.get("visit_occurrence_id") {
                assert_eq!(owners[visit.as_str()], row["person_id"], "{table} at another person's visit");
            }
        }
    }
    for row in &tables["person"] {
        let (from, until) = periods[row["person_id"].as_str()];
        assert!(&row["birth_datetime"][..10] <= from && from <= until);
    }
}

#[test]
fn image_features_have_their_values_in_observation() {
    let (place, _) = made(&small());
    let tables = read(place.path());
    let observations: HashMap<&str, &HashMap<String, String>> =
        tables["observation"].iter().map(|row| (row["observation_id"].as_str(), row)).collect();
    for feature in &tables["image_feature"] {
        let observation = observations[feature["image_feature_event_id"].as_str()];
        assert_eq!(observation["observation_concept_id"], feature["image_feature_concept_id"]);
        assert_eq!(observation["person_id"], feature["person_id"]);
    }
    let images = &tables["image_occurrence"];
    let accessions: BTreeSet<&str> = images.iter().map(|row| row["accession_id"].as_str()).collect();
    assert_eq!(accessions.len(), images.len());
    let modalities: BTreeSet<&str> = images.iter().map(|row| row["modality_concept_id"].as_str()).collect();
    assert_eq!(modalities.len(), 4);
}

#[test]
fn the_same_recipe_gives_the_same_bytes() {
    let (first, _) = made(&small());
    let (second, _) = made(&small());
    assert_eq!(hash(first.path()), hash(second.path()));
    // A population is named by its recipe in benchmarks and scenarios: a change here changes what they measured.
    assert_eq!(hash(first.path()), GOLDEN, "{:#x}", hash(first.path()));
}

#[test]
fn another_seed_or_trust_gives_other_persons() {
    let persons = |recipe: &Recipe| fs::read(made(recipe).0.path().join("PERSON.csv")).unwrap();
    let base = Recipe { persons: 50, seed: 1, ..Recipe::default() };
    assert_ne!(persons(&base), persons(&Recipe { seed: 2, ..base.clone() }));
    let births = |recipe: &Recipe| {
        let (place, _) = made(recipe);
        read(place.path())["person"].iter().map(|row| row["birth_datetime"].clone()).collect::<Vec<_>>()
    };
    assert_ne!(births(&base), births(&Recipe { trust_offset: 1, ..base }));
}

#[test]
fn more_persons_begin_with_the_same_ones() {
    let few = made(&Recipe { persons: 40, seed: 5, ..Recipe::default() }).0;
    let many = made(&Recipe { persons: 80, seed: 5, ..Recipe::default() }).0;
    for name in ["PERSON.csv", "MEASUREMENT.csv"] {
        let (few, many) =
            (fs::read(few.path().join(name)).unwrap(), fs::read(many.path().join(name)).unwrap());
        assert!(many.starts_with(&few) && many.len() > few.len(), "{name}");
    }
}

#[test]
fn compressed_files_hold_the_same_text() {
    let recipe = Recipe { persons: 300, seed: 4, ..Recipe::default() };
    let plain = made(&recipe).0;
    let packed = made(&Recipe { gzip: true, ..recipe }).0;
    for name in ["PERSON.csv", "CONCEPT.csv", "DRUG_EXPOSURE.csv"] {
        let mut text = Vec::new();
        let file = fs::File::open(packed.path().join(format!("{name}.gz"))).unwrap();
        GzDecoder::new(file).read_to_end(&mut text).unwrap();
        assert_eq!(text, fs::read(plain.path().join(name)).unwrap(), "{name}");
    }
}

#[test]
fn a_large_population_has_the_promised_shape() {
    let (place, census) = made(&Recipe { persons: 20_000, seed: 1, ..Recipe::default() });
    let per_thousand_persons = |table: &str| census.rows(table) / 20;
    for (table, low, high) in [
        ("visit_occurrence", 1600, 2600),
        ("condition_occurrence", 1600, 2600),
        ("drug_exposure", 1600, 2500),
        ("measurement", 2500, 4000),
        ("death", 10, 80),
    ] {
        assert!(
            (low..high).contains(&per_thousand_persons(table)),
            "{table}: {}",
            per_thousand_persons(table)
        );
    }
    assert_eq!(census.rows("image_occurrence"), 0);
    let conditions = fs::read_to_string(place.path().join("CONDITION_OCCURRENCE.csv")).unwrap();
    let diabetics = conditions.lines().filter(|line| line.split(',').nth(2) == Some("201826")).count();
    assert!((1000..2000).contains(&diabetics), "{diabetics}");
}

#[test]
fn what_a_recipe_does_not_allow_is_refused() {
    let place = tempfile::tempdir().unwrap();
    for recipe in [
        Recipe::default(),
        Recipe { persons: PERSONS_MAX + 1, ..Recipe::default() },
        Recipe { persons: 1, trust_offset: TRUST_OFFSET_MAX + 1, ..Recipe::default() },
    ] {
        let refused = generate(&recipe, place.path(), |_| {}).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}
