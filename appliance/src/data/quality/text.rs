//! A quality report as people read it at the terminal.

use std::fmt::Write;

use flip_web::{plural, thousands};

use super::{Finding, Quality, Rule, Severity};

/// A few lines: how many findings there are, and which are worth a look.
pub fn print_summary(quality: &Quality) -> String {
    let mut out = String::new();
    let count = |severity, what| plural(quality.count(severity) as u64, what, None);
    line(
        &mut out,
        format_args!(
            "quality: {}, {}, {} found nothing",
            count(Severity::Problem, "problem"),
            count(Severity::Warning, "warning"),
            count(Severity::Fine, "look")
        ),
    );
    for (severity, heading) in [(Severity::Problem, "problems"), (Severity::Warning, "warnings")] {
        let found: Vec<&Finding> =
            quality.findings.iter().filter(|finding| finding.severity == severity).collect();
        if found.is_empty() {
            continue;
        }
        line(&mut out, format_args!("  {heading}"));
        let wide = found.iter().map(|finding| name(finding).len()).max().unwrap_or(0);
        for finding in found {
            line(
                &mut out,
                format_args!(
                    "    {:wide$}  {} of {} ({}) {}",
                    name(finding),
                    thousands(finding.rows),
                    thousands(finding.of),
                    share(finding.rows, finding.of),
                    finding.rule.sentence(finding.rows)
                ),
            );
        }
    }
    if let Some(columns) = zero_throughout(quality) {
        line(&mut out, format_args!("  0 throughout, and so kept as empty: {columns}"));
    }
    out
}

/// The columns of references that are 0 wherever they are filled, by table: `drug_exposure (visit_occurrence_id, visit_detail_id),
/// observation (visit_detail_id)`.
pub fn zero_throughout(quality: &Quality) -> Option<String> {
    let mut tables: Vec<(&str, Vec<&str>)> = Vec::new();
    for finding in quality.findings.iter().filter(|finding| finding.severity == Severity::Note) {
        let column = finding.column.as_deref().unwrap_or_default();
        match tables.iter_mut().find(|(table, _)| *table == finding.table) {
            Some((_, columns)) => columns.push(column),
            None => tables.push((&finding.table, vec![column])),
        }
    }
    let tables: Vec<String> =
        tables.into_iter().map(|(table, columns)| format!("{table} ({})", columns.join(", "))).collect();
    (!tables.is_empty()).then(|| tables.join(", "))
}

/// The whole report.
pub fn print_quality(quality: &Quality) -> String {
    let mut out = print_summary(quality);
    fine(&mut out, quality);
    let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "not said".to_owned());
    line(&mut out, format_args!(""));
    line(&mut out, format_args!("CDM version         {}", or_unknown(&quality.cdm_version)));
    line(&mut out, format_args!("vocabulary version  {}", or_unknown(&quality.vocabulary_version)));
    line(&mut out, format_args!("extract of          {}", quality.extract_date));
    line(&mut out, format_args!("persons             {}", thousands(quality.persons)));
    filled(&mut out, quality);
    years(&mut out, quality);
    measured(&mut out, quality);
    out
}

fn fine(out: &mut String, quality: &Quality) {
    let mut rules: Vec<(Rule, u64)> = Vec::new();
    for finding in quality.findings.iter().filter(|finding| finding.severity == Severity::Fine) {
        match rules.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, times)) => *times += 1,
            None => rules.push((finding.rule, 1)),
        }
    }
    if !rules.is_empty() {
        line(out, format_args!("  fine: none or few rows that"));
        for (rule, times) in rules {
            line(out, format_args!("    {} ({} looked at)", rule.sentence(0), plural(times, "column", None)));
        }
    }
}

/// Columns that are not full, table by table.
fn filled(out: &mut String, quality: &Quality) {
    line(out, format_args!(""));
    line(out, format_args!("filled (columns that are not named are full or empty throughout)"));
    let wide = quality.columns.iter().map(|column| column.table.len()).max().unwrap_or(0);
    for table in quality.columns.chunk_by(|one, other| one.table == other.table) {
        let partly = table.iter().filter(|column| column.filled > 0 && column.filled < column.rows);
        let partly: Vec<_> =
            partly.map(|column| format!("{} {}", column.column, share(column.filled, column.rows))).collect();
        if !partly.is_empty() {
            line(out, format_args!("  {:wide$}  {}", table[0].table, partly.join(", ")));
        }
    }
}

fn years(out: &mut String, quality: &Quality) {
    if quality.spans.is_empty() {
        return;
    }
    line(out, format_args!(""));
    line(out, format_args!("years with at least {} records", super::CROWD));
    let names =
        quality.spans.iter().map(|span| format!("{}.{}", span.table, span.column)).collect::<Vec<_>>();
    let wide = names.iter().map(String::len).max().unwrap_or(0);
    for (span, name) in quality.spans.iter().zip(names) {
        let outside = if span.outside == 0 {
            String::new()
        } else {
            format!("; {} outside", plural(span.outside, "record", None))
        };
        line(out, format_args!("  {name:wide$}  {} to {}{outside}", span.first_year, span.last_year));
    }
}

fn measured(out: &mut String, quality: &Quality) {
    if quality.measured.is_empty() {
        return;
    }
    line(out, format_args!(""));
    line(out, format_args!("most frequent measurements: 5th percentile, median, 95th"));
    for measured in &quality.measured {
        let name = measured.name.clone().unwrap_or_else(|| format!("concept {}", measured.concept_id));
        let unit = measured.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        line(
            out,
            format_args!(
                "  {name}: {}, {}, {}{unit} ({} values)",
                measured.low,
                measured.middle,
                measured.high,
                thousands(measured.values)
            ),
        );
    }
}

fn name(finding: &Finding) -> String {
    match &finding.column {
        Some(column) => format!("{}.{column}", finding.table),
        None => finding.table.clone(),
    }
}

/// A share in per cent; what is not all or nothing never reads as all or nothing.
pub fn share(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1_000 / u128::from(whole.max(1));
    match tenths {
        0 if part > 0 => "under 0.1 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_never_rounded_to_all_or_nothing() {
        assert_eq!(share(1, 1_000_000), "under 0.1 %");
        assert_eq!(share(999_999, 1_000_000), "99.9 %");
        assert_eq!(share(12, 1_000), "1.2 %");
        assert_eq!(share(0, 0), "0.0 %");
    }
}
