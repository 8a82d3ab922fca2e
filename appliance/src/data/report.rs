//! What an ingest did, and how it is told at the terminal.

use std::fmt::Write;

use super::generations::Generation;

/// What an ingest did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The new generation, now in use.
    pub generation: Generation,
}

/// The report as a table for the terminal: rows and source of each table, then checks that failed, then notes.
pub fn print_report(report: &Report) -> String {
    let manifest = &report.generation.manifest;
    let rows: Vec<_> =
        manifest.tables.iter().filter_map(|entry| Some((entry, entry.source.as_deref()?))).collect();
    let wide = rows.iter().map(|(entry, _)| entry.table.len()).max().unwrap_or(0);

    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        writeln!(out, "{text}").expect("writing to a String does not fail");
    };
    line(format_args!(
        "generation {} is in use; its data are of {}",
        report.generation.name, manifest.extract_date
    ));
    line(format_args!(""));
    line(format_args!("{:wide$}  {:>13}  file", "table", "rows"));
    for (entry, source) in rows {
        line(format_args!("{:wide$}  {:>13}  {source}", entry.table, grouped(entry.rows)));
    }
    let absent: Vec<_> = manifest
        .tables
        .iter()
        .filter(|entry| entry.source.is_none())
        .map(|entry| entry.table.as_str())
        .collect();
    if !absent.is_empty() {
        line(format_args!(""));
        line(format_args!("no file, so empty: {}", absent.join(", ")));
    }
    let failing: Vec<_> = manifest.checks.iter().filter(|check| check.rows_failing > 0).collect();
    let passed = manifest.checks.len() - failing.len();
    line(format_args!(""));
    line(format_args!("checks: {passed} passed, {} found something", failing.len()));
    for check in failing {
        line(format_args!(
            "  {}.{}: not \"{}\" in {} rows",
            check.table,
            check.column,
            check.rule,
            grouped(check.rows_failing)
        ));
    }
    let notes: Vec<_> = manifest.notes.iter().filter(|note| !absent.contains(&note.about.as_str())).collect();
    if !notes.is_empty() {
        line(format_args!(""));
        line(format_args!("notes:"));
        for note in notes {
            line(format_args!("  {}: {}", note.about, note.text));
        }
    }
    out
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::data::manifest::{Check, Manifest, Note, TableEntry};

    #[test]
    fn the_report_reads_as_a_table() {
        let entry = |table: &str, rows, source: Option<&str>| TableEntry {
            table: table.to_owned(),
            rows,
            source: source.map(str::to_owned),
        };
        let manifest = Manifest {
            extract_date: "2026-01-31".to_owned(),
            cdm_version: None,
            ingested_at_ms: 0,
            duckdb_version: "v1.5.6".to_owned(),
            tables: vec![
                entry("person", 1_234_567, Some("PERSON.csv")),
                entry("death", 12, Some("death.parquet")),
                entry("note", 0, None),
            ],
            notes: vec![
                Note::new("note", "no file; the table is empty"),
                Note::new("PERSON.csv", "2 blank lines passed over"),
            ],
            checks: vec![Check {
                table: "death".to_owned(),
                column: "person_id".to_owned(),
                rule: "names a row of person".to_owned(),
                rows_failing: 3,
            }],
        };
        let generation = Generation { name: "g-000002".to_owned(), database: PathBuf::new(), manifest };
        assert_eq!(
            print_report(&Report { generation }),
            "generation g-000002 is in use; its data are of 2026-01-31\n\
             \n\
             table            rows  file\n\
             person      1,234,567  PERSON.csv\n\
             death              12  death.parquet\n\
             \n\
             no file, so empty: note\n\
             \n\
             checks: 0 passed, 1 found something\n  \
               death.person_id: not \"names a row of person\" in 3 rows\n\
             \n\
             notes:\n  \
               PERSON.csv: 2 blank lines passed over\n"
        );
    }
}
