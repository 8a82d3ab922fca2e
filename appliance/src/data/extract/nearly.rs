//! Files that are not read although their names are nearly those of tables: what each may be, and what makes it one
//! that is read. Pure functions over names.

use std::iter;

use flip_gate::cdm::{TABLES, Table};

use super::names::{ENDINGS_SAID, ending, named_file};
use super::parts::{Part, may_stand_together};
use super::{Format, Recognised};

/// Tables of CDM 5.3 that 5.4 has dropped. Nothing that 5.4 has could hold their rows.
const DROPPED: [&str; 2] = ["attribute_definition", "cohort_attribute"];

/// What the last ending of a name says of a file that is not read as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    /// Delimited text by another ending.
    Text,
    /// Compressed by gzip.
    Gzip,
    /// Compressed by another program.
    Compressed,
    Archive,
    Workbook,
    Encrypted,
    /// A copy that is under way, or was given up.
    Unfinished,
}

const WRAPPINGS: [(Wrapping, &[&str]); 7] = [
    (Wrapping::Text, &[".txt", ".tab", ".psv", ".dat"]),
    // Before the plain ones: the first that fits counts.
    (
        Wrapping::Archive,
        &[".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"],
    ),
    (Wrapping::Gzip, &[".gz", ".gzip"]),
    (Wrapping::Compressed, &[".bz2", ".xz", ".zst", ".zstd", ".lz4", ".lzma", ".z", ".br"]),
    (Wrapping::Workbook, &[".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"]),
    (Wrapping::Encrypted, &[".gpg", ".pgp", ".age", ".enc"]),
    (Wrapping::Unfinished, &[".part", ".partial", ".filepart", ".crdownload", ".tmp"]),
];

/// Why a file is not read, for the operator; `read` are the files beside it that are.
pub(super) fn passed_over(name: &str, read: &[Recognised]) -> String {
    let lower = name.to_ascii_lowercase();
    let stem = ending(&lower).map_or(lower.as_str(), |(stem, _)| stem);
    if DROPPED.contains(&stem) {
        return "a table of CDM 5.3 that 5.4 has dropped; not read".to_owned();
    }
    let Some(table) = looks_like(name) else {
        return "not named after an OMOP CDM table; not read".to_owned();
    };
    let table = table.name;
    let advice = advice(&lower, table);
    let part =
        advice.as_ref().and_then(|(right, _)| named_file(right)).map_or(Part::Whole, |named| named.part);
    // By the right name it would be a second file of what is there, and the extract be refused.
    let clashes = |file: &&Recognised| file.table.name == table && !may_stand_together(&file.part, &part);
    if let Some(file) = read.iter().find(clashes) {
        return format!("not read, beside {}", file.name);
    }
    match advice {
        Some((_, how)) => format!("not read; if it is the table {table}, {how}"),
        None => format!(
            "not read; if it is the table {table}, write it as {table}.csv (the endings are {ENDINGS_SAID})"
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
    if let Some(named) = right_end(&lower).and_then(|name| named_file(&name)) {
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

/// The name by which a file would be read as that table, and what to do for it; none where its ending says nothing.
fn advice(lower: &str, table: &str) -> Option<(String, String)> {
    let with_its_ending = || ending(lower).map(|(stem, _)| format!("{table}{}", &lower[stem.len()..]));
    if let Some(right) = right_end(lower).or_else(with_its_ending) {
        let how = format!("name it {right}");
        return Some((right, how));
    }
    let (inner, wrapping) = unwrapped(lower)?;
    let plain = right_file(inner, table, ".csv");
    let is_parquet = named_file(&plain).is_some_and(|named| named.format == Format::Parquet);
    let right = match wrapping {
        Wrapping::Gzip if !is_parquet => right_file(inner, table, ".csv.gz"),
        Wrapping::Gzip
        | Wrapping::Text
        | Wrapping::Compressed
        | Wrapping::Archive
        | Wrapping::Workbook
        | Wrapping::Encrypted
        | Wrapping::Unfinished => plain,
    };
    let how = match wrapping {
        Wrapping::Gzip | Wrapping::Compressed if is_parquet => format!("decompress it to {right}"),
        Wrapping::Text | Wrapping::Gzip => format!("name it {right}"),
        Wrapping::Compressed => format!("decompress it to {right}, or compress that by gzip, as {right}.gz"),
        Wrapping::Archive => format!("take it out of the archive, as {right}"),
        Wrapping::Workbook => format!("save it as CSV in UTF-8, as {right}"),
        Wrapping::Encrypted => format!("decrypt it to {right}"),
        Wrapping::Unfinished => format!("have it copied to its end, and then name it {right}"),
    };
    Some((right, how))
}

/// A lower-case name without the ending that says why the file is not read as it is.
fn unwrapped(lower: &str) -> Option<(&str, Wrapping)> {
    WRAPPINGS.iter().find_map(|(wrapping, endings)| {
        endings.iter().find_map(|ending| Some((lower.strip_suffix(ending)?, *wrapping)))
    })
}

/// The name of a table's file by what its name is without what it is wrapped in; by that ending where it says none.
fn right_file(inner: &str, table: &str, ending: &str) -> String {
    let stem = unwrapped(inner).map_or(inner, |(stem, _)| stem);
    let by_itself = right_end(inner).or_else(|| right_end(&format!("{stem}{ending}")));
    by_itself.unwrap_or_else(|| format!("{table}{ending}"))
}

/// The longest end of a lower-case name that is a table's file: `person_1.csv` of `omop.person_1.csv`.
fn right_end(lower: &str) -> Option<String> {
    let borders = lower.char_indices().filter(|(_, letter)| !letter.is_ascii_alphanumeric());
    let rests = borders.map(|(at, letter)| &lower[at + letter.len_utf8()..]);
    iter::once(lower).chain(rests).find(|rest| named_file(rest).is_some()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::names::Named;
    use super::*;

    fn passed_over(name: &str) -> String {
        super::passed_over(name, &[])
    }

    fn beside(name: &str, read: &str) -> String {
        let Named { table, format, part } = named_file(read).unwrap();
        super::passed_over(
            name,
            &[Recognised { table, name: read.to_owned(), format, part, path: read.into() }],
        )
    }

    #[test]
    fn nobody_is_told_to_make_a_second_file_of_what_is_there() {
        for name in ["PERSON_old.csv", "person.txt", "person.xlsx", "person.csv.bz2", "PERSON.gz", "PERSON"] {
            assert_eq!(beside(name, "Person.csv"), "not read, beside Person.csv", "{name}");
        }
        for (name, read) in [
            ("omop.person_1.csv", "person.csv"),
            ("omop.person_1.csv", "person_1.csv.gz"),
            ("omop.person.csv", "person_1.csv"),
            ("person.csv.bz2", "person.parquet"),
        ] {
            assert_eq!(beside(name, read), format!("not read, beside {read}"), "{name}");
        }
        assert!(beside("DEATH_old.csv", "person.csv").ends_with("name it death.csv"));
        assert!(beside("omop.person_2.csv", "person_1.csv").ends_with("name it person_2.csv"));
    }

    #[test]
    fn what_5_3_had_and_5_4_dropped_is_named_as_such() {
        assert!(passed_over("ATTRIBUTE_DEFINITION.csv").contains("5.3"));
        assert!(!passed_over("people.csv").contains("5.3"));
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
            ("PERSON.gz", "person", "person.csv.gz"),
            ("omop.measurement_0003.gz", "measurement", "measurement_0003.csv.gz"),
            ("person.txt", "person", "person.csv"),
            ("person_2.TXT", "person", "person_2.csv"),
            ("person.txt.gz", "person", "person.csv.gz"),
            ("VisitOccurrence.dat", "visit_occurrence", "visit_occurrence.csv"),
        ] {
            let why = format!("not read; if it is the table {table}, name it {right}");
            assert_eq!(passed_over(name), why, "{name}");
            assert!(named_file(right).is_some(), "{right}");
        }
        for name in
            ["README.txt", "people.csv", "personnel.csv", "._person.csv", "~$person.xlsx", ".csv", "é_.csv"]
        {
            assert!(looks_like(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_file_of_another_kind_is_told_how_to_become_one_that_is_read() {
        for (name, table, how) in [
            ("person.parquet.gz", "person", "decompress it to person.parquet"),
            ("person.parquet.zst", "person", "decompress it to person.parquet"),
            (
                "person.tsv.bz2",
                "person",
                "decompress it to person.tsv, or compress that by gzip, as person.tsv.gz",
            ),
            ("DEATH.xz", "death", "decompress it to death.csv, or compress that by gzip, as death.csv.gz"),
            ("person.zip", "person", "take it out of the archive, as person.csv"),
            ("omop.death.tsv.zip", "death", "take it out of the archive, as death.tsv"),
            ("person.tar.gz", "person", "take it out of the archive, as person.csv"),
            ("person.csv.tgz", "person", "take it out of the archive, as person.csv"),
            ("Person.xlsx", "person", "save it as CSV in UTF-8, as person.csv"),
            ("cdm_person.xls", "person", "save it as CSV in UTF-8, as person.csv"),
            ("person.csv.gz.gpg", "person", "decrypt it to person.csv.gz"),
            ("person_4.csv.gz.part", "person", "have it copied to its end, and then name it person_4.csv.gz"),
        ] {
            assert_eq!(passed_over(name), format!("not read; if it is the table {table}, {how}"), "{name}");
        }
        for name in ["PERSON", "person.csv.bak", "person.json", "person.feather"] {
            let why = "not read; if it is the table person, write it as person.csv (the endings are .csv, ";
            assert!(passed_over(name).starts_with(why), "{name}: {}", passed_over(name));
        }
    }
}
