//! Extracts that must be refused, with every problem named.

use std::fs;

use duckdb::Connection;
use flip_appliance::data::quality::{Finding, Rule, print_quality};
use flip_appliance::data::{IngestError, Quality};

use crate::support::{DEATH_HEADER, PERSON_HEADER, World, notes};

const CONVERT: &str = "export the file as UTF-8, or convert it; from Windows, and not compressed, that is: iconv -f \
     WINDOWS-1252 -t UTF-8 OLD > NEW";

const MARKER: &str = "MARKERVALUE";
const NOT_FINITE: &str = "not a finite number; where there is none, leave the value empty";

const NO_COLUMNS: &str = "death.csv line 1: no column of this table is named here; a text file begins with the columns' \
                          names, set apart by comma, tab, semicolon or bar";

/// The problems of three persons with these deaths, written with the marker for every bad value.
fn death_problems(rows: &str) -> Vec<String> {
    let world = World::with_persons();
    world.file("DEATH.csv", format!("{DEATH_HEADER}\n{rows}"));
    world.problems()
}

#[test]
fn every_bad_value_is_named_by_file_line_and_column() {
    let world = World::with_persons();
    world.file(
        "person.csv",
        format!(
            "{PERSON_HEADER}\n1,8507,19x4,0,0,\"two\nlines\"\n2,8507.5,1974,0,,b\n,8507,1974,0,0,c\n3,0,1974,0,0,\"\"\n"
        ),
    );
    world.file(
        "DEATH.csv",
        format!("{DEATH_HEADER}\n1,2020-02-30,2020-01-01 25:00:00,\n1,2020-01-01 10:00:00,,\n1,,,\n"),
    );
    world.file(
        "specimen.csv",
        "specimen_id,person_id,specimen_concept_id,specimen_type_concept_id,specimen_date,quantity\n\
         1,1,0,0,2020-01-01,nan\n",
    );
    assert_eq!(
        world.problems(),
        [
            "person.csv line 2, column year_of_birth: not a whole number of at most 64 bits",
            "person.csv line 4, column gender_concept_id: not a whole number of at most 64 bits",
            "person.csv line 4, column ethnicity_concept_id: the value is empty, and the CDM requires one",
            "person.csv line 5, column person_id: the value is empty, and the CDM requires one",
            "DEATH.csv line 2, column death_date: not a day of the years 1 to 9999 (YYYY-MM-DD, or YYYYMMDD)",
            "DEATH.csv line 2, column death_datetime: not a date with time of the years 1 to 9999 (YYYY-MM-DD HH:MM:SS)",
            "DEATH.csv line 3, column death_date: a date with a time of day other than midnight; write the day alone",
            "DEATH.csv line 4, column death_date: the value is empty, and the CDM requires one",
            "specimen.csv line 2, column quantity: not a finite number; where there is none, leave the value empty",
        ]
    );
    assert!(world.partials().is_empty());
    assert_eq!(world.generations().current().unwrap(), None);
}

#[test]
fn broken_lines_are_named() {
    assert_eq!(
        death_problems("1,2020-01-01,\n1,2020-01-01,,a,b\n1,2020-01-01,,a,\n1,2020-01-01,,\"a\"b\n"),
        [
            "DEATH.csv line 2: 3 values, but the header names 4 columns: is the line cut short, or a text with a line break not \
             quoted?",
            "DEATH.csv line 3: 5 values, but the header names 4 columns: is a text with a delimiter, or a number with a \
             comma, not quoted?",
            "DEATH.csv line 5, column cause_source_value: text follows a closing quote; quotes inside quoted text \
             are doubled",
        ]
    );
    assert_eq!(
        death_problems("1,2020-01-01,,\"a\n1,2020-01-01,,b\n"),
        ["DEATH.csv line 2: a quote opens here and is never closed; the rest of the file was not read"]
    );
    let world = World::with_persons();
    world.file("DEATH.csv", [DEATH_HEADER.as_bytes(), b"\n1,2020-01-01,,\xff\n1,2020-01-01,,\0\n"].concat());
    assert_eq!(
        world.problems(),
        [
            &format!(
                "DEATH.csv line 2, column cause_source_value: not UTF-8 text; if this value was cut in the middle of a \
                 letter, export it anew; else {CONVERT}"
            ),
            "DEATH.csv line 3: a zero byte: the file may be damaged; export it again",
        ]
    );
}

/// Deaths with a cause in an encoding of Windows.
fn windows_deaths(count: u64) -> Vec<u8> {
    let rows = (1..=count).map(|_| b"1,2020-01-01,,Sch\xe4delfraktur\n".as_slice());
    [DEATH_HEADER.as_bytes(), b"\n"].into_iter().chain(rows).collect::<Vec<_>>().concat()
}

#[test]
fn a_file_in_another_encoding_is_one_problem_that_says_how_to_convert_it() {
    const MANY: u64 = 200_000;
    let world = World::with_persons();
    let lines = "DEATH.csv line 2, column cause_source_value: not UTF-8 text";
    for (count, further) in [
        (2, ", nor is line 3"),
        (3, ", nor are 2 more lines (3, 4)"),
        (MANY, ", nor are 199,999 more lines (3, 4, 5, 6, …)"),
    ] {
        world.file("DEATH.csv", windows_deaths(count));
        let problems = world.problem_list();
        assert_eq!(problems.total(), 1);
        assert_eq!(problems.listed()[0].to_string(), format!("{lines}{further}; {CONVERT}"));
        assert!(problems.to_string().starts_with("1 problem in the extract"), "{problems}");
    }

    // Other problems of the file are listed beside it.
    world.file("DEATH.csv", [windows_deaths(3).as_slice(), b"x,2020-01-01,,\n"].concat());
    assert_eq!(
        world.problems(),
        [
            format!("{lines}, nor are 2 more lines (3, 4); {CONVERT}"),
            "DEATH.csv line 5, column person_id: not a whole number of at most 64 bits".to_owned(),
        ]
    );

    // Converted, what is UTF-8 already would come to harm.
    world.file(
        "DEATH.csv",
        [windows_deaths(1).as_slice(), "1,2020-01-01,,Schädelfraktur\n".as_bytes()].concat(),
    );
    let said = world.problems();
    assert!(matches!(&said[..], [one] if one.contains("do not convert the file")), "{said:?}");
    world.file("DEATH.csv", [DEATH_HEADER.as_bytes(), b"\n1,2020-01-01,,Sch\xc3\xa4delb\xc3\n"].concat());
    let said = world.problems();
    assert!(matches!(&said[..], [one] if one.contains("do not convert the file")), "{said:?}");

    world.file("DEATH.csv", b"person_id,death_date,Geschlechtsschl\xfcssel\n1,2020-01-01,1\n");
    assert_eq!(world.problems(), [format!("DEATH.csv line 1: not UTF-8 text; {CONVERT}")]);
}

#[test]
fn one_is_singular() {
    let world = World::with_persons();
    world.file("death.csv", "person_id,death_date\n1\n");
    let said = world.problems();
    assert!(said[0].starts_with("death.csv line 2: 1 value, but the header names 2 columns: "), "{said:?}");

    world.file("death.csv", "person_id,death_date\n77,2020-01-01\n1,2020-01-01\n\n");
    let report = world.ingest().unwrap();
    assert!(notes(&report).contains("death.csv: 1 blank line passed over"));
    let quality = print_quality(&report.quality);
    assert!(quality.contains("death.person_id  1 of 2 (50.0 %) names no person"), "{quality}");
    assert!(quality.contains("3 of 3 (100.0 %) have no observation period"), "{quality}");
}

#[test]
fn many_problems_are_counted_and_the_first_listed() {
    let world = World::with_persons();
    world.file("DEATH.csv", format!("{DEATH_HEADER}\n{}", "x,2020-01-01,,\n".repeat(1_234)));
    let problems = world.problem_list();
    assert_eq!((problems.listed().len(), problems.total()), (100, 1_234));
    assert!(problems.to_string().ends_with("and 1,134 more"));
}

#[test]
fn headers_are_checked() {
    let world = World::with_persons();
    world.file("death.csv", format!("person_id,PERSON_ID,cause_source_value\n{MARKER},1,x\n"));
    assert_eq!(
        world.problems(),
        [
            "death.csv line 1, column person_id: the header names this column twice",
            "death.csv line 1, column death_date: the column is missing, and the CDM requires it",
        ]
    );
    for (content, expected) in [
        (
            b"".as_slice(),
            "death.csv line 1: the file is empty; export it again, or take it away: a table may be absent, but for \
             person",
        ),
        (b"\n1,2020-01-01\n", "death.csv line 1: the first line is blank, and should name the columns"),
        (
            b"\"person_id,death_date\n1,2020-01-01\n",
            "death.csv line 1: a quote opens here and is never closed; the rest of the file was not read",
        ),
        (b"\xff\xfep\0e\0", "death.csv line 1: the file is UTF-16; export it as UTF-8"),
        (b"p\0e\0r\0\n\0", "death.csv line 1: the file is UTF-16; export it as UTF-8"),
        (b"\0p\0e\0r\0\n", "death.csv line 1: the file is UTF-16; export it as UTF-8"),
        (b"# of 2024\nperson_id,death_date\n", NO_COLUMNS),
        (b"sep=,\nperson_id,death_date\n", NO_COLUMNS),
        (b"person_id^death_date\n1^2020-01-01\n", NO_COLUMNS),
        (b"PK\x03\x04\x14\0", "death.csv: a ZIP archive or a workbook; take the table out of it as CSV"),
        (b"\x1f\x8b\x08\0", "death.csv: the file is compressed by gzip; end its name in .gz"),
        (
            b"person_id,death_date\r1,2020-01-01\r",
            "death.csv line 1: the lines end in a carriage return alone; convert the file: tr '\\r' '\\n' < OLD > NEW",
        ),
    ] {
        world.file("death.csv", content);
        assert_eq!(world.problems(), [expected]);
    }
}

#[test]
fn bad_parquet_is_named_by_row_and_column() {
    let world = World::with_persons();
    let memory = Connection::open_in_memory().unwrap();
    let write = |select: &str| {
        let path = world.folder.path().join("death.parquet");
        memory.execute_batch(&format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())).unwrap();
    };
    write(
        "SELECT * FROM (VALUES ('1', TIMESTAMP '2020-01-01', 'x'), ('1.5', TIMESTAMP '2020-01-01 10:00:00', NULL), \
         (NULL, NULL, '2020-01-01 10:00')) AS t(person_id, death_date, death_datetime)",
    );
    assert_eq!(
        world.problems(),
        [
            "death.parquet row 2, column person_id: not a whole number of at most 64 bits",
            "death.parquet row 3, column person_id: the value is empty, and the CDM requires one",
            "death.parquet row 2, column death_date: a date with a time of day other than midnight; write the day alone",
            "death.parquet row 3, column death_date: the value is empty, and the CDM requires one",
            "death.parquet row 1, column death_datetime: not a date with time of the years 1 to 9999 (YYYY-MM-DD HH:MM:SS)",
        ]
    );
    write("SELECT 1 AS person_id, true AS death_date");
    assert_eq!(
        world.problems(),
        [
            "death.parquet, column death_date: the Parquet type BOOLEAN cannot be read as a date; write the column as DATE"
        ]
    );
    write("SELECT 1 AS person_id");
    assert_eq!(
        world.problems(),
        ["death.parquet, column death_date: the column is missing, and the CDM requires it"]
    );
    let path = world.folder.path().join("provider.parquet");
    let select = "SELECT unnest([1, 2, 1, 1]) AS provider_id";
    memory.execute_batch(&format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())).unwrap();
    fs::remove_file(world.folder.path().join("death.parquet")).unwrap();
    assert_eq!(
        world.problems(),
        [
            "provider.parquet row 3, column provider_id: the key repeats that of row 1",
            "provider.parquet row 4, column provider_id: the key repeats that of row 1",
        ]
    );
}

#[test]
fn no_error_repeats_a_value() {
    let world = World::with_persons();
    for name in ["death.csv", "death.parquet"] {
        let contents = [
            format!("{DEATH_HEADER}\n{MARKER},{MARKER},{MARKER},\"{MARKER}\n"),
            format!("{DEATH_HEADER}\n1,2020-01-01,,{MARKER},{MARKER}\n"),
            format!("{MARKER},{MARKER}\n1,2\n"),
            format!("PAR1{MARKER}PAR1"),
        ];
        for content in contents {
            world.file(name, &content);
            let error = world.ingest().unwrap_err();
            assert!(matches!(error, IngestError::Problems(_)), "{error:?}");
            assert!(!format!("{error} {error:?}").contains(MARKER), "{error:?}");
        }
        fs::remove_file(world.folder.path().join(name)).unwrap();
    }
    let memory = Connection::open_in_memory().unwrap();
    let path = world.folder.path().join("death.parquet");
    let select = format!("SELECT '{MARKER}' AS person_id, '{MARKER}' AS death_date");
    memory.execute_batch(&format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())).unwrap();
    let error = world.ingest().unwrap_err();
    assert!(!format!("{error} {error:?}").contains(MARKER), "{error:?}");
}

#[test]
fn infinities_and_what_is_no_number_are_named_in_text_and_parquet() {
    let header = "specimen_id,person_id,specimen_concept_id,specimen_type_concept_id,specimen_date,quantity";
    for text in ["nan", "NaN", "inf", "-Infinity", "1e999"] {
        let world = World::with_persons();
        world.file("specimen.csv", format!("{header}\n1,1,0,0,2020-01-01,1\n2,1,0,0,2020-01-01,{text}\n"));
        assert_eq!(
            world.problems(),
            [format!("specimen.csv line 3, column quantity: {NOT_FINITE}")],
            "{text}"
        );
    }
    let world = World::with_persons();
    let memory = Connection::open_in_memory().unwrap();
    let path = world.folder.path().join("specimen.parquet");
    memory
        .execute_batch(&format!(
            "COPY (SELECT unnest([1, 2, 3, 4]) AS specimen_id, 1 AS person_id, 0 AS specimen_concept_id, \
             0 AS specimen_type_concept_id, DATE '2020-01-01' AS specimen_date, \
             unnest(['nan', 'inf', '-inf', '1']::DOUBLE[]) AS quantity) TO '{}' (FORMAT parquet)",
            path.display()
        ))
        .unwrap();
    let named = [1, 2, 3].map(|row| format!("specimen.parquet row {row}, column quantity: {NOT_FINITE}"));
    assert_eq!(world.problems(), named);
}

#[test]
fn the_year_0_is_no_date_and_the_year_9999_is_one_that_is_pointed_out() {
    let world = World::with_persons();
    let period = "observation_period_id,person_id,observation_period_start_date,observation_period_end_date,\
                  period_type_concept_id";
    world.file("observation_period.csv", format!("{period}\n1,1,0000-01-01,9999-12-31,0\n"));
    assert_eq!(
        world.problems(),
        [
            "observation_period.csv line 2, column observation_period_start_date: not a day of the years 1 to 9999 (YYYY-MM-DD, or YYYYMMDD)"
        ]
    );
    world.file("observation_period.csv", format!("{period}\n1,1,9999-12-31,9999-12-31,0\n"));
    let quality = world.ingest().unwrap().quality;
    let late = |quality: &Quality| {
        ["observation_period_start_date", "observation_period_end_date"].map(|column| {
            let is = |finding: &&Finding| {
                finding.rule == Rule::AfterExtract && finding.column.as_deref() == Some(column)
            };
            quality.findings.iter().find(is).map(|finding| (finding.rows, finding.of))
        })
    };
    assert_eq!(late(&quality), [Some((1, 1)), Some((1, 1))]);
    world.file("observation_period.csv", format!("{period}\n1,1,2020-01-01,9999-12-31,0\n"));
    let quality = world.ingest().unwrap().quality;
    assert_eq!(late(&quality), [Some((0, 1)), Some((1, 1))]);
    assert!(print_quality(&quality).contains("lie after the day of the extract"));
}
