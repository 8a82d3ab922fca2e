//! Samples of a query's page.

use super::{Field, Freeze, Query, freeze};
use crate::{
    Page,
    chart::{Bar, Category, Chart, Column, Marks, NumberLine, Panel, Summary},
    pages::{Answer, Margins, Place, Rule, TrustAnswer, sample},
};

impl Page for Query {
    const TEMPLATE: &'static str = "query.html";

    fn samples() -> Vec<Self> {
        let full = Self {
            frame: sample::frame(),
            name: "COPD since 2019".to_owned(),
            sql: sample::SQL.to_owned(),
            project: "Lung nodules on chest CT".to_owned(),
            project_href: "/projects/2".to_owned(),
            by: "r.okafor@flip.example".to_owned(),
            at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
            persons: Some(1_240),
            margin: Some(45),
            inexact: true,
            trusts: every_answer(),
            fields: vec![
                columns(),
                nulls(),
                ages(),
                sexes(),
                years(),
                ages_of_onset(),
                top_conditions(),
                withheld(),
            ],
            undivided: vec!["Westbrook".to_owned()],
            freeze: freeze::sample(),
            staged: Some("approved".to_owned()),
            cancel_action: None,
            again_href: Some("/queries/new?project=2&again=5".to_owned()),
            csv_href: Some("/queries/5/answer.csv".to_owned()),
            json_href: Some("/queries/5/answer.json".to_owned()),
            refresh_seconds: None,
        };
        let waiting = Self {
            persons: None,
            margin: None,
            inexact: false,
            trusts: vec![
                row("Northmoor University Hospitals", Answer::Running),
                row("Saltmarsh General", Answer::Delivered),
                row("Eastvale NHS Foundation Trust", Answer::Queued),
            ],
            fields: Vec::new(),
            undivided: Vec::new(),
            freeze: Freeze { action: None, trusts: Vec::new() },
            staged: None,
            cancel_action: Some("/queries/5/cancel".to_owned()),
            again_href: None,
            csv_href: None,
            json_href: None,
            refresh_seconds: Some(2),
            ..full.clone()
        };
        let only_fewer = Self {
            trusts: vec![row("Northmoor University Hospitals", Answer::FewerThan { threshold: 10 })],
            refresh_seconds: None,
            ..waiting.clone()
        };
        let nobody = Self { trusts: Vec::new(), ..only_fewer.clone() };
        vec![full.clone(), waiting, only_fewer, nobody, many(full)]
    }
}

/// More Trusts than can be told apart by colour, and more categories than are drawn.
fn many(page: Query) -> Query {
    let trusts: Vec<_> = (1..=12).map(|number| format!("District {number} University Hospitals")).collect();
    let bars = |seed: u64| (1..=12).map(|trust| Bar::Count((seed * trust * 37) % 4_999 + 10)).collect();
    let categories = (1..=24)
        .map(|seed| Category { label: format!("Modality number {seed}"), bars: bars(seed) })
        .collect();
    let answer = Answer::Value { persons: 2_510, records: 4_999, margins: None };
    Query {
        persons: Some(30_120),
        margin: None,
        inexact: false,
        trusts: trusts.iter().map(|trust| row(trust, answer.clone())).collect(),
        fields: vec![Field {
            chart: Chart {
                id: "modality".to_owned(),
                title: "Modality Distribution".to_owned(),
                unit: "images".to_owned(),
                series: trusts,
                categories,
            },
            line: None,
            margins: vec![None; 12],
            summaries: vec![None; 12],
            folded: false,
            nothing: false,
        }],
        ..page
    }
}

fn row(trust: &str, answer: Answer) -> TrustAnswer {
    TrustAnswer { trust: trust.to_owned(), answer, extract_date: None, answered: None }
}

fn every_answer() -> Vec<TrustAnswer> {
    let answered = |trust: &str, answer, date: &str| TrustAnswer {
        extract_date: Some(date.to_owned()),
        answered: Some(sample::moment("2026-07-21T08:12:03Z", "4 minutes ago")),
        ..row(trust, answer)
    };
    vec![
        answered(
            "Northmoor University Hospitals",
            Answer::Value { persons: 825, records: 1_940, margins: Some(within(35, 60)) },
            "2026-06-30",
        ),
        answered(
            "Saltmarsh General",
            Answer::Value { persons: 415, records: 730, margins: Some(within(28, 50)) },
            "2026-07-14",
        ),
        answered("Eastvale NHS Foundation Trust", Answer::FewerThan { threshold: 10 }, "2026-05-31"),
        answered(
            "Westbrook",
            Answer::Refused {
                rule: Rule::Gate,
                message: "condition_start_date may not be compared at this Trust.".to_owned(),
                place: Some(Place { line: 7, column: 8 }),
            },
            "2026-07-01",
        ),
        answered(
            "Old Quay",
            Answer::Failed { why: "the question took longer than the Trust allows".to_owned() },
            "2026-07-01",
        ),
        answered(
            "Fenwick",
            Answer::Refused {
                rule: Rule::Quota,
                message:
                    "This project has asked 100 new questions within a week, which is all that this Trust \
                          allows; ask again from 2026-07-28 on."
                        .to_owned(),
                place: None,
            },
            "2026-07-01",
        ),
        answered(
            "Cold Harbour",
            Answer::Refused {
                rule: Rule::Cost,
                message:
                    "The question would join about 4,000,000,000 rows; narrow it by a date or a concept."
                        .to_owned(),
                place: None,
            },
            "2026-07-01",
        ),
        row("Harbour Street", Answer::Running),
        row("Millfield", Answer::Delivered),
        row("St Aldate's", Answer::Queued),
        row(
            "Kingsferry",
            Answer::OfflineSince { since: sample::moment("2026-07-20T17:41:00Z", "15 hours ago") },
        ),
        row("Dunmere", Answer::NeverSeen),
        row("Thornhill", Answer::Expired { at: sample::moment("2026-07-14T08:12:03Z", "7 days ago") }),
    ]
}

fn field(id: &str, title: &str, unit: &str, cells: &[(&str, [Bar; 2])]) -> Field {
    Field {
        folded: cells.iter().any(|(_, bars)| bars.contains(&Bar::Withheld)),
        nothing: false,
        line: None,
        margins: vec![Some(35), Some(28)],
        summaries: vec![None, None],
        chart: Chart {
            id: id.to_owned(),
            title: title.to_owned(),
            unit: unit.to_owned(),
            series: vec!["Northmoor University Hospitals".to_owned(), "Saltmarsh General".to_owned()],
            categories: cells
                .iter()
                .map(|(label, bars)| Category { label: (*label).to_owned(), bars: bars.to_vec() })
                .collect(),
        },
    }
}

fn columns() -> Field {
    let both = |first, second| [Bar::Count(first), Bar::Count(second)];
    let cells = [
        ("person_id", both(1_940, 731)),
        ("gender_concept_id", both(1_902, 731)),
        ("condition_concept_id", both(1_940, 719)),
    ];
    field("counts", "Counts", "records", &cells)
}

fn nulls() -> Field {
    let both = |first, second| [Bar::Count(first), Bar::Count(second)];
    let cells = [
        ("person_id", both(0, 0)),
        ("gender_concept_id", both(38, 0)),
        ("condition_concept_id", [Bar::Count(0), Bar::Count(12)]),
    ];
    field("nulls", "Nulls", "records", &cells)
}

fn ages() -> Field {
    let both = |first, second| [Bar::Count(first), Bar::Count(second)];
    let cells = [
        ("0-9", [Bar::Withheld, Bar::Withheld]),
        ("10-19", [Bar::Withheld, Bar::Absent]),
        ("20-29", [Bar::Count(24), Bar::Withheld]),
        ("30-39", both(41, 18)),
        ("40-49", both(96, 37)),
        ("50-59", both(151, 88)),
        ("60-69", both(214, 120)),
        ("70-79", both(198, 101)),
        ("80-89", both(74, 35)),
        ("90+", [Bar::Count(12), Bar::Withheld]),
    ];
    field("ages", "Age Distribution", "persons", &cells)
}

fn sexes() -> Field {
    let cells =
        [("Female", [Bar::Count(390), Bar::Count(190)]), ("Male", [Bar::Count(432), Bar::Count(222)])];
    field("sexes", "Sex Distribution", "persons", &cells)
}

fn within(persons: u64, records: u64) -> Margins {
    Margins { persons, records }
}

fn years() -> Field {
    let years: Vec<(String, [Bar; 2])> = (2009_u64..=2025)
        .map(|year| {
            let count = |scale| Bar::Count(scale + (year - 2009) * scale / 5 - (year % 3) * scale / 9);
            (year.to_string(), [count(180), if year < 2013 { Bar::Absent } else { count(80) }])
        })
        .collect();
    let cells: Vec<(&str, [Bar; 2])> = years.iter().map(|(year, bars)| (year.as_str(), *bars)).collect();
    let field = field("years", "Years of Observation", "persons", &cells);
    Field { line: Some(line(&field, Marks::Middles, |label| label.parse().ok(), 1.0)), ..field }
}

fn ages_of_onset() -> Field {
    let both = |first, second| [Bar::Count(first), Bar::Count(second)];
    let cells = [
        ("below 20", [Bar::Withheld, Bar::Absent]),
        ("20 to 30", [Bar::Count(35), Bar::Withheld]),
        ("30 to 40", both(60, 30)),
        ("40 to 50", both(145, 75)),
        ("50 to 60", both(210, 120)),
        ("60 to 70", both(190, 95)),
        ("70 to 80", both(110, 60)),
        ("80 and more", both(40, 35)),
    ];
    let field = field("onset", "Distribution of age_at_onset", "persons", &cells);
    let from = |label: &str| label.split_once(" to ").and_then(|(from, _)| from.parse().ok());
    let mut line = line(&field, Marks::Edges, from, 10.0);
    let summaries =
        vec![Some(Summary { mean: 56.4, spread: 13.1 }), Some(Summary { mean: 57.9, spread: 12.0 })];
    for (panel, summary) in line.panels.iter_mut().zip(&summaries) {
        panel.summary = *summary;
        panel.columns[0].to = Some(20.0);
        if let Some(last) = panel.columns.last_mut() {
            last.from = Some(80.0);
        }
    }
    Field { line: Some(line), summaries, ..field }
}

fn withheld() -> Field {
    Field {
        folded: true,
        nothing: true,
        ..field("withheld", "Top Values of value_as_string", "persons", &[])
    }
}

fn top_conditions() -> Field {
    let both = |first, second| [Bar::Count(first), Bar::Count(second)];
    let cells = [
        ("Chronic obstructive pulmonary disease", both(640, 335)),
        ("Acute exacerbation of chronic obstructive airways disease", both(255, 120)),
        ("Emphysema", [Bar::Count(90), Bar::Withheld]),
        ("Other", both(120, 55)),
    ];
    field("conditions", "Top Values of condition_concept_id", "persons", &cells)
}

/// The field along a number line of columns `width` wide.
fn line(field: &Field, marks: Marks, from: impl Fn(&str) -> Option<f64>, width: f64) -> NumberLine {
    let panels = field.chart.series.iter().enumerate().map(|(series, name)| Panel {
        series: name.clone(),
        columns: field
            .chart
            .categories
            .iter()
            .map(|category| Column {
                label: category.label.clone(),
                from: from(&category.label),
                to: from(&category.label).map(|from| from + width),
                bar: category.bars[series],
            })
            .collect(),
        summary: None,
        beside: None,
    });
    NumberLine {
        id: field.chart.id.clone(),
        title: field.chart.title.clone(),
        unit: field.chart.unit.clone(),
        marks,
        panels: panels.collect(),
    }
}
