//! What the names of files and folders say: pure functions over text.

use flip_gate::cdm::{TABLES, Table};

use super::Format;
use super::parts::Part;

/// The endings of the files that are read, as they are told.
pub(in crate::data) const ENDINGS_SAID: &str = ".csv, .tsv, .csv.gz, .tsv.gz and .parquet";

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

/// A lower-case name without its ending, and the format that the ending says.
pub(super) fn ending(lower: &str) -> Option<(&str, Format)> {
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
}
