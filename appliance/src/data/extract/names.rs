//! What the names of files and folders say: pure functions over text.

use std::collections::HashSet;

use flip_gate::cdm::{TABLES, Table};

use super::Format;
use super::parts::Part;

/// Tables of CDM 5.3 that 5.4 has dropped. Nothing that 5.4 has could hold their rows.
const DROPPED: [&str; 2] = ["attribute_definition", "cohort_attribute"];

/// Parquet's own compression, as Spark and pandas name it: part-00000.snappy.parquet.
const CODECS: [&str; 6] = [".snappy", ".zstd", ".gz", ".lz4", ".lz4raw", ".brotli"];

/// What a file's name says.
#[derive(Debug)]
pub(super) struct Named {
    pub table: &'static Table,
    pub format: Format,
    pub part: Part,
}

/// What the name of a file of the extract's own folder says; none where it names no table.
pub(super) fn named_file(name: &str) -> Option<Named> {
    let lower = name.to_ascii_lowercase();
    let (stem, format) = ending(&lower)?;
    if let Some(table) = flip_gate::cdm::table(stem) {
        return Some(Named { table, format, part: Part::Whole });
    }
    TABLES.iter().find_map(|table| {
        let number = part_number(stem.strip_prefix(table.name)?)?;
        Some(Named { table, format, part: Part::Numbered(number) })
    })
}

/// The table that a folder's name says.
pub(super) fn named_folder(name: &str) -> Option<&'static Table> {
    let lower = name.to_ascii_lowercase();
    flip_gate::cdm::table(ending(&lower).map_or(lower.as_str(), |(stem, _)| stem))
}

/// How a file in a table's folder is written, its number where its name has one, and what tells it from its
/// neighbours.
pub(super) fn part_of(table: &Table, name: &str) -> Option<(Format, (Option<u64>, String))> {
    let lower = name.to_ascii_lowercase();
    let (stem, format) = ending(&lower)?;
    let rest = stem.strip_prefix(table.name).unwrap_or(stem);
    // Spark: part-00000-<id>-c000.
    let spark = || {
        let digits = rest.strip_prefix("part-")?.split('-').next()?;
        digits.parse().ok()
    };
    Some((format, (part_number(rest).or_else(spark), stem.to_owned())))
}

/// Why a file is not read, for the operator. The folder has files of these names in lower case.
pub(super) fn passed_over(name: &str, there: &HashSet<String>) -> String {
    let lower = name.to_ascii_lowercase();
    let stem = ending(&lower).map_or(lower.as_str(), |(stem, _)| stem);
    if DROPPED.contains(&stem) {
        return "a table of CDM 5.3 that 5.4 has dropped; not read".to_owned();
    }
    let Some(table) = looks_like(name) else {
        return "not named after an OMOP CDM table; not read".to_owned();
    };
    let table = table.name;
    let with_its_ending = || ending(&lower).map(|(stem, _)| format!("{table}{}", &lower[stem.len()..]));
    match renamed(&lower).or_else(with_its_ending) {
        Some(right) if there.contains(&right) => format!("not read, beside {right}"),
        Some(right) => format!("not read; if it is the table {table}, name it {right}"),
        None => format!(
            "not read; if it is the table {table}, write it as {table}.csv (the endings are .csv, .tsv, .csv.gz, .tsv.gz \
             and .parquet)"
        ),
    }
}

/// The table that a name which is none of a table's files is most like.
pub(in crate::data) fn looks_like(name: &str) -> Option<&'static Table> {
    // Marks of programs, such as macOS's beside every file of an archive (._person.csv).
    if name.starts_with(['.', '~']) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    if let Some(named) = renamed(&lower).and_then(|name| named_file(&name)) {
        return Some(named.table);
    }
    let between = |letter: char| !letter.is_ascii_alphanumeric();
    let words = format!("_{}_", lower.replace(between, "_"));
    let said = TABLES.iter().filter(|table| words.contains(&format!("_{}_", table.name)));
    let first = lower.split('.').next().unwrap_or_default().replace(between, "");
    let joined = |table: &&Table| {
        let rest = first.strip_prefix(&table.name.replace('_', ""));
        rest.is_some_and(|rest| ["", "s"].contains(&rest))
    };
    said.max_by_key(|table| table.name.len()).or_else(|| TABLES.iter().find(joined))
}

/// The end of a lower-case name that would be a table's file by itself: `person_1.csv` of `omop.person_1.csv`.
fn renamed(lower: &str) -> Option<String> {
    let borders = lower.char_indices().filter(|(_, letter)| !letter.is_ascii_alphanumeric());
    let rests = borders.map(|(at, letter)| &lower[at + letter.len_utf8()..]);
    rests.into_iter().find(|rest| named_file(rest).is_some()).map(str::to_owned)
}

/// A lower-case name without its ending, and the format that the ending says.
fn ending(lower: &str) -> Option<(&str, Format)> {
    const ENDINGS: [(&str, Format); 5] = [
        (".csv", Format::Text { gzip: false }),
        (".tsv", Format::Text { gzip: false }),
        (".csv.gz", Format::Text { gzip: true }),
        (".tsv.gz", Format::Text { gzip: true }),
        (".parquet", Format::Parquet),
    ];
    let (stem, format) =
        ENDINGS.iter().find_map(|(ending, format)| Some((lower.strip_suffix(ending)?, *format)))?;
    let codec =
        CODECS.iter().find_map(|codec| stem.strip_suffix(codec)).filter(|_| format == Format::Parquet);
    Some((codec.unwrap_or(stem), format))
}

/// The number in `_0001`, `-3`, `.part-3`, `_part_12`, `part7`; none for anything else.
fn part_number(rest: &str) -> Option<u64> {
    let separators = ['_', '-', '.'];
    let rest = rest.trim_start_matches(separators);
    let digits = ["part", "chunk", "split"].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    let digits = digits.trim_start_matches(separators);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Format = Format::Text { gzip: false };
    const GZIP: Format = Format::Text { gzip: true };

    fn passed_over(name: &str) -> String {
        super::passed_over(name, &HashSet::new())
    }

    #[test]
    fn nobody_is_told_to_overwrite_a_file_that_is_there() {
        let there = ["person.csv".to_owned()].into();
        assert_eq!(super::passed_over("PERSON_old.csv", &there), "not read, beside person.csv");
        assert!(super::passed_over("DEATH_old.csv", &there).ends_with("name it death.csv"));
    }

    #[test]
    fn names_are_recognised_in_any_case() {
        for (name, table, format, part) in [
            ("person.csv", "person", TEXT, Part::Whole),
            ("PERSON.CSV", "person", TEXT, Part::Whole),
            ("Measurement.Csv.GZ", "measurement", GZIP, Part::Whole),
            ("CONCEPT.tsv", "concept", TEXT, Part::Whole),
            ("Image_Occurrence.parquet", "image_occurrence", Format::Parquet, Part::Whole),
            ("person.snappy.parquet", "person", Format::Parquet, Part::Whole),
            ("person_0001.parquet", "person", Format::Parquet, Part::Numbered(1)),
            ("person_0002.csv.gz", "person", GZIP, Part::Numbered(2)),
            ("PERSON.part-3.csv", "person", TEXT, Part::Numbered(3)),
            ("concept_relationship_part_12.tsv", "concept_relationship", TEXT, Part::Numbered(12)),
            ("note_nlp-7.csv", "note_nlp", TEXT, Part::Numbered(7)),
            ("visit_occurrence000000000000.csv.gz", "visit_occurrence", GZIP, Part::Numbered(0)),
        ] {
            let found = named_file(name).expect("a known name");
            assert_eq!((found.table.name, found.format, found.part), (table, format, part), "{name}");
        }
        for name in [
            "people.csv",
            "person",
            "person.csv.bak",
            "person.xlsx",
            "old.person.csv",
            ".csv",
            "person_old.csv",
            "person_1_of_2.csv",
            "concept_map_1.csv",
            "person_99999999999999999999.csv",
        ] {
            assert!(named_file(name).is_none(), "{name}");
        }
    }

    #[test]
    fn folders_and_the_parts_in_them_are_recognised() {
        for name in ["person", "PERSON", "person.parquet", "Person.csv"] {
            assert_eq!(named_folder(name).map(|table| table.name), Some("person"), "{name}");
        }
        assert!(named_folder("people").is_none() && named_folder("done").is_none());
        let table = named_folder("person").expect("a table");
        for (name, number) in [
            ("part-00003-0b1c2d3e-5c1f-4a6e-9d3e-2f5a4b6c7d8e-c000.snappy.parquet", Some(3)),
            ("part-00003.csv", Some(3)),
            ("person_0004.csv", Some(4)),
            ("000005.csv.gz", Some(5)),
            ("anything.csv", None),
        ] {
            let (_, (found, stem)) = part_of(table, name).expect("a known ending");
            assert_eq!(found, number, "{name}");
            assert!(name.to_ascii_lowercase().starts_with(&stem));
        }
        assert!(part_of(table, "part-00003.orc").is_none());
    }

    #[test]
    fn what_5_3_had_and_5_4_dropped_is_named_as_such() {
        assert!(passed_over("ATTRIBUTE_DEFINITION.csv").contains("5.3"));
        assert!(!passed_over("people.csv").contains("5.3"));
        for name in ["Person.xlsx", "death.zip", "death", "death.csv.bz2"] {
            assert!(passed_over(name).contains("the endings are .csv"), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_nearly_right_is_told_what_it_looks_like_and_how_to_name_it() {
        for (name, table, right) in [
            ("omop.person.csv", "person", "person.csv"),
            ("CDM_PERSON.CSV", "person", "person.csv"),
            ("export-person.csv.gz", "person", "person.csv.gz"),
            ("omop.visit_occurrence_0002.parquet", "visit_occurrence", "visit_occurrence_0002.parquet"),
            ("cdm.concept_relationship.tsv", "concept_relationship", "concept_relationship.tsv"),
            ("person_old.csv", "person", "person.csv"),
            ("Person (1).csv", "person", "person.csv"),
            ("VisitOccurrence.csv", "visit_occurrence", "visit_occurrence.csv"),
            ("visit-occurrence.csv", "visit_occurrence", "visit_occurrence.csv"),
            ("persons.csv", "person", "person.csv"),
            ("omop.person.snappy.parquet", "person", "person.snappy.parquet"),
        ] {
            let why = format!("not read; if it is the table {table}, name it {right}");
            assert_eq!(passed_over(name), why, "{name}");
            assert!(named_file(right).is_some(), "{right}");
        }
        for (name, table) in
            [("death.zip", "death"), ("cdm_person.xlsx", "person"), ("person.csv.bak", "person")]
        {
            let why = format!("not read; if it is the table {table}, write it as {table}.csv (");
            assert!(passed_over(name).starts_with(&why), "{name}: {}", passed_over(name));
        }
        for name in
            ["README.txt", "people.csv", "personnel.csv", "._person.csv", "~$person.xlsx", ".csv", "é_.csv"]
        {
            assert!(looks_like(name).is_none(), "{name}");
        }
    }
}
