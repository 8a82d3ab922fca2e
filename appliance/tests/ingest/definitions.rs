//! Our list of the CDM's tables beside OHDSI's own scripts; and extracts that hold every table of either version.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use duckdb::Connection;
use flip_appliance::data::cdm_name;
use flip_gate::cdm::{self, Kind, TABLES};

use crate::ohdsi::{self, Column, Table};
use crate::support::{World, notes};

/// Where 5.4's scripts and our list differ: nowhere, but for what FLIP adds.
const DIFFERENCES_5_4: &[(&str, &[&str])] = &[(
    "FLIP's imaging tables, which the CDM does not have",
    &["image_feature: a table of ours alone", "image_occurrence: a table of ours alone"],
)];

/// Where 5.3's scripts and our list, which is 5.4's, differ once 5.4's names are read for those it replaced.
const DIFFERENCES_5_3: &[(&str, &[&str])] = &[
    (
        "added by 5.4, or left to the results schema by 5.3 (cohort): empty in an extract of 5.3",
        &[
            "cohort: a table of ours alone",
            "device_exposure.production_id: a column of ours alone",
            "device_exposure.unit_concept_id: a column of ours alone",
            "device_exposure.unit_source_concept_id: a column of ours alone",
            "device_exposure.unit_source_value: a column of ours alone",
            "episode: a table of ours alone",
            "episode_event: a table of ours alone",
            "image_feature: a table of ours alone",
            "image_occurrence: a table of ours alone",
            "location.country_concept_id: a column of ours alone",
            "location.country_source_value: a column of ours alone",
            "location.latitude: a column of ours alone",
            "location.longitude: a column of ours alone",
            "measurement.meas_event_field_concept_id: a column of ours alone",
            "measurement.measurement_event_id: a column of ours alone",
            "measurement.unit_source_concept_id: a column of ours alone",
            "metadata.value_as_number: a column of ours alone",
            "note.note_event_field_concept_id: a column of ours alone",
            "note.note_event_id: a column of ours alone",
            "observation.obs_event_field_concept_id: a column of ours alone",
            "observation.observation_event_id: a column of ours alone",
            "observation.value_source_value: a column of ours alone",
            "procedure_occurrence.procedure_end_date: a column of ours alone",
            "procedure_occurrence.procedure_end_datetime: a column of ours alone",
        ],
    ),
    ("dropped by 5.4: passed over with a note", &["attribute_definition: a table of theirs alone"]),
    (
        "eras begin and end on days since 5.4; at midnight in an extract of 5.3, and refused by line at another time",
        &[
            "condition_era.condition_era_end_date: the kind is Date with us and DateTime with them",
            "condition_era.condition_era_start_date: the kind is Date with us and DateTime with them",
            "dose_era.dose_era_end_date: the kind is Date with us and DateTime with them",
            "dose_era.dose_era_start_date: the kind is Date with us and DateTime with them",
            "drug_era.drug_era_end_date: the kind is Date with us and DateTime with them",
            "drug_era.drug_era_start_date: the kind is Date with us and DateTime with them",
        ],
    ),
    (
        "required since 5.4, in tables that describe an extract: missing values and columns are notes",
        &[
            "cdm_source.cdm_holder: required is true with us and false with them",
            "cdm_source.cdm_release_date: required is true with us and false with them",
            "cdm_source.cdm_source_abbreviation: required is true with us and false with them",
            "cdm_source.cdm_version_concept_id: a column of ours alone",
            "cdm_source.source_release_date: required is true with us and false with them",
            "cdm_source.vocabulary_version: required is true with us and false with them",
            "metadata.metadata_id: a column of ours alone",
            "metadata: the key is Some(\"metadata_id\") with us and None with them",
        ],
    ),
    (
        "no longer required since 5.4",
        &["vocabulary.vocabulary_reference: required is false with us and true with them"],
    ),
    (
        "left out of 5.3's script of constraints, or a slip in it, and set right in 5.4's",
        &[
            "condition_era.person_id: what it refers to is Some(\"person\") with us and None with them",
            "payer_plan_period.payer_plan_period_id: what it refers to is None with us and Some(\"person\") with them",
            "procedure_occurrence.procedure_source_concept_id: what it refers to is Some(\"concept\") with us and \
             None with them",
            "procedure_occurrence.provider_id: what it refers to is Some(\"provider\") with us and None with them",
            "procedure_occurrence.visit_detail_id: what it refers to is Some(\"visit_detail\") with us and None with \
             them",
            "procedure_occurrence.visit_occurrence_id: what it refers to is Some(\"visit_occurrence\") with us and \
             None with them",
        ],
    ),
];

fn kind_of(written: &str) -> Kind {
    match written {
        "integer" => Kind::Integer,
        "numeric" => Kind::Float,
        "date" => Kind::Date,
        "timestamp" => Kind::DateTime,
        "text" => Kind::Text(None),
        varchar => {
            let length = varchar.strip_prefix("varchar(").and_then(|rest| rest.strip_suffix(')'));
            Kind::Text(Some(length.unwrap_or_else(|| panic!("the type {varchar}")).parse().unwrap()))
        }
    }
}

/// Every difference, by name, in the order of names.
fn differences(theirs: &BTreeMap<String, Table>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, table) in theirs {
        let Some(ours) = cdm::table(name) else {
            found.push(format!("{name}: a table of theirs alone"));
            continue;
        };
        if ours.primary_key != table.primary_key.as_deref() {
            found.push(format!(
                "{name}: the key is {:?} with us and {:?} with them",
                ours.primary_key, table.primary_key
            ));
        }
        let named = |column: &Column| cdm_name(ours, &column.name).map(str::to_owned);
        for column in &table.columns {
            let Some(own) = named(column).and_then(|name| ours.column(&name)) else {
                found.push(format!("{name}.{}: a column of theirs alone", column.name));
                continue;
            };
            let mut differs = |what: &str, ours: String, theirs: String| {
                if ours != theirs {
                    found.push(format!(
                        "{name}.{}: {what} is {ours} with us and {theirs} with them",
                        own.name
                    ));
                }
            };
            differs("the kind", format!("{:?}", own.kind), format!("{:?}", kind_of(&column.kind)));
            differs("required", own.required.to_string(), column.required.to_string());
            differs(
                "what it refers to",
                format!("{:?}", own.refers_to),
                format!("{:?}", column.refers_to.as_deref()),
            );
        }
        for own in ours.columns {
            if !table.columns.iter().any(|column| named(column).as_deref() == Some(own.name)) {
                found.push(format!("{name}.{}: a column of ours alone", own.name));
            }
        }
    }
    let alone = TABLES.iter().filter(|table| !theirs.contains_key(table.name));
    found.extend(alone.map(|table| format!("{}: a table of ours alone", table.name)));
    found.sort();
    found
}

fn expected(differences: &[(&str, &[&str])]) -> Vec<String> {
    let mut all: Vec<String> =
        differences.iter().flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned())).collect();
    all.sort();
    all
}

#[test]
fn our_tables_are_those_of_ohdsis_scripts() {
    assert_eq!(differences(&ohdsi::tables("5_4")), expected(DIFFERENCES_5_4));
}

#[test]
fn what_differs_from_5_3_is_known_by_name_and_has_a_reason() {
    assert_eq!(differences(&ohdsi::tables("5_3")), expected(DIFFERENCES_5_3));
}

/// Rows of each table of the extracts below.
const ROWS: usize = 2;

/// A value that tells its column and its row, counted from one. What refers to a record names that of the same row.
fn value(table: &Table, at: usize, row: usize) -> String {
    let column = &table.columns[at];
    let key = table.primary_key.as_ref() == Some(&column.name);
    match kind_of(&column.kind) {
        Kind::Integer if key || column.refers_to.is_some() || column.name == "person_id" => row.to_string(),
        Kind::Integer => (100 * (at + 1) + row).to_string(),
        Kind::Float => format!("{}.5", 100 * (at + 1) + row),
        Kind::Date => format!("20{at:02}-01-0{row}"),
        Kind::DateTime if column.name.ends_with("_date") => format!("20{at:02}-02-0{row} 00:00:00"),
        Kind::DateTime => format!("20{at:02}-03-0{row} 10:11:12"),
        Kind::Text(most) => {
            let text = format!("{row} {}", column.name);
            text.chars().take(most.map_or(usize::MAX, |most| usize::try_from(most).unwrap())).collect()
        }
    }
}

/// An extract with rows in every one of these tables.
fn extract(tables: &BTreeMap<String, Table>) -> World {
    let world = World::empty();
    for (name, table) in tables {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let mut text = format!("{}\n", names.join(","));
        for row in 1..=ROWS {
            let values: Vec<String> = (0..names.len()).map(|at| value(table, at, row)).collect();
            writeln!(text, "{}", values.join(",")).unwrap();
        }
        world.file(&format!("{}.csv", name.to_uppercase()), text);
    }
    world
}

/// Every value of a table of ours, column by column.
fn stored(database: &Connection, table: &cdm::Table) -> Vec<(&'static str, Vec<String>)> {
    let column = |column: &cdm::Column| {
        let (name, first) = (column.name, table.columns[0].name);
        let sql = format!("SELECT \"{name}\"::VARCHAR FROM omop.{} ORDER BY \"{first}\"", table.name);
        (name, crate::support::answers(database, &sql))
    };
    table.columns.iter().map(column).collect()
}

/// The same, as the extract has it.
fn written(theirs: Option<&Table>, table: &cdm::Table) -> Vec<(&'static str, Vec<String>)> {
    let column = |column: &cdm::Column| {
        let Some(theirs) = theirs else { return (column.name, Vec::new()) };
        let named = |other: &Column| cdm_name(table, &other.name) == Some(column.name);
        let values = match theirs.columns.iter().position(named) {
            None => vec!["NULL".to_owned(); ROWS],
            Some(at) => (1..=ROWS)
                .map(|row| value(theirs, at, row))
                .map(|value| match column.kind {
                    Kind::Date => value.replace(" 00:00:00", ""),
                    Kind::Integer | Kind::Float | Kind::DateTime | Kind::Text(_) => value,
                })
                .collect(),
        };
        (column.name, values)
    };
    table.columns.iter().map(column).collect()
}

/// Ingests every table and reads each value back; gives the notes.
fn there_and_back(tables: &BTreeMap<String, Table>) -> String {
    let world = extract(tables);
    let report = world.ingest().unwrap();
    let database = crate::support::open(&report.generation.database);
    for table in TABLES {
        let theirs = tables.get(table.name);
        assert_eq!(stored(&database, table), written(theirs, table), "{}", table.name);
        let rows = if theirs.is_some() { ROWS as u64 } else { 0 };
        assert_eq!(report.generation.manifest.rows(table.name), Some(rows), "{}", table.name);
    }
    notes(&report)
}

#[test]
fn an_extract_with_every_table_of_5_4_is_read_back_value_by_value() {
    let mut tables = ohdsi::tables("5_4");
    for table in TABLES.iter().filter(|table| table.name.starts_with("image_")) {
        tables.insert(table.name.to_owned(), imaging(table));
    }
    assert_eq!(tables.len(), TABLES.len());
    let notes = there_and_back(&tables);
    assert!(
        !notes.contains("not read") && !notes.contains("no file") && !notes.contains("no column"),
        "{notes}"
    );
}

#[test]
fn an_extract_with_every_table_of_5_3_is_read_back_value_by_value() {
    let notes = there_and_back(&ohdsi::tables("5_3"));
    assert!(notes.contains("ATTRIBUTE_DEFINITION.csv: a table of CDM 5.3 that 5.4 has dropped"), "{notes}");
    assert!(!notes.contains("not of the CDM"), "{notes}");
}

/// FLIP's tables are in no script but ours.
fn imaging(table: &cdm::Table) -> Table {
    let columns = table.columns.iter().map(|column| Column {
        name: column.name.to_owned(),
        kind: match column.kind {
            Kind::Integer => "integer".to_owned(),
            Kind::Float => "numeric".to_owned(),
            Kind::Date => "date".to_owned(),
            Kind::DateTime => "timestamp".to_owned(),
            Kind::Text(None) => "text".to_owned(),
            Kind::Text(Some(most)) => format!("varchar({most})"),
        },
        required: column.required,
        refers_to: column.refers_to.map(str::to_owned),
    });
    Table { columns: columns.collect(), primary_key: table.primary_key.map(str::to_owned) }
}
