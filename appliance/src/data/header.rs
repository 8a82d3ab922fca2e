//! The header of a file: which of its columns are which of the CDM's.
//!
//! What must stay true: foreign names are repeated only where the header is a header, that is, where every column
//! that the CDM requires was found; a file without a header line would otherwise show a record as "unknown columns".

use std::io::{BufRead, BufReader, Read};

use flip_gate::cdm::{Column, Table};

use super::bounds::{NAME_SHOWN, NAMES_SHOWN, RECORD_BYTES};
use super::lines::{Broken, Dialect, Records, count};
use super::manifest::Note;
use super::problem::Fault;

/// The columns of a file, by position.
#[derive(Debug)]
pub(super) struct Columns {
    /// One for each column of the file; none where the CDM has no such column.
    pub found: Vec<Option<&'static Column>>,
    pub notes: Vec<Note>,
}

/// Columns that CDM 5.4 renamed, and their names in 5.3.
const RENAMED: &[(&str, &str, &str)] = &[
    ("visit_occurrence", "admitting_source_concept_id", "admitted_from_concept_id"),
    ("visit_occurrence", "admitting_source_value", "admitted_from_source_value"),
    ("visit_occurrence", "discharge_to_concept_id", "discharged_to_concept_id"),
    ("visit_occurrence", "discharge_to_source_value", "discharged_to_source_value"),
    ("visit_detail", "admitting_source_concept_id", "admitted_from_concept_id"),
    ("visit_detail", "admitting_source_value", "admitted_from_source_value"),
    ("visit_detail", "discharge_to_concept_id", "discharged_to_concept_id"),
    ("visit_detail", "discharge_to_source_value", "discharged_to_source_value"),
    ("visit_detail", "visit_detail_parent_id", "parent_visit_detail_id"),
    // Of the first 5.3; 5.3.1 has the new name already.
    ("procedure_occurrence", "qualifier_source_value", "modifier_source_value"),
];

/// The tables as OHDSI's Athena hands them out: tab separated, without any quoting.
pub(super) const VOCABULARY: &[&str] = &[
    "concept",
    "vocabulary",
    "domain",
    "concept_class",
    "concept_relationship",
    "relationship",
    "concept_synonym",
    "concept_ancestor",
    "drug_strength",
];

/// True where the CDM's requirements stop no ingest: these tables describe the extract, not persons.
pub(super) fn is_descriptive(table: &Table) -> bool {
    matches!(table.name, "cdm_source" | "metadata")
}

/// True where a missing value stops the ingest: keys, persons, dates, concepts; but no texts, and see above.
pub(super) fn must_have_value(table: &Table, column: &Column) -> bool {
    let text = matches!(column.kind, flip_gate::cdm::Kind::Text(_));
    let key = table.primary_key == Some(column.name);
    column.required && (key || !text) && !is_descriptive(table)
}

/// The names on the first line and how they are set apart.
pub(super) fn read_names(table: &Table, input: impl Read) -> Result<(Vec<String>, Dialect), HeaderError> {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    input.by_ref().take(RECORD_BYTES as u64).read_until(b'\n', &mut line).map_err(HeaderError::Read)?;
    if is_utf16(&line) {
        return Err(HeaderError::Fault(Fault::Utf16));
    }
    let bare = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
    if bare.is_empty() {
        return Err(HeaderError::Fault(Fault::NothingInFile));
    }
    // A file whose lines end so is one long line, which may be cut anywhere.
    if lone_return(bare) {
        return Err(HeaderError::Fault(Fault::ReturnsAlone));
    }
    let text = std::str::from_utf8(bare).map_err(|_| HeaderError::Fault(Fault::HeaderNotUtf8))?;
    if text.trim().is_empty() {
        return Err(HeaderError::Fault(Fault::NoHeader));
    }
    let delimiter =
        [b',', b'\t', b';', b'|'].into_iter().rev().max_by_key(|byte| count(&line, *byte)).unwrap_or(b',');
    // A clinical file with tabs comes from some exporter that quotes; the vocabulary comes from Athena.
    let quoting = delimiter != b'\t' || !VOCABULARY.contains(&table.name);

    let mut records = Records::new(line.as_slice(), Dialect { delimiter, quoting: true }, 1);
    let record = match records.next() {
        Some(Ok(record)) => record,
        Some(Err(Broken::OpenQuote { .. })) => return Err(HeaderError::Fault(Fault::OpenQuote)),
        Some(Err(Broken::AfterQuote { .. })) => return Err(HeaderError::Fault(Fault::AfterQuote)),
        Some(Err(Broken::ZeroByte { .. })) => return Err(HeaderError::Fault(Fault::ZeroByte)),
        Some(Err(Broken::LoneReturn { .. })) => return Err(HeaderError::Fault(Fault::LoneReturn)),
        Some(Err(Broken::TooLong { .. })) => return Err(HeaderError::Fault(Fault::LongRecord(RECORD_BYTES))),
        Some(Err(Broken::Read(error))) => return Err(HeaderError::Read(error)),
        None => return Err(HeaderError::Fault(Fault::NoHeader)),
    };
    let names =
        record.fields().map(|field| String::from_utf8_lossy(field.raw).trim().to_ascii_lowercase()).collect();
    Ok((names, Dialect { delimiter, quoting }))
}

/// By its mark, or by the zero beside each letter.
fn is_utf16(line: &[u8]) -> bool {
    let marked = line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff");
    marked || matches!(line, [0, 1..=255, 0, 1..=255, ..] | [1..=255, 0, 1..=255, 0, ..])
}

/// True where a carriage return stands before the line feed's own, outside of quotes.
fn lone_return(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut quoted = false;
    line.iter().any(|byte| {
        quoted ^= *byte == b'"';
        *byte == b'\r' && !quoted
    })
}

/// Why a header could not be read.
#[derive(Debug)]
pub(super) enum HeaderError {
    Read(std::io::Error),
    Fault(Fault),
}

/// The CDM's name of a column that goes by this lower-case name in 5.4 or in 5.3.
pub fn cdm_name(table: &Table, name: &str) -> Option<&'static str> {
    let renamed =
        || RENAMED.iter().find(|(of, old, _)| *of == table.name && *old == name).map(|(.., new)| *new);
    table.column(name).map(|column| column.name).or_else(renamed)
}

/// Finds the CDM's columns among lower-case names.
pub(super) fn match_columns(
    table: &'static Table,
    file: &str,
    names: &[String],
) -> Result<Columns, Vec<(Option<&'static str>, Fault)>> {
    let mut columns = Columns { found: Vec::with_capacity(names.len()), notes: Vec::new() };
    let mut faults = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        let column = table.column(name).or_else(|| {
            let (_, old, new) = RENAMED.iter().find(|(of, old, _)| *of == table.name && old == name)?;
            columns.notes.push(Note::new(file, format!("{old} is read as {new}, its name since CDM 5.4")));
            table.column(new)
        });
        match column {
            Some(column) if columns.found.iter().flatten().any(|other| other.name == column.name) => {
                faults.push((Some(column.name), Fault::RepeatedColumn));
            }
            Some(_) => {}
            None => unknown.push(shown(name)),
        }
        columns.found.push(column);
    }

    if columns.found.iter().all(Option::is_none) {
        return Err(vec![(None, Fault::NoColumns)]);
    }
    let absent = |required| {
        let found = &columns.found;
        table.columns.iter().filter(move |column| {
            column.required == required && !found.iter().flatten().any(|other| other.name == column.name)
        })
    };
    let missing: Vec<_> = absent(true).map(|column| column.name).collect();
    let optional: Vec<_> = absent(false).map(|column| column.name).collect();
    if is_descriptive(table) && !missing.is_empty() {
        columns.notes.push(Note::new(file, format!("no column {}; left empty", missing.join(", "))));
    } else {
        faults.extend(missing.iter().map(|name| (Some(*name), Fault::MissingColumn)));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if !optional.is_empty() {
        columns.notes.push(Note::new(file, format!("no column {}; left empty", optional.join(", "))));
    }
    if !unknown.is_empty() {
        let more = unknown.len().saturating_sub(NAMES_SHOWN);
        unknown.truncate(NAMES_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!("not of the CDM, not read: {}{more}", unknown.join(", "));
        columns.notes.push(Note::new(file, text));
    }
    Ok(columns)
}

fn shown(name: &str) -> String {
    if name.is_empty() {
        return "(a column without a name)".to_owned();
    }
    name.chars().filter(|letter| !letter.is_control()).take(NAME_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> &'static Table {
        flip_gate::cdm::table(name).expect("a CDM table")
    }

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn delimiters_are_sniffed_and_athena_is_not_quoted() {
        for (name, line, delimiter, quoting) in [
            ("death", "\u{feff}\"Person_ID\",death_date\r\n", b',', true),
            ("death", "person_id;death_date\n", b';', true),
            ("death", "person_id\tdeath_date", b'\t', true),
            ("concept", "person_id\tdeath_date\n", b'\t', false),
            ("concept", "person_id|death_date\n", b'|', true),
        ] {
            let (found, dialect) = read_names(table(name), line.as_bytes()).expect("a header");
            assert_eq!(found, ["person_id", "death_date"], "{line}");
            assert_eq!(dialect, Dialect { delimiter, quoting }, "{line}");
        }
    }

    #[test]
    fn columns_come_in_any_order_and_5_3_names_are_known() {
        let found = match_columns(table("death"), "d.csv", &names("cause_concept_id death_date x person_id"));
        let columns = found.expect("all required columns");
        let order: Vec<_> = columns.found.iter().map(|column| column.map(|column| column.name)).collect();
        assert_eq!(order, [Some("cause_concept_id"), Some("death_date"), None, Some("person_id")]);
        assert!(columns.notes.iter().any(|note| note.text == "not of the CDM, not read: x"), "{columns:?}");

        let all: Vec<_> = table("visit_occurrence")
            .columns
            .iter()
            .map(|column| column.name.replace("admitted_from_concept_id", "admitting_source_concept_id"))
            .collect();
        let columns = match_columns(table("visit_occurrence"), "v.csv", &all).expect("known names");
        assert!(columns.found.iter().all(Option::is_some));
    }

    #[test]
    fn a_record_in_place_of_a_header_is_not_repeated() {
        let faults =
            match_columns(table("death"), "d.csv", &names("4711 2020-01-01")).expect_err("no header");
        assert_eq!(faults, [(None, Fault::NoColumns)]);
    }

    #[test]
    fn a_repeated_column_is_named() {
        let faults = match_columns(table("death"), "d.csv", &names("person_id death_date person_id"));
        assert_eq!(faults.expect_err("twice"), [(Some("person_id"), Fault::RepeatedColumn)]);
    }
}
