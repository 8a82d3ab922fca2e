//! Extracts of CDM 5.3: every table in which it differs from 5.4, as small as it can be.

use crate::support::{PERSON_HEADER, World, notes};

/// A table of one row: its file, its columns in 5.3, their values.
type Table = (&'static str, &'static str, &'static str);

const TABLES: &[Table] = &[
    (
        "visit_occurrence",
        "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_start_datetime,visit_end_date,\
         visit_end_datetime,visit_type_concept_id,provider_id,care_site_id,visit_source_value,\
         visit_source_concept_id,admitting_source_concept_id,admitting_source_value,discharge_to_concept_id,\
         discharge_to_source_value,preceding_visit_occurrence_id",
        "1,1,9201,2010-01-01,,2010-01-02,,44818518,,,v,0,8870,AE,8536,HOME,",
    ),
    (
        "visit_detail",
        "visit_detail_id,person_id,visit_detail_concept_id,visit_detail_start_date,visit_detail_start_datetime,\
         visit_detail_end_date,visit_detail_end_datetime,visit_detail_type_concept_id,provider_id,care_site_id,\
         admitting_source_concept_id,discharge_to_concept_id,preceding_visit_detail_id,visit_detail_source_value,\
         visit_detail_source_concept_id,admitting_source_value,discharge_to_source_value,visit_detail_parent_id,\
         visit_occurrence_id",
        "2,1,32037,2010-01-01,,2010-01-02,,44818518,,,8870,8536,,d,0,AE,HOME,3,1",
    ),
    (
        "procedure_occurrence",
        "procedure_occurrence_id,person_id,procedure_concept_id,procedure_date,procedure_datetime,\
         procedure_type_concept_id,modifier_concept_id,quantity,provider_id,visit_occurrence_id,visit_detail_id,\
         procedure_source_value,procedure_source_concept_id,qualifier_source_value",
        "1,1,4163872,2010-01-01,,44786630,0,1,,1,2,p,0,LEFT",
    ),
    (
        "device_exposure",
        "device_exposure_id,person_id,device_concept_id,device_exposure_start_date,\
         device_exposure_start_datetime,device_exposure_end_date,device_exposure_end_datetime,\
         device_type_concept_id,unique_device_id,quantity,provider_id,visit_occurrence_id,visit_detail_id,\
         device_source_value,device_source_concept_id",
        "1,1,4217646,2010-01-01,,2010-01-02,,44818707,UDI,1,,1,2,dev,0",
    ),
    (
        "measurement",
        "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,measurement_time,\
         measurement_type_concept_id,operator_concept_id,value_as_number,value_as_concept_id,unit_concept_id,\
         range_low,range_high,provider_id,visit_occurrence_id,visit_detail_id,measurement_source_value,\
         measurement_source_concept_id,unit_source_value,value_source_value",
        "1,1,3004249,2010-01-01,,10:00,44818702,0,120,0,8876,,,,1,2,sbp,0,mmHg,120",
    ),
    (
        "observation",
        "observation_id,person_id,observation_concept_id,observation_date,observation_datetime,\
         observation_type_concept_id,value_as_number,value_as_string,value_as_concept_id,qualifier_concept_id,\
         unit_concept_id,provider_id,visit_occurrence_id,visit_detail_id,observation_source_value,\
         observation_source_concept_id,unit_source_value,qualifier_source_value",
        "1,1,4275495,2010-01-01,,38000280,,yes,0,0,0,,1,2,o,0,,q",
    ),
    (
        "note",
        "note_id,person_id,note_date,note_datetime,note_type_concept_id,note_class_concept_id,note_title,note_text,\
         encoding_concept_id,language_concept_id,provider_id,visit_occurrence_id,visit_detail_id,note_source_value",
        "1,1,2010-01-01,,44814637,0,t,\"a, b\",0,4180186,,1,2,n",
    ),
    (
        "note_nlp",
        "note_nlp_id,note_id,section_concept_id,snippet,offset,lexical_variant,note_nlp_concept_id,\
         note_nlp_source_concept_id,nlp_system,nlp_date,nlp_datetime,term_exists,term_temporal,term_modifiers",
        "1,1,0,s,12,cough,254761,0,sys,2010-01-01,,Y,,",
    ),
    (
        "location",
        "location_id,address_1,address_2,city,state,zip,county,location_source_value",
        "1,,,London,,SE1,,l",
    ),
    (
        "metadata",
        "metadata_concept_id,metadata_type_concept_id,name,value_as_string,value_as_concept_id,metadata_date,\
         metadata_datetime",
        "0,0,note,hello,0,2010-01-01,",
    ),
    (
        "cdm_source",
        "cdm_source_name,cdm_source_abbreviation,cdm_holder,source_description,source_documentation_reference,\
         cdm_etl_reference,source_release_date,cdm_release_date,cdm_version,vocabulary_version",
        "Trust,T,Trust,,,,2011-02-03,2011-02-04,v5.3.1,v5.0 2011",
    ),
    (
        "cohort_definition",
        "cohort_definition_id,cohort_definition_name,cohort_definition_description,definition_type_concept_id,\
         cohort_definition_syntax,subject_concept_id,cohort_initiation_date",
        "1,diabetes,,0,,0,2010-01-01",
    ),
    (
        "cohort",
        "cohort_definition_id,subject_id,cohort_start_date,cohort_end_date",
        "1,1,2010-01-01,2010-02-01",
    ),
];

fn extract() -> World {
    let world = World::empty();
    world.file("person.csv", format!("{PERSON_HEADER}\n1,8507,1974,0,0,a\n"));
    for (table, columns, values) in TABLES {
        world.file(&format!("{}.csv", table.to_uppercase()), format!("{columns}\n{values}\n"));
    }
    world.file(
        "ATTRIBUTE_DEFINITION.csv",
        "attribute_definition_id,attribute_name,attribute_description,attribute_type_concept_id,attribute_syntax\n",
    );
    world.file("cohort_attribute.csv", "cohort_definition_id,subject_id\n");
    world
}

#[test]
fn every_table_of_5_3_is_read() {
    let world = extract();
    let report = world.ingest().unwrap();
    for (table, ..) in TABLES {
        assert_eq!(report.generation.manifest.rows(table), Some(1), "{table}");
    }
    assert_eq!(report.quality.cdm_version.as_deref(), Some("v5.3.1"));
    assert_eq!(report.generation.manifest.extract_date, "2011-02-03");
}

#[test]
fn what_5_4_renamed_is_where_5_4_has_it() {
    let world = extract();
    world.ingest().unwrap();
    for (table, columns, expected) in [
        (
            "visit_occurrence",
            "admitted_from_concept_id, admitted_from_source_value, discharged_to_concept_id, \
             discharged_to_source_value",
            "8870|AE|8536|HOME",
        ),
        (
            "visit_detail",
            "admitted_from_concept_id, admitted_from_source_value, discharged_to_concept_id, \
             discharged_to_source_value, parent_visit_detail_id",
            "8870|AE|8536|HOME|3",
        ),
        ("procedure_occurrence", "modifier_source_value", "LEFT"),
        ("note_nlp", "\"offset\", lexical_variant", "12|cough"),
    ] {
        assert_eq!(
            world.ask(&format!("SELECT concat_ws('|', {columns}) FROM omop.{table}")),
            [expected],
            "{table}"
        );
    }
}

#[test]
fn what_5_4_added_is_empty_and_what_it_dropped_is_passed_over_with_a_note() {
    let world = extract();
    let notes = notes(&world.ingest().unwrap());
    for expected in [
        "ATTRIBUTE_DEFINITION.csv: a table of CDM 5.3 that 5.4 has dropped; not read",
        "cohort_attribute.csv: a table of CDM 5.3 that 5.4 has dropped; not read",
        "VISIT_DETAIL.csv: visit_detail_parent_id is read as parent_visit_detail_id, its name since CDM 5.4",
        "PROCEDURE_OCCURRENCE.csv: no column procedure_end_date, procedure_end_datetime; left empty",
        "METADATA.csv: no column metadata_id; left empty",
        "DEVICE_EXPOSURE.csv: no column production_id, unit_concept_id, unit_source_value, unit_source_concept_id",
        "MEASUREMENT.csv: no column unit_source_concept_id, measurement_event_id, meas_event_field_concept_id",
        "OBSERVATION.csv: no column value_source_value, observation_event_id, obs_event_field_concept_id",
        "NOTE.csv: no column note_event_id, note_event_field_concept_id",
        "LOCATION.csv: no column country_concept_id, country_source_value, latitude, longitude",
        "CDM_SOURCE.csv: no column cdm_version_concept_id",
        "episode: no file; the table is empty",
        "episode_event: no file; the table is empty",
    ] {
        assert!(notes.contains(expected), "{expected}\n{notes}");
    }
    assert_eq!(world.ask("SELECT count(procedure_end_date)::VARCHAR FROM omop.procedure_occurrence"), ["0"]);
}
