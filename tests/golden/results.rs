//! Orders and what came of them.

use flip_protocol::answer::{
    Cell, CohortAnswer, CohortOutcome, Extract, Failed, Field, Finite, Place, Protection, Refused, Shape,
    Summary, Unit,
};
use flip_protocol::freeze::{DropOutcome, FreezeOutcome, Freezing, Frozen, NotFrozen};
use flip_protocol::ident::{ProjectId, QueryId};
use flip_protocol::order::{OrderResult, Outcome, Work};
use flip_protocol::text;
use uuid::Uuid;

use crate::{message_id, same};

pub(crate) fn extract() -> Extract {
    Extract { generation: "g-000003".to_owned(), date: "2026-11-01".to_owned() }
}

pub(crate) fn outcomes() -> Vec<CohortOutcome> {
    let cells = vec![
        Cell { label: "Female".to_owned(), count: Some(35) },
        Cell { label: "Other".to_owned(), count: None },
    ];
    let field = Field::of_groups("Sex Distribution", Unit::Persons, cells, true);
    vec![
        CohortOutcome::Value(CohortAnswer {
            persons: 69,
            records: 70,
            threshold: 10,
            protection: None,
            extract: extract(),
            fields: vec![field],
        }),
        CohortOutcome::FewerThan { threshold: 10, extract: extract() },
        CohortOutcome::Refused(Refused {
            code: "table_not_allowed".to_owned(),
            message: "only schema omop can be read".to_owned(),
            place: Some(Place { line: 1, column: 23 }),
        }),
        CohortOutcome::Failed { reason: Failed::Timeout },
    ]
}

#[test]
fn results_of_every_kind_are_the_same_text() {
    let results: Vec<OrderResult> = outcomes()
        .into_iter()
        .map(|outcome| OrderResult { order: message_id(7), outcome: Outcome::CohortQuery(outcome) })
        .collect();
    let text = serde_json::to_string_pretty(&results).unwrap();
    same("results.json", &text);
    assert_eq!(serde_json::from_str::<Vec<OrderResult>>(&text).unwrap(), results);
}

#[test]
fn an_answer_with_noise_is_the_same_text() {
    let cells = vec![
        Cell { label: "below 50".to_owned(), count: Some(120) },
        Cell { label: "50 and more".to_owned(), count: Some(85) },
    ];
    let number = |number: f64| Finite::try_from(number).unwrap();
    let field = Field {
        shape: Shape::Histogram,
        summary: Some(Summary { mean: number(48.5), spread: number(12.25) }),
        margin: Some(35),
        ..Field::of_groups("Distribution of value_as_number", Unit::Persons, cells, false)
    };
    let outcome = CohortOutcome::Value(CohortAnswer {
        persons: 205,
        records: 390,
        threshold: 30,
        protection: Some(Protection { rounded_to: 5, persons_margin: 34, records_margin: 95 }),
        extract: extract(),
        fields: vec![field],
    });
    let text = serde_json::to_string_pretty(&outcome).unwrap();
    same("inexact.json", &text);
    assert_eq!(serde_json::from_str::<CohortOutcome>(&text).unwrap(), outcome);
}

#[test]
fn an_order_to_freeze_and_its_results_are_the_same_text() {
    let works = [Some(ProjectId(Uuid::from_u128(5))), None].map(|project| Work::FreezeCohort {
        name: "T2DM – all".to_owned(),
        sql: "SELECT person_id FROM omop.person".to_owned(),
        project,
        query: QueryId(Uuid::from_u128(6)),
    });
    let frozen = Freezing::Frozen(Frozen {
        cohort: "f-3fa9c1d20b7e".to_owned(),
        version: 2,
        generation: "g-000003".to_owned(),
        seal: text::hex(&[0xab; 32]),
    });
    let reasons = [NotFrozen::NoCohort, NotFrozen::DiskFull, NotFrozen::TooLarge, NotFrozen::Failed];
    let freezings = [frozen].into_iter().chain(reasons.map(|reason| Freezing::NotFrozen { reason }));
    let results: Vec<OrderResult> = freezings
        .zip(outcomes().into_iter().cycle())
        .map(|(freezing, cohort)| OrderResult {
            order: message_id(7),
            outcome: Outcome::FreezeCohort(FreezeOutcome { cohort, freezing }),
        })
        .collect();
    let lines =
        [serde_json::to_string_pretty(&works).unwrap(), serde_json::to_string_pretty(&results).unwrap()];
    same("freeze.json", &(lines.join("\n") + "\n"));
    // Came later.
    let spent = Freezing::NotFrozen { reason: NotFrozen::QuotaSpent };
    same("freeze-quota.json", &(serde_json::to_string_pretty(&spent).unwrap() + "\n"));
    assert_eq!(serde_json::from_str::<[Work; 2]>(&lines[0]).unwrap(), works);
    assert_eq!(serde_json::from_str::<Vec<OrderResult>>(&lines[1]).unwrap(), results);
}

#[test]
fn an_order_to_drop_and_its_results_are_the_same_text() {
    let work = Work::DropFreeze {
        name: "T2DM – all".to_owned(),
        project: Some(ProjectId(Uuid::from_u128(5))),
        query: QueryId(Uuid::from_u128(6)),
    };
    let results = [DropOutcome::Dropped { versions: 2 }, DropOutcome::NotDropped]
        .map(|outcome| OrderResult { order: message_id(7), outcome: Outcome::DropFreeze(outcome) });
    let text = serde_json::to_string_pretty(&(&work, &results)).unwrap();
    same("drop.json", &text);
    assert_eq!(serde_json::from_str::<(Work, [OrderResult; 2])>(&text).unwrap(), (work, results));
}
