//! Samples of the appliance's page.

use super::{
    Certificate, Clock, Counter, Data, Delivery, EngineLimits, Link, Order, Outcome, Policy, Site, Table,
};
use crate::{
    Page,
    pages::{Place, Sandbox, sample},
};

impl Page for Site {
    const TEMPLATE: &'static str = "site.html";

    fn samples() -> Vec<Self> {
        let healthy = Self {
            frame: sample::stranger(),
            name: "Northmoor University Hospitals".to_owned(),
            hub_address: "https://hub.flip.example:8443".to_owned(),
            link: Link::Connected { last_sync: sample::moment("2026-07-21T08:12:03Z", "2 seconds ago") },
            clock: Some(Clock { skew_ms: 40, acceptable: true }),
            certificate: Some(Certificate {
                expires: sample::moment("2026-10-19T08:00:00Z", "in 90 days"),
                overdue: false,
            }),
            data: Some(data()),
            policy: Policy { threshold: 10 },
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
            sandbox: Sandbox::Partial { missing: "no memory limit by cgroup".to_owned() },
            ..healthy.clone()
        };
        let new = Self {
            link: Link::NotEnrolled,
            clock: None,
            certificate: None,
            data: None,
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

fn data() -> Data {
    let table = |name: &str, rows| Table { name: name.to_owned(), rows };
    Data {
        generation: "g-000003".to_owned(),
        extract_date: "2026-06-30".to_owned(),
        ingested: sample::moment("2026-07-01T02:10:00Z", "20 days ago"),
        persons: 1_048_576,
        tables: vec![
            table("person", 1_048_576),
            table("observation_period", 1_048_576),
            table("visit_occurrence", 9_120_334),
            table("condition_occurrence", 14_800_112),
            table("drug_exposure", 22_035_871),
            table("measurement", 61_442_008),
            table("image_occurrence", 418_220),
            table("death", 0),
        ],
        notes: vec![
            "image_feature is missing from the extract; questions that name it are refused.".to_owned(),
            "412 rows of measurement lie outside every observation period.".to_owned(),
        ],
    }
}

fn every_order() -> Vec<Order> {
    let received = Delivery::Received;
    let order = |name: &str, outcome, delivery| Order {
        id: name.to_lowercase().replace([' ', ','], "-"),
        at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
        kind: "cohort query".to_owned(),
        name: name.to_owned(),
        sql: sample::SQL.to_owned(),
        outcome,
        delivery,
    };
    vec![
        order("Chest CT with contrast, adults", Outcome::Waiting, Delivery::Nothing),
        order("All persons", Outcome::Running, Delivery::Nothing),
        order("COPD since 2019", Outcome::Released { persons: 412 }, Delivery::Outbox),
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
