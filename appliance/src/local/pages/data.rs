//! The generations, and how good the one in use is.

use flip_storage::error_chain;
use flip_web::chart::{Bar, Category, Chart, Range, Ranges};
use flip_web::pages::{self as web, Moment, Tone};
use flip_web::{plural, thousands};

use super::frame;
use crate::clock;
use crate::data::quality::{Finding, Severity, share, zero_throughout};
use crate::data::{Generation, GenerationsError, Note, Pin, Quality};
use crate::deliveries::{self, Became};
use crate::site::Site;

/// The page; `said` is what came of a change. A generation that cannot be read is a row that says so, beside the others;
/// where it cannot be told which is in use, the page says so, and one of them can be put in use.
pub fn data(site: &Site, said: Option<web::Said>) -> Result<web::SiteData, String> {
    let now = clock::now();
    let store = &site.generations;
    let words = |error: GenerationsError| error_chain(&error);
    let (in_use, untold) = match store.current_name() {
        Ok(in_use) => (in_use, None),
        Err(error) => (None, Some(error)),
    };
    let said = said.or_else(|| untold.map(|error| web::Said::Not(words(error))));
    let pins = store.pins().map_err(words)?;
    let names = store.names().map_err(words)?;
    let (quality, no_report) = match in_use.as_ref().map(|name| store.quality(name)) {
        Some(Ok(quality)) => (quality, None),
        Some(Err(error)) => (None, Some(words(error))),
        None => (None, None),
    };
    let used = in_use.as_ref().and_then(|name| store.described(name).ok());
    let generations = names.iter().rev().map(|name| {
        let in_use = Some(name) == in_use.as_ref();
        let pins = pins.iter().filter(|pin| pin.keeps(name)).map(Pin::said).collect();
        let wrong = store.named(name).err().map(words);
        let described = store.described(name).ok().map(|known| web::Described {
            extract_date: known.manifest.extract_date.clone(),
            ingested: Moment::at(known.manifest.ingested_at_ms, now.0),
            persons: known.manifest.rows("person").unwrap_or_default(),
        });
        web::Generation { name: name.clone(), described, wrong, in_use, pins }
    });
    Ok(web::SiteData {
        frame: frame(site),
        said,
        generations: generations.collect(),
        watched: site.config.watch.display().to_string(),
        deliveries: deliveries(site),
        quality: quality.map(|quality| quality_of(&quality)),
        tables: used.as_ref().map(tables_of).unwrap_or_default(),
        notes: no_report
            .into_iter()
            .chain(used.map(|used| notes_of(&used.manifest.notes)).unwrap_or_default())
            .collect(),
    })
}

/// What arrived of late; a folder that is not there holds nothing.
fn deliveries(site: &Site) -> Vec<web::Delivered> {
    let newest = deliveries::newest(&site.config.watch, deliveries::TOLD).unwrap_or_default().into_iter();
    let became = |became| match became {
        Became::Ingested => web::Became::Ingested,
        Became::Refused => web::Became::Refused,
        Became::Waits => web::Became::Waits,
    };
    newest.map(|one| web::Delivered { id: one.id, became: became(one.became), report: one.report }).collect()
}

fn tables_of(generation: &Generation) -> Vec<web::Table> {
    let filled = generation.manifest.tables.iter().filter(|table| table.rows > 0);
    filled.map(|table| web::Table { name: table.table.clone(), rows: table.rows }).collect()
}

/// The notes, those of the same words in one line.
fn notes_of(notes: &[Note]) -> Vec<String> {
    let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for note in notes {
        match lines.iter_mut().find(|(text, _)| *text == note.text) {
            Some((_, about)) => about.push(&note.about),
            None => lines.push((&note.text, vec![&note.about])),
        }
    }
    lines.into_iter().map(|(text, about)| format!("{}: {text}", about.join(", "))).collect()
}

fn quality_of(quality: &Quality) -> web::Quality {
    let found = quality.findings.iter().filter_map(|finding| {
        let tone = match finding.severity {
            Severity::Problem => Tone::Bad,
            Severity::Warning => Tone::Warn,
            Severity::Note | Severity::Fine => return None,
        };
        Some(web::Finding { tone, text: sentence(finding) })
    });
    web::Quality {
        cdm_version: quality.cdm_version.clone(),
        vocabulary_version: quality.vocabulary_version.clone(),
        findings: found.collect(),
        zero_throughout: zero_throughout(quality),
        fine: quality.count(Severity::Fine) as u64,
        completeness: completeness_of(quality),
        spans: spans_of(quality),
        measured: quality
            .measured
            .iter()
            .map(|one| web::Measured {
                name: one.name.clone().unwrap_or_else(|| format!("concept {}", one.concept_id)),
                unit: one.unit.clone(),
                values: one.values,
                low: one.low,
                middle: one.middle,
                high: one.high,
            })
            .collect(),
    }
}

fn sentence(finding: &Finding) -> String {
    let column = finding.column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
    let (rows, of) = (thousands(finding.rows), plural(finding.of, "row", None));
    let share = share(finding.rows, finding.of);
    format!("{rows} of {of} ({share}) of {}{column} {}.", finding.table, finding.rule.sentence(finding.rows))
}

fn completeness_of(quality: &Quality) -> Vec<web::Completeness> {
    let mut tables: Vec<web::Completeness> = Vec::new();
    for column in &quality.columns {
        // Rounded down, so that what is not full never says 100.
        let percent = column.filled.saturating_mul(100).checked_div(column.rows).unwrap_or_default();
        let category = Category { label: column.column.clone(), bars: vec![Bar::Count(percent)] };
        let incomplete = u64::from(column.filled < column.rows);
        match tables.iter_mut().find(|table| table.table == column.table) {
            Some(table) => {
                table.chart.categories.push(category);
                table.incomplete += incomplete;
            }
            None => tables.push(web::Completeness {
                table: column.table.clone(),
                chart: Chart {
                    id: format!("filled-{}", tables.len()),
                    title: format!("How full the columns of {} are", column.table),
                    unit: "per cent of rows".to_owned(),
                    series: vec![column.table.clone()],
                    categories: vec![category],
                },
                incomplete,
            }),
        }
    }
    tables
}

fn spans_of(quality: &Quality) -> Option<Ranges> {
    let year = |year: i64| f64::from(i32::try_from(year).unwrap_or_default());
    let ranges: Vec<Range> = quality
        .spans
        .iter()
        .map(|span| Range {
            label: format!("{}.{}", span.table, span.column),
            low: year(span.first_year),
            high: year(span.last_year),
        })
        .collect();
    let title = "Years of the records".to_owned();
    (!ranges.is_empty()).then(|| Ranges { id: "spans".to_owned(), title, ranges })
}
