//! The data that a Trust holds: its generations, and how good the one in use is.

use serde::Serialize;

use crate::{
    Page,
    chart::{Bar, Category, Chart, Range, Ranges},
    pages::{Frame, Moment, Said, Tone, sample},
};

/// The page at `/data`. Its forms post `generation` to `/data/use` and `/data/drop`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteData {
    /// What surrounds it.
    pub frame: Frame,
    /// What came of the last change, or why there was none.
    pub said: Option<Said>,
    /// The generations that are kept, newest first.
    pub generations: Vec<Generation>,
    /// The folder that extracts are delivered to.
    pub watched: String,
    /// What arrived there of late, the newest first.
    pub deliveries: Vec<Delivered>,
    /// The report on the one in use.
    pub quality: Option<Quality>,
    /// Tables of the one in use that have rows.
    pub tables: Vec<Table>,
    /// What ingest noted about the one in use.
    pub notes: Vec<String>,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It became a generation.
    Ingested,
    /// It did not.
    Refused,
    /// It is tried again.
    Waits,
}

/// An extract that arrived in the watched folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// When it was taken, and its name.
    pub id: String,
    /// How far it is.
    pub became: Became,
    /// What the ingest said.
    pub report: String,
}

/// One generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// Its name, for example `g-000003`.
    pub name: String,
    /// What it says of itself; none where that cannot be read.
    pub described: Option<Described>,
    /// Why it cannot be put in use.
    pub wrong: Option<String>,
    /// True for the one that questions are asked of.
    pub in_use: bool,
    /// What keeps it: frozen cohorts, by name.
    pub pins: Vec<String>,
}

/// What a generation says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    /// Day of the extract (`YYYY-MM-DD`).
    pub extract_date: String,
    /// When it was ingested.
    pub ingested: Moment,
    /// Persons in it.
    pub persons: u64,
}

/// A table of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

/// How good the data are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// The CDM's version, as the extract says.
    pub cdm_version: Option<String>,
    /// The vocabulary's version, as the extract says.
    pub vocabulary_version: Option<String>,
    /// What was found, first what is to be acted on first. What is fine is counted alone.
    pub findings: Vec<Finding>,
    /// The columns that are 0 wherever they are filled, and so kept as empty, by table.
    pub zero_throughout: Option<String>,
    /// Checks that found nothing.
    pub fine: u64,
    /// How full the columns are, by table.
    pub completeness: Vec<Completeness>,
    /// Of which years the tables are.
    pub spans: Option<Ranges>,
    /// The most frequent measurements.
    pub measured: Vec<Measured>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub tone: Tone,
    /// What it is, in a sentence.
    pub text: String,
}

/// How full a table's columns are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Completeness {
    /// The table.
    pub table: String,
    /// Per cent of rows with a value, by column.
    pub chart: Chart,
    /// Columns that are less than full.
    pub incomplete: u64,
}

/// A measurement with numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Its concept's name, or number.
    pub name: String,
    /// Its unit, where one is given.
    pub unit: Option<String>,
    /// Values.
    pub values: u64,
    /// Below it lie five of a hundred values.
    pub low: f64,
    /// Below it lies half of them.
    pub middle: f64,
    /// Below it lie ninety-five of a hundred.
    pub high: f64,
}

impl Page for SiteData {
    const TEMPLATE: &'static str = "site_data.html";

    fn samples() -> Vec<Self> {
        let generation = |number: u64, in_use, pins: &[&str]| Generation {
            name: format!("g-{number:06}"),
            described: Some(Described {
                extract_date: format!("2026-0{}-30", number + 3),
                ingested: sample::moment("2026-07-01T02:10:00Z", "20 days ago"),
                persons: 1_040_000 + number * 4_288,
            }),
            wrong: None,
            in_use,
            pins: pins.iter().map(|pin| (*pin).to_owned()).collect(),
        };
        let table = |name: &str, rows| Table { name: name.to_owned(), rows };
        let full = Self {
            frame: sample::site(),
            said: None,
            generations: vec![
                generation(3, true, &[]),
                generation(2, false, &["cohort-copd"]),
                generation(1, false, &[]),
                Generation {
                    described: None,
                    wrong: Some(
                        "/var/lib/flip/generations/g-000000/manifest.json is missing, damaged or of another version"
                            .to_owned(),
                    ),
                    ..generation(0, false, &[])
                },
            ],
            watched: "/srv/omop".to_owned(),
            deliveries: vec![
                Delivered {
                    id: "20260722-081203-2026-07-b".to_owned(),
                    became: Became::Waits,
                    report: "the disk is full: this ingest needs about 812000000 bytes\n\
                             It is tried again, 60 s after this was written."
                        .to_owned(),
                },
                Delivered {
                    id: "20260721-081203-2026-07".to_owned(),
                    became: Became::Refused,
                    report: "person.csv, line 7, column year_of_birth: not a whole number".to_owned(),
                },
                Delivered {
                    id: "20260621-081203-2026-06".to_owned(),
                    became: Became::Ingested,
                    report: "generation g-000003 is in use; its data are of 2026-06-21".to_owned(),
                },
            ],
            quality: Some(quality()),
            tables: vec![
                table("person", 1_048_576),
                table("condition_occurrence", 14_800_112),
                table("measurement", 61_442_008),
            ],
            notes: vec![
                "image_feature is missing from the extract; questions that name it are refused.".to_owned(),
            ],
        };
        let changed = Self {
            said: Some(Said::Not("g-000002 is kept: a frozen cohort reads it.".to_owned())),
            quality: None,
            notes: Vec::new(),
            ..full.clone()
        };
        let empty = Self {
            said: None,
            generations: Vec::new(),
            deliveries: Vec::new(),
            tables: Vec::new(),
            ..changed.clone()
        };
        vec![full, changed, empty]
    }
}

fn quality() -> Quality {
    let finding = |tone, text: &str| Finding { tone, text: text.to_owned() };
    let filled =
        [("gender_concept_id", 100), ("race_concept_id", 87), ("location_id", 12), ("provider_id", 0)];
    let range = |label: &str, low, high| Range { label: label.to_owned(), low, high };
    Quality {
        cdm_version: Some("CDM v5.4".to_owned()),
        vocabulary_version: Some("v5.0 29-AUG-26".to_owned()),
        findings: vec![
            finding(
                Tone::Bad,
                "412 of 61,442,008 rows (under 0.1 %) of measurement.person_id name no person.",
            ),
            finding(
                Tone::Warn,
                "1,204 of 14,800,112 rows (under 0.1 %) of condition_occurrence.condition_start_date lie after the day of \
                 the extract.",
            ),
        ],
        zero_throughout: Some("drug_exposure (visit_detail_id), measurement (visit_detail_id)".to_owned()),
        fine: 24,
        completeness: vec![Completeness {
            table: "person".to_owned(),
            chart: Chart {
                id: "filled-0".to_owned(),
                title: "person".to_owned(),
                unit: "per cent filled".to_owned(),
                series: vec!["person".to_owned()],
                categories: filled
                    .map(|(label, count)| Category { label: label.to_owned(), bars: vec![Bar::Count(count)] })
                    .to_vec(),
            },
            incomplete: 3,
        }],
        spans: Some(Ranges {
            id: "spans".to_owned(),
            title: "Years of the records".to_owned(),
            ranges: vec![
                range("condition_occurrence.condition_start_date", 2009.0, 2026.0),
                range("measurement.measurement_date", 2012.0, 2026.0),
                range("death.death_date", 2015.0, 2025.0),
            ],
        }),
        measured: vec![Measured {
            name: "Body weight".to_owned(),
            unit: Some("kilogram".to_owned()),
            values: 812_004,
            low: 48.0,
            middle: 77.0,
            high: 120.0,
        }],
    }
}
