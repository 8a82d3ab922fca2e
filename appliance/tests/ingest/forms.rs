//! Values in the many forms that extracts have them in.

use duckdb::Connection;
use flip_appliance::data::quality::Rule;

use crate::support::{DEATH_HEADER, PERSON_HEADER, World, notes};

/// What we accept must be what DuckDB stores, or the two have different ideas of a value.
#[test]
fn every_accepted_form_is_stored_as_what_it_says() {
    let forms = [
        ("2016-08-26", "2016-08-26", "2016-08-26 00:00:00"),
        ("2016-08-26 00:00:00", "2016-08-26", "2016-08-26 00:00:00"),
        ("2016-08-26T00:00:00", "2016-08-26", "2016-08-26 00:00:00"),
        ("2016-08-26 00:00:00.000", "2016-08-26", "2016-08-26 00:00:00"),
        ("2016-08-26 00:00", "2016-08-26", "2016-08-26 00:00:00"),
        ("0001-01-01", "0001-01-01", "0001-01-01 00:00:00"),
        ("9999-12-31", "9999-12-31", "9999-12-31 00:00:00"),
    ];
    let odd = [
        (" 2016-08-26 ", "2016-08-26", "2016-08-26 00:00:00"),
        ("20160826", "2016-08-26", "2016-08-26 00:00:00"),
        ("2016-08-26T00:00:00Z", "2016-08-26", "2016-08-26 00:00:00"),
        ("2016-08-26 00:00:00+01:00", "2016-08-26", "2016-08-26 00:00:00"),
    ];
    // With the odd ones the file takes the way over a copy; without, DuckDB reads it as it is.
    for forms in [&forms[..], &[&forms[..], &odd[..]].concat()] {
        let world = World::with_persons();
        let rows = forms.iter().map(|(text, ..)| format!("1,{text},{text},x\n"));
        world.file("death.csv", format!("{DEATH_HEADER}\n{}", rows.collect::<String>()));
        world.ingest().unwrap();
        let mut expected: Vec<_> = forms.iter().map(|(_, day, moment)| format!("{day}|{moment}")).collect();
        expected.sort();
        let sql = "SELECT concat_ws('|', death_date, death_datetime) AS x FROM omop.death ORDER BY x";
        assert_eq!(world.ask(sql), expected);
    }

    let times = [
        ("2016-08-26 10:11", "2016-08-26 10:11:00"),
        ("2016-08-26T10:11:12", "2016-08-26 10:11:12"),
        ("2016-08-26 10:11:12.5", "2016-08-26 10:11:12.5"),
        ("2016-08-26 10:11:12.123456", "2016-08-26 10:11:12.123456"),
        ("2016-08-26 10:11:12.123456789", "2016-08-26 10:11:12.123456"),
    ];
    let world = World::with_persons();
    let rows = times.iter().map(|(text, _)| format!("1,2016-08-26,{text},x\n"));
    world.file("death.csv", format!("{DEATH_HEADER}\n{}", rows.collect::<String>()));
    world.ingest().unwrap();
    let mut expected: Vec<_> = times.iter().map(|(_, moment)| (*moment).to_owned()).collect();
    expected.sort();
    assert_eq!(world.ask("SELECT death_datetime::VARCHAR AS x FROM omop.death ORDER BY x"), expected);

    let world = World::empty();
    let ids = [
        "12",
        "00000000000000000000000011",
        "10.0000000000000000000000000",
        "+13",
        " 14 ",
        "15.0",
        "\"16\"",
        "9007199254740993.0",
        "9223372036854775807",
        "-5",
        "007",
    ];
    let rows = ids.iter().map(|id| format!("{id},0,1974,0,0,x\n"));
    world.file("person.csv", format!("{PERSON_HEADER}\n{}", rows.collect::<String>()));
    world.ingest().unwrap();
    assert_eq!(
        world.ask("SELECT person_id::VARCHAR FROM omop.person ORDER BY person_id"),
        ["-5", "7", "10", "11", "12", "13", "14", "15", "16", "9007199254740993", "9223372036854775807"]
    );
}

#[test]
fn numbers_are_stored_as_what_they_say() {
    let world = World::with_persons();
    let numbers = ["1", "-1.5", ".5", "5.", "1e-3", "+2", " 3 ", "123456789.123456"];
    let rows = numbers.iter().enumerate().map(|(at, number)| format!("{at},0,0,0,1,2020-01-01,{number}\n"));
    world.file(
        "specimen.csv",
        format!(
            "specimen_id,specimen_concept_id,specimen_type_concept_id,unit_concept_id,person_id,specimen_date,\
             quantity\n{}",
            rows.collect::<String>()
        ),
    );
    world.ingest().unwrap();
    assert_eq!(
        world.ask("SELECT quantity::VARCHAR FROM omop.specimen ORDER BY specimen_id"),
        ["1.0", "-1.5", "0.5", "5.0", "0.001", "2.0", "3.0", "123456789.123456"]
    );
}

#[test]
fn athena_vocabularies_are_read_as_athena_writes_them() {
    let world = World::with_persons();
    world.file(
        "CONCEPT.csv",
        "concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_class_id\tstandard_concept\tconcept_code\t\
         valid_start_date\tvalid_end_date\tinvalid_reason\n\
         1\t\"Open quote\tDrug\tRxNorm\tBrand\t\tc1\t19700101\t20991231\t\n\
         2\t5\" nail, or \"two\"\tDrug\tRxNorm\tBrand\tS\tNone\t19700101\t20991231\tD\n",
    );
    let report = world.ingest().unwrap();
    assert!(notes(&report).contains("CONCEPT.csv: read without quoting"), "{}", notes(&report));
    assert_eq!(
        world.ask("SELECT concat_ws('|', concept_name, valid_end_date, standard_concept) FROM omop.concept ORDER BY concept_id"),
        ["\"Open quote|2099-12-31", "5\" nail, or \"two\"|2099-12-31|S"]
    );
}

#[test]
fn texts_survive_quotes_delimiters_and_line_ends() {
    let pieces = ["a", "\"", ",", "\n", "\r\n", "ä", "€", "\t", ";", " ", "''", "\\", "x\"\"y", "長い"];
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let texts: Vec<String> =
        (0..3_000).map(|_| (0..=random(12)).map(|_| pieces[random(pieces.len())]).collect()).collect();
    let world = World::empty();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(PERSON_HEADER.split(',')).unwrap();
    for (at, text) in texts.iter().enumerate() {
        writer.write_record([&at.to_string(), "0", "1974", "0", "0", text]).unwrap();
    }
    world.file("person.csv", writer.into_inner().unwrap());
    world.ingest().unwrap();
    assert_eq!(world.ask("SELECT person_source_value FROM omop.person ORDER BY person_id"), texts);
}

#[test]
fn empty_values_are_null_whether_quoted_or_not() {
    let world = World::with_persons();
    world.file("death.csv", format!("{DEATH_HEADER}\n1,2020-01-01,,\n2,2020-01-01,\"\",\"\"\n"));
    world.ingest().unwrap();
    let sql = "SELECT count(*)::VARCHAR FROM omop.death WHERE death_datetime IS NULL AND cause_source_value IS NULL";
    assert_eq!(world.ask(sql), ["2"]);
}

#[test]
fn quirks_are_notes() {
    let world = World::with_persons();
    world.file("cohort_notes.csv", "x\n");
    world.file("README", "hello");
    let long = "x".repeat(51);
    world.file(
        "death.csv",
        format!("\u{feff}CAUSE_SOURCE_VALUE;Death_Date;person_id;ward\r\n{long};2020-01-01;1;w\r\n\r\na;2020-01-01;77;w"),
    );
    world.file("note_nlp.csv", "note_nlp_id,note_id,lexical_variant,nlp_date\n1,1,,2020-01-01\n");
    let report = world.ingest().unwrap();
    let notes = notes(&report);
    for expected in [
        "README: not named after an OMOP CDM table; not read",
        "cohort_notes.csv: not read; if it is the table cohort, name it cohort.csv",
        "death.csv: not of the CDM, not read: ward",
        "death.csv: no column death_datetime, death_type_concept_id",
        "death.csv: 1 blank line passed over",
        "death.csv: the last line has no line end",
        "death.csv: cause_source_value: 1 row is longer than the CDM allows; kept",
        "note_nlp.csv: lexical_variant: 1 row is empty where the CDM requires a value",
        "cdm_source: no source_release_date",
    ] {
        assert!(notes.contains(expected), "{expected}\n{notes}");
    }
    let lost =
        report.quality.findings.iter().filter(|finding| finding.rule == Rule::NoPerson && finding.rows > 0);
    let lost: Vec<_> = lost.map(|finding| (finding.table.as_str(), finding.rows)).collect();
    assert_eq!(lost, [("death", 1)]);
}

#[test]
fn the_source_says_its_date_and_version() {
    let world = World::with_persons();
    world.file("cdm_source.csv", "cdm_version,source_release_date,cdm_holder\nv5.4.1,2026-02-03,Trust\n");
    let report = world.ingest().unwrap();
    let manifest = &report.generation.manifest;
    assert_eq!(manifest.extract_date, "2026-02-03");
    assert_eq!(manifest.cdm_version.as_deref(), Some("v5.4.1"));
    assert!(!notes(&report).contains("neither"), "{}", notes(&report));
    world.file("cdm_source.csv", "cdm_version,source_release_date,cdm_holder\nv6.0,2026-02-03,Trust\n");
    let notes = notes(&world.ingest().unwrap());
    assert!(notes.contains("cdm_source: cdm_version is neither 5.3 nor 5.4; the files are read"), "{notes}");
}

#[test]
fn parquet_columns_of_other_types_are_converted() {
    let world = World::empty();
    let memory = Connection::open_in_memory().unwrap();
    let write = |name: &str, select: &str| {
        let path = world.folder.path().join(name);
        memory.execute_batch(&format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())).unwrap();
    };
    write(
        "PERSON.parquet",
        "SELECT 1::DOUBLE AS Person_ID, '8507' AS gender_concept_id, 1974::DECIMAL(9,2) AS year_of_birth, \
         0::UTINYINT AS race_concept_id, 0::HUGEINT AS ethnicity_concept_id, 12::INTEGER AS person_source_value, \
         '' AS gender_source_value, TIMESTAMP '1974-05-06 07:08:09' AS birth_datetime",
    );
    write(
        "death.parquet",
        "SELECT 1 AS person_id, TIMESTAMP '2020-01-02' AS death_date, '2020-01-02T03:04:05.5+01:00' AS death_datetime \
         UNION ALL SELECT 1, TIMESTAMP '2020-01-03', '20200103' \
         UNION ALL SELECT 1, TIMESTAMP '2020-01-04', '2020-01-04'",
    );
    world.ingest().unwrap();
    assert_eq!(
        world.ask(
            "SELECT concat_ws('|', person_id, gender_concept_id, year_of_birth, person_source_value, \
             gender_source_value IS NULL, birth_datetime) FROM omop.person"
        ),
        ["1|8507|1974|12|true|1974-05-06 07:08:09"]
    );
    assert_eq!(
        world.ask("SELECT concat_ws('|', death_date, death_datetime) AS x FROM omop.death ORDER BY x"),
        [
            "2020-01-02|2020-01-02 03:04:05.5",
            "2020-01-03|2020-01-03 00:00:00",
            "2020-01-04|2020-01-04 00:00:00"
        ]
    );
}
