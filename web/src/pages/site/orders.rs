//! The orders that came to a Trust, and exactly what left it for each.

use serde::Serialize;

use super::{Order, samples::every_order};
use crate::{
    Page,
    chart::{Bar, Category, Chart},
    pages::{Frame, sample},
};

/// The list at `/orders`, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteOrders {
    /// What surrounds it.
    pub frame: Frame,
    /// What is looked for.
    pub filter: OrderFilter,
    /// The orders of this page.
    pub orders: Vec<Order>,
    /// How many orders fit the filter.
    pub found: u64,
    /// Path of the page with newer ones.
    pub newer_href: Option<String>,
    /// Path of the page with older ones.
    pub older_href: Option<String>,
    /// Seconds until the page asks again.
    pub refresh_seconds: Option<u32>,
}

/// What is looked for among the orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OrderFilter {
    /// Words of the name or the question.
    pub words: String,
    /// The state's name (`released`, `refused`, …), or nothing for all.
    pub outcome: String,
}

/// One order at `/orders/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteOrder {
    /// What surrounds it.
    pub frame: Frame,
    /// The order.
    pub order: Order,
    /// The statistics that left, where any did.
    pub released: Option<Released>,
    /// The answer word by word, as it was sealed to the hub; `None` where nothing left.
    pub exactly: Option<String>,
}

/// Statistics that left the Trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Released {
    /// Distinct persons.
    pub persons: u64,
    /// How far that is from the exact count, in 95 of 100 answers; `None` where it is exact.
    pub persons_margin: Option<u64>,
    /// Rows.
    pub records: u64,
    /// The same for the rows.
    pub records_margin: Option<u64>,
    /// The generation that was asked, and the extract's day.
    pub extract: String,
    /// The statistics; one series.
    pub charts: Vec<Chart>,
}

impl Page for SiteOrders {
    const TEMPLATE: &'static str = "site_orders.html";

    fn samples() -> Vec<Self> {
        let full = Self {
            frame: sample::site(),
            filter: OrderFilter::default(),
            orders: every_order(),
            found: 412,
            newer_href: None,
            older_href: Some("/orders?page=2".to_owned()),
            refresh_seconds: Some(5),
        };
        let filtered = Self {
            filter: OrderFilter { words: "postcode".to_owned(), outcome: "refused".to_owned() },
            orders: Vec::new(),
            found: 0,
            newer_href: None,
            older_href: None,
            ..full.clone()
        };
        let none = Self { filter: OrderFilter::default(), ..filtered.clone() };
        vec![full, filtered, none]
    }
}

impl Page for SiteOrder {
    const TEMPLATE: &'static str = "site_order.html";

    fn samples() -> Vec<Self> {
        let ages = [("20-29", Bar::Withheld), ("30-39", Bar::Count(120)), ("40-49", Bar::Count(290))];
        let chart = Chart {
            id: "left-0".to_owned(),
            title: "Age Distribution".to_owned(),
            unit: "persons".to_owned(),
            series: vec!["Northmoor University Hospitals".to_owned()],
            categories: ages
                .map(|(label, bar)| Category { label: label.to_owned(), bars: vec![bar] })
                .to_vec(),
        };
        let released = Released {
            persons: 410,
            persons_margin: Some(35),
            records: 1_020,
            records_margin: Some(80),
            extract: "g-000003 of 2026-06-30".to_owned(),
            charts: vec![chart],
        };
        let json = "{\n  \"state\": \"value\",\n  \"persons\": 410\n}";
        every_order()
            .into_iter()
            .map(|order| {
                let answered = matches!(
                    order.outcome,
                    super::Outcome::Released { .. } | super::Outcome::NotFrozen { .. }
                );
                Self {
                    frame: sample::site(),
                    order,
                    released: answered.then(|| released.clone()),
                    exactly: answered.then(|| json.to_owned()),
                }
            })
            .collect()
    }
}
