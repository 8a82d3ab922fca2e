//! Samples of the appliance's page.

use super::{
    Attention, Certificate, Clock, Counter, DataInUse, Delivery, EngineLimits, Link, Order, Outcome, Site,
};
use crate::{
    Page,
    pages::{Place, Sandbox, Tone, sample},
};

impl Page for Site {
    const TEMPLATE: &'static str = "site.html";

    fn samples() -> Vec<Self> {
        let healthy = Self {
            frame: sample::site(),
            name: "Northmoor University Hospitals".to_owned(),
            hub_address: "https://hub.flip.example:8443".to_owned(),
            link: Link::Connected { last_sync: sample::moment("2026-07-21T08:12:03Z", "2 seconds ago") },
            clock: Some(Clock { skew_ms: 40, acceptable: true }),
            certificate: Some(Certificate {
                expires: sample::moment("2026-10-19T08:00:00Z", "in 90 days"),
                overdue: false,
            }),
            data: Some(data()),
            data_wrong: None,
            attention: Vec::new(),
            engine: EngineLimits { memory_mib: 2_048, threads: 2, time_seconds: 60, rows: 5_000_000 },
            sandbox: Sandbox::Full,
            orders: every_order(),
            refused_messages: vec![
                Counter { reason: "seen before".to_owned(), count: 3 },
                Counter { reason: "expired".to_owned(), count: 1 },
            ],
            refresh_seconds: Some(5),
        };
        let troubled = Self {
            link: Link::Away {
                since: Some(sample::moment("2026-07-21T07:41:00Z", "31 minutes ago")),
                error: "the hub's name could not be resolved".to_owned(),
            },
            clock: Some(Clock { skew_ms: -754_000, acceptable: false }),
            certificate: Some(Certificate {
                expires: sample::moment("2026-07-23T08:00:00Z", "in 2 days"),
                overdue: true,
            }),
            data: None,
            data_wrong: Some("the generation g-000003 is damaged".to_owned()),
            sandbox: Sandbox::Partial { missing: "no memory limit by cgroup".to_owned() },
            attention: vec![
                attention(Tone::Bad, "The hub has been away for 31 minutes.", "/logs"),
                attention(Tone::Warn, "The data in use are 8 months old.", "/data"),
            ],
            ..healthy.clone()
        };
        let new = Self {
            link: Link::NotEnrolled,
            clock: None,
            certificate: None,
            data: None,
            attention: vec![attention(Tone::Warn, "There are no data yet.", "/data")],
            sandbox: Sandbox::Absent { why: "the kernel has no Landlock".to_owned() },
            orders: Vec::new(),
            refused_messages: Vec::new(),
            refresh_seconds: None,
            ..healthy.clone()
        };
        let unreached = Self {
            link: Link::Away { since: None, error: "the hub refused the connection".to_owned() },
            ..new.clone()
        };
        vec![healthy, troubled, new, unreached]
    }
}

fn data() -> DataInUse {
    DataInUse {
        generation: "g-000003".to_owned(),
        extract_date: "2026-06-30".to_owned(),
        ingested: sample::moment("2026-07-01T02:10:00Z", "20 days ago"),
        persons: 1_048_576,
    }
}

pub(super) fn every_order() -> Vec<Order> {
    let received = Delivery::Received;
    let order = |name: &str, outcome, delivery| Order {
        id: name.to_lowercase().replace([' ', ','], "-"),
        href: "/orders/01990000-0000-7000-8000-000000000001".to_owned(),
        at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
        kind: "cohort query".to_owned(),
        name: name.to_owned(),
        project: Some("01a218b7-7fa2-74a2-ad4e-4536ca24efa6".to_owned()),
        sql: sample::SQL.to_owned(),
        outcome,
        delivery,
    };
    vec![
        order("Chest CT with contrast, adults", Outcome::Waiting, Delivery::Nothing),
        order("All persons", Outcome::Running, Delivery::Nothing),
        order("COPD since 2019", Outcome::Released { persons: 412 }, Delivery::Outbox),
        order("COPD since 2019, for training", Outcome::Frozen { persons: 410 }, received.clone()),
        order(
            "COPD since 2020",
            Outcome::Released { persons: 388 },
            Delivery::NotTaken { why: "replayed".to_owned() },
        ),
        order(
            "COPD since 2021, for training",
            Outcome::NotFrozen { persons: 210, why: "the Trust's disk was full".to_owned() },
            received.clone(),
        ),
        order("Glioma under 40", Outcome::FewerThan { threshold: 10 }, received.clone()),
        order(
            "Persons by postcode",
            Outcome::Refused {
                message: "person_source_value may not be compared with a literal.".to_owned(),
                place: Some(Place { line: 6, column: 8 }),
            },
            received.clone(),
        ),
        order(
            "Everything joined with everything",
            Outcome::Failed { why: "the question took longer than this Trust allows".to_owned() },
            received.clone(),
        ),
        order("A question from last week", Outcome::Expired, received),
    ]
}

fn attention(tone: Tone, text: &str, href: &str) -> Attention {
    Attention { tone, text: text.to_owned(), href: href.to_owned() }
}
