//! What an ingest did, and how it is told at the terminal.

use std::fmt::Write;

use flip_web::thousands;

use super::generations::Generation;
use super::manifest::Manifest;
use super::quality::{Quality, print_summary};

/// What an ingest did.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The new generation, now in use.
    pub generation: Generation,
    /// What its data are worth.
    pub quality: Quality,
    /// Older generations that were removed for it.
    pub removed: Vec<String>,
}

/// The report as text for the terminal: the tables, what is worth a look, notes.
pub fn print_report(report: &Report) -> String {
    let manifest = &report.generation.manifest;
    let mut out = format!(
        "generation {} is in use; its data are of {}\n\n{}\n{}",
        report.generation.name,
        manifest.extract_date,
        print_tables(manifest),
        print_summary(&report.quality)
    );
    let notes = print_notes(manifest);
    if !notes.is_empty() {
        out.push('\n');
        out.push_str(&notes);
    }
    if !report.removed.is_empty() {
        writeln!(out, "\nremoved, as older than those kept: {}", report.removed.join(", "))
            .expect("writing to a String does not fail");
    }
    out
}

/// Rows and source of each table.
pub fn print_tables(manifest: &Manifest) -> String {
    let rows: Vec<_> =
        manifest.tables.iter().filter_map(|entry| Some((entry, entry.source.as_deref()?))).collect();
    let wide = rows.iter().map(|(entry, _)| entry.table.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        writeln!(out, "{text}").expect("writing to a String does not fail");
    };
    line(format_args!("{:wide$}  {:>13}  file", "table", "rows"));
    for (entry, source) in rows {
        line(format_args!("{:wide$}  {:>13}  {source}", entry.table, thousands(entry.rows)));
    }
    let absent = absent(manifest);
    if !absent.is_empty() {
        line(format_args!(""));
        line(format_args!("no file, so empty: {}", absent.join(", ")));
    }
    out
}

/// What the operator should know, but for what [`print_tables`] says.
pub fn print_notes(manifest: &Manifest) -> String {
    let absent = absent(manifest);
    let mut out = String::new();
    for note in manifest.notes.iter().filter(|note| !absent.contains(&note.about.as_str())) {
        let heading = if out.is_empty() { "notes:\n" } else { "" };
        writeln!(out, "{heading}  {}: {}", note.about, note.text).expect("writing to a String does not fail");
    }
    out
}

fn absent(manifest: &Manifest) -> Vec<&str> {
    let absent = manifest.tables.iter().filter(|entry| entry.source.is_none());
    absent.map(|entry| entry.table.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::data::manifest::{Note, TableEntry};
    use crate::data::quality::{Finding, Rule, Severity};

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
                entry("death", 12, Some("death_1.parquet and 2 more")),
                entry("note", 0, None),
            ],
            notes: vec![
                Note::new("note", "no file; the table is empty"),
                Note::new("PERSON.csv", "2 blank lines passed over"),
            ],
            database: None,
            population: None,
            delivery: None,
            begun: None,
        };
        let finding = |severity, rule, rows, of| Finding {
            severity,
            rule,
            table: "death".to_owned(),
            column: Some("person_id".to_owned()),
            rows,
            of,
        };
        let quality = Quality {
            cdm_version: None,
            vocabulary_version: None,
            extract_date: manifest.extract_date.clone(),
            persons: 1_234_567,
            findings: vec![
                finding(Severity::Problem, Rule::NoPerson, 3, 12),
                finding(Severity::Fine, Rule::NoSuchRow, 0, 12),
            ],
            columns: Vec::new(),
            spans: Vec::new(),
            measured: Vec::new(),
        };
        let generation = Generation { name: "g-000004".to_owned(), database: PathBuf::new(), manifest };
        assert_eq!(
            print_report(&Report { generation, quality, removed: vec!["g-000001".to_owned()] }),
            "generation g-000004 is in use; its data are of 2026-01-31\n\
             \n\
             table            rows  file\n\
             person      1,234,567  PERSON.csv\n\
             death              12  death_1.parquet and 2 more\n\
             \n\
             no file, so empty: note\n\
             \n\
             quality: 1 problem, 0 warnings, 1 look found nothing\n  \
               problems\n    \
                 death.person_id  3 of 12 (25.0 %) name no person\n\
             \n\
             notes:\n  \
               PERSON.csv: 2 blank lines passed over\n\
             \n\
             removed, as older than those kept: g-000001\n"
        );
    }
}
