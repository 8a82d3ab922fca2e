use flip_protocol::MessageId;
use flip_protocol::answer::{CohortAnswer, CohortOutcome, Extract};
use flip_protocol::keys::{OpeningKey, SigningKey};

use super::*;
use crate::ledger::queries::{NewQuery, NotAsked};
use crate::ledger::trust_admins::Made;
use crate::ledger::trusts::KitSecret;
use crate::order::OrderState;
use crate::person::PersonId;

const LATER: UnixMillis = UnixMillis(1_000_000);

fn person(number: u8) -> PersonId {
    PersonId::from_bytes([number; 16])
}

fn by(number: u8) -> By {
    By::person(person(number), &format!("p{number}"), UnixMillis(7))
}

fn trust(number: u128) -> PartyId {
    PartyId(Uuid::from_u128(number))
}

fn project() -> ProjectId {
    ProjectId(Uuid::from_u128(77))
}

fn seal() -> Sealer {
    // A Trust's sequence number is used once.
    Box::new(|peer, sequence, _| {
        (MessageId(Uuid::from_u128(peer.id.0.as_u128() * 1_000 + u128::from(sequence))), vec![1])
    })
}

/// Persons: 1 an admin, 2 the owner, 3 the admin of Trust 1, 4 of Trust 2, 5 another admin. A query that both answered.
async fn scene(folder: &tempfile::TempDir) -> (Ledger, Uuid) {
    let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
    let cli = || By::command_line(UnixMillis(1));
    let roles = [Role::Admin, Role::Researcher, Role::Viewer, Role::Viewer, Role::Admin];
    for (number, role) in (1..).zip(roles) {
        ledger.add_person(cli(), person(number), format!("p{number}"), role, "hash".to_owned()).unwrap();
    }
    for number in 1..=3 {
        let kit = KitSecret { sha256: [number; 32], expires: LATER };
        ledger.add_trust(cli(), trust(number.into()), format!("Trust {number}"), kit).unwrap();
    }
    for (name, of) in [("p3", "trust 1"), ("p4", "Trust 2")] {
        assert_eq!(ledger.make_trust_admin(cli(), name.to_owned(), of.to_owned()).unwrap(), Made::Yes);
    }
    let (verifying, sealing) = keys();
    ledger
        .run("enrol", move |tx| {
            tx.execute("UPDATE trust SET enrolled_ms = 1, verifying = ?1, sealing = ?2", (verifying, sealing))
        })
        .unwrap();
    ledger.make_project(by(2), project(), "Lungs".to_owned(), String::new(), person(2)).await.unwrap();
    let query = ask(&ledger, 1).await.unwrap();
    answer(&ledger, query, 1).await;
    answer(&ledger, query, 2).await;
    (ledger, query)
}

fn keys() -> ([u8; 32], Vec<u8>) {
    let verifying = SigningKey::from_bytes(&[1; 32]).verifying().to_bytes();
    (verifying, OpeningKey::from_bytes(&[2; 32]).unwrap().sealing().to_bytes())
}

async fn ask(ledger: &Ledger, number: u128) -> Result<Uuid, NotAsked> {
    let id = Uuid::from_u128(0x100 + number);
    let fresh = ProjectId(Uuid::from_u128(78));
    let new =
        NewQuery { id, name: "All".to_owned(), sql: "SELECT".to_owned(), project: Some(project()), fresh };
    ledger.ask(by(2), new, LATER, seal()).await.unwrap().map(|_| id)
}

async fn answer(ledger: &Ledger, query: Uuid, of: u128) {
    let extract = Extract { generation: "g-000001".to_owned(), date: "2026-01-01".to_owned() };
    let answer = CohortAnswer {
        persons: 40,
        records: 40,
        threshold: 10,
        protection: None,
        extract,
        fields: Vec::new(),
    };
    let state = OrderState::Queued.answered(CohortOutcome::Value(answer), UnixMillis(5));
    ledger
        .call("answer", move |tx| {
            tx.execute(
                "UPDATE work_order SET state = ?3, detail = ?4 WHERE query = ?1 AND trust = ?2 AND kind = 'cohort_query'",
                (query.as_bytes(), trust(of).bytes(), state.name(), serde_json::to_string(&state).unwrap()),
            )
        })
        .await
        .unwrap();
}

async fn decide(ledger: &Ledger, who: u8, of: u128, query: Uuid, verdict: Verdict) -> Result<bool, Stopped> {
    let reason = "because".to_owned();
    let deciding = Deciding { project: project(), trust: trust(of), query, verdict, reason };
    ledger.decide(by(who), deciding, LATER, seal()).await.unwrap()
}

async fn stage(ledger: &Ledger, who: u8, trusts: &[u128]) -> Result<Lifecycle, Stopped> {
    let trusts = trusts.iter().copied().map(trust).collect();
    ledger.stage(by(who), project(), trusts).await.unwrap()
}

fn kinds(ledger: &Ledger) -> Vec<String> {
    ledger
        .run("kinds", |tx| {
            tx.prepare("SELECT kind || ' ' || hex(trust) || ' ' || state FROM work_order WHERE kind <> 'cohort_query'")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
        .unwrap()
}

#[tokio::test]
async fn a_trusts_own_admin_alone_decides_for_it_and_its_approval_orders_the_freeze() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, query) = scene(&folder).await;
    assert!(matches!(stage(&ledger, 3, &[1]).await, Err(Stopped::Barred(Barred::Hidden))));
    assert_eq!(stage(&ledger, 2, &[1, 2]).await.unwrap().name(), "staged");
    let approve = async |who, of| decide(&ledger, who, of, query, Verdict::Approved).await;
    assert_eq!(approve(1, 1).await, Err(Stopped::OwnAdmin("Trust 1".to_owned())));
    assert_eq!(approve(4, 1).await, Err(Stopped::NotTheirTrust));
    assert!(matches!(approve(2, 1).await, Err(Stopped::Barred(Barred::Forbidden(Act::Decide)))));
    assert_eq!(ledger.cases_waiting(person(3)).await.unwrap(), 1);
    assert_eq!(approve(3, 1).await, Ok(true));
    assert_eq!(ledger.cases_waiting(person(3)).await.unwrap(), 0);
    let freezes = kinds(&ledger);
    assert_eq!(freezes, [format!("freeze_cohort {:032X} queued", 1)]);
    assert_eq!(ledger.lifecycle(project()).await.unwrap().name(), "approved");
    // The other Trust's admin is gone: an admin of the hub decides for it, and of two the first one does.
    ledger.disable(By::command_line(UnixMillis(8)), "p4".to_owned()).unwrap();
    assert!(decide(&ledger, 5, 2, query, Verdict::Declined).await.is_ok());
    let Err(Stopped::Refused(Refused::Decided(_, made), names)) = approve(1, 2).await else {
        panic!("decided twice");
    };
    assert_eq!((made.by.as_str(), made.verdict, made.capacity), ("p5", Verdict::Declined, Capacity::Admin));
    assert_eq!(names, [(trust(2), "Trust 2".to_owned())]);
    assert_eq!(kinds(&ledger), freezes, "a declined cohort was frozen");
}

#[tokio::test]
async fn a_decision_about_a_trust_that_was_taken_out_or_about_another_query_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, query) = scene(&folder).await;
    stage(&ledger, 2, &[1, 2]).await.unwrap();
    assert!(matches!(
        ledger.unstage(by(2), project(), vec![trust(1)]).await.unwrap(),
        Err(Stopped::Barred(Barred::Forbidden(Act::UnstageProject)))
    ));
    ledger.unstage(by(1), project(), vec![trust(1)]).await.unwrap().unwrap();
    // Whose Trust it is staged at no more does not know of it.
    let gone = decide(&ledger, 3, 1, query, Verdict::Approved).await;
    assert!(matches!(gone, Err(Stopped::Barred(Barred::Hidden))));
    assert!(matches!(ask(&ledger, 2).await, Err(NotAsked::Closed("staged"))));
    ledger.unstage(by(1), project(), Vec::new()).await.unwrap().unwrap();
    let second = ask(&ledger, 2).await.unwrap();
    let Err(Stopped::Refused(Refused::Unusable(why), _)) = stage(&ledger, 2, &[1]).await else {
        panic!("staged with the answer to another query");
    };
    assert_eq!(why[0].1.code(), "pending");
    answer(&ledger, second, 1).await;
    stage(&ledger, 2, &[1]).await.unwrap();
    let stale = decide(&ledger, 3, 1, query, Verdict::Approved).await;
    assert!(matches!(stale, Err(Stopped::Refused(Refused::OtherQuery, _))));
    assert_eq!(decide(&ledger, 3, 1, second, Verdict::Approved).await, Ok(true));
    assert!(ledger.unstage(by(1), project(), Vec::new()).await.unwrap().is_err(), "approved, and taken out");
}

#[tokio::test]
async fn who_owns_a_project_does_not_decide_about_it_and_an_admin_of_the_hub_does() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, query) = scene(&folder).await;
    stage(&ledger, 2, &[1]).await.unwrap();
    let cli = || By::command_line(UnixMillis(8));
    ledger.set_role(cli(), "p3".to_owned(), Role::Viewer).unwrap();
    assert_eq!(ledger.make_trust_admin(cli(), "p2".to_owned(), "Trust 1".to_owned()).unwrap(), Made::Yes);
    assert!(matches!(
        decide(&ledger, 2, 1, query, Verdict::Approved).await,
        Err(Stopped::Barred(Barred::Forbidden(Act::Decide)))
    ));
    assert_eq!(ledger.cases_waiting(person(2)).await.unwrap(), 0);
    assert_eq!(decide(&ledger, 1, 1, query, Verdict::Approved).await, Ok(true));
}

#[tokio::test]
async fn deleting_a_project_cancels_what_is_under_way_and_drops_what_was_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, query) = scene(&folder).await;
    stage(&ledger, 2, &[1, 2]).await.unwrap();
    decide(&ledger, 3, 1, query, Verdict::Approved).await.unwrap();
    decide(&ledger, 4, 2, query, Verdict::Approved).await.unwrap();
    // The first Trust has its order, the second one not yet.
    ledger
        .run("deliver", |tx| {
            let state = OrderState::Queued.received(UnixMillis(6));
            tx.execute(
                "UPDATE work_order SET state = ?2, detail = ?3 WHERE kind = 'freeze_cohort' AND trust = ?1",
                (trust(1).bytes(), state.name(), serde_json::to_string(&state).unwrap()),
            )
        })
        .unwrap();
    let barred = ledger.delete_project(by(3), project(), LATER, seal()).await.unwrap();
    assert_eq!(barred, Err(Barred::Forbidden(Act::DeleteProject)));
    let told = ledger.delete_project(by(2), project(), LATER, seal()).await.unwrap().unwrap();
    assert_eq!(told, [trust(1), trust(2), trust(3)]);
    let mut left = kinds(&ledger);
    left.sort();
    let of = |kind: &str, trust: u8, state: &str| format!("{kind} {trust:032X} {state}");
    let expected = [
        of("drop_freeze", 1, "queued"),
        of("freeze_cohort", 1, "cancelled"),
        of("freeze_cohort", 2, "cancelled"),
    ];
    assert_eq!(left, expected);
    let open = ledger.query(query).await.unwrap().unwrap().1;
    assert!(open.iter().all(|asked| asked.state.ended()), "{open:?}");
    assert_eq!(ledger.cases_waiting(person(3)).await.unwrap(), 0);
    assert!(matches!(ask(&ledger, 3).await, Err(NotAsked::Barred(Barred::Hidden))));
}
