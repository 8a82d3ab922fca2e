//! Files of many columns and of long texts: ingested as they are, or refused by name.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{PERSON_HEADER, World, notes};

/// Bytes of one record, as the data room bounds them.
const RECORD_BYTES: usize = 2_097_152;

const NOTE_HEADER: &str = "note_id,person_id,note_date,note_type_concept_id,note_class_concept_id,\
    encoding_concept_id,language_concept_id,note_title,note_text";

#[test]
fn thousands_of_columns_that_the_cdm_does_not_have_are_passed_over_and_a_few_are_named() {
    let world = World::empty();
    let more = 6_000;
    let mut text = PERSON_HEADER.to_owned();
    (0..more).for_each(|at| write!(text, ",extra_{at}").unwrap());
    for id in 1..=200 {
        write!(text, "\n{id},8507,1974,0,0,p{id}").unwrap();
        (0..more).for_each(|at| write!(text, ",{at}").unwrap());
    }
    world.file("person.csv", text + "\n");
    let report = world.ingest().unwrap();
    assert_eq!(report.generation.manifest.rows("person"), Some(200));
    assert_eq!(world.ask("SELECT person_source_value FROM omop.person WHERE person_id = 200"), ["p200"]);
    let notes = notes(&report);
    assert!(notes.contains("not of the CDM, not read: extra_0, extra_1, "), "{notes}");
    assert!(notes.contains("extra_19 and 5980 more") && notes.len() < 10_000, "{notes}");
}

#[test]
fn a_header_that_is_longer_than_a_record_may_be_is_refused() {
    let world = World::empty();
    let mut text = PERSON_HEADER.to_owned();
    (0..200_000).for_each(|at| write!(text, ",extra_{at:06}").unwrap());
    text.push_str("\n1,8507,1974,0,0,p1\n");
    world.file("person.csv", text);
    assert_eq!(
        world.problems(),
        ["person.csv line 1: a record of more than 2097152 bytes; the rest of the file was not read"]
    );
}

/// A text of so many bytes with everything in it that delimited files trip over, as a quoted field has it.
fn quoted(bytes: usize) -> String {
    let piece = "two\nlines, \"\"quoted\"\";\r\nand a tab\tü ";
    let mut text = piece.repeat(bytes / piece.len());
    text.push_str(&"x".repeat(bytes - text.len()));
    text
}

#[test]
fn long_quoted_texts_with_line_ends_are_stored_as_they_are() {
    let mut text = format!("{NOTE_HEADER}\n");
    for id in 1..=40 {
        writeln!(text, "{id},1,2020-01-02,0,0,0,0,title {id},\"{}\"", quoted(1_000_000 + id)).unwrap();
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    for (name, content) in [("note.csv", text.into_bytes()), ("note.csv.gz", gzip.finish().unwrap())] {
        let world = World::with_persons();
        world.file(name, content).ingest().unwrap();
        let stored = world.ask("SELECT note_text FROM omop.note ORDER BY note_id");
        assert_eq!(stored.len(), 40, "{name}");
        for (id, stored) in (1..).zip(stored) {
            assert!(stored == quoted(1_000_000 + id).replace("\"\"", "\""), "{name}: note {id}");
        }
    }
}

#[test]
fn a_record_of_the_greatest_length_is_stored_and_one_byte_more_is_refused() {
    let head = "1,1,2020-01-02,0,0,0,0,title,";
    let room = RECORD_BYTES - head.len() - 1;
    let texts =
        ["x".repeat(room), format!("\"{}\"", quoted(room - 2)), format!("5{}", "\"".repeat(room - 1))];
    for text in texts {
        // A date in another form than the first makes DuckDB read a plain copy, in which quotes are doubled.
        for second in ["2020-01-02", "20200102"] {
            let world = World::with_persons();
            world.file("note.csv", format!("{NOTE_HEADER}\n{head}{text}\n2,1,{second},0,0,0,0,t,short\n"));
            world.ingest().unwrap_or_else(|error| panic!("{second}, {}: {error}", &text[..2]));
            let expected = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            let expected = expected.map_or(text.clone(), |text| text.replace("\"\"", "\""));
            let stored = world.ask("SELECT note_text FROM omop.note ORDER BY note_id");
            assert!(stored == [expected.as_str(), "short"], "{second}, {}", &text[..2]);
        }
    }
    let world = World::with_persons();
    world.file("note.csv", format!("{NOTE_HEADER}\n{head}{}\n", "x".repeat(room + 1)));
    assert_eq!(
        world.problems(),
        ["note.csv line 2: a record of more than 2097152 bytes; the rest of the file was not read"]
    );
}
